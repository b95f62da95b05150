//! What the parser makes and the evaluator walks. Macros stay calls with a variable, so that types and
//! references are found where they stand.

use std::ops::Range;
use std::sync::Arc;

use super::functions::Function;
use crate::value::Value;

/// A piece of an expression with its bytes in the source.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) at: Range<usize>,
    /// Levels below and with this one.
    pub(super) depth: usize,
    pub(super) ast: Ast,
}

#[derive(Clone, Debug)]
pub(super) enum Ast {
    Literal(Value),
    Name(Arc<str>),
    Select(Box<Node>, Arc<str>),
    Index(Box<Node>, Box<Node>),
    Not(Box<Node>),
    Negate(Box<Node>),
    Binary(Op, Box<Node>, Box<Node>),
    Choose(Box<[Node; 3]>),
    List(Vec<Node>),
    Record(Vec<(Node, Node)>),
    Has(Box<Node>),
    Call(&'static Function, Vec<Node>),
    /// `over.all(variable, body)`.
    Each(Each, Box<Node>, Arc<str>, Box<Node>),
}

/// The macros over items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Each {
    All,
    Exists,
    ExistsOne,
    Map,
    Filter,
}

impl Each {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "all" => Self::All,
            "exists" => Self::Exists,
            "exists_one" => Self::ExistsOne,
            "map" => Self::Map,
            "filter" => Self::Filter,
            _ => return None,
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Or,
    And,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    In,
    Add,
    Sub,
    Mul,
    Div,
    Rem,
}

impl Op {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Or => "||",
            Self::And => "&&",
            Self::Eq => "==",
            Self::Ne => "!=",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
            Self::In => "in",
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::Rem => "%",
        }
    }

    /// How strongly it binds: greater is stronger.
    pub(super) fn strength(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And => 2,
            Self::Eq | Self::Ne | Self::Lt | Self::Le | Self::Gt | Self::Ge | Self::In => 3,
            Self::Add | Self::Sub => 4,
            Self::Mul | Self::Div | Self::Rem => 5,
        }
    }
}

impl Node {
    pub(super) fn children(&self) -> Vec<&Node> {
        match &self.ast {
            Ast::Literal(_) | Ast::Name(_) => Vec::new(),
            Ast::Select(of, _) | Ast::Not(of) | Ast::Negate(of) | Ast::Has(of) => vec![of],
            Ast::Index(a, b) | Ast::Binary(_, a, b) | Ast::Each(_, a, _, b) => vec![a, b],
            Ast::Choose(parts) => parts.iter().collect(),
            Ast::List(items) | Ast::Call(_, items) => items.iter().collect(),
            Ast::Record(fields) => fields.iter().flat_map(|(k, v)| [k, v]).collect(),
        }
    }

    /// `a.b.c` as text, for a name or fields of a name.
    pub(super) fn path(&self) -> Option<String> {
        match &self.ast {
            Ast::Name(name) => Some(name.to_string()),
            Ast::Select(of, field) => Some(format!("{}.{field}", of.path()?)),
            _ => None,
        }
    }
}

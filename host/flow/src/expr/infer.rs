//! The type of an expression from the types of its names, and everything that is wrong with it.
//!
//! `has(p)` narrows: behind `has(p) ? …`, `has(p) && …` the path `p` is there, so `opt<T>` reads as `T`
//! and a node that may be skipped may be named.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use indexmap::IndexMap;

use super::Reference;
use super::ast::{Ast, Each, Node, Op};
use super::foreign::{meant, there_are};
use super::functions::{Function, Gives, Want};
use super::kinds::{comparable, loose, numeric, of_value, textual, unify, wanted};
use crate::diagnostic::{Hints, short};
use crate::types::{Field, Kind, Type};
use crate::value::Value;

/// Where inference finds the types of names.
pub trait TypeNames {
    /// The type behind a name; `None` when there is no such name.
    fn get(&self, name: &str) -> Option<&Type>;

    /// The names there are, for suggestions.
    fn all(&self) -> Vec<String>;

    /// What looks for the names that were meant, with the bound on that.
    fn hints(&self) -> &Hints;
}

/// What inference found.
#[derive(Clone, Debug, PartialEq)]
pub struct Inferred<'n> {
    /// The type of the value, with the labels of everything that it is made of. A name as it stands is not copied: its type
    /// may be large.
    pub ty: Cow<'n, Type>,
    /// In the order of the text.
    pub problems: Vec<Problem>,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Bytes of the expression's source.
    pub at: Range<usize>,
    /// What kind it is: the code of the finding.
    pub code: &'static str,
    /// One sentence.
    pub message: String,
    /// What would mend it.
    pub help: Option<String>,
}

/// Code of a name that does not exist.
pub(crate) const UNKNOWN_NAME: &str = "CG0201";
/// Code of a field that does not exist.
pub(crate) const UNKNOWN_FIELD: &str = "CG0202";
/// Code of an operation on the wrong types.
pub(crate) const WRONG_TYPE: &str = "CG0203";
/// Code of a value that may be nothing.
pub(crate) const MAY_BE_NOTHING: &str = "CG0204";

/// Types of everything below `root`, where the paths `known` are there.
pub(super) fn infer<'n>(root: &Node, names: &'n dyn TypeNames, known: Vec<String>) -> Inferred<'n> {
    let mut inference = Inference { names, locals: Vec::new(), known, problems: Vec::new() };
    let ty = inference.node(root);
    Inferred { ty, problems: inference.problems }
}

/// Names that are read below `root`.
pub(super) fn references(root: &Node) -> Vec<Reference> {
    let mut found = Vec::new();
    collect(root, &mut Vec::new(), &mut Vec::new(), &mut found);
    found
}

fn collect(
    node: &Node,
    locals: &mut Vec<Arc<str>>,
    known: &mut Vec<String>,
    out: &mut Vec<Reference>,
) {
    match &node.ast {
        Ast::Name(name) if locals.contains(name) => {}
        Ast::Name(name) => {
            let guarded = known.iter().any(|path| root_of(path) == &**name);
            out.push(Reference { name: name.clone(), guarded, at: node.at.clone() });
        }
        Ast::Has(of) => {
            let start = out.len();
            collect(of, locals, known, out);
            out[start..].iter_mut().for_each(|reference| reference.guarded = true);
        }
        Ast::Choose(parts) => {
            let [condition, then, otherwise] = &**parts;
            collect(condition, locals, known, out);
            let before = known.len();
            asked(condition, known);
            collect(then, locals, known, out);
            known.truncate(before);
            collect(otherwise, locals, known, out);
        }
        Ast::Binary(Op::And, left, right) => {
            collect(left, locals, known, out);
            let before = known.len();
            asked(left, known);
            collect(right, locals, known, out);
            known.truncate(before);
        }
        Ast::Each(_, over, variable, body) => {
            collect(over, locals, known, out);
            locals.push(variable.clone());
            collect(body, locals, known, out);
            locals.pop();
        }
        _ => node.children().into_iter().for_each(|child| collect(child, locals, known, out)),
    }
}

fn root_of(path: &str) -> &str {
    path.split('.').next().unwrap_or(path)
}

/// Paths that are there when `condition` is true, with all that leads to them.
pub(super) fn asked(condition: &Node, known: &mut Vec<String>) {
    match &condition.ast {
        Ast::Has(of) => {
            let mut path = of.path();
            while let Some(text) = path {
                path = text.rsplit_once('.').map(|(before, _)| before.to_owned());
                known.push(text);
            }
        }
        Ast::Binary(Op::And, left, right) => {
            asked(left, known);
            asked(right, known);
        }
        _ => {}
    }
}

struct Inference<'n> {
    names: &'n dyn TypeNames,
    locals: Vec<(Arc<str>, Type)>,
    known: Vec<String>,
    problems: Vec<Problem>,
}

fn plain<'a>(kind: Kind) -> Cow<'a, Type> {
    Cow::Owned(kind.into())
}

fn labelled<'a>(kind: Kind, parts: &[&Type]) -> Cow<'a, Type> {
    let labels = parts.iter().flat_map(|part| part.labels.iter().cloned()).collect();
    Cow::Owned(Type { kind, labels })
}

impl<'n> Inference<'n> {
    fn problem(&mut self, node: &Node, code: &'static str, message: String, help: Option<String>) {
        self.problems.push(Problem { at: node.at.clone(), code, message, help });
    }

    fn node(&mut self, node: &Node) -> Cow<'n, Type> {
        let ty = match &node.ast {
            Ast::Literal(value) => return Cow::Owned(of_value(value)),
            Ast::Name(name) => self.name(node, name),
            Ast::Select(of, field) => self.select(node, of, field),
            Ast::Index(of, index) => self.index(node, of, index),
            Ast::Not(of) => {
                self.truth(of);
                return plain(Kind::Bool);
            }
            Ast::Negate(of) => {
                let ty = self.node(of);
                if !numeric(&ty.kind) {
                    self.problem(
                        of,
                        WRONG_TYPE,
                        format!("`-` needs a number, found `{}`", short(&ty)),
                        None,
                    );
                }
                return ty;
            }
            Ast::Binary(op, left, right) => return self.binary(node, *op, left, right),
            Ast::Choose(parts) => return self.choose(parts),
            Ast::List(items) => {
                let types: Vec<Type> =
                    items.iter().map(|item| self.node(item).into_owned()).collect();
                let of = types.into_iter().reduce(|a, b| unify(&a, &b));
                return plain(Kind::List(Box::new(of.unwrap_or_else(|| Kind::Any.into()))));
            }
            Ast::Record(entries) => return self.record(entries),
            Ast::Has(of) => {
                self.probe(of);
                return plain(Kind::Bool);
            }
            Ast::Call(function, args) => return self.call(function, args),
            Ast::Each(each, over, variable, body) => return self.each(*each, over, variable, body),
        };
        if let Kind::Opt(inner) = &ty.kind
            && node.path().is_some_and(|path| self.known.contains(&path))
        {
            return Cow::Owned((**inner).clone());
        }
        ty
    }

    fn name(&mut self, node: &Node, name: &Arc<str>) -> Cow<'n, Type> {
        if let Some((_, ty)) = self.locals.iter().rev().find(|(local, _)| local == name) {
            return Cow::Owned(ty.clone());
        }
        let names = self.names;
        if let Some(ty) = names.get(name) {
            return Cow::Borrowed(ty);
        }
        let all = if names.hints().spent() { Vec::new() } else { names.all() };
        let help = meant(name, names)
            .or_else(|| names.hints().near(name, all.iter().map(String::as_str)))
            .or_else(|| there_are(&all));
        self.problem(node, UNKNOWN_NAME, format!("nothing here is called `{name}`"), help);
        plain(Kind::Any)
    }

    /// A path inside `has(…)`: fields that may be absent may be asked for.
    fn probe(&mut self, node: &Node) {
        let mut path = Vec::new();
        let mut of = node;
        while let Ast::Select(inner, _) = &of.ast {
            path.extend(of.path());
            of = inner;
        }
        path.extend(of.path());
        let before = self.known.len();
        self.known.extend(path.into_iter().skip(1));
        self.node(node);
        self.known.truncate(before);
    }

    fn select(&mut self, node: &Node, of: &Node, field: &str) -> Cow<'n, Type> {
        let container = self.node(of);
        match &*container {
            Type { kind: Kind::Any | Kind::Json | Kind::Message, labels } => {
                Cow::Owned(Type { kind: Kind::Any, labels: labels.clone() })
            }
            Type { kind: Kind::Map(inner), .. } => Cow::Owned((**inner).clone()),
            Type { kind: Kind::Record(fields), labels } => match fields.get(field) {
                Some(found) if labels.is_empty() => match container {
                    Cow::Borrowed(Type { kind: Kind::Record(fields), .. }) => {
                        Cow::Borrowed(&fields[field].ty)
                    }
                    _ => Cow::Owned(found.ty.clone()),
                },
                Some(found) => labelled(found.ty.kind.clone(), &[&found.ty, &container]),
                None => {
                    let near = || self.names.hints().near(field, fields.keys().map(String::as_str));
                    let help = match field {
                        "output" | "outputs" | "result" => {
                            Some(format!("leave `.{field}` out: a node's fields are its own"))
                        }
                        _ => near(),
                    };
                    let message = format!("`{}` has no field `{field}`", short(&container));
                    self.problem(node, UNKNOWN_FIELD, message, help);
                    plain(Kind::Any)
                }
            },
            Type { kind: Kind::Opt(_), .. } => {
                self.nothing(of);
                plain(Kind::Any)
            }
            other => {
                let message = format!("`.{field}` needs a record, found `{}`", short(other));
                let size = matches!(field, "length" | "size" | "count" | "len");
                let help = size.then(|| "write `x.size()`".to_owned());
                self.problem(node, WRONG_TYPE, message, help);
                plain(Kind::Any)
            }
        }
    }

    fn nothing(&mut self, node: &Node) {
        let path = node.path().unwrap_or_else(|| "…".into());
        let message = format!("`{path}` may be nothing");
        self.problem(
            node,
            MAY_BE_NOTHING,
            message,
            Some(format!("ask first: `has({path}) ? … : …`")),
        );
    }

    fn index(&mut self, node: &Node, of: &Node, index: &Node) -> Cow<'n, Type> {
        let (container, key) = (self.node(of), self.node(index));
        match (&container.kind, &key.kind) {
            (Kind::Any | Kind::Json, _) => labelled(Kind::Any, &[&container]),
            (Kind::List(of), key) if matches!(key, Kind::Int) || loose(key) => {
                labelled(of.kind.clone(), &[of, &container])
            }
            (Kind::Map(of), key) if textual(key) => labelled(of.kind.clone(), &[of, &container]),
            (Kind::Record(fields), key) if textual(key) => match &index.ast {
                Ast::Literal(Value::String(name)) if fields.contains_key(&**name) => {
                    labelled(fields[&**name].ty.kind.clone(), &[&fields[&**name].ty, &container])
                }
                _ => labelled(Kind::Any, &[&container]),
            },
            (Kind::Opt(_), _) => {
                self.nothing(of);
                plain(Kind::Any)
            }
            _ => {
                let message = format!(
                    "`[…]` is not defined for `{}` of `{}`",
                    short(&key),
                    short(&container)
                );
                self.problem(node, WRONG_TYPE, message, None);
                plain(Kind::Any)
            }
        }
    }

    fn truth(&mut self, node: &Node) -> Cow<'n, Type> {
        let ty = self.node(node);
        if !(ty.kind == Kind::Bool || loose(&ty.kind)) {
            self.problem(
                node,
                WRONG_TYPE,
                format!("expected true or false, found `{}`", short(&ty)),
                None,
            );
        }
        ty
    }

    fn choose(&mut self, parts: &[Node; 3]) -> Cow<'n, Type> {
        let [condition, then, otherwise] = parts;
        self.truth(condition);
        let before = self.known.len();
        asked(condition, &mut self.known);
        let then = self.node(then);
        self.known.truncate(before);
        let otherwise = self.node(otherwise);
        Cow::Owned(unify(&then, &otherwise))
    }

    fn record(&mut self, entries: &[(Node, Node)]) -> Cow<'n, Type> {
        let mut fields = IndexMap::new();
        let mut fixed = true;
        for (key, value) in entries {
            let key_type = self.node(key);
            if !textual(&key_type.kind) {
                self.problem(
                    key,
                    WRONG_TYPE,
                    format!("a key must be text, found `{}`", short(&key_type)),
                    None,
                );
            }
            let ty = self.node(value).into_owned();
            match &key.ast {
                Ast::Literal(Value::String(name)) => {
                    fields.insert(name.to_string(), Field::from(ty));
                }
                _ => fixed = false,
            }
        }
        plain(if fixed { Kind::Record(fields) } else { Kind::Map(Box::new(Kind::Any.into())) })
    }

    fn binary(&mut self, node: &Node, op: Op, left: &Node, right: &Node) -> Cow<'n, Type> {
        if let Op::And | Op::Or = op {
            let a = self.truth(left);
            let before = self.known.len();
            if op == Op::And {
                asked(left, &mut self.known);
            }
            let b = self.truth(right);
            self.known.truncate(before);
            return labelled(Kind::Bool, &[&a, &b]);
        }
        let (a, b) = (self.node(left), self.node(right));
        let both = |test: fn(&Kind) -> bool| test(&a.kind) && test(&b.kind);
        let bools = |kind: &Kind| *kind == Kind::Bool || loose(kind);
        let kind = match op {
            Op::Eq | Op::Ne => comparable(&a.kind, &b.kind).then_some(Kind::Bool),
            Op::Lt | Op::Le | Op::Gt | Op::Ge => {
                (both(numeric) || both(textual) || both(bools)).then_some(Kind::Bool)
            }
            Op::In => match &b.kind {
                Kind::List(_) | Kind::Any | Kind::Json => Some(Kind::Bool),
                Kind::Map(_) | Kind::Record(_) if textual(&a.kind) => Some(Kind::Bool),
                _ => None,
            },
            Op::Add if loose(&a.kind) || loose(&b.kind) => Some(Kind::Any),
            Op::Add if both(textual) => Some(Kind::String),
            Op::Add if matches!((&a.kind, &b.kind), (Kind::List(_), Kind::List(_))) => {
                Some(unify(&a, &b).kind)
            }
            Op::Rem => (both(numeric) && a.kind != Kind::Float && b.kind != Kind::Float)
                .then_some(Kind::Int),
            _ if !both(numeric) => None,
            _ if a.kind == Kind::Int && b.kind == Kind::Int => Some(Kind::Int),
            _ if loose(&a.kind) || loose(&b.kind) => Some(Kind::Any),
            _ => Some(Kind::Float),
        };
        if let Some(kind) = kind {
            return labelled(kind, &[&a, &b]);
        }
        for (side, ty) in [(left, &a), (right, &b)] {
            if let Kind::Opt(_) = ty.kind {
                self.nothing(side);
                return plain(Kind::Any);
            }
        }
        let message =
            format!("`{}` is not defined for `{}` and `{}`", op.text(), short(&a), short(&b));
        self.problem(node, WRONG_TYPE, message, None);
        plain(Kind::Any)
    }

    fn call(&mut self, function: &'static Function, args: &[Node]) -> Cow<'n, Type> {
        let types: Vec<Type> = args.iter().map(|arg| self.node(arg).into_owned()).collect();
        for (i, (arg, ty)) in args.iter().zip(&types).enumerate() {
            let want = function.wants[i.min(function.wants.len() - 1)];
            if !wanted(want, &ty.kind) {
                if let Kind::Opt(_) = ty.kind {
                    self.nothing(arg);
                    continue;
                }
                let what = match want {
                    Want::Text => "text",
                    Want::Whole => "a whole number",
                    Want::List => "a list",
                    Want::Record => "a record",
                    Want::Sized | Want::Anything => "text, a list or a record",
                };
                let message =
                    format!("`{}` needs {what} here, found `{}`", function.usage, short(ty));
                self.problem(arg, WRONG_TYPE, message, None);
            }
        }
        let first = types.first();
        let list = |of: Kind| Kind::List(Box::new(of.into()));
        let kind = match function.gives {
            Gives::Bool => Kind::Bool,
            Gives::Int => Kind::Int,
            Gives::Float => Kind::Float,
            Gives::Text => Kind::String,
            Gives::Texts => list(Kind::String),
            Gives::Ints => list(Kind::Int),
            Gives::Same => first.map_or(Kind::Any, |ty| ty.kind.clone()),
            Gives::Item => match types.as_slice() {
                [Type { kind: Kind::List(of), .. }] => of.kind.clone(),
                [_] | [] => Kind::Any,
                [first, rest @ ..] => rest.iter().fold(first.clone(), |a, b| unify(&a, b)).kind,
            },
            Gives::Values => match first.map(|ty| &ty.kind) {
                Some(Kind::Map(of)) => Kind::List(of.clone()),
                _ => list(Kind::Any),
            },
        };
        labelled(kind, &types.iter().collect::<Vec<_>>())
    }

    fn each(&mut self, each: Each, over: &Node, variable: &Arc<str>, body: &Node) -> Cow<'n, Type> {
        let list = self.node(over).into_owned();
        let item = match &list.kind {
            Kind::List(of) => labelled(of.kind.clone(), &[of, &list]).into_owned(),
            Kind::Map(_) | Kind::Record(_) => labelled(Kind::String, &[&list]).into_owned(),
            kind if loose(kind) => labelled(Kind::Any, &[&list]).into_owned(),
            Kind::Opt(_) => {
                self.nothing(over);
                Kind::Any.into()
            }
            _ => {
                let message = format!("expected a list or a record, found `{}`", short(&list));
                self.problem(over, WRONG_TYPE, message, None);
                Kind::Any.into()
            }
        };
        self.locals.push((variable.clone(), item.clone()));
        let body = if each == Each::Map { self.node(body) } else { self.truth(body) };
        self.locals.pop();
        match each {
            Each::Map => plain(Kind::List(Box::new(body.into_owned()))),
            Each::Filter => plain(Kind::List(Box::new(item))),
            _ => labelled(Kind::Bool, &[&list]),
        }
    }
}

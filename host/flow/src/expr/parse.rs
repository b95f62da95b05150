//! Tokens → AST, by operator strength.

use std::ops::Range;
use std::sync::Arc;

use super::ast::{Ast, Each, Node, Op};
use super::foreign::{left_over, ours};
use super::lex::{self, Token, error};
use super::{Expr, MAX_DEPTH, MAX_SOURCE, ParseError, functions, pattern};
use crate::value::Value;

/// Parses the whole text.
pub(super) fn bare(source: &str) -> Result<Expr, ParseError> {
    let (expr, end) = embedded(source, 0)?;
    match lex::next(source, end)? {
        (Token::End, ..) => Ok(expr),
        (_, start, end) => {
            let left = source.get(start..end).unwrap_or_default();
            let negated = source.trim_start().starts_with("not ");
            Err(error(left_over(if negated { "not" } else { left }), start..end))
        }
    }
}

/// Parses the expression that starts at byte `from`, and says where it ends.
pub(super) fn embedded(text: &str, from: usize) -> Result<(Expr, usize), ParseError> {
    let mut parser = Parser::new(text, from)?;
    let mut root = parser.expression(0)?;
    let end = root.at.end.max(parser.behind);
    let start = text.len() - text[from..].trim_start().len();
    shift(&mut root, start);
    let source = Arc::from(&text[start..end]);
    Ok((Expr { source, root: Arc::new(root) }, end))
}

/// Places count from the first byte of the expression's own source.
fn shift(node: &mut Node, by: usize) {
    node.at = node.at.start - by..node.at.end - by;
    match &mut node.ast {
        Ast::Literal(_) | Ast::Name(_) => {}
        Ast::Select(of, _) | Ast::Not(of) | Ast::Negate(of) | Ast::Has(of) => shift(of, by),
        Ast::Index(a, b) | Ast::Binary(_, a, b) | Ast::Each(_, a, _, b) => {
            shift(a, by);
            shift(b, by);
        }
        Ast::Choose(parts) => parts.iter_mut().for_each(|part| shift(part, by)),
        Ast::List(items) | Ast::Call(_, items) => items.iter_mut().for_each(|item| shift(item, by)),
        Ast::Record(fields) => {
            for (key, value) in fields {
                shift(key, by);
                shift(value, by);
            }
        }
    }
}

struct Parser<'t> {
    text: &'t str,
    token: Token,
    at: Range<usize>,
    /// The byte behind the last token that was taken.
    behind: usize,
    /// The byte behind which no expression goes on.
    limit: usize,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn new(text: &'t str, from: usize) -> Result<Self, ParseError> {
        let (token, start, end) = lex::next(text, from)?;
        Ok(Self { text, token, at: start..end, behind: from, limit: from + MAX_SOURCE, depth: 0 })
    }

    fn take(&mut self) -> Result<Token, ParseError> {
        self.behind = self.at.end;
        if self.behind > self.limit {
            let message = format!("an expression may have {MAX_SOURCE} bytes");
            return Err(error(message, self.limit - MAX_SOURCE..self.behind));
        }
        // What follows the closing brace of `${…}` is text, not a token.
        let (next, start, end) = lex::next(self.text, self.at.end).or_else(|failed| {
            let closing = self.token == Token::Sign("}")
                || self.text[self.behind..].trim_start().starts_with('}');
            if closing { Ok((Token::End, self.behind, self.behind)) } else { Err(failed) }
        })?;
        self.at = start..end;
        Ok(std::mem::replace(&mut self.token, next))
    }

    fn eat(&mut self, sign: &str) -> Result<bool, ParseError> {
        let there = matches!(self.token, Token::Sign(s) if s == sign);
        if there {
            self.take()?;
        }
        Ok(there)
    }

    fn expect(&mut self, sign: &str) -> Result<(), ParseError> {
        if self.eat(sign)? { Ok(()) } else { Err(self.unexpected(&format!("`{sign}`"))) }
    }

    fn unexpected(&self, wanted: &str) -> ParseError {
        let found = match &self.text[self.at.clone()] {
            "" => "the end".to_owned(),
            text => format!("`{text}`"),
        };
        error(format!("expected {wanted}, found {found}"), self.at.clone())
    }

    fn node(&self, start: usize, ast: Ast) -> Result<Node, ParseError> {
        let mut node = Node { at: start..self.behind, depth: 0, ast };
        node.depth = 1 + node.children().iter().map(|child| child.depth).max().unwrap_or(0);
        if node.depth > MAX_DEPTH { Err(self.too_deep(start)) } else { Ok(node) }
    }

    fn too_deep(&self, start: usize) -> ParseError {
        error(
            format!("the expression is nested more than {MAX_DEPTH} levels deep"),
            start..self.at.end,
        )
    }

    /// Operators that bind at least as strongly as `least`; `0` takes `? :` too.
    fn expression(&mut self, least: u8) -> Result<Node, ParseError> {
        let start = self.at.start;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.too_deep(start));
        }
        let mut left = self.unary()?;
        while let Some(op) = self.operator().filter(|op| op.strength() >= least) {
            self.take()?;
            let right = self.expression(op.strength() + 1)?;
            left = self.node(start, Ast::Binary(op, Box::new(left), Box::new(right)))?;
        }
        if least == 0 && self.eat("?")? {
            let then = self.expression(1)?;
            self.expect(":")?;
            let otherwise = self.expression(0)?;
            left = self.node(start, Ast::Choose(Box::new([left, then, otherwise])))?;
        }
        self.depth -= 1;
        Ok(left)
    }

    fn operator(&self) -> Option<Op> {
        const OPS: [Op; 14] = [
            Op::Or,
            Op::And,
            Op::Eq,
            Op::Ne,
            Op::Lt,
            Op::Le,
            Op::Gt,
            Op::Ge,
            Op::In,
            Op::Add,
            Op::Sub,
            Op::Mul,
            Op::Div,
            Op::Rem,
        ];
        let text = match &self.token {
            Token::Sign(sign) => sign,
            Token::Word if &self.text[self.at.clone()] == "in" => "in",
            _ => return None,
        };
        OPS.into_iter().find(|op| op.text() == text)
    }

    fn unary(&mut self) -> Result<Node, ParseError> {
        let start = self.at.start;
        let negate = matches!(self.token, Token::Sign("-"));
        if !negate && !matches!(self.token, Token::Sign("!")) {
            return self.member();
        }
        self.take()?;
        if negate && self.text[self.at.clone()] == *"9223372036854775808" {
            return Err(error("write -9223372036854775807 - 1", start..self.at.end));
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.too_deep(start));
        }
        let of = Box::new(self.unary()?);
        self.depth -= 1;
        self.node(start, if negate { Ast::Negate(of) } else { Ast::Not(of) })
    }

    fn member(&mut self) -> Result<Node, ParseError> {
        let start = self.at.start;
        let mut node = self.primary()?;
        loop {
            if self.eat(".")? {
                let (name, at) = self.word("the name of a field")?;
                node = if self.eat("(")? {
                    self.method(start, node, &name, at)?
                } else {
                    self.node(start, Ast::Select(Box::new(node), name))?
                };
            } else if self.eat("[")? {
                let index = self.expression(0)?;
                self.expect("]")?;
                node = self.node(start, Ast::Index(Box::new(node), Box::new(index)))?;
            } else {
                return Ok(node);
            }
        }
    }

    fn word(&mut self, what: &str) -> Result<(Arc<str>, Range<usize>), ParseError> {
        if self.token != Token::Word {
            return Err(self.unexpected(what));
        }
        let at = self.at.clone();
        let word = Arc::from(&self.text[at.clone()]);
        self.take()?;
        Ok((word, at))
    }

    fn method(
        &mut self,
        start: usize,
        of: Node,
        name: &str,
        at: Range<usize>,
    ) -> Result<Node, ParseError> {
        if let Some(each) = Each::named(name) {
            let (variable, _) = self.word("the name of a variable")?;
            self.expect(",")?;
            let body = self.expression(0)?;
            self.expect(")")?;
            return self.node(start, Ast::Each(each, Box::new(of), variable, Box::new(body)));
        }
        let mut args = vec![of];
        args.extend(self.list(")")?);
        self.call(start, name, at, args)
    }

    fn call(
        &mut self,
        start: usize,
        name: &str,
        at: Range<usize>,
        args: Vec<Node>,
    ) -> Result<Node, ParseError> {
        let Some(function) = functions::find(name) else {
            let names = functions::FUNCTIONS.iter().map(|f| f.name);
            let near = crate::diagnostic::suggest(
                name,
                names.chain(["has", "all", "exists", "map", "filter"]),
            );
            let near = ours(name).map(str::to_owned).or(near);
            let near = near.map(|hint| format!("; {hint}")).unwrap_or_default();
            return Err(error(format!("there is no function `{name}`{near}"), at));
        };
        if !function.args.contains(&args.len()) {
            let message = format!("`{name}` is written `{}`", function.usage);
            return Err(error(message, start..self.behind));
        }
        if function.name == "matches"
            && let Some(Ast::Literal(Value::String(text))) = args.get(1).map(|arg| &arg.ast)
        {
            pattern::parse(text).map_err(|why| error(why, args[1].at.clone()))?;
        }
        self.node(start, Ast::Call(function, args))
    }

    fn list(&mut self, close: &str) -> Result<Vec<Node>, ParseError> {
        let mut items = Vec::new();
        while !self.eat(close)? {
            items.push(self.expression(0)?);
            if !self.eat(",")? {
                self.expect(close)?;
                break;
            }
        }
        Ok(items)
    }

    fn primary(&mut self) -> Result<Node, ParseError> {
        let start = self.at.start;
        match self.token.clone() {
            Token::Literal(value) => {
                self.take()?;
                self.node(start, Ast::Literal(value))
            }
            Token::Word => self.named(start),
            Token::Sign("(") => {
                self.take()?;
                let inner = self.expression(0)?;
                self.expect(")")?;
                Ok(inner)
            }
            Token::Sign("[") => {
                self.take()?;
                let items = self.list("]")?;
                self.node(start, Ast::List(items))
            }
            Token::Sign("{") => {
                self.take()?;
                let mut fields = Vec::new();
                while !self.eat("}")? {
                    let key = self.expression(0)?;
                    self.expect(":")?;
                    fields.push((key, self.expression(0)?));
                    if !self.eat(",")? {
                        self.expect("}")?;
                        break;
                    }
                }
                self.node(start, Ast::Record(fields))
            }
            _ => Err(self.unexpected("a value")),
        }
    }

    fn named(&mut self, start: usize) -> Result<Node, ParseError> {
        let (name, at) = self.word("a name")?;
        let literal = match &*name {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            "null" => Some(Value::Null),
            "in" => return Err(error("`in` stands between a value and a list", at)),
            _ => None,
        };
        if let Some(value) = literal {
            return self.node(start, Ast::Literal(value));
        }
        if !self.eat("(")? {
            return self.node(start, Ast::Name(name));
        }
        if &*name == "has" {
            let of = self.expression(0)?;
            self.expect(")")?;
            if of.path().is_none() {
                return Err(error("`has` asks for a name or a field: `has(a)`, `has(a.b)`", of.at));
            }
            return self.node(start, Ast::Has(Box::new(of)));
        }
        let args = self.list(")")?;
        self.call(start, &name, at, args)
    }
}

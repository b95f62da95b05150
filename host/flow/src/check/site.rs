//! Values of the document with `${…}` in them, and where each expression stands in the text.

use indexmap::IndexMap;

use super::Checker;
use crate::diagnostic::{Finding, Span};
use crate::document::{Data, Node};
use crate::expr::{Expr, ParseError, Template};
use crate::value::Value;

/// An expression in its place.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) expr: Expr,
    /// Of the whole scalar.
    pub(super) span: Span,
    /// Bytes of the scalar before the expression's source; absent when escapes or line folding hide it.
    skip: Option<usize>,
}

/// A value that is bound to a port or an output.
#[derive(Debug)]
pub(super) struct Bound {
    pub(super) template: Template,
    /// In the order of [`Template::exprs`].
    pub(super) sites: Vec<Site>,
    pub(super) span: Span,
    /// Something in it does not parse, and that was said: of its type nothing is known.
    pub(super) broken: bool,
}

impl Site {
    /// An expression that was made of what stands at `span`.
    pub(super) fn hidden(expr: Expr, span: Span) -> Self {
        Self { expr, span, skip: None }
    }

    /// The place of some bytes of the expression. Counts the lines before it: for what is told, not for all there is.
    pub(super) fn at(&self, text: &str, bytes: &std::ops::Range<usize>) -> Span {
        match self.skip {
            Some(skip) => self.span.within(text, skip + bytes.start, bytes.len().max(1)),
            None => self.span,
        }
    }
}

impl Checker<'_> {
    pub(super) fn bound_value(&self, node: &Node) -> Bound {
        let mut sites = Vec::new();
        let before = self.findings.borrow().len();
        let template = self.template(node, &mut sites);
        let broken = self.findings.borrow().len() > before;
        Bound { template, sites, span: node.span, broken }
    }

    /// A map of names to values.
    pub(super) fn outputs(&self, node: &Node) -> IndexMap<String, Bound> {
        let entries = self.map(node, "a map of names to values").iter();
        entries.map(|entry| (entry.key.to_string(), self.bound_value(&entry.value))).collect()
    }

    fn template(&self, node: &Node, sites: &mut Vec<Site>) -> Template {
        match &node.data {
            Data::Scalar(Value::String(text)) => match Template::parse(text) {
                Ok(template) => {
                    let mut skip = 0;
                    for expr in template.exprs() {
                        sites.push(self.site(expr, node, &mut skip));
                    }
                    template
                }
                Err(error) => {
                    self.parse_error(node, &error);
                    Template::Literal(Value::Null)
                }
            },
            Data::Scalar(value) => Template::Literal(value.clone()),
            Data::List(items) => {
                let items: Vec<Template> =
                    items.iter().map(|item| self.template(item, sites)).collect();
                if items.iter().all(|item| matches!(item, Template::Literal(_))) {
                    return Template::Literal(Value::list(items.into_iter().map(literal)));
                }
                Template::List(items)
            }
            Data::Map(entries) => {
                let fields: IndexMap<String, Template> = entries
                    .iter()
                    .map(|entry| (entry.key.to_string(), self.template(&entry.value, sites)))
                    .collect();
                if fields.values().all(|field| matches!(field, Template::Literal(_))) {
                    let literals = fields.into_iter().map(|(name, field)| (name, literal(field)));
                    return Template::Literal(Value::record(literals));
                }
                Template::Record(fields)
            }
        }
    }

    /// Bare CEL (`when:`); `${…}` around it is taken too.
    pub(super) fn bare(&self, node: &Node) -> Option<Site> {
        let Some(text) = node.as_text() else {
            self.shape(node, "an expression");
            return None;
        };
        let inner =
            text.trim().strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).unwrap_or(&text);
        match Expr::parse(inner) {
            Ok(expr) => Some(self.site(&expr, node, &mut 0)),
            Err(error) => {
                self.parse_error(node, &error);
                None
            }
        }
    }

    fn parse_error(&self, node: &Node, error: &ParseError) {
        let raw = self.raw(node);
        let text = node.as_text().unwrap_or_default();
        let span = match raw.find(&text) {
            Some(start) => {
                node.span.within(self.text, start + error.at.start, error.at.len().max(1))
            }
            None => node.span,
        };
        self.find(Finding::error("CG0205", span, error.message.clone()));
    }

    fn raw(&self, node: &Node) -> &str {
        self.text.get(node.span.offset..node.span.offset + node.span.len).unwrap_or_default()
    }

    fn site(&self, expr: &Expr, node: &Node, skip: &mut usize) -> Site {
        let raw = self.raw(node);
        let found = raw[*skip..].find(expr.source()).map(|at| at + *skip);
        // Where one is hidden the next would be looked for in vain, to the end of the text each time.
        *skip = found.map_or(raw.len(), |at| at + expr.source().len());
        Site { expr: expr.clone(), span: node.span, skip: found }
    }
}

fn literal(template: Template) -> Value {
    match template {
        Template::Literal(value) => value,
        _ => Value::Null,
    }
}

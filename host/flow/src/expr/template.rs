//! Literals with `${…}` in them.

use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq};

use super::eval::Evaluation;
use super::{Expr, Names, ParseError, Part, Template, functions, lex, parse};
use crate::error::NodeError;
use crate::value::{Fields, Value};

impl Template {
    /// Reads a text scalar: one expression alone keeps its type, otherwise text is interpolated.
    ///
    /// # Errors
    /// What is wrong, and where in the text.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        if !text.contains("${") {
            return Ok(Self::Literal(text.into()));
        }
        let mut parts: Vec<Part> = parts(text)?.into_iter().map(|(_, part)| part).collect();
        Ok(match parts.as_mut_slice() {
            [Part::Expr(expr)] => Self::Expr(expr.clone()),
            [Part::Text(text)] => Self::Literal(std::mem::take(text).into()),
            _ => Self::Text(parts),
        })
    }

    /// Evaluates every expression inside; they share one budget.
    ///
    /// # Errors
    /// As [`Expr::eval`].
    pub fn eval(&self, names: &dyn Names) -> Result<Value, NodeError> {
        Evaluation::alone(names, |evaluation| self.eval_in(evaluation))
    }

    fn eval_in(&self, evaluation: &mut Evaluation<'_>) -> Result<Value, NodeError> {
        match self {
            Self::Literal(value) => Ok(value.clone()),
            Self::Expr(expr) => evaluation.run(expr),
            Self::Text(parts) => {
                let mut out = String::new();
                for part in parts {
                    match part {
                        Part::Text(text) => out.push_str(text),
                        Part::Expr(expr) => {
                            let value = evaluation.run(expr)?;
                            out.push_str(&functions::print(evaluation, &value)?);
                        }
                    }
                }
                Ok(out.into())
            }
            Self::List(items) => {
                let items: Result<Vec<Value>, NodeError> =
                    items.iter().map(|item| item.eval_in(evaluation)).collect();
                items.map(Value::from)
            }
            Self::Record(fields) => {
                let fields: Result<Fields, NodeError> = fields
                    .iter()
                    .map(|(name, field)| Ok((name.as_str().into(), field.eval_in(evaluation)?)))
                    .collect();
                fields.map(Value::from)
            }
        }
    }

    /// Every expression inside, in the order of the text.
    pub fn exprs(&self) -> Vec<&Expr> {
        match self {
            Self::Literal(_) => Vec::new(),
            Self::Expr(expr) => vec![expr],
            Self::Text(parts) => parts
                .iter()
                .filter_map(|part| match part {
                    Part::Text(_) => None,
                    Part::Expr(expr) => Some(expr),
                })
                .collect(),
            Self::List(items) => items.iter().flat_map(Template::exprs).collect(),
            Self::Record(fields) => fields.values().flat_map(Template::exprs).collect(),
        }
    }
}

/// What comes in the place of an expression.
pub(crate) enum Rewritten {
    /// Text that stands as it is.
    Text(String),
    /// The source of another expression.
    Source(String),
}

/// A text with something else in the place of each `${…}`. One that does not parse stays as it is.
pub(crate) fn rewrite(text: &str, mut with: impl FnMut(&Expr) -> Rewritten) -> String {
    let Ok(parts) = parts(text) else { return text.to_owned() };
    let mut out = String::with_capacity(text.len());
    for (_, part) in parts {
        match part {
            Part::Text(text) => out.push_str(&text.replace("${", "$${")),
            Part::Expr(expr) => match with(&expr) {
                Rewritten::Text(text) => out.push_str(&text.replace("${", "$${")),
                Rewritten::Source(source) => {
                    out.push_str("${");
                    out.push_str(&source);
                    out.push('}');
                }
            },
        }
    }
    out
}

/// Text and expressions in turn, each expression with the byte at which its source starts.
pub(super) fn parts(text: &str) -> Result<Vec<(usize, Part)>, ParseError> {
    let mut parts = Vec::new();
    let mut plain = String::new();
    let mut at = 0;
    while let Some(found) = text[at..].find("${") {
        let start = at + found;
        if let Some(escaped) = text[at..start].strip_suffix('$') {
            plain.push_str(escaped);
            plain.push_str("${");
            at = start + 2;
            continue;
        }
        plain.push_str(&text[at..start]);
        let (expr, end) = parse::embedded(text, start + 2).map_err(|failed| {
            let doubled = text[start..].starts_with("${{");
            let message = "an expression has one pair of braces: `${…}`";
            if doubled { lex::error(message, start..start + 3) } else { failed }
        })?;
        let close = text[end..].len() - text[end..].trim_start().len() + end;
        if !text[close..].starts_with('}') {
            let message = "`${` is not closed by `}` behind this expression";
            return Err(lex::error(message, start..end));
        }
        if !plain.is_empty() {
            parts.push((at, Part::Text(std::mem::take(&mut plain))));
        }
        let begin = start + 2 + text[start + 2..end].find(expr.source()).unwrap_or_default();
        parts.push((begin, Part::Expr(expr)));
        at = close + 1;
    }
    plain.push_str(&text[at..]);
    if !plain.is_empty() {
        parts.push((at, Part::Text(plain)));
    }
    Ok(parts)
}

impl Serialize for Template {
    /// As a flow writes it.
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Literal(value) => escaped(value).serialize(s),
            Self::Expr(expr) => s.collect_str(&format_args!("${{{}}}", expr.source())),
            Self::Text(parts) => {
                let mut out = String::new();
                for part in parts {
                    match part {
                        Part::Text(text) => out.push_str(&text.replace("${", "$${")),
                        Part::Expr(expr) => {
                            out.push_str("${");
                            out.push_str(expr.source());
                            out.push('}');
                        }
                    }
                }
                s.serialize_str(&out)
            }
            Self::List(items) => {
                let mut seq = s.serialize_seq(Some(items.len()))?;
                for item in items {
                    seq.serialize_element(item)?;
                }
                seq.end()
            }
            Self::Record(fields) => {
                let mut map = s.serialize_map(Some(fields.len()))?;
                for (name, field) in fields {
                    map.serialize_entry(name, field)?;
                }
                map.end()
            }
        }
    }
}

/// Texts with `${` escaped, so that a literal never reads back as an expression.
fn escaped(value: &Value) -> Value {
    match value {
        Value::String(text) if text.contains("${") => text.replace("${", "$${").into(),
        Value::List(items) => Value::list(items.iter().map(escaped)),
        Value::Map(fields) => Value::record(fields.iter().map(|(k, v)| (k.clone(), escaped(v)))),
        other => other.clone(),
    }
}

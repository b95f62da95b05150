//! Longer texts with values in them: prompts and reports. `${…}`, `{% for x in CEL %}…{% endfor %}` and
//! `{% if CEL %}…{% else %}…{% endif %}`, on the same evaluator and one budget for the whole text.
//!
//! A line that holds only one tag vanishes, so that loops around the rows of a Markdown table leave no gaps.

use std::ops::Range;
use std::sync::Arc;

use super::eval::Evaluation;
use super::infer::{self, Problem, TypeNames};
use super::{Expr, Names, ParseError, Part, functions, lex, parse, template};
use crate::diagnostic::{Hints, short};
use crate::error::{ErrorCode, NodeError};
use crate::types::{Kind, Type};
use crate::value::Value;

/// Bytes of a text.
const MAX_TEXT: usize = 1024 * 1024;
/// Tags inside tags.
const MAX_NESTING: usize = 16;

/// A parsed text.
#[derive(Clone, Debug)]
pub struct Prose {
    body: Vec<Piece>,
}

#[derive(Clone, Debug)]
enum Piece {
    Text(String),
    Expr(Placed),
    For { variable: Arc<str>, over: Placed, body: Vec<Piece> },
    If { condition: Placed, then: Vec<Piece>, otherwise: Vec<Piece> },
}

/// An expression, and the byte of the text at which its source starts.
#[derive(Clone, Debug)]
struct Placed {
    expr: Expr,
    at: usize,
}

/// A tag with the bytes that it replaces: the whole line when it stands alone.
struct Tag<'t> {
    words: &'t str,
    /// Where `words` starts.
    at: usize,
    outer: Range<usize>,
}

impl Prose {
    /// Parses a text.
    ///
    /// # Errors
    /// What is wrong, and where in the text.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        if text.len() > MAX_TEXT {
            return Err(lex::error(format!("a text may have {MAX_TEXT} bytes"), 0..0));
        }
        let mut parser = ProseParser { text, at: 0, depth: 0 };
        let (body, end) = parser.until(&[])?;
        debug_assert!(end.is_none(), "only an inner body ends at a tag");
        Ok(Self { body })
    }

    /// The text with its values.
    ///
    /// # Errors
    /// As [`Expr::eval`].
    pub fn eval(&self, names: &dyn Names) -> Result<String, NodeError> {
        Evaluation::alone(names, |evaluation| {
            let mut out = String::new();
            write(&self.body, evaluation, &mut out)?;
            Ok(out)
        })
    }

    /// Everything that is wrong with it, where its names have these types. Places are bytes of the text.
    pub fn problems(&self, names: &dyn TypeNames) -> Vec<Problem> {
        let mut found = Vec::new();
        type_pieces(&self.body, names, &mut Vec::new(), &mut found);
        found
    }
}

/// The variable of a loop in front of the names around it.
struct Inside<'n> {
    outer: &'n dyn TypeNames,
    variable: &'n str,
    ty: Type,
}

impl TypeNames for Inside<'_> {
    fn get(&self, name: &str) -> Option<&Type> {
        if name == self.variable { Some(&self.ty) } else { self.outer.get(name) }
    }

    fn all(&self) -> Vec<String> {
        let mut all = self.outer.all();
        all.push(self.variable.to_owned());
        all
    }

    fn hints(&self) -> &Hints {
        self.outer.hints()
    }
}

/// Types the pieces; `known` are the paths that a tag around them has asked for with `has(…)`.
fn type_pieces(
    body: &[Piece],
    names: &dyn TypeNames,
    known: &mut Vec<String>,
    found: &mut Vec<Problem>,
) {
    for piece in body {
        match piece {
            Piece::Text(_) => {}
            Piece::Expr(expr) => drop(expr.infer(names, known, found)),
            Piece::For { variable, over, body } => {
                let list = over.infer(names, known, found);
                let ty = match list.kind {
                    Kind::List(of) => *of,
                    Kind::Any | Kind::Json => Kind::Any.into(),
                    other => {
                        found.push(
                            over.wrong(format!("`for` needs a list, found `{}`", short(&other))),
                        );
                        Kind::Any.into()
                    }
                };
                type_pieces(body, &Inside { outer: names, variable, ty }, known, found);
            }
            Piece::If { condition, then, otherwise } => {
                let holds = condition.infer(names, known, found);
                if !matches!(holds.kind, Kind::Bool | Kind::Any | Kind::Json) {
                    let message =
                        format!("`if` needs true or false, found `{}`", short(&holds.kind));
                    found.push(condition.wrong(message));
                }
                let before = known.len();
                infer::asked(&condition.expr.root, known);
                type_pieces(then, names, known, found);
                known.truncate(before);
                type_pieces(otherwise, names, known, found);
            }
        }
    }
}

impl Placed {
    fn infer(&self, names: &dyn TypeNames, known: &[String], found: &mut Vec<Problem>) -> Type {
        let inferred = infer::infer(&self.expr.root, names, known.to_vec());
        found.extend(inferred.problems.into_iter().map(|mut problem| {
            problem.at = problem.at.start + self.at..problem.at.end + self.at;
            problem
        }));
        inferred.ty.into_owned()
    }

    fn wrong(&self, message: String) -> Problem {
        let at = self.at..self.at + self.expr.source().len();
        Problem { at, code: infer::WRONG_TYPE, message, help: None }
    }
}

fn write(
    body: &[Piece],
    evaluation: &mut Evaluation<'_>,
    out: &mut String,
) -> Result<(), NodeError> {
    for piece in body {
        match piece {
            Piece::Text(text) => {
                evaluation.make(text.len())?;
                out.push_str(text);
            }
            Piece::Expr(expr) => {
                let value = evaluation.run(&expr.expr)?;
                out.push_str(&functions::print(evaluation, &value)?);
            }
            Piece::If { condition, then, otherwise } => {
                let holds = evaluation.run(&condition.expr)?;
                let holds =
                    holds.as_bool().ok_or_else(|| wrong("`if` needs true or false", &holds))?;
                write(if holds { then } else { otherwise }, evaluation, out)?;
            }
            Piece::For { variable, over, body } => {
                let list = evaluation.run(&over.expr)?;
                let Value::List(items) = &list else {
                    return Err(wrong("`for` needs a list", &list));
                };
                for item in items.iter() {
                    evaluation.step(1)?;
                    evaluation.with(variable, item.clone(), |inner| write(body, inner, out))?;
                }
            }
        }
    }
    Ok(())
}

fn wrong(rule: &str, found: &Value) -> NodeError {
    NodeError::new(ErrorCode::InvalidInput, format!("{rule}, found {}", found.shape()))
}

struct ProseParser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

impl<'t> ProseParser<'t> {
    /// Pieces up to a tag that begins with one of `ends`, which is taken and given back.
    fn until(&mut self, ends: &[&str]) -> Result<(Vec<Piece>, Option<&'t str>), ParseError> {
        let mut body = Vec::new();
        loop {
            let Some(tag) = self.tag()? else {
                if let [first, ..] = ends {
                    let wanted = ends.last().unwrap_or(first);
                    let end = self.text.len();
                    return Err(lex::error(format!("`{{% {wanted} %}}` is missing"), end..end));
                }
                self.plain(self.text.len(), &mut body)?;
                return Ok((body, None));
            };
            self.plain(tag.outer.start, &mut body)?;
            self.at = tag.outer.end;
            let (word, rest) = tag.words.split_once(char::is_whitespace).unwrap_or((tag.words, ""));
            if ends.contains(&word) {
                return Ok((body, Some(word)));
            }
            self.depth += 1;
            if self.depth > MAX_NESTING {
                return Err(lex::error(
                    format!("more than {MAX_NESTING} tags inside each other"),
                    tag.outer,
                ));
            }
            let rest_at = tag.at + tag.words.len() - rest.len();
            body.push(self.block(word, rest, rest_at, tag.outer)?);
            self.depth -= 1;
        }
    }

    fn block(
        &mut self,
        word: &str,
        rest: &str,
        at: usize,
        outer: Range<usize>,
    ) -> Result<Piece, ParseError> {
        match word {
            "for" => {
                let form = || lex::error("write `{% for name in list %}`", outer.clone());
                let (variable, list) =
                    rest.trim_start().split_once(char::is_whitespace).ok_or_else(form)?;
                let list = list
                    .trim_start()
                    .strip_prefix("in")
                    .filter(|l| l.starts_with([' ', '(', '[']))
                    .ok_or_else(form)?;
                let identifier = |c: char| c.is_ascii_alphanumeric() || c == '_';
                if !variable.chars().all(identifier)
                    || variable.starts_with(|c: char| c.is_ascii_digit())
                {
                    return Err(form());
                }
                let over = self.condition(list, at + rest.len() - list.len())?;
                let (body, _) = self.until(&["endfor"])?;
                Ok(Piece::For { variable: variable.into(), over, body })
            }
            "if" => {
                let condition = self.condition(rest, at)?;
                let (then, end) = self.until(&["else", "endif"])?;
                let otherwise = match end {
                    Some("else") => self.until(&["endif"])?.0,
                    _ => Vec::new(),
                };
                Ok(Piece::If { condition, then, otherwise })
            }
            _ => {
                let message = format!(
                    "`{word}` is no tag here; there are `for`, `endfor`, `if`, `else`, `endif`"
                );
                Err(lex::error(message, outer))
            }
        }
    }

    fn condition(&self, source: &str, at: usize) -> Result<Placed, ParseError> {
        let expr = parse::bare(source).map_err(|mut error| {
            error.at = error.at.start + at..error.at.end + at;
            error
        })?;
        let skipped = source.find(expr.source()).unwrap_or_default();
        Ok(Placed { at: at + skipped, expr })
    }

    /// The text before byte `end`.
    fn plain(&mut self, end: usize, body: &mut Vec<Piece>) -> Result<(), ParseError> {
        let at = self.at;
        let parts = template::parts(&self.text[at..end]).map_err(|mut error| {
            error.at = error.at.start + at..error.at.end + at;
            error
        })?;
        body.extend(parts.into_iter().map(|(begin, part)| match part {
            Part::Text(text) => Piece::Text(text),
            Part::Expr(expr) => Piece::Expr(Placed { expr, at: at + begin }),
        }));
        Ok(())
    }

    fn tag(&self) -> Result<Option<Tag<'t>>, ParseError> {
        let Some(found) = self.text[self.at..].find("{%") else { return Ok(None) };
        let start = self.at + found;
        // `{%}` opens a tag and closes none.
        let Some(len) = self.text[start + 2..].find("%}") else {
            return Err(lex::error("`{%` is not closed by `%}`", start..start + 2));
        };
        let end = start + 2 + len + 2;
        let inside = &self.text[start + 2..end - 2];
        let words = inside.trim();
        let at = start + 2 + inside.len() - inside.trim_start().len();
        let outer = self.whole_line(start, end).unwrap_or(start..end);
        Ok(Some(Tag { words, at, outer }))
    }

    /// The line that holds only the tag at these bytes. Looks no further than blanks around it: many tags on one long
    /// line must not cost its length each.
    fn whole_line(&self, start: usize, end: usize) -> Option<Range<usize>> {
        let blank = |c: char| c.is_whitespace() && c != '\n';
        let line = self.text[self.at..start].trim_end_matches(blank).len() + self.at;
        let begins = line == 0 || self.text[..line].ends_with('\n');
        let rest = self.text[end..].trim_start_matches(blank);
        let behind = self.text.len() - rest.len();
        match rest.as_bytes().first() {
            _ if !begins => None,
            None => Some(line..behind),
            Some(b'\n') => Some(line..behind + 1),
            Some(_) => None,
        }
    }
}

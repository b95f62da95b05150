//! Mistakes in a program, with their place.

use cleargate::{Error, json};
use jaq_core::compile::Undefined;
use jaq_core::load::{self, Errors};

/// What could not be read as a program.
pub(crate) fn of_loading<P>(code: &str, errors: &Errors<&str, P>) -> Error {
    for (_, error) in errors {
        match error {
            load::Error::Io(found) => {
                if let Some((at, _)) = found.first() {
                    return refusal(code, at, "there are no modules: write definitions with `def`");
                }
            }
            load::Error::Lex(found) => {
                if let Some((expected, at)) = found.first() {
                    return refusal(code, at, &format!("expected {}", expected.as_str()));
                }
            }
            load::Error::Parse(found) => {
                if let Some((expected, at)) = found.first() {
                    return refusal(code, at, &format!("expected {}", expected.as_str()));
                }
            }
        }
    }
    Error::invalid_input("/filter is no program of jq")
}

/// What a program names and is not there.
pub(crate) fn of_compiling<P>(code: &str, errors: &jaq_core::compile::Errors<&str, P>) -> Error {
    let Some((name, undefined)) = errors.iter().flat_map(|(_, found)| found).next() else {
        return Error::invalid_input("/filter is no program of jq");
    };
    let what = match undefined {
        Undefined::Filter(arity) => format!("there is no function `{name}` with {arity} arguments"),
        Undefined::Var => format!("there is no variable `{name}`: give it in `variables`"),
        other => format!("there is no {} `{name}`", other.as_str()),
    };
    refusal(code, name, &what)
}

/// `at` is a part of `code`, which says where it is.
fn refusal(code: &str, at: &str, what: &str) -> Error {
    let start = load::span(code, at).start;
    let before = code.get(..start).unwrap_or(code);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    let there = match at.chars().next() {
        None => "at the end".to_owned(),
        Some(_) => format!("at `{}`", at.chars().take(20).collect::<String>()),
    };
    Error::invalid_input(format!("/filter, line {line}, column {column}: {what} {there}"))
        .with_detail(json!({ "line": line, "column": column }))
}

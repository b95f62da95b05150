//! Words of other languages: who writes one means something, and is told what it is called here.

use std::collections::BTreeSet;

use super::TypeNames;
use crate::types::Kind;

/// What to say about a token behind a whole expression: often it is an operator of another language.
pub(super) fn left_over(token: &str) -> String {
    let ours = match token {
        "and" => "write `&&`",
        "or" => "write `||`",
        "not" => "write `!`",
        "is" => "write `==`",
        "if" => "write `condition ? this : that`",
        _ => return format!("`{token}` is left over behind the expression"),
    };
    format!("`{token}` is no operator; {ours}")
}

/// What a function of other languages is called here.
pub(super) fn ours(name: &str) -> Option<&'static str> {
    Some(match name {
        "len" | "length" | "count" => "write `x.size()`",
        "toUpperCase" | "uppercase" => "write `x.upper()`",
        "toLowerCase" | "lowercase" => "write `x.lower()`",
        "strip" => "write `x.trim()`",
        "includes" | "has_key" => "write `x.contains(part)`, or `part in list`",
        "str" | "toString" | "toJson" | "tojson" | "json" => "write `string(x)`",
        "append" | "push" | "concat" => "write `list + [x]`",
        "first" => "write `list[0]`",
        "last" => "write `list[list.size() - 1]`",
        "defined" | "exists" | "isset" => "write `has(x)`",
        "any" => "write `list.exists(x, …)`",
        _ => return None,
    })
}

/// What a name of another language or tool is called here.
pub(super) fn meant(name: &str, names: &dyn TypeNames) -> Option<String> {
    if let Some(Kind::Record(fields)) = names.get("input").map(|input| &input.kind)
        && fields.contains_key(name)
    {
        return Some(format!("did you mean `input.{name}`?"));
    }
    Some(match name {
        "None" | "nil" | "undefined" => "write `null`, or ask with `has(…)`".into(),
        "True" => "write `true`".into(),
        "False" => "write `false`".into(),
        "not" => "write `!`".into(),
        "nodes" | "steps" | "tasks" => "a node is read by its id: `${node_id.field}`".into(),
        "env" | "secrets" | "vars" => {
            "a flow reads only what it is given: declare it under `input:`".into()
        }
        _ => return None,
    })
}

/// The names there are, when they are few.
pub(super) fn there_are(all: &[String]) -> Option<String> {
    /// Names that a person reads at a glance.
    const FEW: usize = 8;
    let all: BTreeSet<&str> = all.iter().map(String::as_str).collect();
    let names = || all.iter().copied().collect::<Vec<_>>().join(", ");
    (1..=FEW).contains(&all.len()).then(|| format!("there are {}", names()))
}

//! Compiles a schema, and says what of a value does not fit, without the value.

use cleargate::{Error, Finding, Value};
use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::{PatternOptions, ValidationError, Validator};

use crate::found;

/// Bytes of one compiled pattern: those of hand-written ones take some kilobytes.
const MAX_PATTERN_BYTES: usize = 1024 * 1024;
/// Characters of what a schema says that a message repeats.
const MAX_SAID: usize = 200;

/// A schema as it is applied.
pub(crate) fn compile(schema: &Value) -> Result<Validator, Error> {
    let patterns = PatternOptions::regex().size_limit(MAX_PATTERN_BYTES);
    jsonschema::options()
        .with_pattern_options(patterns)
        .should_validate_formats(true)
        .should_ignore_unknown_formats(false)
        .build(schema)
        .map_err(|e| {
            let (place, is) = (e.instance_path().as_str(), e.to_string());
            let hint = match e.kind() {
                Kind::Referencing(_) => "; a schema holds all that it refers to: put it under `$defs`",
                Kind::Format { .. } if place.ends_with("/pattern") => {
                    "; patterns have no look-around and no references to groups, which take for ever on some texts"
                }
                _ => "",
            };
            Error::invalid_input(format!("/schema{place}: {is}{hint}"))
        })
}

/// What does not fit. An error of alternatives is followed by those of the one that fits best.
pub(crate) fn findings(errors: &[ValidationError<'_>], at: &str) -> Vec<Finding> {
    let mut list = Vec::new();
    for error in errors {
        add(error, at, &mut list);
    }
    list
}

fn add(error: &ValidationError<'_>, at: &str, list: &mut Vec<Finding>) {
    let path = format!("{at}{}", error.instance_path());
    let label = error.kind().keyword();
    match error.kind() {
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            for name in unexpected {
                list.push(found(label, "is no field of the schema", &below(&path, name)));
            }
        }
        kind => list.push(found(label, message(kind), &path)),
    }
    if let Kind::AnyOf { context } | Kind::OneOfNotValid { context } = error.kind() {
        // The deepest mistake is that of the form that was meant: the others fail at once.
        let depth = |form: &&Vec<ValidationError<'_>>| {
            let deepest =
                form.iter().map(|e| e.instance_path().as_str().matches('/').count()).max();
            (deepest, std::cmp::Reverse(form.len()))
        };
        for inner in context.iter().max_by_key(depth).into_iter().flatten() {
            add(inner, at, list);
        }
    }
}

/// The pointer of a field.
pub(crate) fn below(path: &str, name: &str) -> String {
    format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// What the schema asks for. All that is said comes from the schema, which is not secret to who reads findings.
fn message(kind: &Kind) -> String {
    match kind {
        Kind::AdditionalItems { limit } => format!("has more than {limit} items"),
        Kind::AnyOf { context } => format!("fits none of {} forms", context.len()),
        Kind::OneOfNotValid { context } => format!("fits none of {} forms", context.len()),
        Kind::OneOfMultipleValid { .. } => "fits more than one form".into(),
        Kind::Constant { expected_value } => format!("is not {}", said(expected_value)),
        Kind::Contains => "holds too few or too many items of the kind that it must contain".into(),
        Kind::ContentEncoding { content_encoding } => {
            format!("is not encoded in {content_encoding}")
        }
        Kind::ContentMediaType { content_media_type } => format!("is no {content_media_type}"),
        Kind::Enum { options } => format!("is none of {}", said(options)),
        Kind::ExclusiveMaximum { limit } => format!("is not less than {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("is not greater than {limit}"),
        Kind::Maximum { limit } => format!("is greater than {limit}"),
        Kind::Minimum { limit } => format!("is less than {limit}"),
        Kind::MaxItems { limit } => format!("has more than {limit} items"),
        Kind::MinItems { limit } => format!("has fewer than {limit} items"),
        Kind::MaxLength { limit } => format!("has more than {limit} characters"),
        Kind::MinLength { limit } => format!("has fewer than {limit} characters"),
        Kind::MaxProperties { limit } => format!("has more than {limit} fields"),
        Kind::MinProperties { limit } => format!("has fewer than {limit} fields"),
        Kind::MultipleOf { multiple_of } => format!("is no multiple of {multiple_of}"),
        Kind::FalseSchema => "must not be there".into(),
        Kind::Format { format } => format!("is no {format}"),
        Kind::Not { schema } => format!("is what it must not be: {}", said(schema)),
        Kind::Pattern { pattern } => format!("does not match `{}`", short(pattern)),
        Kind::PropertyNames { error } => {
            format!("has a field whose name {}", message(error.kind()))
        }
        Kind::Required { property } => format!("lacks the field {property}"),
        Kind::Type { kind } => format!("is no {}", types(kind).join(" or ")),
        Kind::UnevaluatedItems { unexpected } => format!("has {} items too many", unexpected.len()),
        Kind::UniqueItems => "has items that are the same".into(),
        other => format!("does not keep `{}`", other.keyword()),
    }
}

/// Names of the types that are asked for.
fn types(kind: &TypeKind) -> Vec<&'static str> {
    match kind {
        TypeKind::Single(one) => vec![one.as_str()],
        TypeKind::Multiple(set) => set.iter().map(|one| one.as_str()).collect(),
    }
}

fn said(value: &Value) -> String {
    short(&value.to_string())
}

fn short(text: &str) -> String {
    match text.char_indices().nth(MAX_SAID) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into(),
    }
}

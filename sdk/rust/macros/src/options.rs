//! What stands in the parentheses of an attribute: `flag`, `flag = true`, `name = "text"`.

use proc_macro2::Span;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Expr, ExprLit, Lit, LitStr, Meta, Token};

/// Longest name of a node, tool, guardrail or filter, in bytes: it is a column in every listing.
const MAX_NAME: usize = 64;

/// The options of one attribute.
pub(crate) struct Options {
    entries: Vec<(syn::Ident, Lit)>,
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let metas = Punctuated::<Meta, Token![,]>::parse_terminated(input)?;
        let mut entries: Vec<(syn::Ident, Lit)> = Vec::new();
        for meta in metas {
            let name = meta.path().require_ident()?.clone();
            if entries.iter().any(|(other, _)| *other == name) {
                return Err(syn::Error::new(name.span(), "given twice"));
            }
            let value = match meta {
                Meta::Path(_) => Lit::Bool(syn::LitBool::new(true, name.span())),
                Meta::NameValue(pair) => match pair.value {
                    Expr::Lit(ExprLit { lit, .. }) => lit,
                    other => return Err(syn::Error::new_spanned(other, "write a literal")),
                },
                Meta::List(list) => {
                    return Err(syn::Error::new_spanned(list, "write `name` or `name = value`"));
                }
            };
            entries.push((name, value));
        }
        Ok(Self { entries })
    }
}

impl Options {
    /// Refuses options that the attribute does not have, and values of the wrong type.
    pub(crate) fn only(&self, known: &[&str]) -> syn::Result<()> {
        for (name, value) in &self.entries {
            let text = name.to_string();
            if !known.contains(&text.as_str()) {
                let message = format!("unknown option; this attribute takes {}", known.join(", "));
                return Err(syn::Error::new(name.span(), message));
            }
            let wants_text = matches!(text.as_str(), "effect" | "id" | "name" | "title");
            let fits = match value {
                Lit::Str(_) => wants_text,
                Lit::Bool(_) => !wants_text,
                _ => false,
            };
            if !fits {
                let wanted = if wants_text { "a string" } else { "true or false" };
                return Err(syn::Error::new(name.span(), format!("`{text}` takes {wanted}")));
            }
        }
        Ok(())
    }

    /// The error about an option that must be there.
    pub(crate) fn missing(&self, example: &str) -> syn::Error {
        syn::Error::new(Span::call_site(), format!("write {example}"))
    }

    /// The text of an option.
    pub(crate) fn text(&self, name: &str) -> Option<&LitStr> {
        self.entries.iter().find_map(|(key, value)| match value {
            Lit::Str(text) if key == name => Some(text),
            _ => None,
        })
    }

    /// The state of a flag, when it is given.
    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        self.entries.iter().find_map(|(key, value)| match value {
            Lit::Bool(flag) if key == name => Some(flag.value),
            _ => None,
        })
    }

    /// A name by which a flow calls the thing: given, or that of the item.
    pub(crate) fn name(&self, option: &str, default: &str) -> syn::Result<String> {
        let (name, span) = match self.text(option) {
            Some(text) => (text.value(), text.span()),
            None => (default.to_string(), Span::call_site()),
        };
        if is_name(&name) {
            return Ok(name);
        }
        let message = format!(
            "`{name}` is no name: lower-case letters, digits and `_`, a letter first, at most \
             {MAX_NAME}; write {option} = \"..\""
        );
        Err(syn::Error::new(span, message))
    }
}

fn is_name(name: &str) -> bool {
    name.len() <= MAX_NAME
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// `PiiRedactor` → `pii_redactor`.
pub(crate) fn snake_case(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

/// The documentation up to the first full stop that ends a sentence, or its first paragraph.
pub(crate) fn first_sentence(docs: &str) -> String {
    let paragraph = docs.split("\n\n").next().unwrap_or_default().replace('\n', " ");
    match paragraph.find(". ") {
        Some(end) => paragraph[..=end].to_string(),
        None => paragraph,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_the_contract_allows() {
        for (name, fits) in [
            ("parse", true),
            ("a1_b", true),
            ("", false),
            ("1a", false),
            ("A", false),
            ("a-b", false),
        ] {
            assert_eq!(is_name(name), fits, "{name}");
        }
        assert!(is_name(&"a".repeat(MAX_NAME)));
        assert!(!is_name(&"a".repeat(MAX_NAME + 1)));
    }

    #[test]
    fn a_summary_is_one_sentence() {
        assert_eq!(first_sentence("Reads v1.2 files. And more.\n\nMore."), "Reads v1.2 files.");
        assert_eq!(first_sentence("Reads\nfiles\n\nMore."), "Reads files");
        assert_eq!(snake_case("PiiRedactor"), "pii_redactor");
    }

    #[test]
    fn unknown_and_doubled_options_are_refused() {
        let parse = |text: &str| syn::parse_str::<Options>(text);
        assert!(parse("read_only, read_only").is_err());
        assert!(parse("read_only").unwrap().only(&["title"]).is_err());
        assert!(parse("read_only = \"yes\"").unwrap().only(&["read_only"]).is_err());
        assert_eq!(parse("read_only = false").unwrap().flag("read_only"), Some(false));
    }
}

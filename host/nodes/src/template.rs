//! `template`: longer texts with values in them, such as reports and mails.
//!
//! The text belongs to the flow, so that it is parsed once when the flow is bound and a mistake is found
//! before the run. Where the text of a `file:` lies is the embedding program's business: it reads the file and
//! hands the text in, and this crate opens nothing.

use async_trait::async_trait;
use cleargate_executor::{Failure, Node, NodeContext, Output};
use cleargate_flow::Value;
use cleargate_flow::expr::{Names, ParseError, Prose, Reference};
use cleargate_flow::signature::{Effect, Signature};

/// Writes a text. Output: `{ text }`.
#[derive(Clone, Debug)]
pub struct Template {
    prose: Prose,
}

/// Where the text of a template is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplateSource {
    /// In the flow itself.
    Inline(String),
    /// In a file; the name is relative to the flow.
    File(String),
}

/// Why a configuration names no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// Neither key.
    #[error(
        "a `template` needs its text: write `text: …`, or `file: NAME` with a file beside the flow"
    )]
    Missing,
    /// Both keys.
    #[error("a `template` has one text: write `text:` or `file:`, not both")]
    Both,
}

impl TemplateSource {
    /// Reads the configuration of a node.
    ///
    /// # Errors
    /// Neither `text:` nor `file:` is there, or both are.
    pub fn of(config: &Value) -> Result<Self, SourceError> {
        let key = |name: &str| config.get(name).and_then(Value::as_str).map(str::to_owned);
        match (key("text"), key("file")) {
            (Some(text), None) => Ok(Self::Inline(text)),
            (None, Some(file)) => Ok(Self::File(file)),
            (None, None) => Err(SourceError::Missing),
            (Some(_), Some(_)) => Err(SourceError::Both),
        }
    }
}

impl Template {
    /// What flows write after `type:`.
    pub const NAME: &str = "template";

    /// What the checker knows.
    pub fn signature() -> Signature {
        let summary = "Writes a text with the values of `with:` in it.";
        let config = [
            crate::field(
                "text",
                "opt<string>",
                "The text, with `${…}`, `{% for %}` and `{% if %}`.",
            ),
            crate::field(
                "file",
                "opt<string>",
                "Name of a file beside the flow that holds the text.",
            ),
        ];
        Signature {
            open: true,
            config: config.into_iter().collect(),
            ..crate::signature(summary, Effect::Pure, "record{text: string}")
        }
    }

    /// Parses a text.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn new(text: &str) -> Result<Self, ParseError> {
        Ok(Self { prose: Prose::parse(text)? })
    }

    /// The names that the text reads: what `with:` must bind.
    pub fn references(&self) -> Vec<Reference> {
        self.prose.references()
    }
}

/// The inputs under their own names.
struct Inputs<'v>(&'v Value);

impl Names for Inputs<'_> {
    fn get(&self, name: &str) -> Option<Value> {
        self.0.get(name).cloned()
    }
}

#[async_trait]
impl Node for Template {
    async fn run(&self, _ctx: NodeContext, input: Value) -> Result<Output, Failure> {
        let text = self.prose.eval(&Inputs(&input))?;
        Ok(Value::record([("text", text.into())]).into())
    }
}

#[cfg(test)]
mod tests {
    use cleargate_flow::error::ErrorCode;

    use super::*;
    use crate::fixture::World;

    async fn write(text: &str, input: &str) -> Result<String, Failure> {
        let node = Template::new(text).unwrap();
        let input = Value::from_json(input).unwrap();
        let output = node.run(World::default().context(), input).await?;
        Ok(output.value.get("text").unwrap().as_str().unwrap().to_owned())
    }

    #[tokio::test]
    async fn names_of_the_text_are_fields_of_the_input() {
        for (text, input, expected) in [
            ("plain", "{}", "plain"),
            ("a ${b}!", r#"{"b":"c"}"#, "a c!"),
            ("${n + 1}", r#"{"n":1}"#, "2"),
            ("{% for x in xs %}<${x}>{% endfor %}", r#"{"xs":["a","b"]}"#, "<a><b>"),
            ("{% if has(x) %}yes{% else %}no{% endif %}", "{}", "no"),
            // What a value says is data and never evaluated again.
            ("${b}", r#"{"b":"${secret} {% if true %}"}"#, "${secret} {% if true %}"),
        ] {
            assert_eq!(write(text, input).await.as_deref(), Ok(expected), "{text}");
        }
    }

    #[tokio::test]
    async fn a_value_that_does_not_fit_fails_the_node() {
        for (text, input) in [("${gone}", "{}"), ("{% for x in n %}{% endfor %}", r#"{"n":1}"#)] {
            let failure = write(text, input).await.unwrap_err();
            assert_eq!(failure.error.code, ErrorCode::InvalidInput, "{text}");
        }
    }

    #[test]
    fn a_bad_text_is_found_before_the_run() {
        for bad in ["${", "{% for x in %}", "{% if true %}", "{% include x %}"] {
            assert!(Template::new(bad).is_err(), "{bad} was accepted");
        }
    }

    #[test]
    fn a_text_says_what_it_reads() {
        let template = Template::new("${a}{% for x in b %}${x}{% endfor %}").unwrap();
        let names: Vec<_> = template.references().iter().map(|r| r.name.to_string()).collect();
        assert_eq!(names, ["a", "b"]);
    }

    #[test]
    fn a_template_has_one_text() {
        for (config, expected) in [
            (r#"{"text":"a"}"#, Ok(TemplateSource::Inline("a".into()))),
            (r#"{"file":"a.md","text":null}"#, Ok(TemplateSource::File("a.md".into()))),
            (r#"{}"#, Err(SourceError::Missing)),
            (r#"{"file":"a.md","text":""}"#, Err(SourceError::Both)),
        ] {
            assert_eq!(TemplateSource::of(&Value::from_json(config).unwrap()), expected);
        }
    }
}

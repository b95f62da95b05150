//! `template`: longer texts with values in them, such as reports and mails.
//!
//! The text belongs to the flow: the checker reads it with the types of the inputs, and a run is pinned to it. Where
//! the text of a `file:` lies is the embedding program's business: this crate opens nothing.

use std::collections::BTreeMap;

use async_trait::async_trait;
use cleargate_executor::{Failure, Node, NodeContext, Output};
use cleargate_flow::Value;
use cleargate_flow::expr::{Names, ParseError, Prose};
use cleargate_flow::signature::{Effect, Signature, TextKey};

/// Writes a text. Output: `{ text }`.
#[derive(Clone, Debug)]
pub struct Template {
    prose: Prose,
}

/// Why a configuration gives no text: the checker finds all of it before a run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// No key or several.
    #[error("a node has one text: write it, or name its file with `file: NAME`")]
    NotOne,
    /// The flow was stored without the file.
    #[error("the flow has no file `{0}`")]
    NoFile(String),
    /// The type of the answer is none.
    #[error("`out`: {0}")]
    Type(String),
    /// It does not parse.
    #[error(transparent)]
    Form(#[from] ParseError),
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
            texts: vec![TextKey::Inline("text"), TextKey::File("file")],
            config: config.into_iter().collect(),
            ..crate::signature(summary, Effect::Pure, "record{text: string}")
        }
    }

    /// The template of a node. `files` are the texts of the files that the flow names.
    ///
    /// # Errors
    /// See [`TextError`].
    pub fn new(config: &Value, files: &BTreeMap<String, String>) -> Result<Self, TextError> {
        let key = |name: &str| config.get(name).and_then(Value::as_str);
        let text = match (key("text"), key("file")) {
            (Some(text), None) => text,
            (None, Some(file)) => files.get(file).ok_or_else(|| TextError::NoFile(file.into()))?,
            _ => return Err(TextError::NotOne),
        };
        Ok(Self { prose: Prose::parse(text)? })
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
        let config = Value::record([("text", text.into())]);
        let node = Template::new(&config, &BTreeMap::new()).unwrap();
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
    fn a_template_has_one_text_and_it_parses() {
        let files = BTreeMap::from([("a.md".to_owned(), "${a}".to_owned())]);
        for (config, refused) in [
            (r#"{"text":"a"}"#, None),
            (r#"{"file":"a.md","text":null}"#, None),
            (r#"{}"#, Some("one text")),
            (r#"{"file":"a.md","text":""}"#, Some("one text")),
            (r#"{"file":"b.md"}"#, Some("no file `b.md`")),
            (r#"{"text":"${"}"#, Some("expected a value")),
            (r#"{"text":"{% if true %}"}"#, Some("endif")),
            (r#"{"text":"{% include x %}"}"#, Some("no tag")),
        ] {
            let made = Template::new(&Value::from_json(config).unwrap(), &files);
            let said = made.err().map(|error| error.to_string());
            match (&said, refused) {
                (None, None) => {}
                (Some(said), Some(part)) if said.contains(part) => {}
                other => panic!("{config}: {other:?}"),
            }
        }
    }
}

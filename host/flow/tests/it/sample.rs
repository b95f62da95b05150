//! Two node types for texts of flows: one with a port, one that takes anything.

use cleargate_flow::check::{Checked, check};
use cleargate_flow::grant::Grants;
use cleargate_flow::limits::Limits;
use cleargate_flow::signature::{Effect, Signature, Signatures, TextKey};
use cleargate_flow::types::{Kind, Type};

/// See the module.
pub(crate) struct Sample;

impl Signatures for Sample {
    fn find(&self, name: &str) -> Result<Option<Signature>, String> {
        let fields = |text: &str| match text.parse::<Type>().expect("a type").kind {
            Kind::Record(fields) => fields,
            _ => panic!("{text} is no record"),
        };
        let (input, open, config) = match name {
            "template" => ("record{}", true, "record{text: opt<string>, file: opt<string>}"),
            "upper" => ("record{text: string}", false, "record{}"),
            _ => return Ok(None),
        };
        Ok(Some(Signature {
            summary: String::new(),
            input: fields(input),
            open,
            output: "record{text: string}".parse().expect("a type"),
            config: fields(config),
            texts: if open {
                vec![TextKey::Inline("text"), TextKey::File("file")]
            } else {
                Vec::new()
            },
            typed_by: None,
            program: false,
            model_key: None,
            effect: Effect::Pure,
            requests: Grants::default(),
            limits: Limits::default(),
            origin: "built-in".into(),
        }))
    }

    fn names(&self) -> Vec<String> {
        vec!["template".into(), "upper".into()]
    }
}

/// The flow of a text, checked with them.
pub(crate) fn checked(text: &str) -> Checked {
    check(text, "flow.yaml", &Sample)
}

//! The built-ins as the checker knows them, and how they are written down.

use std::collections::BTreeMap;

use cleargate_flow::grant::Grants;
use cleargate_flow::limits::Limits;
use cleargate_flow::signature::{Effect, Signature};
use cleargate_flow::types::{Field, Type};
use indexmap::IndexMap;

use crate::{FileRead, GuardrailNode, Http, ModelNode, Program, Template, Transform};

/// The signature of each built-in by the name that flows write after `type:`. A sub-flow is not among them:
/// its name is an alias and its ports are those of its flow, see [`SubFlow::signature`](crate::SubFlow::signature).
pub fn catalogue() -> BTreeMap<&'static str, Signature> {
    BTreeMap::from([
        (Transform::NAME, Transform::signature()),
        (Template::NAME, Template::signature()),
        (FileRead::NAME, FileRead::signature()),
        (Http::NAME, Http::signature()),
        (GuardrailNode::NAME, GuardrailNode::signature()),
        (ModelNode::NAME, ModelNode::signature()),
        (Program::NAME, Program::signature()),
    ])
}

/// A signature without ports and configuration, for a built-in to add its own to.
pub(crate) fn signature(summary: &str, effect: Effect, output: &str) -> Signature {
    Signature {
        summary: summary.into(),
        input: IndexMap::new(),
        open: false,
        output: ty(output),
        config: IndexMap::new(),
        effect,
        requests: Grants::default(),
        limits: Limits::default(),
        texts: Vec::new(),
        typed_by: None,
        program: false,
        model_key: None,
        origin: "built-in".into(),
    }
}

/// A port or key: name, type as flows write it, one sentence.
pub(crate) fn field(name: &str, written: &str, doc: &str) -> (String, Field) {
    (name.into(), Field { doc: Some(doc.into()), ..ty(written).into() })
}

pub(crate) fn ty(written: &str) -> Type {
    written.parse().expect("the types of built-ins are constants")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_built_in_is_known_by_its_name_and_documented() {
        let catalogue = catalogue();
        let names: Vec<&str> = catalogue.keys().copied().collect();
        assert_eq!(
            names,
            ["code", "file.read", "guardrail", "http", "model", "template", "transform"]
        );
        for (name, signature) in &catalogue {
            assert!(signature.summary.ends_with('.'), "{name} says nothing");
            assert_eq!(signature.origin, "built-in");
            assert_eq!(signature.requests, Grants::default(), "{name} has a privilege");
            for (port, field) in signature.input.iter().chain(&signature.config) {
                let doc = field.doc.as_deref().unwrap_or_default();
                assert!(doc.ends_with('.'), "{name}: `{port}` says nothing");
            }
        }
        let effects = catalogue.values().map(|signature| signature.effect);
        use Effect::{Idempotent, Once, Pure, Read};
        let expected = [Idempotent, Read, Pure, Once, Idempotent, Pure, Pure];
        assert!(effects.eq(expected));
    }
}

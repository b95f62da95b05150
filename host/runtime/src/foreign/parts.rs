//! The parts of the contract, function by function: what a component that exports one must have.
//!
//! A part describes nothing, so its types are all that there is to believe. They are compared with these lines, which
//! are the contract's own in the words of [`super::Tool`]; a test reads the contract and compares.

use cleargate_flow::signature::{Effect, PluginKind};

use super::{Tool, Tools, read};
use crate::component::LoadError;

/// A function of a part: its signature, and what it does to the world when nobody knows better.
type Function = (&'static str, Effect);

/// The functions of a part, in the order of the contract.
fn functions(kind: PluginKind) -> &'static [Function] {
    match kind {
        PluginKind::Provider => &[(
            "complete: func(model: string, request: value, config: value) -> result<record { message: value, \
             usage: record { input-tokens: u64, output-tokens: u64, micro-usd: u64 } }, error>",
            Effect::Idempotent,
        )],
        PluginKind::Tokenizer => &[
            ("count: func(text: string, config: value) -> result<u64, error>", Effect::Read),
            ("encode: func(text: string, config: value) -> result<list<u32>, error>", Effect::Read),
            (
                "decode: func(tokens: list<u32>, config: value) -> result<string, error>",
                Effect::Read,
            ),
        ],
        PluginKind::Embedder => &[(
            "embed: func(texts: list<string>, config: value) -> result<list<list<f32>>, error>",
            Effect::Read,
        )],
        PluginKind::Retriever => &[(
            "search: func(query: string, limit: u32, config: value) -> result<list<record { id: string, \
             text: string, score: f64, metadata: value }>, error>",
            Effect::Read,
        )],
        PluginKind::Summarizer => &[(
            "summarize: func(text: string, max-tokens: u32, config: value) -> result<string, error>",
            Effect::Read,
        )],
        PluginKind::Cache => &[
            ("get: func(key: string, config: value) -> result<option<value>, error>", Effect::Read),
            (
                "put: func(key: string, entry: value, ttl-ms: option<u64>, config: value) -> result<_, error>",
                Effect::Idempotent,
            ),
        ],
        PluginKind::Trigger => &[
            (
                "poll: func(cursor: option<string>, limit: u32, config: value) -> result<record { \
                 events: list<record { id: string, input: value }>, cursor: option<string> }, error>",
                Effect::Read,
            ),
            (
                "reply: func(id: string, output: value, config: value) -> result<_, error>",
                Effect::Once,
            ),
        ],
        PluginKind::Node | PluginKind::Tool | PluginKind::Guardrail | PluginKind::Filter => &[],
    }
}

impl Tool {
    /// What the function of a part does to the world.
    pub(crate) fn effect(&self) -> Effect {
        let functions = functions(self.kind).iter();
        let own = functions.map(|(_, effect)| *effect).zip(names(self.kind));
        let own = own.into_iter().find(|(_, name)| *name == self.function);
        own.map_or(Effect::Once, |(effect, _)| effect)
    }
}

fn names(kind: PluginKind) -> impl Iterator<Item = &'static str> {
    let name = |function: &Function| function.0.split(':').next().unwrap_or_default();
    functions(kind).iter().map(name)
}

/// The functions of the parts that a component exports under these names.
///
/// # Errors
/// A function is missing, or is not as the contract has it.
pub(crate) fn read(bytes: &[u8], exports: &[(PluginKind, &str)]) -> Result<Vec<Tool>, LoadError> {
    let Tools { tools, refused } = read::parts(bytes, exports)?;
    for (kind, name) in exports {
        for (function, (wanted, _)) in names(*kind).zip(functions(*kind)) {
            let found = tools.iter().find(|t| t.kind == *kind && t.function == function);
            let found = found.map(ToString::to_string);
            if found.as_deref() == Some(*wanted) {
                continue;
            }
            let why = found.unwrap_or_else(|| {
                let refused = refused.iter().find(|refused| refused.function.ends_with(function));
                refused.map_or_else(|| "nothing".into(), |refused| refused.why.clone())
            });
            let message = format!("`{name}` must have `{wanted}`; it has {why}");
            return Err(LoadError::Invalid(message));
        }
    }
    // What else it exports there is of a version that this host does not know.
    let known = |tool: &Tool| names(tool.kind).any(|name| name == tool.function);
    Ok(tools.into_iter().filter(known).collect())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// A component that exports the part as `wit/` has it.
    fn built(kind: PluginKind) -> Vec<u8> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
        let mut resolve = wit_parser::Resolve::default();
        resolve.push_dir(folder.join("types@0.1.0")).unwrap();
        let (package, _) =
            resolve.push_dir(folder.join(format!("{}@0.1.0", kind.as_str()))).unwrap();
        let world = resolve.select_world(&[package], Some("plugin")).unwrap();
        let abi = wit_parser::ManglingAndAbi::Legacy(wit_parser::LiftLowerAbi::Sync);
        let mut module = wit_component::dummy_module(&resolve, world, abi);
        let encoding = wit_component::StringEncoding::UTF8;
        wit_component::embed_component_metadata(&mut module, &resolve, world, encoding).unwrap();
        wit_component::ComponentEncoder::default().module(&module).unwrap().encode().unwrap()
    }

    #[test]
    fn each_part_is_as_the_contract_has_it() {
        for kind in PluginKind::ALL.into_iter().filter(|kind| kind.is_part()) {
            let name = format!("cleargate:{0}/{0}@0.1.0", kind.as_str());
            let found = read(&built(kind), &[(kind, name.as_str())]).unwrap();
            let found: Vec<String> = found.iter().map(|tool| tool.id().to_owned()).collect();
            assert_eq!(found, names(kind).collect::<Vec<_>>(), "{kind:?}");
        }
    }

    #[test]
    fn a_part_that_is_another_is_refused_with_what_was_wanted() {
        let bytes = built(PluginKind::Embedder);
        let name = "cleargate:embedder/embedder@0.1.0";
        let refused = read(&bytes, &[(PluginKind::Summarizer, name)]).unwrap_err().to_string();
        assert!(refused.contains("must have `summarize: func(text: string"), "{refused}");
    }
}

//! Compares what an author wrote with what the binary does: checked, not trusted.

use cleargate_flow::grant::Service;
use semver::VersionReq;

use super::{HostApi, Manifest, asked_words};
use crate::component::{Component, Interface};
use crate::name::PackageName;

/// A place where manifest and component say different things. All of them are found at once.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Disagreement {
    /// An import without the permission that it needs.
    #[error("the component imports {interface}, but [permissions] asks for no {word}; write {fix}")]
    NotAsked {
        /// What is imported.
        interface: String,
        /// The word under `[permissions]`.
        word: &'static str,
        /// An example line.
        fix: &'static str,
    },
    /// A permission that nothing uses: it would scare people for nothing.
    #[error(
        "[permissions] asks for {word}, but the component imports nothing that uses it; remove it"
    )]
    NotUsed {
        /// The word under `[permissions]`.
        word: &'static str,
    },
    /// A permission without its sentence.
    #[error("[permissions] asks for {word} without a reason; write [reasons] {word} = \"why\"")]
    NoReason {
        /// The word under `[permissions]`.
        word: &'static str,
    },
    /// `[requires]` excludes the version that the binary was built for.
    #[error(
        "[requires] {api} = \"{requirement}\" excludes {interface}, which the component was built for"
    )]
    Excluded {
        /// The WIT package.
        api: PackageName,
        /// What is written.
        requirement: VersionReq,
        /// What the binary names.
        interface: String,
    },
    /// An import that no host serves.
    #[error("the component imports `{0}`, which is no interface; no host serves that")]
    BareImport(String),
    /// Neither a kind nor a function: nothing can be called.
    #[error(
        "the component exports nothing that can be called; export a node, tool, guardrail or filter (in Rust \
         with `cleargate::export! {{ .. }}`)"
    )]
    NothingExported,
}

/// Everything in which `manifest` and `component` differ; empty means they agree.
pub fn disagreements(manifest: &Manifest, component: &Component) -> Vec<Disagreement> {
    let mut found = Vec::new();
    let asked = manifest.asked();
    let words = asked_words(&asked);
    let needed: Vec<(&Interface, Need)> =
        component.imports.iter().filter_map(|i| need(i).map(|n| (i, n))).collect();
    for (interface, need) in &needed {
        let there = match need.word {
            "services" => asked.services.contains(&Service::Blob),
            word => words.contains(&word),
        };
        if !there {
            let (word, fix) = (need.word, need.fix);
            let interface = interface.to_string();
            found.push(Disagreement::NotAsked { interface, word, fix });
        }
    }
    // Files and HTTP can also be reached through WASI, which libraries import whether they use it or not.
    let wasi = component.imports.iter().any(|i| i.package.namespace() == "wasi");
    for word in words.iter().copied().filter(|word| *word != "services") {
        let reachable = wasi && matches!(word, "http" | "files" | "secrets");
        if !reachable && !needed.iter().any(|(_, need)| need.word == word) {
            found.push(Disagreement::NotUsed { word });
        }
        if !manifest.reasons.contains_key(word) {
            found.push(Disagreement::NoReason { word });
        }
    }
    found.extend(excluded(manifest, component));
    found.extend(component.bare_imports.iter().cloned().map(Disagreement::BareImport));
    if component.exports.is_empty() && component.functions.is_empty() {
        found.push(Disagreement::NothingExported);
    }
    found
}

struct Need {
    word: &'static str,
    fix: &'static str,
}

/// The permission that calling `interface` needs, when it needs one.
fn need(interface: &Interface) -> Option<Need> {
    let package = interface.package.to_string();
    let (word, fix) = match (package.as_str(), interface.name.as_str()) {
        ("cleargate:host", "http") => ("http", "http = [\"api.example.org\"]"),
        ("wasi:http", "outgoing-handler" | "client") => ("http", "http = [\"api.example.org\"]"),
        ("cleargate:host", "kv") => ("kv", "kv = [\"name-of-store\"]"),
        ("cleargate:host", "secret") => ("secrets", "secrets = [\"LABEL\"]"),
        ("cleargate:host", "secret-reveal") => ("reveal", "reveal = [\"LABEL\"]"),
        ("cleargate:host", "model") => ("model", "model = [\"name-of-model\"]"),
        ("cleargate:host", "tools") => ("tools", "tools = [\"alias.tool\"]"),
        ("cleargate:host", "blob") => ("services", "services = [\"blob\"]"),
        _ => return None,
    };
    Some(Need { word, fix })
}

fn excluded<'a>(
    manifest: &'a Manifest,
    component: &'a Component,
) -> impl Iterator<Item = Disagreement> + 'a {
    let named = component.imports.iter().chain(&component.exports);
    named.filter_map(|interface| {
        let version = interface.version.as_ref()?;
        let (api, requirement) = manifest
            .requires
            .iter()
            .map(|(api, requirement): (&HostApi, _)| (api.package(), requirement))
            .find(|(api, requirement)| {
                *api == interface.package && !requirement.matches(version.as_semver())
            })?;
        let (requirement, interface) = (requirement.clone(), interface.to_string());
        Some(Disagreement::Excluded { api, requirement, interface })
    })
}

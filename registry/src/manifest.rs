//! `plugin.toml`: the one file about a plugin that an author writes.
//!
//! Its canonical JSON is what is hashed, indexed and put into the binary. Kinds are not in it: they follow
//! from the exports of the component. What is asked for is a request and never a grant; each word under
//! `[permissions]` and `[optional]` has its sentence under `[reasons]`, because a person has to decide about it.

mod agreement;
mod bounds;

use std::collections::BTreeMap;

use cleargate_flow::grant::Grants;
use cleargate_flow::limits::Limits;
use semver::VersionReq;
use serde::{Deserialize, Serialize};

pub use agreement::{Disagreement, disagreements};

use crate::digest::Digest;
use crate::name::{PackageName, Version};

/// Keywords of a package: beyond a handful they are noise in search.
pub const MAX_KEYWORDS: usize = 5;
/// Characters of each line of text for people: it has to fit a list.
pub const MAX_LINE_LEN: usize = 200;

/// A plugin's manifest, read and checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// What it is.
    pub plugin: Plugin,
    /// Host APIs by short name. Optional: the imports of the binary say the least that is needed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub requires: BTreeMap<HostApi, VersionReq>,
    /// How an editor shows the nodes of the component.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub node: Vec<Palette>,
    /// What it asks for.
    #[serde(default, skip_serializing_if = "Grants::is_empty")]
    pub permissions: Grants,
    /// What it can do without: it is installed and loaded as it is, and what was not granted answers `denied`.
    #[serde(default, skip_serializing_if = "Grants::is_empty")]
    pub optional: Grants,
    /// Why it asks: one sentence for each word of `permissions` and `optional`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reasons: BTreeMap<String, String>,
    /// Bounds of one call that it is content with, written with units: `memory = "32MiB"`.
    #[serde(default, skip_serializing_if = "bounds::is_empty", with = "bounds")]
    pub limits: Limits,
    /// Plugins that it needs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dependencies: BTreeMap<PackageName, VersionReq>,
    /// How it is built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<Build>,
    /// How it is tested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<Test>,
}

/// `[plugin]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plugin {
    /// `namespace:name`.
    pub name: PackageName,
    /// Semantic version without build metadata.
    pub version: Version,
    /// One sentence.
    pub description: String,
    /// SPDX expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// Address of the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// People or groups, in the form `Name <mail>`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authors: Vec<String>,
    /// Words for search, at most [`MAX_KEYWORDS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keywords: Vec<String>,
    /// Shelves of the marketplace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<Category>,
}

/// A WIT package of ClearGate, by its short name under `[requires]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostApi {
    /// `cleargate:types`.
    Types,
    /// `cleargate:node`.
    Node,
    /// `cleargate:tool`.
    Tool,
    /// `cleargate:guardrail`.
    Guardrail,
    /// `cleargate:filter`.
    Filter,
    /// `cleargate:host`.
    Host,
}

impl HostApi {
    /// The WIT package.
    pub fn package(self) -> PackageName {
        let name = match self {
            Self::Types => "cleargate:types",
            Self::Node => "cleargate:node",
            Self::Tool => "cleargate:tool",
            Self::Guardrail => "cleargate:guardrail",
            Self::Filter => "cleargate:filter",
            Self::Host => "cleargate:host",
        };
        name.parse().expect("our own packages have valid names")
    }
}

/// The closed list of shelves: an open one fragments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum Category {
    Agents,
    Code,
    Connectors,
    Data,
    Documents,
    Filters,
    Guardrails,
    Media,
    Models,
    Search,
    Security,
    Testing,
    Tools,
}

/// How an editor shows one node: `[[node]]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Palette {
    /// The id that the component's `describe` gives.
    pub id: String,
    /// A few words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Path of an SVG beside the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
}

/// `[build]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Build {
    /// The toolchain.
    pub language: Language,
    /// For `prebuilt`: the component, relative to the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
}

/// The toolchains that `cleargate plugin build` drives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum Language {
    Rust,
    Python,
    #[serde(alias = "javascript", alias = "typescript")]
    Js,
    Go,
    C,
    #[serde(alias = "c++")]
    Cpp,
    Prebuilt,
}

/// `[test]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// Pattern of the case files, relative to the manifest: `tests/*.yaml`.
    pub cases: String,
}

/// Why a text is no manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// Wrong syntax, an unknown key, or a value of the wrong form.
    #[error("line {line}, column {column}: {message}")]
    Toml {
        /// First line is 1.
        line: usize,
        /// First column is 1, in characters.
        column: usize,
        /// What is wrong, with a suggestion when one is near.
        message: String,
    },
    /// The canonical form in a binary or an index is wrong.
    #[error("{0}")]
    Json(String),
    /// Readable, and against a rule.
    #[error("{key}: {message}")]
    Rule {
        /// The key, as `plugin.keywords`.
        key: String,
        /// The rule.
        message: String,
    },
}

impl Manifest {
    /// All that it asks for: what it needs, and what it can do without.
    pub fn asked(&self) -> Grants {
        self.permissions.clone().union(&self.optional)
    }

    /// Reads `plugin.toml`.
    ///
    /// # Errors
    /// The first mistake with its line and column; unknown keys are mistakes.
    pub fn from_toml(text: &str) -> Result<Self, ManifestError> {
        if text.len() > crate::component::MAX_MANIFEST_LEN {
            return Err(too_long());
        }
        let manifest: Self = toml::from_str(text).map_err(|e| {
            let at = e.span().map_or(0, |span| span.start.min(text.len()));
            let before = text.get(..at).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
            ManifestError::Toml { line, column, message: with_suggestion(e.message()) }
        })?;
        manifest.checked()
    }

    /// Reads the canonical form.
    ///
    /// # Errors
    /// The same rules as for TOML.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ManifestError> {
        if bytes.len() > crate::component::MAX_MANIFEST_LEN {
            return Err(too_long());
        }
        let manifest: Self = serde_json::from_slice(bytes)
            .map_err(|e| ManifestError::Json(with_suggestion(&e.to_string())))?;
        manifest.checked()
    }

    /// JSON with sorted keys and without spaces: the same for equal manifests.
    pub fn to_canonical_json(&self) -> String {
        canonical(self)
    }

    /// Of the canonical form.
    pub fn digest(&self) -> Digest {
        Digest::of(self.to_canonical_json().as_bytes())
    }

    fn checked(self) -> Result<Self, ManifestError> {
        let plugin = &self.plugin;
        let rule =
            |key: &str, message: String| Err(ManifestError::Rule { key: key.into(), message });
        if plugin.keywords.len() > MAX_KEYWORDS {
            return rule("plugin.keywords", format!("at most {MAX_KEYWORDS}; keep the best"));
        }
        let lines = std::iter::once(("plugin.description", &plugin.description))
            .chain(plugin.license.iter().map(|x| ("plugin.license", x)))
            .chain(plugin.repository.iter().map(|x| ("plugin.repository", x)))
            .chain(plugin.authors.iter().map(|x| ("plugin.authors", x)))
            .chain(plugin.keywords.iter().map(|x| ("plugin.keywords", x)))
            .chain(self.reasons.values().map(|x| ("reasons", x)));
        for (key, text) in lines {
            let length = text.chars().count();
            if text.trim().is_empty() || length > MAX_LINE_LEN || text.chars().any(char::is_control)
            {
                return rule(key, format!("write one line of 1 to {MAX_LINE_LEN} characters"));
            }
        }
        for (i, node) in self.node.iter().enumerate() {
            if node.id.parse::<cleargate_flow::NodeId>().is_err() {
                return rule("node.id", format!("`{}` must be `[a-z][a-z0-9_]*`", node.id));
            }
            if self.node[..i].iter().any(|other| other.id == node.id) {
                return rule("node.id", format!("`{}` appears twice", node.id));
            }
        }
        if self.dependencies.contains_key(&plugin.name) {
            return rule("dependencies", "a plugin cannot need itself".into());
        }
        let words = asked_words(&self.asked());
        if let Some(extra) = self.reasons.keys().find(|word| !words.contains(&word.as_str())) {
            return rule(
                "reasons",
                format!("`{extra}` is not asked for under [permissions] or [optional]"),
            );
        }
        Ok(self)
    }
}

/// JSON with sorted keys of anything that serializes without maps of maps deeper than a value may be.
pub(crate) fn canonical<T: Serialize>(data: &T) -> String {
    cleargate_flow::Value::of(data)
        .expect("our own types hold small integers and few levels")
        .to_canonical_json()
}

/// The words under `[permissions]` that ask for something.
fn asked_words(asked: &Grants) -> Vec<&'static str> {
    [
        ("http", asked.http.is_empty()),
        ("kv", asked.kv.is_empty()),
        ("secrets", asked.secrets.is_empty()),
        ("reveal", asked.reveal.is_empty()),
        ("model", asked.model.is_empty()),
        ("tools", asked.tools.is_empty()),
        ("files", asked.files.is_empty()),
        ("services", asked.services.is_empty()),
    ]
    .into_iter()
    .filter_map(|(word, empty)| (!empty).then_some(word))
    .collect()
}

fn too_long() -> ManifestError {
    let message = format!("a manifest has at most {} bytes", crate::component::MAX_MANIFEST_LEN);
    ManifestError::Rule { key: "file".into(), message }
}

/// Adds the nearest of the expected words to serde's message about an unknown one.
fn with_suggestion(message: &str) -> String {
    /// Bytes that are shown: a key may be as long as the manifest.
    const MOST: usize = 500;
    let message = &message[..message.floor_char_boundary(MOST)];
    let mut quoted = message.split('`').skip(1).step_by(2);
    let known = message.contains("unknown field") || message.contains("unknown variant");
    let Some(wrong) = quoted.next().filter(|_| known) else {
        return message.into();
    };
    let near = quoted
        .map(|word| (strsim::damerau_levenshtein(wrong, word), word))
        .filter(|(distance, word)| *distance <= word.len() / 3 + 1)
        .min();
    match near {
        Some((_, word)) => format!("{message}; did you mean `{word}`?"),
        None => message.into(),
    }
}

#[cfg(test)]
mod tests;

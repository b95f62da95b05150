//! Everything that can be said about a plugin without running it, in plain language.

use std::path::Path;

use cleargate_flow::grant::Grants;
use cleargate_flow::limits::Layer;
use cleargate_registry::{Component, Manifest};
use serde::Serialize;

use super::foreign::{ToolRow, foreign, tools};
use super::{Plugins, read};
use crate::error::{Error, Kind, Result};
use crate::grants::GrantFile;
use crate::plan::{LimitRow, limit_rows};

/// Everything that can be said about a plugin without running it.
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    /// `namespace:name`.
    pub plugin: String,
    /// The version.
    pub version: String,
    /// One sentence.
    pub description: String,
    /// SPDX expression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// What it exports.
    pub kinds: Vec<String>,
    /// Bytes of the component.
    pub size: u64,
    /// `sha256:…` of the component.
    pub digest: String,
    /// Tools of a component that was not written for ClearGate: its functions. What a component of the contract
    /// offers it says itself, when it is loaded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolRow>,
    /// Functions that cannot be tools, with why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub no_tools: Vec<String>,
    /// Host interfaces that it imports: what it can do at most, whatever anybody says.
    pub imports: Vec<String>,
    /// What those of them mean that are not ClearGate's own, in their order: an import and a sentence.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub meanings: Vec<(String, String)>,
    /// Those of them that this version does not serve, with why: the component cannot be loaded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unserved: Vec<String>,
    /// What it asks for, with the author's reasons.
    pub requests: Vec<Requested>,
    /// Bounds of one call and who decided them.
    pub limits: Vec<LimitRow>,
}

/// One permission that a plugin asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Requested {
    /// In the words of a grant: `http api.example.org`.
    pub permission: String,
    /// What that means.
    pub meaning: String,
    /// The author's reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether the operator granted it, or a part of it.
    pub granted: bool,
    /// Whether the plugin can do without it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// The part that was granted, in the same words, when it is not all: `http api.example.org` of `http *`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<String>,
}

impl Requested {
    /// Whether the plugin cannot be loaded before somebody grants this.
    pub fn open(&self) -> bool {
        !self.granted && !self.optional
    }
}

impl Inspection {
    /// Marks as granted what of `asked` is not left `open`.
    pub(super) fn approve(&mut self, asked: &Grants, open: &Grants) {
        let (asked, open) = (asked.lines(), open.lines());
        for request in &mut self.requests {
            let line = &request.permission;
            request.granted |= asked.contains(line) && !open.contains(line);
        }
    }

    /// Says of requests that were granted in part which part that is.
    pub(super) fn narrow(&mut self, asked: &Grants, allowed: &Grants) {
        let (whole, open) = (asked.lines(), allowed.missing(asked).lines());
        let mut parts = allowed.effective(asked).lines();
        parts.retain(|part| !whole.contains(part));
        for request in &mut self.requests {
            let word = |line: &str| line.split(' ').next().map(str::to_owned);
            let partly = request.granted && open.contains(&request.permission);
            let of = |part: &&String| partly && word(part) == word(&request.permission);
            request.only = parts.iter().filter(of).cloned().collect();
        }
    }

    /// Refuses what can never be loaded here, whatever is granted to it.
    pub(super) fn all_served(&self) -> Result<()> {
        if self.unserved.is_empty() {
            return Ok(());
        }
        let message = format!("{} {} cannot be installed", self.plugin, self.version);
        let mut error = Error::new(Kind::Invalid, message).with_help(
            "build it without these imports: a component's imports are all that it can do, so none may be missing",
        );
        error.causes = self.unserved.iter().map(|why| format!("it imports {why}")).collect();
        Err(error)
    }
}

impl Plugins {
    /// Of a component that carries its manifest.
    pub(super) fn inspection(&self, bytes: &[u8]) -> Result<Inspection> {
        let (component, manifest) = read(bytes)?;
        self.inspected(&component, &manifest, bytes)
    }

    /// Of the component in a file, which may lack a manifest: then its name is the file's.
    pub(super) fn inspect_file(&self, path: &Path, bytes: &[u8]) -> Result<Inspection> {
        let component = Component::read(bytes)
            .map_err(|e| Error::new(Kind::Invalid, "this is no plugin".to_owned()).caused_by(&e))?;
        if component.manifest.is_some() || !foreign(&component) {
            return self.inspection(bytes);
        }
        let mut inspection = self.inspected(&component, &unnamed(), bytes)?;
        inspection.plugin = path.display().to_string();
        inspection.version = "without a version".into();
        Ok(inspection)
    }

    fn inspected(
        &self,
        component: &Component,
        manifest: &Manifest,
        bytes: &[u8],
    ) -> Result<Inspection> {
        let digest = component.digest.to_string();
        let name = manifest.plugin.name.to_string();
        let allowed = GrantFile::read(&self.grants)?.allowed(&name, &digest);
        let (tools, no_tools) = tools(component, bytes)?;
        let imports: Vec<String> = component.imports.iter().map(ToString::to_string).collect();
        let unserved = imports.iter().chain(&component.bare_imports).filter_map(|import| {
            cleargate_runtime::unserved(import).map(|why| format!("{import}: {why}"))
        });
        let meanings = imports.iter().filter_map(|import| {
            Some((import.clone(), cleargate_runtime::meaning(import)?.to_owned()))
        });
        let mut inspection = Inspection {
            plugin: name,
            version: manifest.plugin.version.to_string(),
            description: manifest.plugin.description.clone(),
            license: manifest.plugin.license.clone(),
            kinds: component.kinds.iter().map(|k| k.as_str().into()).collect(),
            size: component.size,
            digest,
            tools,
            no_tools,
            meanings: meanings.collect(),
            unserved: unserved.collect(),
            imports,
            requests: requested(manifest, &allowed),
            limits: limit_rows(&[
                (Layer::Operator, self.operator),
                (Layer::Manifest, manifest.limits),
            ]),
        };
        inspection.narrow(&manifest.asked(), &allowed);
        Ok(inspection)
    }
}

/// Stands for the manifest of a component that has none: it asks for nothing, and bounds nothing.
fn unnamed() -> Manifest {
    let text = "[plugin]\nname = 'unnamed:component'\nversion = '0.0.0'\n\
                description = 'A component without a manifest: `cleargate plugin wrap` gives it one'";
    Manifest::from_toml(text).expect("the text is constant")
}

pub(super) fn requested(manifest: &Manifest, allowed: &Grants) -> Vec<Requested> {
    let asked = manifest.asked();
    let missing = allowed.unanswered(&asked).lines();
    let needed = manifest.permissions.lines();
    asked
        .lines()
        .into_iter()
        .map(|permission| {
            let (word, what) = permission.split_once(' ').unwrap_or((permission.as_str(), ""));
            Requested {
                meaning: meaning(word, what),
                reason: manifest.reasons.get(word).cloned(),
                granted: !missing.contains(&permission),
                optional: !needed.contains(&permission),
                only: Vec::new(),
                permission: permission.clone(),
            }
        })
        .collect()
}

/// A permission in plain language.
fn meaning(word: &str, what: &str) -> String {
    match word {
        "http" if what == "*" => {
            "may send requests to ANY HOST, unless you grant some with `--grant=FILE`".into()
        }
        "http" => format!("may send requests to {what}, and read the answers"),
        "kv" => format!("may read and write the key-value store `{what}`"),
        "secrets" => format!("may use the secret `{what}` in requests, without seeing its value"),
        "reveal" => format!("may READ THE VALUE of the secret `{what}`"),
        "model" => format!("may call the model `{what}`, which may cost money"),
        "tools" => format!("may call the tool `{what}` of another plugin"),
        "files" => format!("may open `{what}`"),
        "services" => match what {
            "log" => "may write bounded lines to the journal".into(),
            "config" => "may read the configuration that the flow gives it".into(),
            "clock" => "may read the time, as the journal keeps it".into(),
            "random" => "may read random bytes, as the journal keeps them".into(),
            "blob" => "may read and store media of the run".into(),
            other => format!("may use the service `{other}`"),
        },
        other => format!("may use `{other}` `{what}`"),
    }
}

//! Components that were not written for ClearGate: what they offer, and the manifest that they lack.
//!
//! Their functions are tools by their types. What no type says (a name, a version, a license) is given once, and
//! goes into the file: from then on it is a plugin like any other.

use cleargate_flow::signature::PluginKind;
use cleargate_registry::manifest::disagreements;
use cleargate_registry::{Component, Interface, Manifest, embed_manifest};
use cleargate_runtime::foreign::Tools;
use serde::Serialize;
use serde_json::json;

use crate::error::{Error, Kind, Result};

/// A function that is a tool.
#[derive(Clone, Debug, Serialize)]
pub struct ToolRow {
    /// The tool, as flows name it behind the alias.
    pub name: String,
    /// The function, as WIT writes it.
    pub signature: String,
    /// JSON Schema of what it takes.
    pub input: serde_json::Value,
    /// JSON Schema of its value.
    pub output: serde_json::Value,
}

/// What a component lacks to be a plugin.
#[derive(Clone, Debug, Default)]
pub struct Wrapping {
    /// `namespace:name`.
    pub name: String,
    /// Semantic version.
    pub version: String,
    /// One sentence; without one, the list of its tools.
    pub description: Option<String>,
    /// SPDX expression.
    pub license: Option<String>,
}

/// Gives a component the manifest of `wrapping`; one that was there is replaced.
///
/// # Errors
/// The bytes are no component, none of its functions can be a tool, it needs a permission, which only a `plugin.toml`
/// can ask for, or a field of the manifest is wrong.
pub fn wrap(bytes: &[u8], wrapping: &Wrapping) -> Result<Vec<u8>> {
    let bad = |message: &str| Error::new(Kind::Invalid, message.to_owned());
    let component =
        Component::read(bytes).map_err(|e| bad("this cannot be a plugin").caused_by(&e))?;
    let description = match &wrapping.description {
        Some(text) => text.clone(),
        None => {
            let (tools, refused) = tools(&component, bytes)?;
            if tools.is_empty() && foreign(&component) {
                let mut error = bad("no function of the component can be a tool");
                error.causes = refused;
                return Err(error);
            }
            format!("A component with {} tools", tools.len())
        }
    };
    let mut plugin = json!({
        "name": wrapping.name, "version": wrapping.version, "description": description,
    });
    if let Some(license) = &wrapping.license {
        plugin["license"] = json!(license);
    }
    let manifest = json!({ "plugin": plugin }).to_string();
    let manifest = Manifest::from_json(manifest.as_bytes())
        .map_err(|e| bad("the manifest would be wrong").caused_by(&e))?;
    let differs = disagreements(&manifest, &component);
    if !differs.is_empty() {
        let mut error = bad("it takes more than a name to run the component");
        error.causes = differs.iter().map(ToString::to_string).collect();
        return Err(error.with_help(
            "write a plugin.toml with `[permissions]`, `[reasons]` and `[build] language = \"prebuilt\"`",
        ));
    }
    embed_manifest(bytes, &manifest).map_err(|e| bad("the manifest cannot be added").caused_by(&e))
}

/// Whether the functions of a component are its tools, because it exports none of the kinds.
pub(super) fn foreign(component: &Component) -> bool {
    component.kinds == [PluginKind::Tool].into()
        && !component.exports.iter().any(|export| Interface::kind(export).is_some())
}

/// The tools of such a component, and why its other functions are none; nothing for a component of the contract,
/// which describes itself.
pub(super) fn tools(component: &Component, bytes: &[u8]) -> Result<(Vec<ToolRow>, Vec<String>)> {
    if !foreign(component) {
        return Ok((Vec::new(), Vec::new()));
    }
    let found = Tools::read(bytes).map_err(|e| {
        Error::new(Kind::Invalid, "its functions cannot be tools".to_owned()).caused_by(&e)
    })?;
    let row = |tool: &cleargate_runtime::foreign::Tool| ToolRow {
        name: tool.id().into(),
        signature: tool.to_string(),
        input: tool.input_schema(),
        output: tool.output_schema(),
    };
    let refused = found.refused.iter().map(ToString::to_string);
    Ok((found.tools.iter().map(row).collect(), refused.collect()))
}

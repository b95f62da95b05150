//! Components that were not written for ClearGate: named, and shown with the tools that their functions are.

use std::path::{Path, PathBuf};

use cleargate::{Error, Inspection, Kind, Wrapping};
use serde_json::json;

use crate::command::Context;
use crate::failure::Failure;
use crate::output::{Talk, escaped};

/// Writes the component with a manifest of its own beside it.
pub(super) fn wrap(
    context: &Context<'_>,
    file: &Path,
    wrapping: &Wrapping,
    out: Option<PathBuf>,
) -> Result<u8, Failure> {
    let folder = &context.environment.folder;
    let out = out.unwrap_or_else(|| file.with_extension("plugin.wasm"));
    let cannot = |path: &Path, what: &str, e: &std::io::Error| {
        Error::new(Kind::Invalid, format!("{} cannot be {what}", path.display())).caused_by(e)
    };
    let bytes = std::fs::read(folder.join(file)).map_err(|e| cannot(file, "read", &e))?;
    let wrapped = cleargate::wrap(&bytes, wrapping)?;
    std::fs::write(folder.join(&out), wrapped).map_err(|e| cannot(&out, "written", &e))?;
    let shown = out.display().to_string();
    let document = json!({ "plugin": wrapping.name, "version": wrapping.version, "path": shown });
    context.talk.document(&document, || shown.clone());
    Ok(0)
}

/// The part of an inspection that lists tools; nothing for a plugin that describes itself.
pub(super) fn tools_text(plugin: &Inspection, talk: &Talk) -> String {
    let mut out = String::new();
    if !plugin.tools.is_empty() {
        out.push_str("\nits functions are tools\n");
    }
    for tool in &plugin.tools {
        let (name, function) = (talk.paint_data(&tool.name, "1"), escaped(&tool.signature));
        out.push_str(&format!("  {name}\n    {function}\n"));
        out.push_str(&format!("    takes {}\n    gives {}\n", tool.input, tool.output));
    }
    if !plugin.no_tools.is_empty() {
        out.push_str("\nno tools\n");
    }
    for why in &plugin.no_tools {
        out.push_str(&format!("  {}\n", escaped(why)));
    }
    out
}

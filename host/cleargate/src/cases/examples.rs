//! Golden cases as examples of what makes sense: an attack makes its hostile inputs of them.

use std::path::Path;

use cleargate_flow::Value;
use cleargate_flow::signature::PluginKind;
use cleargate_registry::Manifest;
use cleargate_runtime::attack::Example;

use super::{Case, cases, files};
use crate::error::Result;

/// The calls of a project's cases; none when it has no cases.
pub(crate) fn examples(folder: &Path, manifest: &Manifest) -> Result<Vec<Example>> {
    if files(folder, manifest).is_ok_and(|files| files.is_empty()) {
        return Ok(Vec::new());
    }
    Ok(cases(folder, manifest, None)?.iter().filter_map(example).collect())
}

fn example(case: &Case) -> Option<Example> {
    let (kind, id) = case.value.get("call")?.as_map()?.first()?;
    let kind = match &**kind {
        "node" => PluginKind::Node,
        "tool" => PluginKind::Tool,
        "guardrail" => PluginKind::Guardrail,
        "filter" => PluginKind::Filter,
        _ => return None,
    };
    let part = |name: &str| case.value.get(name).cloned().unwrap_or_else(Value::empty);
    let id = id.as_str().unwrap_or_default().to_owned();
    Some(Example { kind, id, input: part("input"), config: part("config") })
}

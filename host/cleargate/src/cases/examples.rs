//! Golden cases as examples of what makes sense: an attack makes its hostile inputs of them.

use std::path::Path;

use cleargate_flow::Value;
use cleargate_flow::signature::PluginKind;
use cleargate_registry::Manifest;
use cleargate_runtime::attack::Example;

use super::script::Script;
use super::{Case, bad, cases, configured, files, parse};
use crate::error::Result;

/// The calls of a project's cases; none when it has no cases.
pub(crate) fn examples(folder: &Path, manifest: &Manifest) -> Result<Vec<Example>> {
    if files(folder, manifest).is_ok_and(|files| files.is_empty()) {
        return Ok(Vec::new());
    }
    Ok(cases(folder, manifest, None)?.iter().filter_map(example).collect())
}

fn example(case: &Case) -> Option<Example> {
    // A case of what goes wrong shows no sense.
    if case.value.get("expect").is_some_and(|expect| expect.get("error").is_some()) {
        return None;
    }
    let (kind, id) = case.value.get("call")?.as_map()?.first()?;
    let kind = PluginKind::named(kind)?;
    let part = |name: &str| case.value.get(name).cloned().unwrap_or_else(Value::empty);
    let id = id.as_str().unwrap_or_default().to_owned();
    let (input, config) = (part("input"), part("config"));
    let input = if kind.is_part() { configured(&input, config.clone()) } else { input };
    Some(Example { kind, id, input, config })
}

/// The number of cases in the text of a case file, all of it read.
///
/// # Errors
/// The text is no case file, or the world of a case none that can be played.
#[doc(hidden)]
pub fn count_cases(text: &str) -> Result<usize> {
    let file = Path::new("cases.yaml");
    let all = parse(file, text)?;
    for case in &all {
        Script::of(case).map_err(|why| bad(file, &why))?;
    }
    Ok(all.len())
}

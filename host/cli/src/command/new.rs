//! `cleargate new`: writes a bundled example into a folder.

use std::path::PathBuf;

use cleargate::bundled::{BUNDLES, Bundle};
use cleargate::{Error, Kind};

use super::Context;
use crate::failure::Failure;
use crate::output::table;

pub fn new(
    context: &Context<'_>,
    folder: Option<PathBuf>,
    example: &str,
    list: bool,
) -> Result<u8, Failure> {
    if list {
        let documents: Vec<_> = BUNDLES
            .iter()
            .map(|b| serde_json::json!({ "id": b.id, "summary": b.summary }))
            .collect();
        let rows: Vec<_> = BUNDLES.iter().map(|b| vec![b.id.into(), b.summary.into()]).collect();
        context.talk.documents(&documents, || table(&["EXAMPLE", "SHOWS"], &rows));
        return Ok(0);
    }
    let bundle = Bundle::find(example).ok_or_else(|| {
        Error::new(Kind::Invalid, format!("there is no example `{example}`"))
            .with_help("cleargate new --list")
    })?;
    let folder = folder.unwrap_or_else(|| PathBuf::from(example));
    if folder.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Error::new(Kind::Invalid, format!("{} is not empty", folder.display()))
            .with_help("name another folder")
            .into());
    }
    std::fs::create_dir_all(&folder)?;
    for (name, text) in bundle.files {
        std::fs::write(folder.join(name), text)?;
    }
    let flow = folder.join("flow.yaml");
    context.talk.say(&format!("wrote {}", folder.display()));
    context.talk.say(&format!("next: cleargate run {} --explain", flow.display()));
    Ok(0)
}

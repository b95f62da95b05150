//! A core module that speaks the contract by itself, to a module that says which contract it speaks.
//!
//! The SDKs of C and Go write the functions of the canonical ABI by hand, under the names that the contract gives them.
//! So the linked module itself says what the plugin exports and which services are left in it, and no list is kept.

use std::path::Path;

use wasmparser::{Parser, Payload};
use wit_component::StringEncoding;
use wit_parser::Resolve;

use crate::contract::{self, Uses, Waits, words};
use crate::{BuildError, wasi};

/// Writes the module's contract into it. `wit` holds the contract; `place` is a folder for its world.
pub(crate) fn marked(
    mut module: Vec<u8>,
    wit: &Path,
    place: &Path,
) -> Result<(Vec<u8>, Uses), BuildError> {
    let bad = |why: String| BuildError::Encode(why);
    let uses = uses(&module).map_err(|e| bad(e.to_string()))?;
    if uses.kinds.is_empty() {
        return Ok((module, uses));
    }
    let folder = place.join("world");
    contract::write_world(wit, &uses, Waits::Marked, &folder)?;
    let mut mark = || {
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_dir(&folder)?;
        let world = resolve.select_world(&[package], Some("plugin"))?;
        wit_component::embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)
    };
    mark().map_err(|e| bad(format!("{e:#}")))?;
    Ok((module, uses))
}

/// What a module exports and imports, by the contract's names.
fn uses(module: &[u8]) -> wasmparser::Result<Uses> {
    let mut services: Vec<String> = wasi::imports(module)?
        .into_iter()
        .map(|(interface, ..)| interface)
        .filter(|interface| interface.starts_with("cleargate:host/"))
        .collect();
    services.sort();
    services.dedup();
    let mut exported = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::ExportSection(section) = payload? {
            for export in section {
                exported.push(export?.name.to_owned());
            }
        }
    }
    let has = |kind: &&str| {
        let start = format!("cleargate:{kind}/");
        exported.iter().any(|name| name.starts_with(&start))
    };
    Ok(Uses { kinds: words().filter(has).collect(), services })
}

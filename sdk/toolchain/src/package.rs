//! Core module → component → component with its manifest, checked.

use cleargate_registry::manifest::disagreements;
use cleargate_registry::{Component, Manifest, embed_manifest};
use wit_component::ComponentEncoder;

use crate::BuildError;

/// Bytes 4 to 8 of a core module: version 1. A component has another number there.
const CORE: [u8; 4] = [1, 0, 0, 0];

/// A component with `manifest` inside. What is a component already is taken as it is.
pub(crate) fn component(module: &[u8], manifest: &Manifest) -> Result<Vec<u8>, BuildError> {
    let encoded = match module.get(4..8) == Some(&CORE[..]) {
        true => encode(module)?,
        false => module.to_vec(),
    };
    let bytes = embed_manifest(&encoded, manifest)?;
    let found = disagreements(manifest, &Component::read(&bytes)?);
    match found.is_empty() {
        true => Ok(bytes),
        false => Err(BuildError::Disagrees(found)),
    }
}

fn encode(module: &[u8]) -> Result<Vec<u8>, BuildError> {
    let encode = || ComponentEncoder::default().validate(true).module(module)?.encode();
    encode().map_err(|e| BuildError::Encode(format!("{e:#}")))
}

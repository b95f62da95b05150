//! Core module → component → component with its manifest, checked.

use cleargate_registry::manifest::Language;
use cleargate_registry::manifest::disagreements;
use cleargate_registry::{Component, Manifest, embed_manifest};
use wasi_preview1_component_adapter_provider::WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER;
use wit_component::ComponentEncoder;

use crate::{BuildError, preview1, wasi};

/// Bytes 4 to 8 of a core module: version 1. A component has another number there.
const CORE: [u8; 4] = [1, 0, 0, 0];

/// A component with `manifest` inside. What is a component already is taken as it is.
pub(crate) fn component(module: &[u8], manifest: &Manifest) -> Result<Vec<u8>, BuildError> {
    let encoded = match module.get(4..8) == Some(&CORE[..]) {
        true => encode(module, manifest)?,
        false => module.to_vec(),
    };
    let bytes = embed_manifest(&encoded, manifest)?;
    let component = Component::read(&bytes)?;
    let system: Vec<String> = component
        .imports
        .iter()
        .filter(|i| i.package.namespace() == "wasi" && !i.is_served_wasi())
        .map(ToString::to_string)
        .collect();
    if !system.is_empty() {
        return Err(BuildError::System(system));
    }
    let found = disagreements(manifest, &component);
    match found.is_empty() {
        true => Ok(bytes),
        false => Err(BuildError::Disagrees(found)),
    }
}

fn encode(module: &[u8], manifest: &Manifest) -> Result<Vec<u8>, BuildError> {
    let bad = |why: String| BuildError::Encode(why);
    let answers = wasi::answers(module).map_err(|e| bad(e.to_string()))?;
    let language = manifest.build.as_ref().map(|build| build.language);
    let c = matches!(language, Some(Language::C | Language::Cpp));
    // Files of a folder are the host's, and with them all that the system has to say. The runtime of Go cannot be called
    // for memory as it starts, so there it stays with the stand-in.
    let system = match c && !manifest.permissions.files.is_empty() {
        true => Some(WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER.to_vec()),
        false => preview1::stand_in(module).map_err(bad)?,
    };
    let encode = || {
        let mut encoder = ComponentEncoder::default().validate(true).module(module)?;
        for (interface, stand_in) in &answers {
            encoder = encoder.adapter(interface, stand_in)?;
        }
        if let Some(system) = &system {
            encoder = encoder.adapter(preview1::NAME, system)?;
        }
        encoder.encode()
    };
    encode().map_err(|e| bad(format!("{e:#}")))
}

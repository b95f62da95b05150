//! The manifest inside the binary: a lone file still shows its name and what it asks for.
//!
//! The section is at the top level of the component, at most once, and holds the canonical JSON of the
//! manifest. Everything else in the file is copied byte for byte.

use wasm_encoder::{CustomSection, Encode, Section};
use wasmparser::BinaryReader;

use super::{ComponentError, check_header};
use crate::manifest::Manifest;

/// Name of the custom section.
pub const MANIFEST_SECTION: &str = "cleargate:manifest";
/// Bytes of a manifest in either form: the same bound that a line of the index has.
pub const MAX_MANIFEST_LEN: usize = 64 * 1024;

/// Length of the magic number and the version, before the first section.
const HEADER_LEN: usize = 8;

/// Returns the component with `manifest` inside; one that was there is replaced.
///
/// # Errors
/// Bytes that are no component, or a manifest beyond [`MAX_MANIFEST_LEN`].
pub fn embed_manifest(bytes: &[u8], manifest: &Manifest) -> Result<Vec<u8>, ComponentError> {
    check_header(bytes)?;
    let json = manifest.to_canonical_json();
    if json.len() > MAX_MANIFEST_LEN {
        return Err(too_long(json.len()));
    }
    let mut out = Vec::with_capacity(bytes.len() + json.len() + 64);
    out.extend_from_slice(&bytes[..HEADER_LEN]);
    for section in sections(bytes)? {
        if section.manifest.is_none() {
            out.extend_from_slice(section.bytes);
        }
    }
    let section = CustomSection { name: MANIFEST_SECTION.into(), data: json.as_bytes().into() };
    out.push(section.id());
    section.encode(&mut out);
    Ok(out)
}

/// The manifest inside `bytes`, when there is one.
pub(super) fn read_manifest(bytes: &[u8]) -> Result<Option<Manifest>, ComponentError> {
    let mut found = None;
    for data in sections(bytes)?.into_iter().filter_map(|section| section.manifest) {
        if found.is_some() {
            return Err(ComponentError::Section("it appears twice".into()));
        }
        if data.len() > MAX_MANIFEST_LEN {
            return Err(too_long(data.len()));
        }
        found = Some(Manifest::from_json(data)?);
    }
    Ok(found)
}

fn too_long(len: usize) -> ComponentError {
    ComponentError::Section(format!("{len} bytes; a manifest has at most {MAX_MANIFEST_LEN}"))
}

/// A section with its header, and its content when it is the manifest.
struct TopSection<'a> {
    bytes: &'a [u8],
    manifest: Option<&'a [u8]>,
}

fn sections(bytes: &[u8]) -> Result<Vec<TopSection<'_>>, ComponentError> {
    const CUSTOM: u8 = 0;
    let mut reader = BinaryReader::new(&bytes[HEADER_LEN..], HEADER_LEN);
    let mut sections = Vec::new();
    while !reader.eof() {
        let start = reader.original_position();
        let id = reader.read_u8()?;
        let len = reader.read_var_u32()? as usize;
        let content_at = reader.original_position();
        let content = reader.read_bytes(len)?;
        let manifest = if id == CUSTOM {
            let mut inside = BinaryReader::new(content, content_at);
            let name = inside.read_string()?;
            (name == MANIFEST_SECTION).then(|| &content[inside.current_position()..])
        } else {
            None
        };
        sections.push(TopSection { bytes: &bytes[start..reader.original_position()], manifest });
    }
    Ok(sections)
}

//! What a component says about itself, read from its bytes without an engine.
//!
//! Imports and exports cannot lie, so kinds and required capabilities come from here and never from what
//! an author writes. Size and counts are checked first (`bounds`), types are validated next, and code is
//! left to the engine, which validates it when it compiles.

mod bounds;
mod interface;
mod section;

use std::collections::BTreeSet;

use cleargate_flow::signature::PluginKind;
use wasmparser::{
    ComponentExternalKind, Encoding, Parser, Payload, ValidPayload, Validator, WasmFeatures,
};

pub use bounds::{
    MAX_DEFINITIONS, MAX_DEPTH, MAX_EXTERNS, MAX_INSTANCES, MAX_MEMORIES, MAX_TABLES,
};
pub use interface::{Interface, WASI, WASI_VERSIONS};
pub use section::{MANIFEST_SECTION, MAX_MANIFEST_LEN, embed_manifest};

use crate::digest::Digest;
use crate::manifest::{Manifest, ManifestError};

/// Bytes of a package: an interpreter with its libraries is about 20 MiB.
pub const MAX_PACKAGE_LEN: u64 = 32 * 1024 * 1024;

/// The facts that the bytes of a component state.
#[derive(Clone, Debug, PartialEq)]
pub struct Component {
    /// What the component plays, by the names of its exports. One that exports none of the kinds is a tool: each
    /// of its functions.
    pub kinds: BTreeSet<PluginKind>,
    /// Interfaces that a host must serve.
    pub imports: Vec<Interface>,
    /// Imports that are no interface of a package; no host serves them.
    pub bare_imports: Vec<String>,
    /// Interfaces that it offers.
    pub exports: Vec<Interface>,
    /// Functions that it exports outside any interface.
    pub functions: Vec<String>,
    /// The manifest inside, when there is one.
    pub manifest: Option<Manifest>,
    /// Of all bytes, the manifest inside included.
    pub digest: Digest,
    /// Number of bytes.
    pub size: u64,
}

/// Why bytes are no component that ClearGate takes.
#[derive(Debug, thiserror::Error)]
pub enum ComponentError {
    /// More than [`MAX_PACKAGE_LEN`].
    #[error("the file has {size} bytes; a package has at most {MAX_PACKAGE_LEN}")]
    TooLarge {
        /// Bytes of the file.
        size: u64,
    },
    /// Does not start with the magic number.
    #[error("this is no WebAssembly: the file does not start with `\\0asm`")]
    NotWasm,
    /// A module without the component layer.
    #[error(
        "this is a core module, not a component; build it with `cleargate plugin build`, or wrap it with \
         `wasm-tools component new`"
    )]
    CoreModule,
    /// Broken inside.
    #[error("the component is damaged at byte {offset:#x}: {message}")]
    Malformed {
        /// Position in the file.
        offset: u64,
        /// What was expected there.
        message: String,
    },
    /// A count above its bound.
    #[error("the component makes more than {max} {what} ({count}); split it into several plugins")]
    TooMany {
        /// What is counted.
        what: &'static str,
        /// How many there are, at least.
        count: u32,
        /// The bound.
        max: u32,
    },
    /// Components in components beyond [`MAX_DEPTH`].
    #[error("components are nested more than {MAX_DEPTH} deep; compose them flat")]
    TooDeep,
    /// Instantiates what it is given, so that nobody can say how large it becomes.
    #[error(
        "the component instantiates a module or component that it gets from outside, so its size has no \
         bound; compose that module into it"
    )]
    Unbounded,
    /// The manifest section is too long, doubled or wrong.
    #[error("section `{MANIFEST_SECTION}`: {0}")]
    Section(String),
    /// The manifest inside does not hold.
    #[error("section `{MANIFEST_SECTION}`: {0}")]
    Manifest(#[from] ManifestError),
}

impl From<wasmparser::BinaryReaderError> for ComponentError {
    fn from(e: wasmparser::BinaryReaderError) -> Self {
        Self::Malformed { offset: e.offset() as u64, message: e.message().into() }
    }
}

impl Component {
    /// Reads what `bytes` state. Never compiles; counts are refused before anything is validated.
    ///
    /// # Errors
    /// Bytes that are no component, are damaged, exceed a bound, or hold a wrong manifest.
    pub fn read(bytes: &[u8]) -> Result<Self, ComponentError> {
        check_header(bytes)?;
        bounds::check(bytes)?;
        let mut component = Self {
            kinds: BTreeSet::new(),
            imports: Vec::new(),
            bare_imports: Vec::new(),
            exports: Vec::new(),
            functions: Vec::new(),
            manifest: section::read_manifest(bytes)?,
            digest: Digest::of(bytes),
            size: bytes.len() as u64,
        };
        let mut validator = Validator::new_with_features(WasmFeatures::all());
        let mut depth = 0_usize;
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload?;
            match validator.payload(&payload)? {
                ValidPayload::Parser(_) => depth += 1,
                ValidPayload::End(_) => depth = depth.saturating_sub(1),
                _ if depth == 0 => component.note(&payload)?,
                _ => {}
            }
        }
        component.kinds = component.exports.iter().filter_map(Interface::kind).collect();
        if component.kinds.is_empty()
            && !(component.exports.is_empty() && component.functions.is_empty())
        {
            component.kinds.insert(PluginKind::Tool);
        }
        Ok(component)
    }

    fn note(&mut self, payload: &Payload<'_>) -> Result<(), ComponentError> {
        match payload {
            Payload::ComponentImportSection(section) => {
                for import in section.clone() {
                    let import = import?;
                    let name = import.name.name;
                    match Interface::parse(name) {
                        Some(interface) => self.imports.push(interface),
                        // A type that a world-level function uses asks nothing of the host.
                        None if matches!(import.ty, wasmparser::ComponentTypeRef::Type(_)) => {}
                        None => self.bare_imports.push(name.into()),
                    }
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section.clone() {
                    let export = export?;
                    let name = export.name.name;
                    match Interface::parse(name) {
                        Some(interface) => self.exports.push(interface),
                        None if export.kind == ComponentExternalKind::Func => {
                            self.functions.push(name.into());
                        }
                        None => {}
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn check_header(bytes: &[u8]) -> Result<(), ComponentError> {
    let size = bytes.len() as u64;
    if size > MAX_PACKAGE_LEN {
        return Err(ComponentError::TooLarge { size });
    }
    if !bytes.starts_with(b"\0asm") {
        return Err(ComponentError::NotWasm);
    }
    match Parser::new(0).parse_all(bytes).next() {
        Some(Ok(Payload::Version { encoding: Encoding::Module, .. })) => {
            Err(ComponentError::CoreModule)
        }
        Some(Err(e)) => Err(e.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;

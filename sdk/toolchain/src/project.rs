//! What a project folder holds besides its code.

use std::fs;
use std::path::Path;

use cleargate_registry::Manifest;
use cleargate_registry::manifest::Build;

use crate::BuildError;

/// The file that makes a folder a plugin project.
pub(crate) const MANIFEST: &str = "plugin.toml";

pub(crate) fn manifest(project: &Path) -> Result<Manifest, BuildError> {
    let path = project.join(MANIFEST);
    match fs::read_to_string(&path) {
        Ok(text) => {
            Manifest::from_toml(&text).map_err(|cause| BuildError::Manifest { path, cause })
        }
        Err(cause) => Err(BuildError::Read { path, cause }),
    }
}

/// The module or component that the author built.
pub(crate) fn prebuilt(project: &Path, build: Option<&Build>) -> Result<Vec<u8>, BuildError> {
    let file = build.and_then(|b| b.component.as_ref()).ok_or(BuildError::NoComponent)?;
    let path = project.join(file);
    fs::read(&path).map_err(|cause| BuildError::Read { path, cause })
}

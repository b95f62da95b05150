//! Builds one project: toolchain, core module, component, one file.

use std::fs;
use std::path::{Path, PathBuf};

use cleargate_registry::manifest::Language;
use cleargate_registry::{Digest, Manifest};

use crate::{BuildError, Config, Progress, c, cargo, go, javascript, package, project, python};

/// Digits of the digest of a project's path: enough for the projects of a machine.
const PLACE_LEN: usize = 12;

/// A built plugin.
#[derive(Clone, Debug)]
pub struct Built {
    /// Where the component lies.
    pub wasm_path: PathBuf,
    /// The component, manifest inside.
    pub bytes: Vec<u8>,
    /// Of the bytes.
    pub digest: Digest,
    /// What built it, for provenance.
    pub toolchain: String,
    /// Number of bytes.
    pub size: u64,
    /// What the author wrote.
    pub manifest: Manifest,
}

/// Builds plugin projects.
#[derive(Clone, Debug)]
pub struct Builder {
    config: Config,
}

impl Builder {
    /// A builder with a configuration.
    pub fn new(config: Config) -> Self {
        Self { config }
    }

    /// Builds the project in the folder `project`. The same source gives the same bytes, wherever it lies, when
    /// all crates that it takes by path lie in its workspace.
    ///
    /// # Errors
    /// A manifest or a project that cannot be read, no toolchain (with the commands that install one), a
    /// failed build with what the toolchain said, or a component that asks for more than its manifest.
    pub fn build(
        &self,
        project: &Path,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Built, BuildError> {
        let manifest = project::manifest(project)?;
        let build = manifest.build.as_ref();
        let (module, toolchain) = match build.map(|build| build.language) {
            Some(Language::Rust) | None => cargo::build(&self.config, project, progress)?,
            Some(Language::Js) => javascript::build(&self.config, project, progress)?,
            Some(Language::Python) => python::build(&self.config, project, progress)?,
            Some(Language::C | Language::Cpp) => {
                c::build(&self.config, &manifest, project, progress)?
            }
            Some(Language::Go) => go::build(&self.config, project, progress)?,
            Some(Language::Prebuilt) => {
                (project::prebuilt(project, build)?, "prebuilt".to_string())
            }
        };
        progress(Progress::Packaging);
        let bytes = package::component(&module, &manifest)?;
        let wasm_path = self.keep(project, &bytes, &manifest)?;
        let (digest, size) = (Digest::of(&bytes), bytes.len() as u64);
        Ok(Built { wasm_path, bytes, digest, toolchain, size, manifest })
    }

    /// Writes the component in one step: a reader meets the old file or the new one. Each project has its own
    /// folder, because two projects may give a plugin the same name.
    fn keep(
        &self,
        project: &Path,
        bytes: &[u8],
        manifest: &Manifest,
    ) -> Result<PathBuf, BuildError> {
        let place = project.canonicalize();
        let place = place.map_err(|cause| BuildError::Read { path: project.into(), cause })?;
        let place = Digest::of(place.as_os_str().as_encoded_bytes()).hex();
        let folder = self.config.target_dir.join("components").join(&place[..PLACE_LEN]);
        let path = folder.join(format!("{}.wasm", manifest.plugin.name.name()));
        let write = || {
            fs::create_dir_all(&folder)?;
            let file = tempfile::NamedTempFile::new_in(&folder)?;
            fs::write(file.path(), bytes)?;
            file.persist(&path).map_err(|e| e.error)
        };
        write().map_err(|cause| BuildError::Write { path: path.clone(), cause })?;
        Ok(path)
    }
}

#[cfg(test)]
mod tests;

//! Where packages come from. A source hands out bytes; the provided methods decide whether to believe them.
//!
//! The methods that a caller uses check bounds, chain and digests, and are provided. An implementor writes
//! only the three that move bytes, so a new source cannot forget a check.

mod dir;
#[cfg(test)]
mod fixture;

use std::io;

pub use dir::{Dir, PublishError};
#[cfg(test)]
pub(crate) use fixture::test_package;

use crate::component::{Component, ComponentError};
use crate::digest::{Digest, DigestMismatch};
use crate::index::{History, IndexError, Release};
use crate::name::{PackageName, Version};

/// Why a source gave nothing, or gave something that is not believed.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The bytes could not be had.
    #[error("{what}: {source}")]
    Io {
        /// The file or address.
        what: String,
        /// The cause.
        source: io::Error,
    },
    /// The history of the package is refused.
    #[error("index of {package}: {source}; restore it from a copy, or remove it and publish again")]
    Index {
        /// The package.
        package: PackageName,
        /// The cause.
        source: IndexError,
    },
    /// The index says other things about a version than its bytes.
    #[error(
        "the index says other things about {package} {version} than the component itself; use nothing from \
         that registry until its owner explains it"
    )]
    Lies {
        /// The package.
        package: PackageName,
        /// The version.
        version: Version,
    },
    /// The index names bytes that the source does not have.
    #[error("{package} {version} is in the index, but its bytes are gone; publish it again")]
    Gone {
        /// The package.
        package: PackageName,
        /// The version.
        version: Version,
    },
    /// The version was revoked.
    #[error("{package} {version} was revoked: {reason}; it is refused everywhere")]
    Revoked {
        /// The package.
        package: PackageName,
        /// The version.
        version: Version,
        /// Why.
        reason: String,
    },
    /// The bytes are not the ones of the index.
    #[error(transparent)]
    Digest(#[from] DigestMismatch),
    /// The bytes are no package.
    #[error("{package} {version}: {source}")]
    Component {
        /// The package.
        package: PackageName,
        /// The version.
        version: Version,
        /// The cause.
        source: Box<ComponentError>,
    },
}

/// A place that serves packages.
pub trait Source {
    /// What a lock file calls this source, as `dir:./registry`.
    fn label(&self) -> &str;

    /// Names of all packages, sorted.
    ///
    /// # Errors
    /// When the list cannot be had.
    fn packages(&self) -> Result<Vec<PackageName>, SourceError>;

    /// The index file as it is, unverified; nothing when the package is unknown.
    ///
    /// # Errors
    /// When the bytes cannot be had.
    fn index_bytes(&self, package: &PackageName) -> Result<Option<Vec<u8>>, SourceError>;

    /// The component as it is, unverified; nothing when it is not there.
    ///
    /// # Errors
    /// When the bytes cannot be had.
    fn package_bytes(
        &self,
        package: &PackageName,
        version: &Version,
    ) -> Result<Option<Vec<u8>>, SourceError>;

    /// The verified history of a package; nothing when the package is unknown.
    ///
    /// # Errors
    /// Bytes that cannot be had or do not hold.
    fn history(&self, package: &PackageName) -> Result<Option<History>, SourceError> {
        let Some(bytes) = self.index_bytes(package)? else { return Ok(None) };
        let history = History::parse(&bytes)
            .map_err(|source| SourceError::Index { package: package.clone(), source })?;
        Ok(Some(history))
    }

    /// The bytes of a release, with the digests of the index, which the caller may have from a lock.
    ///
    /// # Errors
    /// Bytes that are absent, revoked, or not the ones that `release` promises.
    fn fetch(&self, package: &PackageName, release: &Release) -> Result<Vec<u8>, SourceError> {
        let version = &release.vers;
        let revoked = self.history(package)?.and_then(|h| h.revoked(version).map(str::to_owned));
        if let Some(reason) = revoked {
            let (package, version) = (package.clone(), version.clone());
            return Err(SourceError::Revoked { package, version, reason });
        }
        let bytes = self.package_bytes(package, version)?.ok_or_else(|| SourceError::Gone {
            package: package.clone(),
            version: version.clone(),
        })?;
        verify(package, release, &bytes)?;
        Ok(bytes)
    }
}

/// Refuses bytes that are not the package which `release` describes: digest first, then what is inside.
fn verify(package: &PackageName, release: &Release, bytes: &[u8]) -> Result<(), SourceError> {
    let version = &release.vers;
    release.wasm.verify(bytes, format_args!("{package} {version}"))?;
    let component = Component::read(bytes).map_err(|e| SourceError::Component {
        package: package.clone(),
        version: version.clone(),
        source: Box::new(e),
    })?;
    let inside = component.manifest.as_ref().map_or_else(|| Digest::of(b""), |m| m.digest());
    if inside != release.manifest {
        let what = format!("the manifest of {package} {version}");
        return Err(DigestMismatch { what, expected: release.manifest, found: inside }.into());
    }
    // What a resolver and a list of packages believe comes from the index alone.
    if let Some(manifest) = &component.manifest {
        let mut honest = Release::of(manifest, &component, release.published);
        honest.prev = release.prev;
        if honest != *release {
            let (package, version) = (package.clone(), version.clone());
            return Err(SourceError::Lies { package, version });
        }
    }
    Ok(())
}

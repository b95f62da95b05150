//! Machine code of a component: where it may come from, and the one `unsafe` of the product.
//!
//! Whoever can choose these bytes owns the process, so an `Artifact` is made in three places only: from the
//! answer of our own [`Compiler`], from a cache file whose authentication tag was checked first, and in a worker from
//! what its parent says, to whom it belongs anyway.

use wasmtime::component::Component;

use crate::compiler::{CompileError, Compiler};
use crate::engine::Engine;

/// Machine code that this installation made.
pub(crate) struct Artifact(Vec<u8>);

impl Artifact {
    /// Compiles a component.
    pub(crate) fn compile(
        compiler: &dyn Compiler,
        engine: &Engine,
        component: &[u8],
    ) -> Result<Self, CompileError> {
        compiler.compile(engine, component).map(Self)
    }

    /// Takes over bytes whose tag the cache has checked.
    pub(crate) fn authenticated(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Takes over bytes that the process sent which started this one to execute them.
    #[cfg(target_os = "linux")]
    pub(crate) fn of_parent(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Makes the code executable.
    pub(crate) fn component(&self, engine: &Engine) -> Result<Component, wasmtime::Error> {
        #[expect(
            unsafe_code,
            reason = "the bytes are what our own compiler made: an artifact exists only fresh from it, or \
                      read from the cache after the tag over content, digest and engine was verified, or \
                      what the parent of a worker took from there"
        )]
        unsafe {
            Component::deserialize(engine.wasmtime(), &self.0)
        }
    }
}

//! Machine code of a component: where it may come from, and the one `unsafe` of the product.
//!
//! Whoever can choose these bytes owns the process, so an `Artifact` is made in two places only: from the
//! answer of our own [`Compiler`], and from a cache file whose authentication tag was checked first.

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

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Makes the code executable.
    pub(crate) fn component(&self, engine: &Engine) -> Result<Component, wasmtime::Error> {
        #[expect(
            unsafe_code,
            reason = "the bytes are what our own compiler made: an artifact exists only fresh from it, or \
                      read from the cache after the tag over content, digest and engine was verified"
        )]
        unsafe {
            Component::deserialize(engine.wasmtime(), &self.0)
        }
    }
}

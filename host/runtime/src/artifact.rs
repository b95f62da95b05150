//! Machine code of a component: where it may come from, and the one `unsafe` of the product.
//!
//! Whoever can choose these bytes owns the process, so an `Artifact` is made in two places only: from the
//! answer of our own [`Compiler`], and from a cache file whose authentication tag was checked first.

use wasmtime::component::Component;

use crate::engine::Engine;

/// Turns the bytes of a component into machine code for an engine.
///
/// The answer is executed: an implementation is part of the trusted base. The built-in one compiles in this
/// process; one that compiles in a child process with limits on CPU and memory fits here as well.
pub trait Compiler: Send + Sync {
    /// Compiles `component` for `engine`. Blocks the thread; called for one component at a time.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the component.
    fn compile(&self, engine: &Engine, component: &[u8]) -> Result<Vec<u8>, String>;
}

/// Compiles in this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct InProcess;

impl Compiler for InProcess {
    fn compile(&self, engine: &Engine, component: &[u8]) -> Result<Vec<u8>, String> {
        engine.wasmtime().precompile_component(component).map_err(|error| format!("{error:#}"))
    }
}

/// Machine code that this installation made.
pub(crate) struct Artifact(Vec<u8>);

impl Artifact {
    /// Compiles a component.
    pub(crate) fn compile(
        compiler: &dyn Compiler,
        engine: &Engine,
        component: &[u8],
    ) -> Result<Self, String> {
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

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Counts compilations.
    #[derive(Default)]
    pub(crate) struct Counting(pub(crate) AtomicUsize);

    impl Compiler for Counting {
        fn compile(&self, engine: &Engine, component: &[u8]) -> Result<Vec<u8>, String> {
            self.0.fetch_add(1, Ordering::Relaxed);
            InProcess.compile(engine, component)
        }
    }
}

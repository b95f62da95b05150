//! What stands in the place of an interface that a plugin can do without and that was not granted.
//!
//! It has the functions of the interface and no way to the world: each of them answers `denied`, with the line that would
//! grant it. A plugin whose manifest asks for it under `[optional]` is loaded with these.

use cleargate_flow::error::{ErrorCode, NodeError};
use wasmtime::Engine;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker, ResourceType, Val};

use crate::fault::to_wire;
use crate::instance::Call;
use crate::meter::enter;

/// A resource that nobody is ever given.
struct Never;

/// An import that is refused, with the line that would grant it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) import: String,
    pub(crate) line: &'static str,
}

impl Refusal {
    /// Puts a refusal in the place of each function that `component` imports of the interface.
    pub(crate) fn link(
        &self,
        linker: &mut Linker<Call>,
        engine: &Engine,
        component: &Component,
    ) -> wasmtime::Result<()> {
        let ty = component.component_type();
        let Some((_, imported)) = ty.imports(engine).find(|(name, _)| *name == self.import) else {
            return Ok(());
        };
        let ComponentItem::ComponentInstance(interface) = imported.ty else { return Ok(()) };
        let mut instance = linker.instance(&self.import)?;
        for (name, item) in interface.exports(engine) {
            match item.ty {
                ComponentItem::ComponentFunc(_) => {
                    let denied = self.answer(name);
                    instance.func_new(name, move |mut store, _, _, results| {
                        enter(&mut store, 0)?;
                        if let [result] = results {
                            *result = denied.clone();
                        }
                        Ok(())
                    })?;
                }
                ComponentItem::Resource(_) => {
                    instance.resource(name, ResourceType::host::<Never>(), |_, _| Ok(()))?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The error of the contract, as a value of its type.
    fn answer(&self, function: &str) -> Val {
        let interface = self.import.split('@').next().unwrap_or(&self.import);
        let message = format!("`{interface}` was not granted, so nothing answers `{function}`");
        let error = NodeError::new(ErrorCode::Denied, message).with_help(self.line);
        let error = to_wire(&error);
        let text = Val::String;
        let record = vec![
            ("code".into(), Val::Enum("denied".into())),
            ("message".into(), text(error.message)),
            ("retryable".into(), Val::Bool(error.retryable)),
            ("detail".into(), Val::Option(error.detail.map(|detail| Box::new(text(detail))))),
        ];
        Val::Result(Err(Some(Box::new(Val::Record(record)))))
    }
}

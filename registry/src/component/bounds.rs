//! Counts what a component would make when it is instantiated, before anything validates or compiles it.
//!
//! A small file can describe a large world: one section header declares 100,000 instances, and a nested
//! component that is instantiated ten times by one that is instantiated ten times multiplies. So sections
//! are counted by their headers, and each component's sum is multiplied by how often it is instantiated.
//! The walk is one pass over section headers and never looks into code.

use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind,
    ComponentTypeRef, Instance, Parser, Payload,
};

use super::ComponentError;

/// Core modules and nested components, together: composed plugins have some dozens.
pub const MAX_DEFINITIONS: u32 = 1_000;
/// Core and component instances after instantiation. Ten composed plugins have about two hundred.
pub const MAX_INSTANCES: u32 = 1_000;
/// Linear memories after instantiation: each reserves address space in the engine.
pub const MAX_MEMORIES: u32 = 100;
/// Tables after instantiation.
pub const MAX_TABLES: u32 = 100;
/// Imports of the outermost component, and exports: ours name at most one interface for each host service.
pub const MAX_EXTERNS: u32 = 1_000;
/// Levels of components in components: toolchains make two, composition adds one each.
pub const MAX_DEPTH: usize = 16;

/// What instantiating one module or component makes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Weight {
    instances: u32,
    memories: u32,
    tables: u32,
}

impl Weight {
    fn add(&mut self, other: Weight) -> Result<(), ComponentError> {
        self.instances = self.instances.saturating_add(other.instances);
        self.memories = self.memories.saturating_add(other.memories);
        self.tables = self.tables.saturating_add(other.tables);
        within("instances", self.instances, MAX_INSTANCES)?;
        within("memories", self.memories, MAX_MEMORIES)?;
        within("tables", self.tables, MAX_TABLES)
    }
}

pub(super) fn within(what: &'static str, count: u32, max: u32) -> Result<(), ComponentError> {
    if count > max { Err(ComponentError::TooMany { what, count, max }) } else { Ok(()) }
}

/// The module or component whose sections are being read. `None` in an index space is one whose content
/// is not known here: it comes from outside or out of an instance.
#[derive(Default)]
struct Frame {
    is_module: bool,
    modules: Vec<Option<Weight>>,
    components: Vec<Option<Weight>>,
    weight: Weight,
    imports: u32,
    exports: u32,
}

/// Refuses a component that is too large in one of the counted ways.
pub(super) fn check(bytes: &[u8]) -> Result<(), ComponentError> {
    let mut walk = Walk { stack: vec![Frame::default()], definitions: 0 };
    for payload in Parser::new(0).parse_all(bytes) {
        walk.payload(&payload?)?;
    }
    Ok(())
}

struct Walk {
    stack: Vec<Frame>,
    definitions: u32,
}

impl Walk {
    fn top(&mut self) -> &mut Frame {
        self.stack.last_mut().expect("the outermost frame stays until the end")
    }

    fn payload(&mut self, payload: &Payload<'_>) -> Result<(), ComponentError> {
        match payload {
            Payload::ModuleSection { .. } => self.open(true)?,
            Payload::ComponentSection { .. } => self.open(false)?,
            Payload::End(_) if self.stack.len() > 1 => self.close(),
            Payload::MemorySection(section) => {
                self.top().weight.add(Weight { memories: section.count(), ..Weight::default() })?;
            }
            Payload::TableSection(section) => {
                self.top().weight.add(Weight { tables: section.count(), ..Weight::default() })?;
            }
            Payload::InstanceSection(section) => {
                within("instances", section.count(), MAX_INSTANCES)?;
                for instance in section.clone() {
                    self.core_instance(&instance?)?;
                }
            }
            Payload::ComponentInstanceSection(section) => {
                within("instances", section.count(), MAX_INSTANCES)?;
                for instance in section.clone() {
                    self.component_instance(&instance?)?;
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section.clone() {
                    self.alias(&alias?);
                }
            }
            Payload::ComponentImportSection(section) => {
                let frame = self.top();
                frame.imports = frame.imports.saturating_add(section.count());
                within("imports", frame.imports, MAX_EXTERNS)?;
                for import in section.clone() {
                    match import?.ty {
                        ComponentTypeRef::Module(_) => self.top().modules.push(None),
                        ComponentTypeRef::Component(_) => self.top().components.push(None),
                        _ => {}
                    }
                }
            }
            Payload::ComponentExportSection(section) => {
                let frame = self.top();
                frame.exports = frame.exports.saturating_add(section.count());
                within("exports", frame.exports, MAX_EXTERNS)?;
                for export in section.clone() {
                    let export = export?;
                    self.export(export.kind, export.index);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self, is_module: bool) -> Result<(), ComponentError> {
        self.definitions += 1;
        within("modules and components", self.definitions, MAX_DEFINITIONS)?;
        if self.stack.len() >= MAX_DEPTH {
            return Err(ComponentError::TooDeep);
        }
        self.stack.push(Frame { is_module, ..Frame::default() });
        Ok(())
    }

    fn close(&mut self) {
        let done = self.stack.pop().expect("only called above the outermost frame");
        let top = self.top();
        if done.is_module { &mut top.modules } else { &mut top.components }.push(Some(done.weight));
    }

    fn core_instance(&mut self, instance: &Instance<'_>) -> Result<(), ComponentError> {
        let top = self.top();
        let inside = match instance {
            Instance::Instantiate { module_index, .. } => known(&top.modules, *module_index)?,
            Instance::FromExports(_) => Weight::default(),
        };
        top.weight.add(Weight { instances: 1, ..Weight::default() })?;
        top.weight.add(inside)
    }

    fn component_instance(&mut self, made: &ComponentInstance<'_>) -> Result<(), ComponentError> {
        let top = self.top();
        let inside = match made {
            ComponentInstance::Instantiate { component_index, .. } => {
                known(&top.components, *component_index)?
            }
            ComponentInstance::FromExports(_) => Weight::default(),
        };
        top.weight.add(Weight { instances: 1, ..Weight::default() })?;
        top.weight.add(inside)
    }

    fn alias(&mut self, alias: &ComponentAlias<'_>) {
        match alias {
            ComponentAlias::InstanceExport { kind: ComponentExternalKind::Module, .. } => {
                self.top().modules.push(None);
            }
            ComponentAlias::InstanceExport { kind: ComponentExternalKind::Component, .. } => {
                self.top().components.push(None);
            }
            ComponentAlias::Outer { kind: ComponentOuterAliasKind::CoreModule, count, index } => {
                let outer = self.outer(*count);
                let found = outer.and_then(|f| f.modules.get(*index as usize).copied().flatten());
                self.top().modules.push(found);
            }
            ComponentAlias::Outer { kind: ComponentOuterAliasKind::Component, count, index } => {
                let outer = self.outer(*count);
                let found =
                    outer.and_then(|f| f.components.get(*index as usize).copied().flatten());
                self.top().components.push(found);
            }
            _ => {}
        }
    }

    fn outer(&self, count: u32) -> Option<&Frame> {
        let at = (self.stack.len() - 1).checked_sub(count as usize)?;
        self.stack.get(at)
    }

    /// An export adds its item to the index space a second time.
    fn export(&mut self, kind: ComponentExternalKind, index: u32) {
        let top = self.top();
        let space = match kind {
            ComponentExternalKind::Module => &mut top.modules,
            ComponentExternalKind::Component => &mut top.components,
            _ => return,
        };
        let item = space.get(index as usize).copied().flatten();
        space.push(item);
    }
}

fn known(space: &[Option<Weight>], index: u32) -> Result<Weight, ComponentError> {
    space.get(index as usize).copied().flatten().ok_or(ComponentError::Unbounded)
}

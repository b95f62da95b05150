//! What can be said of a component from its sections alone, before anything is compiled.
//!
//! Compilation takes time and memory that a stranger chooses. So size, counts and the names of imports and
//! exports are read first, in one pass that looks at headers and never at code.

use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind,
    ComponentTypeRef, Parser, Payload, TypeBounds,
};

use crate::engine::{
    COMPONENTS_PER_COMPONENT, CORE_INSTANCES_PER_COMPONENT, MEMORIES_PER_COMPONENT,
    TABLES_PER_COMPONENT,
};

/// Bytes of a component: twice the largest that a known toolchain makes (Python, 18 MB).
pub const MAX_COMPONENT: usize = 32 * 1024 * 1024;

/// Core modules in a component. Python has about 120.
const MAX_MODULES: u64 = 256;

/// Functions with a body. Python has about 30,000.
const MAX_FUNCTIONS: u64 = 250_000;

/// Bytes of one function: a sixteenth of the largest component. The compiler's work grows faster than a function.
const MAX_FUNCTION: u64 = 2 * 1024 * 1024;

/// Everything else that sections list, such as types, aliases and segments: one for each 64 bytes of the
/// largest component.
const MAX_ENTRIES: u64 = 500_000;

/// Components inside components, one in the other.
const MAX_NESTING: usize = 8;

/// Instances, when each nested component is instantiated as often as it can be. An upper bound that is
/// computed without resolving names, so it is well above what the pool gives: a plugin in JavaScript that uses every
/// service comes to 4,200 and takes some sixty.
const MAX_INSTANCES: u32 = 8_192;

/// Imports and exports at the top. Each costs a look-up at each load.
const MAX_NAMES: u64 = 512;

/// Why bytes are refused before they are compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InspectError {
    /// More bytes than [`MAX_COMPONENT`].
    #[error("{size} bytes; a component may have {MAX_COMPONENT}")]
    TooLarge {
        /// How many there are.
        size: usize,
    },
    /// A core module, text, or something else.
    #[error("{0}")]
    NoComponent(&'static str),
    /// The bytes are damaged.
    #[error("damaged at byte {offset}: {why}")]
    Damaged {
        /// Where.
        offset: u64,
        /// What the reader expected.
        why: String,
    },
    /// More of something than is allowed.
    #[error("{count} {what}; a component may have {limit}")]
    TooMany {
        /// In the plural.
        what: &'static str,
        /// How many there are at least.
        count: u64,
        /// How many there may be.
        limit: u64,
    },
}

/// What a component asks for and offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Inspected {
    /// Names of imports, in their order.
    pub(crate) imports: Vec<String>,
    /// Names of exports, in their order.
    pub(crate) exports: Vec<String>,
    /// Core instances that an instance of it has at most.
    pub(crate) instances: u32,
    /// Components with code of their own that an instance of it has at most.
    pub(crate) components: u32,
}

/// Reads headers and checks all counts.
pub(crate) fn inspect(bytes: &[u8]) -> Result<Inspected, InspectError> {
    if bytes.len() > MAX_COMPONENT {
        return Err(InspectError::TooLarge { size: bytes.len() });
    }
    if Parser::is_core_wasm(bytes) {
        return Err(InspectError::NoComponent(
            "a core module and not a component: build it with `cleargate plugin build`, which wraps it",
        ));
    }
    if !Parser::is_component(bytes) {
        return Err(InspectError::NoComponent(
            "not a WebAssembly component: the magic bytes differ",
        ));
    }
    let mut counter = Counter::default();
    for payload in Parser::new(0).parse_all(bytes) {
        counter.see(payload?)?;
    }
    Ok(counter.found)
}

impl From<wasmparser::BinaryReaderError> for InspectError {
    fn from(error: wasmparser::BinaryReaderError) -> Self {
        Self::Damaged { offset: error.offset() as u64, why: error.message().into() }
    }
}

#[derive(Default)]
struct Counter {
    found: Inspected,
    open: Vec<Frame>,
    modules: u64,
    memories: u64,
    tables: u64,
    functions: u64,
    entries: u64,
    /// The dearest component that is complete, in instances and in components with code. What comes later can
    /// only instantiate those.
    dearest: u32,
    most_components: u32,
}

/// One component or module that is being read.
#[derive(Default)]
struct Frame {
    component: bool,
    core_instances: u32,
    /// How often this component instantiates another one.
    nested: u32,
    /// Components with code in the one that has most of them, among those that are written inside this one.
    inside: u32,
    /// Whether it also instantiates components that are written elsewhere.
    reaches_out: bool,
}

impl Counter {
    fn see(&mut self, payload: Payload<'_>) -> Result<(), InspectError> {
        if takes_a_component(&payload)? {
            self.top().reaches_out = true;
        }
        match payload {
            Payload::Version { encoding, .. } => {
                let component = encoding == wasmparser::Encoding::Component;
                if component {
                    within("levels of nesting", self.open.len() as u64, MAX_NESTING as u64)?;
                } else {
                    add(&mut self.modules, 1, "core modules", MAX_MODULES)?;
                }
                self.open.push(Frame { component, ..Frame::default() });
            }
            Payload::InstanceSection(section) => {
                let frame = self.top();
                frame.core_instances = frame.core_instances.saturating_add(section.count());
                let (count, most) = (frame.core_instances, CORE_INSTANCES_PER_COMPONENT);
                within("core instances", count.into(), most.into())?;
            }
            Payload::ComponentInstanceSection(section) => {
                within("instances", section.count().into(), MAX_INSTANCES.into())?;
                for instance in section {
                    if let ComponentInstance::Instantiate { .. } = instance? {
                        self.top().nested += 1;
                    }
                }
            }
            Payload::MemorySection(section) => {
                let most = u64::from(MEMORIES_PER_COMPONENT);
                add(&mut self.memories, section.count(), "memories", most)?;
            }
            Payload::TableSection(section) => {
                let most = u64::from(TABLES_PER_COMPONENT);
                add(&mut self.tables, section.count(), "tables", most)?;
            }
            Payload::FunctionSection(section) => {
                add(&mut self.functions, section.count(), "functions", MAX_FUNCTIONS)?;
            }
            Payload::ComponentImportSection(section) if self.open.len() == 1 => {
                within("imports", section.count().into(), MAX_NAMES)?;
                for import in section {
                    let import = import?;
                    // The name of a type that functions of the world use: it asks nothing of the host.
                    if !matches!(import.ty, ComponentTypeRef::Type(TypeBounds::Eq(_))) {
                        self.found.imports.push(import.name.name.to_owned());
                    }
                }
                within("imports", self.found.imports.len() as u64, MAX_NAMES)?;
            }
            Payload::ComponentExportSection(section) if self.open.len() == 1 => {
                within("exports", section.count().into(), MAX_NAMES)?;
                for export in section {
                    self.found.exports.push(export?.name.name.to_owned());
                }
                within("exports", self.found.exports.len() as u64, MAX_NAMES)?;
            }
            Payload::CodeSectionEntry(body) => {
                within("bytes of one function", body.range().len() as u64, MAX_FUNCTION)?;
            }
            Payload::End(_) => self.close()?,
            other => add(&mut self.entries, entries(&other), "entries of sections", MAX_ENTRIES)?,
        }
        Ok(())
    }

    fn top(&mut self) -> &mut Frame {
        self.open.last_mut().expect("a section follows a header")
    }

    /// Adds up what one instance of the component costs: its own core instances, and for each component that
    /// it instantiates the dearest one it could mean.
    fn close(&mut self) -> Result<(), InspectError> {
        let frame = self.open.pop().expect("an end follows a header");
        if frame.component {
            let each = self.dearest.saturating_add(1);
            let cost = frame.nested.saturating_mul(each).saturating_add(frame.core_instances);
            within("instances", cost.into(), MAX_INSTANCES.into())?;
            let own = u32::from(frame.core_instances > 0);
            let most = if frame.reaches_out { self.most_components } else { frame.inside };
            let components = frame.nested.saturating_mul(most).saturating_add(own);
            within("components with code", components.into(), COMPONENTS_PER_COMPONENT.into())?;
            self.dearest = self.dearest.max(cost);
            self.most_components = self.most_components.max(components);
            if let Some(outer) = self.open.last_mut() {
                outer.inside = outer.inside.max(components);
            }
            // The outermost component ends last.
            (self.found.instances, self.found.components) = (cost, components);
        }
        Ok(())
    }
}

/// Whether a section gives a name to a component that is written elsewhere: around this one, in an instance, or
/// outside of all.
fn takes_a_component(payload: &Payload<'_>) -> Result<bool, InspectError> {
    match payload {
        Payload::ComponentAliasSection(section) => {
            for alias in section.clone() {
                if let ComponentAlias::InstanceExport {
                    kind: ComponentExternalKind::Component,
                    ..
                }
                | ComponentAlias::Outer { kind: ComponentOuterAliasKind::Component, .. } = alias?
                {
                    return Ok(true);
                }
            }
        }
        Payload::ComponentImportSection(section) => {
            for import in section.clone() {
                if matches!(import?.ty, ComponentTypeRef::Component(_)) {
                    return Ok(true);
                }
            }
        }
        _ => {}
    }
    Ok(false)
}

/// How many things a section lists that has no bound of its own.
fn entries(payload: &Payload<'_>) -> u32 {
    match payload {
        Payload::TypeSection(section) => section.count(),
        Payload::ImportSection(section) => section.count(),
        Payload::TagSection(section) => section.count(),
        Payload::GlobalSection(section) => section.count(),
        Payload::ExportSection(section) => section.count(),
        Payload::ElementSection(section) => section.count(),
        Payload::DataSection(section) => section.count(),
        Payload::CoreTypeSection(section) => section.count(),
        Payload::ComponentTypeSection(section) => section.count(),
        Payload::ComponentAliasSection(section) => section.count(),
        Payload::ComponentCanonicalSection(section) => section.count(),
        Payload::ComponentImportSection(section) => section.count(),
        Payload::ComponentExportSection(section) => section.count(),
        _ => 0,
    }
}

fn within(what: &'static str, count: u64, limit: u64) -> Result<(), InspectError> {
    if count > limit { Err(InspectError::TooMany { what, count, limit }) } else { Ok(()) }
}

fn add(sum: &mut u64, more: u32, what: &'static str, limit: u64) -> Result<(), InspectError> {
    *sum += u64::from(more);
    within(what, *sum, limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> InspectError {
        inspect(&wat::parse_str(text).unwrap()).unwrap_err()
    }

    fn too_many(text: &str) -> &'static str {
        match refusal(text) {
            InspectError::TooMany { what, .. } => what,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn names_are_read_at_the_top_only() {
        let bytes = wat::parse_str(
            r#"(component
                (import "a:b/c" (instance))
                (type $number u32) (import "number" (type (eq $number)))
                (component $inner (import "hidden" (func)) (export "also-hidden" (func 0)))
                (core module $m)
                (core instance (instantiate $m)))"#,
        );
        let found = inspect(&bytes.unwrap()).unwrap();
        let imports = vec!["a:b/c".into()];
        assert_eq!(found, Inspected { imports, exports: vec![], instances: 1, components: 1 });
    }

    #[test]
    fn what_is_no_component_is_named() {
        assert!(matches!(inspect(b"hello"), Err(InspectError::NoComponent(_))));
        assert!(matches!(inspect(b""), Err(InspectError::NoComponent(_))));
        assert!(refusal("(module)").to_string().contains("core module"));
        let mut cut = wat::parse_str("(component (core module (func)))").unwrap();
        cut.truncate(cut.len() - 3);
        assert!(matches!(inspect(&cut), Err(InspectError::Damaged { .. })));
        let large = vec![0; MAX_COMPONENT + 1];
        assert_eq!(inspect(&large), Err(InspectError::TooLarge { size: MAX_COMPONENT + 1 }));
    }

    #[test]
    fn each_count_is_bounded() {
        let many = |item: &str, n: usize| item.repeat(n);
        let modules = many("(core module)", 257);
        assert_eq!(too_many(&format!("(component {modules})")), "core modules");
        let tables = many("(table 0 funcref)", 81);
        assert_eq!(too_many(&format!("(component (core module {tables}))")), "tables");
        let memories = many("(memory 0)", 17);
        assert_eq!(too_many(&format!("(component (core module {memories}))")), "memories");
        let imports: String = (0..513).map(|i| format!("(import \"i{i}\" (func))")).collect();
        assert_eq!(too_many(&format!("(component {imports})")), "imports");
        let globals = many("(global i32 (i32.const 0))", 500_001);
        let globals = format!("(component (core module {globals}))");
        assert_eq!(too_many(&globals), "entries of sections");
        let body = many("nop ", MAX_FUNCTION as usize + 1);
        let body = format!("(component (core module (func {body})))");
        assert_eq!(too_many(&body), "bytes of one function");
        let deep = format!("{}{}", many("(component", 10), many(")", 10));
        assert_eq!(too_many(&deep), "levels of nesting");
    }

    #[test]
    fn components_that_can_wait_beside_each_other_are_counted() {
        let composed = |parts: usize| {
            let part = "(instance (instantiate $part))".repeat(parts);
            let text = format!(
                "(component
                    (component $shim)
                    (component $part
                        (component $inside) (instance (instantiate $inside))
                        (core module $m) (core instance (instantiate $m)))
                    {part} (core module $m) (core instance (instantiate $m)))"
            );
            inspect(&wat::parse_str(text).unwrap())
        };
        assert_eq!(composed(15).unwrap().components, 16);
        match composed(16) {
            Err(InspectError::TooMany { what, .. }) => assert_eq!(what, "components with code"),
            other => panic!("{other:?}"),
        }
    }

    /// As the toolchains of interpreters write it: the answers to WASI are a component with many shims inside, beside
    /// the one with the interpreter.
    #[test]
    fn shims_do_not_count_as_what_lies_beside_them() {
        let shims = "(instance (instantiate $shim))".repeat(20);
        let code = "(core module $m) (core instance (instantiate $m))";
        let composed = |outer: &str| {
            let text = format!(
                "(component
                    (component $engine {code})
                    (component $answers (component $shim) {outer} {shims} {code})
                    (instance (instantiate $answers)) (instance (instantiate $engine)))"
            );
            inspect(&wat::parse_str(text).unwrap())
        };
        assert_eq!(composed("").unwrap().components, 2);
        for outer in [
            "(alias outer 1 $engine (component $x)) (instance (instantiate $x))",
            "(import \"x\" (component $x)) (instance (instantiate $x))",
            "(import \"i\" (instance $i (export \"c\" (component))))
             (alias export $i \"c\" (component $x)) (instance (instantiate $x))",
        ] {
            match composed(outer) {
                Err(InspectError::TooMany { what, count: 22, .. }) => {
                    assert_eq!(what, "components with code", "{outer}");
                }
                other => panic!("{outer}: {other:?}"),
            }
        }
    }

    #[test]
    fn components_that_multiply_are_counted_as_often_as_they_can_be() {
        let ten = |of: &str| format!("(instance (instantiate {of}))").repeat(10);
        let bomb = format!(
            "(component
                (component $a)
                (component $b (alias outer 1 $a (component $x)) {})
                (component $c (alias outer 1 $b (component $x)) {})
                (component $d (alias outer 1 $c (component $x)) {})
                {})",
            ten("$x"),
            ten("$x"),
            ten("$x"),
            ten("$d"),
        );
        assert_eq!(too_many(&bomb), "instances");
    }
}

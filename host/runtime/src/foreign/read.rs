//! Reads the functions of a foreign component and their types from its bytes, before anything is compiled.
//!
//! Types in a component are a graph in which a part can be used again and again: thirty lines unfold to more
//! than memory holds. So what is unfolded is counted, for each function and for all of them.

use cleargate_flow::signature::PluginKind;
use wasmparser::component_types::{
    ComponentDefinedType, ComponentEntityType, ComponentFuncTypeId, ComponentValType,
};
use wasmparser::types::Types;
use wasmparser::{Parser, PrimitiveValType, ValidPayload, Validator, WasmFeatures};

use super::shape::{Case, Name, Shape, Width};
use super::{Answer, Refused, Tool, Tools};
use crate::fault::cut;
use crate::inspect::{InspectError, Inspected};
use crate::linker::SERVED;

/// Parts of the types of one function: types, fields, cases and flags.
const MAX_PARTS: usize = 4_096;

/// The same for all functions of a component.
const MAX_ALL_PARTS: usize = 65_536;

/// Bytes of names in the types of one function: with them a value is no longer than its parts suggest.
const MAX_NAMES: usize = 64 * 1024;

/// Types inside types. Each gives at most two levels of JSON, which has 64, and one is the record of inputs.
const MAX_NESTING: usize = 30;

/// Functions that can be tools. As many as a component of the contract may describe.
const MAX_TOOLS: usize = 256;

/// Functions that are looked at: the refused ones are listed as well.
const MAX_LOOKED_AT: usize = 4_096;

/// Reads what the component exports. Functions that cannot be tools are refused, each with a reason.
///
/// # Errors
/// The sections are damaged, or there are too many functions.
pub(super) fn read(bytes: &[u8], inspected: &Inspected) -> Result<Tools, InspectError> {
    let types = validated(bytes)?;
    let mut reader = Reader::of(&types, PluginKind::Tool);
    for name in &inspected.exports {
        let Some(item) = types.as_ref().component_item_for_export(name) else { continue };
        match item.ty {
            ComponentEntityType::Func(id) => reader.function(None, name, id)?,
            ComponentEntityType::Instance(id) => {
                for (function, item) in &types[id].exports {
                    if let ComponentEntityType::Func(id) = item.ty {
                        reader.function(Some(name), function, id)?;
                    }
                }
            }
            _ => {}
        }
    }
    Ok(reader.found)
}

/// Reads the parts of the contract that the component exports: each function, or the reason why it is not one.
///
/// # Errors
/// The sections are damaged.
pub(super) fn parts(bytes: &[u8], exports: &[(PluginKind, &str)]) -> Result<Tools, InspectError> {
    let types = validated(bytes)?;
    let mut all = Tools::default();
    for (kind, name) in exports {
        let mut reader = Reader::of(&types, *kind);
        let item = types.as_ref().component_item_for_export(name);
        if let Some(ComponentEntityType::Instance(id)) = item.map(|item| item.ty) {
            for (function, item) in &types[id].exports {
                if let ComponentEntityType::Func(id) = item.ty {
                    reader.function(Some(name), function, id)?;
                }
            }
        }
        all.tools.extend(reader.found.tools);
        all.refused.extend(reader.found.refused);
    }
    Ok(all)
}

/// Checks types alone: bodies of functions are left to the engine.
fn validated(bytes: &[u8]) -> Result<Types, InspectError> {
    let mut validator = Validator::new_with_features(WasmFeatures::all());
    let mut types = None;
    for payload in Parser::new(0).parse_all(bytes) {
        if let ValidPayload::End(end) = validator.payload(&payload?)? {
            types = Some(end);
        }
    }
    types.ok_or(InspectError::NoComponent("a WebAssembly component without an end"))
}

struct Reader<'t> {
    types: &'t Types,
    kind: PluginKind,
    found: Tools,
    all: usize,
    seen: usize,
}

impl<'t> Reader<'t> {
    fn of(types: &'t Types, kind: PluginKind) -> Self {
        Self { types, kind, found: Tools::default(), all: 0, seen: 0 }
    }

    fn function(
        &mut self,
        interface: Option<&str>,
        function: &str,
        id: ComponentFuncTypeId,
    ) -> Result<(), InspectError> {
        self.seen += 1;
        if self.seen > MAX_LOOKED_AT {
            return Err(InspectError::TooMany {
                what: "exported functions",
                count: self.seen as u64,
                limit: MAX_LOOKED_AT as u64,
            });
        }
        if let Err(why) = self.tool(interface, function, id) {
            let path = interface.map_or(String::new(), |name| format!("{name}."));
            self.found.refused.push(Refused { function: cut(path + function, 256), why });
        }
        Ok(())
    }

    fn tool(
        &mut self,
        interface: Option<&str>,
        function: &str,
        id: ComponentFuncTypeId,
    ) -> Result<(), String> {
        if !self.kind.is_part() && interface.is_some_and(|name| name.starts_with("cleargate:")) {
            let why = "it is of the contract in a version that this host does not serve";
            return Err(format!("{why}: build the component for {SERVED}"));
        }
        if function.starts_with('[') {
            return Err("it belongs to a resource, and a resource does not outlive a call".into());
        }
        let part = self.kind.is_part();
        let name = super::id(interface.filter(|_| !part), function)?;
        if let Some(twin) = self.found.tools.iter().find(|tool| tool.id == name) {
            return Err(format!("`{}` has the same name, `{name}`", twin.path()));
        }
        if self.found.tools.len() == MAX_TOOLS {
            return Err(format!("a component gives at most {MAX_TOOLS} tools"));
        }
        let ty = &self.types[id];
        let mut unfolding = Unfolding { types: self.types, part, parts: 0, names: 0 };
        let mut params = Vec::with_capacity(ty.params.len());
        for (name, of) in &ty.params {
            params.push((unfolding.name(name.as_str())?, unfolding.value(of, 1)?));
        }
        if part {
            // The host gives it: what a caller gives comes behind it.
            let context = (!params.is_empty()).then(|| params.remove(0));
            if !context.is_some_and(|(_, shape)| is_context(&shape)) {
                return Err("its first parameter is no `call-context`".into());
            }
        }
        let answer = unfolding.answer(ty.result.as_ref())?;
        if self.all + unfolding.parts > MAX_ALL_PARTS {
            return Err(format!("all functions together have more than {MAX_ALL_PARTS} types"));
        }
        self.all += unfolding.parts;
        let (interface, function) = (interface.map(str::to_owned), function.to_owned());
        let tool = Tool { id: name, kind: self.kind, interface, function, params, answer };
        tool.signature()?;
        self.found.tools.push(tool);
        Ok(())
    }
}

struct Unfolding<'t> {
    types: &'t Types,
    /// Whether the contract's own types mean what they mean there.
    part: bool,
    parts: usize,
    names: usize,
}

impl Unfolding<'_> {
    fn answer(&mut self, result: Option<&ComponentValType>) -> Result<Answer, String> {
        let Some(ty) = result else { return Ok(Answer::Nothing) };
        match self.value(ty, 1)? {
            Shape::Result(cases) => {
                let [(_, ok), (_, err)] = *cases;
                Ok(Answer::Result { ok, err })
            }
            shape => Ok(Answer::Value(shape)),
        }
    }

    fn part(&mut self) -> Result<(), String> {
        self.parts += 1;
        match self.parts > MAX_PARTS {
            true => Err(format!("its types unfold to more than {MAX_PARTS} parts")),
            false => Ok(()),
        }
    }

    fn name(&mut self, name: &str) -> Result<Name, String> {
        self.part()?;
        self.names += name.len();
        match self.names > MAX_NAMES {
            true => Err(format!("the names in its types have more than {MAX_NAMES} bytes")),
            false => Ok(Name::new(name)),
        }
    }

    fn value(&mut self, ty: &ComponentValType, depth: usize) -> Result<Shape, String> {
        self.part()?;
        if depth > MAX_NESTING {
            return Err(format!("its types are nested more than {MAX_NESTING} levels deep"));
        }
        match ty {
            ComponentValType::Primitive(primitive) => simple(*primitive),
            ComponentValType::Type(id) => self.defined(&self.types[*id], depth + 1),
        }
    }

    fn defined(&mut self, ty: &ComponentDefinedType, depth: usize) -> Result<Shape, String> {
        use ComponentDefinedType as Defined;
        Ok(match ty {
            Defined::Primitive(primitive) => simple(*primitive)?,
            Defined::List { element, .. } => match self.value(element, depth)? {
                Shape::Int(Width::U8) => Shape::Bytes,
                of => Shape::List(Box::new(of)),
            },
            Defined::FixedLengthList { element, length, .. } => {
                Shape::Fixed(Box::new(self.value(element, depth)?), *length)
            }
            Defined::Tuple(tuple) => {
                let parts = tuple.types.iter().map(|ty| self.value(ty, depth));
                Shape::Tuple(parts.collect::<Result<_, _>>()?)
            }
            Defined::Record(record) => {
                let fields = record.fields.iter();
                let fields = fields
                    .map(|(name, ty)| Ok((self.name(name.as_str())?, self.value(ty, depth)?)));
                Shape::Record(fields.collect::<Result<_, String>>()?)
            }
            Defined::Variant(variant) => {
                let cases = variant.cases.iter();
                let cases =
                    cases.map(|(name, case)| self.case(name.as_str(), case.ty.as_ref(), depth));
                let cases: Vec<Case> = cases.collect::<Result<_, _>>()?;
                if self.part && named(&cases, &["json", "media", "other"]) {
                    Shape::Json
                } else {
                    Shape::Variant(cases)
                }
            }
            Defined::Result { ok, err, .. } => {
                let ok = self.case("ok", ok.as_ref(), depth)?;
                Shape::Result(Box::new([ok, self.case("err", err.as_ref(), depth)?]))
            }
            Defined::Enum(cases) => Shape::Enum(self.names(cases.iter().map(|n| n.as_str()))?),
            Defined::Flags(flags) => Shape::Flags(self.names(flags.iter().map(|n| n.as_str()))?),
            Defined::Option { ty, .. } => Shape::Option(Box::new(self.value(ty, depth)?)),
            Defined::Own(_) | Defined::Borrow(_) => {
                return Err("it passes a resource, and a resource does not outlive a call".into());
            }
            Defined::Stream { .. } | Defined::Future { .. } => {
                return Err(
                    "it passes a stream or a future; a value of a flow is there as a whole".into(),
                );
            }
            Defined::Map { .. } => return Err("it passes a `map`, which is not served yet".into()),
        })
    }

    fn case(
        &mut self,
        name: &str,
        payload: Option<&ComponentValType>,
        depth: usize,
    ) -> Result<Case, String> {
        let payload = payload.map(|ty| self.value(ty, depth)).transpose()?;
        Ok((self.name(name)?, payload))
    }

    fn names<'n>(&mut self, names: impl Iterator<Item = &'n str>) -> Result<Vec<Name>, String> {
        names.map(|name| self.name(name)).collect()
    }
}

fn named<T>(fields: &[(Name, T)], names: &[&str]) -> bool {
    fields.iter().map(|(name, _)| &*name.wit).eq(names.iter().copied())
}

fn is_context(shape: &Shape) -> bool {
    let names = [
        "run-id",
        "address",
        "attempt",
        "deadline",
        "idempotency-key",
        "binding",
        "tenant",
        "trace-parent",
    ];
    matches!(shape, Shape::Record(fields) if named(fields, &names))
}

fn simple(ty: PrimitiveValType) -> Result<Shape, String> {
    use PrimitiveValType as Wit;
    Ok(match ty {
        Wit::Bool => Shape::Bool,
        Wit::S8 => Shape::Int(Width::S8),
        Wit::U8 => Shape::Int(Width::U8),
        Wit::S16 => Shape::Int(Width::S16),
        Wit::U16 => Shape::Int(Width::U16),
        Wit::S32 => Shape::Int(Width::S32),
        Wit::U32 => Shape::Int(Width::U32),
        Wit::S64 => Shape::Int(Width::S64),
        Wit::U64 => Shape::Int(Width::U64),
        Wit::F32 => Shape::Float32,
        Wit::F64 => Shape::Float64,
        Wit::Char => Shape::Char,
        Wit::String => Shape::String,
        Wit::ErrorContext => return Err("it passes an `error-context`, which is no data".into()),
    })
}

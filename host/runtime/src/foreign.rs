//! Components that were not written for this contract: each function that they export is a tool.
//!
//! What such a component is comes from the types in its bytes alone. They say which JSON a function takes and
//! gives, so nobody writes glue, and a function whose types are no data is refused with the reason. The names:
//!
//! - a tool is `function`, or `interface_function` for a function of an interface;
//! - `-` is `_` in every name, as expressions need it: a parameter `max-items` is the input `max_items`;
//! - a variant's case is `"name"`, with a payload `{ "name": payload }`; a `result` inside of other types is a
//!   variant of `ok` and `err`, and one that a function returns is its value or its error;
//! - an `option` is the value or `null`, and may be left out of a record; around another one it is `null` or
//!   `{ "some": … }`; `list<u8>` is base64 text; flags are a list of names.
//!
//! The parts of the contract (`provider`, `embedder`, …) go the same way: their functions are called by their own types,
//! which are compared with the contract's when the component is loaded (`parts`).

pub(crate) mod convert;
pub(crate) mod parts;
mod read;
mod shape;

use std::fmt;

use cleargate_flow::address::NodeId;
use cleargate_flow::grant::Grants;
use cleargate_flow::limits::Limits;
use cleargate_flow::signature::{Effect, PluginKind, Signature};
use cleargate_flow::types::{Field, Kind, Type, from_json_schema};
use cleargate_flow::value::Value;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::fault::cut;
use crate::inspect::{InspectError, Inspected, inspect};
use shape::{Name, Shape, listed, record_schema};

/// Bytes of a function's signature in a summary: what a person reads of it.
const MAX_SIGNATURE: usize = 1_024;

/// The parameter of a part that its user's place fills: an empty record when it says nothing.
pub(crate) const CONFIG: &str = "config";

/// The functions of a component that exports none of the kinds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tools {
    /// Those that can be called.
    pub tools: Vec<Tool>,
    /// The others.
    pub refused: Vec<Refused>,
}

/// A function that is no tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// `interface.function` as the component calls it.
    pub function: String,
    /// What is in the way.
    pub why: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no tool: {}", self.function, self.why)
    }
}

/// A function that can be called as a tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    id: String,
    /// `Tool`, or the part that it belongs to.
    kind: PluginKind,
    interface: Option<String>,
    function: String,
    params: Vec<(Name, Shape)>,
    answer: Answer,
}

/// What a function returns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Answer {
    Nothing,
    Value(Shape),
    /// A `result`: the value, or the error of the call.
    Result {
        ok: Option<Shape>,
        err: Option<Shape>,
    },
}

impl Tools {
    /// Reads the functions that the component exports and their types. Nothing is compiled.
    ///
    /// # Errors
    /// The bytes are no component, are damaged, or exceed a bound.
    pub fn read(bytes: &[u8]) -> Result<Self, InspectError> {
        Self::of(bytes, &inspect(bytes)?)
    }

    pub(crate) fn of(bytes: &[u8], inspected: &Inspected) -> Result<Self, InspectError> {
        read::read(bytes, inspected)
    }
}

impl Tool {
    /// The name of the tool.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it is.
    pub fn kind(&self) -> PluginKind {
        self.kind
    }

    /// The name of the interface and of the function, as the component exports them.
    pub(crate) fn export(&self) -> (Option<&str>, &str) {
        (self.interface.as_deref(), &self.function)
    }

    fn path(&self) -> String {
        match &self.interface {
            Some(interface) if !self.kind.is_part() => format!("{interface}.{}", self.function),
            _ => self.function.clone(),
        }
    }

    /// How many values it returns.
    pub(crate) fn results(&self) -> usize {
        usize::from(self.answer != Answer::Nothing)
    }

    /// JSON Schema of what it takes: an object with a field for each parameter.
    pub fn input_schema(&self) -> Json {
        record_schema(&self.params)
    }

    /// JSON Schema of its value.
    pub fn output_schema(&self) -> Json {
        match &self.answer {
            Answer::Value(shape) | Answer::Result { ok: Some(shape), .. } => shape.schema(),
            Answer::Nothing | Answer::Result { ok: None, .. } => {
                serde_json::json!({ "type": "null" })
            }
        }
    }

    /// As the checker sees it: types come from the schemas, a signature in words from WIT. That a function without
    /// imports depends on its arguments alone is for the caller to add.
    ///
    /// # Errors
    /// A sentence that says why the types have no counterpart in flows.
    pub(crate) fn signature(&self) -> Result<Signature, String> {
        let ty = |schema: &Json| from_json_schema(schema).map_err(|error| error.to_string());
        let mut input: IndexMap<String, Field> = match ty(&self.input_schema())?.kind {
            Kind::Record(fields) => fields,
            other => return Err(format!("its input is no record but `{other}`")),
        };
        for (name, shape) in &self.params {
            let field = input.get_mut(&*name.json).expect("each parameter has a property");
            field.doc = Some(cut(shape.to_string(), MAX_SIGNATURE));
            if self.kind.is_part() && &*name.json == CONFIG {
                field.default = Some(Value::empty());
            }
        }
        let output: Type = match &self.answer {
            Answer::Nothing | Answer::Result { ok: None, .. } => Kind::Json.into(),
            Answer::Value(_) | Answer::Result { .. } => ty(&self.output_schema())?,
        };
        Ok(Signature {
            summary: cut(self.to_string(), MAX_SIGNATURE),
            input,
            open: false,
            output,
            config: IndexMap::new(),
            effect: Effect::Once,
            requests: Grants::default(),
            limits: Limits::default(),
            texts: Vec::new(),
            typed_by: None,
            program: false,
            model_key: None,
            origin: String::new(),
        })
    }
}

impl fmt::Display for Tool {
    /// As WIT writes it: `add: func(a: u32, b: u32) -> u32`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: func(", self.path())?;
        listed(f, &self.params, |f, (name, of)| write!(f, "{}: {of}", name.wit))?;
        f.write_str(")")?;
        match &self.answer {
            Answer::Nothing => Ok(()),
            Answer::Result { ok: Some(ok), .. } if self.kind.is_part() => {
                write!(f, " -> result<{ok}, error>")
            }
            Answer::Result { .. } if self.kind.is_part() => f.write_str(" -> result<_, error>"),
            Answer::Value(shape) => write!(f, " -> {shape}"),
            Answer::Result { ok: None, err: None } => f.write_str(" -> result"),
            Answer::Result { ok: Some(ok), err: None } => write!(f, " -> result<{ok}>"),
            Answer::Result { ok: None, err: Some(err) } => write!(f, " -> result<_, {err}>"),
            Answer::Result { ok: Some(ok), err: Some(err) } => write!(f, " -> result<{ok}, {err}>"),
        }
    }
}

/// The name of a tool, which is an id as flows know them.
fn id(interface: Option<&str>, function: &str) -> Result<String, String> {
    let interface = interface.map(|name| {
        let path = name.split('@').next().unwrap_or(name);
        path.rsplit('/').next().unwrap_or(path)
    });
    let words: Vec<&str> = interface.into_iter().chain([function]).collect();
    let id = words.join("_").replace('-', "_").to_ascii_lowercase();
    match id.parse::<NodeId>() {
        Ok(_) => Ok(id),
        Err(_) => {
            Err(format!("`{}` is no id: `[a-z][a-z0-9_]*`, at most 64 characters", cut(id, 64)))
        }
    }
}

//! Values of flows to values of WIT and back, along the types of a function.
//!
//! Both ways are bounded. What a guest returns is bounded before it is copied: the engine counts each part that it
//! makes against `output` (`instance`). What a guest is given can be larger than the JSON that says it, because an
//! option that is left out is a part as well: parts are counted against `memory`.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cleargate_flow::error::{ErrorCode, NodeError};
use cleargate_flow::limits::Effective;
use cleargate_flow::value::{Fields, Value};
use wasmtime::component::Val;

use super::shape::{Case, Name, Shape, Width};
use super::{Answer, CONFIG, Tool};
use crate::bindings::wire::CallContext;
use crate::fault::{Fault, MAX_MESSAGE, cut, output_fits};

/// Whole floats from here on are not exact.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl Tool {
    /// The arguments of a call, in the order of the function's parameters.
    ///
    /// A function of the contract is given `context` before them.
    pub(crate) fn arguments(
        &self,
        input: &Value,
        context: &CallContext,
        limits: &Effective,
    ) -> Result<Vec<Val>, Fault> {
        let mut lowering = Lowering { room: limits.memory.value, path: Vec::new() };
        let given = match input {
            Value::Map(fields) => fields.clone(),
            Value::Null => Arc::default(),
            other => return Err(invalid(format!("expected a record, found {}", other.shape()))),
        };
        let arguments = self.params.iter().map(|(name, shape)| lowering.field(&given, name, shape));
        let context = self.kind.is_part().then(|| Ok(lower_context(context)));
        context.into_iter().chain(arguments).collect::<Result<_, _>>().map_err(|stop| match stop {
            Stop::Misfit(why) => invalid(format!("input{}: {why}", lowering.place())),
            Stop::Full => {
                let most = limits.memory.value;
                Fault::limit("memory", format!("the input takes more than {most} bytes"))
            }
        })
    }

    /// The value or the error of a call, from what the function returned.
    pub(crate) fn outcome(&self, results: Vec<Val>, limits: &Effective) -> Result<Value, Fault> {
        let returned = results.into_iter().next();
        let (value, failed) = match (&self.answer, returned) {
            (Answer::Nothing, None) => (Ok(Value::Null), false),
            (Answer::Value(shape), Some(val)) => (raise(shape, val), false),
            (Answer::Result { ok, .. }, Some(Val::Result(Ok(val)))) => (payload(ok, val), false),
            (Answer::Result { err, .. }, Some(Val::Result(Err(val)))) => (payload(err, val), true),
            _ => (Err(NoValue::type_changed()), false),
        };
        let value = value.map_err(|why| why.fault())?;
        if value.measure().longest_json > limits.output.value {
            output_fits(value.to_json().len(), limits)?;
        }
        if failed { Err(self.failure(value)) } else { Ok(value) }
    }

    /// The error that a function returned. Its payload stays whole, as the detail; an error of the contract is one.
    fn failure(&self, detail: Value) -> Fault {
        if self.kind.is_part() {
            return Fault::Returned(contracted(&detail));
        }
        let case = match &detail {
            Value::String(text) => Some(text.to_string()),
            Value::Map(fields) if fields.len() == 1 => fields.keys().next().map(|k| k.to_string()),
            _ => None,
        };
        let message = case.unwrap_or_else(|| format!("`{}` returned an error", self.id));
        let error = NodeError::new(ErrorCode::Permanent, cut(message, MAX_MESSAGE));
        Fault::Returned(error.with_detail(detail))
    }
}

/// `error` of the contract.
fn contracted(error: &Value) -> NodeError {
    let text = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
    let code = text("code").parse().unwrap_or(ErrorCode::Permanent);
    let returned = NodeError::new(code, cut(text("message").into(), MAX_MESSAGE));
    match Value::from_json(text("detail")) {
        Ok(detail) => returned.with_detail(detail),
        Err(_) => returned,
    }
}

fn invalid(why: String) -> Fault {
    Fault::Returned(NodeError::new(ErrorCode::InvalidInput, cut(why, MAX_MESSAGE)))
}

/// `call-context` of the contract.
fn lower_context(context: &CallContext) -> Val {
    let text = |text: &str| Val::String(text.into());
    let maybe = |val: Option<Val>| Val::Option(val.map(Box::new));
    let fields = [
        ("run-id", text(&context.run_id)),
        ("address", text(&context.address)),
        ("attempt", Val::U32(context.attempt)),
        ("deadline", maybe(context.deadline.map(Val::U64))),
        ("idempotency-key", text(&context.idempotency_key)),
        ("binding", text(&context.binding)),
        ("tenant", text(&context.tenant)),
        ("trace-parent", maybe(context.trace_parent.as_deref().map(text))),
    ];
    Val::Record(fields.map(|(name, val)| (name.into(), val)).into())
}

/// Why an input cannot be given to a function.
enum Stop {
    Misfit(String),
    Full,
}

fn misfit<T>(why: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Misfit(why.into()))
}

/// Values of flows to values of WIT.
struct Lowering {
    /// Bytes of the engine's values that may still be made.
    room: u64,
    /// Where it is; what failed leaves it as it was there.
    path: Vec<String>,
}

impl Lowering {
    fn place(&self) -> String {
        self.path.iter().map(|part| format!("/{part}")).collect()
    }

    fn take(&mut self, bytes: usize) -> Result<(), Stop> {
        self.room = self.room.checked_sub(bytes as u64).ok_or(Stop::Full)?;
        Ok(())
    }

    fn field(&mut self, fields: &Fields, name: &Name, shape: &Shape) -> Result<Val, Stop> {
        self.path.push(name.json.to_string());
        let val = match (fields.get(&name.json), shape) {
            (Some(value), _) => self.val(shape, value)?,
            (None, Shape::Option(_)) => self.val(shape, &Value::Null)?,
            (None, Shape::Json) if &*name.json == CONFIG => self.val(shape, &Value::empty())?,
            (None, _) => return misfit("is missing"),
        };
        self.path.pop();
        Ok(val)
    }

    fn val(&mut self, shape: &Shape, value: &Value) -> Result<Val, Stop> {
        self.take(size_of::<Val>())?;
        Ok(match (shape, value) {
            (Shape::Bool, Value::Bool(truth)) => Val::Bool(*truth),
            (Shape::Int(width), Value::Int(number)) => int(*width, *number)?,
            // A whole number that a model or a JSON writer printed as `3.0` is still exact.
            (Shape::Int(width), Value::Float(x)) if x.fract() == 0.0 && x.abs() < EXACT => {
                int(*width, *x as i64)?
            }
            (Shape::Float64, Value::Float(x)) => Val::Float64(*x),
            (Shape::Float64, Value::Int(number)) => Val::Float64(*number as f64),
            (Shape::Float32, Value::Float(x)) => narrow(*x)?,
            (Shape::Float32, Value::Int(number)) => narrow(*number as f64)?,
            (Shape::Char, Value::String(text)) => character(text)?,
            (Shape::String, Value::String(text)) => {
                self.take(text.len())?;
                Val::String(text.to_string())
            }
            (Shape::Json, value) => {
                let text = value.to_json();
                self.take(text.len())?;
                Val::Variant("json".into(), Some(Box::new(Val::String(text))))
            }
            (Shape::Bytes, Value::String(text)) => self.bytes(text)?,
            (Shape::List(of), Value::List(items)) => Val::List(self.items(of, items)?),
            (Shape::Fixed(of, length), Value::List(items)) => {
                counted(*length as usize, items.len())?;
                Val::FixedLengthList(self.items(of, items)?)
            }
            (Shape::Tuple(shapes), Value::List(items)) => {
                counted(shapes.len(), items.len())?;
                let parts = shapes.iter().zip(items.iter()).enumerate();
                let parts = parts.map(|(i, (shape, item))| self.item(i, shape, item));
                Val::Tuple(parts.collect::<Result<_, _>>()?)
            }
            (Shape::Record(fields), Value::Map(given)) => {
                let fields = fields.iter().map(|(name, shape)| {
                    self.take(name.wit.len())?;
                    Ok((name.wit.clone(), self.field(given, name, shape)?))
                });
                Val::Record(fields.collect::<Result<_, _>>()?)
            }
            (Shape::Variant(cases), _) => {
                let (case, payload) = self.case(cases, value)?;
                Val::Variant(case.wit.clone(), payload)
            }
            (Shape::Result(cases), _) => match self.case(&cases[..], value)? {
                (case, payload) if &*case.json == "ok" => Val::Result(Ok(payload)),
                (_, payload) => Val::Result(Err(payload)),
            },
            (Shape::Enum(cases), Value::String(text)) => Val::Enum(named(cases, text)?.wit.clone()),
            (Shape::Option(_), Value::Null) => Val::Option(None),
            (Shape::Option(of), _) if of.takes_null() => Val::Option(Some(self.some(of, value)?)),
            (Shape::Option(of), _) => Val::Option(Some(Box::new(self.val(of, value)?))),
            (Shape::Flags(flags), Value::List(items)) => self.flags(flags, items)?,
            (shape, value) => {
                let expected = cut(shape.to_string(), 256);
                return misfit(format!("expected `{expected}`, found {}", value.shape()));
            }
        })
    }

    fn item(&mut self, index: usize, shape: &Shape, item: &Value) -> Result<Val, Stop> {
        self.path.push(index.to_string());
        let val = self.val(shape, item)?;
        self.path.pop();
        Ok(val)
    }

    fn items(&mut self, of: &Shape, items: &[Value]) -> Result<Vec<Val>, Stop> {
        items.iter().enumerate().map(|(index, item)| self.item(index, of, item)).collect()
    }

    fn bytes(&mut self, text: &str) -> Result<Val, Stop> {
        let bytes = BASE64_STANDARD.decode(text);
        let bytes = bytes.map_err(|error| Stop::Misfit(format!("it is no base64: {error}")))?;
        self.take(bytes.len().saturating_mul(size_of::<Val>()))?;
        Ok(Val::List(bytes.into_iter().map(Val::U8).collect()))
    }

    fn case<'c>(
        &mut self,
        cases: &'c [Case],
        value: &Value,
    ) -> Result<(&'c Name, Option<Box<Val>>), Stop> {
        let (text, payload) = match value {
            Value::String(text) => (text, None),
            Value::Map(fields) if fields.len() == 1 => {
                let (text, payload) = fields.first().expect("there is one");
                (text, Some(payload))
            }
            other => {
                let forms = "the name of a case, or a record of a case and its payload";
                return misfit(format!("expected {forms}, found {}", other.shape()));
            }
        };
        let Some((name, of)) = cases.iter().find(|(name, _)| name.json == *text) else {
            return none_of(text, cases.iter().map(|(name, _)| name));
        };
        self.take(name.wit.len())?;
        match (of, payload) {
            (None, None) => Ok((name, None)),
            (Some(of), Some(payload)) => {
                self.path.push(name.json.to_string());
                let val = self.val(of, payload)?;
                self.path.pop();
                Ok((name, Some(Box::new(val))))
            }
            (Some(_), None) => misfit(format!("case `{text}` needs a payload: {{ {text}: … }}")),
            (None, Some(_)) => misfit(format!("case `{text}` has no payload: write \"{text}\"")),
        }
    }

    /// The payload of an option around another option.
    fn some(&mut self, of: &Shape, value: &Value) -> Result<Box<Val>, Stop> {
        match value.get("some") {
            Some(payload) => Ok(Box::new(self.val(of, payload)?)),
            None => misfit("an option inside an option is `null` or `{ \"some\": … }`"),
        }
    }

    fn flags(&mut self, flags: &[Name], items: &[Value]) -> Result<Val, Stop> {
        let mut set = Vec::with_capacity(items.len().min(flags.len()));
        for item in items {
            let Some(text) = item.as_str() else {
                return misfit(format!("expected names of flags, found {}", item.shape()));
            };
            let name = named(flags, text)?;
            self.take(size_of::<String>() + name.wit.len())?;
            set.push(name.wit.clone());
        }
        Ok(Val::Flags(set))
    }
}

fn int(width: Width, number: i64) -> Result<Val, Stop> {
    let (least, most) = width.range();
    if !(least..=most).contains(&number) {
        return misfit(format!("{number} is not between {least} and {most}"));
    }
    // In range, so no cast loses anything.
    Ok(match width {
        Width::S8 => Val::S8(number as i8),
        Width::U8 => Val::U8(number as u8),
        Width::S16 => Val::S16(number as i16),
        Width::U16 => Val::U16(number as u16),
        Width::S32 => Val::S32(number as i32),
        Width::U32 => Val::U32(number as u32),
        Width::S64 => Val::S64(number),
        Width::U64 => Val::U64(number as u64),
    })
}

/// The nearest number of 32 bits; beyond them there is none.
fn narrow(number: f64) -> Result<Val, Stop> {
    let near = number as f32;
    if near.is_finite() {
        Ok(Val::Float32(near))
    } else {
        misfit(format!("{number} is beyond `f32`"))
    }
}

fn character(text: &str) -> Result<Val, Stop> {
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some(character), None) => Ok(Val::Char(character)),
        _ => misfit("expected one character"),
    }
}

fn counted(expected: usize, found: usize) -> Result<(), Stop> {
    if expected == found {
        Ok(())
    } else {
        misfit(format!("expected {expected} items, found {found}"))
    }
}

fn named<'n>(names: &'n [Name], text: &str) -> Result<&'n Name, Stop> {
    match names.iter().find(|name| *name.json == *text) {
        Some(name) => Ok(name),
        None => none_of(text, names.iter()),
    }
}

fn none_of<'n, T>(text: &str, names: impl Iterator<Item = &'n Name>) -> Result<T, Stop> {
    let names: Vec<&str> = names.take(32).map(|name| &*name.json).collect();
    let (text, names) = (cut(text.into(), 64), cut(names.join(", "), 512));
    misfit(format!("`{text}` is none of {names}"))
}

/// Why what a function returned is no value of a flow.
struct NoValue {
    code: ErrorCode,
    why: String,
}

impl NoValue {
    fn number(what: impl fmt::Display, why: &str) -> Self {
        let why = format!("the result has the number {what}, {why}");
        Self { code: ErrorCode::Permanent, why }
    }

    fn type_changed() -> Self {
        Self { code: ErrorCode::Bug, why: "the result is not of its type".into() }
    }

    fn fault(self) -> Fault {
        Fault::Returned(NodeError::new(self.code, self.why))
    }
}

fn payload(shape: &Option<Shape>, val: Option<Box<Val>>) -> Result<Value, NoValue> {
    match (shape, val) {
        (None, None) => Ok(Value::Null),
        (Some(shape), Some(val)) => raise(shape, *val),
        _ => Err(NoValue::type_changed()),
    }
}

/// A value of WIT as a value of flows.
fn raise(shape: &Shape, val: Val) -> Result<Value, NoValue> {
    Ok(match (shape, val) {
        (Shape::Bool, Val::Bool(truth)) => truth.into(),
        (Shape::Int(_), Val::S8(n)) => i64::from(n).into(),
        (Shape::Int(_), Val::U8(n)) => i64::from(n).into(),
        (Shape::Int(_), Val::S16(n)) => i64::from(n).into(),
        (Shape::Int(_), Val::U16(n)) => i64::from(n).into(),
        (Shape::Int(_), Val::S32(n)) => i64::from(n).into(),
        (Shape::Int(_), Val::U32(n)) => i64::from(n).into(),
        (Shape::Int(_), Val::S64(n)) => n.into(),
        (Shape::Int(_), Val::U64(n)) => match i64::try_from(n) {
            Ok(n) => n.into(),
            Err(_) => return Err(NoValue::number(n, "which is beyond 2^63 - 1")),
        },
        (Shape::Float32, Val::Float32(x)) => finite(x.into())?,
        (Shape::Float64, Val::Float64(x)) => finite(x)?,
        (Shape::Char, Val::Char(character)) => character.to_string().into(),
        (Shape::String, Val::String(text)) => text.into(),
        (Shape::Json, Val::Variant(case, Some(val))) => match (&*case, *val) {
            ("json", Val::String(text)) => Value::from_json(&text).map_err(|error| NoValue {
                code: ErrorCode::Bug,
                why: format!("the result is {error}"),
            })?,
            _ => {
                let why = "the result is a value that is not JSON, where JSON is needed";
                return Err(NoValue { code: ErrorCode::Bug, why: why.into() });
            }
        },
        (Shape::Bytes, Val::List(bytes)) => {
            let byte = |val: Val| if let Val::U8(byte) = val { Some(byte) } else { None };
            let bytes: Option<Vec<u8>> = bytes.into_iter().map(byte).collect();
            BASE64_STANDARD.encode(bytes.ok_or_else(NoValue::type_changed)?).into()
        }
        (Shape::List(of), Val::List(items)) => raise_all(items, |_| Some(of))?,
        (Shape::Fixed(of, _), Val::FixedLengthList(items)) => raise_all(items, |_| Some(of))?,
        (Shape::Tuple(shapes), Val::Tuple(items)) => raise_all(items, |index| shapes.get(index))?,
        (Shape::Record(shapes), Val::Record(fields)) => {
            let fields = shapes.iter().zip(fields);
            let fields =
                fields.map(|((name, shape), (_, val))| Ok((name.json.clone(), raise(shape, val)?)));
            Value::Map(Arc::new(fields.collect::<Result<_, NoValue>>()?))
        }
        (Shape::Variant(cases), Val::Variant(case, val)) => {
            let case = cases.iter().find(|(name, _)| name.wit == case);
            raise_case(case.ok_or_else(NoValue::type_changed)?, val)?
        }
        (Shape::Result(cases), Val::Result(Ok(val))) => raise_case(&cases[0], val)?,
        (Shape::Result(cases), Val::Result(Err(val))) => raise_case(&cases[1], val)?,
        (Shape::Enum(cases), Val::Enum(case)) => raise_name(cases, &case)?,
        (Shape::Option(_), Val::Option(None)) => Value::Null,
        (Shape::Option(of), Val::Option(Some(val))) => {
            let value = raise(of, *val)?;
            if of.takes_null() { Value::record([("some", value)]) } else { value }
        }
        (Shape::Flags(flags), Val::Flags(set)) => {
            let set = set.iter().map(|flag| raise_name(flags, flag));
            set.collect::<Result<Vec<_>, _>>()?.into()
        }
        _ => return Err(NoValue::type_changed()),
    })
}

fn raise_all<'s>(
    items: Vec<Val>,
    shape: impl Fn(usize) -> Option<&'s Shape>,
) -> Result<Value, NoValue> {
    let items = items.into_iter().enumerate();
    let items =
        items.map(|(index, val)| raise(shape(index).ok_or_else(NoValue::type_changed)?, val));
    Ok(items.collect::<Result<Vec<_>, _>>()?.into())
}

fn raise_case(case: &Case, val: Option<Box<Val>>) -> Result<Value, NoValue> {
    let (name, shape) = case;
    Ok(match val {
        None => name.json.clone().into(),
        some => Value::record([(name.json.clone(), payload(shape, some)?)]),
    })
}

fn raise_name(names: &[Name], wit: &str) -> Result<Value, NoValue> {
    let name = names.iter().find(|name| name.wit == wit);
    Ok(name.ok_or_else(NoValue::type_changed)?.json.clone().into())
}

fn finite(number: f64) -> Result<Value, NoValue> {
    if number.is_finite() {
        return Ok(Value::Float(number));
    }
    Err(NoValue::number(number, "which no JSON has"))
}

//! Components that were not written for this contract: what they export is a tool, whatever its types are.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use arbitrary::Unstructured;
use cleargate_flow::error::ErrorCode;
use cleargate_flow::grant::Grants;
use cleargate_flow::limits::Limits;
use cleargate_flow::signature::{Effect, PluginKind};
use cleargate_flow::value::Value;
use cleargate_runtime::foreign::Tools;
use cleargate_runtime::{Called, Fault, LoadError, Plugin};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::guests::{caller, runtime};
use crate::{MIB, limited, scale, stage};

/// The component of a core module and a world in WIT.
fn compose(wit: &str, module: &str) -> Arc<[u8]> {
    let mut resolve = Resolve::default();
    let package =
        resolve.push_str("foreign.wit", wit).unwrap_or_else(|e| panic!("{e:#}\n{wit:.2000}"));
    let world = resolve.select_world(&[package], None).unwrap();
    let mut module = wat::parse_str(module).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    let encoder = ComponentEncoder::default().validate(true).module(&module);
    encoder.unwrap().encode().unwrap().into()
}

/// Memory, and an allocator that never gives anything back.
const MEMORY: &str = r#"
    (memory (export "memory") 4)
    (global $next (mut i32) (i32.const 1024))
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
        (local.set $at (i32.and
            (i32.add (global.get $next) (i32.sub (local.get 2) (i32.const 1)))
            (i32.sub (i32.const 0) (local.get 2))))
        (global.set $next (i32.add (local.get $at) (local.get 3)))
        (local.get $at))"#;

/// A component of functions outside of interfaces.
fn functions(wit: &str, body: &str) -> Arc<[u8]> {
    let wit = format!("package test:foreign; world foreign {{ {wit} }}");
    compose(&wit, &format!("(module {MEMORY} {body})"))
}

async fn load(bytes: Arc<[u8]>) -> Plugin {
    runtime().load(bytes, &Grants::default()).await.unwrap()
}

async fn call(plugin: &Plugin, tool: &str, input: &str, limits: Limits) -> Called<Value> {
    plugin.call(tool, &caller(limits, &stage()), &Value::from_json(input).unwrap()).await
}

/// What a call gives, as JSON, or the code and the message of its error.
async fn said(plugin: &Plugin, tool: &str, input: &str) -> String {
    match call(plugin, tool, input, Limits::default()).await.result {
        Ok(value) => value.to_json(),
        Err(fault) => {
            let error: cleargate_flow::error::NodeError = fault.into();
            format!("{}: {}", error.code, error.message)
        }
    }
}

#[tokio::test]
async fn functions_of_any_component_are_tools() {
    let wit = "package test:calc@1.2.0;
        interface basic-math { add: func(left-side: u32, right: u32) -> u32; }
        world calc {
            export basic-math;
            export half: func(of: s8) -> result<f32, string>;
            export note: func(text: option<string>);
        }";
    let module = format!(
        r#"(module {MEMORY}
            (func (export "test:calc/basic-math@1.2.0#add") (param i32 i32) (result i32)
                (i32.add (local.get 0) (local.get 1)))
            (data (i32.const 64) "it is odd")
            (func (export "half") (param i32) (result i32)
                (i32.store8 (i32.const 16) (i32.and (local.get 0) (i32.const 1)))
                (if (i32.and (local.get 0) (i32.const 1))
                    (then (i32.store (i32.const 20) (i32.const 64))
                          (i32.store (i32.const 24) (i32.const 9)))
                    (else (f32.store (i32.const 20)
                        (f32.mul (f32.convert_i32_s (local.get 0)) (f32.const 0.5)))))
                (i32.const 16))
            (func (export "note") (param i32 i32 i32)))"#
    );
    let plugin = load(compose(wit, &module)).await;
    assert_eq!(plugin.kinds().collect::<Vec<_>>(), [PluginKind::Tool]);

    let described = plugin.describe().await.unwrap();
    let mut ids: Vec<&str> = described.iter().map(|d| d.id.as_str()).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["basic_math_add", "half", "note"]);
    let add = &described.iter().find(|d| d.id == "basic_math_add").unwrap().signature;
    // It imports nothing, so it may run again.
    assert_eq!((add.effect, add.output.to_string().as_str()), (Effect::Pure, "int"));
    assert_eq!(
        add.summary,
        "test:calc/basic-math@1.2.0.add: func(left-side: u32, right: u32) -> u32"
    );
    assert_eq!(
        (add.input["left_side"].min, add.input["right"].max),
        (Some(0.0), Some(4294967295.0))
    );

    for (tool, input, answer) in [
        ("basic_math_add", r#"{"left_side": 40, "right": 2}"#, "42"),
        ("basic_math_add", r#"{"left_side": 4294967295, "right": 2.0}"#, "1"),
        ("half", r#"{"of": -4}"#, "-2.0"),
        ("half", r#"{"of": 3}"#, "permanent: it is odd"),
        ("note", r#"{"text": "x"}"#, "null"),
        ("note", "{}", "null"),
        ("half", "{}", "invalid_input: input/of: is missing"),
        ("half", r#"{"of": 128}"#, "invalid_input: input/of: 128 is not between -128 and 127"),
        ("half", r#"{"of": "1"}"#, "invalid_input: input/of: expected `s8`, found string"),
        ("half", "[]", "invalid_input: expected a record, found list"),
    ] {
        assert_eq!(said(&plugin, tool, input).await, answer, "{tool} {input}");
    }
}

#[tokio::test]
async fn errors_of_functions_are_typed_and_keep_their_payload() {
    let wit = "variant problem { too-big(u8), empty }
        export fail: func(how: u8) -> result<_, problem>;";
    // Case 1 of `result`, and the case that it was asked for.
    let body = r#"(func (export "fail") (param i32) (result i32)
        (i32.store8 (i32.const 16) (i32.const 1))
        (i32.store8 (i32.const 17) (local.get 0))
        (i32.store8 (i32.const 18) (i32.const 9))
        (i32.const 16))"#;
    let plugin = load(functions(wit, body)).await;
    for (how, message, detail) in [(0, "too_big", r#"{"too_big":9}"#), (1, "empty", r#""empty""#)] {
        let called =
            call(&plugin, "fail", &format!(r#"{{"how": {how}}}"#), Limits::default()).await;
        match called.result {
            Err(Fault::Returned(error)) => {
                assert_eq!((error.code, error.message.as_str()), (ErrorCode::Permanent, message));
                assert_eq!(error.detail.to_json(), detail);
            }
            other => panic!("{other:?}"),
        }
    }
    // A case that the type does not have never becomes a value.
    let called = call(&plugin, "fail", r#"{"how": 2}"#, Limits::default()).await;
    assert!(matches!(called.result, Err(Fault::Trap { .. })), "{called:?}");
}

#[tokio::test]
async fn numbers_that_no_value_has_are_typed_errors() {
    let wit = "export f: func(bits: u32) -> f32; export d: func(bits: s64) -> f64;
        export vast: func() -> u64; export largest: func() -> u64; export wide: func(x: f32) -> f32;";
    let body = r#"
        (func (export "f") (param i32) (result f32) (f32.reinterpret_i32 (local.get 0)))
        (func (export "d") (param i64) (result f64) (f64.reinterpret_i64 (local.get 0)))
        (func (export "vast") (result i64) (i64.const -1))
        (func (export "largest") (result i64) (i64.const 0x7fffffffffffffff))
        (func (export "wide") (param f32) (result f32) (local.get 0))"#;
    let plugin = load(functions(wit, body)).await;
    for (tool, input, answer) in [
        (
            "f",
            r#"{"bits": 2143289344}"#,
            "permanent: the result has the number NaN, which no JSON has",
        ),
        (
            "f",
            r#"{"bits": 2139095040}"#,
            "permanent: the result has the number inf, which no JSON has",
        ),
        (
            "d",
            r#"{"bits": -4503599627370496}"#,
            "permanent: the result has the number -inf, which no JSON has",
        ),
        (
            "vast",
            "{}",
            "permanent: the result has the number 18446744073709551615, which is beyond 2^63 - 1",
        ),
        ("largest", "{}", "9223372036854775807"),
        (
            "wide",
            r#"{"x": 1e39}"#,
            "invalid_input: input/x: 1000000000000000000000000000000000000000 is beyond `f32`",
        ),
        ("wide", r#"{"x": 1}"#, "1.0"),
    ] {
        assert_eq!(said(&plugin, tool, input).await, answer, "{tool} {input}");
    }
}

/// A list of `length` parts at address 0, of any type.
fn list_of(element: &str, length: u32, pages: u32) -> Arc<[u8]> {
    let wit = format!("export give: func() -> list<{element}>;");
    let wit = format!("package test:foreign; world foreign {{ {wit} }}");
    let module = format!(
        r#"(module (memory (export "memory") {pages})
            (func (export "give") (result i32)
                (i32.store (i32.const 8) (i32.const 16))
                (i32.store (i32.const 12) (i32.const {length}))
                (i32.const 8)))"#
    );
    compose(&wit, &module)
}

#[tokio::test]
async fn a_huge_list_of_a_foreign_component_is_refused_by_its_length_before_it_is_copied() {
    let roomy = Limits { memory: Some(1024 * MIB), ..Limits::default() };
    let nested = "tuple<tuple<bool, bool>, tuple<bool, bool>>";
    for (element, length, pages) in [
        ("u8", 60_000_000, 1_000),
        ("string", 7_000_000, 1_000),
        (nested, 12_000_000, 1_000),
        ("option<u8>", 200_000, 64),
    ] {
        let plugin = load(list_of(element, length, pages)).await;
        let before = std::time::Instant::now();
        limited(call(&plugin, "give", "{}", roomy).await.result, "output");
        assert!(before.elapsed().as_secs() < 5, "{element}");
        // The same list is fine when it is short.
        let plugin = load(list_of(element, 3, 1)).await;
        assert!(call(&plugin, "give", "{}", roomy).await.result.is_ok(), "{element}");
    }
    // A length that is a lie.
    let plugin = load(list_of("u8", u32::MAX, 1)).await;
    let called = call(&plugin, "give", "{}", Limits::default()).await;
    assert!(matches!(called.result, Err(Fault::Trap { .. })), "{called:?}");
}

#[tokio::test]
async fn an_input_that_unfolds_in_its_types_is_bounded_by_memory() {
    let fields: String = (0..1_000).map(|i| format!("field{i}: option<u8>,")).collect();
    let wit = format!("record wide {{ {fields} }} export take: func(all: list<wide>);");
    let body = r#"(func (export "take") (param i32 i32))"#;
    let plugin = load(functions(&wit, body)).await;
    let input = |n: usize| format!(r#"{{"all": [{}]}}"#, vec!["{}"; n].join(","));
    assert_eq!(call(&plugin, "take", &input(1), Limits::default()).await.result, Ok(Value::Null));
    limited(call(&plugin, "take", &input(100_000), Limits::default()).await.result, "memory");
}

#[tokio::test]
async fn a_foreign_function_is_held_to_all_limits() {
    let wit = "export spin: func(); export grow: func() -> u32; export deep: func();";
    let body = r#"
        (func (export "spin") (loop (br 0)))
        (func (export "grow") (result i32) (memory.grow (i32.const 60000)) (drop) (unreachable))
        (func $deep (export "deep") (call $deep))"#;
    let body = body.replace(
        "(memory.grow (i32.const 60000)) (drop)",
        "(drop (memory.grow (i32.const 60000)))",
    );
    let plugin = load(functions(wit, &body)).await;
    let fuel = Limits { fuel: Some(100_000), ..Limits::default() };
    limited(call(&plugin, "spin", "{}", fuel).await.result, "fuel");
    let called = call(&plugin, "spin", "{}", crate::time(20)).await;
    assert_eq!(called.result, Err(Fault::Timeout { after: 20 }));
    limited(call(&plugin, "grow", "{}", Limits::default()).await.result, "memory");
    limited(call(&plugin, "deep", "{}", Limits::default()).await.result, "stack");
}

/// Why the only function of a component is refused.
async fn refusal(bytes: Arc<[u8]>) -> String {
    let error = runtime().load(bytes, &Grants::default()).await.unwrap_err();
    assert!(matches!(error, LoadError::NoTool(_)), "{error}");
    error.to_string()
}

/// A component whose function `f` takes a type that is written as a component in text.
fn takes(types: &str, last: &str) -> Arc<[u8]> {
    let text = format!(
        r#"(component
            (core module $m (memory (export "memory") 1) (func (export "f") (param i32 i32))
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) (unreachable)))
            (core instance $i (instantiate $m))
            {types}
            (func (export "f") (param "x" (list {last}))
                (canon lift (core func $i "f") (memory (core memory $i "memory")) (realloc (core func $i "realloc")))))"#
    );
    wat::parse_str(&text).unwrap_or_else(|e| panic!("{e}")).into()
}

#[tokio::test]
async fn types_that_unfold_without_measure_are_refused_before_compilation() {
    // Each type uses the one before it twice.
    let twice: String = (1..18).fold("(type $t0 (tuple u8 u8))".into(), |mut text: String, i| {
        write!(text, "(type $t{i} (tuple $t{} $t{}))", i - 1, i - 1).unwrap();
        text
    });
    assert!(refusal(takes(&twice, "$t17")).await.contains("more than 4096 parts"));
    let deep: String = (1..40).fold("(type $t0 (list u8))".into(), |mut text: String, i| {
        write!(text, "(type $t{i} (list $t{}))", i - 1).unwrap();
        text
    });
    assert!(refusal(takes(&deep, "$t39")).await.contains("30 levels deep"));
    let cases: String = (0..10_000).map(|i| format!(" c{i},")).collect();
    let wit = format!("enum many {{ {cases} }} export f: func(x: many);");
    let bytes = functions(&wit, r#"(func (export "f") (param i32))"#);
    assert!(refusal(bytes).await.contains("more than 4096 parts"));
    let name = "n".repeat(200);
    let names: String = (0..400).map(|i| format!("{name}{i}: u8,")).collect();
    let wit = format!("record long {{ {names} }} export f: func(x: long);");
    let bytes = functions(&wit, r#"(func (export "f") (param i32))"#);
    assert!(refusal(bytes).await.contains("more than 65536 bytes"));
}

#[tokio::test]
async fn what_is_no_data_is_refused_with_the_reason_and_the_rest_is_there() {
    let wit = "package test:foreign;
        interface files {
            resource file { constructor(); size: func() -> u64; }
            open: func() -> file;
            count: func() -> u32;
        }
        world foreign { export files; export later: async func() -> stream<u8>; }";
    let mut resolve = Resolve::default();
    let package = resolve.push_str("foreign.wit", wit).unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    let mangling = wit_parser::ManglingAndAbi::Legacy(wit_parser::LiftLowerAbi::Sync);
    let mut module = wit_component::dummy_module(&resolve, world, mangling);
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    let bytes = ComponentEncoder::default().module(&module).unwrap().encode().unwrap();
    let Tools { tools, refused } = Tools::read(&bytes).unwrap();
    assert_eq!(tools.iter().map(|t| t.id()).collect::<Vec<_>>(), ["files_count"]);
    let reasons: BTreeMap<&str, &str> =
        refused.iter().map(|r| (r.function.as_str(), r.why.as_str())).collect();
    for (function, why) in [
        ("test:foreign/files.[constructor]file", "belongs to a resource"),
        ("test:foreign/files.[method]file.size", "belongs to a resource"),
        ("test:foreign/files.open", "passes a resource"),
        ("later", "passes a stream"),
    ] {
        assert!(reasons[function].contains(why), "{function}: {reasons:?}");
    }
}

#[tokio::test]
async fn crowds_of_functions_and_names_that_are_no_ids_are_refused() {
    let many = |count: usize| {
        let exports: String = (0..count).map(|i| format!(r#"(export "f{i}" (func $f))"#)).collect();
        let text = format!(
            r#"(component (core module $m (func (export "f")))
                (core instance $i (instantiate $m))
                (func $f (canon lift (core func $i "f")))
                (instance $all {exports}) (export "a:b/c" (instance $all)))"#
        );
        wat::parse_str(text).unwrap()
    };
    let found = Tools::read(&many(300)).unwrap();
    assert_eq!((found.tools.len(), found.refused.len()), (256, 44));
    assert!(found.refused[0].why.contains("at most 256 tools"), "{:?}", found.refused[0]);
    let error = Tools::read(&many(5_000)).unwrap_err();
    assert!(error.to_string().contains("4096"), "{error}");

    let long = "a".repeat(80);
    let wit = format!("export %{long}: func(); export up-DOWN: func();");
    let body = format!(r#"(func (export "{long}")) (func (export "up-DOWN"))"#);
    let found = Tools::read(&functions(&wit, &body)).unwrap();
    assert_eq!(found.tools[0].id(), "up_down");
    assert!(found.refused[0].why.contains("is no id"), "{:?}", found.refused);

    let wit = "package test:foreign; interface x { a: func(); }
        world foreign { export x; export x-a: func(); }";
    let body = r#"(module (func (export "test:foreign/x#a")) (func (export "x-a")))"#;
    let found = Tools::read(&compose(wit, body)).unwrap();
    assert_eq!(found.tools.len(), 1);
    assert!(found.refused[0].why.contains("has the same name, `x_a`"), "{:?}", found.refused);
}

#[tokio::test]
async fn nothing_at_all_is_no_plugin() {
    let bytes: Arc<[u8]> = wat::parse_str("(component)").unwrap().into();
    let error = runtime().load(bytes, &Grants::default()).await.unwrap_err();
    assert!(matches!(error, LoadError::NoKind), "{error}");
}

/// A type as WIT writes it, and values of it as JSON has them.
struct Made {
    wit: String,
    null: bool,
    value: Box<Make>,
}

/// Makes a value of one type.
type Make = dyn Fn(&mut Unstructured<'_>) -> arbitrary::Result<Value>;

fn made(
    wit: impl Into<String>,
    value: impl Fn(&mut Unstructured<'_>) -> arbitrary::Result<Value> + 'static,
) -> Made {
    Made { wit: wit.into(), null: false, value: Box::new(value) }
}

/// Makes types; those that WIT wants a name for go to `named`.
struct Maker {
    named: Vec<String>,
}

impl Maker {
    fn name(&mut self, keyword: &str, body: &str) -> String {
        let name = format!("a-type{}", self.named.len());
        self.named.push(format!("{keyword} {name} {{ {body} }}"));
        name
    }

    fn simple(&mut self, u: &mut Unstructured<'_>) -> arbitrary::Result<Made> {
        macro_rules! int {
            ($wit:literal, $ty:ty) => {
                made($wit, |u| Ok(i64::from(u.arbitrary::<$ty>()?).into()))
            };
        }
        Ok(match u.int_in_range(0..=11)? {
            0 => made("bool", |u| Ok(u.arbitrary::<bool>()?.into())),
            1 => int!("s8", i8),
            2 => int!("u16", u16),
            3 => int!("s16", i16),
            4 => int!("u32", u32),
            5 => int!("s32", i32),
            6 => int!("s64", i64),
            7 => made("u64", |u| Ok(u.int_in_range(0..=i64::MAX)?.into())),
            8 => made("f32", |u| {
                let x = u.arbitrary::<f32>()?;
                Ok(Value::Float(if x.is_finite() { x.into() } else { 0.5 }))
            }),
            9 => made("f64", |u| {
                let x = u.arbitrary::<f64>()?;
                Ok(Value::Float(if x.is_finite() { x } else { 0.5 }))
            }),
            10 => made("char", |u| Ok(u.arbitrary::<char>()?.to_string().into())),
            _ => made("string", |u| Ok(u.arbitrary::<String>()?.into())),
        })
    }

    fn any(&mut self, u: &mut Unstructured<'_>, depth: usize) -> arbitrary::Result<Made> {
        if depth == 0 {
            return self.simple(u);
        }
        match u.int_in_range(0..=8)? {
            0 => self.list(u, depth),
            1 => self.record(u, depth),
            2 => self.tuple(u, depth),
            3 => self.variant(u, depth),
            4 => self.option(u, depth),
            5 => self.result(u, depth),
            6 => self.words(u),
            7 => Ok(made("list<u8>", |u| {
                let texts = ["", "AA==", "AP8=", "Zm9vYmFy"];
                Ok((*u.choose(&texts)?).into())
            })),
            _ => self.simple(u),
        }
    }

    fn list(&mut self, u: &mut Unstructured<'_>, depth: usize) -> arbitrary::Result<Made> {
        let of = self.any(u, depth - 1)?;
        Ok(made(format!("list<{}>", of.wit), move |u| {
            let items = (0..u.int_in_range(0..=3)?).map(|_| (of.value)(u));
            Ok(items.collect::<arbitrary::Result<Vec<_>>>()?.into())
        }))
    }

    fn record(&mut self, u: &mut Unstructured<'_>, depth: usize) -> arbitrary::Result<Made> {
        let count = u.int_in_range(1..=3)?;
        let of: Vec<Made> = (0..count).map(|_| self.any(u, depth - 1)).collect::<Result<_, _>>()?;
        let fields: String =
            of.iter().enumerate().map(|(i, of)| format!("the-field{i}: {},", of.wit)).collect();
        Ok(made(self.name("record", &fields), move |u| {
            let fields = of.iter().enumerate();
            let fields = fields.map(|(i, of)| Ok((format!("the_field{i}"), (of.value)(u)?)));
            Ok(Value::record(fields.collect::<arbitrary::Result<Vec<_>>>()?))
        }))
    }

    fn tuple(&mut self, u: &mut Unstructured<'_>, depth: usize) -> arbitrary::Result<Made> {
        let (a, b) = (self.any(u, depth - 1)?, self.any(u, depth - 1)?);
        Ok(made(format!("tuple<{}, {}>", a.wit, b.wit), move |u| {
            Ok(Value::list([(a.value)(u)?, (b.value)(u)?]))
        }))
    }

    fn variant(&mut self, u: &mut Unstructured<'_>, depth: usize) -> arbitrary::Result<Made> {
        let of = self.any(u, depth - 1)?;
        let body = format!("not-any, one-of({}), three", of.wit);
        Ok(made(self.name("variant", &body), move |u| {
            Ok(match u.int_in_range(0..=2)? {
                0 => "not_any".into(),
                1 => Value::record([("one_of", (of.value)(u)?)]),
                _ => "three".into(),
            })
        }))
    }

    fn option(&mut self, u: &mut Unstructured<'_>, depth: usize) -> arbitrary::Result<Made> {
        let of = self.any(u, depth - 1)?;
        let made = made(format!("option<{}>", of.wit), move |u| match u.arbitrary()? {
            false => Ok(Value::Null),
            true if of.null => Ok(Value::record([("some", (of.value)(u)?)])),
            true => (of.value)(u),
        });
        Ok(Made { null: true, ..made })
    }

    fn result(&mut self, u: &mut Unstructured<'_>, depth: usize) -> arbitrary::Result<Made> {
        let of = self.any(u, depth - 1)?;
        let (wit, case, bare) = match u.arbitrary()? {
            true => (format!("result<{}>", of.wit), "ok", "err"),
            false => (format!("result<_, {}>", of.wit), "err", "ok"),
        };
        Ok(made(wit, move |u| match u.arbitrary()? {
            true => Ok(Value::record([(case, (of.value)(u)?)])),
            false => Ok(bare.into()),
        }))
    }

    fn words(&mut self, u: &mut Unstructured<'_>) -> arbitrary::Result<Made> {
        if u.arbitrary()? {
            let words = ["red-ish", "green"];
            return Ok(made(self.name("enum", &words.join(",")), |u| {
                Ok((*u.choose(&["red_ish", "green"])?).into())
            }));
        }
        let count = u.int_in_range(1..=32)?;
        let body: String = (0..count).map(|i| format!("flag-no{i},")).collect();
        Ok(made(self.name("flags", &body), move |u| {
            let bits = u.arbitrary::<u32>()?;
            let set = (0..count).filter(|i| bits & (1 << i) != 0);
            Ok(Value::list(set.map(|i| Value::from(format!("flag_no{i}")))))
        }))
    }
}

/// Bytes that a seed gives.
fn chance(seed: u64, count: usize) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 27)).to_le_bytes()[5]
    };
    (0..count).map(|_| next()).collect()
}

/// Whatever the type, a list of it is an address and a length: a function that gives back what it was given.
const ECHO: &str = r#"(param i32 i32) (result i32) (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    (i32.store (local.get $at) (local.get 0))
    (i32.store offset=4 (local.get $at) (local.get 1))
    (local.get $at)"#;

#[tokio::test]
async fn values_of_random_types_go_in_and_come_back_the_same() {
    const TYPES: usize = 12;
    for seed in 0..scale(12, 1_000) {
        let bytes = chance(seed, 64 * 1024);
        let mut u = Unstructured::new(&bytes);
        let mut maker = Maker { named: Vec::new() };
        let types: Vec<Made> = (0..TYPES).map(|_| maker.any(&mut u, 4).unwrap()).collect();
        let (mut wit, mut module) = (maker.named.join("\n"), MEMORY.to_owned());
        for (index, of) in types.iter().enumerate() {
            write!(wit, "echo{index}: func(given: list<{0}>) -> list<{0}>;", of.wit).unwrap();
            write!(module, r#"(func (export "test:echo/all#echo{index}") {ECHO})"#).unwrap();
        }
        let wit =
            format!("package test:echo; interface all {{ {wit} }} world echo {{ export all; }}");
        let plugin = load(compose(&wit, &format!("(module {module})"))).await;
        for (index, of) in types.iter().enumerate() {
            let items: Vec<Value> = (0..3).map(|_| (of.value)(&mut u).unwrap()).collect();
            // A list of bytes would be base64 text: `u8` is never made alone.
            let input = Value::record([("given", Value::from(items.clone()))]);
            let tool = format!("all_echo{index}");
            let caller = caller(Limits::default(), &stage());
            let called = plugin.call(&tool, &caller, &input).await;
            assert_eq!(called.result, Ok(items.into()), "seed {seed}, {}", of.wit);
        }
    }
}

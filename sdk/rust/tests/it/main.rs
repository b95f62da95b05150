//! The SDK as an author uses it: annotated functions, called and described natively.

use cleargate::testing::{Services, run};
use cleargate::{
    Annotations, Chunk, Code, Context, Effect, Error, Filter, Filtered, Guardrail, JsonSchema,
    Named, NoConfig, Node, Stage, Tool, Value, Verdict, http, json, kv, log,
};
use serde::{Deserialize, Serialize};

#[derive(Deserialize, JsonSchema)]
struct Input {
    /// How often.
    times: u8,
}

#[derive(Debug, PartialEq, Serialize, JsonSchema)]
struct Output {
    text: String,
}

/// Repeats a letter. The second sentence is no part of the summary.
#[cleargate::node(effect = "pure")]
fn repeat(input: Input) -> Result<Output, Error> {
    match input.times {
        0 => Err(Error::invalid_input("`times` must be at least 1")),
        times => Ok(Output { text: "a".repeat(times.into()) }),
    }
}

/// Counts calls of a binding.
#[cleargate::tool(idempotent = true, destructive = false, name = "count_calls", title = "Count")]
fn count(ctx: &Context, input: Input) -> Result<u64, Error> {
    let store = kv::Store("calls");
    let before: u64 = store.get_json(&ctx.binding)?.unwrap_or(0);
    let after = before + u64::from(input.times);
    store.set_json(&ctx.binding, &after)?;
    log::info("counted");
    Ok(after)
}

/// Refuses empty content.
#[cleargate::guardrail]
fn not_empty(stage: Stage, content: Value, config: NoConfig) -> Result<Verdict, Error> {
    let _ = (stage, config);
    Ok(match content.is_null() {
        true => Verdict::Reject { reason: "nothing there".into(), findings: Vec::new() },
        false => Verdict::Pass,
    })
}

struct ShoutLoud;

/// Makes streamed text loud.
#[cleargate::filter]
impl Filter for ShoutLoud {
    type Carry = u32;

    fn on_chunk(_: &Context, chunk: Chunk<u32>, _: NoConfig) -> Result<Filtered<u32>, Error> {
        Ok(Filtered { text: chunk.text.to_uppercase(), carry: chunk.carry + 1 })
    }
}

cleargate::export! { nodes: [repeat], tools: [count], guardrail: not_empty, filter: ShoutLoud }

#[test]
fn a_node_is_a_function_and_a_description() {
    assert_eq!(repeat(Input { times: 3 }), Ok(Output { text: "aaa".into() }));
    assert_eq!(repeat(Input { times: 0 }).unwrap_err().code, Code::InvalidInput);

    let described = <repeat as Node>::description();
    assert_eq!((described.id, described.effect), ("repeat", Effect::Pure));
    assert_eq!(described.summary, "Repeats a letter.");
    let input: Value = serde_json::from_str(&described.input).unwrap();
    assert_eq!(input["properties"]["times"]["description"], "How often.");
}

#[test]
fn a_tool_has_hints_and_uses_services() {
    let hints = Annotations { title: Some("Count"), idempotent: true, ..Annotations::default() };
    let described = <count as Tool>::description();
    assert_eq!((described.name, described.annotations), ("count_calls", hints));

    let ctx = Context { binding: "b".into(), ..Context::default() };
    let (refused, _) = run(Services::default(), || count(&ctx, Input { times: 1 }));
    assert_eq!(refused.unwrap_err().code, Code::Denied);

    let mut services = Services::default();
    services.kv.insert("calls".into(), Default::default());
    let (total, after) = run(services, || {
        count(&ctx, Input { times: 1 }).unwrap();
        count(&ctx, Input { times: 2 }).unwrap()
    });
    assert_eq!(total, 3);
    assert_eq!(after.kv["calls"]["b"], b"3");
    assert_eq!(after.log.len(), 2);
}

#[test]
fn guardrails_and_filters_have_names() {
    assert_eq!(<not_empty as Guardrail>::ID, "not_empty");
    assert_eq!(<ShoutLoud as Named>::ID, "shout_loud");
    assert_eq!(<ShoutLoud as Named>::SUMMARY, "Makes streamed text loud.");
    let verdict = not_empty(Stage::Input, Value::Null, NoConfig {}).unwrap();
    assert!(matches!(verdict, Verdict::Reject { .. }));

    let chunk = Chunk { text: "hi".into(), carry: 1, last: false };
    let out = ShoutLoud::on_chunk(&Context::default(), chunk, NoConfig {}).unwrap();
    assert_eq!(out, Filtered { text: "HI".into(), carry: 2 });
    let same = ShoutLoud::before(&Context::default(), json!({"a": 1}), NoConfig {}).unwrap();
    assert_eq!(same, json!({"a": 1}));
}

#[test]
fn http_answers_come_from_the_test() {
    let services = Services {
        http: Box::new(|request| {
            assert_eq!(request.url, "https://example.org/");
            Ok(http::Response { status: 503, body: b"busy".to_vec(), ..Default::default() })
        }),
        ..Services::default()
    };
    let ((whole, pieces), _) = run(services, || {
        let whole = http::Request::get("https://example.org/").send().unwrap();
        let mut body = http::Request::get("https://example.org/").open().unwrap().body;
        (whole, (body.next(), body.next()))
    });
    assert_eq!(pieces, (Some(Ok(b"busy".to_vec())), None));
    let error = whole.ok().unwrap_err();
    assert!(error.retryable);
    assert_eq!(error.detail, Some(json!({ "status": 503 })));
}

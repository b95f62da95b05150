//! The host's interfaces as a guest sees them: arguments arrive whole at the world, answers and refusals come
//! back as values.
//!
//! Each guest makes one host call and hands on what it got: text of the answer as its own result, a refusal
//! as its own error.

use std::sync::Arc;

use cleargate_flow::error::ErrorCode;
use cleargate_flow::limits::Limits;
use cleargate_flow::value::Value;
use cleargate_runtime::{Called, Fault};

use crate::guests::{Stage, caller, everything, prelude, runtime, wrap};
use crate::{limited, stage};

/// One function of the host, called by a guest.
pub(crate) struct Ask {
    /// Interface and function.
    pub(crate) name: (&'static str, &'static str),
    /// Arguments without the last one, which says where the answer goes.
    pub(crate) arguments: &'static str,
    /// Where the answer has its discriminant, when it is a `result`: its payload is aligned to this.
    pub(crate) align: Option<usize>,
    /// Where in the answer the text is that the guest hands on.
    pub(crate) text: Option<usize>,
}

/// Text in the guest's memory: 512 `label`, 520 `text/plain`, 544 `https://null/`, 560 `forbidden`, 576 a
/// header `label: text/plain`, 600 `4711`,
/// 616 the digest of it, 704 `GET`.
const DATA: &str = r#"
  (data (i32.const 512) "label") (data (i32.const 520) "text/plain")
  (data (i32.const 544) "https://null/") (data (i32.const 560) "forbidden")
  (data (i32.const 576) "\00\02\00\00\05\00\00\00\08\02\00\00\0a\00\00\00") (data (i32.const 600) "4711")
  (data (i32.const 616) "sha256:de650d61f5bd166a91f8ccec3158297db18b9d50eaedca238cd29dc3a214a916") (data (i32.const 704) "GET")"#;

impl Ask {
    pub(crate) fn module(&self) -> String {
        let (interface, function) = self.name;
        let types = self.arguments.split('(').filter_map(|a| a.split('.').next());
        let types: Vec<&str> = types.filter(|ty| ty.len() == 3).collect();
        let refused = self.align.map_or(String::new(), |align| {
            format!(
                "(if (i32.load8_u (i32.const 1024)) (then
                   (i32.store8 (i32.const 64) (i32.const 1))
                   (memory.copy (i32.const 72) (i32.const {}) (i32.const 28))
                   (return (i32.const 64))))",
                1024 + align
            )
        });
        let text = self.text.map_or(String::new(), |at| {
            format!(
                "(i32.store (i32.const 80) (i32.load (i32.const {})))
                 (i32.store (i32.const 84) (i32.load (i32.const {})))",
                1024 + at,
                1028 + at
            )
        });
        format!(
            "(module (import \"cleargate:host/{interface}@0.1.0\" \"{function}\"
                (func $ask (param {} i32)))
              (memory (export \"memory\") 2) {DATA}
              (func (export \"cleargate:node/node@0.1.0#run\") (param i32) (result i32)
                (call $ask {} (i32.const 1024)) {refused} {text} (i32.const 64))
              {})",
            types.join(" "),
            self.arguments,
            prelude()
        )
    }

    async fn call(&self, limits: Limits, stage: &Arc<Stage>) -> Called<Value> {
        let plugin = runtime().load(wrap(&self.module()), &everything()).await.unwrap();
        plugin.run("x", &caller(limits, stage), &Value::Null).await
    }
}

pub(crate) const LABEL: &str = "(i32.const 512) (i32.const 5)";
pub(crate) const REQUEST: &str = "(i32.const 512) (i32.const 5) (i32.const 544) (i32.const 13) (i32.const 576) \
    (i32.const 1) (i32.const 1) (i32.const 520) (i32.const 4) (i32.const 1) (i32.const 250)";
pub(crate) const GET: Ask = Ask {
    name: ("kv", "get"),
    arguments: "(i32.const 512) (i32.const 5) (i32.const 520) (i32.const 4)",
    align: Some(4),
    text: Some(8),
};
pub(crate) const SEND: Ask =
    Ask { name: ("http", "send"), arguments: REQUEST, align: Some(4), text: Some(16) };
const BLOB: Ask = Ask {
    name: ("blob", "get"),
    arguments: "(i32.const 512) (i32.const 5) (i32.const 520) (i32.const 10) (i64.const 9) \
        (i32.const 1) (i32.const 512) (i32.const 5) (i64.const 3) (i32.const 7)",
    align: Some(4),
    text: Some(4),
};
pub(crate) const RANDOM: Ask =
    Ask { name: ("random", "bytes"), arguments: "(i32.const 4)", align: None, text: Some(0) };

#[tokio::test]
async fn each_function_reaches_the_world_and_answers() {
    let put = "(i32.const 512) (i32.const 5) (i32.const 520) (i32.const 10) (i32.const 1) \
        (i32.const 544) (i32.const 5)";
    let three =
        "(i32.const 512) (i32.const 5) (i32.const 520) (i32.const 4) (i32.const 544) (i32.const 5)";
    let swap = "(i32.const 512) (i32.const 5) (i32.const 520) (i32.const 4) (i32.const 1) \
        (i32.const 544) (i32.const 5) (i32.const 512) (i32.const 5)";
    let list = "(i32.const 512) (i32.const 5) (i32.const 520) (i32.const 4) (i32.const 0) \
        (i32.const 0) (i32.const 0)";
    let ask = |name, arguments, text| Ask { name, arguments, align: Some(4), text };
    let from = |world: &str| Value::record([("from", world.into())]);
    let media =
        "read Media { digest: \"label\", mime: \"text/plain\", size: 9, name: Some(\"label\") }";
    for (ask, answer, heard) in [
        (
            Ask { name: ("config", "get"), arguments: "", align: None, text: Some(0) },
            from("config"),
            String::new(),
        ),
        (RANDOM, 4444.into(), String::new()),
        (
            ask(("secret", "placeholder"), LABEL, Some(4)),
            "{{secret}}".into(),
            "placeholder label".into(),
        ),
        (
            ask(("secret-reveal", "reveal"), LABEL, Some(4)),
            "revealed".into(),
            "reveal label".into(),
        ),
        (GET, from("kv"), "get label text".into()),
        (ask(("kv", "set"), three, None), Value::Null, "set label text https".into()),
        (
            ask(("kv", "swap"), swap, None),
            Value::Null,
            "swap label text Some(\"https\") label".into(),
        ),
        (ask(("kv", "list"), list, Some(16)), "next".into(), "list label text None".into()),
        (
            SEND,
            from("http"),
            "send label https://null/ [\"label=text/plain\"] Some(250) true 8388608".into(),
        ),
        (
            Ask { name: ("blob", "put"), arguments: put, align: Some(8), text: Some(8) },
            "sha256:00".into(),
            "put label text/plain Some(\"https\")".into(),
        ),
        (BLOB, from("blob"), format!("{media} 3 7")),
    ] {
        let stage = stage();
        let called = ask.call(Limits::default(), &stage).await;
        assert_eq!(called.result, Ok(answer), "{:?}", ask.name);
        assert_eq!(stage.asked.lock().unwrap().join("\n"), heard, "{:?}", ask.name);
        assert_eq!(called.usage.host_calls, 1, "{:?}", ask.name);
        assert!(called.usage.fuel >= 1_000, "{:?}", ask.name);
    }
}

#[tokio::test]
async fn a_refusal_of_the_world_is_a_value_for_the_guest() {
    let forbidden = "(i32.const 560) (i32.const 9)";
    for name in [("secret", "placeholder"), ("secret-reveal", "reveal")] {
        let ask = Ask { name, arguments: forbidden, align: Some(4), text: Some(4) };
        match ask.call(Limits::default(), &stage()).await.result {
            Err(Fault::Returned(error)) => {
                assert_eq!(error.code, ErrorCode::Denied);
                assert_eq!(error.message, "the stage forbids it");
            }
            other => panic!("{name:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn what_a_host_call_carries_is_bounded_in_both_directions() {
    // Refused before the world is asked: arguments, or a length that is asked for. After: an answer.
    for (ask, payload, asked) in [
        (GET, 8, 0),
        (GET, 12, 1),
        (SEND, 40, 0),
        (BLOB, 6, 0),
        (
            Ask {
                name: ("random", "bytes"),
                arguments: "(i32.const 65537)",
                align: None,
                text: None,
            },
            1024,
            0,
        ),
    ] {
        let stage = stage();
        let limits = Limits { payload: Some(payload), ..Limits::default() };
        limited(ask.call(limits, &stage).await.result, "payload");
        let heard = stage.asked.lock().unwrap().len();
        assert_eq!(heard, asked, "{:?} with {payload} bytes", ask.name);
    }
}

#[tokio::test]
async fn a_body_is_read_piece_by_piece_and_closed_when_it_is_dropped() {
    // Reads two pieces of at most 8 and 100 bytes, hands on the second, and closes the body before it returns.
    let guest = |before_the_end: &str| {
        format!(
            "(module
              (import \"cleargate:host/http@0.1.0\" \"open\"
                (func $open (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
              (import \"cleargate:host/http@0.1.0\" \"[method]body.next\"
                (func $next (param i32 i32 i32)))
              (import \"cleargate:host/http@0.1.0\" \"[resource-drop]body\" (func $drop (param i32)))
              (import \"cleargate:host/kv@0.1.0\" \"delete\" (func $delete (param i32 i32 i32 i32 i32)))
              (memory (export \"memory\") 2) {DATA}
              (func (export \"cleargate:node/node@0.1.0#run\") (param i32) (result i32) (local $body i32)
                (call $open {REQUEST} (i32.const 1024))
                (local.set $body (i32.load (i32.const 1040)))
                (call $next (local.get $body) (i32.const 8) (i32.const 1100))
                (if (i32.ne (i32.load (i32.const 1112)) (i32.const 7)) (then (unreachable)))
                (call $next (local.get $body) (i32.const 100) (i32.const 1100))
                (i32.store (i32.const 80) (i32.load (i32.const 1108)))
                (i32.store (i32.const 84) (i32.load (i32.const 1112)))
                (call $next (local.get $body) (i32.const 100) (i32.const 1100))
                (if (i32.load8_u (i32.const 1104)) (then (unreachable)))
                {before_the_end}
                (call $delete {LABEL} {LABEL} (i32.const 1024))
                (i32.const 64))
              {})",
            prelude()
        )
    };
    for (before_the_end, open_at_the_end) in [("(call $drop (local.get $body))", 1), ("", 2)] {
        let plugin = runtime().load(wrap(&guest(before_the_end)), &everything()).await.unwrap();
        let stage = stage();
        let called = plugin.run("x", &caller(Limits::default(), &stage), &Value::Null).await;
        assert_eq!(called.result, Ok("second".into()));
        let opened = "open label https://null/ [\"label=text/plain\"] Some(250)";
        let last = format!("delete label label, {open_at_the_end} open");
        assert_eq!(*stage.asked.lock().unwrap(), [opened, &last]);
        assert_eq!(Arc::strong_count(&stage.open), 1, "a call leaves no body open");
    }
}

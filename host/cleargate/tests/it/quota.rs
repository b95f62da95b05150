//! A plugin that fills its store stops itself: its node fails and says which figure to raise, and everything else
//! goes on.

use cleargate::{Config, Durability, Outcome, StoreBounds};
use cleargate_flow::ErrorCode;

/// Writes 64 KiB under one key after another, until that is refused; returns the refusal.
const FILL: &str = r#"(module
  (import "cleargate:host/kv@0.1.0" "set" (func $set (param i32 i32 i32 i32 i32 i32 i32)))
  (memory (export "memory") 2)
  (global $top (mut i32) (i32.const 8192))
  (data (i32.const 32) "s")
  (data (i32.const 128) "\00\01\00\00\01\00\00\00")
  (data (i32.const 256) "\58\02\00\00\04\00\00\00\58\02\00\00\04\00\00\00\6c\02\00\00\21\00\00\00\6c\02\00\00\21\00\00\00\02")
  (data (i32.const 600) "fill")
  (data (i32.const 620) "{\"type\":\"object\",\"properties\":{}}")
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (global.set $top (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
    (global.get $top)
    (global.set $top (i32.add (global.get $top) (local.get 3))))
  (func (export "cleargate:node/node@0.1.0#describe") (result i32) (i32.const 128))
  (func (export "cleargate:node/node@0.1.0#run") (param i32) (result i32)
    (local $n i32)
    (loop $more
      (i32.store8 (i32.const 40) (i32.add (i32.const 65) (i32.shr_u (local.get $n) (i32.const 4))))
      (i32.store8 (i32.const 41) (i32.add (i32.const 65) (i32.and (local.get $n) (i32.const 15))))
      (call $set (i32.const 32) (i32.const 1) (i32.const 40) (i32.const 2)
        (i32.const 65536) (i32.const 65536) (i32.const 512))
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br_if $more (i32.eqz (i32.load8_u (i32.const 512)))))
    (i32.store8 (i32.const 1024) (i32.const 1))
    (memory.copy (i32.const 1032) (i32.const 516) (i32.const 28))
    (i32.const 1024)))"#;

const FLOW: &str = "\
cleargate: 1
flow: fill
use: { fill: ./fill.wasm }
output: { done: true }
nodes:
  fill: { type: fill }
";

const OTHER: &str = "\
cleargate: 1
flow: other
output: { n: \"${n.n}\" }
nodes:
  n: { type: transform, with: { n: 42 } }
";

#[tokio::test]
async fn a_plugin_that_fills_its_store_fails_its_node_and_nothing_else() {
    for durability in [Durability::ProcessSafe, Durability::Memory] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        crate::guest::write(&path.join("fill.wasm"), "fill", FILL);
        std::fs::write(path.join("fill.yaml"), FLOW).unwrap();
        std::fs::write(path.join("other.yaml"), OTHER).unwrap();
        let mut config = Config::new(path.join("home"), path);
        config.durability = durability;
        config.store = StoreBounds { values: 1 << 20, ..StoreBounds::of(64 << 20) };
        let host = crate::guest::host(config, &path.join("fill.wasm")).await;
        let run = async |flow: &str| {
            let flow = host.load(flow, false).await.unwrap();
            let running = host.start(&flow, Vec::new(), Default::default()).await.unwrap();
            running.outcome().await.unwrap()
        };
        for _ in 0..2 {
            let Outcome::Failed { address, error } = run("fill.yaml").await else {
                panic!("the store was never full")
            };
            assert_eq!(address.unwrap().to_string(), "fill");
            assert_eq!(error.code, ErrorCode::Limit, "{error}");
            let said = ["the values of `s`", "may take 1MiB", "raise `values` in `[store]`"];
            assert!(said.iter().all(|words| error.message.contains(words)), "{error}");
            assert!(matches!(run("other.yaml").await, Outcome::Succeeded { .. }));
        }
    }
}

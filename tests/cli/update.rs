//! A newer version that asks for more, from the operator's chair: it waits, the old one goes on, approval moves the lock.

use crate::world::World;

const FLOW: &str = "cleargate: 1
flow: ask
output: { said: \"${a}\" }
use: { which: acme:which@^1 }
nodes:
  a: { type: which.which }
";

/// Publishes the component that answers with `n` and asks for these stores.
fn publish(world: &World, version: &str, n: i32, stores: &[&str]) {
    let text = format!(
        r#"(component (import "cleargate:host/kv@0.1.0" (instance))
            (core module $m (func (export "which") (result i32) (i32.const {n})))
            (core instance $i (instantiate $m))
            (func (export "which") (result u32) (canon lift (core func $i "which"))))"#
    );
    let manifest = format!(
        "[plugin]\nname = \"acme:which\"\nversion = \"{version}\"\ndescription = \"Says which\"\n\
         [build]\nlanguage = \"prebuilt\"\ncomponent = \"which.wasm\"\n\
         [permissions]\nkv = {stores:?}\n[reasons]\nkv = \"Remembers who asked.\"\n"
    );
    world.write("which/plugin.toml", &manifest);
    std::fs::write(world.path("which/which.wasm"), wat::parse_str(text).unwrap()).unwrap();
    world.run(&["plugin", "publish", "which"]).expect(0, &[]);
}

/// What the flow says, and what was said beside it.
fn ask(world: &World) -> (u64, String) {
    let done = world.run(&["run", "ask.yaml", "--output", "json"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    let document: serde_json::Value = serde_json::from_str(&done.out).unwrap();
    (document["outcome"]["output"]["said"].as_u64().unwrap(), done.err)
}

#[test]
fn an_update_that_asks_for_more_waits_while_the_old_version_runs() {
    let world = World::empty();
    world.write("ask.yaml", FLOW);
    publish(&world, "1.0.0", 1, &["visits"]);
    world.run(&["plugin", "install", "acme:which", "--grant"]).expect(0, &["installed"]);
    assert_eq!(ask(&world).0, 1);
    publish(&world, "1.3.0", 3, &["names", "visits"]);
    let files = || {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        (read(world.path("cleargate.lock")), read(world.home().join("grants.toml")))
    };
    let before = files();

    let words = ["1.3.0", "Remembers who asked.", "plugin install acme:which@=1.3.0 --grant"];
    let refused = world.run(&["plugin", "install", "acme:which"]);
    refused.expect(5, &words);
    for line in ["acme:which 1.0.0 → 1.3.0", "+ kv names: it may read", "? kv names", "✓ kv visits"]
    {
        assert!(refused.out.contains(line), "no {line:?} in {}", refused.out);
    }
    let refused = world.run(&["plugin", "update", "--output", "json"]);
    refused.expect(5, &["cleargate plugin update acme:which --grant"]);
    let update: serde_json::Value = serde_json::from_str(&refused.out).unwrap();
    assert_eq!(update["plugins"][0]["state"], "waits", "{update}");
    assert_eq!(update["plugins"][0]["difference"]["added"][0]["permission"], "kv names");
    assert_eq!(files(), before, "a refusal changed something");

    for lock in ["kept", "deleted"] {
        let (said, beside) = ask(&world);
        assert_eq!(said, 1, "{lock}");
        assert!(beside.contains("acme:which 1.3.0 waits for approval, 1.0.0 goes on"), "{beside}");
        let _ = std::fs::remove_file(world.path("cleargate.lock"));
    }
    assert_eq!(ask(&world).0, 1);
    let listed = world.run(&["plugin", "list"]);
    assert!(listed.out.contains("1.3.0 waits for approval"), "{listed:?}");

    let granted = world.run(&["plugin", "update", "acme:which", "--grant"]);
    assert_eq!(granted.code, Some(0), "{granted:?}");
    assert!(granted.out.contains("cleargate.lock: acme:which 1.0.0 → 1.3.0"), "{granted:?}");
    let (said, beside) = ask(&world);
    assert_eq!((said, beside.contains("waits")), (3, false), "{beside}");

    // The same or less is no question: what was granted goes over, and the lock moves when somebody asks.
    publish(&world, "1.3.1", 4, &["names"]);
    assert_eq!(ask(&world).0, 3);
    world.run(&["plugin", "update"]).expect(0, &[]);
    assert_eq!(ask(&world).0, 4);
    let shown = world.run(&["grant", "show", "acme:which"]);
    assert_eq!(shown.out.matches("kv names").count(), 2, "{shown:?}");
}

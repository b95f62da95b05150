//! `plugin attack`: first-party plugins come out of it without a fault, a faulty one does not, and the host keeps what it
//! promises.

use serde_json::Value;

use crate::world::{Done, PLUGINS, World};

fn report(done: &Done) -> Value {
    serde_json::from_str(&done.out).unwrap_or_else(|e| panic!("{e}: {done:?}"))
}

#[test]
fn first_party_plugins_have_no_faults() {
    let (world, mut values) = (World::published(), 0);
    for plugin in PLUGINS {
        let folder = format!("{}/../../plugins/{plugin}", env!("CARGO_MANIFEST_DIR"));
        let done = world.run(&["plugin", "attack", &folder, "--calls", "40", "--output", "json"]);
        assert_eq!(done.code, Some(0), "{plugin}: {:#}", report(&done)["faults"]);
        let report = report(&done);
        assert!(report["calls"].as_u64().unwrap() >= 40, "{plugin}: {report:#}");
        values += report["exports"][0]["values"].as_u64().unwrap();
    }
    // Golden cases are what hostile inputs are made of: some of them make sense.
    assert!(values > 10, "{values} calls gave a value");
}

#[test]
fn a_plugin_with_a_fault_is_told_of_it_with_the_call_that_shows_it() {
    let world = World::empty();
    let text = r#"(component
        (core module $m (func (export "f") (param i32) (result i32)
            (if (i32.gt_u (local.get 0) (i32.const 70000)) (then (unreachable))) (local.get 0)))
        (core instance $m (instantiate $m))
        (func (export "same") (param "n" u32) (result u32) (canon lift (core func $m "f"))))"#;
    std::fs::write(world.path("same.wasm"), wat::parse_str(text).unwrap()).unwrap();
    let attack = ["plugin", "attack", "same.wasm", "--calls", "60", "--seed", "7"];
    let done = world.run(&attack);
    done.expect(1, &["1 faults; the host kept its promises"]);
    for words in [
        "✗ tool same traps",
        "given: {\"n\":",
        "said: the plugin stopped with a trap",
        "✓ the host does not panic",
    ] {
        assert!(done.out.contains(words), "{words}: {}", done.out);
    }
    // The same seed makes the same calls.
    let told = |done: &Done| report(done)["faults"].clone();
    let json: Vec<&str> = attack.into_iter().chain(["--output", "json"]).collect();
    let first = told(&world.run(&json));
    assert_eq!(first[0]["kind"], "trap");
    assert_eq!(first, told(&world.run(&json)));

    std::fs::write(world.path("none.wasm"), "no component").unwrap();
    world.run(&["plugin", "attack", "none.wasm"]).expect(3, &["none.wasm", "this is no component"]);
    world.run(&["plugin", "attack", "gone.wasm"]).expect(3, &["gone.wasm", "cannot be read"]);
    world.run(&["plugin", "attack", "same.wasm", "--calls", "1"]).expect(2, &["--calls"]);
}

#[test]
fn the_host_is_attacked_as_it_is_configured() {
    let world = World::empty();
    let done = world.run(&["plugin", "attack"]);
    done.expect(0, &["the host kept its promises"]);
    for words in [
        "✓ a loop without end ends with its time:",
        "✓ a component that is hard to compile ends with a process of its own: stopped at",
        "✓ and the host goes on",
    ] {
        assert!(done.out.contains(words), "{words}: {}", done.out);
    }
    // An operator's limits are the ones that are tried.
    world.write_home("cleargate.toml", b"[limits]\nhost_calls = 10\nmemory = \"8MiB\"\n");
    let done = world.run(&["plugin", "attack", "--output", "json"]);
    done.expect(0, &[]);
    let report = report(&done);
    let all = report["promises"].as_array().unwrap();
    let flood = all.iter().find(|one| one["promise"] == "a flood of host calls ends").unwrap();
    assert_eq!(flood["measured"], "limit host_calls after 11 calls");
    assert!(all.len() > 40 && report["unpromised"].as_array().unwrap().is_empty(), "{report:#}");
}

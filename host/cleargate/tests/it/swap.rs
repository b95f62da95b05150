//! A component takes the place of another under a host that runs: what began goes on, what begins has the new one, and
//! one that breaks down is taken back.

use std::path::Path;

use cleargate::{
    Approval, Config, Host, InputValue, InstallOptions, Kind, Outcome, Running, SwapEvent,
};
use cleargate_registry::{Manifest, embed_manifest};

const FLOW: &str = "\
cleargate: 1
flow: ask
input: { n: int }
output: { said: \"${a}\" }
use: { which: acme:which@^1 }
nodes:
  a: { type: which.which, with: { n: \"${input.n}\" } }
";

/// A plugin that adds `add` to its input, and traps on 7 when it is told to.
fn adds(version: &str, add: i32, trap: bool) -> Vec<u8> {
    let bad = if trap { 7 } else { -1 };
    let component = wat::parse_str(format!(
        r#"(component
            (core module $m (func (export "which") (param i32) (result i32)
                (if (i32.eq (local.get 0) (i32.const {bad})) (then unreachable))
                (i32.add (local.get 0) (i32.const {add}))))
            (core instance $i (instantiate $m))
            (func (export "which") (param "n" u32) (result u32) (canon lift (core func $i "which"))))"#
    ));
    let manifest =
        format!("[plugin]\nname = 'acme:which'\nversion = '{version}'\ndescription = 'Adds'");
    embed_manifest(&component.unwrap(), &Manifest::from_toml(&manifest).unwrap()).unwrap()
}

/// Installs a component, and gives its digest.
fn install(host: &Host, folder: &Path, bytes: &[u8]) -> String {
    let path = folder.join("which.wasm");
    std::fs::write(&path, bytes).unwrap();
    let options = InstallOptions { approval: Approval::Nothing, dry_run: false };
    host.plugins().install(path.to_str().unwrap(), &options).unwrap().plugin.digest
}

async fn start(host: &Host, flow: &cleargate::Flow) -> Running {
    let input = vec![InputValue::Json(r#"{"n":7}"#.into())];
    host.start(flow, input, Default::default()).await.unwrap()
}

/// What a run of the flow as it is now gives; nothing when it failed.
async fn said(host: &Host) -> Option<String> {
    let flow = host.load("ask.yaml", false).await.unwrap();
    match start(host, &flow).await.outcome().await.unwrap() {
        Outcome::Succeeded { output } => output.get("said").map(ToString::to_string),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_began_goes_on_what_begins_is_new_and_what_breaks_down_is_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    std::fs::write(path.join("ask.yaml"), FLOW).unwrap();
    let host = Host::open(Config::new(path.join("home"), path)).await.unwrap();
    let mut events = host.swap_events();
    host.plugins().publish(&adds("1.0.0", 10, false)).await.unwrap();
    let old = host.load("ask.yaml", false).await.unwrap();
    assert_eq!(said(&host).await.as_deref(), Some("17"));
    let lock = || std::fs::read_to_string(path.join("cleargate.lock")).unwrap();
    let locked = lock();

    let second = install(&host, path, &adds("1.0.1", 20, false));
    let swap = host.swap(&second, &["ask.yaml"]).await.unwrap();
    assert_eq!((&*swap.digest, swap.before.as_ref()), (&*second, None));
    assert_eq!(said(&host).await.as_deref(), Some("27"));
    let running = start(&host, &old).await;
    let Outcome::Succeeded { output } = running.outcome().await.unwrap() else { panic!("failed") };
    assert_eq!(output.get("said").unwrap().to_string(), "17", "it was pinned before");
    let again = host.flow_of(running.id()).await.unwrap();
    assert_eq!(
        (again.hash(), lock()),
        (old.hash(), locked),
        "a resume has what the run began with"
    );

    // What cannot be is refused, and changes nothing.
    let other = install(&host, path, &adds("2.0.0", 30, false));
    for (digest, flow, kind) in [
        (&*other, "ask.yaml", Kind::Invalid),
        (&*second, "gone.yaml", Kind::Invalid),
        ("sha256:00", "ask.yaml", Kind::Resolution),
    ] {
        assert_eq!(host.swap(digest, &[flow]).await.unwrap_err().kind, kind, "{digest} {flow}");
    }
    assert_eq!(said(&host).await.as_deref(), Some("27"));

    let held = host.load("ask.yaml", false).await.unwrap();
    let third = install(&host, path, &adds("1.0.2", 40, true));
    host.swap(&third, &["ask.yaml"]).await.unwrap();
    assert_eq!(host.users_of(&second), 1);
    for _ in 0..cleargate::BREAKDOWN_BUDGET {
        assert_eq!(said(&host).await, None, "it traps on 7");
    }
    assert_eq!(said(&host).await.as_deref(), Some("27"));
    assert!(host.swap_back("acme:which"));
    assert_eq!(said(&host).await.as_deref(), Some("17"));
    drop(held);

    let mut seen = Vec::new();
    while let Ok(event) = events.try_recv() {
        seen.push(event);
    }
    let back = |event: &&SwapEvent| {
        matches!(event, SwapEvent::RolledBack { from, to: Some(to), why, .. }
        if *from == third && *to == second && why.contains("unreachable"))
    };
    assert_eq!(seen.iter().filter(back).count(), 1, "{seen:?}");
    let swapped = seen.iter().filter(|event| matches!(event, SwapEvent::Swapped(_)));
    assert_eq!(swapped.count(), 2, "{seen:?}");
}

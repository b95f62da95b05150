//! An author's session: a component that changes under a flow that runs again and again.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::world::World;

/// How long anything may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

const FLOW: &str = "cleargate: 1
flow: ask
input: { n: int }
output: { said: \"${a}\" }
use: { which: acme:which@^1 }
nodes:
  a: { type: which.which, with: { n: \"${input.n}\" } }
";

/// Writes the component that answers `add` more than its input, and traps when that is told to be `bad`; it imports a
/// service and asks for these stores, when there are some.
fn write(world: &World, add: i32, bad: i32, stores: &[&str]) {
    let import = r#"(import "cleargate:host/kv@0.1.0" (instance))"#;
    let text = format!(
        r#"(component {}
            (core module $m (func (export "which") (param i32) (result i32)
                (if (i32.eq (local.get 0) (i32.const {bad})) (then unreachable))
                (i32.add (local.get 0) (i32.const {add}))))
            (core instance $i (instantiate $m))
            (func (export "which") (param "n" u32) (result u32) (canon lift (core func $i "which"))))"#,
        if stores.is_empty() { "" } else { import }
    );
    let asks = match stores {
        [] => String::new(),
        stores => format!("[permissions]\nkv = {stores:?}\n[reasons]\nkv = \"To remember\"\n"),
    };
    let manifest = format!(
        "[plugin]\nname = \"acme:which\"\nversion = \"1.0.0\"\ndescription = \"Adds\"\n\
         [build]\nlanguage = \"prebuilt\"\ncomponent = \"which.wasm\"\n{asks}"
    );
    let case = format!(
        "cases:\n  - {{ name: adds, call: {{ tool: which }}, input: {{ n: 1 }}, expect: {{ output: {} }} }}\n",
        1 + add
    );
    world.write("which/cases/which.yaml", &case);
    world.write("which/plugin.toml", &manifest);
    std::fs::write(world.path("which/which.wasm"), wat::parse_str(text).unwrap()).unwrap();
}

/// The command while it runs: its lines from both streams, ended with the test.
struct Session {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Session {
    fn begin(world: &World, more: &[&str]) -> Self {
        let mut command = world.command(&[&["plugin", "dev", "which"], more].concat());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (send, lines) = channel();
        let streams: [Box<dyn std::io::Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for stream in streams {
            let send = send.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines() {
                    if send.send(line.unwrap()).is_err() {
                        return;
                    }
                }
            });
        }
        Self { child, lines, seen: Vec::new() }
    }

    /// Waits for a line with these words, and says what came before it.
    #[track_caller]
    fn until(&mut self, words: &str) -> String {
        let begun = Instant::now();
        let mut said = String::new();
        while begun.elapsed() < PATIENCE {
            let Ok(line) = self.lines.recv_timeout(PATIENCE) else { break };
            said += &format!("{line}\n");
            self.seen.push(line);
            if self.seen.last().unwrap().contains(words) {
                return said;
            }
        }
        panic!("no {words:?} in {:#?}", self.seen);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_change_is_seen_at_once_and_a_bad_one_changes_nothing() {
    let world = World::empty();
    world.write("ask.yaml", FLOW);
    write(&world, 10, 1_000_000, &[]);
    let mut session =
        Session::begin(&world, &["--flow", "ask.yaml", "--input", "n=7", "--every", "100ms"]);
    session.until("1 cases pass, in use as sha256:");
    session.until("said: 17");

    write(&world, 20, 1_000_000, &[]);
    session.until("in use as sha256:");
    session.until("said: 27");

    // What does not build, fails its cases, asks for what nobody granted or fits the flow no more is not taken.
    let bytes = std::fs::read(world.path("which/which.wasm")).unwrap();
    std::fs::write(world.path("which/which.wasm"), &bytes[..bytes.len() / 2]).unwrap();
    session.until("does not build; sha256:");
    session.until("said: 27");
    write(&world, 30, 1, &[]);
    session.until("not right; sha256:");
    session.until("adds");
    session.until("said: 27");
    write(&world, 40, 1_000_000, &["notes"]);
    session.until("refused; sha256:");
    session.until("kv notes");
    session.until("said: 27");

    // A build that is right and traps on what the flow gives it is taken back by itself.
    write(&world, 50, 7, &[]);
    session.until("in use as sha256:");
    session.until("failed: bug");
    let back = session.until("broke down too often, back to sha256:");
    assert!(back.contains("failed: bug"), "{back}");
    session.until("said: 27");

    let id = session.child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    assert_eq!(session.child.wait().unwrap().code(), Some(130));
    let left = world.json(&["plugin", "list", "--output", "json"]);
    assert_eq!(left.as_array().unwrap().len(), 1, "builds that nothing needs are gone: {left}");
}

#[test]
fn a_build_may_be_granted_what_it_asks_for_and_the_next_no_more() {
    let world = World::empty();
    world.write("ask.yaml", FLOW);
    write(&world, 10, 1_000_000, &["notes"]);
    let mut session = Session::begin(
        &world,
        &["--flow", "ask.yaml", "--input", "n=7", "--grant", "--quiet", "--output", "ndjson"],
    );
    let first = session.until("\"said\":17");
    assert_eq!(first.lines().count(), 1, "nothing but data: {first}");
    write(&world, 20, 1_000_000, &["notes"]);
    session.until("\"said\":27");
    write(&world, 30, 1_000_000, &["names", "notes"]);
    write(&world, 40, 1_000_000, &[]);
    session.until("\"said\":47");
    let granted = world.json(&["grant", "list", "--output", "json"]);
    assert!(!granted.to_string().contains("names"), "{granted}");
}

#[test]
fn what_is_no_session_is_refused_with_what_would_be_one() {
    let world = World::empty();
    world.run(&["plugin", "dev", "--input", "n=1"]).expect(2, &["--flow"]);
    world.write("ask.yaml", &FLOW.replace("@^1", "@^2"));
    write(&world, 10, 1_000_000, &[]);
    let mut session = Session::begin(&world, &["--flow", "ask.yaml", "--input", "n=7"]);
    session.until("asks for acme:which@^2, and this is 1.0.0");
}

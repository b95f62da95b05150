//! What the command says about a machine, about runs and about installed plugins, healthy and not.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::world::{Done, World};

const GREETING: &str = "\
cleargate: 1
flow: greeting
input:
  name: { type: string }
output:
  text: ${a.text}
nodes:
  a: { type: template, text: \"Hello ${n}\", with: { n: \"${input.name}\" } }
";

/// A world in which `greeting` ran, and the id of the run.
fn ran() -> (World, String) {
    let world = World::empty();
    world.write("greeting.yaml", GREETING);
    let done = world.json(&["run", "greeting.yaml", "--input", "name=Ada", "--output", "json"]);
    let id = done["run"].as_str().unwrap().to_owned();
    (world, id)
}

/// The checks of the doctor by name: whether each is ready, and what it says.
fn checks(done: &Done) -> Vec<(String, bool, String)> {
    let list: Vec<Value> = serde_json::from_str(&done.out).unwrap();
    let text = |check: &Value, key: &str| check[key].as_str().unwrap_or_default().to_owned();
    let check = |c: &Value| {
        let said = format!("{} {}", text(c, "state"), text(c, "fix"));
        (text(c, "what"), c["ready"].as_bool().unwrap(), said)
    };
    list.iter().map(check).collect()
}

const DOCTOR: [&str; 3] = ["doctor", "--output", "json"];

#[test]
fn a_fresh_machine_is_healthy() {
    let world = World::empty();
    let done = world.run(&DOCTOR);
    assert_eq!(done.code, Some(0), "{done:?}");
    let names = ["home", "configuration", "journal", "compile cache", "plugins"];
    for (name, check) in names.iter().zip(checks(&done)) {
        assert!(check.0 == *name && check.1, "{check:?}");
    }
    let human = world.run(&["doctor"]);
    assert!(human.out.starts_with("✓ home "), "{human:?}");
    assert!(!human.out.contains(".doctor-"), "{human:?}");
    let left: Vec<_> = fs::read_dir(world.home()).unwrap().map(Result::unwrap).collect();
    assert!(left.iter().all(|e| !e.file_name().to_string_lossy().starts_with(".doctor")));
}

#[test]
fn each_ailment_is_named_with_its_cure() {
    let damaged = World::empty();
    damaged.write_home("journal.db", b"this was never a database, whatever the name says");
    let foreign = World::empty();
    foreign.write_home("cleargate.toml", b"colour = 1\n");
    let blocked = World::empty();
    blocked.write_home("cache", b"a file where a folder belongs");
    let lost = World::empty();
    lost.write_home("plugins/sha256/00.json", b"{}");
    lost.write_home(&format!("plugins/sha256/{:064x}.json", 1), b"{");
    for (world, what, words) in [
        (damaged, "journal", "no database"),
        (foreign, "configuration", "unknown field `colour`"),
        (blocked, "compile cache", "remove "),
        (lost, "plugins", "cleargate plugin install"),
    ] {
        let done = world.run(&DOCTOR);
        assert_eq!(done.code, Some(9), "{what}: {done:?}");
        let found = checks(&done);
        let ill: Vec<_> = found.iter().filter(|c| !c.1 && !c.0.starts_with("Rust")).collect();
        assert_eq!(ill.len(), 1, "{found:?}");
        assert!(ill[0].0 == what && ill[0].2.contains(words), "{ill:?}");
    }
}

/// The command in a mount namespace of its own, after `mount` has changed what is at the home.
#[cfg(target_os = "linux")]
fn mounted(world: &World, mount: &str, args: &[&str]) -> Command {
    let inner = world.command(args);
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c"]);
    command.arg(format!("{mount} && exec \"$@\"")).arg(world.home()).arg(inner.get_program());
    command.args(inner.get_args()).current_dir(inner.get_current_dir().unwrap()).env_clear();
    command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin");
    command
}

#[cfg(target_os = "linux")]
#[test]
fn a_home_that_is_full_or_may_not_be_written_says_what_helps() {
    let (used, _) = ran();
    let fresh = World::empty();
    fs::create_dir_all(fresh.home()).unwrap();
    if !mounted(&used, "mount -t tmpfs none \"$0\"", &["--version"])
        .output()
        .is_ok_and(|done| done.status.success())
    {
        println!("left out: this system lets no user mount a disk");
        return;
    }
    let full = "mount -t tmpfs -o size=1M none \"$0\" && cp -a \"$0\"/../copy/. \"$0\" 2>/dev/null; \
                cat /dev/zero > \"$0/ballast\" 2>/dev/null; true";
    let read_only = "mount --bind \"$0\" \"$0\" && mount -o remount,bind,ro \"$0\"";
    let copy = used.home().with_file_name("copy");
    fs::create_dir(&copy).unwrap();
    fs::copy(used.home().join("journal.db"), copy.join("journal.db")).unwrap();
    for (world, mount, words) in [
        (&fresh, full, ["no space is left", "free some space there, or set CLEARGATE_HOME"]),
        (&used, full, ["no space is left", "free some space there, or set CLEARGATE_HOME"]),
        (&fresh, read_only, ["cannot be written", "make it writable, or set CLEARGATE_HOME"]),
        (&used, read_only, ["cannot be written", "make it writable, or set CLEARGATE_HOME"]),
    ] {
        let done = Done::of(mounted(world, mount, &["runs", "list"]).output().unwrap());
        done.expect(9, &["journal.db"]).expect(9, &words);
    }
}

#[cfg(unix)]
#[test]
fn a_strange_environment_hinders_nobody() {
    use std::os::unix::ffi::OsStrExt;
    let world = World::empty();
    let noise = std::ffi::OsStr::from_bytes(b"\xff\xfe");
    for (name, value) in [
        ("NOISE", noise),
        ("CLEARGATE_SECRET_NOISE", noise),
        ("CLEARGATE_SECRET_EMPTY", "".as_ref()),
        ("CLEARGATE_SECRET_", "a value without a label".as_ref()),
        ("LANG", "C".as_ref()),
    ] {
        let done = Done::of(world.command(&["runs", "list"]).env(name, value).output().unwrap());
        assert_eq!(done.code, Some(0), "{name}: {done:?}");
    }
}

#[test]
fn a_machine_without_a_toolchain_still_runs_flows() {
    let world = World::empty();
    let nothing = world.path("nothing");
    let done = Done::of(world.command(&DOCTOR).env("PATH", nothing).output().unwrap());
    assert_eq!(done.code, Some(0), "{done:?}");
    let rust: Vec<_> = checks(&done).into_iter().filter(|c| c.0.starts_with("Rust")).collect();
    assert_eq!(rust.len(), 2, "{rust:?}");
    for (what, ready, said) in rust {
        let cure = ["https://rustup.rs", "apt install"].iter().any(|cure| said.contains(cure));
        assert!(ready || cure, "{what}: {said}");
    }
}

#[test]
fn a_home_that_is_no_folder_is_a_store_error_everywhere() {
    let world = World::empty();
    fs::write(world.home(), "a file").unwrap();
    for args in [&["doctor"][..], &["runs", "list"], &["plugin", "list"]] {
        let done = world.run(args);
        assert_eq!(done.code, Some(9), "{args:?}: {done:?}");
        let said = format!("{}{}", done.out, done.err);
        assert!(said.contains("is no folder") || said.contains("cannot be written"), "{said}");
        assert!(said.contains("CLEARGATE_HOME"), "{said}");
    }
    let done = world.command(&DOCTOR).env("CLEARGATE_HOME", "/proc/cleargate").output().unwrap();
    let done = Done::of(done);
    assert_eq!(done.code, Some(9), "{done:?}");
    assert!(!checks(&done)[0].1, "{done:?}");
}

#[test]
fn runs_are_listed_shown_and_told() {
    let (world, id) = ran();
    let done = world.run(&["run", "greeting.yaml", "--input", "name=1", "--input", "x=2"]);
    assert_eq!(done.code, Some(3), "a run that never began is not listed: {done:?}");

    let list = world.json(&["runs", "list", "--output", "json"]);
    assert_eq!(list.as_array().unwrap().len(), 1);
    assert_eq!(list[0]["id"], id.as_str());
    assert_eq!(list[0]["status"], "succeeded");
    let human = world.run(&["runs", "list"]);
    for words in ["RUN", "greeting", "✓ succeeded", &id] {
        assert!(human.out.contains(words), "no {words} in {human:?}");
    }
    for (filter, count) in [
        (["--flow", "greeting"], 1),
        (["--flow", "other"], 0),
        (["--status", "succeeded"], 1),
        (["--status", "failed"], 0),
        (["--limit", "0"], 0),
    ] {
        let found = world.json(&[&["runs", "list", "--output", "json"], &filter[..]].concat());
        assert_eq!(found.as_array().unwrap().len(), count, "{filter:?}");
    }

    for (args, says) in
        [(&["--flow", "other"], "no run fits"), (&["--status", "failed"], "no run fits")]
    {
        let found = world.run(&[&["runs", "list"], &args[..]].concat());
        assert!(found.out.contains(says), "there are runs, only none of these: {found:?}");
    }
    assert!(World::empty().run(&["runs", "list"]).out.contains("no runs yet"));

    let show = world.json(&["runs", "show", &id[..20], "--output", "json"]);
    assert_eq!(show["timeline"]["nodes"][0]["path"], "a", "{show}");
    let human = world.run(&["runs", "show", &id]);
    assert!(human.out.contains("NODE") && human.out.contains("events,"), "{human:?}");

    let events = world.run(&["runs", "events", &id, "--output", "ndjson"]);
    let events: Vec<Value> =
        events.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.first().unwrap()["event"], "run_started");
    assert_eq!(events.last().unwrap()["event"], "run_finished");
    let array = world.json(&["runs", "events", &id, "--output", "json"]);
    assert_eq!(array.as_array().unwrap().len(), events.len());
    let human = world.run(&["runs", "events", &id]);
    assert_eq!(human.out.lines().count(), events.len(), "a line for each event: {human:?}");

    world.run(&["runs", "show", "ffff"]).expect(3, &["ffff", "cleargate runs list"]);
}

#[test]
fn a_wide_flow_ends_in_a_screen_and_is_shown_whole() {
    let world = World::empty();
    let nodes: String =
        (0..40).map(|n| format!("  n{n}: {{ type: template, text: hi }}\n")).collect();
    world.write("wide.yaml", &format!("cleargate: 1\nflow: wide\nnodes:\n{nodes}"));
    let done = world.run(&["run", "wide.yaml"]);
    done.expect(0, &["… and 10 more that took less time"]);
    assert_eq!(done.err.lines().filter(|line| line.starts_with("  n")).count(), 30, "{done:?}");
    let id = world.json(&["runs", "list", "--output", "json"])[0]["id"].clone();
    let shown = world.run(&["runs", "show", id.as_str().unwrap()]);
    assert_eq!(shown.out.lines().filter(|line| line.starts_with("  n")).count(), 40, "{shown:?}");
}

#[test]
fn an_example_is_written_once_and_checks() {
    let world = World::published();
    let list = world.json(&["new", "--list", "--output", "json"]);
    let example = list[0]["id"].as_str().unwrap();
    world.run(&["new", "--example", example, "mine"]).expect(0, &["mine"]);
    let flow = fs::read_dir(world.path("mine")).unwrap().map(Result::unwrap);
    let flow = flow.map(|e| e.path()).find(|p| p.extension().is_some_and(|e| e == "yaml"));
    world.run(&["check", flow.unwrap().to_str().unwrap()]).expect(0, &["is right"]);
    world.run(&["new", "--example", example, "mine"]).expect(3, &["is not empty"]);
    world.run(&["new", "--example", "nosuch"]).expect(3, &["nosuch", "cleargate new --list"]);
}

#[test]
fn a_plugin_is_inspected_limited_and_removed() {
    let world = World::published();
    let name = "cleargate:lockfile";
    world.run(&["plugin", "install", name]).expect(0, &["installed cleargate:lockfile"]);
    let seen = world.json(&["plugin", "inspect", name, "--output", "json"]);
    assert_eq!(seen["kinds"][0], "node", "{seen}");
    let human = world.run(&["plugin", "inspect", name]);
    for words in ["it asks for", "its component imports", "one call is limited to", "sha256:"] {
        assert!(human.out.contains(words), "no {words} in {human:?}");
    }

    world.write_home("cleargate.toml", b"[limits]\nmemory = \"1MiB\"\n");
    let limits = world.json(&["plugin", "limits", name, "--output", "json"]);
    let memory = limits.as_array().unwrap().iter().find(|l| l["name"] == "memory").unwrap();
    assert_eq!((&memory["value"], &memory["layer"]), (&"1MiB".into(), &"operator".into()));
    let human = world.run(&["plugin", "limits", name]);
    assert!(human.out.contains("DECIDED BY") && human.out.contains("fuel"), "{human:?}");

    let row = world.json(&["plugin", "list", "--output", "json"])[0].clone();
    assert_eq!(row["source"], "dir:registry", "{row}");
    let other = format!("{name}@=9.9.9");
    world.run(&["plugin", "remove", &other]).expect(6, &["is not installed"]);
    world.run(&["plugin", "remove", name]).expect(0, &["removed cleargate:lockfile"]);
    world.run(&["plugin", "remove", name]).expect(6, &["is not installed", "plugin list"]);
    assert_eq!(world.json(&["plugin", "list", "--output", "json"]), Value::Array(vec![]));
    world.write("text.txt", "no component");
    for (file, said) in
        [("/dev/zero", "a pipe or a device"), ("text.txt", "no plugin"), (".", "a folder")]
    {
        world.run(&["plugin", "inspect", file]).expect(3, &[file, said]);
    }
    for verb in ["inspect", "limits"] {
        world.run(&["plugin", verb, "acme:nosuch"]).expect(6, &["acme:nosuch"]);
        world.run(&["plugin", verb, "Not A Name"]).expect(3, &["Not A Name"]);
    }
}

#[test]
fn a_damaged_plugin_is_listed_and_mended() {
    let world = World::published();
    let install = ["plugin", "install", "cleargate:lockfile"];
    world.run(&install).expect(0, &[]);
    let digest = world.json(&["plugin", "list", "--output", "json"])[0]["digest"].clone();
    let hex = digest.as_str().unwrap().strip_prefix("sha256:").unwrap();
    fs::write(world.home().join(format!("plugins/sha256/{hex}.wasm")), "other").unwrap();

    let list = world.run(&["plugin", "list"]);
    assert!(list.code == Some(0) && list.out.contains("damaged"), "{list:?}");
    let done = world.run(&DOCTOR);
    assert_eq!(done.code, Some(9), "{done:?}");
    let plugins = checks(&done).into_iter().find(|c| c.0 == "plugins").unwrap();
    assert!(
        plugins.2.contains("cleargate plugin install cleargate:lockfile@=0.1.0"),
        "{plugins:?}"
    );

    world.run(&install).expect(0, &[]);
    assert_eq!(world.run(&DOCTOR).code, Some(0));
}

#[test]
fn completions_load_into_their_shells() {
    let world = World::empty();
    // Each shell reads the script without running it; one that is not on this machine is left out.
    for shell in ["bash", "zsh", "fish"] {
        let done = world.run(&["completions", shell]);
        assert_eq!(done.code, Some(0), "{done:?}");
        for verb in ["check", "plugin", "completions"] {
            assert!(done.out.contains(verb), "{shell} completes no {verb}");
        }
        world.write(shell, &done.out);
        match Command::new(shell).arg("-n").arg(world.path(shell)).output() {
            Ok(read) => assert!(read.status.success() && read.stderr.is_empty(), "{read:?}"),
            Err(_) => assert_ne!(shell, "bash", "the tests need bash"),
        }
    }
}

#[test]
fn data_goes_to_stdout_in_the_form_that_was_asked_for() {
    let (world, id) = ran();
    let verbs: [&[&str]; 9] = [
        &["runs", "list"],
        &["runs", "show", &id],
        &["runs", "events", &id],
        &["plugin", "list"],
        &["explain"],
        &["explain", "CG0101"],
        &["new", "--list"],
        &["check", "greeting.yaml"],
        &["doctor"],
    ];
    for verb in verbs {
        let json = world.run(&[verb, &["--output", "json"]].concat());
        serde_json::from_str::<Value>(&json.out).unwrap_or_else(|e| panic!("{verb:?}: {e}"));
        let lines = world.run(&[verb, &["--output", "ndjson"]].concat());
        for line in lines.out.lines() {
            serde_json::from_str::<Value>(line).unwrap_or_else(|e| panic!("{verb:?} {line}: {e}"));
        }
        let colourless = world.run(&[verb, &["--color", "never"]].concat());
        assert!(!colourless.out.contains('\u{1b}'), "{verb:?}");
        let colour = world.run(&[verb, &["--color", "always", "--output", "json"]].concat());
        assert!(!colour.out.contains('\u{1b}'), "{verb:?}: data for programs has no colour");
    }
    let quiet = world.run(&["run", "greeting.yaml", "--input", "name=Bo", "--quiet"]);
    assert_eq!((quiet.out.trim(), quiet.err.as_str()), ("text: Hello Bo", ""));
    let wrong = world.run(&["runs", "show", "ffff", "--output", "json"]);
    let error: Value = serde_json::from_str(&wrong.err).unwrap();
    assert_eq!(error["error"]["exit_code"], 3, "{error}");
}

#[test]
fn runs_that_have_ended_are_pruned_and_a_journal_is_one_array() {
    let (world, id) = ran();
    let events = world.json(&["runs", "events", &id, "--output", "json"]);
    let lines = world.run(&["runs", "events", &id, "--output", "ndjson"]).out;
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events, Value::Array(lines));
    let prune = |more: &[&'static str]| -> Vec<&'static str> {
        [&["runs", "prune", "--output", "json", "--older-than"], more].concat()
    };
    world.run(&["runs", "prune"]).expect(2, &["--older-than <AGE>"]);
    world.run(&prune(&["soon"])).expect(2, &["`soon` is not in the form", "`7d`"]);
    for (more, listed, left) in [
        (&["1h"] as &[&'static str], 0, 1),
        (&["0s", "--status", "failed"], 0, 1),
        (&["0s", "--dry-run"], 1, 1),
        (&["0s"], 1, 0),
    ] {
        let pruned = world.json(&prune(more));
        assert_eq!(pruned.as_array().unwrap().len(), listed, "{more:?}");
        assert!(pruned.as_array().unwrap().iter().all(|run| run["id"] == *id), "{pruned}");
        let runs = world.json(&["runs", "list", "--output", "json"]);
        assert_eq!(runs.as_array().unwrap().len(), left, "{more:?}");
    }
    world.run(&["resume", &id]).expect(3, &["there is no run"]);
}

#[test]
fn an_empty_name_and_an_empty_key_are_refused() {
    let (world, _) = ran();
    world.run(&["run", ""]).expect(3, &["the name of the flow is empty", "bundled flows:"]);
    world.run(&["run", "greeting.yaml", "--key", ""]).expect(2, &["--key <KEY>"]);
    world.run(&["resume", ""]).expect(3, &["the id of the run is empty", "runs list"]);
}

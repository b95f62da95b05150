//! Every way to be refused has its exit code and says what would help; what programs read is always valid.

use std::fs;

use serde_json::Value;

use crate::review::calm_lock;
use crate::world::{Done, World};

const NUMBERS: &str = "\
cleargate: 1
flow: numbers
input:
  n: { type: int }
output:
  text: ${a.text}
nodes:
  a: { type: template, text: \"n is ${n}\", with: { n: \"${input.n}\" } }
";

const WRONG: &str = "\
cleargate: 1
flow: wrong
vresion: 1
nodes:
  a: { type: template, text: hi, txet: ho }
  a: { type: template, text: hi }
";

const BOMB: &str = "\
cleargate: 1
flow: bomb
x-a: &a [l, l, l, l, l, l, l, l]
x-b: &b [*a, *a, *a, *a, *a, *a, *a, *a]
nodes:
  a: { type: template, text: hi }
";

const RUN: [&str; 4] = ["run", "numbers.yaml", "--input", "n=3"];

fn world() -> World {
    let world = World::empty();
    for (name, text) in [("numbers.yaml", NUMBERS), ("wrong.yaml", WRONG), ("bomb.yaml", BOMB)] {
        world.write(name, text);
    }
    world.write("any.lock", &calm_lock(1));
    fs::write(world.path("binary"), b"ab\xff").unwrap();
    world
}

#[test]
fn refusals_have_codes_and_say_what_helps() {
    let rows: [(&[&str], i32, &[&str]); 16] = [
        (&["run", "nosuch"], 3, &["there is no flow `nosuch`", "bundled flows: dependency_review"]),
        (&["run", "bomb.yaml"], 3, &["CG0003", "anchor"]),
        (
            &["run", "wrong.yaml"],
            3,
            &[
                "\"vresion\"",
                "did you mean `version`?",
                "\"txet\"",
                "written twice",
                "nothing was run",
            ],
        ),
        (&["run", "numbers.yaml", "--input", "n=many"], 3, &["input `n` must be int"]),
        (&["run", "numbers.yaml"], 3, &["/n: is missing", "its ports are n: int"]),
        (&["run", "numbers.yaml", "--input", "n"], 3, &["has no `=`", "port=@file"]),
        (&["run", "numbers.yaml", "--input", "n=@absent"], 3, &["absent cannot be used"]),
        (&["run", "numbers.yaml", "--input", "n=@/dev/zero"], 3, &["has more than 64 MiB"]),
        (&["run", "numbers.yaml", "--input", "n=@binary"], 3, &["is no UTF-8 text at byte 2"]),
        (&["run", "numbers.yaml", "--bogus"], 2, &["--bogus", "Usage: cleargate run"]),
        (&["runs", "list", "--output", "sarif"], 2, &["is for `cleargate check`", "use json"]),
        (&["resume", "0193"], 3, &["0193"]),
        (&["explain", "quux"], 3, &["there is no code `quux`", "lists every code"]),
        (&["explain", "cg010l"], 3, &["there is no code `cg010l`", "cleargate explain CG010"]),
        (
            &["run", "dependency_review", "--input", "lockfile=@any.lock"],
            6,
            &[
                "cleargate:lockfile is not in the registry",
                "cleargate plugin publish plugins/lockfile plugins/package-risk plugins/secret-guard",
            ],
        ),
        (
            &["run", "dependency_review", "--locked", "--input", "lockfile=@any.lock"],
            6,
            &["run once without --locked"],
        ),
    ];
    let world = world();
    for (args, code, words) in rows {
        world.run(args).expect(code, words);
    }
    assert!(!world.home().join("locks").exists(), "a refused run writes no lock");
}

#[test]
fn a_strangers_text_does_not_drive_the_terminal() {
    let world = world();
    let nodes = "nodes:\n  a: { type: template, text: hi }\n";
    let drive = "\u{1b}[2J\u{9b}31m\u{202e}";
    // In a comment beside a mistake, in a value, in a key, in a name, in a line that is as long as the file may be.
    let flows = [
        format!("cleargate: 1\nflow: f\nvresion: 1 # {drive}\n{nodes}"),
        format!("cleargate: 1\nflow: f\nversion: \"\\e[2J\\u009b31m\\u202e\"\n{nodes}"),
        format!("cleargate: 1\nflow: f\n\"\\e[2J\\u202e\": 1\n{nodes}"),
        format!("cleargate: 1\nflow: \"{drive}\"\n{nodes}"),
        format!(
            "{{cleargate: 1, flow: f, vresion: 1, x-a: '{}', nodez: {drive}}}",
            "x".repeat(900_000)
        ),
    ];
    for flow in flows {
        world.write("drive.yaml", &flow);
        for args in [
            &["check", "drive.yaml"][..],
            &["run", "drive.yaml"],
            &["run", "drive.yaml", "--explain"],
            &["runs", "list"],
        ] {
            let done = world.run(args);
            let said = done.out.clone() + &done.err;
            assert!(!said.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{args:?}: {said:?}");
            assert!(said.len() < 20_000, "{args:?}: {} bytes", said.len());
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_is_lost_is_no_success() {
    let world = world();
    let full = || fs::File::options().write(true).open("/dev/full").unwrap();
    let done = Done::of(world.command(&RUN).stdout(full()).output().unwrap());
    done.expect(1, &["the output cannot be written", "No space left", "cleargate resume RUN"]);
    let done = Done::of(world.command(&["runs", "list"]).stdout(full()).output().unwrap());
    done.expect(1, &["the output cannot be written"]);
}

#[test]
fn changed_registry_bytes_are_refused() {
    let world = World::published();
    world.write("any.lock", &calm_lock(1));
    let wasm = world.home().join("registry/packages/cleargate/lockfile/0.1.0.wasm");
    let mut bytes = fs::read(&wasm).unwrap();
    let published = world.json(&["plugin", "inspect", wasm.to_str().unwrap(), "--output", "json"]);
    let digest = published["digest"].as_str().unwrap().to_owned();
    *bytes.last_mut().unwrap() ^= 1;
    fs::remove_file(&wasm).unwrap();
    fs::write(&wasm, bytes).unwrap();
    let done = world.run(&["run", "dependency_review", "--input", "lockfile=@any.lock"]);
    done.expect(6, &[&digest, "the bytes were changed or are damaged"]);
    assert!(done.err.matches("sha256:").count() >= 2, "both digests: {done:?}");
}

#[test]
fn a_store_that_cannot_be_used_is_left_alone() {
    let newer = {
        let world = world();
        world.run(&RUN).expect(0, &[]);
        let mut bytes = fs::read(world.journal()).unwrap();
        // The schema version is the big-endian number at byte 60 of an SQLite file.
        bytes[60..64].copy_from_slice(&99_u32.to_be_bytes());
        bytes
    };
    let garbage: Vec<u8> = (0..5000u32).map(|i| (i * 7919 % 251) as u8).collect();
    for (bytes, words) in [(newer, "version 99"), (garbage, "it is no database")] {
        let world = world();
        world.write_home("journal.db", &bytes);
        world.run(&RUN).expect(9, &["the journal cannot be used", words]);
        assert!(fs::read(world.journal()).unwrap() == bytes, "overwritten: {words}");
    }
    let world = world();
    fs::create_dir_all(world.journal()).unwrap();
    world.run(&RUN).expect(9, &["it is no file"]);
    assert!(world.journal().is_dir());
}

#[test]
fn a_home_that_cannot_be_made_is_a_store_error() {
    let world = world();
    let done = world.command(&RUN).env("CLEARGATE_HOME", "/proc/cleargate").output().unwrap();
    crate::world::Done::of(done).expect(9, &["/proc/cleargate"]);
}

#[test]
fn unknown_configuration_is_refused() {
    let world = world();
    world.write_home("cleargate.toml", b"colour = 1\n");
    world.run(&RUN).expect(3, &["unknown field `colour`", "expected one of", "cleargate.toml"]);
}

#[test]
fn findings_are_data_in_every_format() {
    let world = world();
    let codes = ["CG0101", "CG0101", "CG0006"];
    let out = |format: &str| {
        let done = world.run(&["check", "wrong.yaml", "--output", format]);
        done.expect(3, &[]);
        done.out
    };
    let found = |list: &[Value], key: &str| {
        let all: Vec<_> = list.iter().map(|f| f[key].as_str().unwrap().to_owned()).collect();
        assert_eq!(all, codes);
    };
    let json: Value = serde_json::from_str(&out("json")).unwrap();
    found(json["findings"].as_array().unwrap(), "code");
    let lines: Vec<_> = out("ndjson").lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    found(&lines, "code");
    let sarif: Value = serde_json::from_str(&out("sarif")).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    found(sarif["runs"][0]["results"].as_array().unwrap(), "ruleId");

    world.run(&["check", "numbers.yaml"]).expect(0, &["is right"]);
}

#[test]
fn the_command_explains_itself() {
    let world = world();
    let page = world.run(&["explain", "CG0101"]);
    assert!(page.out.starts_with("CG0101: ") && page.out.contains("Right:"), "{page:?}");
    for what in ["flow", "plugin"] {
        let schema = world.json(&["schema", what]);
        assert!(schema["$schema"].as_str().unwrap().contains("json-schema.org"), "{what}");
    }
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let done = world.run(&["completions", shell]);
        assert_eq!(done.code, Some(0), "{shell}");
        assert!(done.out.contains("cleargate"), "{shell}");
    }
}

#[test]
fn pk_05_bytes_that_are_not_those_of_their_digest_are_refused_at_load_and_at_each_start() {
    let world = World::published();
    world.write("any.lock", &calm_lock(1));
    let run = ["run", "dependency_review", "--input", "lockfile=@any.lock"];
    // Compiled, cached and locked: from here on a start needs no bytes of the component but to compare them.
    world.run(&run).expect(0, &[]);
    world.run(&["plugin", "install", "cleargate:lockfile"]).expect(0, &[]);
    let row = world.json(&["plugin", "list", "--output", "json"])[0].clone();
    let digest = row["digest"].as_str().unwrap().to_owned();
    let hex = digest.strip_prefix("sha256:").unwrap();
    let places = [
        format!("plugins/sha256/{hex}.wasm"),
        "registry/packages/cleargate/lockfile/0.1.0.wasm".to_owned(),
    ];
    let whole = fs::read(world.home().join(&places[1])).unwrap();
    let tampered: Vec<(&str, Vec<u8>)> = vec![
        ("a bit", {
            let mut bytes = whole.clone();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            bytes
        }),
        ("cut", whole[..whole.len() - 1].to_vec()),
        ("longer", [&whole[..], b"\0"].concat()),
        ("empty", Vec::new()),
        ("another component", wat::parse_str("(component)").unwrap()),
    ];
    for (what, bytes) in tampered {
        for place in &places {
            let path = world.home().join(place);
            fs::remove_file(&path).unwrap();
            fs::write(&path, &bytes).unwrap();
        }
        for _ in 0..2 {
            let done = world.run(&run);
            assert_eq!(done.code, Some(6), "{what}: {done:?}");
        }
        assert_ne!(world.run(&["plugin", "install", "cleargate:lockfile"]).code, Some(0), "{what}");
    }
    for place in &places {
        fs::write(world.home().join(place), &whole).unwrap();
    }
    world.run(&run).expect(0, &[]);
}

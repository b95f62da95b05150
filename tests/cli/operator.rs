//! What an operator keeps: grants and secrets.

use crate::world::{Done, World};

const VALUE: &str = "correct horse battery";

#[test]
fn a_secret_is_kept_listed_without_its_value_masked_and_removed() {
    let world = World::empty();
    let set = ["secret", "set", "API_KEY", "--host", "api.example.org"];
    let done = world.told(&set, &format!("{VALUE}\n"));
    assert_eq!(done.code, Some(0), "{done:?}");
    let listed = world.run(&["secret", "list"]);
    assert!(listed.out.contains("API_KEY") && listed.out.contains("api.example.org"));
    for text in [&done.out, &done.err, &listed.out, &listed.err] {
        assert!(!text.contains(VALUE), "{text}");
    }

    // It is known to every run from its start: nothing that a node makes can carry it out.
    let flow = "cleargate: 1\nflow: leak\noutput: { said: \"${say.text}\" }\nnodes:\n  \
                say: { type: template, text: \"${a} horse battery\", with: { a: correct } }\n";
    world.write("leak.yaml", flow);
    let run = world.run(&["run", "leak.yaml", "--output", "json"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.out.contains("\"said\": \"***\"") && !run.out.contains(VALUE), "{}", run.out);

    world.told(&["secret", "set", "SHORT"], "abc").expect(3, &["at least 8 bytes"]);
    world.told(&["secret", "set", "A-B"], VALUE).expect(3, &["no label", "letters"]);
    let nowhere = ["secret", "set", "B", "--host", "http://x/y"];
    world.told(&nowhere, VALUE).expect(3, &["`http://x/y` is no host"]);
    assert_eq!(world.run(&["secret", "rm", "API_KEY"]).code, Some(0));
    world.run(&["secret", "rm", "API_KEY"]).expect(3, &["no secret `API_KEY`", "secret list"]);
}

#[test]
fn a_refusal_prints_what_is_pasted_to_grant_it() {
    let world = World::empty();
    let flow = "cleargate: 1\nflow: fetch\nnodes:\n  \
                a: { type: http, effect: read, with: { url: \"http://localhost:9/\" } }\n";
    world.write("fetch.yaml", flow);
    let refused = world.run(&["run", "fetch.yaml"]);
    refused.expect(
        5,
        &["is not granted", "grant it: http = [\"http://localhost:9\"]", "`http` is built in"],
    );
    let run =
        world.json(&["runs", "list", "--output", "json"])[0]["id"].as_str().unwrap().to_owned();
    let resumed = world.run(&["resume", &run]);
    resumed.expect(5, &["is not granted", "`http` is built in", "[[grant]]"]);
    // What stands between `[[grant]]` and the next help is the text to paste.
    let lines = refused.err.lines().skip_while(|line| !line.contains("[[grant]]"));
    let block: Vec<&str> = lines.take(5).map(str::trim).collect();
    world.write_home("grants.toml", block.join("\n").as_bytes());
    let allowed = world.run(&["run", "fetch.yaml"]);
    assert_ne!(allowed.code, Some(3), "{allowed:?}");
    assert!(!allowed.err.contains("is not granted"), "{allowed:?}");
}

#[test]
fn a_secret_that_does_not_open_stops_what_needs_it_and_says_how_to_mend_it() {
    let world = World::empty();
    assert_eq!(world.told(&["secret", "set", "KEY"], VALUE).code, Some(0));
    world.write_home("secrets.key", "00".repeat(32).as_bytes());
    world.run(&["runs", "list"]).expect(3, &["`KEY`", "does not open", "secret set KEY"]);
    // What mends it does not need it.
    assert_eq!(world.run(&["secret", "rm", "KEY"]).code, Some(0));
    assert_eq!(world.run(&["runs", "list"]).code, Some(0));
}

#[test]
fn grants_are_listed_shown_and_taken_back() {
    let world = World::empty();
    assert!(world.run(&["grant", "list"]).out.contains("nothing is granted"));
    let entry = |name: &str, version: &str| {
        format!(
            "[[grant]]\nplugin = \"acme:{name}\"\nversion = \"{version}\"\ndigest = \"sha256:{name}{version}\"\n\
             allow = {{ http = [\"{name}.example.org\"] }}\n\n"
        )
    };
    let file =
        ["fetch", "post"].map(|name| entry(name, "1.0.0")).concat() + &entry("fetch", "2.0.0");
    world.write_home("grants.toml", file.as_bytes());
    let listed = world.json(&["grant", "list", "--output", "json"]);
    assert_eq!(listed.as_array().unwrap().len(), 3);
    assert_eq!(listed[1]["allow"][0], "http post.example.org");
    let shown = world.run(&["grant", "show", "acme:fetch"]);
    assert!(shown.out.contains("2.0.0") && !shown.out.contains("post"), "{}", shown.out);
    let done = world.run(&["grant", "revoke", "acme:fetch@^1"]);
    assert!(done.out.contains("1.0.0") && !done.out.contains("2.0.0"), "{done:?}");
    assert_eq!(world.json(&["grant", "list", "--output", "json"]).as_array().unwrap().len(), 2);
    assert_eq!(world.run(&["grant", "revoke", "acme:fetch"]).code, Some(0));
    world.run(&["grant", "revoke", "acme:fetch"]).expect(3, &["nothing is granted", "grant list"]);
    world.run(&["grant", "show", "acme:none"]).expect(3, &["nothing is granted"]);
}

/// FL-10: wherever a flow puts a secret, nothing that is written or shown holds it.
#[test]
fn forty_secrets_are_found_nowhere() {
    let world = World::empty();
    let canary = |i: usize| (format!("canary{i:02}"), format!("of{:08x}", i * 2_654_435_761));
    let value = |i: usize| format!("{}{}", canary(i).0, canary(i).1);
    let join = |i: usize| format!("'{}' + '{}'", canary(i).0, canary(i).1);
    let nodes: String = (0..40)
        .map(|i| match i % 4 {
            0 => format!("  n{i}: {{ type: transform, with: {{ v: \"${{{}}}\" }} }}\n", join(i)),
            1 => format!(
                "  n{i}: {{ type: template, text: \"${{v}}\", with: {{ v: \"${{{}}}\" }} }}\n",
                join(i)
            ),
            2 => format!("  n{i}: {{ type: file.read, with: {{ path: \"${{{}}}\" }} }}\n", join(i)),
            _ => format!(
                "  n{i}: {{ type: http, with: {{ url: \"${{'https://x.test/' + {}}}\" }} }}\n",
                join(i)
            ),
        })
        .collect();
    let outputs: String = (0..40).map(|i| format!("  o{i}: \"${{n{i}}}\"\n")).collect();
    let one = |kinds: &[usize]| {
        let keep = |line: &str| {
            let number: String =
                line.trim_start().chars().skip(1).take_while(char::is_ascii_digit).collect();
            number.parse::<usize>().is_ok_and(|i| kinds.contains(&(i % 4)))
        };
        let pick = |text: &str| {
            text.lines().filter(|l| keep(l)).map(|l| format!("{l}\n")).collect::<String>()
        };
        format!("cleargate: 1\nflow: leak\noutput:\n{}nodes:\n{}", pick(&outputs), pick(&nodes))
    };
    let mut shown = String::new();
    for (name, kinds) in [("good", &[0, 1][..]), ("files", &[2]), ("network", &[3])] {
        world.write(&format!("{name}.yaml"), &one(kinds));
        for output in ["human", "json", "ndjson"] {
            let mut command =
                world.command(&["run", &format!("{name}.yaml"), "--output", output, "-vv"]);
            command.envs((0..40).map(|i| (format!("CLEARGATE_SECRET_C{i}"), value(i))));
            let done = Done::of(command.output().unwrap());
            assert_eq!(done.code == Some(0), name == "good", "{done:?}");
            shown += &format!("{}{}", done.out, done.err);
        }
    }
    assert!(shown.contains("***"), "nothing was masked: {shown}");
    let mut files = vec![("what was shown".to_owned(), shown.into_bytes())];
    let mut folders = vec![world.home()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            match entry.file_type().unwrap().is_dir() {
                true => folders.push(entry.path()),
                false => files.push((
                    entry.path().display().to_string(),
                    std::fs::read(entry.path()).unwrap(),
                )),
            }
        }
    }
    assert!(files.iter().any(|(name, _)| name.ends_with("journal.db")));
    for (name, bytes) in files {
        for i in 0..40 {
            let value = value(i);
            let found = bytes.windows(value.len()).any(|window| window == value.as_bytes());
            assert!(!found, "{name} holds secret {i}");
        }
    }
}

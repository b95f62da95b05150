//! The bundled flow from lock file to report: what a first user runs.

use std::fs;

use crate::world::{World, repository};

/// Looks like a token of a well-known service, and is none.
const TOKEN: &str = "ghp_16C7e42F292c6912E7710c838347Ae178B4a";

fn package(name: &str, source: &str) -> String {
    format!("[[package]]\nname = \"{name}\"\nversion = \"1.0.0\"\nsource = \"{source}\"\n\n")
}

/// A lock file of `count` packages that nothing is wrong with.
pub(crate) fn calm_lock(count: usize) -> String {
    let source = "registry+https://index.example.org/crates";
    let package = |i| {
        format!(
            "[[package]]\nname = \"crate-{i:05}\"\nversion = \"1.0.0\"\nsource = \"{source}\"\nchecksum = \"{i:064x}\"\n\n"
        )
    };
    format!("version = 4\n\n{}", (0..count).map(package).collect::<String>())
}

#[test]
fn a_lock_file_becomes_a_report() {
    let world = World::published();
    fs::copy(repository().join("Cargo.lock"), world.path("Cargo.lock")).unwrap();
    let args = ["run", "dependency_review", "--input", "lockfile=@Cargo.lock"];

    let done = world.run(&args);
    done.expect(0, &["✓ parse succeeded", "NODE DONE TIME", "again: cleargate runs show"]);
    assert!(done.out.starts_with("# Dependency review\n"), "{}", done.out);
    assert!(!done.out.contains("NODE"), "the timeline belongs to stderr: {}", done.out);

    let locks = world.home().join("locks");
    let lock = fs::read_dir(&locks).unwrap().next().unwrap().unwrap().path();
    let before = (fs::read(&lock).unwrap(), fs::metadata(&lock).unwrap().modified().unwrap());
    let document = world.json(&[&args[..], &["--locked", "--output", "json"]].concat());
    assert_eq!(document["outcome"]["status"], "succeeded");
    let nodes = document["timeline"]["nodes"].as_array().unwrap();
    for path in ["parse", "assess.check", "safe"] {
        let node = nodes.iter().find(|n| n["path"] == path).unwrap();
        assert!(node["fuel"].as_u64().unwrap() > 0, "{node}");
    }
    let after = (fs::read(&lock).unwrap(), fs::metadata(&lock).unwrap().modified().unwrap());
    assert_eq!(before, after, "the second run must not touch the lock");

    let explained = world.run(&[&args[..], &["--explain"]].concat());
    assert_eq!(explained.code, Some(0), "{explained:?}");
    for part in ["cleargate:lockfile", "cleargate:package-risk", "sha256:", "fuel"] {
        assert!(explained.out.contains(part), "no {part:?} in {}", explained.out);
    }
    assert_eq!(world.json(&["runs", "list", "--output", "json"]).as_array().unwrap().len(), 2);
}

#[test]
fn what_is_planted_decides_the_branch() {
    let lookalike = calm_lock(1).replace("crate-00000", "serde_jsom");
    let lookalike = lookalike.trim_start_matches("version = 4\n\n").to_owned();
    let git = package("gitty", "git+https://git.example.net/gitty");
    let plain = package("plain", "registry+http://mirror.example.net/index");
    let rows = [
        (vec![&lookalike], "medium", "caution", "`serde_json`"),
        (vec![&git], "medium", "caution", "without a pinned commit"),
        (vec![&plain], "high", "alarm", "without encryption"),
        (vec![&lookalike, &git, &plain], "high", "alarm", "without encryption"),
    ];
    let world = World::published();
    for (packages, risk, branch, why) in rows {
        let packages: String = packages.into_iter().map(String::as_str).collect();
        world.write("planted.lock", &format!("version = 4\n\n{packages}"));
        let document = world.json(&[
            "run",
            "dependency_review",
            "--input",
            "lockfile=@planted.lock",
            "--output",
            "json",
        ]);
        let output = &document["outcome"]["output"];
        assert_eq!(output["risk"], risk, "{output}");
        assert!(output["report"].as_str().unwrap().contains(why), "{output}");
        let nodes = document["timeline"]["nodes"].as_array().unwrap();
        let taken = |path: &str| nodes.iter().any(|n| n["path"] == path);
        for path in ["alarm", "caution", "calm"] {
            assert_eq!(taken(path), path == branch, "{path} for {packages}");
        }
    }
}

#[test]
fn a_credential_never_reaches_the_report() {
    let world = World::published();
    // In a place that the report prints, and in one that it does not.
    let printed = package(TOKEN, "git+https://git.example.net/gitty");
    let url = package("gitty", &format!("git+https://bob:{TOKEN}@git.example.net/gitty"));
    for (text, code, words, reported) in [
        (printed, 5, &["guard `secret_guard` refused", "github_token"][..], ""),
        (url, 0, &["✓ alarm succeeded"][..], "has credentials in the address of its source"),
    ] {
        world.write("leaky.lock", &format!("version = 4\n\n{text}"));
        let done = world.run(&["run", "dependency_review", "--input", "lockfile=@leaky.lock"]);
        done.expect(code, words);
        assert!(done.out.contains(reported), "{}", done.out);
        assert!(!done.out.contains(TOKEN) && !done.err.contains(TOKEN), "{done:?}");
    }
}

#[test]
fn a_file_that_does_not_tell_its_format_can_be_told() {
    let world = World::published();
    // A lock file of a project without dependencies has none of the usual marks.
    world.write("empty.lock", "version = 4\n");
    let run = ["run", "dependency_review", "--input", "lockfile=@empty.lock"];
    world.run(&run).expect(1, &["this is no lock file that is known", "`format` is cargo, npm"]);
    let told = world.run(&[&run[..], &["--input", "format=cargo"]].concat());
    told.expect(0, &["✓ parse succeeded"]);
    assert!(told.out.contains("0 packages in a `cargo` file"), "{}", told.out);
    let other = world.run(&[&run[..], &["--input", "format=ruby"]].concat());
    other.expect(3, &["ruby"]);
}

#[test]
fn a_foreign_registry_is_noted_and_can_be_accepted() {
    let world = World::published();
    let foreign = "[[package]]\nname = \"foreign\"\nversion = \"1.0.0\"\n\
                   source = \"registry+https://other.example.net/\"\nchecksum = \"00\"\n";
    world.write("mixed.lock", &format!("{}{foreign}", calm_lock(3)));
    let run = ["run", "dependency_review", "--input", "lockfile=@mixed.lock"];
    let noted = |hosts: &[&str]| world.run(&[&run[..], hosts].concat()).out;
    let by_count = noted(&[]);
    assert!(
        by_count.contains("Notes on 1 package(s)") && by_count.contains("foreign"),
        "{by_count}"
    );
    let both = r#"usual=["index.example.org", "other.example.net"]"#;
    assert!(!noted(&["--input", both]).contains("Notes"));
    let strict = noted(&["--input", r#"usual=["other.example.net"]"#]);
    assert!(strict.contains("Notes on 3 package(s)"), "{strict}");
}

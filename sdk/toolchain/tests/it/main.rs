//! Whole builds with the real toolchain: every template becomes a component, and twice the same one.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must panic")]

use std::fs;
use std::path::Path;

use cleargate_registry::Component;
use cleargate_registry::manifest::Language;
use cleargate_toolchain::{BuildError, Builder, Built, Config, Kind, Progress, scaffold};

/// Builds into the folder that Cargo gives to tests: the standard library is built once.
fn builder() -> Builder {
    Builder::new(Config::new(Path::new(env!("CARGO_TARGET_TMPDIR")).join("guests")))
}

fn build(project: &Path) -> Built {
    let mut toolchains = 0;
    let built = builder().build(project, &mut |progress| {
        toolchains += usize::from(matches!(progress, Progress::Toolchain(_)));
    });
    let built = built.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(toolchains, 1, "the toolchain is named once");
    built
}

/// Of those that ask for nothing, two: all of them run where their cases do.
#[test]
fn a_template_becomes_a_component_that_asks_for_what_it_needs() {
    let dir = tempfile::tempdir().unwrap();
    for kind in [Kind::Node, Kind::Tool, Kind::Provider, Kind::Cache, Kind::Trigger] {
        let project = dir.path().join(format!("{kind:?}"));
        scaffold(kind, Language::Rust, &"acme:word-count".parse().unwrap(), &project).unwrap();
        let lock = fs::read(project.join("Cargo.lock")).unwrap();
        let built = build(&project);
        let component = Component::read(&built.bytes).unwrap();
        let mut imports: Vec<String> = component.imports.iter().map(ToString::to_string).collect();
        imports.sort();
        let services: &[&str] = match kind {
            Kind::Provider | Kind::Trigger => &["host/http"],
            Kind::Cache => &["host/clock", "host/kv"],
            _ => &[],
        };
        let mut wanted: Vec<String> =
            services.iter().map(|service| format!("cleargate:{service}@0.1.0")).collect();
        wanted.push("cleargate:types/types@0.1.0".into());
        assert_eq!(imports, wanted, "{kind:?}");
        assert_eq!(component.exports.len(), 1, "{kind:?}");
        assert_eq!(component.manifest.as_ref(), Some(&built.manifest), "{kind:?}");
        assert_eq!(component.digest, built.digest);
        assert_eq!(fs::read(&built.wasm_path).unwrap(), built.bytes);
        let after = fs::read(project.join("Cargo.lock")).unwrap();
        assert_eq!(after, lock, "the lock file is complete");
    }
}

#[test]
fn the_same_source_gives_the_same_bytes_in_another_folder() {
    let digests = ["a", "another/longer folder"].map(|folder| {
        let dir = tempfile::tempdir().unwrap();
        let project = dir.path().join(folder);
        scaffold(Kind::Node, Language::Rust, &"acme:same".parse().unwrap(), &project).unwrap();
        let built = build(&project);
        let home = dir.path().to_str().unwrap().as_bytes();
        assert!(!built.bytes.windows(home.len()).any(|w| w == home), "a path of this machine");
        built.digest
    });
    assert_eq!(digests[0], digests[1]);
}

/// Cargo knows the crate's name alone; without turns, a project that is "fresh" gets the other one's code.
#[test]
fn projects_of_one_name_do_not_mix() {
    let dir = tempfile::tempdir().unwrap();
    let projects = ["one", "two"].map(|word| {
        let project = dir.path().join(word);
        scaffold(Kind::Tool, Language::Rust, &"acme:twin".parse().unwrap(), &project).unwrap();
        let source = fs::read_to_string(project.join("src/lib.rs")).unwrap();
        let marked = source.replacen("/// Adds", &format!("/// I am {word}. Adds"), 1);
        assert_ne!(source, marked, "the template has a summary to mark");
        fs::write(project.join("src/lib.rs"), marked).unwrap();
        (word, project)
    });
    let has = |bytes: &[u8], word: &str| {
        let mark = format!("I am {word}.");
        bytes.windows(mark.len()).any(|part| part == mark.as_bytes())
    };
    for round in 0..3 {
        std::thread::scope(|scope| {
            for (word, project) in &projects {
                scope.spawn(move || {
                    let built = builder().build(project, &mut |_| {}).unwrap();
                    assert!(has(&built.bytes, word), "round {round}: {word} got another's code");
                    assert_eq!(fs::read(&built.wasm_path).unwrap(), built.bytes, "{word}");
                });
            }
        });
    }
}

/// Builds a node for WASI whose body begins with `line`; nothing where the target is not installed, which must
/// be said with the command that installs it.
fn wasi(project: &Path, line: &str) -> Option<Result<Built, BuildError>> {
    scaffold(Kind::Node, Language::Rust, &"acme:wasi".parse().unwrap(), project).unwrap();
    let edit = |file: &str, change: &dyn Fn(String) -> String| {
        let path = project.join(file);
        fs::write(&path, change(fs::read_to_string(&path).unwrap())).unwrap();
    };
    let target = "\n[package.metadata.cleargate]\ntarget = \"wasm32-wasip2\"\n";
    edit("Cargo.toml", &|text| text + target);
    edit("src/lib.rs", &|text| {
        text.replacen("    let words", &format!("    {line}\n    let words"), 1)
    });
    match builder().build(project, &mut |_| {}) {
        Err(error @ BuildError::NoToolchain { .. }) => {
            assert!(error.to_string().contains("rustup target add wasm32-wasip2"), "{error}");
            None
        }
        other => Some(other),
    }
}

#[test]
fn what_needs_no_host_is_answered_inside() {
    let dir = tempfile::tempdir().unwrap();
    let line = "println!(\"{:?} {:?}\", std::env::args(), std::collections::HashSet::from([1]));";
    let Some(built) = wasi(&dir.path().join("p"), line) else { return };
    let component = Component::read(&built.unwrap_or_else(|e| panic!("{e}")).bytes).unwrap();
    for import in &component.imports {
        let import = import.to_string();
        let printing = ["wasi:io/", "wasi:cli/std", "cleargate:types/"];
        assert!(printing.iter().any(|start| import.starts_with(start)), "{import}");
    }
}

#[test]
fn what_the_host_serves_of_the_system_stays_an_import_and_the_rest_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let line = "let _ = (std::time::Instant::now(), std::fs::read(\"/etc/passwd\"));";
    let Some(built) = wasi(&dir.path().join("p"), line) else { return };
    let built = built.unwrap_or_else(|error| panic!("{error}"));
    let component = Component::read(&built.bytes).unwrap();
    let imports: Vec<String> = component.imports.iter().map(ToString::to_string).collect();
    for start in ["wasi:clocks/monotonic-clock@0.2.", "wasi:filesystem/preopens@0.2."] {
        assert!(
            imports.iter().any(|import| import.starts_with(start)),
            "no {start} in {imports:?}"
        );
    }
    let line = "let _ = std::net::TcpStream::connect(\"127.0.0.1:1\");";
    let error = wasi(&dir.path().join("q"), line).unwrap().map(|built| built.size).unwrap_err();
    assert!(matches!(error, BuildError::System(_)), "{error}");
    let message = error.to_string();
    for words in ["wasi:sockets/tcp@", "send requests with `wasi:http` or `cleargate::http`"] {
        assert!(message.contains(words), "no {words} in {message}");
    }
    assert!(!message.contains("wasi:clocks/"), "{message}");
}

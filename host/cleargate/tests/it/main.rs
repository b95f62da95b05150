//! The library as other programs use it: the example is built with the tests and run here.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must panic")]

mod guest;
mod histories;
mod quota;
mod runs;
mod swap;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const FLOW: &str = "\
cleargate: 1
flow: double
input: { n: int }
output: { twice: \"${twice.n}\" }
nodes:
  twice: { type: transform, with: { n: \"${input.n * 2}\" } }
";

/// Cargo builds examples beside the tests of their package.
fn embed() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    tests.parent().unwrap().with_file_name("examples").join("embed")
}

fn run(folder: &Path, input: &str) -> Output {
    let args = ["home", "double.yaml", input];
    Command::new(embed()).args(args).current_dir(folder).output().unwrap()
}

#[test]
fn another_program_runs_a_flow() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("double.yaml"), FLOW).unwrap();
    let done = run(folder.path(), r#"{"n": 21}"#);
    assert!(done.status.success(), "{done:?}");
    let outcome: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(outcome, serde_json::json!({ "status": "succeeded", "output": { "twice": 42 } }));
    assert!(folder.path().join("home/journal.db").exists(), "the run was not durable");

    let refused = run(folder.path(), r#"{"n": "x"}"#);
    assert!(!refused.status.success() && refused.stdout.is_empty(), "{refused:?}");
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("does not fit `double`"), "{said}");
}

//! The page about what is proved names tests that exist.

use std::collections::BTreeSet;
use std::fs;

use cleargate_tests::{files, root};

#[test]
fn each_promise_of_the_engine_names_tests_that_exist() {
    let page = fs::read_to_string(root().join("tests/README.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| ") && line.ends_with("` |"));
    let proofs = rows.map(|row| row.trim_end_matches('|').rsplit('|').next().unwrap());
    let names: BTreeSet<String> = proofs
        .flat_map(|proofs| proofs.split(", "))
        .map(|name| name.trim().trim_matches('`').to_owned())
        .collect();
    assert!(names.len() > 40, "{} names", names.len());
    let code: Vec<String> = ["host", "tests"]
        .iter()
        .flat_map(|folder| files(folder, ".rs"))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let exists = |name: &&String| code.iter().any(|code| code.contains(&format!("fn {name}(")));
    let missing: Vec<&String> = names.iter().filter(|name| !exists(name)).collect();
    assert!(missing.is_empty(), "no test is called {missing:?}");
}

//! Each boundary, driven with damaged seeds. What fails is kept in the folder of test results, and its path is printed.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;

use cleargate_fuzz::TARGETS;
use cleargate_fuzz::drive::drive;

#[expect(clippy::disallowed_methods, reason = "who runs the tests says how long they may take")]
fn boundary(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).unwrap();
    let soak = std::env::var_os("CLEARGATE_SOAK").is_some();
    let rounds = if soak { target.soak } else { target.rounds };
    drive(target, rounds, &Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz"));
}

macro_rules! boundaries {
    ($($test:ident: $name:literal;)*) => {
        $(#[test]
        fn $test() {
            boundary($name);
        })*

        const TESTED: &[&str] = &[$($name),*];
    };
}

boundaries! {
    fl_07_flow: "flow";
    fl_07_expression: "expression";
    fl_07_template: "template";
    fl_07_prose: "prose";
    fl_07_type: "type";
    fl_07_data: "data";
    fuzz_manifest: "manifest";
    fuzz_grants: "grants";
    fuzz_config: "config";
    fuzz_lock: "lock";
    fuzz_index: "index";
    fuzz_cases: "cases";
    fuzz_component: "component";
    fuzz_foreign: "foreign";
    fuzz_answer: "answer";
    fuzz_path: "path";
    fuzz_url: "url";
    fuzz_journal: "journal";
}

#[test]
fn each_boundary_has_a_test_seeds_an_entry_for_a_fuzzer_and_a_row() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("../../host/SECURITY.md")).unwrap();
    let manifest = std::fs::read_to_string(root.join("libfuzzer/Cargo.toml")).unwrap();
    for target in TARGETS {
        assert!(TESTED.contains(&target.name), "{} has no test", target.name);
        assert!(root.join("seeds").join(target.name).is_dir(), "{} has no seeds", target.name);
        let path = format!("fuzz_targets/{}.rs", target.name);
        let entry = std::fs::read_to_string(root.join("libfuzzer").join(&path)).unwrap();
        assert!(entry.contains(&format!("cleargate_fuzz::run({:?}", target.name)), "{path}");
        let row = format!("| `{}` | ", target.name);
        assert!(page.lines().any(|line| line.starts_with(&row)), "no row begins with {row}");
        assert!(manifest.contains(&path), "libfuzzer/Cargo.toml lacks {path}");
    }
    assert_eq!(TESTED.len(), TARGETS.len());
}

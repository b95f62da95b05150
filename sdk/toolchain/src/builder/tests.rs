//! What a builder refuses, and with which advice. Whole builds are in `tests/it`.

use super::*;
use crate::survey;

const MANIFEST: &str = "[plugin]\nname = \"acme:p\"\nversion = \"1.0.0\"\ndescription = \"Does\"\n";

/// Builds a folder that holds `plugin.toml` and what else is given.
fn build(manifest: &str, files: &[(&str, &[u8])]) -> Result<Built, BuildError> {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("plugin.toml"), manifest).unwrap();
    for (path, bytes) in files {
        fs::write(dir.path().join(path), bytes).unwrap();
    }
    Builder::new(Config::new(dir.path().join("target"))).build(dir.path(), &mut |_| {})
}

#[test]
fn refusals_name_the_fix() {
    let prebuilt = format!("{MANIFEST}[build]\nlanguage = \"prebuilt\"\n");
    let with_file = format!("{prebuilt}component = \"p.wasm\"\n");
    let go = format!("{MANIFEST}[build]\nlanguage = \"go\"\n");
    let python = format!("{MANIFEST}[build]\nlanguage = \"python\"\n");
    // A module that imports the function `f` of `env`, which no host serves.
    let core: &[u8] = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x02\x09\x01\x03env\x01f\0\0";
    let component: &[u8] = b"\0asm\x0d\0\x01\0";
    for (manifest, files, expected) in [
        ("[plugin]\n", &[][..], "plugin.toml: line 1"),
        (MANIFEST, &[], "Cargo.toml"),
        (&go, &[], "there is no src/go.mod"),
        (&python, &[], "there is no src/plugin.py"),
        (&prebuilt, &[], "needs component = "),
        (&with_file, &[], "p.wasm"),
        (&with_file, &[("p.wasm", &b"text that is no wasm"[..])], "no WebAssembly"),
        (&with_file, &[("p.wasm", core)], "cleargate::export!"),
        (&with_file, &[("p.wasm", component)], "exports nothing that can be called"),
    ] {
        let message = build(manifest, files).expect_err(expected).to_string();
        assert!(message.contains(expected), "{expected}: {message}");
    }
}

#[test]
fn a_target_that_is_not_built_is_refused_before_anything_is_built() {
    let cargo = "[package]\nname = \"p\"\nversion = \"1.0.0\"\n[lib]\npath = \"p.rs\"\n\
                 [package.metadata.cleargate]\ntarget = \"wasm64\"\n[workspace]\n";
    let files: [(&str, &[u8]); 2] = [("Cargo.toml", cargo.as_bytes()), ("p.rs", b"")];
    let message = build(MANIFEST, &files).unwrap_err().to_string();
    assert!(message.contains("`wasm64` is not built") && message.contains("wasip2"), "{message}");
}

#[test]
fn the_survey_has_a_line_for_each_toolchain_and_a_fix_for_each_gap() {
    let report = survey(&Config::new("unused"));
    assert_eq!(report.len(), 4);
    for finding in report {
        assert_eq!(finding.ready, finding.fix.is_none(), "{finding:?}");
    }
}

//! What is read from `cargo metadata`.

use super::*;

/// A workspace of two packages, of which one needs a crate with parts in C.
fn workspace() -> Metadata {
    let package = |name: &str| {
        let (id, manifest_path) =
            (format!("{name}-id"), PathBuf::from(format!("/{name}/Cargo.toml")));
        Package {
            id,
            name: name.into(),
            manifest_path,
            targets: Vec::new(),
            metadata: serde_json::Value::Null,
        }
    };
    let node = |name: &str, needs: &[&str]| Node {
        id: format!("{name}-id"),
        dependencies: needs.iter().map(|n| format!("{n}-id")).collect(),
    };
    Metadata {
        packages: ["sql", "jq", "sqlite", "cc", "ring"].map(package).into(),
        resolve: Resolve {
            nodes: vec![
                node("sql", &["sqlite"]),
                node("sqlite", &["ring", "cc"]),
                // A circle, as optional and test dependencies can make one.
                node("ring", &["sqlite"]),
                node("cc", &[]),
                node("jq", &["ring-of-others"]),
            ],
        },
    }
}

#[test]
fn only_what_a_package_itself_needs_counts() {
    let facts = workspace();
    for (package, crates, expected) in
        [("sql", "cc", true), ("jq", "cc", false), ("sql", "jq", false), ("absent", "cc", false)]
    {
        let manifest = PathBuf::from(format!("/{package}/Cargo.toml"));
        assert_eq!(facts.depends(&manifest, crates), expected, "{package} needs {crates}");
    }
}

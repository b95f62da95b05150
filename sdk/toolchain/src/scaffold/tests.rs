//! What a new project holds. That it builds and passes its cases is shown where components run.

use super::*;

fn project(kind: Kind) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let name = "acme:word-count".parse().unwrap();
    scaffold(kind, Language::Rust, &name, &dir.path().join("p")).unwrap();
    dir
}

/// Each language with its source, what each source has, and a file of its SDK.
const LANGUAGES: [(Language, &str, &str, &str); 6] = [
    (Language::Rust, "src/lib.rs", "cleargate::export!", "sdk/rust/src/parts.rs"),
    (Language::Js, "src/plugin.js", "export default", "sdk/javascript/kinds/part.js"),
    (Language::Python, "src/plugin.py", "from cleargate import", "sdk/python/cleargate/kv.py"),
    (Language::C, "src/plugin.c", "#include \"cleargate.h\"", "sdk/c/src/parts.c"),
    (Language::Cpp, "src/plugin.cc", "#include \"cleargate.hpp\"", "sdk/c/include/cleargate.hpp"),
    (Language::Go, "src/plugin.go", "package main", "sdk/go/internal/part/part.go"),
];

#[test]
fn every_template_is_filled_and_has_a_valid_manifest_in_every_language() {
    let name = "acme:word-count".parse().unwrap();
    for (language, source, has, sdk) in LANGUAGES {
        for kind in Kind::ALL {
            let what = format!("{language:?} {kind:?}");
            let dir = tempfile::tempdir().unwrap();
            let own = scaffold(kind, language, &name, dir.path()).unwrap();
            let read = |path: &str| fs::read_to_string(dir.path().join(path)).unwrap();
            for path in own {
                // In C++ two braces also begin a list of pairs.
                let text = read(path.to_str().unwrap());
                let mut open = text.split("{{").skip(1);
                let left = open.any(|rest| rest.starts_with(char::is_alphabetic));
                assert!(!left, "{what} {}", path.display());
            }
            let manifest = cleargate_registry::Manifest::from_toml(&read("plugin.toml")).unwrap();
            assert_eq!(manifest.plugin.name.to_string(), "acme:word-count");
            assert_eq!(manifest.build.unwrap().language, language, "{what}");
            assert!(read(source).contains(has), "{what}");
            assert!(read("README.md").contains("cleargate plugin test"), "{what}");
            assert!(read("cases/first.yaml").contains("error:"), "{what}: some cases are failures");
            assert!(read("vendor/wit/types@0.1.0/types.wit").contains("package cleargate:types"));
            let vendored = fs::read_dir(dir.path().join("vendor/sdk")).unwrap().count();
            assert!(dir.path().join("vendor").join(sdk).is_file() && vendored == 1, "{what}");
            assert_eq!(dir.path().join("Cargo.lock").exists(), language == Language::Rust);
        }
    }
}

#[test]
fn the_lock_file_is_in_the_order_of_names() {
    for name in ["aaa", "zzz", "serde-x"] {
        let lock = lock_file(name);
        let names: Vec<&str> =
            lock.lines().filter_map(|l| l.strip_prefix("name = \"")?.strip_suffix('"')).collect();
        assert!(names.contains(&name) && names.is_sorted(), "{names:?}");
        assert!(!lock.contains("template-plugin"));
    }
}

#[test]
fn nothing_is_overwritten() {
    let dir = project(Kind::Node);
    let name = "acme:other".parse().unwrap();
    let again = scaffold(Kind::Node, Language::Rust, &name, &dir.path().join("p"));
    assert!(matches!(again, Err(ScaffoldError::NotEmpty(_))), "{again:?}");
    let none = scaffold(Kind::Node, Language::Prebuilt, &name, &dir.path().join("q"));
    assert!(matches!(none, Err(ScaffoldError::Language(Language::Prebuilt))), "{none:?}");
}

/// A file of the SDK or the contract that is not in the list would be missing in every new project.
#[test]
fn no_source_is_forgotten() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folders = [
        "sdk/rust/src",
        "sdk/rust/macros/src",
        "sdk/javascript",
        "sdk/python/cleargate",
        "sdk/c",
        "sdk/go",
        "wit",
    ];
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = folders.iter().map(PathBuf::from).collect();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(root.join(&folder)).unwrap().map(Result::unwrap) {
            let path = folder.join(entry.file_name());
            match entry.file_type().unwrap().is_dir() {
                true => open.push(path),
                false => found.push(path),
            }
        }
    }
    let listed: Vec<&str> = VENDORED.iter().map(|(path, _)| *path).collect();
    let source = |path: &&PathBuf| {
        path.extension().is_some_and(|e| {
            ["rs", "js", "ts", "py", "c", "h", "hpp", "go", "mod", "wit"]
                .iter()
                .any(|end| e == *end)
        })
    };
    for path in found.iter().filter(source) {
        let path = path.to_str().unwrap();
        assert!(listed.contains(&path), "{path} is missing in sources.rs");
    }
}

/// Names that a file of JavaScript exports, or that its types say it exports; types of their own do not count.
fn exported(text: &str) -> std::collections::BTreeSet<&str> {
    let words = ["export const ", "export function ", "export function* ", "export class "];
    let mut found = std::collections::BTreeSet::new();
    for line in text.lines() {
        if let Some(rest) = words.iter().find_map(|word| line.strip_prefix(word)) {
            found.extend(rest.split(|c: char| !c.is_ascii_alphanumeric()).next());
        }
        if let Some((names, _)) = line.strip_prefix("export { ").and_then(|r| r.split_once(" }")) {
            found.extend(names.split(", "));
        }
    }
    found
}

#[test]
fn types_of_javascript_say_what_its_files_export() {
    let text = |path: &str| VENDORED.iter().find(|(p, _)| *p == path).unwrap().1;
    let typed = VENDORED.iter().filter_map(|(path, _)| path.strip_suffix(".d.ts"));
    let mut count = 0;
    for path in typed {
        let (types, code) = (text(&format!("{path}.d.ts")), text(&format!("{path}.js")));
        assert_eq!(exported(types), exported(code), "{path}");
        count += exported(code).len();
    }
    assert!(count > 20, "{count}");
}

//! The texts of templates, of the SDK and of the contract, as they were when this library was built.
//!
//! A test compares the list with the folders, so a new file of the SDK cannot be forgotten.

/// Path in the project, and text.
pub(super) type Source = (&'static str, &'static str);

macro_rules! vendored {
    ($($path:literal),+ $(,)?) => {
        &[$(($path, include_str!(concat!("../../../../", $path)))),+]
    };
}

macro_rules! template {
    ($kind:literal) => {
        [
            (
                "plugin.toml",
                include_str!(concat!("../../templates/rust/", $kind, "/plugin.toml.txt")),
            ),
            ("README.md", include_str!(concat!("../../templates/rust/", $kind, "/README.md.txt"))),
            ("src/lib.rs", include_str!(concat!("../../templates/rust/", $kind, "/lib.rs.txt"))),
            (
                "cases/first.yaml",
                include_str!(concat!("../../templates/rust/", $kind, "/cases.yaml.txt")),
            ),
        ]
    };
}

pub(super) const COMMON: [Source; 2] = [
    ("Cargo.toml", include_str!("../../templates/rust/common/Cargo.toml.txt")),
    (".gitignore", include_str!("../../templates/rust/common/gitignore.txt")),
];
pub(super) const NODE: [Source; 4] = template!("node");
pub(super) const TOOL: [Source; 4] = template!("tool");
pub(super) const GUARDRAIL: [Source; 4] = template!("guardrail");
pub(super) const FILTER: [Source; 4] = template!("filter");

macro_rules! javascript {
    ($kind:literal, $cases:literal) => {
        [
            (
                "plugin.toml",
                include_str!(concat!("../../templates/javascript/", $kind, "/plugin.toml.txt")),
            ),
            (
                "README.md",
                include_str!(concat!("../../templates/javascript/", $kind, "/README.md.txt")),
            ),
            (
                "src/plugin.js",
                include_str!(concat!("../../templates/javascript/", $kind, "/plugin.js.txt")),
            ),
            ("cases/first.yaml", include_str!(concat!("../../templates/", $cases))),
        ]
    };
}

pub(super) const JAVASCRIPT_COMMON: [Source; 3] = [
    ("tsconfig.json", include_str!("../../templates/javascript/common/tsconfig.json.txt")),
    ("package.json", include_str!("../../templates/javascript/common/package.json.txt")),
    (".gitignore", include_str!("../../templates/javascript/common/gitignore.txt")),
];
// The same cases as Rust, where the languages do not differ: only numbers do.
pub(super) const JAVASCRIPT_NODE: [Source; 4] = javascript!("node", "rust/node/cases.yaml.txt");
pub(super) const JAVASCRIPT_TOOL: [Source; 4] =
    javascript!("tool", "javascript/tool/cases.yaml.txt");
pub(super) const JAVASCRIPT_GUARDRAIL: [Source; 4] =
    javascript!("guardrail", "rust/guardrail/cases.yaml.txt");
pub(super) const JAVASCRIPT_FILTER: [Source; 4] =
    javascript!("filter", "rust/filter/cases.yaml.txt");

macro_rules! c {
    ($kind:literal) => {
        [
            ("plugin.toml", include_str!(concat!("../../templates/c/", $kind, "/plugin.toml.txt"))),
            ("README.md", include_str!(concat!("../../templates/c/", $kind, "/README.md.txt"))),
            ("src/plugin.c", include_str!(concat!("../../templates/c/", $kind, "/plugin.c.txt"))),
            (
                "cases/first.yaml",
                include_str!(concat!("../../templates/rust/", $kind, "/cases.yaml.txt")),
            ),
        ]
    };
}

pub(super) const C_COMMON: [Source; 1] =
    [(".gitignore", include_str!("../../templates/c/common/gitignore.txt"))];
pub(super) const C_NODE: [Source; 4] = c!("node");
pub(super) const C_TOOL: [Source; 4] = c!("tool");
pub(super) const C_GUARDRAIL: [Source; 4] = c!("guardrail");
pub(super) const C_FILTER: [Source; 4] = c!("filter");

macro_rules! go {
    ($kind:literal) => {
        [
            (
                "plugin.toml",
                include_str!(concat!("../../templates/go/", $kind, "/plugin.toml.txt")),
            ),
            ("README.md", include_str!(concat!("../../templates/go/", $kind, "/README.md.txt"))),
            (
                "src/plugin.go",
                include_str!(concat!("../../templates/go/", $kind, "/plugin.go.txt")),
            ),
            (
                "cases/first.yaml",
                include_str!(concat!("../../templates/rust/", $kind, "/cases.yaml.txt")),
            ),
        ]
    };
}

pub(super) const GO_COMMON: [Source; 1] =
    [("src/go.mod", include_str!("../../templates/go/common/go.mod.txt"))];
pub(super) const GO_NODE: [Source; 4] = go!("node");
pub(super) const GO_TOOL: [Source; 4] = go!("tool");
pub(super) const GO_GUARDRAIL: [Source; 4] = go!("guardrail");
pub(super) const GO_FILTER: [Source; 4] = go!("filter");

macro_rules! python {
    ($kind:literal) => {
        [
            (
                "plugin.toml",
                include_str!(concat!("../../templates/python/", $kind, "/plugin.toml.txt")),
            ),
            (
                "README.md",
                include_str!(concat!("../../templates/python/", $kind, "/README.md.txt")),
            ),
            (
                "src/plugin.py",
                include_str!(concat!("../../templates/python/", $kind, "/plugin.py.txt")),
            ),
            (
                "cases/first.yaml",
                include_str!(concat!("../../templates/rust/", $kind, "/cases.yaml.txt")),
            ),
        ]
    };
}

pub(super) const PYTHON_COMMON: [Source; 2] = [
    ("pyproject.toml", include_str!("../../templates/python/common/pyproject.toml.txt")),
    (".gitignore", include_str!("../../templates/python/common/gitignore.txt")),
];
pub(super) const PYTHON_NODE: [Source; 4] = python!("node");
pub(super) const PYTHON_TOOL: [Source; 4] = python!("tool");
pub(super) const PYTHON_GUARDRAIL: [Source; 4] = python!("guardrail");
pub(super) const PYTHON_FILTER: [Source; 4] = python!("filter");

/// The lock file of a project called `template-plugin`.
pub(super) const TEMPLATE_LOCK: &str = include_str!("../../templates/rust/common/Cargo.lock.txt");

/// The SDK and the contract, at their paths in the repository.
pub(super) const VENDORED: &[Source] = vendored![
    "sdk/c/include/cleargate.h",
    "sdk/c/src/json.c",
    "sdk/c/src/kinds.c",
    "sdk/c/src/memory.c",
    "sdk/c/src/schema.c",
    "sdk/c/src/services.c",
    "sdk/c/src/system.c",
    "sdk/c/src/wire.c",
    "sdk/c/src/wire.h",
    "sdk/go/blob/blob.go",
    "sdk/go/cleargate.go",
    "sdk/go/clock/clock.go",
    "sdk/go/config/config.go",
    "sdk/go/filter/filter.go",
    "sdk/go/go.mod",
    "sdk/go/guardrail/guardrail.go",
    "sdk/go/http/http.go",
    "sdk/go/internal/schema/check.go",
    "sdk/go/internal/schema/schema.go",
    "sdk/go/internal/step/step.go",
    "sdk/go/internal/wire/memory.go",
    "sdk/go/internal/wire/one.go",
    "sdk/go/internal/wire/value.go",
    "sdk/go/kv/kv.go",
    "sdk/go/log/log.go",
    "sdk/go/node/node.go",
    "sdk/go/random/random.go",
    "sdk/go/secret/secret.go",
    "sdk/go/tool/tool.go",
    "sdk/javascript/failure.js",
    "sdk/javascript/index.d.ts",
    "sdk/javascript/index.js",
    "sdk/javascript/kinds/filter.js",
    "sdk/javascript/kinds/guardrail.js",
    "sdk/javascript/kinds/node.js",
    "sdk/javascript/kinds/tool.js",
    "sdk/javascript/package.json",
    "sdk/javascript/prelude.js",
    "sdk/javascript/schema.js",
    "sdk/javascript/services/blob.d.ts",
    "sdk/javascript/services/blob.js",
    "sdk/javascript/services/clock.d.ts",
    "sdk/javascript/services/clock.js",
    "sdk/javascript/services/config.d.ts",
    "sdk/javascript/services/config.js",
    "sdk/javascript/services/http.d.ts",
    "sdk/javascript/services/http.js",
    "sdk/javascript/services/kv.d.ts",
    "sdk/javascript/services/kv.js",
    "sdk/javascript/services/log.d.ts",
    "sdk/javascript/services/log.js",
    "sdk/javascript/services/random.d.ts",
    "sdk/javascript/services/random.js",
    "sdk/javascript/services/secret.d.ts",
    "sdk/javascript/services/secret.js",
    "sdk/javascript/text.js",
    "sdk/javascript/wire.js",
    "sdk/python/cleargate/__init__.py",
    "sdk/python/cleargate/blob.py",
    "sdk/python/cleargate/clock.py",
    "sdk/python/cleargate/config.py",
    "sdk/python/cleargate/failure.py",
    "sdk/python/cleargate/http.py",
    "sdk/python/cleargate/kinds/__init__.py",
    "sdk/python/cleargate/kinds/definition.py",
    "sdk/python/cleargate/kinds/filter.py",
    "sdk/python/cleargate/kinds/guardrail.py",
    "sdk/python/cleargate/kinds/node.py",
    "sdk/python/cleargate/kinds/tool.py",
    "sdk/python/cleargate/kv.py",
    "sdk/python/cleargate/log.py",
    "sdk/python/cleargate/network.py",
    "sdk/python/cleargate/prelude.py",
    "sdk/python/cleargate/random.py",
    "sdk/python/cleargate/schema.py",
    "sdk/python/cleargate/secret.py",
    "sdk/python/cleargate/wire.py",
    "sdk/rust/Cargo.toml",
    "sdk/rust/macros/Cargo.toml",
    "sdk/rust/macros/src/expand.rs",
    "sdk/rust/macros/src/lib.rs",
    "sdk/rust/macros/src/options.rs",
    "sdk/rust/macros/src/signature.rs",
    "sdk/rust/src/bindings.rs",
    "sdk/rust/src/bindings/parts.rs",
    "sdk/rust/src/context.rs",
    "sdk/rust/src/error.rs",
    "sdk/rust/src/export.rs",
    "sdk/rust/src/export_parts.rs",
    "sdk/rust/src/filter.rs",
    "sdk/rust/src/guardrail.rs",
    "sdk/rust/src/lib.rs",
    "sdk/rust/src/media.rs",
    "sdk/rust/src/node.rs",
    "sdk/rust/src/parts.rs",
    "sdk/rust/src/schema.rs",
    "sdk/rust/src/services.rs",
    "sdk/rust/src/services/blob.rs",
    "sdk/rust/src/services/clock.rs",
    "sdk/rust/src/services/config.rs",
    "sdk/rust/src/services/http.rs",
    "sdk/rust/src/services/kv.rs",
    "sdk/rust/src/services/log.rs",
    "sdk/rust/src/services/model.rs",
    "sdk/rust/src/services/random.rs",
    "sdk/rust/src/services/secret.rs",
    "sdk/rust/src/services/tools.rs",
    "sdk/rust/src/testing.rs",
    "sdk/rust/src/tool.rs",
    "wit/filter@0.1.0/filter.wit",
    "wit/guardrail@0.1.0/guardrail.wit",
    "wit/host@0.1.0/host.wit",
    "wit/node@0.1.0/node.wit",
    "wit/tool@0.1.0/tool.wit",
    "wit/cache@0.1.0/cache.wit",
    "wit/embedder@0.1.0/embedder.wit",
    "wit/provider@0.1.0/provider.wit",
    "wit/retriever@0.1.0/retriever.wit",
    "wit/summarizer@0.1.0/summarizer.wit",
    "wit/tokenizer@0.1.0/tokenizer.wit",
    "wit/trigger@0.1.0/trigger.wit",
    "wit/types@0.1.0/types.wit",
];

//! The texts of templates, of the SDK and of the contract, as they were when this library was built.
//!
//! What a project says to people, to the registry and to its cases is the same in all languages; only its source differs.
//! A test compares the list of vendored files with the folders, so a new file of the SDK cannot be forgotten.

use cleargate_registry::manifest::Language;

use crate::Kind;

/// Path in the project, and text.
pub(super) type Source = (&'static str, &'static str);

macro_rules! vendored {
    ($($path:literal),+ $(,)?) => {
        &[$(($path, include_str!(concat!("../../../../", $path)))),+]
    };
}

/// The files of a kind: where its source lies, with its language and its ending.
macro_rules! template {
    ($kind:literal, $source:literal, $language:literal, $ending:literal) => {
        &[
            (
                "plugin.toml",
                include_str!(concat!("../../templates/kinds/", $kind, "/plugin.toml.txt")),
            ),
            ("README.md", include_str!(concat!("../../templates/kinds/", $kind, "/README.md.txt"))),
            (
                "cases/first.yaml",
                include_str!(concat!("../../templates/kinds/", $kind, "/cases.yaml.txt")),
            ),
            (
                $source,
                include_str!(concat!("../../templates/", $language, "/", $kind, $ending, ".txt")),
            ),
        ]
    };
}

/// The files of each kind in a language.
macro_rules! templates {
    ($kind:expr, $($place:literal),+) => {
        match $kind {
            Kind::Node => template!("node", $($place),+),
            Kind::Tool => template!("tool", $($place),+),
            Kind::Guardrail => template!("guardrail", $($place),+),
            Kind::Filter => template!("filter", $($place),+),
            Kind::Provider => template!("provider", $($place),+),
            Kind::Tokenizer => template!("tokenizer", $($place),+),
            Kind::Embedder => template!("embedder", $($place),+),
            Kind::Retriever => template!("retriever", $($place),+),
            Kind::Summarizer => template!("summarizer", $($place),+),
            Kind::Cache => template!("cache", $($place),+),
            Kind::Trigger => template!("trigger", $($place),+),
        }
    };
}

/// The files of a template: those of the language, and those of the kind in it.
pub(super) fn files(kind: Kind, language: Language) -> Option<[&'static [Source]; 2]> {
    Some(match language {
        Language::Rust => [RUST, templates!(kind, "src/lib.rs", "rust", ".rs")],
        Language::Js => [JAVASCRIPT, templates!(kind, "src/plugin.js", "javascript", ".js")],
        Language::Python => [PYTHON, templates!(kind, "src/plugin.py", "python", ".py")],
        Language::C => [C, templates!(kind, "src/plugin.c", "c", ".c")],
        Language::Cpp => [C, templates!(kind, "src/plugin.cc", "cpp", ".cc")],
        Language::Go => [GO, templates!(kind, "src/plugin.go", "go", ".go")],
        Language::Prebuilt => return None,
    })
}

const RUST: &[Source] = &[
    ("Cargo.toml", include_str!("../../templates/rust/common/Cargo.toml.txt")),
    (".gitignore", include_str!("../../templates/rust/common/gitignore.txt")),
];
const JAVASCRIPT: &[Source] = &[
    ("tsconfig.json", include_str!("../../templates/javascript/common/tsconfig.json.txt")),
    ("package.json", include_str!("../../templates/javascript/common/package.json.txt")),
    (".gitignore", include_str!("../../templates/javascript/common/gitignore.txt")),
];
const PYTHON: &[Source] = &[
    ("pyproject.toml", include_str!("../../templates/python/common/pyproject.toml.txt")),
    (".gitignore", include_str!("../../templates/python/common/gitignore.txt")),
];
const C: &[Source] = &[(".gitignore", include_str!("../../templates/c/common/gitignore.txt"))];
const GO: &[Source] = &[("src/go.mod", include_str!("../../templates/go/common/go.mod.txt"))];

/// The lock file of a project called `template-plugin`.
pub(super) const TEMPLATE_LOCK: &str = include_str!("../../templates/rust/common/Cargo.lock.txt");

/// The SDK and the contract, at their paths in the repository.
pub(super) const VENDORED: &[Source] = vendored![
    "sdk/c/include/cleargate.h",
    "sdk/c/include/cleargate.hpp",
    "sdk/c/src/json.c",
    "sdk/c/src/kinds.c",
    "sdk/c/src/memory.c",
    "sdk/c/src/parts.c",
    "sdk/c/src/schema.c",
    "sdk/c/src/services.c",
    "sdk/c/src/system.c",
    "sdk/c/src/wire.c",
    "sdk/c/src/wire.h",
    "sdk/go/blob/blob.go",
    "sdk/go/cache/cache.go",
    "sdk/go/cleargate.go",
    "sdk/go/clock/clock.go",
    "sdk/go/config/config.go",
    "sdk/go/embedder/embedder.go",
    "sdk/go/filter/filter.go",
    "sdk/go/go.mod",
    "sdk/go/guardrail/guardrail.go",
    "sdk/go/http/http.go",
    "sdk/go/internal/part/part.go",
    "sdk/go/internal/schema/check.go",
    "sdk/go/internal/schema/schema.go",
    "sdk/go/internal/step/step.go",
    "sdk/go/internal/wire/memory.go",
    "sdk/go/internal/wire/one.go",
    "sdk/go/internal/wire/reply.go",
    "sdk/go/internal/wire/value.go",
    "sdk/go/kv/kv.go",
    "sdk/go/log/log.go",
    "sdk/go/model/model.go",
    "sdk/go/node/node.go",
    "sdk/go/provider/provider.go",
    "sdk/go/random/random.go",
    "sdk/go/retriever/retriever.go",
    "sdk/go/secret/secret.go",
    "sdk/go/summarizer/summarizer.go",
    "sdk/go/tokenizer/tokenizer.go",
    "sdk/go/tool/tool.go",
    "sdk/go/tools/tools.go",
    "sdk/go/trigger/trigger.go",
    "sdk/javascript/failure.js",
    "sdk/javascript/index.d.ts",
    "sdk/javascript/index.js",
    "sdk/javascript/kinds/cache.js",
    "sdk/javascript/kinds/embedder.js",
    "sdk/javascript/kinds/filter.js",
    "sdk/javascript/kinds/guardrail.js",
    "sdk/javascript/kinds/node.js",
    "sdk/javascript/kinds/part.js",
    "sdk/javascript/kinds/provider.js",
    "sdk/javascript/kinds/retriever.js",
    "sdk/javascript/kinds/summarizer.js",
    "sdk/javascript/kinds/tokenizer.js",
    "sdk/javascript/kinds/tool.js",
    "sdk/javascript/kinds/trigger.js",
    "sdk/javascript/package.json",
    "sdk/javascript/prelude.js",
    "sdk/javascript/reply.js",
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
    "sdk/javascript/services/model.d.ts",
    "sdk/javascript/services/model.js",
    "sdk/javascript/services/random.d.ts",
    "sdk/javascript/services/random.js",
    "sdk/javascript/services/secret.d.ts",
    "sdk/javascript/services/secret.js",
    "sdk/javascript/services/text.d.ts",
    "sdk/javascript/services/text.js",
    "sdk/javascript/services/tools.d.ts",
    "sdk/javascript/services/tools.js",
    "sdk/javascript/text.js",
    "sdk/javascript/wire.js",
    "sdk/python/cleargate/__init__.py",
    "sdk/python/cleargate/blob.py",
    "sdk/python/cleargate/clock.py",
    "sdk/python/cleargate/config.py",
    "sdk/python/cleargate/failure.py",
    "sdk/python/cleargate/http.py",
    "sdk/python/cleargate/kinds/__init__.py",
    "sdk/python/cleargate/kinds/cache.py",
    "sdk/python/cleargate/kinds/definition.py",
    "sdk/python/cleargate/kinds/embedder.py",
    "sdk/python/cleargate/kinds/filter.py",
    "sdk/python/cleargate/kinds/guardrail.py",
    "sdk/python/cleargate/kinds/node.py",
    "sdk/python/cleargate/kinds/part.py",
    "sdk/python/cleargate/kinds/provider.py",
    "sdk/python/cleargate/kinds/retriever.py",
    "sdk/python/cleargate/kinds/summarizer.py",
    "sdk/python/cleargate/kinds/tokenizer.py",
    "sdk/python/cleargate/kinds/tool.py",
    "sdk/python/cleargate/kinds/trigger.py",
    "sdk/python/cleargate/kv.py",
    "sdk/python/cleargate/log.py",
    "sdk/python/cleargate/model.py",
    "sdk/python/cleargate/network.py",
    "sdk/python/cleargate/prelude.py",
    "sdk/python/cleargate/random.py",
    "sdk/python/cleargate/reply.py",
    "sdk/python/cleargate/schema.py",
    "sdk/python/cleargate/secret.py",
    "sdk/python/cleargate/tools.py",
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
    "wit/cache@0.1.0/cache.wit",
    "wit/embedder@0.1.0/embedder.wit",
    "wit/filter@0.1.0/filter.wit",
    "wit/guardrail@0.1.0/guardrail.wit",
    "wit/host@0.1.0/host.wit",
    "wit/node@0.1.0/node.wit",
    "wit/provider@0.1.0/provider.wit",
    "wit/retriever@0.1.0/retriever.wit",
    "wit/summarizer@0.1.0/summarizer.wit",
    "wit/tokenizer@0.1.0/tokenizer.wit",
    "wit/tool@0.1.0/tool.wit",
    "wit/trigger@0.1.0/trigger.wit",
    "wit/types@0.1.0/types.wit",
];

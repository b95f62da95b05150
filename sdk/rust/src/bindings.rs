//! The contract as Rust types, made from the WIT packages at compile time.
//!
//! One module for each kind, each with its own export macro: a component then exports the kinds it names
//! and imports the services it calls, and nothing else. All share the types of `services`.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    reason = "generated from WIT, where the documentation is"
)]

mod parts;

pub use parts::*;

/// What a component may import: the host's services and the shared types.
pub mod services {
    wit_bindgen::generate!({
        inline: "
            package cleargate:sdk-services;
            world all-services {
                import cleargate:types/types@0.1.0;
                include cleargate:host/services@0.1.0;
            }
        ",
        path: ["../../wit/types@0.1.0", "../../wit/host@0.1.0"],
        world: "cleargate:sdk-services/all-services",
        generate_all,
        generate_unused_types: true,
    });
}

/// The export `node`. Its `async func` is lifted synchronously: the call then blocks only its own instance.
pub mod node {
    wit_bindgen::generate!({
        inline: "
            package cleargate:sdk-node;
            world node-plugin {
                export cleargate:node/node@0.1.0;
            }
        ",
        path: ["../../wit/types@0.1.0", "../../wit/node@0.1.0"],
        world: "cleargate:sdk-node/node-plugin",
        with: { "cleargate:types/types@0.1.0": crate::bindings::services::cleargate::types::types },
        async: false,
        pub_export_macro: true,
        default_bindings_module: "cleargate::bindings::node",
    });
}

/// The export `tool`. Its `async func` is lifted synchronously: the call then blocks only its own instance.
pub mod tool {
    wit_bindgen::generate!({
        inline: "
            package cleargate:sdk-tool;
            world tool-plugin {
                export cleargate:tool/tool@0.1.0;
            }
        ",
        path: ["../../wit/types@0.1.0", "../../wit/tool@0.1.0"],
        world: "cleargate:sdk-tool/tool-plugin",
        with: { "cleargate:types/types@0.1.0": crate::bindings::services::cleargate::types::types },
        async: false,
        pub_export_macro: true,
        default_bindings_module: "cleargate::bindings::tool",
    });
}

/// The export `guardrail`. Its `async func` is lifted synchronously: the call then blocks only its own instance.
pub mod guardrail {
    wit_bindgen::generate!({
        inline: "
            package cleargate:sdk-guardrail;
            world guardrail-plugin {
                export cleargate:guardrail/guardrail@0.1.0;
            }
        ",
        path: ["../../wit/types@0.1.0", "../../wit/guardrail@0.1.0"],
        world: "cleargate:sdk-guardrail/guardrail-plugin",
        with: { "cleargate:types/types@0.1.0": crate::bindings::services::cleargate::types::types },
        async: false,
        pub_export_macro: true,
        default_bindings_module: "cleargate::bindings::guardrail",
    });
}

/// The export `filter`. Its `async func` is lifted synchronously: the call then blocks only its own instance.
pub mod filter {
    wit_bindgen::generate!({
        inline: "
            package cleargate:sdk-filter;
            world filter-plugin {
                export cleargate:filter/filter@0.1.0;
            }
        ",
        path: ["../../wit/types@0.1.0", "../../wit/filter@0.1.0"],
        world: "cleargate:sdk-filter/filter-plugin",
        with: { "cleargate:types/types@0.1.0": crate::bindings::services::cleargate::types::types },
        async: false,
        pub_export_macro: true,
        default_bindings_module: "cleargate::bindings::filter",
    });
}

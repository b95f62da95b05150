//! The parts: what others use by the functions of a kind. One module for each, as for the other kinds.

/// The export `provider`. Its `async func`s are lifted synchronously: a call then blocks only its own instance.
pub mod provider {
    wit_bindgen::generate!({
        inline: "
            package cleargate:sdk-provider;
            world provider-plugin {
                export cleargate:provider/provider@0.1.0;
            }
        ",
        path: ["../../wit/types@0.1.0", "../../wit/provider@0.1.0"],
        world: "cleargate:sdk-provider/provider-plugin",
        with: { "cleargate:types/types@0.1.0": crate::bindings::services::cleargate::types::types },
        async: false,
        pub_export_macro: true,
        default_bindings_module: "cleargate::bindings::provider",
    });
}

/// The export `tokenizer`. Its `async func`s are lifted synchronously: a call then blocks only its own instance.
pub mod tokenizer {
    wit_bindgen::generate!({
        inline: "
            package cleargate:sdk-tokenizer;
            world tokenizer-plugin {
                export cleargate:tokenizer/tokenizer@0.1.0;
            }
        ",
        path: ["../../wit/types@0.1.0", "../../wit/tokenizer@0.1.0"],
        world: "cleargate:sdk-tokenizer/tokenizer-plugin",
        with: { "cleargate:types/types@0.1.0": crate::bindings::services::cleargate::types::types },
        async: false,
        pub_export_macro: true,
        default_bindings_module: "cleargate::bindings::tokenizer",
    });
}

/// The export `embedder`. Its `async func`s are lifted synchronously: a call then blocks only its own instance.
pub mod embedder {
    wit_bindgen::generate!({
        inline: "
            package cleargate:sdk-embedder;
            world embedder-plugin {
                export cleargate:embedder/embedder@0.1.0;
            }
        ",
        path: ["../../wit/types@0.1.0", "../../wit/embedder@0.1.0"],
        world: "cleargate:sdk-embedder/embedder-plugin",
        with: { "cleargate:types/types@0.1.0": crate::bindings::services::cleargate::types::types },
        async: false,
        pub_export_macro: true,
        default_bindings_module: "cleargate::bindings::embedder",
    });
}

/// The export `retriever`. Its `async func`s are lifted synchronously: a call then blocks only its own instance.
pub mod retriever {
    wit_bindgen::generate!({
        inline: "
            package cleargate:sdk-retriever;
            world retriever-plugin {
                export cleargate:retriever/retriever@0.1.0;
            }
        ",
        path: ["../../wit/types@0.1.0", "../../wit/retriever@0.1.0"],
        world: "cleargate:sdk-retriever/retriever-plugin",
        with: { "cleargate:types/types@0.1.0": crate::bindings::services::cleargate::types::types },
        async: false,
        pub_export_macro: true,
        default_bindings_module: "cleargate::bindings::retriever",
    });
}

/// The export `summarizer`. Its `async func`s are lifted synchronously: a call then blocks only its own instance.
pub mod summarizer {
    wit_bindgen::generate!({
        inline: "
            package cleargate:sdk-summarizer;
            world summarizer-plugin {
                export cleargate:summarizer/summarizer@0.1.0;
            }
        ",
        path: ["../../wit/types@0.1.0", "../../wit/summarizer@0.1.0"],
        world: "cleargate:sdk-summarizer/summarizer-plugin",
        with: { "cleargate:types/types@0.1.0": crate::bindings::services::cleargate::types::types },
        async: false,
        pub_export_macro: true,
        default_bindings_module: "cleargate::bindings::summarizer",
    });
}

/// The export `cache`. Its `async func`s are lifted synchronously: a call then blocks only its own instance.
pub mod cache {
    wit_bindgen::generate!({
        inline: "
            package cleargate:sdk-cache;
            world cache-plugin {
                export cleargate:cache/cache@0.1.0;
            }
        ",
        path: ["../../wit/types@0.1.0", "../../wit/cache@0.1.0"],
        world: "cleargate:sdk-cache/cache-plugin",
        with: { "cleargate:types/types@0.1.0": crate::bindings::services::cleargate::types::types },
        async: false,
        pub_export_macro: true,
        default_bindings_module: "cleargate::bindings::cache",
    });
}

/// The export `trigger`. Its `async func`s are lifted synchronously: a call then blocks only its own instance.
pub mod trigger {
    wit_bindgen::generate!({
        inline: "
            package cleargate:sdk-trigger;
            world trigger-plugin {
                export cleargate:trigger/trigger@0.1.0;
            }
        ",
        path: ["../../wit/types@0.1.0", "../../wit/trigger@0.1.0"],
        world: "cleargate:sdk-trigger/trigger-plugin",
        with: { "cleargate:types/types@0.1.0": crate::bindings::services::cleargate::types::types },
        async: false,
        pub_export_macro: true,
        default_bindings_module: "cleargate::bindings::trigger",
    });
}

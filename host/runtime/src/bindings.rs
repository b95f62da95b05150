//! Rust types and export handles for the contract, made from the folders of `wit/` at compile time.
//!
//! Only the types are used. Exports are called through one generic function ([`crate::instance`]) with
//! `call_async`, which takes guests that lift an `async func` synchronously and those that do not. Imports are
//! wired by hand ([`crate::host`]), because each of them must see the store to burn fuel and count.

#![allow(missing_docs, unreachable_pub, reason = "generated; the documentation is in the WIT")]

wasmtime::component::bindgen!({
    inline: "
        package cleargate:runtime;
        world every {
            include cleargate:host/services@0.1.0;
            export cleargate:node/node@0.1.0;
            export cleargate:tool/tool@0.1.0;
            export cleargate:guardrail/guardrail@0.1.0;
            export cleargate:filter/filter@0.1.0;
        }
    ",
    path: [
        "../../wit/types@0.1.0",
        "../../wit/host@0.1.0",
        "../../wit/node@0.1.0",
        "../../wit/tool@0.1.0",
        "../../wit/guardrail@0.1.0",
        "../../wit/filter@0.1.0",
    ],
    world: "cleargate:runtime/every",
    with: {
        "cleargate:host/http.body": crate::host::http::Body,
        "cleargate:host/model.reply-stream": crate::host::model::ReplyStream,
    },
});

pub use cleargate::types::types as wire;

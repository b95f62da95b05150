//! The line that makes a component of a crate: which kinds it exports, and with what.
//!
//! The list is explicit because `wasm32-unknown-unknown` runs no constructors that could collect
//! annotated functions, and because a reader of the crate sees at one place what it offers.

/// Exports kinds. Each part may be left out:
/// `cleargate::export! { nodes: [a, b], tools: [c], guardrail: d, filter: E, provider: F }`.
#[macro_export]
macro_rules! export {
    ($($kind:ident : $what:tt),+ $(,)?) => {
        $($crate::__export_kind!($kind $what);)+
    };
}

/// One kind of [`export!`].
#[doc(hidden)]
#[macro_export]
macro_rules! __export_kind {
    (nodes [$($node:path),+ $(,)?]) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use $crate::__private::{node, types};
            struct Exported;
            impl node::Guest for Exported {
                fn describe() -> ::std::vec::Vec<node::Description> {
                    ::std::vec![$(<$node as $crate::Node>::description().into()),+]
                }
                fn run(
                    id: ::std::string::String,
                    ctx: types::CallContext,
                    input: types::Value,
                ) -> ::std::result::Result<types::Value, types::Error> {
                    $crate::__private::start();
                    $(if id == <$node as $crate::Node>::ID {
                        return $crate::__private::run_node::<$node>(ctx, input);
                    })+
                    ::std::result::Result::Err($crate::__private::unknown("node", &id))
                }
            }
            $crate::bindings::node::export!(Exported with_types_in $crate::bindings::node);
        };
    };
    (tools [$($tool:path),+ $(,)?]) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use $crate::__private::{tool, types};
            struct Exported;
            impl tool::Guest for Exported {
                fn list_tools() -> ::std::vec::Vec<tool::Description> {
                    ::std::vec![$(<$tool as $crate::Tool>::description().into()),+]
                }
                fn call(
                    name: ::std::string::String,
                    ctx: types::CallContext,
                    arguments: types::Value,
                ) -> ::std::result::Result<types::Value, types::Error> {
                    $crate::__private::start();
                    $(if name == <$tool as $crate::Tool>::NAME {
                        return $crate::__private::call_tool::<$tool>(ctx, arguments);
                    })+
                    ::std::result::Result::Err($crate::__private::unknown("tool", &name))
                }
            }
            $crate::bindings::tool::export!(Exported with_types_in $crate::bindings::tool);
        };
    };
    (guardrail $guardrail:ident) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use $crate::__private::{guardrail, types};
            struct Exported;
            impl guardrail::Guest for Exported {
                fn describe() -> guardrail::Description {
                    $crate::__private::describe_guardrail::<$guardrail>()
                }
                fn check(
                    ctx: types::CallContext,
                    stage: guardrail::Stage,
                    content: types::Value,
                    config: types::Value,
                ) -> ::std::result::Result<guardrail::Verdict, types::Error> {
                    $crate::__private::start();
                    $crate::__private::check::<$guardrail>(ctx, stage, content, config)
                }
            }
            $crate::bindings::guardrail::export!(Exported with_types_in $crate::bindings::guardrail);
        };
    };
    (filter $filter:ident) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use $crate::__private::{filter, types};
            struct Exported;
            impl filter::Guest for Exported {
                fn describe() -> filter::Description {
                    $crate::__private::describe_filter::<$filter>()
                }
                fn before(
                    ctx: types::CallContext,
                    request: types::Value,
                    config: types::Value,
                ) -> ::std::result::Result<types::Value, types::Error> {
                    $crate::__private::start();
                    $crate::__private::before::<$filter>(ctx, request, config)
                }
                fn after(
                    ctx: types::CallContext,
                    request: types::Value,
                    response: types::Value,
                    config: types::Value,
                ) -> ::std::result::Result<types::Value, types::Error> {
                    $crate::__private::start();
                    $crate::__private::after::<$filter>(ctx, request, response, config)
                }
                fn on_chunk(
                    ctx: types::CallContext,
                    piece: filter::Chunk,
                    config: types::Value,
                ) -> ::std::result::Result<filter::Filtered, types::Error> {
                    $crate::__private::start();
                    $crate::__private::on_chunk::<$filter>(ctx, piece, config)
                }
            }
            $crate::bindings::filter::export!(Exported with_types_in $crate::bindings::filter);
        };
    };
    ($part:ident $what:tt) => {
        $crate::__export_part!($part $what);
    };
}

/// What the macros name; no part of the interface for authors.
#[doc(hidden)]
pub mod __private {
    pub use crate::bindings::cache::exports::cleargate::cache::cache;
    pub use crate::bindings::embedder::exports::cleargate::embedder::embedder;
    pub use crate::bindings::filter::exports::cleargate::filter::filter;
    pub use crate::bindings::guardrail::exports::cleargate::guardrail::guardrail;
    pub use crate::bindings::node::exports::cleargate::node::node;
    pub use crate::bindings::provider::exports::cleargate::provider::provider;
    pub use crate::bindings::retriever::exports::cleargate::retriever::retriever;
    pub use crate::bindings::services::cleargate::types::types;
    pub use crate::bindings::summarizer::exports::cleargate::summarizer::summarizer;
    pub use crate::bindings::tokenizer::exports::cleargate::tokenizer::tokenizer;
    pub use crate::bindings::tool::exports::cleargate::tool::tool;
    pub use crate::bindings::trigger::exports::cleargate::trigger::trigger;
    pub use crate::filter::{
        describe as describe_filter, serve_after as after, serve_before as before,
        serve_chunk as on_chunk,
    };
    pub use crate::guardrail::{describe as describe_guardrail, serve as check};
    pub use crate::node::serve as run_node;
    pub use crate::parts::serve;
    pub use crate::tool::serve as call_tool;

    /// The refusal of a name that the component does not have.
    pub fn unknown(kind: &str, name: &str) -> types::Error {
        crate::Error::invalid_input(format!("this component has no {kind} `{name}`")).into()
    }

    /// Prepares a call. With the feature `panic-log`, a panic is written to the log before it traps.
    pub fn start() {
        #[cfg(all(feature = "panic-log", target_arch = "wasm32"))]
        std::panic::set_hook(Box::new(|panic| crate::log::error(&panic.to_string())));
    }
}

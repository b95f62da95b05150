//! One part of [`crate::export!`]: its functions handed to the author's implementation.

/// One part of [`crate::export!`].
#[doc(hidden)]
#[macro_export]
macro_rules! __export_part {
    (provider $part:path) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use $crate::__private::{provider, serve, types};
            struct Exported;
            impl provider::Guest for Exported {
                fn complete(
                    ctx: types::CallContext,
                    model: ::std::string::String,
                    request: types::Value,
                    config: types::Value,
                ) -> ::std::result::Result<provider::Reply, types::Error> {
                    $crate::__private::start();
                    serve::complete::<$part>(ctx, model, request, config)
                }
            }
            $crate::bindings::provider::export!(Exported with_types_in $crate::bindings::provider);
        };
    };
    (tokenizer $part:path) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use $crate::__private::{tokenizer, serve, types};
            struct Exported;
            impl tokenizer::Guest for Exported {
                fn count(
                    ctx: types::CallContext,
                    text: ::std::string::String,
                    config: types::Value,
                ) -> ::std::result::Result<u64, types::Error> {
                    $crate::__private::start();
                    serve::count::<$part>(ctx, text, config)
                }
                fn encode(
                    ctx: types::CallContext,
                    text: ::std::string::String,
                    config: types::Value,
                ) -> ::std::result::Result<::std::vec::Vec<u32>, types::Error> {
                    $crate::__private::start();
                    serve::encode::<$part>(ctx, text, config)
                }
                fn decode(
                    ctx: types::CallContext,
                    tokens: ::std::vec::Vec<u32>,
                    config: types::Value,
                ) -> ::std::result::Result<::std::string::String, types::Error> {
                    $crate::__private::start();
                    serve::decode::<$part>(ctx, tokens, config)
                }
            }
            $crate::bindings::tokenizer::export!(Exported with_types_in $crate::bindings::tokenizer);
        };
    };
    (embedder $part:path) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use $crate::__private::{embedder, serve, types};
            struct Exported;
            impl embedder::Guest for Exported {
                fn embed(
                    ctx: types::CallContext,
                    texts: ::std::vec::Vec<::std::string::String>,
                    config: types::Value,
                ) -> ::std::result::Result<::std::vec::Vec<::std::vec::Vec<f32>>, types::Error> {
                    $crate::__private::start();
                    serve::embed::<$part>(ctx, texts, config)
                }
            }
            $crate::bindings::embedder::export!(Exported with_types_in $crate::bindings::embedder);
        };
    };
    (retriever $part:path) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use $crate::__private::{retriever, serve, types};
            struct Exported;
            impl retriever::Guest for Exported {
                fn search(
                    ctx: types::CallContext,
                    query: ::std::string::String,
                    limit: u32,
                    config: types::Value,
                ) -> ::std::result::Result<::std::vec::Vec<retriever::Passage>, types::Error> {
                    $crate::__private::start();
                    serve::search::<$part>(ctx, query, limit, config)
                }
            }
            $crate::bindings::retriever::export!(Exported with_types_in $crate::bindings::retriever);
        };
    };
    (summarizer $part:path) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use $crate::__private::{summarizer, serve, types};
            struct Exported;
            impl summarizer::Guest for Exported {
                fn summarize(
                    ctx: types::CallContext,
                    text: ::std::string::String,
                    max_tokens: u32,
                    config: types::Value,
                ) -> ::std::result::Result<::std::string::String, types::Error> {
                    $crate::__private::start();
                    serve::summarize::<$part>(ctx, text, max_tokens, config)
                }
            }
            $crate::bindings::summarizer::export!(Exported with_types_in $crate::bindings::summarizer);
        };
    };
    (cache $part:path) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use $crate::__private::{cache, serve, types};
            struct Exported;
            impl cache::Guest for Exported {
                fn get(
                    ctx: types::CallContext,
                    key: ::std::string::String,
                    config: types::Value,
                ) -> ::std::result::Result<::std::option::Option<types::Value>, types::Error> {
                    $crate::__private::start();
                    serve::get::<$part>(ctx, key, config)
                }
                fn put(
                    ctx: types::CallContext,
                    key: ::std::string::String,
                    entry: types::Value,
                    ttl_ms: ::std::option::Option<u64>,
                    config: types::Value,
                ) -> ::std::result::Result<(), types::Error> {
                    $crate::__private::start();
                    serve::put::<$part>(ctx, key, entry, ttl_ms, config)
                }
            }
            $crate::bindings::cache::export!(Exported with_types_in $crate::bindings::cache);
        };
    };
    (trigger $part:path) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use $crate::__private::{trigger, serve, types};
            struct Exported;
            impl trigger::Guest for Exported {
                fn poll(
                    ctx: types::CallContext,
                    cursor: ::std::option::Option<::std::string::String>,
                    limit: u32,
                    config: types::Value,
                ) -> ::std::result::Result<trigger::Batch, types::Error> {
                    $crate::__private::start();
                    serve::poll::<$part>(ctx, cursor, limit, config)
                }
                fn reply(
                    ctx: types::CallContext,
                    id: ::std::string::String,
                    output: types::Value,
                    config: types::Value,
                ) -> ::std::result::Result<(), types::Error> {
                    $crate::__private::start();
                    serve::reply::<$part>(ctx, id, output, config)
                }
            }
            $crate::bindings::trigger::export!(Exported with_types_in $crate::bindings::trigger);
        };
    };
    ($other:ident $what:path) => {
        ::std::compile_error!(concat!(
            "`", stringify!($other), "` is no kind; write nodes: [..], tools: [..], guardrail: name, filter: Name, ",
            "or provider, tokenizer, embedder, retriever, summarizer, cache or trigger: Name"
        ));
    };
}

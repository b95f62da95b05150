//! The attributes of `cleargate-sdk`: they read a signature and leave the function as it was.
//!
//! Each attribute adds an empty type of the function's name. Functions and types live in different
//! namespaces, so `greet(input)` still calls the function and `export! { nodes: [greet] }` names the type.

mod expand;
mod options;
mod signature;

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use syn::{ItemFn, ItemImpl, parse_macro_input};

use options::Options;

/// Makes a node of `fn(input: In) -> Result<Out, Error>`, optionally with `ctx: &Context` first.
///
/// Options: `effect = "pure" | "read" | "idempotent" | "once" | "compensable"` (required) and `id = ".."`.
/// The first sentence of the documentation is the summary.
#[proc_macro_attribute]
pub fn node(attr: TokenStream, item: TokenStream) -> TokenStream {
    let options = parse_macro_input!(attr as Options);
    let function = parse_macro_input!(item as ItemFn);
    expand(expand::node(options, &function))
}

/// Makes a tool of `fn(arguments: In) -> Result<Out, Error>`, optionally with `ctx: &Context` first.
///
/// Options: `read_only`, `destructive`, `idempotent`, `open_world` (each also `= true` or `= false`),
/// `title = ".."`, `name = ".."`. A tool that is not read-only counts as destructive unless it says
/// `destructive = false`. The documentation is the description that a model reads.
#[proc_macro_attribute]
pub fn tool(attr: TokenStream, item: TokenStream) -> TokenStream {
    let options = parse_macro_input!(attr as Options);
    let function = parse_macro_input!(item as ItemFn);
    expand(expand::tool(options, &function))
}

/// Makes a guardrail of `fn(stage: Stage, content: Value, config: Config) -> Result<Verdict, Error>`,
/// optionally with `ctx: &Context` first. Option: `id = ".."`.
#[proc_macro_attribute]
pub fn guardrail(attr: TokenStream, item: TokenStream) -> TokenStream {
    let options = parse_macro_input!(attr as Options);
    let function = parse_macro_input!(item as ItemFn);
    expand(expand::guardrail(options, &function))
}

/// Makes a filter of an `impl Filter for Name`. Option: `id = ".."`.
///
/// `type Config` and `type Carry` may be left out: no configuration, nothing carried.
#[proc_macro_attribute]
pub fn filter(attr: TokenStream, item: TokenStream) -> TokenStream {
    let options = parse_macro_input!(attr as Options);
    let block = parse_macro_input!(item as ItemImpl);
    expand(expand::filter(options, block))
}

fn expand(result: syn::Result<Tokens>) -> TokenStream {
    result.unwrap_or_else(|error| error.to_compile_error()).into()
}

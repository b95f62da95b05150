//! What each attribute adds beside the item that it stands on.

use proc_macro2::TokenStream as Tokens;
use quote::{format_ident, quote};
use syn::{ImplItem, ItemFn, ItemImpl, parse_quote};

use crate::options::{Options, first_sentence, snake_case};
use crate::signature::Signature;

pub(crate) fn node(options: Options, function: &ItemFn) -> syn::Result<Tokens> {
    options.only(&["effect", "id"])?;
    let signature = Signature::of(function, 1)?;
    let (name, input, output) = (signature.name, &signature.inputs[0], signature.output()?);
    let effect = options.text("effect").ok_or_else(|| {
        options
            .missing("effect = \"pure\" | \"read\" | \"idempotent\" | \"once\" | \"compensable\"")
    })?;
    let effect = match effect.value().as_str() {
        "pure" => format_ident!("Pure"),
        "read" => format_ident!("Read"),
        "idempotent" => format_ident!("Idempotent"),
        "once" => format_ident!("Once"),
        "compensable" => format_ident!("Compensable"),
        _ => {
            let message = "an effect is pure, read, idempotent, once or compensable";
            return Err(syn::Error::new(effect.span(), message));
        }
    };
    let id = options.name("id", &name.to_string())?;
    let summary = first_sentence(&signature.docs);
    let call = signature.call(&[quote!(input)]);
    let marker = signature.marker();
    Ok(quote! {
        #function
        #marker
        impl ::cleargate::Node for #name {
            type Input = #input;
            type Output = #output;
            const ID: &'static str = #id;
            fn description() -> ::cleargate::NodeDescription {
                ::cleargate::NodeDescription::of::<#input, #output>(
                    #id, #summary, ::cleargate::Effect::#effect,
                )
            }
            fn run(ctx: &::cleargate::Context, input: #input)
                -> ::std::result::Result<#output, ::cleargate::Error>
            {
                let _ = ctx;
                #call
            }
        }
    })
}

pub(crate) fn tool(options: Options, function: &ItemFn) -> syn::Result<Tokens> {
    options.only(&["read_only", "destructive", "idempotent", "open_world", "title", "name"])?;
    let signature = Signature::of(function, 1)?;
    let (ident, input, output) = (signature.name, &signature.inputs[0], signature.output()?);
    let name = options.name("name", &ident.to_string())?;
    let read_only = options.flag("read_only").unwrap_or(false);
    let destructive = options.flag("destructive").unwrap_or(!read_only);
    let idempotent = options.flag("idempotent").unwrap_or(false);
    let open_world = options.flag("open_world").unwrap_or(false);
    let title = match options.text("title") {
        Some(title) => quote!(::std::option::Option::Some(#title)),
        None => quote!(::std::option::Option::None),
    };
    let description = &signature.docs;
    let call = signature.call(&[quote!(arguments)]);
    let marker = signature.marker();
    Ok(quote! {
        #function
        #marker
        impl ::cleargate::Tool for #ident {
            type Input = #input;
            type Output = #output;
            const NAME: &'static str = #name;
            fn description() -> ::cleargate::ToolDescription {
                ::cleargate::ToolDescription::of::<#input, #output>(
                    #name,
                    #description,
                    ::cleargate::Annotations {
                        title: #title,
                        read_only: #read_only,
                        destructive: #destructive,
                        idempotent: #idempotent,
                        open_world: #open_world,
                    },
                )
            }
            fn call(ctx: &::cleargate::Context, arguments: #input)
                -> ::std::result::Result<#output, ::cleargate::Error>
            {
                let _ = ctx;
                #call
            }
        }
    })
}

pub(crate) fn guardrail(options: Options, function: &ItemFn) -> syn::Result<Tokens> {
    options.only(&["id"])?;
    let signature = Signature::of(function, 3)?;
    let (name, config) = (signature.name, &signature.inputs[2]);
    let id = options.name("id", &name.to_string())?;
    let summary = first_sentence(&signature.docs);
    let call = signature.call(&[quote!(stage), quote!(content), quote!(config)]);
    let marker = signature.marker();
    Ok(quote! {
        #function
        #marker
        impl ::cleargate::Guardrail for #name {
            type Config = #config;
            const ID: &'static str = #id;
            const SUMMARY: &'static str = #summary;
            fn check(
                ctx: &::cleargate::Context,
                stage: ::cleargate::Stage,
                content: ::cleargate::Value,
                config: #config,
            ) -> ::std::result::Result<::cleargate::Verdict, ::cleargate::Error> {
                let _ = ctx;
                #call
            }
        }
    })
}

pub(crate) fn filter(options: Options, mut block: ItemImpl) -> syn::Result<Tokens> {
    options.only(&["id"])?;
    let own = &block.self_ty;
    let default = snake_case(&quote!(#own).to_string());
    let id = options.name("id", &default)?;
    let summary = first_sentence(&crate::signature::docs(&block.attrs)?);
    let has = |name: &str| {
        block.items.iter().any(|item| matches!(item, ImplItem::Type(t) if t.ident == name))
    };
    let mut defaults: Vec<ImplItem> = Vec::new();
    if !has("Config") {
        defaults.push(parse_quote!(
            type Config = ::cleargate::NoConfig;
        ));
    }
    if !has("Carry") {
        defaults.push(parse_quote!(
            type Carry = ();
        ));
    }
    block.items.extend(defaults);
    let own = &block.self_ty;
    Ok(quote! {
        #block
        impl ::cleargate::Named for #own {
            const ID: &'static str = #id;
            const SUMMARY: &'static str = #summary;
        }
    })
}

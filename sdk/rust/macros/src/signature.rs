//! What an attribute needs to know of a function: its typed arguments, its result and its documentation.

use proc_macro2::TokenStream as Tokens;
use quote::quote;
use syn::{
    Attribute, Expr, ExprLit, FnArg, GenericArgument, Ident, ItemFn, Lit, Meta, PathArguments,
    ReturnType, Type,
};

/// The facts of one annotated function.
pub(crate) struct Signature<'a> {
    pub(crate) name: &'a Ident,
    /// Types of the arguments without the context.
    pub(crate) inputs: Vec<&'a Type>,
    pub(crate) docs: String,
    with_context: bool,
    function: &'a ItemFn,
}

impl<'a> Signature<'a> {
    /// Reads a function that takes `arity` arguments, and perhaps `ctx: &Context` before them.
    pub(crate) fn of(function: &'a ItemFn, arity: usize) -> syn::Result<Self> {
        let signature = &function.sig;
        if let Some(token) = &signature.asyncness {
            let message =
                "write a plain function: services are called synchronously, and the host waits";
            return Err(syn::Error::new_spanned(token, message));
        }
        if !signature.generics.params.is_empty() {
            let message = "an exported function has no generic parameters";
            return Err(syn::Error::new_spanned(&signature.generics, message));
        }
        let mut inputs: Vec<&Type> = Vec::new();
        for argument in &signature.inputs {
            match argument {
                FnArg::Typed(typed) => inputs.push(&typed.ty),
                FnArg::Receiver(own) => {
                    return Err(syn::Error::new_spanned(own, "write a free function"));
                }
            }
        }
        let with_context = inputs.len() == arity + 1 && matches!(inputs[0], Type::Reference(_));
        if with_context {
            inputs.remove(0);
        }
        if inputs.len() != arity {
            let wanted = match arity {
                1 => "one argument, its input",
                _ => "the arguments stage, content and config",
            };
            let message = format!("takes {wanted}, and optionally `ctx: &Context` before it");
            return Err(syn::Error::new_spanned(signature, message));
        }
        let docs = docs(&function.attrs)?;
        Ok(Self { name: &signature.ident, inputs, docs, with_context, function })
    }

    /// `T` of the result `Result<T, Error>`.
    pub(crate) fn output(&self) -> syn::Result<&'a Type> {
        let refusal =
            || syn::Error::new_spanned(&self.function.sig, "returns `Result<Output, Error>`");
        let ReturnType::Type(_, result) = &self.function.sig.output else { return Err(refusal()) };
        let Type::Path(path) = result.as_ref() else { return Err(refusal()) };
        let last = path.path.segments.last().ok_or_else(refusal)?;
        let PathArguments::AngleBracketed(arguments) = &last.arguments else {
            return Err(refusal());
        };
        match arguments.args.first() {
            Some(GenericArgument::Type(output)) if last.ident == "Result" => Ok(output),
            _ => Err(refusal()),
        }
    }

    /// A call of the function.
    pub(crate) fn call(&self, arguments: &[Tokens]) -> Tokens {
        let name = self.name;
        match self.with_context {
            true => quote!(#name(ctx, #(#arguments),*)),
            false => quote!(#name(#(#arguments),*)),
        }
    }

    /// The empty type that carries the trait. Braces keep it out of the namespace of functions.
    pub(crate) fn marker(&self) -> Tokens {
        let (name, visibility) = (self.name, &self.function.vis);
        quote! {
            #[doc(hidden)]
            #[allow(non_camel_case_types, reason = "it shares the name of the function")]
            #visibility struct #name {}
        }
    }
}

/// The documentation of an item, lines joined; an exported thing without it is refused.
pub(crate) fn docs(attributes: &[Attribute]) -> syn::Result<String> {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    });
    let text = lines.map(|l| l.strip_prefix(' ').unwrap_or(&l).to_string()).collect::<Vec<_>>();
    let text = text.join("\n").trim().to_string();
    if text.is_empty() {
        let message = "say in a `///` line what it does: people and models choose by it";
        return Err(syn::Error::new(proc_macro2::Span::call_site(), message));
    }
    Ok(text)
}

//! Hostile components, built in: written by hand, each with one attack, as text that says what it does.
//!
//! Most are functions of no contract, which are called as tools. What only the contract can say, text that is JSON, takes a
//! component of it: the same that the tests build of `tests/guests`.

use std::sync::Arc;

macro_rules! kit {
    ($($name:ident)*) => {
        /// A hostile component.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(non_camel_case_types, reason = "a component is named as its file is")]
        pub(super) enum Hostile {
            $($name,)*
        }

        impl Hostile {
            /// All of them.
            pub(super) const ALL: &[Self] = &[$(Self::$name,)*];

            fn text(self) -> &'static str {
                match self {
                    $(Self::$name => include_str!(concat!("kit/", stringify!($name), ".wat")),)*
                }
            }
        }
    };
}

kit! {
    endless_loop loop_in_start loop_after_return loop_in_realloc loop_in_destructor copies
    grows touches many_memories table recursion
    long_text lying_text long_list no_text half_a_character no_such_case not_a_number
    leaves_a_mark traps answers handles forged_handle
    log_flood huge_argument many_arguments call_flood sleeps
}

/// A node whose answer is JSON of a hundred thousand levels.
pub(super) const DEEP_JSON: &[u8] = include_bytes!("kit/deep_json.wasm");

/// Values that are alive at the same time in a function that is hard to compile.
const ALIVE: usize = 300_000;

/// Parts of a crowd.
const CROWD: usize = 100_000;

impl Hostile {
    /// The component.
    pub(super) fn bytes(self) -> Arc<[u8]> {
        component(self.text())
    }
}

/// A component that is given as text.
pub(super) fn component(text: &str) -> Arc<[u8]> {
    wat::parse_str(text).expect("the kit is well-formed text").into()
}

/// A function of which the allocator of registers has three hundred thousand values at once.
pub(super) fn hard_to_compile() -> Arc<[u8]> {
    let loads = "local.get 0 i32.load8_u ".repeat(ALIVE);
    let sums = "i32.add ".repeat(ALIVE - 1);
    component(&format!(
        "(component
           (core module $m (memory 1) (func (export \"attack\") (param i32) (result i32) {loads} {sums}))
           (core instance $m (instantiate $m))
           (func (export \"attack\") (param \"x\" u32) (result u32) (canon lift (core func $m \"attack\"))))"
    ))
}

/// A hundred thousand of something, by what it is called when it is refused.
pub(super) fn crowds() -> Vec<(&'static str, Arc<[u8]>)> {
    let crowd = |before: &str, one: &str, after: &str| {
        component(&format!("(component {before} {} {after})", one.repeat(CROWD)))
    };
    vec![
        ("core instances", crowd("(core module $m)", "(core instance (instantiate $m))", "")),
        ("core modules", crowd("", "(core module)", "")),
        ("memories", crowd("(core module", "(memory 1)", ")")),
        ("tables", crowd("(core module", "(table 1 funcref)", ")")),
    ]
}

/// Components that ask for what this host does not have, or was not built for.
pub(super) fn strangers() -> Vec<(&'static str, Arc<[u8]>)> {
    let importing = |import: &str| {
        component(&format!(
            "(component (import \"{import}\" (instance))
               (core module $m (func (export \"attack\")))
               (core instance $m (instantiate $m))
               (func (export \"attack\") (canon lift (core func $m \"attack\"))))"
        ))
    };
    let of_module = |module: &str| {
        component(&format!(
            "(component (core module $m {module} (func (export \"attack\")))
               (core instance $m (instantiate $m))
               (func (export \"attack\") (canon lift (core func $m \"attack\"))))"
        ))
    };
    vec![
        ("sockets", importing("wasi:sockets/tcp@0.2.0")),
        ("an interface of nobody", importing("env:any/thing")),
        ("the contract of another day", importing("cleargate:host/log@9.0.0")),
        ("threads", of_module("(memory 1 1 shared)")),
        ("memory of 64 bits", of_module("(memory i64 1)")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_of_the_kit_is_a_component_and_says_what_it_does() {
        for one in Hostile::ALL {
            assert!(one.text().starts_with(";; "), "{one:?}");
            assert!(one.bytes().starts_with(b"\0asm\x0d"), "{one:?}");
        }
        assert!(crowds().len() + strangers().len() > 8 && !hard_to_compile().is_empty());
    }
}

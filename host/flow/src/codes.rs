//! `cleargate explain CG0101`: what a finding means, with a flow that has it and the same flow mended.
//!
//! The pages are data, so that the tests can prove each: the failing example gives the code, the mended one does not.
//! A code tells its family: the text, its keys, the values in it, the graph that they make.

mod assets;
mod graph;
mod keys;
mod reading;
mod values;
mod waits;

/// The page of one code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Page {
    /// The code.
    pub code: &'static str,
    /// What is wrong, in a few words.
    pub title: &'static str,
    /// Why it matters and what to do.
    pub text: &'static str,
    /// A flow that has it.
    pub failing: &'static str,
    /// The same flow without it.
    pub mended: &'static str,
}

/// Every page, by code: the order in which a flow is checked.
pub fn pages() -> impl Iterator<Item = &'static Page> {
    let families =
        [reading::PAGES, keys::PAGES, values::PAGES, graph::PAGES, waits::PAGES, assets::PAGES];
    families.into_iter().flatten()
}

/// The page of a code, upper or lower case.
pub fn explain(code: &str) -> Option<&'static Page> {
    pages().find(|page| page.code.eq_ignore_ascii_case(code))
}

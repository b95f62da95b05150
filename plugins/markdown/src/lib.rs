//! Tools that read Markdown: as HTML that is safe to show, as text, as an outline and as its parts.
//!
//! Markdown comes from models and strangers, so what is shown is built twice: a parser of CommonMark makes HTML, and a
//! sanitizer reads that as a browser would and keeps what is on its lists. An image makes the reader's browser ask a host
//! that the writer chose, which is a way to carry data out of a conversation; so images stay only from hosts that the
//! caller names.

mod document;
mod page;
mod parts;
mod policy;
mod words;

use cleargate::Error;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use document::Document;
pub use parts::{Code, FrontMatter, Heading, Link, Outline, Parts, Picture};
pub use policy::Raw;

/// What is rendered.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// CommonMark with tables, strike-through, footnotes, tasks and alerts of GitHub.
    #[schemars(length(max = 1_000_000))]
    pub markdown: String,
    /// The address of the text, for relative links and images; without it they stay relative.
    #[serde(default)]
    #[schemars(length(max = 2_000))]
    pub base: Option<String>,
    /// Hosts whose images are shown, such as `example.com`, `*.example.com` or `*` for all; others become their
    /// description. None when absent.
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub image_hosts: Vec<String>,
    /// Whether links stay links; true when absent.
    #[serde(default)]
    pub links: Option<bool>,
    /// What becomes of HTML in the text; `clean` when absent.
    #[serde(default)]
    pub raw: Raw,
}

/// A page, to be put into another.
#[derive(Serialize, JsonSchema)]
pub struct Rendered {
    /// HTML without scripts, styles, frames, forms and handlers.
    pub html: String,
    /// The first heading of the first level, as text.
    pub title: Option<String>,
}

/// Renders Markdown as HTML that is safe to put into a page: no scripts, no handlers, links to http, https and mailto
/// only, images only from the hosts that are named.
#[cleargate::tool(read_only, idempotent)]
pub fn html(input: Page) -> Result<Rendered, Error> {
    let policy = policy::Policy::new(&input)?;
    let document = Document::read(&input.markdown)?;
    let title = parts::outline(&document).title;
    Ok(Rendered { html: page::html(document, &policy)?, title })
}

/// What is read.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// CommonMark with tables, strike-through, footnotes, tasks and alerts of GitHub.
    #[schemars(length(max = 1_000_000))]
    pub markdown: String,
}

/// What a reader reads.
#[derive(Serialize, JsonSchema)]
pub struct Plain {
    /// Blocks with an empty line between them.
    pub text: String,
}

/// Returns the text of Markdown without its marks: for search, for counting, for a voice. Links become their words,
/// images their description, cells of a table stand between tabs.
#[cleargate::tool(read_only, idempotent)]
pub fn text(input: Source) -> Result<Plain, Error> {
    let document = Document::read(&input.markdown)?;
    Ok(Plain { text: words::text(&document) })
}

/// Returns the headings of Markdown with their level, line and the id that they have in the HTML of `html`.
#[cleargate::tool(read_only, idempotent)]
pub fn outline(input: Source) -> Result<Outline, Error> {
    Ok(parts::outline(&Document::read(&input.markdown)?))
}

/// Takes Markdown apart: front matter, links, images and blocks of code, each with its line.
#[cleargate::tool(read_only, idempotent, name = "parts")]
pub fn take_apart(input: Source) -> Result<Parts, Error> {
    Ok(parts::take(&Document::read(&input.markdown)?))
}

cleargate::export! { tools: [html, text, outline, take_apart] }

//! What a document is made of: headings, links, images, code and what opens it.

use std::collections::HashMap;

use pulldown_cmark::{CodeBlockKind, Event, LinkType, Tag};
use schemars::JsonSchema;
use serde::Serialize;

use crate::document::Document;
use crate::policy::ID_PREFIX;

/// The headings of a text.
#[derive(Serialize, JsonSchema)]
pub struct Outline {
    /// The first heading of the first level.
    pub title: Option<String>,
    /// All headings, in order.
    pub headings: Vec<Heading>,
}

/// A heading.
#[derive(Serialize, JsonSchema)]
pub struct Heading {
    /// 1 to 6.
    pub level: u8,
    /// Its text, without marks.
    pub text: String,
    /// Its id in the HTML of `html`.
    pub id: String,
    /// The line that it begins in, from 1.
    pub line: usize,
}

/// A text, taken apart.
#[derive(Serialize, JsonSchema)]
pub struct Parts {
    /// What opens the text.
    pub front_matter: Option<FrontMatter>,
    /// Links, in order; those in HTML are not among them.
    pub links: Vec<Link>,
    /// Images, in order; those in HTML are not among them.
    pub images: Vec<Picture>,
    /// Blocks of code, in order.
    pub code: Vec<Code>,
}

/// Metadata at the beginning of a text.
#[derive(Serialize, JsonSchema)]
pub struct FrontMatter {
    /// `yaml` between lines of `---`, `toml` between lines of `+++`.
    pub format: String,
    /// What stands between the lines, as it is.
    pub text: String,
}

/// A link.
#[derive(Serialize, JsonSchema)]
pub struct Link {
    /// Where it leads, as it is written: it may be relative, and it may be `javascript:`.
    pub url: String,
    /// What it says.
    pub text: String,
    /// Its title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The line that it begins in, from 1.
    pub line: usize,
}

/// An image.
#[derive(Serialize, JsonSchema)]
pub struct Picture {
    /// Where it lies, as it is written.
    pub url: String,
    /// Its description.
    pub alt: String,
    /// Its title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The line that it begins in, from 1.
    pub line: usize,
}

/// A block of code.
#[derive(Serialize, JsonSchema)]
pub struct Code {
    /// The first word behind its fence, in small letters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// The rest behind its fence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub info: Option<String>,
    /// What stands in it.
    pub text: String,
    /// The line of its fence, from 1.
    pub line: usize,
}

/// The headings of a document, and its title.
pub(crate) fn outline(document: &Document) -> Outline {
    let headings: Vec<_> = headings(document).into_iter().map(|(_, heading)| heading).collect();
    let title = headings.iter().find(|h| h.level == 1).map(|h| h.text.clone());
    Outline { title, headings }
}

/// The headings, each with the index of its event.
pub(crate) fn headings(document: &Document) -> Vec<(usize, Heading)> {
    let mut taken = HashMap::new();
    let events = document.events.iter().enumerate();
    events
        .filter_map(|(at, (event, line))| {
            let Event::Start(Tag::Heading { level, .. }) = event else { return None };
            let text = document.inside(at).0.trim().to_owned();
            let id = format!("{ID_PREFIX}{}", slug(&text, &mut taken));
            Some((at, Heading { level: *level as u8, text, id, line: *line }))
        })
        .collect()
}

/// A name for a heading as GitHub makes it, with a number when there was one like it.
fn slug(text: &str, taken: &mut HashMap<String, usize>) -> String {
    let letters = text.to_lowercase();
    let name: String = letters
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect();
    let mut unique = name.clone();
    while taken.contains_key(&unique) {
        let count = taken.entry(name.clone()).or_default();
        *count += 1;
        unique = format!("{name}-{count}");
    }
    taken.insert(unique.clone(), 0);
    unique
}

/// Takes a document apart.
pub(crate) fn take(document: &Document) -> Parts {
    let front = document.front;
    let mut parts = Parts {
        front_matter: front
            .map(|(format, text)| FrontMatter { format: format.into(), text: text.into() }),
        links: Vec::new(),
        images: Vec::new(),
        code: Vec::new(),
    };
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    for (at, (event, line)) in document.events.iter().enumerate() {
        let line = *line;
        match event {
            Event::Start(Tag::Link { link_type, dest_url, title, .. }) => {
                let mail = if *link_type == LinkType::Email { "mailto:" } else { "" };
                let (text, url) = (document.inside(at).0, format!("{mail}{dest_url}"));
                parts.links.push(Link { url, text, title: some(title), line });
            }
            Event::Start(Tag::Image { dest_url, title, .. }) => {
                let (alt, url) = (document.inside(at).0, dest_url.to_string());
                parts.images.push(Picture { url, alt, title: some(title), line });
            }
            Event::Start(Tag::CodeBlock(kind)) => {
                let fence = match kind {
                    CodeBlockKind::Fenced(info) => info.trim(),
                    CodeBlockKind::Indented => "",
                };
                let (word, rest) = fence.split_once(char::is_whitespace).unwrap_or((fence, ""));
                parts.code.push(Code {
                    language: some(&word.to_lowercase()),
                    info: some(rest.trim()),
                    text: document.inside(at).0,
                    line,
                });
            }
            _ => {}
        }
    }
    parts
}

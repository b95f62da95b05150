//! What may stand in a page: lists of elements, attributes, addresses and hosts.

use std::borrow::Cow;

use ammonia::{Builder, Url};
use cleargate::Error;
use pulldown_cmark::CowStr;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::Page;

/// Before each id: an element of the text never has an id that the page around it uses, as scripts find elements by it.
pub(crate) const ID_PREFIX: &str = "user-content-";
/// Where links may lead. Everything else, as `javascript:` and `data:`, is no place to go to.
const SCHEMES: [&str; 3] = ["http", "https", "mailto"];
/// What relative addresses are resolved against to see whether they name a host.
const NOWHERE: &str = "https://relative.invalid/";
/// Characters of a language in the class of a block of code.
const MAX_LANGUAGE: usize = 40;
/// Classes that alerts of GitHub have.
const ALERTS: [&str; 5] = [
    "markdown-alert-note",
    "markdown-alert-tip",
    "markdown-alert-important",
    "markdown-alert-warning",
    "markdown-alert-caution",
];

/// What becomes of HTML in the text.
#[derive(Clone, Copy, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Raw {
    /// Harmless elements stay, the others go; their text stays, that of scripts and styles goes.
    #[default]
    Clean,
    /// It is shown as it is written.
    Show,
    /// It goes; text between elements in a line stays.
    Drop,
}

/// What one page may hold.
pub(crate) struct Policy {
    pub(crate) raw: Raw,
    links: bool,
    base: Option<Url>,
    hosts: Vec<String>,
}

impl Policy {
    /// The wishes of a caller; refuses a base and hosts that are none.
    pub(crate) fn new(page: &Page) -> Result<Self, Error> {
        let base = page.base.as_deref().map(|text| match Url::parse(text) {
            Ok(url) if ["http", "https"].contains(&url.scheme()) => Ok(url),
            _ => {
                Err(Error::invalid_input("/base: write an address as `https://example.com/docs/`"))
            }
        });
        let hosts = page.image_hosts.iter().map(|host| {
            let name = host.strip_prefix("*.").unwrap_or(host);
            let fits = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
            match host == "*" || (!name.is_empty() && name.chars().all(fits)) {
                true => Ok(host.to_ascii_lowercase()),
                false => Err(Error::invalid_input(format!(
                    "/image_hosts: `{host}` is no host; write `example.com`, `*.example.com` or `*`"
                ))),
            }
        });
        Ok(Self {
            raw: page.raw,
            links: page.links.unwrap_or(true),
            base: base.transpose()?,
            hosts: hosts.collect::<Result<_, _>>()?,
        })
    }

    /// Whether an image is shown.
    pub(crate) fn shows(&self, address: &CowStr) -> bool {
        shows(&self.hosts, self.base.as_ref(), address)
    }

    /// What a browser would make of HTML, without what is not on the lists.
    pub(crate) fn clean(&self, html: &str) -> String {
        let mut builder = Builder::default();
        builder
            .url_schemes(SCHEMES.into())
            .rm_tags(["area", "map"])
            .link_rel(Some("nofollow noopener noreferrer"))
            .id_prefix(Some(ID_PREFIX))
            .add_generic_attributes(["id"])
            .add_tag_attributes("code", ["class"])
            .add_tag_attributes("th", ["style"])
            .add_tag_attributes("td", ["style"])
            .filter_style_properties(["text-align"].into())
            .add_allowed_classes("blockquote", ALERTS)
            .add_allowed_classes("div", ["footnote-definition"])
            .add_allowed_classes("sup", ["footnote-reference", "footnote-definition-label"]);
        if !self.links {
            builder.rm_tags(["a"]);
        }
        let (hosts, base) = (self.hosts.clone(), self.base.clone());
        builder.attribute_filter(move |element, attribute, value| match (element, attribute) {
            ("img", "src") => shows(&hosts, base.as_ref(), value)
                .then(|| resolved(base.as_ref(), value))
                .flatten(),
            ("code", "class") => is_language(value).then_some(value.into()),
            // A link to a place in the text stays one: only the page around it knows its address.
            ("a", "href") if value.starts_with('#') => Some(match &value[1..] {
                "" => value.into(),
                id if id.starts_with(ID_PREFIX) => value.into(),
                id => format!("#{ID_PREFIX}{id}").into(),
            }),
            (_, "href" | "cite") => resolved(base.as_ref(), value),
            _ => Some(value.into()),
        });
        builder.clean(html).to_string()
    }
}

/// Whether an image of an address may be shown: by its host, or when all may.
fn shows(hosts: &[String], base: Option<&Url>, address: &str) -> bool {
    let nowhere = Url::parse(NOWHERE).expect("the address is written right");
    let Ok(url) = base.unwrap_or(&nowhere).join(address) else { return false };
    let Some(host) = url.host_str().filter(|_| ["http", "https"].contains(&url.scheme())) else {
        return false;
    };
    hosts.iter().any(|allowed| match allowed.strip_prefix('*') {
        // `*.example.com` is every host below it, and `*` every host.
        Some(end) => host.ends_with(end) && host.len() > end.len(),
        None => host == allowed,
    })
}

/// An address as it stands in the page: absolute when there is a base.
fn resolved<'a>(base: Option<&Url>, address: &'a str) -> Option<Cow<'a, str>> {
    match base {
        Some(base) => base.join(address).ok().map(|url| Cow::Owned(url.into())),
        None => Some(address.into()),
    }
}

/// Whether a class names the language of code, as highlighters look for it.
fn is_language(class: &str) -> bool {
    class.strip_prefix("language-").is_some_and(|name| {
        let fits = |c: char| c.is_alphanumeric() || "+-_.#".contains(c);
        !name.is_empty() && name.chars().count() <= MAX_LANGUAGE && name.chars().all(fits)
    })
}

#[cfg(test)]
mod tests;

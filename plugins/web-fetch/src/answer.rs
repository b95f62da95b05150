//! An answer as text, or as a handle when it is none.

use cleargate::{Error, Media, blob, http, json};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{charset, refused};

/// Characters of a title.
const MAX_TITLE: usize = 500;
/// Bytes at the beginning of a page that hold its head.
const HEAD: usize = 64 * 1024;

/// What was fetched.
#[derive(Serialize, JsonSchema)]
pub struct Output {
    /// The status of the answer, 200 to 299.
    pub status: u16,
    /// Its media type, without parameters.
    pub mime: String,
    /// The address by which the page itself wants to be known, when it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canonical: Option<String>,
    /// The title of an HTML page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The text, when it is one: HTML stays HTML.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The encoding that the text came in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charset: Option<String>,
    /// What is no text, as a handle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media: Option<Media>,
    /// Bytes that were read.
    pub bytes: usize,
    /// Whether there were more than were asked for.
    pub truncated: bool,
}

/// Reads an answer whose type is wanted, up to a bound.
pub(crate) fn read(answer: http::Streamed, wanted: &[&str], max: usize) -> Result<Output, Error> {
    let http::Streamed { status, headers, body } = answer;
    if !(200..300).contains(&status) {
        return Err(refused(status, "the host"));
    }
    let header = |name: &str| {
        headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    };
    let kind = header("content-type").unwrap_or("application/octet-stream");
    let mime = kind.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    if !wanted.iter().any(|pattern| covers(pattern, &mime)) {
        let message =
            format!("the page is `{mime}`; wanted are {}: name it in `accept`", wanted.join(", "));
        return Err(Error::permanent(message).with_detail(json!({ "mime": mime })));
    }
    let (bytes, truncated) = collect(body, max)?;
    let mut output = Output {
        status,
        canonical: None,
        title: None,
        text: None,
        charset: None,
        media: None,
        bytes: bytes.len(),
        truncated,
        mime,
    };
    if !crate::TEXTS.iter().any(|pattern| covers(pattern, &output.mime)) {
        if truncated {
            let message = format!("the file has more than {max} bytes; raise `max_bytes`");
            return Err(Error::new(cleargate::Code::Limit, message));
        }
        output.media = Some(blob::put(&bytes, &output.mime, None)?);
        return Ok(output);
    }
    let html = output.mime.ends_with("html") || output.mime.ends_with("xhtml+xml");
    let (text, charset) = charset::decode(&bytes, kind, html, truncated);
    if html {
        let end = (0..=HEAD.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
        output.title = title(&text[..end]);
        output.canonical = canonical(&text[..end]);
    }
    output.charset = Some(charset.to_ascii_lowercase());
    output.text = Some(text);
    Ok(output)
}

/// The first `max` bytes of a body, and whether there are more.
fn collect(body: http::Body, max: usize) -> Result<(Vec<u8>, bool), Error> {
    let mut bytes = Vec::new();
    for piece in body {
        bytes.extend(piece?);
        if bytes.len() > max {
            bytes.truncate(max);
            return Ok((bytes, true));
        }
    }
    Ok((bytes, false))
}

/// Whether a media type is one of a pattern: `text/*`, `application/*+json`.
fn covers(pattern: &str, mime: &str) -> bool {
    match pattern.split_once('*') {
        Some((start, end)) => {
            mime.len() >= start.len() + end.len() && mime.starts_with(start) && mime.ends_with(end)
        }
        None => pattern.eq_ignore_ascii_case(mime),
    }
}

/// The title of a page, with its space put together.
fn title(head: &str) -> Option<String> {
    let lower = head.to_ascii_lowercase();
    let start = lower.find("<title")?;
    let start = start + lower[start..].find('>')? + 1;
    let end = start + lower[start..].find("</title")?;
    let title = html_escape::decode_html_entities(&head[start..end]);
    let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
    (!title.is_empty()).then(|| title.chars().take(MAX_TITLE).collect())
}

/// What `<link rel="canonical" href="…">` says.
fn canonical(head: &str) -> Option<String> {
    let lower = head.to_ascii_lowercase();
    let links = lower.match_indices("<link").map(|(start, _)| start);
    links.into_iter().find_map(|start| {
        let end = start + lower[start..].find('>')?;
        let rel = attribute(&head[start..end], "rel")?;
        rel.split_whitespace().find(|word| word.eq_ignore_ascii_case("canonical"))?;
        let href = attribute(&head[start..end], "href")?;
        let href = html_escape::decode_html_entities(href).into_owned();
        (href.starts_with("https://") || href.starts_with("http://")).then_some(href)
    })
}

/// The value of an attribute in a tag.
pub(crate) fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let lower = tag.to_ascii_lowercase();
    for (at, _) in lower.match_indices(name) {
        let before = lower[..at].chars().next_back();
        let after = lower[at + name.len()..].trim_start();
        if !before.is_some_and(char::is_whitespace) || !after.starts_with('=') {
            continue;
        }
        let rest = tag[tag.len() - after.len() + 1..].trim_start();
        return match rest.chars().next()? {
            quote @ ('"' | '\'') => rest[1..].split(quote).next(),
            _ => rest.split(|c: char| c.is_whitespace() || c == '>' || c == '/' || c == ';').next(),
        };
    }
    None
}

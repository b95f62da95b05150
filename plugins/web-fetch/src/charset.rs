//! Text of bytes: a page may come in any of the encodings that browsers know.
//!
//! In their order: the mark at its beginning, the header, what the page says of itself, and then UTF-8 if it is that.

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

use crate::answer::attribute;

/// Bytes in which a page says how it is written; the standard of HTML reads as many.
const PRESCAN: usize = 1024;

/// The text, and the name of the encoding it came in. What is wrong is replaced by U+FFFD.
pub(crate) fn decode(bytes: &[u8], kind: &str, html: bool, cut: bool) -> (String, &'static str) {
    let said = parameter(kind).or_else(|| if html { in_page(bytes) } else { in_xml(bytes) });
    let encoding = said.unwrap_or_else(|| match std::str::from_utf8(bytes) {
        Ok(_) => UTF_8,
        // The last letter may be cut in two.
        Err(e) if cut && e.error_len().is_none() => UTF_8,
        Err(_) => WINDOWS_1252,
    });
    let (text, used, wrong) = encoding.decode(bytes);
    let mut text = text.into_owned();
    if cut && wrong && text.ends_with('\u{FFFD}') {
        text.pop();
    }
    (text, used.name())
}

/// `charset` of a content type.
fn parameter(kind: &str) -> Option<&'static Encoding> {
    let mut parameters = kind.split(';').skip(1).filter_map(|p| p.split_once('='));
    let (_, value) = parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))?;
    Encoding::for_label(value.trim().trim_matches('"').as_bytes())
}

/// `<meta charset="…">` or the older form of it.
fn in_page(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(PRESCAN)]);
    let lower = head.to_ascii_lowercase();
    let tags = lower.match_indices("<meta").map(|(start, _)| start);
    tags.into_iter().find_map(|start| {
        let tag = head[start..].split('>').next()?;
        let label = match attribute(tag, "charset") {
            Some(label) => label,
            None => attribute(tag, "content")?.split_once("charset=")?.1,
        };
        // A page that was read so far is not written in UTF-16, whatever it says.
        Encoding::for_label(label.trim().trim_matches(['"', '\'']).as_bytes())
            .map(Encoding::output_encoding)
    })
}

/// `<?xml version="1.0" encoding="…"?>`
fn in_xml(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(PRESCAN)]);
    let declaration = head.strip_prefix("<?xml")?.split("?>").next()?;
    Encoding::for_label(attribute(declaration, "encoding")?.as_bytes())
}

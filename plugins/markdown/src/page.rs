//! HTML of a document.

use cleargate::{Code, Error};
use pulldown_cmark::{Event, Tag, TagEnd};

use crate::document::{Document, without_images};
use crate::parts;
use crate::policy::{Policy, Raw};

/// Bytes of a page: what one answer holds, with room for the characters that JSON escapes.
const MAX_HTML: usize = 2_000_000;

/// A page that keeps to a policy.
pub(crate) fn html(mut document: Document, policy: &Policy) -> Result<String, Error> {
    for (at, heading) in parts::headings(&document) {
        if let Event::Start(Tag::Heading { id, .. }) = &mut document.events[at].0 {
            *id = Some(heading.id.into());
        }
    }
    let events = document.events.into_iter().filter_map(|(event, _)| shown(event, policy.raw));
    let events = without_images(events, |address| policy.shows(address));
    let mut html = String::new();
    pulldown_cmark::html::push_html(&mut html, events);
    let too_long = |html: &str| match html.len() > MAX_HTML {
        true => Err(Error::new(
            Code::Limit,
            format!("the page has more than {MAX_HTML} bytes; split the text"),
        )),
        false => Ok(()),
    };
    too_long(&html)?;
    let html = policy.clean(&html);
    too_long(&html)?;
    Ok(html)
}

/// What is shown of an event, or nothing.
fn shown(event: Event, raw: Raw) -> Option<Event> {
    Some(match (event, raw) {
        // A form in a text is none that anybody can send.
        (Event::TaskListMarker(done), _) => {
            Event::Text(if done { "\u{2611} " } else { "\u{2610} " }.into())
        }
        (Event::Html(html) | Event::InlineHtml(html), Raw::Show) => Event::Text(html),
        (Event::Start(Tag::HtmlBlock), Raw::Show) => Event::Start(Tag::Paragraph),
        (Event::End(TagEnd::HtmlBlock), Raw::Show) => Event::End(TagEnd::Paragraph),
        (Event::Html(_) | Event::InlineHtml(_), Raw::Drop) => return None,
        (event, _) => event,
    })
}

//! A text of Markdown as events with their lines.
//!
//! What grows faster than the text is bounded here, once for all tools: lists in lists, and the cells that a table
//! gives to its short rows.

use cleargate::{Code, Error};
use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd};

/// Characters of a text: a book has fewer.
const MAX_MARKDOWN: usize = 1_000_000;
/// Blocks and marks around each other; a person reads ten.
const MAX_DEPTH: usize = 100;
/// Cells of all tables; a short row of a wide table has as many as its head.
const MAX_CELLS: usize = 50_000;

/// A text that was read.
pub(crate) struct Document<'a> {
    /// What opens the text: the format and what stands between its fences.
    pub(crate) front: Option<(&'static str, &'a str)>,
    /// The rest, each event with the line that it begins in, from 1.
    pub(crate) events: Vec<(Event<'a>, usize)>,
}

impl<'a> Document<'a> {
    /// Reads a text, and refuses what is too long, too deep or too wide.
    pub(crate) fn read(markdown: &'a str) -> Result<Self, Error> {
        let limit = |message: String| Err(Error::new(Code::Limit, message));
        if markdown.chars().count() > MAX_MARKDOWN {
            return limit(format!("/markdown has more than {MAX_MARKDOWN} characters; split it"));
        }
        let (front, rest) = front_matter(markdown);
        let begin = markdown.len() - rest.len();
        let mut lines = Lines { text: markdown, at: 0, line: 1 };
        let (mut depth, mut cells) = (0, 0);
        let mut events = Vec::new();
        let options = Options::ENABLE_TABLES
            | Options::ENABLE_FOOTNOTES
            | Options::ENABLE_STRIKETHROUGH
            | Options::ENABLE_TASKLISTS
            | Options::ENABLE_GFM;
        for (event, range) in Parser::new_ext(rest, options).into_offset_iter() {
            let line = lines.of(begin + range.start);
            match &event {
                Event::Start(tag) => {
                    depth += 1;
                    cells += usize::from(*tag == Tag::TableCell);
                }
                Event::End(_) => depth -= 1,
                _ => {}
            }
            if depth > MAX_DEPTH {
                return limit(format!("/markdown, line {line}: nested deeper than {MAX_DEPTH}"));
            }
            if cells > MAX_CELLS {
                return limit(format!(
                    "/markdown, line {line}: its tables have more than {MAX_CELLS} cells"
                ));
            }
            events.push((event, line));
        }
        Ok(Self { front, events })
    }

    /// The text between the start at an index and its end, without marks; and the index of the end.
    pub(crate) fn inside(&self, start: usize) -> (String, usize) {
        let (mut depth, mut text) = (0, String::new());
        for (at, (event, _)) in self.events.iter().enumerate().skip(start) {
            match event {
                Event::Start(_) => depth += 1,
                Event::End(_) => depth -= 1,
                Event::Text(part) | Event::Code(part) => text.push_str(part),
                Event::SoftBreak | Event::HardBreak => text.push(' '),
                _ => {}
            }
            if depth == 0 {
                return (text, at);
            }
        }
        (text, self.events.len())
    }
}

/// Lines of places that mostly come in order.
struct Lines<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl Lines<'_> {
    fn of(&mut self, place: usize) -> usize {
        let newlines = |part: &str| part.bytes().filter(|b| *b == b'\n').count();
        match place >= self.at {
            true => self.line += newlines(&self.text[self.at..place]),
            false => self.line -= newlines(&self.text[place..self.at]),
        }
        self.at = place;
        self.line
    }
}

/// Metadata that opens a text between lines of `---` (YAML) or `+++` (TOML), and the rest of the text.
fn front_matter(text: &str) -> (Option<(&'static str, &str)>, &str) {
    let body = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    for (fence, format) in [("---", "yaml"), ("+++", "toml")] {
        let Some((first, below)) = body.split_once('\n') else { break };
        if first.trim_end() != fence {
            continue;
        }
        let mut at = 0;
        for line in below.split_inclusive('\n') {
            let end = line.trim_end();
            if end == fence || (end == "..." && fence == "---") {
                return (Some((format, &below[..at])), &below[at + line.len()..]);
            }
            at += line.len();
        }
    }
    (None, body)
}

/// An image that is shown as its description: its start and its end are taken out.
pub(crate) fn without_images<'a>(
    events: impl Iterator<Item = Event<'a>>,
    shown: impl Fn(&CowStr) -> bool,
) -> impl Iterator<Item = Event<'a>> {
    // Images stand in descriptions of images too, so ends have to find their starts.
    let mut open = Vec::new();
    events.filter(move |event| match event {
        Event::Start(Tag::Image { dest_url, .. }) => {
            open.push(shown(dest_url));
            open.last() == Some(&true)
        }
        Event::End(TagEnd::Image) => open.pop() == Some(true),
        _ => true,
    })
}

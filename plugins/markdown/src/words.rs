//! The text of a document: what a reader reads, in blocks.

use ammonia::Builder;
use pulldown_cmark::{Event, Tag, TagEnd};

use crate::document::Document;

/// The text of a document.
pub(crate) fn text(document: &Document) -> String {
    let mut words = Words::default();
    for (event, _) in &document.events {
        words.take(event);
    }
    words.text.truncate(words.text.trim_end().len());
    if !words.text.is_empty() {
        words.text.push('\n');
    }
    words.text
}

/// A text that grows.
#[derive(Default)]
struct Words {
    text: String,
    /// Line ends that are due before the next word.
    gap: usize,
    /// Whether a mark of an item was written last: what follows stands beside it.
    marked: bool,
    /// Lists around, with the number of the next item.
    lists: Vec<Option<u64>>,
    /// Cells of this row that came before.
    cell: usize,
    /// Lines of an element of HTML that is open.
    html: String,
}

impl Words {
    fn take(&mut self, event: &Event) {
        match event {
            Event::Start(tag) => self.open(tag),
            Event::End(tag) => self.close(*tag),
            Event::Text(text) | Event::Code(text) => self.write(text),
            Event::SoftBreak => self.write(" "),
            Event::HardBreak => self.write("\n"),
            Event::Rule => self.part(2),
            Event::FootnoteReference(name) => self.write(&format!("[{name}]")),
            Event::TaskListMarker(done) => {
                self.write(if *done { "\u{2611} " } else { "\u{2610} " });
            }
            Event::Html(html) => self.html.push_str(html),
            Event::InlineHtml(tag) if tag.to_ascii_lowercase().starts_with("<br") => {
                self.write("\n");
            }
            Event::InlineHtml(_) | Event::InlineMath(_) | Event::DisplayMath(_) => {}
        }
    }

    fn open(&mut self, tag: &Tag) {
        match tag {
            Tag::Paragraph | Tag::Heading { .. } | Tag::BlockQuote(_) | Tag::CodeBlock(_) => {
                self.part(2);
            }
            Tag::Table(_) | Tag::HtmlBlock => self.part(2),
            Tag::List(first) => {
                self.part(if self.lists.is_empty() { 2 } else { 1 });
                self.lists.push(*first);
            }
            Tag::Item => {
                let indent = "  ".repeat(self.lists.len().saturating_sub(1));
                let mark = match self.lists.last_mut() {
                    Some(Some(number)) => {
                        *number += 1;
                        format!("{}. ", *number - 1)
                    }
                    _ => "- ".into(),
                };
                self.marked = false;
                self.part(1);
                self.write(&format!("{indent}{mark}"));
                self.marked = true;
            }
            Tag::FootnoteDefinition(name) => {
                self.part(2);
                self.write(&format!("[{name}] "));
                self.marked = true;
            }
            Tag::TableHead | Tag::TableRow => self.cell = 0,
            Tag::TableCell => {
                if self.cell > 0 {
                    self.write("\t");
                }
                self.cell += 1;
            }
            _ => {}
        }
    }

    fn close(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::BlockQuote(_) | TagEnd::Table => {
                self.part(2);
            }
            TagEnd::CodeBlock => {
                self.text.truncate(self.text.trim_end_matches('\n').len());
                self.part(2);
            }
            TagEnd::List(_) => {
                self.lists.pop();
                self.part(if self.lists.is_empty() { 2 } else { 1 });
            }
            TagEnd::Item => {
                self.marked = false;
                self.part(1);
            }
            TagEnd::TableHead | TagEnd::TableRow => self.part(1),
            TagEnd::HtmlBlock => {
                let html = std::mem::take(&mut self.html);
                let words =
                    Builder::empty().clean_content_tags(["script", "style"].into()).clean(&html);
                let words = words.to_string();
                let words = html_escape::decode_html_entities(&words);
                self.write(&words.split_whitespace().collect::<Vec<_>>().join(" "));
                self.part(2);
            }
            _ => {}
        }
    }

    /// Asks for line ends before the next word, but not beside the mark of an item.
    fn part(&mut self, lines: usize) {
        if !self.marked {
            self.gap = self.gap.max(lines);
        }
    }

    fn write(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if self.gap > 0 && !self.text.is_empty() {
            self.text.truncate(self.text.trim_end_matches([' ', '\t']).len());
            let lines = self.text.len() - self.text.trim_end_matches('\n').len();
            self.text.push_str(&"\n".repeat(self.gap.saturating_sub(lines)));
        }
        (self.gap, self.marked) = (0, false);
        self.text.push_str(text);
    }
}

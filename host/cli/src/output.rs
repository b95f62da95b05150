//! stdout is data, stderr is talk. Readable without colour; text from outside is escaped.

use std::borrow::Cow;
use std::io::{ErrorKind, IsTerminal, Write};
use std::sync::OnceLock;

use cleargate::{Error, Kind};
use serde::Serialize;

use crate::args::{Color, Format, Global};
use crate::environment::Environment;
use crate::failure::Failure;

/// Columns of a line for a log or a program: nobody who searches for a sentence looks for its halves.
const UNBROKEN: usize = 10_000;

/// Longer lines are hard to read, however wide the terminal is.
const MOST_COLUMNS: usize = 110;

/// In fewer columns a snippet has no place; a terminal breaks its lines.
const FEWEST_COLUMNS: usize = 30;

/// How this command speaks.
#[derive(Debug)]
pub struct Talk {
    /// Form of data on stdout.
    pub format: Format,
    /// Whether stderr gets colour.
    color: bool,
    /// Whether stdout gets colour.
    color_data: bool,
    /// Whether progress may be drawn: stderr is a terminal and nobody asked for silence.
    pub live: bool,
    /// No progress at all.
    pub quiet: bool,
    /// Columns of the terminal, at most [`MOST_COLUMNS`]; [`UNBROKEN`] when there is none.
    width: usize,
    /// Why data could not be written.
    lost: OnceLock<std::io::Error>,
}

impl Talk {
    /// Decides from the arguments, the environment and what the streams are.
    pub fn new(global: &Global, environment: &Environment) -> Self {
        let colored = |terminal: bool| match global.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && !environment.plain,
        };
        let terminal = std::io::stderr().is_terminal();
        let size = console::Term::stdout().size_checked();
        let size = size.or_else(|| console::Term::stderr().size_checked());
        let columns = |(_, columns)| usize::from(columns).clamp(FEWEST_COLUMNS, MOST_COLUMNS);
        Self {
            format: global.output,
            color: colored(terminal),
            color_data: colored(std::io::stdout().is_terminal()) && global.output == Format::Human,
            live: terminal && !global.quiet && !environment.plain,
            quiet: global.quiet,
            width: size.map_or(UNBROKEN, columns),
            lost: OnceLock::new(),
        }
    }

    /// For tests: no colour, no terminal.
    #[cfg(test)]
    pub fn plain() -> Self {
        let (format, lost) = (Format::Human, OnceLock::new());
        let width = UNBROKEN;
        Self { format, color: false, color_data: false, live: false, quiet: false, width, lost }
    }

    /// Columns that a line of text for a person has at most.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Writes text as data; an empty one is nothing, not an empty line.
    pub fn data(&self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.part(text);
        if !text.ends_with('\n') {
            self.part("\n");
        }
    }

    /// Writes a piece of data as it is.
    fn part(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            // A closed pipe (`| head`) is the reader's wish, not an error.
            Err(error) if error.kind() != ErrorKind::BrokenPipe => drop(self.lost.set(error)),
            _ => {}
        }
    }

    /// Data that could not be written, as an error: half a report must not look like a whole one.
    pub fn lost(&self) -> Option<Failure> {
        let why = self.lost.get()?;
        let error = Error::new(Kind::Failed, "the output cannot be written").caused_by(why);
        Some(
            error.with_help("what a run gave is kept: cleargate resume RUN prints it again").into(),
        )
    }

    /// Writes one document, or `human` when a person reads.
    pub fn document<T: Serialize>(&self, document: &T, human: impl FnOnce() -> String) {
        match self.format {
            Format::Human => self.data(&human()),
            Format::Ndjson => self.data(&json(document, false)),
            Format::Json | Format::Sarif => self.data(&json(document, true)),
        }
    }

    /// Writes many documents: an array, a line each, or `human` when a person reads.
    pub fn documents<T: Serialize>(&self, documents: &[T], human: impl FnOnce() -> String) {
        match self.format {
            Format::Human => self.data(&human()),
            Format::Ndjson => documents.iter().for_each(|d| self.data(&json(d, false))),
            Format::Json | Format::Sarif => self.data(&json(&documents, true)),
        }
    }

    /// Writes one of many documents that are told as things happen: a line each, whichever the form.
    pub fn line<T: Serialize>(&self, document: &T) {
        self.data(&json(document, false));
    }

    /// Many documents that come page by page, so that they are never in memory together.
    pub fn pages(&self) -> Pages<'_> {
        Pages { talk: self, begun: false }
    }

    /// Writes a line of talk.
    pub fn say(&self, line: &str) {
        if !self.quiet {
            self.error_line(line);
        }
    }

    /// Writes a line that matters also to those who asked for silence.
    pub fn warn(&self, line: &str) {
        self.error_line(&format!("{} {line}", self.paint("warning:", "1;33")));
    }

    /// Prints an error with causes and help, and returns the exit code.
    pub fn failure(&self, failure: &Failure) -> u8 {
        let error = &failure.error;
        if !failure.told {
            if self.format == Format::Human {
                let message = inset(&error.message);
                self.error_line(&format!("{} {message}", self.paint("error:", "1;31")));
                for cause in &error.causes {
                    self.error_line(&format!("  because {}", inset(cause)));
                }
                for help in &error.help {
                    self.error_line(&format!("  {} {}", self.paint("help:", "1;36"), inset(help)));
                }
            } else {
                let document = serde_json::json!({ "error": {
                    "exit_code": failure.exit_code(), "message": error.message,
                    "causes": error.causes, "help": error.help,
                }});
                self.error_line(&json(&document, false));
            }
        }
        failure.exit_code()
    }

    /// Colours text on stderr.
    pub fn paint(&self, text: &str, code: &str) -> String {
        if self.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.into() }
    }

    /// Colours text on stdout.
    pub fn paint_data(&self, text: &str, code: &str) -> String {
        if self.color_data { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.into() }
    }

    /// Whether stderr gets colour.
    pub fn colored(&self) -> bool {
        self.color
    }

    fn error_line(&self, line: &str) {
        let mut err = std::io::stderr().lock();
        let _closed = writeln!(err, "{line}");
    }
}

/// Documents that are written as they come. As JSON they are one array; an error before [`Pages::end`] leaves it
/// open, so that half of it cannot pass for all.
pub struct Pages<'a> {
    talk: &'a Talk,
    begun: bool,
}

impl Pages<'_> {
    /// Writes the next ones.
    pub fn add<T: Serialize>(&mut self, documents: &[T], human: impl FnOnce() -> String) {
        if !matches!(self.talk.format, Format::Json | Format::Sarif) {
            return self.talk.documents(documents, human);
        }
        let mut text = String::new();
        for document in documents {
            text.push_str(if self.begun { ",\n" } else { "[\n" });
            self.begun = true;
            let lines: Vec<_> =
                json(document, true).lines().map(|line| format!("  {line}")).collect();
            text.push_str(&lines.join("\n"));
        }
        self.talk.part(&text);
    }

    /// Says that these were all.
    pub fn end(self) {
        match (self.talk.format, self.begun) {
            (Format::Human | Format::Ndjson, _) => {}
            (_, true) => self.talk.data("\n]"),
            (_, false) => self.talk.data("[]"),
        }
    }
}

/// JSON text of a document, safe for a terminal: what one would obey is written as an escape, which readers of JSON take
/// for the same.
fn json<T: Serialize>(document: &T, pretty: bool) -> String {
    let text = if pretty {
        serde_json::to_string_pretty(document)
    } else {
        serde_json::to_string(document)
    };
    let text = text.expect("documents have text keys and finite numbers");
    if !text.chars().any(|c| commands(c) && c != '\n') {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        // Line ends stand between values alone: inside of one the writer has escaped them.
        if commands(c) && c != '\n' {
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out
}

/// Text from outside, safe for a terminal: control and direction characters are shown, not obeyed.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if commands(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// Whether a terminal would obey the character, or show the text around it in another order.
fn commands(c: char) -> bool {
    (c.is_control() && c != '\t')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}')
}

/// A text for snippets: places in it are byte offsets, so that what a terminal would obey becomes a harmless character of
/// the same length.
pub fn harmless(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| commands(c) && c != '\n') {
        return text.into();
    }
    let shown = text.chars().map(|c| match c.len_utf8() {
        _ if c == '\n' || !commands(c) => c,
        // Line ends of other systems.
        1 if c == '\r' => ' ',
        1 => '?',
        2 => '¿',
        _ => '\u{fffd}',
    });
    shown.collect::<String>().into()
}

/// As [`escaped`], but lines stay lines: for documents such as a report.
pub fn escaped_lines(text: &str) -> String {
    text.split('\n').map(escaped).collect::<Vec<_>>().join("\n")
}

/// Text from outside in a message: further lines stand to the right of ours, so that none can pass for one of them.
pub fn inset(text: &str) -> String {
    text.split('\n').map(escaped).collect::<Vec<_>>().join("\n      ")
}

/// Rows under a heading, columns aligned.
pub fn table(heading: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = heading.iter().map(|h| h.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(console::measure_text_width(cell));
        }
    }
    let line = |cells: Vec<&str>| {
        let padded: Vec<String> = cells
            .iter()
            .zip(&widths)
            .map(|(c, w)| format!("{c}{}", " ".repeat(w - console::measure_text_width(c))))
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(heading.to_vec())];
    lines.extend(rows.iter().map(|row| line(row.iter().map(String::as_str).collect())));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_cannot_drive_the_terminal() {
        let shown = escaped("a\u{1b}[31mred\u{1b}[0m\nnext\u{202e}x\0");
        assert!(!shown.contains(['\u{1b}', '\n', '\u{202e}', '\0']), "{shown:?}");
        assert_eq!(escaped_lines("a\nb"), "a\nb");
        assert_eq!(inset("no\nhelp: \u{9b}2J"), "no\n      help: \\u{9b}2J");
    }

    #[test]
    fn json_cannot_drive_the_terminal_and_stays_the_same() {
        let document = serde_json::json!({ "a\u{9b}": "\u{1b}[2J\u{202e}x\u{7f}\n\u{61c}\té" });
        for pretty in [false, true] {
            let text = json(&document, pretty);
            assert!(!text.chars().any(|c| commands(c) && c != '\n'), "{text:?}");
            assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), document);
        }
    }

    #[test]
    fn snippets_keep_their_places() {
        let text = "a\u{1b}[2J\u{9b}b\u{202e}c\r\n\té";
        let shown = harmless(text);
        assert_eq!(shown, "a?[2J¿b\u{fffd}c \n\té");
        assert_eq!(shown.len(), text.len());
    }

    #[test]
    fn columns_align() {
        let text = table(&["a", "bb"], &[vec!["xxx".into(), "y".into()]]);
        assert_eq!(text, "a    bb\nxxx  y");
    }
}

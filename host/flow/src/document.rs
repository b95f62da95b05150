//! YAML or JSON text → a tree in which each key and scalar knows its place.
//!
//! The reader is strict where YAML is loose: a flow file comes from strangers, and two readers must never see
//! two flows in one text. Anchors, aliases, merge keys, tags and several documents are refused, so the
//! tree is never larger than the text; numbers are exact or refused; `yes`, `no` and `on` are text.

use std::collections::HashMap;
use std::sync::Arc;

use granit_parser::{Event, Parser, ScalarStyle, Tag};

use crate::diagnostic::{Finding, Span};
use crate::value::Value;

/// Bytes of one flow file. A thousand nodes need about 200 KiB.
pub const MAX_BYTES: usize = 1024 * 1024;
/// Keys, scalars, lists and maps of one file: keeps checking under 100 ms.
pub const MAX_NODES: usize = 50_000;
/// Levels of nesting: the same as of values, so that each literal can become one.
pub const MAX_DEPTH: usize = crate::value::MAX_DEPTH;

/// Findings of one file: who made a thousand mistakes begins with the first, and a hostile file makes no more of them
/// than it has bytes.
pub const MAX_FINDINGS: usize = 1000;

/// One node of the text.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub data: Data,
}

/// What a node of the text is.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// A scalar: text, number, truth value or nothing.
    Scalar(Value),
    /// Nodes in order.
    List(Vec<Node>),
    /// Named nodes in the order in which they were written; names are unique.
    Map(Vec<Entry>),
}

/// A key with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: Arc<str>,
    /// Where the key stands.
    pub key_span: Span,
    /// The value.
    pub value: Node,
}

impl Node {
    /// The entry called `key`, when this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| &*entry.key == key)
    }

    /// The entries of a map; none for anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.data {
            Data::Map(entries) => entries,
            _ => &[],
        }
    }

    /// What is directly inside of a map or a list.
    pub fn children(&self) -> impl Iterator<Item = &Node> {
        let items = match &self.data {
            Data::List(items) => items.as_slice(),
            _ => &[],
        };
        items.iter().chain(self.entries().iter().map(|entry| &entry.value))
    }

    /// The text of a text scalar.
    pub fn as_str(&self) -> Option<&str> {
        match &self.data {
            Data::Scalar(value) => value.as_str(),
            _ => None,
        }
    }

    /// The scalar as people wrote it: numbers and truth values as text too.
    pub fn as_text(&self) -> Option<String> {
        match &self.data {
            Data::Scalar(Value::Null) => None,
            Data::Scalar(value) => Some(value.to_string()),
            _ => None,
        }
    }

    /// The same data without places.
    pub fn to_value(&self) -> Value {
        match &self.data {
            Data::Scalar(value) => value.clone(),
            Data::List(items) => Value::list(items.iter().map(Node::to_value)),
            Data::Map(entries) => {
                Value::record(entries.iter().map(|e| (e.key.clone(), e.value.to_value())))
            }
        }
    }

    /// The word for what it is, for messages.
    pub fn shape(&self) -> &'static str {
        match &self.data {
            Data::Scalar(value) => value.shape(),
            Data::List(_) => "list",
            Data::Map(_) => "map",
        }
    }
}

/// Reads a text. Findings that leave the shape intact do not end the reading; without a tree the text
/// has no shape.
pub fn read(text: &str) -> (Option<Node>, Vec<Finding>) {
    if text.len() > MAX_BYTES {
        let message = format!("the file has {} bytes; at most {MAX_BYTES} are read", text.len());
        let help = "move long texts into files and name them with `path`";
        return (None, vec![Finding::error("CG0002", Span::default(), message).help(help)]);
    }
    let mut reader = Reader { text, open: Vec::new(), root: None, nodes: 0, findings: Vec::new() };
    let complete = reader.run();
    (reader.root.filter(|_| complete), reader.findings)
}

struct Reader<'t> {
    text: &'t str,
    /// Containers that are not closed yet: depth is the length, so nothing recurses.
    open: Vec<Open>,
    root: Option<Node>,
    nodes: usize,
    findings: Vec<Finding>,
}

enum Open {
    List(Span, Vec<Node>),
    Map(Span, Vec<Entry>, Option<(Arc<str>, Span)>, HashMap<Arc<str>, Span>),
}

impl Reader<'_> {
    /// False when the text has no shape.
    fn run(&mut self) -> bool {
        // Comments are not kept: a flow's meaning is not in them.
        let options = granit_parser::options! { emit_comments: false };
        let mut documents = 0;
        for event in Parser::new_from_str_with_options(self.text, options) {
            let (event, at) = match event {
                Ok(next) => next,
                Err(error) => {
                    self.syntax(&error);
                    return false;
                }
            };
            let span = self.span(&at);
            if let Event::DocumentStart(..) = event {
                documents += 1;
                if documents > 1 {
                    self.refuse("CG0004", span, "a second document (`---`)");
                    return false;
                }
            }
            if !self.event(event, span) {
                return false;
            }
        }
        self.root.is_some()
    }

    fn syntax(&mut self, error: &granit_parser::ScanError) {
        let mark = error.marker();
        let offset = mark.byte_offset().unwrap_or_default().min(self.text.len());
        let span = Span {
            offset,
            len: usize::from(offset < self.text.len()),
            line: mark.line() as u32,
            column: mark.col() as u32 + 1,
            used: 0,
        };
        let mut info = error.info();
        if let granit_parser::ErrorKind::UnknownAnchor = error.kind() {
            info = "aliases (`*name`) are not part of a flow".into();
        }
        let finding = Finding::error("CG0001", span, format!("this is no readable YAML: {info}"));
        let line = self.text.lines().nth(mark.line().saturating_sub(1)).unwrap_or_default();
        let at = line.char_indices().nth(mark.col()).map_or("", |(at, _)| &line[at..]);
        self.findings.push(finding.maybe_help(mended(line, at, &info).map(str::to_owned)));
    }

    fn span(&self, at: &granit_parser::Span) -> Span {
        let range = at.byte_range().unwrap_or_default();
        let trimmed = self.text.get(range.clone()).map_or(0, |piece| piece.trim_end().len());
        Span {
            offset: range.start,
            len: trimmed,
            line: at.start.line() as u32,
            column: at.start.col() as u32 + 1,
            used: 0,
        }
    }

    fn refuse(&mut self, code: &'static str, span: Span, what: &str) {
        let message =
            format!("{what} is not part of a flow: each thing is written once, where it counts");
        self.findings.push(Finding::error(code, span, message));
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> bool {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.plain_node(span, anchor, tag.as_deref());
                self.scalar(&text, style, span)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.plain_node(span, anchor, tag.as_deref());
                self.start(Open::List(span, Vec::new()), span)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.plain_node(span, anchor, tag.as_deref());
                self.start(Open::Map(span, Vec::new(), None, HashMap::new()), span)
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List(start, items)) => {
                    self.put(Node { span: join(start, span), data: Data::List(items) })
                }
                Some(Open::Map(start, entries, ..)) => {
                    self.put(Node { span: join(start, span), data: Data::Map(entries) })
                }
                None => true,
            },
            Event::Alias(_) => {
                self.refuse("CG0003", span, "an alias (`*name`)");
                if let Some(Open::Map(_, _, pending @ None, _)) = self.open.last_mut() {
                    *pending = Some(("*".into(), span));
                    return self.count(span);
                }
                self.put(Node { span, data: Data::Scalar(Value::Null) })
            }
            _ => true,
        }
    }

    fn plain_node(&mut self, span: Span, anchor: usize, tag: Option<&Tag>) {
        if anchor != 0 {
            self.refuse("CG0003", span, "an anchor (`&name`)");
        }
        if tag.is_some() {
            self.refuse("CG0003", span, "a tag (`!name`)");
        }
    }

    fn start(&mut self, open: Open, span: Span) -> bool {
        if let Some(Open::Map(_, _, None, _)) = self.open.last() {
            let finding = Finding::error("CG0005", span, "a key must be text");
            let help = "is this meant as text? Put it in quotes; an expression is written \"${…}\"";
            self.findings.push(finding.help(help));
            return false;
        }
        if self.open.len() >= MAX_DEPTH {
            let message = format!("nested more than {MAX_DEPTH} levels deep");
            self.findings.push(Finding::error("CG0002", span, message));
            return false;
        }
        self.open.push(open);
        true
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, span: Span) -> bool {
        if let Some(Open::Map(_, _, pending @ None, seen)) = self.open.last_mut() {
            let twin = seen.get(text).copied();
            *pending = Some((text.into(), span));
            if let Some(first) = twin {
                let message = format!("the key {text:?} is written twice");
                let finding = Finding::error("CG0006", span, message);
                self.findings.push(finding.and(first, "first written here"));
            }
            if text == "<<" && style == ScalarStyle::Plain {
                self.refuse("CG0003", span, "a merge key (`<<`)");
            }
            return self.count(span);
        }
        let value = if style == ScalarStyle::Plain {
            plain(text).unwrap_or_else(|why| {
                let finding = Finding::error("CG0007", span, format!("`{text}` {why}"));
                self.findings.push(finding.help(format!("write it as text: \"{text}\"")));
                Value::Null
            })
        } else {
            Value::String(text.into())
        };
        self.put(Node { span, data: Data::Scalar(value) })
    }

    fn count(&mut self, span: Span) -> bool {
        self.nodes += 1;
        if self.findings.len() >= MAX_FINDINGS {
            let message =
                format!("the file has more than {MAX_FINDINGS} mistakes; the rest is not read");
            self.findings.push(Finding::error("CG0002", span, message));
            return false;
        }
        if self.nodes > MAX_NODES {
            let message = format!("the file has more than {MAX_NODES} keys and values");
            self.findings.push(Finding::error("CG0002", span, message));
        }
        self.nodes <= MAX_NODES
    }

    fn put(&mut self, node: Node) -> bool {
        let span = node.span;
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List(_, items)) => items.push(node),
            Some(Open::Map(_, entries, pending, seen)) => {
                let (key, key_span) = pending.take().expect("a value follows its key");
                if seen.insert(key.clone(), key_span).is_none() {
                    entries.push(Entry { key, key_span, value: node });
                }
            }
        }
        self.count(span)
    }
}

/// What mends the usual mistakes in YAML, from the line, the rest of it, and what the parser says.
fn mended(line: &str, at: &str, info: &str) -> Option<&'static str> {
    let expression = line.find("${").map(|start| &line[start..]);
    if expression.is_some_and(|text| text.contains(": ")) {
        Some("put the value in quotes: in YAML, `: ` ends a key also inside `${…}`")
    } else if expression.is_some() && line.contains('{') {
        Some("put the expression in quotes: inside `{ … }` YAML reads its braces as its own")
    } else if line.starts_with([' ', '\t']) && line.trim_start_matches(' ').starts_with('\t') {
        Some("indent with spaces: YAML takes no tabs there")
    } else if at.starts_with(['@', '`', '%']) {
        Some("put the value in quotes: this character cannot begin one")
    } else if info.contains("mapping values") {
        Some("put the value in quotes: in YAML, `: ` ends a key")
    } else if info.contains("did not find expected key") {
        Some("look at the indentation: the keys of one map begin in one column")
    } else {
        None
    }
}

fn join(start: Span, end: Span) -> Span {
    let to = (end.offset + end.len).max(start.offset + start.len);
    Span { len: to - start.offset, ..start }
}

/// A plain scalar, by the JSON reading of YAML 1.2; forms that other readers take for another number are
/// refused.
fn plain(text: &str) -> Result<Value, &'static str> {
    match text {
        "" | "~" | "null" => return Ok(Value::Null),
        "true" => return Ok(Value::Bool(true)),
        "false" => return Ok(Value::Bool(false)),
        _ => {}
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let lower = unsigned.to_ascii_lowercase();
    if matches!(lower.as_str(), ".inf" | ".nan") {
        return Err("is no number that can be computed with");
    }
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Ok(Value::String(text.into()));
    }
    let numeric = |c: char| c.is_ascii_digit() || matches!(c, '.' | '_' | 'e' | 'E' | '+' | '-');
    let radix = lower.strip_prefix("0x").or_else(|| lower.strip_prefix("0o"));
    let other_radix = radix.is_some_and(|digits| {
        !digits.is_empty() && digits.chars().all(|c| c.is_ascii_hexdigit() || c == '_')
    });
    if !unsigned.chars().all(numeric) && !other_radix {
        return Ok(Value::String(text.into()));
    }
    match Value::from_json(text) {
        Ok(value) => Ok(value),
        Err(_) if looks_like_number(&lower) || other_radix => {
            Err("is no exact number in the JSON form")
        }
        Err(_) => Ok(Value::String(text.into())),
    }
}

/// Whether some YAML reader takes this for a number: `012`, `1_000`, `.5`, `1.`, `1e400`.
/// Dates (`2026-01-02`) and versions (`1.0.0`) are text to all of them.
fn looks_like_number(unsigned: &str) -> bool {
    let digits: String = unsigned.chars().filter(|c| *c != '_').collect();
    digits.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests;

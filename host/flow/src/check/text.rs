//! Longer texts of a node (reports, prompts): parsed with the flow, and typed with the node's inputs.

use std::collections::HashMap;
use std::ops::Range;

use super::Checker;
use super::draft::DraftLeaf;
use crate::diagnostic::{Finding, Hints, Span};
use crate::document::Node;
use crate::expr::{Prose, TypeNames};
use crate::signature::{Signature, TextKey};
use crate::types::Type;

/// A text that parses.
#[derive(Debug)]
pub(super) struct DraftText {
    prose: Prose,
    place: Place,
}

/// Where a text stands.
#[derive(Debug)]
struct Place {
    text: String,
    /// Of the scalar in the flow: the text, or the name of its file.
    span: Span,
    file: Option<String>,
}

/// The inputs of a node under their own names.
struct Inputs<'t>(&'t HashMap<String, Type>, &'t Hints);

impl TypeNames for Inputs<'_> {
    fn get(&self, name: &str) -> Option<&Type> {
        self.0.get(name)
    }

    fn all(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    fn hints(&self) -> &Hints {
        self.1
    }
}

impl Checker<'_> {
    /// The one text of a node whose type has one.
    pub(super) fn draft_text(
        &self,
        node: &Node,
        signature: &Signature,
        ty: Span,
    ) -> Option<DraftText> {
        let written = |key: &TextKey| Some((*key, &node.get(key.name())?.value));
        let all: Vec<(TextKey, &Node)> = signature.texts.iter().filter_map(written).collect();
        let (key, value) = match all.as_slice() {
            [one] => *one,
            _ if signature.texts.is_empty() => return None,
            several => {
                let keys: Vec<String> =
                    signature.texts.iter().map(|key| format!("`{}:`", key.name())).collect();
                let (code, span) =
                    several.get(1).map_or(("CG0102", ty), |(_, at)| ("CG0110", at.span));
                let message = format!("this node has one text: write one of {}", keys.join(", "));
                self.find(Finding::error(code, span, message));
                return None;
            }
        };
        let written = value.as_str()?.to_owned();
        let place = match key {
            TextKey::Inline(_) => Place { text: written, span: value.span, file: None },
            TextKey::File(_) => match self.signatures.file(&written) {
                Ok(text) => Place { text, span: value.span, file: Some(written) },
                Err(why) => {
                    self.find(Finding::error("CG0312", value.span, why));
                    return None;
                }
            },
        };
        match Prose::parse(&place.text) {
            Ok(prose) => Some(DraftText { prose, place }),
            Err(error) => {
                self.find(self.in_text(&place, "CG0205", &error.at, error.message));
                None
            }
        }
    }

    /// Holds the text of a node against the types of its inputs.
    pub(super) fn type_text(&self, leaf: &DraftLeaf, inputs: &HashMap<String, Type>) {
        let Some(DraftText { prose, place }) = &leaf.text else { return };
        for problem in prose.problems(&Inputs(inputs, &self.hints)) {
            let full = self.findings.borrow().full(problem.code);
            let finding = match full {
                true => Finding::error(problem.code, place.span, problem.message),
                false => self.in_text(place, problem.code, &problem.at, problem.message),
            };
            let bind = || "a text reads the inputs of its node: bind the name under `with:`".into();
            self.find(finding.maybe_help(
                problem.help.or_else(|| (problem.code == crate::expr::UNKNOWN_NAME).then(bind)),
            ));
        }
    }

    fn in_text(
        &self,
        place: &Place,
        code: &'static str,
        at: &Range<usize>,
        message: String,
    ) -> Finding {
        let start = at.start.min(place.text.len());
        let line_at = place.text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let column = place.text[line_at..start].chars().count() + 1;
        if let Some(file) = &place.file {
            let line = place.text[..start].matches('\n').count() + 1;
            let message = format!("{file}:{line}:{column}: {message}");
            return Finding::error(code, place.span, message);
        }
        let line = place.text[line_at..].lines().next().unwrap_or_default();
        let span = match self.line_of(place, line_at, line) {
            Some(skip) => place.span.within(self.text, skip + start - line_at, at.len().max(1)),
            None => place.span,
        };
        Finding::error(code, span, message)
    }

    /// Where a line of an inline text begins in its scalar. In a block scalar each line is as written, behind its
    /// indentation; in quotes the text is one line, unless escapes or folding hide it.
    fn line_of(&self, place: &Place, line_at: usize, line: &str) -> Option<usize> {
        let raw = self.text.get(place.span.offset..place.span.offset + place.span.len)?;
        let before = place.text[..line_at].lines().filter(|earlier| *earlier == line).count();
        let mut at = 0;
        let lines = raw.split_inclusive('\n').map(|raw_line| {
            at += raw_line.len();
            (at - raw_line.len(), raw_line.trim_end_matches(['\n', '\r']))
        });
        let same = |(_, raw_line): &(usize, &str)| raw_line.trim_start() == line.trim_start();
        let whole = lines.filter(same).nth(before);
        let whole = whole.map(|(at, raw_line)| at + raw_line.len() - line.len());
        whole.or_else(|| raw.find(line).filter(|_| !line.is_empty()))
    }
}

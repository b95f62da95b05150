//! What the tools take and give.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Two texts that are compared by lines.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Texts {
    /// The text before.
    #[schemars(length(max = 2_000_000))]
    pub before: String,
    /// The text after.
    #[schemars(length(max = 2_000_000))]
    pub after: String,
    /// Lines that are shown around a change, by which its place is found again; 3 when absent.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1_000))]
    pub context: Option<usize>,
    /// The name of the file before; `before` when absent.
    #[serde(default)]
    #[schemars(length(min = 1, max = 300))]
    pub before_name: Option<String>,
    /// The name of the file after; `after` when absent.
    #[serde(default)]
    #[schemars(length(min = 1, max = 300))]
    pub after_name: Option<String>,
}

/// What changed.
#[derive(Serialize, JsonSchema)]
pub struct Unified {
    /// The unified diff; empty when nothing changed.
    pub patch: String,
    /// Lines that came.
    pub added: usize,
    /// Lines that went.
    pub removed: usize,
    /// Whether there is a change.
    pub changed: bool,
}

/// Two texts that are compared within lines.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// The text before.
    #[schemars(length(max = 2_000_000))]
    pub before: String,
    /// The text after.
    #[schemars(length(max = 2_000_000))]
    pub after: String,
    /// What is compared; words when absent.
    #[serde(default)]
    pub by: By,
}

/// What is compared as one.
#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// Words, and the space between them.
    #[default]
    Words,
    /// Characters as people count them.
    Characters,
    /// Lines.
    Lines,
}

/// A part of one or both texts.
#[derive(Serialize, JsonSchema)]
pub struct Part {
    /// `same`, `added` or `removed`.
    pub kind: &'static str,
    /// The part.
    pub text: String,
}

/// All of both texts.
#[derive(Serialize, JsonSchema)]
pub struct Compared {
    /// In order; what was removed stands before what was added in its place.
    pub parts: Vec<Part>,
    /// From 0, nothing in common, to 1, equal.
    pub similarity: f64,
}

/// A patch and what it is for.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Application {
    /// What is changed.
    #[schemars(length(max = 2_000_000))]
    pub text: String,
    /// A unified diff, as of `diff -u` or git.
    #[schemars(length(max = 2_000_000))]
    pub patch: String,
    /// Which file of a patch of several.
    #[serde(default)]
    #[schemars(length(min = 1, max = 1_000))]
    pub file: Option<String>,
    /// Takes the patch back.
    #[serde(default)]
    pub reverse: bool,
}

/// A text that was changed.
#[derive(Serialize, JsonSchema)]
pub struct Applied {
    /// The text.
    pub text: String,
    /// Parts of the patch, all of which were applied.
    pub hunks: usize,
}

/// A patch.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unread {
    /// A unified diff, as of `diff -u` or git.
    #[schemars(length(max = 2_000_000))]
    pub patch: String,
}

/// A part of a patch.
#[derive(Serialize, JsonSchema)]
pub struct Hunk {
    /// Where it begins before, from 1; 0 in an empty file.
    pub before_line: usize,
    /// Where it begins after, from 1; 0 in an empty file.
    pub after_line: usize,
    /// Its lines with `+`, `-` or a space before each, and without their ends.
    pub lines: Vec<String>,
}

/// The changes of one file.
#[derive(Serialize, JsonSchema)]
pub struct FileChange {
    /// Its name before; empty when the file is new, or the patch names none.
    pub before: String,
    /// Its name after; empty when the file is removed, or the patch names none.
    pub after: String,
    /// Whether it is no text: nothing more is said of it.
    pub binary: bool,
    /// Lines that come.
    pub added: usize,
    /// Lines that go.
    pub removed: usize,
    /// The parts of the patch.
    pub hunks: Vec<Hunk>,
}

/// What a patch changes.
#[derive(Serialize, JsonSchema)]
pub struct Changes {
    /// File by file.
    pub files: Vec<FileChange>,
}

/// A text and two changes of it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Three {
    /// The text that both began with.
    #[schemars(length(max = 2_000_000))]
    pub base: String,
    /// One change of it.
    #[schemars(length(max = 2_000_000))]
    pub ours: String,
    /// The other change of it.
    #[schemars(length(max = 2_000_000))]
    pub theirs: String,
    /// What one is called in marks; `ours` when absent.
    #[serde(default)]
    #[schemars(length(min = 1, max = 300))]
    pub our_name: Option<String>,
    /// What the other is called in marks; `theirs` when absent.
    #[serde(default)]
    #[schemars(length(min = 1, max = 300))]
    pub their_name: Option<String>,
    /// Shows in a conflict also what both began with.
    #[serde(default)]
    pub show_base: bool,
}

/// What both changed in different ways.
#[derive(Serialize, JsonSchema)]
pub struct Conflict {
    /// The line of its first mark in the merged text, from 1.
    pub line: usize,
    /// What both began with.
    pub base: String,
    /// The one.
    pub ours: String,
    /// The other.
    pub theirs: String,
}

/// Both changes in one text.
#[derive(Serialize, JsonSchema)]
pub struct Merged {
    /// The text, with marks when there are conflicts.
    pub text: String,
    /// Whether there are none.
    pub clean: bool,
    /// In order.
    pub conflicts: Vec<Conflict>,
}

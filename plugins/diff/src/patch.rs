//! Patches: made, read, and applied.

use std::borrow::Cow;

use cleargate::{Error, json};
use diffy::patch_set::{FileOperation, ParseOptions, PatchKind, PatchSet};
use diffy::{ApplyError, Line, Patch};
use similar::{ChangeTag, TextDiff};

use crate::{Application, Applied, Changes, FileChange, Hunk, Texts, Unified, named};

/// Lines around a change when nothing is said.
const USUAL_CONTEXT: usize = 3;
/// Characters of a line that an error shows.
const SHOWN: usize = 80;
/// Files that an error names.
const NAMED: usize = 10;

/// See the tool.
pub(crate) fn diff(input: &Texts) -> Result<Unified, Error> {
    let before = named("before_name", input.before_name.as_deref(), "before")?;
    let after = named("after_name", input.after_name.as_deref(), "after")?;
    let context = input.context.unwrap_or(USUAL_CONTEXT);
    if context == 0 {
        let message =
            "/context is 0; without a line around it, the place of a change is not found again";
        return Err(Error::invalid_input(message));
    }
    // Lines end where patches end them: at a line feed alone.
    let old: Vec<&str> = input.before.split_inclusive('\n').collect();
    let new: Vec<&str> = input.after.split_inclusive('\n').collect();
    let found = TextDiff::from_slices(&old, &new);
    let mut unified = Unified { patch: String::new(), added: 0, removed: 0, changed: false };
    for hunk in found.unified_diff().context_radius(context).iter_hunks() {
        if !unified.changed {
            unified.patch = format!("--- {before}\n+++ {after}\n");
            unified.changed = true;
        }
        unified.patch.push_str(&format!("{}\n", hunk.header()));
        for change in hunk.iter_changes() {
            let sign = match change.tag() {
                ChangeTag::Equal => ' ',
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
            };
            unified.added += usize::from(sign == '+');
            unified.removed += usize::from(sign == '-');
            unified.patch.push(sign);
            unified.patch.push_str(change.value());
            if !change.value().ends_with('\n') {
                unified.patch.push_str("\n\\ No newline at end of file\n");
            }
        }
    }
    Ok(unified)
}

/// Lines that come and go.
fn counted(patch: &Patch<'_, str>) -> (usize, usize) {
    let lines = || patch.hunks().iter().flat_map(|hunk| hunk.lines());
    let added = lines().filter(|line| matches!(line, Line::Insert(_))).count();
    (added, lines().filter(|line| matches!(line, Line::Delete(_))).count())
}

/// One file of a patch. A name is empty where there is no file, and where the patch names none.
struct File<'a> {
    before: String,
    after: String,
    /// None, for what is no text.
    patch: Option<Patch<'a, str>>,
}

fn read(text: &str) -> Result<Vec<File<'_>>, Error> {
    let wrong = |why: String| Error::invalid_input(format!("/patch: {why}"));
    let begins = |sign: &str| text.lines().any(|line| line.starts_with(sign));
    if !begins("@@ ") && !begins("diff --git ") {
        let message =
            "/patch has no changes; write a unified diff, with `@@ -1,2 +1,3 @@` before each";
        return Err(Error::invalid_input(message));
    }
    let headed = text.lines().take_while(|line| !line.starts_with("@@ "));
    if !headed.clone().any(|line| line.starts_with("--- ") || line.starts_with("diff --git ")) {
        let patch = Patch::from_str(text).map_err(|e| wrong(e.to_string()))?;
        return Ok(vec![File { before: String::new(), after: String::new(), patch: Some(patch) }]);
    }
    let options = match begins("diff --git ") {
        true => ParseOptions::gitdiff(),
        false => ParseOptions::unidiff(),
    };
    let files = PatchSet::parse(text, options).map(|file| {
        let file = file.map_err(|e| wrong(e.to_string()))?;
        let (before, after) = names(file.operation());
        let patch = match file.into_patch() {
            PatchKind::Text(patch) => Some(patch),
            PatchKind::Binary(_) => None,
        };
        Ok(File { before, after, patch })
    });
    files.collect()
}

/// Names before and after, without what git writes before them.
fn names(operation: &FileOperation<'_, str>) -> (String, String) {
    let plain = |name: &str| {
        name.strip_prefix("a/").or_else(|| name.strip_prefix("b/")).unwrap_or(name).to_owned()
    };
    match operation {
        FileOperation::Delete(name) => (plain(name), String::new()),
        FileOperation::Create(name) => (String::new(), plain(name)),
        FileOperation::Modify { original: from, modified: to }
        | FileOperation::Rename { from, to }
        | FileOperation::Copy { from, to } => (plain(from), plain(to)),
    }
}

/// See the tool.
pub(crate) fn parse(text: &str) -> Result<Changes, Error> {
    let shown = |line: &Line<'_, str>| {
        let (sign, line) = match line {
            Line::Context(line) => (' ', line),
            Line::Delete(line) => ('-', line),
            Line::Insert(line) => ('+', line),
        };
        format!("{sign}{}", line.trim_end_matches(['\r', '\n']))
    };
    let files = read(text)?.into_iter().map(|file| {
        let (added, removed) = file.patch.as_ref().map_or((0, 0), counted);
        let hunks = file.patch.iter().flat_map(|patch| patch.hunks()).map(|hunk| Hunk {
            before_line: hunk.old_range().start(),
            after_line: hunk.new_range().start(),
            lines: hunk.lines().iter().map(shown).collect(),
        });
        let (hunks, binary) = (hunks.collect(), file.patch.is_none());
        FileChange { before: file.before, after: file.after, binary, added, removed, hunks }
    });
    Ok(Changes { files: files.collect() })
}

/// See the tool.
pub(crate) fn apply(input: &Application) -> Result<Applied, Error> {
    // Windows ends lines in two characters. A patch that was made elsewhere fits to such a text all the same.
    let windows = !input.patch.contains("\r\n") && all_windows(&input.text);
    let text: Cow<'_, str> = match windows {
        true => input.text.replace("\r\n", "\n").into(),
        false => input.text.as_str().into(),
    };
    let files = read(&input.patch)?;
    let chosen = choose(&files, input.file.as_deref())?;
    let Some(patch) = &chosen.patch else {
        return Err(Error::invalid_input("/patch changes a file that is no text"));
    };
    let patch = if input.reverse { patch.reverse() } else { patch.clone() };
    let hunks = patch.hunks().len();
    placed(&text, &patch)?;
    let changed = diffy::apply(&text, &patch).map_err(|error| unfit(&text, &patch, &error))?;
    let text = if windows { changed.replace('\n', "\r\n") } else { changed };
    Ok(Applied { text, hunks })
}

/// Refuses parts without lines around a change that fit in several places: the library would take a place near the one
/// that is named.
fn placed(text: &str, patch: &Patch<'_, str>) -> Result<(), Error> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for (number, hunk) in (1..).zip(patch.hunks()) {
        let going = hunk.lines().iter().filter_map(|line| match line {
            Line::Delete(line) => Some(*line),
            _ => None,
        });
        let going: Vec<&str> = going.collect();
        let places = match going.len() {
            _ if hunk.lines().iter().any(|line| matches!(line, Line::Context(_))) => 1,
            // Into an empty text, or anywhere.
            0 => lines.len() + 1,
            length => lines.windows(length).filter(|window| *window == going).count(),
        };
        if places > 1 {
            let message = format!(
                "part {number} of {} of the patch has no lines around its change, and fits in {places} places; make the \
                 patch with lines around it, as `diff -U3` does",
                patch.hunks().len()
            );
            return Err(Error::invalid_input(message).with_detail(json!({ "hunk": number })));
        }
    }
    Ok(())
}

/// Whether a text has lines, and each ends as Windows ends them.
fn all_windows(text: &str) -> bool {
    let ends = text.matches('\n').count();
    ends > 0 && text.matches("\r\n").count() == ends
}

fn choose<'f, 'a>(files: &'f [File<'a>], name: Option<&str>) -> Result<&'f File<'a>, Error> {
    let Some(name) = name else {
        if let [file] = files {
            return Ok(file);
        }
        let names = files.iter().take(NAMED).map(|file| match file.after.is_empty() {
            true => format!("`{}`", file.before),
            false => format!("`{}`", file.after),
        });
        let names = names.collect::<Vec<_>>().join(", ");
        let message = format!("/patch changes {} files; name one in `file`: {names}", files.len());
        return Err(Error::invalid_input(message));
    };
    let plain = name.strip_prefix("a/").or_else(|| name.strip_prefix("b/")).unwrap_or(name);
    let is = |each: &&File<'_>| [name, plain].iter().any(|n| each.before == *n || each.after == *n);
    let mut found = files.iter().filter(is);
    match (found.next(), found.next()) {
        (Some(file), None) => Ok(file),
        (one, _) => {
            let often = if one.is_none() { "not at all" } else { "more than once" };
            Err(Error::invalid_input(format!("/file: the patch changes `{name}` {often}")))
        }
    }
}

/// Why a patch does not fit: the first part that cannot be applied behind those before it.
fn unfit(text: &str, patch: &Patch<'_, str>, error: &ApplyError) -> Error {
    let hunks = patch.hunks();
    // The library says the number in a sentence alone.
    let said = error.to_string();
    let number = said.rsplit('#').next().and_then(|n| n.parse::<usize>().ok()).unwrap_or(1);
    let hunk = &hunks[number.clamp(1, hunks.len()) - 1];
    let there = |line: &&Line<'_, str>| match line {
        Line::Insert(_) => false,
        Line::Context(line) | Line::Delete(line) => !text.contains(*line),
    };
    let line = hunk.old_range().start();
    let missing = hunk.lines().iter().find(there).map(|line| match line {
        Line::Context(line) | Line::Delete(line) | Line::Insert(line) => {
            let shown: String = line.trim_end().chars().take(SHOWN).collect();
            format!("its line `{shown}` is not in the text")
        }
    });
    let why = missing.unwrap_or("its lines do not stand together in the text".into());
    let message = format!(
        "part {number} of {} of the patch, at line {line}, does not fit: {why}; nothing was changed",
        hunks.len()
    );
    Error::invalid_input(message).with_detail(json!({ "hunk": number, "line": line }))
}

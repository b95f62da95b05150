//! Two changes of one text, merged by lines.

use std::ops::Range;

use cleargate::Error;
use similar::{MergeResolution, TextMerge};

use crate::{Conflict, Merged, Three, named};

/// See the tool.
pub(crate) fn merge(input: &Three) -> Result<Merged, Error> {
    let our_name = named("our_name", input.our_name.as_deref(), "ours")?;
    let their_name = named("their_name", input.their_name.as_deref(), "theirs")?;
    let found =
        TextMerge::from_lines(input.base.as_str(), input.ours.as_str(), input.theirs.as_str());
    let base = |lines: Range<usize>| -> String {
        lines.filter_map(|line| found.base_line(line)).collect()
    };
    let ours = |lines: Range<usize>| -> String {
        lines.filter_map(|line| found.ours_line(line)).collect()
    };
    let theirs = |lines: Range<usize>| -> String {
        lines.filter_map(|line| found.theirs_line(line)).collect()
    };
    // The text is put together here: so each conflict is told with its place, and what looks like a mark is text.
    let mut merged = Merged { text: String::new(), clean: true, conflicts: Vec::new() };
    let mut line = 1;
    for region in found.regions() {
        let part = match region.resolution() {
            MergeResolution::Theirs => theirs(region.theirs_range()),
            MergeResolution::Conflict => {
                let conflict = Conflict {
                    line: line + usize::from(!ended(&merged.text)),
                    base: base(region.base_range()),
                    ours: ours(region.ours_range()),
                    theirs: theirs(region.theirs_range()),
                };
                let mut part = String::new();
                close(&mut part, &merged.text);
                mark(&mut part, '<', our_name, &conflict.ours);
                if input.show_base {
                    mark(&mut part, '|', "base", &conflict.base);
                }
                mark(&mut part, '=', "", &conflict.theirs);
                mark(&mut part, '>', their_name, "");
                merged.conflicts.push(conflict);
                part
            }
            _ => ours(region.ours_range()),
        };
        line += part.matches('\n').count();
        merged.text.push_str(&part);
    }
    merged.clean = merged.conflicts.is_empty();
    Ok(merged)
}

/// Whether what comes next begins a line.
fn ended(text: &str) -> bool {
    text.is_empty() || text.ends_with('\n')
}

fn close(text: &mut String, before: &str) {
    if !ended(before) {
        text.push('\n');
    }
}

/// A mark as git writes it, and the lines behind it. The next one begins a line of its own, also behind a last line
/// without an end.
fn mark(text: &mut String, sign: char, name: &str, lines: &str) {
    let signs = sign.to_string().repeat(7);
    text.push_str(format!("{signs} {name}").trim_end());
    text.push('\n');
    text.push_str(lines);
    close(text, lines);
}

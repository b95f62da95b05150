//! What a table of rules leaves out, and where its rows contend: found by looking at one value for each stretch of a
//! column between two bounds that some row names.

use std::collections::BTreeSet;

use super::Checker;
use super::draft::{Cell, DraftRow, DraftTable};
use crate::diagnostic::Finding;
use crate::types::{Kind, Type};
use crate::value::Value;

/// Steps of the search for a gap. A table that is larger than this is not searched to its end, and nothing is said.
const MAX_STEPS: usize = 100_000;

/// Values of one column that no row tells apart.
struct Class {
    value: Value,
    words: String,
}

impl Checker<'_> {
    /// Warns of rows that take the same, and of what no row takes.
    pub(super) fn lint_table(&self, table: &DraftTable, types: &[Type]) {
        let columns: Vec<Vec<Class>> = table
            .inputs
            .keys()
            .zip(types)
            .map(|(name, ty)| classes(name, ty, &table.rows))
            .collect();
        let names: Vec<&str> = table.inputs.keys().map(String::as_str).collect();
        let rows: Vec<&DraftRow> = table.rows.iter().filter(|row| !row.cells.is_empty()).collect();
        for (at, row) in rows.iter().enumerate() {
            let earlier = rows[..at].iter().enumerate();
            let mut met =
                earlier.filter_map(|(n, other)| Some((n, common(other, row, &names, &columns)?)));
            if let Some((first, common)) = met.next() {
                let message = format!(
                    "rows {} and {} both take {common}; the first one wins",
                    first + 1,
                    at + 1
                );
                let help = "narrow one of them, or order them on purpose and leave it";
                self.find(Finding::warning("CG0323", row.span, message).help(help));
            }
        }
        if rows.len() == table.rows.len() {
            let mut steps = 0;
            if let Some(gap) = gap(&rows, &names, &columns, &mut steps) {
                let gap = if gap.is_empty() { "anything".to_owned() } else { gap.join(", ") };
                let message = format!("no row takes {gap}");
                let help = "add a row, or `{ else: … }` as the last one";
                self.find(Finding::warning("CG0324", table.span, message).help(help));
            }
        }
    }
}

/// What two rows both take.
fn common(a: &DraftRow, b: &DraftRow, names: &[&str], columns: &[Vec<Class>]) -> Option<String> {
    let mut words = Vec::new();
    for (name, classes) in names.iter().zip(columns) {
        let both = classes.iter().find(|class| takes(a, name, class) && takes(b, name, class))?;
        words.push(both.words.clone());
    }
    Some(words.join(", "))
}

fn takes(row: &DraftRow, column: &str, class: &Class) -> bool {
    row.cells.get(column).is_none_or(|cell| cell.takes(&class.value))
}

/// The first combination that no row takes, as words.
fn gap(
    rows: &[&DraftRow],
    names: &[&str],
    columns: &[Vec<Class>],
    steps: &mut usize,
) -> Option<Vec<String>> {
    *steps += 1;
    let (Some((name, names)), Some((classes, columns))) =
        (names.split_first(), columns.split_first())
    else {
        return rows.is_empty().then(Vec::new);
    };
    if rows.is_empty() {
        return Some(Vec::new());
    }
    for class in classes {
        if *steps > MAX_STEPS {
            return None;
        }
        let left: Vec<&DraftRow> =
            rows.iter().copied().filter(|row| takes(row, name, class)).collect();
        if let Some(mut rest) = gap(&left, names, columns, steps) {
            rest.insert(0, class.words.clone());
            return Some(rest);
        }
    }
    None
}

/// One value for each stretch of a column.
fn classes(name: &str, ty: &Type, rows: &[DraftRow]) -> Vec<Class> {
    let cells: Vec<&Cell> = rows.iter().filter_map(|row| row.cells.get(name)).collect();
    let is = |value: Value| Class { words: format!("{name} = {}", value.to_json()), value };
    let named = || {
        cells.iter().flat_map(|cell| match cell {
            Cell::Values(values) => values.as_slice(),
            Cell::Range(..) => &[],
        })
    };
    let ranges = cells.iter().any(|cell| matches!(cell, Cell::Range(..)));
    match &ty.kind {
        Kind::Bool => [true, false].map(|b| is(b.into())).into(),
        Kind::Enum(cases) => cases.iter().map(|case| is(case.as_str().into())).collect(),
        Kind::Int | Kind::Float => numbers(name, &cells, ty.kind == Kind::Int),
        Kind::Any | Kind::Json if ranges => numbers(name, &cells, false),
        _ => {
            let texts: BTreeSet<String> = named().map(Value::to_json).collect();
            let known = named().filter(|value| texts.contains(&value.to_json())).cloned();
            let mut all: Vec<Class> = Vec::new();
            for value in known {
                if !all.iter().any(|class| class.value == value) {
                    all.push(is(value));
                }
            }
            // No value that somebody writes has this text.
            let other = Value::from("\u{0}");
            all.push(Class { value: other, words: format!("any other {name}") });
            all
        }
    }
}

/// Points that some row names, and the stretches between them.
fn numbers(name: &str, cells: &[&Cell], whole: bool) -> Vec<Class> {
    let mut points: Vec<f64> = Vec::new();
    for cell in cells {
        match cell {
            Cell::Values(values) => points.extend(values.iter().filter_map(|value| match value {
                Value::Int(n) => Some(*n as f64),
                Value::Float(x) => Some(*x),
                _ => None,
            })),
            Cell::Range(low, high) => {
                points.extend(low.iter().chain(high).map(|(bound, _)| *bound));
            }
        }
    }
    points.sort_by(f64::total_cmp);
    points.dedup();
    let class = |value: f64, words: String| Class { value: Value::Float(value), words };
    let Some((first, last)) = points.first().zip(points.last()) else {
        return vec![class(0.0, format!("any {name}"))];
    };
    let mut all = vec![class(first - 1.0, format!("{name} < {first}"))];
    for (at, point) in points.iter().enumerate() {
        all.push(class(*point, format!("{name} = {point}")));
        if let Some(next) = points.get(at + 1)
            && !(whole && next - point <= 1.0)
        {
            let middle = if whole { point + 1.0 } else { f64::midpoint(*point, *next) };
            all.push(class(middle, format!("{name} between {point} and {next}")));
        }
    }
    all.push(class(last + 1.0, format!("{name} > {last}")));
    all
}

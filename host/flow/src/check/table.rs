//! What a table of rules leaves out, and where its rows contend: found by looking at one value for each stretch of a
//! column between two bounds that some row names.

use std::cell::Cell;
use std::collections::HashSet;

use super::Checker;
use super::draft::{Cell as Cells, DraftRow, DraftTable};
use crate::diagnostic::Finding;
use crate::types::{Kind, Type};
use crate::value::Value;

/// Comparisons of a cell with a value that one table is worth. A table that would take more is not searched to its end,
/// and nothing is said of the rest.
const MAX_STEPS: usize = 300_000;

/// Values of one column that no row tells apart.
struct Class {
    value: Value,
    words: String,
}

/// A table while it is searched.
struct Search<'t> {
    names: Vec<&'t str>,
    columns: Vec<Vec<Class>>,
    /// Those with cells.
    rows: Vec<&'t DraftRow>,
    left: Cell<usize>,
}

impl Checker<'_> {
    /// Warns of rows that take the same, and of what no row takes.
    pub(super) fn lint_table(&self, table: &DraftTable, types: &[Type]) {
        let typed = table.inputs.keys().zip(types);
        let search = Search {
            names: table.inputs.keys().map(String::as_str).collect(),
            columns: typed.map(|(name, ty)| classes(name, ty, &table.rows)).collect(),
            rows: table.rows.iter().filter(|row| !row.cells.is_empty()).collect(),
            left: Cell::new(MAX_STEPS),
        };
        if search.rows.len() == table.rows.len()
            && let Some(gap) = search.gap(&search.rows, 0)
        {
            let gap = if gap.is_empty() { "anything".to_owned() } else { gap.join(", ") };
            let message = format!("no row takes {gap}");
            let help = "add a row, or `{ else: … }` as the last one";
            self.find(Finding::warning("CG0324", table.span, message).help(help));
        }
        for (at, row) in search.rows.iter().enumerate().take_while(|_| search.left.get() > 0) {
            let earlier = search.rows[..at].iter().enumerate();
            let earlier = earlier.take_while(|_| search.left.get() > 0);
            let mut met = earlier.filter_map(|(n, other)| Some((n, search.common(other, row)?)));
            if let Some((first, common)) = met.next() {
                let (first, second) = (first + 1, at + 1);
                let message =
                    format!("rows {first} and {second} both take {common}; the first one wins");
                let help = "narrow one of them, or order them on purpose and leave it";
                self.find(Finding::warning("CG0323", row.span, message).help(help));
            }
        }
    }
}

impl Search<'_> {
    /// What two rows both take.
    fn common(&self, a: &DraftRow, b: &DraftRow) -> Option<String> {
        let mut words = Vec::new();
        for (name, classes) in self.names.iter().zip(&self.columns) {
            let both = |class: &&Class| self.takes(a, name, class) && self.takes(b, name, class);
            words.push(classes.iter().find(both)?.words.clone());
        }
        (self.left.get() > 0).then(|| words.join(", "))
    }

    /// Whether a row takes a value; nothing is taken any more once the steps are used up.
    fn takes(&self, row: &DraftRow, column: &str, class: &Class) -> bool {
        let cell = row.cells.get(column);
        let left = self.left.get().saturating_sub(cell.map_or(1, Cells::cost));
        self.left.set(left);
        left > 0 && cell.is_none_or(|cell| cell.takes(&class.value))
    }

    /// The first combination from this column on that no row takes, as words.
    fn gap(&self, rows: &[&DraftRow], column: usize) -> Option<Vec<String>> {
        let (Some(name), Some(classes)) = (self.names.get(column), self.columns.get(column)) else {
            return rows.is_empty().then(Vec::new);
        };
        if rows.is_empty() {
            return Some(Vec::new());
        }
        let free =
            |row: &&DraftRow| !self.names[column..].iter().any(|n| row.cells.contains_key(*n));
        if rows.iter().any(free) {
            return None;
        }
        for class in classes {
            let takes = |row: &&DraftRow| self.takes(row, name, class);
            let left: Vec<&DraftRow> = rows.iter().copied().filter(takes).collect();
            if self.left.get() == 0 {
                return None;
            }
            if let Some(mut rest) = self.gap(&left, column + 1) {
                rest.insert(0, class.words.clone());
                return Some(rest);
            }
        }
        None
    }
}

/// One value for each stretch of a column.
fn classes(name: &str, ty: &Type, rows: &[DraftRow]) -> Vec<Class> {
    let cells: Vec<&Cells> = rows.iter().filter_map(|row| row.cells.get(name)).collect();
    let is = |value: Value| Class { words: format!("{name} = {}", value.to_json()), value };
    let named = || {
        cells.iter().flat_map(|cell| match cell {
            Cells::Values(values) => values.as_slice(),
            Cells::Range(..) => &[],
        })
    };
    let ranges = cells.iter().any(|cell| matches!(cell, Cells::Range(..)));
    match &ty.kind {
        Kind::Bool => [true, false].map(|b| is(b.into())).into(),
        Kind::Enum(cases) => cases.iter().map(|case| is(case.as_str().into())).collect(),
        Kind::Int | Kind::Float => numbers(name, &cells, ty.kind == Kind::Int),
        Kind::Any | Kind::Json if ranges => numbers(name, &cells, false),
        _ => {
            let mut seen = HashSet::new();
            let fresh = named().filter(|value| seen.insert(value.to_json()));
            let mut all: Vec<Class> = fresh.map(|value| is(value.clone())).collect();
            // No value that somebody writes has this text.
            let other = Value::from("\u{0}");
            all.push(Class { value: other, words: format!("any other {name}") });
            all
        }
    }
}

/// Points that some row names, and the stretches between them.
fn numbers(name: &str, cells: &[&Cells], whole: bool) -> Vec<Class> {
    let mut points: Vec<f64> = Vec::new();
    for cell in cells {
        match cell {
            Cells::Values(values) => points.extend(values.iter().filter_map(|value| match value {
                Value::Int(n) => Some(*n as f64),
                Value::Float(x) => Some(*x),
                _ => None,
            })),
            Cells::Range(low, high) => {
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

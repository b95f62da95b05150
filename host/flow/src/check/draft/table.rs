//! `switch: { weighted: […] }` and `switch: { table: … }` as written. A row of a table becomes the condition of an
//! ordinary case: what runs knows of no tables.

use indexmap::IndexMap;

use super::super::site::Site;
use super::super::{Around, Checker, keys};
use super::blocks::DraftCase;
use super::{DraftKind, DraftSwitch, RESERVED};
use crate::address::NodeId;
use crate::diagnostic::{Finding, Span};
use crate::document::{Data, Entry, Node};
use crate::expr::Expr;
use crate::value::Value;

/// Rows of a table: each is held against each other.
pub const MAX_ROWS: usize = 500;

/// Times that a case is taken, in proportion to the others.
const MAX_WEIGHT: u32 = 1_000_000;

/// A table of rules, for who looks for gaps in it.
#[derive(Debug)]
pub(in super::super) struct DraftTable {
    pub(in super::super) span: Span,
    pub(in super::super) inputs: IndexMap<String, Site>,
    pub(in super::super) rows: Vec<DraftRow>,
}

/// One row: what it takes in each column. One without cells is `else`.
#[derive(Debug)]
pub(in super::super) struct DraftRow {
    pub(in super::super) span: Span,
    pub(in super::super) cells: IndexMap<String, Cell>,
}

/// What a row takes in a column.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) enum Cell {
    /// One of these values.
    Values(Vec<Value>),
    /// Numbers from the first bound to the second; the flags say whether the bound is one of them.
    Range(Option<(f64, bool)>, Option<(f64, bool)>),
}

impl Cell {
    /// `true`, `3`, `tech`, `[tech, other]`, `"< 100"`, `"100..500"`.
    fn read(node: &Node) -> Option<Self> {
        match &node.data {
            Data::List(items) if !items.is_empty() => {
                let values: Option<Vec<Value>> = items.iter().map(scalar).collect();
                values.map(Self::Values)
            }
            Data::Scalar(Value::String(text)) => {
                Some(range(text).unwrap_or_else(|| Self::Values(vec![text.clone().into()])))
            }
            _ => scalar(node).map(|value| Self::Values(vec![value])),
        }
    }

    /// Whether a value is in it.
    pub(in super::super) fn takes(&self, value: &Value) -> bool {
        let number = |value: &Value| match value {
            Value::Int(n) => Some(*n as f64),
            Value::Float(x) => Some(*x),
            _ => None,
        };
        match self {
            Self::Values(values) => values.iter().any(|own| match (number(own), number(value)) {
                (Some(own), Some(value)) => own == value,
                _ => own == value,
            }),
            Self::Range(low, high) => number(value).is_some_and(|x| {
                low.is_none_or(|(low, with)| x > low || (with && x == low))
                    && high.is_none_or(|(high, with)| x < high || (with && x == high))
            }),
        }
    }

    /// How much it costs to hold a value against it.
    pub(in super::super) fn cost(&self) -> usize {
        match self {
            Self::Values(values) => values.len(),
            Self::Range(..) => 1,
        }
    }

    /// The condition on `input`.
    fn condition(&self, input: &str) -> String {
        match self {
            Self::Values(values) if values.len() == 1 => {
                format!("({input}) == {}", values[0].to_json())
            }
            Self::Values(values) => {
                format!("({input}) in {}", Value::list(values.clone()).to_json())
            }
            Self::Range(low, high) => {
                let sides = [(low, ">"), (high, "<")].into_iter().filter_map(|(bound, sign)| {
                    let (bound, with) = (*bound)?;
                    Some(format!("({input}) {sign}{} {bound}", if with { "=" } else { "" }))
                });
                sides.collect::<Vec<_>>().join(" && ")
            }
        }
    }
}

fn scalar(node: &Node) -> Option<Value> {
    match &node.data {
        Data::Scalar(value) if !value.is_null() => Some(value.clone()),
        _ => None,
    }
}

/// `< 5`, `<= 5`, `> 5`, `>= 5`, or `5..10`: from 5 up to 10, which is not in it.
fn range(text: &str) -> Option<Cell> {
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|x| x.is_finite());
    for (sign, with) in [("<=", true), ("<", false)] {
        if let Some(rest) = text.strip_prefix(sign) {
            return Some(Cell::Range(None, Some((number(rest)?, with))));
        }
    }
    for (sign, with) in [(">=", true), (">", false)] {
        if let Some(rest) = text.strip_prefix(sign) {
            return Some(Cell::Range(Some((number(rest)?, with)), None));
        }
    }
    let (low, high) = text.split_once("..")?;
    Some(Cell::Range(Some((number(low)?, true)), Some((number(high)?, false))))
}

impl Checker<'_> {
    /// `switch: { weighted: […] }` or `switch: { table: { inputs: …, rows: […] } }`.
    pub(super) fn switch_by(&self, form: &Node, around: &Around<'_>) -> DraftKind {
        self.keys(form, keys::SWITCH_FORMS, &[], "`switch`");
        let get = |key: &str| form.get(key).map(|entry| &entry.value);
        match (get("weighted"), get("table")) {
            (Some(cases), None) => self.weighted(cases, around),
            (None, Some(table)) => self.table(table, around),
            _ => {
                let message = "a `switch` is a list of cases, or has one of `weighted`, `table`";
                let help = "write `switch: [ { when: …, to: … }, { else: … } ]`";
                self.find(Finding::error("CG0310", form.span, message).help(help));
                DraftKind::Broken
            }
        }
    }

    fn weighted(&self, cases: &Node, around: &Around<'_>) -> DraftKind {
        let Data::List(items) = &cases.data else {
            self.shape(cases, "a list of cases: `- { weight: 3, to: a }`");
            return DraftKind::Broken;
        };
        if items.len() < 2 {
            let message = "chance decides between at least two cases";
            self.find(Finding::error("CG0310", cases.span, message));
        }
        let case = |item: &Node| {
            self.map(item, "a case: `{ weight: 3, to: a }`");
            self.keys(item, keys::WEIGHTED, &[], "a case");
            let weight = item.get("weight").and_then(|n| self.whole(&n.value, 1..=MAX_WEIGHT));
            if item.get("weight").is_none() {
                let finding = Finding::error("CG0102", item.span, "a case needs the key `weight`");
                self.find(finding.help("how often, beside the others: `weight: 3`"));
            }
            let (to, body) = self.leads(item, None, around);
            DraftCase { when: None, weight: Some(weight.unwrap_or(1)), to, body }
        };
        let cases = items.iter().map(case).collect();
        DraftKind::Switch(DraftSwitch { cases, table: None })
    }

    fn table(&self, table: &Node, around: &Around<'_>) -> DraftKind {
        self.map(table, "a table: `{ inputs: { … }, rows: [ … ] }`");
        self.keys(table, keys::TABLE, &[], "a table");
        let inputs =
            table.get("inputs").map(|entry| self.columns(&entry.value)).unwrap_or_default();
        let rows = table.get("rows").map(|entry| &entry.value);
        let Some(Node { data: Data::List(rows), .. }) = rows else {
            let help = "write `rows: [ { amount: \"< 100\", to: cheap }, { else: dear } ]`";
            self.find(
                Finding::error("CG0102", table.span, "a table needs the list `rows`").help(help),
            );
            return DraftKind::Broken;
        };
        if inputs.is_empty() || rows.is_empty() || rows.len() > MAX_ROWS {
            let message = format!("a table has `inputs`, and 1 to {MAX_ROWS} rows");
            self.find(Finding::error("CG0310", table.span, message));
            return DraftKind::Broken;
        }
        let mut draft = DraftTable { span: table.span, inputs, rows: Vec::new() };
        let last = rows.len() - 1;
        let cases = rows.iter().enumerate();
        let cases = cases.map(|(at, row)| self.row(row, at == last, &mut draft, around)).collect();
        DraftKind::Switch(DraftSwitch { cases, table: Some(draft) })
    }

    fn columns(&self, node: &Node) -> IndexMap<String, Site> {
        let entries = self.map(node, "a map of columns to what is looked at").iter();
        let column = |entry: &Entry| {
            let name = entry.key.to_string();
            if let Err(error) = name.parse::<NodeId>() {
                self.find(Finding::error("CG0105", entry.key_span, error.to_string()));
            }
            if keys::ROW.contains(&&*name) || RESERVED.contains(&&*name) {
                let message = format!("a row has the key `{name}` already");
                self.find(Finding::error("CG0311", entry.key_span, message));
            }
            Some((name, self.bare(&entry.value)?))
        };
        entries.filter_map(column).collect()
    }

    /// `{ column: cell, …, to: … }`, or `{ else: … }` at the end.
    fn row(
        &self,
        row: &Node,
        last: bool,
        table: &mut DraftTable,
        around: &Around<'_>,
    ) -> DraftCase {
        self.map(row, "a row: `{ column: value, to: node }`");
        let columns: Vec<&str> = table.inputs.keys().map(String::as_str).collect();
        self.keys(row, &[keys::ROW, &columns].concat(), &[], "a row");
        let broken = |message: &str| self.find(Finding::error("CG0310", row.span, message));
        let mut cells = IndexMap::new();
        for entry in row.entries().iter().filter(|entry| columns.contains(&&*entry.key)) {
            match Cell::read(&entry.value) {
                Some(cell) => drop(cells.insert(entry.key.to_string(), cell)),
                None => self.shape(
                    &entry.value,
                    "a value, a list of values, or a range such as `\"< 100\"`",
                ),
            }
        }
        let otherwise = row.get("else").map(|entry| &entry.value);
        if otherwise.is_some() != cells.is_empty() {
            broken("a row has cells, or is `else`");
        }
        if otherwise.is_some() && !last {
            broken("`else` must be the last row: rows behind it are never taken");
        }
        let conditions = cells.iter().filter_map(|(column, cell)| {
            Some(cell.condition(table.inputs.get(column)?.expr.source()))
        });
        let condition = conditions.collect::<Vec<_>>().join(" && ");
        let when = match Expr::parse(&condition) {
            _ if cells.is_empty() => None,
            Ok(expr) => Some(Site::hidden(expr, row.span)),
            Err(error) => {
                self.find(Finding::error("CG0205", row.span, error.message));
                None
            }
        };
        let (to, body) = self.leads(row, otherwise, around);
        table.rows.push(DraftRow { span: row.span, cells });
        DraftCase { when, weight: None, to, body }
    }
}

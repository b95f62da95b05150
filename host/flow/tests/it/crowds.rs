//! FL-07: files in which thousands of mistakes meet thousands of names. Counted is the work, not the time: how often somebody
//! lists names, how much is said.

use std::cell::Cell;
use std::collections::BTreeMap;

use cleargate_flow::check::{Checked, check};
use cleargate_flow::diagnostic::{Hints, MAX_COMPARED, MAX_OF_A_CODE};
use cleargate_flow::expr::{Expr, TypeNames};
use cleargate_flow::signature::{Signature, Signatures};
use cleargate_flow::types::Type;

use crate::sample::Sample;

/// Mistakes and names of each file.
const MANY: usize = 2_000;

/// Bytes of everything that is said about a file: a screen for each code.
const MAX_SAID: usize = 64 * 1024;

fn lines(form: impl Fn(usize) -> String) -> String {
    (0..MANY).map(form).collect()
}

/// Files with the code of their mistakes.
fn crowds() -> Vec<(&'static str, String)> {
    let node =
        |i: usize, text: &str| format!("  n{i}: {{ type: upper, with: {{ text: {text} }} }}\n");
    let ports = lines(|i| format!("  p{i}: string\n"));
    let cases = lines(|i| format!("c{i}, "));
    let flow =
        |input: &str, nodes: &str| format!("cleargate: 1\nflow: f\ninput:\n{input}nodes:\n{nodes}");
    let text = |of: &str| format!("  a: {{ type: template, text: \"{of}\" }}\n");
    vec![
        ("CG0201", flow(&ports, &lines(|i| node(i, &format!("\"${{zz{i}.text}}\""))))),
        ("CG0201", flow(&ports, &text(&lines(|i| format!("${{zz{i}}}"))))),
        ("CG0202", flow(&ports, &lines(|i| node(i, &format!("\"${{input.zz{i}}}\""))))),
        ("CG0203", flow(&ports, &lines(|i| node(i, "\"${input - 1}\"")))),
        (
            "CG0203",
            flow(&format!("  p: \"enum({cases}z)\"\n"), &lines(|i| node(i, "\"${-input.p}\""))),
        ),
        ("CG0206", flow(&ports, &lines(|i| node(i, "\"${input}\"")))),
        ("CG0301", flow(&ports, &lines(|i| format!("  n{i}: {{ type: upp{i} }}\n")))),
        (
            "CG0304",
            flow(
                &ports,
                &lines(|i| format!("  n{i}: {{ type: template, after: n{} }}\n", (i + 1) % MANY)),
            ),
        ),
        (
            "CG0305",
            flow(&ports, &lines(|i| format!("  n{i}: {{ type: template, after: zz{i} }}\n"))),
        ),
    ]
}

/// Counts how often somebody wants all node types.
#[derive(Default)]
struct Counting(Cell<usize>);

impl Signatures for Counting {
    fn find(&self, name: &str) -> Result<Option<Signature>, String> {
        Sample.find(name)
    }

    fn names(&self) -> Vec<String> {
        self.0.set(self.0.get() + 1);
        (0..MANY).map(|i| format!("type{i}")).collect()
    }
}

#[test]
fn a_crowd_of_mistakes_is_told_in_short() {
    for (code, text) in crowds() {
        let counting = Counting::default();
        let Checked { graph, findings } = check(&text, "flow.yaml", &counting);
        assert!(graph.is_none() && findings.iter().any(|found| found.code == code), "{code}");
        assert!(counting.0.get() <= MAX_COMPARED / MANY + 1, "{code}: {}", counting.0.get());
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        findings.iter().for_each(|found| *counts.entry(found.code).or_default() += 1);
        assert!(counts.values().all(|count| *count <= MAX_OF_A_CODE + 1), "{counts:?}");
        let said = |found: &cleargate_flow::diagnostic::Finding| {
            let second = found.second.as_ref().map_or(0, |(_, label)| label.len());
            found.message.len() + second + found.help.as_ref().map_or(0, String::len)
        };
        assert!(findings.iter().map(said).sum::<usize>() <= MAX_SAID, "{code}");
        // Who mends a hundred and finds a hundred more was told so.
        if code != "CG0304" {
            let rest = format!("… and {} more", MANY - MAX_OF_A_CODE);
            assert!(findings.iter().any(|found| found.message.starts_with(&rest)), "{code}");
        }
    }
}

/// Names that count how often somebody wants them all.
struct Listed {
    hints: Hints,
    lists: Cell<usize>,
}

impl TypeNames for Listed {
    fn get(&self, _: &str) -> Option<&Type> {
        None
    }

    fn all(&self) -> Vec<String> {
        self.lists.set(self.lists.get() + 1);
        (0..MANY).map(|i| format!("name{i}")).collect()
    }

    fn hints(&self) -> &Hints {
        &self.hints
    }
}

#[test]
fn names_are_listed_until_enough_were_compared() {
    let unknown = lines(|i| format!("nam{i},"));
    let expr = Expr::parse(&format!("[{unknown}1]")).expect("an expression");
    let names = Listed { hints: Hints::default(), lists: Cell::new(0) };
    let problems = expr.infer(&names).problems;
    assert_eq!(problems.len(), MANY);
    assert_eq!(problems[0].help.as_deref(), Some("did you mean `name0`?"));
    assert_eq!(problems.last().and_then(|problem| problem.help.as_deref()), None);
    assert_eq!(names.lists.get(), MAX_COMPARED / MANY);
    assert!(names.hints.spent());
}

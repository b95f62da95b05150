//! CG035x: values that are kept for other runs.

use super::Page;

pub(super) const PAGES: &[Page] = &[
    Page {
        code: "CG0350",
        title: "An asset that cannot be told apart from another",
        text: "`asset:` keeps the value of a step for the runs that follow, under the name of the flow and of the step, or of \
               `name:`. Two steps of one name would take each other's place. So would the items of a `map` and the iterations \
               of a `loop`: there `key:` says which part of the asset a value is. In the body of a `map` that has a `key:` of \
               its own, that one is taken. What undoes a step, and what finds out whether it happened, gives no asset.",
        failing: r#"cleargate: 1
flow: f
input: { days: list<string> }
nodes:
  a:
    map: ${input.days}
    as: day
    do: { report: { type: upper, with: { text: "${day}" }, asset: {} } }
    out: ${report.text}
"#,
        mended: r#"cleargate: 1
flow: f
input: { days: list<string> }
nodes:
  a:
    map: ${input.days}
    as: day
    key: ${day}
    do: { report: { type: upper, with: { text: "${day}" }, asset: {} } }
    out: ${report.text}
"#,
    },
    Page {
        code: "CG0351",
        title: "An asset of a step whose value is not kept",
        text: "An asset is made again when something of what it is made of has changed: its inputs, its keys, the plugin. What a \
               step reads from the world is none of these, so such a step says for how long its value is right, with `fresh:`. A \
               step that changes the world each time, `once` or `compensable`, cannot be left out because its value is known.",
        failing: r#"cleargate: 1
flow: f
nodes:
  a: { type: upper, effect: read, with: { text: hi }, asset: {} }
"#,
        mended: r#"cleargate: 1
flow: f
nodes:
  a: { type: upper, effect: read, with: { text: hi }, asset: { fresh: 1h } }
"#,
    },
];

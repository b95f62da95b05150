//! CG01: keys and plain values. What the format does not know, or knows otherwise.

use super::Page;

pub(super) const PAGES: &[Page] = &[
    Page {
        code: "CG0101",
        title: "A key that does not exist",
        text: "Unknown keys are errors, because a misspelt key would be ignored without a word. Keys of your own begin with `x-`.",
        failing: r#"cleargate: 1
flow: f
vresion: 1
nodes:
  a: { type: template, text: hi }
"#,
        mended: r#"cleargate: 1
flow: f
version: 1
x-team: blue
nodes:
  a: { type: template, text: hi }
"#,
    },
    Page {
        code: "CG0102",
        title: "A key is missing",
        text: "Some keys have no default, because every guess at them would be a decision that the author did not take: `cleargate` \
               says which format the file speaks, `flow` what a run is called, `nodes` what it does. A node needs `type`, \
               `switch` or `map`; a map needs `do` and `out`; a retry needs `max`, so that it ends. The finding names the \
               key and the line that mends it.",
        failing: r#"cleargate: 1
flow: f
nodes:
  a: { with: { text: hi } }
"#,
        mended: r#"cleargate: 1
flow: f
nodes:
  a: { type: upper, with: { text: hi } }
"#,
    },
    Page {
        code: "CG0103",
        title: "A part of the format that this version cannot run",
        text: "The key is reserved by the format. This version of ClearGate refuses it rather than ignoring it.",
        failing: r#"cleargate: 1
flow: f
budget: { usd: 1 }
nodes:
  a: { type: template, text: hi }
"#,
        mended: r#"cleargate: 1
flow: f
nodes:
  a: { type: template, text: hi }
"#,
    },
    Page {
        code: "CG0104",
        title: "A value of the wrong shape",
        text: "The key is right, but what stands behind it has another form than the key has: a list where names are needed, a text \
               where a map is. `nodes` is a map because the name of a node is its address in expressions, in the journal and \
               in differences between two versions; a place in a list would change with each line that is put before it.",
        failing: r#"cleargate: 1
flow: f
nodes:
  - { id: a, type: template, text: hi }
"#,
        mended: r#"cleargate: 1
flow: f
nodes:
  a: { type: template, text: hi }
"#,
    },
    Page {
        code: "CG0105",
        title: "A name that is no id",
        text: "Ids appear in expressions, paths and logs: a lower-case letter, then lower-case letters, digits and `_`, at most 64.",
        failing: r#"cleargate: 1
flow: f
nodes:
  Node-1: { type: template, text: hi }
"#,
        mended: r#"cleargate: 1
flow: f
nodes:
  node_1: { type: template, text: hi }
"#,
    },
    Page {
        code: "CG0106",
        title: "A format version that is not known",
        text: "`cleargate:` names the version of the format that the file is written in, so that a file means tomorrow what \
               it means today. Version 1 is the only one there is. A file of a later version may say things that this \
               ClearGate does not know, and reading half of it would run another flow than the author wrote: use a newer \
               ClearGate, or write the file in version 1. The number is neither the version of the program nor of your \
               flow; that one stands under `version:`.",
        failing: r#"cleargate: 2
flow: f
nodes:
  a: { type: template, text: hi }
"#,
        mended: r#"cleargate: 1
flow: f
nodes:
  a: { type: template, text: hi }
"#,
    },
    Page {
        code: "CG0107",
        title: "A value that cannot be read",
        text: "Durations are `200ms`, `30s`, `10m`, `2h`, `7d`; sizes are `64KiB`; words come from a fixed list.",
        failing: r#"cleargate: 1
flow: f
nodes:
  a: { type: template, text: hi, timeout: 10 }
"#,
        mended: r#"cleargate: 1
flow: f
nodes:
  a: { type: template, text: hi, timeout: 10s }
"#,
    },
    Page {
        code: "CG0108",
        title: "A text that is no type",
        text: "Types are `string`, `list<int>`, `record{a: int}`, `enum(a, b)`, `opt<float>` and so on.",
        failing: r#"cleargate: 1
flow: f
input: { n: integer }
nodes:
  a: { type: template, text: hi }
"#,
        mended: r#"cleargate: 1
flow: f
input: { n: int }
nodes:
  a: { type: template, text: hi }
"#,
    },
    Page {
        code: "CG0109",
        title: "A number out of its range",
        text: "Every bound of a flow has a bound of its own: how many items of a map run at once, how often is tried again, how \
               much fuel, memory and time one call gets. They keep one flow from taking what the machine has for all, and \
               what is beyond them is refused before the run, not cut down to size during it. The finding says how far the \
               value may go.",
        failing: r#"cleargate: 1
flow: f
nodes:
  m: { map: "${['a', 'b']}", concurrency: 1000, do: { u: { type: upper, with: { text: "${item}" } } }, out: "${u.text}" }
"#,
        mended: r#"cleargate: 1
flow: f
nodes:
  m: { map: "${['a', 'b']}", concurrency: 8, do: { u: { type: upper, with: { text: "${item}" } } }, out: "${u.text}" }
"#,
    },
    Page {
        code: "CG0110",
        title: "A node that is several things at once",
        text: "A node has one of `type`, `switch` and `map`.",
        failing: r#"cleargate: 1
flow: f
nodes:
  a: { type: template, text: hi, switch: [] }
"#,
        mended: r#"cleargate: 1
flow: f
nodes:
  a: { type: template, text: hi }
"#,
    },
];

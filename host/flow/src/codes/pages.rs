//! The table of pages.

use super::Page;

/// Every page, by code.
pub const PAGES: &[Page] = &[
    Page {
        code: "CG0001",
        title: "The file is no readable YAML",
        text: "The text has no shape that a YAML or JSON reader knows: a bracket is open, or a line is indented in a way that fits nothing.",
        failing: r#"cleargate: 1
flow: f
nodes: [
"#,
        mended: r#"cleargate: 1
flow: f
nodes:
  a: { type: template, text: hi }
"#,
    },
    Page {
        code: "CG0002",
        title: "The file is too large",
        text: "A flow has bounds on bytes, on nesting and on the number of keys and values, so that checking a stranger's file stays fast. Move long texts into files.",
        failing: r#"cleargate: 1
flow: f
x-deep: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]
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
        code: "CG0003",
        title: "Anchors, aliases, merge keys and tags are not part of a flow",
        text: "They make two readers see two flows in one text, and a small file large. Write each thing once, where it counts.",
        failing: r#"cleargate: 1
flow: f
nodes:
  a: { type: template, text: &hi hi }
"#,
        mended: r#"cleargate: 1
flow: f
nodes:
  a: { type: template, text: hi }
"#,
    },
    Page {
        code: "CG0004",
        title: "Several documents in one file",
        text: "One file holds one flow.",
        failing: r#"cleargate: 1
flow: f
nodes:
  a: { type: template, text: hi }
---
cleargate: 1
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
        code: "CG0005",
        title: "A key is no text",
        text: "Keys are names.",
        failing: r#"cleargate: 1
flow: f
? [a]
: 1
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
        code: "CG0006",
        title: "A key is written twice",
        text: "Readers disagree on which of the two counts, so neither does.",
        failing: r#"cleargate: 1
flow: f
nodes:
  a: { type: template, text: hi }
  a: { type: template, text: again }
"#,
        mended: r#"cleargate: 1
flow: f
nodes:
  a: { type: template, text: hi }
"#,
    },
    Page {
        code: "CG0007",
        title: "A number that readers understand differently",
        text: "`012`, `1_000`, `0x1f`, `.inf` and numbers beyond 64 bits are read differently by YAML readers. Write a JSON number, or quote the text.",
        failing: r#"cleargate: 1
flow: f
nodes:
  a: { type: upper, with: { text: 012 } }
"#,
        mended: r#"cleargate: 1
flow: f
nodes:
  a: { type: upper, with: { text: "012" } }
"#,
    },
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
        text: "The flow cannot be understood without it.",
        failing: r#"flow: f
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
        text: "Something else was expected here: a map, a list or a text.",
        failing: r#"cleargate: 1
flow: f
nodes: [a]
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
        text: "`cleargate:` names the version of the format.",
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
        text: "Each bound has a bound of its own.",
        failing: r#"cleargate: 1
flow: f
nodes:
  m: { map: "${[1]}", concurrency: 1000, do: { a: { type: template, text: hi } }, out: "${a}" }
"#,
        mended: r#"cleargate: 1
flow: f
nodes:
  m: { map: "${[1]}", concurrency: 8, do: { a: { type: template, text: hi } }, out: "${a}" }
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
    Page {
        code: "CG0201",
        title: "A name that does not exist",
        text: "An expression reads `input`, `run`, nodes of its scope and of the scopes around it.",
        failing: r#"cleargate: 1
flow: f
nodes:
  a: { type: template, text: hi }
  b: { type: upper, with: { text: "${aa.text}" } }
"#,
        mended: r#"cleargate: 1
flow: f
nodes:
  a: { type: template, text: hi }
  b: { type: upper, with: { text: "${a.text}" } }
"#,
    },
    Page {
        code: "CG0202",
        title: "A field that does not exist",
        text: "The type of the value has no such field.",
        failing: r#"cleargate: 1
flow: f
nodes:
  a: { type: template, text: hi }
  b: { type: upper, with: { text: "${a.txt}" } }
"#,
        mended: r#"cleargate: 1
flow: f
nodes:
  a: { type: template, text: hi }
  b: { type: upper, with: { text: "${a.text}" } }
"#,
    },
    Page {
        code: "CG0203",
        title: "An operation on the wrong types",
        text: "The operator or function is not defined for these types.",
        failing: r#"cleargate: 1
flow: f
nodes:
  a: { type: template, text: hi }
  b: { type: upper, with: { text: "${a.text - 1}" } }
"#,
        mended: r#"cleargate: 1
flow: f
nodes:
  a: { type: template, text: hi }
  b: { type: upper, with: { text: "${a.text + '1'}" } }
"#,
    },
    Page {
        code: "CG0204",
        title: "A value that may be nothing",
        text: "An `opt<T>` holds a value or nothing. Ask with `has(…)`: behind it the value is there.",
        failing: r#"cleargate: 1
flow: f
input: { t: opt<string> }
nodes:
  b: { type: upper, with: { text: "${input.t.lower()}" } }
"#,
        mended: r#"cleargate: 1
flow: f
input: { t: opt<string> }
nodes:
  b: { type: upper, with: { text: "${has(input.t) ? input.t.lower() : ''}" } }
"#,
    },
    Page {
        code: "CG0205",
        title: "A text that is no expression",
        text: "Between `${` and `}` stands CEL.",
        failing: r#"cleargate: 1
flow: f
nodes:
  b: { type: upper, with: { text: "${1 +}" } }
"#,
        mended: r#"cleargate: 1
flow: f
nodes:
  b: { type: upper, with: { text: "${'1'}" } }
"#,
    },
    Page {
        code: "CG0206",
        title: "A value that does not fit",
        text: "The type of the value is not the type of the port. Types fit structurally; an `int` fits a `float`.",
        failing: r#"cleargate: 1
flow: f
nodes:
  b: { type: upper, with: { text: [1] } }
"#,
        mended: r#"cleargate: 1
flow: f
nodes:
  b: { type: upper, with: { text: one } }
"#,
    },
    Page {
        code: "CG0207",
        title: "An input that nothing binds",
        text: "The port has no default and is not `opt`.",
        failing: r#"cleargate: 1
flow: f
nodes:
  b: { type: upper }
"#,
        mended: r#"cleargate: 1
flow: f
nodes:
  b: { type: upper, with: { text: one } }
"#,
    },
    Page {
        code: "CG0208",
        title: "An input port that does not exist",
        text: "The node type has no such port.",
        failing: r#"cleargate: 1
flow: f
nodes:
  b: { type: upper, with: { text: one, txet: two } }
"#,
        mended: r#"cleargate: 1
flow: f
nodes:
  b: { type: upper, with: { text: one } }
"#,
    },
    Page {
        code: "CG0209",
        title: "A secret would leave where it may be",
        text: "A value labelled `@secret` enters only a port whose type names the label, and never the output of a flow.",
        failing: r#"cleargate: 1
flow: f
nodes:
  v: { type: vault }
  b: { type: upper, with: { text: "${v.key}" } }
"#,
        mended: r#"cleargate: 1
flow: f
nodes:
  v: { type: vault }
  b: { type: login, with: { key: "${v.key}" } }
"#,
    },
    Page {
        code: "CG0301",
        title: "A node type that does not exist",
        text: "It is neither built in nor an alias of `use:`.",
        failing: r#"cleargate: 1
flow: f
nodes:
  a: { type: tempalte, text: hi }
"#,
        mended: r#"cleargate: 1
flow: f
nodes:
  a: { type: template, text: hi }
"#,
    },
    Page {
        code: "CG0302",
        title: "A node type that cannot be used",
        text: "The alias is known, but the package behind it is not installed, has several exports, or is of another kind.",
        failing: r#"cleargate: 1
flow: f
nodes:
  a: { type: absent }
"#,
        mended: r#"cleargate: 1
flow: f
nodes:
  a: { type: template, text: hi }
"#,
    },
    Page {
        code: "CG0303",
        title: "An effect class that promises too much",
        text: "A flow may treat a node as more dangerous than its type says, never as less: the class decides what happens after a crash.",
        failing: r#"cleargate: 1
flow: f
nodes:
  w: { type: login, effect: pure, with: { key: k } }
"#,
        mended: r#"cleargate: 1
flow: f
nodes:
  w: { type: login, effect: once, with: { key: k } }
"#,
    },
    Page {
        code: "CG0304",
        title: "Nodes wait for each other",
        text: "A flow runs forward. Repetition is written as a block with a bound.",
        failing: r#"cleargate: 1
flow: f
nodes:
  a: { type: upper, with: { text: "${b.text}" } }
  b: { type: upper, with: { text: "${a.text}" } }
"#,
        mended: r#"cleargate: 1
flow: f
nodes:
  a: { type: upper, with: { text: one } }
  b: { type: upper, with: { text: "${a.text}" } }
"#,
    },
    Page {
        code: "CG0305",
        title: "A node that does not exist",
        text: "`after` and `to` name nodes of the same scope.",
        failing: r#"cleargate: 1
flow: f
nodes:
  a: { type: template, text: hi, after: [zz] }
"#,
        mended: r#"cleargate: 1
flow: f
nodes:
  a: { type: template, text: hi }
"#,
    },
    Page {
        code: "CG0306",
        title: "A node that can never run",
        text: "It needs values from two cases of one `switch`, and only one is taken.",
        failing: r#"cleargate: 1
flow: f
nodes:
  s: { switch: [ { when: "1 > 2", to: x }, { else: y } ] }
  x: { type: template, text: hi }
  y: { type: upper, with: { text: "${x.text}" } }
"#,
        mended: r#"cleargate: 1
flow: f
nodes:
  s: { switch: [ { when: "1 > 2", to: x }, { else: y } ] }
  x: { type: template, text: hi }
  y: { type: upper, with: { text: one } }
"#,
    },
    Page {
        code: "CG0307",
        title: "A run that may become too large",
        text: "The number of node executions is bounded before the run begins: nodes times the `max` of the maps around them.",
        failing: r#"cleargate: 1
flow: f
nodes:
  m: { map: "${[1]}", max: 100000, do: { a: { type: template, text: hi } }, out: "${a}" }
"#,
        mended: r#"cleargate: 1
flow: f
nodes:
  m: { map: "${[1]}", max: 100, do: { a: { type: template, text: hi } }, out: "${a}" }
"#,
    },
    Page {
        code: "CG0308",
        title: "A value that may be absent under `join: any`",
        text: "The first value starts the node; the others are absent. Ask with `has(…)`.",
        failing: r#"cleargate: 1
flow: f
nodes:
  a: { type: template, text: hi }
  b: { type: template, text: ho }
  c: { type: upper, join: any, with: { text: "${a.text + b.text}" } }
"#,
        mended: r#"cleargate: 1
flow: f
nodes:
  a: { type: template, text: hi }
  b: { type: template, text: ho }
  c: { type: upper, join: any, with: { text: "${has(a) ? a.text : has(b) ? b.text : ''}" } }
"#,
    },
    Page {
        code: "CG0310",
        title: "A switch that is not well formed",
        text: "A `switch` is a list of cases: `when`, and at most one `else` at the end. A case leads to nodes beside it (`to`) or \
               owns some (`do`, with `out` for the value).",
        failing: r#"cleargate: 1
flow: f
nodes:
  s: { switch: [ { else: x }, { when: "1 > 2", to: x } ] }
  x: { type: template, text: hi }
"#,
        mended: r#"cleargate: 1
flow: f
nodes:
  s: { switch: [ { when: "1 > 2", to: x }, { else: x } ] }
  x: { type: template, text: hi }
"#,
    },
    Page {
        code: "CG0311",
        title: "A name that means something else",
        text: "`input`, `run`, `index` and the words of the expression language cannot be ids.",
        failing: r#"cleargate: 1
flow: f
nodes:
  input: { type: template, text: hi }
"#,
        mended: r#"cleargate: 1
flow: f
nodes:
  a: { type: template, text: hi }
"#,
    },
    Page {
        code: "CG0312",
        title: "A file of the flow that cannot be read",
        text: "`file:` names a text beside the flow, or below its folder; nothing outside is read.",
        failing: r#"cleargate: 1
flow: f
nodes:
  a: { type: template, file: ../mail.md }
"#,
        mended: r#"cleargate: 1
flow: f
nodes:
  a: { type: template, file: mail.md }
"#,
    },
];

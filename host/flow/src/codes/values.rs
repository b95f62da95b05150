//! CG02: expressions and the types of what flows. Names, fields, operations, and ports that a value must fit.

use super::Page;

pub(super) const PAGES: &[Page] = &[
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
];

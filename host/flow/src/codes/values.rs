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
        text: "A node gives a record with the fields that its type declares, and a field of them can have fields of its \
               own. Every name after a dot is looked up there before anything runs, so that a misspelt one is not an empty \
               text at night. The finding lists the fields that are there. `cleargate plugin inspect` prints what a \
               plugin's node gives. A map whose keys are known at run time alone is read as `m[\"key\"]`, and a value of type \
               `json` has whatever fields are asked of it.",
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
        text: "An operator or function takes values of some types, and CEL never converts one in silence: `+` joins two \
               texts or adds two numbers, `-` takes numbers, `&&` takes truth values, and a text is not compared with a \
               number. Convert by name: `string(n)`, `int(t)`, `float(n)`. In a text such as `\"${a.n} left\"` the conversion \
               to text is made for you.",
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
        text: "Between `${` and `}` stands an expression in CEL, as `${a.text}`, `${input.n * 2}` or `${size(a.rows) > 0 ? \
               'some' : 'none'}`. This one cannot be read as such: a bracket or a quote is open, an operator has nothing to \
               work on, or it is written in another language, such as JavaScript's `===` or a `|` filter. Texts inside \
               stand in single quotes, since YAML takes the double ones. A text that shall hold `${` itself writes `$${`.",
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
        text: "Each input of a node type that has no default and is not `opt<…>` needs a value, or the node could not \
               begin. Values stand under `with:`, one for each port: a constant, or an expression over the flow's input and \
               other nodes. A port beside `type:` instead of under `with:` binds nothing. The finding names the port with \
               its type.",
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
        text: "What stands under `with:` are the input ports of the node type, and this is none of them; a value for a port \
               that does not exist would be dropped without a word. Often the name is misspelt, or a newer version of a \
               plugin has renamed it. The finding lists the ports. `template` alone takes any name: its text decides what \
               it reads.",
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

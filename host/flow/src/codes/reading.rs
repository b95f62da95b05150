//! CG00: the text. What keeps it from being read as one tree, the same by every reader.

use super::Page;

pub(super) const PAGES: &[Page] = &[
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
        text: "A key names what stands beside it: a port, a node, a field. So it is one plain word or text. Here a key is a list, \
               a map, or the begin of an expression that has lost its quotes: `{ text: ${a.text} }` opens a map in a map for \
               YAML. Most programs have no name for such a key, and one that guesses reads another flow than the next.",
        failing: r#"cleargate: 1
flow: f
input: { name: string }
nodes:
  a: { type: upper, with: { text: { [input.name]: x } } }
"#,
        mended: r#"cleargate: 1
flow: f
input: { name: string }
nodes:
  a: { type: upper, with: { text: "${input.name}" } }
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
];

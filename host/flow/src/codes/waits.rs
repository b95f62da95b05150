//! CG032: nodes that wait, ask people, tell of events, and tables of rules.

use super::Page;

pub(super) const PAGES: &[Page] = &[
    Page {
        code: "CG0320",
        title: "A wait that waits for nothing, or for several things",
        text: "A `wait` waits for one thing: `for` a span of time, `until` a moment, the next moment of a `cron` pattern, or \
               an `event`. `where`, `timeout` and `on_timeout` belong to an event, `tz` to a pattern. Who wants the first of \
               two things puts two waits into the branches of a `race`.",
        failing: r#"cleargate: 1
flow: f
nodes:
  a: { wait: { for: 10m, event: approved } }
"#,
        mended: r#"cleargate: 1
flow: f
nodes:
  a: { wait: { event: approved, timeout: 10m } }
"#,
    },
    Page {
        code: "CG0321",
        title: "An event that the flow does not list",
        text: "A flow with `events:` says which events its runs take and what each carries. A name that is not there would \
               be waited for in vain: nobody may tell a run of it. Often it is misspelt.",
        failing: r#"cleargate: 1
flow: f
events: { approved: { by: string } }
nodes:
  a: { wait: { event: aproved } }
"#,
        mended: r#"cleargate: 1
flow: f
events: { approved: { by: string } }
nodes:
  a: { wait: { event: approved } }
"#,
    },
    Page {
        code: "CG0322",
        title: "A task that could not be answered or settled",
        text: "The form lists the fields of an answer; `by` and `at` come to them by themselves. What `on_deadline` gives \
               has to fit the form, or readers of the node would find something else there: `reject` makes each `bool` \
               false and leaves the rest to its default, so every other field needs one or is `opt`. A quorum needs no \
               more answers than people are asked.",
        failing: r#"cleargate: 1
flow: f
nodes:
  a: { type: human, form: { amount: int }, deadline: 2d, on_deadline: reject }
"#,
        mended: r#"cleargate: 1
flow: f
nodes:
  a: { type: human, form: { amount: int }, deadline: 2d, on_deadline: { amount: 0 } }
"#,
    },
    Page {
        code: "CG0323",
        title: "Two rows of a table that take the same",
        text: "The first row that takes the inputs wins, so the second one never sees what both take. Where that is meant \
               the order says it; where it is not, the flow goes another way than its author reads. A range `a..b` goes \
               from `a` up to `b`, which is not in it.",
        failing: r#"cleargate: 1
flow: f
input: { amount: int }
nodes:
  s:
    switch:
      table:
        inputs: { amount: input.amount }
        rows:
          - { amount: "< 100", to: a }
          - { amount: ">= 50", to: b }
  a: { type: template, text: small }
  b: { type: template, text: large }
"#,
        mended: r#"cleargate: 1
flow: f
input: { amount: int }
nodes:
  s:
    switch:
      table:
        inputs: { amount: input.amount }
        rows:
          - { amount: "< 100", to: a }
          - { amount: ">= 100", to: b }
  a: { type: template, text: small }
  b: { type: template, text: large }
"#,
    },
    Page {
        code: "CG0324",
        title: "Inputs that no row of a table takes",
        text: "When no row takes the inputs, nothing behind the switch runs. The finding names the first such inputs. Where \
               that is meant, leave it; else add a row, or `{ else: … }` as the last one.",
        failing: r#"cleargate: 1
flow: f
input: { amount: int }
nodes:
  s:
    switch:
      table:
        inputs: { amount: input.amount }
        rows:
          - { amount: "< 100", to: a }
          - { amount: "> 100", to: b }
  a: { type: template, text: small }
  b: { type: template, text: large }
"#,
        mended: r#"cleargate: 1
flow: f
input: { amount: int }
nodes:
  s:
    switch:
      table:
        inputs: { amount: input.amount }
        rows:
          - { amount: "< 100", to: a }
          - { else: b }
  a: { type: template, text: small }
  b: { type: template, text: large }
"#,
    },
];

//! CG03: nodes and the ways between them. What could not start, could not end, or could never be reached.

use super::Page;

pub(super) const PAGES: &[Page] = &[
    Page {
        code: "CG0301",
        title: "A node type that does not exist",
        text: "A node is performed by its type: one that is built in, such as `template`, `transform` or `http`, or a \
               plugin under the alias that `use:` gives it, as `use: { fetch: \"acme:fetch@^1\" }`. This name is neither, so \
               nobody would know what to do. Often it is misspelt, or the name of the plugin stands where its alias \
               belongs. The finding lists the names that are near, or all there are.",
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
        text: "Each node of a cycle waits for another one, so none of them could ever begin. A node comes after all that \
               its expressions read and all that its `after:` names; the finding shows the shortest way round. Take one \
               step of it out: often an `after:` that an expression implies already, or that is turned around. What shall \
               be done for each item of a list is a `map:`, which has no cycle and a bound.",
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
        text: "`after:` and the `to:` of a switch name nodes of the same scope: those that stand beside this one. The body \
               of a `map` or of a case is a scope of its own, so a node in it cannot be ordered after one that stands in \
               another body; what a body gives leaves it by `out:`. A node that only has to come later than the value it \
               reads needs no `after:` at all: the expression orders the two.",
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
    Page {
        code: "CG0313",
        title: "A model that the flow does not name",
        text: "A node asks a model by a name of the flow, so that who answers is changed in one line. The name stands under \
               `models:`, with the alias of a provider from `use:` and, behind a slash, what that provider calls the model.",
        failing: r#"cleargate: 1
flow: f
nodes:
  a: { type: model, model: fast, prompt: hi }
"#,
        mended: r#"cleargate: 1
flow: f
use: { chat: "cleargate:openai-chat@^0.1" }
models: { fast: chat/qwen3 }
nodes:
  a: { type: model, model: fast, prompt: hi }
"#,
    },
    Page {
        code: "CG0314",
        title: "A compensation that could never happen",
        text: "`compensate:` says how a step is undone. That happens when the `try` around it fails or is stopped: the steps \
               of its body that succeeded are undone, the last one first. Without a `try` nobody would do it; a block is \
               not undone as a whole, because its steps are; and what undoes a step is performed itself, so it has a \
               `type`. Its `with:` reads the value of the step under the step's own name.",
        failing: r#"cleargate: 1
flow: f
nodes:
  hold: { type: upper, with: { text: "seat" }, compensate: { type: upper, with: { text: "${hold.text}" } } }
"#,
        mended: r#"cleargate: 1
flow: f
nodes:
  book:
    try:
      hold: { type: upper, with: { text: "seat" }, compensate: { type: upper, with: { text: "${hold.text}" } } }
"#,
    },
    Page {
        code: "CG0330",
        title: "A state channel that cannot be what it says",
        text: "`state:` declares values that the steps of a run share. Each has a type and a reducer, which says what a write \
               does: `last` (the default) takes the place of what is there, `append` adds one part to a list, `set_union` \
               the parts of a list that are not there yet, `merge` sets names of a map, `sum` adds a number, `max` and \
               `min` keep one of two, `first` keeps the first. The type has to be one that the reducer can work on, and \
               something has to be there before the first write: a `default`, or `null` where the type is `opt<…>`.",
        failing: r#"cleargate: 1
flow: f
state: { found: { type: string, reducer: append } }
nodes:
  a: { type: upper, with: { text: hi }, write: { found: "${a.text}" } }
"#,
        mended: r#"cleargate: 1
flow: f
state: { found: { type: "list<string>", reducer: append } }
nodes:
  a: { type: upper, with: { text: hi }, write: { found: "${a.text}" } }
"#,
    },
    Page {
        code: "CG0331",
        title: "Two steps that may write at the same time",
        text: "Of a channel with the reducer `last` the later write stays. Where neither of two steps waits for the other, \
               which one is later changes from run to run. Steps of different branches, and of the items of a map with \
               `concurrency`, are such steps; those of different cases of a `switch` are not, because only one of them runs.",
        failing: r#"cleargate: 1
flow: f
state: { stage: opt<string> }
nodes:
  a: { type: upper, with: { text: a }, write: { stage: "${a.text}" } }
  b: { type: upper, with: { text: b }, write: { stage: "${b.text}" } }
"#,
        mended: r#"cleargate: 1
flow: f
state: { stage: opt<string> }
nodes:
  a: { type: upper, with: { text: a }, write: { stage: "${a.text}" } }
  b: { type: upper, after: [a], with: { text: b }, write: { stage: "${b.text}" } }
"#,
    },
    Page {
        code: "CG0332",
        title: "A step that changes the world in a flow that stores nothing first",
        text: "With `durability: none` a run stores its records when many have come together, and after a crash does some steps \
               again. That is right for steps that compute and read. A step whose effect is `idempotent`, `once` or \
               `compensable` has to be on record before it happens: `sync`, which is the default, survives a power cut, and \
               `batched` the end of the process.",
        failing: r#"cleargate: 1
flow: f
durability: none
nodes:
  a: { type: upper, effect: once, with: { text: hi } }
"#,
        mended: r#"cleargate: 1
flow: f
durability: batched
nodes:
  a: { type: upper, effect: once, with: { text: hi } }
"#,
    },
    Page {
        code: "CG0333",
        title: "What should find out whether a step happened, and could not",
        text: "When a process ends while a step with the effect `once` is performed, nobody knows whether it happened. Without more \
               that is the failure `unknown_outcome`. `on_unknown: { verify: … }` names a node that asks the other side, by the \
               key of the attempt, `attempt.key`. It gives `happened`, and `value` when it did: that is the value of the step \
               then, so it has its type. When it did not happen the step is performed again.",
        failing: r#"cleargate: 1
flow: f
nodes:
  a: { type: upper, with: { text: hi }, on_unknown: { verify: { type: upper, with: { text: hi } } } }
"#,
        mended: r#"cleargate: 1
flow: f
nodes:
  a:
    type: upper
    effect: once
    with: { text: hi }
    on_unknown:
      verify: { type: status, with: { key: "${attempt.key}" } }
"#,
    },
    Page {
        code: "CG0334",
        title: "A bound on time that nothing can reach",
        text: "`deadline` of a block is for all that is inside it, and `idle` is how long nothing may be heard of it. A `switch` whose \
               cases lead to nodes beside it owns none, so it takes no time. And where `idle` is as long as `deadline`, the \
               deadline always comes first.",
        failing: r#"cleargate: 1
flow: f
nodes:
  a:
    try: { b: { type: upper, with: { text: hi } } }
    deadline: 10s
    idle: 1m
"#,
        mended: r#"cleargate: 1
flow: f
nodes:
  a:
    try: { b: { type: upper, with: { text: hi } } }
    deadline: 1m
    idle: 10s
"#,
    },
    Page {
        code: "CG0335",
        title: "A template that cannot be written out",
        text: "`templates:` of a flow are the keys of nodes, by name. A node, or another template, `extends` one: it is written out with the \
               keys of both, where maps are merged and what is nearer wins. So a template has to be there, must not lead \
               back to itself, neither over `extends` nor over its own nodes, and a flow that is written out has a bound.",
        failing: r#"cleargate: 1
flow: f
templates:
  loud: { type: upper, with: { text: hi } }
nodes:
  a: { extends: laud }
"#,
        mended: r#"cleargate: 1
flow: f
templates:
  loud: { type: upper, with: { text: hi } }
nodes:
  a: { extends: loud }
"#,
    },
    Page {
        code: "CG0336",
        title: "A param that a template does not get, or does not take",
        text: "`params:` of a template are typed as ports. It reads them as `params.name`, and a node that `extends` it gives them under \
               `params:`: a literal, or an expression, which is read where the node stands. A param without a default has to be given. \
               An expression that would mean something else inside a block of the template is refused.",
        failing: r#"cleargate: 1
flow: f
templates:
  loud: { params: { who: string }, type: upper, with: { text: "${params.who}" } }
nodes:
  a: { extends: loud, params: { whom: Ada } }
"#,
        mended: r#"cleargate: 1
flow: f
templates:
  loud: { params: { who: string }, type: upper, with: { text: "${params.who}" } }
nodes:
  a: { extends: loud, params: { who: Ada } }
"#,
    },
    Page {
        code: "CG0337",
        title: "A way back to a node that has run",
        text: "A node has one result at one place for ever: replay, fork and the ends of joins rest on that. What runs again has a number, \
               and is the body of a `loop`, which says how often it may run, `while` or `until` when, and what one iteration hands to \
               the next. Where ways lead to several places, a `machine` says so.",
        failing: r#"cleargate: 1
flow: f
nodes:
  a: { type: upper, with: { text: hi } }
  b: { switch: [ { when: "size(a.text) < 9", to: a, back: { max: 3 } } ] }
"#,
        mended: r#"cleargate: 1
flow: f
nodes:
  a:
    loop: { max: 3, while: "size(text) < 9" }
    carry: { text: hi }
    do: { again: { type: upper, with: { text: "${text}" } } }
    next: { text: "${again.text + '!'}" }
    out: ${text}
"#,
    },
    Page {
        code: "CG0340",
        title: "A machine whose states do not fit together",
        text: "A `machine` is a statechart: `states` by name, of which `start` is the first, and at most `max` moves from one to \
               another. A state runs nodes (`enter`, and `do` while it waits), and leads on: `events` when something comes, \
               `after` a time, `to` when its nodes have ended. Each of them names a state, or is `{ to, when, set }`, or a list \
               of those of which the first that fits is taken. A state with `end: true` leads nowhere. A state to which \
               nothing leads is a warning: most often a name was forgotten.",
        failing: r#"cleargate: 1
flow: f
nodes:
  a: { machine: { start: open, max: 5, states: { open: { after: { 1d: close } }, closed: { end: true } } } }
"#,
        mended: r#"cleargate: 1
flow: f
nodes:
  a: { machine: { start: open, max: 5, states: { open: { after: { 1d: closed } }, closed: { end: true } } } }
"#,
    },
];

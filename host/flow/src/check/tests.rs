//! Case folders, the pages of the codes, and properties of the checker.

use std::path::Path;

use super::*;
use crate::graph::{EdgeKind, NodeKind};
use crate::signature::{Effect, TextKey};

/// A handful of node types.
struct Sample;

fn fields(text: &str) -> IndexMap<String, Field> {
    match text.parse::<Type>().unwrap().kind {
        crate::types::Kind::Record(fields) => fields,
        _ => panic!("{text} is no record"),
    }
}

fn signature(input: &str, output: &str, config: &str, effect: Effect) -> Signature {
    Signature {
        summary: String::new(),
        input: fields(input),
        open: false,
        output: output.parse().unwrap(),
        config: fields(config),
        effect,
        requests: crate::grant::Grants::default(),
        limits: crate::limits::Limits::default(),
        texts: Vec::new(),
        typed_by: None,
        program: false,
        model_key: None,
        origin: "built-in".into(),
    }
}

fn program() -> Signature {
    Signature {
        program: true,
        typed_by: Some("out"),
        ..signature(
            "record{source: opt<string>, input: opt<any>, files: opt<any>}",
            "record{ok: bool, result: any}",
            "record{lang: enum(python, js), file: opt<string>, tools: opt<list<string>>, network: opt<any>}",
            Effect::Idempotent,
        )
    }
}

impl Signatures for Sample {
    fn find(&self, name: &str) -> Result<Option<Signature>, String> {
        Ok(Some(match name {
            "template" => Signature {
                open: true,
                texts: vec![TextKey::Inline("text"), TextKey::File("file")],
                ..signature(
                    "record{}",
                    "record{text: string}",
                    "record{text: opt<string>, file: opt<string>}",
                    Effect::Pure,
                )
            },
            "upper" => {
                signature("record{text: string}", "record{text: string}", "record{}", Effect::Pure)
            }
            "score" => {
                let mut score = signature(
                    "record{text: string, weight: float, kind: enum(a, b), rows: opt<list<record{k: string}>>}",
                    "record{score: float, tags: list<string>, note: opt<string>}",
                    "record{path: string}",
                    Effect::Read,
                );
                score.input["weight"] = Field {
                    default: Some(Value::Float(1.0)),
                    min: Some(0.0),
                    max: Some(2.0),
                    ..score.input["weight"].clone()
                };
                score.input["kind"].default = Some("a".into());
                score
            }
            "status" => signature(
                "record{key: string}",
                "record{happened: bool, value: record{text: string}}",
                "record{}",
                Effect::Read,
            ),
            "vault" => {
                signature("record{}", "record{key: string @secret}", "record{}", Effect::Read)
            }
            "login" => {
                signature("record{key: string @secret}", "json", "record{}", Effect::Idempotent)
            }
            "post" => signature(
                "record{amount: opt<int>}",
                "json",
                "record{effect: opt<enum(read, once)>}",
                Effect::Once,
            ),
            "model" => Signature {
                open: true,
                texts: vec![TextKey::Inline("prompt"), TextKey::File("file")],
                typed_by: Some("out"),
                model_key: Some("model"),
                ..signature(
                    "record{}",
                    "record{text: string}",
                    "record{model: string, prompt: opt<string>, file: opt<string>}",
                    Effect::Idempotent,
                )
            },
            "code" => program(),
            "math.evaluate" => signature("record{}", "json", "record{}", Effect::Pure),
            "absent" => return Err("it is not installed".into()),
            _ => return Ok(None),
        }))
    }

    fn part(
        &self,
        alias: &str,
        kind: crate::signature::PluginKind,
    ) -> Result<Option<IndexMap<String, Field>>, String> {
        match (alias, kind.as_str()) {
            ("pii", "guardrail" | "filter") => {
                Ok(Some(fields("record{labels: opt<list<string>>}")))
            }
            ("chat", "provider")
            | ("memo", "cache")
            | ("words", "tokenizer")
            | ("queue", "trigger") => Ok(None),
            (alias, kind) => Err(format!("`{alias}` is no {kind}")),
        }
    }

    fn file(&self, name: &str) -> Result<String, String> {
        match name {
            "mail.md" => Ok("Hello".into()),
            "greet.md" => Ok("Dear ${name},\n\n{% for x in xs %}\n- ${x.k}\n{% endfor %}\n".into()),
            "broken.md" => Ok("Dear\n  {% for x of xs %}".into()),
            other => Err(format!("`{other}` is not beside the flow")),
        }
    }

    fn moment(&self, moment: &crate::graph::Moment) -> Result<(), String> {
        match format!("{moment:?}").contains("99") {
            true => Err("there is no such moment".into()),
            false => Ok(()),
        }
    }

    fn names(&self) -> Vec<String> {
        ["template", "upper", "score", "vault", "login"].map(str::to_owned).into()
    }
}

fn run(text: &str) -> Checked {
    check(text, "flow.yaml", &Sample)
}

fn codes(text: &str) -> Vec<&'static str> {
    run(text).findings.iter().map(|finding| finding.code).collect()
}

fn print(findings: &[Finding]) -> String {
    let mut out = String::new();
    for finding in findings {
        let at = finding.span;
        out += &format!("{}:{} {} {}\n", at.line, at.column, finding.code, finding.message);
        if let Some((span, label)) = &finding.second {
            out += &format!("    {}:{} {label}\n", span.line, span.column);
        }
        if let Some(help) = &finding.help {
            out += &format!("    help: {help}\n");
        }
    }
    out
}

/// Each folder holds `flow.yaml` and what the check gives: `expected.json` (the graph) or `error.txt`.
/// `CLEARGATE_BLESS=1` writes what is there now.
#[test]
fn cases_give_what_they_say() {
    let bless = option_env!("CLEARGATE_BLESS").is_some();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let (mut good, mut bad, mut wrong) = (0, 0, Vec::new());
    for case in std::fs::read_dir(&folder).unwrap() {
        let case = case.unwrap().path();
        let Ok(text) = std::fs::read_to_string(case.join("flow.yaml")) else { continue };
        let checked = run(&text);
        let (name, found) = match &checked.graph {
            Some(graph) => {
                good += 1;
                let warnings: Vec<String> =
                    print(&checked.findings).lines().map(str::to_owned).collect();
                let found = serde_json::json!({ "graph": graph, "warnings": warnings });
                ("expected.json", serde_json::to_string_pretty(&found).unwrap() + "\n")
            }
            None => {
                bad += 1;
                ("error.txt", print(&checked.findings))
            }
        };
        if bless {
            std::fs::write(case.join(name), &found).unwrap();
        }
        if std::fs::read_to_string(case.join(name)).ok().as_deref() != Some(&found) {
            wrong.push(format!("{}:\n{found}", case.join(name).display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(good + bad >= 40 && good.min(bad) >= 15, "{good} good and {bad} bad cases");
}

/// What is compared or written out more than once has a bound, and a file at the bound is right.
#[test]
fn races_and_machines_are_looked_at_up_to_a_bound() {
    let flow = |state: &str, nodes: &str| {
        codes(&format!(
            "cleargate: 1\nflow: f\nevents: {{ go: {{ n: int }} }}\n{state}nodes:\n{nodes}"
        ))
    };
    let chain = |nodes: usize, channels: usize| {
        let state: String = (0..channels).map(|n| format!("c{n}: opt<string>, ")).collect();
        let node = |n: usize| {
            let after =
                n.checked_sub(1).map_or_else(String::new, |before| format!("after: n{before}, "));
            format!(
                "  n{n}: {{ type: upper, {after}with: {{ text: x }}, write: {{ c{}: x }} }}\n",
                n % channels
            )
        };
        flow(&format!("state: {{ {state} }}\n"), &(0..nodes).map(node).collect::<String>())
    };
    assert_eq!(chain(MAX_WRITERS, 1), [""; 0]);
    assert_eq!(chain(MAX_WRITERS + 1, 1), ["CG0331"]);
    assert_eq!(chain(1_000, 50), [""; 0]);
    assert_eq!(chain(3_000, 50), ["CG0331"], "more than {MAX_FOLLOWED} edges would be followed");
    let machine = |states: usize, ways: usize, carried: usize| {
        let last = states - 1;
        let state = |n: usize| format!("s{n}: {{ events: {{ go: s{} }} }}, ", n + 1);
        let ways: String =
            (0..ways).map(|n| format!("{{ to: s1, when: event.n > {n} }}, ")).collect();
        let states: String = (1..last).map(state).collect();
        let carry: String = (0..carried).map(|n| format!("v{n}: {n}, ")).collect();
        let text = format!(
            "  m: {{ machine: {{ start: s0, max: 9, carry: {{ {carry} }}, states: {{ \
             s0: {{ events: {{ go: [{ways}] }} }}, {states} s{last}: {{ end: true }} }} }} }}\n"
        );
        flow("", &text)
    };
    assert_eq!(machine(MAX_STATES, MAX_WAYS, MAX_CARRIED), [""; 0]);
    assert_eq!(machine(MAX_STATES + 1, 1, 1), ["CG0340"]);
    assert_eq!(machine(3, MAX_WAYS + 1, 1), ["CG0340"]);
    assert_eq!(machine(3, 1, MAX_CARRIED + 1), ["CG0340"]);
}

/// An address leads to its node, whichever item, iteration, case or attempt it speaks of.
#[test]
fn a_graph_knows_the_node_at_an_address() {
    let graph = run("cleargate: 1\nflow: f\nnodes:\n  \
        pay: { type: upper, effect: once, with: { text: x }, on_unknown: { verify: { type: status, with: { key: \"${attempt.key}\" } } } }\n  \
        all: { map: \"[1, 2]\", do: { way: { switch: [ { when: item == 1, do: { a: { type: upper, with: { text: a } } } }, { else: null, do: { b: { type: upper, with: { text: b } } } } ] } }, out: 1 }\n")
        .graph
        .unwrap();
    for (address, found) in [
        ("pay", true),
        ("pay[1].verify", true),
        ("pay[7].verify", true),
        ("pay[0].verify", false),
        ("all[1].way", true),
        ("all[0].way[1].b", true),
        ("all[0].way[0].b", false),
        ("all[0].way[2].b", false),
        ("none", false),
    ] {
        let address: crate::Address = address.parse().unwrap();
        let node = graph.node(&address);
        let expected = found.then(|| address.node());
        assert_eq!(node.map(|node| &node.id), expected, "{address}");
    }
}

#[test]
fn a_node_of_a_template_is_the_node_that_somebody_would_have_written() {
    let flow = |rest: &str| format!("cleargate: 1\nflow: f\ninput: {{ n: int }}\n{rest}");
    let short = r#"templates:
  calm: { params: { tries: { type: int, default: 2 } }, retry: { transient: { max: "${params.tries}" } } }
  said: { extends: calm, params: { what: any, many: int }, type: upper, with: { text: "${params.what} ${params.many + 1}" } }
nodes:
  a: { extends: said, params: { what: x, many: "${input.n * 2}" }, timeout: 1s }
"#;
    let long = r#"nodes:
  a:
    type: upper
    timeout: 1s
    retry: { transient: { max: 2 } }
    with: { text: "x ${(input.n * 2) + 1}" }
"#;
    let hash = |text: &str| check(&flow(text), "f", &Sample).graph.map(|graph| graph.hash);
    assert!(hash(long).is_some());
    assert_eq!(hash(short), hash(long));
}

#[test]
fn templates_are_written_out_within_bounds() {
    let codes_of = |templates: &str, node: &str| {
        codes(&format!("cleargate: 1\nflow: f\ntemplates:\n{templates}nodes:\n  a: {node}\n"))
    };
    let upper = "type: upper, with: { text: x }";
    let chain = |length: usize| {
        let link = |at| format!("  t{at}: {{ extends: t{} }}\n", at + 1);
        (1..length).map(link).collect::<String>() + &format!("  t{length}: {{ {upper} }}\n")
    };
    assert_eq!(codes_of(&chain(super::MAX_EXTENDS), "{ extends: t1 }"), [""; 0]);
    assert_eq!(codes_of(&chain(super::MAX_EXTENDS + 1), "{ extends: t1 }"), ["CG0335"]);
    // Each of ten nodes is ten nodes.
    let bomb = |levels: usize| {
        let ten = |next: usize| -> String {
            (0..10).map(|at| format!("n{at}: {{ extends: b{next} }}, ")).collect()
        };
        let level = |at| format!("  b{at}: {{ try: {{ {} }} }}\n", ten(at + 1));
        (1..levels).map(level).collect::<String>() + &format!("  b{levels}: {{ {upper} }}\n")
    };
    assert_eq!(codes_of(&bomb(3), "{ extends: b1 }"), [""; 0]);
    assert!(codes_of(&bomb(7), "{ extends: b1 }").contains(&"CG0335"));
    // And no deeper than a file may be.
    let deep = |levels: usize| {
        let level = |at| format!("  d{at}: {{ try: {{ n: {{ extends: d{} }} }} }}\n", at + 1);
        (1..levels).map(level).collect::<String>() + &format!("  d{levels}: {{ {upper} }}\n")
    };
    assert_eq!(codes_of(&deep(12), "{ extends: d1 }"), [""; 0]);
    assert_eq!(codes_of(&deep(40), "{ extends: d1 }"), ["CG0335"]);
}

#[test]
fn every_code_has_a_page_and_every_page_is_true() {
    let sources = [
        include_str!("../check.rs"),
        include_str!("assets.rs"),
        include_str!("back.rs"),
        include_str!("bound.rs"),
        include_str!("channels.rs"),
        include_str!("hooks.rs"),
        include_str!("machine.rs"),
        include_str!("draft.rs"),
        include_str!("draft/blocks.rs"),
        include_str!("draft/guarantees.rs"),
        include_str!("draft/table.rs"),
        include_str!("draft/waits.rs"),
        include_str!("table.rs"),
        include_str!("templates.rs"),
        include_str!("templates/capture.rs"),
        include_str!("typing/waits.rs"),
        include_str!("order.rs"),
        include_str!("policy.rs"),
        include_str!("races.rs"),
        include_str!("site.rs"),
        include_str!("parts.rs"),
        include_str!("text.rs"),
        include_str!("typing.rs"),
        include_str!("typing/blocks.rs"),
        include_str!("../document.rs"),
        include_str!("../expr/infer.rs"),
    ];
    for source in sources {
        for (at, _) in source.match_indices("\"CG0") {
            let code = &source[at + 1..at + 7];
            assert!(crate::codes::explain(code).is_some(), "{code} has no page");
        }
    }
    for page in crate::codes::pages() {
        assert!(
            codes(page.failing).contains(&page.code),
            "{}: {:?}",
            page.code,
            codes(page.failing)
        );
        assert_eq!(codes(page.mended), [""; 0], "{} mended", page.code);
        assert!(
            sources.iter().any(|source| source.contains(page.code)),
            "{} is never given",
            page.code
        );
    }
}

const FLOW: &str = "cleargate: 1\nflow: f\ninput: { t: string, n: { type: int, default: 3 } }\nnodes:\n  b: { type: upper, with: { text: \"${a.text}\" } }\n  a: { type: upper, timeout: 30s, with: { text: \"${input.t}\" } }\noutput: { x: \"${b.text}\" }\n";

#[test]
fn the_hash_is_of_the_meaning() {
    let hash = |text: &str| run(text).graph.map(|graph| graph.hash);
    let first = hash(FLOW);
    assert!(first.is_some());
    let same = "# a comment\nflow: f\ncleargate: 1\ndescription: words\nx-team: blue\ninput:\n  n: { default: 3, type: int, doc: how many }\n  t: string\n\
                output: { x: \"${b.text}\" }\nnodes:\n  a:\n    doc: words\n    type: upper\n    with: { text: '${input.t}' }\n    timeout: 30000ms\n  b: { with: { text: \"${a.text}\" }, type: upper }\n";
    assert_eq!(hash(same), first);
    for (from, to) in [
        ("30s", "31s"),
        ("default: 3", "default: 4"),
        ("${input.t}", "${input.t + '!'}"),
        ("x: ", "y: "),
    ] {
        assert_ne!(hash(&FLOW.replace(from, to)), first, "{from} → {to}");
    }
}

#[test]
fn tables_quorums_and_weights_are_bounded() {
    let flow = |node: String| {
        let head =
            "cleargate: 1\nflow: f\ninput: { n: int }\nnodes:\n  b: { type: template, text: hi }\n";
        format!("{head}  a: {{ {node} }}\n")
    };
    let table = |rows: usize| {
        let rows: Vec<String> = (1..rows).map(|n| format!("{{ n: {n}, to: b }}")).collect();
        let rows = rows.join(", ");
        flow(format!(
            "switch: {{ table: {{ inputs: {{ n: input.n }}, rows: [{rows}, {{ else: b }}] }} }}"
        ))
    };
    let quorum = |need: u32| flow(format!("type: human, form: {{ n: int }}, quorum: {need}"));
    let weight = |weight: u32| {
        flow(format!(
            "switch: {{ weighted: [ {{ weight: {weight}, to: b }}, {{ weight: 1, to: b }} ] }}"
        ))
    };
    for (text, expected) in [
        (table(MAX_ROWS), None),
        (table(MAX_ROWS + 1), Some("CG0310")),
        (quorum(MAX_ASKED), None),
        (quorum(MAX_ASKED + 1), Some("CG0109")),
        (weight(1_000_000), None),
        (weight(1_000_001), Some("CG0109")),
    ] {
        assert_eq!(codes(&text), Vec::from_iter(expected), "{}", &text[..200]);
    }
    // Ten columns of a thousand stretches each: nobody looks at all of them.
    let columns: String = (0..10).map(|c| format!("c{c}: input.n, ")).collect();
    let cells = |row: usize| {
        let cell = |c: usize| format!("c{c}: \"{}..{}\", ", row + c, row + c + 2);
        (0..10).map(cell).collect::<String>()
    };
    let rows: String = (0..MAX_ROWS).map(|row| format!("{{ {}to: b }}, ", cells(row))).collect();
    let large = format!("switch: {{ table: {{ inputs: {{ {columns} }}, rows: [{rows}] }} }}");
    let found = codes(&flow(large));
    assert_eq!(found[0], "CG0324");
    // Each row overlaps the one before it.
    assert!(found.len() < MAX_ROWS - 1, "{} findings: it was searched to its end", found.len());
}

#[test]
fn edges_say_why_they_are_there() {
    let text = "cleargate: 1\nflow: f\nnodes:\n  s: { switch: [ { when: \"a.text == 'x'\", to: b }, { else: c } ] }\n  a: { type: template, text: hi }\n  b: { type: template, text: hi }\n  c: { type: template, text: hi, after: a }\n  d: { type: upper, with: { text: \"${has(b) ? b.text : a.text}\" } }\n  m: { map: \"${['x']}\", do: { u: { type: upper, with: { text: \"${item + c.text}\" } } }, out: \"${u.text}\" }\n";
    let graph = run(text).graph.unwrap();
    let at = |id: &str| graph.root.nodes.iter().position(|node| node.id.as_str() == id).unwrap();
    let kinds = |id: &str| -> Vec<(usize, EdgeKind)> {
        graph.root.nodes[at(id)].needs.iter().map(|edge| (edge.from, edge.kind)).collect()
    };
    assert_eq!(kinds("s"), [(at("a"), EdgeKind::Data)]);
    assert_eq!(kinds("b"), [(at("s"), EdgeKind::Case { case: 0 })]);
    assert_eq!(kinds("d"), [(at("a"), EdgeKind::Data), (at("b"), EdgeKind::Optional)]);
    assert!(kinds("c").contains(&(at("a"), EdgeKind::After)));
    assert_eq!(kinds("m"), [(at("c"), EdgeKind::Data)]);
    assert!(matches!(graph.root.nodes[at("m")].kind, NodeKind::Map(_)));
    assert_eq!(graph.bound, 6 + 10_000);
}

#[test]
fn all_findings_come_at_once_and_in_order() {
    let text = "cleargate: 1\nflow: f\nvresion: 1\nnodes:\n  a: { type: upper, with: { txt: \"${b.x}\" }, timeout: 3 }\n";
    assert_eq!(codes(text), ["CG0101", "CG0207", "CG0208", "CG0201", "CG0107"]);
}

#[test]
fn an_input_beside_the_keys_is_sent_under_with_and_no_key_is_listed_twice() {
    let node = |key: &str| format!("cleargate: 1\nflow: f\nnodes:\n  a: {{ type: post, {key} }}\n");
    let help = |key| {
        let findings = run(&node(key)).findings;
        findings.into_iter().find(|f| f.code == "CG0101").unwrap().help.unwrap()
    };
    let wrong = help("amount: 3");
    assert!(wrong.contains("put it under `with:`"), "{wrong}");
    let all = help("zzzzzzz: 3");
    assert_eq!(all.matches("effect").count(), 1, "{all}");
}

#[test]
fn the_shortest_cycle_is_named() {
    let text = "cleargate: 1\nflow: f\nnodes:\n  a: { type: vault, after: c }\n  b: { type: vault, after: [a, c] }\n  c: { type: vault, after: b }\n  d: { type: vault, after: d }\n";
    let message = run(text).findings[0].message.clone();
    assert_eq!(message, "these nodes wait for each other: d → d");
}

fn large(nodes: usize) -> String {
    let mut text = String::from(
        "cleargate: 1\nflow: big\ninput: { t: string }\nnodes:\n  n0: { type: upper, with: { text: \"${input.t}\" } }\n",
    );
    for i in 1..nodes {
        text += &format!("  n{i}:\n    type: upper\n    with:\n      text: ${{n{}.text}}\n", i - 1);
    }
    text
}

/// Guards against a quadratic step; the budget of a release build is measured by a benchmark, on a quiet machine.
#[test]
fn a_thousand_nodes_are_checked_in_no_time() {
    let text = large(1000);
    let best = (0..5).map(|_| {
        let start = std::time::Instant::now();
        assert!(run(&text).graph.is_some());
        start.elapsed()
    });
    let best = best.min().unwrap();
    let allowed = std::time::Duration::from_millis(if cfg!(debug_assertions) { 1000 } else { 50 });
    assert!(best < allowed, "{best:?}");
}

#[test]
fn the_schema_speaks_of_the_same_keys() {
    let schema = schema();
    let keys = |pointer: &str| -> Vec<String> {
        schema.pointer(pointer).unwrap().as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(keys("/properties"), keys::FLOW);
    assert_eq!(keys("/$defs/node/properties"), keys::all_of_nodes());
    assert_eq!(keys("/$defs/case/properties"), keys::CASE);
    let bounds = "/$defs/node/properties/loop/properties";
    assert_eq!(keys(bounds), keys::LOOP_BOUNDS);
}

proptest::proptest! {
    #[test]
    fn no_damage_makes_the_checker_panic(at in 0..400_usize, junk in "[ -~\\n]{0,12}") {
        let mut text = FLOW.to_owned();
        let at = at.min(text.len());
        text.insert_str(at, &junk);
        let _ = run(&text);
        let _ = run(&junk);
    }
}

/// Locks and stored runs name flows by their hashes: another release must come to the same ones.
#[test]
fn the_identity_of_a_flow_stays() {
    let text = "cleargate: 1\nflow: pinned\nversion: 1.0.0\n\
        input:\n  b: { type: \"list<string>\", default: [\"x\"], doc: not part of it }\n  a: float\n\
        output: { z: \"${m}\", y: \"${t.text}: $${ \" }\n\
        nodes:\n  t:\n    type: template\n    text: hello\n    timeout: 3s\n    \
        with: { b: \"${input.b}\", a: { \"\\\"q\\\\\": 1.5, \"\\u0001\": null, é: [1, -2], \"\": true } }\n    \
        retry: { timeout: { max: 2, backoff: 1s..2s }, transient: { max: 3, backoff: 1s..2s } }\n  \
        m: { map: \"${input.b}\", do: { i: { type: upper, with: { text: \"${item}\" } } }, out: \"${i}\" }\n";
    let checked = run(text);
    let hash = checked.graph.map(|graph| graph.hash.to_string());
    let expected = "sha256-b87db36fb893a8a3ffafee736ec582c9962c0711beada67cfc84aaa72823ead9";
    assert_eq!(hash.as_deref(), Some(expected), "{:#?}", checked.findings);
}

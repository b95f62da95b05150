//! FL-07: damaged flows, expressions, texts, types and data. Each ends in a value or a typed refusal, in little time.
//!
//! The damage is made by a generator of numbers with a fixed start, so that a failure comes again. A failure prints the
//! text that made it. `make soak` runs ten million rounds.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use cleargate_flow::Value;
use cleargate_flow::expr::{Expr, Prose, Template};
use cleargate_flow::types::{Type, from_json_schema, to_json_schema, validate};

use crate::world::World;
use crate::{checked, over, soaked};

/// Texts of one round; a file of a user is rarely longer.
const MAX_TEXT: usize = 64 * 1024;
/// What one round may take.
const SLOW: Duration = Duration::from_millis(50);

/// Pieces that mean something to one of the readers.
const TOKENS: &[&str] = &[
    "${",
    "$${",
    "}",
    "{",
    "[",
    "]",
    "(",
    ")",
    ":",
    ": ",
    ",",
    "\n",
    "\n  ",
    "\n- ",
    "- ",
    "\t",
    "'",
    "\"",
    "|\n",
    ">-\n",
    "#",
    "&a ",
    "*a",
    "<<: ",
    "!!str ",
    "---\n",
    "? ",
    "~",
    "null",
    "true",
    "1e400",
    "-0",
    "9223372036854775808",
    "0x1f",
    "012",
    ".nan",
    "\u{feff}",
    "\u{202e}",
    "\u{0}",
    "é",
    "\u{1f600}",
    "\\ud83d",
    "\\ude00",
    "\\u0000",
    "\\x41",
    "input",
    "input.s",
    "input.list",
    "input.big",
    "run.id",
    "has(",
    "size(",
    ".map(x, ",
    ".filter(x, ",
    ".all(x, ",
    ".sort()",
    ".join(",
    ".split(",
    ".replace(",
    ".matches(",
    "'(a+)+$'",
    "range(1000)",
    " + ",
    " - ",
    " * ",
    " / ",
    " % ",
    " == ",
    " < ",
    " && ",
    " || ",
    " in ",
    " ? ",
    " : ",
    "!",
    "-",
    "{% for x in ",
    "{% if ",
    " %}",
    "{% else %}",
    "{% endif %}",
    "{% endfor %}",
    "list<",
    "opt<",
    "map<",
    "record{",
    "enum(",
    "ref<",
    ">",
    "@secret",
    "type: ",
    "with: ",
    "switch: ",
    "map: ",
    "do: ",
    "out: ",
    "when: ",
    "to: ",
    "else: ",
    "after: ",
    "join: any",
    "template",
    "upper",
    "nodes:\n",
    "{\"$ref\":\"#\"}",
    "\"anyOf\":[",
    "\"properties\":{",
];

/// Expressions, texts, types and data to begin with.
const SEEDS: &[&str] = &[
    "input.list.map(x, x * 2).filter(x, x > 1).size() + int('7')",
    "has(input.rec.a) && input.s.matches('^[a-z]+$') ? input.s.split(' ').join(',') : string(input.x)",
    "input.rows.exists(r, r.k == 'a') || input.s in ['a', 'b'] || {'a': 1}['a'] == 0x1f",
    "min(range(10)) + max([1, 2.5]) - sum(input.list) * -3 % 2",
    "hello ${input.s} and $${x} ${ {'a': '}'}.a }",
    "# T\n{% for r in input.rows %}\n| ${r.k} | ${r.v} |\n{% endfor %}{% if input.n > 5 %}many{% else %}few{% endif %}\n",
    "record{a: int, b: opt<list<string @pii>>, c: enum(x, y)} @untrusted",
    "stream<map<ref<image/*>>>",
    r#"{"a":[1,-0.5e3,true,null,"\ud83d\ude00\n"],"b":{"c":{}}}"#,
    r##"{"type":"object","properties":{"a":{"$ref":"#/$defs/n"}},"required":["a"],"$defs":{"n":{"type":["integer","null"]}}}"##,
];

/// Xorshift: small, fast, and the same everywhere.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n.max(1) as u64) as usize
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    /// A piece of a text, mostly short.
    fn piece<'a>(&mut self, text: &'a [u8]) -> &'a [u8] {
        let from = self.below(text.len() + 1);
        let most = if self.below(8) == 0 { text.len() } else { 24 };
        let len = self.below(most + 1).min(text.len() - from);
        &text[from..from + len]
    }

    /// One text with some damage done to it.
    fn damaged(&mut self, corpus: &[&str]) -> String {
        let mut text = self.pick(corpus).as_bytes().to_vec();
        for _ in 0..1 + self.below(6) {
            let at = self.below(text.len() + 1);
            match self.below(8) {
                0 | 1 => drop(text.splice(at..at, self.pick(TOKENS).bytes())),
                2 => {
                    let end = (at + 1 + self.below(12)).min(text.len());
                    text.drain(at.min(end)..end);
                }
                3 => {
                    let other = self.pick(corpus);
                    let piece = self.piece(other.as_bytes()).to_vec();
                    text.splice(at..at, piece);
                }
                4 => {
                    let piece = self.piece(&text).to_vec();
                    text.splice(at..at, piece);
                }
                5 if self.below(4) == 0 => {
                    let token = self.pick(TOKENS).repeat(1 + self.below(400));
                    text.splice(at..at, token.into_bytes());
                }
                6 if self.below(16) == 0 => {
                    let piece = self.piece(&text).to_vec();
                    let times = self.below(MAX_TEXT / (piece.len() + 1));
                    text.splice(at..at, piece.repeat(times));
                }
                _ => {
                    let byte = self.below(256) as u8;
                    text.insert(at, if self.below(4) == 0 { byte } else { b' ' + byte % 95 });
                }
            }
        }
        text.truncate(MAX_TEXT);
        String::from_utf8_lossy(&text).into_owned()
    }
}

/// Reads a text, and does with it what follows.
type Reader = fn(&str, &World);

/// Every reader of a kind of text, and what follows on reading.
const READERS: &[(&str, Reader)] = &[
    ("flow", |text, _| {
        if let Some(graph) = checked(text).graph {
            // What is sound stays sound when it is written down.
            serde_json::to_string(&graph).expect("a graph is data");
        }
    }),
    ("expression", |text, world| {
        if let Ok(expr) = Expr::parse(text) {
            let _ = (expr.eval(world), expr.infer(world), expr.references());
        }
    }),
    ("template", |text, world| {
        if let Ok(template) = Template::parse(text) {
            let _ = template.eval(world);
            let json = serde_json::to_value(&template).expect("a template is data");
            let again = json.as_str().map(Template::parse);
            assert!(again.is_none_or(|again| again.is_ok()), "reads back what it writes");
        }
    }),
    ("prose", |text, world| {
        if let Ok(prose) = Prose::parse(text) {
            let _ = (prose.eval(world), prose.problems(world));
        }
    }),
    ("type", |text, world| {
        if let Ok(ty) = text.parse::<Type>() {
            assert_eq!(ty.to_string().parse(), Ok(ty.clone()), "reads back what it prints");
            let _ = (validate(&world.input, &ty), from_json_schema(&to_json_schema(&ty)));
        }
    }),
    ("data", |text, _| {
        if let Ok(value) = Value::from_json(text) {
            assert_eq!(
                Value::from_json(&value.to_json()).as_ref(),
                Ok(&value),
                "reads back what it writes"
            );
            if let Ok(ty) = from_json_schema(&value.to_serde()) {
                let _ = validate(&value, &ty);
            }
        }
    }),
];

fn corpus() -> Vec<String> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = [here.join("tests/cases"), here.join("../../sdk/examples")];
    let cases = folders.iter().flat_map(|folder| std::fs::read_dir(folder).expect("a folder"));
    let flows =
        cases.filter_map(|case| std::fs::read_to_string(case.ok()?.path().join("flow.yaml")).ok());
    let mut corpus: Vec<String> =
        flows.chain(SEEDS.iter().map(|seed| (*seed).to_owned())).collect();
    corpus.sort();
    corpus
}

/// Reads; says what went wrong.
fn round(read: Reader, text: &str, world: &World) -> Option<String> {
    let all = || over(SLOW, || read(text, world));
    match catch_unwind(AssertUnwindSafe(all)) {
        Ok(took) => took.map(|took| format!("takes {took:?}")),
        Err(_) => Some("panics".to_owned()),
    }
}

#[test]
fn no_text_makes_a_reader_panic_or_think_for_long() {
    let rounds = soaked(6_000, 10_000_000);
    let corpus = corpus();
    let (flows, others): (Vec<&str>, Vec<&str>) =
        corpus.iter().map(String::as_str).partition(|text| text.contains("cleargate:"));
    assert!(flows.len() > 40 && others.len() >= SEEDS.len());
    let everything: Vec<&str> = corpus.iter().map(String::as_str).collect();
    let (world, mut chance, mut failures) =
        (World::new(), Chance(0x9E37_79B9_7F4A_7C15), Vec::new());
    for at in 0..rounds {
        let (name, read) = READERS[at % READERS.len()];
        let text = match chance.below(8) {
            0 => chance.damaged(&everything),
            1 => chance.damaged(TOKENS),
            _ if name == "flow" => chance.damaged(&flows),
            _ => chance.damaged(&others),
        };
        if let Some(why) = round(read, &text, &world) {
            failures.push(format!("{name} {why} at {} bytes: {text:?}", text.len()));
        }
        assert!(failures.len() < 10, "{}", failures.join("\n\n"));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

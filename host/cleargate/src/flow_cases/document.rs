//! A file of cases beside a flow, as it is written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cleargate_flow::diagnostic::suggest;
use cleargate_flow::document::{self, Data, Node};
use cleargate_flow::error::{ErrorCode, NodeError};
use cleargate_flow::{Address, Value};

use crate::cases::MAX_CASES;
use crate::cases::script::Script;
use crate::error::{Error, Kind, Result};
use crate::rehearsal::{AttemptFault, Part, Parts, People, Props, StoreFaults, Tape, Taped};

/// Keys of a file, of a case, and of `mock`.
const FILE: [&str; 2] = ["flow", "cases"];
const CASE: [&str; 7] = ["name", "flow", "input", "from-run", "mock", "fault", "expect"];
const MOCK: [&str; 16] = [
    "nodes", "http", "models", "tools", "kv", "files", "secrets", "now", "seed", "deny", "fail",
    "calls", "answers", "signals", "run", "draws",
];
/// Keys of `expect`, and of `expect.error`.
const EXPECT: [&str; 21] = [
    "status",
    "error",
    "output",
    "contains",
    "check",
    "ran",
    "skipped",
    "path",
    "took",
    "attempts",
    "events",
    "calls",
    "kv",
    "max_fuel",
    "max_memory",
    "max_host_calls",
    "max_tokens",
    "max_cost",
    "max_latency",
    "min_latency",
    "snapshot",
];
const ERROR: [&str; 3] = ["code", "message", "node"];

/// The four forms of a fault.
const FAULT: &str = "a fault is `{ node, attempt, code, message }`, `{ crash_after: EVENTS }`, `{ refuse: HOST }` or \
                     `{ store_full: { after: EVENTS, times: N } }`";

/// A file of cases.
#[derive(Debug)]
pub(crate) struct CaseFile {
    pub path: PathBuf,
    pub cases: Vec<FlowCase>,
}

/// One case.
#[derive(Clone, Debug)]
pub(crate) struct FlowCase {
    pub name: String,
    /// Line in the file.
    pub line: u32,
    /// As written: relative to the file.
    pub flow: Option<String>,
    pub input: Option<Value>,
    pub from_run: Option<String>,
    pub mock: Value,
    fault: Value,
    pub expect: Value,
}

/// What a case makes of a rehearsal.
pub(crate) struct Staged {
    pub props: Props,
    pub faults: StoreFaults,
    /// Paths of nodes that the case names, with where.
    pub named: Vec<(String, String)>,
}

impl CaseFile {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, is no YAML, or has a key that means nothing.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let bytes = crate::source::read_bounded(path, document::MAX_BYTES as u64)?;
        let text = String::from_utf8(bytes).map_err(|_| bad(path, 1, "it is no UTF-8 text"))?;
        Self::parse(path, &text)
    }

    /// The same from its text.
    pub(crate) fn parse(path: &Path, text: &str) -> Result<Self> {
        let (root, findings) = document::read(text);
        if let Some(finding) = findings.first() {
            return Err(bad(path, finding.span.line, &finding.message));
        }
        let root = root.ok_or_else(|| bad(path, 1, "it is empty"))?;
        let list = root.get("cases").map(|cases| &cases.value);
        let (flow, nodes) = match list.map(|list| (list, &list.data)) {
            Some((_, Data::List(cases))) => {
                known(path, &root, &FILE, "a file of cases")?;
                (root.get("flow").and_then(|flow| flow.value.as_str()), cases.iter().collect())
            }
            Some((list, _)) => return Err(bad(path, list.span.line, "`cases` is a list")),
            None => (None, vec![&root]),
        };
        if nodes.is_empty() || nodes.len() > MAX_CASES {
            return Err(bad(path, 1, &format!("it has {} cases; 1 to {MAX_CASES}", nodes.len())));
        }
        let cases = nodes.into_iter().map(|node| case(path, node, flow));
        Ok(Self { path: path.to_path_buf(), cases: cases.collect::<Result<_>>()? })
    }
}

fn bad(path: &Path, line: u32, why: &str) -> Error {
    Error::new(Kind::Invalid, format!("{}:{line}: {why}", path.display()))
        .with_help("host/flow/TESTING.md says what a case is made of")
}

/// Refuses a key that means nothing: it would check nothing.
fn known(path: &Path, node: &Node, keys: &[&str], what: &str) -> Result<()> {
    let Some(entry) = node.entries().iter().find(|entry| !keys.contains(&&*entry.key)) else {
        return Ok(());
    };
    let near = suggest(&entry.key, keys.iter().copied());
    let near = near.map_or_else(String::new, |hint| format!("; {hint}"));
    let why = format!("{what} has no key `{}`{near}; there are {}", entry.key, keys.join(", "));
    Err(bad(path, entry.key_span.line, &why))
}

fn case(path: &Path, node: &Node, flow: Option<&str>) -> Result<FlowCase> {
    let line = node.span.line;
    known(path, node, &CASE, "a case")?;
    let part = |key: &str| node.get(key).map(|entry| &entry.value);
    let text = |key: &str| part(key).and_then(Node::as_text);
    for (key, keys) in [("mock", &MOCK[..]), ("expect", &EXPECT)] {
        if let Some(part) = part(key) {
            if !matches!(part.data, Data::Map(_)) {
                return Err(bad(path, part.span.line, &format!("`{key}` is a map")));
            }
            known(path, part, keys, &format!("`{key}`"))?;
        }
    }
    let expected = part("expect").ok_or_else(|| bad(path, line, "a case needs `expect`"))?;
    if expected.entries().is_empty() {
        return Err(bad(path, expected.span.line, "the case expects nothing, so it shows nothing"));
    }
    if let Some(error) = expected.get("error") {
        known(path, &error.value, &ERROR, "`expect.error`")?;
    }
    let value = |key: &str| part(key).map(Node::to_value);
    let case = FlowCase {
        name: text("name").unwrap_or_else(|| "the case".into()),
        line,
        flow: text("flow").or_else(|| flow.map(str::to_owned)),
        input: value("input"),
        from_run: text("from-run"),
        mock: value("mock").unwrap_or_else(Value::empty),
        fault: value("fault").unwrap_or_default(),
        expect: value("expect").unwrap_or_default(),
    };
    case.staged().map_err(|why| bad(path, line, &format!("`{}`: {why}", case.name)))?;
    Ok(case)
}

impl FlowCase {
    /// What it makes of a rehearsal.
    pub(crate) fn staged(&self) -> Result<Staged, String> {
        let mut named = Vec::new();
        let mut parts = BTreeMap::new();
        for (key, value) in entries(&self.mock, "nodes") {
            let part = Part::read(value).map_err(|why| format!("`mock.nodes.{key}`: {why}"))?;
            if !key.starts_with("type:") {
                named.push((path_of(key)?, format!("mock.nodes.{key}")));
            }
            parts.insert(key.to_string(), part);
        }
        let mut faults = Faults::default();
        for fault in self.fault.as_list().unwrap_or_default() {
            faults.add(fault)?;
        }
        if !self.fault.is_null() && self.fault.as_list().is_none() {
            return Err(FAULT.into());
        }
        for fault in faults.attempts.iter().filter(|fault| !fault.node.starts_with("type:")) {
            named.push((path_of(&fault.node)?, "fault".into()));
        }
        let script = self.script()?;
        let calls = self.mock.get("calls").map(Value::to::<Vec<Taped>>).transpose();
        let calls = calls.map_err(|e| format!("`mock.calls`: {e}"))?;
        let files = entries(&self.mock, "files");
        let files = files.map(|(name, text)| {
            let text = text.as_str().ok_or_else(|| format!("`mock.files.{name}` is a text"))?;
            Ok((name.to_string(), text.to_owned()))
        });
        let mut people = People::default();
        for (node, value) in entries(&self.mock, "answers") {
            named.push((path_of(node)?, format!("mock.answers.{node}")));
            people.replies.extend(People::replies(node, value)?);
        }
        let signals = self.mock.get("signals").map(|signals| {
            signals.as_list().ok_or("`mock.signals` is a list of `{ event, payload, after }`")
        });
        for signal in signals.transpose()?.unwrap_or_default() {
            people.signals.push(People::signal(signal)?);
        }
        let run = self.mock.get("run").map(|run| run.to_string().parse()).transpose();
        let run =
            run.map_err(|e: cleargate_flow::address::NameError| format!("`mock.run`: {e}"))?;
        let draws = self.mock.get("draws").map(Value::to).transpose();
        let draws = draws.map_err(|e| format!("`mock.draws` is a list of numbers: {e}"))?;
        let stores = self.expect.get("kv").and_then(Value::as_map).into_iter().flatten();
        let props = Props {
            now: script.now_ms()?,
            files: files.collect::<Result<_, String>>()?,
            parts: Parts::new(parts, faults.attempts),
            people,
            run,
            draws: draws.unwrap_or_default(),
            tape: calls.map(Tape::new),
            refused: faults.refused,
            stores: stores.map(|(name, _)| name.to_string()).collect(),
            script,
            ..Props::default()
        };
        Ok(Staged { props, faults: faults.store, named })
    }

    /// The part of `mock` that is as the `world` of a plugin's case.
    fn script(&self) -> Result<Script, String> {
        let own = ["nodes", "files", "calls", "models", "answers", "signals", "run", "draws"];
        let fields = self.mock.as_map().into_iter().flatten();
        let mut world: Vec<(String, Value)> = fields
            .filter(|(key, _)| !own.contains(&&***key))
            .map(|(key, value)| (key.to_string(), value.clone()))
            .collect();
        world.extend(self.mock.get("models").map(|models| ("models".into(), turns(models))));
        let case = Value::record([("world", Value::record(world))]);
        Script::of(&case).map_err(|why| why.replace("`world", "`mock"))
    }
}

/// Answers of models: a list as in a plugin's case, or the answers of each by its name.
fn turns(models: &Value) -> Value {
    let Some(named) = models.as_map() else { return models.clone() };
    let turn = |model: &str, answer: &Value| match answer {
        Value::Map(fields) => {
            let fields = fields.iter().map(|(key, value)| (key.clone(), value.clone()));
            Value::record(fields.chain([("model".into(), Value::from(model))]))
        }
        text => {
            let text = text.as_str().map_or_else(|| text.to_json(), str::to_owned);
            Value::record([("model", Value::from(model)), ("text", text.into())])
        }
    };
    Value::list(named.iter().flat_map(|(model, answers)| match answers {
        Value::List(answers) => answers.iter().map(|answer| turn(model, answer)).collect(),
        one => vec![turn(model, one)],
    }))
}

fn entries<'a>(
    of: &'a Value,
    key: &str,
) -> impl Iterator<Item = (&'a std::sync::Arc<str>, &'a Value)> {
    of.get(key).and_then(Value::as_map).into_iter().flatten()
}

/// The path of a key: without iterations, aliases of sub-flows in front.
fn path_of(key: &str) -> Result<String, String> {
    let (aliases, address) = key.rsplit_once('/').map_or(("", key), |(a, b)| (a, b));
    let address: Address = address.parse().map_err(|e| format!("`{key}`: {e}"))?;
    Ok(match aliases {
        "" => address.static_path(),
        aliases => format!("{aliases}/{}", address.static_path()),
    })
}

#[derive(Default)]
struct Faults {
    attempts: Vec<AttemptFault>,
    refused: Vec<cleargate_flow::grant::HostPattern>,
    store: StoreFaults,
}

impl Faults {
    fn add(&mut self, fault: &Value) -> Result<(), String> {
        let keys: Vec<&str> = fault.as_map().into_iter().flatten().map(|(key, _)| &**key).collect();
        let number = |of: &Value, key: &str| {
            let n = of.get(key).and_then(Value::as_int);
            n.and_then(|n| u64::try_from(n).ok())
                .ok_or_else(|| format!("`fault.{key}` is a number"))
        };
        let only = |known: &[&str]| match keys.iter().all(|key| known.contains(key)) {
            true => Ok(()),
            false => Err(FAULT.to_owned()),
        };
        if keys.contains(&"crash_after") {
            only(&["crash_after"])?;
            self.store.crashes.push(number(fault, "crash_after")?);
            self.store.crashes.sort_unstable();
        } else if let Some(host) = fault.get("refuse").and_then(Value::as_str) {
            only(&["refuse"])?;
            self.refused.push(host.parse().map_err(|e| format!("`fault.refuse`: {e}"))?);
        } else if let Some(full) = fault.get("store_full") {
            only(&["store_full"])?;
            let times = u32::try_from(number(full, "times")?).unwrap_or(u32::MAX);
            self.store.full.push((number(full, "after")?, times));
        } else if let Some(node) = fault.get("node").and_then(Value::as_str) {
            only(&["node", "attempt", "code", "message"])?;
            let code = fault.get("code").and_then(Value::as_str).unwrap_or("transient");
            let code: ErrorCode = code.parse()?;
            let message = fault.get("message").and_then(Value::as_str);
            let error = NodeError::new(code, message.unwrap_or("the case lets it fail"));
            let attempt = match fault.get("attempt") {
                Some(_) => u32::try_from(number(fault, "attempt")?).unwrap_or(u32::MAX),
                None => 1,
            };
            self.attempts.push(AttemptFault { node: node.into(), attempt, error });
        } else {
            return Err(FAULT.into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_nothing_is_named_with_its_line_and_what_is_near() {
        let expect = "expect: { output: 1 }";
        for (text, said) in [
            (
                format!("cases:\n  - nam: x\n    {expect}"),
                "a.test.yaml:2: a case has no key `nam`; did you mean `name`?",
            ),
            ("cases:\n  - name: x".into(), ":2: a case needs `expect`"),
            ("cases:\n  - name: x\n    expect: {}".into(), ":3: the case expects nothing"),
            (
                "name: x\nexpect: { outputs: 1 }".into(),
                ":2: `expect` has no key `outputs`; did you mean `output`?",
            ),
            (
                format!("name: x\nmock: {{ nods: {{}} }}\n{expect}"),
                ":2: `mock` has no key `nods`; did you mean `nodes`?",
            ),
            (
                format!("name: x\nmock: {{ nodes: {{ a: 1 }} }}\n{expect}"),
                "`mock.nodes.a`: it is `{ value",
            ),
            (format!("name: x\nmock: {{ nodes: {{ A: {{ value: 1 }} }} }}\n{expect}"), "`A` is no"),
            (format!("name: x\nmock: {{ now: noon }}\n{expect}"), "`mock.now`"),
            (
                format!("name: x\nmock: {{ http: [ {{ url: 'https://a' }} ] }}\n{expect}"),
                "it needs a `response`",
            ),
            (format!("name: x\nfault: [ {{ crash_at: 3 }} ]\n{expect}"), "a fault is"),
            (
                format!("name: x\nfault: [ {{ crash_after: soon }} ]\n{expect}"),
                "`fault.crash_after` is a number",
            ),
            (format!("name: x\nfault: [ {{ node: a, code: odd }} ]\n{expect}"), "odd"),
            (format!("name: x\nfault: [ {{ refuse: 'A b' }} ]\n{expect}"), "`fault.refuse`"),
            (format!("name: x\nfault: {{ node: a }}\n{expect}"), "a fault is"),
            (
                "name: x\nexpect: { error: { kode: limit } }".into(),
                "`expect.error` has no key `kode`",
            ),
            ("cases: []".into(), "it has 0 cases"),
            ("cases: 3".into(), "`cases` is a list"),
            (String::new(), "it is empty"),
            ("a: [".into(), "no readable YAML"),
        ] {
            let why = CaseFile::parse(Path::new("a.test.yaml"), &text).unwrap_err().to_string();
            assert!(why.contains(said), "{text}\n{why}");
        }
    }

    #[test]
    fn models_answer_by_name_or_by_rule() {
        for (models, wanted) in [
            (
                r#"{"smart":["a",{"json":{"x":1}}]}"#,
                r#"[{"model":"smart","text":"a"},{"json":{"x":1},"model":"smart"}]"#,
            ),
            (r#"{"smart":"a"}"#, r#"[{"model":"smart","text":"a"}]"#),
            (
                r#"[{"model":"m","contains":{},"text":"t"}]"#,
                r#"[{"model":"m","contains":{},"text":"t"}]"#,
            ),
        ] {
            assert_eq!(turns(&Value::from_json(models).unwrap()).to_json(), wanted);
        }
    }

    #[test]
    fn one_case_may_be_the_whole_file() {
        let text = "name: whole\nflow: ./a.yaml\ninput: { n: 1 }\nfault:\n  - { crash_after: 7 }\n  - { crash_after: 3 }\nexpect: { status: succeeded }\n";
        let file = CaseFile::parse(Path::new("a.yaml"), text).unwrap();
        let staged = file.cases[0].staged().unwrap();
        assert_eq!(staged.faults.crashes, [3, 7]);
        assert_eq!(file.cases[0].flow.as_deref(), Some("./a.yaml"));
    }
}

//! Golden cases: what a plugin must answer, written in YAML beside it.
//!
//! A case drives the component, not its source, so the same cases hold for every language. The world around
//! it is in memory: a fixed clock, a seeded random source, stores and a network that hold what `world:` says.
//!
//! ```yaml
//! cases:
//!   - name: an address is found
//!     call: { node: redact }            # or tool: …, guardrail: check, filter: before | after | on_chunk
//!     input: { text: "a@b.example" }    # the content for a guardrail; { text, carry, last } for on_chunk
//!     config: {}
//!     expect: { contains: { counts: { email: 1 } }, max_fuel: 2M }
//!   - name: nonsense is refused
//!     call: { node: redact }
//!     input: {}
//!     expect: { error: { code: invalid_input } }
//! ```

mod bench;
mod compare;
mod pure;
mod script;
mod world;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cleargate_flow::diagnostic::suggest;
use cleargate_flow::grant::Grants;
use cleargate_flow::limits::{Layer, Limits, Unit};
use cleargate_flow::{Usage, Value, document};
use cleargate_registry::Manifest;
use cleargate_runtime::describe::Described;
use cleargate_runtime::plugin::{Judgement, Piece, Stage};
use cleargate_runtime::{CallContext, Called, Caller, Fault, Plugin, Runtime};
use serde::Serialize;

use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::plugins::read;

pub use bench::{BenchReport, CaseCost, Quantiles, bench_plugin};

/// Cases that one plugin may have.
const MAX_CASES: usize = 10_000;

/// Keys of a case, of `expect`, and of `expect.error`: a key that means nothing would check nothing.
const CASE: [&str; 8] = ["name", "call", "stage", "request", "input", "config", "world", "expect"];
const EXPECT: [&str; 6] = ["output", "contains", "verdict", "error", "kv", "max_fuel"];
const ERROR: [&str; 2] = ["code", "message"];

/// What became of a plugin's cases.
#[derive(Clone, Debug, Serialize)]
pub struct TestReport {
    /// In the order of the files.
    pub cases: Vec<CaseReport>,
}

/// What became of one case.
#[derive(Clone, Debug, Serialize)]
pub struct CaseReport {
    /// File and name.
    pub name: String,
    /// Whether everything was as expected.
    pub passed: bool,
    /// What was not, one sentence each.
    pub differences: Vec<String>,
    /// What the call used.
    pub usage: Usage,
}

/// Runs the golden cases of the project in `folder` against its component.
///
/// # Errors
/// The component cannot be loaded, or a case file is not in the form of a case file. A case that fails is no
/// error: it is in the report.
pub async fn test_plugin(
    config: &Config,
    folder: &Path,
    bytes: &[u8],
    filter: Option<&str>,
) -> Result<TestReport> {
    let (_, manifest) = read(bytes)?;
    let plugin = load(&engine(config, Some(config.cache()))?, bytes, &manifest.permissions).await?;
    let offers = plugin.describe().await.map_err(|e| {
        Error::new(Kind::Invalid, "the component says nothing of use about itself").caused_by(&e)
    })?;
    let mut report = TestReport { cases: Vec::new() };
    for (name, case) in cases(folder, &manifest, filter)? {
        report.cases.push(match target(&offers, &case) {
            Ok(()) if pure::promised(&offers, &case) => {
                pure::run(&plugin, &manifest, name, &case).await
            }
            Ok(()) => run(&plugin, &manifest, name, &case).await,
            Err(why) => broken(name, why),
        });
    }
    Ok(report)
}

/// The cases of a project with their names; at least one.
fn cases(folder: &Path, manifest: &Manifest, filter: Option<&str>) -> Result<Vec<(String, Value)>> {
    let mut found = Vec::new();
    for path in files(folder, manifest)? {
        let text = std::fs::read_to_string(&path).map_err(|e| bad(&path, &e.to_string()))?;
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        for case in parse(&path, &text)? {
            let name =
                format!("{stem}: {}", case.get("name").and_then(Value::as_str).unwrap_or("?"));
            if filter.is_none_or(|filter| name.contains(filter)) {
                found.push((name, case));
            }
        }
    }
    if found.is_empty() {
        let why = match filter {
            Some(filter) => format!("no case of {} contains `{filter}`", folder.display()),
            None => format!("{} has no cases", folder.display()),
        };
        return Err(Error::new(Kind::Invalid, why).with_help("write them in `cases/*.yaml`"));
    }
    Ok(found)
}

fn engine(config: &Config, cache: Option<PathBuf>) -> Result<Runtime> {
    Runtime::new(config.runtime(cache))
        .map_err(|e| Error::new(Kind::Bug, "no engine").caused_by(&e))
}

async fn load(runtime: &Runtime, bytes: &[u8], requests: &Grants) -> Result<Plugin> {
    let harmless = cleargate_flow::grant::Service::ALL.into_iter().collect();
    let grants = Grants { services: harmless, ..Grants::default() }.union(requests);
    runtime
        .load(bytes.into(), &grants)
        .await
        .map_err(|e| Error::new(Kind::Invalid, "the component cannot be loaded").caused_by(&e))
}

/// The case files that the manifest names: `cases/*.yaml` when it names none.
fn files(folder: &Path, manifest: &Manifest) -> Result<Vec<PathBuf>> {
    let pattern = manifest.test.as_ref().map_or("cases/*.yaml", |test| test.cases.as_str());
    let (place, name) = pattern.rsplit_once('/').unwrap_or((".", pattern));
    let (start, end) = name.split_once('*').unwrap_or((name, ""));
    let place = folder.join(place);
    let entries = std::fs::read_dir(&place).map_err(|e| bad(&place, &e.to_string()))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(start) && name.ends_with(end)
        })
        .collect();
    files.sort();
    Ok(files)
}

fn parse(path: &Path, text: &str) -> Result<Vec<Value>> {
    let (root, findings) = document::read(text);
    if let Some(finding) = findings.first() {
        let place = format!("line {}: {}", finding.span.line, finding.message);
        return Err(bad(path, &place));
    }
    let root = root.ok_or_else(|| bad(path, "it is empty"))?.to_value();
    let cases = root.get("cases").and_then(Value::as_list);
    let cases = cases.ok_or_else(|| bad(path, "it has no list `cases`"))?.to_vec();
    if cases.len() > MAX_CASES {
        return Err(bad(path, &format!("more than {MAX_CASES} cases")));
    }
    for (case, number) in cases.iter().zip(1..) {
        let error = case.get("expect").and_then(|expect| expect.get("error"));
        for (part, keys) in
            [(Some(case), &CASE[..]), (case.get("expect"), &EXPECT), (error, &ERROR)]
        {
            let mut written = part.and_then(Value::as_map).into_iter().flat_map(|map| map.keys());
            if let Some(key) = written.find(|key| !keys.contains(&&***key)) {
                let known = keys.join(", ");
                let why = format!("case {number} has the key `{key}`; there are {known}");
                return Err(bad(path, &why));
            }
        }
    }
    Ok(cases)
}

fn bad(path: &Path, why: &str) -> Error {
    Error::new(Kind::Invalid, format!("{} is no case file: {why}", path.display()))
}

/// What a call answered, in the form that `expect` is compared with.
#[derive(PartialEq)]
enum Answer {
    Output(Value),
    Verdict(&'static str, Value),
}

/// A case that cannot be run.
fn broken(name: String, why: String) -> CaseReport {
    CaseReport { name, passed: false, differences: vec![why], usage: Usage::default() }
}

/// Whether the component offers what a case calls: what it does not offer is no defect of it.
fn target(offers: &[Described], case: &Value) -> Result<(), String> {
    let call = case.get("call").and_then(Value::as_map).and_then(|call| call.first());
    let Some((kind, id)) = call else { return Ok(()) };
    let id = id.as_str().unwrap_or_default();
    let near = |word: &str, words: &[&str]| {
        suggest(word, words.iter().copied()).map_or_else(String::new, |hint| format!("; {hint}"))
    };
    let all: Vec<String> =
        offers.iter().map(|one| format!("{}: {}", one.kind.as_str(), one.id)).collect();
    let all = all.join(", ");
    let same = |one: &&Described| one.kind.as_str() == &**kind;
    if !offers.iter().any(|one| same(&one)) {
        let kinds: Vec<&str> = offers.iter().map(|one| one.kind.as_str()).collect();
        let near = near(kind, &kinds);
        return Err(format!("`call`: the plugin has no {kind}{near}; there are {all}"));
    }
    let stages = ["before", "after", "on_chunk"];
    let ids: Vec<&str> = match &**kind {
        "guardrail" => return Ok(()),
        "filter" => stages.to_vec(),
        _ => offers.iter().filter(same).map(|one| one.id.as_str()).collect(),
    };
    if ids.contains(&id) {
        return Ok(());
    }
    let near = near(id, &ids);
    Err(format!("`call`: there is no {kind} `{id}`{near}; there are {}", ids.join(", ")))
}

async fn run(plugin: &Plugin, manifest: &Manifest, name: String, case: &Value) -> CaseReport {
    match world(case) {
        Ok(world) => run_in(world, plugin, manifest, name, case).await.0,
        Err(why) => broken(name, why),
    }
}

/// The world that the case describes.
fn world(case: &Value) -> Result<world::Mock, String> {
    let config = case.get("config").cloned().unwrap_or_else(Value::empty);
    world::Mock::new(config, script::Script::of(case)?)
}

/// One call in that world; its answer, when there is one.
async fn run_in(
    world: world::Mock,
    plugin: &Plugin,
    manifest: &Manifest,
    name: String,
    case: &Value,
) -> (CaseReport, Option<Answer>) {
    let world = Arc::new(world);
    let caller = Caller {
        context: CallContext {
            run_id: "test".into(),
            address: "case".into(),
            attempt: 1,
            deadline: None,
            idempotency_key: "test-case".into(),
            binding: "plugin".into(),
            tenant: "default".into(),
            trace_parent: None,
        },
        limits: Limits::combine(&[(Layer::Manifest, manifest.limits)]),
        world: world.clone(),
    };
    let called = match call(plugin, &caller, case).await {
        Ok(called) => called,
        Err(why) => return (broken(name, why), None),
    };
    let expect = case.get("expect").cloned().unwrap_or_default();
    let mut differences = match &called.result {
        Ok(answer) => expected(&expect, answer),
        Err(fault) => expected_error(&expect, fault),
    };
    differences.extend(fuel(&expect, called.usage));
    differences.extend(world.unasked());
    if let Some(kv) = expect.get("kv") {
        compare::contains("kv", kv, &world.kv(), &mut differences);
    }
    let passed = differences.is_empty();
    (CaseReport { name, passed, differences, usage: called.usage }, called.result.ok())
}

async fn call(plugin: &Plugin, caller: &Caller, case: &Value) -> Result<Called<Answer>, String> {
    let call = case.get("call").and_then(Value::as_map).filter(|call| call.len() == 1);
    let (kind, id) =
        call.and_then(|call| call.first()).ok_or("`call` must be one kind and a name")?;
    let id = id.as_str().unwrap_or_default();
    let input = case.get("input").cloned().unwrap_or_else(Value::empty);
    let config = case.get("config").cloned().unwrap_or_else(Value::empty);
    let output = |called: Called<Value>| Called {
        result: called.result.map(Answer::Output),
        usage: called.usage,
    };
    Ok(match (&**kind, id) {
        ("node", id) => output(plugin.run(id, caller, &input).await),
        ("tool", id) => output(plugin.call(id, caller, &input).await),
        ("guardrail", _) => {
            let stage = stage(case.get("stage").and_then(Value::as_str).unwrap_or("output"));
            let judged = plugin.check(caller, stage, &input, &config).await;
            Called { result: judged.result.map(verdict), usage: judged.usage }
        }
        ("filter", "before") => output(plugin.before(caller, &input, &config).await),
        ("filter", "after") => {
            let request = case.get("request").cloned().unwrap_or_else(Value::empty);
            output(plugin.after(caller, &request, &input, &config).await)
        }
        ("filter", "on_chunk") => {
            let field = |name: &str| input.get(name).cloned().unwrap_or_default();
            let piece = Piece {
                text: field("text").as_str().unwrap_or_default().into(),
                carry: field("carry"),
                last: field("last").as_bool().unwrap_or(false),
            };
            let called = plugin.on_chunk(caller, piece, &config).await;
            let record = |(text, carry): (String, Value)| {
                Answer::Output(Value::record([("text", text.into()), ("carry", carry)]))
            };
            Called { result: called.result.map(record), usage: called.usage }
        }
        (kind, id) => {
            return Err(format!("`call: {{ {kind}: {id} }}` is nothing that can be called"));
        }
    })
}

fn stage(name: &str) -> Stage {
    match name {
        "input" => Stage::Input,
        "output" => Stage::Output,
        "tool_call" => Stage::ToolCall,
        "tool_result" => Stage::ToolResult,
        other => Stage::Other(other.into()),
    }
}

fn verdict(judgement: Judgement) -> Answer {
    let findings = |found: Vec<cleargate_runtime::plugin::Finding>| {
        Value::list(found.into_iter().map(|f| {
            Value::record([
                ("label", f.label.into()),
                ("message", f.message.into()),
                ("path", Value::from(f.path)),
            ])
        }))
    };
    match judgement {
        Judgement::Pass => Answer::Verdict("pass", Value::empty()),
        Judgement::Modify(content, found) => Answer::Verdict(
            "modify",
            Value::record([("content", content), ("findings", findings(found))]),
        ),
        Judgement::Reject(reason, found) => Answer::Verdict(
            "reject",
            Value::record([("reason", reason.into()), ("findings", findings(found))]),
        ),
        Judgement::Escalate(reason, found) => Answer::Verdict(
            "escalate",
            Value::record([("reason", reason.into()), ("findings", findings(found))]),
        ),
    }
}

fn expected(expect: &Value, answer: &Answer) -> Vec<String> {
    if let Some(error) = expect.get("error") {
        let got = match answer {
            Answer::Output(value) | Answer::Verdict(_, value) => value.to_json(),
        };
        return vec![format!("expected the error {}, got {got}", error.to_json())];
    }
    let mut differences = Vec::new();
    let value = match answer {
        Answer::Output(value) => {
            if expect.get("verdict").is_some() {
                differences.push("verdict: only a guardrail gives one".into());
            }
            value
        }
        Answer::Verdict(word, value) => {
            let wanted = expect.get("verdict").and_then(Value::as_str);
            if let Some(wanted) = wanted.filter(|wanted| wanted != word) {
                differences.push(format!("verdict: expected {wanted}, got {word}"));
            }
            value
        }
    };
    if let Some(exact) = expect.get("output") {
        compare::exact("output", exact, value, &mut differences);
    }
    if let Some(part) = expect.get("contains") {
        compare::contains("output", part, value, &mut differences);
    }
    let said = ["output", "contains", "verdict", "kv"].iter().any(|key| expect.get(key).is_some());
    if !said {
        differences
            .push("the case expects nothing: write output, contains, verdict or error".into());
    }
    differences
}

fn expected_error(expect: &Value, fault: &Fault) -> Vec<String> {
    let error: cleargate_flow::NodeError = fault.clone().into();
    let Some(wanted) = expect.get("error") else {
        return vec![format!("expected an answer, got the error {error}")];
    };
    let mut differences = Vec::new();
    let code = wanted.get("code").and_then(Value::as_str).unwrap_or_default();
    if code != error.code.as_str() {
        differences.push(format!("error code: expected {code}, got {error}"));
    }
    let words = wanted.get("message").and_then(Value::as_str).unwrap_or_default();
    if !error.message.contains(words) {
        differences.push(format!("error message: expected `{words}` in `{}`", error.message));
    }
    differences
}

fn fuel(expect: &Value, usage: Usage) -> Option<String> {
    let most = expect.get("max_fuel")?.to_string();
    let most = match Unit::Count.parse(&most) {
        Ok(most) => most,
        Err(why) => return Some(format!("max_fuel: {why}")),
    };
    (usage.fuel > most).then(|| format!("fuel: used {}, at most {most}", usage.fuel))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_means_nothing_is_refused_and_named() {
        for (case, refused) in [
            ("{ name: a, call: { node: b }, expect: { output: 1, max_fuel: 1M } }", None),
            ("{ name: a, call: { node: b }, expects: { output: 1 } }", Some("`expects`")),
            ("{ call: { node: b }, expect: { contain: 1, output: 1 } }", Some("`contain`")),
            ("{ expect: { error: { code: limit, massage: x } } }", Some("`massage`")),
        ] {
            let read = parse(Path::new("a.yaml"), &format!("cases:\n  - {case}\n"));
            match (read, refused) {
                (Ok(cases), None) => assert_eq!(cases.len(), 1),
                (Err(error), Some(key)) => assert!(error.message.contains(key), "{error}"),
                (read, _) => panic!("{case}: {read:?}"),
            }
        }
    }

    #[test]
    fn what_the_plugin_does_not_offer_is_named_with_what_it_does() {
        use cleargate_flow::signature::{Effect, PluginKind, Signature};
        let offer = |kind, id: &str| Described {
            kind,
            id: id.into(),
            signature: Signature {
                summary: String::new(),
                input: Default::default(),
                open: false,
                output: "any".parse().unwrap(),
                config: Default::default(),
                texts: Vec::new(),
                effect: Effect::Pure,
                requests: Grants::default(),
                limits: Limits::default(),
                origin: String::new(),
            },
        };
        let offers = [
            offer(PluginKind::Tool, "count_words"),
            offer(PluginKind::Tool, "shout"),
            offer(PluginKind::Filter, "masked"),
        ];
        for (call, said) in [
            (r#"{"tool":"shout"}"#, &[][..]),
            (r#"{"filter":"on_chunk"}"#, &[]),
            (r#"{"tool":"shuot"}"#, &["no tool `shuot`", "`shout`?", "count_words, shout"]),
            (r#"{"tol":"shout"}"#, &["no tol", "`tool`?", "tool: shout, filter: masked"]),
            (r#"{"node":"shout"}"#, &["no node", "tool: shout"]),
            (r#"{"filter":"masked"}"#, &["no filter `masked`", "before, after, on_chunk"]),
        ] {
            let case = Value::from_json(&format!(r#"{{"call":{call}}}"#)).unwrap();
            let refused = target(&offers, &case).err().unwrap_or_default();
            assert_eq!(refused.is_empty(), said.is_empty(), "{call}: {refused}");
            assert!(said.iter().all(|words| refused.contains(words)), "{call}: {refused}");
        }
    }

    #[test]
    fn a_verdict_is_not_expected_of_what_gives_none() {
        let expect = Value::from_json(r#"{"verdict":"pass"}"#).unwrap();
        assert!(expected(&expect, &Answer::Verdict("pass", Value::empty())).is_empty());
        assert!(!expected(&expect, &Answer::Verdict("reject", Value::empty())).is_empty());
        assert!(!expected(&expect, &Answer::Output(Value::empty())).is_empty());
    }
}

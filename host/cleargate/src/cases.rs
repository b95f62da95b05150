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
pub(crate) mod chance;
pub(crate) mod compare;
mod examples;
pub(crate) mod exchanges;
mod expect;
pub(crate) mod faults;
pub(crate) mod peers;
mod record;
mod repeat;
mod rewrite;
pub(crate) mod script;
pub(crate) mod world;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cleargate_flow::diagnostic::suggest;
use cleargate_flow::grant::{Grants, HostPattern};
use cleargate_flow::limits::{Effective, Layer, Limits, TABLE, Unit};
use cleargate_flow::signature::PluginKind;
use cleargate_flow::{Usage, Value, document};
use cleargate_registry::Manifest;
use cleargate_runtime::describe::Described;
use cleargate_runtime::plugin::{Judgement, Piece, Stage};
use cleargate_runtime::{CallContext, Called, Caller, Plugin, Runtime};
use serde::Serialize;

use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::owned_file::Readers;
use crate::plugins::read;

use expect::{Answer, at_most, expected, expected_error};

pub use examples::count_cases;
pub(crate) use examples::examples;

pub use bench::{BenchReport, CaseBudget, CaseCost, Quantiles, bench_plugin};

/// Cases that one plugin may have.
pub(crate) const MAX_CASES: usize = 10_000;

/// Keys of a case, of `expect`, and of `expect.error`: a key that means nothing would check nothing.
const CASE: [&str; 9] =
    ["name", "call", "stage", "request", "input", "config", "limits", "world", "expect"];
const EXPECT: [&str; 8] =
    ["output", "contains", "verdict", "error", "kv", "log", "max_fuel", "max_memory"];
const ERROR: [&str; 2] = ["code", "message"];

/// How cases are run.
#[derive(Clone, Debug, Default)]
pub struct TestOptions {
    /// Only cases whose name contains this.
    pub filter: Option<String>,
    /// Lets cases without answers of the network ask the real one, and writes the answers into their files. Hosts in the
    /// form of `[permissions]`: what the manifest asks for and this covers may be reached.
    pub record: Option<Vec<String>>,
}

/// What became of a plugin's cases.
#[derive(Clone, Debug, Serialize)]
pub struct TestReport {
    /// In the order of the files.
    pub cases: Vec<CaseReport>,
    /// Files that got recorded answers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub recorded: Vec<Recording>,
}

/// Answers of the network that were written into a file of cases.
#[derive(Clone, Debug, Serialize)]
pub struct Recording {
    /// The file.
    pub file: PathBuf,
    /// Name of the case.
    pub case: String,
    /// What changed in the file: `-` before lines that are gone, `+` before new ones.
    pub difference: Vec<String>,
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

/// One case of a project.
struct Case {
    /// File and name.
    name: String,
    file: PathBuf,
    /// Number in its file, from 0.
    index: usize,
    value: Value,
}

/// What all cases of a project have in common.
struct Setting<'a> {
    manifest: &'a Manifest,
    /// The way to the real network, while cases are recorded.
    network: Option<record::Network>,
}

impl Setting<'_> {
    /// The bounds of a case: its own, within those of the manifest.
    fn limits(&self, case: &Case) -> Result<Effective, String> {
        let mut limits = Limits::default();
        for (name, value) in case.value.get("limits").and_then(Value::as_map).into_iter().flatten()
        {
            let row = TABLE.iter().find(|row| row.name == &**name);
            let row = row.ok_or_else(|| {
                let names: Vec<&str> = TABLE.iter().map(|row| row.name).collect();
                format!("`limits`: there is no `{name}`; there are {}", names.join(", "))
            })?;
            let bound = row.unit.parse(&value.to_string());
            limits.set(name, bound.map_err(|e| format!("`limits.{name}`: {e}"))?);
        }
        Ok(Limits::combine(&[(Layer::Manifest, self.manifest.limits), (Layer::Node, limits)]))
    }

    /// The world that the case describes.
    fn world(&self, case: &Case) -> Result<world::Mock, String> {
        let config = case.value.get("config").cloned().unwrap_or_else(Value::empty);
        let script = script::Script::of(&case.value)?;
        let limits = self.limits(case)?;
        let open = script.http.is_none() || script.record;
        let world = world::Mock::new(config, script, limits.time.value)?;
        Ok(match &self.network {
            Some(network) if open => world.recording(network.recorder(&limits)),
            _ => world,
        })
    }
}

/// Runs the golden cases of the project in `folder` against its component.
///
/// # Errors
/// The component cannot be loaded, or a case file is not in the form of a case file; recorded answers cannot be
/// written. A case that fails is no error: it is in the report.
pub async fn test_plugin(
    config: &Config,
    folder: &Path,
    bytes: &[u8],
    options: &TestOptions,
) -> Result<TestReport> {
    let (_, manifest) = read(bytes)?;
    let network = options.record.as_deref().map(|allow| network(config, &manifest, allow));
    let setting = Setting { manifest: &manifest, network: network.transpose()? };
    let plugin = load(&engine(config, Some(config.cache()))?, bytes, &manifest.asked()).await?;
    let offers = plugin.describe().await.map_err(|e| {
        Error::new(Kind::Invalid, "the component says nothing of use about itself").caused_by(&e)
    })?;
    let mut report = TestReport { cases: Vec::new(), recorded: Vec::new() };
    for case in cases(folder, &manifest, options.filter.as_deref())? {
        report.cases.push(match target(&offers, &case.value) {
            Ok(()) if setting.network.is_some() => {
                let (report_of_case, recording) = record_case(&plugin, &setting, &case).await?;
                report.recorded.extend(recording);
                report_of_case
            }
            Ok(()) => repeat::run(&plugin, &setting, &offers, &case).await,
            Err(why) => broken(&case, why),
        });
    }
    Ok(report)
}

fn network(config: &Config, manifest: &Manifest, allow: &[String]) -> Result<record::Network> {
    let host = |text: &String| {
        text.parse().map_err(|e: cleargate_flow::grant::GrantError| {
            Error::new(Kind::Invalid, "this cannot be allowed").caused_by(&e)
        })
    };
    let allow: Vec<HostPattern> = allow.iter().map(host).collect::<Result<_>>()?;
    record::Network::new(config, &manifest.asked(), &allow)
}

/// Runs a case, with the real network where it has no answers. What came is written down when the call met no refusal:
/// an answer that belongs to half a call would be no golden one.
async fn record_case(
    plugin: &Plugin,
    setting: &Setting<'_>,
    case: &Case,
) -> Result<(CaseReport, Option<Recording>)> {
    let world = match setting.world(case) {
        Ok(world) => Arc::new(world),
        Err(why) => return Ok((broken(case, why), None)),
    };
    let (mut report, _) = run_with(&world, plugin, setting, case).await;
    let answers = match world.recorded() {
        Ok(answers) if answers.is_empty() => return Ok((report, None)),
        Ok(answers) => answers,
        Err(failed) => {
            report.passed = false;
            report.differences.extend(failed);
            return Ok((report, None));
        }
    };
    let text = std::fs::read_to_string(&case.file).map_err(|e| bad(&case.file, &e.to_string()))?;
    let edited = rewrite::with_answers(&text, case.index, &answers).map_err(|why| {
        let what = format!("{}: the answers cannot be written into the case", case.name);
        let mut error = Error::new(Kind::Invalid, what);
        error.causes.push(why);
        error.with_help(format!(
            "put this under `world:` of the case, http: {}",
            Value::list(answers.iter().map(record::Recorded::to_value)).to_json()
        ))
    })?;
    let difference = rewrite::difference(&text, &edited);
    if edited == text {
        return Ok((report, None));
    }
    crate::owned_file::replace(&case.file, edited.as_bytes(), Readers::Everyone)?;
    let recording = Recording { file: case.file.clone(), case: case.name.clone(), difference };
    Ok((report, Some(recording)))
}

/// The cases of a project with their names; at least one.
fn cases(folder: &Path, manifest: &Manifest, filter: Option<&str>) -> Result<Vec<Case>> {
    let mut found = Vec::new();
    for path in files(folder, manifest)? {
        let text = std::fs::read_to_string(&path).map_err(|e| bad(&path, &e.to_string()))?;
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        for (index, value) in parse(&path, &text)?.into_iter().enumerate() {
            let name = value.get("name").and_then(Value::as_str).unwrap_or("?");
            let name = format!("{stem}: {name}");
            if filter.is_none_or(|filter| name.contains(filter)) {
                found.push(Case { name, file: path.clone(), index, value });
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

/// A case that cannot be run.
fn broken(case: &Case, why: String) -> CaseReport {
    CaseReport {
        name: case.name.clone(),
        passed: false,
        differences: vec![why],
        usage: Usage::default(),
    }
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

/// One call in that world; its answer, when there is one.
async fn run_in(
    world: world::Mock,
    plugin: &Plugin,
    setting: &Setting<'_>,
    case: &Case,
) -> (CaseReport, Option<Answer>) {
    run_with(&Arc::new(world), plugin, setting, case).await
}

async fn run_with(
    world: &Arc<world::Mock>,
    plugin: &Plugin,
    setting: &Setting<'_>,
    case: &Case,
) -> (CaseReport, Option<Answer>) {
    let limits = match setting.limits(case) {
        Ok(limits) => limits,
        Err(why) => return (broken(case, why), None),
    };
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
        limits,
        world: world.clone(),
    };
    let called = match call(plugin, &caller, &case.value).await {
        Ok(called) => called,
        Err(why) => return (broken(case, why), None),
    };
    let expect = case.value.get("expect").cloned().unwrap_or_default();
    let mut differences = match &called.result {
        Ok(answer) => expected(&expect, answer),
        Err(fault) => expected_error(&expect, fault),
    };
    let (fuel, memory) = (called.usage.fuel, called.usage.peak_memory);
    differences.extend(at_most(&expect, "max_fuel", Unit::Count, fuel));
    differences.extend(at_most(&expect, "max_memory", Unit::Bytes, memory));
    differences.extend(world.unasked());
    if let Some(lines) = expect.get("log") {
        compare::exact("log", lines, &world.lines(), &mut differences);
    }
    if let Some(kv) = expect.get("kv") {
        compare::contains("kv", kv, &world.kv(), &mut differences);
    }
    let (name, passed) = (case.name.clone(), differences.is_empty());
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
        (kind, id) if part(kind).is_some() => {
            let kind = part(kind).expect("it is one");
            output(plugin.ask_part(kind, id, caller, &configured(&input, config)).await)
        }
        (kind, id) => {
            return Err(format!("`call: {{ {kind}: {id} }}` is nothing that can be called"));
        }
    })
}

/// The arguments of a function of a part, which has its configuration among them.
fn configured(input: &Value, config: Value) -> Value {
    let mut arguments = input.as_map().cloned().unwrap_or_default();
    arguments.entry("config".into()).or_insert(config);
    Value::Map(Arc::new(arguments))
}

/// The part that a case names: `embedder`, `cache`, …
fn part(name: &str) -> Option<PluginKind> {
    PluginKind::named(name).filter(|kind| kind.is_part())
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
                typed_by: None,
                program: false,
                model_key: None,
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
}

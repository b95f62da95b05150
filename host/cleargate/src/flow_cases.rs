//! Cases of flows: what a flow must do, written in YAML beside it, without touching the world.
//!
//! A case gives an input, says what the world answers, what goes wrong and what is expected; `host/flow/TESTING.md`
//! has all of it. Each case is a rehearsal: the flow's own plugins run, behind the same gate, and time is skipped.

mod coverage;
mod document;
mod expect;
mod find;
mod fixture;
mod snapshot;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cleargate_flow::diagnostic::suggest;
use cleargate_flow::{Usage, Value};
use serde::Serialize;

use self::coverage::Counting;
use self::document::{CaseFile, FlowCase, Staged};
use self::snapshot::Snapshots;
use crate::error::{Error, Kind, Result};
use crate::flows::Flow;
use crate::host::{Host, complete};
use crate::rehearsal::{Rehearsal, Trace};

pub use coverage::{Coverage, Place};

/// How cases of flows are run.
#[derive(Clone, Debug, Default)]
pub struct FlowTestOptions {
    /// Only cases whose name contains this.
    pub filter: Option<String>,
    /// What a case of `snapshot: true` gives is its snapshot from now on.
    pub update: bool,
    /// Refuses to change a lock file.
    pub locked: bool,
}

/// What became of cases.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FlowTestReport {
    /// In the order of the files.
    pub cases: Vec<FlowCaseReport>,
    /// Of each flow that has a case, in the order in which they came first.
    pub coverage: Vec<Coverage>,
    /// Files of snapshots that were written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub updated: Vec<PathBuf>,
}

/// What became of one case.
#[derive(Clone, Debug, Serialize)]
pub struct FlowCaseReport {
    /// Its file, and the line there.
    pub file: String,
    /// Its name.
    pub name: String,
    /// Whether everything was as expected.
    pub passed: bool,
    /// What was not, one sentence each.
    pub differences: Vec<String>,
    /// `succeeded`, `failed` or `cancelled`; `running` for a run without end; empty when there was none.
    pub status: String,
    /// Milliseconds that the run took in its own time.
    pub latency_ms: u64,
    /// Sums over all attempts; the greatest for memory.
    pub usage: Usage,
}

impl Host {
    /// Runs the cases of flows: `places` are files of cases, flows, and folders with flows below them. Nothing of the
    /// world is touched, but by a node that a case lets out with `live: true`.
    ///
    /// # Errors
    /// A place has no cases, a file is not in the form of one, or a flow cannot be loaded. A case that fails is no
    /// error: it is in the report.
    pub async fn test_flows(
        &self,
        places: &[PathBuf],
        options: &FlowTestOptions,
    ) -> Result<FlowTestReport> {
        let mut files = Vec::new();
        for place in places {
            // The same file by the same name, wherever it was found from.
            let place = self.config.folder.join(place);
            let place = place.canonicalize().unwrap_or(place);
            for file in find::files(&place)? {
                if !files.contains(&file) {
                    files.push(file);
                }
            }
        }
        let mut all = Bench { host: self, options, flows: BTreeMap::new(), order: Vec::new() };
        let mut report = FlowTestReport::default();
        for file in &files {
            all.file(file, &mut report).await?;
        }
        if report.cases.is_empty() {
            let why = match &options.filter {
                Some(filter) => format!("no case contains `{filter}`"),
                None => "there are no cases".into(),
            };
            return Err(Error::new(Kind::Invalid, why).with_help(
                "write them beside a flow: review.yaml has review.test.yaml, or cases/*.yaml",
            ));
        }
        let order = std::mem::take(&mut all.order);
        let counted = order.iter().filter_map(|flow| all.flows.remove(flow));
        report.coverage = counted.map(|(_, counting)| counting.coverage()).collect();
        Ok(report)
    }
}

/// Flows that are loaded, with what their cases came through.
struct Bench<'h> {
    host: &'h Host,
    options: &'h FlowTestOptions,
    flows: BTreeMap<PathBuf, (Flow, Counting)>,
    order: Vec<PathBuf>,
}

impl Bench<'_> {
    async fn file(&mut self, path: &Path, report: &mut FlowTestReport) -> Result<()> {
        let CaseFile { path, cases } = CaseFile::read(path)?;
        let mut snapshots = Snapshots::beside(&path)?;
        for case in &cases {
            let wanted = self.options.filter.as_ref();
            if wanted.is_none_or(|filter| case.name.contains(filter.as_str())) {
                report.cases.push(self.case(&path, case, &mut snapshots).await?);
            }
        }
        let folder = self.host.config.folder.canonicalize().unwrap_or_default();
        let shown =
            |path: PathBuf| path.strip_prefix(&folder).map(Path::to_path_buf).unwrap_or(path);
        report.updated.extend(snapshots.keep()?.map(shown));
        Ok(())
    }

    /// The flow of a case, loaded once.
    async fn flow(&mut self, file: &Path, case: &FlowCase) -> Result<PathBuf> {
        let path = find::flow_of(file, case.flow.as_deref())?;
        let path = path.canonicalize().unwrap_or(path);
        if !self.flows.contains_key(&path) {
            let flow = self.host.load(&path.to_string_lossy(), self.options.locked).await?;
            let counting = Counting::new(flow.graph(), &flow.pinned.source.name);
            self.flows.insert(path.clone(), (flow, counting));
            self.order.push(path.clone());
        }
        Ok(path)
    }

    async fn case(
        &mut self,
        file: &Path,
        case: &FlowCase,
        snapshots: &mut Snapshots,
    ) -> Result<FlowCaseReport> {
        let at = self.flow(file, case).await?;
        let (flow, counting) = self.flows.get_mut(&at).expect("it was just loaded");
        let folder = self.host.config.folder.canonicalize().unwrap_or_default();
        let shown = file.strip_prefix(folder).unwrap_or(file);
        let mut report = FlowCaseReport {
            file: format!("{}:{}", shown.display(), case.line),
            name: case.name.clone(),
            passed: false,
            differences: Vec::new(),
            status: String::new(),
            latency_ms: 0,
            usage: Usage::default(),
        };
        let rehearsal = match rehearsal(self.host, flow, case).await {
            Ok(rehearsal) => rehearsal,
            Err(why) => {
                report.differences.push(why.to_string());
                return Ok(report);
            }
        };
        let done = rehearsal.perform().await?;
        let trace = Trace::of(&flow.graph, &done.run, &done.records);
        counting.add(flow.graph(), &trace);
        report.differences = expect::differences(&case.expect, flow.graph(), &done, &trace);
        if case.expect.get("snapshot").and_then(Value::as_bool) == Some(true) {
            let update = self.options.update;
            report.differences.extend(snapshots.compare(&case.name, &trace, update));
        }
        report.passed = report.differences.is_empty();
        report.status = trace.status().to_owned();
        (report.latency_ms, report.usage) = (trace.latency_ms, trace.usage);
        Ok(report)
    }
}

/// The rehearsal that a case asks for.
async fn rehearsal(host: &Host, flow: &Flow, case: &FlowCase) -> Result<Rehearsal> {
    let invalid = |why: String| Error::new(Kind::Invalid, why);
    let Staged { mut props, faults, named } = case.staged().map_err(invalid)?;
    known(flow, &named)?;
    let mut input = case.input.clone();
    if let Some(run) = &case.from_run {
        let run = host.find_run(run).await?;
        let mut recording = host.recording(&run).await?;
        let then = std::mem::take(&mut recording.input);
        input = input.or(Some(then));
        let recorded = recording.props(&run);
        // What the case says itself counts.
        let said = |key: &str| case.mock.get(key).is_some();
        props.tape = props.tape.or(recorded.tape);
        props.run = props.run.or(recorded.run);
        props.now = if said("now") { props.now } else { recorded.now };
        if !said("draws") {
            props.draws = recorded.draws;
        }
        if !said("answers") && !said("signals") {
            props.people = recorded.people;
        }
    }
    let input = complete(&flow.graph, input.unwrap_or_else(Value::empty))?;
    Ok(Rehearsal { flow: flow.clone(), input, props, faults, config: host.config.clone() })
}

/// Refuses a node that there is none of: what a case says of it would never come about.
fn known(flow: &Flow, named: &[(String, String)]) -> Result<()> {
    let paths = paths(flow, "");
    for (path, place) in named {
        if paths.contains(path) {
            continue;
        }
        let near = suggest(path, paths.iter().map(String::as_str));
        let near = near.map_or_else(String::new, |hint| format!("; {hint}"));
        let why = format!("`{place}`: `{}` has no node `{path}`{near}", flow.id());
        return Err(Error::new(Kind::Invalid, why));
    }
    Ok(())
}

/// Paths of the nodes of a flow, those of its sub-flows behind their aliases.
fn paths(flow: &Flow, prefix: &str) -> Vec<String> {
    let own = coverage::paths(flow.graph()).into_iter().map(|path| format!("{prefix}{path}"));
    let inner = flow.catalog.flows.iter();
    let inner = inner.flat_map(|(alias, flow)| paths(flow, &format!("{prefix}{alias}/")));
    own.chain(inner).collect()
}

//! A recorded run as a case: its input, and what the world answered each time that a node asked.

use std::collections::HashMap;
use std::path::Path;

use cleargate_executor::child_id;
use cleargate_flow::document::MAX_BYTES;
use cleargate_flow::{Event, Outcome, Record, RunId, Value};

use crate::error::{Error, Kind, Result};
use crate::host::Host;
use crate::rehearsal::{People, Props, Reply, Signal, Tape, Taped};
use crate::runs::store_error;

/// A run with its sub-flows, as far as a rehearsal can use it.
#[derive(Default)]
pub(crate) struct Recording {
    pub input: Value,
    /// When it began, in milliseconds since 1970.
    pub began: u64,
    pub taped: Vec<Taped>,
    pub outcome: Option<Outcome>,
    /// What people answered and what the run was told of.
    pub replies: Vec<Reply>,
    pub signals: Vec<Signal>,
    /// What chance decided, in order.
    pub draws: Vec<u64>,
}

impl Recording {
    /// What a rehearsal of the same run is given.
    pub(crate) fn props(self, run: &RunId) -> Props {
        let Self { began, taped, replies, signals, draws, .. } = self;
        let people = People::new(replies, signals);
        let (run, tape) = (Some(run.clone()), Some(Tape::new(taped)));
        Props { run, people, draws, tape, now: began, ..Props::default() }
    }

    /// Takes what came to a run from outside.
    fn hear(&mut self, run: Option<&RunId>, records: &[Record]) {
        let mut opened = HashMap::new();
        for record in records {
            match &record.event {
                Event::TaskOpened { address, .. } => {
                    opened.entry(address.clone()).or_insert(record.at);
                }
                Event::TaskAnswered { address, by, answer, .. } => {
                    let asked = opened.get(address).copied().unwrap_or(record.at);
                    let after = u64::try_from(record.at.saturating_sub(asked)).unwrap_or_default();
                    let (node, by, answer) = (address.to_string(), by.clone(), answer.clone());
                    self.replies.push(Reply { node, by, after, answer });
                }
                // What a run of the same family told comes again by itself.
                Event::SignalReceived { name, by, payload, .. } if !by.starts_with("sub-") => {
                    let began = i64::try_from(self.began).unwrap_or(i64::MAX);
                    let after = u64::try_from(record.at.saturating_sub(began)).unwrap_or_default();
                    let (name, payload, to) = (name.clone(), payload.clone(), run.cloned());
                    self.signals.push(Signal { name, to, after, payload });
                }
                Event::Drawn { value, .. } => self.draws.push(*value),
                _ => {}
            }
        }
    }
}

impl Host {
    /// Reads a run and all runs inside it.
    pub(crate) async fn recording(&self, run: &RunId) -> Result<Recording> {
        let records = self.events(run).await?;
        let Some(Record { at, event: Event::RunStarted { input, .. }, .. }) = records.first()
        else {
            let why = format!("the journal of run `{run}` does not begin with its start");
            return Err(Error::new(Kind::Store, why));
        };
        let (input, began) = (input.clone(), u64::try_from(*at).unwrap_or_default());
        let outcome = records.iter().find_map(|record| match &record.event {
            Event::RunFinished { outcome } => Some(outcome.clone()),
            _ => None,
        });
        let mut recording = Recording { input, began, outcome, ..Recording::default() };
        tape(&records, &mut recording.taped);
        recording.hear(None, &records);
        let mut left = children(run, &records);
        while let Some(id) = left.pop() {
            if self.store().run(&id).await.map_err(store_error)?.is_some() {
                let journal = self.events(&id).await?;
                tape(&journal, &mut recording.taped);
                recording.hear(Some(&id), &journal);
                left.extend(children(&id, &journal));
            }
        }
        Ok(recording)
    }

    /// A case that a recorded run makes, as the text of a file: its input, the answers of the world, and its outcome.
    /// `folder` is where the file will be: the flow is named from there, when it is below or beside it.
    ///
    /// # Errors
    /// There is no such run, it has not ended, or its answers are larger than what a file of cases holds.
    pub async fn fixture(&self, run: &RunId, folder: &Path) -> Result<String> {
        let recording = self.recording(run).await?;
        let Some(outcome) = &recording.outcome else {
            let why = format!("run {run} has not ended, so it shows nothing yet");
            return Err(Error::new(Kind::Waiting, why).with_help(format!("cleargate resume {run}")));
        };
        let flow = self.flow_of(run).await?;
        let source = &flow.pinned.source;
        let named = match &source.folder {
            Some(own) => {
                let file = Path::new(&source.name).file_name().unwrap_or_default();
                let path = own.join(file);
                let below = path.strip_prefix(folder).map(|path| format!("./{}", path.display()));
                below.unwrap_or_else(|_| path.display().to_string())
            }
            None => source.bundle.clone().unwrap_or_default(),
        };
        let text = text(run, &named, &recording, outcome);
        if text.len() > MAX_BYTES {
            let why = format!("the answers of run {run} are longer than a file of cases may be");
            return Err(Error::new(Kind::Limit, why).with_help(format!(
                "write `from-run: {run}` in a case: it reads them from the store"
            )));
        }
        Ok(text)
    }
}

/// Requests with their answers, in order. Of a call that is inside of another both are kept: which one a later version
/// asks is not known.
fn tape(records: &[Record], into: &mut Vec<Taped>) {
    let mut begun = HashMap::new();
    for record in records {
        match &record.event {
            Event::CallStarted { address, attempt, within, call, request, .. } => {
                let place = (address.clone(), *attempt, within.clone(), *call);
                begun.insert(place, request.clone());
            }
            Event::CallFinished { address, attempt, within, call, request, digest, outcome } => {
                let place = (address.clone(), *attempt, within.clone(), *call);
                let request = request.clone().or_else(|| begun.remove(&place)).unwrap_or_default();
                let (answer, error) = match outcome {
                    Ok(answer) => (Some(answer.clone()), None),
                    Err(error) => (None, Some(error.clone())),
                };
                let (at, digest) = (address.to_string(), Some(digest.clone()));
                into.push(Taped { at, request, digest, answer, error });
            }
            _ => {}
        }
    }
}

/// Runs that attempts of a run may have started.
fn children(run: &RunId, records: &[Record]) -> Vec<RunId> {
    let started = records.iter().filter_map(|record| match &record.event {
        Event::AttemptStarted { address, attempt, .. } => Some(child_id(run, address, *attempt)),
        _ => None,
    });
    started.collect()
}

/// What came to the run from outside, as lines of `mock`.
fn outside(recording: &Recording) -> String {
    let ms = |after: u64| Value::from(format!("{after}ms"));
    let mut out = String::new();
    let mut by_node: std::collections::BTreeMap<&str, Vec<Value>> = Default::default();
    for Reply { node, by, after, answer } in &recording.replies {
        let fields =
            [("by", by.as_str().into()), ("after", ms(*after)), ("answer", answer.clone())];
        by_node.entry(node).or_default().push(Value::record(fields));
    }
    if !by_node.is_empty() {
        let answers = by_node.into_iter().map(|(node, replies)| (node, Value::list(replies)));
        out.push_str(&format!("  answers: {}\n", Value::record(answers).to_json()));
    }
    let signals = recording.signals.iter().map(|Signal { name, to, after, payload }| {
        let mut fields = vec![("event", Value::from(name.as_str())), ("after", ms(*after))];
        fields.push(("payload", payload.clone()));
        fields.extend(to.as_ref().map(|to| ("to", Value::from(to.as_str()))));
        Value::record(fields)
    });
    let signals = Value::list(signals);
    if signals.as_list().is_some_and(|signals| !signals.is_empty()) {
        out.push_str(&format!("  signals: {}\n", signals.to_json()));
    }
    if !recording.draws.is_empty() {
        out.push_str(&format!("  draws: {:?}\n", recording.draws));
    }
    out
}

/// YAML whose values are JSON, a line for each answer.
fn text(run: &RunId, flow: &str, recording: &Recording, outcome: &Outcome) -> String {
    let began = jiff::Timestamp::from_millisecond(i64::try_from(recording.began).unwrap_or(0));
    let began = began.unwrap_or_default();
    let json = |text: &str| Value::from(text).to_json();
    let mut out = format!(
        "# What run {run} asked of the world, and what it was answered.\nname: {}\nflow: {}\ninput: {}\n",
        json(&format!("as run {run}")),
        json(flow),
        recording.input.to_json(),
    );
    out.push_str(&format!(
        "mock:\n  now: {}\n  run: {}\n",
        json(&began.to_string()),
        json(run.as_str())
    ));
    out.push_str(&outside(recording));
    if !recording.taped.is_empty() {
        out.push_str("  calls:\n");
        for taped in &recording.taped {
            let value = Value::of(taped).expect("an answer was read from a journal");
            for (n, (key, value)) in value.as_map().into_iter().flatten().enumerate() {
                let lead = if n == 0 { "    - " } else { "      " };
                out.push_str(&format!("{lead}{key}: {}\n", value.to_json()));
            }
        }
    }
    out.push_str("expect:\n");
    match outcome {
        Outcome::Succeeded { output } => out.push_str(&format!("  output: {}\n", output.to_json())),
        Outcome::Failed { address, error } => {
            out.push_str(&format!("  error:\n    code: {}\n", error.code));
            if let Some(address) = address {
                out.push_str(&format!("    node: {}\n", json(&address.to_string())));
            }
        }
        Outcome::Cancelled => out.push_str("  status: cancelled\n"),
    }
    out
}

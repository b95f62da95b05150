//! What one call says about the plugin, and about the host.

use std::collections::BTreeMap;
use std::time::Duration;

use cleargate_flow::error::{ErrorCode, NodeError};
use cleargate_flow::signature::{Effect, PluginKind};
use cleargate_flow::types::validate;
use cleargate_flow::value::Value;

use super::inputs::CANARY;
use super::observe::{End, Seen, Shot};
use super::report::{ExportReport, FaultKind, Promise, Witness};
use super::resident;
use super::world::{REVEALED, Temper};
use crate::describe::Described;
use crate::fault::{Fault, cut};

/// How late a call may end. Promised are 50 ms; the rest is for what others do to this machine.
pub(super) const MARGIN: Duration = Duration::from_millis(250);

/// Bytes of an input with which a plugin has to come out: four pages of text.
const SMALL: usize = 8 * 1024;

/// Canaries of one call that are a quotation. More of them are the input itself.
const QUOTED: usize = 8;

/// Bytes of an input and of an answer that a witness shows.
const SHOWN: usize = 400;

/// Bytes beside the stored lines of a log: the notice that says what was dropped.
const NOTICE: usize = 256;

/// Bytes of the words in which an attack writes a verdict down.
const WORDS: u64 = 1024;

/// Bytes that the process may have kept after all calls: what pool and allocators hold.
const LEFT: u64 = 64 * 1024 * 1024;

/// Judges the calls of one export.
pub(super) struct Judge<'a> {
    pub(super) described: &'a Described,
    pub(super) report: ExportReport,
    faults: BTreeMap<FaultKind, Witness>,
    notes: BTreeMap<FaultKind, Witness>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(described: &'a Described) -> Self {
        let report = ExportReport::new(described.kind, &described.id);
        Self { described, report, faults: BTreeMap::new(), notes: BTreeMap::new() }
    }

    /// Counts how the call ended, and says what the plugin did wrong in it.
    pub(super) fn judge(&mut self, shot: &Shot, seen: &Seen) {
        let usage = seen.usage();
        let worst = &mut self.report.worst;
        worst.fuel = worst.fuel.max(usage.fuel);
        worst.memory = worst.memory.max(usage.peak_memory);
        worst.micros = worst.micros.max(usage.micros);
        self.report.calls += 1;
        match &seen.end {
            End::Cancelled => self.report.cancelled += 1,
            // The host's affair.
            End::Panicked(_) => {}
            End::Returned(called) => self.result(shot, &called.result),
        }
        self.echoes(shot, seen);
    }

    fn result(&mut self, shot: &Shot, result: &Result<Value, Fault>) {
        match result {
            Ok(value) => {
                self.report.values += 1;
                if self.judges() {
                    return;
                }
                if let Err(mismatch) = validate(value, &self.described.signature.output) {
                    self.fault(FaultKind::Schema, shot, &mismatch.to_string());
                }
            }
            Err(Fault::Returned(error)) => {
                *self.report.errors.entry(error.code.to_string()).or_default() += 1;
                if error.code == ErrorCode::Bug {
                    self.fault(FaultKind::Bug, shot, &error.message);
                }
            }
            Err(Fault::Limit { limit, message }) => {
                *self.report.limits.entry((*limit).to_owned()).or_default() += 1;
                self.greedy(shot, message);
            }
            Err(fault @ Fault::Timeout { .. }) => {
                self.report.timeouts += 1;
                self.greedy(shot, &fault.to_string());
            }
            Err(fault @ Fault::Trap { .. }) => {
                self.report.traps += 1;
                self.fault(FaultKind::Trap, shot, &fault.to_string());
            }
            Err(Fault::Contract(why)) => {
                self.report.broken += 1;
                self.fault(FaultKind::Contract, shot, why);
            }
            Err(Fault::Host(_) | Fault::Busy | Fault::Crashed { .. }) => {
                self.report.unanswered += 1;
            }
        }
    }

    fn greedy(&mut self, shot: &Shot, said: &str) {
        let honest = matches!(shot.temper, Temper::Calm | Temper::Elsewhen);
        if honest && !shot.tight && shot.target.given().to_json().len() <= SMALL {
            self.fault(FaultKind::Greedy, shot, said);
        }
    }

    /// Calls with a small input that took all that they may have.
    pub(super) fn greedy_calls(&self) -> u64 {
        self.faults.get(&FaultKind::Greedy).map_or(0, |witness| witness.times)
    }

    /// Looks for what was given to the plugin in what it says beside its output, and for what it may not tell at all.
    fn echoes(&mut self, shot: &Shot, seen: &Seen) {
        let mut said = seen.lines.join("\n");
        let mut output = String::new();
        match seen.result() {
            Some(Ok(value)) => output = value.to_json(),
            Some(Err(Fault::Returned(error))) => said.push_str(&spoken(error)),
            _ => {}
        }
        match said.matches(CANARY).count() {
            0 => {}
            1..=QUOTED => self.note(FaultKind::Echo, shot, &said),
            _ => self.fault(FaultKind::Echo, shot, &said),
        }
        if said.contains(REVEALED) || output.contains(REVEALED) {
            self.fault(FaultKind::Secret, shot, &(said + &output));
        }
    }

    /// Whether the plugin says that nothing but its input decides.
    pub(super) fn says_pure(&self) -> bool {
        !self.judges() && self.described.signature.effect == Effect::Pure
    }

    /// Whether what it is described with is its configuration, not its input and output.
    fn judges(&self) -> bool {
        matches!(self.described.kind, PluginKind::Guardrail | PluginKind::Filter)
    }

    /// Two calls with the same input, at another time and with other chance.
    pub(super) fn compare(&mut self, shot: &Shot, first: &Seen, second: &Seen) {
        let (Some(first), Some(second)) = (first.result(), second.result()) else { return };
        let comparable =
            |result: &Result<Value, Fault>| matches!(result, Ok(_) | Err(Fault::Returned(_)));
        if comparable(first) && comparable(second) && first != second {
            let shown = |result: &Result<Value, Fault>| match result {
                Ok(value) => value.to_json(),
                Err(fault) => fault.to_string(),
            };
            let said = format!(
                "{} and then {}",
                cut(shown(first), SHOWN / 3),
                cut(shown(second), SHOWN / 3)
            );
            self.fault(FaultKind::Impure, shot, &said);
        }
    }

    fn fault(&mut self, kind: FaultKind, shot: &Shot, said: &str) {
        let witness = self.witness(kind, shot, said);
        self.faults.entry(kind).or_insert(witness).times += 1;
    }

    fn note(&mut self, kind: FaultKind, shot: &Shot, said: &str) {
        let witness = self.witness(kind, shot, said);
        self.notes.entry(kind).or_insert(witness).times += 1;
    }

    fn witness(&self, kind: FaultKind, shot: &Shot, said: &str) -> Witness {
        let with = match shot.temper {
            Temper::Calm => shot.what.clone(),
            temper => format!("{}; {}", shot.what, temper.words()),
        };
        Witness {
            kind,
            export: self.report.name(),
            times: 0,
            with,
            input: cut(shot.target.given().to_json(), SHOWN),
            said: cut(said.to_owned(), SHOWN),
        }
    }

    /// What was found: the account, faults, notes.
    pub(super) fn end(self) -> (ExportReport, Vec<Witness>, Vec<Witness>) {
        (self.report, self.faults.into_values().collect(), self.notes.into_values().collect())
    }
}

fn spoken(error: &NodeError) -> String {
    let help = error.help.as_deref().unwrap_or_default();
    format!("{}\n{}\n{help}", error.message, error.detail.to_json())
}

/// Watches over the host while plugins are called.
pub(super) struct Watch {
    calls: u64,
    panics: Vec<String>,
    /// Calls that used more than they had, each as a sentence.
    beyond: BTreeMap<&'static str, String>,
    late: Duration,
    open: usize,
    changed: Option<String>,
    resident: Option<u64>,
}

impl Watch {
    pub(super) fn new() -> Self {
        Self {
            calls: 0,
            panics: Vec::new(),
            beyond: BTreeMap::new(),
            late: Duration::ZERO,
            open: 0,
            changed: None,
            resident: resident::now(),
        }
    }

    pub(super) fn calls(&self) -> u64 {
        self.calls
    }

    /// Looks at what one call used.
    pub(super) fn look(&mut self, shot: &Shot, seen: &Seen) {
        self.calls += 1;
        self.open = self.open.max(seen.left_open);
        self.late = self.late.max(seen.late);
        if let End::Panicked(why) = &seen.end {
            self.panics.push(format!("{why} ({})", shot.what));
        }
        let (usage, limits) = (seen.usage(), &shot.limits);
        let output = match seen.result() {
            Some(Ok(value)) => value.to_json().len() as u64,
            _ => 0,
        };
        for (what, used, most) in [
            ("fuel", usage.fuel, limits.fuel.value),
            ("memory", usage.peak_memory, limits.memory.value),
            // The one too many is counted, and not performed.
            ("host_calls", usage.host_calls, limits.host_calls.value + 1),
            ("log", seen.log_bytes as u64, limits.log.value + NOTICE as u64),
            // Numbers and escapes may be written otherwise than the plugin wrote them, and verdicts have words around them.
            ("output", output, limits.output.value.saturating_mul(6).saturating_add(WORDS)),
        ] {
            if used > most {
                let said = format!("{used} of {most} ({})", shot.what);
                self.beyond.entry(what).or_insert(said);
            }
        }
    }

    /// Whether the call ended so late that it has to be made again, to tell the host from the machine.
    pub(super) fn too_late(seen: &Seen) -> bool {
        seen.late > MARGIN
    }

    /// The call was made again, and was in time.
    pub(super) fn forgive(&mut self, late: Duration) {
        self.late = late;
    }

    /// How late calls were until now.
    pub(super) fn late(&self) -> Duration {
        self.late
    }

    /// A call after a cancelled one has to end as it did before.
    pub(super) fn unchanged(&mut self, before: &Seen, after: &Seen) {
        if before.result() != after.result() && self.changed.is_none() {
            let result = after.result().map(|result| format!("{result:?}"));
            self.changed = Some(cut(result.unwrap_or_default(), SHOWN));
        }
    }

    pub(super) fn promises(self) -> Vec<Promise> {
        let promise = |promise: &str, kept: bool, measured: String| Promise {
            promise: promise.into(),
            kept,
            measured,
        };
        let calls = self.calls;
        let mut all = vec![promise(
            "the host does not panic",
            self.panics.is_empty(),
            self.panics.first().cloned().unwrap_or_else(|| format!("0 of {calls} calls")),
        )];
        for (what, says) in [
            ("fuel", "no call uses more fuel than it has"),
            ("memory", "no call has more memory than it may"),
            ("output", "no answer is longer than it may be"),
            ("log", "no call keeps more of a log than it may"),
            ("host_calls", "no call asks the host more often than it may"),
        ] {
            let beyond = self.beyond.get(what);
            let measured = beyond.cloned().unwrap_or_else(|| format!("{calls} calls"));
            all.push(promise(says, beyond.is_none(), measured));
        }
        let late = format!("{:.1} ms late at most", self.late.as_secs_f64() * 1_000.0);
        let within = format!("a call ends within {} ms of its time", MARGIN.as_millis());
        all.push(promise(&within, self.late <= MARGIN, late));
        all.push(promise(
            "what a call opened is closed behind it",
            self.open == 0,
            format!("{} left open", self.open),
        ));
        all.push(promise(
            "a call that is cancelled changes nothing for the next one",
            self.changed.is_none(),
            self.changed.unwrap_or_else(|| "the same answers".into()),
        ));
        if let (Some(before), Some(now)) = (self.resident, resident::now()) {
            let left = now.saturating_sub(before);
            let measured = format!("{} more than before", resident::shown(left));
            all.push(promise("calls leave no memory behind", left <= LEFT, measured));
        }
        all
    }
}

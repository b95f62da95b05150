//! What a run looked like when somebody said that it was right, in a file beside the cases.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cleargate_flow::{Outcome, Value};

use crate::cases::compare;
use crate::error::{Error, Kind, Result};
use crate::owned_file::Readers;
use crate::rehearsal::Trace;

/// The snapshots of one file of cases, by the names of the cases.
pub(super) struct Snapshots {
    path: PathBuf,
    kept: BTreeMap<String, Value>,
    changed: bool,
}

impl Snapshots {
    /// Those beside a file of cases: `review.test.yaml.snap`.
    pub(super) fn beside(cases: &Path) -> Result<Self> {
        let mut name = cases.as_os_str().to_owned();
        name.push(".snap");
        let path = PathBuf::from(name);
        let kept = match std::fs::read_to_string(&path) {
            Ok(text) => {
                let read = Value::from_json(&text).ok();
                let map = read.as_ref().and_then(Value::as_map).ok_or_else(|| {
                    let why = format!("{} is no file of snapshots", path.display());
                    Error::new(Kind::Invalid, why).with_help("remove it, and run with --update")
                })?;
                map.iter().map(|(name, value)| (name.to_string(), value.clone())).collect()
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => {
                let why = format!("{} cannot be read", path.display());
                return Err(Error::new(Kind::Invalid, why).caused_by(&error));
            }
        };
        Ok(Self { path, kept, changed: false })
    }

    /// How a run differs from the snapshot of its case; with `update` it is the snapshot from now on.
    pub(super) fn compare(&mut self, case: &str, trace: &Trace, update: bool) -> Vec<String> {
        let now = picture(trace);
        match self.kept.get(case) {
            Some(kept) if *kept == now => Vec::new(),
            _ if update => {
                self.kept.insert(case.to_owned(), now);
                self.changed = true;
                Vec::new()
            }
            Some(kept) => {
                let mut out = Vec::new();
                compare::exact("snapshot", kept, &now, &mut out);
                out.push("if this is right now, run with --update".into());
                out
            }
            None => vec!["there is no snapshot of this case yet; --update takes one".into()],
        }
    }

    /// Writes what changed; the file, when something did.
    pub(super) fn keep(self) -> Result<Option<PathBuf>> {
        if !self.changed {
            return Ok(None);
        }
        let all =
            Value::record(self.kept.iter().map(|(name, value)| (name.clone(), value.clone())));
        let text = serde_json::to_string_pretty(&all.to_serde()).expect("a value is JSON");
        crate::owned_file::replace(&self.path, format!("{text}\n").as_bytes(), Readers::Everyone)?;
        Ok(Some(self.path))
    }
}

/// What of a run is the same each time.
fn picture(trace: &Trace) -> Value {
    let nodes =
        trace.nodes.iter().map(|(at, stop)| (at.clone(), Value::of(stop).unwrap_or_default()));
    let mut fields = vec![("status", Value::from(trace.status())), ("nodes", Value::record(nodes))];
    match &trace.outcome {
        Some(Outcome::Succeeded { output }) => fields.push(("output", output.clone())),
        Some(Outcome::Failed { address, error }) => {
            let at = address.as_ref().map_or(Value::Null, |at| at.to_string().into());
            let code = Value::from(error.code.as_str());
            let message = error.message.as_str().into();
            fields
                .push(("error", Value::record([("at", at), ("code", code), ("message", message)])));
        }
        _ => {}
    }
    // Sorted, so that the file is the same each time.
    let record = Value::record(fields);
    Value::from_json(&record.to_canonical_json()).unwrap_or(record)
}

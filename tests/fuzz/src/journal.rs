//! Records of a journal that somebody changed: each is refused, or applied, and never breaks the machine.

use std::sync::{Arc, LazyLock};

use cleargate_flow::event::{Event, Record};
use cleargate_flow::run::Run;
use cleargate_flow::{Graph, RunId};

use crate::sample::checked;

/// The flow of the journals among the seeds.
const FLOW: &str = include_str!("../seeds/flow/journal.yaml");

static GRAPH: LazyLock<Arc<Graph>> =
    LazyLock::new(|| Arc::new(checked(FLOW).graph.expect("the flow of the seeds is sound")));

/// A journal, one record a line.
pub(crate) fn journal(text: &str) {
    let id: RunId = "01a1fec6-c708-70cc-b069-8aee20fedcbf".parse().expect("an id of a run");
    let mut run = Run::new(GRAPH.clone(), &id);
    for line in text.lines() {
        let Ok(record) = serde_json::from_str::<Record>(line) else { continue };
        let written = serde_json::to_string(&record).expect("a record is data");
        let again: Record = serde_json::from_str(&written).expect("what is written is read");
        assert_eq!(again, record, "reads back what it writes");
        let before = format!("{run:?}");
        match run.apply(&record.event) {
            // The state is unchanged, as it says.
            Err(_) => assert_eq!(format!("{run:?}"), before),
            Ok(_) => drop(run.progress().len()),
        }
    }
    let _ = serde_json::from_str::<Event>(text);
}

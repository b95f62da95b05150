//! The items of maps that have keys, one by one: which are done, which failed and why, which are still to come.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;

use super::recorded::Misfit;
use crate::address::{Address, RunId};
use crate::error::NodeError;
use crate::event::Record;
use crate::graph::Graph;
use crate::run::{Derived, Run};

/// One item of a map that has keys.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Partition {
    /// The map.
    pub map: Address,
    /// What tells the item apart from the others.
    pub key: String,
    /// Its number, by which addresses name it: `map[3].node`.
    pub item: u32,
    /// `waiting`, `running`, `succeeded`, `failed` or `cancelled`.
    pub status: &'static str,
    /// When its body was entered, in milliseconds since 1970-01-01T00:00:00Z.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<i64>,
    /// When its body had ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<i64>,
    /// The node that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<Address>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<NodeError>,
}

/// A run that is folded record by record into the items of its maps.
#[derive(Debug)]
pub struct Partitions {
    run: Run,
    found: Vec<Partition>,
    /// By map, where its first item is.
    first: HashMap<Address, usize>,
}

impl Partitions {
    /// A run without records.
    pub fn new(graph: Arc<Graph>, id: &RunId) -> Self {
        Self { run: Run::new(graph, id), found: Vec::new(), first: HashMap::new() }
    }

    /// Folds the next record in.
    ///
    /// # Errors
    /// When it cannot be where it is.
    pub fn add(&mut self, record: &Record) -> Result<(), Misfit> {
        let step = self.run.apply(&record.event);
        let step = step.map_err(|e| Misfit::Record { seq: record.seq, why: e.0 })?;
        for derived in step.derived {
            match derived {
                Derived::MapStarted { address, keys, .. } if !keys.is_empty() => {
                    self.first.insert(address.clone(), self.found.len());
                    let items = (0..).zip(keys).map(|(item, key)| Partition {
                        map: address.clone(),
                        key,
                        item,
                        status: "waiting",
                        started: None,
                        ended: None,
                        failed: None,
                        error: None,
                    });
                    self.found.extend(items);
                }
                Derived::ItemStarted { address, item } => {
                    let partition = self.partition(&address, item);
                    (partition.status, partition.started) = ("running", Some(record.at));
                }
                Derived::ItemEnded { address, item, status, failure } => {
                    let partition = self.partition(&address, item);
                    (partition.status, partition.ended) = (status, Some(record.at));
                    if let Some((failed, error)) = failure {
                        (partition.failed, partition.error) = (failed, Some(error));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The items of all maps, in the order in which the maps began.
    pub fn found(self) -> Vec<Partition> {
        self.found
    }

    fn partition(&mut self, map: &Address, item: u32) -> &mut Partition {
        let first = self.first.get(map).expect("a map begins before its items");
        &mut self.found[first + item as usize]
    }
}

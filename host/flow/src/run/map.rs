//! Maps: bodies are started by index, at most `concurrency` at a time; results are ordered by index.

use crate::error::{ErrorCode, NodeError};
use crate::graph::{Map, NodeKind};
use crate::value::Value;

use super::body::tolerated;
use super::names::View;
use super::progress::Items;
use super::state::{At, Verdict};
use super::{Derived, Run};

impl Run {
    pub(super) fn open_map(&mut self, at: At) {
        match self.items_of(at) {
            Ok((items, len)) => {
                let address = self.address(at);
                self.step.derived.push(Derived::MapStarted { address, items: len });
                self.count(at).items.get_or_insert_with(Items::default).total += len;
                self.open_block(at, items);
                self.bodies(at).results = vec![None; len as usize];
                self.fill_map(at);
            }
            Err(error) => self.fail(at, error),
        }
    }

    pub(super) fn take_item(&mut self, at: At, index: u32, verdict: Verdict) {
        match tolerated(verdict, self.map_of(at).on_item_error) {
            Ok(value) => {
                self.bodies(at).results[index as usize] = value;
                self.fill_map(at);
            }
            Err(failure) => self.doom(at, failure),
        }
    }

    fn items_of(&self, at: At) -> Result<(Value, u32), NodeError> {
        let map = self.map_of(at);
        let items = map.over.eval(&View::new(self, at.frame, Some(at.node)))?;
        let Some(list) = items.as_list() else {
            let (source, shape) = (map.over.source(), items.shape());
            let message = format!("`map: ${{{source}}}` gives a value of type {shape}, not a list");
            return Err(NodeError::new(ErrorCode::InvalidInput, message));
        };
        let (len, max) = (list.len(), map.max);
        match u32::try_from(len) {
            Ok(len) if len <= max => Ok((items, len)),
            _ => Err(NodeError::limit("max", format!("{len} items; the map takes at most {max}"))
                .with_help(format!("max: {len}"))),
        }
    }

    /// Starts bodies while there is room; settles the map when none is left.
    fn fill_map(&mut self, at: At) {
        let room = self.map_of(at).concurrency.max(1);
        loop {
            let bodies = self.bodies(at);
            let next = bodies.frames.len();
            if next == bodies.results.len() || bodies.running >= room {
                break;
            }
            self.start_body(at, 0, u32::try_from(next).expect("a map has at most `max` items"));
        }
        let bodies = self.bodies(at);
        if bodies.done as usize == bodies.results.len() {
            let results = std::mem::take(&mut bodies.results);
            bodies.given = Value::Null;
            self.succeed(at, Value::list(results.into_iter().flatten()), None);
        }
    }

    fn map_of(&self, at: At) -> &Map {
        match self.kind_of(at) {
            NodeKind::Map(map) => map,
            _ => unreachable!("the plan says that it is a map"),
        }
    }
}

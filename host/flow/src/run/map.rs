//! Maps: bodies are started by index, at most `concurrency` at a time; results are ordered by index.

use crate::error::{ErrorCode, NodeError};
use crate::graph::{Map, NodeKind};
use crate::value::Value;

use super::names::View;
use super::plan::ScopeIx;
use super::progress::Items;
use super::state::{At, Bodies, Phase};
use super::{Derived, Run};

impl Run {
    pub(super) fn open_map(&mut self, at: At, body: ScopeIx) {
        match self.items_of(at) {
            Ok((items, len)) => {
                let address = self.address(at);
                self.step
                    .derived
                    .push(Derived::MapStarted { address: address.clone(), items: len });
                self.count(at).items.get_or_insert_with(Items::default).total += len;
                self.node_mut(at).bodies = Some(Box::new(Bodies {
                    address,
                    items,
                    frames: Vec::new(),
                    running: 0,
                    done: 0,
                    results: vec![None; len as usize],
                }));
                self.set_phase(at, Phase::Inside);
                self.fill_map(at, body);
            }
            Err(error) => self.fail(at, error),
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
    pub(super) fn fill_map(&mut self, at: At, body: ScopeIx) {
        let room = self.map_of(at).concurrency.max(1);
        loop {
            let bodies = self.bodies(at);
            let next = bodies.frames.len();
            if next == bodies.results.len() || bodies.running >= room {
                break;
            }
            bodies.running += 1;
            let index = u32::try_from(next).expect("a map has at most `max` items");
            let frame = self.enter(body, Some(at), index);
            self.bodies(at).frames.push(frame);
        }
        let bodies = self.bodies(at);
        if bodies.done as usize == bodies.results.len() {
            let results = std::mem::take(&mut bodies.results);
            bodies.items = Value::Null;
            self.succeed(at, Value::list(results.into_iter().flatten()), None);
        }
    }

    pub(super) fn map_of(&self, at: At) -> &Map {
        let scope = self.plan.scope(&self.graph, self.frames[at.frame].scope);
        match &scope.nodes[at.node].kind {
            NodeKind::Map(map) => map,
            _ => unreachable!("the plan says that it is a map"),
        }
    }
}

pub(super) fn collected(error: &NodeError) -> Value {
    let code = Value::from(error.code.as_str());
    let message = Value::from(error.message.as_str());
    Value::record([("error", Value::record([("code", code), ("message", message)]))])
}

//! Maps: bodies are started by index, at most `concurrency` at a time; results are ordered by index.

use crate::error::{ErrorCode, NodeError};
use crate::graph::{Map, NodeKind, OnItemError};
use crate::value::Value;

use super::names::View;
use super::plan::{Act, ScopeIx};
use super::progress::Items;
use super::state::{At, Failure, FrameIx, Mapping, Phase};
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
                self.node_mut(at).map = Some(Box::new(Mapping {
                    address,
                    items,
                    frames: Vec::new(),
                    running: 0,
                    done: 0,
                    results: vec![None; len as usize],
                }));
                self.set_phase(at, Phase::Mapping);
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
    fn fill_map(&mut self, at: At, body: ScopeIx) {
        let room = self.map_of(at).concurrency.max(1);
        loop {
            let mapping = self.mapping(at);
            let next = mapping.frames.len();
            if next == mapping.results.len() || mapping.running >= room {
                break;
            }
            mapping.running += 1;
            let index = u32::try_from(next).expect("a map has at most `max` items");
            let frame = self.enter(body, Some(at), index);
            self.mapping(at).frames.push(frame);
        }
        let mapping = self.mapping(at);
        if mapping.done as usize == mapping.results.len() {
            let results = std::mem::take(&mut mapping.results);
            mapping.items = Value::Null;
            self.succeed(at, Value::list(results.into_iter().flatten()), None);
        }
    }

    /// Takes the result of a body that has closed.
    pub(super) fn close_item(&mut self, at: At, frame: FrameIx) {
        let result = self.item_result(at, frame);
        for node in &mut self.frames[frame].nodes {
            node.value = Value::Null;
        }
        let index = self.frames[frame].index as usize;
        let mapping = self.mapping(at);
        mapping.running -= 1;
        mapping.done += 1;
        let still = mapping.running == 0;
        if let Some(items) = &mut self.count(at).items {
            items.done += 1;
        }
        if self.node(at).stopping {
            if still {
                self.end_map(at);
            }
            return;
        }
        match result {
            Ok(value) => {
                self.mapping(at).results[index] = value;
                if let Act::Map(body) = self.plan_of(at).act {
                    self.fill_map(at, body);
                }
            }
            Err(error) => {
                let failure = Failure { address: Some(self.address(at)), error };
                self.node_mut(at).doomed = true;
                self.fail_frame(at.frame, failure);
            }
        }
    }

    /// The value of one item; `None` when it is left out, an error when the whole map fails.
    fn item_result(&self, at: At, frame: FrameIx) -> Result<Option<Value>, NodeError> {
        let here = &self.frames[frame];
        let map = self.map_of(at);
        let result = match &here.failure {
            Some(failure) => Err(failure.error.clone()),
            None if here.stopping => return Ok(None),
            None => View::new(self, frame, None).output(&map.out),
        };
        match (result, map.on_item_error) {
            (Ok(value), _) => Ok(Some(value)),
            (Err(error), OnItemError::Fail) => Err(error),
            (Err(error), OnItemError::Collect) => Ok(Some(collected(&error))),
            (Err(_), OnItemError::Skip) => Ok(None),
        }
    }

    pub(super) fn stop_map(&mut self, at: At) {
        if std::mem::replace(&mut self.node_mut(at).stopping, true) {
            return;
        }
        for item in 0..self.mapping(at).frames.len() {
            let frame = self.mapping(at).frames[item];
            if !self.frames[frame].done {
                self.stop_frame(frame);
            }
        }
        if self.mapping(at).running == 0 {
            self.end_map(at);
        }
    }

    fn end_map(&mut self, at: At) {
        let mapping = self.mapping(at);
        mapping.results = Vec::new();
        mapping.items = Value::Null;
        self.settle_stopped(at);
    }

    /// Whether a failed item takes the map along.
    pub(super) fn fails_whole(&self, at: At) -> bool {
        self.map_of(at).on_item_error == OnItemError::Fail
    }

    fn map_of(&self, at: At) -> &Map {
        let scope = self.plan.scope(&self.graph, self.frames[at.frame].scope);
        match &scope.nodes[at.node].kind {
            NodeKind::Map(map) => map,
            _ => unreachable!("the plan says that it is a map"),
        }
    }

    fn mapping(&mut self, at: At) -> &mut Mapping {
        self.node_mut(at).map.as_mut().expect("a map under way has its list")
    }
}

fn collected(error: &NodeError) -> Value {
    let code = Value::from(error.code.as_str());
    let message = Value::from(error.message.as_str());
    Value::record([("error", Value::record([("code", code), ("message", message)]))])
}

//! Maps: bodies are started by index, at most `concurrency` at a time; results are ordered by index.

use std::collections::HashMap;
use std::sync::Arc;

use crate::error::{ErrorCode, NodeError};
use crate::graph::{MAX_KEY_BYTES, Map, NodeKind};
use crate::value::Value;

use super::body::tolerated;
use super::names::View;
use super::progress::Items;
use super::state::{At, Failure, Verdict};
use super::{Derived, Run};

impl Run {
    pub(super) fn open_map(&mut self, at: At) {
        let opened = self.items_of(at).and_then(|(items, len)| {
            let keys = self.keys_of(at, &items, len)?;
            Ok((items, len, keys))
        });
        match opened {
            Ok((items, len, keys)) => {
                let address = self.address(at);
                let named = keys.iter().filter_map(|key| name_of(key).ok()).collect();
                self.step.derived.push(Derived::MapStarted { address, items: len, keys: named });
                self.count(at).items.get_or_insert_with(Items::default).total += len;
                self.open_block(at, items);
                let bodies = self.bodies(at);
                (bodies.results, bodies.keys) = (vec![None; len as usize], keys);
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

    /// Tells of an item that has a key how it ended.
    pub(super) fn tell_of_item(&mut self, at: At, item: u32, verdict: &Verdict) {
        if !matches!(self.kind_of(at), NodeKind::Map(map) if map.key.is_some()) {
            return;
        }
        let (status, failure) = match verdict {
            Verdict::Value(_) => ("succeeded", None),
            Verdict::Failed(Failure { address, error }) => {
                ("failed", Some((address.clone(), error.clone())))
            }
            Verdict::Stopped => ("cancelled", None),
        };
        let address = self.address(at);
        self.step.derived.push(Derived::ItemEnded { address, item, status, failure });
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

    /// The keys of all items, each once.
    fn keys_of(&self, at: At, items: &Value, len: u32) -> Result<Vec<Value>, NodeError> {
        let Some(key) = &self.map_of(at).key else { return Ok(Vec::new()) };
        let mut known = HashMap::with_capacity(len as usize);
        let mut keys = Vec::with_capacity(len as usize);
        for index in 0..len {
            let value = key.eval(&View::of_item(self, at, items, index))?;
            let text = name_of(&value).map_err(|why| {
                let message = format!("`key: ${{{}}}` of item {index} {why}", key.source());
                NodeError::new(ErrorCode::InvalidInput, message)
            })?;
            if let Some(other) = known.insert(text, index) {
                let text = name_of(&value).unwrap_or_default();
                let message = format!("the items {other} and {index} have the same key `{text}`");
                return Err(NodeError::new(ErrorCode::InvalidInput, message)
                    .with_help("each item needs a key of its own"));
            }
            keys.push(value);
        }
        Ok(keys)
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
            let item = u32::try_from(next).expect("a map has at most `max` items");
            if self.map_of(at).key.is_some() {
                self.step.derived.push(Derived::ItemStarted { address: self.address(at), item });
            }
            self.start_body(at, 0, item);
        }
        let bodies = self.bodies(at);
        if bodies.done as usize == bodies.results.len() {
            let results = std::mem::take(&mut bodies.results);
            let keys = std::mem::take(&mut bodies.keys);
            bodies.given = Value::Null;
            let value = match self.map_of(at).key {
                Some(_) => {
                    let kept = keys.iter().zip(results);
                    let fields =
                        kept.filter_map(|(key, value)| Some((name_of(key).ok()?.into(), value?)));
                    Value::Map(Arc::new(fields.collect()))
                }
                None => Value::list(results.into_iter().flatten()),
            };
            self.succeed(at, value, None);
        }
    }

    fn map_of(&self, at: At) -> &Map {
        match self.kind_of(at) {
            NodeKind::Map(map) => map,
            _ => unreachable!("the plan says that it is a map"),
        }
    }
}

/// The key of an item as text.
pub(super) fn name_of(key: &Value) -> Result<String, String> {
    let text = match key {
        Value::String(text) => text.to_string(),
        Value::Int(number) => number.to_string(),
        other => {
            return Err(format!("is of type {}; a key is text or a whole number", other.shape()));
        }
    };
    match text.len() {
        0 => Err("is empty".into()),
        bytes if bytes > MAX_KEY_BYTES => {
            Err(format!("has {bytes} bytes; a key has {MAX_KEY_BYTES} at most"))
        }
        _ => Ok(text),
    }
}

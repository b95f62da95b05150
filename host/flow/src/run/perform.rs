//! Attempts of one node: first, next, answered, out of time.

use std::sync::Arc;

use crate::error::{ErrorCode, NodeError};
use crate::graph::{Leaf, VERIFIES};
use crate::value::{Fields, Value};

use super::map::name_of;
use super::names::View;
use super::plan::Act;
use super::state::{At, Failure, FrameIx, Phase, Verdict};
use super::{Attempt, Effect, Run};

impl Run {
    pub(super) fn perform_first(&mut self, at: At) {
        let view = View::new(self, at.frame, Some(at.node));
        let leaf = self.leaf(at);
        let ready =
            self.input_with(leaf, &view).and_then(|input| Ok((input, asset_key(leaf, &view)?)));
        match ready {
            Ok((input, asset_key)) => {
                let node = self.node_mut(at);
                (node.value, node.asset_key) = (input, asset_key);
                self.limit_time(at);
                self.perform_next(at);
            }
            Err(error) => self.fail(at, error),
        }
    }

    /// The input of a leaf with what it reads.
    pub(super) fn input_with(&self, leaf: &Leaf, view: &View<'_>) -> Result<Value, NodeError> {
        let mut fields = Fields::with_capacity(leaf.with.len() + leaf.defaults.len());
        for (port, template) in &leaf.with {
            fields.insert(port.as_str().into(), template.eval(view)?);
        }
        for (port, value) in &leaf.defaults {
            fields.entry(port.as_str().into()).or_insert_with(|| value.clone());
        }
        Ok(Value::Map(fields.into()))
    }

    pub(super) fn perform_next(&mut self, at: At) {
        let node = self.node_mut(at);
        node.attempt += 1;
        node.intent = false;
        self.set_phase(at, Phase::Performing);
        self.perform(at);
    }

    /// The first attempt at undoing a step: its input was read before.
    pub(super) fn perform_undo(&mut self, at: At) {
        self.limit_time(at);
        self.perform_next(at);
    }

    /// Gives out the current attempt.
    pub(super) fn perform(&mut self, at: At) {
        let node = self.node(at);
        let (number, input, asset_key) = (node.attempt, node.value.clone(), node.asset_key.clone());
        let (address, leaf) = (self.address(at), self.leaf(at).clone());
        let attempt = Attempt { address, attempt: number, leaf, input, asset_key };
        self.step.effects.push(Effect::Perform(attempt));
    }

    /// The answer of the current attempt.
    pub(super) fn answered(&mut self, at: At, answer: Result<&Value, &NodeError>) {
        match answer {
            // What was recorded stands, though nobody reads it in a scope that is stopping.
            Ok(output) if !self.node(at).doomed => self.succeed(at, output.clone(), None),
            _ if self.node(at).stopping => self.settle_stopped(at),
            Ok(_) => unreachable!("a doomed node is stopping"),
            Err(error) => match self.pause_after(at, error) {
                Some(pause) => {
                    self.node_mut(at).pause = pause;
                    self.set_phase(at, Phase::Pausing);
                    self.wait(at);
                }
                None if error.code == ErrorCode::UnknownOutcome => {
                    self.not_known(at, error.clone())
                }
                None => self.fail(at, error.clone()),
            },
        }
    }

    /// The intent of the current attempt is stored.
    pub(super) fn begun(&mut self, at: At, key: &str) {
        let asked = self.plan_of(at).bodies.get(VERIFIES).copied().flatten().is_some();
        let node = self.node_mut(at);
        node.intent = true;
        if asked {
            node.key = key.into();
        }
    }

    /// Nobody knows whether the current attempt happened: who can find out is asked, and without that it is a failure.
    pub(super) fn not_known(&mut self, at: At, error: NodeError) {
        if self.plan_of(at).bodies.get(VERIFIES).copied().flatten().is_none() {
            return self.fail(at, error);
        }
        let node = self.node(at);
        let (number, key) = (node.attempt, node.key.clone());
        let asked_before = node.bodies.is_some();
        if !asked_before {
            self.open_block(at, Value::Null);
        }
        let address = Some(self.address(at));
        let bodies = self.bodies(at);
        bodies.given = Value::record([("number", Value::from(number)), ("key", key)]);
        bodies.verdict = Some(Verdict::Failed(Failure { address, error }));
        self.set_phase(at, Phase::Inside);
        // Each attempt is asked about at a place of its own: a result that is on record is never another one.
        self.start_body(at, VERIFIES, number);
    }

    /// Whether a frame finds out whether an attempt happened.
    pub(super) fn verifies(&self, frame: FrameIx) -> bool {
        let here = &self.frames[frame];
        let leaf = |step: At| matches!(self.plan_of(step).act, Act::Leaf(_));
        here.index as usize >= VERIFIES && here.parent.is_some_and(leaf)
    }

    /// What was found out: the value of an attempt that happened stands, and one that did not is made again.
    pub(super) fn verified(&mut self, at: At, frame: FrameIx) {
        let failure = self.frames[frame].failure.clone();
        let told = std::mem::take(&mut self.frames[frame].nodes[0].value);
        let bodies = self.bodies(at);
        bodies.running = 0;
        let unknown = bodies.verdict.take();
        if self.node(at).stopping {
            return self.settle_stopped(at);
        }
        match (failure, told.get("happened"), unknown) {
            (None, Some(Value::Bool(true)), _) => {
                let value = told.get("value").cloned().unwrap_or_default();
                self.succeed(at, value, None);
            }
            (None, Some(Value::Bool(false)), _) => self.perform_next(at),
            (failure, _, Some(Verdict::Failed(Failure { mut error, .. }))) => {
                let why = failure.map_or("it did not say".into(), |failure| failure.error.message);
                error.message = format!("{}; and it was not found out: {why}", error.message);
                self.fail(at, error);
            }
            _ => unreachable!("what was not known is a failure"),
        }
    }

    /// Milliseconds before another attempt; `None` when there is none.
    fn pause_after(&self, at: At, error: &NodeError) -> Option<u64> {
        let retry = self.leaf(at).policy.retry.get(&error.code)?;
        let attempt = self.node(at).attempt;
        (attempt < retry.max).then(|| retry.pause_after(attempt + 1, error))
    }

    pub(super) fn wait(&mut self, at: At) {
        let node = self.node(at);
        let (attempt, after_ms, address) = (node.attempt + 1, node.pause, self.address(at));
        self.step.effects.push(Effect::Wait { address, attempt, after_ms });
    }

    pub(super) fn leaf(&self, at: At) -> &Arc<Leaf> {
        match &self.plan_of(at).act {
            Act::Leaf(leaf) => leaf,
            _ => unreachable!("only leaves are performed"),
        }
    }
}

/// What tells the part of an asset apart that a step gives.
fn asset_key(leaf: &Leaf, view: &View<'_>) -> Result<Option<Arc<str>>, NodeError> {
    let Some(key) = leaf.asset.as_ref().and_then(|asset| asset.key.as_ref()) else {
        return Ok(None);
    };
    let name = name_of(&key.eval(view)?).map_err(|why| {
        NodeError::new(ErrorCode::InvalidInput, format!("the key of the asset {why}"))
    })?;
    Ok(Some(name.into()))
}

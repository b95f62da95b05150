//! Loops: iterations follow each other, and carry variables from one to the next.

use crate::error::NodeError;
use crate::expr::Template;
use crate::graph::{Loop, NodeKind, OnMax};
use crate::value::{Fields, Value};
use indexmap::IndexMap;

use super::Run;
use super::names::View;
use super::state::{At, FrameIx, Verdict};
use super::switch::holds;

impl Run {
    pub(super) fn open_loop(&mut self, at: At) {
        let view = View::new(self, at.frame, Some(at.node));
        match read_all(&self.loop_of(at).carry, &view, Fields::new()) {
            Ok(carried) => {
                self.open_block(at, carried);
                self.begin_loop(at);
            }
            Err(error) => self.fail(at, error),
        }
    }

    /// Starts the first iteration, or ends a loop that has none.
    fn begin_loop(&mut self, at: At) {
        let view = View::before(self, at, 0);
        match self.goes_on(at, &view) {
            Ok(true) => self.start_body(at, 0, 0),
            Ok(false) => match self.loop_of(at).body.out.as_ref().map(|out| view.output(out)) {
                Some(Err(error)) => self.fail(at, error),
                out => self.succeed(at, out.transpose().ok().flatten().unwrap_or_default(), None),
            },
            Err(error) => self.fail(at, error),
        }
    }

    fn goes_on(&self, at: At, view: &View<'_>) -> Result<bool, NodeError> {
        self.loop_of(at)
            .go_on
            .as_ref()
            .map_or(Ok(true), |condition| holds(condition, "while", view))
    }

    /// Reads the next variables at the end of an iteration, and the value of the loop when it was the last: the loop
    /// then has its verdict.
    pub(super) fn carry_on(&mut self, at: At, frame: FrameIx) -> Result<Value, NodeError> {
        let looped = self.loop_of(at);
        let carried = self.node(at).bodies.as_ref().and_then(|b| b.given.as_map()).cloned();
        let view = View::new(self, frame, None);
        let next = read_all(&looped.next, &view, carried.unwrap_or_default())?;
        self.bodies(at).given = next;
        let done = self.frames[frame].index + 1;
        let looped = self.loop_of(at);
        let view = View::new(self, frame, None);
        let over = match &looped.until {
            Some(until) if holds(until, "until", &view)? => true,
            _ => !self.goes_on(at, &View::before(self, at, done))?,
        };
        if !over && done < looped.max {
            return Ok(Value::Null);
        }
        if !over && looped.on_max == OnMax::Fail {
            let (max, what) = (looped.max, "iterations, and its condition would go on");
            return Err(NodeError::limit("max", format!("the loop has had its {max} {what}"))
                .with_help(format!("max: {}, or on_max: stop", max.saturating_mul(2))));
        }
        let value = looped.body.out.as_ref().map_or(Ok(Value::Null), |out| view.output(out))?;
        self.bodies(at).verdict = Some(Verdict::Value(value));
        Ok(Value::Null)
    }

    pub(super) fn iterate(&mut self, at: At, verdict: Verdict) {
        match (verdict, self.bodies(at).verdict.take()) {
            (Verdict::Failed(failure), _) => self.fail_as(at, failure),
            (_, Some(Verdict::Value(value))) => {
                self.bodies(at).given = Value::Null;
                self.succeed(at, value, None);
            }
            _ => {
                let index = self.bodies(at).done;
                self.start_body(at, 0, index);
            }
        }
    }

    fn loop_of(&self, at: At) -> &Loop {
        match self.kind_of(at) {
            NodeKind::Loop(looped) => looped,
            _ => unreachable!("the plan says that it is a loop"),
        }
    }
}

/// The record of some values, over what was there before.
fn read_all(
    templates: &IndexMap<String, Template>,
    view: &View<'_>,
    before: impl Into<Fields>,
) -> Result<Value, NodeError> {
    let mut fields: Fields = before.into();
    for (name, template) in templates {
        fields.insert(name.as_str().into(), template.eval(view)?);
    }
    Ok(Value::Map(fields.into()))
}

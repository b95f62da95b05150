//! Whether an event can happen now. Nothing is changed here, so a refused event leaves no trace.
//!
//! Three answers: it happens; it lost a legal race and is ignored; it cannot be, and the journal or
//! the driver is damaged.

use crate::address::{Address, FlowHash};
use crate::error::NodeError;
use crate::event::{EVENT_VERSION, Event, Outcome};
use crate::graph::Leaf;
use crate::signature::Effect as Class;
use crate::value::Value;

use super::plan::Act;
use super::state::{Asked, At, Node, Phase};
use super::time::Limit;
use super::{Run, Stage};

pub(super) enum Admitted<'e> {
    Ignored,
    Started(&'e Value, &'e FlowHash),
    /// With what the callee may deduplicate it by.
    Intent(At, &'e str),
    Succeeded(At, &'e Value),
    Failed(At, &'e NodeError),
    Due(At),
    /// Which of its times has passed.
    Late(At, Limit),
    Cancel,
    /// A node waits; also one that does so no more.
    Resting(At, Option<i64>),
    Over(At),
    Refused(At, &'e NodeError),
    Ended(At),
    Heard(&'e str, &'e Value),
    Answered(At, &'e str, i64, &'e Value),
    Told(At),
    Drawn(At, u64),
    Resumed,
    Pinned(&'e FlowHash),
    Finished(&'e Outcome),
}

impl Run {
    pub(super) fn admit<'e>(&self, event: &'e Event) -> Result<Admitted<'e>, String> {
        match (&self.stage, event) {
            (Stage::New, Event::RunStarted { .. }) => return self.admit_start(event),
            (Stage::New, _) => return Err("the first event is not `run_started`".into()),
            (_, Event::RunStarted { .. }) => return Err("the run is started a second time".into()),
            (Stage::Finished(_), _) => return Err("the run is finished".into()),
            _ => {}
        }
        match event {
            Event::RunStarted { .. } => unreachable!("answered above"),
            Event::AttemptStarted { address, attempt, key } => {
                self.admit_intent(address, *attempt, key)
            }
            Event::AttemptSucceeded { address, attempt, output, .. } => {
                let (at, leaf) = self.leaf_at(address)?;
                let fresh = self.awaited(at, address, *attempt)?;
                if fresh && leaf.policy.effect.needs_intent() && !self.node(at).intent {
                    return Err(format!("`{address}` succeeded without a stored intent"));
                }
                Ok(if fresh { Admitted::Succeeded(at, output) } else { Admitted::Ignored })
            }
            Event::AttemptFailed { address, attempt, error, .. } => {
                let (at, _) = self.leaf_at(address)?;
                let fresh = self.awaited(at, address, *attempt)?;
                Ok(if fresh { Admitted::Failed(at, error) } else { Admitted::Ignored })
            }
            Event::RetryDue { address, attempt } => self.admit_due(address, *attempt),
            Event::DeadlinePassed { address } => self.admit_late(address, Limit::Deadline),
            Event::IdlePassed { address } => self.admit_late(address, Limit::Idle),
            Event::CallStarted { address, attempt, .. }
            | Event::CallFinished { address, attempt, .. } => {
                self.in_flight(address, Some(*attempt))
            }
            Event::Logged { address, .. } | Event::AssetChecked { address, .. } => {
                self.in_flight(address, None)
            }
            Event::WaitStarted { .. }
            | Event::TaskOpened { .. }
            | Event::WaitOver { .. }
            | Event::WaitFailed { .. }
            | Event::WaitEnded { .. }
            | Event::TaskAnswered { .. }
            | Event::Emitted { .. }
            | Event::Drawn { .. } => self.admit_wait(event),
            Event::SignalReceived { name, payload, .. } => Ok(Admitted::Heard(name, payload)),
            Event::SignalRefused { .. } | Event::AnswerRefused { .. } => Ok(Admitted::Ignored),
            Event::CancelRequested { .. } => Ok(match self.stage {
                // A failure that came first stays the outcome.
                Stage::Running if !self.frames[0].stopping => Admitted::Cancel,
                _ => Admitted::Ignored,
            }),
            Event::RunResumed { .. } => Ok(Admitted::Resumed),
            Event::Forked { .. } | Event::SubFlowForked { .. } => Ok(Admitted::Ignored),
            Event::Migrated { from, to } if *from == self.pinned => Ok(Admitted::Pinned(to)),
            Event::Migrated { from, .. } => {
                Err(format!("the run belongs to {}, and {from} is migrated", self.pinned))
            }
            Event::RunFinished { .. } if !self.belongs() => Err(self.foreign()),
            Event::RunFinished { outcome } => match &self.stage {
                Stage::Finishing(computed) if computed.status() == outcome.status() => {
                    Ok(Admitted::Finished(outcome))
                }
                Stage::Finishing(computed) => {
                    Err(format!("the run has {}, not {}", computed.status(), outcome.status()))
                }
                _ => Err("the run is finished while nodes are still open".into()),
            },
        }
    }

    fn admit_start<'e>(&self, event: &'e Event) -> Result<Admitted<'e>, String> {
        let Event::RunStarted { flow, hash, input, v, .. } = event else {
            unreachable!("asked for a start only")
        };
        if *v > EVENT_VERSION {
            return Err(format!("written in version {v}; this is version {EVENT_VERSION}"));
        }
        if *flow != self.graph.id {
            return Err(format!("the run belongs to `{flow}`, not to `{}`", self.graph.id));
        }
        Ok(Admitted::Started(input, hash))
    }

    fn foreign(&self) -> String {
        format!("the run belongs to {}, not to {}", self.pinned, self.graph.hash)
    }

    fn admit_intent<'e>(
        &self,
        address: &Address,
        attempt: u32,
        key: &'e str,
    ) -> Result<Admitted<'e>, String> {
        let (at, leaf) = self.leaf_at(address)?;
        let node = self.node(at);
        if node.phase != Phase::Performing || node.attempt != attempt {
            return Err(format!("attempt {attempt} of `{address}` is not due"));
        }
        if node.intent && leaf.policy.effect == Class::Once {
            return Err(format!("attempt {attempt} of `{address}` is performed a second time"));
        }
        Ok(Admitted::Intent(at, key))
    }

    /// Whether an answer is the one that is waited for; `false` when it comes too late to matter.
    fn awaited(&self, at: At, address: &Address, attempt: u32) -> Result<bool, String> {
        let node = self.node(at);
        if attempt == 0 || attempt > node.attempt {
            return Err(format!("attempt {attempt} of `{address}` was never started"));
        }
        Ok(attempt == node.attempt && node.phase == Phase::Performing)
    }

    fn admit_due(&self, address: &Address, attempt: u32) -> Result<Admitted<'static>, String> {
        let (at, _) = self.leaf_at(address)?;
        let node = self.node(at);
        let next = node.attempt + 1;
        match node.phase {
            Phase::Pausing if attempt == next => Ok(Admitted::Due(at)),
            // The node was stopped in its pause.
            Phase::Failed | Phase::Cancelled if attempt == next && attempt > 1 => {
                Ok(Admitted::Ignored)
            }
            _ if (2..next).contains(&attempt) => Ok(Admitted::Ignored),
            _ => Err(format!("attempt {attempt} of `{address}` was not waited for")),
        }
    }

    fn admit_late(&self, address: &Address, limit: Limit) -> Result<Admitted<'static>, String> {
        let at = self.resolve(address).ok_or_else(|| unknown(address))?;
        if limit == Limit::Deadline && self.hurries(at) {
            return Ok(Admitted::Late(at, limit));
        }
        let node = self.node(at);
        let cleans = matches!(self.plan_of(at).act, Act::Try) && node.stopping;
        let begun = node.attempt > 0 || node.bodies.is_some();
        if !cleans && (self.limit_of(at, limit).is_none() || !begun) {
            return Err(format!("`{address}` has no such time that could pass"));
        }
        let late = self.may_be_late(at);
        Ok(if late { Admitted::Late(at, limit) } else { Admitted::Ignored })
    }

    /// What a driver, a clock or a person says of a node that waits. One that waits no more has lost a race.
    fn admit_wait<'e>(&self, event: &'e Event) -> Result<Admitted<'e>, String> {
        let (Event::WaitStarted { address, .. }
        | Event::TaskOpened { address, .. }
        | Event::WaitOver { address }
        | Event::WaitFailed { address, .. }
        | Event::WaitEnded { address }
        | Event::TaskAnswered { address, .. }
        | Event::Emitted { address }
        | Event::Drawn { address, .. }) = event
        else {
            unreachable!("asked for a node that waits only")
        };
        let at = self.resolve(address).ok_or_else(|| unknown(address))?;
        let node = self.node(at);
        let wrong = || Err(format!("`{address}` does not wait for that"));
        let Some(resting) = &node.resting else {
            let over = matches!(node.phase, Phase::Succeeded | Phase::Failed | Phase::Cancelled);
            let act = &self.plan_of(at).act;
            return match event {
                _ if !over => wrong(),
                Event::WaitStarted { until, .. } if matches!(act, Act::Wait) => {
                    Ok(Admitted::Resting(at, *until))
                }
                Event::TaskOpened { until, .. } if matches!(act, Act::Human) => {
                    Ok(Admitted::Resting(at, *until))
                }
                Event::WaitEnded { .. } => Ok(Admitted::Ended(at)),
                _ if matches!(act, Act::Wait | Act::Human | Act::Emit | Act::Switch) => {
                    Ok(Admitted::Ignored)
                }
                _ => wrong(),
            };
        };
        match (event, &resting.asked) {
            (Event::WaitStarted { until, .. }, Some(Asked::Rest { task: None, .. }))
            | (Event::TaskOpened { until, .. }, Some(Asked::Rest { task: Some(_), .. })) => {
                Ok(Admitted::Resting(at, *until))
            }
            (Event::WaitFailed { error, .. }, Some(Asked::Rest { .. } | Asked::Emit { .. })) => {
                Ok(Admitted::Refused(at, error))
            }
            (Event::Emitted { .. }, Some(Asked::Emit { .. })) => Ok(Admitted::Told(at)),
            (Event::Drawn { value, .. }, Some(Asked::Draw { below })) if value < below => {
                Ok(Admitted::Drawn(at, *value))
            }
            (Event::WaitOver { .. }, None) if resting.until.is_some() => Ok(Admitted::Over(at)),
            (Event::TaskAnswered { by, given, answer, .. }, _)
                if resting.known && matches!(self.plan_of(at).act, Act::Human) =>
            {
                Ok(Admitted::Answered(at, by, *given, answer))
            }
            _ => wrong(),
        }
    }

    fn in_flight(
        &self,
        address: &Address,
        attempt: Option<u32>,
    ) -> Result<Admitted<'static>, String> {
        let (at, _) = self.leaf_at(address)?;
        let node = self.node(at);
        if node.phase == Phase::Performing && attempt.is_none_or(|a| a == node.attempt) {
            Ok(Admitted::Ignored)
        } else {
            Err(format!("no such attempt of `{address}` is performed"))
        }
    }

    fn leaf_at(&self, address: &Address) -> Result<(At, &Leaf), String> {
        let at = self.resolve(address).ok_or_else(|| unknown(address))?;
        match &self.plan.scopes[self.frames[at.frame].scope].nodes[at.node].act {
            Act::Leaf(leaf) => Ok((at, leaf)),
            _ => Err(format!("`{address}` is no node that is performed")),
        }
    }

    pub(super) fn resolve(&self, address: &Address) -> Option<At> {
        let (last, way) = address.segments().split_last()?;
        let mut frame = 0;
        for segment in way {
            let at = self.named(frame, segment.node.as_str())?;
            let index = segment.index?;
            frame = self.node(at).bodies.as_ref()?.frame(index, &self.frames)?;
        }
        if last.index.is_some() { None } else { self.named(frame, last.node.as_str()) }
    }

    fn named(&self, frame: usize, id: &str) -> Option<At> {
        let scope = self.frames.get(frame)?.scope;
        self.plan.scopes[scope].by_id.get(id).map(|&node| At { frame, node })
    }

    pub(super) fn node(&self, at: At) -> &Node {
        &self.frames[at.frame].nodes[at.node]
    }

    pub(super) fn node_mut(&mut self, at: At) -> &mut Node {
        &mut self.frames[at.frame].nodes[at.node]
    }
}

fn unknown(address: &Address) -> String {
    format!("the run has no node at `{address}`")
}

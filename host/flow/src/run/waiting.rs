//! Nodes that wait for the world: a moment, an event, people, chance; and events between nodes and runs.
//!
//! The machine knows no clock and no chance: it asks, and what the driver answers is an event. An event that nobody
//! waits for yet is kept, and goes to the first node that wants it, in the order in which they came.

use std::collections::VecDeque;
use std::sync::Arc;

use indexmap::IndexMap;

use crate::address::Address;
use crate::error::{ErrorCode, NodeError};
use crate::event::check_payload;
use crate::expr::Template;
use crate::graph::{Awaited, Emit, Human, Listen, Moment, NodeKind, OnDeadline, OnTimeout};
use crate::limits::Unit;
use crate::types::{fields_to_json_schema, validate, validate_fields};
use crate::value::{Fields, Value};

use super::names::View;
use super::state::{Asked, At, Phase, Resting};
use super::switch::holds;
use super::{Effect, Rest, Run, Stage};

/// Events that a run keeps because no node wants them yet: more than a flow that works has, and no more than fits into
/// memory. Who tells of more waits.
pub const MAX_HEARD: usize = 1_000;

/// What a run knows of its nodes that wait.
#[derive(Debug, Default)]
pub(super) struct Waits {
    /// Nodes that wait for an event, in the order in which they began to.
    listening: Vec<At>,
    /// Events that no node wanted yet.
    heard: VecDeque<(Arc<str>, Value)>,
    /// Nodes that wait no more, and of which that is not stored.
    pub(super) ending: Vec<At>,
    /// Tasks that people may answer.
    tasks: usize,
}

impl Run {
    /// How many events the run takes at present: it keeps [`MAX_HEARD`] that no node wants. Nothing while it waits neither
    /// for events nor for people.
    pub fn hears(&self) -> usize {
        match self.waits.listening.is_empty() && self.waits.tasks == 0 {
            true => 0,
            false => self.room(),
        }
    }

    /// How many events it has room for, whether it waits for some at present or will later.
    pub fn room(&self) -> usize {
        MAX_HEARD.saturating_sub(self.waits.heard.len())
    }

    /// Judges an event from outside by what the flow says of it, and completes it with defaults.
    ///
    /// # Errors
    /// `invalid_input`: the flow has no such event, or it carries something else. `limit`: no journal takes it.
    pub fn judge_signal(&self, name: &str, payload: &Value) -> Result<Value, NodeError> {
        check_payload(payload)?;
        judge_event(&self.graph.events, name, payload)
    }

    /// Judges an answer to a task, and completes it with defaults.
    ///
    /// # Errors
    /// `invalid_input`: nobody is asked there, not any more, this person has answered already, or it does not fit the
    /// form. `limit`: no journal takes it.
    pub fn judge_answer(
        &self,
        address: &Address,
        by: &str,
        answer: &Value,
    ) -> Result<Value, NodeError> {
        let refused = |why: String| NodeError::new(ErrorCode::InvalidInput, why);
        let found =
            self.resolve(address).filter(|at| matches!(self.kind_of(*at), NodeKind::Human(_)));
        let at = found.ok_or_else(|| refused(format!("`{address}` is no task of this run")))?;
        let open = self.node(at).resting.as_ref().filter(|resting| resting.known);
        let open =
            open.ok_or_else(|| refused(format!("the task `{address}` is not open any more")))?;
        if open.answers.iter().any(|answer| answer.get("by").and_then(Value::as_str) == Some(by)) {
            return Err(refused(format!("{by} has answered the task `{address}` already")));
        }
        check_payload(answer)?;
        let full = validate_fields(answer, &self.human_of(at).form);
        let full =
            full.map_err(|mismatch| refused(format!("the answer does not fit: {mismatch}")))?;
        only(&full, &self.human_of(at).form)
            .map_err(|field| refused(format!("the form has no field `{field}`")))?;
        match self.verifies(at.frame) {
            true => self.judge_found(at, &full).map_err(refused),
            false => Ok(full),
        }
    }

    /// Who says that a step happened says what came of it.
    fn judge_found(&self, at: At, answer: &Value) -> Result<Value, String> {
        let mut fields = answer.as_map().cloned().unwrap_or_default();
        let step = self.frames[at.frame].parent.expect("what finds out is inside a step");
        let scope = self.plan.scope(&self.graph, self.frames[step.frame].scope);
        let wanted = &scope.nodes[step.node].output;
        if answer.get("happened") == Some(&Value::Bool(true)) {
            let told = answer.get("value").cloned().unwrap_or_default();
            let told = validate(&told, wanted).map_err(|mismatch| {
                format!("it happened, so its `value` is needed, a `{wanted}`: {mismatch}")
            })?;
            fields.insert("value".into(), told);
        }
        Ok(Value::Map(fields.into()))
    }

    pub(super) fn begin_wait(&mut self, at: At) {
        let view = View::new(self, at.frame, Some(at.node));
        let asked = match self.wait_of(at) {
            Awaited::Time(time) => time.eval(&view).and_then(|time| span(&time)).map(Some),
            Awaited::Until(moment) => moment.eval(&view).map(|moment| Some(Moment::At(moment))),
            Awaited::Cron(calendar) => Ok(Some(Moment::Next(calendar.clone()))),
            Awaited::Event(listen) => Ok(listen.timeout.map(Moment::After)),
        };
        let moment = match asked {
            Ok(moment) => moment,
            Err(error) => return self.fail(at, error),
        };
        if let Some(payload) = self.take_heard(at) {
            return self.succeed(at, payload, None);
        }
        if self.listen_of(at).is_some() {
            self.waits.listening.push(at);
        }
        self.begin_resting(at, Asked::Rest { moment, task: None });
    }

    pub(super) fn ask_people(&mut self, at: At) {
        match self.task_of(at, 0) {
            Ok(asked) => {
                self.waits.tasks += 1;
                self.begin_resting(at, asked);
            }
            Err(error) => self.fail(at, error),
        }
    }

    /// Asks for a number that nobody can foresee.
    pub(super) fn draw(&mut self, at: At, below: u64) {
        self.begin_resting(at, Asked::Draw { below });
    }

    pub(super) fn emit(&mut self, at: At) {
        let view = View::new(self, at.frame, Some(at.node));
        let Emit { payload, to, .. } = self.emit_of(at);
        let payload = payload.as_ref().map_or(Ok(Value::empty()), |payload| payload.eval(&view));
        let payload = payload.and_then(|payload| check_payload(&payload).map(|()| payload));
        let to = to.as_ref().map(|to| to.eval(&view)).transpose();
        match (payload, to) {
            (Err(error), _) | (_, Err(error)) => self.fail(at, error),
            (Ok(payload), Ok(None)) => self.tell_here(at, payload),
            (Ok(payload), Ok(Some(to))) => match to.as_str() {
                Some(to) => self.begin_resting(at, Asked::Emit { to: to.to_owned(), payload }),
                None => {
                    let message = format!("`to` is the id of a run, not a {}", to.shape());
                    self.fail(at, NodeError::new(ErrorCode::InvalidInput, message));
                }
            },
        }
    }

    /// Tells the nodes of this run.
    fn tell_here(&mut self, at: At, payload: Value) {
        let event = self.emit_of(at).event.clone();
        match judge_event(&self.graph.events, &event, &payload) {
            Err(error) => self.fail(at, error),
            Ok(_) if self.waits.heard.len() >= MAX_HEARD => {
                let message = format!("the run keeps {MAX_HEARD} events that no node wants yet");
                self.fail(at, NodeError::limit("events", message));
            }
            Ok(payload) => {
                self.hear(&event, &payload);
                self.succeed(at, payload, None);
            }
        }
    }

    /// Gives an event to the first node that wants it, or keeps it.
    pub(super) fn hear(&mut self, name: &str, payload: &Value) {
        let wants = |at: &At| self.wants(*at, name, payload);
        match self.waits.listening.iter().copied().find(wants) {
            Some(at) => self.end_wait(at, Ok(payload.clone())),
            None => self.waits.heard.push_back((name.into(), payload.clone())),
        }
    }

    fn take_heard(&mut self, at: At) -> Option<Value> {
        let wanted = |(name, payload): &(Arc<str>, Value)| self.wants(at, name, payload);
        let found = self.waits.heard.iter().position(wanted)?;
        self.waits.heard.remove(found).map(|(_, payload)| payload)
    }

    /// Whether a node waits for this event. A condition that cannot judge what somebody sent does not hold.
    fn wants(&self, at: At, name: &str, payload: &Value) -> bool {
        let Some(listen) = self.listen_of(at).filter(|listen| listen.event == name) else {
            return false;
        };
        let view = View::hearing(self, at, payload);
        listen.only.as_ref().is_none_or(|only| holds(only, "where", &view).unwrap_or(false))
    }

    fn begin_resting(&mut self, at: At, asked: Asked) {
        self.set_phase(at, Phase::Resting);
        self.node_mut(at).resting =
            Some(Box::new(Resting { asked: Some(asked), ..Resting::default() }));
        self.ask_again(at);
    }

    /// Asks the driver for what it has not said yet.
    pub(super) fn ask_again(&mut self, at: At) {
        let resting = self.node(at).resting.as_ref();
        let Some(asked) = resting.and_then(|resting| resting.asked.clone()) else { return };
        let address = self.address(at);
        self.step.effects.push(match asked {
            Asked::Rest { moment, task } => {
                let event = self.listen_of(at).map(|listen| listen.event.clone());
                Effect::Rest(Rest { address, event, task, moment })
            }
            Asked::Emit { to, payload } => {
                Effect::Emit { address, to, event: self.emit_of(at).event.clone(), payload }
            }
            Asked::Draw { below } => Effect::Draw { address, below },
        });
    }

    /// Says once more which nodes wait no more: of a process that is gone nobody knows whether it stored that.
    pub(super) fn end_again(&mut self) {
        for at in self.waits.ending.clone() {
            self.step.effects.push(Effect::Ended { address: self.address(at) });
        }
    }

    /// It is stored that a node waits, and until when.
    pub(super) fn rests(&mut self, at: At, until: Option<i64>) {
        if let Some(resting) = &mut self.node_mut(at).resting {
            (resting.known, resting.until, resting.asked) = (true, until, None);
        } else if !matches!(self.stage, Stage::Finishing(_)) {
            // It waits no more: then that has to be known too. The end of the run says it by itself.
            self.ended(at);
        }
    }

    pub(super) fn wait_is_over(&mut self, at: At) {
        match self.kind_of(at) {
            NodeKind::Human(_) => self.escalate(at),
            _ => {
                let until = self.rest_of(at).until;
                let ending = match self.listen_of(at).map(|listen| listen.on_timeout) {
                    None => Ok(Value::record([("until", until.unwrap_or_default().into())])),
                    Some(OnTimeout::Null) => Ok(Value::Null),
                    Some(OnTimeout::Fail) => Err(self.too_late(at)),
                };
                self.end_wait(at, ending);
            }
        }
    }

    /// Nobody answered in time: that is the answer, or a failure, or others are asked.
    fn escalate(&mut self, at: At) {
        let (round, until) = (self.rest_of(at).round, self.rest_of(at).until);
        let deadline = self.human_of(at).round(round).1;
        match deadline.map_or(&OnDeadline::Fail, |deadline| &deadline.then) {
            OnDeadline::Fail => {
                let error = self.too_late(at);
                self.end_wait(at, Err(error));
            }
            OnDeadline::Answer(answer) => {
                let answer = signed(answer, "deadline", until.unwrap_or_default());
                self.resting_mut(at).answers.push(answer);
                self.end_task(at);
            }
            OnDeadline::Escalate(_) => match self.task_of(at, round + 1) {
                Ok(asked) => {
                    let resting = self.resting_mut(at);
                    (resting.round, resting.until) = (round + 1, None);
                    resting.asked = Some(asked);
                    self.ask_again(at);
                }
                Err(error) => self.end_wait(at, Err(error)),
            },
        }
    }

    pub(super) fn take_answer(&mut self, at: At, by: &str, given: i64, answer: &Value) {
        let answer = signed(answer, by, given);
        self.resting_mut(at).answers.push(answer);
        if self.rest_of(at).answers.len() >= self.human_of(at).need() {
            self.end_task(at);
        }
    }

    fn end_task(&mut self, at: At) {
        let mut answers = std::mem::take(&mut self.resting_mut(at).answers);
        let value = match self.human_of(at).quorum {
            Some(_) => Value::list(answers),
            None => answers.pop().unwrap_or_default(),
        };
        self.end_wait(at, Ok(value));
    }

    pub(super) fn told_another(&mut self, at: At) {
        let asked = self.resting_mut(at).asked.take();
        let Some(Asked::Emit { payload, .. }) = asked else {
            unreachable!("only an event that was asked for is taken")
        };
        self.end_wait(at, Ok(payload));
    }

    /// Settles a node that waited.
    pub(super) fn end_wait(&mut self, at: At, ending: Result<Value, NodeError>) {
        self.stop_resting(at);
        match ending {
            Ok(value) => self.succeed(at, value, None),
            Err(error) => self.fail(at, error),
        }
    }

    /// A stop from outside: nothing has to be awaited.
    pub(super) fn withdraw(&mut self, at: At) {
        self.stop_resting(at);
        self.settle(at, Phase::Cancelled, "cancelled");
    }

    /// The node waits no more.
    pub(super) fn stop_resting(&mut self, at: At) {
        let resting = self.node_mut(at).resting.take().expect("a node that waits has its state");
        match self.plan_of(at).act {
            super::plan::Act::Human => self.waits.tasks -= 1,
            super::plan::Act::Wait => self.waits.listening.retain(|listening| *listening != at),
            _ => {}
        }
        if resting.known {
            self.ended(at);
        }
    }

    fn ended(&mut self, at: At) {
        self.waits.ending.push(at);
        self.step.effects.push(Effect::Ended { address: self.address(at) });
    }

    /// What people are asked after so many escalations.
    fn task_of(&self, at: At, round: u32) -> Result<Asked, NodeError> {
        let view = View::new(self, at.frame, Some(at.node));
        let human = self.human_of(at);
        let (assignee, deadline) = human.round(round);
        let text = |template: &Template| {
            Ok::<_, NodeError>(Value::from(template.eval(&view)?.to_string()))
        };
        let title = text(&human.title)?;
        let about = human.text.as_ref().map(text).transpose()?;
        let assignee = match assignee.map(|assignee| assignee.eval(&view)).transpose()? {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::List(names)) => names.iter().map(|name| name.to_string().into()).collect(),
            Some(name) => vec![Value::from(name.to_string())],
        };
        let form = Value::of(&fields_to_json_schema(&human.form)).expect("a schema is JSON");
        let mut task = IndexMap::from([("title", title)]);
        task.extend(about.map(|about| ("text", about)));
        task.extend([("assignee", Value::list(assignee)), ("form", form)]);
        task.extend(human.quorum.map(|quorum| ("quorum", i64::from(quorum.need).into())));
        let task = Value::record(task);
        check_payload(&task)?;
        let moment = deadline.map(|deadline| Moment::After(deadline.after));
        Ok(Asked::Rest { moment, task: Some(task) })
    }

    fn too_late(&self, at: At) -> NodeError {
        let message = match self.listen_of(at) {
            Some(listen) => format!(
                "the event `{}` did not come within {}",
                listen.event,
                Unit::Millis.print(listen.timeout.unwrap_or_default())
            ),
            None => "nobody answered in time".into(),
        };
        let help = match self.listen_of(at) {
            Some(_) => "raise `timeout:`, or go on without it: `on_timeout: null`",
            None => "raise `deadline:`, or say what holds then: `on_deadline: reject`",
        };
        NodeError::new(ErrorCode::Timeout, message).with_help(help)
    }

    fn rest_of(&self, at: At) -> &Resting {
        self.node(at).resting.as_ref().expect("it was admitted because it waits")
    }

    fn resting_mut(&mut self, at: At) -> &mut Resting {
        self.node_mut(at).resting.as_mut().expect("it was admitted because it waits")
    }

    fn wait_of(&self, at: At) -> &Awaited {
        match self.kind_of(at) {
            NodeKind::Wait(wait) => &wait.awaited,
            _ => unreachable!("the plan says that it waits"),
        }
    }

    /// The event that a node waits for.
    fn listen_of(&self, at: At) -> Option<&Listen> {
        match self.kind_of(at) {
            NodeKind::Wait(wait) => match &wait.awaited {
                Awaited::Event(listen) => Some(listen),
                _ => None,
            },
            _ => None,
        }
    }

    fn human_of(&self, at: At) -> &Human {
        match self.kind_of(at) {
            NodeKind::Human(human) => human,
            _ => unreachable!("the plan says that people are asked"),
        }
    }

    fn emit_of(&self, at: At) -> &Emit {
        match self.kind_of(at) {
            NodeKind::Emit(emit) => emit,
            _ => unreachable!("the plan says that it tells of an event"),
        }
    }
}

/// An answer with who gave it and when.
fn signed(answer: &Value, by: &str, at: i64) -> Value {
    let mut fields: Fields = answer.as_map().cloned().unwrap_or_default();
    fields.insert("by".into(), by.into());
    fields.insert("at".into(), at.into());
    fields.into()
}

/// The first field that a form does not have.
fn only(answer: &Value, form: &IndexMap<String, crate::types::Field>) -> Result<(), String> {
    let fields = answer.as_map().into_iter().flatten();
    let strange = fields.map(|(name, _)| name).find(|name| !form.contains_key(&***name));
    strange.map_or(Ok(()), |name| Err(name.to_string()))
}

/// How long a node waits.
fn span(time: &Value) -> Result<Moment, NodeError> {
    let millis = match time {
        Value::Int(millis) => u64::try_from(*millis).map_err(|_| "it is negative".to_owned()),
        Value::String(text) => Unit::Millis.parse(text),
        other => Err(format!("it is a {}", other.shape())),
    };
    millis.map(Moment::After).map_err(|why| {
        let message = format!("`for: {time}` is no span of time: {why}");
        NodeError::new(ErrorCode::InvalidInput, message).with_help("write `10m`, or milliseconds")
    })
}

/// Judges an event by what a flow says of its events.
///
/// # Errors
/// See [`Run::judge_signal`].
pub fn judge_event(
    events: &IndexMap<String, crate::types::Field>,
    name: &str,
    payload: &Value,
) -> Result<Value, NodeError> {
    let refused = |why: String| NodeError::new(ErrorCode::InvalidInput, why);
    if events.is_empty() {
        return Ok(payload.clone());
    }
    let Some(field) = events.get(name) else {
        let known: Vec<&str> = events.keys().map(String::as_str).collect();
        let help = format!("its events are {}", known.join(", "));
        return Err(refused(format!("the flow has no event `{name}`")).with_help(help));
    };
    validate(payload, &field.ty).map_err(|mismatch| {
        refused(format!("the event `{name}` does not carry a `{}`: {mismatch}", field.ty))
    })
}

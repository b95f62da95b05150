//! Nodes that nothing performs: they wait for a moment, for an event or for people, or tell others of an event.
//!
//! What they wait for comes from outside and may take weeks, so none of it is held in memory: a run that does
//! nothing but wait is a row in a store.

use indexmap::IndexMap;
use serde::Serialize;

use crate::expr::{Expr, Template};
use crate::types::Field;
use crate::value::Value;

/// A node that waits.
#[derive(Clone, Debug, Serialize)]
pub struct Wait {
    /// What for.
    #[serde(rename = "for")]
    pub awaited: Awaited,
}

/// What a node waits for.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Awaited {
    /// So long: a text such as `10m`, or milliseconds. Its value is `{ until: <ms> }`.
    Time(Template),
    /// A moment: RFC 3339 text, or milliseconds since 1970-01-01T00:00:00Z. Its value is `{ until: <ms> }`.
    Until(Template),
    /// The next moment of a calendar. Its value is `{ until: <ms> }`.
    Cron(Calendar),
    /// An event. Its value is what the event carries.
    Event(Box<Listen>),
}

/// Moments that come again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Calendar {
    /// Five fields of cron: minute, hour, day, month, weekday; a field of seconds may stand before them.
    pub pattern: String,
    /// The clock on the wall: a name such as `Europe/Berlin`.
    pub tz: String,
}

/// An event that is waited for.
#[derive(Clone, Debug, Serialize)]
pub struct Listen {
    /// Its name.
    pub event: String,
    /// Which of them: sees what the event carries as `event`. One that it cannot judge is none of them.
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    pub only: Option<Expr>,
    /// Milliseconds until nobody waits any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
    /// What happens then.
    pub on_timeout: OnTimeout,
}

/// What a wait does whose event did not come in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnTimeout {
    /// The node fails with `timeout`.
    #[default]
    Fail,
    /// The node's value is `null`.
    Null,
}

/// When something is due, as a flow says it. Who has a clock makes a moment of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Moment {
    /// So many milliseconds from now.
    After(u64),
    /// RFC 3339 text, or milliseconds since 1970-01-01T00:00:00Z.
    At(Value),
    /// The next one of a calendar.
    Next(Calendar),
}

/// A task for people. Its value is the answer with `by` and `at` beside the fields of the form; with a quorum, the list
/// of the answers.
#[derive(Clone, Debug, Serialize)]
pub struct Human {
    /// What is asked, in a line.
    pub title: Template,
    /// What there is to know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<Template>,
    /// The fields of an answer.
    pub form: IndexMap<String, Field>,
    /// Who is asked: a text or a list of texts. Anybody when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assignee: Option<Template>,
    /// Answers that settle it, and the people who are asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quorum: Option<Quorum>,
    /// How long people have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Deadline>,
}

/// How many have to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Quorum {
    /// Answers, each by somebody else.
    pub need: u32,
    /// People who are asked; absent when it does not matter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<u32>,
}

/// How long people have, and what happens then.
#[derive(Clone, Debug, Serialize)]
pub struct Deadline {
    /// Milliseconds.
    pub after: u64,
    /// What happens then.
    pub then: OnDeadline,
}

/// What becomes of a task that nobody answered in time.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDeadline {
    /// The node fails with `timeout`.
    #[default]
    Fail,
    /// This is the answer. Its `by` is `deadline`.
    Answer(Value),
    /// Somebody else is asked, too.
    Escalate(Box<Escalation>),
}

/// Who is asked when those before did not answer.
#[derive(Clone, Debug, Serialize)]
pub struct Escalation {
    /// A text or a list of texts.
    pub to: Template,
    /// How long they have; absent: as long as it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Deadline>,
}

/// A node that tells of an event. Its value is what the event carries.
#[derive(Clone, Debug, Serialize)]
pub struct Emit {
    /// Its name.
    pub event: String,
    /// What it carries; `{}` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<Template>,
    /// The run that is told: its id. This one when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Template>,
}

impl Human {
    /// The deadline after so many escalations, with who is asked in the last of them.
    pub fn round(&self, round: u32) -> (Option<&Template>, Option<&Deadline>) {
        let mut at = (self.assignee.as_ref(), self.deadline.as_ref());
        for _ in 0..round {
            let Some(Deadline { then: OnDeadline::Escalate(next), .. }) = at.1 else { break };
            at = (Some(&next.to), next.deadline.as_ref());
        }
        at
    }

    /// Answers that settle it.
    pub fn need(&self) -> usize {
        self.quorum.map_or(1, |quorum| quorum.need as usize)
    }
}

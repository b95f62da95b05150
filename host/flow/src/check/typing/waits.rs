//! Types of nodes that wait, ask people or tell of events.

use std::collections::HashMap;

use super::super::Checker;
use super::super::draft::{Draft, DraftDeadline, DraftEmit, DraftHuman, DraftThen, DraftWait};
use super::super::site::Bound;
use super::{Inner, fit_parts};
use crate::diagnostic::{Finding, short};
use crate::expr::{TypeNames, unify_types};
use crate::graph::{
    Awaited, Deadline, Emit, Escalation, Human, Listen, NodeKind, OnDeadline, OnTimeout, Wait,
};
use crate::types::{Field, Kind, Type};
use crate::value::Value;

impl Checker<'_> {
    pub(super) fn type_wait(&self, wait: &DraftWait, names: &Inner<'_>) -> (NodeKind, Type) {
        let until =
            || Type::from(Kind::Record([("until".into(), Type::from(Kind::Int).into())].into()));
        let (awaited, ty) = match wait {
            DraftWait::Time(time) => {
                self.type_time(time, names, &[Kind::Duration, Kind::String, Kind::Int]);
                (Awaited::Time(time.template.clone()), until())
            }
            DraftWait::Until(moment) => {
                self.type_time(moment, names, &[Kind::Datetime, Kind::String, Kind::Int]);
                (Awaited::Until(moment.template.clone()), until())
            }
            DraftWait::Cron(calendar) => (Awaited::Cron(calendar.clone()), until()),
            DraftWait::Event(listen) => {
                if let Some(only) = &listen.only {
                    let nobody = Draft { nodes: Vec::new() };
                    let own = HashMap::from([("event".to_owned(), listen.carries.clone())]);
                    self.type_truth(only, &Inner { outer: names, own, draft: &nobody });
                }
                let ty = match listen.on_timeout {
                    OnTimeout::Null if listen.timeout.is_some() => {
                        unify_types(&listen.carries, &super::nothing())
                    }
                    _ => listen.carries.clone(),
                };
                let listen = Listen {
                    event: listen.event.clone(),
                    only: listen.only.as_ref().map(|site| site.expr.clone()),
                    timeout: listen.timeout,
                    on_timeout: listen.on_timeout,
                };
                (Awaited::Event(Box::new(listen)), ty)
            }
        };
        (NodeKind::Wait(Box::new(Wait { awaited })), ty)
    }

    /// A time is one of some kinds.
    fn type_time(&self, time: &Bound, names: &dyn TypeNames, kinds: &[Kind]) {
        let ty = self.type_bound(time, names);
        if !kinds.contains(&ty.kind) && !matches!(ty.kind, Kind::Any | Kind::Json) {
            let all: Vec<String> = kinds.iter().map(ToString::to_string).collect();
            let message = format!("expected `{}`, found `{}`", all.join("`, `"), short(&ty));
            self.find(Finding::error("CG0206", time.span, message));
        }
    }

    pub(super) fn type_human(&self, human: &DraftHuman, names: &Inner<'_>) -> (NodeKind, Type) {
        for shown in std::iter::once(&human.title).chain(&human.text) {
            let ty = self.type_bound(shown, names);
            self.refuse_secret(&ty, shown.span, "what people are asked");
        }
        human.assignee.iter().for_each(|asked| self.type_people(asked, names));
        let deadline = human.deadline.as_ref().map(|deadline| self.type_deadline(deadline, names));
        let signed = [("by", Kind::String), ("at", Kind::Int)];
        let signed = signed.map(|(name, kind)| (name.to_owned(), Field::from(Type::from(kind))));
        let fields = human
            .form
            .iter()
            .map(|(name, field)| (name.clone(), Field { default: None, ..field.clone() }));
        let answer = Type::from(Kind::Record(fields.chain(signed).collect()));
        let ty = match human.quorum {
            Some(_) => Kind::List(Box::new(answer)).into(),
            None => answer,
        };
        let kind = NodeKind::Human(Box::new(Human {
            title: human.title.template.clone(),
            text: human.text.as_ref().map(|text| text.template.clone()),
            form: human.form.clone(),
            assignee: human.assignee.as_ref().map(|asked| asked.template.clone()),
            quorum: human.quorum,
            deadline,
        }));
        (kind, ty)
    }

    fn type_deadline(&self, deadline: &DraftDeadline, names: &Inner<'_>) -> Deadline {
        let then = match &deadline.then {
            DraftThen::Fail => OnDeadline::Fail,
            DraftThen::Answer(answer) => OnDeadline::Answer(answer.clone()),
            DraftThen::Escalate(escalation) => {
                let (to, next) = &**escalation;
                self.type_people(to, names);
                let deadline = next.as_ref().map(|next| self.type_deadline(next, names));
                OnDeadline::Escalate(Box::new(Escalation { to: to.template.clone(), deadline }))
            }
        };
        Deadline { after: deadline.after, then }
    }

    /// Names of people: a text, or a list of texts.
    fn type_people(&self, people: &Bound, names: &dyn TypeNames) {
        let ty = self.type_bound(people, names);
        let name =
            |ty: &Type| matches!(ty.kind, Kind::String | Kind::Enum(_) | Kind::Any | Kind::Json);
        let fits = match &ty.kind {
            Kind::List(of) => name(of),
            Kind::Opt(of) => name(of),
            _ => name(&ty),
        };
        if !fits {
            let message = format!("expected a name or a list of names, found `{}`", short(&ty));
            self.find(Finding::error("CG0206", people.span, message));
        }
    }

    pub(super) fn type_emit(&self, emit: &DraftEmit, names: &Inner<'_>) -> (NodeKind, Type) {
        let nothing = Value::empty();
        let ty = match (&emit.payload, &emit.carries) {
            (Some(payload), carries) => {
                let ty = self.type_bound(payload, names).into_owned();
                self.refuse_secret(&ty, payload.span, "an event");
                if let Some(field) = carries.as_ref().filter(|_| !payload.broken)
                    && let Err(refused) = fit_parts(&payload.template, &ty, field)
                {
                    let message = format!("the event `{}`: {}", emit.event, refused.why);
                    self.find(Finding::error("CG0206", payload.span, message));
                }
                carries.as_ref().map_or(ty, |field| field.ty.clone())
            }
            (None, Some(field)) => field.ty.clone(),
            (None, None) => crate::expr::infer_value(&nothing),
        };
        if let Some(to) = &emit.to {
            self.type_time(to, names, &[Kind::String]);
        }
        let kind = NodeKind::Emit(Box::new(Emit {
            event: emit.event.clone(),
            payload: emit.payload.as_ref().map(|payload| payload.template.clone()),
            to: emit.to.as_ref().map(|to| to.template.clone()),
        }));
        (kind, ty)
    }
}

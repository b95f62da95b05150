//! Nodes that wait, ask people or tell of events, as written.

use indexmap::IndexMap;

use super::super::site::{Bound, Site};
use super::super::{Around, Checker, keys};
use super::DraftKind;
use crate::address::NodeId;
use crate::diagnostic::{Finding, Span};
use crate::document::{Data, Node};
use crate::expr::Template;
use crate::graph::{Calendar, Moment, OnTimeout, Quorum};
use crate::types::{Field, Kind, Type, validate_fields};
use crate::value::Value;

/// Answers that one task waits for at most: each is kept until it is settled.
pub const MAX_ASKED: u32 = 100;

/// Fields that an answer has beside those of its form.
const SIGNED: [&str; 2] = ["by", "at"];

#[derive(Debug)]
pub(in super::super) enum DraftWait {
    Time(Bound),
    Until(Bound),
    Cron(Calendar),
    Event(DraftListen),
}

#[derive(Debug)]
pub(in super::super) struct DraftListen {
    pub(in super::super) event: String,
    /// What the event carries.
    pub(in super::super) carries: Type,
    pub(in super::super) only: Option<Site>,
    pub(in super::super) timeout: Option<u64>,
    pub(in super::super) on_timeout: OnTimeout,
}

#[derive(Debug)]
pub(in super::super) struct DraftHuman {
    pub(in super::super) title: Bound,
    pub(in super::super) text: Option<Bound>,
    pub(in super::super) form: IndexMap<String, Field>,
    pub(in super::super) assignee: Option<Bound>,
    pub(in super::super) quorum: Option<Quorum>,
    pub(in super::super) deadline: Option<DraftDeadline>,
}

#[derive(Debug)]
pub(in super::super) struct DraftDeadline {
    pub(in super::super) after: u64,
    pub(in super::super) then: DraftThen,
}

#[derive(Debug)]
pub(in super::super) enum DraftThen {
    Fail,
    Answer(Value),
    Escalate(Box<(Bound, Option<DraftDeadline>)>),
}

#[derive(Debug)]
pub(in super::super) struct DraftEmit {
    pub(in super::super) event: String,
    pub(in super::super) payload: Option<Bound>,
    /// What the event has to carry, when the flow says so.
    pub(in super::super) carries: Option<Field>,
    pub(in super::super) to: Option<Bound>,
}

impl DraftWait {
    pub(in super::super) fn sites(&self) -> &[Site] {
        match self {
            Self::Time(bound) | Self::Until(bound) => &bound.sites,
            Self::Cron(_) | Self::Event(_) => &[],
        }
    }
}

impl DraftHuman {
    pub(in super::super) fn sites(&self) -> Vec<&Site> {
        let mut bounds = vec![&self.title];
        bounds.extend(self.text.iter().chain(&self.assignee));
        let mut next = self.deadline.as_ref();
        while let Some(DraftDeadline { then: DraftThen::Escalate(escalation), .. }) = next {
            bounds.push(&escalation.0);
            next = escalation.1.as_ref();
        }
        bounds.into_iter().flat_map(|bound| &bound.sites).collect()
    }
}

impl Checker<'_> {
    fn wrong_wait(&self, span: Span, message: impl Into<String>, help: &str) {
        self.find(Finding::error("CG0320", span, message.into()).help(help));
    }

    pub(super) fn draft_wait(&self, node: &Node, wait: &Node, around: &Around<'_>) -> DraftKind {
        self.keys(node, &[keys::NODE, keys::WAIT_NODE].concat(), keys::NODE_LATER, "a `wait`");
        self.map(wait, "what it waits for: `{ for: 10m }`");
        self.keys(wait, keys::WAIT, &[], "`wait`");
        let get = |key: &str| wait.get(key).map(|entry| &entry.value);
        let forms = ["for", "until", "cron", "event"];
        let written: Vec<&str> = forms.into_iter().filter(|key| get(key).is_some()).collect();
        let [form] = written.as_slice() else {
            let message = format!("a `wait` waits for one thing: {}", forms.join(", "));
            self.wrong_wait(wait.span, message, "write `wait: { for: 10m }`");
            return DraftKind::Broken;
        };
        let beside: &[&str] = match *form {
            "cron" => &["tz"],
            "event" => &["where", "timeout", "on_timeout"],
            _ => &[],
        };
        for entry in wait.entries() {
            let key = &&*entry.key;
            if keys::WAIT.contains(key) && key != form && !beside.contains(key) {
                let message = format!("`{key}` means nothing to a wait with `{form}`");
                self.wrong_wait(entry.key_span, message, "take it out");
            }
        }
        let value = get(form).expect("it was found above");
        let drafted = match *form {
            "for" => self.wait_for(value),
            "until" => self.wait_until(value),
            "cron" => self.wait_cron(value, get("tz")),
            _ => self.wait_event(wait, value, around),
        };
        drafted.map_or(DraftKind::Broken, |wait| DraftKind::Wait(Box::new(wait)))
    }

    fn wait_for(&self, node: &Node) -> Option<DraftWait> {
        let time = self.bound_value(node);
        if let Template::Literal(_) = time.template {
            self.duration(node)?;
        }
        Some(DraftWait::Time(time))
    }

    /// An expression, or a moment as it is written on a calendar.
    fn wait_until(&self, node: &Node) -> Option<DraftWait> {
        let text = node.as_text().unwrap_or_default();
        let literal = text.as_bytes().first().is_some_and(u8::is_ascii_digit);
        if !literal {
            let site = self.bare(node)?;
            let (template, span) = (Template::Expr(site.expr.clone()), node.span);
            return Some(DraftWait::Until(Bound {
                template,
                sites: vec![site],
                span,
                broken: false,
            }));
        }
        self.possible(node, &Moment::At(node.to_value()))?;
        let bound = self.bound_value(node);
        Some(DraftWait::Until(bound))
    }

    fn wait_cron(&self, node: &Node, tz: Option<&Node>) -> Option<DraftWait> {
        let Some(pattern) = node.as_str().map(str::to_owned) else {
            self.shape(node, "a pattern such as `0 7 * * 1-5`");
            return None;
        };
        let tz = tz.map_or(Some("UTC".into()), Node::as_text)?;
        let calendar = Calendar { pattern, tz };
        self.possible(node, &Moment::Next(calendar.clone()))?;
        Some(DraftWait::Cron(calendar))
    }

    /// Whether there is such a moment, as far as who has a clock can say now.
    fn possible(&self, node: &Node, moment: &Moment) -> Option<()> {
        let found = self.signatures.moment(moment);
        found.map_err(|why| self.find(Finding::error("CG0107", node.span, why))).ok()
    }

    fn wait_event(&self, wait: &Node, event: &Node, around: &Around<'_>) -> Option<DraftWait> {
        let name = self.event_name(event, around)?;
        let get = |key: &str| wait.get(key).map(|entry| &entry.value);
        let on_timeout = match get("on_timeout") {
            // `null` is a word of YAML.
            Some(Node { data: Data::Scalar(Value::Null), .. }) => OnTimeout::Null,
            Some(node) => {
                let choices = [("fail", OnTimeout::Fail), ("null", OnTimeout::Null)];
                self.choice(node, &choices).unwrap_or_default()
            }
            None => OnTimeout::Fail,
        };
        if let (Some(written), None) = (wait.get("on_timeout"), get("timeout")) {
            let message = "without `timeout` the event is waited for as long as it takes";
            self.wrong_wait(written.key_span, message, "add `timeout: 2d`, or take it out");
        }
        let carries = around.events.get(&name).map(|field| field.ty.clone());
        Some(DraftWait::Event(DraftListen {
            carries: carries.unwrap_or_else(|| Kind::Any.into()),
            event: name,
            only: get("where").and_then(|only| self.bare(only)),
            timeout: get("timeout").and_then(|n| self.duration(n)),
            on_timeout,
        }))
    }

    /// A name of an event: one of those that the flow lists, when it lists any.
    fn event_name(&self, node: &Node, around: &Around<'_>) -> Option<String> {
        let name: NodeId = self.id(node)?;
        if !around.events.is_empty() && !around.events.contains_key(name.as_str()) {
            let message = format!("there is no event `{name}` under `events:`");
            let near = self.hints.near(name.as_str(), around.events.keys().map(String::as_str));
            let help =
                near.unwrap_or_else(|| format!("add it there: `events: {{ {name}: {{ … }} }}`"));
            self.find(Finding::error("CG0321", node.span, message).help(help));
        }
        Some(name.to_string())
    }

    pub(super) fn draft_emit(&self, node: &Node, emit: &Node, around: &Around<'_>) -> DraftKind {
        self.keys(node, &[keys::NODE, keys::EMIT_NODE].concat(), keys::NODE_LATER, "an `emit`");
        self.map(emit, "an event: `{ event: done, payload: { … } }`");
        self.keys(emit, keys::EMIT, &[], "`emit`");
        let get = |key: &str| emit.get(key).map(|entry| &entry.value);
        let Some(event) = get("event") else {
            let finding = Finding::error("CG0102", emit.span, "an `emit` needs the key `event`");
            self.find(finding.help("name it: `emit: { event: done }`"));
            return DraftKind::Broken;
        };
        let to = get("to").map(|to| self.bound_value(to));
        // Another run has events of its own.
        let name = match to {
            Some(_) => self.id::<NodeId>(event).map(|name| name.to_string()),
            None => self.event_name(event, around),
        };
        let Some(event) = name else { return DraftKind::Broken };
        let carries = around.events.get(&event).filter(|_| to.is_none()).cloned();
        let payload = get("payload").map(|payload| self.bound_value(payload));
        DraftKind::Emit(Box::new(DraftEmit { event, payload, carries, to }))
    }

    fn wrong_task(&self, span: Span, message: impl Into<String>, help: &str) {
        self.find(Finding::error("CG0322", span, message.into()).help(help));
    }

    pub(super) fn draft_human(&self, node: &Node, ty: &Node) -> DraftKind {
        self.keys(node, &[keys::NODE, keys::HUMAN].concat(), keys::NODE_LATER, "a task");
        let get = |key: &str| node.get(key).map(|entry| &entry.value);
        let Some(form) = get("form") else {
            let finding = Finding::error("CG0102", ty.span, "a task needs the key `form`");
            self.find(finding.help("the fields of an answer: `form: { approve: bool }`"));
            return DraftKind::Broken;
        };
        let span = form.span;
        let form = self.ports(form);
        if form.is_empty() {
            self.wrong_task(span, "the form has no field", "add one: `form: { approve: bool }`");
        }
        for signed in SIGNED.into_iter().filter(|name| form.contains_key(*name)) {
            let message =
                format!("an answer has `{signed}` beside its form: who gave it, and when");
            self.wrong_task(span, message, "give the field another name");
        }
        let assignee = get("assignee").map(|n| self.bound_value(n));
        let quorum = get("quorum").and_then(|n| self.quorum(n, assignee.as_ref()));
        let then = node.get("on_deadline");
        if let (Some(then), None) = (then, get("deadline")) {
            let message = "without `deadline` people have as long as it takes";
            self.wrong_task(then.key_span, message, "add `deadline: 2d`, or take it out");
        }
        let deadline = get("deadline").and_then(|after| {
            Some(DraftDeadline {
                after: self.duration(after)?,
                then: self.on_deadline(then.map(|entry| &entry.value), &form),
            })
        });
        let title = match get("title") {
            Some(title) => self.bound_value(title),
            None => {
                let title = node.get("doc").and_then(|doc| doc.value.as_text());
                let title = title.unwrap_or_else(|| "an answer is needed".into());
                let template = Template::Literal(title.into());
                Bound { template, sites: Vec::new(), span, broken: false }
            }
        };
        let text = get("text").map(|text| self.bound_value(text));
        DraftKind::Human(Box::new(DraftHuman { title, text, form, assignee, quorum, deadline }))
    }

    /// `2`, or `{ of: 3, need: 2 }`.
    fn quorum(&self, node: &Node, assignee: Option<&Bound>) -> Option<Quorum> {
        if !matches!(node.data, Data::Map(_)) {
            return self.whole(node, 1..=MAX_ASKED).map(|need| Quorum { need, of: None });
        }
        self.keys(node, &["of", "need"], &[], "a quorum");
        let get = |key: &str| node.get(key).map(|entry| &entry.value);
        let Some(need) = get("need") else {
            let finding = Finding::error("CG0102", node.span, "a quorum needs the key `need`");
            self.find(finding.help("how many answers settle it: `quorum: { of: 3, need: 2 }`"));
            return None;
        };
        let need = self.whole(need, 1..=MAX_ASKED)?;
        let of = get("of").and_then(|of| self.whole(of, 1..=MAX_ASKED));
        let asked = assignee.and_then(|bound| match &bound.template {
            Template::Literal(Value::List(names)) => u32::try_from(names.len()).ok(),
            _ => None,
        });
        match (of, asked) {
            (Some(of), _) if of < need => {
                let message = format!("{need} of {of} cannot answer");
                self.wrong_task(node.span, message, "`need` is at most `of`");
            }
            (Some(of), Some(asked)) if of != asked => {
                let message = format!("the quorum is of {of}, and {asked} are asked");
                self.wrong_task(node.span, message, "name as many under `assignee:`");
            }
            _ => {}
        }
        Some(Quorum { need, of })
    }

    /// `fail`, `reject`, an answer, or `{ escalate: { to: …, deadline: …, on_deadline: … } }`.
    fn on_deadline(&self, node: Option<&Node>, form: &IndexMap<String, Field>) -> DraftThen {
        let Some(node) = node else { return DraftThen::Fail };
        if let Some(escalation) = node.get("escalate") {
            return self.escalation(&escalation.value, form);
        }
        let answer = match node.as_str() {
            Some("fail") => return DraftThen::Fail,
            Some("reject") => rejection(form),
            _ => node.to_value(),
        };
        match validate_fields(&answer, form) {
            Ok(answer) => DraftThen::Answer(answer),
            Err(mismatch) => {
                let message = format!("this is no answer to the form: {mismatch}");
                let help = "write `fail`, `reject` (every `bool` is false, the rest as its default or absent), an \
                            answer, or `escalate: { to: …, deadline: 1d }`";
                self.wrong_task(node.span, message, help);
                DraftThen::Fail
            }
        }
    }

    fn escalation(&self, node: &Node, form: &IndexMap<String, Field>) -> DraftThen {
        self.map(node, "who is asked then: `{ to: boss, deadline: 1d }`");
        self.keys(node, keys::ESCALATION, &[], "an escalation");
        let get = |key: &str| node.get(key).map(|entry| &entry.value);
        let Some(to) = get("to") else {
            let finding = Finding::error("CG0102", node.span, "an escalation needs the key `to`");
            self.find(finding.help("who is asked then: `escalate: { to: boss }`"));
            return DraftThen::Fail;
        };
        let to = self.bound_value(to);
        let deadline = get("deadline")
            .and_then(|after| self.duration(after))
            .map(|after| DraftDeadline { after, then: self.on_deadline(get("on_deadline"), form) });
        DraftThen::Escalate(Box::new((to, deadline)))
    }
}

/// The answer that says no: what is true or false is false, everything else as when nobody says anything.
fn rejection(form: &IndexMap<String, Field>) -> Value {
    let no = form.iter().filter(|(_, field)| field.ty.kind == Kind::Bool);
    Value::record(no.map(|(name, _)| (name.as_str(), Value::Bool(false))))
}

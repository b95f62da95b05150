//! What a node says of the day on which things go wrong: what undoes it, who finds out whether it happened, how long it may take.

use super::super::assets::Repeats;
use super::super::made::{map, text, written};
use super::super::{Around, Checker, keys};
use super::{Draft, DraftKind, DraftLeaf, DraftNode, DraftThen, Times};
use crate::address::NodeId;
use crate::diagnostic::{Finding, Span};
use crate::document::{Data, Entry, Node};
use crate::graph::{COMPENSATE, VERIFY};
use crate::types::{Field, Kind, Type};

/// The key that asks a person whether an attempt happened.
const ASK: &str = "ask";

impl Checker<'_> {
    /// What undoes a node that is performed.
    pub(super) fn undo(
        &self,
        entry: &Entry,
        kind: &DraftKind,
        around: &Around<'_>,
    ) -> Option<Draft> {
        let refuse = |message: &str, help: &str| {
            self.find(Finding::error("CG0314", entry.key_span, message).help(help));
            None
        };
        if !matches!(kind, DraftKind::Leaf(_) | DraftKind::Broken) {
            let message =
                "only a step is undone: a block is not undone as a whole, and a wait does nothing";
            return refuse(message, "write `compensate:` at the steps inside that can be undone");
        }
        if !around.within_try {
            let message = "nothing would ever undo this step: there is no `try` around it";
            return refuse(message, "put the steps that belong together under `try:`");
        }
        let (entry, given) = self.written_out(entry, around)?;
        if entry.value.get("type").is_none() {
            return refuse("what undoes a step has a `type`", "`compensate: { type: …, with: … }`");
        }
        if entry.value.get("hooks").is_some() {
            return refuse("what undoes a step has no hooks", "put them at the `try` around it");
        }
        // Its failures are the end of it: nothing undoes what undoes.
        let around = Around { within_try: false, repeats: Repeats::Never, ..*around };
        let key = Entry { key: COMPENSATE.into(), ..entry.into_owned() };
        let node = self.draft_written(&key, false, &around)?;
        Some(Draft { nodes: vec![DraftNode { given, ..node }] })
    }

    /// Who finds out whether an attempt happened of which nobody knows: nobody (`fail`), a person (`ask`, or
    /// `{ ask: { assignee: … } }`), or a node (`{ verify: { type: … } }`).
    pub(super) fn verify(
        &self,
        id: &NodeId,
        entry: &Entry,
        kind: &DraftKind,
        around: &Around<'_>,
    ) -> Option<Draft> {
        let refuse = |span: Span, message: &str, help: &str| {
            self.find(Finding::error("CG0333", span, message).help(help));
            None
        };
        let DraftKind::Leaf(leaf) = kind else {
            let message = "a block is not performed: its steps are";
            return refuse(entry.key_span, message, "write `on_unknown:` at the steps inside");
        };
        let asks = match &entry.value.data {
            Data::Scalar(_) => self.choice(&entry.value, &[("fail", false), (ASK, true)])?,
            _ => {
                self.keys(&entry.value, keys::ON_UNKNOWN, &[], "`on_unknown`");
                entry.value.get(ASK).is_some()
            }
        };
        let found = entry.value.get(VERIFY);
        if !asks && found.is_none() {
            return None;
        }
        if !leaf.policy.effect.needs_intent() {
            let message = "this step changes nothing, so it is done again when nobody knows";
            return refuse(entry.key_span, message, "leave `on_unknown` out");
        }
        if asks && found.is_some() {
            let message = "a person or a node finds out, not both";
            return refuse(entry.key_span, message, "keep `ask` or `verify`");
        }
        let around = Around { within_try: false, repeats: Repeats::Never, ..*around };
        let Some(found) = found else {
            return Some(Draft { nodes: vec![self.asked(id, entry, leaf, &around)?] });
        };
        let (found, given) = self.written_out(found, &around)?;
        if found.value.get("type").is_none() || found.value.get("hooks").is_some() {
            let message = "what finds out whether a step happened has a `type`, and no hooks";
            let help = "`on_unknown: { verify: { type: …, with: { key: \"${attempt.key}\" } } }`";
            return refuse(found.key_span, message, help);
        }
        let key = Entry { key: VERIFY.into(), ..found.into_owned() };
        let node = self.draft_written(&key, false, &around)?;
        Some(Draft { nodes: vec![DraftNode { given, ..node }] })
    }

    /// The task that asks a person whether an attempt happened: a node of type `human` with a form that is made here.
    fn asked(
        &self,
        id: &NodeId,
        entry: &Entry,
        leaf: &DraftLeaf,
        around: &Around<'_>,
    ) -> Option<DraftNode> {
        let span = entry.key_span;
        let own = entry.value.get(ASK).map(|ask| &ask.value);
        if let Some(own) = own {
            self.map(own, "a task without a form, such as `{ assignee: ada, deadline: 2d }`");
            self.keys(own, keys::ASK, &[], "`ask`");
        }
        let said = |key: &str| own.and_then(|own| own.get(key)).cloned();
        let form = map(vec![written("happened", text("bool", span), span)], span);
        let task = [
            Some(written("type", text(super::HUMAN, span), span)),
            said("title").or_else(|| {
                Some(written("title", text(&format!("Did `{id}` happen?"), span), span))
            }),
            said("text").or_else(|| Some(written("text", text(TEXT, span), span))),
            Some(written("form", form, span)),
            said("assignee"),
            said("deadline"),
            said("on_deadline"),
        ];
        let value = map(task.into_iter().flatten().collect(), entry.value.span);
        let mut node =
            self.draft_node(&Entry { key: VERIFY.into(), key_span: span, value }, around)?;
        if let DraftKind::Human(human) = &mut node.kind {
            let mut next = human.deadline.as_ref();
            while let Some(deadline) = next {
                if let DraftThen::Answer(_) = deadline.then {
                    let message = "that nobody answered does not tell whether the step happened";
                    let help = "write `on_deadline: fail`, or ask others: `escalate: { to: … }`";
                    self.find(Finding::error("CG0333", span, message).help(help));
                }
                next = match &deadline.then {
                    DraftThen::Escalate(escalation) => escalation.1.as_ref(),
                    _ => None,
                };
            }
            let value = leaf.output.as_ref().unwrap_or(&leaf.signature.output);
            human.form.insert("value".to_owned(), maybe(value));
        }
        Some(node)
    }

    /// The bounds on the time of a block. What is performed has its own, and so has who waits.
    pub(in super::super) fn times(&self, node: &Node, kind: &DraftKind) -> Times {
        let owned = match kind {
            DraftKind::Leaf(_)
            | DraftKind::Wait(_)
            | DraftKind::Human(_)
            | DraftKind::Emit(_)
            | DraftKind::Broken => {
                return Times::default();
            }
            kind => !kind.bodies().is_empty(),
        };
        let get = |key: &str| {
            let entry = node.get(key)?;
            if !owned {
                let message = "nothing is inside this node that could take time";
                let finding = Finding::error("CG0334", entry.key_span, message);
                self.find(
                    finding.help("a `switch` whose cases lead to nodes beside it is over at once"),
                );
            }
            self.duration(&entry.value)
        };
        let times = Times { deadline: get("deadline"), idle: get("idle") };
        if let (Some(deadline), Some(idle), Some(entry)) =
            (times.deadline, times.idle, node.get("idle"))
            && idle >= deadline
        {
            let message = "the block is over before `idle` can pass: its `deadline` is not longer";
            let finding = Finding::error("CG0334", entry.key_span, message);
            self.find(finding.help("make `idle` shorter than `deadline`, or leave it out"));
        }
        times
    }
}

/// What people read who are not told more.
const TEXT: &str = "The process ended while attempt ${attempt.number} was performed. Its key is ${attempt.key}. \
                    When it happened, `value` is what came of it; when it did not, the step is performed again.";

/// A field that has a value when the step happened.
fn maybe(value: &Type) -> Field {
    match &value.kind {
        Kind::Opt(_) => value.clone().into(),
        _ => Type::from(Kind::Opt(Box::new(value.clone()))).into(),
    }
}

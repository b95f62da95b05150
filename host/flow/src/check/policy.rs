//! Time, retries, effects and bounds of a node, as people write them.

use std::collections::BTreeMap;

use super::draft::{Draft, beside};
use super::{Checker, Defaults};
use crate::diagnostic::{Finding, Span};
use crate::document::{Data, Node};
use crate::error::ErrorCode;
use crate::graph::{Durability, NodeKind, OnItemError, Policy, Retry, Scope};
use crate::limits::{Limits, TABLE, Unit};
use crate::signature::{Effect, Signature};
use crate::value::Value;

/// Attempts that a retry policy may ask for.
pub const MAX_RETRIES: u32 = 100;
/// Bodies of a map at the same time: each may hold a plugin instance.
pub const MAX_CONCURRENCY: u32 = 64;
/// Items of a map that says nothing.
pub const DEFAULT_MAP_MAX: u32 = 10_000;
/// Milliseconds before the second attempt, and the greatest pause, when `backoff` is absent.
const DEFAULT_BACKOFF: (u64, u64) = (1_000, 60_000);

/// Retry policy by code.
pub(super) type Retries = BTreeMap<ErrorCode, Retry>;

/// How careful an effect class is. A flow may be more careful than the node type, never less.
fn care(effect: Effect) -> u8 {
    match effect {
        Effect::Pure => 0,
        Effect::Read => 1,
        Effect::Idempotent => 2,
        Effect::Compensable => 3,
        Effect::Once => 4,
    }
}

const EFFECTS: [(&str, Effect); 5] = [
    ("pure", Effect::Pure),
    ("read", Effect::Read),
    ("idempotent", Effect::Idempotent),
    ("once", Effect::Once),
    ("compensable", Effect::Compensable),
];

impl Checker<'_> {
    fn bad(&self, span: Span, message: impl Into<String>) {
        self.find(Finding::error("CG0107", span, message));
    }

    pub(super) fn unit(&self, node: &Node, unit: Unit) -> Option<u64> {
        match unit.parse(&node.as_text().unwrap_or_default()) {
            Ok(value) => Some(value),
            Err(why) => {
                self.bad(node.span, why);
                None
            }
        }
    }

    pub(super) fn duration(&self, node: &Node) -> Option<u64> {
        let millis = self.unit(node, Unit::Millis)?;
        if millis == 0 {
            self.bad(node.span, "a duration must be longer than nothing");
        }
        Some(millis)
    }

    /// A whole number within a range.
    pub(super) fn whole(&self, node: &Node, range: std::ops::RangeInclusive<u32>) -> Option<u32> {
        let number = match &node.data {
            Data::Scalar(Value::Int(n)) => u32::try_from(*n).ok().filter(|n| range.contains(n)),
            _ => None,
        };
        if number.is_none() {
            let message =
                format!("expected a whole number from {} to {}", range.start(), range.end());
            self.find(Finding::error("CG0109", node.span, message));
        }
        number
    }

    /// One of some words.
    pub(super) fn choice<T: Copy>(&self, node: &Node, choices: &[(&str, T)]) -> Option<T> {
        let text = node.as_str().unwrap_or_default();
        let found = choices.iter().find(|(name, _)| *name == text).map(|(_, choice)| *choice);
        if found.is_none() {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            let written = node.as_text().unwrap_or_else(|| node.shape().into());
            let message = format!("`{written}` is none of {}", names.join(", "));
            let finding = Finding::error("CG0107", node.span, message);
            self.find(finding.maybe_help(self.hints.near(&written, names)));
        }
        found
    }

    /// The key `durability:` of a flow.
    pub(super) fn durability(&self, root: &Node) -> Durability {
        let entry = root.get("durability");
        entry.and_then(|e| self.choice(&e.value, &Durability::ALL)).unwrap_or_default()
    }

    /// Finds steps that change the world in a flow that stores nothing before it performs them.
    pub(super) fn unstored(&self, scope: &Scope, draft: &Draft) {
        beside(scope, draft, &mut Vec::new(), &mut |_, _, node, written| {
            let NodeKind::Leaf(leaf) = &node.kind else { return };
            if !leaf.policy.effect.needs_intent() {
                return;
            }
            let effect = EFFECTS.iter().find(|(_, effect)| *effect == leaf.policy.effect);
            let message = format!(
                "`{}` may change the world (its effect is `{}`), and a run of this flow could not know whether it did",
                node.id,
                effect.map_or("", |(name, _)| name)
            );
            let finding = Finding::error("CG0332", written.span, message);
            self.find(finding.help("leave `durability` of the flow out, or write `batched`"));
        });
    }

    /// `true` or `false`.
    pub(super) fn truth(&self, node: &Node) -> Option<bool> {
        match node.data {
            Data::Scalar(Value::Bool(truth)) => Some(truth),
            _ => {
                self.shape(node, "`true` or `false`");
                None
            }
        }
    }

    pub(super) fn on_item_error(&self, node: &Node) -> OnItemError {
        let choices = [
            ("fail", OnItemError::Fail),
            ("collect", OnItemError::Collect),
            ("skip", OnItemError::Skip),
        ];
        self.choice(node, &choices).unwrap_or_default()
    }

    pub(super) fn retries(&self, node: &Node) -> Retries {
        let mut retries = Retries::new();
        for entry in self.map(node, "a map such as `{ transient: { max: 4, backoff: 1s..60s } }`") {
            match entry.key.parse::<ErrorCode>() {
                Ok(code) => {
                    retries.extend(self.retry(&entry.value).map(|retry| (code, retry)));
                }
                Err(why) => self.bad(entry.key_span, why),
            }
        }
        retries
    }

    fn retry(&self, node: &Node) -> Option<Retry> {
        self.map(node, "a map such as `{ max: 4, backoff: 1s..60s }`");
        self.keys(node, &["max", "backoff"], &[], "a retry policy");
        let Some(max) = node.get("max") else {
            let finding = Finding::error(
                "CG0102",
                node.span,
                "the key `max` is missing: every retry has a bound",
            );
            self.find(finding.help("write `{ max: 4 }`"));
            return None;
        };
        let max = self.whole(&max.value, 1..=MAX_RETRIES)?;
        let (mut backoff_min, mut backoff_max) = DEFAULT_BACKOFF;
        if let Some(backoff) = node.get("backoff") {
            let text = backoff.value.as_text().unwrap_or_default();
            let (from, to) = text.split_once("..").unwrap_or((&text, &text));
            match (Unit::Millis.parse(from), Unit::Millis.parse(to)) {
                (Ok(from), Ok(to)) if from <= to => (backoff_min, backoff_max) = (from, to),
                (Ok(_), Ok(_)) => {
                    self.bad(backoff.value.span, "the first pause is longer than the last")
                }
                (Err(why), _) | (_, Err(why)) => self.bad(backoff.value.span, why),
            }
        }
        Some(Retry { max, backoff_min, backoff_max })
    }

    fn limits(&self, node: &Node) -> Limits {
        let mut limits = Limits::default();
        let names: Vec<&str> = TABLE.iter().map(|row| row.name).collect();
        self.keys(node, &names, &[], "`limits`");
        for entry in self.map(node, "a map such as `{ fuel: 50M, memory: 32MiB, time: 2s }`") {
            let Some(row) = TABLE.iter().find(|row| *row.name == *entry.key) else { continue };
            if let Some(value) = self.unit(&entry.value, row.unit) {
                if value > row.ceiling {
                    let most = row.unit.print(row.ceiling);
                    let message = format!("the engine allows `{}` at most {most}", row.name);
                    self.find(Finding::error("CG0109", entry.value.span, message));
                }
                limits.set(row.name, value);
            }
        }
        limits
    }

    pub(super) fn policy(&self, node: &Node, signature: &Signature, defaults: &Defaults) -> Policy {
        let get = |key: &str| node.get(key).map(|entry| &entry.value);
        let mut effect = signature.effect;
        if let Some((written, asked)) =
            get("effect").and_then(|n| Some((n, self.choice(n, &EFFECTS)?)))
        {
            // A type with `effect` among its keys leaves the class to the flow, which alone knows the request.
            let open = signature.config.contains_key("effect");
            if care(asked) < care(effect) && !open {
                let word =
                    |e: Effect| EFFECTS.iter().find(|(_, x)| *x == e).map_or("", |(name, _)| name);
                let message = format!(
                    "this node type is `{}`; a flow may be more careful, but `{}` promises more than the type does",
                    word(effect),
                    word(asked)
                );
                let help = "leave `effect` out, or name a more careful class: pure, read, idempotent, compensable, once";
                self.find(Finding::error("CG0303", written.span, message).help(help));
            }
            effect = asked;
        }
        Policy {
            effect,
            timeout: get("timeout").map_or(defaults.timeout, |n| self.duration(n)),
            deadline: get("deadline").and_then(|n| self.duration(n)),
            idle: get("idle").and_then(|n| self.duration(n)),
            retry: match get("retry") {
                Some(node) => self.retries(node),
                None => defaults.retry.clone().unwrap_or_default(),
            },
            limits: get("limits").map(|n| self.limits(n)).unwrap_or_default(),
        }
    }
}

//! Steps whose values are kept: what they are called, what tells their parts apart, and for how long they are right.

use std::collections::HashMap;

use super::draft::{Draft, DraftKind, DraftNode, beside};
use super::site::{Bound, Site};
use super::typing::Inner;
use super::{Around, Checker, keys};
use crate::address::NodeId;
use crate::diagnostic::{Finding, Span, short};
use crate::document::Entry;
use crate::expr::{Expr, Template};
use crate::graph::{Asset, KEY, Policy, Scope};
use crate::signature::Effect;
use crate::types::{Kind, Type};

/// How often a step is performed in one run, as far as its asset has to be told apart from others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Repeats {
    /// Once.
    #[default]
    Not,
    /// Once for each item of one map that has keys.
    ByKey,
    /// Otherwise several times.
    Somehow,
    /// It belongs to another step, and has no value of its own to keep.
    Never,
}

impl Repeats {
    /// Inside one more block that repeats its body.
    pub(super) fn again(self, keyed: bool) -> Self {
        match (self, keyed) {
            (Self::Never, _) => Self::Never,
            (Self::Not, true) => Self::ByKey,
            _ => Self::Somehow,
        }
    }
}

/// The key `asset:` of a step.
#[derive(Debug)]
pub(super) struct DraftAsset {
    span: Span,
    name: Option<String>,
    pub(super) key: Option<Bound>,
    fresh: Option<u64>,
}

impl Checker<'_> {
    pub(super) fn asset(&self, entry: &Entry, around: &Around<'_>) -> Option<DraftAsset> {
        let (node, span) = (&entry.value, entry.key_span);
        let refuse = |message: &str, help: &str| {
            self.find(Finding::error("CG0350", span, message).help(help));
        };
        if around.repeats == Repeats::Never {
            refuse("this belongs to another step and is done each time", "leave `asset` out");
            return None;
        }
        self.map(node, "`{}`, or a map such as `{ fresh: 7d }`");
        self.keys(node, keys::ASSET, &[], "`asset`");
        let name = node.get("name").and_then(|name| self.id::<NodeId>(&name.value));
        let fresh = node.get("fresh").and_then(|fresh| self.duration(&fresh.value));
        let mut key = node.get("key").map(|key| self.bound_value(&key.value));
        if key.is_none() && around.repeats == Repeats::ByKey {
            let expr = Expr::parse(KEY).expect("a name");
            let template = Template::Expr(expr.clone());
            let sites = vec![Site::hidden(expr, span)];
            key = Some(Bound { template, sites, span, broken: false });
        }
        if key.is_none() && around.repeats == Repeats::Somehow {
            let message = "this step is performed several times, and one asset would stand for all";
            refuse(message, "say what tells them apart: `asset: { key: \"${…}\" }`");
        }
        Some(DraftAsset { span, name: name.map(|name| name.to_string()), key, fresh })
    }

    pub(super) fn type_asset(
        &self,
        node: &DraftNode,
        asset: &DraftAsset,
        policy: &Policy,
        names: &Inner<'_>,
    ) -> Asset {
        if let Some(key) = &asset.key {
            self.key_type(&self.type_bound(key, names), key.span);
        }
        let refuse = |message: &str, help: &str| {
            self.find(Finding::error("CG0351", asset.span, message).help(help));
        };
        match policy.effect {
            Effect::Read if asset.fresh.is_none() => refuse(
                "this step reads the world, and nobody would ever look again",
                "say for how long what it read is right: `asset: { fresh: 1h }`",
            ),
            Effect::Once | Effect::Compensable => refuse(
                "this step changes the world each time, so it is not left out because its value is known",
                "keep the value of a step that is `pure`, `read` or `idempotent`",
            ),
            Effect::Pure | Effect::Read | Effect::Idempotent => {}
        }
        Asset {
            name: asset.name.clone().unwrap_or_else(|| node.id.to_string()),
            key: asset.key.as_ref().map(|key| key.template.clone()),
            fresh: asset.fresh,
        }
    }

    /// What things are told apart by: text of some kind, or whole numbers.
    pub(super) fn key_type(&self, key: &Type, span: Span) {
        let kinds = matches!(
            key.kind,
            Kind::String | Kind::Int | Kind::Enum(_) | Kind::Datetime | Kind::Any | Kind::Json
        );
        if !kinds {
            let message = format!("a key is text or a whole number, not `{}`", short(key));
            self.find(Finding::error("CG0203", span, message));
        }
    }

    /// Finds two assets of one name.
    pub(super) fn assets_apart(&self, scope: &Scope, draft: &Draft) {
        let mut known: HashMap<String, Span> = HashMap::new();
        beside(scope, draft, &mut Vec::new(), &mut |_, _, _, node| {
            let DraftKind::Leaf(leaf) = &node.kind else { return };
            let Some(asset) = &leaf.asset else { return };
            let name = asset.name.clone().unwrap_or_else(|| node.id.to_string());
            if let Some(first) = known.insert(name.clone(), node.span) {
                let message = format!("two assets of this flow are called `{name}`");
                let finding = Finding::error("CG0350", node.span, message);
                let help = "give one of them a name of its own: `asset: { name: … }`";
                self.find(finding.and(first, "the other one").help(help));
            }
        });
    }
}

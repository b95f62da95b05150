//! What a run would do, without doing it: order, plugins with digests, grants, limits and bounds.

mod history;
mod reach;

use std::collections::BTreeMap;

use cleargate_flow::expr::Template;
use cleargate_flow::grant::Grants;
use cleargate_flow::graph::{
    Awaited, Branches, Deadline, GraphNode, Human, Join, Leaf, NodeKind, OnDeadline, Scope,
};
use cleargate_flow::limits::{Layer, Limits, TABLE, Unit};
use serde::Serialize;

use self::reach::{Reach, repeats};
use crate::error::Result;
use crate::flows::Flow;
use crate::host::Host;

pub use history::{History, NodeHistory, Spread};
pub use reach::{Blocked, PlannedEffect};

/// A flow as it would run.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// The flow's name.
    pub flow: String,
    /// Human label of the version.
    pub version: String,
    /// Identity of the version.
    pub hash: String,
    /// Greatest number of node executions in one run.
    pub bound: u64,
    /// Nodes in an order in which they can run; nodes of the same `level` may run together.
    pub steps: Vec<Step>,
    /// The nodes of the outermost scope, by level: those of one may run together.
    pub waves: Vec<Vec<String>>,
    /// The plugins behind the aliases.
    pub plugins: Vec<PluginPlan>,
    /// What asks something of the world.
    pub effects: Vec<PlannedEffect>,
    /// What would be refused, by a grant that is missing or a limit that runs before have passed.
    pub blocked: Vec<Blocked>,
    /// What runs before took; absent when nobody asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history: Option<History>,
}

/// One node.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// Node ids from the outermost scope inwards: `map.node` in a body, `node/inner` in a sub-flow.
    pub path: String,
    /// Longest way from a start of its scope: 0 starts at once.
    pub level: usize,
    /// `switch`, `map`, or the node type.
    pub uses: String,
    /// `pure`, `read`, `idempotent`, `once` or `compensable`; absent for blocks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<String>,
    /// Executions in one run at most, without retries.
    pub most: u64,
    /// What is special: join, concurrency, bounds, timeout, retries.
    pub notes: Vec<String>,
    /// Bounds of one call of a plugin, with the layer that decided. Empty for built-ins.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<LimitRow>,
}

/// One effective bound.
#[derive(Clone, Debug, Serialize)]
pub struct LimitRow {
    /// The limit's name.
    pub name: &'static str,
    /// As people write it.
    pub value: String,
    /// Who decided it.
    pub layer: Layer,
}

/// One plugin of the flow.
#[derive(Clone, Debug, Serialize)]
pub struct PluginPlan {
    /// The name that the flow gives it.
    pub alias: String,
    /// `namespace:name`, or the path.
    pub package: String,
    /// Its version.
    pub version: String,
    /// `sha256:…` of its bytes.
    pub digest: String,
    /// What it exports.
    pub kinds: Vec<String>,
    /// What it asks for.
    pub requests: Vec<String>,
    /// What of that it may do.
    pub granted: Vec<String>,
    /// What of that nobody granted: its calls would be refused.
    pub missing: Vec<String>,
}

impl PluginPlan {
    /// Compares what a plugin asks for with what it was granted.
    pub fn grants(&mut self, requests: &Grants, allowed: &Grants) {
        self.requests = requests.lines();
        self.granted = allowed.effective(requests).lines();
        self.missing = allowed.unanswered(requests).lines();
    }
}

/// The effective limits of a call, as rows.
pub(crate) fn limit_rows(layers: &[(Layer, Limits)]) -> Vec<LimitRow> {
    let effective = Limits::combine(layers);
    effective
        .iter()
        .zip(TABLE)
        .map(|((name, bound), row)| LimitRow {
            name,
            value: row.unit.print(bound.value),
            layer: bound.layer,
        })
        .collect()
}

impl Plan {
    /// The plan of a flow, those that it uses included.
    pub(crate) fn of(flow: &Flow, operator: Limits) -> Self {
        let graph = flow.graph();
        let mut plan = Self {
            flow: graph.id.to_string(),
            version: graph.version.clone(),
            hash: graph.hash.to_string(),
            bound: graph.bound,
            steps: Vec::new(),
            waves: Vec::new(),
            plugins: Vec::new(),
            effects: Vec::new(),
            blocked: Vec::new(),
            history: None,
        };
        plan.add(flow, "", (operator, 1));
        let mut reach = Reach::default();
        reach.add(flow, "", 1);
        (plan.effects, plan.blocked) = (reach.effects, reach.blocked);
        let outermost = |step: &&Step| !step.path.contains(['.', '/']);
        let outermost: Vec<_> = plan.steps.iter().filter(outermost).collect();
        let levels = outermost.iter().map(|step| step.level + 1).max().unwrap_or(0);
        plan.waves = vec![Vec::new(); levels];
        for step in outermost {
            plan.waves[step.level].push(step.path.clone());
        }
        plan
    }

    /// Adds what runs before took, and the limits that they passed.
    fn remember(&mut self, history: History) {
        for node in &history.nodes {
            let Some(step) = self.steps.iter().find(|step| step.path == node.path) else {
                continue;
            };
            for (name, unit, took) in [
                ("fuel", Unit::Count, node.fuel.max),
                ("memory", Unit::Bytes, node.memory.max),
                ("time", Unit::Millis, node.micros.max / 1000),
            ] {
                let Some(limit) = step.limits.iter().find(|limit| limit.name == name) else {
                    continue;
                };
                if unit.parse(&limit.value).is_ok_and(|most| took > most) {
                    self.blocked.push(Blocked {
                        path: step.path.clone(),
                        why: format!(
                            "the limit `{name}` of {} is less than the {} that a run before took",
                            limit.value,
                            unit.print(took)
                        ),
                        help: format!("raise `{name}` in the `limits:` of the {}", limit.layer),
                    });
                }
            }
        }
        self.history = Some(history);
    }

    fn add(&mut self, flow: &Flow, prefix: &str, (operator, times): (Limits, u64)) {
        let named = |plugin: &PluginPlan| PluginPlan {
            alias: format!("{prefix}{}", plugin.alias),
            ..plugin.clone()
        };
        self.plugins.extend(flow.plugins.iter().map(named));
        self.scope(flow, &flow.graph().root, prefix, (operator, times));
    }

    fn scope(
        &mut self,
        flow: &Flow,
        scope: &Scope,
        prefix: &str,
        (operator, times): (Limits, u64),
    ) {
        let mut levels: Vec<usize> = Vec::with_capacity(scope.nodes.len());
        for node in &scope.nodes {
            let level = node.needs.iter().map(|edge| levels[edge.from] + 1).max().unwrap_or(0);
            levels.push(level);
            let path = format!("{prefix}{}", node.id);
            let mut step = Step {
                path: path.clone(),
                level,
                uses: String::new(),
                effect: None,
                most: times,
                notes: Vec::new(),
                limits: Vec::new(),
            };
            describe(node, flow, operator, &mut step);
            self.steps.push(step);
            if let NodeKind::Leaf(leaf) = &node.kind
                && let Some(inner) = flow.catalog.flows.get(&leaf.uses)
            {
                self.add(inner, &format!("{path}/"), (operator, times));
            }
            let times = times.saturating_mul(repeats(&node.kind));
            for (_, body) in node.scopes() {
                self.scope(flow, body, &format!("{path}."), (operator, times));
            }
        }
    }
}

impl Host {
    /// What a run of the flow would do, with what the last `runs` of it took that are in the store.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn plan_with_history(&self, flow: &Flow, runs: usize) -> Result<Plan> {
        let mut plan = self.plan(flow);
        plan.remember(self.history(flow.id(), flow.hash().as_str(), runs).await?);
        Ok(plan)
    }
}

fn describe(node: &GraphNode, flow: &Flow, operator: Limits, step: &mut Step) {
    match node.join {
        Join::All => {}
        Join::Any => step.notes.push("join any".into()),
        Join::FirstSuccess => step.notes.push("join first success".into()),
        Join::NOf(n) => step.notes.push(format!("join {n} of {}", node.needs.len())),
    }
    match &node.kind {
        NodeKind::Leaf(leaf) => describe_leaf(leaf, flow, operator, step),
        NodeKind::Switch { cases } => {
            step.uses = "switch".into();
            for case in cases {
                let when = match (&case.when, case.weight) {
                    (Some(when), _) => format!("when {}", when.source()),
                    (None, Some(weight)) => format!("by chance, weight {weight}"),
                    (None, None) => "else".into(),
                };
                let to: Vec<&str> = case.to.iter().map(|id| id.as_str()).collect();
                let way = if case.body.is_some() { "its own nodes".into() } else { to.join(", ") };
                step.notes.push(format!("{when} → {way}"));
            }
        }
        NodeKind::Map(map) => {
            step.uses = "map".into();
            step.notes.push(format!("over {}", map.over.source()));
            step.notes.push(format!("{} at a time, at most {} items", map.concurrency, map.max));
        }
        NodeKind::Loop(looped) => {
            step.uses = "loop".into();
            step.notes.push(format!("at most {} iterations", looped.max));
            let asked = [("while", &looped.go_on), ("until", &looped.until)];
            let asked = asked.iter().filter_map(|(key, expr)| Some((key, expr.as_ref()?)));
            step.notes.extend(asked.map(|(key, expr)| format!("{key} {}", expr.source())));
        }
        NodeKind::Parallel(branches) => {
            step.uses = "parallel".into();
            step.notes.push(format!("all of {}", names(branches)));
        }
        NodeKind::Race(branches) => {
            step.uses = "race".into();
            step.notes.push(format!("the first of {}", names(branches)));
        }
        NodeKind::Try(guarded) => {
            step.uses = "try".into();
            for (at, handler) in guarded.catch.iter().enumerate() {
                let codes: Vec<&str> = handler.code.iter().map(|code| code.as_str()).collect();
                let codes = if codes.is_empty() { "any failure".into() } else { codes.join(", ") };
                step.notes.push(format!("handler {} takes {codes}", at + 1));
            }
            if guarded.finally.is_some() {
                step.notes.push("cleans up at the end".into());
            }
        }
        NodeKind::Wait(wait) => describe_wait(&wait.awaited, step),
        NodeKind::Human(human) => describe_human(human, step),
        NodeKind::Emit(emit) => {
            step.uses = "emit".into();
            step.notes.push(format!(
                "tells {} of {}",
                match &emit.to {
                    Some(_) => "another run",
                    None => "this run",
                },
                emit.event
            ));
        }
    }
}

fn describe_wait(awaited: &Awaited, step: &mut Step) {
    step.uses = "wait".into();
    step.notes.push(match awaited {
        Awaited::Time(Template::Literal(time)) => format!("for {time}"),
        Awaited::Time(_) => "for a time that is computed".into(),
        Awaited::Until(Template::Literal(moment)) => format!("until {moment}"),
        Awaited::Until(_) => "until a moment that is computed".into(),
        Awaited::Cron(calendar) => {
            format!("until the next `{}` in {}", calendar.pattern, calendar.tz)
        }
        Awaited::Event(listen) => format!("for the event {}", listen.event),
    });
    if let Awaited::Event(listen) = awaited
        && let Some(timeout) = listen.timeout
    {
        step.notes.push(format!("at most {}", Unit::Millis.print(timeout)));
    }
}

fn describe_human(human: &Human, step: &mut Step) {
    step.uses = "human".into();
    let fields: Vec<String> =
        human.form.iter().map(|(name, field)| format!("{name}: {}", field.ty)).collect();
    step.notes.push(format!("asks for {}", fields.join(", ")));
    if let Some(quorum) = human.quorum {
        step.notes.push(format!("{} answers", quorum.need));
    }
    let mut deadline = human.deadline.as_ref();
    while let Some(Deadline { after, then }) = deadline {
        let then_what = match then {
            OnDeadline::Fail => "it fails",
            OnDeadline::Answer(_) => "there is an answer for that",
            OnDeadline::Escalate(_) => "others are asked",
        };
        step.notes.push(format!("after {} {then_what}", Unit::Millis.print(*after)));
        deadline = match then {
            OnDeadline::Escalate(escalation) => escalation.deadline.as_ref(),
            _ => None,
        };
    }
}

fn names(branches: &Branches) -> String {
    branches.bodies.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn describe_leaf(leaf: &Leaf, flow: &Flow, operator: Limits, step: &mut Step) {
    step.uses.clone_from(&leaf.uses);
    step.effect = Some(format!("{:?}", leaf.policy.effect).to_lowercase());
    if let Some(timeout) = leaf.policy.timeout {
        step.notes.push(format!("timeout {}", cleargate_flow::limits::Unit::Millis.print(timeout)));
    }
    let retries: BTreeMap<_, _> = leaf.policy.retry.iter().filter(|(_, r)| r.max > 1).collect();
    for (code, retry) in retries {
        step.notes.push(format!("{code}: up to {} attempts", retry.max));
    }
    if let Some(inner) = flow.catalog.flows.get(&leaf.uses) {
        step.notes.push(format!("flow {}, at most {} steps", inner.id(), inner.graph().bound));
        if let Some(canary) = flow.graph().canaries.get(&leaf.uses) {
            step.notes.push(format!("{} of 100 runs are {}", canary.weight, canary.version));
        }
    }
    let alias = leaf.uses.split('.').next().unwrap_or(&leaf.uses);
    if let Some(used) = flow.catalog.peers.used(alias) {
        step.limits = limit_rows(&[
            (Layer::Operator, operator),
            (Layer::Manifest, used.manifest.limits),
            (Layer::Node, leaf.policy.limits),
        ]);
    }
}

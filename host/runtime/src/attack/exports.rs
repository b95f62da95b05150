//! An attack on a plugin: every export, with every kind of call.

use cleargate_flow::limits::{Layer, Limits};

use super::chance::Chance;
use super::judge::{Judge, Watch};
use super::observe::{Seen, Shot, observe};
use super::plan::Plan;
use super::report::{FaultKind, PluginReport, Witness};
use super::world::Temper;
use super::{AttackOptions, Example};
use crate::component::Plugin;

/// Of the calls with hostile inputs, one of so many is made twice to see whether the plugin is pure.
const TWICE: usize = 3;

/// How often a call that ended late is made again: what others do to this machine is no defect of the host.
const AGAIN: usize = 5;

/// Calls that may take all that they may have of a small input: more of them say nothing new, and take minutes.
const MOST_GREEDY: u64 = 5;

/// Attacks each export of a plugin, within the limits of `layers`, without any network, store or clock but its own.
///
/// `examples` are calls that make sense, such as those of its tests: with them an attack gets further than with what its
/// types alone allow. The plugin may import what it likes: load it with all that it asks for, or what is not granted is not attacked.
pub async fn attack(
    plugin: &Plugin,
    layers: &[(Layer, Limits)],
    examples: &[Example],
    options: &AttackOptions,
) -> PluginReport {
    let mut report = PluginReport {
        digest: plugin.digest().to_string(),
        seed: options.seed,
        calls: 0,
        exports: Vec::new(),
        faults: Vec::new(),
        notes: Vec::new(),
        promises: Vec::new(),
    };
    let mut watch = Watch::new();
    match plugin.describe().await {
        Ok(all) => {
            for described in &all {
                let limits = Limits::combine(layers);
                let typed = plugin.typed_function(described.kind, &described.id).is_some();
                let mut attack = Attack {
                    plugin,
                    plan: Plan::new(described, typed, limits, examples, options),
                    judge: Judge::new(described),
                    watch: &mut watch,
                    seeds: Chance::of(options.seed, "worlds"),
                };
                attack.run().await;
                let (export, faults, notes) = attack.judge.end();
                report.exports.push(export);
                report.faults.extend(faults);
                report.notes.extend(notes);
            }
        }
        Err(error) => report.faults.push(Witness {
            kind: FaultKind::Description,
            export: "the plugin".into(),
            times: 1,
            with: "it was asked what it is".into(),
            input: String::new(),
            said: error.to_string(),
        }),
    }
    report.calls = watch.calls();
    report.promises = watch.promises();
    report
}

/// The attack on one export.
struct Attack<'a> {
    plugin: &'a Plugin,
    plan: Plan<'a>,
    judge: Judge<'a>,
    watch: &'a mut Watch,
    seeds: Chance,
}

impl Attack<'_> {
    async fn run(&mut self) {
        let mut base = None;
        let (fixed, most) = self.plan.inputs();
        let mut fixed = fixed.into_iter();
        for at in 0..most {
            let shot = fixed.next().unwrap_or_else(|| self.plan.another());
            if self.judge.greedy_calls() > MOST_GREEDY {
                break;
            }
            let seed = self.seeds.next();
            let seen = self.call(&shot, seed).await;
            if self.judge.says_pure() && at % TWICE == 0 {
                let other = Shot { temper: Temper::Elsewhen, ..shot.clone() };
                let second = self.call(&other, seed).await;
                self.judge.compare(&shot, &seen, &second);
            }
            // The first that gave a value, or the very first one.
            if base.is_none() || matches!(seen.result(), Some(Ok(_))) && !has_value(&base) {
                base = Some((shot, seen, seed));
            }
        }
        for at in 0..self.plan.worlds() {
            let shot = self.plan.world(at);
            let seed = self.seeds.next();
            self.call(&shot, seed).await;
        }
        let Some((base, seen, seed)) = base else { return };
        let output = match seen.result() {
            Some(Ok(value)) => value.to_json().len(),
            _ => 0,
        };
        for shot in self.plan.tight(&base, seen.usage(), output) {
            self.call(&shot, seed).await;
        }
        for shot in self.plan.cancelled(&base) {
            self.call(&shot, seed).await;
        }
        // Whatever was done to other calls, this one ends as it did at first.
        let again = self.call(&base, seed).await;
        self.watch.unchanged(&seen, &again);
    }

    /// Makes the call, and has it judged from both sides.
    async fn call(&mut self, shot: &Shot, seed: u64) -> Seen {
        let before = self.watch.late();
        let mut seen = observe(self.plugin, shot, seed).await;
        self.watch.look(shot, &seen);
        for _ in 0..AGAIN {
            if !Watch::too_late(&seen) {
                break;
            }
            seen = observe(self.plugin, shot, seed).await;
            self.watch.look(shot, &seen);
            if !Watch::too_late(&seen) {
                self.watch.forgive(before.max(seen.late));
            }
        }
        self.judge.judge(shot, &seen);
        seen
    }
}

fn has_value(base: &Option<(Shot, Seen, u64)>) -> bool {
    base.as_ref().is_some_and(|(_, seen, _)| matches!(seen.result(), Some(Ok(_))))
}

//! Which calls are made of an export: hostile inputs first, then hostile worlds, tight limits, and calls that are dropped.

use cleargate_flow::event::Usage;
use cleargate_flow::limits::Effective;
use cleargate_flow::signature::PluginKind;
use cleargate_flow::value::Value;

use super::chance::Chance;
use super::inputs::{ALWAYS, Input, Inputs, contents, hostile_text};
use super::observe::{Shot, Target};
use super::world::Temper;
use super::{AttackOptions, Example};
use crate::describe::Described;
use crate::plugin::Stage;

/// Of ten calls so many have hostile inputs, meet a hostile world, have tight limits; the others are dropped.
const INPUTS: u32 = 6;
const WORLDS: u32 = 2;
const TIGHT: u32 = 1;

/// Milliseconds of a call in a world that never answers, or never stops.
const WAIT: u64 = 100;

/// Milliseconds of a call with little time.
const LITTLE: [u64; 4] = [1, 2, 5, 20];

/// Ids that nobody has.
const STRANGERS: [&str; 6] = ["", "no_such_id", "a\0b", "\u{202e}", "constructor", "../x"];

/// The calls of one export.
pub(super) struct Plan<'a> {
    described: &'a Described,
    /// A function that is called by its own types: the host itself knows its name, and checks its arguments.
    typed: bool,
    limits: Effective,
    /// Calls of this export that are known to make sense.
    examples: Vec<&'a Example>,
    chance: Chance,
    calls: u32,
}

impl<'a> Plan<'a> {
    pub(super) fn new(
        described: &'a Described,
        typed: bool,
        limits: Effective,
        examples: &'a [Example],
        options: &AttackOptions,
    ) -> Self {
        let purpose = format!("{} {}", described.kind.as_str(), described.id);
        let chance = Chance::of(options.seed, &purpose);
        let whole = matches!(described.kind, PluginKind::Guardrail | PluginKind::Filter);
        let own = |one: &&Example| one.kind == described.kind && (whole || one.id == described.id);
        let examples = examples.iter().filter(own).collect();
        Self { described, typed, limits, examples, chance, calls: options.calls }
    }

    fn share(&self, tenths: u32) -> usize {
        (self.calls * tenths).div_ceil(10) as usize
    }

    fn shot(&self, what: impl Into<String>, target: Target) -> Shot {
        Shot {
            what: what.into(),
            target,
            temper: Temper::Calm,
            limits: self.limits,
            tight: false,
            cancel: None,
        }
    }

    /// Hostile inputs in an honest world, the first as the export describes it, and how many are tried. Those beyond
    /// are made [one by one](Self::another): together they would be most of what the process holds.
    pub(super) fn inputs(&mut self) -> (Vec<Shot>, usize) {
        let most = self.share(INPUTS);
        let mut fixed = self.fixed();
        // Of many fixed ones a part, another one for each seed, so that chance has its share as well.
        let kept = fixed.len().min((most * 2).div_ceil(3).max(ALWAYS));
        for at in ALWAYS..kept {
            let other = at + self.chance.below(fixed.len() - at);
            fixed.swap(at, other);
        }
        fixed.truncate(kept);
        (fixed, most.max(kept))
    }

    /// A hostile input that nobody has thought of.
    pub(super) fn another(&mut self) -> Shot {
        let input = self.ports().another();
        self.target(input)
    }

    fn ports(&mut self) -> Inputs<'a> {
        let next = Chance::new(self.chance.next());
        let known = self.examples.iter().map(|one| match self.described.kind {
            PluginKind::Guardrail | PluginKind::Filter => &one.config,
            _ => &one.input,
        });
        Inputs::new(&self.described.signature.input, known.collect(), next)
    }

    /// What is tried with each export.
    fn fixed(&mut self) -> Vec<Shot> {
        let ports = self.ports().fixed();
        let mut shots: Vec<Shot> = ports.into_iter().map(|input| self.target(input)).collect();
        let sound = self.ports().sound();
        match self.described.kind {
            _ if self.typed => {}
            PluginKind::Node => shots.extend(STRANGERS.iter().map(|id| {
                let target = Target::Node { id: (*id).into(), input: sound.clone() };
                self.shot(format!("a node {id:?}, which there is not"), target)
            })),
            PluginKind::Tool => shots.extend(STRANGERS.iter().map(|name| {
                let target = Target::Tool { name: (*name).into(), arguments: sound.clone() };
                self.shot(format!("a tool {name:?}, which there is not"), target)
            })),
            PluginKind::Guardrail | PluginKind::Filter => {
                // Their input is their configuration: what they judge is beside it.
                for _ in 0..shots.len() {
                    let content = contents(&mut self.chance);
                    let sound = self.ports().sound();
                    shots.push(self.judged(content, sound));
                }
            }
            part => unreachable!("the functions of a {} are typed", part.as_str()),
        }
        shots
    }

    /// A call with this input; for a guardrail or a filter it is the configuration.
    fn target(&mut self, input: Input) -> Shot {
        let Input { what, value } = input;
        let id = self.described.id.clone();
        match self.described.kind {
            PluginKind::Node => self.shot(what, Target::Node { id, input: value }),
            PluginKind::Tool => self.shot(what, Target::Tool { name: id, arguments: value }),
            PluginKind::Guardrail | PluginKind::Filter => {
                let content = match what.as_str() {
                    "as described" => self.harmless(),
                    _ if self.chance.one_in(2) => contents(&mut self.chance),
                    _ => self.harmless(),
                };
                let shot = self.judged(content, value);
                Shot { what: format!("configuration: {what}; {}", shot.what), ..shot }
            }
            kind => {
                let target = Target::Part { kind, function: id, arguments: value };
                self.shot(what, target)
            }
        }
    }

    /// A content that is known, or some words.
    fn harmless(&mut self) -> Input {
        match self.examples.is_empty() {
            true => Input::new("some words", "some words".into()),
            false => Input::new("an example", self.chance.pick(&self.examples).input.clone()),
        }
    }

    /// A call of a guardrail or a filter.
    fn judged(&mut self, content: Input, config: Value) -> Shot {
        let Input { what, value } = content;
        if self.described.kind == PluginKind::Guardrail {
            let stages = [Stage::Input, Stage::Output, Stage::ToolCall, Stage::ToolResult];
            let stage = match self.chance.one_in(10) {
                true => Stage::Other("no-such-stage".into()),
                false => self.chance.pick(&stages).clone(),
            };
            let target = Target::Guardrail { stage, content: value, config };
            return self.shot(what, target);
        }
        let target = match self.chance.below(3) {
            0 => Target::Before { request: value, config },
            1 => {
                let request = contents(&mut self.chance).value;
                Target::After { request, response: value, config }
            }
            _ => Target::Chunk {
                text: hostile_text(&mut self.chance),
                carry: if self.chance.one_in(2) { Value::Null } else { value },
                last: self.chance.one_in(3),
                config,
            },
        };
        self.shot(what, target)
    }

    /// How many calls meet a world that means no good.
    pub(super) fn worlds(&self) -> usize {
        self.share(WORLDS)
    }

    /// A sound or a hostile input in the next of the worlds that mean no good.
    pub(super) fn world(&mut self, at: usize) -> Shot {
        let input = match at % 2 {
            0 => Input::new("as described", self.ports().sound()),
            _ => self.ports().another(),
        };
        let mut shot = self.target(input);
        shot.temper = Temper::HOSTILE[(at / 2) % Temper::HOSTILE.len()];
        if matches!(shot.temper, Temper::Silent | Temper::Endless) {
            shot.limits.time.value = shot.limits.time.value.min(WAIT);
            shot.tight = true;
        }
        shot
    }

    /// A call of which each limit is cut to a part of what the call takes.
    pub(super) fn tight(&mut self, base: &Shot, usage: Usage, output: usize) -> Vec<Shot> {
        (0..self.share(TIGHT).max(5))
            .map(|at| {
                let mut shot = Shot { tight: true, ..base.clone() };
                let part = |all: u64, chance: &mut Chance| all * chance.below(16) as u64 / 16;
                let (limits, chance) = (&mut shot.limits, &mut self.chance);
                let (name, value) = match at % 5 {
                    0 => ("fuel", &mut limits.fuel.value),
                    1 => ("memory", &mut limits.memory.value),
                    2 => ("output", &mut limits.output.value),
                    3 => ("time", &mut limits.time.value),
                    _ => ("host_calls", &mut limits.host_calls.value),
                };
                *value = match name {
                    "fuel" => part(usage.fuel, chance),
                    "memory" => part(usage.peak_memory, chance),
                    "output" => part(output as u64, chance),
                    "time" => *chance.pick(&LITTLE),
                    _ => part(usage.host_calls, chance),
                }
                .min(*value);
                shot.what = format!("{}, with a limit `{name}` of {value}", base.what);
                shot
            })
            .collect()
    }

    /// A call that is dropped sooner or later.
    pub(super) fn cancelled(&mut self, base: &Shot) -> Vec<Shot> {
        let rest = self.share(10 - INPUTS - WORLDS - TIGHT).max(2);
        (0..rest as u32)
            .map(|at| {
                let temper = if at % 2 == 0 { Temper::Silent } else { Temper::Calm };
                let what = format!("{}, dropped after it was polled {at} times", base.what);
                Shot { what, temper, cancel: Some(at), ..base.clone() }
            })
            .collect()
    }
}

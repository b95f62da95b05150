//! `machine:` — a statechart: states, the nodes that run in them, and what leads from one to another.
//!
//! It is no construct of its own. A machine is written out as the loop that somebody would have written by hand: it carries
//! the name of the state, each iteration runs what is in that state, and what comes first of its events, its timers and the
//! end of its nodes says which one is next. So the graph shows it, everything is checked as in any loop, and a run that
//! waits in a state is a row. Regions side by side are machines in a `parallel`; `history` keeps the state in a channel.

use std::collections::{BTreeSet, VecDeque};

use super::hooks::AROUND;
use super::made::{Said, behind, list, map, null, text, truth, written};
use super::{Checker, keys};
use crate::diagnostic::{Finding, Span, short};
use crate::document::{Data, Entry, Node};
use crate::value::Value;

/// States of one machine.
pub const MAX_STATES: usize = 64;

/// Ways out of one state. A condition is written out once more for each way behind it, and a large file of conditions must
/// not become many times as large.
pub const MAX_WAYS: usize = 16;

/// Variables that a machine carries: a condition is written out for each of them, too.
pub const MAX_CARRIED: usize = 16;

/// The variable that holds the name of the state, and the one that says whether it was the last.
const AT: &str = "at";
const ENDED: &str = "ended";

/// Bounds on its time: those of the loop.
const TIMES: [&str; 2] = ["deadline", "idle"];

/// Ids that the loop of a machine gives to nodes of its own.
const OWN: [&str; 4] = ["step", "moved", "event", "due"];

/// One way out of a state.
struct Way<'n> {
    to: String,
    when: Option<String>,
    /// New values of carried variables.
    set: Vec<&'n Entry>,
    span: Span,
}

/// What a machine is made of.
struct Machine<'n> {
    states: &'n [Entry],
    /// Carried variables.
    carry: &'n [Entry],
    /// States in which it ends without doing anything more.
    still: Vec<&'n str>,
}

/// The id and the nodes of a branch, and what is read from its end.
type Branch = ((String, Vec<Entry>), Node);

impl Checker<'_> {
    /// The loop that a node with `machine` stands for; nothing when it is none.
    pub(super) fn machine(&self, entry: &Entry) -> Option<Result<Entry, Said>> {
        let (span, node) = entry.value.get("machine").map(|own| (own.key_span, &own.value))?;
        let known = [keys::NODE, keys::MACHINE_NODE].concat();
        self.keys(&entry.value, &known, keys::NODE_LATER, "a machine");
        self.map(node, "`{ start: …, max: …, states: { … } }`");
        self.keys(node, keys::MACHINE, &[], "`machine`");
        let get = |key: &str| node.get(key).map(|entry| &entry.value);
        let states = self.under(node, "states", "a map of states");
        let start = get("start").and_then(Node::as_str).unwrap_or_default();
        let lacks = [
            (states.is_empty(), "states"),
            (start.is_empty(), "start"),
            (get("max").is_none(), "max"),
        ];
        for (_, key) in lacks.iter().filter(|(missing, _)| *missing) {
            let help = "`machine: { start: open, max: 50, states: { open: { … } } }`";
            self.wrong(span, &format!("a `machine` needs the key `{key}`"), help);
        }
        let carry = self.under(node, "carry", "a map of variables");
        let ways =
            states.iter().map(|state| said_ways(&state.value).count()).max().unwrap_or_default();
        let bounds = [
            (states.len(), MAX_STATES, "states"),
            (ways, MAX_WAYS, "ways out of a state"),
            (carry.len(), MAX_CARRIED, "carried variables"),
        ];
        let beyond = bounds.iter().filter(|(count, most, _)| count > most);
        for (count, most, what) in beyond.clone() {
            let help = "let a state own a machine of its own, under `do`";
            self.wrong(span, &format!("{count} {what}; at most {most} are allowed"), help);
        }
        if lacks.iter().any(|(missing, _)| *missing) || beyond.count() > 0 {
            return Some(Err(Said));
        }
        let ends = |state: &&Entry| is_end(&state.value) && state.value.get("enter").is_none();
        let still = states.iter().filter(ends).map(|state| &*state.key).collect();
        let machine = Machine { states, carry, still };
        self.state(&machine, start, get("start").map_or(span, |node| node.span));
        self.unreachable(&machine, start);
        let cases = self.cases_of(&machine);
        match cases.is_empty() {
            true => Some(Err(Said)),
            false => Some(Ok(looped(entry, node, &machine, cases))),
        }
    }

    fn wrong(&self, span: Span, message: &str, help: &str) {
        self.find(Finding::error("CG0340", span, message).help(help));
    }

    fn under<'n>(&self, node: &'n Node, key: &str, what: &str) -> &'n [Entry] {
        node.get(key).map_or(&[][..], |entry| self.map(&entry.value, what))
    }

    /// A case for each state that does something.
    fn cases_of(&self, machine: &Machine<'_>) -> Vec<Node> {
        let active = machine.states.iter().filter(|state| !machine.still.contains(&&*state.key));
        let active: Vec<&Entry> = active.collect();
        let mut cases = Vec::new();
        for (at, state) in active.iter().enumerate() {
            let Some((nodes, out)) = self.in_state(machine, state) else { continue };
            let span = state.key_span;
            let head = match at + 1 == active.len() {
                true => written("else", null(span), span),
                false => written("when", text(&format!("{AT} == '{}'", state.key), span), span),
            };
            let body = [written("do", map(nodes, span), span), written("out", out, span)];
            cases.push(map([head].into_iter().chain(body).collect(), span));
        }
        cases
    }

    /// The nodes of a state, and what is read from their end: the next state and the variables.
    fn in_state(&self, machine: &Machine<'_>, state: &Entry) -> Option<(Vec<Entry>, Node)> {
        let (node, span) = (&state.value, state.key_span);
        self.map(node, "a state, such as `{ enter: { … }, events: { … }, after: { … } }`");
        self.keys(node, keys::MACHINE_STATE, &[], "a state");
        let enter = self.under(node, "enter", "a map of ids to nodes");
        let done = self.under(node, "do", "a map of ids to nodes");
        for taken in enter.iter().chain(done).filter(|own| OWN.contains(&&*own.key)) {
            let message = format!("`{}` means something else in a machine", taken.key);
            self.find(Finding::error("CG0311", taken.key_span, message));
        }
        self.twice(enter, done);
        let to = node.get("to").map(|to| self.ways(machine, &to.value)).unwrap_or_default();
        let mut branches = self.branches_of(machine, state);
        if is_end(node) {
            if !branches.is_empty() || !to.is_empty() || !done.is_empty() {
                let help = "an end has `enter` at most; leave `end: true` out";
                self.wrong(
                    span,
                    &format!("the state `{}` is an end, and leads on", state.key),
                    help,
                );
            }
            return Some((enter.to_vec(), machine.stays(&state.key, true, span)));
        }
        let first: Vec<Node> = enter.iter().map(|own| text(&own.key, span)).collect();
        let wrong = |message: &str, help: &str| {
            self.wrong(span, &format!("{message} the state `{}`", state.key), help);
            None
        };
        let out = (!to.is_empty()).then(|| machine.moves(&state.key, &to, span));
        match out {
            None if branches.is_empty() => wrong(
                "nothing leads out of",
                "`to:`, `events:` or `after:`; the last state has `end: true`",
            ),
            None if !done.is_empty() => {
                wrong("nothing says what follows when `do` has ended in", "write `to:` beside it")
            }
            Some(_) if !branches.is_empty() && done.is_empty() => wrong(
                "with `to` nobody waits in",
                "write what is done meanwhile under `do`, or leave `to` out",
            ),
            Some(_) if enter.is_empty() && done.is_empty() => wrong(
                "nothing happens in",
                "write what is done in it under `enter`, or leave it out",
            ),
            out => {
                let own = out.map(|out| (("done".to_owned(), done.to_vec()), out));
                branches.splice(0..0, own);
                Some(raced(enter, &first, branches, span))
            }
        }
    }

    /// What a state waits for: a branch for each way out of it by an event or a timer.
    fn branches_of(&self, machine: &Machine<'_>, state: &Entry) -> Vec<Branch> {
        let mut branches = Vec::new();
        for event in self.under(&state.value, "events", "a map of events to ways out") {
            let mut before: Vec<String> = Vec::new();
            for way in self.ways(machine, &event.value) {
                // The first way whose condition holds.
                let others = before.iter().map(|when| format!("!({when})"));
                let only: Vec<String> =
                    others.chain(way.when.iter().map(|when| format!("({when})"))).collect();
                let span = event.key_span;
                let mut wait = vec![written("event", text(&event.key, span), span)];
                if !only.is_empty() {
                    wait.push(written("where", text(&only.join(" && "), way.span), way.span));
                }
                let node = map(vec![written("wait", map(wait, span), span)], span);
                let out = machine.moves(&state.key, &[way.always()], way.span);
                let id = format!("event_{}", branches.len());
                branches.push(((id, vec![written("event", node, span)]), out));
                before.extend(way.when);
            }
        }
        let timers = self.under(&state.value, "after", "a map of times to ways out");
        for timer in timers {
            let span = timer.key_span;
            let wait = map(vec![written("for", text(&timer.key, span), span)], span);
            let node = map(vec![written("wait", wait, span)], span);
            let ways = self.ways(machine, &timer.value);
            if !ways.is_empty() {
                let out = machine.moves(&state.key, &ways, span);
                branches.push((
                    (format!("after_{}", branches.len()), vec![written("due", node, span)]),
                    out,
                ));
            }
        }
        branches
    }

    /// `name`, `{ to, when, set }`, or a list of them of which the first that fits is taken.
    fn ways<'n>(&self, machine: &Machine<'_>, node: &'n Node) -> Vec<Way<'n>> {
        each(node).iter().filter_map(|item| self.way(machine, item)).collect()
    }

    fn way<'n>(&self, machine: &Machine<'_>, node: &'n Node) -> Option<Way<'n>> {
        let span = node.span;
        if let Some(to) = node.as_str() {
            self.state(machine, to, span);
            return Some(Way { to: to.to_owned(), when: None, set: Vec::new(), span });
        }
        self.map(node, "the name of a state, or `{ to: …, when: …, set: { … } }`");
        self.keys(node, keys::MACHINE_WAY, &[], "a way out of a state");
        let to = node.get("to").and_then(|to| to.value.as_str()).unwrap_or_default().to_owned();
        self.state(machine, &to, node.get("to").map_or(span, |to| to.value.span));
        let when = node.get("when").and_then(|when| self.bare(&when.value));
        let when = when.map(|site| site.expr.source().to_owned());
        let set: Vec<&Entry> = self.under(node, "set", "a map of variables").iter().collect();
        for set in &set {
            if !machine.carry.iter().any(|own| own.key == set.key) {
                let message = format!("the machine carries no `{}`", short(&set.key));
                let near = self.hints.near(&set.key, machine.carry.iter().map(|own| &*own.key));
                self.find(Finding::error("CG0208", set.key_span, message).maybe_help(near));
            }
            if source(&set.value).is_none() {
                let message = "a variable is set to one expression, a number, a text or a truth";
                self.wrong(set.value.span, message, "write `${…}`");
            }
        }
        Some(Way { to, when, set, span })
    }

    fn state(&self, machine: &Machine<'_>, name: &str, span: Span) {
        if !machine.states.iter().any(|state| *state.key == *name) {
            let message = format!("the machine has no state `{}`", short(&name));
            let near = self.hints.near(name, machine.states.iter().map(|state| &*state.key));
            self.find(Finding::error("CG0340", span, message).maybe_help(near));
        }
    }

    /// Warns of states to which nothing leads.
    fn unreachable(&self, machine: &Machine<'_>, start: &str) {
        let mut seen = BTreeSet::from([start.to_owned()]);
        let mut queue = VecDeque::from([start.to_owned()]);
        while let Some(name) = queue.pop_front() {
            let state = machine.states.iter().find(|state| *state.key == *name);
            let new = state.into_iter().flat_map(|state| targets(&state.value));
            queue.extend(new.filter(|to| seen.insert(to.clone())));
        }
        for state in machine.states.iter().filter(|state| !seen.contains(&*state.key)) {
            let message = format!("nothing leads to the state `{}`", state.key);
            self.find(Finding::warning("CG0340", state.key_span, message));
        }
    }
}

/// The loop itself.
fn looped(entry: &Entry, node: &Node, machine: &Machine<'_>, cases: Vec<Node>) -> Entry {
    let span = node.span;
    let quoted: Vec<String> = machine.still.iter().map(|state| format!("'{state}'")).collect();
    let go_on = match quoted.is_empty() {
        true => format!("!{ENDED}"),
        false => format!("!{ENDED} && !({AT} in [{}])", quoted.join(", ")),
    };
    let mut bounds = vec![written("while", text(&go_on, span), span)];
    bounds.extend(node.get("max").cloned());
    bounds.push(written("on_max", text("fail", span), span));
    let history = node.get("history").and_then(|entry| entry.value.as_str());
    let start = match (history, node.get("start")) {
        (Some(channel), _) => text(&format!("${{state.{channel}}}"), span),
        (None, start) => start.map_or_else(|| null(span), |start| start.value.clone()),
    };
    let mut carry = vec![written(AT, start, span), written(ENDED, truth(false, span), span)];
    carry.extend(machine.carry.iter().cloned());
    let reads =
        |name: &str, from: &str| written(name, text(&format!("${{{from}{name}}}"), span), span);
    let names = machine.names();
    let next = names.iter().map(|name| reads(name, "step.")).collect();
    let mut step = vec![written("switch", list(cases, span), span)];
    step.extend(history.map(|channel| {
        let write = written(channel, text(&format!("${{step.{AT}}}"), span), span);
        written("write", map(vec![write], span), span)
    }));
    let told = names.iter().filter(|name| **name != ENDED).map(|name| reads(name, "")).collect();
    let out = entry.value.get("out").cloned();
    let around = entry.value.entries().iter();
    let kept = |key: &str| AROUND.contains(&key) || TIMES.contains(&key) || key.starts_with("x-");
    let around = around.filter(|own| kept(&own.key));
    let body = map(vec![written("step", map(step, span), span)], span);
    let own = [
        written("loop", map(bounds, span), span),
        written("carry", map(carry, span), span),
        written("do", body, span),
        written("next", map(next, span), span),
        out.unwrap_or_else(|| written("out", map(told, span), span)),
    ];
    Entry { value: map(around.cloned().chain(own).collect(), entry.value.span), ..entry.clone() }
}

/// What comes first of the branches, behind what is done on entry.
fn raced(enter: &[Entry], first: &[Node], all: Vec<Branch>, span: Span) -> (Vec<Entry>, Node) {
    if let [((_, nodes), out)] = all.as_slice() {
        let nodes = nodes.iter().map(|own| behind(own, first));
        return (enter.iter().cloned().chain(nodes).collect(), out.clone());
    }
    let branches = all.into_iter().map(|((id, nodes), out)| {
        let body = vec![written("do", map(nodes, span), span), written("out", out, span)];
        written(&id, map(body, span), span)
    });
    let race = written("race", map(branches.collect(), span), span);
    let moved = behind(&written("moved", map(vec![race], span), span), first);
    (enter.iter().cloned().chain([moved]).collect(), text("${moved}", span))
}

impl Machine<'_> {
    /// All that the loop carries.
    fn names(&self) -> Vec<&str> {
        [AT, ENDED].into_iter().chain(self.carry.iter().map(|own| &*own.key)).collect()
    }

    /// It stays where it is, and may end there.
    fn stays(&self, state: &str, ended: bool, span: Span) -> Node {
        let own = self
            .carry
            .iter()
            .map(|own| written(&own.key, text(&format!("${{{}}}", own.key), span), span));
        let head = [written(AT, text(state, span), span), written(ENDED, truth(ended, span), span)];
        map(head.into_iter().chain(own).collect(), span)
    }

    /// The first way whose condition holds; when none does, it stays.
    fn moves(&self, state: &str, ways: &[Way<'_>], span: Span) -> Node {
        let chosen = |of: &dyn Fn(&Way<'_>) -> String, otherwise: String| {
            let choose = |rest: String, way: &Way<'_>| match &way.when {
                Some(when) => format!("(({when}) ? ({}) : ({rest}))", of(way)),
                None => of(way),
            };
            text(&format!("${{{}}}", ways.iter().rev().fold(otherwise, choose)), span)
        };
        let at = chosen(&|way| format!("'{}'", way.to), format!("'{state}'"));
        let own = self.carry.iter().map(|own| {
            let set = |way: &Way<'_>| {
                let set = way.set.iter().find(|set| set.key == own.key);
                set.and_then(|set| source(&set.value)).unwrap_or_else(|| own.key.to_string())
            };
            written(&own.key, chosen(&set, own.key.to_string()), span)
        });
        let head = [written(AT, at, span), written(ENDED, truth(false, span), span)];
        map(head.into_iter().chain(own).collect(), span)
    }
}

impl Way<'_> {
    /// The same without its condition, which was asked already.
    fn always(&self) -> Self {
        Self { to: self.to.clone(), when: None, set: self.set.clone(), span: self.span }
    }
}

/// The items of a list, or the one that stands for it.
fn each(node: &Node) -> &[Node] {
    match &node.data {
        Data::List(items) => items,
        _ => std::slice::from_ref(node),
    }
}

/// The expression that a value is: one in `${…}`, or a scalar.
fn source(node: &Node) -> Option<String> {
    let Data::Scalar(value) = &node.data else { return None };
    match value.as_str().map(str::trim) {
        Some(text) if text.contains("${") => {
            let inner = text.strip_prefix("${")?.strip_suffix('}')?;
            (!inner.contains("${")).then(|| format!("({inner})"))
        }
        _ => Some(value.to_json()),
    }
}

fn is_end(state: &Node) -> bool {
    let end = state.get("end").map(|end| &end.value.data);
    matches!(end, Some(Data::Scalar(Value::Bool(true))))
}

/// What a state says of ways out of it.
fn said_ways(state: &Node) -> impl Iterator<Item = &Node> {
    let maps = ["events", "after"].into_iter().filter_map(|key| state.get(key));
    let inner = maps.flat_map(|entry| entry.value.entries()).map(|entry| &entry.value);
    inner.chain(state.get("to").map(|entry| &entry.value)).flat_map(each)
}

/// The states that a state names.
fn targets(state: &Node) -> Vec<String> {
    let to = said_ways(state).filter_map(|way| way.get("to").map_or(way, |to| &to.value).as_str());
    to.map(str::to_owned).collect()
}

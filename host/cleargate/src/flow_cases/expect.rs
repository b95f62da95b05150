//! What a case expects, held against what a run did: one sentence for each difference, with its place.

use std::sync::Arc;

use cleargate_flow::expr::{Expr, Names};
use cleargate_flow::graph::{Graph, GraphNode, NodeKind};
use cleargate_flow::limits::Unit;
use cleargate_flow::{Address, Outcome, Value};

use crate::cases::compare;
use crate::rehearsal::{Rehearsed, Trace};

/// How a run differs from what the case expects.
pub(super) fn differences(
    expect: &Value,
    graph: &Graph,
    done: &Rehearsed,
    trace: &Trace,
) -> Vec<String> {
    let mut out = Vec::new();
    if let Some(why) = &done.stuck {
        out.push(format!("the run did not end: {why}"));
    }
    outcome(expect, trace, &mut out);
    way(expect, graph, trace, &mut out);
    counts(expect, "attempts", |node| attempts(trace, node), &mut out);
    counts(expect, "events", |name| trace.events.get(name).copied().unwrap_or_default(), &mut out);
    let asked = |words: &str| {
        let same =
            done.heard.asked.iter().filter(|(asked, _)| crate::cases::script::fits(words, asked));
        same.map(|(_, n)| n).sum()
    };
    counts(expect, "calls", asked, &mut out);
    used(expect, trace, &mut out);
    if let Some(kv) = expect.get("kv") {
        compare::contains("kv", kv, &done.kv, &mut out);
    }
    let names = Seen {
        trace,
        calls: done.heard.asked.iter().map(|(k, n)| (k.clone(), count(*n))).collect(),
    };
    out.extend(checks(expect).filter_map(|source| check(source, &names)));
    out.extend(done.unasked.iter().cloned());
    out
}

fn count(n: u64) -> Value {
    Value::Int(i64::try_from(n).unwrap_or(i64::MAX))
}

fn outcome(expect: &Value, trace: &Trace, out: &mut Vec<String>) {
    let wanted = match (expect.get("status").and_then(Value::as_str), expect.get("error")) {
        (Some(status), _) => status,
        (None, Some(_)) => "failed",
        (None, None) => "succeeded",
    };
    if wanted != trace.status() {
        let why = match &trace.outcome {
            Some(Outcome::Failed { address, error }) => {
                let place = address.as_ref().map(|at| format!(" at `{at}`")).unwrap_or_default();
                let help = error.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
                format!(":{place} {error}{help}")
            }
            _ => String::new(),
        };
        out.push(format!("status: expected {wanted}, got {}{why}", trace.status()));
    }
    match &trace.outcome {
        Some(Outcome::Succeeded { output }) => {
            if let Some(exact) = expect.get("output") {
                compare::exact("output", exact, output, out);
            }
            if let Some(part) = expect.get("contains") {
                compare::contains("output", part, output, out);
            }
        }
        Some(Outcome::Failed { address, error }) => {
            let Some(wanted) = expect.get("error") else { return };
            let text = |key: &str| wanted.get(key).and_then(Value::as_str);
            if let Some(code) = text("code").filter(|code| *code != error.code.as_str()) {
                out.push(format!("error.code: expected {code}, got {error}"));
            }
            if let Some(words) = text("message").filter(|words| !error.message.contains(*words)) {
                out.push(format!("error.message: expected `{words}` in `{}`", error.message));
            }
            let node = address.as_ref().map(ToString::to_string).unwrap_or_default();
            if let Some(wanted) = text("node").filter(|wanted| *wanted != node) {
                out.push(format!("error.node: expected {wanted}, got {node}"));
            }
        }
        _ => {}
    }
}

/// Whether a key of a case, an address or a path, means the node at an address.
fn means(key: &str, address: &str) -> bool {
    key == address || address.parse::<Address>().is_ok_and(|at| at.static_path() == key)
}

fn attempts(trace: &Trace, node: &str) -> u64 {
    let meant = trace.nodes.iter().filter(|(at, _)| means(node, at));
    meant.map(|(_, stop)| u64::from(stop.attempts)).sum()
}

fn way(expect: &Value, graph: &Graph, trace: &Trace, out: &mut Vec<String>) {
    let list = |key: &str| {
        let list = expect.get(key).and_then(Value::as_list).unwrap_or_default().iter();
        list.filter_map(Value::as_str).collect::<Vec<_>>()
    };
    let statuses = |node: &str| {
        let meant = trace.nodes.iter().filter(|(at, _)| means(node, at));
        meant.filter_map(|(_, stop)| stop.status.clone()).collect::<Vec<_>>()
    };
    for node in list("ran") {
        if !statuses(node).iter().any(|status| status != "skipped") {
            out.push(format!("ran: `{node}` did not run{}", near(node, trace)));
        }
    }
    for node in list("skipped") {
        if let Some(status) = statuses(node).iter().find(|status| *status != "skipped") {
            out.push(format!("skipped: `{node}` ran: it {status}"));
        } else if statuses(node).is_empty() && !exists(graph, node) {
            out.push(format!("skipped: there is no node `{node}`{}", near(node, trace)));
        }
    }
    if expect.get("path").is_some() {
        let ran = trace.ran();
        let wanted = list("path");
        let missing = wanted.iter().filter(|node| !ran.contains(&(**node).to_owned()));
        out.extend(missing.map(|node| format!("path: `{node}` did not run{}", near(node, trace))));
        let more = ran.iter().filter(|node| !wanted.contains(&node.as_str()));
        out.extend(more.map(|node| format!("path: `{node}` ran and was not expected")));
    }
    for (switch, wanted) in expect.get("took").and_then(Value::as_map).into_iter().flatten() {
        let meant =
            trace.nodes.iter().filter(|(at, stop)| means(switch, at) && stop.case.is_some());
        let taken: Vec<Vec<String>> =
            meant.map(|(at, stop)| labels(graph, at, stop.case.flatten())).collect();
        if taken.is_empty() {
            out.push(format!("took: `{switch}` is no switch that ran"));
        }
        for labels in taken {
            if !labels.contains(&wanted.to_string()) {
                out.push(format!("took.{switch}: expected {wanted}, got {}", labels.join(" or ")));
            }
        }
    }
}

fn exists(graph: &Graph, key: &str) -> bool {
    let path = key.parse::<Address>().map_or_else(|_| key.to_owned(), |at| at.static_path());
    super::coverage::paths(graph).contains(&path)
}

fn near(node: &str, trace: &Trace) -> String {
    let hint = cleargate_flow::diagnostic::suggest(node, trace.nodes.keys().map(String::as_str));
    hint.map_or_else(String::new, |hint| format!("; {hint}"))
}

/// What a case may call what a switch took: its number, `else`, a node that it leads to, or `none`.
fn labels(graph: &Graph, address: &str, case: Option<usize>) -> Vec<String> {
    let Some(case) = case else { return vec!["none".into()] };
    let mut labels = vec![case.to_string()];
    let node = address.parse().ok().and_then(|at| graph.node(&at));
    if let Some(GraphNode { kind: NodeKind::Switch { cases, .. }, .. }) = node
        && let Some(case) = cases.get(case)
    {
        if case.when.is_none() && case.weight.is_none() {
            labels.push("else".into());
        }
        labels.extend(case.to.iter().map(ToString::to_string));
    }
    labels
}

/// Numbers by name: exactly so many, or `{ min, max }`.
fn counts(expect: &Value, key: &str, count: impl Fn(&str) -> u64, out: &mut Vec<String>) {
    for (name, wanted) in expect.get(key).and_then(Value::as_map).into_iter().flatten() {
        let bound =
            |of: &str| wanted.get(of).and_then(Value::as_int).and_then(|n| u64::try_from(n).ok());
        let got = count(name);
        let (least, most) = match wanted.as_int().and_then(|n| u64::try_from(n).ok()) {
            Some(exact) => (Some(exact), Some(exact)),
            None => (bound("min"), bound("max")),
        };
        if least.is_none() && most.is_none() {
            out.push(format!("{key}.{name}: write a number, or {{ min, max }}"));
        } else if least.is_some_and(|least| got < least) || most.is_some_and(|most| got > most) {
            out.push(format!("{key}.{name}: expected {}, got {got}", wanted.to_json()));
        }
    }
}

/// What was used beyond what the case allows.
fn used(expect: &Value, trace: &Trace, out: &mut Vec<String>) {
    let usage = &trace.usage;
    if let Some(most) = expect.get("max_cost") {
        let most_usd = match most {
            Value::Float(usd) => Some(*usd),
            other => other.as_int().map(|usd| usd as f64),
        };
        let usd = trace.micro_usd as f64 / 1e6;
        match most_usd {
            None => out.push("max_cost: write US dollars, as 0.05".into()),
            Some(most) if usd > most => out.push(format!("cost: {usd} US dollars, at most {most}")),
            Some(_) => {}
        }
    }
    for (key, unit, got, at_least) in [
        ("max_fuel", Unit::Count, usage.fuel, false),
        ("max_memory", Unit::Bytes, usage.peak_memory, false),
        ("max_host_calls", Unit::Count, usage.host_calls, false),
        ("max_tokens", Unit::Count, trace.tokens, false),
        ("max_latency", Unit::Millis, trace.latency_ms, false),
        ("min_latency", Unit::Millis, trace.latency_ms, true),
    ] {
        let Some(wanted) = expect.get(key) else { continue };
        let what = &key[4..];
        match unit.parse(&wanted.to_string()) {
            Err(why) => out.push(format!("{key}: {why}")),
            Ok(least) if at_least && got < least => {
                out.push(format!("{what}: {}, at least {}", unit.print(got), unit.print(least)));
            }
            Ok(most) if !at_least && got > most => {
                out.push(format!("{what}: {}, at most {}", unit.print(got), unit.print(most)));
            }
            Ok(_) => {}
        }
    }
}

fn checks(expect: &Value) -> impl Iterator<Item = &str> {
    let check = expect.get("check");
    let one = check.and_then(Value::as_str);
    let many = check.and_then(Value::as_list).unwrap_or_default().iter();
    one.into_iter().chain(many.filter_map(Value::as_str))
}

/// Why a condition does not hold.
fn check(source: &str, names: &Seen<'_>) -> Option<String> {
    let expr = match Expr::parse(source) {
        Ok(expr) => expr,
        Err(why) => return Some(format!("check `{source}`: {why}")),
    };
    match expr.eval(names) {
        Ok(Value::Bool(true)) => None,
        Ok(Value::Bool(false)) => {
            let read = expr.references().into_iter().map(|reference| reference.name);
            let mut seen: Vec<Arc<str>> = Vec::new();
            for name in read {
                if !seen.contains(&name) {
                    seen.push(name);
                }
            }
            let shown = seen.iter().map(|name| {
                let value = names.get(name).unwrap_or_default().to_json();
                let short: String = value.chars().take(SHOWN).collect();
                let more = if short.len() < value.len() { "…" } else { "" };
                format!("{name} = {short}{more}")
            });
            let shown: Vec<String> = shown.collect();
            Some(format!("check `{source}` does not hold: {}", shown.join(", ")))
        }
        Ok(other) => Some(format!("check `{source}` gives {}, not true or false", other.to_json())),
        Err(error) => Some(format!("check `{source}`: {}", error.message)),
    }
}

/// Characters of a value that a failed condition shows.
const SHOWN: usize = 200;

/// What conditions see.
struct Seen<'t> {
    trace: &'t Trace,
    calls: Vec<(String, Value)>,
}

impl Names for Seen<'_> {
    fn get(&self, name: &str) -> Option<Value> {
        let trace = self.trace;
        Some(match name {
            "input" => trace.input.clone(),
            "status" => trace.status().into(),
            "output" => match &trace.outcome {
                Some(Outcome::Succeeded { output }) => output.clone(),
                _ => Value::Null,
            },
            "error" => match &trace.outcome {
                Some(Outcome::Failed { error, .. }) => Value::record([
                    ("code", Value::from(error.code.as_str())),
                    ("message", error.message.as_str().into()),
                ]),
                _ => Value::Null,
            },
            "nodes" => Value::record(trace.nodes.iter().map(|(at, stop)| {
                let status = stop.status.as_deref().map_or(Value::Null, Value::from);
                let value = stop.value.clone().unwrap_or_default();
                let attempts = Value::Int(stop.attempts.into());
                (
                    at.clone(),
                    Value::record([("status", status), ("value", value), ("attempts", attempts)]),
                )
            })),
            "events" => {
                Value::record(trace.events.iter().map(|(name, n)| (name.clone(), count(*n))))
            }
            "calls" => Value::record(self.calls.iter().cloned()),
            "usage" => Value::record([
                ("fuel", count(trace.usage.fuel)),
                ("memory", count(trace.usage.peak_memory)),
                ("host_calls", count(trace.usage.host_calls)),
                ("tokens", count(trace.tokens)),
                ("micro_usd", count(trace.micro_usd)),
            ]),
            "latency_ms" => count(trace.latency_ms),
            _ => return None,
        })
    }
}

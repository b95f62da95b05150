//! The keys of the format, each once: the checker and the schema for editors read the same tables.

use serde_json::{Value as Json, json};

/// Keys of a flow.
pub(super) const FLOW: &[&str] = &[
    "cleargate",
    "flow",
    "version",
    "description",
    "input",
    "output",
    "use",
    "models",
    "triggers",
    "events",
    "defaults",
    "state",
    "durability",
    "templates",
    "hooks",
    "deadline",
    "idle",
    "nodes",
];
/// Keys of a flow that a later version runs.
pub(super) const FLOW_LATER: &[&str] = &["budget", "machine", "types"];
/// Keys that every node may have.
pub(super) const NODE: &[&str] = &["after", "join", "write", "hooks", "doc"];
/// Keys of a node that is written out of a template, beside those of what it is then.
pub(super) const EXTENDS: [&str; 2] = ["extends", "params"];
/// Keys of which a node has one: they say what it is.
pub(super) const FORMS: &[&str] =
    &["type", "switch", "map", "loop", "parallel", "race", "try", "wait", "emit", "machine"];
/// Keys of a node that is performed; those of its type come to them.
pub(super) const LEAF: &[&str] = &[
    "type",
    "with",
    "timeout",
    "deadline",
    "idle",
    "retry",
    "effect",
    "limits",
    "guard",
    "compensate",
    "on_unknown",
    "asset",
];
/// Keys of what keeps the value of a step.
pub(super) const ASSET: &[&str] = &["name", "key", "fresh"];
/// Chains around a node that is performed.
pub(super) const GUARD: &[&str] = &["before", "after", "tool_call", "tool_result"];
/// Keys of a `switch`.
pub(super) const SWITCH: &[&str] = &["switch", "deadline", "idle"];
/// Keys of a `map`.
pub(super) const MAP: &[&str] =
    &["map", "as", "key", "concurrency", "max", "on_item_error", "do", "out", "deadline", "idle"];
/// Keys of a `loop`.
pub(super) const LOOP: &[&str] = &["loop", "carry", "do", "next", "out", "deadline", "idle"];
/// Keys of what bounds a loop.
pub(super) const LOOP_BOUNDS: &[&str] = &["max", "while", "until", "on_max"];
/// Keys of a `parallel`.
pub(super) const PARALLEL: &[&str] = &["parallel", "on_branch_error", "deadline", "idle"];
/// Keys of a `race`.
pub(super) const RACE: &[&str] = &["race", "deadline", "idle"];
/// Keys of a branch.
pub(super) const BRANCH: &[&str] = &["do", "out"];
/// Keys of a `try`.
pub(super) const TRY: &[&str] = &["try", "catch", "finally", "cleanup", "out", "deadline", "idle"];
/// Keys of a handler.
pub(super) const CATCH: &[&str] = &["code", "do", "out", "rethrow"];
/// Keys of the hooks of a node.
pub(super) const HOOKS: &[&str] = &["before", "after", "on_error", "finally"];
/// Keys of a case.
pub(super) const CASE: &[&str] = &["when", "to", "else", "do", "out"];
/// Keys of a `switch` that is no list.
pub(super) const SWITCH_FORMS: &[&str] = &["weighted", "table"];
/// Keys of a case that chance decides for.
pub(super) const WEIGHTED: &[&str] = &["weight", "to", "do", "out"];
/// Keys of a table of rules.
pub(super) const TABLE: &[&str] = &["inputs", "rows"];
/// Keys of a row; the names of the columns come to them.
pub(super) const ROW: &[&str] = &["else", "to", "do", "out"];
/// Keys of a machine, beside those that every node may have.
pub(super) const MACHINE_NODE: &[&str] = &["machine", "out", "deadline", "idle"];
/// Keys of what a machine is made of.
pub(super) const MACHINE: &[&str] = &["start", "max", "carry", "history", "states"];
/// Keys of a state.
pub(super) const MACHINE_STATE: &[&str] = &["enter", "do", "to", "events", "after", "end", "doc"];
/// Keys of a way out of a state.
pub(super) const MACHINE_WAY: &[&str] = &["to", "when", "set"];
/// Keys of a node that waits.
pub(super) const WAIT_NODE: &[&str] = &["wait"];
/// Keys of what it waits for.
pub(super) const WAIT: &[&str] =
    &["for", "until", "cron", "tz", "event", "where", "timeout", "on_timeout"];
/// Keys of a node that tells of an event.
pub(super) const EMIT_NODE: &[&str] = &["emit"];
/// Keys of an event that is told.
pub(super) const EMIT: &[&str] = &["event", "payload", "to"];
/// Keys of what happens when nobody knows whether a step happened.
pub(super) const ON_UNKNOWN: &[&str] = &["verify", "ask"];
/// Keys of the task that asks a person; its form is made.
pub(super) const ASK: &[&str] = &["title", "text", "assignee", "deadline", "on_deadline"];
/// Keys of a task for people.
pub(super) const HUMAN: &[&str] =
    &["type", "title", "text", "form", "assignee", "quorum", "deadline", "on_deadline"];
/// Keys of who is asked then.
pub(super) const ESCALATION: &[&str] = &["to", "deadline", "on_deadline"];
/// Keys of nodes that a later version runs.
pub(super) const NODE_LATER: &[&str] = &["flow"];

/// Keys of nodes of all forms.
pub(super) fn all_of_nodes() -> Vec<&'static str> {
    let mut all = [
        NODE,
        LEAF,
        SWITCH,
        MAP,
        LOOP,
        PARALLEL,
        RACE,
        TRY,
        WAIT_NODE,
        EMIT_NODE,
        HUMAN,
        MACHINE_NODE,
        &EXTENDS,
    ]
    .concat();
    all.sort_unstable();
    all.dedup();
    all
}

/// JSON Schema (2020-12) of the flow format, for editors.
pub fn schema() -> Json {
    let forms = FORMS.iter().chain(&EXTENDS[..1]);
    let forms: Vec<Json> = forms.map(|form| json!({ "required": [form] })).collect();
    let own = json!({ "^x-": {} });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "ClearGate flow",
        "type": "object",
        "required": ["cleargate", "flow", "nodes"],
        "properties": object(FLOW),
        "patternProperties": own,
        "additionalProperties": false,
        "$defs": {
            "node": {
                "type": "object",
                "anyOf": forms,
                "properties": object(&all_of_nodes()),
            },
            "case": {
                "type": "object",
                "properties": object(CASE),
                "patternProperties": own,
                "additionalProperties": false,
            },
            "template": template_schema(),
            "retry": retry_schema(),
            "port": port_schema(),
        },
    })
}

/// The values that a key may have.
fn schema_of(key: &str) -> Json {
    match key {
        "cleargate" => json!({ "const": super::FORMAT }),
        "flow" => json!({ "type": "string", "pattern": "^[a-z][a-z0-9_]{0,63}$" }),
        "input" => json!({ "type": "object", "additionalProperties": { "$ref": "#/$defs/port" } }),
        "use" => json!({ "type": "object", "additionalProperties": alias_schema() }),
        "output" | "with" | "write" => json!({ "type": "object" }),
        "state" => json!({ "type": "object", "additionalProperties": channel_schema() }),
        "limits" => limits_schema(),
        "guard" => guard_schema(GUARD),
        "models" => json!({ "type": "object", "additionalProperties": model_schema() }),
        "triggers" => json!({ "type": "object", "additionalProperties": trigger_schema() }),
        "defaults" => json!({
            "type": "object", "additionalProperties": false,
            "properties": { "timeout": duration(), "retry": { "$ref": "#/$defs/retry" } },
        }),
        "nodes" | "do" | "try" | "finally" => {
            json!({ "type": "object", "additionalProperties": { "$ref": "#/$defs/node" } })
        }
        "after" | "to" => names(),
        "else" => {
            json!({ "oneOf": [{ "type": "null" }, text(), { "type": "array", "items": text() }] })
        }
        "join" => json!({ "oneOf": [
                { "enum": ["all", "any", "first_success"] },
                { "type": "string", "pattern": "^n_of\\([1-9][0-9]*\\)$" },
            ] }),
        "timeout" | "deadline" | "idle" | "cleanup" => duration(),
        "for" => json!({ "type": ["string", "integer"] }),
        "compensate" => json!({ "$ref": "#/$defs/node" }),
        "loop" => json!({
            "type": "object", "required": ["max"], "additionalProperties": false,
            "properties": object(LOOP_BOUNDS),
        }),
        "while" | "until" | "key" => text(),
        "asset" => json!({
            "type": "object", "additionalProperties": false,
            "properties": { "name": text(), "key": text(), "fresh": duration() },
        }),
        "on_max" => json!({ "enum": ["stop", "fail"] }),
        "carry" | "next" => json!({ "type": "object" }),
        "on_branch_error" => json!({ "enum": ["fail", "collect", "skip"] }),
        "catch" => json!({ "type": "array", "items": {
                "type": "object", "required": ["do"], "additionalProperties": false,
                "properties": object(CATCH),
            } }),
        "retry" => json!({ "$ref": "#/$defs/retry" }),
        "effect" => json!({ "enum": ["pure", "read", "idempotent", "once", "compensable"] }),
        "switch" => switch_schema(),
        "events" => json!({ "type": "object", "additionalProperties": { "$ref": "#/$defs/port" } }),
        "concurrency" => whole(super::MAX_CONCURRENCY.into()),
        "max" => whole(super::MAX_EXECUTIONS),
        "on_item_error" => json!({ "enum": ["fail", "collect", "skip"] }),
        "map" | "out" | "payload" => json!({}),
        _ => schema_of_more(key),
    }
}

/// The same for branches, switches, and nodes that wait, ask people or tell of events.
fn schema_of_more(key: &str) -> Json {
    match key {
        "parallel" | "race" => json!({
            "type": "object", "minProperties": 2, "maxProperties": super::MAX_BRANCHES,
            "additionalProperties": {
                "type": "object", "required": ["do"], "additionalProperties": false,
                "properties": object(BRANCH),
            },
        }),
        "rethrow" => json!({ "type": "boolean" }),
        "templates" => {
            json!({ "type": "object", "additionalProperties": { "$ref": "#/$defs/template" } })
        }
        "params" => json!({ "type": "object" }),
        "hooks" => hooks_schema(),
        "machine" => machine_schema(),
        "durability" => json!({ "enum": crate::graph::Durability::ALL.map(|(name, _)| name) }),
        "on_unknown" => json!({ "oneOf": [
            { "enum": ["fail", "ask"] },
            {
                "type": "object", "required": ["verify"], "additionalProperties": false,
                "properties": { "verify": { "$ref": "#/$defs/node" } },
            },
            {
                "type": "object", "required": ["ask"], "additionalProperties": false,
                "properties": { "ask": keyed(ASK, &[]) },
            },
        ] }),
        "wait" => keyed(WAIT, &[]),
        "emit" => keyed(EMIT, &["event"]),
        "on_timeout" => json!({ "enum": ["fail", "null", null] }),
        "form" => {
            json!({ "type": "object", "minProperties": 1, "additionalProperties": { "$ref": "#/$defs/port" } })
        }
        "assignee" => json!({ "oneOf": [text(), { "type": "array", "items": text() }] }),
        "quorum" => json!({ "oneOf": [
                whole(super::MAX_ASKED.into()),
                {
                    "type": "object", "required": ["need"], "additionalProperties": false,
                    "properties": {
                        "need": whole(super::MAX_ASKED.into()), "of": whole(super::MAX_ASKED.into()),
                    },
                },
            ] }),
        "on_deadline" => json!({ "oneOf": [{ "enum": ["fail", "reject"] }, { "type": "object" }] }),
        _ => json!({ "type": ["string", "boolean", "number"] }),
    }
}

/// A map with these keys, of which some must be there.
fn keyed(keys: &[&str], required: &[&str]) -> Json {
    json!({
        "type": "object", "required": required, "additionalProperties": false,
        "properties": object(keys),
    })
}

fn switch_schema() -> Json {
    let list = |of: Json| json!({ "type": "array", "minItems": 1, "items": of });
    let weighted: Json = {
        let mut case = keyed(&["to", "do", "out"], &[]);
        case["properties"]["weight"] = whole(1_000_000);
        case["required"] = json!(["weight"]);
        case
    };
    json!({ "oneOf": [
        list(json!({ "$ref": "#/$defs/case" })),
        {
            "type": "object", "required": ["weighted"], "additionalProperties": false,
            "properties": { "weighted": list(weighted) },
        },
        {
            "type": "object", "required": ["table"], "additionalProperties": false,
            "properties": { "table": {
                "type": "object", "required": TABLE, "additionalProperties": false,
                "properties": {
                    "inputs": { "type": "object", "additionalProperties": text() },
                    "rows": list(json!({ "type": "object" })),
                },
            } },
        },
    ] })
}

fn text() -> Json {
    json!({ "type": "string" })
}

fn duration() -> Json {
    json!({ "type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$" })
}

fn names() -> Json {
    json!({ "oneOf": [text(), { "type": "array", "items": text() }] })
}

/// A port, with a reducer or without.
fn channel_schema() -> Json {
    let reducers = crate::graph::Reducer::ALL.map(|(name, _)| name);
    let reduced = json!({
        "type": "object", "required": ["type", "reducer"], "additionalProperties": false,
        "properties": {
            "type": {}, "default": {}, "doc": text(), "reducer": { "enum": reducers },
            "min": { "type": "number" }, "max": { "type": "number" },
        },
    });
    json!({ "oneOf": [{ "$ref": "#/$defs/port" }, reduced] })
}

fn machine_schema() -> Json {
    let nodes = || schema_of("do");
    let way = json!({ "oneOf": [text(), {
        "type": "object", "required": ["to"], "additionalProperties": false,
        "properties": { "to": text(), "when": schema_of("when"), "set": { "type": "object" } },
    }] });
    let ways = json!({ "oneOf": [way, { "type": "array", "items": way }] });
    let by_name = json!({ "type": "object", "additionalProperties": ways });
    json!({
        "type": "object", "required": ["start", "max", "states"], "additionalProperties": false,
        "properties": {
            "start": text(), "max": schema_of("max"), "carry": { "type": "object" }, "history": text(),
            "states": { "type": "object", "maxProperties": super::MAX_STATES, "additionalProperties": {
                "type": "object", "additionalProperties": false, "properties": {
                    "enter": nodes(), "do": nodes(), "to": ways, "events": by_name, "after": by_name,
                    "end": { "type": "boolean" }, "doc": text(),
                },
            } },
        },
    })
}

fn hooks_schema() -> Json {
    let nodes = schema_of("do");
    let hooks: serde_json::Map<String, Json> =
        HOOKS.iter().map(|hook| ((*hook).to_owned(), nodes.clone())).collect();
    json!({ "type": "object", "properties": hooks, "additionalProperties": false })
}

/// A node, with the params that it takes.
fn template_schema() -> Json {
    let mut properties = object(&all_of_nodes());
    properties.insert("params".into(), schema_of("input"));
    json!({ "type": "object", "properties": properties })
}

fn whole(max: u64) -> Json {
    json!({ "type": "integer", "minimum": 1, "maximum": max })
}

/// The keys of a map with what each may hold.
fn object(keys: &[&str]) -> serde_json::Map<String, Json> {
    keys.iter().map(|key| ((*key).to_owned(), schema_of(key))).collect()
}

/// A reference, or a version with the one that it is split with.
fn alias_schema() -> Json {
    let split = json!({
        "type": "object", "required": ["version", "canary"], "additionalProperties": false,
        "properties": { "version": text(), "canary": canary_schema() },
    });
    json!({ "oneOf": [text(), split] })
}

fn trigger_schema() -> Json {
    json!({
        "type": "object", "required": ["use"], "additionalProperties": false,
        "properties": {
            "use": text(), "config": { "type": "object" }, "every": duration(),
            "canary": canary_schema(),
        },
    })
}

fn canary_schema() -> Json {
    json!({
        "type": "object", "required": ["version", "weight"], "additionalProperties": false,
        "properties": {
            "version": { "type": "string", "pattern": "[.]ya?ml$" }, "weight": { "type": "integer", "minimum": 0, "maximum": 100 },
        },
    })
}

fn part_schema() -> Json {
    json!({ "oneOf": [
        { "type": "string" },
        {
            "type": "object", "required": ["use"], "additionalProperties": false,
            "properties": { "use": { "type": "string" }, "config": { "type": "object" } },
        },
    ] })
}

fn chain_schema() -> Json {
    let many = json!({ "type": "array", "items": part_schema(), "maxItems": super::MAX_CHAIN });
    json!({ "oneOf": [part_schema(), many] })
}

fn guard_schema(keys: &[&str]) -> Json {
    let properties: serde_json::Map<String, Json> =
        keys.iter().map(|key| ((*key).to_owned(), chain_schema())).collect();
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

fn model_schema() -> Json {
    json!({ "oneOf": [
        { "type": "string" },
        {
            "type": "object", "required": ["use"], "additionalProperties": false,
            "properties": {
                "use": { "type": "string" }, "config": { "type": "object" },
                "guard": guard_schema(&["before", "after"]), "filters": chain_schema(),
                "cache": part_schema(), "cache_ttl": { "type": "string" },
                "tokenizer": part_schema(), "max_input": { "type": ["string", "integer"] },
            },
        },
    ] })
}

fn limits_schema() -> Json {
    let properties: serde_json::Map<String, Json> = crate::limits::TABLE
        .iter()
        .map(|row| (row.name.to_owned(), json!({ "type": ["string", "integer"] })))
        .collect();
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

fn retry_schema() -> Json {
    let codes: serde_json::Map<String, Json> = crate::error::ErrorCode::ALL
        .iter()
        .map(|code| {
            let policy = json!({
                "type": "object", "required": ["max"], "additionalProperties": false,
                "properties": {
                    "max": { "type": "integer", "minimum": 1, "maximum": super::MAX_RETRIES },
                    "backoff": { "type": "string" },
                },
            });
            (code.as_str().to_owned(), policy)
        })
        .collect();
    json!({ "type": "object", "properties": codes, "additionalProperties": false })
}

fn port_schema() -> Json {
    let text = json!({ "type": "string" });
    json!({
        "oneOf": [
            text,
            {
                "type": "object", "required": ["type"],
                "properties": {
                    "type": {}, "default": {}, "doc": text,
                    "min": { "type": "number" }, "max": { "type": "number" },
                },
                "additionalProperties": false,
            },
            { "type": "object", "additionalProperties": { "$ref": "#/$defs/port" } },
        ],
    })
}

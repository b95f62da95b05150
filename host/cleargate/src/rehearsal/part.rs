//! What a case lets a node do in the place of what it is: answer, fail, take its time, or go out into the world.

use std::collections::BTreeMap;
use std::sync::Mutex;

use cleargate_flow::error::{ErrorCode, NodeError};
use cleargate_flow::limits::Unit;
use cleargate_flow::{Address, Value};

/// What a node does in one attempt.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Act {
    /// Milliseconds before it answers.
    pub delay: u64,
    /// Its answer; absent: it is performed.
    pub answer: Option<Result<Value, NodeError>>,
}

/// What a case says of a node.
#[derive(Debug)]
pub(crate) enum Part {
    /// One act for each attempt; the last one stands for all that follow.
    Attempts(Vec<Act>),
    /// One act for each attempt of any item, in the order in which they come.
    Turns(Vec<Act>, Mutex<usize>),
    /// It is performed with what the operator granted, in the real world.
    Live,
}

/// Keys of one act.
const ACT: [&str; 3] = ["value", "error", "delay"];

impl Part {
    /// Reads what is under a key of `mock.nodes`.
    pub(crate) fn read(value: &Value) -> Result<Self, String> {
        if value.get("live").and_then(Value::as_bool) == Some(true) {
            return match value.as_map().is_some_and(|map| map.len() == 1) {
                true => Ok(Self::Live),
                false => Err("what is `live: true` has no other key".into()),
            };
        }
        if let Some(turns) = value.get("turns") {
            let turns = turns.as_list().filter(|turns| !turns.is_empty());
            let turns = turns.ok_or("`turns` is a list of `{ value: … }` and `{ error: … }`")?;
            return Ok(Self::Turns(acts(turns)?, Mutex::new(0)));
        }
        match value.as_list() {
            Some([]) => Err("an empty list says nothing".into()),
            Some(attempts) => Ok(Self::Attempts(acts(attempts)?)),
            None => Ok(Self::Attempts(vec![act(value)?])),
        }
    }

    /// What it does in an attempt, which counts from 1.
    pub(crate) fn act(&self, attempt: u32) -> Result<Option<Act>, NodeError> {
        match self {
            Self::Live => Ok(None),
            Self::Attempts(acts) => {
                let at = (attempt.saturating_sub(1) as usize).min(acts.len() - 1);
                Ok(Some(acts[at].clone()))
            }
            Self::Turns(acts, next) => {
                let mut next = next.lock().expect("no holder of this lock panics");
                let act = acts.get(*next).cloned();
                *next += 1;
                act.map(Some).ok_or_else(|| {
                    let message =
                        format!("the case has {} turns for it, and it is asked again", acts.len());
                    NodeError::new(ErrorCode::Denied, message)
                })
            }
        }
    }
}

fn acts(values: &[Value]) -> Result<Vec<Act>, String> {
    values.iter().map(act).collect()
}

fn act(value: &Value) -> Result<Act, String> {
    let form =
        "it is `{ value: … }`, `{ error: { code, message } }`, `{ live: true }`, or a list of them";
    let map = value.as_map().ok_or(form)?;
    if let Some(key) = map.keys().find(|key| !ACT.contains(&&***key)) {
        return Err(format!("`{key}` means nothing here; {form}"));
    }
    let delay = value.get("delay").map(|delay| Unit::Millis.parse(&delay.to_string()));
    let delay = delay.transpose().map_err(|why| format!("`delay`: {why}"))?.unwrap_or_default();
    let answer = match (value.get("value"), value.get("error")) {
        (Some(value), None) => Some(Ok(value.clone())),
        (None, Some(error)) => Some(Err(failure(error)?)),
        (None, None) if delay > 0 => None,
        _ => return Err(form.into()),
    };
    Ok(Act { delay, answer })
}

/// A failure as a case writes it: `{ code, message, detail }`.
fn failure(value: &Value) -> Result<NodeError, String> {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let known = ["code", "message", "detail"];
    let mut keys = value.as_map().into_iter().flat_map(|map| map.keys());
    if let Some(key) = keys.find(|key| !known.contains(&&***key)) {
        return Err(format!("`error.{key}`: an error has code, message and detail"));
    }
    let code: ErrorCode = text("code").ok_or("`error` needs a `code`")?.parse()?;
    let message = text("message").unwrap_or("the case lets it fail");
    let error = NodeError::new(code, message);
    Ok(match value.get("detail") {
        Some(detail) => error.with_detail(detail.clone()),
        None => error,
    })
}

/// A fault of one attempt.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AttemptFault {
    /// Path or address of the node.
    pub node: String,
    /// Which attempt, from 1.
    pub attempt: u32,
    pub error: NodeError,
}

/// Keys under which a case may speak of a node, the most exact first: its address, its path, its type. Those of a
/// sub-flow stand behind the alias: `review/answer`.
pub(crate) fn keys(prefix: &str, address: &Address, uses: &str) -> [String; 3] {
    [
        format!("{prefix}{address}"),
        format!("{prefix}{}", address.static_path()),
        format!("type:{uses}"),
    ]
}

/// What a case says of nodes, with what of it was asked for.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    parts: BTreeMap<String, Part>,
    faults: Vec<AttemptFault>,
    used: Mutex<std::collections::BTreeSet<String>>,
}

impl Parts {
    pub(crate) fn new(parts: BTreeMap<String, Part>, faults: Vec<AttemptFault>) -> Self {
        Self { parts, faults, used: Mutex::default() }
    }

    /// Whether some node goes out into the world.
    pub(crate) fn live(&self) -> bool {
        self.parts.values().any(|part| matches!(part, Part::Live))
    }

    /// What the case says of a node.
    pub(crate) fn find(&self, keys: &[String; 3]) -> Option<&Part> {
        let found = keys.iter().find_map(|key| self.parts.get_key_value(key));
        found.map(|(key, part)| {
            self.use_of(key);
            part
        })
    }

    /// The failure of an attempt, when the case has one.
    pub(crate) fn fault(&self, keys: &[String; 3], attempt: u32) -> Option<NodeError> {
        let meant = |fault: &&AttemptFault| fault.attempt == attempt && keys.contains(&fault.node);
        let fault = self.faults.iter().find(meant)?;
        self.use_of(&fault_key(fault));
        Some(fault.error.clone())
    }

    /// What the case says and nothing came to.
    pub(crate) fn unused(&self) -> Vec<String> {
        let used = self.used.lock().expect("no holder of this lock panics");
        let parts = self.parts.keys().filter(|key| !used.contains(*key));
        let parts = parts.map(|key| format!("`mock.nodes.{key}`: no such node was performed"));
        let faults = self.faults.iter().filter(|fault| !used.contains(&fault_key(fault)));
        let faults = faults.map(|fault| {
            format!("`fault`: there was no attempt {} of `{}`", fault.attempt, fault.node)
        });
        parts.chain(faults).collect()
    }

    fn use_of(&self, key: &str) {
        self.used.lock().expect("no holder of this lock panics").insert(key.to_owned());
    }
}

fn fault_key(fault: &AttemptFault) -> String {
    format!("fault {} of {}", fault.attempt, fault.node)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Part, String> {
        Part::read(&Value::from_json(json).unwrap())
    }

    #[test]
    fn attempts_end_with_the_last_act_and_turns_run_out() {
        let part = read(r#"[{"error":{"code":"transient"}},{"value":1,"delay":"2h"}]"#).unwrap();
        let value = |n| part.act(n).unwrap().unwrap().answer.unwrap().ok();
        assert_eq!([value(1), value(2), value(7)], [None, Some(1.into()), Some(1.into())]);
        assert_eq!(part.act(2).unwrap().unwrap().delay, 7_200_000);
        let turns = read(r#"{"turns":[{"value":1},{"value":null}]}"#).unwrap();
        assert!(turns.act(1).is_ok() && turns.act(1).is_ok());
        assert_eq!(turns.act(1).unwrap_err().code, ErrorCode::Denied);
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for (json, said) in [
            (r#"{"values":1}"#, "`values` means nothing"),
            (r#"{"value":1,"error":{"code":"bug"}}"#, "it is `{ value"),
            (r#"{"error":{"code":"odd"}}"#, "odd"),
            (r#"{"error":{"message":"x"}}"#, "needs a `code`"),
            (r#"{"delay":"soon","value":1}"#, "`delay`"),
            ("[]", "says nothing"),
            ("3", "it is `{ value"),
            (r#"{"live":true,"value":1}"#, "no other key"),
            (r#"{"turns":[]}"#, "`turns` is a list"),
        ] {
            let why = read(json).unwrap_err();
            assert!(why.contains(said), "{json}: {why}");
        }
        assert!(matches!(read(r#"{"live":true}"#), Ok(Part::Live)));
        assert!(read(r#"{"delay":"1s"}"#).is_ok(), "a node may be late and otherwise itself");
    }
}

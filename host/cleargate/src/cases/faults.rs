//! Services that fail in a case: which function, after how many calls, for how long.

use std::sync::Mutex;

use cleargate_flow::error::{ErrorCode, NodeError};
use serde::Deserialize;

/// The functions of the services that a case can make fail.
const CALLS: [(&str, &[&str]); 6] = [
    ("http", &["send", "open"]),
    ("kv", &["get", "set", "delete", "swap", "list"]),
    ("secrets", &["placeholder", "reveal"]),
    ("random", &["bytes"]),
    ("clock", &["now", "elapsed", "sleep"]),
    ("blob", &["put", "get"]),
];

/// One `world.fail` as a case writes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    /// A service, or one function of it: `kv`, `kv.set`.
    call: String,
    /// Calls that go well before.
    #[serde(default)]
    after: u32,
    /// Calls that fail; all that follow when absent.
    times: Option<u32>,
    #[serde(default = "transient")]
    code: ErrorCode,
    #[serde(default)]
    message: String,
}

fn transient() -> ErrorCode {
    ErrorCode::Transient
}

impl Fault {
    /// Refuses a call that does not exist: a fault that never happens would check nothing.
    pub(crate) fn check(&self) -> Result<(), String> {
        let (service, function) = self.call.split_once('.').unwrap_or((&self.call, ""));
        let known = CALLS.iter().find(|(name, _)| *name == service);
        let Some((_, functions)) = known else {
            let all: Vec<&str> = CALLS.iter().map(|(name, _)| *name).collect();
            return Err(format!("`{}` is no service; there are {}", self.call, all.join(", ")));
        };
        if function.is_empty() && !self.call.contains('.') || functions.contains(&function) {
            return Ok(());
        }
        Err(format!("`{}` is no call of {service}; there are {}", self.call, functions.join(", ")))
    }

    fn is_of(&self, service: &str, function: &str) -> bool {
        let rest = self.call.strip_prefix(service);
        rest.is_some_and(|rest| rest.is_empty() || rest.strip_prefix('.') == Some(function))
    }
}

/// The faults of a case, with how often each was met.
pub(crate) struct Faults(Vec<(Fault, Mutex<u32>)>);

impl Faults {
    pub(crate) fn new(faults: &[Fault]) -> Self {
        Self(faults.iter().map(|fault| (fault.clone(), Mutex::default())).collect())
    }

    /// Counts a call; an error when it is one that fails.
    pub(crate) fn meet(&self, service: &str, function: &str) -> Result<(), NodeError> {
        let mut met = Ok(());
        for (fault, calls) in self.0.iter().filter(|(fault, _)| fault.is_of(service, function)) {
            let mut calls = calls.lock().expect("no holder of this lock panics");
            *calls += 1;
            let end = fault.times.map_or(u32::MAX, |times| fault.after.saturating_add(times));
            if met.is_ok() && *calls > fault.after && *calls <= end {
                let message = match fault.message.as_str() {
                    "" => format!("the case lets {service} fail"),
                    words => words.into(),
                };
                met = Err(NodeError::new(fault.code, message));
            }
        }
        met
    }

    /// Faults that no call came to.
    pub(crate) fn unmet(&self) -> Vec<String> {
        let short = self.0.iter().filter(|(fault, calls)| {
            *calls.lock().expect("no holder of this lock panics") <= fault.after
        });
        short
            .map(|(fault, _)| format!("`{}` was not called so often as to fail", fault.call))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(texts: &[&str]) -> Faults {
        let read = |text: &&str| serde_json::from_str::<Fault>(text).unwrap();
        Faults::new(&texts.iter().map(read).collect::<Vec<_>>())
    }

    #[test]
    fn a_fault_comes_after_its_calls_and_goes_again() {
        let faults = faults(&[
            r#"{"call":"kv.set","after":1,"times":2}"#,
            r#"{"call":"clock","code":"permanent","message":"stopped"}"#,
        ]);
        assert_eq!(faults.unmet().len(), 2);
        let set = || faults.meet("kv", "set").is_ok();
        assert_eq!([set(), set(), set(), set()], [true, false, false, true]);
        assert!(faults.meet("kv", "get").is_ok());
        let stopped = faults.meet("clock", "sleep").unwrap_err();
        assert_eq!((stopped.code, &*stopped.message), (ErrorCode::Permanent, "stopped"));
        assert!(faults.unmet().is_empty());
    }

    #[test]
    fn a_call_that_does_not_exist_is_refused() {
        for (call, said) in [
            ("kv", None),
            ("kv.swap", None),
            ("kvs", Some("there are http, kv")),
            ("kv.put", Some("there are get, set")),
            ("kv.", Some("`kv.` is no call")),
        ] {
            let fault: Fault = serde_json::from_str(&format!(r#"{{"call":"{call}"}}"#)).unwrap();
            match (fault.check(), said) {
                (Ok(()), None) => {}
                (Err(why), Some(said)) => assert!(why.contains(said), "{why}"),
                (got, _) => panic!("{call}: {got:?}"),
            }
        }
    }
}

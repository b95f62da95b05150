//! Answers that the world gave in a recorded run, found again by what was asked.
//!
//! A request is the same when its digest is: whatever it holds, down to the last header. Answers are given in the order
//! in which they were recorded, first those of the same node. What the world lets anybody ask twice is answered once
//! more the same; what it does not is new.

use std::sync::Mutex;

use cleargate_flow::signature::Effect;
use cleargate_flow::{NodeError, Value};
use serde::{Deserialize, Serialize};

/// One request with its answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Taped {
    /// Address of the node that asked.
    pub at: String,
    /// What was asked, without payload: `http GET api.example.org`.
    pub request: String,
    /// Digest of the whole request. A case without it answers whatever that node asks in these words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// What came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Value>,
    /// Or why nothing came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<NodeError>,
}

impl Taped {
    fn outcome(&self) -> Result<Value, NodeError> {
        match &self.error {
            Some(error) => Err(error.clone()),
            None => Ok(self.answer.clone().unwrap_or_default()),
        }
    }
}

/// A question to the tape.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub at: &'a str,
    pub request: &'a str,
    pub digest: &'a str,
    pub effect: Effect,
}

/// The recorded answers of one run, its sub-flows included.
#[derive(Debug, Default)]
pub(crate) struct Tape(Mutex<Vec<(Taped, bool)>>);

impl Tape {
    pub(crate) fn new(taped: Vec<Taped>) -> Self {
        Self(Mutex::new(taped.into_iter().map(|taped| (taped, false)).collect()))
    }

    /// The answer to the same request.
    pub(crate) fn same(&self, asked: Asked<'_>) -> Option<Result<Value, NodeError>> {
        let here = |taped: &Taped| taped.at == asked.at;
        let same = |taped: &Taped| taped.digest.as_deref() == Some(asked.digest);
        let loose =
            |taped: &Taped| taped.digest.is_none() && here(taped) && taped.request == asked.request;
        self.first(|taped, used| !used && here(taped) && same(taped))
            .or_else(|| self.first(|taped, used| !used && same(taped)))
            .or_else(|| self.first(|taped, used| !used && loose(taped)))
            .or_else(|| {
                let again = asked.effect.repeatable();
                again.then(|| self.first(|taped, _| same(taped) || loose(taped))).flatten()
            })
    }

    /// The answer to a request in the same words at the same place, though it said something else.
    pub(crate) fn alike(&self, asked: Asked<'_>) -> Option<Result<Value, NodeError>> {
        self.first(|taped, used| !used && taped.at == asked.at && taped.request == asked.request)
    }

    fn first(&self, wanted: impl Fn(&Taped, bool) -> bool) -> Option<Result<Value, NodeError>> {
        let mut all = self.0.lock().expect("no holder of this lock panics");
        let (taped, used) = all.iter_mut().find(|(taped, used)| wanted(taped, *used))?;
        *used = true;
        Some(taped.outcome())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taped(at: &str, request: &str, digest: Option<&str>, answer: i64) -> Taped {
        let (at, request) = (at.into(), request.into());
        let digest = digest.map(str::to_owned);
        Taped { at, request, digest, answer: Some(answer.into()), error: None }
    }

    #[test]
    fn answers_come_in_order_first_those_of_the_node_and_again_where_that_does_no_harm() {
        let tape = Tape::new(vec![
            taped("a", "get", Some("1"), 1),
            taped("b", "get", Some("1"), 2),
            taped("a", "get", Some("1"), 3),
            taped("c", "post", None, 4),
        ]);
        let ask = |at, request, digest, effect| {
            let answer = tape.same(Asked { at, request, digest, effect })?;
            answer.ok()?.as_int()
        };
        let read = |at| ask(at, "get", "1", Effect::Read);
        assert_eq!(
            [read("a"), read("a"), read("a"), read("a")],
            [Some(1), Some(3), Some(2), Some(1)]
        );
        assert_eq!(
            ask("a", "get", "1", Effect::Once),
            None,
            "what happens once is not given twice"
        );
        assert_eq!(ask("d", "get", "2", Effect::Read), None, "another request is another");
        assert_eq!(
            ask("c", "post", "any", Effect::Once),
            Some(4),
            "without a digest the words count"
        );
        assert_eq!(ask("c", "post", "any", Effect::Once), None);
        let other = Asked { at: "b", request: "get", digest: "9", effect: Effect::Read };
        assert!(tape.alike(other).is_none(), "it was given already");
    }
}

//! The answers of the network that a case has, as they are asked for.

use std::sync::Mutex;

use cleargate_flow::error::{ErrorCode, NodeError};
use cleargate_runtime::world::Request;

use super::script::{Exchange, Outcome};

/// Answers that are given in their order: each once, or always.
#[derive(Default)]
pub(crate) struct Exchanges(Mutex<Vec<(Exchange, bool)>>);

impl Exchanges {
    pub(crate) fn new(exchanges: Vec<Exchange>) -> Self {
        Self(Mutex::new(exchanges.into_iter().map(|exchange| (exchange, false)).collect()))
    }

    /// What comes of a request.
    ///
    /// # Errors
    /// `denied` when the case has no answer for it.
    pub(crate) fn take(&self, request: &Request) -> Result<Outcome, NodeError> {
        let mut answers = self.0.lock().expect("no holder of this lock panics");
        let Some(found) = answers.iter().position(|(exchange, _)| exchange.answers(request)) else {
            let there: Vec<String> = answers.iter().map(|(exchange, _)| exchange.name()).collect();
            let there = if there.is_empty() { "none".into() } else { there.join(", ") };
            let message = format!(
                "the case has no answer for {} {}; there are: {there}",
                request.method, request.url
            );
            return Err(NodeError::new(ErrorCode::Denied, message));
        };
        let outcome = answers[found].0.outcome();
        match answers[found].0.always() {
            true => answers[found].1 = true,
            false => drop(answers.remove(found)),
        }
        Ok(outcome)
    }

    /// Answers that nobody asked for.
    pub(crate) fn unasked(&self) -> Vec<String> {
        let answers = self.0.lock().expect("no holder of this lock panics");
        let left = answers.iter().filter(|(_, given)| !given);
        left.map(|(exchange, _)| format!("{} was not asked for", exchange.name())).collect()
    }
}

//! Switches: the first case whose condition holds is taken, or one that chance decides; its own body, when it has one,
//! runs inside.

use crate::error::{ErrorCode, NodeError};
use crate::expr::Expr;
use crate::graph::{Case, NodeKind};
use crate::value::Value;

use super::names::View;
use super::state::{At, Verdict};
use super::{Derived, Run};

impl Run {
    pub(super) fn choose(&mut self, at: At) {
        let below = self.cases_of(at).iter().map(|case| u64::from(case.weight.unwrap_or(0))).sum();
        if below > 0 {
            return self.draw(at, below);
        }
        match self.chosen(at) {
            Ok(case) => self.take_case(at, case),
            Err(error) => self.fail(at, error),
        }
    }

    /// The case that a number below the sum of the weights stands for.
    pub(super) fn choose_drawn(&mut self, at: At, value: u64) {
        self.stop_resting(at);
        let mut left = value;
        let case = self.cases_of(at).iter().position(|case| {
            let weight = u64::from(case.weight.unwrap_or(0));
            let here = left < weight;
            left = left.saturating_sub(weight);
            here
        });
        self.take_case(at, case);
    }

    fn take_case(&mut self, at: At, case: Option<usize>) {
        let address = self.address(at);
        self.step.derived.push(Derived::SwitchTaken { address, case });
        let bodies = &self.plan_of(at).bodies;
        let body = |case: &usize| bodies.get(*case).copied().flatten().is_some();
        match case.filter(body) {
            Some(case) => {
                self.open_block(at, Value::Null);
                let index = u32::try_from(case).expect("a flow has fewer cases than bytes");
                self.start_body(at, case, index);
            }
            None if !bodies.is_empty() => self.succeed(at, Value::Null, case),
            None => {
                let value = case.map_or(Value::Null, |c| Value::Int(c as i64));
                self.succeed(at, Value::record([("case", value)]), case);
            }
        }
    }

    pub(super) fn end_switch(&mut self, at: At, case: u32, verdict: Verdict) {
        match verdict {
            Verdict::Value(value) => self.succeed(at, value, Some(case as usize)),
            Verdict::Failed(failure) => self.fail_as(at, failure),
            Verdict::Stopped => unreachable!("a body is stopped with its block"),
        }
    }

    fn chosen(&self, at: At) -> Result<Option<usize>, NodeError> {
        let cases = self.cases_of(at);
        let view = View::new(self, at.frame, Some(at.node));
        for (index, case) in cases.iter().enumerate() {
            let Some(when) = &case.when else { return Ok(Some(index)) };
            if holds(when, "when", &view)? {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    fn cases_of(&self, at: At) -> &[Case] {
        match self.kind_of(at) {
            NodeKind::Switch { cases } => cases,
            _ => unreachable!("the plan says that it is a switch"),
        }
    }
}

/// Whether a condition under the key `key` is true.
pub(super) fn holds(condition: &Expr, key: &str, view: &View<'_>) -> Result<bool, NodeError> {
    match condition.eval(view)? {
        Value::Bool(holds) => Ok(holds),
        other => {
            let (source, shape) = (condition.source(), other.shape());
            let message = format!("`{key}: {source}` gives a value of type {shape}");
            let help = "write a condition that is true or false, such as `x > 0`";
            Err(NodeError::new(ErrorCode::InvalidInput, message).with_help(help))
        }
    }
}

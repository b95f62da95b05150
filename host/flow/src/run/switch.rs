//! Switches: the first case whose condition holds is taken; its own body, when it has one, runs inside.

use crate::error::{ErrorCode, NodeError};
use crate::graph::NodeKind;
use crate::value::Value;

use super::names::View;
use super::plan::Act;
use super::state::{At, Bodies, Phase};
use super::{Derived, Run};

impl Run {
    pub(super) fn choose(&mut self, at: At) {
        let case = match self.chosen(at) {
            Ok(case) => case,
            Err(error) => return self.fail(at, error),
        };
        let address = self.address(at);
        self.step.derived.push(Derived::SwitchTaken { address: address.clone(), case });
        let Act::Switch(bodies) = &self.plan_of(at).act else {
            unreachable!("only a switch chooses")
        };
        let owns = bodies.iter().any(Option::is_some);
        match case.and_then(|case| Some((case, bodies[case]?))) {
            Some((case, body)) => {
                let index = u32::try_from(case).expect("a flow has fewer cases than bytes");
                let frame = self.enter(body, Some(at), index);
                self.node_mut(at).bodies = Some(Box::new(Bodies {
                    address,
                    items: Value::Null,
                    frames: vec![frame],
                    running: 1,
                    done: 0,
                    results: vec![None],
                }));
                self.set_phase(at, Phase::Inside);
            }
            None if owns => self.succeed(at, Value::Null, case),
            None => {
                let value = case.map_or(Value::Null, |c| Value::Int(c as i64));
                self.succeed(at, Value::record([("case", value)]), case);
            }
        }
    }

    fn chosen(&self, at: At) -> Result<Option<usize>, NodeError> {
        let scope = self.plan.scope(&self.graph, self.frames[at.frame].scope);
        let NodeKind::Switch { cases } = &scope.nodes[at.node].kind else {
            unreachable!("the plan says that it is a switch")
        };
        let view = View::new(self, at.frame, Some(at.node));
        for (index, case) in cases.iter().enumerate() {
            let Some(when) = &case.when else { return Ok(Some(index)) };
            match when.eval(&view)? {
                Value::Bool(true) => return Ok(Some(index)),
                Value::Bool(false) => {}
                other => {
                    let (source, shape) = (when.source(), other.shape());
                    let message = format!("`when: {source}` gives a value of type {shape}");
                    let help = "write a condition that is true or false, such as `x > 0`";
                    return Err(NodeError::new(ErrorCode::InvalidInput, message).with_help(help));
                }
            }
        }
        Ok(None)
    }
}

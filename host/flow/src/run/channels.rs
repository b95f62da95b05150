//! State channels: what a node writes when it has succeeded.
//!
//! A write is no fact of its own: it follows from the value of its node, which the journal holds. So a state costs the
//! journal nothing, and a run that is folded again comes to the same one.

use std::sync::Arc;

use crate::error::NodeError;
use crate::graph::Graph;
use crate::value::Value;

use super::names::View;
use super::state::At;
use super::{Derived, Run};

/// The channels before the first write.
pub(super) fn start(graph: &Graph) -> Value {
    Value::record(graph.state.iter().map(|(name, channel)| (name.as_str(), channel.start.clone())))
}

impl Run {
    /// Writes what a node that has its value writes, in the order of the flow. A write that is refused fails the node;
    /// those before it stand.
    pub(super) fn write_state(&mut self, at: At) -> Result<(), NodeError> {
        let plan = self.plan.clone();
        let writes = &plan.scopes[self.frames[at.frame].scope].nodes[at.node].writes;
        if writes.is_empty() {
            return Ok(());
        }
        let view = View::with_own(self, at);
        let written = writes.iter().map(|(.., what)| what.eval(&view));
        let written = written.collect::<Result<Vec<Value>, NodeError>>()?;
        for ((channel, reducer, _), written) in writes.iter().zip(written) {
            // Whoever holds the value of before keeps it; where nobody does, it grows in its place.
            reducer.reduce(self.channel(channel), written)?;
            let (address, channel) = (self.address(at), channel.to_string());
            self.step.derived.push(Derived::StateWritten { address, channel });
        }
        Ok(())
    }

    fn channel(&mut self, name: &str) -> &mut Value {
        let Value::Map(channels) = &mut self.state else { unreachable!("the state is a record") };
        Arc::make_mut(channels).get_mut(name).expect("the checker knows the channel")
    }
}

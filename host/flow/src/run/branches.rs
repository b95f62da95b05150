//! Branches that run side by side: `parallel` waits for all of them, `race` for the first that succeeds.

use crate::graph::{Branches, NodeKind};
use crate::value::Value;

use super::Run;
use super::body::tolerated;
use super::state::{At, Verdict};

impl Run {
    /// Starts all branches.
    pub(super) fn open_branches(&mut self, at: At) {
        let count = self.branches_of(at).bodies.len();
        self.open_block(at, Value::Null);
        self.bodies(at).results = vec![None; count];
        for branch in 0..count {
            let index = u32::try_from(branch).expect("a flow has fewer branches than bytes");
            self.start_body(at, branch, index);
        }
    }

    pub(super) fn take_branch(&mut self, at: At, branch: u32, verdict: Verdict) {
        match tolerated(verdict, self.branches_of(at).on_branch_error) {
            Ok(value) => self.bodies(at).results[branch as usize] = value,
            Err(failure) => return self.doom(at, failure),
        }
        if self.bodies(at).running == 0 {
            let results = std::mem::take(&mut self.bodies(at).results);
            let names = self.branches_of(at).bodies.keys();
            let fields =
                names.zip(results).map(|(n, v)| (n.as_str().into(), v.unwrap_or_default()));
            let value = Value::Map(std::sync::Arc::new(fields.collect()));
            self.succeed(at, value, None);
        }
    }

    /// The first success stops the others and is awaited with them; when there is none, the first failure counts.
    pub(super) fn leave_race(&mut self, at: At, verdict: Verdict) {
        let stopping = self.node(at).stopping;
        let bodies = self.bodies(at);
        let won = bodies.has_won();
        match verdict {
            Verdict::Value(_) if !won && !stopping => {
                bodies.verdict = Some(verdict);
                self.stop_frames(at);
            }
            Verdict::Failed(_) if bodies.verdict.is_none() => bodies.verdict = Some(verdict),
            _ => {}
        }
        if self.bodies(at).running > 0 {
            return;
        }
        match self.bodies(at).verdict.take() {
            _ if stopping => self.end_when_still(at),
            Some(Verdict::Value(value)) => self.succeed(at, value, None),
            Some(Verdict::Failed(failure)) => self.fail_as(at, failure),
            Some(Verdict::Stopped) | None => unreachable!("a branch ends well or not"),
        }
    }

    fn branches_of(&self, at: At) -> &Branches {
        match self.kind_of(at) {
            NodeKind::Parallel(branches) | NodeKind::Race(branches) => branches,
            _ => unreachable!("the plan says that it has branches"),
        }
    }
}

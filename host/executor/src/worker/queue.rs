//! Which run a worker takes next. Pure: no clock, no store.
//!
//! Runs that were told something or whose moment has come go before those that a dead process left: somebody waits for
//! them, and there may be ten thousand of the others. Runs that were taken up in vain more than once may be what ends
//! processes. They wait in a lane of their own, the most suspicious first, out of which one begins at a time: so it is the
//! culprit that is blamed, and not those that happened to be beside it.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashSet, VecDeque};

use cleargate_flow::RunId;

#[derive(Debug, Default)]
pub(super) struct Queue {
    woken: VecDeque<RunId>,
    left: VecDeque<RunId>,
    suspects: BTreeSet<(Reverse<u32>, RunId)>,
    /// With the microsecond at which it is tried again.
    later: BTreeSet<(u64, RunId)>,
    /// Every run that is in one of the above or in hand: found again, it is the same.
    known: HashSet<RunId>,
}

impl Queue {
    /// A run that waited and need not any more.
    pub(super) fn woken(&mut self, run: RunId) {
        if self.known.insert(run.clone()) {
            self.woken.push_back(run);
        }
    }

    /// A run that nobody goes on with.
    pub(super) fn left(&mut self, run: RunId) {
        if self.known.insert(run.clone()) {
            self.left.push_back(run);
        }
    }

    /// A run that was taken up in vain before.
    pub(super) fn suspect(&mut self, run: RunId, tries: u32) {
        if self.known.insert(run.clone()) {
            self.suspects.insert((Reverse(tries), run));
        }
    }

    /// A run that is tried again, not before `micros`.
    pub(super) fn later(&mut self, run: RunId, micros: u64) {
        if self.known.insert(run.clone()) {
            self.later.insert((micros, run));
        }
    }

    /// Takes up what is to be tried again by now.
    pub(super) fn come(&mut self, micros: u64) {
        while self.later.first().is_some_and(|(at, _)| *at <= micros) {
            self.left.extend(self.later.pop_first().map(|(_, run)| run));
        }
    }

    /// The microsecond at which the next one is to be tried again.
    pub(super) fn next_moment(&self) -> u64 {
        self.later.first().map_or(u64::MAX, |(at, _)| *at)
    }

    /// Takes the next run in hand.
    pub(super) fn next(&mut self) -> Option<RunId> {
        self.woken.pop_front().or_else(|| self.left.pop_front())
    }

    /// Takes the most suspicious run in hand.
    pub(super) fn next_suspect(&mut self) -> Option<RunId> {
        self.suspects.pop_first().map(|(_, run)| run)
    }

    pub(super) fn has_suspects(&self) -> bool {
        !self.suspects.is_empty()
    }

    /// A run is not in hand any more.
    pub(super) fn done(&mut self, run: &RunId) {
        self.known.remove(run);
    }

    /// Whether nothing waits for its turn.
    pub(super) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(n: u32) -> RunId {
        format!("r{n}").parse().unwrap()
    }

    #[test]
    fn who_was_told_something_goes_first_and_suspects_one_by_one() {
        let mut queue = Queue::default();
        (0..3).for_each(|n| queue.left(run(n)));
        queue.woken(run(9));
        queue.woken(run(1));
        let order: Vec<_> = std::iter::from_fn(|| queue.next()).collect();
        assert_eq!(order, [9, 0, 1, 2].map(run), "each once");
        queue.left(run(0));
        assert_eq!(queue.next(), None, "it is in hand");
        for n in [0, 1, 2] {
            queue.done(&run(n));
        }
        queue.suspect(run(0), 2);
        queue.suspect(run(1), 4);
        queue.later(run(2), 50);
        assert_eq!((queue.next(), queue.next_moment()), (None, 50));
        assert_eq!((queue.next_suspect(), queue.next_suspect()), (Some(run(1)), Some(run(0))));
        queue.come(49);
        assert_eq!(queue.next(), None);
        queue.come(50);
        assert_eq!((queue.next(), queue.next_moment()), (Some(run(2)), u64::MAX));
        (0..10).for_each(|n| queue.done(&run(n)));
        assert!(queue.is_empty() && !queue.has_suspects());
    }
}

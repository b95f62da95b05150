//! Components that take the place of others while a host runs: for the runs that begin from then on.
//!
//! A run is pinned to the bytes that it began with, and goes on with them: nothing of it changes under its feet. What
//! begins after a swap has the new component. One that breaks down again and again is taken back, so that a bad build
//! does not stay in the way; the one before it stands in again.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use cleargate_runtime::Breakdowns;
use serde::Serialize;
use tokio::sync::broadcast;

use crate::uses::Pin;

/// Breakdowns of a component that was swapped in, within [`BUDGET_TIME`], after which it is taken back: one may be a bad
/// input, three are the component.
pub const BREAKDOWN_BUDGET: usize = 3;

/// See [`BREAKDOWN_BUDGET`].
pub const BUDGET_TIME: Duration = Duration::from_secs(30);

/// Components of one package that can be gone back to.
const MAX_BACK: usize = 8;

/// Events that a slow listener may be behind; beyond, the oldest are lost to it.
const MAX_EVENTS: usize = 256;

/// A component that took the place of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Swap {
    /// `namespace:name`.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// `sha256:…` of what new runs get.
    pub digest: String,
    /// `sha256:…` of what was swapped in before; absent when flows had what their lock says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
}

/// What happens to components while a host runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum SwapEvent {
    /// New runs get another component.
    Swapped(Swap),
    /// A component broke down too often: new runs get the one before it.
    RolledBack {
        /// `namespace:name`.
        plugin: String,
        /// `sha256:…` of the component that broke down.
        from: String,
        /// `sha256:…` of the one that stands in; absent for what the locks of flows say.
        #[serde(skip_serializing_if = "Option::is_none")]
        to: Option<String>,
        /// What the last breakdown was.
        why: String,
    },
    /// The last run on a component that is not current any more has ended.
    Drained {
        /// `sha256:…` of the component.
        digest: String,
    },
}

/// See the module.
#[derive(Clone)]
pub(crate) struct Swaps(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    events: broadcast::Sender<SwapEvent>,
}

#[derive(Default)]
struct State {
    /// By package: what was swapped in, the current one last.
    packages: BTreeMap<String, Vec<Slot>>,
    /// Who uses a component, by digest.
    leases: HashMap<String, Weak<Lease>>,
}

struct Slot {
    pin: Pin,
    breakdowns: VecDeque<Instant>,
}

/// Held by each flow that has a component. The last one that goes tells of it.
pub(crate) struct Lease {
    digest: String,
    swaps: Weak<Inner>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(inner) = self.swaps.upgrade() else { return };
        let mut state = inner.state();
        // Another flow may have taken a new lease meanwhile.
        if state.leases.get(&self.digest).is_some_and(|lease| lease.strong_count() > 0) {
            return;
        }
        state.leases.remove(&self.digest);
        let slots = || state.packages.values();
        let current = slots().filter_map(|slots| slots.last());
        let current = current.map(|slot| slot.pin.digest.to_string());
        let swapped = slots().flatten().any(|slot| slot.pin.digest.to_string() == self.digest);
        let over = swapped && !current.into_iter().any(|digest| digest == self.digest);
        drop(state);
        if over {
            let _nobody = inner.events.send(SwapEvent::Drained { digest: self.digest.clone() });
        }
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a breakdown, and goes back when there were too many.
    fn broke_down(&self, digest: &str, why: &str, at: Instant) {
        let mut state = self.state();
        let of = |slots: &&mut Vec<Slot>| {
            slots.last().is_some_and(|slot| slot.pin.digest.to_string() == digest)
        };
        let Some(slots) = state.packages.values_mut().find(of) else { return };
        let slot = slots.last_mut().expect("a slot was found there");
        slot.breakdowns.push_back(at);
        while slot.breakdowns.front().is_some_and(|first| at - *first > BUDGET_TIME) {
            slot.breakdowns.pop_front();
        }
        if slot.breakdowns.len() < BREAKDOWN_BUDGET {
            return;
        }
        let gone = slots.pop().expect("a slot was found there").pin;
        let to = slots.last().map(|slot| slot.pin.digest.to_string());
        drop(state);
        let (plugin, from) = (gone.package, gone.digest.to_string());
        let _nobody = self.events.send(SwapEvent::RolledBack { plugin, from, to, why: why.into() });
    }
}

impl Swaps {
    pub(crate) fn new() -> Self {
        let (events, _) = broadcast::channel(MAX_EVENTS);
        Self(Arc::new(Inner { state: Mutex::default(), events }))
    }

    /// What takes the place of packages now.
    pub(crate) fn current(&self) -> BTreeMap<String, Pin> {
        let state = self.0.state();
        let last =
            |(name, slots): (&String, &Vec<Slot>)| Some((name.clone(), slots.last()?.pin.clone()));
        state.packages.iter().filter_map(last).collect()
    }

    /// Makes a component the current one of its package.
    pub(crate) fn put(&self, pin: Pin) -> Swap {
        let mut state = self.0.state();
        let slots = state.packages.entry(pin.package.clone()).or_default();
        let before = slots.last().map(|slot| slot.pin.digest.to_string());
        let swap = Swap {
            plugin: pin.package.clone(),
            version: pin.version.clone(),
            digest: pin.digest.to_string(),
            before,
        };
        slots.retain(|slot| slot.pin.digest != pin.digest);
        slots.push(Slot { pin, breakdowns: VecDeque::new() });
        if slots.len() > MAX_BACK {
            slots.remove(0);
        }
        drop(state);
        let _nobody = self.0.events.send(SwapEvent::Swapped(swap.clone()));
        swap
    }

    /// Takes the current component of a package back; says whether there was one.
    pub(crate) fn take_back(&self, package: &str) -> bool {
        self.0.state().packages.get_mut(package).is_some_and(|slots| slots.pop().is_some())
    }

    /// How many flows have the component.
    pub(crate) fn users(&self, digest: &str) -> usize {
        self.0.state().leases.get(digest).map_or(0, Weak::strong_count)
    }

    /// What a flow holds as long as it has these components.
    pub(crate) fn leases<'p>(&self, pins: impl Iterator<Item = &'p Pin>) -> Vec<Arc<Lease>> {
        let mut state = self.0.state();
        let lease = |pin: &Pin| {
            let digest = pin.digest.to_string();
            if let Some(lease) = state.leases.get(&digest).and_then(Weak::upgrade) {
                return lease;
            }
            let lease = Arc::new(Lease { digest: digest.clone(), swaps: Arc::downgrade(&self.0) });
            state.leases.insert(digest, Arc::downgrade(&lease));
            lease
        };
        pins.map(lease).collect()
    }

    pub(crate) fn events(&self) -> broadcast::Receiver<SwapEvent> {
        self.0.events.subscribe()
    }
}

impl fmt::Debug for Swaps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.current()).finish()
    }
}

impl Breakdowns for Swaps {
    fn broke_down(&self, component: &cleargate_runtime::Digest, why: &str) {
        self.0.broke_down(&component.to_string(), why, Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin(n: u8) -> Pin {
        let digest = cleargate_registry::Digest::of(&[n]);
        Pin { package: "acme:x".into(), version: "1.0.0".into(), digest }
    }

    fn name(n: u8) -> String {
        pin(n).digest.to_string()
    }

    fn now(swaps: &Swaps) -> Option<String> {
        swaps.current().get("acme:x").map(|pin| pin.digest.to_string())
    }

    #[test]
    fn three_breakdowns_in_half_a_minute_take_a_component_back() {
        let swaps = Swaps::new();
        swaps.put(pin(1));
        assert_eq!(swaps.put(pin(2)).before, Some(name(1)));
        let begin = Instant::now();
        let broke = |n: u8, seconds: u64| {
            swaps.0.broke_down(&name(n), "unreachable", begin + Duration::from_secs(seconds));
        };
        // Of the one before, and too far apart: neither counts.
        [0, 1, 2].into_iter().for_each(|at| broke(1, at));
        [0, 20, 40, 60, 80].into_iter().for_each(|at| broke(2, at));
        assert_eq!(now(&swaps), Some(name(2)));
        broke(2, 81);
        assert_eq!(now(&swaps), Some(name(1)), "60, 80 and 81 are within the time");
    }

    #[test]
    fn what_is_gone_back_to_is_told_down_to_the_lock() {
        let swaps = Swaps::new();
        swaps.put(pin(1));
        swaps.put(pin(2));
        let mut events = swaps.events();
        let at = Instant::now();
        for n in [2, 2, 2, 1, 1, 1] {
            swaps.0.broke_down(&name(n), "unreachable", at);
        }
        assert_eq!(now(&swaps), None);
        let back = |from, to| SwapEvent::RolledBack {
            plugin: "acme:x".into(),
            from,
            to,
            why: "unreachable".into(),
        };
        assert_eq!(events.try_recv(), Ok(back(name(2), Some(name(1)))));
        assert_eq!(events.try_recv(), Ok(back(name(1), None)));
    }

    #[test]
    fn the_last_run_on_an_old_component_is_told_and_no_other() {
        let swaps = Swaps::new();
        swaps.put(pin(1));
        let (first, second) =
            (swaps.leases([&pin(1)].into_iter()), swaps.leases([&pin(1)].into_iter()));
        assert_eq!(swaps.users(&name(1)), 2);
        swaps.put(pin(2));
        let third = swaps.leases([&pin(2)].into_iter());
        let mut events = swaps.events();
        drop(first);
        drop(third);
        assert!(events.try_recv().is_err(), "one is used, the other is current");
        drop(second);
        assert_eq!(events.try_recv(), Ok(SwapEvent::Drained { digest: name(1) }));
        assert_eq!(swaps.users(&name(1)), 0);
    }

    #[test]
    fn as_many_are_kept_as_can_be_gone_back_to() {
        let swaps = Swaps::new();
        for n in 0..20 {
            swaps.put(pin(n));
        }
        let mut back = 0;
        while swaps.take_back("acme:x") {
            back += 1;
        }
        assert_eq!(back, MAX_BACK);
        assert!(!swaps.take_back("acme:y"));
    }
}

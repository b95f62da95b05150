//! Names that the executor gives out. Those of a step are computed from its place, so that a step that is
//! performed again has the same ones.

use std::fmt::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use cleargate_flow::{Address, RunId};
use sha2::{Digest, Sha256};

/// Where ids of new runs come from, and what chance decides.
pub trait RunIds: Send + Sync + 'static {
    /// An id that no run of the store has. `now_ms` is the time of creation.
    fn next(&self, now_ms: i64) -> RunId;

    /// A number below `below`, which is at least 1: each as often as any other.
    fn draw(&self, below: u64) -> u64;
}

/// UUIDs of version 7: they sort by the time of creation.
#[derive(Clone, Copy, Debug, Default)]
pub struct TimeOrdered;

impl RunIds for TimeOrdered {
    fn next(&self, now_ms: i64) -> RunId {
        let now = u64::try_from(now_ms).unwrap_or_default();
        let time = uuid::Timestamp::from_unix(uuid::NoContext, now / 1000, nanos(now % 1000));
        uuid::Uuid::new_v7(time).to_string().parse().expect("a UUID is 36 letters, digits and `-`")
    }

    fn draw(&self, below: u64) -> u64 {
        let number = getrandom::u64().expect("the system has random bytes");
        // Weights are below 2^32: what the remainder prefers is less than one in 2^32.
        number % below.max(1)
    }
}

fn nanos(millis: u64) -> u32 {
    u32::try_from(millis).expect("less than a thousand") * 1_000_000
}

/// `run-1`, `run-2`, …: for tests.
#[derive(Debug, Default)]
pub struct Counted(AtomicU64);

impl RunIds for Counted {
    fn next(&self, _now_ms: i64) -> RunId {
        let number = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        format!("run-{number}").parse().expect("letters, digits and `-`")
    }

    /// Runs through the numbers.
    fn draw(&self, below: u64) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) % below.max(1)
    }
}

/// The idempotency key of a step: what its callee may deduplicate by. A digest, because peers need not
/// learn the names of nodes.
pub fn step_key(run: &RunId, address: &Address) -> String {
    named("cg-", run, address)
}

/// The run that attempt `attempt` of the sub-flow at `address` of `run` is: the same in each execution, which is
/// how a parent that was cut off finds its child again.
pub fn child_id(run: &RunId, address: &Address, attempt: u32) -> RunId {
    format!("{}-{attempt}", named("sub-", run, address)).parse().expect("hex digits and `-`")
}

/// `prefix` and 128 bits of a digest in hex: no two steps of any store share them by chance. Made for every
/// attempt, so no piece of text is made on the way.
fn named(prefix: &str, run: &RunId, address: &Address) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut place = Place(Sha256::new());
    write!(place, "{run}\n{address}").expect("a digest takes everything");
    let digest = place.0.finalize();
    let mut name = String::with_capacity(prefix.len() + 32);
    name.push_str(prefix);
    for byte in &digest[..16] {
        name.extend([byte >> 4, byte & 15].map(|digit| char::from(DIGITS[usize::from(digit)])));
    }
    name
}

/// Text that is written goes into the digest.
struct Place(Sha256);

impl fmt::Write for Place {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_steps_have_stable_names() {
        let (early, late) = (TimeOrdered.next(1_000), TimeOrdered.next(2_000));
        assert!(early.as_str() < late.as_str());
        let (run, a, b) =
            (Counted::default().next(0), "a".parse().unwrap(), "a[1].b".parse().unwrap());
        assert_eq!(step_key(&run, &a), step_key(&run, &a));
        assert_ne!(step_key(&run, &a), step_key(&run, &b));
        assert_ne!(child_id(&run, &a, 1).as_str(), step_key(&run, &a));
        // Stored runs and their callees know these names: they stay what they are.
        assert_eq!(step_key(&run, &b), "cg-3cf79767066331bac30b343c087054de");
    }
}

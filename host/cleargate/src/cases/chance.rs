//! Chance that is the same each time.

use std::sync::Mutex;

/// A fixed sequence of bytes for each seed.
#[derive(Debug)]
pub(crate) struct Chance(Mutex<u64>);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new(seed.wrapping_add(1)))
    }

    /// The same place at which everything comes out otherwise.
    pub(crate) fn turned(self) -> Self {
        let state = self.0.into_inner().expect("no holder of this lock panics");
        Self(Mutex::new(state ^ u64::MAX))
    }

    /// The next bytes.
    pub(crate) fn fill(&self, bytes: &mut [u8]) {
        let mut state = self.0.lock().expect("no holder of this lock panics");
        for byte in bytes {
            // SplitMix64: any fixed sequence would do.
            *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = *state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            *byte = (z ^ (z >> 31)) as u8;
        }
    }
}

//! What crates get that ask for chance without a caller who wants it: seeds of their hash maps.
//!
//! Chance is a capability of a plugin, and one that checks a schema needs none. The crate of the registry would
//! import it from a JavaScript engine, which is not there. Fixed seeds are what the standard library takes on this
//! target too, so the same input gives the same order. Keys that were chosen to meet in one bucket cost fuel, and end
//! the call with `limit`.

/// The first digits of pi.
const SEED: [u8; 8] = 0x243f_6a88_85a3_08d3_u64.to_le_bytes();

/// Never made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {}

/// Fills a buffer with the seed, again and again.
///
/// # Errors
/// None.
pub fn fill(to: &mut [u8]) -> Result<(), Error> {
    for (byte, seed) in to.iter_mut().zip(SEED.iter().cycle()) {
        *byte = *seed;
    }
    Ok(())
}

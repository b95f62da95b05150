//! The executor against a scripted world: what nodes did is compared with what the journal says.

#![expect(clippy::unwrap_used, reason = "helpers of tests; the lint knows test functions alone")]

mod children;
mod crash;
mod rules;
mod world;

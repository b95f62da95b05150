//! The executor against a scripted world: what nodes did is compared with what the journal says.

#![expect(clippy::unwrap_used, reason = "helpers of tests; the lint knows test functions alone")]

mod bounds;
mod children;
mod crash;
mod durability;
mod forks;
mod machines;
mod patience;
mod peers;
mod reenact;
mod resume;
mod rules;
mod simulation;
mod waiting;
mod working;
mod world;

/// `usual`, or `soak` when somebody has asked for the slow proof: `make soak`.
#[expect(clippy::disallowed_methods, reason = "who runs the tests says how long they may take")]
fn soaked<T>(usual: T, soak: T) -> T {
    if std::env::var_os("CLEARGATE_SOAK").is_some() { soak } else { usual }
}

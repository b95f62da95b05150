//! One binary: the rules of the house, the contract's freeze, the command as users run it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod freeze;
mod layering;
mod proofs;

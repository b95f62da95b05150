//! One binary: the rules of the house, the contract's freeze, the command as users run it.

mod freeze;
mod layering;

//! The run machine against its rules, a naive reference, and crashes.

mod blocks;
mod fixture;
mod proofs;
mod reference;
mod rules;
mod sketch;
mod small;
mod times;
mod travel;
mod waits;
mod world;

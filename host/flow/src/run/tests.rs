//! The run machine against its rules, a naive reference, and crashes.

mod fixture;
mod rules;

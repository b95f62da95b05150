//! The gate attacked through its public face: tables for what is pure, loopback servers for what is not.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bench;
mod doors;
mod echoes;
mod egress;
mod faults;
mod files;
mod masking;
mod places;
mod races;
mod silence;
mod smuggling;
mod tables;
mod tenants;
mod tls;

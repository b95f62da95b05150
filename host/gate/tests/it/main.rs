//! The gate attacked through its public face: tables for what is pure, loopback servers for what is not.

mod bench;
mod doors;
mod egress;
mod tables;

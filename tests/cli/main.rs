//! The command as users run it: the built binary, a home folder of its own for each test, nothing inherited.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must panic")]

mod assets;
mod attack;
mod blocks;
mod c;
mod canary;
mod code;
mod compare;
mod compiler;
mod conformance;
mod crash;
mod dev;
mod flow_test;
mod foreign;
mod go;
mod javascript;
mod messages;
mod models;
mod operator;
mod parts;
mod plugin;
mod python;
mod readme;
mod record;
mod review;
#[cfg(target_os = "linux")]
mod ring;
mod sandbox;
mod search;
mod sql;
mod state;
mod sub_flow;
mod travel;
mod travel_inside;
mod triggers;
mod update;
mod waiting;
mod work;
mod world;

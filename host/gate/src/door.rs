//! Doors perform what was decided. None of them decides, and nothing but a pass calls them.

pub(crate) mod file;
pub(crate) mod http;
pub(crate) mod kv;
pub(crate) mod network;
pub(crate) mod peers;

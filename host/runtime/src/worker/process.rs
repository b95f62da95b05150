//! Workers where the system can confine them: Linux on x86-64 and AArch64.

mod child;
mod confine;
mod far;
mod filter;
mod frame;
mod message;
mod near;
mod pool;
mod start;

pub use child::{work, work_after};
pub use pool::{Doing, Workers};

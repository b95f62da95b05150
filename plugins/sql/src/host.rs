//! What SQLite asks of a system, and gets none of here: no clock, no chance, no time zone.
//!
//! These functions are linked by name. `random()` is the same in each call; `datetime('now')` is refused.
#![allow(
    unsafe_code,
    reason = "SQLite's library finds these functions by their names; none takes what it is pointed to"
)]

/// What is not here.
const UNSUPPORTED: i32 = 1;

#[unsafe(no_mangle)]
extern "C" fn rust_sqlite_wasm_host_sleep(_seconds: u64, _nanoseconds: u32) {}

/// Writes no byte, and says so.
#[unsafe(no_mangle)]
extern "C" fn rust_sqlite_wasm_host_random(_to: *mut u8, _length: usize) -> usize {
    0
}

#[unsafe(no_mangle)]
extern "C" fn rust_sqlite_wasm_host_epoch_timestamp_in_ms(_to: *mut i64) -> i32 {
    UNSUPPORTED
}

#[unsafe(no_mangle)]
extern "C" fn rust_sqlite_wasm_host_fill_entropy(_to: *mut u8, _length: usize) -> i32 {
    UNSUPPORTED
}

#[unsafe(no_mangle)]
extern "C" fn rust_sqlite_wasm_host_localtime(_seconds: i64, _to: *mut u8) -> i32 {
    UNSUPPORTED
}

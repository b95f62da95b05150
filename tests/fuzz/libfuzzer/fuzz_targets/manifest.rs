//! The boundary `manifest` for `cargo fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| cleargate_fuzz::run("manifest", bytes));

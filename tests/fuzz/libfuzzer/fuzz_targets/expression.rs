//! The boundary `expression` for `cargo fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| cleargate_fuzz::run("expression", bytes));

//! Stores and runs on a disk that loses its power, fails and stalls.

#![allow(clippy::print_stdout, reason = "what was tried is told with its seed")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod cut;
mod history;
mod resume;
mod sync;

/// `usual`, or `soak` when somebody has asked for the slow proof: `make soak`.
#[expect(clippy::disallowed_methods, reason = "who runs the tests says how long they may take")]
fn soaked<T>(usual: T, soak: T) -> T {
    if std::env::var_os("CLEARGATE_SOAK").is_some() { soak } else { usual }
}

/// A runtime of one thread: what happens in it happens in an order.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// A folder in memory where there is one: what is on the disk has been worked out, and is only looked at.
fn folder() -> tempfile::TempDir {
    let memory = std::path::Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    folder.unwrap()
}

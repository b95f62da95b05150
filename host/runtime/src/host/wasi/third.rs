//! WASI 0.3: the interfaces of 0.2 with functions that wait and streams of the component model, before the same world.
//!
//! What a guest observes must not depend on which of two answers came first, so that the same records give the same
//! run. Whatever is waited for begins when it is asked for, is never there at once, and ends after all that was asked
//! for before it: a guest that waits sees the answers in the order of its questions, however fast each of them was.

mod clocks;
mod console;
mod files;
mod http;
mod stream;

use tokio::sync::oneshot;
use wasmtime::AsContextMut;
use wasmtime::component::{Accessor, Linker};

use super::{
    CLOCK, CLOCK_LINE, HTTP, HTTP_LINE, LOG, LOG_LINE, NOTHING, RANDOM, RANDOM_LINE, Reach, Row,
    chance, cli, row,
};
use crate::instance::Call;
use crate::meter;

/// What is served of 0.3, by the same rules as of 0.2.
#[rustfmt::skip]
pub(super) const INTERFACES: &[Row] = &[
    row("wasi:cli/types", NOTHING, "", nothing, "names errors; opens nothing"),
    row("wasi:cli/environment", NOTHING, "", console::link_environment, "finds no variables and no arguments"),
    row("wasi:cli/exit", NOTHING, "", cli::link_exit, "ends its call with an error"),
    row("wasi:cli/stdin", NOTHING, "", console::link_stdin, "reads an input that is empty"),
    row("wasi:cli/stdout", LOG, LOG_LINE, console::link_stdout, "prints lines into the log of the run"),
    row("wasi:cli/stderr", LOG, LOG_LINE, console::link_stderr, "prints warnings into the log of the run"),
    row("wasi:cli/terminal-input", NOTHING, "", cli::link_terminal_input, "looks for a terminal; there is none"),
    row("wasi:cli/terminal-output", NOTHING, "", cli::link_terminal_output, "looks for a terminal; there is none"),
    row("wasi:cli/terminal-stdin", NOTHING, "", cli::link_terminal_stdin, "looks for a terminal; there is none"),
    row("wasi:cli/terminal-stdout", NOTHING, "", cli::link_terminal_stdout, "looks for a terminal; there is none"),
    row("wasi:cli/terminal-stderr", NOTHING, "", cli::link_terminal_stderr, "looks for a terminal; there is none"),
    row("wasi:clocks/types", NOTHING, "", nothing, "names durations; opens nothing"),
    row("wasi:clocks/system-clock", CLOCK, CLOCK_LINE, clocks::link_system, "reads the time of day, as the journal keeps it"),
    row("wasi:clocks/monotonic-clock", CLOCK, CLOCK_LINE, clocks::link_monotonic, "measures time in milliseconds, and waits"),
    row("wasi:filesystem/types", NOTHING, "", files::link_types, "uses files in the folders that are granted, and no others"),
    row("wasi:filesystem/preopens", NOTHING, "", super::files::link_preopens, "lists the folders that are granted"),
    row("wasi:http/types", NOTHING, "", http::link_types, "makes requests and reads answers; sends nothing"),
    row("wasi:http/client", HTTP, HTTP_LINE, http::link_client, "sends requests to the hosts that are granted"),
    row("wasi:random/random", RANDOM, RANDOM_LINE, chance::link_random, "draws random bytes, as the journal keeps them"),
    row("wasi:random/insecure", RANDOM, RANDOM_LINE, chance::link_insecure, "draws random bytes, as the journal keeps them"),
    row("wasi:random/insecure-seed", RANDOM, RANDOM_LINE, chance::link_seed_3, "draws random bytes, as the journal keeps them"),
];

/// An interface of types alone.
fn nothing(_: &mut Linker<Call>, _: &str) -> wasmtime::Result<()> {
    Ok(())
}

/// A place in the order in which a guest asked.
pub(super) struct Turn {
    before: Option<oneshot::Receiver<()>>,
    done: oneshot::Sender<()>,
}

impl Turn {
    /// The next one of a call.
    fn take(call: &mut Call) -> Self {
        let (done, after) = oneshot::channel();
        Self { before: call.turn.replace(after), done }
    }

    /// Waits for all that was asked for before; at least once, so that nothing is ever there at once.
    async fn end(self) {
        tokio::task::yield_now().await;
        if let Some(before) = self.before {
            // Given up, it is over, too.
            let _ = before.await;
        }
        // Nobody may ask for anything after it.
        let _ = self.done.send(());
    }
}

/// A call whose store is borrowed for moments, between which other parts of the guest run.
struct Later<'a>(&'a Accessor<Call>);

impl Reach for Later<'_> {
    fn call<R>(&mut self, with: impl FnOnce(&mut Call) -> R) -> R {
        self.0.with(|mut access| with(access.data_mut()))
    }
}

impl Later<'_> {
    /// Opens a host call: counts it, and gives it its turn.
    fn enter(&mut self) -> wasmtime::Result<Turn> {
        self.0.with(|mut access| {
            let mut store = access.as_context_mut();
            meter::enter(&mut store, 0)?;
            Ok(Turn::take(store.data_mut()))
        })
    }
}

/// Links functions that wait, by name, each behind the meter and in its turn.
macro_rules! wait {
    ($linker:expr, $name:expr, { $($function:literal => $body:expr),* $(,)? }) => {{
        let mut instance = $linker.instance($name)?;
        $(instance.func_wrap_concurrent($function, |accessor: &Accessor<Call>, given| {
            Box::pin(async move {
                let mut store = Later(accessor);
                let turn = store.enter()?;
                let answer = $body(&mut store, given).await?;
                turn.end().await;
                Ok(answer)
            })
        })?;)*
        Ok(())
    }};
}
use wait;

//! WASI 0.2 and 0.3, as far as one gate can stand before them: each interface is a way to the same requests as those of
//! `cleargate:host`, so it is granted, metered and journaled, and a replay sees the same values.
//!
//! Written by hand over the same [`World`] and not taken from an implementation that opens files and sockets by
//! itself: that one would have a door of its own beside the gate. What a component is written against stays the
//! same. Streams, standard output and polling open nothing; they carry what other interfaces were granted.
//!
//! Everything that is waited for is waited for where it is read: what a guest observes does not depend on which of
//! two answers came first, so the same records give the same run.

mod chance;
mod cli;
mod clocks;
mod files;
mod http;
mod io;
mod third;

use std::sync::Arc;

use cleargate_flow::grant::{Grants, Service};
use wasmtime::component::{Linker, Resource, ResourceType};

use super::Context;
use crate::fault::Fault;
use crate::instance::Call;
use crate::linker::{Interface, of_series};
use crate::world::World;

pub(crate) use cli::Printed;

/// The series of WASI whose interfaces are served, in any patch.
const SERIES: [(&str, &[Row]); 2] = [("0.2", INTERFACES), ("0.3", third::INTERFACES)];

/// The interface of a name without its version, in that version; nothing when it is not served.
pub(crate) fn served(name: &str, version: &str) -> Option<&'static Row> {
    let (_, rows) = SERIES.into_iter().find(|(series, _)| of_series(version, series))?;
    rows.iter().find(|row| row.interface.name == name)
}

const NOTHING: fn(&Grants) -> bool = |_| true;
const CLOCK: fn(&Grants) -> bool = |g| g.services.contains(&Service::Clock);
const RANDOM: fn(&Grants) -> bool = |g| g.services.contains(&Service::Random);
const HTTP: fn(&Grants) -> bool = |g| !g.http.is_empty();
const LOG: fn(&Grants) -> bool = |g| g.services.contains(&Service::Log);

/// What opens the services, as a grant file writes it.
const CLOCK_LINE: &str = "services = [\"clock\"]";
const RANDOM_LINE: &str = "services = [\"random\"]";
const HTTP_LINE: &str = "http = [\"HOST\"]";
const LOG_LINE: &str = "services = [\"log\"]";

/// An interface, with what it means for whoever decides about a plugin.
pub(crate) struct Row {
    pub(crate) interface: Interface,
    pub(crate) means: &'static str,
}

const fn row(
    name: &'static str,
    granted: fn(&Grants) -> bool,
    line: &'static str,
    link: fn(&mut Linker<Call>, &str) -> wasmtime::Result<()>,
    means: &'static str,
) -> Row {
    Row { interface: Interface { name, granted, line, link }, means }
}

/// What is served of 0.2. Streams and polling, an empty environment, a terminal that is not there and an end open nothing;
/// neither do files, which standard libraries import always: there is no way to them but a folder that was granted.
const INTERFACES: &[Row] = &[
    row("wasi:io/error", NOTHING, "", io::link_error, "says why a stream failed; opens nothing"),
    row("wasi:io/poll", NOTHING, "", io::link_poll, "waits for time and streams; opens nothing"),
    row(
        "wasi:io/streams",
        NOTHING,
        "",
        io::link_streams,
        "carries bytes of the others; opens nothing",
    ),
    row(
        "wasi:cli/environment",
        NOTHING,
        "",
        cli::link_environment,
        "finds no variables and no arguments",
    ),
    row("wasi:cli/exit", NOTHING, "", cli::link_exit, "ends its call with an error"),
    row("wasi:cli/stdin", NOTHING, "", cli::link_stdin, "reads an input that is empty"),
    row("wasi:cli/stdout", LOG, LOG_LINE, cli::link_stdout, "prints lines into the log of the run"),
    row(
        "wasi:cli/stderr",
        LOG,
        LOG_LINE,
        cli::link_stderr,
        "prints warnings into the log of the run",
    ),
    row(
        "wasi:cli/terminal-input",
        NOTHING,
        "",
        cli::link_terminal_input,
        "looks for a terminal; there is none",
    ),
    row(
        "wasi:cli/terminal-output",
        NOTHING,
        "",
        cli::link_terminal_output,
        "looks for a terminal; there is none",
    ),
    row(
        "wasi:cli/terminal-stdin",
        NOTHING,
        "",
        cli::link_terminal_stdin,
        "looks for a terminal; there is none",
    ),
    row(
        "wasi:cli/terminal-stdout",
        NOTHING,
        "",
        cli::link_terminal_stdout,
        "looks for a terminal; there is none",
    ),
    row(
        "wasi:cli/terminal-stderr",
        NOTHING,
        "",
        cli::link_terminal_stderr,
        "looks for a terminal; there is none",
    ),
    row(
        "wasi:clocks/wall-clock",
        CLOCK,
        CLOCK_LINE,
        clocks::link_wall,
        "reads the time of day, as the journal keeps it",
    ),
    row(
        "wasi:clocks/monotonic-clock",
        CLOCK,
        CLOCK_LINE,
        clocks::link_monotonic,
        "measures time in milliseconds, and waits",
    ),
    row(
        "wasi:filesystem/types",
        NOTHING,
        "",
        files::link_types,
        "uses files in the folders that are granted, and no others",
    ),
    row(
        "wasi:filesystem/preopens",
        NOTHING,
        "",
        files::link_preopens,
        "lists the folders that are granted",
    ),
    row(
        "wasi:http/types",
        NOTHING,
        "",
        http::link_types,
        "makes requests and reads answers; sends nothing",
    ),
    row(
        "wasi:http/outgoing-handler",
        HTTP,
        HTTP_LINE,
        http::link_handler,
        "sends requests to the hosts that are granted",
    ),
    row(
        "wasi:random/random",
        RANDOM,
        RANDOM_LINE,
        chance::link_random,
        "draws random bytes, as the journal keeps them",
    ),
    row(
        "wasi:random/insecure",
        RANDOM,
        RANDOM_LINE,
        chance::link_insecure,
        "draws random bytes, as the journal keeps them",
    ),
    row(
        "wasi:random/insecure-seed",
        RANDOM,
        RANDOM_LINE,
        chance::link_seed,
        "draws random bytes, as the journal keeps them",
    ),
];

/// Why this host does not serve an interface of WASI, by its name without `wasi:`.
pub(crate) fn unserved(import: &str) -> &'static str {
    if import.starts_with("sockets/") {
        return "a plugin has no sockets: it sends requests with `cleargate:host/http` or `wasi:http`, to the hosts \
                that it is granted";
    }
    "of WASI 0.2 and 0.3 this version serves `cli` (without `run`), `clocks` (without `timezone`), `filesystem`, \
     `http` (without servers), `random`, and of 0.2 `io`; for all else use the interfaces of `cleargate:host`"
}

#[cfg(test)]
pub(crate) fn all() -> impl Iterator<Item = (&'static str, &'static Row)> {
    SERIES.into_iter().flat_map(|(series, rows)| rows.iter().map(move |row| (series, row)))
}

/// Links functions by name, each behind the meter: no import is free.
macro_rules! serve {
    ($linker:expr, $name:expr, { $($function:literal => $body:expr),* $(,)? }) => {{
        #[allow(unused_mut, reason = "an interface may have no function")]
        let mut instance = $linker.instance($name)?;
        $(instance.func_wrap_async($function, |mut store: $crate::host::Context<'_>, given| {
            Box::new(async move {
                $crate::meter::enter(&mut store, 0)?;
                $body(&mut store, given).await
            })
        })?;)*
        Ok(())
    }};
}
use serve;

/// Links a resource whose handles lie in the call's table.
fn resource<T: Send + 'static>(
    linker: &mut Linker<Call>,
    interface: &str,
    name: &str,
) -> wasmtime::Result<()> {
    linker.instance(interface)?.resource(name, ResourceType::host::<T>(), |mut store, handle| {
        store.data_mut().table.delete(Resource::<T>::new_own(handle))?;
        Ok(())
    })
}

/// How a host function reaches its call: a store that is its own until it returns, or one that is borrowed for moments.
pub(super) trait Reach: Send {
    /// Does something with the call.
    fn call<R>(&mut self, with: impl FnOnce(&mut Call) -> R) -> R;
}

impl Reach for Context<'_> {
    fn call<R>(&mut self, with: impl FnOnce(&mut Call) -> R) -> R {
        with(self.data_mut())
    }
}

/// The world of the call; there is none while a component describes itself.
fn world(store: &mut impl Reach) -> wasmtime::Result<Arc<dyn World>> {
    let absent = || Fault::Contract("called the host while it described itself".into());
    Ok(store.call(|call| call.world.clone()).ok_or_else(absent)?)
}

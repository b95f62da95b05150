//! `cleargate doctor`: what of this machine is ready, and the command that mends what is not.

use std::fs;
use std::io;
use std::path::Path;

use cleargate::{Config, Error, Host, Kind, Plugins};
use serde::Serialize;

use super::Context;
use crate::failure::{Failure, exit_code};
use crate::output::{Talk, escaped_lines};

/// Bytes that must fit the home: about what the first run writes to the journal.
const PROBE: usize = 64 * 1024;

#[derive(Serialize)]
struct Check {
    what: String,
    state: String,
    ready: bool,
    /// Whether nothing works without it. The rest is for those who build plugins, or is turned off.
    needed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

impl Check {
    fn of(what: &str, result: Result<String, Error>) -> Self {
        match result {
            Ok(state) => Self { what: what.into(), state, ready: true, needed: true, fix: None },
            Err(error) => Self {
                what: what.into(),
                state: error.to_string(),
                ready: false,
                needed: true,
                fix: error.help.first().cloned(),
            },
        }
    }
}

pub async fn doctor(context: &Context<'_>) -> Result<u8, Failure> {
    let config = context.config().map_err(|f| f.error);
    let mut checks = vec![Check::of("home", home(&context.environment.home))];
    match config {
        Err(error) => checks.push(Check::of("configuration", Err(error))),
        Ok(config) => {
            checks.push(Check::of("configuration", Ok("cleargate.toml is right".into())));
            checks.extend(host(config.clone()).await);
            checks.push(Check::of("plugins", plugins(&config)));
            let ring = Check::of("second ring", config.second_ring().await);
            checks.push(Check { needed: config.ring.is_some(), ..ring });
        }
    }
    let toolchains = cleargate_toolchain::Config::new(&context.environment.build);
    checks.extend(cleargate_toolchain::survey(&toolchains).into_iter().map(|finding| Check {
        what: finding.what,
        state: finding.state,
        ready: finding.ready,
        needed: false,
        fix: finding.fix,
    }));
    context.talk.documents(&checks, || text(&checks, context.talk));
    let usable = checks.iter().all(|check| check.ready || !check.needed);
    Ok(if usable { 0 } else { exit_code(Kind::Store) })
}

/// A line for each check; what is wrong is told below it, because it may be long.
fn text(checks: &[Check], talk: &Talk) -> String {
    let width = checks.iter().map(|c| c.what.len()).max().unwrap_or_default();
    let mut lines = Vec::new();
    for check in checks {
        let (glyph, code) = if check.ready { ("✓", "32") } else { ("✗", "31") };
        let glyph = talk.paint_data(glyph, code);
        let state = escaped_lines(&check.state);
        let mut state = state.lines();
        lines.push(format!("{glyph} {:width$}  {}", check.what, state.next().unwrap_or_default()));
        lines.extend(state.map(|line| format!("    {line}")));
        lines.extend(check.fix.iter().map(|fix| format!("    fix: {fix}")));
    }
    lines.join("\n")
}

/// The journal, and the engine when it cannot start. Plugins are a check of their own.
async fn host(config: Config) -> Vec<Check> {
    let journal = config.journal().display().to_string();
    let cache = config.cache();
    match Host::open(config).await {
        Ok(host) => vec![
            Check::of("journal", host.health().await),
            Check::of("compile cache", host.compile_cache()),
        ],
        // The journal is opened before the cache, so it is not the journal that failed.
        Err(error)
            if error.kind == Kind::Store
                && cache.symlink_metadata().is_ok_and(|_| !cache.is_dir()) =>
        {
            vec![Check::of("journal", Ok(journal)), Check::of("compile cache", Err(error))]
        }
        Err(error) if error.kind == Kind::Store => vec![Check::of("journal", Err(error))],
        Err(error) if error.kind == Kind::Resolution => vec![Check::of("journal", Ok(journal))],
        Err(error) => vec![Check::of("journal", Ok(journal)), Check::of("engine", Err(error))],
    }
}

fn plugins(config: &Config) -> Result<String, Error> {
    let rows = Plugins::open(config)?.list()?;
    if let Some((row, why)) = rows.iter().find_map(|row| Some((row, row.damage.as_ref()?))) {
        let message = format!("{} {} is damaged: {why}", row.plugin, row.version);
        let again = format!("cleargate plugin install {}@={}", row.plugin, row.version);
        return Err(Error::new(Kind::Resolution, message).with_help(again));
    }
    let waiting = rows.iter().filter(|r| !r.missing.is_empty()).count();
    Ok(format!("{} installed, {waiting} waiting for approval", rows.len()))
}

/// Makes the home when it is not there, and a file in it: what the first run does.
fn home(home: &Path) -> Result<String, Error> {
    let probe = home.join(format!(".doctor-{}", std::process::id()));
    let tried = fs::create_dir_all(home)
        .and_then(|()| fs::write(&probe, [0; PROBE]))
        .and_then(|()| fs::remove_file(&probe));
    match tried {
        Ok(()) => Ok(home.display().to_string()),
        Err(cause) => {
            let _best_effort = fs::remove_file(&probe);
            let message = format!("{} cannot be written", home.display());
            let error = Error::new(Kind::Store, message).caused_by(&cause);
            let mend = match cause.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    "free some space there"
                }
                _ => "make it writable",
            };
            Err(error.with_help(format!("{mend}, or set CLEARGATE_HOME to another folder")))
        }
    }
}

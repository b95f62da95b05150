//! `cleargate doctor`: what of this machine is ready, and the command that mends what is not.

use std::fs;
use std::path::Path;

use cleargate::{Error, Kind};
use serde::Serialize;

use super::Context;
use crate::failure::{Failure, exit_code};
use crate::output::table;

/// Bytes that must fit the home: about what the first run writes to the journal.
const PROBE: usize = 64 * 1024;

#[derive(Serialize)]
struct Check {
    what: String,
    state: String,
    ready: bool,
    /// Whether nothing works without it. The rest is for those who build plugins.
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
            let journal = cleargate::Host::open(config.clone()).await;
            let journal = match journal {
                Ok(host) => host.health().await,
                Err(error) => Err(error),
            };
            checks.push(Check::of("journal", journal));
            let plugins = cleargate::Plugins::open(&config).and_then(|p| p.list());
            let state = |rows: Vec<cleargate::PluginRow>| {
                let waiting = rows.iter().filter(|r| !r.missing.is_empty()).count();
                format!("{} installed, {waiting} waiting for approval", rows.len())
            };
            checks.push(Check::of("plugins", plugins.map(state)));
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
    let rows: Vec<_> = checks
        .iter()
        .map(|check| {
            let (glyph, code) = if check.ready { ("✓", "32") } else { ("✗", "31") };
            let fix = check.fix.as_deref().map(|f| format!("fix: {f}")).unwrap_or_default();
            vec![context.talk.paint_data(glyph, code), check.what.clone(), check.state.clone(), fix]
        })
        .collect();
    context.talk.documents(&checks, || table(&["", "WHAT", "STATE", ""], &rows));
    let usable = checks.iter().all(|check| check.ready || !check.needed);
    Ok(if usable { 0 } else { exit_code(Kind::Store) })
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
            Err(error.with_help("make it writable, or set CLEARGATE_HOME to another folder"))
        }
    }
}

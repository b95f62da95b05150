//! What an operator decides on: plugins installed, brought up to date, listed.

use std::path::PathBuf;

use cleargate::{
    Approval, Error, InstallOptions, Installation, Kind, PluginRow, Update, UpdateState, Updates,
};

use super::{inspection, plugins};
use crate::command::Context;
use crate::failure::{Failure, exit_code};
use crate::output::{Talk, table};

/// `--grant`, and `--grant=FILE`.
type Grant = Option<Option<PathBuf>>;

fn options(context: &Context<'_>, grant: Grant, dry_run: bool) -> Result<InstallOptions, Failure> {
    let approval = match grant {
        None => Approval::Nothing,
        Some(None) => Approval::Requested,
        Some(Some(file)) => Approval::read(&context.environment.folder.join(file))?,
    };
    Ok(InstallOptions { approval, dry_run })
}

pub(super) fn install(
    context: &Context<'_>,
    reference: &str,
    grant: Grant,
    dry_run: bool,
) -> Result<u8, Failure> {
    let options = options(context, grant, dry_run)?;
    let (plugins, talk) = (plugins(context)?, context.talk);
    let show = |done: &Installation| talk.document(done, || installation_text(done, talk));
    let done = match plugins.install(reference, &options) {
        Ok(done) => done,
        // What would be installed is what the operator has to decide on.
        Err(error) if error.kind == Kind::Denied => {
            show(&plugins.install(reference, &InstallOptions { dry_run: true, ..options })?);
            return Err(error.into());
        }
        Err(error) => return Err(error.into()),
    };
    show(&done);
    let word = if done.installed { "installed" } else { "would install" };
    talk.say(&format!("{word} {} {}", done.plugin.plugin, done.plugin.version));
    let waits = options.dry_run && done.plugin.requests.iter().any(|r| r.open());
    Ok(if waits { exit_code(Kind::Denied) } else { 0 })
}

fn installation_text(done: &Installation, talk: &Talk) -> String {
    let mut text = inspection::text(&done.plugin, talk);
    if let Some(change) = &done.difference {
        text += &format!("\n{}", inspection::difference_text(&done.plugin.plugin, change, talk));
    }
    text
}

pub(super) fn update(
    context: &Context<'_>,
    names: &[String],
    grant: Grant,
    dry_run: bool,
) -> Result<u8, Failure> {
    let options = options(context, grant, dry_run)?;
    let done = plugins(context)?.update(names, &options)?;
    context.talk.document(&done, || updates_text(&done, context.talk));
    let waiting: Vec<&Update> =
        done.plugins.iter().filter(|update| update.state == UpdateState::Waits).collect();
    if waiting.is_empty() {
        return Ok(0);
    }
    let names: Vec<&str> = waiting.iter().map(|update| update.plugin.as_str()).collect();
    let why = format!("{} asks for more than was approved, and waits", names.join(", "));
    let approve = format!("cleargate plugin update {} --grant", names.join(" "));
    Err(Error::new(Kind::Denied, why).with_help(approve).into())
}

fn updates_text(done: &Updates, talk: &Talk) -> String {
    if done.plugins.is_empty() {
        return "nothing is installed from the registry".into();
    }
    let mut out = String::new();
    for update in &done.plugins {
        let Update { plugin, from, to, .. } = update;
        let line = match update.state {
            UpdateState::Current => format!("{plugin} {from} is the newest"),
            UpdateState::Updated => format!("{plugin} {from} → {to}"),
            UpdateState::WouldUpdate => format!("{plugin} {from} → {to}, with an update"),
            UpdateState::Waits => format!("{plugin} {to} waits for approval; {from} goes on"),
        };
        let beyond = update.beyond.as_ref().map(|v| format!(" ({v} is another series)"));
        out.push_str(&format!("{line}{}\n", beyond.unwrap_or_default()));
        if let Some(change) = &update.difference {
            let text = inspection::difference_text(plugin, change, talk);
            text.lines().skip(1).for_each(|line| out.push_str(&format!("{line}\n")));
        }
    }
    for moved in &done.locks {
        let file = moved.file.display();
        out.push_str(&format!("{file}: {} {} → {}\n", moved.plugin, moved.from, moved.to));
    }
    out
}

pub(super) fn list(context: &Context<'_>) -> Result<u8, Failure> {
    let rows = plugins(context)?.list()?;
    context.talk.documents(&rows, || {
        if rows.is_empty() {
            return "no plugins yet: cleargate plugin install cleargate:pii-redactor".into();
        }
        let cells = |row: &PluginRow| {
            vec![
                row.plugin.clone(),
                row.version.clone(),
                row.kinds.join(", "),
                format!("{} KiB", row.size / 1024),
                state(row),
                row.digest.chars().take(19).collect(),
            ]
        };
        let lines: Vec<_> = rows.iter().map(cells).collect();
        table(&["PLUGIN", "VERSION", "KINDS", "SIZE", "STATE", "DIGEST"], &lines)
    });
    Ok(0)
}

fn state(row: &PluginRow) -> String {
    match (&row.damage, row.missing.is_empty(), &row.waiting) {
        (Some(_), _, _) => "damaged".into(),
        (None, false, _) => "needs approval".into(),
        (None, true, Some(newer)) => format!("ready; {newer} waits for approval"),
        (None, true, None) => "ready".into(),
    }
}

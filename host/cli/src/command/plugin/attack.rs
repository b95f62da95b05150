//! `cleargate plugin attack`: what hostile inputs do to a plugin, and hostile components to this host.

use std::path::Path;

use cleargate::Kind;
use cleargate::attack::{
    AttackOptions, ExportReport, HostReport, PluginReport, Promise, Witness, attack_file,
    attack_host, attack_project,
};

use super::build;
use crate::command::Context;
use crate::command::runs::{bytes, count, millis};
use crate::failure::{Failure, exit_code};
use crate::output::{Talk, escaped, table};

/// Attacks the plugin in a file or a project, or the host when there is none.
pub(super) async fn attack(
    context: &Context<'_>,
    plugin: Option<&Path>,
    options: AttackOptions,
) -> Result<u8, Failure> {
    let config = context.config()?;
    let talk = context.talk;
    let Some(plugin) = plugin else {
        let report = attack_host(&config, &options).await?;
        talk.document(&report, || host_text(&report, talk));
        return Ok(verdict(talk, report.host_kept(), 0));
    };
    let path = context.environment.folder.join(plugin);
    let report = if path.is_dir() {
        let built = build(context, plugin, false)?;
        attack_project(&config, &context.environment.folder.join(plugin), &built.bytes, &options)
            .await?
    } else {
        attack_file(&config, &path, &options).await?
    };
    talk.document(&report, || plugin_text(&report, talk));
    Ok(verdict(talk, report.host_kept(), report.faults.len()))
}

/// Says how it ended, and gives the exit code.
fn verdict(talk: &Talk, kept: bool, faults: usize) -> u8 {
    match (kept, faults) {
        (false, _) => {
            talk.say("the host broke a promise: this is a defect of ClearGate, please report it");
            exit_code(Kind::Bug)
        }
        (true, 0) => {
            talk.say("no faults, and the host kept its promises");
            0
        }
        (true, faults) => {
            talk.say(&format!("{faults} faults; the host kept its promises"));
            exit_code(Kind::Failed)
        }
    }
}

fn plugin_text(report: &PluginReport, talk: &Talk) -> String {
    let mut out = format!("{} · {} calls · seed {}\n\n", report.digest, report.calls, report.seed);
    let heading =
        ["EXPORT", "CALLS", "VALUES", "ERRORS", "LIMITS", "TRAPS", "MOST FUEL", "MEMORY", "TIME"];
    out.push_str(&table(&heading, &report.exports.iter().map(row).collect::<Vec<_>>()));
    out.push('\n');
    for (title, glyph, code, all) in
        [("faults", "✗", "31", &report.faults), ("worth a look", "?", "33", &report.notes)]
    {
        if all.is_empty() {
            continue;
        }
        out.push_str(&format!("\n{title}\n"));
        for one in all {
            out.push_str(&witness_text(one, &talk.paint_data(glyph, code)));
        }
    }
    out.push_str("\nthe host\n");
    promises_text(&mut out, &report.promises, talk);
    out.trim_end().to_owned()
}

fn row(export: &ExportReport) -> Vec<String> {
    let errors: u64 = export.errors.values().sum();
    let limits = export.limits.values().sum::<u64>() + export.timeouts;
    vec![
        format!("{} {}", export.kind.as_str(), escaped(&export.id)),
        export.calls.to_string(),
        export.values.to_string(),
        errors.to_string(),
        limits.to_string(),
        export.traps.to_string(),
        count(export.worst.fuel),
        bytes(export.worst.memory),
        millis(export.worst.micros as f64 / 1000.0),
    ]
}

fn witness_text(witness: &Witness, glyph: &str) -> String {
    let Witness { kind, export, times, with, input, said } = witness;
    let calls = if *times == 1 { "once" } else { &format!("in {times} calls") };
    let mut out = format!("  {glyph} {} {} {calls}\n", escaped(export), kind.words());
    for (name, text) in [("with", with), ("given", input), ("said", said)] {
        if !text.is_empty() {
            out.push_str(&format!("      {name}: {}\n", escaped(text)));
        }
    }
    out
}

fn host_text(report: &HostReport, talk: &Talk) -> String {
    let mut out = format!(
        "hostile components · instances: {} · seed {}\n\n",
        report.allocation.replace('_', " "),
        report.seed
    );
    promises_text(&mut out, &report.promises, talk);
    for what in &report.unpromised {
        out.push_str(&format!("  {} {what}\n", talk.paint_data("–", "33")));
    }
    out.trim_end().to_owned()
}

fn promises_text(out: &mut String, promises: &[Promise], talk: &Talk) {
    for one in promises {
        let glyph = match one.kept {
            true => talk.paint_data("✓", "32"),
            false => talk.paint_data("✗", "31"),
        };
        out.push_str(&format!("  {glyph} {}: {}\n", one.promise, escaped(&one.measured)));
    }
}

//! `cleargate grant`: what plugins may do, as the operator's file says it.

use cleargate::{Error, GrantRow, Kind, Plugins};

use super::Context;
use crate::args::Grant;
use crate::failure::Failure;
use crate::output::escaped_lines;

pub fn grant(context: &Context<'_>, verb: Grant) -> Result<u8, Failure> {
    let plugins = Plugins::open(&context.config()?)?;
    match verb {
        Grant::List => {
            let rows = plugins.grants()?;
            context.talk.documents(&rows, || text(&rows));
        }
        Grant::Show { plugin } => {
            let rows: Vec<_> =
                plugins.grants()?.into_iter().filter(|r| r.plugin == plugin).collect();
            if rows.is_empty() {
                let why = format!("nothing is granted to `{plugin}`");
                return Err(Error::new(Kind::Invalid, why)
                    .with_help("cleargate grant list")
                    .into());
            }
            context.talk.documents(&rows, || text(&rows));
        }
        Grant::Revoke { plugin } => {
            let rows = plugins.revoke(&plugin)?;
            context.talk.documents(&rows, || {
                format!(
                    "taken back; until it is granted again, calls are refused:\n{}",
                    text(&rows)
                )
            });
        }
    }
    Ok(0)
}

fn text(rows: &[GrantRow]) -> String {
    if rows.is_empty() {
        return "nothing is granted: plugins have the harmless services alone".into();
    }
    let entry = |row: &GrantRow| {
        let gone = if row.installed || row.plugin == "built-in" { "" } else { " (not installed)" };
        let digest: String = row.digest.chars().take(19).collect();
        let mut entry = format!("{} {} {digest}{gone}", row.plugin, row.version);
        for line in &row.allow {
            entry += &format!("\n  {line}");
        }
        // The file is the operator's, what is in it came from manifests.
        escaped_lines(&entry)
    };
    rows.iter().map(entry).collect::<Vec<_>>().join("\n")
}

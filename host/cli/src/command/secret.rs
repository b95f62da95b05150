//! `cleargate secret`: values come from standard input and are never shown.

use std::io::{IsTerminal, Read};

use cleargate::{Error, Kind};

use super::Context;
use crate::args::Secret;
use crate::failure::Failure;
use crate::output::table;

/// Bytes read from standard input: more than any secret may have, so that a wrong file is refused and not cut.
const MAX_INPUT: u64 = 1 << 20;

pub fn secret(context: &Context<'_>, verb: Secret) -> Result<u8, Failure> {
    let store = context.secrets();
    match verb {
        Secret::Set { label, host } => {
            let hosts = host.iter().map(|text| text.parse()).collect::<Result<Vec<_>, _>>();
            let hosts = hosts.map_err(|e| Error::new(Kind::Invalid, format!("{e}")))?;
            let nowhere = hosts.is_empty();
            store.set(&label, &value(&label)?, hosts)?;
            let row = store.list()?.into_iter().find(|row| row.label == label);
            context.talk.document(&row, || match nowhere {
                true => format!("stored {label}; no host may get it: set it again with --host"),
                false => format!("stored {label} for {}", host.join(", ")),
            });
        }
        Secret::List => {
            let rows = store.list()?;
            context.talk.documents(&rows, || {
                if rows.is_empty() {
                    return "no secrets: cleargate secret set LABEL --host HOST".into();
                }
                let lines: Vec<_> = rows
                    .iter()
                    .map(|row| {
                        let hosts: Vec<String> =
                            row.hosts.iter().map(ToString::to_string).collect();
                        vec![row.label.clone(), hosts.join(", ")]
                    })
                    .collect();
                table(&["LABEL", "HOSTS"], &lines)
            });
        }
        Secret::Rm { label } => {
            if !store.remove(&label)? {
                let why = format!("there is no secret `{label}`");
                return Err(Error::new(Kind::Invalid, why)
                    .with_help("cleargate secret list")
                    .into());
            }
            context.talk.document(&label, || format!("removed {label}"));
        }
    }
    Ok(0)
}

/// The value, without the line break that editors and `echo` put behind it.
fn value(label: &str) -> Result<String, Failure> {
    let bad = |e: &std::io::Error| {
        Error::new(Kind::Invalid, "the value cannot be read from standard input").caused_by(e)
    };
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        let term = console::Term::stderr();
        term.write_str(&format!("value of {label} (not shown): ")).map_err(|e| bad(&e))?;
        return Ok(term.read_secure_line().map_err(|e| bad(&e))?);
    }
    let mut text = String::new();
    stdin.take(MAX_INPUT).read_to_string(&mut text).map_err(|e| bad(&e))?;
    Ok(text.strip_suffix('\n').map_or(&*text, |t| t.strip_suffix('\r').unwrap_or(t)).to_owned())
}

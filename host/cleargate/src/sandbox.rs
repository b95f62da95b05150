//! Programs that nobody has read, run at once: a flow of one node, made for the language and the limits.
//!
//! It is an ordinary run: its limits are enforced as those of any plugin, its calls are in the journal, and a replay needs no
//! execution.

pub(crate) mod session;

use std::fmt;
use std::fmt::Write as _;
use std::str::FromStr;

use cleargate_flow::limits::TABLE;

use crate::error::{Error, Kind, Result};
use crate::flows::Flow;
use crate::host::Host;
use crate::source::FlowSource;
use crate::uses::Locking;

/// A language that programs can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// CPython.
    Python,
    /// QuickJS.
    JavaScript,
}

impl Language {
    /// The language of a file, by the end of its name.
    pub fn of_file(name: &str) -> Option<Self> {
        match name.rsplit_once('.')?.1 {
            "py" => Some(Self::Python),
            "js" | "mjs" => Some(Self::JavaScript),
            _ => None,
        }
    }

    /// The plugin that runs it, in the versions that are known here.
    pub(crate) fn reference(self) -> String {
        format!("{}@^0.1", self.plugin())
    }

    /// The plugin that runs it.
    pub fn plugin(self) -> &'static str {
        match self {
            Self::Python => "cleargate:code-python",
            Self::JavaScript => "cleargate:code-js",
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Python => "python",
            Self::JavaScript => "js",
        })
    }
}

impl FromStr for Language {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "python" | "py" => Ok(Self::Python),
            "js" | "javascript" => Ok(Self::JavaScript),
            other => Err(Error::new(Kind::Invalid, format!("no sandbox runs `{other}`"))
                .with_help("--lang python, or --lang js")),
        }
    }
}

impl Host {
    /// The flow that runs a program of a language: inputs `source` and `input`, outputs `ok`, `result`, `stdout`, `stderr`,
    /// `truncated` and `error`. `limits` are names and values as flows write them: `("time", "200ms")`.
    ///
    /// # Errors
    /// There is no such limit, a value is none, or the plugin of the language cannot be had.
    pub async fn sandbox(&self, language: Language, limits: &[(String, String)]) -> Result<Flow> {
        let written = limits_text(limits)?;
        let text = format!(
            "cleargate: 1\nflow: sandbox_{language}\nuse: {{ code: \"{plugin}\" }}\n\
             input: {{ source: string, input: {{ type: json, default: null }} }}\nnodes:\n  program:\n    type: code.run\n    \
             with: {{ source: \"${{input.source}}\", input: \"${{input.input}}\" }}\n    limits: {{ {written} }}\n\
             output: {{ ok: \"${{program.ok}}\", result: \"${{program.result}}\", stdout: \"${{program.stdout}}\", \
             stderr: \"${{program.stderr}}\", truncated: \"${{program.truncated}}\", error: \"${{program.error}}\" }}\n",
            plugin = language.reference(),
        );
        self.load_source(FlowSource::made(&format!("sandbox_{language}"), text), Locking::Write)
            .await
    }
}

/// Limits of a call, as the entries of a map in a flow.
fn limits_text(limits: &[(String, String)]) -> Result<String> {
    let mut written = String::new();
    for (name, value) in limits {
        let Some(row) = TABLE.iter().find(|row| row.name == name) else {
            let names: Vec<&str> = TABLE.iter().map(|row| row.name).collect();
            let why = format!("there is no limit `{name}`");
            return Err(Error::new(Kind::Invalid, why)
                .with_help(format!("the limits are {}", names.join(", "))));
        };
        row.unit
            .parse(value)
            .map_err(|why| Error::new(Kind::Invalid, format!("the limit `{name}`: {why}")))?;
        let _ = write!(written, "{name}: \"{value}\", ");
    }
    Ok(written)
}

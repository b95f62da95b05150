//! `cleargate sandbox repl`: programs given one at a time.

use std::io::{BufRead, IsTerminal};

use cleargate::{Error, Kind, Language, Printed, Session, Value};
use rustyline::error::ReadlineError;
use rustyline::{Config, DefaultEditor};

use super::Context;
use super::sandbox::{bounds, told_of};
use crate::args::Format;
use crate::failure::Failure;
use crate::output::harmless;

/// Ends the session, where a program is expected.
const END: &str = ":end";

/// Letters of one program: more than people write at a prompt.
const MAX_PROGRAM: usize = 262_144;

pub(super) async fn repl(
    context: &Context<'_>,
    lang: &str,
    limit: &[String],
    resume: Option<&str>,
) -> Result<u8, Failure> {
    let host = context.waiting_host().await?;
    let mut session = match resume {
        Some(run) => {
            let run = run.parse().map_err(|_| {
                Error::new(Kind::Invalid, format!("`{run}` is no id of a run"))
                    .with_help("cleargate runs list")
            })?;
            host.session(&run).await?
        }
        None => host.open_session(lang.parse::<Language>()?, &bounds(limit)?).await?,
    };
    let talk = context.talk;
    talk.say(&format!("session {} · Ctrl-D leaves it, {END} ends it", session.id()));
    let mut lines = Lines::new()?;
    let mut failed = false;
    while let Some(program) = lines.program()? {
        if program.trim() == END {
            session.end().await?;
            return Ok(u8::from(failed));
        }
        failed |= execute(context, &mut session, &program).await?;
    }
    talk.say(&format!("cleargate sandbox repl --resume {}", session.id()));
    Ok(u8::from(failed))
}

/// Executes a program and shows what came of it; says whether it made a mistake.
async fn execute(
    context: &Context<'_>,
    session: &mut Session<'_>,
    program: &str,
) -> Result<bool, Failure> {
    let talk = context.talk;
    let human = talk.format == Format::Human;
    let report = session.execute(program, |line: Printed| match (human, line.error) {
        (false, _) => {}
        (true, true) => talk.say(&harmless(&line.text)),
        (true, false) => talk.data(&harmless(&line.text)),
    });
    let report = report.await?;
    let result = report.get("result").filter(|result| **result != Value::Null);
    match result {
        None if human => {}
        result => talk.document(&report, || result.map(Value::to_json).unwrap_or_default()),
    }
    told_of(talk, &report);
    Ok(report.get("ok") != Some(&Value::Bool(true)))
}

/// Where programs come from: a terminal with a history, or lines.
enum Lines {
    Terminal(Box<DefaultEditor>),
    Plain(std::io::Lines<std::io::StdinLock<'static>>),
}

impl Lines {
    fn new() -> Result<Self, Failure> {
        if !std::io::stdin().is_terminal() {
            return Ok(Self::Plain(std::io::stdin().lock().lines()));
        }
        let config = Config::builder().auto_add_history(true).build();
        let editor = DefaultEditor::with_config(config).map_err(|e| unreadable(&e))?;
        Ok(Self::Terminal(Box::new(editor)))
    }

    /// The next program; none at the end of the input.
    fn program(&mut self) -> Result<Option<String>, Failure> {
        let mut program = String::new();
        loop {
            let Some(line) = self.line(if program.is_empty() { "› " } else { "… " })? else {
                return Ok(Some(program).filter(|program| !program.trim().is_empty()));
            };
            let end = line.trim().is_empty();
            let first = program.is_empty();
            if end && first {
                continue;
            }
            program.push_str(&line);
            program.push('\n');
            if program.len() > MAX_PROGRAM {
                let why = format!("a program has at most {MAX_PROGRAM} letters");
                return Err(Error::new(Kind::Invalid, why).into());
            }
            if end || (first && is_complete(&line)) {
                return Ok(Some(program));
            }
        }
    }

    fn line(&mut self, prompt: &str) -> Result<Option<String>, Failure> {
        match self {
            Self::Plain(lines) => lines.next().transpose().map_err(|e| unreadable(&e).into()),
            Self::Terminal(editor) => match editor.readline(prompt) {
                Ok(line) => Ok(Some(line)),
                // Ctrl-C takes back what was begun.
                Err(ReadlineError::Interrupted) => Ok(Some(String::new())),
                Err(ReadlineError::Eof) => Ok(None),
                Err(error) => Err(unreadable(&error).into()),
            },
        }
    }
}

fn unreadable(why: &dyn std::error::Error) -> Error {
    Error::new(Kind::Invalid, "what is typed cannot be read").caused_by(&why)
}

/// Whether a line needs no other one: it opens no block and leaves no bracket open.
fn is_complete(line: &str) -> bool {
    let open = line.matches(['(', '[', '{']).count();
    let closed = line.matches([')', ']', '}']).count();
    !line.trim_end().ends_with([':', '\\']) && !line.starts_with('@') && open <= closed
}

#[cfg(test)]
mod tests {
    use super::is_complete;

    #[test]
    fn a_line_goes_on_while_it_opens_something() {
        for line in ["x = 1", "f(1)", "print('a')", "const a = [1, 2]"] {
            assert!(is_complete(line), "{line}");
        }
        for line in ["def f(n):", "x = [", "if x:", "function f() {", "@cache", "a = \\"] {
            assert!(!is_complete(line), "{line}");
        }
    }
}

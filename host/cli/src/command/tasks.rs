//! `cleargate tasks`: what flows ask people, and the answers.

use std::io::{BufRead, IsTerminal, Write};

use cleargate::{Error, Host, InputValue, Kind, TaskQuery, TaskView, TellOptions, WaitView};

use super::Context;
use super::run::{inputs, text_of};
use super::runs::{millis, time};
use super::signal::sent_text;
use crate::args::Tasks;
use crate::failure::Failure;
use crate::output::{escaped, escaped_lines, table};

pub async fn tasks(context: &Context<'_>, verb: Tasks) -> Result<u8, Failure> {
    let host = context.host().await?;
    match verb {
        Tasks::List { run, assignee, limit } => {
            let run = match run {
                Some(run) => Some(host.find_run(&run).await?),
                None => None,
            };
            let limit = limit as usize;
            let tasks = host.tasks(TaskQuery { run, assignee, limit }).await?;
            context.talk.documents(&tasks, || match tasks.is_empty() {
                true => "no open tasks".into(),
                false => list_text(&tasks),
            });
        }
        Tasks::Show { task } => {
            let task = host.find_task(&task).await?;
            context.talk.document(&task, || task_text(&task));
        }
        Tasks::Answer { task, set, json, by, id } => {
            let mut values = inputs(context, &set)?;
            if let Some(json) = json {
                values.insert(0, InputValue::Json(text_of(context, &json)?));
            }
            if values.is_empty() {
                values = asked(context, &host, &task).await?;
            }
            let by = by.unwrap_or_else(|| context.environment.user.clone());
            let sent = host.answer(&task, values, TellOptions { by, id }).await?;
            context.talk.document(&sent, || sent_text(&sent, "the answer"));
        }
    }
    Ok(0)
}

/// Asks a person at a terminal, field by field.
async fn asked(context: &Context<'_>, host: &Host, task: &str) -> Result<Vec<InputValue>, Failure> {
    let task = host.find_task(task).await?;
    if !std::io::stdin().is_terminal() {
        let why = "an answer needs its fields: nobody can be asked here";
        let help = format!("its fields are {}: --set FIELD=VALUE", fields(&task).join(", "));
        return Err(Error::new(Kind::Invalid, why).with_help(help).into());
    }
    context.talk.say(&task_text(&task));
    let mut values = Vec::new();
    for name in fields(&task) {
        let mut err = std::io::stderr().lock();
        write!(err, "{}: ", escaped(&name)).and_then(|()| err.flush())?;
        drop(err);
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line)?;
        let text = line.trim_end_matches(['\r', '\n']).to_owned();
        // An empty line leaves the field to its default.
        if !text.is_empty() {
            values.push(InputValue::Port { name, text });
        }
    }
    Ok(values)
}

fn fields(task: &TaskView) -> Vec<String> {
    let properties = task.form["properties"].as_object();
    properties.into_iter().flatten().map(|(name, _)| name.clone()).collect()
}

fn list_text(tasks: &[WaitView]) -> String {
    let rows: Vec<_> = tasks
        .iter()
        .map(|task| {
            vec![
                task.task.clone().unwrap_or_default(),
                task.flow.clone(),
                escaped(task.name.as_deref().unwrap_or_default()),
                escaped(&task.assignee.join(", ")),
                task.until.map_or_else(String::new, time),
            ]
        })
        .collect();
    table(&["TASK", "FLOW", "WHAT", "WHO", "UNTIL"], &rows)
}

fn task_text(task: &TaskView) -> String {
    let mut text = escaped(task.wait.name.as_deref().unwrap_or_default());
    if let Some(about) = &task.text {
        text += &format!("\n\n{}", escaped_lines(about));
    }
    text += "\n";
    let required = task.form["required"].as_array();
    let must = |name: &str| required.is_some_and(|all| all.iter().any(|one| one == name));
    for (name, field) in task.form["properties"].as_object().into_iter().flatten() {
        // Of an optional field the type is one of two, and the other is `null`.
        let choices = field["anyOf"].as_array();
        let chosen = choices.and_then(|all| all.iter().find(|one| one["type"] != "null"));
        let field = chosen.unwrap_or(field);
        let ty = field["type"].as_str().map_or_else(|| field.to_string(), str::to_owned);
        let ty = match field["enum"].as_array() {
            Some(cases) => cases.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | "),
            None => ty,
        };
        let optional = if must(name) { "" } else { ", may be left out" };
        let doc = field["description"].as_str().map(|doc| format!(": {doc}")).unwrap_or_default();
        text += &escaped(&format!("  {name} ({ty}{optional}){doc}"));
        text.push('\n');
    }
    if !task.wait.assignee.is_empty() {
        text += &format!("asked: {}\n", escaped(&task.wait.assignee.join(", ")));
    }
    if task.need > 1 {
        let by = task.answered_by.join(", ");
        text += &format!("{} of {} answers {}\n", task.answered_by.len(), task.need, escaped(&by));
    }
    text += &task.wait.until.map(|until| format!("until {}\n", time(until))).unwrap_or_default();
    text + &task.wait.command().map(|line| format!("answer: {line}")).unwrap_or_default()
}

/// What a run waits for, a line each, with the command that ends it.
pub fn waits_text(waits: &[WaitView], now: i64) -> String {
    let line = |wait: &WaitView| {
        let name = escaped(wait.name.as_deref().unwrap_or_default());
        let what = match wait.waits_for.as_str() {
            "task" => format!("for people: {name}"),
            "event" => format!("for the event {name}"),
            _ => "for a moment".into(),
        };
        let until = wait.until.map(|until| {
            let left = until.saturating_sub(now).max(0);
            format!(", until {} (in {})", time(until), millis(left as f64))
        });
        let command = wait.command().map(|command| format!("\n    {command}")).unwrap_or_default();
        format!("  {} waits {what}{}{command}", wait.address, until.unwrap_or_default())
    };
    waits.iter().map(line).collect::<Vec<_>>().join("\n")
}

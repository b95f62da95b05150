//! Arguments of what tells runs something: signals and answers to tasks.

use clap::{Args as ClapArgs, Subcommand};

/// Arguments of `signal`.
#[derive(Debug, ClapArgs)]
pub struct SignalArgs {
    /// Id of the run, or its unique beginning
    pub run: String,
    /// Name of the event
    pub name: String,
    /// What it carries: JSON, `@file`, or `-` for standard input; `{}` when absent
    pub payload: Option<String>,
    /// Told twice with the same id, it is told once
    #[arg(long, value_name = "ID", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub id: Option<String>,
    /// Who tells; the user of this machine when absent
    #[arg(long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub by: Option<String>,
}

/// What flows ask people.
#[derive(Debug, Subcommand)]
pub enum Tasks {
    /// Open tasks of all runs
    #[command(after_help = "Examples:\n  cleargate tasks list\n  \
        cleargate tasks list --assignee ada --output ndjson\n  cleargate tasks list --run 01938f2e")]
    List {
        /// Only tasks of this run and the sub-flows in it
        #[arg(long)]
        run: Option<String>,
        /// Only tasks that ask this person, or anybody
        #[arg(long, value_name = "NAME")]
        assignee: Option<String>,
        /// How many
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// What one task asks, and the fields of an answer
    #[command(after_help = "Examples:\n  cleargate tasks show 01938f2e:page\n  \
        cleargate tasks show 01938f2e\n\n\
        The id of a task is the run and the node. The beginning of the run's id is enough, and the run alone when it has \
        one open task.")]
    Show {
        /// Id of the task, or the beginning of its run's id
        task: String,
    },
    /// Answer a task
    #[command(
        after_help = "Examples:\n  cleargate tasks answer 01938f2e:page --set approve=true --set note=fine\n  \
        cleargate tasks answer 01938f2e --json @answer.json --by ada\n  \
        cleargate tasks answer 01938f2e\n\n\
        The answer is held against the form, and kept, before this command ends. A field is taken as its type says, as \
        with `--input` of `run`. Without --set and --json a terminal is asked field by field. Exit code 3 when the \
        answer does not fit or there is no such task, 1 when it was answered or withdrawn meanwhile."
    )]
    Answer {
        /// Id of the task, or the beginning of its run's id
        task: String,
        /// `field=value`, or `field=@file`
        #[arg(long, value_name = "FIELD=VALUE")]
        set: Vec<String>,
        /// A JSON object, `@file`, or `-` for standard input
        #[arg(long, value_name = "JSON")]
        json: Option<String>,
        /// Who answers; the user of this machine when absent
        #[arg(long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
        by: Option<String>,
        /// Given twice with the same id, it is one answer
        #[arg(long, value_name = "ID", value_parser = clap::builder::NonEmptyStringValueParser::new())]
        id: Option<String>,
    },
}

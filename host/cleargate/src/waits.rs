//! Runs that wait, and what they are told: tasks for people, answers to them, signals.
//!
//! What is told goes into the inbox of the run, in the store: it is there when the call returns, whether the run is
//! driven by this process, by another one, or by nobody.

use cleargate_executor::Clock;
use cleargate_executor::limits::MAX_DEPTH;
use cleargate_flow::run::judge_event;
use cleargate_flow::types::{Type, from_json_schema, validate};
use cleargate_flow::{Address, Event, NodeError, RunId, Value};
use cleargate_store::{
    Letter, MAX_PAGE, OpenWait, Posted, RunStatus, Says, StoreError, WaitFilter, WaitsFor,
};
use serde::Serialize;

use crate::error::{Error, Kind, Result};
use crate::flows::Pinned;
use crate::host::Host;
use crate::inputs::{InputValue, fill};
use crate::runs::store_error;

/// A node that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WaitView {
    /// The run, which may be a sub-flow.
    pub run: String,
    /// Its flow.
    pub flow: String,
    /// The node.
    pub address: String,
    /// `time`, `event` or `task`.
    pub waits_for: String,
    /// The name of the event, or the title of the task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Id of the task: the run and the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// Who is asked; nobody: anybody.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub assignee: Vec<String>,
    /// Since when, in milliseconds since 1970-01-01T00:00:00Z.
    pub since: i64,
    /// Until when, in milliseconds since 1970-01-01T00:00:00Z.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
}

/// Which tasks.
#[derive(Clone, Debug, Default)]
pub struct TaskQuery {
    /// Of this run and the sub-flows in it only.
    pub run: Option<RunId>,
    /// Those that this person may be meant by: they are named, or nobody is.
    pub assignee: Option<String>,
    /// At most so many.
    pub limit: usize,
}

/// A task with all that a person has to know.
#[derive(Clone, Debug, Serialize)]
pub struct TaskView {
    /// Where it is, and who is asked.
    #[serde(flatten)]
    pub wait: WaitView,
    /// What there is to know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The fields of an answer, as JSON Schema.
    pub form: serde_json::Value,
    /// Answers that settle it.
    pub need: u64,
    /// Who has answered already.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub answered_by: Vec<String>,
}

/// What became of something that a run was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sent {
    /// The run.
    pub run: String,
    /// What made it unique in the run.
    pub id: String,
    /// The run had it before: nothing was changed.
    pub known: bool,
    /// The run only waits, and nobody drives it: it goes on when somebody resumes this run, which is the one around it when
    /// it is a sub-flow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resume: Option<String>,
}

/// How a run is told something.
#[derive(Clone, Debug, Default)]
pub struct TellOptions {
    /// Who tells.
    pub by: String,
    /// Told twice with the same id, it is told once. Made when absent.
    pub id: Option<String>,
}

impl WaitView {
    fn of(wait: OpenWait) -> Option<Self> {
        let address = wait.address?.to_string();
        let (waits_for, name, task, assignee) = match wait.waits_for {
            WaitsFor::Time => ("time", None, None, Vec::new()),
            WaitsFor::Event { name } => ("event", Some(name), None, Vec::new()),
            WaitsFor::Task { title, assignee } => {
                ("task", Some(title), Some(format!("{}:{address}", wait.run)), assignee)
            }
            WaitsFor::Alarm => return None,
        };
        Some(Self {
            run: wait.run.to_string(),
            flow: wait.flow.to_string(),
            address,
            waits_for: waits_for.into(),
            name,
            task,
            assignee,
            since: wait.since,
            until: wait.until,
        })
    }

    /// The command that a person gives to end the wait; nothing for a moment, which comes by itself.
    pub fn command(&self) -> Option<String> {
        match (&self.task, &self.name) {
            (Some(task), _) => Some(format!("cleargate tasks answer {task}")),
            (None, Some(event)) => Some(format!("cleargate signal {} {event}", self.run)),
            (None, None) => None,
        }
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(Kind::Invalid, message)
}

impl Host {
    /// What a run and the sub-flows in it wait for, in the order in which they began to.
    ///
    /// # Errors
    /// There is no such run, or the store cannot be read.
    pub async fn waits(&self, run: &RunId) -> Result<Vec<WaitView>> {
        let mut found: Vec<WaitView> =
            self.family_waits(run, false).await?.into_iter().filter_map(WaitView::of).collect();
        found.sort_by_key(|wait| wait.since);
        Ok(found)
    }

    /// The waits of a run and of all that is below it.
    async fn family_waits(&self, run: &RunId, tasks: bool) -> Result<Vec<OpenWait>> {
        let (mut found, mut family, mut next) = (Vec::new(), vec![run.clone()], 0);
        while let Some(run) = family.get(next).cloned() {
            next += 1;
            let filter = WaitFilter { run: Some(run.clone()), tasks, limit: MAX_PAGE, after: None };
            found.extend(self.store().waits(&filter).await.map_err(store_error)?);
            let children = self.store().children(&run).await.map_err(store_error)?;
            let fresh = children.into_iter().filter(|child| !family.contains(child));
            family.extend(fresh.collect::<Vec<_>>());
        }
        Ok(found)
    }

    /// Open tasks, of the latest run first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn tasks(&self, query: TaskQuery) -> Result<Vec<WaitView>> {
        let mine = |wait: &WaitView| {
            query.assignee.as_ref().is_none_or(|who| {
                wait.assignee.is_empty() || wait.assignee.iter().any(|asked| asked == who)
            })
        };
        if let Some(run) = &query.run {
            let waits = self.family_waits(run, true).await?;
            let tasks = waits.into_iter().filter_map(WaitView::of).filter(mine);
            return Ok(tasks.take(query.limit).collect());
        }
        let mut filter = WaitFilter { tasks: true, limit: MAX_PAGE, ..WaitFilter::default() };
        let mut found: Vec<WaitView> = Vec::new();
        loop {
            let page = self.store().waits(&filter).await.map_err(store_error)?;
            let last = page.len() < MAX_PAGE;
            filter.after = page.last().map(|wait| (wait.run.clone(), wait.seq));
            found.extend(page.into_iter().filter_map(WaitView::of).filter(mine));
            if last || found.len() >= query.limit {
                found.truncate(query.limit);
                return Ok(found);
            }
        }
    }

    /// The task with this id, `RUN:ADDRESS`, in which the beginning of the run's id is enough; or the only one of a run.
    ///
    /// # Errors
    /// No open task fits, or several do.
    pub async fn find_task(&self, text: &str) -> Result<TaskView> {
        let (run, address) = match text.split_once(':') {
            Some((run, address)) => (run, Some(address)),
            None => (text, None),
        };
        let run = self.find_run(run).await?;
        let tasks = self.family_waits(&run, true).await?;
        let fits = |wait: &&OpenWait| match (address, &wait.address) {
            (Some(wanted), Some(address)) => wait.run == run && address.to_string() == wanted,
            (None, Some(_)) => true,
            (_, None) => false,
        };
        let mut found = tasks.iter().filter(fits);
        match (found.next(), found.next()) {
            (Some(task), None) => self.task_view(task.clone()).await,
            (Some(_), Some(_)) => Err(invalid(format!("run {run} has several open tasks"))
                .with_help(format!("cleargate tasks list --run {run}"))),
            (None, _) => Err(self.no_task(&run, address).await),
        }
    }

    /// Why there is no such task: it was, or it never was.
    async fn no_task(&self, run: &RunId, address: Option<&str>) -> Error {
        let help = "cleargate tasks list";
        let Some(address) = address else {
            return invalid(format!("run {run} has no open task")).with_help(help);
        };
        let mut next = 0;
        let mut was = None;
        while let Ok(page) = self.events_from(run, next).await
            && let Some(last) = page.last()
        {
            next = last.seq + 1;
            for record in &page {
                match &record.event {
                    Event::TaskOpened { address: at, .. } if at.to_string() == address => {
                        was = Some("nobody answered it in time, or it was withdrawn".to_owned());
                    }
                    Event::TaskAnswered { address: at, by, .. } if at.to_string() == address => {
                        was = Some(format!("{by} has answered it"));
                    }
                    _ => {}
                }
            }
        }
        match was {
            Some(why) => Error::new(
                Kind::Failed,
                format!("the task `{address}` of run {run} is not open any more: {why}"),
            )
            .with_help(format!("cleargate runs events {run}")),
            None => invalid(format!("run {run} has no task `{address}`")).with_help(help),
        }
    }

    async fn task_view(&self, wait: OpenWait) -> Result<TaskView> {
        let damaged = || {
            Error::new(
                Kind::Store,
                format!("the journal of run {} does not have its task", wait.run),
            )
        };
        let (mut shown, mut answered_by, mut next) = (None, Vec::new(), wait.seq);
        loop {
            let page = self.events_from(&wait.run, next).await?;
            let Some(last) = page.last() else { break };
            next = last.seq + 1;
            for record in page {
                match record.event {
                    Event::TaskOpened { address, task, .. }
                        if Some(&address) == wait.address.as_ref() =>
                    {
                        shown = Some(task);
                    }
                    Event::TaskAnswered { address, by, .. }
                        if Some(&address) == wait.address.as_ref() =>
                    {
                        answered_by.push(by);
                    }
                    _ => {}
                }
            }
        }
        let task = shown.ok_or_else(damaged)?;
        let text = task.get("text").and_then(Value::as_str).map(str::to_owned);
        let form = task.get("form").ok_or_else(damaged)?.to_serde();
        let need = task.get("quorum").and_then(Value::as_int).unwrap_or(1);
        let need = u64::try_from(need).unwrap_or(1);
        let wait = WaitView::of(wait.clone()).ok_or_else(damaged)?;
        Ok(TaskView { wait, text, form, need, answered_by })
    }

    /// Answers a task: the values are held against its form first. Durable when this returns; the run takes it when
    /// somebody drives it.
    ///
    /// # Errors
    /// No open task fits ([`Kind::Failed`] when it was answered or withdrawn), the values do not fit its form, or the run
    /// takes no more at present. A late answer is recorded in the journal as refused, when the run goes on.
    pub async fn answer(
        &self,
        task: &str,
        values: Vec<InputValue>,
        options: TellOptions,
    ) -> Result<Sent> {
        let task = match self.find_task(task).await {
            Ok(task) => task,
            Err(error) => {
                if error.kind == Kind::Failed {
                    self.record_late(task, values, &options).await;
                }
                return Err(error);
            }
        };
        let form = form_type(&task.form)?;
        let answer = fill(&form, "the form of the task", values)?;
        let answer = validate(&answer, &form).map_err(|mismatch| {
            invalid(format!("the answer does not fit the form: {mismatch}"))
                .with_help(format!("its fields are {}", fields(&form)))
        })?;
        let strange = answer.as_map().into_iter().flatten().map(|(name, _)| name);
        if let Some(name) = strange.into_iter().find(|name| !has_field(&form, name)) {
            return Err(invalid(format!("the form has no field `{name}`"))
                .with_help(format!("its fields are {}", fields(&form))));
        }
        if task.answered_by.contains(&options.by) {
            let why = format!("{} has answered this task; it waits for others", options.by);
            return Err(invalid(why));
        }
        let (run, address) = place(&task.wait)?;
        self.send(run, options, Says::Answer { address, answer }).await
    }

    /// Lets the journal know of an answer that came too late. Whoever gave it is told whether or not this works.
    async fn record_late(&self, task: &str, values: Vec<InputValue>, options: &TellOptions) {
        let Some((run, address)) = task.split_once(':') else { return };
        let (Ok(run), Ok(address)) = (self.find_run(run).await, address.parse::<Address>()) else {
            return;
        };
        let any = Type::from(cleargate_flow::types::Kind::Any);
        let answer = fill(&any, "the form", values).unwrap_or_default();
        if let Err(error) = self.send(run, options.clone(), Says::Answer { address, answer }).await
        {
            tracing::debug!(%error, "a late answer was not recorded");
        }
    }

    /// Tells a run of an event. Durable when this returns; the run takes it once, when somebody drives it and a node
    /// waits for it.
    ///
    /// # Errors
    /// There is no such run, it has ended, its flow has no such event or another payload for it, or the run takes no more
    /// at present.
    pub async fn signal(
        &self,
        run: &RunId,
        name: &str,
        payload: Value,
        options: TellOptions,
    ) -> Result<Sent> {
        name.parse::<cleargate_flow::NodeId>().map_err(|_| {
            invalid(format!("`{name}` is no name of an event"))
                .with_help("lower-case letters, digits and `_`, a letter first")
        })?;
        let payload = match self.events_of(run).await? {
            Some(events) => judge_event(&events, name, &payload).map_err(refused)?,
            None => payload,
        };
        self.send(run.clone(), options, Says::Signal { name: name.into(), payload }).await
    }

    /// The events that the flow of a run lists.
    async fn events_of(
        &self,
        run: &RunId,
    ) -> Result<Option<indexmap::IndexMap<String, cleargate_flow::types::Field>>> {
        let row = self.store().run(run).await.map_err(store_error)?;
        let row = row.ok_or_else(|| invalid(format!("there is no run `{run}`")))?;
        let bundle = self.store().get_flow(&row.hash).await.map_err(store_error)?;
        let pinned = bundle.and_then(|bundle| serde_json::from_slice::<Pinned>(&bundle).ok());
        Ok(pinned.map(|pinned| cleargate_flow::check::events(&pinned.source.text)))
    }

    async fn send(&self, run: RunId, options: TellOptions, says: Says) -> Result<Sent> {
        let at = self.clock().now();
        let id = options.id.unwrap_or_else(|| self.unique(at));
        let letter = Letter { run: run.clone(), id: id.clone(), by: options.by, at, says };
        let posted = self.executor.post(&letter).await.map_err(|error| match error {
            StoreError::Finished { run } => Error::new(
                Kind::Failed,
                format!("run {run} has ended; nobody waits there any more"),
            )
            .with_help(format!("cleargate runs show {run}")),
            StoreError::InboxFull { .. } => Error::new(Kind::Limit, error.to_string())
                .with_help(format!("cleargate resume {run}")),
            StoreError::TooLarge { .. } => Error::new(Kind::Limit, error.to_string()),
            error => store_error(error),
        })?;
        let resume = self.resumes(&run).await?;
        Ok(Sent { run: run.to_string(), id, known: posted == Posted::Known, resume })
    }

    /// The run that somebody has to resume so that this one goes on.
    async fn resumes(&self, run: &RunId) -> Result<Option<String>> {
        let mut run = run.clone();
        for _ in 0..=MAX_DEPTH {
            let Some(row) = self.store().run(&run).await.map_err(store_error)? else { break };
            match row.parent {
                Some((parent, _)) => run = parent,
                None if row.status == RunStatus::Waiting => return Ok(Some(run.to_string())),
                None => break,
            }
        }
        Ok(None)
    }

    /// Runs that only wait and need not any more: their time has come, or they were told something. Each is to be given
    /// to [`Host::resume`]. The cost depends on their number alone.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn due(&self) -> Result<Vec<RunId>> {
        let due = self.executor.due().await.map_err(store_error)?;
        Ok(due.into_iter().map(|due| due.run).collect())
    }
}

fn refused(error: NodeError) -> Error {
    let out = invalid(error.message);
    match error.help {
        Some(help) => out.with_help(help),
        None => out,
    }
}

/// The type of the answers to a form.
fn form_type(form: &serde_json::Value) -> Result<Type> {
    from_json_schema(form)
        .map_err(|why| Error::new(Kind::Bug, format!("the form of the task cannot be read: {why}")))
}

fn has_field(form: &Type, name: &str) -> bool {
    match &form.kind {
        cleargate_flow::types::Kind::Record(fields) => fields.contains_key(name),
        _ => true,
    }
}

/// The fields of a form, for a message.
fn fields(form: &Type) -> String {
    match &form.kind {
        cleargate_flow::types::Kind::Record(fields) => {
            let each = fields.iter().map(|(name, field)| format!("{name}: {}", field.ty));
            each.collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

fn place(wait: &WaitView) -> Result<(RunId, Address)> {
    let bad = |why: String| Error::new(Kind::Store, why);
    let run = wait.run.parse().map_err(|_| bad(format!("`{}` is no run", wait.run)))?;
    let address = wait.address.parse();
    Ok((run, address.map_err(|_| bad(format!("`{}` is no address", wait.address)))?))
}

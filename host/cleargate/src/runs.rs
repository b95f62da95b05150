//! Runs as an operator asks for them: lists, details, the journal.

use cleargate_executor::{Clock, child_id};
use cleargate_flow::{Event, FlowId, Record, RunId};
use cleargate_store::{Letter, MAX_PAGE, RunFilter, RunRow, RunStatus, Says, StoreError, Trouble};
use serde::Serialize;

use crate::error::{Error, Kind, Result};
use crate::host::Host;
use crate::timeline::{Folding, Timeline};
use crate::waits::WaitView;

/// Which runs.
#[derive(Clone, Debug, Default)]
pub struct RunQuery {
    /// Of this flow only.
    pub flow: Option<String>,
    /// Those of one [`RunView::status`] only.
    pub status: Option<&'static str>,
    /// The sub-flows of runs too.
    pub sub_flows: bool,
    /// At most so many.
    pub limit: usize,
}

/// One run in a list.
#[derive(Clone, Debug, Serialize)]
pub struct RunView {
    /// The run's id.
    pub id: String,
    /// The flow's name.
    pub flow: String,
    /// The version that it is pinned to.
    pub hash: String,
    /// The run that this one is a sub-flow of, and the address there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<Parent>,
    /// The run that this one was forked from, which may have been removed since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// `running` while a process drives it, `interrupted` when none does, `waiting`, `dead` when it was set aside until
    /// [`Host::retry`]; and `succeeded`, `failed` or `cancelled`.
    pub status: String,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub created_at: i64,
    /// Milliseconds from creation to the end; absent while it has not ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<i64>,
    /// Why it failed or was set aside, in a line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
}

/// Where a sub-flow belongs.
#[derive(Clone, Debug, Serialize)]
pub struct Parent {
    /// The run around it.
    pub run: String,
    /// The node that it is.
    pub address: String,
}

/// One run with its timeline.
#[derive(Clone, Debug, Serialize)]
pub struct RunDetails {
    /// The run.
    pub run: RunView,
    /// What it and its sub-flows wait for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waits: Vec<WaitView>,
    /// What it was told and had not taken when it ended: nobody ever will.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub undelivered: Vec<Undelivered>,
    /// Its nodes.
    pub timeline: Timeline,
    /// Its sub-flows, in the order in which they were started.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sub_flows: Vec<RunView>,
}

/// Something that a run was told and that it did not take before it ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Undelivered {
    /// What made it unique in the run.
    pub id: String,
    /// Who told it.
    pub by: String,
    /// When, in milliseconds since 1970-01-01T00:00:00Z.
    pub at: i64,
    /// The name of the event, or the node whose task was answered.
    pub what: String,
    /// What it carried.
    pub payload: serde_json::Value,
}

impl From<Letter> for Undelivered {
    fn from(letter: Letter) -> Self {
        let (what, payload) = match &letter.says {
            Says::Signal { name, payload } => (name.clone(), payload.to_serde()),
            Says::Answer { address, answer } => (address.to_string(), answer.to_serde()),
        };
        Self { id: letter.id, by: letter.by, at: letter.at, what, payload }
    }
}

impl RunView {
    /// A run as it stands at `now`, with what is held against it.
    pub(crate) fn of(row: RunRow, trouble: Option<Trouble>, now: i64) -> Self {
        let aside = trouble.filter(|trouble| trouble.set_aside);
        let driven = row.lease.as_ref().is_some_and(|lease| lease.holds(now));
        let status = match row.status {
            RunStatus::Running | RunStatus::Waiting if aside.is_some() => "dead",
            RunStatus::Running if !driven => "interrupted",
            other => other.as_str(),
        };
        let summary = row.error.map(|error| {
            let place = error.address.map(|a| format!("{a}: ")).unwrap_or_default();
            format!("{place}{}: {}", error.code, error.message)
        });
        let summary = summary.or(aside.map(|trouble| trouble.why));
        Self {
            id: row.id.to_string(),
            flow: row.flow.to_string(),
            hash: row.hash.to_string(),
            parent: row.parent.map(|(run, address)| Parent {
                run: run.to_string(),
                address: address.to_string(),
            }),
            origin: row.origin.map(|run| run.to_string()),
            status: status.into(),
            created_at: row.created_at,
            duration_ms: row.finished_at.map(|end| end.saturating_sub(row.created_at).max(0)),
            summary,
        }
    }
}

/// A store's refusal as an error of this API.
pub(crate) fn store_error(error: StoreError) -> Error {
    let kind = match &error {
        StoreError::NoSuchRun { .. } => Kind::Invalid,
        _ => Kind::Store,
    };
    Error::new(kind, error.to_string())
}

impl Host {
    /// Runs, newest first.
    ///
    /// # Errors
    /// The store cannot be read, or a filter is no name.
    pub async fn runs(&self, query: RunQuery) -> Result<Vec<RunView>> {
        let flow = query.flow.map(|flow| flow.parse()).transpose();
        let flow = flow.map_err(|e: cleargate_flow::address::NameError| {
            Error::new(Kind::Invalid, e.to_string())
        })?;
        if query.status == Some("dead") {
            return self.dead_runs(flow.as_ref(), query.limit).await;
        }
        // Whether one is driven is not what the store goes by.
        let status =
            query.status.map(|status| if status == "interrupted" { "running" } else { status });
        let status: Option<RunStatus> = status.and_then(|status| status.parse().ok());
        let (top_only, limit) = (!query.sub_flows, query.limit.min(MAX_PAGE));
        let mut filter = RunFilter { flow, status, top_only, limit, ..RunFilter::default() };
        let mut found = Vec::new();
        loop {
            let page = self.store().runs(&filter).await.map_err(store_error)?;
            let last = page.len() < filter.limit;
            filter.before = page.last().map(|row| row.id.clone());
            for row in page {
                let view = self.view(row).await?;
                if query.status.is_none_or(|wanted| view.status == wanted) {
                    found.push(view);
                }
            }
            if last || found.len() >= query.limit {
                found.truncate(query.limit);
                return Ok(found);
            }
        }
    }

    /// A run as it stands now.
    pub(crate) async fn view(&self, row: RunRow) -> Result<RunView> {
        let trouble = match row.status.is_finished() {
            true => None,
            false => match self.store().trouble(&row.id).await {
                // Removed meanwhile.
                Err(StoreError::NoSuchRun { .. }) => None,
                trouble => trouble.map_err(store_error)?,
            },
        };
        Ok(RunView::of(row, trouble, self.clock().now()))
    }

    /// Runs that were set aside, newest first.
    async fn dead_runs(&self, flow: Option<&FlowId>, limit: usize) -> Result<Vec<RunView>> {
        let (mut found, mut before) = (Vec::new(), None);
        loop {
            let page =
                self.store().set_aside(before.as_ref(), MAX_PAGE).await.map_err(store_error)?;
            let last = page.len() < MAX_PAGE;
            before = page.last().map(|(run, _)| run.clone());
            for (run, trouble) in page {
                let row = self.store().run(&run).await.map_err(store_error)?;
                let row = row.filter(|row| flow.is_none_or(|flow| row.flow == *flow));
                found.extend(row.map(|row| RunView::of(row, Some(trouble), self.clock().now())));
                if found.len() == limit {
                    return Ok(found);
                }
            }
            if last {
                return Ok(found);
            }
        }
    }

    /// The run with this id, or the only one whose id begins like this.
    ///
    /// # Errors
    /// No run fits, or several do.
    pub async fn find_run(&self, text: &str) -> Result<RunId> {
        if text.is_empty() {
            return Err(Error::new(Kind::Invalid, "the id of the run is empty")
                .with_help("cleargate runs list"));
        }
        if let Ok(id) = text.parse::<RunId>()
            && self.store().run(&id).await.map_err(store_error)?.is_some()
        {
            return Ok(id);
        }
        let mut fits = self.store().run_ids(text, 2).await.map_err(store_error)?.into_iter();
        match (fits.next(), fits.next()) {
            (Some(id), None) => Ok(id),
            (Some(_), Some(_)) => {
                let why = format!("several runs begin with `{text}`");
                Err(Error::new(Kind::Invalid, why).with_help("give more of the id"))
            }
            (None, _) => Err(Error::new(Kind::Invalid, format!("there is no run `{text}`"))
                .with_help("cleargate runs list")),
        }
    }

    /// A run with its timeline.
    ///
    /// # Errors
    /// There is no such run, or its journal is damaged.
    pub async fn run_details(&self, id: &RunId) -> Result<RunDetails> {
        let row = self.store().run(id).await.map_err(store_error)?;
        let row =
            row.ok_or_else(|| Error::new(Kind::Invalid, format!("there is no run `{id}`")))?;
        let (mut folding, mut sub_flows, mut next) = (Folding::default(), Vec::new(), 0);
        loop {
            let page = self.events_from(id, next).await?;
            let Some(last) = page.last() else { break };
            next = last.seq + 1;
            page.iter().for_each(|record| folding.add(record));
            sub_flows.extend(self.sub_flows(id, &page).await?);
        }
        let waits = self.waits(id).await?;
        let undelivered = self.store().undelivered(id, MAX_PAGE).await.map_err(store_error)?;
        let undelivered = undelivered.into_iter().map(Undelivered::from).collect();
        let (run, timeline) = (self.view(row).await?, folding.timeline());
        Ok(RunDetails { run, waits, undelivered, timeline, sub_flows })
    }

    /// The children that a journal speaks of: their ids follow from the attempts that they are.
    async fn sub_flows(&self, id: &RunId, events: &[Record]) -> Result<Vec<RunView>> {
        let mut found = Vec::new();
        for record in events {
            let Event::AttemptStarted { address, attempt, .. } = &record.event else { continue };
            let child = child_id(id, address, *attempt);
            if let Some(row) = self.store().run(&child).await.map_err(store_error)? {
                found.push(self.view(row).await?);
            }
        }
        Ok(found)
    }

    /// The records of a run from position `from` on, as many as one page holds; none past the end.
    ///
    /// # Errors
    /// There is no such run, or its journal is damaged.
    pub async fn events_from(&self, id: &RunId, from: u64) -> Result<Vec<Record>> {
        self.store().journal(id, from, MAX_PAGE).await.map_err(store_error)
    }

    /// The whole journal of a run, in memory. [`Host::events_from`] takes it page by page.
    ///
    /// # Errors
    /// There is no such run, or its journal is damaged.
    pub async fn events(&self, id: &RunId) -> Result<Vec<Record>> {
        self.store().whole_journal(id).await.map_err(store_error)
    }
}

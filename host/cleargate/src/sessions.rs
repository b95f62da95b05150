//! Sessions: programs of one run that find what those before them have left.
//!
//! The state of a session follows from the journal. As long as a process drives the run, the instance of the interpreter lives
//! on between its programs; when it is gone (another process, an end by a limit, an hour without a call), the programs of the
//! session are executed once more in a new one, with every call of the host answered from the record and every door closed.
//! So a session survives `kill -9`, is forked with its run, and costs nothing while nobody asks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as Lock, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use cleargate_executor::{
    Binding, Catalog, CatalogError, Executor, Failure, Node, NodeContext, Output, Reenacted,
};
use cleargate_flow::error::ErrorCode;
use cleargate_flow::graph::{Graph, Leaf};
use cleargate_flow::history::{Recorded, refold};
use cleargate_flow::{Address, RunId, Value};
use cleargate_nodes::Program;
use cleargate_runtime::Living;
use tokio::sync::Mutex;

use crate::flows::FlowCatalog;

/// Sessions whose instances live: each holds the memory of an interpreter. The one that was used longest ago goes first.
const MAX_LIVING: usize = 16;

/// How long an instance lives that nobody calls. Its session does not end with it.
const IDLE: Duration = Duration::from_secs(10 * 60);

/// How long the record of a program is waited for that has answered just now.
const SETTLES: Duration = Duration::from_secs(2);

/// How often it is looked for.
const LOOK: Duration = Duration::from_millis(2);

/// The sessions of a process.
#[derive(Default)]
pub(crate) struct Sessions(Lock<HashMap<(RunId, String), Entry>>);

struct Entry {
    session: Arc<Mutex<Session>>,
    used: Instant,
}

/// One session: the instance, and which attempts made it what it is.
#[derive(Default)]
struct Session {
    living: Arc<Living>,
    holds: Vec<(Address, u32)>,
}

impl Sessions {
    fn of(&self, run: &RunId, name: &str) -> Arc<Mutex<Session>> {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        // A session that somebody uses is held by its user too.
        entries.retain(|_, entry| {
            now.duration_since(entry.used) < IDLE || Arc::strong_count(&entry.session) > 1
        });
        let key = (run.clone(), name.to_owned());
        if entries.len() >= MAX_LIVING && !entries.contains_key(&key) {
            let oldest = entries.iter().min_by_key(|(_, entry)| entry.used);
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                entries.remove(&oldest);
            }
        }
        let new = || Entry { session: Arc::default(), used: now };
        let entry = entries.entry(key).or_insert_with(new);
        entry.used = now;
        entry.session.clone()
    }
}

/// A program of a session, as a step.
pub(crate) struct SessionStep {
    pub catalog: FlowCatalog,
    pub graph: Arc<Graph>,
    pub leaf: Leaf,
    pub session: String,
}

#[async_trait]
impl Node for SessionStep {
    async fn run(&self, ctx: NodeContext, input: Value) -> Result<Output, Failure> {
        let session = self.catalog.sessions.of(&ctx.run, &self.session);
        let mut session = session.lock().await;
        let this = (ctx.address.clone(), ctx.attempt);
        self.ready(&mut session, &ctx.run, &this).await?;
        let binding = self.step_in(&session.living, &self.leaf).map_err(failure)?;
        let done = binding.node.run(ctx, input).await;
        match session.living.is_there().await {
            true => session.holds.push(this),
            // It was ended in the middle: what it left is nobody's.
            false => *session = Session::default(),
        }
        done
    }
}

impl SessionStep {
    /// Brings the instance to where the journal says that the session is before an attempt.
    async fn ready(
        &self,
        session: &mut Session,
        run: &RunId,
        this: &(Address, u32),
    ) -> Result<(), Failure> {
        let executor = &self.catalog.executor;
        let mut recorded = self.recorded(executor, run).await?;
        let patience = Instant::now() + SETTLES;
        let again = recorded.iter().any(|program| place(program) == *this);
        while !again && recorded.len() < session.holds.len() && Instant::now() < patience {
            tokio::time::sleep(LOOK).await;
            recorded = self.recorded(executor, run).await?;
        }
        // One that is performed again finds what was there before it, and not what came of it.
        let before = recorded.iter().take_while(|program| place(program) != *this).count();
        recorded.truncate(before);
        let places: Vec<_> = recorded.iter().map(place).collect();
        if places == session.holds {
            return Ok(());
        }
        *session = Session::default();
        let again = InSession { step: self, living: session.living.clone() };
        for program in &recorded {
            let done = executor.reenact_within(program, &self.graph, &again).await;
            let done = done.map_err(Failure::from)?;
            let mended = matches!(&done, Reenacted::Answered { calls, .. } if calls.is_empty());
            if !mended || !session.living.is_there().await {
                let address = &program.attempt.address;
                let message = format!(
                    "the session `{}` cannot be brought back: its program at `{address}` did not go as recorded",
                    self.session
                );
                return Err(Failure::new(ErrorCode::Bug, message));
            }
        }
        session.holds = places;
        Ok(())
    }

    /// The programs of the session that came to their end, well or not, in the order in which they did.
    async fn recorded(&self, executor: &Executor, run: &RunId) -> Result<Vec<Recorded>, Failure> {
        let bug = |why: String| Failure::new(ErrorCode::Bug, why);
        let records = executor.journal(run).await;
        let records = records.map_err(|why| Failure::new(ErrorCode::Transient, why.to_string()))?;
        let folded = refold(&self.graph, run, &records).map_err(|why| bug(why.to_string()))?;
        let ours = |recorded: &Recorded| {
            let config = &recorded.attempt.leaf.config;
            let ended = match &recorded.answer {
                Ok(_) => true,
                Err(error) => {
                    matches!(error.code, ErrorCode::Permanent | ErrorCode::InvalidInput)
                }
            };
            recorded.attempt.leaf.uses == Program::NAME
                && config.get("session").and_then(Value::as_str) == Some(&self.session)
                && ended
                && !recorded.set
        };
        Ok(folded.attempts.into_iter().filter(ours).collect())
    }

    /// What runs a program in an instance.
    fn step_in(&self, living: &Arc<Living>, leaf: &Leaf) -> Result<Binding, CatalogError> {
        self.catalog.code_in(leaf, Some(living.clone()))
    }
}

/// The flow as the programs of a session see it that are executed once more.
struct InSession<'s> {
    step: &'s SessionStep,
    living: Arc<Living>,
}

impl Catalog for InSession<'_> {
    fn node(&self, leaf: &Leaf, _flow: &Graph) -> Result<Binding, CatalogError> {
        self.step.step_in(&self.living, leaf)
    }
}

/// Which attempt it was.
fn place(recorded: &Recorded) -> (Address, u32) {
    (recorded.attempt.address.clone(), recorded.attempt.attempt)
}

fn failure(error: CatalogError) -> Failure {
    cleargate_flow::NodeError::from(error).into()
}

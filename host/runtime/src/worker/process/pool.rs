//! The workers of a host: a bounded number, the fitting one for each call, and always one to spare.
//!
//! One thread starts them all and waits for their ends: a worker dies with the thread that started it, so that is one
//! which lives as long as the pool.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};
use std::{fmt, mem};

use async_trait::async_trait;
use cleargate_flow::event::Usage;
use tokio::sync::{Notify, Semaphore, oneshot};

use super::frame::Frames;
use super::near::{Attendance, Broken, longest};
use super::start::{Errand, START_TIME, Worker};
use crate::fault::Fault;
use crate::instance::Called;
use crate::place::{Job, Place, Portable, Told};
use crate::worker::{WorkersConfig, WorkersError};

/// Workers that stand ready for whatever plugin comes next.
const SPARES: usize = 1;

/// Executes calls in worker processes. Cloning is cheap; the processes end with the last clone.
#[derive(Clone)]
pub struct Workers(Arc<Shared>);

struct Shared {
    config: WorkersConfig,
    /// One for each call that is executed.
    places: Semaphore,
    state: Mutex<State>,
    /// Something about the spares has changed.
    changed: Notify,
    keeper: Sender<Errand>,
    landlock: bool,
}

/// What a worker is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// It stands ready for whatever plugin comes next.
    Spare,
    /// It has a plugin, and no call.
    Kept,
    /// It executes a call, gets its plugin, or ends.
    Call,
}

#[derive(Default)]
struct State {
    spares: Vec<Worker>,
    /// That are being started.
    coming: usize,
    /// Calls that wait for one.
    waiting: usize,
    /// With a plugin and without a call; the one that was used longest ago is the first.
    idle: Vec<Worker>,
    /// Why the last one could not be started.
    failed: Option<WorkersError>,
    /// That were started.
    started: u64,
    /// Process ids of those whose end was not seen yet.
    living: Vec<u32>,
}

impl Workers {
    /// Starts the first worker and waits until it is confined.
    ///
    /// # Errors
    /// The program cannot be started, or this machine cannot confine it.
    pub async fn open(config: WorkersConfig) -> Result<Self, WorkersError> {
        let (keeper, errands) = channel();
        let (sender, first) = oneshot::channel();
        let settings = config.clone();
        let own = keeper.clone();
        let keep = move || {
            let first = Worker::start(&settings, own);
            let (shared, go) = channel();
            let _gone = sender.send((first, shared));
            // Without a pool there are only ends to wait for.
            keep(&go.recv().unwrap_or_default(), &settings, &errands);
        };
        let thread = thread::Builder::new().name("cleargate-workers".into()).spawn(keep);
        thread.map_err(|error| WorkersError(format!("no thread for them: {error}")))?;
        let (first, go) = first.await.map_err(|_| WorkersError("their thread ended".into()))?;
        let (worker, landlock) = first?;
        let places = Semaphore::new(config.workers.max(1));
        let living = worker.pid().into_iter().collect();
        let state = State { spares: vec![worker], started: 1, living, ..State::default() };
        let (state, changed) = (Mutex::new(state), Notify::new());
        let shared = Arc::new(Shared { config, places, state, changed, keeper, landlock });
        let _thread_waits = go.send(Arc::downgrade(&shared));
        Ok(Self(shared))
    }

    /// Whether they are confined with Landlock, too.
    pub fn landlock(&self) -> bool {
        self.0.landlock
    }

    /// The processes that live, and what each of them is doing.
    pub fn processes(&self) -> Vec<(u32, Doing)> {
        let state = self.0.state();
        let doing = |pid: u32| {
            let is = |worker: &Worker| worker.pid() == Some(pid);
            match (state.spares.iter().any(is), state.idle.iter().any(is)) {
                (true, _) => Doing::Spare,
                (_, true) => Doing::Kept,
                _ => Doing::Call,
            }
        };
        state.living.iter().map(|pid| (*pid, doing(*pid))).collect()
    }

    /// Processes that were started so far.
    pub fn started(&self) -> u64 {
        self.0.state().started
    }
}

impl fmt::Debug for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Workers({})", self.0.config.program.display())
    }
}

#[async_trait]
impl Place for Workers {
    async fn execute(&self, job: Job) -> Called<Told> {
        let time = Duration::from_millis(job.limits.time.value);
        let nothing = Usage::default();
        let Ok(place) = tokio::time::timeout(time, self.0.places.acquire()).await else {
            return Called { result: Err(Fault::Busy), usage: nothing };
        };
        let _place = place.expect("the semaphore is not closed");
        let mut worker = match self.0.fitting(&job.plugin).await {
            Ok(worker) => worker,
            Err(fault) => return Called { result: Err(fault), usage: nothing },
        };
        let started = Instant::now();
        let used = || {
            let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
            Usage { micros, ..nothing }
        };
        // While a call has it, the worker is owned here alone: it ends when nobody waits any more.
        match call(&mut worker, &job).await {
            Ok(called) => {
                self.0.keep(worker);
                called
            }
            Err(Broken::Late) => {
                let after = job.limits.time.value;
                Called { result: Err(Fault::Timeout { after }), usage: used() }
            }
            Err(broken) => {
                let usage = used();
                let gone = matches!(&broken, Broken::Frame(error) if error.is_gone());
                Called { result: Err(worker.ended(&broken, gone).await), usage }
            }
        }
    }
}

async fn call(worker: &mut Worker, job: &Job) -> Result<Called<Told>, Broken> {
    let pair = worker.pair.take().expect("a worker that is kept can be spoken to");
    let frames = Frames::new(pair, longest(&job.limits));
    let mut frames = frames.map_err(|error| Broken::Frame(error.into()))?;
    let called = Attendance::execute(&mut frames, job.plugin.grants(), job).await?;
    worker.pair = frames.into_inner();
    worker.calls += 1;
    Ok(called)
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A worker that has the plugin.
    async fn fitting(&self, plugin: &Arc<Portable>) -> Result<Worker, Fault> {
        if let Some(worker) = self.state().kept_for(plugin) {
            return Ok(worker);
        }
        let mut worker = self.spare().await?;
        worker.load(plugin).await?;
        Ok(worker)
    }

    /// A worker without a plugin. The next one is started at once.
    async fn spare(&self) -> Result<Worker, WorkersError> {
        let _waiting = Waiting::new(self);
        let wait = async {
            loop {
                let mut changed = std::pin::pin!(self.changed.notified());
                changed.as_mut().enable();
                if let Some(found) = self.state().spare() {
                    return found;
                }
                self.order();
                changed.await;
            }
        };
        let late = || Err(WorkersError("none was ready in time".into()));
        let found = tokio::time::timeout(START_TIME, wait).await.unwrap_or_else(|_| late())?;
        // Beside the calls of now, this one included, so many may be kept.
        self.state().make_room(self.places.available_permits());
        Ok(found)
    }

    /// Starts as many as are missing.
    fn order(&self) {
        let mut state = self.state();
        while state.spares.len() + state.coming < SPARES + state.waiting {
            state.coming += 1;
            // The thread ends with this.
            let _kept = self.keeper.send(Errand::Start);
        }
    }

    /// Keeps a worker for the next call of its plugin, unless it has had enough of them.
    fn keep(&self, worker: Worker) {
        if worker.calls < self.config.calls && worker.pair.is_some() {
            self.state().idle.push(worker);
        }
    }
}

/// Counts a call that waits for a spare.
struct Waiting<'a>(&'a Shared);

impl<'a> Waiting<'a> {
    fn new(shared: &'a Shared) -> Self {
        let mut state = shared.state();
        state.waiting += 1;
        // What went wrong before may be mended.
        state.failed = None;
        Self(shared)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.state().waiting -= 1;
        self.0.order();
    }
}

impl State {
    /// One that has the plugin and lives. The one that was used last is the warmest.
    fn kept_for(&mut self, plugin: &Portable) -> Option<Worker> {
        while let Some(at) = self.idle.iter().rposition(|worker| worker.is_for(plugin)) {
            let mut worker = self.idle.remove(at);
            if worker.lives() {
                return Some(worker);
            }
        }
        None
    }

    /// One that has no plugin and lives, or why there is none.
    fn spare(&mut self) -> Option<Result<Worker, WorkersError>> {
        while let Some(mut worker) = self.spares.pop() {
            if worker.lives() {
                return Some(Ok(worker));
            }
        }
        mem::take(&mut self.failed).map(Err)
    }

    /// Lets those go that were used longest ago, until there are `most`.
    fn make_room(&mut self, most: usize) {
        let spare = self.idle.len().saturating_sub(most);
        self.idle.drain(..spare);
    }
}

/// Does the errands of a pool, until it is gone.
fn keep(shared: &Weak<Shared>, config: &WorkersConfig, errands: &Receiver<Errand>) {
    while let Ok(errand) = errands.recv() {
        match errand {
            Errand::Start => {
                let Some(keeper) = shared.upgrade().map(|shared| shared.keeper.clone()) else {
                    continue;
                };
                let started = Worker::start(config, keeper);
                let Some(shared) = shared.upgrade() else { continue };
                let mut state = shared.state();
                state.coming -= 1;
                match started {
                    Ok((worker, _)) => {
                        state.started += 1;
                        state.living.extend(worker.pid());
                        state.spares.push(worker);
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a worker cannot be started");
                        state.failed = Some(error);
                    }
                }
                drop(state);
                shared.changed.notify_waiters();
            }
            Errand::Bury(mut child) => {
                let _gone = child.wait();
                if let Some(shared) = shared.upgrade() {
                    shared.state().living.retain(|pid| *pid != child.id());
                }
            }
        }
    }
}

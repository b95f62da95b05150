//! A process that goes on with runs by itself: with those that another one left, and with those whose moment has come.
//!
//! It asks the store at its start, when the next moment comes, and from time to time for what other processes wrote; what
//! it asks for costs as much as there is to do, however much has been done. It drives a bounded number of runs and reads
//! fewer at once. Two workers on one store find the same runs: the lease decides. A run that ends its process, or cannot
//! be gone on with, again and again, is set aside with the reason: see [`MAX_TRIES`](crate::limits::MAX_TRIES).

mod hand;
mod queue;

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cleargate_flow::{FlowId, Graph, Outcome, RunId};
use cleargate_store::{MAX_PAGE, RunFilter, RunRow, RunStatus, StoreError};
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::catalog::Catalog;
use crate::clock::Clock;
use crate::executor::{Executor, millis};
use crate::handle::End;
use crate::limits::{CLOCK_SLACK_MS, JOBS, POLL_MS, RETRY_PAUSE_MS, WORK_GRACE_MS};
use hand::{Done, Taking, What};
use queue::Queue;

/// Makes the flows of runs ready.
#[async_trait]
pub trait Flows: Send + Sync {
    /// The flow that a run is pinned to, ready to go on with.
    ///
    /// # Errors
    /// Why it cannot be had, in words for whoever looks after the run.
    async fn ready(&self, run: &RunRow) -> Result<(Arc<Graph>, Arc<dyn Catalog>), String>;
}

/// How much a worker does at once, and when it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkConfig {
    /// Runs that are driven at the same time; see [`JOBS`].
    pub jobs: usize,
    /// Runs that are read from the store at the same time. Reading is work for processors: twice as many as there are
    /// keep them busy while the disk is asked.
    pub reads: usize,
    /// How often the store is asked for what other processes wrote; see [`POLL_MS`].
    pub poll: Duration,
    /// How long runs that are under way may take to come to a stored point at the end; see [`WORK_GRACE_MS`].
    pub grace: Duration,
    /// End when no run can go on: what is left waits for a far moment, an event or people, or was set aside.
    pub until_idle: bool,
}

impl Default for WorkConfig {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            jobs: JOBS,
            reads: 2 * cores,
            poll: Duration::from_millis(POLL_MS),
            grace: Duration::from_millis(WORK_GRACE_MS),
            until_idle: false,
        }
    }
}

/// Something that happened to a run while a worker works.
#[derive(Clone, Debug, PartialEq)]
pub enum Worked {
    /// It goes on in this process.
    Taken {
        /// Which run.
        run: RunId,
        /// Its flow.
        flow: FlowId,
    },
    /// It is over.
    Ended {
        /// Which run.
        run: RunId,
        /// How.
        outcome: Outcome,
    },
    /// It does nothing but wait, and was given back.
    Waits {
        /// Which run.
        run: RunId,
    },
    /// It was given back unfinished, because this process ends. Whoever works next takes it at once.
    GivenBack {
        /// Which run.
        run: RunId,
    },
    /// Another process took it over.
    Lost {
        /// Which run.
        run: RunId,
    },
    /// It cannot go on at present.
    Failing {
        /// Which run.
        run: RunId,
        /// Why.
        why: String,
        /// When it is tried again.
        again_in: Duration,
    },
    /// It was tried in vain so often that it is left alone until somebody asks for it.
    SetAside {
        /// Which run.
        run: RunId,
        /// Why.
        why: String,
    },
}

impl Executor {
    /// Goes on with every run that can go on, until `stop` says so. Then nothing new is taken, runs that are under way have
    /// [`WorkConfig::grace`] to come to a stored point, and are given back. The executor starts nothing after that.
    ///
    /// Each thing that happens is told as it happens. Dropping the future takes no run any more and leaves those that are
    /// driven to [`Executor::shutdown`].
    ///
    /// # Errors
    /// The store failed for good; one that is full or locked is waited for. Runs were given back as far as that can be.
    pub async fn work(
        &self,
        flows: &dyn Flows,
        config: WorkConfig,
        stop: impl Future<Output = ()> + Send,
        tell: &(dyn Fn(Worked) + Sync),
    ) -> Result<(), StoreError> {
        let mut worker = Worker::new(self, flows, config, tell);
        let ended = worker.serve(stop).await;
        worker.drain().await;
        ended
    }
}

struct Worker<'a> {
    taking: Taking<'a>,
    config: WorkConfig,
    queue: Queue,
    hands: FuturesUnordered<BoxFuture<'a, Done>>,
    /// Of runs that may be what ends processes, one begins at a time: see [`queue`].
    lane: Arc<Semaphore>,
    watch: ClockWatch,
    /// Microseconds of the clock at which the store is asked again.
    look_at: u64,
    /// Something came of the last look.
    fruitful: bool,
    /// Leases that others held when this worker had nothing to do.
    others: HashMap<RunId, i64>,
}

impl<'a> Worker<'a> {
    fn new(
        executor: &'a Executor,
        flows: &'a dyn Flows,
        config: WorkConfig,
        tell: &'a (dyn Fn(Worked) + Sync),
    ) -> Self {
        let reading = Arc::new(Semaphore::new(config.reads.clamp(1, Semaphore::MAX_PERMITS)));
        let watch = ClockWatch::new(&*executor.shared.clock);
        let stopping = CancellationToken::new();
        Self {
            taking: Taking { executor, flows, tell, reading, stopping, wary: false },
            config,
            queue: Queue::default(),
            hands: FuturesUnordered::new(),
            lane: Arc::new(Semaphore::new(1)),
            watch,
            look_at: 0,
            fruitful: true,
            others: HashMap::new(),
        }
    }

    async fn serve(&mut self, stop: impl Future<Output = ()>) -> Result<(), StoreError> {
        let mut stop = pin!(stop);
        loop {
            let clock = self.clock();
            // Before anything else: what ends all the time must not keep the worker from looking.
            if self.look_at <= clock.micros() {
                self.look().await?;
            }
            self.take();
            if self.config.until_idle && self.is_idle().await? {
                return Ok(());
            }
            let pause = self.look_at.min(self.queue.next_moment()).saturating_sub(clock.micros());
            let lane = self.lane.clone();
            let suspects = self.queue.has_suspects() && self.hands.len() < self.config.jobs;
            tokio::select! {
                biased;
                () = &mut stop => return Ok(()),
                Some(done) = self.hands.next() => self.done(done).await?,
                free = lane.acquire_owned(), if suspects => {
                    self.take_suspect(free.expect("the lane is never closed"));
                }
                () = clock.sleep(pause.div_ceil(1_000).max(1)) => {}
            }
        }
    }

    /// Asks the store which runs can go on.
    async fn look(&mut self) -> Result<(), StoreError> {
        let (clock, store) = (self.clock(), self.taking.executor.shared.store.clone());
        let ttl = millis(self.taking.executor.shared.config.lease_ttl);
        self.taking.wary = self.watch.look(&*clock, ttl);
        self.fruitful = false;
        let now = clock.now();
        let found = async {
            let (woken, left) = (store.due(now, None).await?, store.outstanding(now).await?);
            Ok((woken, left, store.next_due(now).await?))
        };
        let poll = millis(self.config.poll).max(1);
        let mut pause = poll;
        match found.await {
            Ok((woken, left, next)) => {
                woken.into_iter().for_each(|run| self.queue.woken(run));
                left.into_iter().for_each(|run| self.queue.left(run));
                pause = pause.min(until(next, now));
            }
            // It passes by itself.
            Err(error @ (StoreError::Locked | StoreError::Full { .. })) => {
                tracing::warn!(%error, "the store was not asked for runs");
                self.fruitful = true;
            }
            Err(error) => return Err(error),
        }
        self.look_at = clock.micros().saturating_add(pause.saturating_mul(1_000));
        Ok(())
    }

    /// Takes runs as long as there is room for more.
    fn take(&mut self) {
        self.queue.come(self.clock().micros());
        while self.hands.len() < self.config.jobs
            && let Some(run) = self.queue.next()
        {
            self.hands.push(self.taking.clone().hand(run, None).boxed());
        }
    }

    fn take_suspect(&mut self, lane: OwnedSemaphorePermit) {
        if let Some(run) = self.queue.next_suspect() {
            self.hands.push(self.taking.clone().hand(run, Some(lane)).boxed());
        }
    }

    /// What became of a run that was in hand.
    async fn done(&mut self, Done { run, what }: Done) -> Result<(), StoreError> {
        self.queue.done(&run);
        self.fruitful |= !matches!(what, What::NotNow | What::PartOf(_));
        let tell = self.taking.tell;
        let micros = self.clock().micros();
        match what {
            What::NotNow | What::Stopped => {}
            What::PartOf(top) => self.queue.left(top),
            What::Suspect(tries) => self.queue.suspect(run, tries),
            What::Busy => self.queue.later(run, micros + RETRY_PAUSE_MS.0 * 1_000),
            What::Failing { tries, why } => {
                let again = retry_pause(tries);
                self.queue.later(run.clone(), micros + again * 1_000);
                tell(Worked::Failing { run, why, again_in: Duration::from_millis(again) });
            }
            What::SetAside(why) => tell(Worked::SetAside { run, why }),
            What::Left(End::Finished(outcome)) => tell(Worked::Ended { run, outcome }),
            What::Left(End::Waiting) => {
                // What it waits for may come before the next look.
                let now = self.clock().now();
                let next = self.taking.executor.shared.store.next_due(now).await;
                let pause = until(next.unwrap_or_default(), now);
                self.look_at = self.look_at.min(micros.saturating_add(pause.saturating_mul(1_000)));
                tell(Worked::Waits { run });
            }
            What::Left(End::Parked) => tell(Worked::GivenBack { run }),
            What::Left(End::Lost | End::Broken(_)) => tell(Worked::Lost { run }),
            What::Store(error) => return Err(error),
        }
        Ok(())
    }

    /// Whether nothing can go on. A run whose process has just died cannot be told from one that is driven elsewhere before
    /// its lease is over, or was renewed: then this waits.
    async fn is_idle(&mut self) -> Result<bool, StoreError> {
        if self.fruitful || !self.hands.is_empty() || !self.queue.is_empty() {
            return Ok(false);
        }
        let (now, store) = (self.clock().now(), self.taking.executor.shared.store.clone());
        // What comes so soon would be waited for by whoever drives the run.
        let linger = self.taking.executor.shared.linger_ms().unwrap_or_default();
        if until(store.next_due(now).await?, now) < linger {
            return Ok(false);
        }
        let status = Some(RunStatus::Running);
        let mut filter = RunFilter { status, top_only: true, ..RunFilter::default() };
        loop {
            let page = store.runs(&filter).await?;
            for row in &page {
                let Some(lease) = &row.lease else { continue };
                let first = *self.others.entry(row.id.clone()).or_insert(lease.until);
                // One that has run out since the last look is found by the next one.
                let alone =
                    || async { Ok(store.trouble(&row.id).await?.is_some_and(|t| t.set_aside)) };
                if lease.until == first && (lease.holds(now) || !alone().await?) {
                    return Ok(false);
                }
            }
            filter.before = page.last().map(|row| row.id.clone());
            if page.len() < MAX_PAGE {
                return Ok(true);
            }
        }
    }

    /// Gives everything back.
    async fn drain(&mut self) {
        self.taking.stopping.cancel();
        let shutdown = self.taking.executor.shutdown(self.config.grace);
        let rest = async {
            while let Some(done) = self.hands.next().await {
                if let Err(error) = self.done(done).await {
                    tracing::warn!(%error, "a run was not given back");
                }
            }
        };
        futures::join!(shutdown, rest);
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.taking.executor.shared.clock.clone()
    }
}

/// Milliseconds from `now` to a moment.
fn until(moment: Option<i64>, now: i64) -> u64 {
    moment.map_or(u64::MAX, |at| u64::try_from(at.saturating_sub(now)).unwrap_or_default())
}

/// Milliseconds before a run that fails is tried again.
fn retry_pause(tries: u32) -> u64 {
    let (first, greatest) = RETRY_PAUSE_MS;
    let doubled = 1_u64.checked_shl(tries.saturating_sub(1)).unwrap_or(u64::MAX);
    first.saturating_mul(doubled).min(greatest)
}

/// Notices that the clock on the wall has jumped, by the one that never does. A lease that a living process holds then looks
/// as if it were over, until that process renews it: for so long, no lease that was not released is taken for over.
struct ClockWatch {
    wall: i64,
    micros: u64,
    wary_until: u64,
}

impl ClockWatch {
    fn new(clock: &dyn Clock) -> Self {
        Self { wall: clock.now(), micros: clock.micros(), wary_until: 0 }
    }

    /// Whether leases cannot be trusted to be over.
    fn look(&mut self, clock: &dyn Clock, ttl: u64) -> bool {
        let (wall, micros) = (clock.now(), clock.micros());
        let passed = micros.saturating_sub(self.micros) / 1_000;
        let expected = self.wall.saturating_add_unsigned(passed);
        if wall.abs_diff(expected) > CLOCK_SLACK_MS {
            self.wary_until = micros.saturating_add(ttl.saturating_mul(1_000));
        }
        (self.wall, self.micros) = (wall, micros);
        micros < self.wary_until
    }
}

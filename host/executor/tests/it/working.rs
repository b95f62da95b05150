//! A worker: what it takes and when, what it leaves alone, and how it ends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use cleargate_executor::limits::{MAX_TRIES, PROBATION_MS};
use cleargate_executor::{Catalog, Clock, Flows, ManualClock, WorkConfig, Worked};
use cleargate_flow::event::EVENT_VERSION;
use cleargate_flow::{Event, Graph, Outcome, Record, RunId, Value};
use cleargate_store::{Letter, MemoryStore, NewRun, RunRow, RunStatus, Says, Store, StoreError};
use futures::future::{BoxFuture, pending};
use tokio::sync::oneshot;

use crate::world::{Ledger, Mortal, Process, graph};

type Version = (Arc<Graph>, Arc<dyn Catalog>);

/// Flows by version, and whether they can be had.
#[derive(Clone, Default)]
struct Shelf {
    flows: Arc<Mutex<BTreeMap<String, Version>>>,
    missing: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
}

impl Shelf {
    fn put(&self, graph: &Arc<Graph>, process: &Process) {
        let entry = (graph.clone(), process.catalog());
        self.flows.lock().unwrap().insert(graph.hash.to_string(), entry);
    }
}

#[async_trait]
impl Flows for Shelf {
    async fn ready(&self, run: &RunRow) -> Result<Version, String> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.missing.load(Ordering::SeqCst) {
            return Err("the plugin is gone".into());
        }
        Ok(self.flows.lock().unwrap()[&run.hash.to_string()].clone())
    }
}

/// A store, a clock, and processes that come and go.
#[derive(Clone)]
struct Site {
    store: Arc<MemoryStore>,
    clock: ManualClock,
    ledger: Arc<Ledger>,
    shelf: Shelf,
    told: Arc<Mutex<Vec<Worked>>>,
    /// A flow whose node is the second one, whose node is the third one.
    family: Option<[Arc<Graph>; 3]>,
}

fn site() -> Site {
    Site {
        store: Arc::default(),
        clock: ManualClock::at(1_000_000),
        ledger: Arc::default(),
        shelf: Shelf::default(),
        told: Arc::default(),
        family: None,
    }
}

fn until_idle() -> WorkConfig {
    WorkConfig { until_idle: true, ..WorkConfig::default() }
}

impl Site {
    fn process(&self, owner: &str) -> Process {
        self.process_at(owner, Arc::new(self.clock.clone()))
    }

    fn process_at(&self, owner: &str, shown: Arc<dyn Clock>) -> Process {
        self.process_on(self.store.clone(), owner, shown)
    }

    fn process_on(&self, store: Arc<dyn Store>, owner: &str, shown: Arc<dyn Clock>) -> Process {
        let clocks = (self.clock.clone(), shown);
        Process::showing(store, owner, self.ledger.clone(), clocks, |config| {
            config.linger = Some(Duration::from_secs(5));
        })
    }

    /// A run that was begun by a process which is gone.
    async fn leave(&self, id: &str, graph: &Arc<Graph>) -> RunId {
        self.shelf.put(graph, &self.process("shelf"));
        let (id, at): (RunId, i64) = (id.parse().unwrap(), self.clock.now());
        let (flow, hash) = (graph.id.clone(), graph.hash.clone());
        let (input, v) = (Value::empty(), EVENT_VERSION);
        let event =
            Event::RunStarted { flow: flow.clone(), hash: hash.clone(), input, parent: None, v };
        let new = NewRun {
            id: id.clone(),
            flow,
            hash,
            idempotency_key: None,
            parent: None,
            origin: None,
            created_at: at,
            first: vec![Record { seq: 0, at, event }],
        };
        self.store.create_run(new).await.unwrap();
        id
    }

    /// Works in a process of its own and lets time pass, jump by jump, until that has ended.
    async fn work(&self, owner: &str, config: WorkConfig, stop: BoxFuture<'static, ()>) {
        let process = self.process(owner);
        self.work_in(&process, config, stop).await.unwrap();
    }

    async fn work_in(
        &self,
        process: &Process,
        config: WorkConfig,
        stop: BoxFuture<'static, ()>,
    ) -> Result<(), StoreError> {
        self.meet(process);
        let told = self.told.clone();
        let tell = move |worked| told.lock().unwrap().push(worked);
        let work = process.executor.work(&self.shelf, config, stop, &tell);
        tokio::pin!(work);
        loop {
            for _ in 0..50 {
                tokio::select! {
                    biased;
                    ended = &mut work => return ended,
                    () = tokio::task::yield_now() => {}
                }
            }
            self.clock.advance(self.clock.next_wake().unwrap_or(1));
        }
    }

    /// Sub-flows of a process are driven by it.
    fn meet(&self, process: &Process) {
        let Some([outer, middle, inner]) = &self.family else { return };
        let catalog = crate::children::family(process, middle, inner);
        self.shelf.flows.lock().unwrap().insert(outer.hash.to_string(), (outer.clone(), catalog));
    }

    fn told(&self) -> Vec<Worked> {
        std::mem::take(&mut *self.told.lock().unwrap())
    }

    async fn status(&self, run: &RunId) -> RunStatus {
        self.store.run(run).await.unwrap().unwrap().status
    }
}

fn ended(told: &[Worked]) -> Vec<String> {
    let ended = told.iter().filter_map(|worked| match worked {
        Worked::Ended { run, outcome: Outcome::Succeeded { .. } } => Some(run.to_string()),
        _ => None,
    });
    ended.collect()
}

fn signal(run: &RunId, id: &str) -> Letter {
    let says = Says::Signal { name: "paid".into(), payload: Value::Null };
    Letter { run: run.clone(), id: id.into(), by: "ada".into(), at: 7, says }
}

#[tokio::test]
async fn a_worker_goes_on_with_what_was_left_and_with_what_is_due_and_with_nothing_else() {
    let site = site();
    let step = graph("  a: { type: pure, with: { v: 1 } }\n", "\"${a}\"");
    let waits = graph("  a: { wait: { event: paid } }\n", "1");
    let timed = graph("  a: { wait: { for: 1h } }\n", "1");
    let left = site.leave("left", &step).await;
    let (told, untold) = (site.leave("told", &waits).await, site.leave("untold", &waits).await);
    let timed = site.leave("timed", &timed).await;
    site.store.post(&signal(&told, "1")).await.unwrap();
    let began = site.clock.now();
    site.work("a", until_idle(), Box::pin(pending())).await;
    assert_eq!(ended(&site.told()), ["left", "told"]);
    for run in [&untold, &timed] {
        assert_eq!(site.status(run).await, RunStatus::Waiting, "{run}");
        assert_eq!(site.store.trouble(run).await, Ok(None));
    }
    assert_eq!(site.status(&left).await, RunStatus::Succeeded);
    // Nothing is left to do, and nothing is done.
    site.work("b", until_idle(), Box::pin(pending())).await;
    assert_eq!(site.told(), []);

    // One that stays meets the moment, and finds what another process wrote.
    let (stop, stopped) = oneshot::channel::<()>();
    let posted = site.clone();
    let poster = async move {
        posted.store.post(&signal(&untold, "2")).await.unwrap();
        let both = async {
            while posted.status(&timed).await != RunStatus::Succeeded
                || posted.status(&untold).await != RunStatus::Succeeded
            {
                tokio::task::yield_now().await;
            }
        };
        both.await;
        drop(stop);
    };
    let poll = Duration::from_secs(3_000);
    let config = WorkConfig { poll, ..WorkConfig::default() };
    let stop = Box::pin(async { drop(stopped.await) });
    tokio::join!(poster, site.work("c", config, stop));
    assert_eq!(ended(&site.told()), ["untold", "timed"]);
    let late = site.clock.now() - began - 3_600_000;
    assert!((0..10_000).contains(&late), "the moment was met {late} ms late, not by asking");
}

#[tokio::test]
async fn a_worker_that_ends_gives_back_what_another_one_takes_at_once() {
    let site = site();
    let slow = graph("  a: { type: pure, with: { act: hang } }\n", "\"${a}\"");
    let waits = graph("  a: { wait: { for: 3s } }\n", "1");
    let (slow, waits) = (site.leave("slow", &slow).await, site.leave("waits", &waits).await);
    let process = site.process("a");
    let (ledger, grace) = (site.ledger.clone(), Duration::from_secs(10));
    let stop = Box::pin(async move { ledger.began.notified().await });
    let began = site.clock.now();
    let config = WorkConfig { grace, ..WorkConfig::default() };
    site.work_in(&process, config, stop).await.unwrap();
    let took = site.clock.now() - began;
    assert!((10_000..14_000).contains(&took), "{took}");
    assert_eq!(process.executor.live(), []);
    let told = site.told();
    assert!(told.contains(&Worked::GivenBack { run: slow.clone() }), "{told:?}");
    assert!(told.contains(&Worked::Waits { run: waits.clone() }), "{told:?}");
    for (run, status) in [(&slow, RunStatus::Running), (&waits, RunStatus::Waiting)] {
        let row = site.store.run(run).await.unwrap().unwrap();
        assert_eq!((row.lease, row.status), (None, status), "{run}");
        assert_eq!(site.store.trouble(run).await, Ok(None), "an orderly end counts for nothing");
    }
}

#[tokio::test]
async fn a_run_that_did_nothing_but_wait_when_its_process_ended_is_one_that_waits() {
    let site = site();
    let process = site.process("a");
    let waits = graph("  a: { wait: { for: 3s } }\n", "1");
    let retries = graph(
        "  a: { type: pure, with: { act: flaky }, retry: { transient: { max: 4, backoff: 2s..2s } } }\n",
        "1",
    );
    let (waits, retries) = (process.start(&waits).await, process.start(&retries).await);
    while site.store.run(waits.id()).await.unwrap().unwrap().last_seq == 0
        || site.ledger.done.lock().unwrap().is_empty()
    {
        tokio::task::yield_now().await;
    }
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    process.executor.shutdown(Duration::from_secs(9)).await;
    for run in [waits.id(), retries.id()] {
        assert_eq!(site.status(run).await, RunStatus::Waiting);
    }
    assert_eq!(site.store.due(1_001_999, None).await, Ok(vec![]));
    assert_eq!(site.store.due(1_002_000, None).await, Ok(vec![retries.id().clone()]));
    assert_eq!(site.store.due(1_003_000, None).await.unwrap().len(), 2);
}

/// Processes that die a moment after they have begun to work, as often as it takes.
async fn crash(site: &Site, times: u32, lives: u64) {
    for n in 0..times {
        let store = Mortal::new(site.store.clone(), usize::MAX, false);
        let clock = Arc::new(site.clock.clone());
        let process = site.process_on(store.clone(), &format!("crash{n}"), clock);
        site.meet(&process);
        let told = site.told.clone();
        let tell = move |worked| told.lock().unwrap().push(worked);
        let work = process.executor.work(&site.shelf, WorkConfig::default(), pending(), &tell);
        tokio::pin!(work);
        let dies = site.clock.now() + i64::try_from(lives).unwrap();
        while site.clock.now() < dies {
            for _ in 0..50 {
                tokio::select! {
                    biased;
                    ended = &mut work => panic!("{ended:?}"),
                    () = tokio::task::yield_now() => {}
                }
            }
            site.clock.advance(100);
        }
        // Nothing is given back: what the process held runs out.
        store.died.store(true, Ordering::SeqCst);
        site.clock.advance(20_000);
    }
}

#[tokio::test]
async fn a_run_that_ends_its_process_is_set_aside_and_those_beside_it_are_not() {
    let site = site();
    let hangs = graph("  a: { type: pure, with: { act: hang } }\n", "1");
    let (bad, good) = (site.leave("bad", &hangs).await, site.leave("good", &hangs).await);
    // While two run, both are suspected as much; then one begins at a time.
    crash(&site, 2, 1_000).await;
    for run in [&bad, &good] {
        assert_eq!(site.store.trouble(run).await.unwrap().unwrap().tries, 2, "{run}");
    }
    // `bad` is first in the lane, and its process ends each time before the other one begins.
    crash(&site, MAX_TRIES - 2, 1_000).await;
    assert_eq!(site.store.trouble(&bad).await.unwrap().unwrap().tries, MAX_TRIES);
    assert_eq!(site.store.trouble(&good).await.unwrap().unwrap().tries, 2);
    site.told();
    crash(&site, 1, PROBATION_MS + 5_000).await;
    let why = format!("the process ended each of the {MAX_TRIES} times that it was taken up");
    assert!(site.told().contains(&Worked::SetAside { run: bad.clone(), why: why.clone() }));
    let aside = site.store.set_aside(None, 9).await.unwrap();
    assert_eq!((aside.len(), &aside[0].0, &aside[0].1.why), (1, &bad, &why));
    // The other one has lived for so long that the next end is not put down to it.
    assert_eq!(site.store.trouble(&good).await.unwrap().unwrap().tries, 2);
    site.work("idle", WorkConfig { until_idle: true, ..WorkConfig::default() }, {
        let clock = site.clock.clone();
        Box::pin(async move { clock.sleep(60_000).await })
    })
    .await;
    assert!(
        !site
            .told()
            .iter()
            .any(|worked| matches!(worked, Worked::Taken { run, .. } if *run == bad))
    );
    // Somebody brings it back: it counts from the beginning.
    let process = site.process("b");
    assert_eq!(process.executor.bring_back(&bad).await, Ok(true));
    assert_eq!(process.executor.bring_back(&bad).await, Ok(false));
    assert_eq!(site.store.outstanding(site.clock.now()).await.unwrap().len(), 2);
}

/// Each life takes a step or two of it.
fn steps() -> Arc<Graph> {
    graph(
        "  all:\n    loop: { max: 60, while: n < 60 }\n    carry: { n: 0 }\n    do:\n      \
         a: { type: idem, with: { v: \"${n + 1}\" } }\n      w: { wait: { for: 600ms }, after: a }\n    \
         next: { n: \"${a}\" }\n    out: ${n}\n",
        "\"${all}\"",
    )
}

#[tokio::test]
async fn a_run_that_gets_on_is_never_set_aside_however_often_its_process_ends() {
    let part = |out: &str| graph("  c: { type: idem }\n", &format!("\"${{c.out}}{out}\""));
    // Alone, and as a sub-flow of a sub-flow: the run around it says nothing of what it does.
    for family in [None, Some([part("!"), part(""), steps()])] {
        let mut site = site();
        let top = family.as_ref().map_or_else(steps, |[outer, ..]| outer.clone());
        site.family = family;
        let run = site.leave("steps", &top).await;
        crash(&site, 3 * MAX_TRIES, 1_000).await;
        assert!(site.store.trouble(&run).await.unwrap().unwrap().tries <= 1);
        site.work("last", until_idle(), Box::pin(pending())).await;
        assert_eq!(site.status(&run).await, RunStatus::Succeeded, "{:?}", site.told());
        assert_eq!(site.store.trouble(&run).await, Ok(None));
    }
}

#[tokio::test]
async fn what_cannot_be_gone_on_with_is_tried_again_later_and_set_aside_with_the_reason() {
    let site = site();
    let step = graph("  a: { type: pure, with: { v: 1 } }\n", "\"${a}\"");
    let run = site.leave("r", &step).await;
    site.shelf.missing.store(true, Ordering::SeqCst);
    let began = site.clock.now();
    site.work("a", until_idle(), Box::pin(pending())).await;
    let told = site.told();
    let pauses: Vec<u64> = told
        .iter()
        .filter_map(|worked| match worked {
            Worked::Failing { again_in, .. } => Some(again_in.as_secs()),
            _ => None,
        })
        .collect();
    assert_eq!(pauses, [1, 2, 4, 8]);
    let why = "the plugin is gone".to_owned();
    assert_eq!(told.last(), Some(&Worked::SetAside { run: run.clone(), why }));
    assert!(site.clock.now() - began >= 15_000);
    assert_eq!(site.shelf.asked.load(Ordering::SeqCst), MAX_TRIES as usize);
    // It is mended, and somebody says so.
    site.shelf.missing.store(false, Ordering::SeqCst);
    site.work("b", until_idle(), Box::pin(pending())).await;
    assert_eq!(site.told(), []);
    site.process("c").executor.bring_back(&run).await.unwrap();
    site.work("d", until_idle(), Box::pin(pending())).await;
    assert_eq!(ended(&site.told()), ["r"]);
}

#[tokio::test]
async fn a_storm_of_interrupted_runs_is_taken_in_turns_and_who_is_told_something_goes_first() {
    let site = site();
    let step = graph("  a: { type: idem, with: { v: 1 } }\n", "\"${a}\"");
    let waits = graph("  a: { wait: { event: paid } }\n", "1");
    let urgent = site.leave("urgent", &waits).await;
    site.work("first", until_idle(), Box::pin(pending())).await;
    const STORM: usize = 10_000;
    for n in 0..STORM {
        site.leave(&format!("s{n}"), &step).await;
    }
    site.store.post(&signal(&urgent, "1")).await.unwrap();
    site.told();
    let config = WorkConfig { jobs: 16, reads: 4, ..until_idle() };
    site.work("a", config, Box::pin(pending())).await;
    let told = site.told();
    assert_eq!(ended(&told).len(), STORM + 1);
    let first = ended(&told).iter().position(|run| run == "urgent").unwrap();
    assert!(first < 32, "who was told something waited for {first} others");
    let mut driven = BTreeSet::new();
    for worked in &told {
        match worked {
            Worked::Taken { run, .. } => assert!(driven.insert(run.clone())),
            Worked::Ended { run, .. } => assert!(driven.remove(run)),
            other => panic!("{other:?}"),
        }
        assert!(driven.len() <= 16);
    }
    let keys = site.ledger.done.lock().unwrap().len();
    assert_eq!(keys, STORM, "each step was performed once");
}

/// A clock on the wall that somebody sets, beside one that runs on.
#[derive(Clone)]
struct Jumping {
    true_time: ManualClock,
    ahead: Arc<AtomicI64>,
}

impl Clock for Jumping {
    fn now(&self) -> i64 {
        self.true_time.now() + self.ahead.load(Ordering::SeqCst)
    }

    fn micros(&self) -> u64 {
        self.true_time.micros()
    }

    fn sleep(&self, ms: u64) -> BoxFuture<'static, ()> {
        self.true_time.sleep(ms)
    }
}

const HOUR: i64 = 3_600_000;

#[tokio::test]
async fn du_11_a_clock_that_jumps_takes_no_run_from_a_living_process_and_fires_no_timer_twice() {
    for jump in [HOUR, -HOUR, 365 * 24 * HOUR, -365 * 24 * HOUR] {
        let mut site = site();
        site.clock = ManualClock::at(100 * 365 * 24 * HOUR as u64);
        let clock = Jumping { true_time: site.clock.clone(), ahead: Arc::default() };
        let step = graph("  a: { type: once, with: { act: wait } }\n", "1");
        let timed =
            graph("  a: { wait: { for: 30m } }\n  b: { wait: { for: 30m }, after: a }\n", "1");
        let here = site.process_at("here", Arc::new(clock.clone()));
        let there = site.process_at("there", Arc::new(clock.clone()));
        site.shelf.put(&step, &here);
        site.shelf.put(&timed, &here);
        let busy = here.start(&step).await;
        let timed = here.start(&timed).await;
        let (stop, stopped) = oneshot::channel::<()>();
        let jumped = async {
            for _ in 0..3 {
                clock.true_time.sleep(2_000).await;
            }
            clock.ahead.store(jump, Ordering::SeqCst);
            clock.true_time.sleep(60_000).await;
            site.ledger.open.notify_one();
            for _ in 0..5 {
                clock.true_time.sleep(HOUR.unsigned_abs()).await;
            }
            // A clock that was set back has to come to the moment again.
            clock.ahead.fetch_max(0, Ordering::SeqCst);
            clock.true_time.sleep(2 * HOUR.unsigned_abs()).await;
            drop(stop);
        };
        let stop = Box::pin(async { drop(stopped.await) });
        let (worked, ()) = tokio::join!(site.work_in(&there, WorkConfig::default(), stop), jumped);
        worked.unwrap();
        assert_eq!(site.ledger.done.lock().unwrap().len(), 1, "{jump}: the step began twice");
        for run in [busy.id(), timed.id()] {
            assert_eq!(site.status(run).await, RunStatus::Succeeded, "{jump}: {run}");
        }
        let journal = site.store.whole_journal(timed.id()).await.unwrap();
        let fired = journal.iter().filter(|record| matches!(record.event, Event::WaitOver { .. }));
        assert_eq!(fired.count(), 2, "{jump}: {journal:?}");
    }
}

#[tokio::test]
async fn two_workers_share_the_runs_and_drive_none_twice() {
    let site = site();
    let step = graph("  a: { type: idem, with: { act: yield, v: 1 } }\n", "\"${a}\"");
    const RUNS: usize = 200;
    for n in 0..RUNS {
        site.leave(&format!("r{n}"), &step).await;
    }
    let config = WorkConfig { jobs: 8, ..until_idle() };
    let both = [site.process("a"), site.process("b")];
    let works =
        both.each_ref().map(|process| site.work_in(process, config.clone(), Box::pin(pending())));
    for done in futures::future::join_all(works).await {
        done.unwrap();
    }
    let done: BTreeSet<String> = ended(&site.told()).into_iter().collect();
    assert_eq!(done.len(), RUNS);
    assert_eq!(site.ledger.done.lock().unwrap().len(), RUNS, "each step was performed once");
}

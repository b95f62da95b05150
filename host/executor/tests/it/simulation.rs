//! Processes that fight for one run, in an order that a seed decides: each operation of a store happens when it is its turn,
//! and is heard of when it is its turn again.
//!
//! Between two turns time passes, leases run out, a process ends with what it was about to do or was not told of, and
//! somebody cancels the run or sends what it waits for. Whatever the order: one outcome, which everybody who is told is
//! told, a journal that explains it, and a world to which nothing was done twice. A seed that fails is printed with
//! what happened.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use cleargate_executor::{Clock, End, ManualClock, RunHandle, StartError};
use cleargate_flow::{ErrorCode, Event, Graph, Outcome, RunId};
use cleargate_store::{Letter, MemoryStore, Says, Store};
use futures::FutureExt;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::crash::assert_sound;
use crate::world::{Ledger, Mortal, Order, Process, graph};

const LEASE_MS: u64 = 15_000;

/// Turns after which a run that has not ended is stuck: some hundred times as many as one process needs.
const MOST_TURNS: usize = 20_000;

/// Turns in which anything may happen. Then nobody is cancelled or killed any more, and the run has to end.
const WILD_TURNS: usize = 250;

/// Numbers that look random (SplitMix64): the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % end as u64).expect("it is below a usize")
    }
}

/// The operations of one process that wait for their turn.
#[derive(Default)]
struct Turns {
    waiting: Mutex<Vec<oneshot::Sender<()>>>,
    ended: AtomicBool,
}

#[async_trait]
impl Order for Turns {
    async fn turn(&self) {
        let (give, given) = oneshot::channel();
        self.waiting.lock().unwrap().push(give);
        if self.ended.load(Ordering::SeqCst) || given.await.is_err() {
            // A process that has ended does nothing more and hears nothing.
            std::future::pending::<()>().await;
        }
    }
}

impl Turns {
    fn count(&self) -> usize {
        let mut waiting = self.waiting.lock().unwrap();
        waiting.retain(|turn| !turn.is_closed());
        if self.ended.load(Ordering::SeqCst) { 0 } else { waiting.len() }
    }

    fn give(&self, which: usize) {
        let _ = self.waiting.lock().unwrap().remove(which).send(());
    }
}

/// A process that goes on with the run whenever nobody else does.
struct Worker {
    turns: Arc<Turns>,
    /// The runs that it has driven, and what became of them here.
    handle: Arc<Mutex<Option<RunHandle>>>,
    ends: Arc<Mutex<Vec<End>>>,
    task: JoinHandle<()>,
}

impl Worker {
    fn new(sim: &Simulation, name: usize) -> Self {
        let turns: Arc<Turns> = Arc::default();
        let store = Mortal::in_order(sim.store.clone(), turns.clone());
        let ledger = sim.ledger.clone();
        let process = Process::on(store, &format!("p{name}"), ledger, sim.clock.clone(), |_| {});
        let (process, handle) = (Arc::new(process), Arc::<Mutex<Option<RunHandle>>>::default());
        let ends: Arc<Mutex<Vec<End>>> = Arc::default();
        let work = work(process, sim.flow.clone(), handle.clone(), ends.clone());
        #[expect(
            clippy::disallowed_methods,
            reason = "the test is the process around the executor"
        )]
        let task = tokio::spawn(work);
        Self { turns, handle, ends, task }
    }

    /// Ends it between two of its operations, or between one and the answer to it.
    fn end(&self) {
        self.turns.ended.store(true, Ordering::SeqCst);
        self.turns.waiting.lock().unwrap().clear();
        self.task.abort();
    }
}

async fn work(
    process: Arc<Process>,
    flow: Arc<Graph>,
    driven: Arc<Mutex<Option<RunHandle>>>,
    ends: Arc<Mutex<Vec<End>>>,
) {
    let run: RunId = "run-1".parse().unwrap();
    loop {
        match process.resume(&run, &flow).await {
            Ok(handle) => {
                *driven.lock().unwrap() = Some(handle.clone());
                let end = handle.outcome().await;
                let over = matches!(end, End::Finished(_));
                ends.lock().unwrap().push(end);
                if over {
                    return;
                }
            }
            Err(StartError::Held { .. }) => {}
            Err(other) => panic!("{other:?}"),
        }
        process.clock.sleep(1_000).await;
    }
}

struct Simulation {
    dice: Dice,
    flow: Arc<Graph>,
    store: Arc<MemoryStore>,
    ledger: Arc<Ledger>,
    clock: ManualClock,
    workers: Vec<Worker>,
    /// Those that have ended, with what they were told.
    gone: Vec<Worker>,
    /// What happened, for whoever has to read it.
    story: Vec<String>,
}

impl Simulation {
    async fn new(seed: u64, flow: &Arc<Graph>) -> Self {
        let (store, clock) = (Arc::<MemoryStore>::default(), ManualClock::at(1_000));
        // Made by one that ends before it has done anything.
        let maker = Mortal::new(store.clone(), 0, false);
        let maker = Process::on(maker, "maker", Arc::default(), clock.clone(), |_| {});
        assert!(matches!(maker.start(flow).await.outcome().await, End::Broken(_)));
        clock.advance(LEASE_MS + 1);
        let mut sim = Self {
            dice: Dice(seed),
            flow: flow.clone(),
            store,
            ledger: Arc::default(),
            clock,
            workers: Vec::new(),
            gone: Vec::new(),
            story: Vec::new(),
        };
        sim.workers = (0..2).map(|name| Worker::new(&sim, name)).collect();
        sim
    }

    /// Lets everybody go on who need not wait for a turn.
    async fn settle(&self) {
        let mut still = 0;
        let mut before = None;
        while still < 8 {
            tokio::task::yield_now().await;
            let now: Vec<usize> = self.workers.iter().map(|worker| worker.turns.count()).collect();
            let same = before.as_ref() == Some(&now);
            still = if same { still + 1 } else { 0 };
            before = Some(now);
        }
    }

    async fn over(&self) -> bool {
        let row = self.store.run(&"run-1".parse().unwrap()).await.unwrap().unwrap();
        row.status.is_finished() && self.workers.iter().all(|worker| worker.task.is_finished())
    }

    /// One thing happens.
    async fn step(&mut self, wild: bool) {
        self.settle().await;
        let what = self.dice.below(if wild { 100 } else { 70 });
        match what {
            0..65 => {
                let counts: Vec<usize> = self.workers.iter().map(|w| w.turns.count()).collect();
                let all = counts.iter().sum::<usize>();
                if all > 0 {
                    let (mut which, mut who) = (self.dice.below(all), 0);
                    while which >= counts[who] {
                        which -= counts[who];
                        who += 1;
                    }
                    self.workers[who].turns.give(which);
                    return self.story.push(format!("turn of {who}"));
                }
                self.pass(self.clock.next_wake().unwrap_or(1_000));
            }
            65..85 => {
                let due = self.clock.next_wake().unwrap_or(1_000);
                self.pass(due);
            }
            85..90 => self.pass(LEASE_MS + 1),
            90..93 => {
                let who = self.dice.below(self.workers.len());
                let new = Worker::new(self, self.workers.len() + self.gone.len());
                let old = std::mem::replace(&mut self.workers[who], new);
                old.end();
                self.gone.push(old);
                self.story.push(format!("{who} ends, and another one comes"));
            }
            93..95 => {
                let who = self.dice.below(self.workers.len());
                if let Some(handle) = &*self.workers[who].handle.lock().unwrap() {
                    handle.cancel("operator");
                    self.story.push(format!("{who} is told to cancel"));
                }
            }
            _ => {
                let says =
                    Says::Signal { name: "paid".into(), payload: cleargate_flow::Value::Int(7) };
                let id = format!("l{}", self.dice.below(2));
                let run = "run-1".parse().unwrap();
                let letter = Letter { run, id, by: "customer".into(), at: self.clock.now(), says };
                let posted = self.store.post(&letter).await;
                self.story.push(format!("it is paid: {posted:?}"));
            }
        }
    }

    fn pass(&mut self, ms: u64) {
        self.clock.advance(ms);
        self.story.push(format!("{ms} ms pass"));
    }

    async fn run(&mut self) {
        for turn in 0.. {
            if self.over().await {
                return self.check().await;
            }
            assert!(turn < MOST_TURNS, "the run does not end");
            self.step(turn < WILD_TURNS).await;
        }
    }

    async fn check(&self) {
        assert_sound(&self.store).await;
        let journal = self.store.whole_journal(&"run-1".parse().unwrap()).await.unwrap();
        let Event::RunFinished { outcome } = &journal.last().unwrap().event else { unreachable!() };
        for worker in self.workers.iter().chain(&self.gone) {
            for end in worker.ends.lock().unwrap().iter() {
                match end {
                    End::Finished(told) => assert_eq!(told, outcome, "somebody was told otherwise"),
                    End::Lost | End::Broken(_) | End::Parked | End::Waiting => {}
                }
            }
        }
        let asked = |event: &Event| matches!(event, Event::CancelRequested { .. });
        let cancelled = journal.iter().any(|record| asked(&record.event));
        match outcome {
            Outcome::Cancelled => assert!(cancelled, "it was cancelled by nobody"),
            Outcome::Failed { error, .. } => assert_eq!(error.code, ErrorCode::UnknownOutcome),
            Outcome::Succeeded { .. } => self.explains(&journal),
        }
        for (address, keys) in self.ledger.keys() {
            let keys: BTreeSet<_> = keys.iter().collect();
            assert_eq!(keys.len(), 1, "{address} changed its key");
        }
        for once in ["charge", "m[0].ship", "m[1].ship"] {
            let done = self.ledger.keys().get(once).map_or(0, Vec::len);
            assert!(done <= 1, "`{once}` was done {done} times");
        }
    }

    /// The answer that was counted is the one that the journal has before the end of the wait.
    fn explains(&self, journal: &[cleargate_flow::Record]) {
        let names: Vec<String> = journal.iter().map(|r| format!("{:?}", r.event)).collect();
        let paid = names.iter().position(|name| name.starts_with("SignalReceived"));
        let over = names.iter().position(|name| name.starts_with("WaitOver"));
        assert!(paid.is_some() || over.is_some(), "the wait has ended for no reason");
    }
}

fn flow() -> Arc<Graph> {
    graph(
        "  look: { type: read, with: { v: 1, act: yield } }\n\
         \x20 charge: { type: once, with: { v: \"${look}\" } }\n\
         \x20 note: { type: idem, with: { v: \"${charge}\", act: flaky }, \
              retry: { transient: { max: 4, backoff: 1s..2s } } }\n\
         \x20 paid: { wait: { event: paid, timeout: 20s, on_timeout: null }, after: charge }\n\
         \x20 m: { map: \"${[1, 2]}\", max: 2, concurrency: 2, as: x, after: paid, \
              do: { ship: { type: once, with: { v: \"${x}\", act: yield } } }, out: \"${ship}\" }\n\
         events:\n  paid: int\n",
        "\"${[note, m]}\"",
    )
}

/// Runs one seed to its end. Says what became of the run, how many drivers lost it on the way, and the story.
fn simulate(seed: u64, flow: &Arc<Graph>) -> (String, usize, String) {
    let rt = tokio::runtime::Builder::new_current_thread().build().unwrap();
    rt.block_on(async {
        let mut sim = Simulation::new(seed, flow).await;
        let ran = AssertUnwindSafe(sim.run()).catch_unwind().await;
        let (run, story) = ("run-1".parse().unwrap(), sim.story.join("\n"));
        let journal = sim.store.whole_journal(&run).await;
        assert!(ran.is_ok(), "seed {seed}:\n{story}\n{journal:#?}");
        let all = sim.workers.iter().chain(&sim.gone);
        let lost = |worker: &Worker| {
            worker.ends.lock().unwrap().iter().filter(|end| matches!(end, End::Lost)).count()
        };
        let row = sim.store.run(&run).await.unwrap().unwrap();
        (row.status.to_string(), all.map(lost).sum(), story)
    })
}

#[test]
fn du_10_whatever_races_there_is_one_outcome_and_the_journal_explains_it() {
    let flow = flow();
    let (mut outcomes, mut all_lost) = (BTreeMap::<String, usize>::new(), 0);
    for seed in 0..crate::soaked(300, 20_000) {
        let (outcome, lost, _) = simulate(seed, &flow);
        *outcomes.entry(outcome).or_default() += 1;
        all_lost += lost;
    }
    println!("{outcomes:?}, and the run was lost {all_lost} times");
    for outcome in ["succeeded", "cancelled", "failed"] {
        assert!(outcomes.contains_key(outcome), "no run has {outcome}: {outcomes:?}");
    }
    assert!(all_lost > 0, "nobody was ever taken over");
}

#[test]
fn a_seed_is_one_history() {
    let flow = flow();
    for seed in 0..5 {
        assert_eq!(simulate(seed, &flow), simulate(seed, &flow), "seed {seed}");
    }
}

//! What a run that is resumed goes on with: what is left of its deadlines and pauses, and the failure that a defect was.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cleargate_executor::{Clock, End, ManualClock, RunHandle};
use cleargate_flow::{ErrorCode, Event, Graph, Outcome, Record, Value};
use cleargate_store::{Letter, MemoryStore, NewRun, Says, Store};

use crate::world::{Mortal, Process, graph};

/// Milliseconds of a step of time: everything below is a multiple of it.
const TICK: u64 = 100;

/// When the process that is alone in driving the run began.
const START: u64 = 1_000_000;

async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

/// Processes that drive one run, one after the other.
struct Lives {
    store: Arc<MemoryStore>,
    clock: ManualClock,
    flow: Arc<Graph>,
    ledger: Arc<crate::world::Ledger>,
    current: Option<(Process, Arc<Mortal>, RunHandle)>,
}

impl Lives {
    fn of(flow: Arc<Graph>) -> Self {
        let (store, clock) = (Arc::new(MemoryStore::default()), ManualClock::at(START));
        Self { store, clock, flow, ledger: Arc::default(), current: None }
    }

    /// Begins or resumes the run in a new process.
    async fn begin(&mut self) {
        let mortal = Mortal::new(self.store.clone(), usize::MAX, false);
        let (ledger, clock) = (self.ledger.clone(), self.clock.clone());
        let process = Process::on(mortal.clone(), "a", ledger, clock, |config| {
            config.lease_ttl = Duration::from_millis(TICK);
            config.cancel_grace = Duration::ZERO;
        });
        let run = "run-1".parse().unwrap();
        let handle = match self.store.run(&run).await.unwrap() {
            None => process.start(&self.flow).await,
            Some(_) => process.resume(&run, &self.flow).await.unwrap(),
        };
        settle().await;
        self.current = Some((process, mortal, handle));
    }

    /// Lets time pass; says whether the run is over.
    async fn pass(&self, ms: u64) -> bool {
        let mut left = ms;
        loop {
            if let Some((_, _, handle)) = &self.current
                && matches!(handle.ended(), Some(End::Finished(_)))
            {
                return true;
            }
            if left == 0 {
                return false;
            }
            self.clock.advance(TICK);
            left -= TICK;
            settle().await;
        }
    }

    /// Ends the process: as `kill -9` does, or by parking.
    async fn end(&mut self, kill: bool) {
        let (process, mortal, _) = self.current.take().unwrap();
        if kill {
            mortal.died.store(true, Ordering::SeqCst);
        } else {
            process.executor.shutdown(Duration::ZERO).await;
        }
    }

    /// Milliseconds from the start of the run to its end, and how it ended.
    async fn outcome(&self) -> (u64, Outcome) {
        let journal = self.store.whole_journal(&"run-1".parse().unwrap()).await.unwrap();
        let last = journal.last().unwrap();
        let Event::RunFinished { outcome } = &last.event else { panic!("{last:?}") };
        (last.at.cast_unsigned() - START, outcome.clone())
    }
}

#[tokio::test]
async fn a_deadline_is_over_all_attempts_and_all_processes() {
    const DEADLINE: u64 = 10_000;
    let retry = "timeout: 3s, retry: { timeout: { max: 90, backoff: 1s..1s } }, ";
    // Milliseconds that each process lives, and how long nobody drives the run after it.
    let lives: &[&[(u64, u64)]] = &[
        &[],
        &[(5_000, 1_000)],
        &[(2_000, 200), (2_000, 200), (2_000, 200), (2_000, 200)],
        &[(9_900, 100)],
        &[(100, 9_800)],
        &[(3_500, 400), (1_000, 60_000)],
        &[(100, 9_900), (100, 100)],
    ];
    let step = |policy: &str| format!("type: read, {policy}with: {{ act: hang }}");
    let leaf = |policy: &str| (format!("{{ {}, deadline: 10s }}", step(policy)), "10000 ms");
    // Of a block as well, however deep what hangs in it.
    let block = |policy: &str| {
        let inner = format!("{{ loop: {{ max: 2 }}, do: {{ b: {{ {} }} }} }}", step(policy));
        (format!("{{ map: \"[1]\", do: {{ c: {inner} }}, out: 1, deadline: 10s }}"), "10s")
    };
    for ((node, said), policy, kill, lives) in ["", retry]
        .into_iter()
        .flat_map(|policy| [true, false].map(|kill| (policy, kill)))
        .flat_map(|(policy, kill)| [(leaf(policy), policy, kill), (block(policy), policy, kill)])
        .flat_map(|(node, policy, kill)| {
            lives.iter().map(move |lives| (node.clone(), policy, kill, *lives))
        })
    {
        let mut world = Lives::of(graph(&format!("  a: {node}\n"), "\"${a}\""));
        let (mut now, mut expected, mut over) = (0, DEADLINE, false);
        for (alive, dead) in lives.iter().chain(&[(100_000, TICK)]) {
            world.begin().await;
            // A deadline that passed while nobody was there is noticed by the next one.
            expected = expected.max(if over { expected } else { now.max(DEADLINE) });
            if world.pass(*alive).await {
                break;
            }
            now += alive;
            world.end(kill).await;
            world.pass(*dead).await;
            now += dead;
            over |= now > DEADLINE && expected > DEADLINE;
        }
        let (took, outcome) = world.outcome().await;
        let Outcome::Failed { error, .. } = &outcome else { panic!("{outcome:?}") };
        assert_eq!(error.code, ErrorCode::Timeout, "{policy} {lives:?}");
        assert!(error.message.contains(&format!("deadline of {said}")), "{error}");
        assert_eq!(took, expected, "{policy} killed: {kill}, {lives:?}");
    }
}

#[tokio::test]
async fn a_deadline_that_passed_meanwhile_lets_nothing_begin() {
    let flow = graph("  a: { type: idem, deadline: 1s, with: { act: hang } }\n", "\"${a}\"");
    let mut world = Lives::of(flow);
    world.begin().await;
    world.end(true).await;
    world.pass(5_000).await;
    world.begin().await;
    assert!(world.pass(TICK).await);
    assert_eq!(world.ledger.keys()["a"].len(), 1, "performed after its deadline");
}

#[tokio::test]
async fn a_pause_before_a_retry_goes_on_where_it_was() {
    let policy = "retry: { transient: { max: 3, backoff: 8s..8s } }";
    let node = format!("  a: {{ type: read, {policy}, with: {{ act: flaky, v: 1 }} }}\n");
    for kill in [true, false] {
        let mut world = Lives::of(graph(&node, "\"${a}\""));
        let attempts = |world: &Lives| world.ledger.keys()["a"].len();
        world.begin().await;
        assert!(!world.pass(5_000).await);
        world.end(kill).await;
        world.pass(1_000).await;
        world.begin().await;
        world.pass(1_900).await;
        assert_eq!(attempts(&world), 1, "too early");
        world.pass(TICK).await;
        assert_eq!(attempts(&world), 2, "too late");
        // The next one ends while nobody drives the run.
        world.end(kill).await;
        world.pass(20_000).await;
        world.begin().await;
        assert!(world.pass(TICK).await);
        assert_eq!(attempts(&world), 3);
    }
}

#[tokio::test]
async fn who_can_find_out_is_asked_about_an_attempt_of_which_nobody_knows() {
    let verify = |happened| {
        let told = format!("{{ v: {{ happened: {happened}, value: \"${{attempt.key}}\" }} }}");
        let verify = format!("on_unknown: {{ verify: {{ type: read, with: {told} }} }}");
        graph(
            &format!("  a: {{ type: once, with: {{ act: wait, v: 7 }}, {verify} }}\n"),
            "\"${a}\"",
        )
    };
    for (happened, attempts) in [(true, 1), (false, 2)] {
        let mut world = Lives::of(verify(happened));
        world.begin().await;
        let key = world.ledger.keys()["a"][0].clone();
        world.end(true).await;
        world.pass(5_000).await;
        world.begin().await;
        // Also to what the dead process left behind.
        world.ledger.open.notify_waiters();
        assert!(world.pass(TICK).await);
        let (_, outcome) = world.outcome().await;
        let value = if happened { Value::from(key.as_str()) } else { Value::Int(7) };
        assert_eq!(outcome, Outcome::Succeeded { output: Value::record([("out", value)]) });
        let keys = world.ledger.keys();
        assert_eq!(keys["a"], vec![key; attempts], "one key for all attempts");
        assert_eq!(keys["a[1].verify"].len(), 1, "{keys:?}");
    }
}

#[tokio::test]
async fn a_person_says_whether_an_attempt_happened_of_which_nobody_knows() {
    let step = "{ type: once, with: { act: wait, v: 7 }, on_unknown: ask }";
    for (answer, attempts, value) in [
        (r#"{"happened":true,"value":"by hand"}"#, 1, Value::from("by hand")),
        (r#"{"happened":false}"#, 2, Value::Int(7)),
    ] {
        let mut world = Lives::of(graph(&format!("  a: {step}\n"), "\"${a}\""));
        world.begin().await;
        world.end(true).await;
        world.pass(5_000).await;
        // However many processes come and go until somebody answers.
        for kill in [true, false] {
            world.begin().await;
            assert!(!world.pass(60_000).await, "nobody has answered");
            world.end(kill).await;
            world.pass(5_000).await;
        }
        let says = Says::Answer {
            address: "a[1].verify".parse().unwrap(),
            answer: Value::from_json(answer).unwrap(),
        };
        let (run, id, by) = ("run-1".parse().unwrap(), "1".into(), "ada".into());
        let letter = Letter { run, id, by, at: world.clock.now(), says };
        world.store.post(&letter).await.unwrap();
        world.begin().await;
        world.ledger.open.notify_waiters();
        assert!(world.pass(TICK).await);
        let (_, outcome) = world.outcome().await;
        assert_eq!(outcome, Outcome::Succeeded { output: Value::record([("out", value)]) });
        assert_eq!(world.ledger.keys()["a"].len(), attempts);
    }
}

#[tokio::test]
async fn a_defect_in_an_expression_fails_its_node_however_often_the_run_is_resumed() {
    // The evaluator takes it for granted that floats are numbers, and nothing else lets one in that is none.
    let input = Value::record([("x", Value::Float(f64::NAN))]);
    for (node, output, address) in [
        ("{ type: idem, with: { v: \"${input.x < 1.5}\" } }", "${a}", Some("a")),
        (
            "{ map: \"${[1].filter(x, input.x < 1.5)}\", max: 1, as: n, do: { i: { type: pure } }, out: 1 }",
            "${a}",
            Some("a"),
        ),
        ("{ switch: [ { when: input.x < 1.5, do: { i: { type: pure } } } ] }", "${a}", Some("a")),
        ("{ type: idem, with: { v: 1 } }", "${input.x < 1.5}", None),
    ] {
        let flow =
            graph(&format!("  a: {node}\ninput: {{ x: float }}\n"), &format!("\"{output}\""));
        let store = Arc::new(MemoryStore::default());
        let (run, hash) = ("run-1".parse().unwrap(), flow.hash.clone());
        let input = input.clone();
        let started = Event::RunStarted { flow: flow.id.clone(), hash, input, parent: None, v: 1 };
        let new = NewRun {
            id: run,
            flow: flow.id.clone(),
            hash: flow.hash.clone(),
            idempotency_key: None,
            parent: None,
            origin: None,
            created_at: START.cast_signed(),
            first: vec![Record { seq: 0, at: START.cast_signed(), event: started }],
        };
        let run = new.id.clone();
        store.create_run(new).await.unwrap();
        for appends in 0..3 {
            let clock = ManualClock::at(START + appends);
            let mortal = Mortal::new(store.clone(), usize::try_from(appends).unwrap(), false);
            let process = Process::on(mortal, "a", Arc::default(), clock, |config| {
                config.lease_ttl = Duration::ZERO;
            });
            let _end = process.resume(&run, &flow).await.unwrap().outcome().await;
        }
        let last = store.whole_journal(&run).await.unwrap().pop().unwrap().event;
        let Event::RunFinished { outcome: Outcome::Failed { address: at, error } } = last else {
            panic!("{node}: {last:?}")
        };
        assert_eq!(at.map(|at| at.to_string()).as_deref(), address, "{node}");
        assert_eq!(error.code, ErrorCode::Bug, "{node}: {error}");
        assert!(error.message.contains("panicked"), "{node}: {error}");
    }
}

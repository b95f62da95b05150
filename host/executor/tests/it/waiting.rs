//! Runs that wait: for moments, events and people, in one process, across processes, and for nobody.

use std::sync::Arc;
use std::time::Duration;

use cleargate_executor::{End, ManualClock, RunHandle};
use cleargate_flow::{Event, Graph, Outcome, RunId, Value};
use cleargate_store::{Letter, MemoryStore, Posted, RunStatus, Says, Store};

use crate::world::{Mortal, Process, graph};

/// A process that gives runs back which only wait, on a clock of its own.
fn process(store: &Arc<MemoryStore>, clock: &ManualClock, owner: &str) -> Process {
    Process::on(store.clone(), owner, Arc::default(), clock.clone(), |config| {
        config.linger = Some(Duration::from_secs(5));
    })
}

/// The same, which keeps them.
fn patient(store: &Arc<MemoryStore>, clock: &ManualClock, owner: &str) -> Process {
    Process::on(store.clone(), owner, Arc::default(), clock.clone(), |_| {})
}

fn flow(nodes: &str, output: &str) -> Arc<Graph> {
    graph(&format!("{nodes}\n"), &format!("\"${{{output}}}\""))
}

fn says(name: &str, payload: &str) -> Says {
    Says::Signal { name: name.into(), payload: Value::from_json(payload).unwrap() }
}

fn answers(address: &str, answer: &str) -> Says {
    Says::Answer { address: address.parse().unwrap(), answer: Value::from_json(answer).unwrap() }
}

fn letter(run: &RunId, id: &str, says: Says) -> Letter {
    Letter { run: run.clone(), id: id.into(), by: format!("by {id}"), at: 7, says }
}

/// The output of a run that ended well, as JSON.
async fn output(run: &RunHandle) -> String {
    match run.outcome().await {
        End::Finished(Outcome::Succeeded { output }) => output.get("out").unwrap().to_json(),
        other => panic!("{other:?}"),
    }
}

/// Lets time pass, jump by jump, until the run has left the process.
async fn let_pass(run: &RunHandle, clock: &ManualClock) -> End {
    loop {
        for _ in 0..50 {
            if let Some(end) = run.ended() {
                return end;
            }
            tokio::task::yield_now().await;
        }
        clock.advance(clock.next_wake().unwrap_or(1));
    }
}

async fn names(store: &MemoryStore, run: &RunId) -> Vec<String> {
    let journal = store.whole_journal(run).await.unwrap();
    let name =
        |event: &Event| serde_json::to_value(event).unwrap()["event"].as_str().unwrap().to_owned();
    journal.iter().map(|record| name(&record.event)).collect()
}

#[tokio::test]
async fn a_run_that_waits_long_is_given_back_and_goes_on_where_it_was() {
    let (store, clock) = (Arc::<MemoryStore>::default(), ManualClock::at(1_000));
    let g = flow(
        "  a: { wait: { for: 1h } }\n  b: { wait: { for: 1s }, after: a }",
        "a.until - b.until",
    );
    let here = process(&store, &clock, "a");
    let run = here.start(&g).await;
    assert_eq!(run.outcome().await, End::Waiting);
    assert_eq!(here.executor.live(), []);
    let row = store.run(run.id()).await.unwrap().unwrap();
    assert_eq!((row.status, row.lease), (RunStatus::Waiting, None));
    // Half of the time passes while nobody is there.
    clock.advance(1_800_000);
    assert_eq!(here.executor.recover().await.unwrap(), []);
    assert_eq!(here.executor.due().await.unwrap(), []);
    let there = process(&store, &clock, "b");
    let again = there.resume(run.id(), &g).await.unwrap();
    assert_eq!(again.outcome().await, End::Waiting, "what is left is still long");
    clock.advance(1_800_000);
    assert_eq!(there.executor.due().await.unwrap()[0].run, *run.id());
    // The second wait is so short that it is waited for.
    let last = there.resume(run.id(), &g).await.unwrap();
    let_pass(&last, &clock).await;
    assert_eq!(output(&last).await, "-1000");
}

#[tokio::test]
async fn a_bound_on_a_block_wakes_a_run_that_waits_in_it_for_longer() {
    for (bound, said) in [("deadline: 1h", "deadline of 1h"), ("idle: 1h", "inside for 1h")] {
        let (store, clock) = (Arc::<MemoryStore>::default(), ManualClock::at(1_000));
        let asks = "type: human, form: { y: bool }";
        let block = format!("try: {{ b: {{ {asks} }} }}, {bound}");
        let caught =
            "catch: { code: timeout, do: { c: { type: read } }, out: \"${error.message}\" }";
        let g = flow(&format!("  a: {{ {block}, {caught} }}"), "a");
        let here = process(&store, &clock, "a");
        let run = here.start(&g).await;
        assert_eq!(run.outcome().await, End::Waiting);
        clock.advance(3_599_000);
        assert_eq!(here.executor.due().await.unwrap(), [], "{bound}");
        clock.advance(1_000);
        assert_eq!(here.executor.due().await.unwrap()[0].run, *run.id(), "{bound}");
        let there = process(&store, &clock, "b");
        let again = there.resume(run.id(), &g).await.unwrap();
        assert!(output(&again).await.contains(said), "{bound}");
        let late = letter(run.id(), "1", answers("a[0].b", r#"{"y":true}"#));
        assert!(store.post(&late).await.is_err(), "nobody is asked any more");
    }
}

#[tokio::test]
async fn short_waits_are_waited_for_and_a_moment_that_is_none_fails_the_node() {
    let (store, clock) = (Arc::<MemoryStore>::default(), ManualClock::at(1_000));
    let here = process(&store, &clock, "a");
    let soon = flow(
        "  a: { wait: { for: 3s } }\n  b: { wait: { until: \"'1970-01-01T00:00:06Z'\" } }",
        "a.until + b.until",
    );
    let run = here.start(&soon).await;
    let_pass(&run, &clock).await;
    assert_eq!(output(&run).await, "10000");
    for (wait, why) in [
        ("until: \"'tomorrow'\"", "no moment"),
        ("cron: \"0 0 31 2 *\"", "never comes"),
        ("cron: \"* * * * *\", tz: Mars/Olympus", "no time zone"),
        ("for: \"${'soon'}\"", "no span of time"),
    ] {
        let run = here.start(&flow(&format!("  a: {{ wait: {{ {wait} }} }}"), "a")).await;
        let End::Finished(Outcome::Failed { error, .. }) = run.outcome().await else {
            panic!("{wait}")
        };
        assert!(error.message.contains(why), "{wait}: {error}");
    }
}

#[tokio::test]
async fn a_signal_reaches_a_run_that_waits_in_another_process_and_one_that_will_wait() {
    let (store, clock) = (Arc::<MemoryStore>::default(), ManualClock::at(1_000));
    let g = flow(
        "  a: { wait: { event: paid, where: event.n > 1 } }\n  b: { wait: { event: paid }, after: a }",
        "[a.n, b.n]",
    );
    let (here, there) = (patient(&store, &clock, "a"), patient(&store, &clock, "b"));
    let run = here.start(&g).await;
    // `b` will take the first one, which `a` does not want; the third is said twice.
    for (id, n) in [("1", 1), ("2", 2), ("2", 2)] {
        let says = says("paid", &format!("{{\"n\":{n}}}"));
        there.executor.post(&letter(run.id(), id, says)).await.unwrap();
    }
    let_pass(&run, &clock).await;
    assert_eq!(output(&run).await, "[2,1]");
    let heard = names(&store, run.id()).await;
    assert_eq!(heard.iter().filter(|name| *name == "signal_received").count(), 2, "{heard:?}");
    let late = there.executor.post(&letter(run.id(), "4", says("paid", "{}"))).await;
    assert!(late.unwrap_err().to_string().contains("is finished"));
}

#[tokio::test]
async fn who_answered_in_time_was_in_time_whenever_the_run_goes_on() {
    let g = flow(
        "  a: { type: human, form: { yes: bool }, deadline: 10s, on_deadline: reject }",
        "[a.yes, a.by]",
    );
    for (at, expected, refused) in
        [(11_000, r#"[true,"by 1"]"#, 0), (11_001, r#"[false,"deadline"]"#, 1)]
    {
        let (store, clock) = (Arc::<MemoryStore>::default(), ManualClock::at(1_000));
        let here = process(&store, &clock, "a");
        let run = here.start(&g).await;
        assert_eq!(run.outcome().await, End::Waiting);
        let letter = Letter { at, ..letter(run.id(), "1", answers("a", r#"{"yes":true}"#)) };
        here.executor.post(&letter).await.unwrap();
        // In the second case somebody told it something else, too.
        here.executor.post(&Letter { id: "2".into(), ..letter }).await.unwrap();
        clock.advance(3_600_000);
        let again = here.resume(run.id(), &g).await.unwrap();
        assert_eq!(output(&again).await, expected);
        let said = names(&store, run.id()).await;
        let late = said.iter().filter(|name| *name == "answer_refused").count();
        assert!(late <= refused, "{said:?}");
    }
}

#[tokio::test]
async fn a_crash_at_any_append_neither_loses_nor_doubles_what_a_run_was_told() {
    let g = flow(
        "  a: { wait: { event: paid } }\n  h: { type: human, form: { yes: bool } }\n  t: { wait: { for: 2s } }\n  c: { type: idem, after: [a, t] }",
        "[a.n, h.yes, t.until >= 3000]",
    );
    for crash in 0..24 {
        let (appends, lands) = (crash / 2, crash % 2 == 1);
        let (store, clock) = (Arc::<MemoryStore>::default(), ManualClock::at(1_000));
        let mortal = Mortal::new(store.clone(), appends, lands);
        let here = Process::on(mortal, "a", Arc::default(), clock.clone(), |_| {});
        let run = here.start(&g).await;
        for (id, says) in
            [("1", says("paid", r#"{"n":5}"#)), ("2", answers("h", r#"{"yes":true}"#))]
        {
            store.post(&letter(run.id(), id, says)).await.unwrap();
        }
        let_pass(&run, &clock).await;
        // The lease of the dead process runs out.
        clock.advance(60_000);
        let there = patient(&store, &clock, "b");
        let again = there.resume(run.id(), &g).await.unwrap();
        let_pass(&again, &clock).await;
        assert_eq!(output(&again).await, "[5,true,true]", "crash {crash}");
        let said = names(&store, run.id()).await;
        for name in ["signal_received", "task_answered", "wait_over"] {
            assert_eq!(
                said.iter().filter(|said| *said == name).count(),
                1,
                "{crash} {name}: {said:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_flood_of_letters_is_taken_in_turns_and_in_order() {
    let (store, clock) = (Arc::<MemoryStore>::default(), ManualClock::at(1_000));
    let g = flow(
        "  a: { loop: { max: 150 }, carry: { all: \"${[]}\" }, do: { w: { wait: { event: n } } }, next: { all: \"${all + [w]}\" }, out: \"${all}\" }",
        "a == range(150)",
    );
    let here = process(&store, &clock, "a");
    let run = here.start(&g).await;
    assert_eq!(run.outcome().await, End::Waiting);
    for n in 0..150 {
        here.executor
            .post(&letter(run.id(), &n.to_string(), says("n", &n.to_string())))
            .await
            .unwrap();
    }
    let again = here.resume(run.id(), &g).await.unwrap();
    let_pass(&again, &clock).await;
    assert_eq!(output(&again).await, "true");
}

#[tokio::test]
async fn a_letter_to_a_run_that_nobody_drives_makes_it_due() {
    let (store, clock) = (Arc::<MemoryStore>::default(), ManualClock::at(1_000));
    let g = flow("  a: { type: human, form: { yes: bool, n: { type: int, default: 3 } } }", "a");
    let here = process(&store, &clock, "a");
    let run = here.start(&g).await;
    assert_eq!(run.outcome().await, End::Waiting);
    let wrong = letter(run.id(), "1", answers("a", "{\"yes\":3}"));
    assert_eq!(here.executor.post(&wrong).await, Ok(Posted::New));
    let right = letter(run.id(), "2", answers("a", "{\"yes\":true}"));
    assert_eq!(here.executor.post(&right).await, Ok(Posted::New));
    assert_eq!(
        here.executor.post(&letter(run.id(), "3", answers("a", "{\"yes\":false}"))).await,
        Ok(Posted::New)
    );
    assert_eq!(here.executor.due().await.unwrap()[0].run, *run.id());
    let again = here.resume(run.id(), &g).await.unwrap();
    assert_eq!(output(&again).await, r#"{"yes":true,"n":3,"by":"by 2","at":7}"#);
    let said = names(&store, run.id()).await;
    let refused = said.iter().position(|name| name == "answer_refused");
    assert!(refused < said.iter().position(|name| name == "task_answered"), "{said:?}");
}

#[tokio::test]
async fn a_family_of_runs_waits_and_goes_on_together() {
    let (store, clock) = (Arc::<MemoryStore>::default(), ManualClock::at(1_000));
    let here = process(&store, &clock, "a");
    let inner = flow("  w: { wait: { event: go, timeout: 2d } }", "w.n");
    let middle = flow(
        "  m: { map: \"[1, 2]\", concurrency: 2, do: { c: { type: idem } }, out: \"${c.out}\" }",
        "m",
    );
    let outer = flow("  a: { type: idem, deadline: 3d }", "a.out");
    let family = crate::children::family(&here, &middle, &inner);
    let run = here.executor.start(outer.clone(), family.clone(), Default::default()).await.unwrap();
    assert_eq!(let_pass(&run, &clock).await, End::Waiting);
    assert_eq!(here.executor.live(), []);
    let open =
        store.waits(&cleargate_store::WaitFilter { limit: 9, ..Default::default() }).await.unwrap();
    let children: Vec<RunId> =
        open.iter().filter(|w| w.address.is_some()).map(|w| w.run.clone()).collect();
    assert_eq!(children.len(), 2, "{open:?}");
    for (n, child) in children.iter().enumerate() {
        assert_eq!(here.executor.due().await.unwrap(), []);
        let letter = letter(child, "go", says("go", &format!("{{\"n\":{n}}}")));
        here.executor.post(&letter).await.unwrap();
        assert_eq!(here.executor.due().await.unwrap()[0].run, *run.id(), "the outermost goes on");
        let again = here.executor.resume(run.id(), outer.clone(), family.clone()).await.unwrap();
        match let_pass(&again, &clock).await {
            End::Waiting => assert_eq!(n, 0),
            _ => assert!(["[1,0]", "[0,1]"].contains(&output(&again).await.as_str())),
        }
    }
    assert_eq!(here.executor.due().await.unwrap(), []);
}

#[tokio::test]
async fn runs_tell_each_other_of_events_once() {
    let (store, clock) = (Arc::<MemoryStore>::default(), ManualClock::at(1_000));
    let here = patient(&store, &clock, "a");
    let waits = flow("  w: { wait: { event: done } }", "w.n");
    let waiting = here.start(&waits).await;
    let tells = flow(
        &format!("  e: {{ emit: {{ event: done, payload: {{ n: 5 }}, to: {} }} }}", waiting.id()),
        "e.n",
    );
    let telling = here.start(&tells).await;
    assert_eq!(output(&telling).await, "5");
    let_pass(&waiting, &clock).await;
    assert_eq!(output(&waiting).await, "5");
    // One that has ended is told of nothing: that is the failure of the node.
    let again = here.start(&tells).await;
    let End::Finished(Outcome::Failed { error, .. }) = again.outcome().await else { panic!() };
    assert!(error.message.contains("is finished"), "{error}");
    let inside = flow(
        "  e: { emit: { event: done, payload: { n: 1 } } }\n  w: { wait: { event: done } }",
        "w.n",
    );
    assert_eq!(output(&here.start(&inside).await).await, "1");
}

#[tokio::test]
async fn a_run_that_waits_is_cancelled_at_once() {
    let (store, clock) = (Arc::<MemoryStore>::default(), ManualClock::at(1_000));
    let here = patient(&store, &clock, "a");
    let g = flow(
        "  a: { wait: { event: never } }\n  b: { type: human, form: { yes: bool } }\n  c: { wait: { for: 1d } }",
        "1",
    );
    let run = here.start(&g).await;
    while run.progress().await.records < 4 {
        tokio::task::yield_now().await;
    }
    run.cancel("operator");
    assert_eq!(run.outcome().await, End::Finished(Outcome::Cancelled));
    let open = store.waits(&cleargate_store::WaitFilter { limit: 9, ..Default::default() }).await;
    assert_eq!(open, Ok(vec![]), "nobody is asked any more");
}

#[tokio::test]
async fn chance_decides_once() {
    let (store, clock) = (Arc::<MemoryStore>::default(), ManualClock::at(1_000));
    let here = patient(&store, &clock, "a");
    let g = flow(
        "  s: { switch: { weighted: [ { weight: 1, do: { w: { wait: { for: 1d } } } }, { weight: 1, do: { w: { wait: { for: 2d } } } } ] } }",
        "1",
    );
    let run = here.start(&g).await;
    while run.progress().await.records < 3 {
        tokio::task::yield_now().await;
    }
    here.executor.shutdown(Duration::ZERO).await;
    let there = patient(&store, &clock, "b");
    let again = there.resume(run.id(), &g).await.unwrap();
    let_pass(&again, &clock).await;
    assert_eq!(output(&again).await, "1");
    let said = names(&store, run.id()).await;
    assert_eq!(said.iter().filter(|name| *name == "drawn").count(), 1, "{said:?}");
}

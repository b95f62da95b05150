//! The power is cut at every kind of moment: what was acknowledged is there, and what is there is some state that was.

use std::cell::Cell;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use cleargate_power::dice::Dice;
use cleargate_power::disk::{Disk, Fate, Image, SAID};
use cleargate_power::shim::{Bench, told};
use cleargate_power::trace::Op;
use cleargate_store::sqlite::Class;
use cleargate_store::{MemoryStore, Store};

use crate::block_on;
use crate::history::{self, Step, make, seen, steps};

/// Steps of a history.
const STEPS: usize = 120;

/// Moments of a history at which the power is cut, about.
pub(crate) const MOMENTS: usize = 25;

/// Calls after a sync that failed of which each is such a moment.
const NEAR: usize = 40;

/// Steps that are made on the image, to see that the store goes on.
const MORE: usize = 4;

fn class(name: &str) -> Class {
    if name == "power" { Class::PowerSafe } else { Class::ProcessSafe }
}

/// The process whose power is cut. Says each step that was acknowledged.
#[test]
#[ignore = "started by the tests below"]
fn victim() {
    let Some((root, input)) = told() else { return };
    let (class_name, seed) = input.split_once(' ').unwrap();
    let class = class(class_name);
    let mut said = std::fs::File::create(root.join(SAID)).unwrap();
    block_on(async {
        let mut store = history::open(&root, class).unwrap();
        for (at, step) in steps(&mut Dice::new(seed.parse().unwrap()), STEPS).iter().enumerate() {
            if matches!(step, Step::Reopen) {
                drop(store);
                store = history::open(&root, class).unwrap();
            }
            make(&store, step).await.unwrap();
            said.write_all(format!("{at}\n").as_bytes()).unwrap();
        }
    });
}

/// What a store holds after no step, after one, after two, and so on.
pub(crate) async fn states(steps: &[Step]) -> Vec<String> {
    let store = MemoryStore::default();
    let mut states = vec![seen(&store).await];
    for step in steps {
        make(&store, step).await.unwrap();
        states.push(seen(&store).await);
    }
    states
}

/// How many steps a power cut has to leave, of a store that is power-safe and has acknowledged `said` of them.
pub(crate) fn least(steps: &[Step], states: &[String], said: usize) -> usize {
    // A step that had nothing to change makes nothing durable that was made before it.
    let lasts = |at: &usize| steps[*at].lasts() && states[*at] != states[at + 1];
    (0..said).rev().find(lasts).map_or(0, |last| last + 1)
}

/// Opens what a power cut has left; says how many steps are there.
pub(crate) async fn examine(
    image: &Image,
    steps: &[Step],
    states: &[String],
    least: usize,
    most: usize,
) -> usize {
    let folder = crate::folder();
    image.lay(folder.path());
    let open = || history::open(folder.path(), Class::ProcessSafe);
    let store = open().unwrap_or_else(|error| panic!("the store does not open: {error}"));
    let found = seen(&store).await;
    let there = (least..=most).rev().find(|there| states[*there] == found);
    let there = there.unwrap_or_else(|| match states.iter().rposition(|state| *state == found) {
        Some(there) => panic!("{there} steps are there, and {least} to {most} were expected"),
        None => panic!("the store holds what it never held:\n{:.3000}", found),
    });
    let next = &steps[there..steps.len().min(there + MORE)];
    for step in next {
        make(&store, step).await.unwrap();
    }
    drop(store);
    assert_eq!(seen(&open().unwrap()).await, states[there + next.len()], "it does not go on");
    there
}

/// The same with the end of the log twice. That it is missing is among the fates: a file may have any size that it had.
fn with_double_tail(image: &Image, dice: &mut Dice) -> Option<Image> {
    let mut image = image.clone();
    let (_, log) = image.files.iter_mut().find(|(path, _)| path.ends_with("-wal"))?;
    log.extend_from_within(dice.below(log.len() + 1)..);
    Some(image)
}

/// The trace of a process that was let go on to its end.
pub(crate) fn traced(bench: &Bench, test: &str, input: &str) -> Vec<Op> {
    let mut process = bench.process(test, input, None);
    let done = process.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    bench.trace()
}

/// Calls `look` with what is left of the disk when the power is cut after some of the calls, which always are the last one
/// and those after a sync that failed, and otherwise by chance. What `look` panics with is told with what leads there again.
pub(crate) fn cut(
    name: &str,
    trace: &[Op],
    moments: usize,
    dice: &mut Dice,
    look: impl Fn(&Disk, Fate, &Image, &mut Dice),
) {
    let (mut disk, mut near) = (Disk::default(), 0_usize);
    for (at, op) in trace.iter().enumerate() {
        disk.apply(op);
        near = if op.failed() { NEAR } else { near.saturating_sub(1) };
        if dice.below(trace.len()) >= moments && near == 0 && at + 1 < trace.len() {
            continue;
        }
        let until = Fate::Until(disk.calls() - dice.below(disk.calls().min(40)));
        for fate in [Fate::Lost, Fate::Any, Fate::Kept, until, Fate::Any, Fate::Junk] {
            // Many moments that are alike are looked at twice each, and few in each way.
            if near > 0 && !matches!(fate, Fate::Lost | Fate::Any) {
                continue;
            }
            let image = disk.image(fate, dice);
            let looked = catch_unwind(AssertUnwindSafe(|| look(&disk, fate, &image, dice)));
            assert!(
                looked.is_ok(),
                "{name}: cut after call {at} of {}, {fate:?}; {op}",
                trace.len()
            );
        }
    }
}

/// Cuts the power of one history. Says how many images there were, and how many steps they had lost at most.
fn cut_one_history(class_name: &str, seed: u64) -> (usize, usize) {
    let Some(bench) = Bench::new() else { return (1, 1) };
    let trace = traced(&bench, "cut::victim", &format!("{class_name} {seed}"));
    let steps = steps(&mut Dice::new(seed), STEPS);
    let states = block_on(states(&steps));
    let (images, lost) = (Cell::new(0), Cell::new(0));
    let name = format!("class {class_name}, seed {seed}");
    cut(&name, &trace, MOMENTS, &mut Dice::new(seed), |disk, fate, image, dice| {
        let said = disk.said().len();
        let most = steps.len().min(said + 1);
        let power_safe = class(class_name) == Class::PowerSafe;
        let least = if power_safe { least(&steps, &states, said) } else { 0 };
        let there = block_on(examine(image, &steps, &states, least, most));
        lost.set(lost.get().max(said.saturating_sub(there)));
        images.set(images.get() + 1);
        if let (Fate::Kept, Some(image)) = (fate, with_double_tail(image, dice)) {
            block_on(examine(&image, &steps, &states, said, most));
            images.set(images.get() + 1);
        }
    });
    println!("{name}: {} images, at most {} steps were lost", images.get(), lost.get());
    (images.get(), lost.get())
}

#[test]
fn du_03_a_power_cut_costs_nothing_that_was_acknowledged_as_power_safe() {
    for seed in 0..crate::soaked(2, 200) {
        cut_one_history("power", seed);
    }
}

#[test]
fn du_03_a_power_cut_leaves_a_beginning_of_what_was_process_safe() {
    let cut = (0..crate::soaked(2, 200)).map(|seed| cut_one_history("process", seed).1);
    assert!(cut.max() > Some(0), "no cut has cost anything: is there a disk below?");
}

#[test]
fn what_a_store_says_is_the_same_before_and_after_it_is_folded_and_pruned() {
    for seed in 0..crate::soaked(4, 200) {
        let steps = steps(&mut Dice::new(seed), STEPS);
        let states = block_on(states(&steps));
        let folder = crate::folder();
        let open = || history::open(folder.path(), Class::ProcessSafe).unwrap();
        let mut store = open();
        for (at, step) in steps.iter().enumerate() {
            block_on(make(&store, step)).unwrap();
            assert_eq!(block_on(seen(&store)), states[at + 1], "seed {seed}: {step:?}");
            // Closing folds the whole log. A history folds it by itself too, and removes runs.
            if at % 5 == 0 {
                drop(store);
                store = open();
                assert_eq!(block_on(seen(&store)), states[at + 1], "seed {seed}: {step:?}, folded");
            }
        }
    }
}

/// Runs that are written to at once, so that changes are committed in groups.
const WRITERS: usize = 4;

/// Appends of each.
const APPENDS: u64 = 25;

/// As [`victim`], with several who write at once. Says what each of them has been told is kept.
#[test]
#[ignore = "started by the test below"]
fn crowd() {
    let Some((root, _)) = told() else { return };
    let said = Mutex::new(std::fs::File::create(root.join(SAID)).unwrap());
    let rt = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    rt.block_on(async {
        let (store, said) = (history::open(&root, Class::PowerSafe).unwrap(), Arc::new(said));
        let store: Arc<dyn Store> = Arc::new(store);
        let write = |run: usize| {
            let (store, said) = (store.clone(), said.clone());
            async move {
                make(&*store, &Step::Create(run)).await.unwrap();
                make(&*store, &Step::Acquire(run)).await.unwrap();
                for append in 1..=APPENDS {
                    let step = Step::Append { run, bytes: 2_000, count: 1, sync: true };
                    make(&*store, &step).await.unwrap();
                    said.lock().unwrap().write_all(format!("{run} {append}\n").as_bytes()).unwrap();
                }
            }
        };
        (0..WRITERS).map(write).collect::<tokio::task::JoinSet<_>>().join_all().await;
    });
}

async fn keeps_each_run(image: &Image, said: &[String]) {
    let folder = crate::folder();
    image.lay(folder.path());
    let store = history::open(folder.path(), Class::PowerSafe).unwrap();
    for run in 0..WRITERS {
        let (mine, mut kept) = (format!("{run} "), 0);
        for seq in said.iter().filter_map(|line| line.strip_prefix(&mine)) {
            kept = seq.parse().unwrap();
        }
        let found = store.run(&history::id(run)).await.unwrap();
        let Some(row) = found else {
            assert_eq!(kept, 0, "run {run} is lost");
            continue;
        };
        assert!(row.last_seq >= kept, "run {run} has {} of {kept} records", row.last_seq);
        let journal = store.whole_journal(&row.id).await.unwrap();
        let numbers: Vec<u64> = journal.iter().map(|record| record.seq).collect();
        assert_eq!(numbers, (0..=row.last_seq).collect::<Vec<_>>());
    }
}

#[test]
fn du_03_a_power_cut_costs_nobody_anything_of_those_who_were_committed_together() {
    for seed in 0..crate::soaked(1, 50) {
        let Some(bench) = Bench::new() else { return };
        let trace = traced(&bench, "cut::crowd", "");
        let name = format!("seed {seed}, and the order of threads");
        cut(&name, &trace, MOMENTS, &mut Dice::new(seed), |disk, _, image, _| {
            block_on(keeps_each_run(image, &disk.said()));
        });
    }
}

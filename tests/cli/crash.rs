//! Runs that were killed, interrupted or driven twice: they end as if nothing had happened.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::review::calm_lock;
use crate::world::{Done, World, variable};

/// Packages of the lock file: enough that a run takes a second, so that kills hit every phase.
const PACKAGES: usize = 600;

/// Killed runs that are resumed at the same time.
const TOGETHER: u32 = 10;

const RUN: [&str; 4] = ["run", "dependency_review", "--input", "lockfile=@big.lock"];

fn world() -> World {
    let world = World::published();
    world.write("big.lock", &calm_lock(PACKAGES));
    world
}

fn start(world: &World, args: &[&str]) -> Child {
    world.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Starts a run and returns when it has begun, with its id.
fn begin(world: &World) -> (Child, String) {
    let mut child = start(world, &RUN);
    let mut line = String::new();
    // The line is read without a buffer that would swallow what follows.
    let mut stderr = BufReader::with_capacity(1, child.stderr.take().unwrap());
    stderr.read_line(&mut line).unwrap();
    child.stderr = Some(stderr.into_inner());
    let (_, id) = line.trim().rsplit_once("run ").unwrap_or_else(|| panic!("{line:?}"));
    (child, id.to_owned())
}

/// Each node's success is in the journal once, and the run ended once.
fn assert_once(world: &World, run: &str) {
    let events = world.run(&["runs", "events", run, "--output", "ndjson"]);
    assert_eq!(events.code, Some(0), "{events:?}");
    let (mut seen, mut ends) = (BTreeSet::new(), 0);
    for line in events.out.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        match event["event"].as_str().unwrap() {
            "attempt_succeeded" => {
                let address = event["address"].to_string();
                assert!(seen.insert(address.clone()), "{address} of {run} succeeded twice");
            }
            "run_finished" => ends += 1,
            _ => {}
        }
    }
    assert!(seen.len() >= PACKAGES, "{} addresses", seen.len());
    assert_eq!(ends, 1, "run {run}");
}

/// Whether it has not ended: the lease of the killed process may be over by now.
fn is_open(run: &Value) -> bool {
    run["status"] == "running" || run["status"] == "interrupted"
}

#[test]
fn killed_runs_end_as_undisturbed_ones() {
    let world = world();
    // The first run compiles the plugins, the second one shows how long a run takes after its first word.
    world.run(&RUN).expect(0, &[]);
    let (child, _) = begin(&world);
    let undisturbed = Instant::now();
    let expected = Done::of(child.wait_with_output().unwrap());
    expected.expect(0, &[]);
    let whole = undisturbed.elapsed();

    // Moments none of which is past two thirds, so that a fast machine is still at work; the clock moves them
    // each time.
    let kills = if variable("CLEARGATE_SOAK").is_some() { 100 } else { TOGETHER };
    let mut killed = Vec::new();
    for kill in 0..kills {
        let (mut child, id) = begin(&world);
        let jitter = whole / 100 * (undisturbed.elapsed().subsec_nanos() % 10);
        std::thread::sleep(whole * 10 / 16 * kill / kills + jitter);
        signal(&child, "-KILL");
        child.wait().unwrap();
        killed.push(id);
    }
    let runs = world.json(&["runs", "list", "--limit", "1000", "--output", "json"]);
    let cut = runs.as_array().unwrap().iter().filter(|run| is_open(run)).count();
    assert!(cut >= kills as usize / 2, "only {cut} of {kills} kills came before the end");
    // Together, because each waits until the lease of the killed process has run out.
    for ids in killed.chunks(TOGETHER as usize) {
        let resumed: Vec<_> = ids.iter().map(|id| start(&world, &["resume", id])).collect();
        for (child, id) in resumed.into_iter().zip(ids) {
            let done = Done::of(child.wait_with_output().unwrap());
            done.expect(0, &[]);
            assert_eq!(done.out, expected.out, "run {id}");
            assert_once(&world, id);
        }
    }
    let again = world.run(&["resume", &killed[0]]);
    again.expect(0, &[]);
    assert_eq!(again.out, expected.out);
    assert_once(&world, &killed[0]);
}

#[test]
fn an_interrupt_parks_the_run() {
    let world = world();
    let (child, terminated) = begin(&world);
    signal(&child, "-TERM");
    let done = Done::of(child.wait_with_output().unwrap());
    done.expect(130, &["was interrupted", &format!("cleargate resume {terminated}")]);
    let (child, id) = begin(&world);
    signal(&child, "-INT");
    let done = Done::of(child.wait_with_output().unwrap());
    done.expect(130, &["was interrupted", &format!("cleargate resume {id}")]);

    // A run is pinned to bytes; without them it waits, and says how they come back.
    let pinned = "cleargate:package-risk@=0.1.0";
    world.run(&["plugin", "remove", pinned]).expect(0, &[]);
    let install = format!("cleargate plugin install {pinned}");
    world.run(&["resume", &id]).expect(6, &["package-risk 0.1.0 cannot be loaded", &install]);
    world.run(&["plugin", "install", pinned]).expect(0, &[]);

    // Two at once: one drives, the other one is refused or finds the run finished.
    let began = Instant::now();
    let both = [start(&world, &["resume", &id]), start(&world, &["resume", &id])];
    let both = both.map(|child| Done::of(child.wait_with_output().unwrap()));
    assert!(both.iter().any(|done| done.code == Some(0)), "{both:?}");
    for done in both.iter().filter(|done| done.code != Some(0)) {
        assert!(done.err.contains("is driven by"), "{done:?}");
    }
    assert_once(&world, &id);
    assert!(began.elapsed() < Duration::from_secs(30));
}

#[test]
fn one_key_is_one_run_also_for_two_at_once() {
    let world = world();
    let keyed = [&RUN[..], &["--key", "monday"]].concat();
    let both = [start(&world, &keyed), start(&world, &keyed)];
    let [first, second] = both.map(|child| Done::of(child.wait_with_output().unwrap()));
    first.expect(0, &["run "]);
    second.expect(0, &["run "]);
    assert_eq!(first.out, second.out);
    let runs = world.json(&["runs", "list", "--output", "json"]);
    assert_eq!(runs.as_array().unwrap().len(), 1, "{runs}");
    let id = runs[0]["id"].as_str().unwrap();
    assert_once(&world, id);

    // The key stands for a question: another one does not get its answer.
    world.write("other.lock", &calm_lock(1));
    let other = ["run", "dependency_review", "--input", "lockfile=@other.lock", "--key", "monday"];
    world
        .run(&other)
        .expect(3, &["the key `monday` belongs to run", id, "another input", "another key"]);
}

//! `cleargate work`: processes that go on with what others left, that are ended, killed and beside each other.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Lines};
use std::net::TcpListener;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use cleargate::{Config, Durability, Host, InputValue};
use serde_json::Value;

use crate::world::{Done, World, soak};

/// Some steps, each after a short wait: once it was told to go, a run of it is in motion for some hundred milliseconds.
const STEPS: &str = "\
cleargate: 1
flow: steps
input: { n: int }
events: { go: { x: int } }
nodes:
  told: { wait: { event: go } }
  all:
    after: [told]
    loop: { max: 5 }
    carry: { n: \"${input.n}\" }
    do:
      soon: { wait: { for: 60ms } }
      step: { type: template, after: [soon], text: \"${n}\", with: { n: \"${n}\" } }
    next: { n: \"${n + 1}\" }
    out: ${n}
output: { n: \"${all}\" }
";

/// Some thousand steps at once.
const BUSY: &str = "\
cleargate: 1
flow: busy
input: { n: int }
nodes:
  all:
    loop: { max: 3000 }
    carry: { n: \"${input.n}\" }
    do: { step: { type: template, text: \"${n}\", with: { n: \"${n}\" } } }
    next: { n: \"${n + 1}\" }
    out: ${n}
output: { n: \"${all}\" }
";

const WAITS: &str = "\
cleargate: 1
flow: waits
input: { n: int }
events: { go: { x: int } }
nodes:
  told: { wait: { event: go } }
output: { n: \"${input.n + told.x}\" }
";

const LATER: &str = "\
cleargate: 1
flow: later
input: { n: int }
nodes:
  later: { wait: { for: 1h } }
  then: { wait: { for: 1h }, after: later }
output: { n: \"${input.n}\" }
";

fn world() -> World {
    let world = World::empty();
    for (name, text) in [("steps", STEPS), ("busy", BUSY), ("waits", WAITS), ("later", LATER)] {
        world.write(&format!("{name}.yaml"), text);
    }
    world
}

/// Does something as a program does that embeds the library, and ends as `kill -9` ends a process.
fn embedded<T>(world: &World, work: impl AsyncFnOnce(Host) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (durability, linger) = (Durability::ProcessSafe, None);
    let config = Config { durability, linger, ..Config::new(world.home(), world.path("")) };
    let done = runtime.block_on(async { work(Host::open(config).await.unwrap()).await });
    runtime.shutdown_background();
    done
}

/// Runs that were begun by a process which is gone: held, and nobody there.
fn left(world: &World, flow: &str, inputs: std::ops::Range<usize>) -> BTreeSet<String> {
    let count = inputs.len();
    let begun = embedded(world, async |host| {
        let flow = host.load(flow, false).await.unwrap();
        let mut begun = BTreeSet::new();
        for n in inputs {
            let input = InputValue::Port { name: "n".into(), text: n.to_string() };
            let run = host.start(&flow, vec![input], Default::default()).await.unwrap();
            begun.insert(run.id().to_string());
        }
        begun
    });
    assert_eq!(begun.len(), count);
    begun
}

/// Such runs, with all that they need to go on.
fn in_motion(world: &World, count: usize) -> BTreeSet<String> {
    let runs = left(world, "steps.yaml", 0..count);
    embedded(world, async |host| {
        for run in &runs {
            let payload = cleargate::Value::record([("x", 1.into())]);
            host.signal(&run.parse().unwrap(), "go", payload, Default::default()).await.unwrap();
        }
    });
    runs
}

/// A worker, and what it says.
struct Worker {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Worker {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn of(world: &World, args: &[&str]) -> Self {
        Self::start(world.command(&[&["work", "--output", "ndjson"], args].concat()))
    }

    /// The next thing that it says; nothing when it has ended.
    fn next(&mut self) -> Option<Value> {
        let line = self.lines.next()?.unwrap();
        Some(serde_json::from_str(&line).unwrap())
    }

    /// Listens until it has said this of a run so often.
    fn until(&mut self, event: &str, times: usize) -> Vec<String> {
        let mut runs = Vec::new();
        while runs.len() < times {
            let said =
                self.next().unwrap_or_else(|| panic!("it ended after {} {event}", runs.len()));
            if said["event"] == event {
                runs.push(said["run"].as_str().unwrap().to_owned());
            }
        }
        runs
    }

    fn signal(&self, name: &str) {
        let sent =
            Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    fn kill(mut self) {
        self.signal("-KILL");
        self.child.wait().unwrap();
    }

    /// All that it says until it ends, by event, and its exit code.
    fn rest(mut self) -> (BTreeMap<String, Vec<Value>>, Option<i32>) {
        let mut said: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        while let Some(line) = self.next() {
            said.entry(line["event"].as_str().unwrap().to_owned()).or_default().push(line);
        }
        (said, self.child.wait().unwrap().code())
    }
}

/// A test that fails leaves no worker behind.
impl Drop for Worker {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _its_end_is_nobodys = self.child.wait();
    }
}

/// Runs that stand so, as `runs list` says.
fn standing(world: &World, status: &str) -> BTreeSet<String> {
    let runs = ["runs", "list", "--limit", "20000", "--output", "json", "--status", status];
    let runs = world.json(&runs);
    let ids = runs.as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap().to_owned());
    ids.collect()
}

fn events(world: &World, run: &str) -> Vec<Value> {
    let events = world.run(&["runs", "events", run, "--output", "ndjson"]);
    assert_eq!(events.code, Some(0), "{events:?}");
    events.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// No step succeeded twice and the run ended once, however many processes drove it.
fn assert_once(world: &World, run: &str, steps: usize) {
    let events = events(world, run);
    let mut seen = BTreeSet::new();
    for event in events.iter().filter(|event| event["event"] == "attempt_succeeded") {
        assert!(seen.insert(event["address"].to_string()), "{} of {run} twice", event["address"]);
    }
    assert_eq!(seen.len(), steps, "{run}");
    let ends = events.iter().filter(|event| event["event"] == "run_finished").count();
    assert_eq!(ends, 1, "{run}");
}

#[test]
fn a_killed_worker_loses_nothing_and_the_one_beside_it_drives_nothing_twice() {
    let world = world();
    let runs = in_motion(&world, if soak() { 1_000 } else { 60 });
    let mut first = Worker::of(&world, &["--jobs", "20"]);
    first.until("taken", 10);
    let mut second = Worker::of(&world, &["--until-idle"]);
    second.until("taken", 1);
    // It dies with runs in its hands.
    first.kill();
    let (said, code) = second.rest();
    assert_eq!(code, Some(0), "{said:?}");
    assert!(!said.contains_key("set_aside"), "{said:?}");
    assert_eq!(standing(&world, "succeeded"), runs);
    for run in &runs {
        assert_once(&world, run, 5);
    }
}

#[test]
fn du_20_a_worker_that_is_told_to_end_gives_all_its_runs_back() {
    let world = world();
    let runs = in_motion(&world, if soak() { 1_000 } else { 150 });
    let mut first = Worker::of(&world, &["--jobs", "1000"]);
    first.until("taken", runs.len());
    let asked = Instant::now();
    first.signal("-TERM");
    let (said, code) = first.rest();
    assert_eq!(code, Some(0), "{said:?}");
    assert!(asked.elapsed() < Duration::from_secs(20), "{:?}", asked.elapsed());
    let totals = &said["totals"][0]["totals"];
    assert!(!said.contains_key("lost") && !said.contains_key("set_aside"), "{said:?}");
    // Nobody holds any of them: what has not ended is waiting or interrupted.
    let stands = ["succeeded", "waiting", "interrupted", "running"].map(|s| standing(&world, s));
    assert_eq!(stands[3], BTreeSet::new(), "{totals}");
    let all: BTreeSet<_> = stands.into_iter().flatten().collect();
    assert_eq!(all, runs);
    // So the next one need not wait for leases.
    let second = Worker::of(&world, &["--until-idle"]);
    let (said, code) = second.rest();
    assert_eq!(code, Some(0), "{said:?}");
    assert_eq!(standing(&world, "succeeded"), runs);
    for run in runs.iter().take(20) {
        assert_once(&world, run, 5);
    }
}

#[test]
fn du_22_a_storm_of_interrupted_runs_does_not_keep_others_waiting() {
    let world = world();
    let urgent = left(&world, "waits.yaml", 0..1).pop_first().unwrap();
    let (said, code) = Worker::of(&world, &["--until-idle"]).rest();
    assert_eq!((code, said["waiting"].len()), (Some(0), 1), "{said:?}");
    let storm = if soak() { 10_000 } else { 400 };
    let runs = in_motion(&world, storm);
    // Once the leases of the process that left them are over, they are found at once.
    while !standing(&world, "running").is_empty() {
        std::thread::sleep(Duration::from_millis(50));
    }
    world.run(&["signal", &urgent, "go", "{\"x\":1}"]).expect(0, &[]);
    let began = Instant::now();
    let mut worker = Worker::of(&world, &["--until-idle", "--jobs", "32"]);
    // A few are read side by side, and it is one of the first.
    let first = worker.until("taken", 16);
    assert!(first.contains(&urgent), "{first:?}");
    assert!(!soak() || began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    let (said, code) = worker.rest();
    assert_eq!(code, Some(0));
    let at = said["finished"].iter().position(|said| said["run"] == urgent.as_str());
    // Unless it was over before the sixteenth was taken.
    assert!(at.is_none_or(|at| at < 64), "it waited for the storm: {at:?}");
    assert_eq!(said["taken"].len(), storm + 1 - 16);
    assert_eq!(standing(&world, "succeeded").len(), storm + 1);
    assert!(runs.is_subset(&standing(&world, "succeeded")));
}

/// What somebody sets the clock on the wall ahead by, in seconds, is in the file that `JUMP` names.
const JUMP: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
int clock_gettime(clockid_t id, struct timespec *at) {
  static int (*real)(clockid_t, struct timespec *);
  static const volatile int64_t *ahead;
  if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
  if (!ahead) {
    int file = open(getenv("JUMP"), O_RDONLY);
    ahead = mmap(0, 8, PROT_READ, MAP_SHARED, file, 0);
  }
  int done = real(id, at);
  if (id == CLOCK_REALTIME) at->tv_sec += *ahead;
  return done;
}
"#;

/// The command below a clock that jumps.
struct Jumping<'a> {
    world: &'a World,
}

impl<'a> Jumping<'a> {
    fn new(world: &'a World) -> Self {
        world.write("jump.c", JUMP);
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-o"])
            .args([world.path("jump.so"), world.path("jump.c")])
            .arg("-ldl")
            .status();
        assert!(built.unwrap().success());
        fs::write(world.path("jump"), 0_i64.to_ne_bytes()).unwrap();
        Self { world }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.world.command(args);
        command.env("LD_PRELOAD", self.world.path("jump.so")).env("JUMP", self.world.path("jump"));
        command
    }

    /// Sets the clock; who has the file open sees it at once.
    fn set(&self, seconds: i64) {
        use std::os::unix::fs::FileExt;
        let file = fs::File::options().write(true).open(self.world.path("jump")).unwrap();
        file.write_all_at(&seconds.to_ne_bytes(), 0).unwrap();
    }

    fn json(&self, args: &[&str]) -> Value {
        let done = Done::of(self.command(args).output().unwrap());
        serde_json::from_str(&done.out).unwrap()
    }
}

#[test]
#[cfg(target_os = "linux")]
fn du_11_a_clock_that_is_set_fires_no_timer_twice_and_takes_no_run_from_a_living_process() {
    const HOUR: i64 = 3_600;
    let world = world();
    let clock = Jumping::new(&world);
    let parked = clock.json(&["run", "later.yaml", "--input", "n=1", "--output", "json"]);
    let later = parked["run"].as_str().unwrap();
    let args = ["work", "--output", "ndjson", "--poll", "100ms"];
    let mut worker = Worker::start(clock.command(&args));
    let run = ["run", "busy.yaml", "--input", "n=1", "--output", "json"];
    let mut busy =
        clock.command(&run).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // To and fro while somebody drives a run, then to the first moment, and over the second one by a year.
    while standing(&world, "running").is_empty() {
        assert!(busy.try_wait().unwrap().is_none());
    }
    for ahead in [HOUR / 2, -HOUR, -365 * 24 * HOUR, 0] {
        clock.set(ahead);
        std::thread::sleep(Duration::from_millis(30));
    }
    let busy = Done::of(busy.wait_with_output().unwrap());
    assert_eq!(busy.code, Some(0), "{busy:?}");
    let busy: Value = serde_json::from_str(&busy.out).unwrap();
    assert_once(&world, busy["run"].as_str().unwrap(), 3_000);
    clock.set(HOUR + 60);
    assert_eq!(worker.until("waiting", 1), [later]);
    clock.set(-365 * 24 * HOUR);
    clock.set(365 * 24 * HOUR);
    let finished = worker.until("finished", 1);
    assert_eq!(finished, [later]);
    clock.set(-365 * 24 * HOUR);
    worker.signal("-INT");
    let (said, code) = worker.rest();
    assert_eq!(code, Some(0));
    assert!(!said.contains_key("taken"), "{said:?}");
    let fired = events(&world, later).iter().filter(|e| e["event"] == "wait_over").count();
    assert_eq!(fired, 2);
    for run in clock.json(&["runs", "list", "--output", "json"]).as_array().unwrap() {
        assert!(run["duration_ms"].as_i64().unwrap() >= 0, "{run}");
        let shown = clock.json(&["runs", "show", run["id"].as_str().unwrap(), "--output", "json"]);
        assert!(!shown.to_string().contains(":-"), "a negative number in {shown}");
    }
}

#[test]
fn a_run_that_ends_its_process_again_and_again_is_set_aside_and_brought_back() {
    let world = world();
    // It asks somebody who never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let asks = format!(
        "cleargate: 1\nflow: asks\ninput: {{ n: int }}\nnodes:\n  \
         a: {{ type: http, effect: read, with: {{ url: \"http://{address}/\" }} }}\noutput: {{ n: \"${{input.n}}\" }}\n"
    );
    world.write("asks.yaml", &asks);
    world.write_home("cleargate.toml", b"[network]\nallow_addresses = [\"127.0.0.0/8\"]\n");
    let grant = format!(
        "[[grant]]\nplugin = \"built-in\"\nversion = \"0\"\ndigest = \"built-in\"\nallow = {{ http = [\"http://{address}\"] }}\n"
    );
    world.write_home("grants.toml", grant.as_bytes());
    let run = left(&world, "asks.yaml", 0..1).pop_first().unwrap();
    // Each process is killed as soon as it has the run, as a run would do that ends it.
    let mut tries = 0;
    let why = loop {
        let mut worker = Worker::of(&world, &["--poll", "50ms"]);
        let said = worker.next().unwrap();
        worker.kill();
        if said["event"] == "set_aside" {
            break said["why"].as_str().unwrap().to_owned();
        }
        assert_eq!((&said["event"], said["run"].as_str().unwrap()), (&"taken".into(), &*run));
        tries += 1;
        assert!(tries <= 5, "{said}");
    };
    assert!(why.contains("the process ended each of the 5 times"), "{why}");
    let dead = world.json(&["runs", "list", "--dead", "--output", "json"]);
    assert_eq!((&dead[0]["id"], &dead[0]["status"]), (&Value::from(run.as_str()), &"dead".into()));
    assert_eq!(dead[0]["summary"], why);
    let shown = world.run(&["runs", "show", &run]);
    assert!(shown.out.contains("✗ dead"), "{shown:?}");
    // Nobody takes it up by himself, and others go on.
    let other = left(&world, "waits.yaml", 0..1);
    let (said, _) = Worker::of(&world, &["--until-idle"]).rest();
    let taken: Vec<_> = said["taken"].iter().map(|said| said["run"].as_str().unwrap()).collect();
    assert_eq!(taken, other.iter().collect::<Vec<_>>());
    let back = world.run(&["runs", "retry", &run[..30]]);
    assert!(back.out.contains("can be taken up again"), "{back:?}");
    let again = world.run(&["runs", "retry", &run]);
    assert!(again.out.contains("was not set aside"), "{again:?}");
    // What kept it from going on is gone: nobody is asked any more, and the run says so.
    drop(silent);
    let (said, _) = Worker::of(&world, &["--until-idle"]).rest();
    let finished = &said["finished"][0];
    assert_eq!((&finished["run"], &finished["status"]), (&run.as_str().into(), &"failed".into()));
    world.run(&["runs", "retry", &run]).expect(1, &["has ended"]);
    assert_eq!(standing(&world, "dead"), BTreeSet::new());
}

#[test]
fn a_damaged_run_is_set_aside_with_the_reason_and_what_nobody_took_is_shown() {
    let world = world();
    let bad = left(&world, "waits.yaml", 424_242..424_243).pop_first().unwrap();
    let good = left(&world, "waits.yaml", 0..1).pop_first().unwrap();
    Worker::of(&world, &["--until-idle"]).rest();
    for run in [&bad, &good] {
        for id in ["1", "2"] {
            world
                .run(&["signal", run, "go", "{\"x\":1}", "--id", id, "--by", "ada"])
                .expect(0, &[]);
        }
    }
    // A number in its first record is another one.
    let mut journal = fs::read(world.journal()).unwrap();
    let at = journal.windows(6).position(|bytes| bytes == b"424242").unwrap();
    journal[at] = b'5';
    fs::write(world.journal(), journal).unwrap();
    let (said, code) = Worker::of(&world, &["--until-idle"]).rest();
    assert_eq!(code, Some(0), "a run that cannot go on is no failure of the worker");
    assert_eq!((said["failing"].len(), said["set_aside"].len()), (4, 1), "{said:?}");
    assert_eq!(said["set_aside"][0]["run"], bad.as_str());
    assert!(said["set_aside"][0]["why"].as_str().unwrap().contains("damaged"), "{said:?}");
    assert_eq!(said["finished"][0]["run"], good.as_str());
    let shown = world.run(&["runs", "show", &good]);
    assert!(shown.out.contains("go, told by ada at"), "{shown:?}");
    let shown = world.json(&["runs", "show", &good, "--output", "json"]);
    let never = &shown["undelivered"][0];
    assert_eq!(
        (&never["id"], &never["what"], &never["payload"]["x"]),
        (&"2".into(), &"go".into(), &1.into())
    );
}

#[test]
fn a_worker_talks_little_to_people_and_keeps_to_its_time() {
    let world = world();
    in_motion(&world, 3);
    let done = world.run(&["work", "--until-idle"]);
    assert_eq!(
        (done.code, done.out.as_str(), done.err.as_str()),
        (Some(0), "3 taken: 3 succeeded\n", "")
    );
    let done = world.run(&["work", "--until-idle", "--prune-after", "1ms"]);
    done.expect(0, &["removed 3 old run(s)"]);
    assert_eq!(done.out, "0 taken: 3 removed\n");
    let done = world.run(&["work", "--for", "10ms"]);
    done.expect(0, &["working on"]);
    assert_eq!(done.out, "0 taken\n");
    world.run(&["work", "--jobs", "0"]).expect(2, &["--jobs"]);
}

//! Travel inside of sub-flows, as users do it: what the runs inside did before a place is kept, and happens once.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::world::{Done, World};

/// The world outside: it counts what is asked of it, and answers with a number.
struct Outside {
    address: String,
    asked: Arc<Mutex<BTreeMap<String, usize>>>,
    /// Paths that are left without an answer.
    silent: Arc<Mutex<Option<String>>>,
    /// Tells of each that is.
    left: Receiver<()>,
}

impl Outside {
    fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (asked, silent): (Arc<Mutex<BTreeMap<_, _>>>, Arc<Mutex<Option<String>>>) =
            Default::default();
        let (tell, left) = channel();
        let (count, quiet) = (asked.clone(), silent.clone());
        std::thread::spawn(move || {
            let mut unanswered = Vec::new();
            for stream in listener.incoming() {
                let mut stream: TcpStream = stream.unwrap();
                let path = path_of(&mut stream);
                *count.lock().unwrap().entry(path.clone()).or_default() += 1;
                if quiet.lock().unwrap().as_ref() == Some(&path) {
                    unanswered.push(stream);
                    let _ = tell.send(());
                    continue;
                }
                let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1\r\nConnection: close\r\n\r\n";
                let _ = stream.write_all(format!("{head}1").as_bytes());
            }
        });
        Self { address, asked, silent, left }
    }

    /// What was asked, how often, since the last time.
    fn counts(&self) -> String {
        let counts = std::mem::take(&mut *self.asked.lock().unwrap());
        counts.iter().map(|(path, n)| format!("{path}={n}")).collect::<Vec<_>>().join(" ")
    }
}

fn path_of(stream: &mut TcpStream) -> String {
    let (mut heard, mut piece) = (Vec::new(), [0; 1024]);
    while !heard.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => break,
            Ok(n) => heard.extend_from_slice(&piece[..n]),
        }
    }
    String::from_utf8_lossy(&heard).split(' ').nth(1).unwrap_or_default().into()
}

/// Of three levels: a trip has a day for each item of a list, and each day a meal.
fn world() -> (World, Outside) {
    let (world, outside) = (World::empty(), Outside::open());
    let to = &outside.address;
    let ask = |id: &str, more: &str| {
        format!("  {id}: {{ type: http, method: x{more}, with: {{ method: POST, url: \"http://{to}/{id}/${{input.n}}\" }} }}\n")
            .replace(" method: x,", "")
    };
    let meal = format!(
        "cleargate: 1\nflow: meal\ninput: {{ n: int }}\nnodes:\n{}{}{}output: {{ n: \"${{pay.json}}\" }}\n",
        ask("order", ", effect: once"),
        ask("cook", ", effect: idempotent, after: order"),
        ask("pay", ", effect: idempotent, after: cook"),
    );
    world.write("meal.yaml", &meal);
    let day = format!(
        "cleargate: 1\nflow: day\ninput: {{ n: int }}\nuse: {{ meal: ./meal.yaml }}\nnodes:\n{}  \
         lunch: {{ type: meal, with: {{ n: \"${{input.n}}\" }}, after: book }}\noutput: {{ n: \"${{lunch.n}}\" }}\n",
        ask("book", ", effect: once"),
    );
    world.write("day.yaml", &day);
    let trip = "cleargate: 1\nflow: trip\nuse: { day: ./day.yaml }\nnodes:\n  \
        days:\n    map: \"${[1, 2]}\"\n    max: 2\n    concurrency: 2\n    as: d\n    \
        do: { one: { type: day, with: { n: \"${d}\" } } }\n    out: \"${one.n}\"\n\
        output: { days: \"${days}\" }\n";
    world.write("trip.yaml", trip);
    world.write_home("cleargate.toml", b"[network]\nallow_addresses = [\"127.0.0.0/8\"]\n");
    let grant = format!(
        "[[grant]]\nplugin = \"built-in\"\nversion = \"0\"\ndigest = \"built-in\"\nallow = {{ http = [\"http://{to}\"] }}\n"
    );
    world.write_home("grants.toml", grant.as_bytes());
    (world, outside)
}

/// Runs the trip; its id.
fn trip(world: &World, outside: &Outside) -> String {
    let ran = world.json(&["run", "trip.yaml", "--output", "json"]);
    assert_eq!(ran["outcome"]["output"]["days"], serde_json::json!([1, 1]), "{ran}");
    assert_eq!(
        outside.counts(),
        "/book/1=1 /book/2=1 /cook/1=1 /cook/2=1 /order/1=1 /order/2=1 /pay/1=1 /pay/2=1"
    );
    ran["run"].as_str().unwrap().into()
}

/// Starts a command, and kills it when it waits for an answer that does not come; the id of its run.
fn killed_at(world: &World, outside: &Outside, path: &str, args: &[&str]) -> String {
    *outside.silent.lock().unwrap() = Some(path.into());
    let mut command = world.command(args);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    outside.left.recv().unwrap();
    child.kill().unwrap();
    let killed = Done::of(child.wait_with_output().unwrap());
    *outside.silent.lock().unwrap() = None;
    let id = killed.err.lines().find_map(|line| line.rsplit_once("run ")).unwrap().1;
    id.trim().to_owned()
}

fn same(world: &World, run: &str) {
    let replay = world.json(&["replay", run, "--execute", "--output", "json"]);
    assert_eq!(replay["divergences"], serde_json::json!([]), "{replay}");
}

#[test]
fn a_fork_inside_of_sub_flows_keeps_what_they_did() {
    let (world, outside) = world();
    let run = trip(&world, &outside);
    // Two runs deep: what is before the place is kept at each level.
    let place = "days[1].one/lunch/cook";
    let plan = world.json(&["fork", &run, "--at", place, "--dry-run", "--output", "json"]);
    assert_eq!((&plan["kept"], &plan["again"]), (&3.into(), &serde_json::json!([])), "{plan}");
    let fork = world.json(&["fork", &run, "--at", place, "--output", "json"]);
    assert_eq!(outside.counts(), "/cook/2=1 /pay/2=1");
    assert_eq!(fork["outcome"]["output"]["days"], serde_json::json!([1, 1]));
    let fork = fork["run"].as_str().unwrap();
    same(&world, fork);
    // The runs inside are forks as well, of those inside of the old one.
    let shown = world.json(&["runs", "show", fork, "--output", "json"]);
    let day = shown["sub_flows"][0]["id"].as_str().unwrap();
    let events = world.run(&["runs", "events", day, "--output", "ndjson"]);
    let events: Vec<Value> = events.out.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let forked = events.iter().find(|event| event["event"] == "forked").unwrap();
    assert_eq!(forked["places"], serde_json::json!(["lunch"]));
    // A fork of the fork, of what was done anew there and of what was kept; without an index, in every item.
    world.json(&["fork", fork, "--at", "days[1].one/lunch/pay", "--output", "json"]);
    assert_eq!(outside.counts(), "/pay/2=1");
    world.json(&["fork", fork, "--at", "days[0].one/lunch/pay", "--output", "json"]);
    assert_eq!(outside.counts(), "/pay/1=1");
    let every = world.json(&["fork", fork, "--at", "days.one/lunch/pay", "--output", "json"]);
    assert_eq!(outside.counts(), "/pay/1=1 /pay/2=1");
    same(&world, every["run"].as_str().unwrap());
    // A value for a node inside.
    let set = [
        "fork",
        &run,
        "--set",
        "days[0].one/lunch/pay={\"status\":200,\"headers\":{},\"text\":\"7\",\"json\":7}",
    ];
    let set = world.json(&[&set[..], &["--output", "json"]].concat());
    assert_eq!(set["outcome"]["output"]["days"], serde_json::json!([7, 1]), "{set}");
    assert_eq!(outside.counts(), "");
    same(&world, set["run"].as_str().unwrap());
}

#[test]
fn a_fork_inside_that_is_killed_goes_on_without_repeating_anything() {
    let (world, outside) = world();
    let run = trip(&world, &outside);
    let args = ["fork", &run, "--at", "days[1].one/lunch/cook"];
    let id = killed_at(&world, &outside, "/cook/2", &args);
    assert_eq!(outside.counts(), "/cook/2=1");
    let resumed = world.json(&["resume", &id, "--output", "json"]);
    assert_eq!(resumed["outcome"]["output"]["days"], serde_json::json!([1, 1]));
    assert_eq!(outside.counts(), "/cook/2=1 /pay/2=1");
    same(&world, &id);
}

#[test]
fn what_was_under_way_inside_goes_on_in_a_fork_of_another_place() {
    let (world, outside) = world();
    let trip = std::fs::read_to_string(world.path("trip.yaml")).unwrap();
    let trip = trip.replace("nodes:\n", "nodes:\n  hat: { type: transform, with: { n: 1 } }\n");
    let trip = trip.replace("[1, 2]", "[2]");
    world.write("trip.yaml", &trip);
    let killed = killed_at(&world, &outside, "/cook/2", &["run", "trip.yaml"]);
    assert_eq!(outside.counts(), "/book/2=1 /cook/2=1 /order/2=1");
    let plan = world.json(&["fork", &killed, "--at", "hat", "--dry-run", "--output", "json"]);
    assert_eq!(plan["again"], serde_json::json!([]), "{plan}");
    let fork = world.json(&["fork", &killed, "--at", "hat", "--output", "json"]);
    assert_eq!(fork["outcome"]["output"]["days"], serde_json::json!([1]));
    assert_eq!(outside.counts(), "/cook/2=1 /pay/2=1");
    same(&world, fork["run"].as_str().unwrap());
}

#[test]
fn what_cannot_be_gone_on_from_inside_is_refused() {
    let (world, outside) = world();
    let run = trip(&world, &outside);
    for (code, args, said) in [
        (
            3,
            &["--at", "days[1].one/lunch/eat"][..],
            &["flow `meal` has no node `eat`", "cook, order, pay"][..],
        ),
        (3, &["--at", "days[7].one/lunch"], &["did not come to `days[7].one/lunch`"]),
        (3, &["--at", "days[1].one/book/x"], &["book` is no sub-flow", "`.` into a block"]),
        (3, &["--at", "days[1].one.lunch"], &["no node `lunch`", "write `/` behind a sub-flow"]),
        (3, &["--at", "days[1].one//x"], &["is no address"]),
        (
            3,
            &["--at", "days[1].one/book", "--at", "days[1].one/lunch/pay"],
            &["it depends on another place", "--at 'days[1].one/lunch'"],
        ),
        (
            5,
            &["--at", "days[1].one"],
            &["`days[1].one/book` has the effect `once`", "`days[1].one/lunch/order`"],
        ),
        (5, &["--at", "days[1].one/lunch"], &["`days[1].one/lunch/order` has the effect `once`"]),
    ] {
        world.run(&[&["fork", &run], args].concat()).expect(code, said);
    }
    assert_eq!(outside.counts(), "", "what was refused did nothing");
    let runs = world.json(&["runs", "list", "--output", "json"]);
    assert_eq!(runs.as_array().unwrap().len(), 1, "and began nothing: {runs}");
}

#[test]
fn a_fork_goes_on_with_another_version_when_what_is_kept_fits_it() {
    let (world, outside) = world();
    let run = trip(&world, &outside);
    let meal = std::fs::read_to_string(world.path("meal.yaml")).unwrap();
    let fork = |place: &str, more: &[&str]| {
        let args = ["fork", &run, "--at", place, "--flow", "trip.yaml"];
        world.run(&[&args[..], more].concat())
    };
    // What is done anew may be anything: another step, and one more.
    let other = meal
        .replace("/pay/", "/tip/")
        .replace("output:", "  wave: { type: transform, after: pay, with: { n: 9 } }\noutput:");
    world.write("meal.yaml", &other.replace("${pay.json}", "${wave.n}"));
    let done = fork("days[1].one/lunch/pay", &["--output", "json"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(outside.counts(), "/tip/2=1");
    let ran: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(ran["outcome"]["output"]["days"], serde_json::json!([1, 9]));
    let shown = world.json(&["runs", "list", "--output", "json"]);
    assert_ne!(shown[0]["hash"], shown[1]["hash"], "it is pinned to the other version");
    same(&world, ran["run"].as_str().unwrap());

    // What is kept must be there, and follow from the same.
    world.write("meal.yaml", &meal.replace("order", "choose"));
    let refused = fork("days[1].one/lunch/pay", &[]);
    refused.expect(
        3,
        &["does not fit", "`days[1].one/lunch/order`: it is not there any more", "--at"],
    );
    let plan = fork("days[1].one/lunch/pay", &["--dry-run", "--output", "json"]);
    let plan: Value = serde_json::from_str(&plan.out).unwrap();
    assert_eq!(plan["misfits"][2]["place"], "days[1].one/lunch/order", "{plan}");
    let day = std::fs::read_to_string(world.path("day.yaml")).unwrap();
    world.write("meal.yaml", &meal);
    world.write("day.yaml", &day.replace("type: meal", "type: transform"));
    fork("days[1].one/lunch/pay", &[])
        .expect(3, &["`days[1].one/lunch`: it is no sub-flow any more"]);
    world.write("day.yaml", &day.replace("effect: once", "effect: idempotent"));
    fork("days[1].one/lunch/pay", &[]).expect(3, &["`days[1].one/book`: its effect was once"]);
    world.write("day.yaml", &day);
    let trip = std::fs::read_to_string(world.path("trip.yaml")).unwrap();
    world.write("trip.yaml", &trip.replace("flow: trip", "flow: other"));
    fork("days[1].one/lunch/pay", &[]).expect(3, &["it is another flow: `other`, not `trip`"]);
    world.write("trip.yaml", &trip.replace("flow: trip", "flow: trip\ninput: { at: string }"));
    fork("days[1].one/lunch/pay", &[]).expect(3, &["the input does not fit `trip`", "at"]);
    let given = fork("days[1].one/lunch/pay", &["--input", "at=home", "--output", "json"]);
    assert_eq!((given.code, outside.counts().as_str()), (Some(0), "/pay/2=1"), "{given:?}");
}

#[test]
fn a_run_that_failed_inside_is_restarted_there() {
    let (world, outside) = world();
    // Who takes the money has not been let in.
    let meal = std::fs::read_to_string(world.path("meal.yaml")).unwrap();
    let till = outside.address.replace("127.0.0.1", "localhost");
    let to = &outside.address;
    world.write("meal.yaml", &meal.replace(&format!("{to}/pay"), &format!("{till}/pay")));
    let trip = std::fs::read_to_string(world.path("trip.yaml")).unwrap();
    world.write("trip.yaml", &trip.replace("[1, 2]", "[1]"));
    let failed = world.run(&["run", "trip.yaml"]);
    failed.expect(5, &["denied"]);
    assert_eq!(outside.counts(), "/book/1=1 /cook/1=1 /order/1=1");
    let grants = std::fs::read_to_string(world.home().join("grants.toml")).unwrap();
    let grants = grants
        .replace(&format!("[\"http://{to}\"]"), &format!("[\"http://{to}\", \"http://{till}\"]"));
    world.write_home("grants.toml", grants.as_bytes());
    let runs = world.json(&["runs", "list", "--output", "json"]);
    let again = world.run(&["restart", runs[0]["id"].as_str().unwrap()]);
    again.expect(0, &["at days[0].one/lunch/pay: 3 step(s) kept"]);
    assert_eq!(outside.counts(), "/pay/1=1");
}

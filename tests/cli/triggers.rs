//! A flow that listens to a queue: the built command, a plugin from its template, a real server, and `kill -9`.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::TcpListener;
use std::process::Stdio;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::models::read;
use crate::readme::block_with;
use crate::world::{Done, World};

/// How long anything may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// A queue: it gives its events by their number, and takes answers, but for those that it holds back.
#[derive(Default)]
struct Queue {
    /// Events that there are.
    events: usize,
    /// Events whose answers are not taken: the connection stays open.
    held: Vec<String>,
    /// Cursors that it was asked with.
    asked: Vec<Value>,
    /// Ids with the outputs of their runs.
    answers: Vec<(String, Value)>,
    /// Whether it takes nothing and gives nothing.
    busy: bool,
    /// Whether it forgets once where it was asked to go on.
    forgets: bool,
    /// Connections of answers that were held back.
    waiting: Vec<std::net::TcpStream>,
}

#[derive(Clone, Default)]
struct Server(Arc<(Mutex<Queue>, Condvar)>);

impl Server {
    fn start(events: usize, held: &[&str]) -> (Self, u16) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Self::default();
        server.change(|queue| {
            queue.events = events;
            queue.held = held.iter().map(|id| (*id).to_owned()).collect();
        });
        let own = server.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (own, mut stream) = (own.clone(), stream.unwrap());
                let (head, body) = read(&mut stream);
                let body: Value = serde_json::from_str(&body).unwrap();
                let answer = own.change(|queue| {
                    if head.starts_with("post /take") {
                        queue.take(&body)
                    } else {
                        queue.answer(&body)
                    }
                });
                match answer {
                    Some(answer) => {
                        let text = answer.to_string();
                        let status = if answer.is_null() { "503 Busy" } else { "200 OK" };
                        let head = format!(
                            "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                            text.len()
                        );
                        let _ = stream.write_all(format!("{head}{text}").as_bytes());
                    }
                    None => own.change(|queue| queue.waiting.push(stream)),
                }
            }
        });
        (server, port)
    }

    fn change<T>(&self, how: impl FnOnce(&mut Queue) -> T) -> T {
        let done = how(&mut self.0.0.lock().unwrap());
        self.0.1.notify_all();
        done
    }

    /// Waits until the queue is so.
    #[track_caller]
    fn until(&self, so: impl Fn(&Queue) -> bool) {
        let queue = self.0.0.lock().unwrap();
        let (queue, late) =
            self.0.1.wait_timeout_while(queue, PATIENCE, |queue| !so(queue)).unwrap();
        assert!(!late.timed_out(), "{:?} {:?}", queue.asked, queue.answers);
    }
}

impl Queue {
    fn take(&mut self, body: &Value) -> Option<Value> {
        self.asked.push(body["after"].clone());
        if self.busy {
            return Some(Value::Null);
        }
        let after = body["after"].as_str().filter(|_| !std::mem::take(&mut self.forgets));
        let from: usize = after.map_or(0, |cursor| cursor.parse().unwrap());
        let to = self.events.min(from + 2);
        // The last one does not fit the flow.
        let event = |n: usize| match n {
            3 => json!({ "id": "e3", "input": { "test": 7 } }),
            n => json!({ "id": format!("e{n}"), "input": { "text": format!("text {n}") } }),
        };
        let events: Vec<Value> = (from..to).map(event).collect();
        Some(json!({ "events": events, "cursor": to.to_string() }))
    }

    fn answer(&mut self, body: &Value) -> Option<Value> {
        let id = body["id"].as_str().unwrap().to_owned();
        let taken = !self.held.contains(&id);
        if taken {
            self.answers.push((id, body["output"].clone()));
        }
        taken.then(|| json!({}))
    }
}

/// The flow of the README with a queue at a port, and the plugin of the template behind it.
fn listening(port: u16) -> World {
    let world = World::empty();
    world.share_compiled();
    let at = format!("http://127.0.0.1:{port}");
    world.run(&["plugin", "new", "--kind", "trigger", "queue"]).expect(0, &[]);
    let manifest = std::fs::read_to_string(world.path("queue/plugin.toml")).unwrap();
    world.write("queue/plugin.toml", &manifest.replace("queue.example.com", &at));
    world.run(&["plugin", "publish", "queue"]).expect(0, &[]);
    let operator = "[network]\nallow_addresses = [\"127.0.0.0/8\"]\n";
    world.write_home("cleargate.toml", operator.as_bytes());
    world.run(&["plugin", "install", "my:queue", "--grant"]).expect(0, &[]);
    let flow = block_with(include_str!("../../sdk/README.md"), "yaml", "triggers:");
    let flow = flow.replace("https://queue.example.com", &at).replace("10s", "50ms");
    world.write("answer.yaml", &flow);
    world
}

/// The events of runs with their outputs, from the lines that the command wrote.
fn ended(out: &str) -> Vec<(String, Value)> {
    let line = |line: &str| {
        let ended: Value = serde_json::from_str(line).unwrap();
        (ended["event"].as_str().unwrap().to_owned(), ended["outcome"]["output"].clone())
    };
    out.lines().map(line).collect()
}

#[test]
fn each_event_has_one_run_and_one_answer_also_after_a_kill() {
    let (server, port) = Server::start(3, &["e1"]);
    let world = listening(port);
    world.run(&["check", "answer.yaml"]).expect(0, &["answer.yaml is right"]);

    // The first event is answered, the answer to the second is on its way for ever: the process is killed there.
    let mut command = world.command(&["listen", "answer.yaml", "--output", "ndjson"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    server.until(|queue| {
        let answered = queue.answers.iter().any(|(id, _)| id == "e2");
        answered && queue.waiting.len() == 1 && queue.asked.contains(&json!("3"))
    });
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(world.json(&["runs", "list", "--output", "json"]).as_array().unwrap().len(), 3);

    // More has come meanwhile, one of them unfit. Nothing is taken again. An answer that was given, and not recorded as
    // the process ended, is given again; it is the same.
    server.change(|queue| {
        queue.events = 5;
        queue.held.clear();
        queue.asked.clear();
    });
    let done = world.run(&["listen", "answer.yaml", "--once", "--output", "ndjson"]);
    assert_eq!(done.code, Some(1), "{done:?}");
    assert!(done.err.contains("inbox e3: the input does not fit `answer`"), "{done:?}");
    let now: Vec<String> = ended(&done.out).into_iter().map(|(id, _)| id).collect();
    assert!(["e1", "e4"].iter().all(|id| now.iter().any(|n| n == id)), "{done:?}");
    let answered = |queue: &Queue| {
        let answers: BTreeMap<String, Value> = queue.answers.iter().cloned().collect();
        let wanted = [0, 1, 2, 4]
            .map(|n| (format!("e{n}"), json!({ "reply": format!("You wrote: text {n}") })));
        assert_eq!(answers, wanted.into());
    };
    server.change(|queue| {
        assert_eq!(queue.asked[0], json!("3"), "the place was kept");
        answered(queue);
    });
    let runs = || world.json(&["runs", "list", "--output", "json"]).as_array().unwrap().len();
    assert_eq!(runs(), 4);

    // A queue that gives everything again meets the runs that there are, and gets the same answers.
    server.change(|queue| {
        queue.forgets = true;
        queue.answers.clear();
    });
    let again = world.run(&["listen", "answer.yaml", "--once", "--output", "ndjson"]);
    assert_eq!((ended(&again.out).len(), runs()), (4, 4), "{again:?}");
    server.change(|queue| answered(queue));
    let nothing = world.run(&["listen", "answer.yaml", "--once", "--output", "ndjson"]);
    assert_eq!((nothing.code, nothing.out.as_str()), (Some(0), ""), "{nothing:?}");

    // A trigger of another name is at another place.
    let flow = std::fs::read_to_string(world.path("answer.yaml")).unwrap();
    world.write("other.yaml", &flow.replace("inbox:", "other:"));
    let other = world.run(&["listen", "other.yaml", "--once", "--output", "ndjson"]);
    assert_eq!((ended(&other.out).len(), runs()), (4, 8), "{other:?}");
}

/// Of two processes that listen, the one whose place was taken ends.
fn second(world: &World, server: &Server) {
    let mut command = world.command(&["listen", "answer.yaml"]);
    let first = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    server.until(|queue| queue.waiting.len() == 1 && queue.asked.contains(&json!("1")));
    server.change(|queue| queue.held.clear());
    world.run(&["listen", "answer.yaml", "--once"]).expect(0, &[]);
    server.change(|queue| queue.events = 2);
    let first = Done::of(first.wait_with_output().unwrap());
    first.expect(8, &["another process listens to `inbox` of `answer`"]);
}

/// A queue that is busy is asked again; who listens once is told.
fn busy(world: &World, server: &Server) {
    server.change(|queue| {
        queue.busy = true;
        queue.asked.clear();
    });
    world.run(&["listen", "answer.yaml", "--once"]).expect(1, &["failed", "the peer answered 503"]);
    let mut command = world.command(&["listen", "answer.yaml"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    server.until(|queue| queue.asked.len() > 2);
    server.change(|queue| {
        queue.busy = false;
        queue.events = 3;
    });
    server.until(|queue| queue.answers.iter().any(|(id, _)| id == "e2"));
    child.kill().unwrap();
    let done = Done::of(child.wait_with_output().unwrap());
    assert!(done.err.contains("✗ inbox: ") && done.err.contains("asked again in"), "{done:?}");
}

#[test]
fn what_cannot_listen_says_why() {
    let (server, port) = Server::start(1, &["e0"]);
    let world = listening(port);
    second(&world, &server);
    busy(&world, &server);
    let flow = std::fs::read_to_string(world.path("answer.yaml")).unwrap();
    let (begin, end) = (flow.find("triggers:").unwrap(), flow.find("nodes:").unwrap());
    world.write("deaf.yaml", &format!("{}{}", &flow[..begin], &flow[end..]));
    world.run(&["listen", "deaf.yaml"]).expect(3, &["has no triggers", "triggers: { inbox"]);
    let from = flow.find("config:").unwrap();
    let to = from + flow[from..].find('}').unwrap() + 1;
    world.write("unset.yaml", &format!("{}config: {{}}{}", &flow[..from], &flow[to..]));
    world
        .run(&["listen", "unset.yaml"])
        .expect(3, &["the trigger `inbox` of `answer` failed", "missing field `url`"]);
    world.write_home("cleargate.toml", b"");
    world.run(&["listen", "answer.yaml"]).expect(5, &["127.0.0.1", "allow_addresses"]);
}

#[test]
fn a_part_of_the_events_starts_the_canary_and_it_takes_the_place_of_the_flow() {
    let (server, port) = Server::start(40, &[]);
    let world = listening(port);
    let flow = std::fs::read_to_string(world.path("answer.yaml")).unwrap();
    let next = flow.replace("You wrote", "Thank you for");
    world.write("next.yaml", &next);
    let split = flow
        .replace("every: 50ms }", "every: 50ms, canary: { version: ./next.yaml, weight: 50 } }");
    assert_ne!(split, flow);
    world.write("answer.yaml", &split);
    world.run(&["check", "answer.yaml"]).expect(0, &["answer.yaml is right"]);
    world.run(&["listen", "answer.yaml", "--once", "--quiet"]);
    let replies = || {
        server.change(|queue| {
            let answers: BTreeMap<String, Value> = queue.answers.drain(..).collect();
            assert_eq!(answers.len(), 39, "one event is unfit");
            answers
        })
    };
    let first = replies();
    let thanks = first.values().filter(|a| a["reply"].as_str().unwrap().starts_with("Thank"));
    let thanks = thanks.count();
    assert!((8..=31).contains(&thanks), "{thanks} of 39 at a weight of 50");
    // The same event starts the same version, and finds its run.
    server.change(|queue| queue.forgets = true);
    world.run(&["listen", "answer.yaml", "--once", "--quiet"]);
    assert_eq!(replies(), first);
    let status = world.json(&["canary", "status", "answer.yaml", "--output", "json"]);
    let runs = |arm: &str| status[0][arm]["history"]["runs"].clone();
    assert_eq!((runs("canary"), runs("main")), (json!(thanks), json!(39 - thanks)), "{status}");

    world.run(&["canary", "promote", "answer.yaml", "inbox"]).expect(0, &["what it was is in"]);
    let read = |name: &str| std::fs::read_to_string(world.path(name)).unwrap();
    assert_eq!((read("answer.yaml"), read("answer.yaml.before")), (next.clone(), split.clone()));
    // Taken back by hand, and then for good: only the canary is gone.
    world.write("answer.yaml", &split);
    world.run(&["canary", "rollback", "answer.yaml"]).expect(0, &[]);
    assert_eq!(read("answer.yaml"), flow);
    // What is another flow is no version of this one.
    world.write("next.yaml", &next.replace("flow: answer", "flow: other"));
    world.write("answer.yaml", &split);
    world.run(&["listen", "answer.yaml", "--once"]).expect(3, &["is no version of `answer`"]);
}

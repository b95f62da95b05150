//! Workers that were taken over, played by a thread: whatever they say, the parent ends them and goes on.

use std::os::unix::net::UnixStream;
use std::sync::Mutex as Lock;

use async_trait::async_trait;
use cleargate_flow::error::{ErrorCode, NodeError};
use cleargate_flow::limits::{Layer, Limits};
use cleargate_flow::value::Value;

use super::*;
use crate::place::Place;
use crate::place::form::RequestParts;
use crate::plugin::{CallContext, Caller};
use crate::worker::process::frame::put;
use crate::world::{FileOp, Level, Media, Opened, Page, Response};
use crate::{Runtime, RuntimeConfig, world::Answer as Answered};

/// A place with a worker that says what it is told to, and never listens.
#[derive(Debug)]
struct Taken(Lock<Vec<Report>>);

#[async_trait]
impl Place for Taken {
    async fn execute(&self, job: Job) -> Called<Told> {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let reports = std::mem::take(&mut *self.0.lock().unwrap());
        let worker = std::thread::spawn(move || {
            for report in reports {
                if put(&theirs, &report).is_err() {
                    return;
                }
            }
            // Until the parent has had enough.
            let mut rest = Vec::new();
            let _gone = std::io::Read::read_to_end(&mut &theirs, &mut rest);
        });
        let mut frames = Frames::new(ours, longest(&job.limits)).unwrap();
        let called = Attendance::execute(&mut frames, job.plugin.grants(), &job).await;
        drop(frames);
        worker.join().unwrap();
        called.unwrap_or_else(|broken| Called {
            result: Err(Fault::crashed(broken.to_string())),
            usage: Usage::default(),
        })
    }
}

/// A world that says no, and counts.
#[derive(Default)]
struct Nobody(Lock<(usize, usize)>);

impl Nobody {
    fn no<T>(&self) -> Answered<T> {
        self.0.lock().unwrap().0 += 1;
        Err(NodeError::new(ErrorCode::Denied, "no"))
    }
}

#[async_trait]
impl World for Nobody {
    fn log(&self, _: Level, _: String) {
        self.0.lock().unwrap().1 += 1;
    }
    fn config(&self) -> String {
        "{}".into()
    }
    async fn now(&self) -> Answered<u64> {
        self.no()
    }
    async fn elapsed(&self) -> Answered<u64> {
        self.no()
    }
    async fn sleep(&self, _: u32) -> Answered<()> {
        std::future::pending().await
    }
    async fn random(&self, _: u32) -> Answered<Vec<u8>> {
        self.no()
    }
    async fn kv_get(&self, _: String, _: String) -> Answered<Option<Vec<u8>>> {
        self.no()
    }
    async fn kv_set(&self, _: String, _: String, _: Vec<u8>) -> Answered<()> {
        self.no()
    }
    async fn kv_delete(&self, _: String, _: String) -> Answered<()> {
        self.no()
    }
    async fn kv_swap(
        &self,
        _: String,
        _: String,
        _: Option<Vec<u8>>,
        _: Vec<u8>,
    ) -> Answered<bool> {
        self.no()
    }
    async fn kv_list(&self, _: String, _: String, _: Option<String>) -> Answered<Page> {
        self.no()
    }
    async fn http_send(&self, _: world::Request, _: u64) -> Answered<Response> {
        self.no()
    }
    async fn http_open(&self, _: world::Request) -> Answered<Opened> {
        self.no()
    }
    async fn placeholder(&self, _: String) -> Answered<String> {
        self.no()
    }
    async fn reveal(&self, _: String) -> Answered<String> {
        self.no()
    }
    async fn blob_put(&self, _: Vec<u8>, _: String, _: Option<String>) -> Answered<Media> {
        self.no()
    }
    async fn blob_get(&self, _: Media, _: u64, _: u32) -> Answered<Vec<u8>> {
        self.no()
    }
    async fn file(&self, _: FileOp) -> Answered<world::FileAnswer> {
        self.no()
    }
}

const NODE: &str = r#"(component
    (core module $m (func (export "f")))
    (core instance $i (instantiate $m))
    (func $f (canon lift (core func $i "f")))
    (instance $node (export "describe" (func $f)) (export "run" (func $f)))
    (export "cleargate:node/node@0.1.0" (instance $node)))"#;

/// What becomes of a call whose worker says `reports`, and what the world heard: requests and lines.
async fn play(reports: Vec<Report>, grants: &Grants) -> (Called<Value>, (usize, usize)) {
    let place = Taken(Lock::new(reports));
    let runtime = Runtime::new(RuntimeConfig::default()).unwrap().at(Arc::new(place));
    let bytes = wat::parse_str(NODE).unwrap();
    let plugin = runtime.load(bytes.into(), grants).await.unwrap();
    let limits = Limits {
        time: Some(200),
        log: Some(1_000),
        host_calls: Some(10),
        http_calls: Some(2),
        tool_calls: Some(2),
        output: Some(1_000),
        payload: Some(1_000),
        ..Limits::default()
    };
    let limits = Limits::combine(&[(Layer::Node, limits)]);
    let context = CallContext {
        run_id: String::new(),
        address: String::new(),
        attempt: 1,
        deadline: None,
        idempotency_key: String::new(),
        binding: String::new(),
        tenant: String::new(),
        trace_parent: None,
    };
    let nobody = Arc::new(Nobody::default());
    let caller = Caller { context, limits, world: nobody.clone() };
    let called = plugin.run("x", &caller, &Value::Null).await;
    let heard = *nobody.0.lock().unwrap();
    (called, heard)
}

fn ask(request: Request) -> impl Fn(u32) -> Report {
    move |id| Report::Request { id, request: request.clone() }
}

fn end(result: Result<Told, Fault>) -> Report {
    Report::End { result: result.map_err(Failed), usage: Usage::default() }
}

#[tokio::test]
async fn ag_10_a_worker_that_was_taken_over_gets_no_more_than_its_limits() {
    let request: RequestParts = world::Request {
        method: "GET".into(),
        url: "https://null/".into(),
        headers: Vec::new(),
        body: None,
        timeout_ms: None,
    }
    .into();
    let tool = Request::CallTool { name: "t".into(), arguments: Value::Null };
    let log = |_| Report::Log(Level::Info, "x".repeat(100));
    let many = |report: &dyn Fn(u32) -> Report| (0..2_000).map(report).collect::<Vec<_>>();
    let log_granted = Grants { services: [Service::Log].into(), ..Grants::default() };
    let nothing = Grants::default();
    for (what, reports, grants, says, most) in [
        ("requests", many(&ask(Request::Now)), &nothing, "asked more often", (44, 0)),
        ("http", many(&ask(Request::HttpOpen(request))), &nothing, "sent more", (2, 0)),
        ("tools", many(&ask(tool)), &nothing, "called more tools", (2, 0)),
        ("waits", many(&ask(Request::Sleep(9))), &nothing, "asked more often", (0, 0)),
        ("log", many(&log), &log_granted, "wrote more log", (0, 44)),
        ("log without a grant", many(&log), &nothing, "without the service", (0, 0)),
        (
            "one number twice",
            vec![ask(Request::Sleep(9))(1); 2],
            &nothing,
            "under one number",
            (0, 0),
        ),
        (
            "a body of nobody",
            vec![ask(Request::Next { body: 7, most: 1 })(1)],
            &nothing,
            "a body that it has not",
            (0, 0),
        ),
        (
            "a long result",
            vec![end(Ok(Told::Value("x".repeat(100_000).as_str().into())))],
            &nothing,
            "a message of 100",
            (0, 0),
        ),
        (
            "an answer to something else",
            vec![end(Ok(Told::Filtered(String::new(), Value::Null)))],
            &nothing,
            "that was not asked",
            (0, 0),
        ),
    ] {
        let (called, heard) = play(reports, grants).await;
        match called.result {
            Err(Fault::Crashed { how, .. }) => assert!(how.contains(says), "{what}: {how}"),
            other => panic!("{what}: {other:?}"),
        }
        assert!(heard.0 <= most.0 && heard.1 <= most.1, "{what}: the world heard {heard:?}");
    }
}

#[tokio::test]
async fn ag_10_a_worker_that_was_taken_over_cannot_flood_the_journal_or_forge_its_account() {
    let long = "x".repeat(20_000);
    let trap = Fault::Trap { reason: long.clone(), backtrace: vec![long.clone(); 100] };
    let error = NodeError::new(ErrorCode::Permanent, long.clone());
    let crash = Fault::Crashed { how: long.clone(), signal: Some(long) };
    for fault in [trap, Fault::Returned(error), crash, Fault::Timeout { after: 1 }] {
        let usage =
            Usage { micros: u64::MAX, fuel: u64::MAX, peak_memory: u64::MAX, host_calls: u64::MAX };
        let report = Report::End { result: Err(Failed(fault)), usage };
        // What it says is longer than its frames may be: one that fits is cut.
        let (called, _) = play(vec![report], &Grants::default()).await;
        let said = called.result.as_ref().unwrap_err();
        assert!(said.to_string().len() < 2 * MAX_MESSAGE, "{}", said.to_string().len());
        match said {
            Fault::Trap { backtrace, .. } => {
                assert!(backtrace.len() <= 16 && backtrace.iter().all(|frame| frame.len() <= 128));
            }
            Fault::Crashed { signal, .. } => assert_eq!(signal, &None, "only a real one is told"),
            Fault::Timeout { after } => assert_eq!(*after, 200, "its own time, and no other"),
            _ => {}
        }
        let Usage { micros, fuel, peak_memory, host_calls } = called.usage;
        let most = Limits::combine(&[]);
        assert!(fuel <= most.fuel.value && peak_memory <= most.memory.value);
        assert!(host_calls <= 11 && micros < 60_000_000, "{:?}", called.usage);
    }
}

#[tokio::test]
async fn ag_10_a_worker_that_takes_back_its_requests_holds_nothing() {
    let mut reports: Vec<Report> = Vec::new();
    for id in 0..10 {
        reports.extend([ask(Request::Sleep(9))(id), Report::Forget(id)]);
    }
    reports.extend([Report::Forget(99), Report::Close(99), end(Ok(Told::Value(Value::Null)))]);
    let (called, _) = play(reports, &Grants::default()).await;
    assert_eq!(called.result, Ok(Value::Null));
}

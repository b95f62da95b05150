//! Places for connections and counters that the passes of a run share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use cleargate_flow::error::ErrorCode;
use cleargate_flow::{NodeError, Value};
use cleargate_gate::*;
use tokio::time::Instant;

use crate::bench::Bench;

const JSON: &str = r#"{"http":["h.example"]}"#;

fn fetch() -> Request {
    Request::Http(HttpRequest::get("https://h.example/"))
}

/// Counts who is inside, and answers after a few milliseconds.
#[derive(Default)]
struct Crowd {
    inside: AtomicUsize,
    most: AtomicUsize,
    sent: AtomicUsize,
}

struct OnePiece(Option<Vec<u8>>);

#[async_trait]
impl BodySource for OnePiece {
    async fn next(&mut self) -> Result<Option<Vec<u8>>, NodeError> {
        Ok(self.0.take())
    }
}

#[async_trait]
impl Transport for Crowd {
    async fn send(&self, _: Hop) -> Result<Answer, NodeError> {
        self.sent.fetch_add(1, Ordering::Relaxed);
        self.most.fetch_max(self.inside.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(5)).await;
        self.inside.fetch_sub(1, Ordering::Relaxed);
        Ok(Answer { status: 200, headers: vec![], body: Box::new(OnePiece(Some(b"x".to_vec()))) })
    }
}

fn bench(connections: usize) -> (Arc<Crowd>, Bench) {
    let crowd = Arc::new(Crowd::default());
    let secrets = Arc::new(MemorySecrets::default());
    (crowd.clone(), Bench::over(JSON, crowd, secrets, GateConfig { connections }))
}

#[tokio::test]
async fn a_plugin_waits_for_its_own_connections_and_for_nobody_elses() {
    let (crowd, bench) = bench(3);
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let pass = bench.fresh("acme", "greedy");
        calls.spawn(async move { pass.perform(fetch()).await });
    }
    assert!(calls.join_all().await.iter().all(Result::is_ok), "waiting is no failure");
    assert_eq!(crowd.most.load(Ordering::Relaxed), 3);
    // All places of one plugin are taken by bodies that nobody reads.
    let greedy = bench.fresh("acme", "greedy");
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(greedy.open(HttpRequest::get("https://h.example/")).await.unwrap());
    }
    let soon = Instant::now() + Duration::from_millis(40);
    let mut hasty = bench.quotas.clone();
    hasty.deadline = soon;
    let late = Bench { quotas: hasty, ..bench };
    let error = late.fresh("acme", "greedy").perform(fetch()).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Timeout, "{error}");
    let mut bench = late;
    bench.quotas.deadline = Instant::now() + Duration::from_secs(10);
    for (tenant, plugin) in [("acme", "other"), ("other", "greedy")] {
        assert!(bench.fresh(tenant, plugin).perform(fetch()).await.is_ok(), "{tenant} {plugin}");
    }
    // A body that is dropped gives its place back, also when it was not read to its end.
    drop(open.pop());
    assert!(bench.fresh("acme", "greedy").perform(fetch()).await.is_ok());
}

#[tokio::test]
async fn a_slow_body_does_not_hold_another_one_up() {
    struct Slow(bool);
    #[async_trait]
    impl BodySource for Slow {
        async fn next(&mut self) -> Result<Option<Vec<u8>>, NodeError> {
            if self.0 {
                std::future::pending::<()>().await;
            }
            Ok(None)
        }
    }
    struct Two;
    #[async_trait]
    impl Transport for Two {
        async fn send(&self, hop: Hop) -> Result<Answer, NodeError> {
            let slow = hop.target.url.path() == "/slow";
            Ok(Answer { status: 200, headers: vec![], body: Box::new(Slow(slow)) })
        }
    }
    let secrets = Arc::new(MemorySecrets::default());
    let bench = Bench::over(JSON, Arc::new(Two), secrets, GateConfig::default());
    let pass = bench.fresh("acme", "p");
    let slow = pass.open(HttpRequest::get("https://h.example/slow")).await.unwrap();
    let fast = pass.open(HttpRequest::get("https://h.example/fast")).await.unwrap();
    tokio::select! {
        biased;
        _ = slow.body.next(10) => panic!("it never ends"),
        read = fast.body.next(10) => assert_eq!(read, Ok(None)),
    }
}

#[tokio::test]
async fn the_passes_of_a_run_share_its_counters() {
    let (crowd, mut bench) = bench(16);
    bench.quotas.run = Arc::new(RunCounters::new(5));
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let pass = bench.fresh("acme", "p");
        calls.spawn(async move { pass.perform(fetch()).await });
    }
    let (sent, refused): (Vec<_>, Vec<_>) =
        calls.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!((sent.len(), refused.len(), bench.quotas.run.http_calls()), (5, 3, 5));
    assert_eq!(crowd.sent.load(Ordering::Relaxed), 5, "what is refused is not sent");
    for error in refused.into_iter().filter_map(Result::err) {
        let limit = error.detail.get("limit").cloned();
        assert_eq!((error.code, limit), (ErrorCode::Limit, Some(Value::from("run_http_calls"))));
    }
    // Another run has its own.
    bench.quotas.run = Arc::new(RunCounters::new(1));
    assert!(bench.fresh("acme", "p").perform(fetch()).await.is_ok());
    assert!(bench.fresh("acme", "p").perform(fetch()).await.is_err());
}

//! Hostile hosts: redirects, rebinding, bombs, lies and slow drips, from servers on loopback.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use cleargate_flow::NodeError;
use cleargate_flow::error::ErrorCode;
use cleargate_gate::*;
use tokio::time::Instant;

use crate::bench::{Bench, Turns, ok, redirect, serve};

async fn fetch(bench: &Bench, url: &str) -> Result<HttpResponse, NodeError> {
    match bench.pass().perform(Request::Http(HttpRequest::get(url))).await? {
        Response::Http(answer) => Ok(answer),
        other => panic!("{other:?}"),
    }
}

fn to(port: u16) -> (String, String) {
    (format!("http://127.0.0.1:{port}/"), format!(r#"{{"http":["http://127.0.0.1:{port}"]}}"#))
}

#[tokio::test]
async fn ht_10_a_granted_name_does_not_open_a_private_address() {
    let server = serve(|_| ok("inside"), None).await;
    for (name, addresses) in [
        ("127.0.0.1", &["127.0.0.1"][..]),
        ("api.test", &["127.0.0.1"]),
        ("api.test", &["1.1.1.1", "127.0.0.1"]),
        ("api.test", &["::ffff:127.0.0.1"]),
    ] {
        let json = format!(r#"{{"http":["http://{name}:{}"]}}"#, server.port);
        let bench = Bench::with(&json, &[], Turns::new(&[addresses]), MemorySecrets::default());
        let error = fetch(&bench, &format!("http://{name}:{}/", server.port)).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Denied, "{name} {addresses:?}: {error}");
        let line = "allow_addresses: [\"";
        assert!(error.help.as_deref().is_some_and(|help| help.starts_with(line)), "{error:?}");
    }
    assert!(server.seen.lock().unwrap().is_empty(), "no packet was answered");
}

#[tokio::test]
async fn ht_12_a_second_answer_of_the_resolver_is_checked_too() {
    let server = serve(|_| ok("first"), None).await;
    let json = format!(r#"{{"http":["http://api.test:{}"]}}"#, server.port);
    let turns = Turns::new(&[&["127.0.0.1"], &["10.0.0.1"]]);
    let mut bench = Bench::with(&json, &["127.0.0.1/32"], turns, MemorySecrets::default());
    let url = format!("http://api.test:{}/", server.port);
    assert_eq!(fetch(&bench, &url).await.unwrap().body.0, b"first");
    bench.log = Arc::default();
    assert_eq!(fetch(&bench, &url).await.unwrap_err().code, ErrorCode::Denied);
}

#[tokio::test]
async fn ht_11_each_hop_is_decided_again() {
    let inside = serve(|_| ok("inside"), None).await;
    let ungranted = format!("http://127.0.0.1:{}/", inside.port);
    for (status, location) in [
        (301, ungranted.as_str()),
        (302, &ungranted),
        (303, &ungranted),
        (307, &ungranted),
        (308, &ungranted),
        (302, "file:///etc/passwd"),
        (302, "gopher://a.test/"),
        (302, "http://a@127.0.0.1/"),
        (302, "//169.254.169.254/"),
    ] {
        let location = location.to_owned();
        let server = serve(move |_| redirect(status, &location), None).await;
        let (url, json) = to(server.port);
        let bench = Bench::new(&json);
        assert_eq!(fetch(&bench, &url).await.unwrap_err().code, ErrorCode::Denied);
        assert_eq!(server.seen.lock().unwrap().len(), 1);
    }
    assert!(inside.seen.lock().unwrap().is_empty());
    let looped = serve(|_| redirect(302, "/again"), None).await;
    let (url, json) = to(looped.port);
    let bench = Bench::new(&json);
    assert_eq!(fetch(&bench, &url).await.unwrap_err().code, ErrorCode::Permanent);
    assert_eq!(looped.seen.lock().unwrap().len(), 6);
    assert_eq!(
        bench.audit.records().len(),
        7,
        "one decision for each hop and the one after the last"
    );
    let mut bench = Bench::new(&json);
    bench.quotas.http_calls = 3;
    assert_eq!(fetch(&bench, &url).await.unwrap_err().code, ErrorCode::Limit);
    assert_eq!(looped.seen.lock().unwrap().len(), 9);
}

#[tokio::test]
async fn ht_13_bombs_and_lies_stop_at_the_limit() {
    let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    zip.write_all(&vec![0; 4 << 20]).unwrap();
    let zip = zip.finish().unwrap();
    let mut bomb = format!(
        "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
        zip.len()
    )
    .into_bytes();
    assert!(zip.len() < 8192, "the compressed body alone is far below the limit");
    bomb.extend(zip);
    let chunk = format!("4000\r\n{}\r\n", "a".repeat(0x4000)).into_bytes();
    let endless = || Some((chunk.clone(), Duration::ZERO));
    let long_header = || {
        Some((
            b"x: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n".repeat(64),
            Duration::ZERO,
        ))
    };
    let rows = [
        (bomb, None, ErrorCode::Limit),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec(),
            endless(),
            ErrorCode::Limit,
        ),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort".to_vec(),
            None,
            ErrorCode::Transient,
        ),
        (b"HTTP/1.1 200 OK\r\n".to_vec(), long_header(), ErrorCode::Transient),
    ];
    for (answer, repeat, code) in rows {
        let server = serve(move |_| answer.clone(), repeat).await;
        let (url, json) = to(server.port);
        let mut bench = Bench::new(&json);
        bench.quotas.payload = 64 * 1024;
        let error = fetch(&bench, &url).await.unwrap_err();
        assert_eq!(error.code, code, "{error}");
    }
}

#[tokio::test]
async fn a_slow_host_ends_at_the_deadline_and_a_lost_write_is_unknown() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n".to_vec();
    let server =
        serve(move |_| head.clone(), Some((b"a".to_vec(), Duration::from_millis(10)))).await;
    let (url, json) = to(server.port);
    for (method, code) in [("GET", ErrorCode::Timeout), ("POST", ErrorCode::UnknownOutcome)] {
        let mut bench = Bench::new(&json);
        bench.quotas.deadline = Instant::now() + Duration::from_millis(150);
        let request = HttpRequest { method: method.into(), ..HttpRequest::get(&url) };
        let error = bench.pass().perform(Request::Http(request)).await.unwrap_err();
        assert_eq!(error.code, code, "{method}: {error}");
    }
    // Nothing listens: nothing was sent, so even a POST may be tried again.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (url, json) = to(free);
    let request = HttpRequest { method: "POST".into(), ..HttpRequest::get(url) };
    let error = Bench::new(&json).pass().perform(Request::Http(request)).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Transient, "{error}");
}

#[tokio::test]
async fn a_streamed_body_comes_in_pieces_and_is_cut_off_by_a_restart() {
    let server = serve(|_| ok("abcdefgh"), None).await;
    let (url, json) = to(server.port);
    let bench = Bench::new(&json);
    let first = bench.pass().open(HttpRequest::get(&url)).await.unwrap();
    assert_eq!(first.status, 200);
    assert_eq!(first.body.next(3).await, Ok(Some(b"abc".to_vec())));
    let second = bench.pass().open(HttpRequest::get(&url)).await.unwrap();
    assert_eq!(second.body.next(3).await, Ok(Some(b"abc".to_vec())), "from the log");
    assert_eq!(second.body.next(3).await.unwrap_err().code, ErrorCode::Transient);
    drop(first);
    assert_eq!(server.seen.lock().unwrap().len(), 1);
}

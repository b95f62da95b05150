//! Hosts that say nothing, and bodies that nobody reads: each ends with the time of the call, and leaves no
//! connection behind (WA-15).

use std::time::Duration;

use cleargate_flow::error::ErrorCode;
use cleargate_gate::*;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{Instant, timeout};

use crate::bench::{Bench, serve};

/// Time of a request that gets no answer, and how late it may end: the promise of WA-15.
const TIME: Duration = Duration::from_millis(100);
const STOP: Duration = Duration::from_millis(100);

/// How long attempts go on until one keeps the promise: what others do to this machine is no defect.
const PATIENCE: Duration = Duration::from_secs(20);

fn bench(port: u16) -> Bench {
    let mut bench = Bench::new(&format!(r#"{{"http":["http://127.0.0.1:{port}"]}}"#));
    bench.quotas.deadline = Instant::now() + TIME;
    bench
}

/// Asserts that a request to a port on which nobody answers ends in time.
async fn ends(port: u16) {
    let began = Instant::now();
    loop {
        let (bench, started) = (bench(port), Instant::now());
        let request = Request::Http(HttpRequest::get(format!("http://127.0.0.1:{port}/")));
        let error = bench.pass().perform(request).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Timeout, "{error}");
        let late = started.elapsed().saturating_sub(TIME);
        if late <= STOP {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{late:?} late");
    }
}

#[tokio::test]
async fn wa_15_a_connection_ends_with_the_time_of_its_request() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    // It takes connections and never answers.
    let silent = async {
        let mut left = Vec::new();
        loop {
            let (mut peer, _) = listener.accept().await.unwrap();
            let mut heard = Vec::new();
            // The end of the stream: the other side is gone, and not merely forgotten.
            let read = timeout(Duration::from_secs(10), peer.read_to_end(&mut heard)).await;
            left.push(read.expect("the socket is closed"));
        }
    };
    tokio::select! {
        () = ends(port) => {}
        never = silent => never,
    }
    // The last connection, if it was still open when the request ended, is closed by then.
    let (mut peer, port) = {
        let request = HttpRequest::get(format!("http://127.0.0.1:{port}/"));
        let bench = bench(port);
        let pass = bench.pass();
        let (peer, outcome) = tokio::join!(listener.accept(), pass.perform(Request::Http(request)));
        outcome.unwrap_err();
        (peer.unwrap().0, port)
    };
    let mut heard = Vec::new();
    let closed = timeout(Duration::from_secs(10), peer.read_to_end(&mut heard)).await;
    assert!(closed.is_ok(), "a connection to {port} outlives its request");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn wa_15_a_host_that_swallows_packets_ends_with_the_time() {
    // A queue that is full: the system drops whoever knocks, without a word.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queued = Vec::new();
    while let Ok(connected) = timeout(Duration::from_millis(50), TcpStream::connect(address)).await
    {
        queued.push(connected.unwrap());
        assert!(queued.len() < 100, "the queue has no end");
    }
    ends(address.port()).await;
}

#[tokio::test]
async fn a_body_that_is_not_read_holds_nothing_when_it_is_dropped() {
    let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    let chunk = format!("4000\r\n{}\r\n", "a".repeat(0x4000)).into_bytes();
    let server = serve(move |_| head.clone(), Some((chunk, Duration::ZERO))).await;
    let mut bench = Bench::new(&format!(r#"{{"http":["http://127.0.0.1:{}"]}}"#, server.port));
    bench.quotas.deadline = Instant::now() + Duration::from_secs(60);
    // More often than there are places for connections, of a server that serves one after the other: each is closed
    // before the next is accepted.
    for _ in 0..40 {
        let pass = bench.fresh("acme", "p");
        let opened = pass.open(HttpRequest::get(format!("http://127.0.0.1:{}/", server.port)));
        let opened =
            timeout(Duration::from_secs(10), opened).await.expect("the last one is closed");
        assert_eq!(opened.unwrap().status, 200);
    }
    assert_eq!(server.seen.lock().unwrap().len(), 40);
}

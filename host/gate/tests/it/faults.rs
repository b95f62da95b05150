//! Answers that end too early, at each byte, in the clear and encrypted: part of an answer is never an answer.

use std::sync::Arc;

use cleargate_flow::NodeError;
use cleargate_flow::error::ErrorCode;
use cleargate_gate::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};

use crate::bench::{Bench, serve};
use crate::tls;

async fn ask(bench: &Bench, method: &str, url: &str) -> Result<HttpResponse, NodeError> {
    let request = HttpRequest { method: method.into(), ..HttpRequest::get(url) };
    match bench.pass().perform(Request::Http(request)).await? {
        Response::Http(answer) => Ok(answer),
        other => panic!("{other:?}"),
    }
}

/// Two events of a stream, as bytes of a known number and in chunks, one of which ends inside of a letter.
fn answers() -> [Vec<u8>; 2] {
    let body = "data: {\"text\":\"gr\u{fc}n\"}\n\ndata: [DONE]\n\n";
    let whole = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let (front, back) = body.as_bytes().split_at(body.find('\u{fc}').unwrap() + 1);
    let mut chunks = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for piece in [front, back, b""] {
        chunks.extend(format!("{:x}\r\n", piece.len()).bytes());
        chunks.extend(piece);
        chunks.extend(b"\r\n");
    }
    [whole.into_bytes(), chunks]
}

#[tokio::test]
async fn du_14_an_answer_that_is_cut_off_at_any_byte_is_no_answer() {
    for answer in answers() {
        for cut in 0..=answer.len() {
            let part = answer[..cut].to_vec();
            let server = serve(move |_| part.clone(), None).await;
            let url = format!("http://127.0.0.1:{}/", server.port);
            let grants = format!(r#"{{"http":["http://127.0.0.1:{}"]}}"#, server.port);
            for (method, code) in
                [("GET", ErrorCode::Transient), ("POST", ErrorCode::UnknownOutcome)]
            {
                let told = ask(&Bench::new(&grants), method, &url).await;
                match told {
                    Ok(told) => {
                        assert_eq!(cut, answer.len(), "{method}: {told:?}");
                        assert!(told.body.0.ends_with(b"data: [DONE]\n\n"));
                    }
                    Err(error) => {
                        assert_eq!(error.code, code, "{method}, cut after {cut}: {error}");
                        assert!(cut < answer.len(), "{method}: {error}");
                    }
                }
            }
        }
    }
}

/// Bytes between two places at which an encrypted exchange is cut off: some fifty of them.
const STEP: usize = 37;

/// Passes connections on to `port`, and closes each after so many bytes of what comes back. Says how many came.
async fn cut_after(port: u16, most: usize) -> (u16, Arc<std::sync::Mutex<usize>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = listener.local_addr().unwrap().port();
    let passed: Arc<std::sync::Mutex<usize>> = Arc::default();
    let counted = passed.clone();
    #[expect(clippy::disallowed_methods, reason = "ends with the runtime of its test")]
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let Ok(mut far) = TcpStream::connect(("127.0.0.1", port)).await else { return };
            let (mut from_near, mut to_near) = near.split();
            let (from_far, mut to_far) = far.split();
            let mut back = from_far.take(most as u64);
            let counted = counted.clone();
            let backward = async {
                let mut piece = vec![0; 4096];
                while let Ok(n @ 1..) = back.read(&mut piece).await {
                    *counted.lock().unwrap() += n;
                    if to_near.write_all(&piece[..n]).await.is_err() {
                        break;
                    }
                }
            };
            tokio::select! {
                () = backward => {}
                _ = async { let _ = copy(&mut from_near, &mut to_far).await; std::future::pending::<()>().await } => {}
            }
        }
    });
    (here, passed)
}

#[tokio::test]
async fn du_12_an_encrypted_exchange_that_breaks_at_any_byte_is_no_answer() {
    let body = "x".repeat(300);
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let server = tls::serve(move |_| answer.clone().into_bytes()).await;
    let (mut cut, mut answered) = (0, 0);
    while answered < 4 {
        let (port, passed) = cut_after(server.port, cut).await;
        let grants = format!(r#"{{"http":["https://api.test:{port}"]}}"#);
        for method in ["GET", "POST"] {
            let heard = *server.seen.lock().unwrap();
            let bench = tls::bench(&grants, Some(&server.root));
            match ask(&bench, method, &format!("https://api.test:{port}/")).await {
                Ok(told) => {
                    assert_eq!(told.body.0, body.as_bytes(), "cut after {cut}");
                    answered += 1;
                }
                Err(error) => {
                    let sent = method == "POST" && *server.seen.lock().unwrap() > heard;
                    let code = if sent { ErrorCode::UnknownOutcome } else { ErrorCode::Transient };
                    let may = error.code == code
                        // What was on its way when the connection broke may have arrived.
                        || method == "POST" && error.code == ErrorCode::UnknownOutcome;
                    assert!(may, "{method}, cut after {cut}: {error:?}");
                }
            }
        }
        assert!(*passed.lock().unwrap() <= 2 * cut);
        assert!(cut < 100_000, "the exchange never came to its end");
        cut += STEP;
    }
}

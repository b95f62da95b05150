//! Secrets in what comes back from where a node put them, and in what nodes say.

use std::sync::Arc;

use cleargate_flow::error::ErrorCode;
use cleargate_flow::{NodeError, Value};
use cleargate_gate::*;

use crate::bench::{Bench, ok, serve};

const SECRET: &str = "canary/s3cret+\"value\"";

fn bench(grants: &str) -> Bench {
    let secrets = [("k".to_owned(), SecretEntry::new(SECRET, vec![]).unwrap())];
    let secrets: MemorySecrets = secrets.into_iter().collect();
    Bench::with(grants, &["127.0.0.0/8"], Arc::new(SystemResolver), secrets)
}

/// Not even base64 of the journal holds it.
fn assert_absent(text: &str) {
    use base64::Engine;
    let coded = base64::engine::general_purpose::STANDARD.encode(SECRET);
    for form in [SECRET, &SECRET.replace('"', "\\\""), &coded[..coded.len() - 4]] {
        assert!(!text.contains(form), "{form} is in {text}");
    }
}

#[tokio::test]
async fn a_secret_has_one_placeholder_in_a_pass_and_another_in_the_next() {
    let bench = bench(r#"{"secrets":["k"]}"#);
    let token = async |pass: &Pass| match pass.perform(Request::Secret { label: "k".into() }).await
    {
        Ok(Response::Placeholder { token, .. }) => token,
        other => panic!("{other:?}"),
    };
    let (one, next) = (bench.fresh("acme", "fetcher"), bench.fresh("acme", "fetcher"));
    let first = token(&one).await;
    assert_eq!(token(&one).await, first, "each one costs a search in all that leaves");
    assert_ne!(token(&next).await, first);
}

#[test]
fn a_secret_is_neither_too_short_nor_too_long_to_be_found() {
    for (bytes, expected) in [
        (7, Some(SecretError::Short)),
        (8, None),
        (65_536, None),
        (65_537, Some(SecretError::Long)),
    ] {
        assert_eq!(SecretEntry::new("x".repeat(bytes), vec![]).err(), expected, "{bytes} bytes");
    }
}

#[tokio::test]
async fn what_a_node_hid_in_a_store_or_a_file_does_not_come_back() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("config.txt"), format!("key={SECRET};")).unwrap();
    let bench =
        bench(r#"{"kv":["notes"],"reveal":["k"],"files":["config.txt"],"services":["blob"]}"#);
    let folder = Folder::open(home.path());
    // The process that showed the secret is not the one that meets it again, so nobody asks for it here.
    let pass = bench.pass().in_folder(folder);
    let kv = |op| Request::Kv { store: "notes".into(), op };
    let value = format!("<{SECRET}>").into_bytes();
    pass.perform(kv(KvOp::Set { key: "v".into(), value: value.clone() })).await.unwrap();
    pass.perform(kv(KvOp::Set { key: SECRET.into(), value: vec![] })).await.unwrap();
    let Ok(Response::Digest(digest)) =
        pass.perform(Request::Blob(BlobOp::Put(value.clone()))).await
    else {
        panic!("no digest")
    };
    let blank = "*".repeat(SECRET.len());
    let path = "config.txt".to_owned();
    let list = KvOp::List { prefix: String::new(), after: None };
    let half = SECRET.len() as u32 / 2;
    let blob =
        |offset, length| Request::Blob(BlobOp::Get { digest: digest.clone(), offset, length });
    for (request, expected) in [
        (kv(KvOp::Get { key: "v".into() }), format!("<{blank}>")),
        (Request::File(FileOp { path, action: FileAction::Read }), format!("key={blank};")),
        (blob(0, 1000), format!("<{blank}>")),
        // Half a secret is nothing that can be found: the whole blob is searched.
        (blob(0, half), format!("<{}", &blank[1..half as usize])),
        (blob(half.into(), 1000), format!("{}>", &blank[half as usize - 1..])),
    ] {
        let told = pass.perform(request.clone()).await.unwrap();
        let (Response::Value(Some(bytes)) | Response::Bytes(bytes)) = told else {
            panic!("{request:?}: {told:?}")
        };
        assert_eq!(String::from_utf8_lossy(&bytes.0), expected, "{request:?}");
    }
    let keys = pass.perform(kv(list)).await.unwrap();
    assert_eq!(keys, Response::Keys { keys: vec!["***".into(), "v".into()], next: None });
    assert_absent(&bench.traces());
}

#[tokio::test]
async fn outputs_and_errors_of_nodes_are_masked_in_all_their_parts() {
    let bench = bench("{}");
    let pass = bench.pass();
    let hidden = Value::record([
        ("plain", Value::from(format!("a {SECRET} b"))),
        (SECRET, Value::list([Value::from(hex::encode(SECRET)), Value::from(7)])),
    ]);
    let scrubbed = pass.scrub(&hidden);
    assert_eq!(scrubbed.to_json(), r#"{"plain":"a *** b","***":["***",7]}"#);
    let error = NodeError::new(ErrorCode::Permanent, format!("no {SECRET}"))
        .with_detail(hidden)
        .with_help(format!("try {SECRET}"));
    let error = pass.scrub_error(error);
    assert_eq!((error.message.as_str(), error.help.as_deref()), ("no ***", Some("try ***")));
    assert_absent(&format!("{error:?}"));
    // Without secrets nothing is touched.
    let value = Value::from("***canary***");
    assert_eq!(Bench::new("{}").pass().scrub(&value), value);
}

#[tokio::test]
async fn a_streamed_body_is_masked_across_its_pieces() {
    let server = serve(|_| ok(&format!("before {SECRET} after")), None).await;
    let host = format!("http://127.0.0.1:{}", server.port);
    let bench = bench(&format!(r#"{{"http":["{host}"]}}"#));
    for size in [1, 3, 7, 1000] {
        let opened = bench.fresh("acme", "p").open(HttpRequest::get(&host)).await.unwrap();
        let mut body = Vec::new();
        while let Some(piece) = opened.body.next(size).await.unwrap() {
            assert!(piece.len() <= size as usize);
            body.extend(piece);
        }
        assert_eq!(String::from_utf8_lossy(&body), "before *** after", "pieces of {size}");
    }
}

//! What one tenant keeps, another neither reads nor changes; and the doors to what is kept.

use cleargate_flow::error::ErrorCode;
use cleargate_gate::*;

use crate::bench::Bench;

const ALL: &str = r#"{"kv":["*"],"services":["blob","random","clock"]}"#;

fn kv(op: KvOp) -> Request {
    Request::Kv { store: "notes".into(), op }
}

fn set(key: &str, value: &str) -> Request {
    kv(KvOp::Set { key: key.into(), value: value.into() })
}

fn get(key: &str) -> Request {
    kv(KvOp::Get { key: key.into() })
}

fn swap(expected: Option<&str>, value: &str) -> Request {
    let expected = expected.map(|text| text.as_bytes().to_vec());
    kv(KvOp::Swap { key: "k".into(), expected, value: value.into() })
}

fn list(prefix: &str, after: Option<&str>) -> Request {
    kv(KvOp::List { prefix: prefix.into(), after: after.map(Into::into) })
}

fn read(digest: &str, offset: u64, length: u32) -> Request {
    Request::Blob(BlobOp::Get { digest: digest.into(), offset, length })
}

fn bytes(text: &str) -> Response {
    Response::Bytes(Bytes(text.into()))
}

fn keys(keys: &[&str]) -> Response {
    Response::Keys { keys: keys.iter().map(ToString::to_string).collect(), next: None }
}

#[tokio::test]
async fn values_belong_to_their_tenant() {
    let bench = Bench::new(ALL);
    let (a, b) = (bench.fresh("a", "p"), bench.fresh("b", "p"));
    let none = Ok(Response::Value(None));
    assert_eq!(a.perform(set("k", "of a")).await, Ok(Response::Done));
    assert_eq!(b.perform(get("k")).await, none);
    assert_eq!(b.perform(list("", None)).await, Ok(keys(&[])));
    assert_eq!(b.perform(swap(Some("of a"), "of b")).await, Ok(Response::Swapped(false)));
    assert_eq!(b.perform(kv(KvOp::Delete { key: "k".into() })).await, Ok(Response::Done));
    let of_a = Response::Value(Some(Bytes(b"of a".to_vec())));
    assert_eq!(a.perform(get("k")).await, Ok(of_a.clone()));
    // Another plugin of the tenant sees it: the grant says which stores it may use.
    assert_eq!(bench.fresh("a", "q").perform(get("k")).await, Ok(of_a));
    assert_eq!(a.perform(kv(KvOp::Delete { key: "k".into() })).await, Ok(Response::Done));
    assert_eq!(a.perform(get("k")).await, none);
}

#[tokio::test]
async fn swaps_and_lists_do_what_they_say() {
    let bench = Bench::new(ALL);
    let pass = bench.fresh("a", "p");
    for (expected, value, swapped) in [
        (Some("x"), "one", false),
        (None, "one", true),
        (None, "two", false),
        (Some("one"), "two", true),
    ] {
        let answer = pass.perform(swap(expected, value)).await;
        assert_eq!(answer, Ok(Response::Swapped(swapped)), "{expected:?} {value}");
    }
    for key in ["a/2", "a/1", "b"] {
        pass.perform(set(key, "v")).await.unwrap();
    }
    assert_eq!(pass.perform(list("a/", None)).await, Ok(keys(&["a/1", "a/2"])));
    assert_eq!(pass.perform(list("", Some("a/2"))).await, Ok(keys(&["b", "k"])));
    assert_eq!(
        pass.perform(Request::Random { len: 3 }).await,
        Ok(Response::Bytes(Bytes(vec![7; 3])))
    );
    let error = pass.perform(Request::Random { len: 64 * 1024 + 1 }).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Limit, "{error}");
}

#[tokio::test]
async fn a_digest_is_no_permission_to_read_a_blob() {
    let bench = Bench::new(ALL);
    let (a, b) = (bench.fresh("a", "p"), bench.fresh("b", "p"));
    let put = |text: &str| Request::Blob(BlobOp::Put(text.into()));
    let Ok(Response::Digest(digest)) = a.perform(put("secret plans")).await else {
        panic!("no digest")
    };
    assert_eq!(a.perform(read(&digest, 0, 100)).await, Ok(bytes("secret plans")));
    assert_eq!(a.perform(read(&digest, 7, 4)).await, Ok(bytes("plan")));
    assert_eq!(a.perform(read(&digest, u64::MAX, 4)).await, Ok(bytes("")));
    let theirs = b.perform(read(&digest, 0, 100)).await.unwrap_err();
    let nobodys = format!("sha256-{}", "0".repeat(64));
    let absent = b.perform(read(&nobodys, 0, 100)).await.unwrap_err();
    assert_eq!(theirs.code, ErrorCode::InvalidInput);
    assert_eq!(
        theirs.message.replace(&digest, &nobodys),
        absent.message,
        "nothing tells them apart"
    );
    // Who has the bytes has the blob.
    assert_eq!(b.perform(put("secret plans")).await, Ok(Response::Digest(digest.clone())));
    assert_eq!(b.perform(read(&digest, 0, 100)).await, Ok(bytes("secret plans")));
    // The list of what a tenant put is kept where no name of a store leads.
    let forged = Request::Kv { store: "#blobs".into(), op: KvOp::Get { key: digest } };
    assert_eq!(a.perform(forged).await.unwrap_err().code, ErrorCode::InvalidInput);
}

#[tokio::test]
async fn what_was_stored_is_held_to_the_payload_of_the_reader() {
    let mut bench = Bench::new(ALL);
    let writer = bench.fresh("a", "p");
    writer.perform(set("k", "123456789")).await.unwrap();
    let Ok(Response::Digest(digest)) =
        writer.perform(Request::Blob(BlobOp::Put(b"123456789".to_vec()))).await
    else {
        panic!("no digest")
    };
    bench.quotas.payload = 8;
    let reader = bench.fresh("a", "p");
    assert_eq!(reader.perform(get("k")).await.unwrap_err().code, ErrorCode::Limit);
    // A blob is read in pieces anyway.
    assert_eq!(reader.perform(read(&digest, 0, 100)).await, Ok(bytes("12345678")));
    assert_eq!(reader.perform(read(&digest, 8, 100)).await, Ok(bytes("9")));
    for key in ["abcd", "abce", "abcf"] {
        reader.perform(set(key, "")).await.unwrap();
    }
    assert_eq!(reader.perform(list("a", None)).await.unwrap_err().code, ErrorCode::Limit);
}

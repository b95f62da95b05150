//! Quotas, replay, files and secrets through the pass.

use cleargate_flow::Value;
use cleargate_flow::error::ErrorCode;
use cleargate_gate::*;

use crate::bench::{Bench, ok, serve};
use std::sync::Arc;

fn set(value: &str) -> Request {
    Request::Kv { store: "notes".into(), op: KvOp::Set { key: "k".into(), value: value.into() } }
}

fn get() -> Request {
    Request::Kv { store: "notes".into(), op: KvOp::Get { key: "k".into() } }
}

#[tokio::test]
async fn a_resumed_attempt_is_answered_from_the_log_refusals_included() {
    let mut bench = Bench::new(r#"{"kv":["notes"]}"#);
    let first = bench.pass();
    assert_eq!(first.perform(set("a")).await, Ok(Response::Done));
    let denied = first.perform(Request::Now).await.unwrap_err();
    assert_eq!(denied.code, ErrorCode::Denied);
    assert!(denied.help.as_deref().unwrap().ends_with(r#"services = ["clock"]"#), "{denied:?}");
    // The world and the grants change; the replay sees what the first life saw.
    bench.grants.services.insert(cleargate_flow::grant::Service::Clock);
    let second = bench.pass();
    assert_eq!(second.perform(set("a")).await, Ok(Response::Done));
    assert_eq!(second.perform(Request::Now).await, Err(denied));
    assert_eq!(second.perform(Request::Now).await, Ok(Response::Time(42)));
    let third = bench.pass();
    let effects: Vec<_> = bench.log.0.lock().unwrap().iter().map(|line| line.effect).collect();
    use cleargate_flow::signature::Effect;
    assert_eq!(effects, [Effect::Idempotent, Effect::Pure, Effect::Read]);
    let diverged = third.perform(set("b")).await.unwrap_err();
    assert_eq!(diverged.code, ErrorCode::Bug);
    assert!(diverged.message.starts_with("diverged"), "{diverged}");
}

#[tokio::test]
async fn quotas_are_exact_also_when_many_ask_at_once() {
    let mut bench = Bench::new(r#"{"kv":["notes"]}"#);
    bench.quotas.host_calls = 7;
    bench.quotas.payload = 8;
    let pass = bench.pass();
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let pass = pass.clone();
        calls.spawn(async move { pass.perform(get()).await });
    }
    let outcomes = calls.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 7);
    let limit = |error: &cleargate_flow::NodeError| error.detail.get("limit").cloned();
    for error in outcomes.into_iter().filter_map(Result::err) {
        assert_eq!(
            (error.code, limit(&error)),
            (ErrorCode::Limit, Some(Value::from("host_calls")))
        );
    }
    let bench = Bench { log: Arc::default(), ..bench };
    assert_eq!(bench.pass().perform(set("1234567")).await, Ok(Response::Done));
    let bench = Bench { log: Arc::default(), ..bench };
    let error = bench.pass().perform(set("12345678")).await.unwrap_err();
    assert_eq!(limit(&error), Some(Value::from("payload")));
}

#[cfg(unix)]
#[tokio::test]
async fn files_stay_beneath_their_grant() {
    let home = tempfile::tempdir().unwrap();
    let at = |path: &str| home.path().join(path);
    std::fs::create_dir_all(at("flow/data/in")).unwrap();
    for (path, text) in
        [("outside.txt", "no"), ("flow/private.txt", "no"), ("flow/data/in/a.txt", "yes")]
    {
        std::fs::write(at(path), text).unwrap();
    }
    for (link, to) in [
        ("up", "../../outside.txt"),
        ("side", "../private.txt"),
        ("folder", "../.."),
        ("good", "in/a.txt"),
        ("absolute", at("outside.txt").to_str().unwrap()),
    ] {
        std::os::unix::fs::symlink(to, at("flow/data").join(link)).unwrap();
    }
    std::os::unix::fs::symlink("private.txt", at("flow/one.txt")).unwrap();
    let bench = Bench::new(r#"{"files":["data/","one.txt","out.txt:rw"]}"#);
    let pass = bench.pass().in_folder(Folder::open(&at("flow")));
    let read = |path: &str| {
        pass.perform(Request::File(FileOp { path: path.into(), action: FileAction::Read }))
    };
    for good in ["data/in/a.txt", "data/good"] {
        assert_eq!(read(good).await, Ok(Response::Bytes(Bytes(b"yes".to_vec()))), "{good}");
    }
    for bad in
        ["data/up", "data/side", "data/folder/outside.txt", "data/absolute", "one.txt", "data/in"]
    {
        assert_eq!(read(bad).await.unwrap_err().code, ErrorCode::Permanent, "{bad}");
    }
    let action = FileAction::Write(b"new".to_vec());
    assert_eq!(
        pass.perform(Request::File(FileOp { path: "out.txt".into(), action })).await,
        Ok(Response::Done)
    );
    assert_eq!(std::fs::read(at("flow/out.txt")).unwrap(), b"new");
}

#[tokio::test]
async fn fl_10_forty_canaries_leave_no_trace() {
    // The host echoes all it got, plain and inside `Basic` text.
    let echo = |request: &str| {
        use base64::Engine;
        let coded = base64::engine::general_purpose::STANDARD.encode(format!("u:{request}"));
        ok(&format!("{request}|{coded}"))
    };
    let server = serve(echo, None).await;
    let host = format!("http://127.0.0.1:{}", server.port);
    let canaries: Vec<String> = (0..40).map(|n| format!("canary/{n:02}+\"s3cret\"")).collect();
    let entry = |(n, value): (usize, &String)| {
        (format!("s{n}"), SecretEntry::new(value, vec![host.parse().unwrap()]).unwrap())
    };
    let secrets: MemorySecrets = canaries.iter().enumerate().map(entry).collect();
    let json = format!(r#"{{"http":["{host}"],"secrets":["s*"],"reveal":["s*"]}}"#);
    let bench = Bench::with(&json, &["127.0.0.0/8"], Arc::new(SystemResolver), secrets);
    let pass = bench.pass();
    let mut answers = String::new();
    for (n, canary) in canaries.iter().enumerate() {
        let label = format!("s{n}");
        let Ok(Response::Placeholder { token, .. }) =
            pass.perform(Request::Secret { label: label.clone() }).await
        else {
            panic!("no placeholder for {label}")
        };
        let Ok(Response::Revealed { value, .. }) = pass.perform(Request::Reveal { label }).await
        else {
            panic!("no value")
        };
        assert_eq!(&value, canary);
        let mut request = HttpRequest::get(format!("{host}/?key={token}"));
        request.headers.push(("Authorization".into(), format!("Bearer {token}")));
        request.method = "POST".into();
        request.body = Some(token.into_bytes());
        let Ok(Response::Http(answer)) = pass.perform(Request::Http(request)).await else {
            panic!("no answer")
        };
        answers.push_str(&String::from_utf8_lossy(&answer.body.0));
        // A guest that was shown the value tries to write it into what people read.
        let leak = Request::Kv { store: value.clone(), op: KvOp::Get { key: value.clone() } };
        answers.push_str(&format!("{:?}", pass.perform(leak).await));
    }
    let sent = server.seen.lock().unwrap().concat();
    assert!(
        canaries.iter().all(|canary| sent.contains(&format!("Bearer {canary}"))),
        "the secrets arrive"
    );
    let text = bench.traces() + &answers;
    for canary in &canaries {
        for form in [canary.clone(), hex::encode(canary), canary.replace('"', "\\\"")] {
            assert_eq!(text.matches(&form).count(), 0, "{form} was kept");
        }
    }
    let coded = answers.split('|').filter_map(|part| {
        use base64::Engine;
        base64::engine::general_purpose::STANDARD.decode(part.split("GET").next()?).ok()
    });
    assert!(coded.into_iter().all(|bytes| !String::from_utf8_lossy(&bytes).contains("canary/")));
}

#[tokio::test]
async fn a_secret_goes_to_its_own_hosts_alone() {
    let server = serve(|_| ok("x"), None).await;
    let host = format!("http://127.0.0.1:{}", server.port);
    for hosts in [vec![], vec!["api.example.org".parse().unwrap()]] {
        let secrets = [("k".to_owned(), SecretEntry::new("a long secret", hosts).unwrap())];
        let json = format!(r#"{{"http":["{host}"],"secrets":["k"]}}"#);
        let bench = Bench::with(
            &json,
            &["127.0.0.0/8"],
            Arc::new(SystemResolver),
            secrets.into_iter().collect(),
        );
        let pass = bench.pass();
        let Ok(Response::Placeholder { token, .. }) =
            pass.perform(Request::Secret { label: "k".into() }).await
        else {
            panic!("no placeholder")
        };
        let error = pass
            .perform(Request::Http(HttpRequest::get(format!("{host}/{token}"))))
            .await
            .unwrap_err();
        assert_eq!(error.code, ErrorCode::Denied);
        assert!(error.help.unwrap().contains(&host));
    }
    assert!(server.seen.lock().unwrap().is_empty(), "nothing was sent");
    assert!(SecretEntry::new("short", vec![]).is_err());
}

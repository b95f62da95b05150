//! Somebody changes the world between the decision and the deed, ten thousand times.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use cleargate_flow::NodeError;
use cleargate_gate::*;
use tokio::time::Instant;

use crate::bench::Bench;

const ROUNDS: usize = 10_000;

/// For all rounds together: one that passes its deadline goes on beside the next one.
const PATIENCE: Duration = Duration::from_secs(300);

/// Does `work` over and over on a thread of its own while `rounds` goes on; says how often it was done.
async fn against(work: impl Fn(u64) + Send + 'static, rounds: impl Future<Output = ()>) -> u64 {
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let thread = {
        let (stop, done) = (stop.clone(), done.clone());
        std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                work(done.fetch_add(1, Ordering::Relaxed));
            }
        })
    };
    rounds.await;
    stop.store(true, Ordering::Relaxed);
    thread.join().unwrap();
    done.load(Ordering::Relaxed)
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pk_04_a_link_that_is_planted_between_check_and_open_leads_nowhere() {
    use std::os::unix::fs::symlink;
    let home = tempfile::tempdir().unwrap();
    let at = |path: &str| home.path().join(path);
    std::fs::create_dir_all(at("flow/data/in")).unwrap();
    std::fs::create_dir_all(at("secret")).unwrap();
    for path in ["secret/a.txt", "flow/private.txt"] {
        std::fs::write(at(path), "no").unwrap();
    }
    for path in ["flow/data/in/a.txt", "flow/one.txt"] {
        std::fs::write(at(path), "yes").unwrap();
    }
    // `rename` puts the folder or the link in place in one step.
    symlink(at("secret"), at("flow/data/link")).unwrap();
    symlink("private.txt", at("flow/link.txt")).unwrap();
    let flow = at("flow");
    let swap = move |_| {
        for (a, b) in [("data/in", "data/link"), ("one.txt", "link.txt")] {
            let (a, b, spare) = (flow.join(a), flow.join(b), flow.join("spare"));
            for (from, to) in [(&a, &spare), (&b, &a), (&spare, &b)] {
                std::fs::rename(from, to).unwrap();
            }
        }
    };
    let mut bench = Bench::new(r#"{"files":["data/:rw","one.txt:rw"]}"#);
    bench.quotas.deadline = Instant::now() + PATIENCE;
    let folder = Folder::open(&at("flow"));
    let (mut kept, mut refused) = (0, 0);
    let swaps = against(swap, async {
        for round in 0..ROUNDS {
            let path = ["data/in/a.txt", "one.txt"][round % 2].to_owned();
            let yes = || b"yes".to_vec();
            let look = Opening { write: true, follow: true, ..Opening::default() };
            let action = match round / 2 % 8 {
                0 => FileAction::Write(yes()),
                1 => FileAction::WriteAt { offset: 0, bytes: yes() },
                2 => FileAction::Resize(3),
                3 => FileAction::Open(look),
                4 => FileAction::ReadAt { offset: 0, length: 9 },
                5 => FileAction::Look { follow: true },
                _ => FileAction::Read,
            };
            let pass = bench.fresh("acme", "p").in_folder(folder.clone());
            match pass.perform(Request::File(FileOp { path, action })).await {
                // Truncated a moment ago by nobody but us, so whole or new.
                Ok(Response::Bytes(bytes)) => assert_eq!(bytes.0, b"yes", "round {round}"),
                Ok(_) => {}
                Err(_) => {
                    refused += 1;
                    continue;
                }
            }
            kept += 1;
        }
    })
    .await;
    assert!(
        swaps > 100 && kept > 100 && refused > 100,
        "{swaps} swaps, {kept} kept, {refused} refused"
    );
    for path in ["secret/a.txt", "flow/private.txt"] {
        assert_eq!(std::fs::read_to_string(at(path)).unwrap(), "no", "{path} was written to");
    }
}

/// A secret that its operator rotates and gives to another host, again and again.
struct Rotating(Mutex<u64>);

impl Rotating {
    fn entry(turn: u64) -> SecretEntry {
        let host = format!("https://h{}.example", turn % 2).parse().unwrap();
        SecretEntry::new(format!("value-for-h{}", turn % 2), vec![host]).unwrap()
    }
}

impl SecretSource for Rotating {
    fn find(&self, _: &str, _: &str) -> Option<SecretEntry> {
        let turn = *self.0.lock().unwrap();
        // Revoked at times.
        (turn % 5 != 4).then(|| Self::entry(turn))
    }
}

/// Notes which key went to which host, and redirects every other request to the other host.
struct Noting {
    seen: Mutex<Vec<(String, String)>>,
    turn: AtomicU64,
}

struct Empty;

#[async_trait]
impl BodySource for Empty {
    async fn next(&mut self) -> Result<Option<Vec<u8>>, NodeError> {
        Ok(None)
    }
}

#[async_trait]
impl Transport for Noting {
    async fn send(&self, hop: Hop) -> Result<Answer, NodeError> {
        let key = hop.headers.iter().find(|(name, _)| name == "x-key").unwrap().1.clone();
        self.seen.lock().unwrap().push((hop.target.host.clone(), key));
        let other = if hop.target.host == "h0.example" { "h1" } else { "h0" };
        let redirected = self.turn.fetch_add(1, Ordering::Relaxed).is_multiple_of(3);
        let status = if redirected { 307 } else { 200 };
        let headers = vec![("location".into(), format!("https://{other}.example/"))];
        Ok(Answer { status, headers, body: Box::new(Empty) })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_is_rotated_or_revoked_goes_to_no_host_but_its_own() {
    let secrets = Arc::new(Rotating(Mutex::default()));
    let transport = Arc::new(Noting { seen: Mutex::default(), turn: AtomicU64::new(0) });
    let json = r#"{"http":["h0.example","h1.example"],"secrets":["k"]}"#;
    let mut bench = Bench::over(json, transport.clone(), secrets.clone(), GateConfig::default());
    bench.quotas.deadline = Instant::now() + PATIENCE;
    let rotate = move |turn| *secrets.0.lock().unwrap() = turn;
    let mut refused = 0;
    against(rotate, async {
        for round in 0..ROUNDS {
            let pass = bench.fresh("acme", "p");
            let Ok(Response::Placeholder { token, .. }) =
                pass.perform(Request::Secret { label: "k".into() }).await
            else {
                refused += 1;
                continue;
            };
            let mut request = HttpRequest::get(format!("https://h{}.example/", round % 2));
            request.headers.push(("x-key".into(), token));
            refused += usize::from(pass.perform(Request::Http(request)).await.is_err());
        }
    })
    .await;
    let seen = transport.seen.lock().unwrap();
    assert!(seen.len() > 100 && refused > 100, "{} sent, {refused} refused", seen.len());
    for (host, key) in seen.iter() {
        assert_eq!(host, &format!("{}.example", key.trim_start_matches("value-for-")));
    }
}

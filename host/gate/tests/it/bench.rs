//! A gate with everything in memory, a log that remembers, and one-shot servers.

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use cleargate_flow::grant::Grants;
use cleargate_flow::signature::Effect;
use cleargate_flow::{NodeError, Value};
use cleargate_gate::*;
use cleargate_store::MemoryStore;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

pub(crate) struct Bench {
    pub(crate) gate: Arc<Gate>,
    pub(crate) audit: Arc<MemoryAudit>,
    pub(crate) log: Arc<Memory>,
    pub(crate) grants: Grants,
    pub(crate) quotas: Quotas,
}

pub(crate) fn grants(json: &str) -> Grants {
    Value::from_json(json).unwrap().to().unwrap()
}

impl Bench {
    pub(crate) fn new(grants_json: &str) -> Self {
        Self::with(
            grants_json,
            &["127.0.0.0/8"],
            Arc::new(SystemResolver),
            MemorySecrets::default(),
        )
    }

    pub(crate) fn with(
        grants_json: &str,
        allow: &[&str],
        resolver: Arc<dyn Resolver>,
        secrets: MemorySecrets,
    ) -> Self {
        let config = NetworkConfig {
            allow_addresses: allow.iter().map(|net| net.parse().unwrap()).collect(),
            extra_roots: Vec::new(),
        };
        let network = Network::new(config, resolver).unwrap();
        Self::over(grants_json, Arc::new(network), Arc::new(secrets), GateConfig::default())
    }

    pub(crate) fn over(
        grants_json: &str,
        transport: Arc<dyn Transport>,
        secrets: Arc<dyn SecretSource>,
        config: GateConfig,
    ) -> Self {
        let audit = Arc::new(MemoryAudit::new(1000));
        let sources = Sources { now: Arc::new(|| 42), random: Arc::new(|bytes| bytes.fill(7)) };
        let store = Arc::new(MemoryStore::new());
        let gate = Gate::new(store, transport, secrets, audit.clone(), sources, config);
        let limits = cleargate_flow::limits::Limits::combine(&[]);
        let quotas = Quotas::new(&limits, Arc::default());
        Self { gate, audit, log: Arc::default(), grants: grants(grants_json), quotas }
    }

    pub(crate) fn pass(&self) -> Pass {
        self.pass_of("acme", "fetcher", self.log.clone())
    }

    /// A pass that remembers nothing: a new attempt of a plugin for a tenant.
    pub(crate) fn fresh(&self, tenant: &str, plugin: &str) -> Pass {
        self.pass_of(tenant, plugin, Arc::new(NoLog))
    }

    fn pass_of(&self, tenant: &str, plugin: &str, log: Arc<dyn CallLog>) -> Pass {
        let identity = Identity {
            run: "r1".parse().unwrap(),
            address: "fetch".parse().unwrap(),
            attempt: 1,
            plugin: plugin.into(),
            tenant: tenant.into(),
        };
        self.gate.pass(identity, self.grants.clone(), self.quotas.clone(), log)
    }

    /// Everything that outlives the call, as text.
    pub(crate) fn traces(&self) -> String {
        format!("{:?}{:?}", self.audit.records(), self.log.0.lock().unwrap())
    }
}

/// What the executor's log does, without a journal: answers what it has seen.
#[derive(Default)]
pub(crate) struct Memory(pub(crate) Mutex<Vec<Line>>);

#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) call: u32,
    pub(crate) request: String,
    pub(crate) digest: String,
    pub(crate) effect: Effect,
    pub(crate) outcome: Option<Result<Value, NodeError>>,
}

#[async_trait]
impl CallLog for Memory {
    async fn begin(
        &self,
        call: u32,
        request: &str,
        digest: &str,
        effect: Effect,
    ) -> Result<Begun, NodeError> {
        let mut lines = self.0.lock().unwrap();
        if let Some(line) = lines.iter().find(|line| line.call == call) {
            if line.digest != digest {
                return Err(diverged(call, &line.request, request));
            }
            if let Some(outcome) = &line.outcome {
                return Ok(Begun::Recorded(outcome.clone()));
            }
        }
        let (request, digest) = (request.into(), digest.into());
        lines.push(Line { call, request, digest, effect, outcome: None });
        Ok(Begun::Proceed)
    }

    async fn finish(
        &self,
        call: u32,
        _: &str,
        _: &str,
        _: Effect,
        outcome: &Result<Value, NodeError>,
    ) -> Result<(), NodeError> {
        let mut lines = self.0.lock().unwrap();
        let line = lines.iter_mut().find(|line| line.call == call).expect("begun before it ends");
        line.outcome = Some(outcome.clone());
        Ok(())
    }

    fn inside(&self, _: u32) -> Arc<dyn CallLog> {
        Arc::new(NoLog)
    }

    fn beside(&self) -> Arc<dyn CallLog> {
        Arc::new(NoLog)
    }
}

/// Gives its answers in turn, the last one for ever.
pub(crate) struct Turns(pub(crate) Mutex<Vec<Vec<IpAddr>>>);

impl Turns {
    pub(crate) fn new(turns: &[&[&str]]) -> Arc<Self> {
        let parse = |turn: &&[&str]| turn.iter().map(|ip| ip.parse().unwrap()).collect();
        Arc::new(Self(Mutex::new(turns.iter().map(parse).collect())))
    }
}

#[async_trait]
impl Resolver for Turns {
    async fn resolve(&self, _host: &str) -> io::Result<Vec<IpAddr>> {
        let mut turns = self.0.lock().unwrap();
        Ok(if turns.len() > 1 { turns.remove(0) } else { turns[0].clone() })
    }
}

/// A server that answers each connection with `answer(request)`, then `repeat` for ever when there is one.
pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) seen: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) async fn serve(
    answer: impl Fn(&str) -> Vec<u8> + Send + 'static,
    repeat: Option<(Vec<u8>, Duration)>,
) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let heard = seen.clone();
    #[expect(clippy::disallowed_methods, reason = "a server of a test, ended by its drop")]
    let task = tokio::spawn(async move {
        while let Ok((mut peer, _)) = listener.accept().await {
            let mut buffer = vec![0; 64 * 1024];
            let mut request = String::new();
            while !complete(&request) {
                let Ok(n @ 1..) = peer.read(&mut buffer).await else { break };
                request.push_str(&String::from_utf8_lossy(&buffer[..n]));
            }
            heard.lock().unwrap().push(request.clone());
            let mut alive = peer.write_all(&answer(&request)).await.is_ok();
            if let Some((piece, pause)) = &repeat {
                while alive {
                    tokio::time::sleep(*pause).await;
                    alive = peer.write_all(piece).await.is_ok();
                }
            }
        }
    });
    Server { port, seen, task }
}

fn complete(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else { return false };
    let length =
        head.to_ascii_lowercase().split("content-length: ").nth(1).map_or(0, |rest| {
            rest.split("\r\n").next().unwrap_or("0").parse::<usize>().unwrap_or(0)
        });
    body.len() >= length
}

pub(crate) fn ok(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
        .into()
}

pub(crate) fn redirect(status: u16, to: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status} X\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    )
    .into()
}

//! The world of a rehearsal: who answers in the place of the gate's doors.
//!
//! Values and blobs are in a store in memory, files in a folder of the rehearsal's own, time and chance are given. Hosts,
//! models and tools answer what a case scripts or a recorded run has; everything else is refused, with what to write.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use async_trait::async_trait;
use cleargate_executor::{Clock, SkippingClock};
use cleargate_flow::error::{ErrorCode, NodeError};
use cleargate_flow::grant::HostPattern;
use cleargate_flow::{Address, RunId, Value};
use cleargate_gate::{
    Bytes, Door, HttpRequest, HttpResponse, Identity, Request, Response, StandIn, Target,
};
use cleargate_runtime::world::{Header, Request as Sent};

use super::part::Parts;
use super::people::People;
use super::tape::{Asked, Tape};
use crate::cases::exchanges::Exchanges;
use crate::cases::faults::Faults;
use crate::cases::peers::Peers;
use crate::cases::script::{Script, Service};
use crate::cases::world::stand_in;

/// Requests that a rehearsal names when they are new: nobody reads more.
const MAX_NAMED: usize = 50;

/// What becomes of a request that a recorded run does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Otherwise {
    /// It is refused.
    #[default]
    Refuse,
    /// It gets the answer that was recorded for a request in the same words of the same node, whatever else it says.
    Alike,
    /// It is performed, in the real world.
    Live,
}

/// What a rehearsal is given.
#[derive(Default)]
pub(crate) struct Props {
    pub script: Script,
    pub parts: Parts,
    pub people: People,
    /// Answers of a recorded run.
    pub tape: Option<Tape>,
    pub otherwise: Otherwise,
    /// Hosts that refuse.
    pub refused: Vec<HostPattern>,
    /// Texts of the files that there are.
    pub files: BTreeMap<String, String>,
    /// Stores whose texts are shown at the end, besides those that the script has.
    pub stores: Vec<String>,
    /// Milliseconds since 1970 at the beginning.
    pub now: u64,
    /// The id of the run: keys of steps and arms of canaries follow from it.
    pub run: Option<RunId>,
    /// What chance decided, in order; after these the seed decides.
    pub draws: Vec<u64>,
}

/// See the module.
pub(crate) struct Stage {
    pub parts: Parts,
    pub clock: SkippingClock,
    deny: BTreeSet<Service>,
    secrets: Option<BTreeSet<String>>,
    exchanges: Exchanges,
    faults: Faults,
    peers: Peers,
    tape: Option<Tape>,
    otherwise: Otherwise,
    refused: Vec<HostPattern>,
    /// Nodes that are performed in the real world.
    live: Mutex<BTreeSet<(RunId, Address)>>,
    heard: Mutex<Heard>,
}

/// What was asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard {
    /// How often, by what was asked.
    pub asked: BTreeMap<String, u64>,
    /// Requests that the recorded run does not have, with their node.
    pub fresh: Vec<String>,
}

impl Stage {
    pub(crate) fn new(props: Props) -> Self {
        let Props { script, parts, tape, otherwise, refused, now, .. } = props;
        Self {
            parts,
            clock: SkippingClock::at(now),
            deny: script.deny,
            secrets: script.secrets,
            exchanges: Exchanges::new(script.http.unwrap_or_default()),
            faults: Faults::new(&script.fail),
            peers: Peers::new(script.models, script.tools),
            tape,
            otherwise,
            refused,
            live: Mutex::default(),
            heard: Mutex::default(),
        }
    }

    /// Lets a node out into the world.
    pub(crate) fn go_live(&self, run: &RunId, address: &Address) {
        let mut live = self.live.lock().expect("no holder of this lock panics");
        live.insert((run.clone(), address.clone()));
    }

    /// What was asked.
    pub(crate) fn heard(&self) -> Heard {
        self.heard.lock().expect("no holder of this lock panics").clone()
    }

    /// What the case has and nothing asked for.
    pub(crate) fn unasked(&self) -> Vec<String> {
        let mut left = self.parts.unused();
        left.extend(self.exchanges.unasked());
        left.extend(self.faults.unmet());
        left.extend(self.peers.unasked());
        left
    }

    fn is_live(&self, who: &Identity) -> bool {
        let live = self.live.lock().expect("no holder of this lock panics");
        !live.is_empty() && live.contains(&(who.run.clone(), who.address.clone()))
    }

    /// Awaits a door that leads outside of the rehearsal's own time.
    async fn outside(&self, door: Door<'_>) -> Result<Response, NodeError> {
        let _time_stands_still = self.clock.hold();
        door.await
    }

    /// Refusals and failures that the case wants.
    fn meet(&self, request: &Request) -> Result<(), NodeError> {
        if let Request::Http(http) | Request::HttpOpen(http) = request {
            self.refuse(http)?;
        }
        let Some((service, name, function)) = service(request) else { return Ok(()) };
        if self.deny.contains(&service) {
            let message = format!("the case refuses `{name}`");
            return Err(NodeError::new(ErrorCode::Denied, message));
        }
        self.faults.meet(name, function)
    }

    fn refuse(&self, http: &HttpRequest) -> Result<(), NodeError> {
        let Ok(to) = Target::parse(&http.url) else { return Ok(()) };
        let covers = |host: &&HostPattern| host.covers(&to.scheme, &to.host, to.port);
        match self.refused.iter().find(covers) {
            Some(host) => {
                let message = format!("the case refuses the host `{host}`");
                Err(NodeError::new(ErrorCode::Denied, message))
            }
            None => Ok(()),
        }
    }

    /// The answer of the recorded run.
    fn recorded(&self, who: &Identity, request: &Request) -> Option<Result<Response, NodeError>> {
        let tape = self.tape.as_ref()?;
        let (at, words, digest) = (who.address.to_string(), request.summary(), request.digest());
        let effect = request.effect();
        let asked = Asked { at: &at, request: &words, digest: &digest, effect };
        let found = tape.same(asked).or_else(|| {
            self.is_fresh(&at, &words, request);
            (self.otherwise == Otherwise::Alike).then(|| tape.alike(asked)).flatten()
        })?;
        Some(found.and_then(|value| {
            Response::try_from(&value).map_err(|error| {
                let message = format!("the recorded answer to `{words}` cannot be read: {error}");
                NodeError::new(ErrorCode::InvalidInput, message)
            })
        }))
    }

    fn is_fresh(&self, at: &str, words: &str, request: &Request) {
        // What a rehearsal has of its own is no news.
        let own =
            matches!(request, Request::Now | Request::Random { .. } | Request::HttpNext { .. });
        let mut heard = self.heard.lock().expect("no holder of this lock panics");
        if !own && heard.fresh.len() < MAX_NAMED {
            heard.fresh.push(format!("{at}: {words}"));
        }
    }

    async fn http(&self, http: &HttpRequest) -> Result<Response, NodeError> {
        let header =
            |(name, value): &(String, String)| Header { name: name.clone(), value: value.clone() };
        let sent = Sent {
            method: http.method.clone(),
            url: http.url.clone(),
            headers: http.headers.iter().map(header).collect(),
            body: http.body.clone(),
            timeout_ms: http.timeout.map(|t| u32::try_from(t.as_millis()).unwrap_or(u32::MAX)),
        };
        let outcome = self.exchanges.take(&sent).map_err(|error| self.mocked(error, "http"))?;
        if let Some(most) = sent.timeout_ms.map(u64::from).filter(|most| outcome.slow > *most) {
            self.clock.sleep(most).await;
            return Err(NodeError::new(ErrorCode::Timeout, "the host did not answer in time"));
        }
        self.clock.sleep(outcome.slow).await;
        if let Some(bytes) = outcome.cut {
            let message = format!("the connection broke after {bytes} bytes of the body");
            return Err(NodeError::new(ErrorCode::Transient, message));
        }
        let answer = outcome.answer?;
        let headers = answer.headers.into_iter().map(|h| (h.name.to_ascii_lowercase(), h.value));
        let (status, body) = (answer.status, Bytes(answer.body));
        Ok(Response::Http(HttpResponse { status, headers: headers.collect(), body }))
    }

    /// A refusal with what to write into the case.
    fn mocked(&self, error: NodeError, key: &str) -> NodeError {
        if error.code != ErrorCode::Denied {
            return error;
        }
        let mut error = error;
        let way = match key {
            "http" => "write it under `mock: { http: […] }`",
            "secrets" => "write its label under `mock: { secrets: […] }`",
            _ => "write it under `mock:`",
        };
        if self.tape.is_some() {
            error.message = format!("{}; nor does the recorded run ask it", error.message);
        }
        error.with_help(format!(
            "{way}, replace the node under `mock: {{ nodes: … }}`, or let it out with `live: true`"
        ))
    }

    fn secret(&self, label: &str) -> Result<Response, NodeError> {
        if self.secrets.as_ref().is_some_and(|secrets| !secrets.contains(label)) {
            let message = format!("the case has no secret `{label}`");
            return Err(self.mocked(NodeError::new(ErrorCode::Denied, message), "secrets"));
        }
        Ok(Response::Placeholder { token: stand_in(label), label: label.into() })
    }

    fn reply(&self, answer: Result<Value, NodeError>) -> Result<Response, NodeError> {
        answer.map(Response::Reply).map_err(|error| self.mocked(error, "models"))
    }

    /// The answer of the rehearsal's own world.
    async fn played(&self, request: &Request, door: Door<'_>) -> Result<Response, NodeError> {
        match request {
            Request::Http(http) | Request::HttpOpen(http) => self.http(http).await,
            Request::Secret { label } => self.secret(label),
            Request::Reveal { .. } => {
                Err(NodeError::new(ErrorCode::Denied, "a rehearsal has no values of secrets"))
            }
            Request::Model { name, request } if self.peers.plays_model(name) => {
                self.reply(self.peers.complete(name, request))
            }
            Request::Tool { name, arguments, .. } if self.peers.plays_tool(name) => {
                self.reply(self.peers.call(name, arguments))
            }
            Request::File(op) if op.path.starts_with('/') => {
                let message = format!("a rehearsal has no file `{}` of the machine", op.path);
                let help = "name it relative to the flow and write it under `mock: { files: … }`";
                Err(NodeError::new(ErrorCode::Denied, message).with_help(help))
            }
            // A folder of its own; the work is done by a thread outside of its time.
            Request::File(_) => self.outside(door).await,
            // In memory, or asked of a plugin whose own requests come here.
            Request::Model { .. }
            | Request::Tool { .. }
            | Request::Kv { .. }
            | Request::Blob(_)
            | Request::HttpNext { .. }
            | Request::Now
            | Request::Random { .. } => door.await,
        }
    }
}

#[async_trait]
impl StandIn for Stage {
    async fn perform(
        &self,
        who: &Identity,
        request: &Request,
        door: Door<'_>,
    ) -> Result<Response, NodeError> {
        if !matches!(request, Request::HttpNext { .. }) {
            let mut heard = self.heard.lock().expect("no holder of this lock panics");
            *heard.asked.entry(request.summary()).or_default() += 1;
        }
        self.meet(request)?;
        if self.is_live(who) {
            return self.outside(door).await;
        }
        if let Some(answer) = self.recorded(who, request) {
            return answer;
        }
        let inside = matches!(
            request,
            Request::Model { .. } | Request::Tool { .. } | Request::Now | Request::Random { .. }
        );
        if self.otherwise == Otherwise::Live && !inside {
            return self.outside(door).await;
        }
        self.played(request, door).await
    }

    async fn sleep(&self, _who: &Identity, ms: u64) {
        self.clock.sleep(ms).await;
    }
}

/// The service that a request is for, and its function, as faults name them.
fn service(request: &Request) -> Option<(Service, &'static str, &'static str)> {
    use cleargate_gate::{BlobOp, KvOp};
    Some(match request {
        Request::Http(_) => (Service::Http, "http", "send"),
        Request::HttpOpen(_) => (Service::Http, "http", "open"),
        Request::Kv { op, .. } => {
            let function = match op {
                KvOp::Get { .. } => "get",
                KvOp::Set { .. } => "set",
                KvOp::Delete { .. } => "delete",
                KvOp::Swap { .. } => "swap",
                KvOp::List { .. } => "list",
            };
            (Service::Kv, "kv", function)
        }
        Request::Secret { .. } => (Service::Secrets, "secrets", "placeholder"),
        Request::Reveal { .. } => (Service::Secrets, "secrets", "reveal"),
        Request::Random { .. } => (Service::Random, "random", "bytes"),
        Request::Now => (Service::Clock, "clock", "now"),
        Request::Blob(BlobOp::Put(_)) => (Service::Blob, "blob", "put"),
        Request::Blob(BlobOp::Get { .. }) => (Service::Blob, "blob", "get"),
        _ => return None,
    })
}

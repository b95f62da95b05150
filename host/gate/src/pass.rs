//! The handle that a node holds, and the one funnel that all it wants goes through:
//! count → decide → journal the intent → door → mask secrets → journal the answer → audit.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use cleargate_flow::error::ErrorCode;
use cleargate_flow::grant::Grants;
use cleargate_flow::signature::Effect;
use cleargate_flow::{Address, NodeError, RunId, Value};

use crate::audit::{AuditRecord, Verdict};
use crate::decide::decide;
use crate::door::file::{self, Folder, Mask};
use crate::door::http::{self, OpenBody, Opened};
use crate::door::kv;
use crate::door::peers::{self, PeerTool, Peers};
use crate::gate::Gate;
use crate::log::{Begun, CallLog};
use crate::quota::{self, Counter, Quotas};
use crate::request::{FileEntry, HttpRequest, Request};
use crate::response::{Bytes, HttpResponse, Response};
use crate::secret::{SecretEntry, finder};

/// Random bytes of one call.
const MAX_RANDOM_BYTES: u32 = 64 * 1024;

/// Bytes of chance in a placeholder: nobody guesses it.
const TOKEN_BYTES: usize = 16;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Which run.
    pub run: RunId,
    /// Which node of it.
    pub address: Address,
    /// First attempt is 1.
    pub attempt: u32,
    /// The name under which the flow uses the node type.
    pub plugin: String,
    /// On whose behalf.
    pub tenant: String,
}

/// The way to the world of one attempt. A clone is the same pass: it has the same counters.
#[derive(Clone)]
pub struct Pass {
    pub(crate) inner: Arc<Inner>,
    folder: Option<Folder>,
    peers: Option<Arc<dyn Peers>>,
}

pub(crate) struct Inner {
    pub(crate) gate: Arc<Gate>,
    pub(crate) identity: Identity,
    pub(crate) grants: Grants,
    pub(crate) quotas: Quotas,
    log: Arc<dyn CallLog>,
    calls: AtomicU32,
    host_calls: Counter,
    http_calls: Counter,
    /// Placeholders of this pass and what they stand for.
    tokens: Mutex<BTreeMap<String, String>>,
    /// Each is locked by itself: a slow host holds nobody else up.
    streams: Mutex<BTreeMap<u32, Stream>>,
}

type Stream = Arc<tokio::sync::Mutex<OpenBody>>;

/// An answer whose body has not been read yet.
#[derive(Debug)]
pub struct StreamedResponse {
    /// Status code of the last hop.
    pub status: u16,
    /// Names in lower case and values, in order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: StreamedBody,
}

/// A body that is read piece by piece.
#[derive(Debug)]
pub struct StreamedBody {
    pass: Pass,
    stream: u32,
}

impl StreamedBody {
    /// The next piece of at most `max` bytes; nothing at the end.
    ///
    /// # Errors
    /// `transient` when the body was cut off, also by a restart in between; `limit` when it is too large.
    pub async fn next(&self, max: u32) -> Result<Option<Vec<u8>>, NodeError> {
        match self.pass.call(Request::HttpNext { stream: self.stream, max }).await?.1 {
            Response::Piece(piece) => Ok(piece.map(|bytes| bytes.0)),
            _ => Err(mismatch()),
        }
    }
}

impl Drop for StreamedBody {
    fn drop(&mut self) {
        self.pass.inner.streams().remove(&self.stream);
    }
}

impl Pass {
    pub(crate) fn new(
        gate: Arc<Gate>,
        identity: Identity,
        grants: Grants,
        quotas: Quotas,
        log: Arc<dyn CallLog>,
    ) -> Self {
        let inner = Inner {
            gate,
            identity,
            grants,
            log,
            calls: AtomicU32::new(0),
            host_calls: Counter::new("host_calls", quotas.host_calls),
            http_calls: Counter::new("http_calls", quotas.http_calls),
            tokens: Mutex::default(),
            streams: Mutex::default(),
            quotas,
        };
        Self { inner: Arc::new(inner), folder: None, peers: None }
    }

    /// The same pass with a folder that relative paths begin at.
    #[must_use]
    pub fn in_folder(mut self, folder: Folder) -> Self {
        self.folder = Some(folder);
        self
    }

    /// The same pass among other plugins.
    #[must_use]
    pub fn among(mut self, peers: Arc<dyn Peers>) -> Self {
        self.peers = Some(peers);
        self
    }

    /// The tools that this pass may call.
    pub fn tools(&self) -> Vec<&PeerTool> {
        let granted =
            |tool: &&PeerTool| self.inner.grants.tools.iter().any(|label| label.covers(&tool.name));
        self.peers.iter().flat_map(|peers| peers.tools()).filter(granted).collect()
    }

    /// Asks a model.
    ///
    /// # Errors
    /// The same as [`Pass::perform`], and those of whoever answers.
    pub async fn complete(&self, model: &str, request: Value) -> Result<Value, NodeError> {
        self.reply(Request::Model { name: model.into(), request }).await
    }

    /// Calls another plugin's tool.
    ///
    /// # Errors
    /// The same as [`Pass::perform`], and those of the tool.
    pub async fn tool(&self, name: &str, arguments: Value) -> Result<Value, NodeError> {
        let known = self.peers.iter().flat_map(|peers| peers.tools());
        let effect = known.into_iter().find(|tool| tool.name == name).map(|tool| tool.effect);
        // Nobody performs what is not there.
        let effect = effect.unwrap_or(Effect::Pure);
        self.reply(Request::Tool { name: name.into(), arguments, effect }).await
    }

    async fn reply(&self, request: Request) -> Result<Value, NodeError> {
        match self.call(request).await?.1 {
            Response::Reply(value) => Ok(value),
            _ => Err(mismatch()),
        }
    }

    /// Who asks.
    pub fn identity(&self) -> &Identity {
        &self.inner.identity
    }

    /// What is granted.
    pub fn grants(&self) -> &Grants {
        &self.inner.grants
    }

    /// Requests that were made, refused ones included.
    pub fn host_calls(&self) -> u64 {
        self.inner.host_calls.used()
    }

    /// Masks every secret that is known or was handed out, also to another node: parts that are harmless alone
    /// may meet in a node that asked for nothing.
    pub fn scrub(&self, value: &Value) -> Value {
        self.inner.gate.scrub(value)
    }

    /// The same for an error, its help included.
    pub fn scrub_error(&self, error: NodeError) -> NodeError {
        self.inner.gate.scrub_error(error)
    }

    /// Performs a request, or answers it from the journal.
    ///
    /// # Errors
    /// `denied` with the line that would grant it, `limit` with the limit's name, `timeout`,
    /// `unknown_outcome` when an effect that must not be repeated was cut off, and the door's own failures.
    pub async fn perform(&self, request: Request) -> Result<Response, NodeError> {
        if matches!(request, Request::HttpOpen(_) | Request::HttpNext { .. }) {
            let message = "a body is streamed through `Pass::open`";
            return Err(NodeError::new(ErrorCode::Bug, message));
        }
        Ok(self.call(request).await?.1)
    }

    /// Sends a request and returns as soon as the headers are there.
    ///
    /// # Errors
    /// The same as [`Pass::perform`].
    pub async fn open(&self, request: HttpRequest) -> Result<StreamedResponse, NodeError> {
        match self.call(Request::HttpOpen(request)).await? {
            (stream, Response::Http(HttpResponse { status, headers, .. })) => {
                let body = StreamedBody { pass: self.clone(), stream };
                Ok(StreamedResponse { status, headers, body })
            }
            _ => Err(mismatch()),
        }
    }

    async fn call(&self, request: Request) -> Result<(u32, Response), NodeError> {
        let inner = &*self.inner;
        let call = inner.calls.fetch_add(1, Ordering::Relaxed);
        let scrubber = &inner.gate.scrubber;
        let summary = scrubber.text(&request.summary());
        let digest = request.digest();
        let refused = self.admit(&request, &summary).err().map(|error| scrubber.error(error));
        // A refusal does nothing to the world: its journal entry needs no intent.
        let effect = if refused.is_some() { Effect::Pure } else { request.effect() };
        match inner.log.begin(call, &summary, &digest, effect).await? {
            Begun::Recorded(outcome) => return Ok((call, self.recall(outcome?)?)),
            Begun::Proceed => {}
        }
        self.audit(call, &summary, effect, refused.as_ref());
        let outcome = match refused {
            Some(error) => Err(error),
            None => self.within_deadline(call, request, effect).await,
        };
        let outcome = outcome.map_err(|error| scrubber.error(error));
        let recorded = outcome.as_ref().map(Value::from).map_err(Clone::clone);
        inner.log.finish(call, &summary, &digest, effect, &recorded).await?;
        Ok((call, outcome?))
    }

    fn admit(&self, request: &Request, summary: &str) -> Result<(), NodeError> {
        let inner = &*self.inner;
        inner.host_calls.take()?;
        if request.payload() > inner.quotas.payload {
            return Err(quota::over("payload", inner.quotas.payload));
        }
        if matches!(request, Request::Random { len } if *len > MAX_RANDOM_BYTES) {
            return Err(quota::over("random", MAX_RANDOM_BYTES.into()));
        }
        decide(&inner.grants, request).into_result(summary)
    }

    async fn within_deadline(
        &self,
        call: u32,
        request: Request,
        effect: Effect,
    ) -> Result<Response, NodeError> {
        let deadline = self.inner.quotas.deadline;
        match tokio::time::timeout_at(deadline, self.performed(call, request)).await {
            Ok(outcome) => outcome,
            // It was sent, or it was not: only an effect that may be repeated can say "try again".
            Err(_) if !effect.repeatable() => Err(NodeError::new(
                ErrorCode::UnknownOutcome,
                "the deadline passed while the request was under way",
            )),
            Err(_) => Err(NodeError::new(ErrorCode::Timeout, "the deadline passed")),
        }
    }

    /// Lets the door perform the request, or whoever stands in for it.
    async fn performed(&self, call: u32, request: Request) -> Result<Response, NodeError> {
        let inner = &*self.inner;
        let Some(stand_in) = &inner.gate.stand_in else {
            return self.dispatch(call, request).await;
        };
        let door = Box::pin(self.dispatch(call, request.clone()));
        let response = stand_in.perform(&inner.identity, &request, door).await?;
        match response {
            Response::Http(HttpResponse { status, headers, body })
                if matches!(request, Request::HttpOpen(_))
                    && !inner.streams().contains_key(&call) =>
            {
                let body = OpenBody::of(body.0, request.effect());
                inner.streams().insert(call, Arc::new(tokio::sync::Mutex::new(body)));
                Ok(Response::Http(HttpResponse { status, headers, body: Bytes::default() }))
            }
            Response::Placeholder { token, label } => {
                self.remember(&token, &label);
                Ok(Response::Placeholder { token, label })
            }
            other => Ok(other),
        }
    }

    /// Lets `ms` milliseconds go by.
    pub async fn sleep(&self, ms: u64) {
        match &self.inner.gate.stand_in {
            Some(stand_in) => stand_in.sleep(&self.inner.identity, ms).await,
            None => tokio::time::sleep(std::time::Duration::from_millis(ms)).await,
        }
    }

    async fn dispatch(&self, call: u32, request: Request) -> Result<Response, NodeError> {
        let inner = &*self.inner;
        let (gate, tenant) = (&inner.gate, inner.identity.tenant.as_str());
        let scrubber = &gate.scrubber;
        match request {
            Request::Kv { store, op } => {
                kv::kv(&*gate.store, tenant, &store, op).await.and_then(|r| self.stored(r))
            }
            Request::Blob(op) => {
                let mask = |bytes| scrubber.blank(bytes);
                kv::blob(&*gate.store, tenant, op, inner.quotas.payload, mask).await
            }
            Request::File(op) => {
                let (pass, bound) = (self.clone(), inner.quotas.payload);
                let work = move || {
                    let scrubber = &pass.inner.gate.scrubber;
                    let mask = Mask { margin: scrubber.longest(), blank: &|b| scrubber.blank(b) };
                    file::perform(&op, &pass.inner.grants, pass.folder.as_ref(), bound, &mask)
                };
                let done = tokio::task::spawn_blocking(work).await;
                done.unwrap_or_else(|_| Err(mismatch())).and_then(|r| self.stored(r))
            }
            Request::Http(request) => {
                let Opened { status, headers, mut body } = http::open(inner, call, request).await?;
                let mut bytes = Vec::new();
                while let Some(piece) = body.next(scrubber, usize::MAX).await? {
                    bytes.extend(piece);
                }
                Ok(Response::Http(HttpResponse { status, headers, body: Bytes(bytes) }))
            }
            Request::HttpOpen(request) => {
                let Opened { status, headers, body } = http::open(inner, call, request).await?;
                inner.streams().insert(call, Arc::new(tokio::sync::Mutex::new(body)));
                Ok(Response::Http(HttpResponse { status, headers, body: Bytes::default() }))
            }
            Request::HttpNext { stream, max } => {
                let body = inner.streams().get(&stream).cloned().ok_or_else(|| {
                    NodeError::new(ErrorCode::Transient, "the body was cut off by a restart")
                })?;
                let piece = body.lock().await.next(scrubber, max.max(1) as usize).await?;
                Ok(Response::Piece(piece.map(Bytes)))
            }
            Request::Secret { label } => {
                gate.secret(tenant, &label)?;
                let token = self.token_of(&label)?;
                // The label lets a resumed attempt know what the token stood for.
                Ok(Response::Placeholder { token, label })
            }
            Request::Reveal { label } => {
                let value = gate.secret(tenant, &label)?.value().to_owned();
                Ok(Response::Revealed { label, value })
            }
            Request::Model { name, request } => {
                let peers = self.peers.as_ref().ok_or_else(|| peers::nobody("model", &name))?;
                let answer = peers.complete(&name, request, inner.log.inside(call)).await?;
                self.replied(answer)
            }
            Request::Tool { name, arguments, .. } => {
                let peers = self.peers.as_ref().ok_or_else(|| peers::nobody("tool", &name))?;
                let answer = peers.call(&name, arguments, inner.log.inside(call)).await?;
                self.replied(answer)
            }
            Request::Now => Ok(Response::Time((gate.sources.now)())),
            Request::Random { len } => {
                let mut bytes = vec![0; len as usize];
                (gate.sources.random)(&mut bytes);
                Ok(Response::Bytes(Bytes(bytes)))
            }
        }
    }

    /// What was stored may be larger than the limit, or hold a secret that a node wrote: neither passes.
    fn stored(&self, response: Response) -> Result<Response, NodeError> {
        let (scrubber, bound) = (&self.inner.gate.scrubber, self.inner.quotas.payload);
        if response.payload() > bound {
            return Err(quota::over("payload", bound));
        }
        let blank = |bytes: Bytes| Bytes(scrubber.blank(bytes.0));
        Ok(match response {
            Response::Value(value) => Response::Value(value.map(blank)),
            Response::Bytes(bytes) => Response::Bytes(blank(bytes)),
            Response::Keys { keys, next } => Response::Keys {
                keys: keys.into_iter().map(|key| scrubber.text(&key)).collect(),
                next: next.map(|key| scrubber.text(&key)),
            },
            Response::Entries { entries, next } => {
                let named = |mut entry: FileEntry| {
                    entry.name = scrubber.text(&entry.name);
                    entry
                };
                let entries = entries.into_iter().map(named).collect();
                Response::Entries { entries, next: next.map(|name| scrubber.text(&name)) }
            }
            other => other,
        })
    }

    /// What another plugin answered is no larger than what a store may answer, and no secret passes between them.
    fn replied(&self, answer: Value) -> Result<Response, NodeError> {
        let answer = Response::Reply(self.scrub(&answer));
        match answer.payload() > self.inner.quotas.payload {
            true => Err(quota::over("payload", self.inner.quotas.payload)),
            false => Ok(answer),
        }
    }

    /// Brings a recorded answer back to life: placeholders stand for their secrets again, and the value of a
    /// revealed secret, which no journal holds, is looked up.
    fn recall(&self, value: Value) -> Result<Response, NodeError> {
        let response = Response::try_from(&value).map_err(|_| mismatch())?;
        match response {
            Response::Placeholder { token, label } => {
                self.inner.gate.secret(&self.inner.identity.tenant, &label)?;
                self.remember(&token, &label);
                Ok(Response::Placeholder { token, label })
            }
            Response::Revealed { label, .. } => {
                let entry = self.inner.gate.secret(&self.inner.identity.tenant, &label)?;
                Ok(Response::Revealed { label, value: entry.value().to_owned() })
            }
            other => Ok(other),
        }
    }

    fn remember(&self, token: &str, label: &str) {
        self.inner.tokens().insert(token.into(), label.into());
    }

    /// The placeholder of a secret: one for each, however often it is asked for, because each one is searched for in
    /// all that leaves.
    fn token_of(&self, label: &str) -> Result<String, NodeError> {
        let mut tokens = self.inner.tokens();
        if let Some((token, _)) = tokens.iter().find(|(_, known)| *known == label) {
            return Ok(token.clone());
        }
        let mut chance = [0; TOKEN_BYTES];
        getrandom::fill(&mut chance).map_err(|_| mismatch())?;
        let token = format!("cgs_{}", hex::encode(chance));
        tokens.insert(token.clone(), label.into());
        Ok(token)
    }

    fn audit(&self, call: u32, summary: &str, effect: Effect, refused: Option<&NodeError>) {
        self.inner.audit(call, summary, effect, refused);
    }
}

impl Inner {
    fn streams(&self) -> std::sync::MutexGuard<'_, BTreeMap<u32, Stream>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tokens(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, String>> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn count_http(&self) -> Result<(), NodeError> {
        self.http_calls.take()?;
        self.quotas.run.count_http()
    }

    /// The placeholders that occur in what leaves, with what they stand for. All are searched for at once.
    pub(crate) fn tokens_in<'a>(
        &self,
        leaving: impl Iterator<Item = &'a [u8]>,
    ) -> Result<Vec<(String, String, SecretEntry)>, NodeError> {
        let tokens: Vec<(String, String)> = self.tokens().clone().into_iter().collect();
        if tokens.is_empty() {
            return Ok(Vec::new());
        }
        let finder = finder(tokens.iter().map(|(token, _)| token));
        let mut found = BTreeSet::new();
        for bytes in leaving {
            found.extend(finder.find_iter(bytes).map(|found| found.pattern().as_usize()));
        }
        (found.into_iter().map(|at| tokens[at].clone()))
            .map(|(token, label)| {
                let entry = self.gate.secret(&self.identity.tenant, &label)?;
                Ok((token, label, entry))
            })
            .collect()
    }

    pub(crate) fn audit(
        &self,
        call: u32,
        summary: &str,
        effect: Effect,
        refused: Option<&NodeError>,
    ) {
        self.gate.audit.record(AuditRecord {
            identity: self.identity.clone(),
            call,
            request: summary.into(),
            effect,
            verdict: if refused.is_some() { Verdict::Refused } else { Verdict::Allowed },
            reason: refused.map(ToString::to_string),
        });
    }
}

impl fmt::Debug for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pass").field("identity", &self.inner.identity).finish_non_exhaustive()
    }
}

fn mismatch() -> NodeError {
    NodeError::new(ErrorCode::Bug, "the gate could not read an answer of its own")
}

//! The door to hosts: one exchange over its redirects. Each hop is decided, counted and given its secrets
//! anew, and nothing that comes back is larger than its limit or holds a secret.

use std::fmt;

use async_trait::async_trait;
use cleargate_flow::NodeError;
use cleargate_flow::error::ErrorCode;
use cleargate_flow::signature::Effect;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::decide::decide;
use crate::pass::Inner;
use crate::quota;
use crate::request::{HttpRequest, Request};
use crate::secret::{Scrubber, finder, percent};
use crate::target::Target;

/// Redirects of one exchange: browsers follow more, honest services need fewer.
const MAX_REDIRECTS: usize = 5;

/// Bytes of the headers of an answer.
const MAX_HEADER_BYTES: usize = 64 * 1024;

const METHODS: [&str; 7] = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"];

/// Headers that frame the message or steer the connection: they belong to the transport.
const OWN_HEADERS: [&str; 9] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "upgrade",
    "expect",
];

/// One request on its way out, secrets included: never logged.
pub struct Hop {
    /// `GET`, `POST`, …
    pub method: String,
    /// Where to.
    pub target: Target,
    /// Names and values in order.
    pub headers: Vec<(String, String)>,
    /// Bytes to send.
    pub body: Option<Vec<u8>>,
}

impl fmt::Debug for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.target)
    }
}

/// What came back: headers at once, the body when it is asked for.
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Names in lower case and values, in order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Box<dyn BodySource>,
}

/// The rest of a body.
#[async_trait]
pub trait BodySource: Send + Sync {
    /// The next piece, decompressed; nothing at the end.
    ///
    /// # Errors
    /// A connection that broke or a body that is malformed.
    async fn next(&mut self) -> Result<Option<Vec<u8>>, NodeError>;
}

/// Carries one hop. Follows no redirect.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends a request and returns when the headers are there.
    ///
    /// # Errors
    /// `denied` for a refused address, `transient` when nothing was sent, `unknown_outcome` when something
    /// may have been.
    async fn send(&self, hop: Hop) -> Result<Answer, NodeError>;
}

pub(crate) struct Opened {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: OpenBody,
}

/// A body that is counted and masked as it is read.
pub(crate) struct OpenBody {
    source: Box<dyn BodySource>,
    held: Vec<u8>,
    ready: Vec<u8>,
    ended: bool,
    seen: u64,
    bound: u64,
    until: Instant,
    effect: Effect,
    /// None for a body that no host sends.
    _place: Option<OwnedSemaphorePermit>,
}

/// A body of which nothing follows.
struct Ended;

#[async_trait]
impl BodySource for Ended {
    async fn next(&mut self) -> Result<Option<Vec<u8>>, NodeError> {
        Ok(None)
    }
}

impl OpenBody {
    /// A body that is there already.
    pub(crate) fn of(ready: Vec<u8>, effect: Effect) -> Self {
        let (source, held, until) = (Box::new(Ended), Vec::new(), Instant::now());
        Self { source, held, ready, ended: true, seen: 0, bound: 0, until, effect, _place: None }
    }

    pub(crate) async fn next(
        &mut self,
        scrubber: &Scrubber,
        max: usize,
    ) -> Result<Option<Vec<u8>>, NodeError> {
        while self.ready.is_empty() && !self.ended {
            let piece = tokio::time::timeout_at(self.until, self.source.next())
                .await
                .unwrap_or_else(|_| Err(late(self.effect)))
                .map_err(|error| cut_off(error, self.effect))?;
            match piece {
                None => self.ended = true,
                Some(piece) => {
                    self.seen += piece.len() as u64;
                    if self.seen > self.bound {
                        return Err(quota::over("payload", self.bound));
                    }
                    self.held.extend(piece);
                }
            }
            self.ready = scrubber.flush(&mut self.held, self.ended);
        }
        if self.ready.is_empty() {
            return Ok(None);
        }
        let rest = self.ready.split_off(max.min(self.ready.len()));
        Ok(Some(std::mem::replace(&mut self.ready, rest)))
    }
}

/// Refuses methods and headers that no request of a node may have.
pub(crate) fn check_form(request: &HttpRequest) -> Result<(), String> {
    if !METHODS.contains(&request.method.as_str()) {
        return Err(format!("the method must be one of {}", METHODS.join(", ")));
    }
    for (name, value) in &request.headers {
        let lower = name.to_ascii_lowercase();
        if OWN_HEADERS.contains(&lower.as_str()) || lower.starts_with("proxy-") {
            return Err(format!("the header `{lower}` is set by the gate"));
        }
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        let plain = |b: u8| b == b'\t' || (b >= b' ' && b != 0x7f);
        if name.is_empty() || !name.bytes().all(token) || !value.bytes().all(plain) {
            return Err("a header has a character that headers cannot hold".into());
        }
    }
    Ok(())
}

/// Sends a request that was decided, and follows its redirects.
pub(crate) async fn open(
    pass: &Inner,
    call: u32,
    mut request: HttpRequest,
) -> Result<Opened, NodeError> {
    let effect = Request::Http(request.clone()).effect();
    let until = match request.timeout {
        Some(timeout) => pass.quotas.deadline.min(Instant::now() + timeout),
        None => pass.quotas.deadline,
    };
    let place = tokio::time::timeout_at(until, pass.gate.places(&pass.identity).acquire_owned())
        .await
        .map_err(|_| NodeError::new(ErrorCode::Timeout, "no connection became free in time"))?
        .map_err(|_| NodeError::new(ErrorCode::Bug, "the places for connections are gone"))?;
    for _ in 0..=MAX_REDIRECTS {
        pass.count_http()?;
        let hop = fill(pass, &request)?;
        let answer = tokio::time::timeout_at(until, pass.gate.transport.send(hop))
            .await
            .unwrap_or_else(|_| Err(late(effect)))
            .map_err(|error| cut_off(error, effect))?;
        let headers = masked(&pass.gate.scrubber, answer.headers)?;
        if let Some(next) = redirected(&request, answer.status, &headers)? {
            decide_hop(pass, call, &next, effect)?;
            request = next;
            continue;
        }
        let body = OpenBody {
            source: answer.body,
            held: Vec::new(),
            ready: Vec::new(),
            ended: request.method == "HEAD",
            seen: 0,
            bound: pass.quotas.payload,
            until,
            effect,
            _place: Some(place),
        };
        return Ok(Opened { status: answer.status, headers, body });
    }
    let message = format!("the host redirected more than {MAX_REDIRECTS} times");
    Err(NodeError::new(ErrorCode::Permanent, message))
}

fn decide_hop(
    pass: &Inner,
    call: u32,
    next: &HttpRequest,
    effect: Effect,
) -> Result<(), NodeError> {
    let request = Request::Http(next.clone());
    let summary = pass.gate.scrubber.text(&format!("{} (redirect)", request.summary()));
    let decided = decide(&pass.grants, &request).into_result(&summary);
    pass.audit(call, &summary, effect, decided.as_ref().err());
    decided
}

/// Puts secrets where their placeholders stand, when they may go to this host.
fn fill(pass: &Inner, request: &HttpRequest) -> Result<Hop, NodeError> {
    let target = target(&request.url)?;
    let mut url = target.url.to_string();
    let mut headers = request.headers.clone();
    headers.retain(|(name, _)| !name.eq_ignore_ascii_case("accept-encoding"));
    let mut body = request.body.clone();
    let texts = headers.iter().map(|(_, value)| value.as_bytes());
    let found = pass.tokens_in(texts.chain([url.as_bytes()]).chain(body.as_deref()))?;
    let kind = (headers.iter())
        .find(|(name, _)| name.eq_ignore_ascii_case("content-type"))
        .map_or_else(String::new, |(_, value)| value.to_ascii_lowercase());
    let mut forms = Vec::new();
    for (token, label, entry) in &found {
        if !entry.may_go_to(&target.scheme, &target.host, target.port) {
            let message = format!("the secret `{label}` may not be sent to {target}");
            return Err(NodeError::new(ErrorCode::Denied, message)
                .with_help(format!("add `{target}` to the hosts of the secret `{label}`")));
        }
        let value = entry.value();
        url = url.replace(token, &percent(value));
        headers.iter_mut().for_each(|(_, text)| *text = text.replace(token, value));
        let json = cleargate_flow::Value::from(value).to_json();
        forms.push(match kind.as_str() {
            kind if kind.contains("json") => json[1..json.len() - 1].to_owned(),
            kind if kind.contains("x-www-form-urlencoded") => percent(value),
            _ => value.to_owned(),
        });
    }
    if let Some(bytes) = body.as_mut().filter(|_| !found.is_empty()) {
        *bytes = finder(found.iter().map(|(token, ..)| token)).replace_all_bytes(bytes, &forms);
    }
    Ok(Hop { method: request.method.clone(), target: self::target(&url)?, headers, body })
}

fn target(url: &str) -> Result<Target, NodeError> {
    Target::parse(url).map_err(|e| NodeError::new(ErrorCode::InvalidInput, e.to_string()))
}

/// Masked before anything reads them: a `Location` with a secret in it would carry the secret on.
fn masked(
    scrubber: &Scrubber,
    headers: Vec<(String, String)>,
) -> Result<Vec<(String, String)>, NodeError> {
    if headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>()
        > MAX_HEADER_BYTES
    {
        return Err(quota::over("response headers", MAX_HEADER_BYTES as u64));
    }
    Ok(headers
        .into_iter()
        .map(|(name, value)| (scrubber.text(&name), scrubber.text(&value)))
        .collect())
}

/// The request that a redirect asks for, as RFC 9110 §15.4 says.
fn redirected(
    request: &HttpRequest,
    status: u16,
    headers: &[(String, String)],
) -> Result<Option<HttpRequest>, NodeError> {
    let location = headers.iter().find(|(name, _)| name == "location");
    let (301 | 302 | 303 | 307 | 308, Some((_, location))) = (status, location) else {
        return Ok(None);
    };
    let refused =
        |why: String| NodeError::new(ErrorCode::Denied, format!("redirect refused: {why}"));
    let from = target(&request.url)?;
    // An absolute location is judged as it is written; only a relative one is joined first.
    let absolute = if location.contains("://") || location.starts_with("//") {
        if location.starts_with("//") {
            format!("{}:{location}", from.scheme)
        } else {
            location.clone()
        }
    } else {
        let joined = from.url.join(location).map_err(|e| refused(e.to_string()))?;
        joined.to_string()
    };
    let to = Target::parse(&absolute).map_err(|e| refused(e.to_string()))?;
    if from.scheme == "https" && to.scheme == "http" {
        return Err(refused("from https to http".into()));
    }
    let mut next = HttpRequest { url: to.url.to_string(), ..request.clone() };
    let to_get = matches!((status, request.method.as_str()), (301 | 302, "POST"))
        || status == 303 && request.method != "HEAD";
    if to_get {
        next.method = "GET".into();
        next.body = None;
        next.headers.retain(|(name, _)| !name.to_ascii_lowercase().starts_with("content-"));
    }
    if (&from.scheme, &from.host, from.port) != (&to.scheme, &to.host, to.port) {
        let personal = |name: &str| ["authorization", "cookie"].contains(&name);
        next.headers.retain(|(name, _)| !personal(&name.to_ascii_lowercase()));
    }
    Ok(Some(next))
}

fn late(effect: Effect) -> NodeError {
    let code = if effect.repeatable() { ErrorCode::Timeout } else { ErrorCode::UnknownOutcome };
    NodeError::new(code, "the host did not answer in time")
}

/// A broken connection is worth another try only when the effect may happen twice.
fn cut_off(error: NodeError, effect: Effect) -> NodeError {
    let code = match error.code {
        ErrorCode::UnknownOutcome if effect.repeatable() => ErrorCode::Transient,
        code => code,
    };
    NodeError { code, ..error }
}

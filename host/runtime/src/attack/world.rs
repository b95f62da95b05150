//! Worlds that mean no good: each answers all that a plugin asks in one temper, from honest to silent for ever.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use cleargate_flow::error::{ErrorCode, NodeError};
use cleargate_flow::value::Value;

use super::chance::Chance;
use super::inputs::{CANARY, hostile_text};
use crate::world::{
    Answer, Header, Level, Media, Opened, Page, Pieces, Request, Response, ToolView, World,
};

/// What a plugin is shown as a secret: it may be in nothing that the plugin says.
pub(super) const REVEALED: &str = "rvld-5d1c0e-not-to-be-told";

/// 2026-01-01T00:00:00Z, where time stands still.
const NOW: u64 = 1_767_225_600_000;

/// Milliseconds to another time: a year, a month and some.
const ELSEWHEN: u64 = 34_401_671_013;

/// Lines of a log that are looked at; all of them are measured.
const KEPT_LINES: usize = 64;

/// Bytes of a piece of a body that never ends.
const PIECE: usize = 16 * 1024;

/// Tools of a world that has too many of them.
const MANY_TOOLS: usize = 1_000;

/// How the world answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Temper {
    /// As a plugin hopes: stores that keep, hosts that answer with a little JSON.
    Calm,
    /// The same at another time, with other chance.
    Elsewhen,
    /// Nothing is granted.
    Denies,
    /// Everything fails, each time with another code.
    Fails,
    /// Nothing is there.
    Empty,
    /// Each answer is as large as a host call may carry.
    Huge,
    /// Bodies break off.
    Cut,
    /// Answers are no JSON, no text, of no known status, at no possible time.
    Malformed,
    /// Bodies never end.
    Endless,
    /// Nobody answers.
    Silent,
}

impl Temper {
    /// Those that a plugin has to cope with, beside an honest one.
    pub(super) const HOSTILE: [Self; 8] = [
        Self::Denies,
        Self::Fails,
        Self::Empty,
        Self::Huge,
        Self::Cut,
        Self::Malformed,
        Self::Endless,
        Self::Silent,
    ];

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Calm => "an honest world",
            Self::Elsewhen => "another time and other chance",
            Self::Denies => "a world that denies everything",
            Self::Fails => "a world that fails",
            Self::Empty => "a world in which nothing is",
            Self::Huge => "a world of huge answers",
            Self::Cut => "a world whose answers break off",
            Self::Malformed => "a world of malformed answers",
            Self::Endless => "a world whose answers never end",
            Self::Silent => "a world that never answers",
        }
    }
}

/// One world, for one call.
pub(super) struct Stage {
    temper: Temper,
    /// Bytes that a host call may carry.
    payload: usize,
    config: Value,
    state: Mutex<State>,
    /// Held by the stage and by each open body.
    pub(super) open: Arc<()>,
}

struct State {
    chance: Chance,
    values: BTreeMap<(String, String), Vec<u8>>,
    lines: Vec<String>,
    log_bytes: usize,
}

impl Stage {
    pub(super) fn new(temper: Temper, config: Value, payload: u64, seed: u64) -> Self {
        let other = if temper == Temper::Elsewhen { "elsewhen" } else { "world" };
        let state = State {
            chance: Chance::of(seed, other),
            values: BTreeMap::new(),
            lines: Vec::new(),
            log_bytes: 0,
        };
        let payload = usize::try_from(payload).unwrap_or(usize::MAX);
        Self { temper, payload, config, state: Mutex::new(state), open: Arc::default() }
    }

    /// The first lines, and the bytes of all as the journal would store them.
    pub(super) fn log(&self) -> (Vec<String>, usize) {
        let state = self.state();
        (state.lines.clone(), state.log_bytes)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses or fails as the temper has it.
    async fn begin(&self) -> Answer<()> {
        const CODES: [ErrorCode; 6] = [
            ErrorCode::Transient,
            ErrorCode::Permanent,
            ErrorCode::Timeout,
            ErrorCode::Budget,
            ErrorCode::UnknownOutcome,
            ErrorCode::Limit,
        ];
        match self.temper {
            Temper::Denies => {
                let error = NodeError::new(ErrorCode::Denied, "the attack denies it");
                Err(error.with_help("services = [\"nothing\"]"))
            }
            Temper::Fails => {
                let code = *self.state().chance.pick(&CODES);
                let long = "the attack fails it ".repeat(200);
                Err(NodeError::new(code, long).with_detail(Value::from("\u{202e}\0")))
            }
            Temper::Silent => std::future::pending().await,
            _ => Ok(()),
        }
    }

    /// Bytes that an answer holds.
    fn bytes(&self) -> Vec<u8> {
        match self.temper {
            Temper::Empty => Vec::new(),
            Temper::Huge | Temper::Endless => {
                let text = format!("{{\"{CANARY}\":\"{CANARY}\"}}\n");
                // With room for what stands around it.
                text.repeat((self.payload / 2).min(4 << 20) / text.len()).into_bytes()
            }
            Temper::Cut => br#"{"ok": true, "items": [{"name": "on"#.to_vec(),
            Temper::Malformed => {
                let mut bytes = b"\xff\xfe{\"a\":\"\\ud800\",\"a\":1e999,}\0<!--".to_vec();
                bytes.extend(self.state().chance.bytes(64));
                bytes
            }
            _ => br#"{"ok": true, "items": [{"name": "one", "value": 1}], "text": "some words"}"#
                .to_vec(),
        }
    }

    fn head(&self) -> (u16, Vec<Header>) {
        let header = |name: &str, value: &str| Header { name: name.into(), value: value.into() };
        let json = header("content-type", "application/json");
        match self.temper {
            Temper::Empty => (204, Vec::new()),
            Temper::Huge => {
                (200, (0..500).map(|n| header(&format!("x-{n}"), &"v".repeat(100))).collect())
            }
            Temper::Malformed => {
                let status = *self.state().chance.pick(&[0, 99, 600, 999, 65_535, 500, 301]);
                let odd = header("content-type", "text/\u{202e}html; charset=\"utf-7");
                (status, vec![odd, header("content-length", "-1"), header("", "\u{1b}[2J")])
            }
            _ => (200, vec![json]),
        }
    }
}

#[async_trait]
impl World for Stage {
    fn log(&self, _level: Level, message: String) {
        let mut state = self.state();
        // Without the quotes around it.
        state.log_bytes += Value::from(message.as_str()).to_json().len() - 2;
        if state.lines.len() < KEPT_LINES {
            state.lines.push(message);
        }
    }

    fn config(&self) -> String {
        self.config.to_json()
    }

    async fn now(&self) -> Answer<u64> {
        self.begin().await?;
        Ok(match self.temper {
            Temper::Elsewhen => NOW + ELSEWHEN,
            Temper::Empty => 0,
            Temper::Malformed => *self.state().chance.pick(&[u64::MAX, 0, 1 << 62, NOW]),
            _ => NOW,
        })
    }

    async fn elapsed(&self) -> Answer<u64> {
        self.begin().await?;
        Ok(match self.temper {
            Temper::Elsewhen => 77,
            // Time that runs back.
            Temper::Malformed => self.state().chance.next(),
            _ => 1,
        })
    }

    async fn sleep(&self, _ms: u32) -> Answer<()> {
        self.begin().await
    }

    async fn random(&self, length: u32) -> Answer<Vec<u8>> {
        self.begin().await?;
        let length = length as usize;
        Ok(match self.temper {
            Temper::Empty => vec![0; length],
            Temper::Malformed => vec![0xff; length],
            _ => self.state().chance.bytes(length),
        })
    }

    async fn kv_get(&self, store: String, key: String) -> Answer<Option<Vec<u8>>> {
        self.begin().await?;
        match self.temper {
            Temper::Calm | Temper::Elsewhen => Ok(self.state().values.get(&(store, key)).cloned()),
            Temper::Empty => Ok(None),
            _ => Ok(Some(self.bytes())),
        }
    }

    async fn kv_set(&self, store: String, key: String, value: Vec<u8>) -> Answer<()> {
        self.begin().await?;
        self.state().values.insert((store, key), value);
        Ok(())
    }

    async fn kv_delete(&self, store: String, key: String) -> Answer<()> {
        self.begin().await?;
        self.state().values.remove(&(store, key));
        Ok(())
    }

    async fn kv_swap(
        &self,
        store: String,
        key: String,
        expected: Option<Vec<u8>>,
        value: Vec<u8>,
    ) -> Answer<bool> {
        self.begin().await?;
        // Somebody else is always faster.
        if !matches!(self.temper, Temper::Calm | Temper::Elsewhen) {
            return Ok(false);
        }
        let (mut state, place) = (self.state(), (store, key));
        let same = state.values.get(&place) == expected.as_ref();
        if same {
            state.values.insert(place, value);
        }
        Ok(same)
    }

    async fn kv_list(&self, store: String, prefix: String, after: Option<String>) -> Answer<Page> {
        self.begin().await?;
        let state = self.state();
        let own =
            state.values.keys().filter(|(own, key)| *own == store && key.starts_with(&prefix));
        let own = own.map(|(_, key)| key.clone());
        let own: Vec<String> = own.filter(|key| after.as_ref().is_none_or(|a| key > a)).collect();
        Ok(match self.temper {
            Temper::Huge => {
                Page { keys: (0..10_000).map(|n| format!("{prefix}{n}")).collect(), next: None }
            }
            // The next page is this one, for ever.
            Temper::Endless => Page { keys: vec![prefix], next: Some("again".into()) },
            Temper::Malformed => {
                Page { keys: vec![String::new(), "\0\u{202e}".into()], next: Some(String::new()) }
            }
            _ => Page { keys: own, next: None },
        })
    }

    async fn http_send(&self, _request: Request, _most: u64) -> Answer<Response> {
        self.begin().await?;
        let (status, headers) = self.head();
        if self.temper == Temper::Cut {
            return Err(NodeError::new(ErrorCode::Transient, "the connection broke"));
        }
        Ok(Response { status, headers, body: self.bytes() })
    }

    async fn http_open(&self, _request: Request) -> Answer<Opened> {
        self.begin().await?;
        let (status, headers) = self.head();
        let rest = self.bytes();
        let body = Body { rest, temper: self.temper, _open: self.open.clone() };
        Ok(Opened { status, headers, body: Box::new(body) })
    }

    async fn placeholder(&self, label: String) -> Answer<String> {
        self.begin().await?;
        Ok(format!("attack-placeholder-{}", label.len()))
    }

    async fn reveal(&self, _label: String) -> Answer<String> {
        self.begin().await?;
        Ok(REVEALED.into())
    }

    async fn blob_put(&self, bytes: Vec<u8>, mime: String, name: Option<String>) -> Answer<Media> {
        self.begin().await?;
        let digest = match self.temper {
            Temper::Malformed => "sha256:\u{202e}".into(),
            _ => format!("sha256:{}", "0".repeat(64)),
        };
        Ok(Media { digest, mime, size: bytes.len() as u64, name })
    }

    async fn blob_get(&self, _media: Media, _offset: u64, length: u32) -> Answer<Vec<u8>> {
        self.begin().await?;
        let mut bytes = self.bytes();
        bytes.truncate(length as usize);
        Ok(bytes)
    }

    async fn complete(&self, _model: String, _request: Value) -> Answer<Value> {
        self.begin().await?;
        let content = String::from_utf8_lossy(&self.bytes()).into_owned();
        let message = match self.temper {
            Temper::Cut => {
                return Err(NodeError::new(ErrorCode::Transient, "the stream broke off"));
            }
            Temper::Empty => Value::empty(),
            Temper::Malformed => hostile_text(&mut self.state().chance).into(),
            _ => Value::record([("role", "assistant".into()), ("content", content.into())]),
        };
        Ok(Value::record([("message", message)]))
    }

    fn tools(&self) -> Vec<ToolView> {
        let view = |name: String, description: String, input: String| ToolView {
            name,
            description,
            input,
        };
        match self.temper {
            Temper::Empty => Vec::new(),
            Temper::Huge => (0..MANY_TOOLS)
                .map(|n| view(format!("t.{n}"), "d".repeat(1_000), "{}".into()))
                .collect(),
            Temper::Malformed => vec![view("\u{202e}".into(), "</tools>\0".into(), "{".into())],
            _ => vec![view("t.one".into(), "one".into(), r#"{"type":"object"}"#.into())],
        }
    }

    async fn call_tool(&self, _name: String, _arguments: Value) -> Answer<Value> {
        self.begin().await?;
        let text = String::from_utf8_lossy(&self.bytes()).into_owned();
        match self.temper {
            Temper::Cut => Err(NodeError::new(ErrorCode::Transient, "the tool was cut off")),
            Temper::Empty => Ok(Value::Null),
            _ => Ok(Value::from_json(&text).unwrap_or_else(|_| text.into())),
        }
    }
}

/// A body in one of the tempers.
struct Body {
    rest: Vec<u8>,
    temper: Temper,
    _open: Arc<()>,
}

#[async_trait]
impl Pieces for Body {
    async fn next(&mut self, most: usize) -> Answer<Option<Vec<u8>>> {
        match self.temper {
            Temper::Endless => return Ok(Some(vec![b' '; PIECE.min(most)])),
            // An empty piece is no end.
            Temper::Malformed if self.rest.is_empty() => return Ok(None),
            Temper::Malformed => {
                self.rest.pop();
                return Ok(Some(Vec::new()));
            }
            Temper::Cut if self.rest.is_empty() => {
                return Err(NodeError::new(ErrorCode::Transient, "the connection broke"));
            }
            _ if self.rest.is_empty() => return Ok(None),
            _ => {}
        }
        let rest = self.rest.split_off(most.min(self.rest.len()));
        Ok(Some(std::mem::replace(&mut self.rest, rest)))
    }
}

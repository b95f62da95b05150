//! The world of a golden case: in memory, the same each time. The network answers what the case says and
//! refuses everything else; the clock moves only by what the guest sleeps and slow answers take.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use cleargate_flow::Value;
use cleargate_flow::error::{ErrorCode, NodeError};
use cleargate_flow::limits::Unit;
use cleargate_registry::Digest;
use cleargate_runtime::world::{
    Answer, Level, Media, Opened, Page, Pieces, Request, Response, ToolView, World,
};

use super::chance::Chance;
use super::exchanges::Exchanges;
use super::faults::Faults;
use super::peers::Peers;
use super::record::{MAX_RECORDED, Recorded, Recorder};
use super::script::{Outcome, Script, Service};

/// Values of a store, by store and key.
type Stores = BTreeMap<(String, String), Vec<u8>>;

/// Milliseconds to another day, hour, minute and second: a year and a bit.
const ELSEWHEN: u64 = 1000 * (60 * (60 * (24 * 400 + 7) + 11) + 13);

/// See the module.
pub(crate) struct Mock {
    config: Value,
    script: Script,
    now: u64,
    /// Milliseconds that passed since the call began: the guest slept, or an answer was slow.
    passed: AtomicU64,
    /// Milliseconds that the call may take.
    time: u64,
    faults: Faults,
    blobs: Mutex<BTreeMap<String, Vec<u8>>>,
    /// Stands for the network while a case is recorded.
    recorder: Option<Recorder>,
    /// What the call wrote into its log.
    log: Mutex<Vec<Value>>,
    stores: Mutex<Stores>,
    random: Chance,
    answers: Exchanges,
    peers: Peers,
}

impl Mock {
    /// The world that a case describes.
    /// `time` is how many milliseconds the call may take.
    pub(super) fn new(config: Value, script: Script, time: u64) -> Result<Self, String> {
        let stores = script.kv.iter().flat_map(|(store, values)| {
            let place = |key: &String| (store.clone(), key.clone());
            values.iter().map(move |(key, value)| (place(key), value.clone().into_bytes()))
        });
        Ok(Self {
            config,
            now: script.now_ms()?,
            passed: AtomicU64::new(0),
            time,
            faults: Faults::new(&script.fail),
            blobs: Mutex::new(script.blobs.iter().map(blob).collect()),
            recorder: None,
            log: Mutex::default(),
            stores: Mutex::new(stores.collect()),
            random: Chance::new(script.seed),
            answers: Exchanges::new(script.http.clone().unwrap_or_default()),
            peers: Peers::new(script.models.clone(), script.tools.clone()),
            script,
        })
    }

    /// The same world at another time, with other chance.
    pub(super) fn elsewhen(mut self) -> Self {
        self.now += ELSEWHEN;
        self.random = self.random.turned();
        self
    }

    /// The same world with the real network in the place of scripted answers.
    pub(super) fn recording(mut self, recorder: Recorder) -> Self {
        self.answers = Exchanges::default();
        self.recorder = Some(recorder);
        self
    }

    /// What was recorded, or why nothing was.
    pub(super) fn recorded(&self) -> Result<Vec<Recorded>, Vec<String>> {
        let Some(recorder) = &self.recorder else { return Ok(Vec::new()) };
        let failed = recorder.failed();
        if failed.is_empty() { Ok(recorder.taken()) } else { Err(failed) }
    }

    /// What is left over after the call: answers that were not asked for, and faults that nothing met.
    pub(super) fn unasked(&self) -> Vec<String> {
        let left = self.answers.unasked().into_iter();
        left.chain(self.faults.unmet()).chain(self.peers.unasked()).collect()
    }

    /// The stores as a record of records; values that are no text as base64 would hide more than help, so they are
    /// left out.
    pub(super) fn kv(&self) -> Value {
        let mut stores: BTreeMap<String, BTreeMap<String, Value>> = BTreeMap::new();
        for ((store, key), value) in self.stores().iter() {
            let Ok(text) = std::str::from_utf8(value) else { continue };
            stores.entry(store.clone()).or_default().insert(key.clone(), text.into());
        }
        let stores = stores.into_iter();
        Value::record(stores.map(|(store, values)| (store, Value::record(values))))
    }

    /// The lines of the log, each with its level before it.
    pub(super) fn lines(&self) -> Value {
        Value::list(self.log.lock().expect("no holder of this lock panics").clone())
    }

    /// Whether the call of a service goes well.
    fn meet(&self, service: Service, name: &str, function: &str, what: &str) -> Answer<()> {
        if self.script.deny.contains(&service) {
            return Err(refused(what));
        }
        self.faults.meet(name, function)
    }

    fn kv_call(&self, function: &str) -> Answer<()> {
        self.meet(Service::Kv, "kv", function, "stores")
    }

    fn clock_call(&self, function: &str) -> Answer<()> {
        self.meet(Service::Clock, "clock", function, "clock")
    }

    /// Time goes by without anybody waiting; a call that has none left ends as it would outside.
    fn pass(&self, ms: u64) -> Answer<()> {
        let passed = self.passed.fetch_add(ms, Ordering::Relaxed).saturating_add(ms);
        if passed <= self.time {
            return Ok(());
        }
        let message =
            format!("the call may take {} (`limits.time`)", Unit::Millis.print(self.time));
        Err(NodeError::new(ErrorCode::Timeout, message))
    }

    /// The answer to a request, and after how many bytes of the body the connection breaks.
    fn exchange(&self, request: &Request) -> Answer<(Response, Option<usize>)> {
        let Outcome { slow, answer, cut } = self.answers.take(request)?;
        match request.timeout_ms.map(u64::from) {
            Some(most) if slow > most => {
                self.pass(most)?;
                let most = Unit::Millis.print(most);
                let message = format!("no answer within {most}, which the request waits");
                Err(NodeError::new(ErrorCode::Timeout, message))
            }
            _ => {
                self.pass(slow)?;
                Ok((answer?, cut))
            }
        }
    }

    fn stores(&self) -> std::sync::MutexGuard<'_, Stores> {
        self.stores.lock().expect("no holder of this lock panics")
    }
}

/// A text as the store of blobs has it.
fn blob(text: &String) -> (String, Vec<u8>) {
    (Digest::of(text.as_bytes()).to_string(), text.clone().into_bytes())
}

fn refused(what: &str) -> NodeError {
    NodeError::new(ErrorCode::Denied, format!("a golden case has no {what}"))
}

#[async_trait]
impl World for Mock {
    fn log(&self, level: Level, message: String) {
        let level = match level {
            Level::Trace => "trace",
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        };
        let line = format!("{level}: {message}");
        self.log.lock().expect("no holder of this lock panics").push(line.into());
    }

    fn config(&self) -> String {
        self.config.to_json()
    }

    async fn now(&self) -> Answer<u64> {
        self.clock_call("now")?;
        Ok(self.now + self.passed.load(Ordering::Relaxed))
    }

    async fn elapsed(&self) -> Answer<u64> {
        self.clock_call("elapsed")?;
        Ok(self.passed.load(Ordering::Relaxed))
    }

    async fn sleep(&self, ms: u32) -> Answer<()> {
        self.clock_call("sleep")?;
        self.pass(ms.into())
    }

    async fn random(&self, length: u32) -> Answer<Vec<u8>> {
        self.meet(Service::Random, "random", "bytes", "random source")?;
        let mut bytes = vec![0; length as usize];
        self.random.fill(&mut bytes);
        Ok(bytes)
    }

    async fn kv_get(&self, store: String, key: String) -> Answer<Option<Vec<u8>>> {
        self.kv_call("get")?;
        Ok(self.stores().get(&(store, key)).cloned())
    }

    async fn kv_set(&self, store: String, key: String, value: Vec<u8>) -> Answer<()> {
        self.kv_call("set")?;
        self.stores().insert((store, key), value);
        Ok(())
    }

    async fn kv_delete(&self, store: String, key: String) -> Answer<()> {
        self.kv_call("delete")?;
        self.stores().remove(&(store, key));
        Ok(())
    }

    async fn kv_swap(
        &self,
        store: String,
        key: String,
        expected: Option<Vec<u8>>,
        value: Vec<u8>,
    ) -> Answer<bool> {
        self.kv_call("swap")?;
        let mut stores = self.stores();
        let place = (store, key);
        let same = stores.get(&place) == expected.as_ref();
        if same {
            stores.insert(place, value);
        }
        Ok(same)
    }

    async fn kv_list(&self, store: String, prefix: String, after: Option<String>) -> Answer<Page> {
        self.kv_call("list")?;
        let stores = self.stores();
        let keys = stores.keys().filter(|(s, _)| *s == store).map(|(_, key)| key.clone());
        let keys = keys.filter(|k| k.starts_with(&prefix) && after.as_ref().is_none_or(|a| k > a));
        Ok(Page { keys: keys.collect(), next: None })
    }

    async fn http_send(&self, request: Request, most: u64) -> Answer<Response> {
        self.meet(Service::Http, "http", "send", "network")?;
        if let Some(recorder) = &self.recorder {
            return recorder.send(request, most).await;
        }
        let (response, cut) = self.exchange(&request)?;
        if let Some(bytes) = cut {
            return Err(cut_off(bytes));
        }
        if response.body.len() as u64 > most {
            let message = format!("the answer has {} bytes, at most {most}", response.body.len());
            return Err(NodeError::limit("payload", message));
        }
        Ok(response)
    }

    async fn http_open(&self, request: Request) -> Answer<Opened> {
        self.meet(Service::Http, "http", "open", "network")?;
        let (response, cut) = match &self.recorder {
            Some(recorder) => (recorder.send(request, MAX_RECORDED).await?, None),
            None => self.exchange(&request)?,
        };
        let Response { status, headers, mut body } = response;
        body.truncate(cut.unwrap_or(body.len()));
        Ok(Opened { status, headers, body: Box::new(Body { left: body, cut }) })
    }

    async fn placeholder(&self, label: String) -> Answer<String> {
        self.meet(Service::Secrets, "secrets", "placeholder", "secrets")?;
        if let Some(recorder) = &self.recorder {
            return recorder.placeholder(label).await;
        }
        if self.script.secrets.as_ref().is_some_and(|secrets| !secrets.contains(&label)) {
            let message = format!("the case has no secret `{label}`");
            return Err(NodeError::new(ErrorCode::InvalidInput, message));
        }
        Ok(stand_in(&label))
    }

    async fn reveal(&self, _label: String) -> Answer<String> {
        self.faults.meet("secrets", "reveal")?;
        Err(refused("secrets"))
    }

    async fn blob_put(&self, bytes: Vec<u8>, mime: String, name: Option<String>) -> Answer<Media> {
        self.meet(Service::Blob, "blob", "put", "media")?;
        let (digest, size) = (Digest::of(&bytes).to_string(), bytes.len() as u64);
        let mut blobs = self.blobs.lock().expect("no holder of this lock panics");
        blobs.insert(digest.clone(), bytes);
        Ok(Media { digest, mime, size, name })
    }

    async fn blob_get(&self, media: Media, offset: u64, length: u32) -> Answer<Vec<u8>> {
        self.meet(Service::Blob, "blob", "get", "media")?;
        let blobs = self.blobs.lock().expect("no holder of this lock panics");
        let Some(bytes) = blobs.get(&media.digest) else {
            let message = format!("the case has no media {}", media.digest);
            return Err(NodeError::new(ErrorCode::InvalidInput, message));
        };
        let begin = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let end = begin.saturating_add(length as usize).min(bytes.len());
        Ok(bytes[begin..end].to_vec())
    }

    async fn complete(&self, model: String, request: Value) -> Answer<Value> {
        self.peers.complete(&model, &request)
    }

    fn tools(&self) -> Vec<ToolView> {
        self.peers.tools()
    }

    async fn call_tool(&self, name: String, arguments: Value) -> Answer<Value> {
        self.peers.call(&name, &arguments)
    }
}

/// What stands for a secret in a case.
pub(crate) fn stand_in(label: &str) -> String {
    format!("placeholder-{label}")
}

fn cut_off(bytes: usize) -> NodeError {
    let message = format!("the connection broke after {bytes} bytes of the body");
    NodeError::new(ErrorCode::Transient, message)
}

/// A body that is there already, to its end or to where it breaks off.
struct Body {
    left: Vec<u8>,
    cut: Option<usize>,
}

#[async_trait]
impl Pieces for Body {
    async fn next(&mut self, most: usize) -> Answer<Option<Vec<u8>>> {
        if self.left.is_empty() {
            return self.cut.map_or(Ok(None), |bytes| Err(cut_off(bytes)));
        }
        let rest = self.left.split_off(most.min(self.left.len()));
        Ok(Some(std::mem::replace(&mut self.left, rest)))
    }
}

#[cfg(test)]
mod tests;

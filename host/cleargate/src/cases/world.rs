//! The world of a golden case: in memory, the same each time. The network answers what the case says and
//! refuses everything else.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use cleargate_flow::Value;
use cleargate_flow::error::{ErrorCode, NodeError};
use cleargate_runtime::world::{
    Answer, Level, Media, Opened, Page, Pieces, Request, Response, World,
};

use super::script::{Exchange, Script, Service};

/// Values of a store, by store and key.
type Stores = BTreeMap<(String, String), Vec<u8>>;

/// Milliseconds to another day, hour, minute and second: a year and a bit.
const ELSEWHEN: u64 = 1000 * (60 * (60 * (24 * 400 + 7) + 11) + 13);

/// See the module.
pub(crate) struct Mock {
    config: Value,
    script: Script,
    now: u64,
    stores: Mutex<Stores>,
    random: Mutex<u64>,
    /// Answers that nobody has asked for yet.
    answers: Mutex<Vec<Exchange>>,
}

impl Mock {
    /// The world that a case describes.
    pub(super) fn new(config: Value, script: Script) -> Result<Self, String> {
        let stores = script.kv.iter().flat_map(|(store, values)| {
            let place = |key: &String| (store.clone(), key.clone());
            values.iter().map(move |(key, value)| (place(key), value.clone().into_bytes()))
        });
        Ok(Self {
            config,
            now: script.now_ms()?,
            stores: Mutex::new(stores.collect()),
            random: Mutex::new(script.seed.wrapping_add(1)),
            answers: Mutex::new(script.http.clone()),
            script,
        })
    }

    /// The same world at another time, with other chance.
    pub(super) fn elsewhen(mut self) -> Self {
        self.now += ELSEWHEN;
        *self.random.get_mut().expect("no holder of this lock panics") ^= u64::MAX;
        self
    }

    /// What is left over after the call: answers that were not asked for.
    pub(super) fn unasked(&self) -> Vec<String> {
        let answers = self.answers.lock().expect("no holder of this lock panics");
        answers.iter().map(|left| format!("{} was not asked for", left.name())).collect()
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

    fn allow(&self, service: Service, what: &str) -> Answer<()> {
        if self.script.deny.contains(&service) { Err(refused(what)) } else { Ok(()) }
    }

    fn exchange(&self, request: &Request) -> Answer<Response> {
        self.allow(Service::Http, "network")?;
        let mut answers = self.answers.lock().expect("no holder of this lock panics");
        let found = answers.iter().position(|exchange| exchange.answers(request));
        let Some(found) = found else {
            let there: Vec<String> = answers.iter().map(Exchange::name).collect();
            let there = if there.is_empty() { "none".into() } else { there.join(", ") };
            let message = format!(
                "the case has no answer for {} {}; there are: {there}",
                request.method, request.url
            );
            return Err(NodeError::new(ErrorCode::Denied, message));
        };
        answers.remove(found).outcome()
    }

    fn stores(&self) -> std::sync::MutexGuard<'_, Stores> {
        self.stores.lock().expect("no holder of this lock panics")
    }
}

fn refused(what: &str) -> NodeError {
    NodeError::new(ErrorCode::Denied, format!("a golden case has no {what}"))
}

#[async_trait]
impl World for Mock {
    fn log(&self, _level: Level, _message: String) {}

    fn config(&self) -> String {
        self.config.to_json()
    }

    async fn now(&self) -> Answer<u64> {
        Ok(self.now)
    }

    async fn elapsed(&self) -> Answer<u64> {
        Ok(0)
    }

    async fn sleep(&self, _ms: u32) -> Answer<()> {
        Ok(())
    }

    async fn random(&self, length: u32) -> Answer<Vec<u8>> {
        self.allow(Service::Random, "random source")?;
        let mut state = self.random.lock().expect("no holder of this lock panics");
        let byte = || {
            // SplitMix64: any fixed sequence would do.
            *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = *state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (z ^ (z >> 31)) as u8
        };
        Ok(std::iter::repeat_with(byte).take(length as usize).collect())
    }

    async fn kv_get(&self, store: String, key: String) -> Answer<Option<Vec<u8>>> {
        self.allow(Service::Kv, "stores")?;
        Ok(self.stores().get(&(store, key)).cloned())
    }

    async fn kv_set(&self, store: String, key: String, value: Vec<u8>) -> Answer<()> {
        self.allow(Service::Kv, "stores")?;
        self.stores().insert((store, key), value);
        Ok(())
    }

    async fn kv_delete(&self, store: String, key: String) -> Answer<()> {
        self.allow(Service::Kv, "stores")?;
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
        self.allow(Service::Kv, "stores")?;
        let mut stores = self.stores();
        let place = (store, key);
        let same = stores.get(&place) == expected.as_ref();
        if same {
            stores.insert(place, value);
        }
        Ok(same)
    }

    async fn kv_list(&self, store: String, prefix: String, after: Option<String>) -> Answer<Page> {
        self.allow(Service::Kv, "stores")?;
        let stores = self.stores();
        let keys = stores.keys().filter(|(s, _)| *s == store).map(|(_, key)| key.clone());
        let keys = keys.filter(|k| k.starts_with(&prefix) && after.as_ref().is_none_or(|a| k > a));
        Ok(Page { keys: keys.collect(), next: None })
    }

    async fn http_send(&self, request: Request, most: u64) -> Answer<Response> {
        let response = self.exchange(&request)?;
        if response.body.len() as u64 > most {
            let message = format!("the answer has {} bytes, at most {most}", response.body.len());
            return Err(NodeError::limit("payload", message));
        }
        Ok(response)
    }

    async fn http_open(&self, request: Request) -> Answer<Opened> {
        let Response { status, headers, body } = self.exchange(&request)?;
        Ok(Opened { status, headers, body: Box::new(Body(body)) })
    }

    async fn placeholder(&self, label: String) -> Answer<String> {
        self.allow(Service::Secrets, "secrets")?;
        if self.script.secrets.as_ref().is_some_and(|secrets| !secrets.contains(&label)) {
            let message = format!("the case has no secret `{label}`");
            return Err(NodeError::new(ErrorCode::InvalidInput, message));
        }
        Ok(format!("placeholder-{label}"))
    }

    async fn reveal(&self, _label: String) -> Answer<String> {
        Err(refused("secrets"))
    }

    async fn blob_put(&self, _: Vec<u8>, _: String, _: Option<String>) -> Answer<Media> {
        Err(refused("media"))
    }

    async fn blob_get(&self, _media: Media, _offset: u64, _length: u32) -> Answer<Vec<u8>> {
        Err(refused("media"))
    }
}

/// A body that is there already.
struct Body(Vec<u8>);

#[async_trait]
impl Pieces for Body {
    async fn next(&mut self, most: usize) -> Answer<Option<Vec<u8>>> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let rest = self.0.split_off(most.min(self.0.len()));
        Ok(Some(std::mem::replace(&mut self.0, rest)))
    }
}

#[cfg(test)]
mod tests;

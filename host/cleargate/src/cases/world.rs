//! The world of a golden case: in memory, the same each time, and closed to the network.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use cleargate_flow::Value;
use cleargate_flow::error::{ErrorCode, NodeError};
use cleargate_runtime::world::{Answer, Level, Media, Opened, Page, Request, Response, World};

/// 2026-01-01T00:00:00Z: a moment that does not move.
const NOW: u64 = 1_767_225_600_000;

/// Values of a store, by store and key.
type Stores = BTreeMap<(String, String), Vec<u8>>;

/// See the module.
pub(crate) struct Mock {
    config: Value,
    stores: Mutex<Stores>,
    random: Mutex<u64>,
}

impl Mock {
    pub(crate) fn new(config: Value) -> Self {
        Self { config, stores: Mutex::default(), random: Mutex::new(1) }
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
        Ok(NOW)
    }

    async fn elapsed(&self) -> Answer<u64> {
        Ok(0)
    }

    async fn sleep(&self, _ms: u32) -> Answer<()> {
        Ok(())
    }

    async fn random(&self, length: u32) -> Answer<Vec<u8>> {
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
        Ok(self.stores().get(&(store, key)).cloned())
    }

    async fn kv_set(&self, store: String, key: String, value: Vec<u8>) -> Answer<()> {
        self.stores().insert((store, key), value);
        Ok(())
    }

    async fn kv_delete(&self, store: String, key: String) -> Answer<()> {
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
        let mut stores = self.stores();
        let place = (store, key);
        let same = stores.get(&place) == expected.as_ref();
        if same {
            stores.insert(place, value);
        }
        Ok(same)
    }

    async fn kv_list(&self, store: String, prefix: String, after: Option<String>) -> Answer<Page> {
        let stores = self.stores();
        let keys = stores.keys().filter(|(s, _)| *s == store).map(|(_, key)| key.clone());
        let keys = keys.filter(|k| k.starts_with(&prefix) && after.as_ref().is_none_or(|a| k > a));
        Ok(Page { keys: keys.collect(), next: None })
    }

    async fn http_send(&self, _request: Request, _most: u64) -> Answer<Response> {
        Err(refused("network"))
    }

    async fn http_open(&self, _request: Request) -> Answer<Opened> {
        Err(refused("network"))
    }

    async fn placeholder(&self, label: String) -> Answer<String> {
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

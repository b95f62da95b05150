//! A cache of models' answers in the store `answers`.
//!
//! The key is the digest that the host makes of provider, model and request, so nothing of a request is kept but its
//! answer. An entry whose time is over is as good as none, and is removed when it is met.

use std::time::Duration;

use cleargate::{Cache, Context, Error, Value};
use serde::{Deserialize, Serialize};

/// The store that the manifest asks for.
const STORE: &str = "answers";

/// There is nothing to configure.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {}

/// The cache.
pub struct Answers;

#[derive(Serialize, Deserialize)]
struct Kept {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<u64>,
    entry: Value,
}

impl Cache for Answers {
    type Config = Config;

    fn get(_: &Context, key: &str, _: Config) -> Result<Option<Value>, Error> {
        let store = cleargate::kv::Store(STORE);
        let Some(kept) = store.get_json::<Kept>(key)? else { return Ok(None) };
        if kept.until.is_some_and(|until| until <= cleargate::clock::now()) {
            store.delete(key)?;
            return Ok(None);
        }
        Ok(Some(kept.entry))
    }

    fn put(
        _: &Context,
        key: &str,
        entry: Value,
        ttl: Option<Duration>,
        _: Config,
    ) -> Result<(), Error> {
        let until = ttl.map(|ttl| {
            cleargate::clock::now()
                .saturating_add(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX))
        });
        cleargate::kv::Store(STORE).set_json(key, &Kept { until, entry })
    }
}

cleargate::export! { cache: Answers }

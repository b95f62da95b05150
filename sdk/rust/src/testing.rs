//! The host's services in memory, so that plugin code runs under plain `cargo test`.
//!
//! [`run`] puts [`Services`] in place for one closure on one thread and returns them with what the code
//! left there. Nothing is granted by accident: a service that the test does not set up answers `denied`.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::http::{Request, Response};
use crate::log::Level;
use crate::{Code, Error};

/// Answers a request.
pub type HttpDouble = Box<dyn FnMut(Request) -> Result<Response, Error>>;
/// Answers a call of a model or a tool: its name and what it was given.
pub type CallDouble = Box<dyn FnMut(&str, Value) -> Result<Value, Error>>;

/// What the code under test meets.
pub struct Services {
    /// The configuration of the binding.
    pub config: Value,
    /// Stores by name; a store that is not here is denied.
    pub kv: BTreeMap<String, BTreeMap<String, Vec<u8>>>,
    /// Secrets by label; a label that is not here is denied.
    pub secrets: BTreeMap<String, String>,
    /// Bytes by digest.
    pub blobs: BTreeMap<String, Vec<u8>>,
    /// Answers requests; denied by default.
    pub http: HttpDouble,
    /// Answers models; denied by default.
    pub model: CallDouble,
    /// Answers tools; denied by default.
    pub tools: CallDouble,
    /// What `clock::now` says. `clock::sleep` moves both times on and waits for nothing.
    pub now: u64,
    /// What `clock::elapsed` says.
    pub elapsed: u64,
    /// What `random::bytes` starts from.
    pub seed: u64,
    /// The lines that were written.
    pub log: Vec<(Level, String)>,
}

impl Default for Services {
    fn default() -> Self {
        Self {
            config: json!({}),
            kv: BTreeMap::new(),
            secrets: BTreeMap::new(),
            blobs: BTreeMap::new(),
            http: Box::new(|request| Err(denied("http", &request.url))),
            model: Box::new(|name, _| Err(denied("model", name))),
            tools: Box::new(|name, _| Err(denied("tools", name))),
            now: 0,
            elapsed: 0,
            seed: 1,
            log: Vec::new(),
        }
    }
}

fn denied(service: &str, what: &str) -> Error {
    Error::new(Code::Denied, format!("{service}: `{what}` is not set up in this test"))
}

thread_local! {
    static CURRENT: RefCell<Option<Services>> = const { RefCell::new(None) };
}

/// Runs `code` with `services` in place. Returns its result and the services as it left them.
pub fn run<T>(services: Services, code: impl FnOnce() -> T) -> (T, Services) {
    let before = CURRENT.replace(Some(services));
    let result = code();
    let after = CURRENT.replace(before).expect("only `run` takes the services away");
    (result, after)
}

fn with<T>(use_them: impl FnOnce(&mut Services) -> T) -> T {
    CURRENT.with_borrow_mut(|current| match current {
        Some(services) => use_them(services),
        None => use_them(&mut Services::default()),
    })
}

/// The imports of a component, answered from [`Services`].
pub(crate) mod host {
    use super::*;
    use crate::bindings::services::cleargate::host as wit;
    use crate::bindings::services::cleargate::types::types;

    type Answer<T> = Result<T, types::Error>;

    pub(crate) mod log {
        use super::*;
        pub(crate) fn write(level: wit::log::Level, message: &str, fields: &[(String, String)]) {
            let level = match level {
                wit::log::Level::Trace => Level::Trace,
                wit::log::Level::Debug => Level::Debug,
                wit::log::Level::Info => Level::Info,
                wit::log::Level::Warn => Level::Warn,
                wit::log::Level::Error => Level::Error,
            };
            let fields: String = fields.iter().map(|(k, v)| format!(" {k}={v}")).collect();
            with(|s| s.log.push((level, format!("{message}{fields}"))));
        }
    }

    pub(crate) mod config {
        use super::*;
        pub(crate) fn get() -> String {
            with(|s| s.config.to_string())
        }
    }

    pub(crate) mod kv {
        use super::*;
        fn store<T>(
            name: &str,
            use_it: impl FnOnce(&mut BTreeMap<String, Vec<u8>>) -> T,
        ) -> Answer<T> {
            with(|s| match s.kv.get_mut(name) {
                Some(store) => Ok(use_it(store)),
                None => Err(denied("kv", name).into()),
            })
        }
        pub(crate) fn get(name: &str, key: &str) -> Answer<Option<Vec<u8>>> {
            store(name, |s| s.get(key).cloned())
        }
        pub(crate) fn set(name: &str, key: &str, value: &[u8]) -> Answer<()> {
            store(name, |s| {
                s.insert(key.into(), value.into());
            })
        }
        pub(crate) fn delete(name: &str, key: &str) -> Answer<()> {
            store(name, |s| {
                s.remove(key);
            })
        }
        pub(crate) fn swap(
            name: &str,
            key: &str,
            expected: Option<&[u8]>,
            value: &[u8],
        ) -> Answer<bool> {
            store(name, |s| {
                let same = s.get(key).map(Vec::as_slice) == expected;
                if same {
                    s.insert(key.into(), value.into());
                }
                same
            })
        }
        pub(crate) fn list(name: &str, prefix: &str, after: Option<&str>) -> Answer<wit::kv::Page> {
            const PAGE: usize = 1_000; // the contract's bound
            store(name, |s| {
                let fits =
                    |k: &&String| k.starts_with(prefix) && after.is_none_or(|a| k.as_str() > a);
                let mut keys: Vec<String> = s.keys().filter(fits).take(PAGE + 1).cloned().collect();
                let more = keys.len() > PAGE;
                keys.truncate(PAGE);
                let next = if more { keys.last().cloned() } else { None };
                wit::kv::Page { keys, next }
            })
        }
    }

    pub(crate) mod http {
        use super::*;
        pub(crate) struct Body(RefCell<Vec<u8>>);
        pub(crate) struct Streamed {
            pub(crate) status: u16,
            pub(crate) headers: Vec<wit::http::Header>,
            pub(crate) body: Body,
        }
        impl Body {
            pub(crate) fn next(&self, max: u32) -> Answer<Option<Vec<u8>>> {
                let mut rest = self.0.borrow_mut();
                let end = rest.len().min(max as usize);
                let piece: Vec<u8> = rest.drain(..end).collect();
                Ok((!piece.is_empty()).then_some(piece))
            }
        }
        pub(crate) fn send(request: &wit::http::Request) -> Answer<wit::http::Response> {
            let request = Request {
                method: request.method.clone(),
                url: request.url.clone(),
                headers: request
                    .headers
                    .iter()
                    .map(|h| (h.name.clone(), h.value.clone()))
                    .collect(),
                body: request.body.clone(),
                timeout_ms: request.timeout_ms,
            };
            let answer = with(|s| (s.http)(request))?;
            let header = |(name, value)| wit::http::Header { name, value };
            Ok(wit::http::Response {
                status: answer.status,
                headers: answer.headers.into_iter().map(header).collect(),
                body: answer.body,
            })
        }
        pub(crate) fn open(request: &wit::http::Request) -> Answer<Streamed> {
            let answer = send(request)?;
            let body = Body(RefCell::new(answer.body));
            Ok(Streamed { status: answer.status, headers: answer.headers, body })
        }
    }

    pub(crate) mod secret {
        use super::*;
        pub(crate) fn placeholder(label: &str) -> Answer<String> {
            with(|s| match s.secrets.contains_key(label) {
                true => Ok(format!("cleargate-secret:{label}")),
                false => Err(denied("secret", label).into()),
            })
        }
    }

    pub(crate) mod secret_reveal {
        use super::*;
        pub(crate) fn reveal(label: &str) -> Answer<String> {
            with(|s| s.secrets.get(label).cloned().ok_or_else(|| denied("secret", label).into()))
        }
    }

    pub(crate) mod model {
        use super::*;
        pub(crate) struct ReplyStream(RefCell<Option<String>>, wit::model::Reply);
        impl ReplyStream {
            pub(crate) fn next(&self) -> Answer<Option<String>> {
                Ok(self.0.take())
            }
            pub(crate) fn reply(&self) -> Answer<wit::model::Reply> {
                match self.0.borrow().is_some() {
                    true => {
                        Err(Error::invalid_input("pieces of the reply are still to come").into())
                    }
                    false => Ok(self.1.clone()),
                }
            }
        }
        pub(crate) fn complete(name: &str, request: &types::Value) -> Answer<wit::model::Reply> {
            let request = crate::media::read("request", request.clone())?;
            let message = with(|s| (s.model)(name, request))?;
            let usage = wit::model::Usage { input_tokens: 0, output_tokens: 0, micro_usd: 0 };
            Ok(wit::model::Reply { message: crate::media::write(&message)?, usage })
        }
        pub(crate) fn open(name: &str, request: &types::Value) -> Answer<ReplyStream> {
            let reply = complete(name, request)?;
            let message: Value = crate::media::read("reply", reply.message.clone())?;
            let text = message["content"].as_str().map(Into::into);
            Ok(ReplyStream(RefCell::new(text), reply))
        }
    }

    pub(crate) mod tools {
        use super::*;
        pub(crate) fn list() -> Answer<Vec<wit::tools::Description>> {
            Ok(Vec::new())
        }
        pub(crate) fn call(name: &str, arguments: &types::Value) -> Answer<types::Value> {
            let arguments = crate::media::read("arguments", arguments.clone())?;
            Ok(crate::media::write(&with(|s| (s.tools)(name, arguments))?)?)
        }
    }

    pub(crate) mod blob {
        use super::*;
        use std::hash::{DefaultHasher, Hash, Hasher};
        pub(crate) fn put(bytes: &[u8], mime: &str, name: Option<&str>) -> Answer<types::Media> {
            // A stand-in for SHA-256: tests compare handles, and nobody attacks them.
            let mut hasher = DefaultHasher::new();
            bytes.hash(&mut hasher);
            let digest = format!("sha256:{:064x}", hasher.finish());
            with(|s| s.blobs.insert(digest.clone(), bytes.into()));
            let size = bytes.len() as u64;
            Ok(types::Media { digest, mime: mime.into(), size, name: name.map(Into::into) })
        }
        pub(crate) fn get(media: &types::Media, offset: u64, length: u32) -> Answer<Vec<u8>> {
            with(|s| match s.blobs.get(&media.digest) {
                Some(bytes) => {
                    let from = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
                    let to = from.saturating_add(length as usize).min(bytes.len());
                    Ok(bytes[from..to].into())
                }
                None => Err(Error::invalid_input("the host does not know this handle").into()),
            })
        }
    }

    pub(crate) mod clock {
        use super::*;
        pub(crate) fn now() -> u64 {
            with(|s| s.now)
        }
        pub(crate) fn elapsed() -> u64 {
            with(|s| s.elapsed)
        }
        pub(crate) fn sleep(ms: u32) {
            with(|s| {
                s.now += u64::from(ms);
                s.elapsed += u64::from(ms);
            });
        }
    }

    pub(crate) mod random {
        use super::*;
        pub(crate) fn bytes(length: u32) -> Vec<u8> {
            // Knuth's linear congruential generator: enough to be different, and the same each time.
            let next = |s: &mut Services| {
                s.seed = s.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (s.seed >> 56) as u8
            };
            with(|s| (0..length).map(|_| next(s)).collect())
        }
    }
}

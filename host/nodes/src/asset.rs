//! Values that are kept beyond the run that made them. A step is not performed when what it would give is known: made of
//! the same inputs by the same bytes with the same keys, and not too long ago.
//!
//! What is known of an asset is one small document in a space of values that no node can name; the question and the
//! answer pass the gate and lie in the journal like those of any step, so a replay sees what the run saw.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use cleargate_executor::{CallScope, Failure, Node, NodeContext, Output};
use cleargate_flow::error::ErrorCode;
use cleargate_flow::limits::Unit;
use cleargate_flow::{Address, NodeError, RunId, Value};
use cleargate_gate::{BlobOp, KvOp, Request, Response};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Name of the store of values in which assets are kept.
pub const STORE: &str = "assets";

/// Bytes of JSON that are kept in the document itself; a longer value is a blob.
pub const MAX_INLINE: usize = 256 * 1024;

/// Earlier makings that are remembered.
pub const MAX_HISTORY: usize = 10;

/// Bytes of one reading of a blob.
const PIECE: u32 = 4 * 1024 * 1024;

/// The space of the assets of a tenant. No tenant has such a name: it is longer than the one that it belongs to.
pub fn tenant(of: &str) -> String {
    format!("{of} (kept)")
}

/// The key under which an asset is kept: `flow/name`, or `flow/name#part`.
pub fn place(asset: &str, key: Option<&str>) -> String {
    key.map_or_else(|| asset.to_owned(), |key| format!("{asset}#{key}"))
}

/// What is known of an asset, or of one part of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// How it was made last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<Made>,
    /// The last time that it could not be made, when that was later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<Failed>,
    /// Somebody wants it made again: who, and when, in milliseconds since 1970-01-01T00:00:00Z.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale: Option<(String, i64)>,
    /// Earlier makings, the latest first: by which run, when, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<Earlier>,
}

/// How an asset was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Made {
    /// By which run.
    pub run: RunId,
    /// By which node of it.
    pub address: Address,
    /// When, in milliseconds since 1970-01-01T00:00:00Z.
    pub at: i64,
    /// Milliseconds for which it is fresh.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fresh: Option<u64>,
    /// Why it was made.
    pub why: Vec<String>,
    /// Of what: names with digests.
    pub of: BTreeMap<String, String>,
    /// Its value.
    pub value: Content,
    /// Milliseconds that it took.
    pub took_ms: u64,
}

/// A value that is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// Here.
    Inline(Value),
    /// JSON under this digest, of so many bytes.
    Blob(String, u64),
}

/// An attempt to make an asset that failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failed {
    /// In which run.
    pub run: RunId,
    /// At which node of it.
    pub address: Address,
    /// When, in milliseconds since 1970-01-01T00:00:00Z.
    pub at: i64,
    /// Why.
    pub error: NodeError,
}

/// An earlier making.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Earlier {
    /// By which run.
    pub run: RunId,
    /// When, in milliseconds since 1970-01-01T00:00:00Z.
    pub at: i64,
    /// Why.
    pub why: Vec<String>,
}

impl Entry {
    /// Why the asset has to be made now, of these things; nothing when what is kept is right.
    pub fn why(&self, of: &BTreeMap<String, String>, fresh: Option<u64>, now: i64) -> Vec<String> {
        let Some(made) = &self.made else {
            let never = match &self.failed {
                Some(failed) => format!("making it failed with `{}`", failed.error.code),
                None => "it was not made before".into(),
            };
            return vec![never];
        };
        let mut why = Vec::new();
        for (name, digest) in of {
            match made.of.get(name) {
                Some(then) if then == digest => {}
                Some(_) => why.push(format!("{name} changed")),
                None => why.push(format!("{name} is new")),
            }
        }
        let gone = made.of.keys().filter(|name| !of.contains_key(*name));
        why.extend(gone.map(|name| format!("{name} is gone")));
        if let Some((by, _)) = &self.stale {
            why.push(format!("{by} asked for it"));
        }
        let age = u64::try_from(now.saturating_sub(made.at)).unwrap_or_default();
        if let Some(fresh) = fresh.filter(|fresh| age >= *fresh) {
            let (age, fresh) = (Unit::Millis.print(age), Unit::Millis.print(fresh));
            why.push(format!("it is {age} old, and fresh for {fresh}"));
        }
        why
    }
}

/// A step whose value is kept.
pub struct Kept {
    /// The step.
    pub node: Arc<dyn Node>,
    /// What the step may do.
    pub scope: CallScope,
    /// What the keeping may do: the values of [`STORE`], blobs, and the clock.
    pub own: CallScope,
    /// `flow/name`.
    pub asset: String,
    /// Milliseconds for which it is fresh.
    pub fresh: Option<u64>,
    /// What it is made of beside its inputs: the node type, its keys, the guards around it.
    pub of: BTreeMap<String, String>,
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("asset", &self.asset).finish_non_exhaustive()
    }
}

#[async_trait]
impl Node for Kept {
    async fn run(&self, ctx: NodeContext, input: Value) -> Result<Output, Failure> {
        let shelf = Shelf::new(self, &ctx);
        let of = self.made_of(&input);
        let now = shelf.now().await?;
        let entry = shelf.entry().await?;
        let mut why = entry.why(&of, self.fresh, now);
        if let (Some(made), true) = (&entry.made, why.is_empty()) {
            match shelf.value(&made.value).await {
                Ok(value) => {
                    let from = Some((made.run.clone(), made.at));
                    ctx.log.asset(&self.asset, ctx.asset_key.as_deref(), &[], from);
                    return Ok(value.into());
                }
                Err(error) => why.push(format!("its value could not be read: {error}")),
            }
        }
        ctx.log.asset(&self.asset, ctx.asset_key.as_deref(), &why, None);
        // What was asked of the shelf comes first among the calls of the attempt, then the step's own.
        let step = ctx.within(&self.scope, ctx.config.clone());
        let result = self.node.run(step, input).await;
        match &result {
            Ok(output) => {
                let value = ctx.pass.scrub(&output.value);
                shelf.keep(entry, Making { value, why, of, began: now }).await;
            }
            // Whoever stopped it said nothing about the asset.
            Err(failure) if failure.error.code == ErrorCode::Cancelled => {}
            Err(failure) => shelf.failed(entry, ctx.pass.scrub_error(failure.error.clone())).await,
        }
        result
    }

    fn waits_for_runs(&self) -> bool {
        self.node.waits_for_runs()
    }
}

impl Kept {
    fn made_of(&self, input: &Value) -> BTreeMap<String, String> {
        let mut of = self.of.clone();
        for (port, value) in input.as_map().into_iter().flatten() {
            of.insert(format!("input `{port}`"), digest(&value.to_canonical_json()));
        }
        of
    }
}

/// 64 hex digits of SHA-256.
pub fn digest(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

struct Making {
    value: Value,
    why: Vec<String>,
    of: BTreeMap<String, String>,
    /// When it was begun, in milliseconds since 1970-01-01T00:00:00Z.
    began: i64,
}

/// Where one asset, or one part of it, is kept.
struct Shelf<'k> {
    kept: &'k Kept,
    ctx: &'k NodeContext,
    own: NodeContext,
    place: String,
}

impl<'k> Shelf<'k> {
    fn new(kept: &'k Kept, ctx: &'k NodeContext) -> Self {
        let own = ctx.for_host(&kept.own, tenant(&ctx.tenant));
        let place = place(&kept.asset, ctx.asset_key.as_deref());
        Self { kept, ctx, own, place }
    }

    async fn now(&self) -> Result<i64, NodeError> {
        match self.own.pass.perform(Request::Now).await? {
            Response::Time(now) => Ok(now),
            _ => Err(crate::foreign_answer("asset")),
        }
    }

    /// What is known. A document that cannot be read is as good as none.
    async fn entry(&self) -> Result<Entry, NodeError> {
        let request = kv(KvOp::Get { key: self.place.clone() });
        match self.own.pass.perform(request).await? {
            Response::Value(None) => Ok(Entry::default()),
            Response::Value(Some(bytes)) => {
                Ok(serde_json::from_slice(&bytes.0).unwrap_or_else(|error| {
                    self.say(&format!("what is known of the asset cannot be read: {error}"));
                    Entry::default()
                }))
            }
            _ => Err(crate::foreign_answer("asset")),
        }
    }

    async fn value(&self, content: &Content) -> Result<Value, NodeError> {
        let (digest, bytes) = match content {
            Content::Inline(value) => return Ok(value.clone()),
            Content::Blob(digest, bytes) => (digest, *bytes),
        };
        let mut all = Vec::new();
        while (all.len() as u64) < bytes {
            let (digest, offset) = (digest.clone(), all.len() as u64);
            let request = Request::Blob(BlobOp::Get { digest, offset, length: PIECE });
            match self.own.pass.perform(request).await? {
                Response::Bytes(piece) if !piece.0.is_empty() => all.extend(piece.0),
                _ => return Err(crate::foreign_answer("asset")),
            }
        }
        serde_json::from_slice(&all)
            .map_err(|error| NodeError::new(ErrorCode::Permanent, error.to_string()))
    }

    /// Keeps a value. A value that cannot be kept is a value all the same: the next run makes it again.
    async fn keep(&self, entry: Entry, making: Making) {
        if let Err(error) = self.try_keep(entry, making).await {
            self.say(&format!("the asset is not kept: {error}"));
        }
    }

    async fn try_keep(&self, entry: Entry, making: Making) -> Result<(), NodeError> {
        let Making { value, why, of, began } = making;
        let json = value.to_json();
        let value = match json.len() {
            short if short <= MAX_INLINE => Content::Inline(value),
            long => match self.own.pass.perform(Request::Blob(BlobOp::Put(json.into()))).await? {
                Response::Digest(digest) => Content::Blob(digest, long as u64),
                _ => return Err(crate::foreign_answer("asset")),
            },
        };
        let mut before = entry.before;
        if let Some(Made { run, at, why, .. }) = entry.made {
            before.insert(0, Earlier { run, at, why });
            before.truncate(MAX_HISTORY);
        }
        let now = self.now().await?;
        let made = Made {
            run: self.ctx.run.clone(),
            address: self.ctx.address.clone(),
            at: now,
            fresh: self.kept.fresh,
            why,
            of,
            value,
            took_ms: u64::try_from(now.saturating_sub(began)).unwrap_or_default(),
        };
        self.set(&Entry { made: Some(made), failed: None, stale: None, before }).await
    }

    async fn failed(&self, entry: Entry, error: NodeError) {
        let kept = async {
            let failed = Failed {
                run: self.ctx.run.clone(),
                address: self.ctx.address.clone(),
                at: self.now().await?,
                error: error.bounded(),
            };
            self.set(&Entry { failed: Some(failed), ..entry }).await
        };
        if let Err(error) = kept.await {
            self.say(&format!("the failure of the asset is not kept: {error}"));
        }
    }

    async fn set(&self, entry: &Entry) -> Result<(), NodeError> {
        let value = serde_json::to_vec(entry)
            .map_err(|error| NodeError::new(ErrorCode::Bug, error.to_string()))?;
        self.own.pass.perform(kv(KvOp::Set { key: self.place.clone(), value })).await?;
        Ok(())
    }

    fn say(&self, message: &str) {
        self.ctx.log.line("warn", message);
    }
}

fn kv(op: KvOp) -> Request {
    Request::Kv { store: STORE.into(), op }
}

#[cfg(test)]
mod tests;

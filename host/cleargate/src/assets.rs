//! Assets: values of steps that outlive their runs, what they were made of, and what is to be made again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cleargate_executor::limits::TENANT;
use cleargate_executor::{Binding, CallScope, Clock};
use cleargate_flow::grant::{Grants, Service};
use cleargate_flow::graph::{Asset, Graph, Leaf};
use cleargate_flow::limits::Limits;
use cleargate_flow::{NodeError, Value};
use cleargate_nodes::asset::{self, Content, Earlier, Entry, Kept, Made, STORE, digest, place};
use cleargate_nodes::{Program, catalogue};
use cleargate_store::KvSpace;
use serde::Serialize;

use crate::error::{Error, Kind, Result};
use crate::flows::FlowCatalog;
use crate::host::Host;
use crate::runs::store_error;

/// Who asks for an asset to be made again, in the reason that the next run gives.
const OPERATOR: &str = "the operator";

/// An asset, or one part of it.
#[derive(Clone, Debug, Serialize)]
pub struct AssetView {
    /// `flow/name`.
    pub asset: String,
    /// Which part of it, when it has keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// `fresh`; `stale` when the next run makes it again whatever it is made of; `failed` when the last attempt at making
    /// it did, and what was made before is kept; `unreadable`.
    pub status: &'static str,
    /// When it was made, in milliseconds since 1970-01-01T00:00:00Z.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made_at: Option<i64>,
    /// Until when it is fresh, in milliseconds since 1970-01-01T00:00:00Z. None: as long as what it is made of stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fresh_until: Option<i64>,
    /// The run that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// Why it was made then.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub why: Vec<String>,
    /// Why the last attempt at making it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<NodeError>,
}

/// All that is known of an asset, or of one part of it.
#[derive(Clone, Debug, Serialize)]
pub struct AssetDetails {
    /// What the list shows.
    #[serde(flatten)]
    pub view: AssetView,
    /// The node that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// What it is made of, with digests.
    pub of: BTreeMap<String, String>,
    /// Milliseconds that it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<u64>,
    /// Earlier makings, the latest first.
    pub before: Vec<EarlierView>,
    /// The value; absent when it was never made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
}

/// An earlier making of an asset.
#[derive(Clone, Debug, Serialize)]
pub struct EarlierView {
    /// By which run.
    pub run: String,
    /// When, in milliseconds since 1970-01-01T00:00:00Z.
    pub made_at: i64,
    /// Why.
    pub why: Vec<String>,
}

impl From<Earlier> for EarlierView {
    fn from(earlier: Earlier) -> Self {
        Self { run: earlier.run.to_string(), made_at: earlier.at, why: earlier.why }
    }
}

impl Host {
    /// The assets of the home whose name begins with `prefix` (`""`: all), in the order of their names and keys.
    ///
    /// # Errors
    /// When the store cannot be used.
    pub async fn assets(&self, prefix: &str) -> Result<Vec<AssetView>> {
        let now = self.clock().now();
        let mut found = Vec::new();
        for place in self.asset_places(prefix).await? {
            let entry = self.asset_entry(&place).await?;
            found.extend(entry.map(|entry| view(&place, &entry, now)));
        }
        Ok(found)
    }

    /// All that is known of an asset: `flow/name`, and the key of one part when it has keys.
    ///
    /// # Errors
    /// When there is none, or none of this key, or its value cannot be read.
    pub async fn asset(&self, asset: &str, key: Option<&str>) -> Result<AssetDetails> {
        let place = place(asset, key);
        let entry = self.asset_entry(&place).await?;
        let Some(entry) = entry else { return Err(self.no_asset(asset, key).await?) };
        let view = view(&place, &entry, self.clock().now());
        let Ok(Entry { made, before, .. }) = entry else {
            return Ok(AssetDetails {
                view,
                address: None,
                of: BTreeMap::new(),
                took_ms: None,
                before: Vec::new(),
                value: None,
            });
        };
        let value = match &made {
            Some(Made { value: Content::Inline(value), .. }) => Some(value.clone()),
            Some(Made { value: Content::Blob(digest, _), .. }) => Some(self.blob(digest).await?),
            None => None,
        };
        Ok(AssetDetails {
            view,
            address: made.as_ref().map(|made| made.address.to_string()),
            took_ms: made.as_ref().map(|made| made.took_ms),
            of: made.map(|made| made.of).unwrap_or_default(),
            before: before.into_iter().map(EarlierView::from).collect(),
            value,
        })
    }

    /// Has an asset made again by the next run that gives it: one part, or all of them. Says how many.
    ///
    /// # Errors
    /// When there is none, or the store cannot be used.
    pub async fn refresh_asset(&self, asset: &str, key: Option<&str>) -> Result<usize> {
        let places = self.asset_parts(asset, key).await?;
        for place in &places {
            let mut entry = self.asset_entry(place).await?.and_then(std::result::Result::ok);
            let entry = entry.get_or_insert_with(Entry::default);
            entry.stale = Some((OPERATOR.into(), self.clock().now()));
            let bytes =
                serde_json::to_vec(entry).map_err(|e| Error::new(Kind::Bug, e.to_string()))?;
            let (tenant, key) = (self.asset_tenant(), place);
            let set = self.store().kv_set(KvSpace::new(&tenant, STORE), key, bytes);
            set.await.map_err(store_error)?;
        }
        Ok(places.len())
    }

    /// Forgets an asset and its value: one part, or all of them. Says how many.
    ///
    /// # Errors
    /// When there is none, or the store cannot be used.
    pub async fn forget_asset(&self, asset: &str, key: Option<&str>) -> Result<usize> {
        let (places, tenant) = (self.asset_parts(asset, key).await?, self.asset_tenant());
        for place in &places {
            let space = KvSpace::new(&tenant, STORE);
            self.store().kv_delete(space, place).await.map_err(store_error)?;
        }
        Ok(places.len())
    }

    fn asset_tenant(&self) -> String {
        asset::tenant(TENANT)
    }

    async fn asset_places(&self, prefix: &str) -> Result<Vec<String>> {
        let tenant = self.asset_tenant();
        let (mut places, mut after) = (Vec::new(), None::<String>);
        loop {
            let space = KvSpace::new(&tenant, STORE);
            let page = self.store().kv_list(space, prefix, after.as_deref()).await;
            let page = page.map_err(store_error)?;
            places.extend(page.keys);
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(places),
            }
        }
    }

    /// What is kept at a place, when it can be read.
    async fn asset_entry(
        &self,
        place: &str,
    ) -> Result<Option<std::result::Result<Entry, serde_json::Error>>> {
        let tenant = self.asset_tenant();
        let bytes = self.store().kv_get(KvSpace::new(&tenant, STORE), place).await;
        Ok(bytes.map_err(store_error)?.map(|bytes| serde_json::from_slice(&bytes)))
    }

    async fn asset_parts(&self, asset: &str, key: Option<&str>) -> Result<Vec<String>> {
        let all = self.asset_places(asset).await?;
        let of = |found: &String| match key {
            Some(_) => *found == place(asset, key),
            None => split(found).0 == asset,
        };
        let places: Vec<String> = all.into_iter().filter(of).collect();
        match places.is_empty() {
            true => Err(self.no_asset(asset, key).await?),
            false => Ok(places),
        }
    }

    async fn no_asset(&self, asset: &str, key: Option<&str>) -> Result<Error> {
        let places = self.asset_places("").await?;
        let names: BTreeSet<&str> = places.iter().map(|place| split(place).0).collect();
        if !names.contains(asset) {
            let known = names.iter().take(5).copied().collect::<Vec<_>>().join(", ");
            let error = Error::new(Kind::Invalid, format!("there is no asset `{asset}`"));
            return Ok(match known.is_empty() {
                true => error.with_help("a node with `asset:` makes one when its flow runs"),
                false => error.with_help(format!("there are {known}: cleargate assets list")),
            });
        }
        let message = match key {
            Some(key) => format!("the asset `{asset}` has no part `{key}`"),
            None => format!("the asset `{asset}` has parts"),
        };
        Ok(Error::new(Kind::Invalid, message)
            .with_help(format!("cleargate assets list {asset} shows them; choose one with --key")))
    }

    async fn blob(&self, digest: &str) -> Result<Value> {
        let broken = |why: String| {
            Error::new(Kind::Store, format!("the value of the asset cannot be read: {why}"))
                .with_help("cleargate assets refresh has the next run make it again")
        };
        let name = digest.parse().map_err(|e| broken(format!("{e}")))?;
        let bytes =
            self.store().get_blob(&self.asset_tenant(), &name).await.map_err(store_error)?;
        let bytes = bytes.ok_or_else(|| broken(format!("{digest} is gone")))?;
        serde_json::from_slice(&bytes).map_err(|e| broken(e.to_string()))
    }
}

/// The asset and the key of a place.
fn split(place: &str) -> (&str, Option<&str>) {
    place.split_once('#').map_or((place, None), |(asset, key)| (asset, Some(key)))
}

fn view(place: &str, entry: &std::result::Result<Entry, serde_json::Error>, now: i64) -> AssetView {
    let (asset, key) = split(place);
    let mut view = AssetView {
        asset: asset.into(),
        key: key.map(str::to_owned),
        status: "unreadable",
        made_at: None,
        fresh_until: None,
        run: None,
        why: Vec::new(),
        error: None,
    };
    let Ok(entry) = entry else { return view };
    let made = entry.made.as_ref();
    view.made_at = made.map(|made| made.at);
    view.fresh_until = made.and_then(|made| Some(made.at.saturating_add_unsigned(made.fresh?)));
    view.run = made.map(|made| made.run.to_string());
    view.why = made.map(|made| made.why.clone()).unwrap_or_default();
    view.error = entry.failed.as_ref().map(|failed| failed.error.clone());
    view.status = match entry {
        Entry { failed: Some(_), .. } => "failed",
        Entry { stale: Some(_), .. } | Entry { made: None, .. } => "stale",
        _ if view.fresh_until.is_some_and(|until| until <= now) => "stale",
        _ => "fresh",
    };
    view
}

impl FlowCatalog {
    /// The step with what keeps its value around it.
    pub(crate) fn kept(&self, leaf: &Leaf, asset: &Asset, flow: &Graph, step: Binding) -> Binding {
        let Binding { node, scope } = step;
        let own = CallScope {
            name: STORE.into(),
            grants: Arc::new(Grants {
                kv: [STORE.parse().expect("a name")].into(),
                services: [Service::Clock, Service::Blob].into(),
                ..Grants::default()
            }),
            limits: self.around(leaf).limits(Limits::default()),
            folder: None,
            peers: None,
        };
        let kept = Kept {
            node,
            scope: scope.clone(),
            own,
            asset: format!("{}/{}", flow.id, asset.name),
            fresh: asset.fresh,
            of: self.made_of(leaf),
        };
        Binding { node: Arc::new(kept), scope }
    }

    /// What the value of a leaf is made of, beside its inputs.
    fn made_of(&self, leaf: &Leaf) -> BTreeMap<String, String> {
        let mut of = BTreeMap::new();
        let alias = leaf.uses.split('.').next().unwrap_or(&leaf.uses);
        let used = self.peers.used(alias);
        let bytes = match (self.flows.get(&leaf.uses), used) {
            _ if leaf.uses == Program::NAME => self.interpreter_of(leaf),
            _ if catalogue().contains_key(leaf.uses.as_str()) => "built-in".into(),
            (Some(flow), _) => flow.graph.hash.to_string(),
            (None, Some(used)) => used.pin.digest.to_string(),
            (None, None) => String::new(),
        };
        of.insert(format!("`{}`", leaf.uses), bytes);
        let keys = serde_json::to_string(&leaf.config).unwrap_or_default();
        of.insert("its configuration".into(), digest(&keys));
        if let Some(file) = leaf.config.get("file").and_then(Value::as_str) {
            let text = self.files.get(file).map(String::as_str).unwrap_or_default();
            of.insert(format!("the file {file}"), digest(text));
        }
        if !leaf.guard.is_empty() {
            let guards = serde_json::to_string(&leaf.guard).unwrap_or_default();
            of.insert("its guards".into(), digest(&guards));
        }
        let company = leaf.config.get("model").is_some()
            || !leaf.guard.is_empty()
            || leaf.config.get("tools").is_some()
            || used
                .is_some_and(|used| !used.grants.model.is_empty() || !used.grants.tools.is_empty());
        if company {
            of.insert("a plugin or model of the flow".into(), digest(&self.peers.identity()));
        }
        of
    }
}

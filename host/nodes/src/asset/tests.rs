//! When a value is taken from the shelf and when it is made, what is said about it, and what stays out of reach.

use std::sync::Mutex;
use std::sync::atomic::Ordering;

use cleargate_executor::NodeContext;
use cleargate_store::{KvSpace, Store};

use super::*;
use crate::fixture::{World, scope};

/// Counts how often it is performed; fails when its input says so.
#[derive(Default)]
struct Counting {
    calls: Mutex<u32>,
}

#[async_trait]
impl Node for Counting {
    async fn run(&self, _: NodeContext, input: Value) -> Result<Output, Failure> {
        let mut calls = self.calls.lock().unwrap();
        *calls += 1;
        match input.get("fails").and_then(Value::as_str) {
            Some("cancelled") => Err(Failure::new(ErrorCode::Cancelled, "stopped")),
            Some(_) => Err(Failure::new(ErrorCode::Permanent, "made to fail")),
            None => Ok(Value::record([("n", Value::from(*calls)), ("of", input)]).into()),
        }
    }
}

struct Shop {
    world: World,
    step: Arc<Counting>,
    fresh: Option<u64>,
    of: Vec<(&'static str, &'static str)>,
    key: Option<&'static str>,
}

impl Shop {
    fn new() -> Self {
        let of = vec![("`step`", "v1")];
        Self { world: World::default(), step: Arc::default(), fresh: None, of, key: None }
    }

    /// Performs the step or not; gives its value or its code, and how often it was performed until then.
    async fn get(&self, input: &str) -> (String, u32) {
        let kept = Kept {
            node: self.step.clone(),
            scope: scope("step", "{}", None),
            own: scope(STORE, r#"{"kv":["assets"],"services":["clock","blob"]}"#, None),
            asset: "f/a".into(),
            fresh: self.fresh,
            of: self.of.iter().map(|(name, d)| ((*name).into(), (*d).into())).collect(),
        };
        let mut ctx = self.world.context();
        ctx.asset_key = self.key.map(Into::into);
        let done = kept.run(ctx, Value::from_json(input).unwrap()).await;
        let said = match done {
            Ok(output) => output.value.get("n").unwrap().to_string(),
            Err(failure) => failure.error.code.to_string(),
        };
        (said, *self.step.calls.lock().unwrap())
    }

    async fn entry(&self) -> Entry {
        let tenant = tenant("default");
        let place = place("f/a", self.key);
        let bytes = self.world.store.kv_get(KvSpace::new(&tenant, STORE), &place).await.unwrap();
        bytes.map_or_else(Entry::default, |bytes| serde_json::from_slice(&bytes).unwrap())
    }

    async fn write(&self, bytes: &[u8]) {
        let tenant = tenant("default");
        let place = place("f/a", self.key);
        let set = self.world.store.kv_set(KvSpace::new(&tenant, STORE), &place, bytes.to_vec());
        set.await.unwrap();
    }

    async fn why(&self) -> Vec<String> {
        self.entry().await.made.unwrap().why
    }

    fn at(&self, ms: i64) {
        self.world.now.store(ms, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn a_value_is_made_once_until_something_of_what_it_is_made_of_changes() {
    let mut shop = Shop::new();
    assert_eq!(shop.get(r#"{"x":1,"y":1}"#).await, ("1".into(), 1));
    assert_eq!(shop.why().await, ["it was not made before"]);
    assert_eq!(shop.get(r#"{"y":1,"x":1}"#).await, ("1".into(), 1), "the order says nothing");
    assert_eq!(shop.get(r#"{"x":2,"y":1}"#).await, ("2".into(), 2));
    assert_eq!(shop.why().await, ["input `x` changed"]);
    assert_eq!(shop.get(r#"{"x":2,"z":1}"#).await, ("3".into(), 3));
    assert_eq!(shop.why().await, ["input `z` is new", "input `y` is gone"]);
    shop.of = vec![("`step`", "v2")];
    assert_eq!(shop.get(r#"{"x":2,"z":1}"#).await, ("4".into(), 4));
    assert_eq!(shop.why().await, ["`step` changed"]);
    assert_eq!(shop.entry().await.before.len(), 3);
}

#[tokio::test]
async fn a_value_is_fresh_for_as_long_as_the_flow_says_and_until_somebody_asks_for_it() {
    let mut shop = Shop::new();
    shop.fresh = Some(60_000);
    shop.at(1_000);
    shop.get("{}").await;
    for (now, made) in [(60_999, 1), (500, 1), (61_000, 2), (120_999, 2), (121_000, 3)] {
        shop.at(now);
        assert_eq!(shop.get("{}").await.1, made, "at {now}");
    }
    assert_eq!(shop.why().await, ["it is 1m old, and fresh for 1m"]);
    let mut entry = shop.entry().await;
    entry.stale = Some(("somebody".into(), 1));
    shop.write(&serde_json::to_vec(&entry).unwrap()).await;
    assert_eq!(shop.get("{}").await.1, 4);
    assert_eq!(shop.why().await, ["somebody asked for it"]);
    assert_eq!(shop.get("{}").await.1, 4);
}

#[tokio::test]
async fn a_failure_is_kept_beside_the_value_and_tried_again() {
    let shop = Shop::new();
    assert_eq!(shop.get(r#"{"fails":"yes"}"#).await, ("permanent".into(), 1));
    assert_eq!(shop.get(r#"{"fails":"yes"}"#).await, ("permanent".into(), 2), "tried again");
    assert_eq!(shop.get("{}").await, ("3".into(), 3));
    assert_eq!(shop.why().await, ["making it failed with `permanent`"]);
    shop.get(r#"{"fails":"yes"}"#).await;
    let entry = shop.entry().await;
    assert!(entry.failed.is_some() && entry.made.is_some(), "{entry:?}");
    assert_eq!(
        shop.get("{}").await,
        ("3".into(), 4),
        "what was made before is right for this input"
    );
    assert_eq!(shop.get(r#"{"fails":"cancelled"}"#).await.0, "cancelled");
    assert_eq!(shop.entry().await.failed.unwrap().error.code, ErrorCode::Permanent);
}

#[tokio::test]
async fn each_part_has_a_value_of_its_own_and_no_more_history_than_the_bound() {
    let mut shop = Shop::new();
    for part in [Some("a"), Some("b"), None] {
        shop.key = part;
        shop.get("{}").await;
        shop.get("{}").await;
    }
    assert_eq!(*shop.step.calls.lock().unwrap(), 3);
    for x in 0..MAX_HISTORY + 3 {
        shop.get(&format!(r#"{{"x":{x}}}"#)).await;
    }
    assert_eq!(shop.entry().await.before.len(), MAX_HISTORY);
}

#[tokio::test]
async fn a_long_value_is_a_blob_and_one_that_cannot_be_read_is_made_again() {
    let shop = Shop::new();
    let long = format!(r#"{{"x":"{}"}}"#, "x".repeat(MAX_INLINE));
    assert_eq!(shop.get(&long).await, ("1".into(), 1));
    let made = shop.entry().await.made.unwrap();
    let Content::Blob(_, bytes) = made.value else { panic!("{:?}", made.value) };
    assert!(bytes as usize > MAX_INLINE);
    assert_eq!(shop.get(&long).await, ("1".into(), 1));
    let mut entry = shop.entry().await;
    entry.made.as_mut().unwrap().value = Content::Blob(format!("sha256-{}", "0".repeat(64)), 10);
    shop.write(&serde_json::to_vec(&entry).unwrap()).await;
    assert_eq!(shop.get(&long).await, ("2".into(), 2));
    assert!(
        shop.why().await[0].starts_with("its value could not be read"),
        "{:?}",
        shop.why().await
    );
    shop.write(b"not even JSON").await;
    assert_eq!(shop.get(&long).await, ("3".into(), 3));
}

#[tokio::test]
async fn no_node_reaches_what_is_kept_whatever_it_is_granted() {
    let shop = Shop::new();
    shop.get("{}").await;
    let greedy = World { grants: r#"{"kv":["*"]}"#.into(), ..shop.world };
    let list = KvOp::List { prefix: String::new(), after: None };
    let found = greedy.context().pass.perform(kv(list)).await.unwrap();
    assert_eq!(found, Response::Keys { keys: vec![], next: None });
}

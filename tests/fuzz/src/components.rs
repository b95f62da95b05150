//! Components: what is read of their bytes before anything is compiled, and values that cross into functions of any type.

use std::sync::{Arc, LazyLock};

use cleargate_flow::NodeError;
use cleargate_flow::grant::Grants;
use cleargate_flow::limits::Limits;
use cleargate_flow::value::Value;
use cleargate_registry::Component;
use cleargate_runtime::engine::{Allocation, Engine};
use cleargate_runtime::foreign::Tools;
use cleargate_runtime::world::{Answer, Level, Media, Opened, Page, Request, Response, World};
use cleargate_runtime::{CallContext, Caller, Fault, Plugin, Runtime, RuntimeConfig};

use crate::guests;

/// All that is read of a component by name and count.
pub(crate) fn component(bytes: &[u8]) {
    // Seeds are text as well: a component that is written by hand says more than its bytes.
    let parsed = std::str::from_utf8(bytes).ok().and_then(|text| wat::parse_str(text).ok());
    let bytes = parsed.as_deref().unwrap_or(bytes);
    let _ = (Tools::read(bytes), Component::read(bytes));
}

/// Bytes of an error that a journal keeps: its text, and detail of the same measure.
const MOST_TOLD: usize = 16 * 1024;

/// A component that was loaded once, and what drives its calls.
struct Loaded {
    plugin: Plugin,
    driver: tokio::runtime::Runtime,
}

impl Loaded {
    fn new(component: Arc<[u8]>, grants: &Grants) -> Self {
        let driver = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let engine = Engine::with_allocation(Allocation::OnDemand).unwrap();
        let runtime = Runtime::with_engine(engine, RuntimeConfig::default()).unwrap();
        let plugin = driver.block_on(runtime.load(component, grants)).unwrap();
        Self { plugin, driver }
    }
}

static ECHO: LazyLock<Loaded> = LazyLock::new(|| {
    let component = wat::parse_str(include_str!("../seeds/component/echo.wat")).unwrap();
    Loaded::new(component.into(), &Grants::default())
});

static ANSWER: LazyLock<Loaded> = LazyLock::new(|| {
    let module = format!("(module {}\n{})", include_str!("answer.wat"), guests::prelude());
    Loaded::new(guests::wrap(&module), &guests::everything())
});

/// JSON goes in by its WIT type and comes back: the same in its own form, and once more the same.
pub(crate) fn foreign(bytes: &[u8]) {
    let Ok(value) = Value::from_json(&String::from_utf8_lossy(bytes)) else { return };
    let caller = caller(Arc::new(Kept(Vec::new())));
    let call =
        |input: &Value| ECHO.driver.block_on(ECHO.plugin.call("echo", &caller, input)).result;
    let echo = |value: &Value| call(&Value::record([("x", value.clone())]));
    if let Ok(told) = echo(&value) {
        assert_eq!(echo(&told).as_ref(), Ok(&told), "what came out goes in again");
    }
    // And as the whole of the arguments.
    let _ = call(&value);
}

/// What a component gives: a value that can be written down and read again, or a fault of bounded size.
pub(crate) fn answer(bytes: &[u8]) {
    let caller = caller(Arc::new(Kept(bytes.to_vec())));
    let called = ANSWER.driver.block_on(ANSWER.plugin.run("answer", &caller, &Value::empty()));
    match called.result {
        Ok(value) => assert_eq!(Value::from_json(&value.to_json()).as_ref(), Ok(&value)),
        Err(Fault::Limit { limit, .. }) => panic!("nothing of this size reaches `{limit}`"),
        Err(fault) => {
            let error = NodeError::from(fault);
            // Text is measured as the stranger wrote it: JSON writes six bytes for each control character.
            let detail =
                error.detail.as_str().map_or_else(|| error.detail.to_json().len(), str::len);
            let size = error.message.len() + detail;
            assert!(size <= MOST_TOLD, "an error of {size} bytes would be kept");
        }
    }
}

fn caller(world: Arc<dyn World>) -> Caller {
    let context = CallContext {
        run_id: "fuzz".into(),
        address: "fuzz".into(),
        attempt: 1,
        deadline: None,
        idempotency_key: "fuzz".into(),
        binding: "fuzz".into(),
        tenant: "default".into(),
        trace_parent: None,
    };
    Caller { context, limits: Limits::combine(&[]), world }
}

/// A world with one value in its stores. Nothing else of it is asked for.
struct Kept(Vec<u8>);

#[async_trait::async_trait]
impl World for Kept {
    fn log(&self, _: Level, _: String) {}
    fn config(&self) -> String {
        "{}".into()
    }
    async fn now(&self) -> Answer<u64> {
        Ok(0)
    }
    async fn elapsed(&self) -> Answer<u64> {
        Ok(0)
    }
    async fn sleep(&self, _: u32) -> Answer<()> {
        Ok(())
    }
    async fn random(&self, _: u32) -> Answer<Vec<u8>> {
        Ok(Vec::new())
    }
    async fn kv_get(&self, _: String, _: String) -> Answer<Option<Vec<u8>>> {
        Ok(Some(self.0.clone()))
    }
    async fn kv_set(&self, _: String, _: String, _: Vec<u8>) -> Answer<()> {
        Ok(())
    }
    async fn kv_delete(&self, _: String, _: String) -> Answer<()> {
        Ok(())
    }
    async fn kv_swap(&self, _: String, _: String, _: Option<Vec<u8>>, _: Vec<u8>) -> Answer<bool> {
        Ok(false)
    }
    async fn kv_list(&self, _: String, _: String, _: Option<String>) -> Answer<Page> {
        Ok(Page { keys: Vec::new(), next: None })
    }
    async fn http_send(&self, _: Request, _: u64) -> Answer<Response> {
        unreachable!("nothing imports it")
    }
    async fn http_open(&self, _: Request) -> Answer<Opened> {
        unreachable!("nothing imports it")
    }
    async fn placeholder(&self, _: String) -> Answer<String> {
        Ok(String::new())
    }
    async fn reveal(&self, _: String) -> Answer<String> {
        Ok(String::new())
    }
    async fn blob_put(&self, _: Vec<u8>, _: String, _: Option<String>) -> Answer<Media> {
        unreachable!("nothing imports it")
    }
    async fn blob_get(&self, _: Media, _: u64, _: u32) -> Answer<Vec<u8>> {
        Ok(Vec::new())
    }
}

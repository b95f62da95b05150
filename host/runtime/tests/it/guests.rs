//! Turns the guests of `tests/guests` into components, and plays the world for them.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use cleargate_flow::error::{ErrorCode, NodeError};
use cleargate_flow::grant::{Grants, Service};
use cleargate_flow::limits::{Layer, Limits};
use cleargate_flow::value::Value;
use cleargate_runtime::engine::Allocation;
use cleargate_runtime::world::{Answer, Level, Media, Opened, Page, Request, Response, World};
use cleargate_runtime::{
    CallContext, Called, Caller, Engine, LoadError, Plugin, Runtime, RuntimeConfig,
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The folder of hostile guests.
pub(crate) fn folder() -> PathBuf {
    root().join("tests/guests")
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The component that a guest's core module becomes: a node with the services that it imports.
pub(crate) fn component(guest: &str) -> Arc<[u8]> {
    let read = |name: String| std::fs::read_to_string(folder().join(name)).unwrap();
    wrap(&format!("(module {}\n{})", read(format!("{guest}.wat")), read("prelude.wat.part".into())))
}

/// The same for a module that is given as text.
pub(crate) fn wrap(module: &str) -> Arc<[u8]> {
    let mut resolve = Resolve::default();
    for package in ["types", "host", "node"] {
        resolve.push_dir(root().join(format!("wit/{package}@0.1.0"))).unwrap();
    }
    let world = "package test:guest;
        world guest { include cleargate:host/services@0.1.0; export cleargate:node/node@0.1.0; }";
    let package = resolve.push_str("guest.wit", world).unwrap();
    let world = resolve.select_world(&[package], Some("guest")).unwrap();
    let mut module = wat::parse_str(module).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    let mut encoder = ComponentEncoder::default().validate(false).module(&module).unwrap();
    encoder.encode().unwrap().into()
}

/// A runtime for one test. Memory is mapped on demand: tests run side by side, and each pool takes terabytes.
pub(crate) fn runtime() -> Runtime {
    let engine = Engine::with_allocation(Allocation::OnDemand).unwrap();
    Runtime::with_engine(engine, RuntimeConfig::default()).unwrap()
}

/// The harmless services.
pub(crate) fn harmless() -> Grants {
    Grants { services: Service::HARMLESS.into(), ..Grants::default() }
}

/// Loads a guest with the harmless services.
pub(crate) async fn load(guest: &str) -> Result<Plugin, LoadError> {
    runtime().load(component(guest), &harmless()).await
}

/// Loads and runs a guest once.
pub(crate) async fn attack(guest: &str, limits: Limits, world: &Arc<Stage>) -> Called<Value> {
    let plugin = load(guest).await.unwrap();
    plugin.run("attack", &caller(limits, world), &Value::empty()).await
}

pub(crate) fn caller(limits: Limits, world: &Arc<Stage>) -> Caller {
    let context = CallContext {
        run_id: "run".into(),
        address: "node".into(),
        attempt: 1,
        deadline: None,
        idempotency_key: "key".into(),
        binding: "guest".into(),
        tenant: "default".into(),
        trace_parent: None,
    };
    let limits = Limits::combine(&[(Layer::Node, limits)]);
    Caller { context, limits, world: world.clone() }
}

/// A world that writes down what it is told, and denies the rest.
#[derive(Default)]
pub(crate) struct Stage {
    pub(crate) lines: Mutex<Vec<String>>,
}

fn denied<T>() -> Answer<T> {
    Err(NodeError::new(ErrorCode::Denied, "the stage has no such thing"))
}

#[async_trait]
impl World for Stage {
    fn log(&self, _level: Level, message: String) {
        self.lines.lock().unwrap().push(message);
    }
    fn config(&self) -> String {
        "{}".into()
    }
    async fn now(&self) -> Answer<u64> {
        Ok(0)
    }
    async fn elapsed(&self) -> Answer<u64> {
        Ok(0)
    }
    async fn sleep(&self, _ms: u32) -> Answer<()> {
        std::future::pending().await
    }
    async fn random(&self, length: u32) -> Answer<Vec<u8>> {
        Ok(vec![4; length as usize])
    }
    async fn kv_get(&self, _: String, _: String) -> Answer<Option<Vec<u8>>> {
        denied()
    }
    async fn kv_set(&self, _: String, _: String, _: Vec<u8>) -> Answer<()> {
        denied()
    }
    async fn kv_delete(&self, _: String, _: String) -> Answer<()> {
        denied()
    }
    async fn kv_swap(&self, _: String, _: String, _: Option<Vec<u8>>, _: Vec<u8>) -> Answer<bool> {
        denied()
    }
    async fn kv_list(&self, _: String, _: String, _: Option<String>) -> Answer<Page> {
        denied()
    }
    async fn http_send(&self, _: Request, _: u64) -> Answer<Response> {
        denied()
    }
    async fn http_open(&self, _: Request) -> Answer<Opened> {
        denied()
    }
    async fn placeholder(&self, _: String) -> Answer<String> {
        denied()
    }
    async fn reveal(&self, _: String) -> Answer<String> {
        denied()
    }
    async fn blob_put(&self, _: Vec<u8>, _: String, _: Option<String>) -> Answer<Media> {
        denied()
    }
    async fn blob_get(&self, _: Media, _: u64, _: u32) -> Answer<Vec<u8>> {
        denied()
    }
}

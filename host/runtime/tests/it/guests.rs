//! Turns the guests of `tests/guests` into components, and plays the world for them.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex, OnceLock};

use async_trait::async_trait;
use cleargate_flow::error::{ErrorCode, NodeError};
use cleargate_flow::grant::{Grants, Service};
use cleargate_flow::limits::{Layer, Limits};
use cleargate_flow::value::Value;
use cleargate_runtime::engine::Allocation;
use cleargate_runtime::worker::{Workers, WorkersConfig};
use cleargate_runtime::world::{
    Answer, Header, Level, Media, Opened, Page, Pieces, Request, Response, ToolView, World,
};
use cleargate_runtime::{
    CallContext, Called, Caller, Engine, LoadError, Plugin, Runtime, RuntimeConfig,
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{LiftLowerAbi, ManglingAndAbi, Resolve, WorldId};

/// The folder of hostile guests.
pub(crate) fn folder() -> PathBuf {
    root().join("tests/guests")
}

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The component that a guest's core module becomes: a node with the services that it imports.
pub(crate) fn component(guest: &str) -> Arc<[u8]> {
    let strings = match guest {
        _ if guest.contains("utf16") => StringEncoding::UTF16,
        _ if guest.contains("latin1") => StringEncoding::CompactUTF16,
        _ => StringEncoding::UTF8,
    };
    let body = std::fs::read_to_string(folder().join(format!("{guest}.wat"))).unwrap();
    // A guest with an allocator of its own stands alone.
    let behind = if body.contains("cabi_realloc") { String::new() } else { prelude() };
    encode(&format!("(module {body}\n{behind})"), strings)
}

/// What stands behind each guest.
pub(crate) fn prelude() -> String {
    std::fs::read_to_string(folder().join("prelude.wat.part")).unwrap()
}

/// The same for a module that is given as text.
pub(crate) fn wrap(module: &str) -> Arc<[u8]> {
    encode(module, StringEncoding::UTF8)
}

/// The same for a module whose strings have another encoding.
pub(crate) fn encode(module: &str, strings: StringEncoding) -> Arc<[u8]> {
    encode_binary(wat::parse_str(module).unwrap(), strings).unwrap()
}

/// The same for a module that may be nonsense.
pub(crate) fn encode_binary(
    mut module: Vec<u8>,
    strings: StringEncoding,
) -> Result<Arc<[u8]>, String> {
    let (resolve, world) = &*WORLD;
    let wrong = |error: &dyn std::fmt::Display| error.to_string();
    embed_component_metadata(&mut module, resolve, *world, strings).map_err(|e| wrong(&e))?;
    let encoder = ComponentEncoder::default().validate(false).module(&module);
    let component = encoder.and_then(|mut encoder| encoder.encode()).map_err(|e| wrong(&e))?;
    Ok(component.into())
}

/// A module that imports all that this host serves to a node, and has no code.
pub(crate) fn shape() -> Vec<u8> {
    let (mut resolve, _) = WORLD.clone();
    let served =
        ["log", "config", "clock", "random", "blob", "kv", "http", "secret", "secret-reveal"];
    let imports = served.map(|name| format!("import cleargate:host/{name}@0.1.0;")).concat();
    let world = format!("package test:shape; world shape {{ {imports} }}");
    let package = resolve.push_str("shape.wit", &world).unwrap();
    let world = resolve.select_world(&[package], Some("shape")).unwrap();
    wit_component::dummy_module(&resolve, world, ManglingAndAbi::Legacy(LiftLowerAbi::Sync))
}

/// What guests are written for: a node with every service.
static WORLD: LazyLock<(Resolve, WorldId)> = LazyLock::new(|| {
    let mut resolve = Resolve::default();
    for package in ["types", "host", "node"] {
        resolve.push_dir(root().join(format!("wit/{package}@0.1.0"))).unwrap();
    }
    let world = "package test:guest;
        world guest { include cleargate:host/services@0.1.0; export cleargate:node/node@0.1.0; }";
    let package = resolve.push_str("guest.wit", world).unwrap();
    let world = resolve.select_world(&[package], Some("guest")).unwrap();
    (resolve, world)
});

/// One pool for all tests of a process, as in production: each takes terabytes of addresses.
static ENGINE: LazyLock<Engine> =
    LazyLock::new(|| Engine::with_allocation(Allocation::Pool).unwrap());

/// A runtime that takes instances from the pool; or, when the environment says so, one whose calls are executed in
/// worker processes: each promise of these tests holds there too.
pub(crate) fn runtime() -> Runtime {
    let runtime = Runtime::with_engine(ENGINE.clone(), RuntimeConfig::default()).unwrap();
    match apart().then_some(PROGRAM).flatten() {
        Some(program) => runtime.at(Arc::new(shared(program))),
        None => runtime,
    }
}

/// The program that is a worker of these tests.
pub(crate) const PROGRAM: Option<&str> = option_env!("CARGO_BIN_EXE_cleargate-test-worker");

/// Whether plugins are executed in processes of their own, in this run of the tests.
#[allow(clippy::disallowed_methods, reason = "whoever runs the tests says so in the environment")]
pub(crate) fn apart() -> bool {
    std::env::var_os("CLEARGATE_RING").is_some()
}

/// The workers of all tests of a process.
fn shared(program: &str) -> Workers {
    static SHARED: OnceLock<Workers> = OnceLock::new();
    let config = WorkersConfig::new(program.into(), Vec::new());
    let open = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(Workers::open(config)).unwrap()
    };
    // A test has a runtime already: one in the other would be refused.
    SHARED.get_or_init(|| std::thread::spawn(open).join().unwrap()).clone()
}

/// Every service, store, host and secret that the stage plays.
pub(crate) fn everything() -> Grants {
    Grants {
        http: ["null".parse().unwrap()].into(),
        kv: ["null".parse().unwrap()].into(),
        secrets: ["label".parse().unwrap()].into(),
        reveal: ["label".parse().unwrap()].into(),
        tools: ["null".parse().unwrap()].into(),
        services: Service::ALL.into(),
        ..Grants::default()
    }
}

/// Loads a guest with everything granted: what stops it is a limit.
pub(crate) async fn load(guest: &str) -> Result<Plugin, LoadError> {
    runtime().load(component(guest), &everything()).await
}

/// The same with a pool of its own, for a test that takes all places.
pub(crate) async fn load_apart(guest: &str) -> Result<Plugin, LoadError> {
    let runtime = Runtime::new(RuntimeConfig::default()).unwrap();
    assert_eq!(runtime.engine().allocation(), Allocation::Pool);
    runtime.load(component(guest), &everything()).await
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

/// A world that writes down what it is asked, and answers with JSON text, so that a guest can hand on what it
/// got. What is called `forbidden` is denied.
pub(crate) struct Stage {
    pub(crate) lines: Mutex<Vec<String>>,
    pub(crate) asked: Mutex<Vec<String>>,
    /// Calls that sleep now, and the most that did so at once.
    pub(crate) asleep: Mutex<(usize, usize)>,
    /// Closed at first; opened with permits, one for each sleeper that may wake.
    pub(crate) alarm: tokio::sync::Semaphore,
    /// Held by the stage and by each open body.
    pub(crate) open: Arc<()>,
}

impl Default for Stage {
    fn default() -> Self {
        Self {
            lines: Mutex::default(),
            asked: Mutex::default(),
            asleep: Mutex::default(),
            alarm: tokio::sync::Semaphore::new(0),
            open: Arc::default(),
        }
    }
}

impl Stage {
    fn hear(&self, what: String) -> Answer<()> {
        let forbidden = what.contains("forbidden");
        self.asked.lock().unwrap().push(what);
        if forbidden {
            return Err(NodeError::new(ErrorCode::Denied, "the stage forbids it"));
        }
        Ok(())
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A body of two pieces.
struct Body(Vec<&'static str>, #[expect(dead_code, reason = "counts open bodies")] Arc<()>);

#[async_trait]
impl Pieces for Body {
    async fn next(&mut self, most: usize) -> Answer<Option<Vec<u8>>> {
        Ok(self.0.pop().map(|piece| piece.as_bytes()[..piece.len().min(most)].to_vec()))
    }
}

#[async_trait]
impl World for Stage {
    fn log(&self, _level: Level, message: String) {
        self.lines.lock().unwrap().push(message);
    }
    fn config(&self) -> String {
        r#"{"from":"config"}"#.into()
    }
    async fn now(&self) -> Answer<u64> {
        Ok(0)
    }
    async fn elapsed(&self) -> Answer<u64> {
        Ok(0)
    }
    async fn sleep(&self, _ms: u32) -> Answer<()> {
        {
            let mut asleep = self.asleep.lock().unwrap();
            asleep.0 += 1;
            asleep.1 = asleep.1.max(asleep.0);
        }
        self.alarm.acquire().await.unwrap().forget();
        self.asleep.lock().unwrap().0 -= 1;
        Ok(())
    }
    async fn random(&self, length: u32) -> Answer<Vec<u8>> {
        Ok(vec![b'4'; length as usize])
    }
    async fn kv_get(&self, store: String, key: String) -> Answer<Option<Vec<u8>>> {
        self.hear(format!("get {store} {key}"))?;
        Ok(Some(br#"{"from":"kv"}"#.to_vec()))
    }
    async fn kv_set(&self, store: String, key: String, value: Vec<u8>) -> Answer<()> {
        self.hear(format!("set {store} {key} {}", text(&value)))
    }
    async fn kv_delete(&self, store: String, key: String) -> Answer<()> {
        let open = Arc::strong_count(&self.open);
        self.hear(format!("delete {store} {key}, {open} open"))
    }
    async fn kv_swap(
        &self,
        store: String,
        key: String,
        expected: Option<Vec<u8>>,
        value: Vec<u8>,
    ) -> Answer<bool> {
        let expected = expected.as_deref().map(text);
        self.hear(format!("swap {store} {key} {expected:?} {}", text(&value)))?;
        Ok(true)
    }
    async fn kv_list(&self, store: String, prefix: String, after: Option<String>) -> Answer<Page> {
        self.hear(format!("list {store} {prefix} {after:?}"))?;
        Ok(Page { keys: vec!["a".into()], next: Some(r#""next""#.into()) })
    }
    async fn http_send(&self, request: Request, most: u64) -> Answer<Response> {
        self.hear(format!("send {} {} {most}", shown(&request), request.body.is_some()))?;
        let headers = vec![Header { name: "a".into(), value: "b".into() }];
        Ok(Response { status: 200, headers, body: br#"{"from":"http"}"#.to_vec() })
    }
    async fn http_open(&self, request: Request) -> Answer<Opened> {
        self.hear(format!("open {}", shown(&request)))?;
        let body = Body(vec![r#""second""#, r#""first""#], self.open.clone());
        Ok(Opened { status: 200, headers: vec![], body: Box::new(body) })
    }
    async fn placeholder(&self, label: String) -> Answer<String> {
        self.hear(format!("placeholder {label}"))?;
        Ok(r#""{{secret}}""#.into())
    }
    async fn reveal(&self, label: String) -> Answer<String> {
        self.hear(format!("reveal {label}"))?;
        Ok(r#""revealed""#.into())
    }
    async fn blob_put(&self, bytes: Vec<u8>, mime: String, name: Option<String>) -> Answer<Media> {
        self.hear(format!("put {} {mime} {name:?}", text(&bytes)))?;
        Ok(Media { digest: r#""sha256:00""#.into(), mime, size: bytes.len() as u64, name })
    }
    async fn blob_get(&self, media: Media, offset: u64, length: u32) -> Answer<Vec<u8>> {
        self.hear(format!("read {media:?} {offset} {length}"))?;
        Ok(br#"{"from":"blob"}"#.to_vec())
    }
    async fn complete(&self, model: String, request: Value) -> Answer<Value> {
        self.hear(format!("complete {model} {}", request.to_json()))?;
        Ok(Value::from_json(
            r#"{"message":{"role":"assistant","content":"\"from model\""},"usage":{"input_tokens":1}}"#,
        )
        .unwrap())
    }
    fn tools(&self) -> Vec<ToolView> {
        let text = |text: &str| text.to_owned();
        vec![ToolView { name: text("t"), description: text("d"), input: text("{}") }]
    }
    async fn call_tool(&self, name: String, arguments: Value) -> Answer<Value> {
        self.hear(format!("tool {name} {}", arguments.to_json()))?;
        Ok(Value::from_json(r#"{"from":"tool"}"#).unwrap())
    }
}

fn shown(request: &Request) -> String {
    let headers = request.headers.iter().map(|h| format!("{}={}", h.name, h.value));
    let headers: Vec<String> = headers.collect();
    format!("{} {} {headers:?} {:?}", request.method, request.url, request.timeout_ms)
}

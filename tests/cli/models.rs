//! Models of a flow, behind guards and a cache, asked by a node and by a plugin: a real server, counted.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::world::{World, repository};

pub(crate) const KEY: &str = "sk-test-4f1b0c9d8e7a6b5c";

/// When a server was asked what.
type Heard = Arc<Mutex<BTreeMap<String, Vec<Instant>>>>;

/// A server of models: it knows which team a ticket is for, and who asks.
pub(crate) struct Server {
    pub(crate) port: u16,
    asked: Arc<AtomicUsize>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked: Arc<AtomicUsize> = Arc::default();
        let counter = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let (head, body) = read(&mut stream);
                counter.fetch_add(1, Ordering::SeqCst);
                assert!(head.contains(&format!("authorization: Bearer {KEY}")), "{head}");
                let body: Value = serde_json::from_str(&body).unwrap();
                let prompt =
                    body["messages"].as_array().unwrap().last().unwrap()["content"].to_string();
                let content = match prompt.contains("invoice") {
                    true => r#"{"team": "billing", "urgent": true}"#,
                    false => "I do not know",
                };
                let message = json!({ "role": "assistant", "content": content });
                let answer = json!({
                    "choices": [{ "message": message, "finish_reason": "stop" }],
                    "usage": { "prompt_tokens": 12, "completion_tokens": 5 },
                });
                let answer = answer.to_string();
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    answer.len()
                );
                let _ = stream.write_all(format!("{head}{answer}").as_bytes());
            }
        });
        Self { port, asked }
    }

    /// A server that says to the n-th question with some words what it is told to: a status and headers.
    pub(crate) fn failing(
        answer: impl Fn(&str, usize) -> (u16, String) + Send + 'static,
    ) -> (Self, Heard) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (asked, heard) = (Arc::default(), Heard::default());
        let told = heard.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let (_, body) = read(&mut stream);
                let body: Value = serde_json::from_str(&body).unwrap();
                let messages = body["messages"].as_array().unwrap();
                let words = messages.last().unwrap()["content"].as_str().unwrap().trim();
                let mut told = told.lock().unwrap();
                let times = told.entry(words.to_owned()).or_default();
                times.push(Instant::now());
                let (status, headers) = answer(words, times.len());
                let message = json!({ "role": "assistant", "content": r#"{"team": "billing"}"# });
                let answer =
                    json!({ "choices": [{ "message": message, "finish_reason": "stop" }] });
                let answer = answer.to_string();
                let head = format!(
                    "HTTP/1.1 {status} Said\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n",
                    answer.len()
                );
                let _ = stream.write_all(format!("{head}{answer}").as_bytes());
            }
        });
        (Self { port, asked }, heard)
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// Head and body of a request.
pub(crate) fn read(stream: &mut std::net::TcpStream) -> (String, String) {
    let (mut heard, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let n = stream.read(&mut piece).unwrap();
        heard.extend_from_slice(&piece[..n]);
        let text = String::from_utf8_lossy(&heard).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let head = head.to_lowercase().replace("bearer", "Bearer");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if n == 0 || body.len() >= length.map_or(0, |n| n.trim().parse().unwrap()) {
            return (head, body.to_owned());
        }
    }
}

pub(crate) const FLOW: &str = r#"cleargate: 1
flow: support
use:
  chat: "cleargate:openai-chat@^0.1"
  memo: "cleargate:kv-cache@^0.1"
  credentials: "cleargate:secret-guard@^0.1"
models:
  fast:
    use: chat/small
    config: { base_url: "http://127.0.0.1:PORT/v1", key: MODEL_KEY }
    guard: { before: credentials }
    cache: memo
input: { ticket: string }
nodes:
  triage:
    type: model
    model: fast
    prompt: |
      Which team is this for?
      ${ticket}
    with: { ticket: "${input.ticket}" }
    out: { team: "enum(billing, tech)", urgent: bool }
output: { team: "${triage.team}", urgent: "${triage.urgent}" }
"#;

pub(crate) fn granted(server: &Server) -> World {
    let world = World::published();
    world.share_compiled();
    let plugins = ["openai-chat", "kv-cache", "jq"]
        .map(|name| repository().join("plugins").join(name).to_str().unwrap().to_owned());
    let publish = [&["plugin", "publish"][..], &plugins.each_ref().map(String::as_str)].concat();
    world.run(&publish).expect(0, &[]);
    let port = server.port.to_string();
    let operator = "[network]\nallow_addresses = [\"127.0.0.0/8\"]\n[secrets.MODEL_KEY]\nhosts = [\"http://127.0.0.1:PORT\"]\n";
    world.write_home("cleargate.toml", operator.replace("PORT", &port).as_bytes());
    world.write(
        "chat.toml",
        &format!("http = [\"http://127.0.0.1:{port}\"]\nsecrets = [\"MODEL_KEY\"]\n"),
    );
    world.run(&["plugin", "install", "cleargate:openai-chat", "--grant=chat.toml"]).expect(0, &[]);
    world.run(&["plugin", "install", "cleargate:kv-cache", "--grant"]).expect(0, &[]);
    world.write("flow.yaml", &FLOW.replace("PORT", &port));
    world
}

pub(crate) fn run(world: &World, flow: &str, input: &str) -> crate::world::Done {
    let mut command = world.command(&["--output", "json", "run", flow, "--input", input]);
    command.env("CLEARGATE_SECRET_MODEL_KEY", KEY);
    crate::world::Done::of(command.output().unwrap())
}

#[test]
fn a_model_answers_typed_data_once_and_its_guards_decide_what_it_is_asked() {
    let server = Server::start();
    let world = granted(&server);
    for _ in 0..2 {
        let done = run(&world, "flow.yaml", "ticket=The invoice is wrong");
        assert_eq!(done.code, Some(0), "{done:?}");
        let report: Value = serde_json::from_str(&done.out).unwrap();
        assert_eq!(
            report["outcome"]["output"],
            json!({ "team": "billing", "urgent": true }),
            "{report}"
        );
        assert_eq!(server.asked(), 1, "the second answer is the cache's");
    }
    // What does not fit is sent back once, and then fails the node.
    let unfit = run(&world, "flow.yaml", "ticket=It is loud");
    assert_eq!((unfit.code, server.asked()), (Some(1), 3), "{unfit:?}");
    assert!(unfit.err.contains("is not of the type"), "{unfit:?}");
    // A credential in the prompt never leaves.
    let refused = run(&world, "flow.yaml", "ticket=The invoice says AKIAQ3ZT7WMPL2RXKV5N");
    assert_eq!((refused.code, server.asked()), (Some(5), 3), "{refused:?}");
    assert!(refused.err.contains("guard `credentials` refused"), "{refused:?}");
    // Each of them is performed again without anybody being asked: answers, refusals and the cache are in the journal.
    let runs = world.json(&["runs", "list", "--output", "json"]);
    for run in runs.as_array().unwrap() {
        let mut replay = world.command(&["replay", run["id"].as_str().unwrap(), "--execute"]);
        replay.env("CLEARGATE_SECRET_MODEL_KEY", KEY);
        let replay = crate::world::Done::of(replay.output().unwrap());
        assert_eq!((replay.code, server.asked()), (Some(0), 3), "{replay:?}");
        assert!(replay.out.contains("1 of 1 attempt(s) performed again"), "{}", replay.out);
    }
    // Every step stands in the journal, inside the call that it belongs to, and the key nowhere.
    let first = runs.as_array().unwrap().last().unwrap()["id"].as_str().unwrap().to_owned();
    let events = world.run(&["runs", "events", &first, "--output", "ndjson"]).out;
    let calls: Vec<(String, String)> = events
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|event| event["event"] == "call_finished" || event["event"] == "call_started")
        .filter_map(|event| {
            Some((event["within"].to_string(), event["request"].as_str()?.to_owned()))
        })
        .collect();
    let inside = |request: &str| {
        let found = calls.iter().find(|(_, asked)| asked.starts_with(request));
        found.map(|(within, _)| within.as_str())
    };
    assert_eq!(inside("model fast"), Some("null"), "{calls:?}");
    for request in ["kv get answers", "secret MODEL_KEY", "http POST", "kv set answers"] {
        assert_eq!(inside(request), Some("[0]"), "{request}: {calls:?}");
    }
    assert!(!events.contains(KEY), "the key is in the journal");
}

const ASKER: &str = r#"
/// Asks a model and a tool of the flow.
#[cleargate::tool]
pub fn asker(input: In) -> Result<Out, cleargate::Error> {
    let tools: Vec<String> = cleargate::tools::list()?.into_iter().map(|tool| tool.name).collect();
    let asked = cleargate::json!({ "filter": input.filter, "input": { "a": [1, 2] } });
    let found = cleargate::tools::call("data.query", &asked)?;
    let request = cleargate::json!({ "messages": [{ "role": "user", "content": "the invoice" }] });
    let reply = cleargate::model::complete("fast", &request)?;
    let said = reply.message["content"].as_str().unwrap_or_default().to_owned();
    Ok(Out { tools, found: found.to_string(), said, tokens: reply.usage.input_tokens as i64 })
}
#[derive(serde::Deserialize, schemars::JsonSchema)]
pub struct In { pub filter: String }
#[derive(serde::Serialize, schemars::JsonSchema)]
pub struct Out { pub tools: Vec<String>, pub found: String, pub said: String, pub tokens: i64 }
cleargate::export! { tools: [asker] }
"#;

#[test]
fn a_plugin_asks_the_models_and_tools_that_it_was_granted_and_no_other() {
    let server = Server::start();
    let world = granted(&server);
    world.run(&["plugin", "new", "--kind", "tool", "asker"]).expect(0, &[]);
    world.write("asker/src/lib.rs", ASKER);
    let manifest = std::fs::read_to_string(world.path("asker/plugin.toml")).unwrap();
    let asks = "[permissions]\nmodel = [\"fast\"]\ntools = [\"data.*\"]\n\
                [reasons]\nmodel = \"to be answered\"\ntools = \"to look into data\"\n\n[build]";
    world.write("asker/plugin.toml", &manifest.replacen("[build]", asks, 1));
    world.write("asker/cases/first.yaml", CASES);
    world.run(&["plugin", "test", "asker"]).expect(0, &["2 passed, 0 failed"]);
    world.run(&["plugin", "publish", "asker"]).expect(0, &[]);
    world.run(&["plugin", "install", "cleargate:jq", "--grant"]).expect(0, &[]);
    world.run(&["plugin", "install", "my:asker", "--grant"]).expect(0, &[]);
    let flow = FLOW.split("input:").next().unwrap().replace("PORT", &server.port.to_string())
        .replace("use:\n", "use:\n  asker: \"my:asker@^0.1\"\n  data: \"cleargate:jq@^0.1\"\n  more: \"cleargate:jq@^0.1\"\n  other: \"cleargate:package-risk@^0.1\"\n");
    let body = "input: { filter: string }\nnodes:\n  a: { type: asker, with: { filter: \"${input.filter}\" } }\noutput: { a: \"${a}\" }\n";
    world.write("asks.yaml", &format!("{flow}{body}"));
    let done = run(&world, "asks.yaml", "filter=.a[1]");
    assert_eq!(done.code, Some(0), "{done:?}");
    let out = serde_json::from_str::<Value>(&done.out).unwrap()["outcome"]["output"]["a"].clone();
    // The tool of the same name under another alias is another one, and was not granted.
    assert_eq!(out["tools"], json!(["data.query"]), "{out}");
    assert!(out["found"].as_str().unwrap().contains("[2]"), "{out}");
    assert!(out["said"].as_str().unwrap().contains("billing"), "{out}");
    assert_eq!((out["tokens"].as_i64(), server.asked()), (Some(12), 1));
    // Arguments of a call are checked like those of a step, and a guard around calls sees them.
    let guarded = body.replace("type: asker,", "type: asker, guard: { tool_call: credentials },");
    world.write("guarded.yaml", &format!("{flow}{guarded}"));
    let refused = run(&world, "guarded.yaml", "filter=\"AKIAQ3ZT7WMPL2RXKV5N\"");
    assert_eq!(refused.code, Some(5), "{refused:?}");
    assert!(refused.err.contains("guard `credentials` refused"), "{refused:?}");
    // What was taken back is refused, with the line that would give it.
    world.run(&["grant", "revoke", "my:asker"]).expect(0, &[]);
    let denied = run(&world, "asks.yaml", "filter=.a");
    assert_eq!(denied.code, Some(5), "{denied:?}");
}

const CASES: &str = r#"cases:
  - name: a model and a tool answer what the case says
    call: { tool: asker }
    input: { filter: .a }
    world:
      models: [{ model: fast, contains: { messages: [{ content: the invoice }] }, text: yes }]
      tools: [{ tool: data.query, arguments: { filter: .a, input: { a: [1, 2] } }, result: { outputs: [] } }]
    expect: { contains: { said: "yes", tools: [data.query] } }
  - name: a model that is not asked for fails the case, and one without an answer fails the call
    call: { tool: asker }
    input: { filter: .a }
    world: { tools: [{ tool: data.query }] }
    expect: { error: { code: denied, message: "model `fast`" } }
"#;

/// Asks a model once for each word, with two more tries when it is worth it.
const PATIENT: &str = r#"cleargate: 1
flow: patient
use: { chat: "cleargate:openai-chat@^0.1" }
models:
  fast: { use: chat/small, config: { base_url: "http://127.0.0.1:PORT/v1", key: MODEL_KEY } }
input: { words: list<string> }
nodes:
  each:
    map: ${input.words}
    as: word
    concurrency: 20
    on_item_error: collect
    do:
      ask:
        type: model
        model: fast
        prompt: "${word}"
        with: { word: "${word}" }
        out: { team: string }
        retry: { transient: { max: 3, backoff: 1ms..5ms } }
    out: ${ask.team}
output: { each: "${each}" }
"#;

#[test]
fn du_13_a_server_that_fails_is_asked_again_when_that_may_help_and_when_it_says() {
    let passing = [408, 409, 425, 429, 500, 502, 503, 529];
    let final_ones = [400, 401, 403, 404, 422];
    let (server, heard) = Server::failing(|words, n| {
        let mut parts = words.split(' ');
        let status: u16 = parts.next().unwrap().parse().unwrap();
        let pause = parts.next().map(|pause| format!("Retry-After: {pause}\r\n"));
        let down = words.ends_with("down") || n == 1;
        if down { (status, pause.unwrap_or_default()) } else { (200, String::new()) }
    });
    let world = granted(&server);
    world.write("patient.yaml", &PATIENT.replace("PORT", &server.port.to_string()));
    let mut words: Vec<String> =
        passing.iter().chain(&final_ones).map(ToString::to_string).collect();
    // Whoever says how long is waited for; what it says without sense is not; and who stays down is given up.
    words.extend(["429 1", "503 soon", "503 0 down"].map(str::to_owned));
    let input = format!("words={}", json!(words));
    let done = run(&world, "patient.yaml", &input);
    assert_eq!(done.code, Some(0), "{done:?}");
    let report: Value = serde_json::from_str(&done.out).unwrap();
    let heard = heard.lock().unwrap();
    for (at, word) in words.iter().enumerate() {
        let given = &report["outcome"]["output"]["each"][at];
        let (asked, well) = match word.as_str() {
            "503 0 down" => (3, false),
            word if final_ones.iter().any(|status| word == status.to_string()) => (1, false),
            _ => (2, true),
        };
        assert_eq!(heard[word].len(), asked, "{word}: {given}");
        assert_eq!(given.to_string().contains("billing"), well, "{word}: {given}");
    }
    let pause = heard["429 1"][1] - heard["429 1"][0];
    assert!(pause >= Duration::from_millis(990), "it asked for a second: {pause:?}");
}

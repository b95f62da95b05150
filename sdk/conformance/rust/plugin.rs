//! Does what every plugin may do: the conformance suite in Rust.

use std::time::Duration;

use cleargate::http::Request;
use cleargate::kv::Store;
use cleargate::{
    Batch, Cache, Chunk, Code, Context, Embedder, Error, Event, Filter, Filtered, Finding,
    NoConfig, Passage, Provider, Reply, Retriever, Stage, Summarizer, Tokenizer, Trigger, Value,
    Verdict, json,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Deserialize, JsonSchema)]
pub struct Text {
    /// The text that is measured.
    pub text: String,
    /// Most letters that it may have.
    pub most: Option<u32>,
}

#[derive(Serialize, JsonSchema)]
pub struct Size {
    pub letters: usize,
    pub bytes: usize,
}

/// Counts letters and bytes.
#[cleargate::node(effect = "pure")]
pub fn measure(input: Text) -> Result<Size, Error> {
    let letters = input.text.chars().count();
    match input.most {
        Some(most) if letters > most as usize => {
            Err(Error::new(Code::Limit, format!("more than {most} letters")))
        }
        _ => Ok(Size { letters, bytes: input.text.len() }),
    }
}

#[derive(Deserialize, Serialize, JsonSchema)]
pub struct Any {
    /// Any value of JSON.
    pub value: Value,
}

/// Gives back what it was given.
#[cleargate::tool(read_only)]
pub fn echo(input: Any) -> Result<Any, Error> {
    Ok(input)
}

#[derive(Deserialize, JsonSchema)]
pub struct What {
    /// The service.
    pub what: String,
}

#[derive(Serialize, JsonSchema)]
pub struct Got {
    pub got: Value,
}

/// Uses a service of the host.
#[cleargate::tool]
pub fn service(ctx: &Context, input: What) -> Result<Got, Error> {
    use cleargate::{blob, clock, config, log, random, secret};
    let notes = Store("notes");
    let got = match &*input.what {
        "clock" => {
            clock::sleep(1);
            json!([clock::now(), clock::elapsed()])
        }
        "random" => json!(random::bytes(8)),
        "log" => {
            log::write(log::Level::Info, "hello é", &[("answer", "42")]);
            json!("written")
        }
        "config" => config::get()?,
        "kv" => stores(&notes)?,
        "bytes" => {
            notes.set("bytes", &[0, 255, 128, 10])?;
            json!(notes.get("bytes")?)
        }
        "http" => {
            let request = Request::post("https://api.example.com/é?q=1").header("x-part", "1");
            let answer = request.json(&json!({ "a": "é" }))?.send()?;
            json!([answer.status, answer.header("x-answer"), answer.json::<Value>()?])
        }
        "status" => json!(Request::get("https://api.example.com/").send()?.ok()?.status),
        "stream" => {
            let answer = Request::get("https://api.example.com/").open()?;
            let pieces: Result<Vec<_>, _> = answer.body.collect();
            json!([answer.status, String::from_utf8_lossy(&pieces?.concat())])
        }
        "secret" => json!(secret::placeholder("KEY")?),
        "blob" => {
            let media = blob::put(b"bytes", "text/plain", None)?;
            json!([media.size, blob::get(&media, 1, 3)?])
        }
        "model" => {
            let Reply { message, input_tokens, output_tokens, micro_usd } = asked()?;
            json!([message["content"], input_tokens, output_tokens, micro_usd])
        }
        "words" => {
            let mut stream = cleargate::model::open("fast", &question())?;
            let words = stream.by_ref().collect::<Result<String, Error>>()?;
            json!([words, stream.reply()?.message["role"]])
        }
        "tools" => {
            let tools = cleargate::tools::list()?;
            let names: Vec<_> = tools.iter().map(|t| (&t.name, &t.input["type"])).collect();
            json!([names, cleargate::tools::call("web.search", &json!({ "q": "é" }))?])
        }
        "context" => {
            json!([ctx.run_id, ctx.address, ctx.attempt, ctx.deadline, ctx.idempotency_key])
        }
        other => return Err(Error::invalid_input(format!("no service {other}"))),
    };
    Ok(Got { got })
}

fn question() -> Value {
    json!({ "messages": [{ "role": "user", "content": "é" }] })
}

fn asked() -> Result<Reply, Error> {
    let answer = cleargate::model::complete("fast", &question())?;
    let (message, usage) = (answer.message, answer.usage);
    let (input_tokens, output_tokens) = (usage.input_tokens, usage.output_tokens);
    Ok(Reply { message, input_tokens, output_tokens, micro_usd: usage.micro_usd })
}

fn stores(notes: &Store) -> Result<Value, Error> {
    let old = notes.get("old")?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let none = notes.get("none")?;
    notes.set("new", b"1")?;
    let first = notes.swap("new", Some(b"1"), b"2")?;
    let second = notes.swap("new", Some(b"1"), b"3")?;
    let keys = notes.list("", None)?.keys;
    notes.delete("old")?;
    Ok(json!([old, none, first, second, keys, notes.get("old")?]))
}

fn deep(depth: u64) -> u64 {
    std::hint::black_box(deep(std::hint::black_box(depth) + 1)) + depth
}

#[derive(Deserialize, JsonSchema)]
pub struct How {
    /// The code, or the way.
    pub how: String,
}

/// Fails as it is asked.
#[cleargate::tool]
pub fn fail(input: How) -> Result<Any, Error> {
    let code = match &*input.how {
        "transient" => Code::Transient,
        "permanent" => Code::Permanent,
        "timeout" => Code::Timeout,
        "cancelled" => Code::Cancelled,
        "invalid_input" => Code::InvalidInput,
        "denied" => Code::Denied,
        "limit" => Code::Limit,
        "budget" => Code::Budget,
        "unknown_outcome" => Code::UnknownOutcome,
        "bug" => Code::Bug,
        "trap" => panic!("as asked"),
        "fuel" => loop {
            std::hint::black_box(0);
        },
        "stack" => {
            deep(1);
            Code::Limit
        }
        "memory" => {
            let mut all = Vec::new();
            loop {
                all.push(vec![1u8; 1 << 20]);
                std::hint::black_box(&all);
            }
        }
        "sleep" => {
            cleargate::clock::sleep(60_000);
            Code::Timeout
        }
        other => return Err(Error::invalid_input(format!("no way {other}"))),
    };
    Err(Error::new(code, "as asked").with_detail(json!({ "how": input.how })))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    pub verdict: String,
}

/// Decides as it is configured.
#[cleargate::guardrail]
pub fn judge(stage: Stage, content: Value, config: Decision) -> Result<Verdict, Error> {
    let stage = match stage {
        Stage::Input => "input",
        Stage::Output => "output",
        Stage::ToolCall => "tool_call",
        Stage::ToolResult => "tool_result",
        Stage::Other(_) => "other",
    };
    let message = "it was seen".to_string();
    let findings = vec![Finding { label: "seen".into(), message, path: "/was".into() }];
    let reason = "as configured".to_string();
    match &*config.verdict {
        "pass" => Ok(Verdict::Pass),
        "modify" => {
            let content = json!({ "stage": stage, "was": content });
            Ok(Verdict::Modify { content, findings })
        }
        "reject" => Ok(Verdict::Reject { reason, findings }),
        "escalate" => Ok(Verdict::Escalate { reason, findings }),
        other => Err(Error::invalid_input(format!("no verdict {other}"))),
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Word {
    pub word: String,
}

pub struct Mark;

/// Marks what passes.
#[cleargate::filter(id = "mark")]
impl Filter for Mark {
    type Config = Word;
    type Carry = Option<u32>;

    fn before(_: &Context, mut request: Value, config: Word) -> Result<Value, Error> {
        request["marked"] = config.word.into();
        Ok(request)
    }

    fn after(
        _: &Context,
        request: Value,
        mut response: Value,
        config: Word,
    ) -> Result<Value, Error> {
        response["marked"] = json!([config.word, request["marked"]]);
        Ok(response)
    }

    fn on_chunk(
        _: &Context,
        chunk: Chunk<Option<u32>>,
        config: Word,
    ) -> Result<Filtered<Option<u32>>, Error> {
        let end = if chunk.last { config.word } else { String::new() };
        Ok(Filtered { text: chunk.text + &end, carry: Some(chunk.carry.unwrap_or(0) + 1) })
    }
}

pub struct Parts;

impl Provider for Parts {
    type Config = Word;

    fn complete(_: &Context, model: &str, request: Value, config: Word) -> Result<Reply, Error> {
        let message = json!({ "model": model, "request": request, "word": config.word });
        Ok(Reply { message, input_tokens: 1, output_tokens: 2, micro_usd: (1 << 53) - 1 })
    }
}

impl Tokenizer for Parts {
    type Config = NoConfig;

    fn encode(_: &Context, text: &str, _: NoConfig) -> Result<Vec<u32>, Error> {
        Ok(text.chars().map(u32::from).collect())
    }

    fn decode(_: &Context, tokens: &[u32], _: NoConfig) -> Result<String, Error> {
        Ok(tokens.iter().filter_map(|token| char::from_u32(*token)).collect())
    }
}

impl Embedder for Parts {
    type Config = NoConfig;

    fn embed(_: &Context, texts: Vec<String>, _: NoConfig) -> Result<Vec<Vec<f32>>, Error> {
        Ok(texts.iter().map(|text| vec![text.chars().count() as f32, 0.5]).collect())
    }
}

impl Retriever for Parts {
    type Config = Word;

    fn search(_: &Context, query: &str, limit: u32, config: Word) -> Result<Vec<Passage>, Error> {
        let metadata = json!({ "limit": limit });
        let passage = Passage { id: query.into(), text: config.word, score: 0.25, metadata };
        Ok((limit > 0).then_some(passage).into_iter().collect())
    }
}

impl Summarizer for Parts {
    type Config = NoConfig;

    fn summarize(_: &Context, text: &str, max_tokens: u32, _: NoConfig) -> Result<String, Error> {
        // What the types of other languages do not rule out.
        if text == "wrong" {
            return Err(Error::bug("a function returned something else"));
        }
        Ok(text.chars().take(max_tokens as usize).collect())
    }
}

impl Cache for Parts {
    type Config = NoConfig;

    fn get(_: &Context, key: &str, _: NoConfig) -> Result<Option<Value>, Error> {
        Ok((key != "none").then(|| json!({ "key": key })))
    }

    fn put(
        _: &Context,
        key: &str,
        entry: Value,
        ttl: Option<Duration>,
        _: NoConfig,
    ) -> Result<(), Error> {
        Store("notes").set_json(key, &(entry, ttl.map(|ttl| ttl.as_millis() as u64)))
    }
}

impl Trigger for Parts {
    type Config = NoConfig;

    fn poll(
        _: &Context,
        cursor: Option<String>,
        limit: u32,
        _: NoConfig,
    ) -> Result<Batch, Error> {
        if cursor.is_some() {
            return Ok(Batch::default());
        }
        let event = |id: &str, input| Event { id: id.into(), input };
        let events = vec![event("first", json!({ "limit": limit })), event("é", json!({}))];
        Ok(Batch { events, cursor: Some("next".into()) })
    }

    fn reply(_: &Context, id: &str, output: Value, _: NoConfig) -> Result<(), Error> {
        match id {
            "fail" => Err(Error::transient("as asked")),
            _ => Store("notes").set_json(id, &output),
        }
    }
}

cleargate::export! {
    nodes: [measure],
    tools: [echo, service, fail],
    guardrail: judge,
    filter: Mark,
    provider: Parts,
    tokenizer: Parts,
    embedder: Parts,
    retriever: Parts,
    summarizer: Parts,
    cache: Parts,
    trigger: Parts,
}

//! A search by the configuration of a flow, with one host granted of all that the plugin asks for: a real server.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use serde_json::{Value, json};

use crate::world::{World, repository};

const FLOW: &str = r#"cleargate: 1
flow: look_up
use: { web: "cleargate:web-search@^0.1" }
input: { question: string, safe: "enum(off, moderate, strict)" }
nodes:
  found:
    type: web.search
    config: { provider: searxng, base: "http://127.0.0.1:PORT", safe: strict }
    with: { query: "${input.question}", safe: "${input.safe}" }
output: { first: "${found.results[0].url}" }
"#;

/// An instance of SearXNG that finds what it was asked for; returns its port.
fn instance() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let asked = lines.next().unwrap().unwrap();
            while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
            let path = asked.split(' ').nth(1).unwrap();
            let answer = json!({ "results": [{ "url": format!("https://found.example{path}"), "title": "a" }] });
            let answer = answer.to_string();
            let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ";
            let _ = write!(stream, "{head}{}\r\n\r\n{answer}", answer.len());
        }
    });
    port
}

#[test]
fn a_step_is_configured_and_reaches_the_host_that_was_granted_of_all() {
    let world = World::published();
    world.share_compiled();
    let (port, other) = (instance(), instance());
    let folder = repository().join("plugins/web-search");
    world.run(&["plugin", "publish", folder.to_str().unwrap()]).expect(0, &[]);
    world.write_home("cleargate.toml", b"[network]\nallow_addresses = [\"127.0.0.0/8\"]\n");
    let only = format!("http://127.0.0.1:{port}");
    world.write("mine.toml", &format!("http = [\"{only}\"]\nsecrets = [\"WEB_SEARCH_KEY\"]\n"));
    let install = ["plugin", "install", "cleargate:web-search", "--grant=mine.toml"];
    let told = format!("granted is ONLY http {only}");
    let installed = world.run(&install);
    assert_eq!(installed.code, Some(0), "{installed:?}");
    assert!(installed.out.contains(&told), "{installed:?}");

    world.write("flow.yaml", &FLOW.replace("PORT", &port.to_string()));
    let run = |flow: &str, safe: &str| {
        let inputs = [format!("safe={safe}"), "question=rain & sun".to_owned()];
        world.run(&["--output", "json", "run", flow, "--input", &inputs[0], "--input", &inputs[1]])
    };
    let done = run("flow.yaml", "strict");
    assert_eq!(done.code, Some(0), "{done:?}");
    let report: Value = serde_json::from_str(&done.out).unwrap();
    let first = "https://found.example/search?q=rain%20%26%20sun&format=json&safesearch=2";
    assert_eq!(report["outcome"]["output"]["first"], first, "{report}");
    // What the flow configures, no input changes; and a host that was not granted is not reached.
    run("flow.yaml", "off").expect(1, &["/safe: the flow configures `strict`"]);
    world.write("other.yaml", &FLOW.replace("PORT", &other.to_string()));
    run("other.yaml", "strict").expect(5, &["is not granted"]);
    // A plugin that does not read its configuration takes none.
    let mistaken = FLOW.replace("cleargate:web-search@^0.1", "cleargate:lockfile@^0.1");
    let mistaken = mistaken.replace("type: web.search", "type: web");
    world.write("mistaken.yaml", &mistaken);
    let refused = world.run(&["check", "mistaken.yaml"]);
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(refused.out.contains("no key \"config\""), "{refused:?}");
}

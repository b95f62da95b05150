//! Answers of a real server, recorded into a case: reached only where both the manifest and the author said so, and
//! written without the secret that the request carried.

use std::io::{Read, Write};
use std::net::TcpListener;

use crate::world::World;

const VALUE: &str = "hunter2-and-more";

/// Answers each request with the authorization that it carried.
fn echo() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut heard = Vec::new();
            let mut piece = [0; 1024];
            while !heard.windows(4).any(|end| end == b"\r\n\r\n") {
                match stream.read(&mut piece) {
                    Ok(0) | Err(_) => break,
                    Ok(n) => heard.extend_from_slice(&piece[..n]),
                }
            }
            let heard = String::from_utf8_lossy(&heard);
            let key = heard.lines().find_map(|line| line.strip_prefix("x-key: "));
            let body = format!("{{\"heard\":\"{}\",\"n\":1}}", key.unwrap_or_default());
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: today\r\nContent-Length: {}\r\n\
                 Connection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(format!("{head}{body}").as_bytes());
        }
    });
    port
}

const CASES: &str = "# Looked at by people.
cases:
  - name: asks
    call: { tool: asks }   # the only one
    # What matters is the number.
    expect: { contains: { n: 1 } }
  - name: is refused
    call: { tool: asks }
    world: { deny: [http] }
    expect: { error: { code: denied } }
";

fn project(world: &World, port: u16) {
    world.run(&["plugin", "new", "--kind", "tool", "asks"]).expect(0, &[]);
    world.write(
        "asks/src/lib.rs",
        &format!(
            "/// Asks.\n#[cleargate::tool]\npub fn asks(_: In) -> Result<Out, cleargate::Error> {{\n    \
             let key = cleargate::secret::placeholder(\"KEY\")?;\n    \
             let request = cleargate::http::Request::get(\"http://127.0.0.1:{port}/a\");\n    \
             let answer = request.header(\"x-key\", &key).send()?;\n    \
             answer.json()\n}}\n\
             #[derive(serde::Deserialize, schemars::JsonSchema)]\npub struct In {{}}\n\
             #[derive(serde::Deserialize, serde::Serialize, schemars::JsonSchema)]\npub struct Out {{ pub n: i64 }}\n\
             cleargate::export! {{ tools: [asks] }}\n"
        ),
    );
    let manifest = std::fs::read_to_string(world.path("asks/plugin.toml")).unwrap();
    let asks = format!(
        "[permissions]\nhttp = [\"http://127.0.0.1:{port}\", \"other.example.org\"]\nsecrets = [\"KEY\"]\n\
         [reasons]\nhttp = \"asks\"\nsecrets = \"to be let in\"\n\n[build]"
    );
    world.write("asks/plugin.toml", &manifest.replacen("[build]", &asks, 1));
    for case in std::fs::read_dir(world.path("asks/cases")).unwrap() {
        std::fs::remove_file(case.unwrap().path()).unwrap();
    }
    world.write("asks/cases/asks.yaml", CASES);
    let operator = "[network]\nallow_addresses = [\"127.0.0.0/8\"]\n[secrets.KEY]\nhosts = [\"http://127.0.0.1:PORT\"]\n";
    world.write_home("cleargate.toml", operator.replace("PORT", &port.to_string()).as_bytes());
}

#[test]
fn answers_are_recorded_where_both_said_so_and_stand_in_from_then_on() {
    let world = World::empty();
    let port = echo();
    project(&world, port);
    let test = |more: &[&str]| {
        let mut command = world.command(&[&["plugin", "test", "asks"], more].concat());
        command.env("CLEARGATE_SECRET_KEY", VALUE);
        crate::world::Done::of(command.output().unwrap())
    };
    let file = || std::fs::read_to_string(world.path("asks/cases/asks.yaml")).unwrap();

    // Without the flag nothing asks the network, and what is not allowed is not asked either.
    let silent = test(&[]);
    assert!(silent.code == Some(1) && silent.out.contains("no answer for GET"), "{silent:?}");
    test(&["--record"]).expect(2, &["--allow"]);
    test(&["--record", "--allow", "evil.example.org"]).expect(
        3,
        &["no host that the plugin asks for", &format!("--allow http://127.0.0.1:{port}")],
    );
    let elsewhere = test(&["--record", "--allow", "other.example.org"]);
    assert!(
        elsewhere.code == Some(1) && elsewhere.out.contains("nothing is recorded"),
        "{elsewhere:?}"
    );
    assert_eq!(file(), CASES);

    let host = format!("http://127.0.0.1:{port}");
    let recorded = test(&["--record", "--allow", &host, "--junit", "report.xml"]);
    recorded.expect(0, &["recorded asks: asks into", "+ world:", "2 passed, 0 failed"]);
    let text = file();
    assert!(text.contains("# What matters is the number.\n    world:\n      http:\n"), "{text}");
    assert!(text.contains("# the only one") && text.contains("\"n\":1"), "{text}");
    for text in [&text, &recorded.out, &recorded.err] {
        assert!(!text.contains(VALUE) && !text.contains("today"), "{text}");
    }
    let junit = std::fs::read_to_string(world.path("report.xml")).unwrap();
    assert!(junit.contains("tests=\"2\" failures=\"0\""), "{junit}");

    // From now on the answer is the same without any server, and a recording leaves it alone.
    test(&[]).expect(0, &["2 passed"]);
    test(&["--record", "--allow", &host]).expect(0, &["nothing was recorded"]);
    assert_eq!(file(), text);
}

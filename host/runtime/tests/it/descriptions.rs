//! What components say of themselves (TI-05): too much, twice, under names that are none, or in schemas without end.

use std::fmt::Write as _;
use std::sync::Arc;

use cleargate_runtime::Fault;
use cleargate_runtime::describe::{DescribeError, Described};

use crate::guests::{everything, prelude, runtime, wrap};

/// What a node says of itself: id, summary, schemas of input and output.
type Words<'a> = [&'a str; 4];

/// The words of a node against which nothing can be said.
const HONEST: Words<'static> = ["echo", "Gives back.", "{\"type\":\"object\"}", "{}"];

/// Where descriptions begin in memory: the prelude's own data lies before it.
const BEGIN: usize = 64 * 1024;

/// Bytes of a description: four texts, and an effect with room for a word.
const SIZE: usize = 44;

/// A component that says this.
fn saying(nodes: &[Words]) -> Arc<[u8]> {
    let mut records: Vec<u8> = Vec::new();
    let mut texts: Vec<u8> = Vec::new();
    for text in nodes {
        for word in text {
            for number in [BEGIN + SIZE * nodes.len() + texts.len(), word.len()] {
                records.extend(u32::try_from(number).unwrap().to_le_bytes());
            }
            texts.extend(word.bytes());
        }
        records.resize(records.len() + SIZE - 32, 0);
    }
    records.extend(texts);
    listing(&records, nodes.len())
}

/// A component with these bytes where its descriptions are, which are so many as it says.
fn listing(bytes: &[u8], count: usize) -> Arc<[u8]> {
    let data = bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "\\{byte:02x}");
        text
    });
    let pages = (BEGIN + bytes.len()) / BEGIN + 2;
    let module = format!(
        "(module (memory (export \"memory\") {pages})
           (data (i32.const {BEGIN}) \"{data}\")
           (func (export \"cleargate:node/node@0.1.0#run\") (param i32) (result i32) i32.const 64)
           (func (export \"cleargate:node/node@0.1.0#describe\") (result i32)
             (i32.store (i32.const 128) (i32.const {BEGIN})) (i32.store (i32.const 132) (i32.const {count}))
             (i32.const 128))
           {})",
        prelude().replace("(func (export \"cleargate:node/node@0.1.0#describe\") (result i32) (i32.const 128))", "")
    );
    wrap(&module)
}

async fn described(component: Arc<[u8]>) -> Result<Vec<Described>, DescribeError> {
    runtime().load(component, &everything()).await.unwrap().describe().await
}

#[tokio::test]
async fn ti_05_a_description_that_breaks_a_rule_is_refused_with_the_rule() {
    let honest = described(saying(&[HONEST])).await.unwrap();
    assert_eq!((honest.len(), &*honest[0].id), (1, "echo"));

    let [id, summary, input, output] = HONEST;
    let long = "x".repeat(65);
    let story = "x".repeat(4 * 1024 + 1);
    let spaces = format!("{{{}}}", " ".repeat(64 * 1024));
    let deep = format!("{}{}", r#"{"items":"#.repeat(5_000), "}".repeat(5_000));
    for (words, why) in [
        (["Echo", summary, input, output], "an id is"),
        (["", summary, input, output], "an id is"),
        (["a b", summary, input, output], "an id is"),
        (["a\u{202e}b", summary, input, output], "an id is"),
        (["../a", summary, input, output], "an id is"),
        ([&long, summary, input, output], "at most 64 characters"),
        ([id, &story, input, output], "4097 bytes; it may have 4096"),
        ([id, summary, &spaces, output], "65538 bytes; it may have 65536"),
        ([id, summary, input, &spaces], "65538 bytes; it may have 65536"),
        ([id, summary, "", output], "input"),
        ([id, summary, "{", output], "input"),
        ([id, summary, input, "nonsense"], "output"),
        ([id, summary, &deep, output], "input"),
        ([id, summary, "{\"type\":\"string\"}", output], "its input is no object"),
        ([id, summary, "{\"type\":\"array\"}", output], "its input is no object"),
    ] {
        match described(saying(&[words])).await {
            Err(DescribeError::Rule { id, why: said }) => {
                assert!(said.contains(why), "{said}");
                assert!(id.len() <= 80 && said.len() <= 1_000, "{id}: {said}");
            }
            other => panic!("{why}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn ti_05_a_crowd_of_descriptions_and_two_of_a_name_are_refused() {
    match described(saying(&[HONEST, HONEST])).await {
        Err(DescribeError::Rule { id, why }) => {
            assert_eq!((&*id, &*why), ("echo", "the id appears twice"))
        }
        other => panic!("{other:?}"),
    }
    let ids: Vec<String> = (0..257).map(|at| format!("echo{at}")).collect();
    let all: Vec<Words> = ids.iter().map(|id| [id, HONEST[1], HONEST[2], HONEST[3]]).collect();
    assert_eq!(described(saying(&all[..256])).await.unwrap().len(), 256);
    match described(saying(&all)).await {
        Err(DescribeError::Rule { why, .. }) => assert!(why.contains("257"), "{why}"),
        other => panic!("{other:?}"),
    }
    // By the length of the list, before it is made.
    let pages = vec![0; 3 * 1024 * 1024];
    match described(listing(&pages, pages.len() / SIZE)).await {
        Err(DescribeError::Fault(Fault::Limit { limit, .. })) => assert_eq!(limit, "output"),
        other => panic!("{:?}", other.map(|all| all.len())),
    }
}

/// A schema that names another one by its address is a text: nobody asks for it.
#[tokio::test]
async fn ti_05_a_schema_fetches_nothing() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    for schema in [
        format!(
            "{{\"type\":\"object\",\"properties\":{{\"a\":{{\"$ref\":\"http://{address}/a\"}}}}}}"
        ),
        format!(
            "{{\"$schema\":\"http://{address}/s\",\"$id\":\"http://{address}/i\",\"type\":\"object\"}}"
        ),
        "{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"file:///etc/passwd\"}}}".to_owned(),
        "{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"#\"}}}".to_owned(),
    ] {
        let words = [HONEST[0], HONEST[1], &schema, HONEST[3]];
        if let Ok(all) = described(saying(&[words])).await {
            assert!(!format!("{all:?}").contains("root:"), "{all:?}");
        }
    }
    let asked = listener.accept();
    assert!(asked.is_err(), "somebody asked for a schema");
}

//! The plugin `sql` over files, which golden cases have none of: a folder that is granted, and nothing beside it.

use std::fs;
use std::os::unix::fs::symlink;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::world::{World, repository};

const FLOW: &str = "cleargate: 1
flow: ask
input: { file: { type: string }, sql: { type: string } }
output: { rows: \"${find.rows}\" }
use: { sql: cleargate:sql@^0.1 }
nodes:
  find: { type: sql.query, with: { database: { file: \"${input.file}\" }, sql: \"${input.sql}\" } }
";

/// The database of the golden cases.
fn database() -> Vec<u8> {
    let cases = fs::read_to_string(repository().join("plugins/sql/cases/query.yaml")).unwrap();
    let text = cases.split("base64: \"").nth(1).unwrap().split('"').next().unwrap();
    STANDARD.decode(text).unwrap()
}

#[test]
fn a_database_is_read_where_it_lies_and_nowhere_else() {
    let world = World::empty();
    let plugin = repository().join("plugins/sql");
    world.run(&["plugin", "publish", plugin.to_str().unwrap()]).expect(0, &[]);
    world.write("flow.yaml", FLOW);
    let (shop, count) = (database(), "sql=SELECT count(*) FROM people");
    for place in ["databases/shop.db", "databases/torn.db", "outside.db"] {
        fs::create_dir_all(world.path("databases")).unwrap();
        fs::write(world.path(place), &shop).unwrap();
    }
    // What a program leaves behind that is ended in the middle of a change.
    fs::write(world.path("databases/torn.db-journal"), [0xd9; 512]).unwrap();
    symlink("../outside.db", world.path("databases/link.db")).unwrap();

    let ask = |file: &str, sql: &str| {
        world.run(&["run", "flow.yaml", "--input", &format!("file={file}"), "--input", sql])
    };
    ask("databases/shop.db", count)
        .expect(5, &["which is not granted", "plugin install cleargate:sql"]);
    world.run(&["plugin", "install", "cleargate:sql", "--grant"]).expect(0, &[]);
    let run = ["run", "flow.yaml", "--input", "file=databases/shop.db", "--input", count];
    let document = world.json(&[&run[..], &["--output", "json"]].concat());
    assert_eq!(document["outcome"]["output"], json!({ "rows": [[3]] }));

    for (file, code, words) in [
        ("databases/absent.db", 1, "there is no file `databases/absent.db`"),
        ("databases/torn.db", 1, "a change of it was interrupted"),
        ("databases/link.db", 5, "`databases/link.db` cannot be read: it is not granted"),
        ("databases/../outside.db", 5, "it is not granted"),
        ("outside.db", 5, "`outside.db` is in no granted folder; granted is `databases/`"),
        ("/etc/passwd", 5, "is in no granted folder"),
    ] {
        ask(file, count).expect(code, &[words]);
    }
    ask("databases/shop.db", "sql=DELETE FROM people").expect(1, &["does more than read"]);
    assert_eq!(fs::read(world.path("databases/shop.db")).unwrap(), shop, "it was changed");
}

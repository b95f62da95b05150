//! Plugins in C and C++, from a template to a flow. The compiler is installed once for each build folder, by the
//! command itself.

use std::fs;

use serde_json::json;

use crate::world::{Done, World};

/// Scaffolds and tests a plugin without touching a file.
fn untouched(world: &World, language: &str, kind: &str) {
    let name = format!("{language}-{kind}");
    world.run(&["plugin", "new", "--lang", language, "--kind", kind, &name]).expect(0, &[]);
    let done = world.run(&["plugin", "test", &name]);
    done.expect(0, &[&format!("✓ my:{name} 0.1.0"), "ziglang", " 0 failed"]);
    assert!(!done.err.contains("0 passed"), "{name}: {done:?}");
    assert!(!done.err.contains("warning"), "{name}: {done:?}");
}

#[test]
fn each_kind_passes_its_cases_in_c() {
    let world = World::empty();
    for kind in crate::parts::KINDS {
        untouched(&world, "c", kind);
    }
}

#[test]
fn each_kind_passes_its_cases_in_cpp() {
    let world = World::empty();
    for kind in crate::parts::KINDS {
        untouched(&world, "cpp", kind);
    }
}

#[test]
fn a_flow_uses_plugins_in_c_and_in_cpp() {
    let world = World::empty();
    for (language, kind) in [("c", "node"), ("cpp", "tool")] {
        let name = format!("{language}-{kind}");
        world.run(&["plugin", "new", "--lang", language, "--kind", kind, &name]).expect(0, &[]);
    }
    world.run(&["plugin", "publish", "c-node", "cpp-tool"]).expect(0, &[]);
    let inspected = world.json(&["plugin", "inspect", "my:cpp-tool", "--output", "json"]);
    assert_eq!(inspected["imports"], json!(["cleargate:types/types@0.1.0"]), "{inspected}");
    // Built again, the same bytes.
    let again = world.run(&["plugin", "publish", "--if-new", "c-node", "cpp-tool"]);
    assert_eq!(again.out.matches("already there").count(), 2, "{again:?}");
    world.write(
        "flow.yaml",
        "cleargate: 1\nflow: counting\n\
         input: { text: { type: string } }\noutput: { sum: \"${add.sum}\" }\n\
         use: { words: my:c-node@^0.1, adder: my:cpp-tool@^0.1 }\n\
         nodes:\n  count: { type: words, with: { text: \"${input.text}\" } }\n  \
         add: { type: adder, with: { a: \"${count.words}\", b: 40 } }\n",
    );
    let run = ["run", "flow.yaml", "--input", "text=one two", "--output", "json"];
    assert_eq!(world.json(&run)["outcome"]["output"], json!({ "sum": 42 }));
}

#[test]
fn mistakes_are_found_when_the_plugin_is_built() {
    let world = World::empty();
    world.run(&["plugin", "new", "--lang", "c", "--kind", "tool", "wrong"]).expect(0, &[]);
    let source = fs::read_to_string(world.path("wrong/src/plugin.c")).unwrap();
    let files = "#include <stdio.h>\n#include \"cleargate.h\"";
    for (from, to, words) in [
        ("int64_t a = 0", "int64_t a = ", &["src/plugin.c:6", "error"][..]),
        ("CG_TOOLS({", "static cg_tool unused = ({", &["src/plugin.c:", "error"]),
        ("#include \"cleargate.h\"", files, &["path_open", "files = [\"data/:ro\"]"]),
    ] {
        let called = if to == files {
            source.replace("sum = 0;", "sum = fopen(\"notes\", \"r\") != NULL;")
        } else {
            source.clone()
        };
        let changed = called.replacen(from, to, 1);
        assert_ne!(changed, source, "{from}");
        world.write("wrong/src/plugin.c", &changed);
        world.run(&["plugin", "build", "wrong"]).expect(3, words);
    }
    world.write("wrong/src/plugin.c", "int unused(void) { return 1; }\n");
    world.run(&["plugin", "build", "wrong"]).expect(3, &["makes no plugin", "CG_TOOLS"]);
    fs::remove_file(world.path("wrong/src/plugin.c")).unwrap();
    world.run(&["plugin", "build", "wrong"]).expect(3, &["there is no src/plugin.c"]);
}

#[test]
fn mistakes_in_cpp_are_found_when_the_plugin_is_built() {
    let world = World::empty();
    world.run(&["plugin", "new", "--lang", "cpp", "--kind", "tool", "wrong"]).expect(0, &[]);
    let source = fs::read_to_string(world.path("wrong/src/plugin.cc")).unwrap();
    for (to, words) in [
        ("throw 1; return Value::object", &["src/plugin.cc:10", "exceptions disabled"][..]),
        ("return input[0] + Value::object", &["src/plugin.cc:10", "invalid operands"]),
    ] {
        let changed = source.replacen("return Value::object", to, 1);
        assert_ne!(changed, source, "{to}");
        world.write("wrong/src/plugin.cc", &changed);
        world.run(&["plugin", "build", "wrong"]).expect(3, words);
    }
}

/// A tool that uses nothing but the C library.
const ORDINARY: &str = r#"#include <stdio.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "cleargate.h"

static cg_json *machine(cg_call *call, cg_json *input) {
  (void)call, (void)input;
  struct timespec before, after;
  clock_gettime(CLOCK_MONOTONIC, &before);
  usleep(2000);
  clock_gettime(CLOCK_MONOTONIC, &after);
  unsigned char bytes[2];
  getentropy(bytes, sizeof bytes);
  printf("one\ntwo %d\n", 2);
  fprintf(stderr, "three\n");
  cg_json *said = cg_set(cg_object(), "time", cg_integer(time(NULL)));
  cg_set(said, "waited", cg_integer((after.tv_nsec - before.tv_nsec) / 1000000 >= 2));
  return cg_set(said, "bytes", cg_integer(bytes[0] * 256 + bytes[1]));
}

CG_TOOLS({
    .name = "machine",
    .description = "Uses the C library.",
    .input = CG_SCHEMA({"type": "object"}),
    .output = CG_SCHEMA({"type": "object"}),
    .run = machine,
})
"#;

#[test]
fn what_the_c_library_asks_of_a_machine_is_the_hosts() {
    let world = World::empty();
    world.run(&["plugin", "new", "--lang", "c", "--kind", "tool", "ordinary"]).expect(0, &[]);
    world.write("ordinary/src/plugin.c", ORDINARY);
    fs::remove_file(world.path("ordinary/cases/first.yaml")).unwrap();
    world.write(
        "ordinary/cases/machine.yaml",
        "cases:\n- { name: machine, call: { tool: machine }, input: {}, world: { now: 2026-03-01T00:00:00Z, seed: 7 }, \
           expect: { output: { time: 1772323200, waited: 1, bytes: 13825 } } }\n",
    );
    world.run(&["plugin", "test", "ordinary"]).expect(0, &["1 passed, 0 failed"]);
    world.run(&["plugin", "publish", "ordinary"]).expect(0, &[]);
    world.run(&["plugin", "install", "my:ordinary", "--grant"]).expect(0, &[]);
    world.write(
        "flow.yaml",
        "cleargate: 1\nflow: machine\noutput: { waited: \"${it.waited}\" }\n\
         use: { ordinary: my:ordinary@^0.1 }\nnodes:\n  it: { type: ordinary }\n",
    );
    let ran = world.json(&["run", "flow.yaml", "--output", "json"]);
    assert_eq!(ran["outcome"]["output"]["waited"], 1, "{ran}");
    assert_eq!(world.printed(&ran), ["info one", "info two 2", "warn three"]);
}

#[test]
fn a_machine_without_a_compiler_and_python_is_told_what_to_install() {
    let world = World::empty();
    world.run(&["plugin", "new", "--lang", "c", "--kind", "tool", "lonely"]).expect(0, &[]);
    let mut command = world.command(&["plugin", "build", "lonely"]);
    command.env("PATH", "").env("CLEARGATE_BUILD", world.path("elsewhere"));
    let done = Done::of(command.output().unwrap());
    done.expect(3, &["Python 3.10 or newer, with pip", "apt install python3 python3-pip"]);
}

const READER: &str = r#"#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cleargate.h"

/* Reads a file of the granted folder, writes its first word beside it, and says what the folder holds. */
static cg_json *files(cg_call *call, cg_json *input) {
  (void)input;
  char word[32] = "";
  FILE *in = fopen("data/notes.txt", "r");
  if (!in) {
    return cg_fail(call, CG_DENIED, "%s", strerror(errno));
  }
  if (fscanf(in, "%31s", word) != 1) return NULL;
  fclose(in);
  FILE *out = fopen("data/word.txt", "w");
  fprintf(out, "%s", word);
  fclose(out);
  struct stat made;
  stat("data/word.txt", &made);
  int64_t entries = 0;
  DIR *folder = opendir("data");
  for (struct dirent *entry; (entry = readdir(folder));) entries += entry->d_name[0] != '.';
  closedir(folder);
  FILE *outside = fopen("secret.txt", "r");
  FILE *above = fopen("data/../secret.txt", "r");
  printf("read %s\n", word);
  cg_json *said = cg_set(cg_object(), "word", cg_string(word));
  cg_set(said, "size", cg_integer(made.st_size));
  cg_set(said, "outside", cg_integer(outside != NULL || above != NULL));
  return cg_set(said, "entries", cg_integer(entries));
}

CG_TOOLS({
    .name = "reader",
    .description = "Reads a file.",
    .input = CG_SCHEMA({"type": "object"}),
    .output = CG_SCHEMA({"type": "object", "properties": {
      "word": {"type": "string"}, "size": {"type": "integer"},
      "outside": {"type": "integer"}, "entries": {"type": "integer"}
    }}),
    .run = files,
})
"#;

/// The C library's own files: those of the folder that was granted, and no others.
#[test]
fn a_plugin_in_c_has_the_files_that_it_asks_for() {
    let world = World::empty();
    world.run(&["plugin", "new", "--lang", "c", "--kind", "tool", "reader"]).expect(0, &[]);
    world.write("reader/src/plugin.c", READER);
    fs::remove_file(world.path("reader/cases/first.yaml")).unwrap();
    let manifest = fs::read_to_string(world.path("reader/plugin.toml")).unwrap();
    let asks = "[permissions]\nfiles = [\"data/:rw\"]\n[reasons]\nfiles = \"to read notes\"\n";
    world.write("reader/plugin.toml", &format!("{manifest}\n{asks}"));
    world.run(&["plugin", "publish", "reader"]).expect(0, &[]);
    world.run(&["plugin", "install", "my:reader", "--grant"]).expect(0, &[]);
    world.write("data/notes.txt", "hello files");
    world.write("secret.txt", "nobody reads this");
    let flow = "cleargate: 1\nflow: reads\nuse: { r: my:reader@^0.1 }\nnodes: { a: { type: r } }\noutput: { a: \"${a}\" }\n";
    world.write("flow.yaml", flow);
    let done = world.json(&["run", "flow.yaml", "--output", "json"]);
    let expected = json!({ "word": "hello", "size": 5, "outside": 0, "entries": 2 });
    assert_eq!(done["outcome"]["output"]["a"], expected, "{done}");
    assert_eq!(fs::read_to_string(world.path("data/word.txt")).unwrap(), "hello");
    // What the gate decided is in the journal like every other effect.
    let run = done["run"].as_str().unwrap();
    let events = world.run(&["runs", "events", run, "--output", "ndjson"]).out;
    assert!(events.contains("file open data/notes.txt"), "{events}");
}

//! Programs that nobody has read, run at once.

use serde_json::{Value, json};

use crate::code::interpreters;
use crate::world::World;

fn world() -> World {
    let world = World::empty();
    interpreters(&world, &[]);
    world
}

#[test]
fn a_program_of_either_language_runs_within_its_limits_and_its_mistakes_have_lines() {
    let world = world();
    world.write("mean.py", "import statistics\nprint('n =', len(input))\nstatistics.mean(input)\n");
    world.write("twice.js", "console.error('seen');\ninput.map((n) => n * 2)\n");
    let done = world.run(&["sandbox", "run", "mean.py", "--input", "[1, 2, 6]"]);
    assert_eq!((done.code, done.out.as_str()), (Some(0), "n = 3\n3\n"), "{done:?}");
    let done = world.run(&["sandbox", "run", "twice.js", "--input", "[1, 2]"]);
    assert_eq!((done.code, done.out.as_str()), (Some(0), "[2,4]\n"), "{done:?}");
    done.expect(0, &["seen"]);

    // Text stays text, and what is no JSON is no input.
    let text =
        world.told(&["sandbox", "run", "-", "--lang", "py", "--input", "\"12\""], "input * 2");
    assert_eq!((text.code, text.out.as_str()), (Some(0), "\"1212\"\n"), "{text:?}");
    world.run(&["sandbox", "run", "mean.py", "--input", "{bad"]).expect(3, &["no JSON"]);

    world.write("wrong.py", "def half(n):\n    return n / 0\n\nhalf(3)\n");
    let wrong = world.run(&["sandbox", "run", "wrong.py", "--output", "json"]);
    assert_eq!(wrong.code, Some(1), "{wrong:?}");
    let told: Value = serde_json::from_str(&wrong.out).unwrap();
    assert_eq!((&told["ok"], &told["error"]["line"]), (&json!(false), &json!(2)));
    wrong.expect(1, &["ZeroDivisionError: division by zero"]);

    world.write("loop.js", "while (true) {}");
    let stopped = ["sandbox", "run", "loop.js", "--limit", "time=200ms"];
    world.run(&stopped).expect(7, &["took longer than 200 ms"]);
    world.run(&["sandbox", "run", "loop.js", "--limit", "fuel=10M"]).expect(7, &["fuel"]);
    world.write("grow.py", "rows = []\nwhile True: rows.append(bytearray(10**6))");
    let grown = world.run(&["sandbox", "run", "grow.py", "--limit", "memory=64MiB"]);
    grown.expect(1, &["MemoryError"]);

    for (arguments, said) in [
        (vec!["loop.rb"], "does not say its language"),
        (vec!["loop.js", "--lang", "cobol"], "no sandbox runs `cobol`"),
        (vec!["loop.js", "--limit", "tim=3"], "there is no limit `tim`"),
        (vec!["loop.js", "--limit", "time=soon"], "`soon` is not in the form"),
        (vec!["nothing.py"], "nothing.py"),
    ] {
        world.run(&[&["sandbox", "run"], &arguments[..]].concat()).expect(3, &[said]);
    }

    // It is a run like any other: nothing is executed to see it again, and executed again it is the same.
    let runs = world.json(&["runs", "list", "--flow", "sandbox_python", "--output", "json"]);
    let first = runs.as_array().unwrap().last().unwrap()["id"].as_str().unwrap();
    let replay = world.run(&["replay", first, "--execute"]);
    assert!(replay.out.contains("the same, byte for byte"), "{replay:?}");
}

#[test]
fn a_session_goes_on_in_another_process_until_it_is_ended() {
    let world = world();
    let python = "x = 41\ndef f(n):\n    print('in f')\n    return n + 1\n\nf(x)\n1 / 0\nwhile True: pass\nx\n";
    let first = world.told(&["sandbox", "repl", "--limit", "time=1s"], python);
    assert_eq!((first.code, first.out.as_str()), (Some(1), "in f\n42\n41\n"), "{first:?}");
    first.expect(1, &["ZeroDivisionError: division by zero", "took longer than 1000 ms"]);
    let runs = world.json(&["runs", "list", "--output", "json"]);
    let run = runs[0]["id"].as_str().unwrap();
    first.expect(1, &[&format!("sandbox repl --resume {run}")]);

    let resume = ["sandbox", "repl", "--resume", run];
    let second = world.told(&[&resume[..], &["--output", "ndjson"]].concat(), "f(x + 1)\n:end\n");
    let report: Value = serde_json::from_str(&second.out).unwrap();
    assert_eq!((second.code, &report["result"]), (Some(0), &json!(43)), "{second:?}");
    world.told(&resume, "x").expect(3, &["has ended"]);

    let js = world.told(
        &["sandbox", "repl", "--lang", "js"],
        "let a = 1\nconst f = (n) => n + a;\nfunction g() {\n  return f(2);\n}\n\n({b: f(a), c: g()})\n:end\n",
    );
    assert_eq!((js.code, js.out.as_str()), (Some(0), "{\"b\":2,\"c\":3}\n"), "{js:?}");

    let plain = world.json(&["runs", "list", "--output", "json"]);
    assert_eq!(plain.as_array().unwrap().len(), 2);
    world.told(&["sandbox", "repl", "--resume", "no such"], "").expect(3, &["is no id of a run"]);
}

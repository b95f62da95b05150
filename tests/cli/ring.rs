//! The second ring, with the built command: plugins in processes of their own, and what becomes of a run when one dies.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::code::interpreters;
use crate::world::{Done, World};

const RING: &[u8] = b"[sandbox]\nring = \"process\"\n";

/// Processes that `parent` has made to execute plugins.
fn workers(parent: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| {
        let read = |file: &str| std::fs::read_to_string(format!("/proc/{pid}/{file}"));
        let (stat, line) = (read("stat").unwrap_or_default(), read("cmdline").unwrap_or_default());
        let fields = stat.rsplit(") ").next().unwrap_or_default().to_owned();
        fields.split(' ').nth(1) == Some(&parent.to_string()) && line.contains("execute-plugins")
    })
    .collect()
}

/// Seconds of the processor that a process has used, in hundredths.
fn used(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields = stat.rsplit(") ").next().unwrap_or_default().to_owned();
    fields.split(' ').nth(11).and_then(|ticks| ticks.parse().ok()).unwrap_or_default()
}

#[test]
fn a_program_gives_the_same_in_a_process_of_its_own_and_a_dead_process_fails_its_step_alone() {
    let world = World::empty();
    interpreters(&world, &[]);
    world.write("twice.js", "console.log('seen');\ninput.map((n) => n * 2)\n");
    world.write("loop.js", "while (true) {}");
    let arguments = ["sandbox", "run", "twice.js", "--input", "[1, 2]"];
    let without = world.run(&arguments);
    world.write_home("cleargate.toml", RING);
    let within = world.run(&arguments);
    assert_eq!((within.code, &within.out, &within.err), (Some(0), &without.out, &without.err));
    world
        .run(&["sandbox", "run", "loop.js", "--limit", "time=200ms"])
        .expect(7, &["took longer than 200 ms"]);

    let mut command = world.command(&["sandbox", "run", "loop.js", "--limit", "time=60s"]);
    command.args(["--limit", "fuel=1000G"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let began = Instant::now();
    let busy = loop {
        // The one that computes, and not the one that stands ready.
        if let Some(busy) = workers(child.id()).into_iter().find(|pid| used(*pid) > 50) {
            break busy;
        }
        assert!(began.elapsed() < Duration::from_secs(40), "no worker computes");
        std::thread::sleep(Duration::from_millis(20));
    };
    let kill = std::process::Command::new("kill").args(["-KILL", &busy.to_string()]).status();
    assert!(kill.unwrap().success());
    let done = Done::of(child.wait_with_output().unwrap());
    done.expect(1, &["the sandbox of the plugin crashed: the worker died of SIGKILL"]);
    let runs = world.json(&["runs", "list", "--output", "json"]);
    let last = runs[0]["id"].as_str().unwrap();
    let events = world.run(&["runs", "events", last, "--output", "ndjson"]);
    assert!(events.out.contains(r#""reason":"sandbox_crashed","signal":"SIGKILL""#), "{events:?}");
}

#[test]
fn the_doctor_tells_what_of_the_second_ring_a_machine_has_and_a_setting_that_cannot_be_kept_is_refused()
 {
    let world = World::empty();
    let ring = || {
        let done = world.run(&["doctor", "--output", "json"]);
        let checks: Value = serde_json::from_str(&done.out).unwrap();
        let found = checks.as_array().unwrap().iter().find(|c| c["what"] == "second ring").cloned();
        (done.code, found.unwrap())
    };
    let (code, found) = ring();
    let state = found["state"].as_str().unwrap();
    assert_eq!((code, &found["ready"], &found["needed"]), (Some(0), &json!(true), &json!(false)));
    assert!(state.contains("seccomp") && state.contains("not used"), "{state}");
    let landlock = state.contains("seccomp and Landlock");
    world.write_home("cleargate.toml", RING);
    let (code, found) = ring();
    assert_eq!((code, &found["needed"]), (Some(0), &json!(true)));
    assert!(found["state"].as_str().unwrap().ends_with("used for cleargate:code-*"), "{found}");
    let demanded = [RING, b"landlock = true\n"].concat();
    world.write_home("cleargate.toml", &demanded);
    let (code, found) = ring();
    assert_eq!(
        (code, &found["ready"]),
        if landlock { (Some(0), &json!(true)) } else { (Some(9), &json!(false)) }
    );
    world.write_home("cleargate.toml", b"[sandbox]\nring = \"container\"\n");
    world.run(&["plugin", "list"]).expect(3, &["unknown variant `container`"]);
    world.write_home("cleargate.toml", b"[sandbox]\nring = \"process\"\nworkers = 0\n");
    world.run(&["plugin", "list"]).expect(3, &["`workers` in `[sandbox]` is 1 to 256"]);
}

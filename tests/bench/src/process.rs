//! What only whole processes show: the start of the command, its size, and resident memory.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::figure::{Budget, Figure, Goal, Samples, Turns, micros};
use crate::wanted::Wanted;

/// The argument that lets this binary end at once.
pub(crate) const NOTHING: &str = "--nothing";

/// Starts that are measured.
const STARTS: usize = 100;

const FLOW: &str = "cleargate: 1\nflow: one\noutput: { out: '${a}' }\nnodes:\n  \
                    a: { type: template, text: hi }\n";

/// The command that was built into the same folder as this binary.
pub(crate) fn beside() -> Option<PathBuf> {
    let path = std::env::current_exe().ok()?.with_file_name("cleargate");
    path.is_file().then_some(path)
}

/// KiB of this process in memory, where the system tells.
pub(crate) fn resident() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

pub(crate) fn figures(wanted: &Wanted, command: &Path) -> Vec<Figure> {
    if !wanted.has("P9") && !wanted.has("M3") {
        return Vec::new();
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("one.yaml"), FLOW).unwrap();
    let this = std::env::current_exe().unwrap();
    let started = |program: &Path, arguments: &[&str]| {
        let started = Instant::now();
        let status = Command::new(program)
            .args(arguments)
            .current_dir(folder.path())
            .env("CLEARGATE_HOME", folder.path().join("home"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "{} {arguments:?}: {status}", program.display());
        micros(started) / 1000.0
    };
    let run: &[&str] = &["run", "one.yaml"];
    // The first one makes the home folder; nobody waits for that twice.
    started(command, run);
    let (mut turns, mut budget) = (Turns::default(), Budget::of(STARTS));
    while budget.more() {
        turns.add(started(command, run), started(&this, &[NOTHING]));
    }
    let what = "`cleargate run` of a flow of one node, from its start to its end".into();
    let size = std::fs::metadata(command).unwrap().len() as f64 / (1024.0 * 1024.0);
    vec![
        turns.figure("P9", what, "ms", Goal::Most(15.0), "a process that does nothing"),
        Figure {
            id: "M3",
            what: "size of the command".into(),
            unit: "MiB",
            samples: Samples::one(size),
            limit: None,
            goal: Goal::None,
        },
    ]
}

//! Hostile files, and what is promised about them. The rows FL-03, FL-05, FL-07, FL-13 and FL-14 are held beside the
//! code that keeps them as well: `check/tests.rs`, `run/tests`, `types/tests.rs`, `value.rs`, and in `tests/fuzz`.

use std::process::{Command, Stdio};
use std::time::Duration;

use cleargate_flow::document;
use cleargate_flow::expr::Expr;

use crate::world::World;
use crate::{checked, over};

fn codes(text: &str) -> Vec<&'static str> {
    checked(text).findings.iter().map(|finding| finding.code).collect()
}

/// FL-01 and FL-02: files that are larger, deeper or more than they look, with the code of one finding.
fn bombs() -> Vec<(&'static str, &'static str, String)> {
    let most = document::MAX_BYTES;
    let fill = |piece: &str| piece.repeat(most / piece.len());
    let laughs: String = (1..20)
        .map(|i| format!("a{i}: &a{i} [{}]\n", format!("*a{}, ", i - 1).repeat(9)))
        .collect();
    let numbered = |form: fn(usize) -> String| {
        let mut text = String::with_capacity(most);
        for line in (0..).map(form) {
            if text.len() + line.len() > most {
                break;
            }
            text += &line;
        }
        text
    };
    vec![
        ("billion laughs", "CG0003", format!("a0: &a0 [x]\n{laughs}")),
        ("a million anchors", "CG0003", numbered(|i| format!("- &a{i} x\n"))),
        (
            "a million aliases",
            "CG0003",
            format!("- &a x\n{}", fill("- *a\n")).chars().take(most).collect(),
        ),
        ("merge keys", "CG0003", fill("- { <<: {} }\n")),
        ("python objects", "CG0003", fill("- !!python/object/apply:os.system x\n")),
        ("one key for ever", "CG0006", fill("a: 1\n")),
        ("a scalar of 100 MiB", "CG0002", format!("a: {}\n", "x".repeat(100 << 20))),
        ("a scalar that just fits", "CG0102", format!("x-a: {}\n", "x".repeat(most - 10))),
        ("a folded scalar", "CG0102", format!("x-a: >\n{}", " x\n".repeat(most / 3 - 4))),
        ("a key of 64 KiB", "CG0001", format!("{}: 1\n", "k".repeat(64 << 10))),
        ("different keys", "CG0002", numbered(|i| format!("k{i}: 1\n"))),
        ("deep brackets", "CG0001", "[".repeat(100_000)),
        ("deep braces", "CG0001", "{a: ".repeat(100_000)),
        ("deep dashes", "CG0002", "- ".repeat(100_000)),
        ("deep keys", "CG0005", "? ".repeat(100_000)),
        ("documents", "CG0004", fill("---\n")),
        ("numbers", "CG0007", fill("- 1e400\n")),
    ]
}

#[test]
fn fl_01_and_02_bombs_are_refused_at_once() {
    for (name, code, text) in bombs() {
        assert!(codes(&text).contains(&code), "{name}: {:?}", codes(&text).first());
        let over = over(Duration::from_millis(100), || drop(checked(&text)));
        assert_eq!(over, None, "{name}");
    }
}

/// The process whose memory is measured. It says how much each bomb took.
#[test]
#[ignore = "started by fl_01_and_02_bombs_take_no_memory"]
fn reader_of_bombs() {
    for (name, _, text) in bombs() {
        // From here on the peak counts anew: making the texts was no part of reading them.
        std::fs::write("/proc/self/clear_refs", "5").expect("a process may reset its own peak");
        let before = peak();
        drop(checked(&text));
        println!("{name}={}", peak() - before);
    }
}

/// The most memory that this process has had, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("this is Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux says it");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[test]
#[cfg(target_os = "linux")]
fn fl_01_and_02_bombs_take_no_memory() {
    /// KiB that the process may grow.
    const PROMISED: u64 = 16 * 1024;
    let out = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "hostile::reader_of_bombs", "--ignored", "--nocapture"])
        .stderr(Stdio::inherit())
        .output()
        .expect("the process starts");
    let said = String::from_utf8_lossy(&out.stdout);
    let grown: Vec<(&str, u64)> = said
        .lines()
        .filter_map(|line| {
            line.rsplit_once('=').and_then(|(name, grown)| Some((name, grown.parse().ok()?)))
        })
        .collect();
    assert_eq!(grown.len(), bombs().len(), "{said}");
    // All of them together, which also shows that nothing stays behind.
    assert!(grown.iter().map(|(_, kib)| kib).sum::<u64>() <= PROMISED, "{grown:?}");
}

/// FL-06: each costs far more than it looks. `input.big` has a mebibyte.
const GREEDY: &[&str] = &[
    "range(100000).exists(a, range(100000).exists(b, a * b == -1))",
    "range(1000).map(a, range(1000).map(b, range(1000)))",
    "range(99999).map(a, input.big + string(a)).size()",
    "range(99999).map(a, input.big).join('').size()",
    "range(99999).exists(a, input.big < input.big)",
    "range(99999).exists(a, input.big != input.big)",
    "range(99999).exists(a, input.big in {'a': 1})",
    "range(99999).exists(a, input.big in [input.big + '0'])",
    "range(9999).map(a, {input.big: a}).size()",
    "range(99999).exists(a, has(input.rec.a) && {'a': 1} == {input.big: 1})",
    "range(99999).map(a, input.big).sort().size()",
    "range(99999).map(a, range(99999 - a)).size()",
    "max(range(99999).map(a, input.big)).size()",
    "range(99999).map(a, input.big).distinct().size()",
    "range(99999).exists(a, input.big.contains('11'))",
    "range(99999).exists(a, input.big.contains('0101010101010101010101010101011'))",
    "range(99999).exists(a, input.big.size() == 1)",
    "range(99999).exists(a, input.big.upper() == 'x')",
    "range(99999).exists(a, input.big.trim() == 'x')",
    "range(99999).exists(a, input.big.replace('11', '') == 'x')",
    "range(99999).exists(a, input.big.replace('0', '') == 'x')",
    "range(99999).exists(a, input.big.split('0').size() == 1)",
    "range(99999).exists(a, string(input) == 'x')",
    "range(99999).exists(a, int(input.big + '1') == 1)",
    "range(99999).exists(a, float(input.big) == 1.0)",
    "range(99999).exists(a, input.big.matches('^1$'))",
    "range(99999).exists(a, input.big.matches('(a+)+$'))",
    "input.big.matches('[01]*1[01]{400}2')",
    "input.big.matches('(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)[^01]')",
    "range(9999).exists(a, 'x'.matches('x{500}{3}' + string(a)))",
    "range(9999).exists(a, 'x'.matches('\\\\w{60}' + string(a)))",
    "range(9999).exists(a, 'x'.matches('\\\\w{90}' + string(a)))",
    "range(9999).exists(a, 'x'.matches('x{1000}{20}' + string(a)))",
    "input.big.matches('[01]*1[01]{400}$[^01]')",
    "input.big.matches('[01]*1[01]{400}[A-Z]')",
    "input.big.matches('[01]*1[01]{4000}[A-Z]')",
    "input.big.matches('(?:[01]?){300}[A-Z]+[01]')",
    "input.bits.matches('[01]*1[01]{400}[A-Z]')",
    "input.bits.matches('[01]*1[01]{4000}[A-Z]')",
    "input.bits.matches('(?i)(?:0|1|01|10)*1.{400}[A-Z]')",
];

/// FL-06: an evaluation stops within 10 ms of its limit of steps, whatever it does; FL-08: also with patterns that other
/// engines think long about.
#[test]
fn fl_06_and_08_an_evaluation_stops() {
    /// A million steps take 10 ms on a quiet machine, and the end 10 more; twice that on a busy one.
    const PROMISED: Duration = Duration::from_millis(40);
    let world = World::new();
    let mut slow = Vec::new();
    for source in GREEDY {
        let expr = Expr::parse(source).unwrap_or_else(|e| panic!("{source}: {e}"));
        if let Some(took) = over(PROMISED, || drop(expr.eval(&world))) {
            let ended = expr.eval(&world).map(drop).map_err(|error| error.code);
            slow.push(format!("{took:?} {ended:?}: {source}"));
        }
    }
    assert!(slow.is_empty(), "{}", slow.join("\n"));
}

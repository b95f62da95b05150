//! Drives a target with damaged seeds: the same damage in each run, so that a failure comes again, and much more of it in
//! the soak.
//!
//! The input of each round lies in a file while it is tried, so that it is there also when the process is gone: a stack
//! that overflows leaves nothing else. A round that never ends is ended, process and all, by a thread that watches.

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use walkdir::WalkDir;

use crate::Target;

/// Bytes of one input; a file of a user is rarely longer.
const MOST_BYTES: usize = 64 * 1024;

/// Until when a round has to end at all.
const HANGS: Duration = Duration::from_secs(20);

/// How often a slow round is tried again: a neighbour on the machine cannot spoil all of them.
const ATTEMPTS: usize = 5;

/// What a build without optimization may take longer, and work that is not counted at all still does not.
const UNOPTIMIZED: u32 = 20;

/// Bytes that the process may grow by, over all rounds: the largest input many times over, and what allocators keep.
const GROWTH: u64 = 256 * 1024 * 1024;

/// Failures after which nothing new is learned.
const ENOUGH: usize = 5;

/// Xorshift: small, fast, and the same everywhere.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n.max(1) as u64) as usize
    }

    /// A piece of a text, mostly short.
    fn piece<'a>(&mut self, text: &'a [u8]) -> &'a [u8] {
        let from = self.below(text.len() + 1);
        let most = if self.below(8) == 0 { text.len() } else { 24 };
        let length = self.below(most + 1).min(text.len() - from);
        &text[from..from + length]
    }

    /// One seed with some damage done to it.
    fn damaged(&mut self, seeds: &[Vec<u8>], tokens: &[&str]) -> Vec<u8> {
        let mut bytes = seeds[self.below(seeds.len())].clone();
        for _ in 0..1 + self.below(6) {
            let at = self.below(bytes.len() + 1);
            match self.below(9) {
                0 | 1 => {
                    let token = tokens[self.below(tokens.len())];
                    bytes.splice(at..at, token.bytes());
                }
                2 => {
                    let end = (at + 1 + self.below(12)).min(bytes.len());
                    bytes.drain(at.min(end)..end);
                }
                3 => {
                    let other = &seeds[self.below(seeds.len())];
                    let piece = self.piece(other).to_vec();
                    bytes.splice(at..at, piece);
                }
                4 => {
                    let piece = self.piece(&bytes).to_vec();
                    bytes.splice(at..at, piece);
                }
                5 if self.below(4) == 0 => {
                    let token = tokens[self.below(tokens.len())].repeat(1 + self.below(400));
                    bytes.splice(at..at, token.into_bytes());
                }
                6 if self.below(16) == 0 => {
                    let piece = self.piece(&bytes).to_vec();
                    let times = self.below(MOST_BYTES / (piece.len() + 1));
                    bytes.splice(at..at, piece.repeat(times));
                }
                7 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                _ => {
                    let byte = self.below(256) as u8;
                    bytes.insert(at, if self.below(4) == 0 { byte } else { b' ' + byte % 95 });
                }
            }
        }
        bytes.truncate(MOST_BYTES);
        bytes
    }
}

/// Tries a target with its seeds and `rounds` times with damaged ones. Inputs that fail are kept in `folder`.
///
/// # Panics
/// With what failed, and where the inputs are.
pub fn drive(target: &Target, rounds: u64, folder: &Path) {
    let seeds = seeds(target);
    assert!(!seeds.is_empty(), "`{}` has no seeds", target.name);
    std::fs::create_dir_all(folder).unwrap();
    let mut suspect =
        Suspect::new(folder.join(format!("{}-suspect-{}", target.name, std::process::id())));
    let watched = Watched::begin(suspect.path.clone());
    let (mut chance, mut failures) = (Chance(0x9E37_79B9_7F4A_7C15), Vec::new());
    let grown = resident();
    for round in 0..seeds.len() as u64 + rounds {
        let input = match seeds.get(round as usize) {
            Some(seed) => seed.clone(),
            None => chance.damaged(&seeds, target.tokens),
        };
        suspect.is(&input);
        watched.round();
        if let Some(why) = tried(target, &input) {
            let kept = folder.join(format!("{}-{round}", target.name));
            std::fs::write(&kept, &input).unwrap();
            let shown = String::from_utf8_lossy(&input[..input.len().min(400)]).into_owned();
            failures.push(format!("round {round} {why}, kept as {}: {shown:?}", kept.display()));
        }
        assert!(failures.len() < ENOUGH, "`{}`:\n{}", target.name, failures.join("\n\n"));
    }
    drop(watched);
    suspect.acquitted();
    assert!(failures.is_empty(), "`{}`:\n{}", target.name, failures.join("\n\n"));
    if let (Some(before), Some(after)) = (grown, resident()) {
        let grown = after.saturating_sub(before);
        assert!(grown <= GROWTH, "`{}` took {grown} bytes of memory; {GROWTH} may be", target.name);
    }
}

/// Seeds of the target's folder and of the repository, in the order of their paths.
fn seeds(target: &Target) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let own = [(root.join("seeds").join(target.name), "")];
    let others = target.files.iter().map(|(folder, end)| (root.join("../..").join(folder), *end));
    let mut paths = Vec::new();
    for (folder, end) in own.into_iter().chain(others) {
        let kept = |entry: &walkdir::DirEntry| {
            let name = entry.file_name().to_string_lossy();
            !entry.file_type().is_dir()
                || name != "target" && name != "node_modules" && name != "vendor"
        };
        let entries = WalkDir::new(folder).into_iter().filter_entry(kept).filter_map(Result::ok);
        let files = entries.filter(|entry| entry.file_type().is_file());
        paths.extend(
            files
                .map(walkdir::DirEntry::into_path)
                .filter(|path| path.to_string_lossy().ends_with(end)),
        );
    }
    paths.sort();
    let mut seeds: Vec<Vec<u8>> = paths.iter().map(|path| std::fs::read(path).unwrap()).collect();
    // A component in text is two seeds: damage of text makes other components, damage of bytes makes none.
    let texts = paths.iter().filter(|path| path.extension().is_some_and(|end| end == "wat"));
    seeds.extend(texts.map(|path| wat::parse_file(path).unwrap()).collect::<Vec<_>>());
    seeds
}

/// Tries an input; says what went wrong.
fn tried(target: &Target, input: &[u8]) -> Option<String> {
    let allowed = Duration::from_millis(target.slow);
    let allowed = if cfg!(debug_assertions) { allowed * UNOPTIMIZED } else { allowed };
    let mut best = Duration::MAX;
    for _ in 0..ATTEMPTS {
        let started = Instant::now();
        if catch_unwind(AssertUnwindSafe(|| (target.run)(input))).is_err() {
            return Some("panics".into());
        }
        best = best.min(started.elapsed());
        if best <= allowed {
            return None;
        }
    }
    Some(format!("takes {best:?}"))
}

/// The file of the input that is being tried, written over in place: a file that is made anew for each round would cost
/// more than the round.
struct Suspect {
    path: PathBuf,
    file: File,
}

impl Suspect {
    fn new(path: PathBuf) -> Self {
        let file = File::create(&path).unwrap();
        Self { path, file }
    }

    fn is(&mut self, input: &[u8]) {
        self.file.rewind().unwrap();
        self.file.write_all(input).unwrap();
        self.file.set_len(input.len() as u64).unwrap();
    }

    fn acquitted(self) {
        std::fs::remove_file(&self.path).unwrap();
    }
}

/// Ends the process when a round does not end.
struct Watched(Arc<AtomicU64>);

impl Watched {
    #[expect(clippy::print_stderr, reason = "the process ends, and this is all that it says")]
    fn begin(suspect: PathBuf) -> Self {
        let rounds = Arc::new(AtomicU64::new(0));
        let seen = Arc::downgrade(&rounds);
        std::thread::spawn(move || {
            let (mut last, mut since) = (0, Instant::now());
            while let Some(rounds) = seen.upgrade() {
                let now = rounds.load(Ordering::Relaxed);
                drop(rounds);
                if now != last {
                    (last, since) = (now, Instant::now());
                } else if since.elapsed() > HANGS {
                    eprintln!("this input hangs: {}", suspect.display());
                    std::process::abort();
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        Self(rounds)
    }

    fn round(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Bytes of the process at its worst moment, where the system tells.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib * 1024)
}

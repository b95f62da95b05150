//! What the shim noted: calls that changed files and names, in the order in which they happened.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

/// A file for as long as it exists: the system gives the number of one that was removed to the next.
pub type FileNr = usize;

/// One call. Paths are those below the folder that is watched; the folder itself is the empty one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Bytes were written to a place of a file.
    Write {
        /// Which file.
        file: FileNr,
        /// Where.
        at: usize,
        /// What.
        bytes: Vec<u8>,
    },
    /// A file got a size.
    Truncate {
        /// Which file.
        file: FileNr,
        /// Its size.
        size: usize,
    },
    /// What was written to a file is on the disk, unless that failed.
    Sync {
        /// Which file.
        file: FileNr,
        /// Whether it failed.
        failed: bool,
    },
    /// A new file got a name.
    Create {
        /// Its name.
        path: String,
        /// The file.
        file: FileNr,
    },
    /// A file got one more name.
    Link {
        /// The name that it had.
        from: String,
        /// The new one.
        to: String,
    },
    /// A name was removed.
    Unlink {
        /// Which.
        path: String,
    },
    /// A name was changed.
    Rename {
        /// What it was.
        from: String,
        /// What it is.
        to: String,
    },
    /// A folder was made.
    Mkdir {
        /// Its name.
        path: String,
    },
    /// The names in a folder are on the disk, unless that failed.
    SyncFolder {
        /// Which.
        path: String,
        /// Whether it failed.
        failed: bool,
    },
}

impl Op {
    /// Whether it is a sync that failed.
    pub fn failed(&self) -> bool {
        matches!(self, Self::Sync { failed: true, .. } | Self::SyncFolder { failed: true, .. })
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write { file, at, bytes } => {
                write!(f, "{} bytes were written to {at} of file {file}", bytes.len())
            }
            other => write!(f, "{other:?}"),
        }
    }
}

/// Bytes of the head of a note: two flags, lengths of name and data, file, place.
const HEAD: usize = 24;

/// Reads what was noted of the folder `root`. A note that a process did not finish is left out.
///
/// # Panics
/// When a file is written that was there before the trace began: what it held is not known.
pub fn read(bytes: &[u8], root: &Path) -> Vec<Op> {
    let root = root.to_str().unwrap();
    let below =
        |path: &str| path.strip_prefix(root).unwrap_or(path).trim_start_matches('/').to_owned();
    let (mut ops, mut files, mut left) = (Vec::new(), HashMap::new(), bytes);
    while left.len() >= HEAD {
        let (name, data) = (u16_at(left, 2) as usize, u32_at(left, 4) as usize);
        let Some(note) = left.get(..HEAD + name + data) else { break };
        let text = |bytes: &[u8]| below(std::str::from_utf8(bytes).unwrap());
        let (path, rest) = (text(&note[HEAD..HEAD + name]), &note[HEAD + name..]);
        let (number, at) = (u64_at(note, 8), u64_at(note, 16) as usize);
        let known = |files: &HashMap<u64, FileNr>| files.get(&number).copied();
        let file = || known(&files).expect("a file is created in the trace");
        let failed = note[1] != 0;
        let op = match note[0] {
            1 => Op::Write { file: file(), at, bytes: rest.to_vec() },
            2 => Op::Truncate { file: file(), size: at },
            3 => Op::Sync { file: file(), failed },
            4 => {
                let created = ops.iter().filter(|op| matches!(op, Op::Create { .. })).count();
                files.insert(number, created);
                Op::Create { path, file: created }
            }
            5 => Op::Link { from: path, to: text(rest) },
            6 => Op::Unlink { path },
            7 => Op::Rename { from: path, to: text(rest) },
            8 => Op::Mkdir { path },
            9 => Op::SyncFolder { path, failed },
            other => panic!("the shim notes no {other}"),
        };
        ops.push(op);
        left = &left[note.len()..];
    }
    ops
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap())
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

//! The door to files: a path is opened beneath a handle of the granted folder, so that a link planted a
//! moment ago leads nowhere else.

mod tree;

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt, OpenOptionsSyncExt};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, Metadata, OpenOptions};
use cleargate_flow::error::ErrorCode;
use cleargate_flow::grant::{FilePattern, Grants};
use cleargate_flow::{NodeError, Value};

use crate::quota;
use crate::request::{FileAction, FileOp, Opening};
use crate::response::{Bytes, Response};

/// The folder that relative paths begin at: the flow's own. One that cannot be opened says why to whoever uses it,
/// because most flows use no files.
#[derive(Clone, Debug)]
pub struct Folder(Arc<Result<Dir, String>>);

impl Folder {
    /// Opens a folder for good: what is renamed later does not move it.
    pub fn open(path: &Path) -> Self {
        let dir = Dir::open_ambient_dir(path, ambient_authority());
        let why = |e| format!("the flow's folder {} cannot be opened: {e}", path.display());
        Self(Arc::new(dir.map_err(why)))
    }

    fn dir(&self) -> io::Result<&Dir> {
        self.0.as_ref().as_ref().map_err(|why| io::Error::other(why.as_str()))
    }
}

/// Takes secrets out of what was read.
pub(crate) struct Mask<'a> {
    /// Bytes around a range in which a part of one may lie.
    pub(crate) margin: usize,
    /// Masks without a change of length.
    pub(crate) blank: &'a dyn Fn(Vec<u8>) -> Vec<u8>,
}

/// Performs an operation that `grants` cover. Blocks.
pub(crate) fn perform(
    op: &FileOp,
    grants: &Grants,
    folder: Option<&Folder>,
    bound: u64,
    mask: &Mask<'_>,
) -> Result<Response, NodeError> {
    let write = op.action.writes();
    let place = |path: &str| Place::find(grants, path, write, folder);
    let act = || -> Result<Response, Trouble> {
        let at = place(&op.path)?;
        Ok(match &op.action {
            FileAction::Read => Response::Bytes(Bytes(at.read(bound)?)),
            FileAction::Write(bytes) => {
                let how = Opening { write: true, create: true, follow: true, ..Opening::default() };
                let mut file = at.open(how)?;
                file.set_len(0)?;
                file.write_all(bytes)?;
                file.sync_all()?;
                Response::Done
            }
            FileAction::Open(how) => Response::File(at.opened(*how)?),
            FileAction::ReadAt { offset, length } => {
                let length = u64::from(*length).min(bound);
                Response::Bytes(Bytes(at.read_at(*offset, length, mask)?))
            }
            FileAction::WriteAt { offset, bytes } => {
                within(offset.saturating_add(bytes.len() as u64))?;
                let mut file = at.open(CHANGED)?;
                file.seek(SeekFrom::Start(*offset))?;
                file.write_all(bytes)?;
                Response::Done
            }
            FileAction::Append(bytes) => {
                let mut file = at.open(CHANGED)?;
                let end = file.seek(SeekFrom::End(0))?;
                within(end.saturating_add(bytes.len() as u64))?;
                file.write_all(bytes)?;
                Response::Done
            }
            FileAction::Resize(size) => {
                within(*size)?;
                at.open(CHANGED)?.set_len(*size)?;
                Response::Done
            }
            FileAction::Sync => {
                at.open(CHANGED)?.sync_all()?;
                Response::Done
            }
            FileAction::Look { follow } => Response::File(at.look(*follow)?),
            FileAction::List { after } => {
                let (entries, next) = at.list(after.as_deref(), bound)?;
                Response::Entries { entries, next }
            }
            FileAction::MakeFolder => at.make_folder()?,
            FileAction::RemoveFile => at.remove_file()?,
            FileAction::RemoveFolder => at.remove_folder()?,
            FileAction::Rename { to } => at.rename(&place(to)?)?,
        })
    };
    act().map_err(|trouble| trouble.told(&op.path))
}

/// To be changed where it is.
const CHANGED: Opening = Opening {
    write: true,
    create: false,
    exclusive: false,
    truncate: false,
    folder: false,
    follow: true,
};

/// Bytes that a file may grow to: no plugin fills a disk by one number.
const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024 * 1024;

fn within(size: u64) -> Result<(), Trouble> {
    match size {
        0..=MAX_FILE_BYTES => Ok(()),
        _ => Err(Trouble::Over("file", MAX_FILE_BYTES)),
    }
}

/// Why an operation failed.
enum Trouble {
    Io(io::Error),
    /// What it is makes it impossible: the word of the kind of failure, and a sentence.
    Kind(&'static str, &'static str),
    /// The limit of this name and number.
    Over(&'static str, u64),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Trouble {
    /// The failure as a node sees it: one word for programs in its detail, a sentence for people.
    fn told(self, path: &str) -> NodeError {
        let (word, why) = match self {
            Self::Over(limit, bound) => return quota::over(limit, bound),
            Self::Kind(word, why) => (word, why.to_owned()),
            Self::Io(error) => (word(&error), error.to_string()),
        };
        NodeError::new(ErrorCode::Permanent, format!("`{path}` cannot be used: {why}"))
            .with_detail(Value::record([("file", word.into())]))
    }
}

/// The kind of a failure as programs tell them apart.
fn word(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "absent",
        io::ErrorKind::AlreadyExists => "exists",
        io::ErrorKind::PermissionDenied => "refused",
        io::ErrorKind::NotADirectory => "no_folder",
        io::ErrorKind::IsADirectory => "folder",
        io::ErrorKind::DirectoryNotEmpty => "not_empty",
        io::ErrorKind::ReadOnlyFilesystem => "read_only",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "full",
        io::ErrorKind::CrossesDevices => "elsewhere",
        io::ErrorKind::InvalidFilename | io::ErrorKind::InvalidInput => "name",
        _ => "failed",
    }
}

/// A path beneath the handle of the granted folder that it lies in.
struct Place {
    dir: Dir,
    /// Never empty: `.` is the folder itself.
    name: String,
    /// Below a granted folder a link may lead elsewhere below it; a granted file is itself and no other.
    links: bool,
}

impl Place {
    fn find(
        grants: &Grants,
        path: &str,
        write: bool,
        folder: Option<&Folder>,
    ) -> Result<Self, Trouble> {
        let pattern = (grants.files.iter())
            .find(|pattern| pattern.covers(path, write))
            .expect("a decided request is covered by a grant");
        let (dir, name) = beneath(pattern, path, folder)?;
        let name = if name.is_empty() { ".".into() } else { name };
        Ok(Self { dir, name, links: pattern.path.ends_with('/') })
    }

    fn metadata(&self, follow: bool) -> io::Result<Metadata> {
        match follow && self.links {
            true => self.dir.metadata(&self.name),
            false => self.dir.symlink_metadata(&self.name),
        }
    }

    /// Opens a regular file and nothing else. What is judged is what was opened, so that nobody can put something
    /// else in its place in between; and a pipe that nobody writes to cannot hold the thread.
    fn open(&self, how: Opening) -> Result<File, Trouble> {
        let mut options = OpenOptions::new();
        options.read(!how.write).write(how.write || how.truncate || how.create);
        options.create(how.create && !how.exclusive).create_new(how.create && how.exclusive);
        options.nonblock(true);
        let follow = how.follow && self.links;
        options.follow(if follow { FollowSymlinks::Yes } else { FollowSymlinks::No });
        // A device may act when it is opened at all.
        check_regular(
            self.metadata(how.follow).map_or_else(missing, |found| Ok(found.is_file()))?,
        )?;
        let file = self.dir.open_with(&self.name, &options)?;
        check_regular(file.metadata()?.is_file())?;
        if how.truncate {
            file.set_len(0)?;
        }
        Ok(file)
    }

    fn read(&self, bound: u64) -> Result<Vec<u8>, Trouble> {
        let mut bytes = Vec::new();
        let file = self.open(Opening { follow: true, ..Opening::default() })?;
        file.take(bound.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > bound { Err(Trouble::Over("payload", bound)) } else { Ok(bytes) }
    }

    /// Reads more than the range, so that a secret cannot hide on its border.
    fn read_at(&self, offset: u64, length: u64, mask: &Mask<'_>) -> Result<Vec<u8>, Trouble> {
        let mut file = self.open(Opening { follow: true, ..Opening::default() })?;
        if offset >= file.metadata()?.len() {
            return Ok(Vec::new());
        }
        let margin = mask.margin as u64;
        let from = offset.saturating_sub(margin);
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        let before = offset - from;
        file.take(before.saturating_add(length).saturating_add(margin)).read_to_end(&mut bytes)?;
        let bytes = (mask.blank)(bytes);
        let at = |place: u64| usize::try_from(place).unwrap_or(usize::MAX).min(bytes.len());
        Ok(bytes[at(before)..at(before.saturating_add(length))].to_vec())
    }
}

/// What is not there yet may become a file; the open says whether it must exist.
fn missing(error: io::Error) -> io::Result<bool> {
    if error.kind() == io::ErrorKind::NotFound { Ok(true) } else { Err(error) }
}

fn check_regular(is_file: bool) -> Result<(), Trouble> {
    let message = "it is no regular file (a link, a folder, a pipe or a device)";
    if is_file { Ok(()) } else { Err(Trouble::Kind("no_file", message)) }
}

/// The handle of the granted folder, and the path beneath it. A granted file is reached through its folder,
/// and must not be a link itself.
fn beneath(
    pattern: &FilePattern,
    path: &str,
    folder: Option<&Folder>,
) -> io::Result<(Dir, String)> {
    let granted = match pattern.path.strip_suffix('/') {
        Some(granted) => granted,
        None => path.rsplit_once('/').map_or("", |(parent, _)| parent),
    };
    let name = path[granted.len()..].trim_start_matches('/').to_owned();
    let dir = if path.starts_with('/') {
        let granted = if granted.is_empty() { "/" } else { granted };
        Dir::open_ambient_dir(granted, ambient_authority())?
    } else {
        let root = folder.ok_or_else(|| io::Error::other("the run has no folder"))?;
        root.dir()?.open_dir(if granted.is_empty() { "." } else { granted })?
    };
    Ok((dir, name))
}

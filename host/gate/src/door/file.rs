//! The door to files: a path is opened beneath a handle of the granted folder, so that a link planted a
//! moment ago leads nowhere else.

use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;

use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt, OpenOptionsSyncExt};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, OpenOptions};
use cleargate_flow::NodeError;
use cleargate_flow::error::ErrorCode;
use cleargate_flow::grant::{FilePattern, Grants};

use crate::quota;
use crate::request::{FileAction, FileOp};
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

/// Performs an operation that `grants` cover. Blocks.
pub(crate) fn perform(
    op: FileOp,
    grants: &Grants,
    folder: Option<&Folder>,
    bound: u64,
) -> Result<Response, NodeError> {
    let write = matches!(op.action, FileAction::Write(_));
    let pattern = (grants.files.iter())
        .find(|pattern| pattern.covers(&op.path, write))
        .expect("a decided request is covered by a grant");
    let failed = |error: io::Error| {
        NodeError::new(ErrorCode::Permanent, format!("`{}` cannot be used: {error}", op.path))
    };
    let mut file = open(pattern, &op, folder).map_err(failed)?;
    match &op.action {
        FileAction::Read => {
            let mut bytes = Vec::new();
            file.take(bound.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
            if bytes.len() as u64 > bound {
                return Err(quota::over("payload", bound));
            }
            Ok(Response::Bytes(Bytes(bytes)))
        }
        FileAction::Write(bytes) => {
            let mut write = || {
                file.set_len(0)?;
                file.write_all(bytes)?;
                file.sync_all()
            };
            write().map_err(failed)?;
            Ok(Response::Done)
        }
    }
}

/// Opens a regular file and nothing else. What is judged is what was opened, so that nobody can put something
/// else in its place in between; and a pipe that nobody writes to cannot hold the thread.
fn open(pattern: &FilePattern, op: &FileOp, folder: Option<&Folder>) -> io::Result<File> {
    let (dir, name) = beneath(pattern, &op.path, folder)?;
    let mut options = OpenOptions::new();
    match op.action {
        FileAction::Read => options.read(true),
        FileAction::Write(_) => options.write(true).create(true),
    };
    options.nonblock(true);
    // Below a granted folder a link may lead elsewhere below it; a granted file is itself and no other.
    let is_folder = pattern.path.ends_with('/');
    options.follow(if is_folder { FollowSymlinks::Yes } else { FollowSymlinks::No });
    // A device may act when it is opened at all.
    let kind = if is_folder { dir.metadata(&name) } else { dir.symlink_metadata(&name) };
    check_regular(kind.map_or_else(missing, |found| Ok(found.is_file()))?)?;
    let file = dir.open_with(&name, &options)?;
    check_regular(file.metadata()?.is_file())?;
    Ok(file)
}

/// What is not there yet may become a file; the open says whether it must exist.
fn missing(error: io::Error) -> io::Result<bool> {
    if error.kind() == io::ErrorKind::NotFound { Ok(true) } else { Err(error) }
}

fn check_regular(is_file: bool) -> io::Result<()> {
    let message = "it is no regular file (a link, a folder, a pipe or a device)";
    if is_file { Ok(()) } else { Err(io::Error::other(message)) }
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

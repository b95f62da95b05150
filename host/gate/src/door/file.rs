//! The door to files: a path is opened beneath a handle of the granted folder, so that a link planted a
//! moment ago leads nowhere else.

use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};
use cleargate_flow::NodeError;
use cleargate_flow::error::ErrorCode;
use cleargate_flow::grant::{FilePattern, Grants};

use crate::quota;
use crate::request::{FileAction, FileOp};
use crate::response::{Bytes, Response};

/// The folder that relative paths begin at: the flow's own.
#[derive(Clone, Debug)]
pub struct Folder(Arc<Dir>);

impl Folder {
    /// Opens a folder for good: what is renamed later does not move it.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(Arc::new(Dir::open_ambient_dir(path, ambient_authority())?)))
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
    let (dir, name) = beneath(pattern, &op.path, folder).map_err(failed)?;
    let link = || dir.symlink_metadata(&name).is_ok_and(|found| found.is_symlink());
    if !pattern.path.ends_with('/') && link() {
        return Err(failed(io::Error::other("the grant names a file, and this is a link")));
    }
    match &op.action {
        FileAction::Read => {
            let file = dir.open(&name).map_err(failed)?;
            if !file.metadata().map_err(failed)?.is_file() {
                return Err(failed(io::Error::other("it is no regular file")));
            }
            let mut bytes = Vec::new();
            file.take(bound.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
            if bytes.len() as u64 > bound {
                return Err(quota::over("payload", bound));
            }
            Ok(Response::Bytes(Bytes(bytes)))
        }
        FileAction::Write(bytes) => {
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(true);
            let mut file = dir.open_with(&name, &options).map_err(failed)?;
            file.write_all(bytes).map_err(failed)?;
            file.sync_all().map_err(failed)?;
            Ok(Response::Done)
        }
    }
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
        root.0.open_dir(if granted.is_empty() { "." } else { granted })?
    };
    Ok((dir, name))
}

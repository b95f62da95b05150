//! What a granted folder holds: looking, listing, making, removing and renaming beneath its handle.

use std::io;
use std::time::UNIX_EPOCH;

use cap_std::fs::{FileType, Metadata};

use super::{Place, Trouble};
use crate::request::{FileEntry, FileInfo, FileKind, Opening};
use crate::response::Response;

/// Names of one page.
const PAGE: usize = 1_000;

/// Names that a folder may have to be listed: all are read for each page, so that pages are in order.
const MAX_NAMES: usize = 100_000;

impl Place {
    pub(super) fn look(&self, follow: bool) -> io::Result<FileInfo> {
        Ok(info(&self.metadata(follow)?))
    }

    /// Looks whether it can be opened as asked, makes and empties it as asked, and says what it is.
    pub(super) fn opened(&self, how: Opening) -> Result<FileInfo, Trouble> {
        match self.metadata(how.follow) {
            Ok(_) if how.create && how.exclusive => {
                return Err(Trouble::Kind("exists", "it is there already"));
            }
            Ok(found) if found.is_dir() => {
                if how.write || how.truncate {
                    return Err(Trouble::Kind("folder", "it is a folder"));
                }
                return Ok(info(&found));
            }
            Ok(_) if how.folder => return Err(Trouble::Kind("no_folder", "it is no folder")),
            Ok(found) if found.is_symlink() => {
                return Err(Trouble::Kind("link", "it is a link, which is not followed"));
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound || !how.create => {
                return Err(error.into());
            }
            _ => {}
        }
        Ok(info(&self.open(how)?.metadata()?))
    }

    /// The names of a page, and the last one when there are more.
    pub(super) fn list(
        &self,
        after: Option<&str>,
        bound: u64,
    ) -> Result<(Vec<FileEntry>, Option<String>), Trouble> {
        let mut all = Vec::new();
        for (count, entry) in self.dir.read_dir(&self.name)?.enumerate() {
            if count == MAX_NAMES {
                return Err(Trouble::Over("names", MAX_NAMES as u64));
            }
            let entry = entry?;
            // What has no name in Unicode cannot be asked for.
            let Ok(name) = entry.file_name().into_string() else { continue };
            if after.is_none_or(|after| name.as_str() > after) {
                all.push(FileEntry { name, kind: kind(entry.file_type()?) });
            }
        }
        all.sort_by(|a, b| a.name.cmp(&b.name));
        let (mut bytes, mut kept) = (0, 0);
        for entry in all.iter().take(PAGE) {
            bytes += entry.name.len() as u64;
            if bytes > bound {
                break;
            }
            kept += 1;
        }
        if kept == 0 && !all.is_empty() {
            return Err(Trouble::Over("payload", bound));
        }
        let more = kept < all.len();
        all.truncate(kept);
        let next = all.last().filter(|_| more).map(|entry| entry.name.clone());
        Ok((all, next))
    }

    pub(super) fn make_folder(&self) -> Result<Response, Trouble> {
        self.dir.create_dir(self.inside()?)?;
        Ok(Response::Done)
    }

    pub(super) fn remove_file(&self) -> Result<Response, Trouble> {
        self.dir.remove_file(self.inside()?)?;
        Ok(Response::Done)
    }

    pub(super) fn remove_folder(&self) -> Result<Response, Trouble> {
        self.dir.remove_dir(self.inside()?)?;
        Ok(Response::Done)
    }

    pub(super) fn rename(&self, to: &Self) -> Result<Response, Trouble> {
        self.dir.rename(self.inside()?, &to.dir, to.inside()?)?;
        Ok(Response::Done)
    }

    /// The name of something in the granted folder: the folder itself stays where its operator put it.
    fn inside(&self) -> Result<&str, Trouble> {
        match self.name.as_str() {
            "." => Err(Trouble::Kind("refused", "the granted folder itself stays")),
            name => Ok(name),
        }
    }
}

fn info(found: &Metadata) -> FileInfo {
    let modified = found.modified().ok().map(|at| at.into_std());
    let modified = modified.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    FileInfo {
        kind: kind(found.file_type()),
        size: if found.is_file() { found.len() } else { 0 },
        modified: modified.and_then(|at| i64::try_from(at.as_millis()).ok()),
    }
}

fn kind(found: FileType) -> FileKind {
    match () {
        () if found.is_file() => FileKind::File,
        () if found.is_dir() => FileKind::Folder,
        () if found.is_symlink() => FileKind::Link,
        () => FileKind::Other,
    }
}

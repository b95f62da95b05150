//! What a node may ask of files: whole ones, as built-in nodes take them, and piece by piece, as programs do.
//!
//! A file is named by its path in each request, never by a handle, so each request is decided anew; and it is read in
//! ranges, so that none is larger than what may cross at once.

use cleargate_flow::signature::Effect;
use serde::{Deserialize, Serialize};

use super::Frame;

/// An operation on a file or a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileOp {
    /// Relative to the flow's folder, or absolute; without `.` and `..`.
    pub path: String,
    /// What to do.
    pub action: FileAction,
}

/// What is done with a file or a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileAction {
    /// Reads the whole file.
    Read,
    /// Replaces the whole file, or makes it.
    Write(Vec<u8>),
    /// Looks whether it can be used as asked; the answer is what it is.
    Open(Opening),
    /// At most `length` bytes from `offset`; fewer at the end.
    ReadAt {
        /// First byte.
        offset: u64,
        /// Greatest length of the answer.
        length: u32,
    },
    /// Writes over what is there, and grows the file as it must.
    WriteAt {
        /// First byte.
        offset: u64,
        /// What to write.
        bytes: Vec<u8>,
    },
    /// Writes behind what is there.
    Append(Vec<u8>),
    /// Cuts the file, or grows it with zeroes.
    Resize(u64),
    /// Waits until what was written is on the disk.
    Sync,
    /// What it is, without opening it.
    Look {
        /// Whether a link at the end of the path stands for where it leads.
        follow: bool,
    },
    /// Names in a folder in byte order that come after `after`.
    List {
        /// The last name of the page before.
        after: Option<String>,
    },
    /// Makes a folder.
    MakeFolder,
    /// Removes a file or a link.
    RemoveFile,
    /// Removes an empty folder.
    RemoveFolder,
    /// Gives it another name, in the place of what has that name.
    Rename {
        /// In the same form as the path.
        to: String,
    },
}

/// How a file is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// To be changed.
    pub write: bool,
    /// Made, when it is not there.
    pub create: bool,
    /// With `create`: only when it is not there.
    pub exclusive: bool,
    /// Emptied.
    pub truncate: bool,
    /// Only when it is a folder.
    pub folder: bool,
    /// Whether a link at the end of the path stands for where it leads.
    pub follow: bool,
}

/// What something beneath a folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A link.
    Link,
    /// A pipe, a socket, a device.
    Other,
}

/// What is known of a file without reading it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileInfo {
    /// What it is.
    pub kind: FileKind,
    /// Bytes; 0 for what is no file.
    pub size: u64,
    /// When it was changed last, in milliseconds since 1970-01-01T00:00:00Z.
    pub modified: Option<i64>,
}

/// A name in a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Without the folder.
    pub name: String,
    /// What it is.
    pub kind: FileKind,
}

impl FileAction {
    /// Whether it changes something, which the grant must say.
    pub(crate) fn writes(&self) -> bool {
        match self {
            Self::Read | Self::ReadAt { .. } | Self::Look { .. } | Self::List { .. } => false,
            Self::Open(how) => how.write || how.create || how.truncate,
            _ => true,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write(_) => "write",
            Self::Open(_) => "open",
            Self::ReadAt { .. } => "read at",
            Self::WriteAt { .. } => "write at",
            Self::Append(_) => "append to",
            Self::Resize(_) => "resize",
            Self::Sync => "sync",
            Self::Look { .. } => "look at",
            Self::List { .. } => "list",
            Self::MakeFolder => "make folder",
            Self::RemoveFile => "remove",
            Self::RemoveFolder => "remove folder",
            Self::Rename { .. } => "rename",
        }
    }

    /// What it writes.
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Write(bytes) | Self::WriteAt { bytes, .. } | Self::Append(bytes) => bytes,
            _ => &[],
        }
    }
}

impl FileOp {
    pub(super) fn summary(&self) -> String {
        match &self.action {
            FileAction::Rename { to } => format!("file rename {} to {to}", self.path),
            action => format!("file {} {}", action.name(), self.path),
        }
    }

    pub(super) fn frame(&self, frame: &mut Frame) {
        // The words of those that exist longest, so that runs of earlier versions are resumed.
        frame.text(&format!("file {}", self.action.name())).text(&self.path);
        match &self.action {
            FileAction::Read
            | FileAction::Sync
            | FileAction::MakeFolder
            | FileAction::RemoveFile
            | FileAction::RemoveFolder => {}
            FileAction::Write(bytes) | FileAction::Append(bytes) => drop(frame.bytes(bytes)),
            FileAction::Open(how) => {
                let flags =
                    [how.write, how.create, how.exclusive, how.truncate, how.folder, how.follow];
                frame.bytes(&flags.map(u8::from));
            }
            FileAction::ReadAt { offset, length } => drop(frame.number(*offset).number(*length)),
            FileAction::WriteAt { offset, bytes } => drop(frame.number(*offset).bytes(bytes)),
            FileAction::Resize(size) => drop(frame.number(*size)),
            FileAction::Look { follow } => drop(frame.number(u8::from(*follow))),
            FileAction::List { after } => {
                frame.maybe(after.as_ref().map(String::as_bytes));
            }
            FileAction::Rename { to } => drop(frame.text(to)),
        }
    }

    pub(super) fn effect(&self) -> Effect {
        match &self.action {
            FileAction::Open(how) if how.create && how.exclusive => Effect::Once,
            action if !action.writes() => Effect::Read,
            FileAction::Open(_)
            | FileAction::Write(_)
            | FileAction::WriteAt { .. }
            | FileAction::Resize(_)
            | FileAction::Sync => Effect::Idempotent,
            // Done again, each of them fails or does more.
            _ => Effect::Once,
        }
    }

    pub(super) fn payload(&self) -> usize {
        self.action.bytes().len()
    }
}

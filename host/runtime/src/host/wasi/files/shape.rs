//! The words of `wasi:filesystem`, and what the gate's answers are in them.

use cleargate_flow::error::{ErrorCode as Code, NodeError};
use wasmtime::component::{ComponentType, Lift, Lower, flags};

use super::super::clocks::Datetime;
use crate::world::{FileInfo, FileKind};

/// `error-code`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "the whole interface is named; this host has no use for all of it")]
pub(in super::super) enum ErrorCode {
    #[component(name = "access")]
    Access,
    #[component(name = "would-block")]
    WouldBlock,
    #[component(name = "already")]
    Already,
    #[component(name = "bad-descriptor")]
    BadDescriptor,
    #[component(name = "busy")]
    Busy,
    #[component(name = "deadlock")]
    Deadlock,
    #[component(name = "quota")]
    Quota,
    #[component(name = "exist")]
    Exist,
    #[component(name = "file-too-large")]
    FileTooLarge,
    #[component(name = "illegal-byte-sequence")]
    IllegalByteSequence,
    #[component(name = "in-progress")]
    InProgress,
    #[component(name = "interrupted")]
    Interrupted,
    #[component(name = "invalid")]
    Invalid,
    #[component(name = "io")]
    Io,
    #[component(name = "is-directory")]
    IsDirectory,
    #[component(name = "loop")]
    Loop,
    #[component(name = "too-many-links")]
    TooManyLinks,
    #[component(name = "message-size")]
    MessageSize,
    #[component(name = "name-too-long")]
    NameTooLong,
    #[component(name = "no-device")]
    NoDevice,
    #[component(name = "no-entry")]
    NoEntry,
    #[component(name = "no-lock")]
    NoLock,
    #[component(name = "insufficient-memory")]
    InsufficientMemory,
    #[component(name = "insufficient-space")]
    InsufficientSpace,
    #[component(name = "not-directory")]
    NotDirectory,
    #[component(name = "not-empty")]
    NotEmpty,
    #[component(name = "not-recoverable")]
    NotRecoverable,
    #[component(name = "unsupported")]
    Unsupported,
    #[component(name = "no-tty")]
    NoTty,
    #[component(name = "no-such-device")]
    NoSuchDevice,
    #[component(name = "overflow")]
    Overflow,
    #[component(name = "not-permitted")]
    NotPermitted,
    #[component(name = "pipe")]
    Pipe,
    #[component(name = "read-only")]
    ReadOnly,
    #[component(name = "invalid-seek")]
    InvalidSeek,
    #[component(name = "text-file-busy")]
    TextFileBusy,
    #[component(name = "cross-device")]
    CrossDevice,
}

/// `descriptor-type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "the whole interface is named; this host has no use for all of it")]
pub(in super::super) enum DescriptorType {
    #[component(name = "unknown")]
    Unknown,
    #[component(name = "block-device")]
    BlockDevice,
    #[component(name = "character-device")]
    CharacterDevice,
    #[component(name = "directory")]
    Directory,
    #[component(name = "fifo")]
    Fifo,
    #[component(name = "symbolic-link")]
    SymbolicLink,
    #[component(name = "regular-file")]
    RegularFile,
    #[component(name = "socket")]
    Socket,
}

/// `advice`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "the whole interface is named; this host has no use for all of it")]
pub(in super::super) enum Advice {
    #[component(name = "normal")]
    Normal,
    #[component(name = "sequential")]
    Sequential,
    #[component(name = "random")]
    Random,
    #[component(name = "will-need")]
    WillNeed,
    #[component(name = "dont-need")]
    DontNeed,
    #[component(name = "no-reuse")]
    NoReuse,
}

flags! {
    DescriptorFlags {
        #[component(name = "read")]
        const READ;
        #[component(name = "write")]
        const WRITE;
        #[component(name = "file-integrity-sync")]
        const FILE_INTEGRITY_SYNC;
        #[component(name = "data-integrity-sync")]
        const DATA_INTEGRITY_SYNC;
        #[component(name = "requested-write-sync")]
        const REQUESTED_WRITE_SYNC;
        #[component(name = "mutate-directory")]
        const MUTATE_DIRECTORY;
    }
}

flags! {
    PathFlags {
        #[component(name = "symlink-follow")]
        const SYMLINK_FOLLOW;
    }
}

flags! {
    OpenFlags {
        #[component(name = "create")]
        const CREATE;
        #[component(name = "directory")]
        const DIRECTORY;
        #[component(name = "exclusive")]
        const EXCLUSIVE;
        #[component(name = "truncate")]
        const TRUNCATE;
    }
}

/// `descriptor-stat`.
#[derive(ComponentType, Lift, Lower)]
#[component(record)]
pub(in super::super) struct Stat {
    #[component(name = "type")]
    pub(in super::super) kind: DescriptorType,
    #[component(name = "link-count")]
    links: u64,
    pub(in super::super) size: u64,
    #[component(name = "data-access-timestamp")]
    read: Option<Datetime>,
    #[component(name = "data-modification-timestamp")]
    pub(in super::super) written: Option<Datetime>,
    #[component(name = "status-change-timestamp")]
    changed: Option<Datetime>,
}

/// `new-timestamp`.
#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
pub(in super::super) enum NewTimestamp {
    #[component(name = "no-change")]
    NoChange,
    #[component(name = "now")]
    Now,
    #[component(name = "timestamp")]
    At(Datetime),
}

/// `directory-entry`.
#[derive(ComponentType, Lift, Lower)]
#[component(record)]
pub(in super::super) struct Entry {
    #[component(name = "type")]
    pub(super) kind: DescriptorType,
    pub(super) name: String,
}

/// `metadata-hash-value`.
#[derive(ComponentType, Lift, Lower)]
#[component(record)]
pub(in super::super) struct Hash {
    pub(super) lower: u64,
    pub(super) upper: u64,
}

impl From<FileKind> for DescriptorType {
    fn from(kind: FileKind) -> Self {
        match kind {
            FileKind::File => Self::RegularFile,
            FileKind::Folder => Self::Directory,
            FileKind::Link => Self::SymbolicLink,
            FileKind::Other => Self::Unknown,
        }
    }
}

impl From<FileInfo> for Stat {
    fn from(info: FileInfo) -> Self {
        let at = info.modified.and_then(|at| u64::try_from(at).ok()).map(Datetime::of);
        Self {
            kind: info.kind.into(),
            links: 1,
            size: info.size,
            read: None,
            written: at,
            changed: at,
        }
    }
}

/// What failed, in the words of this interface: the gate says more, in the journal.
pub(in super::super) fn code(error: &NodeError) -> ErrorCode {
    let word = error.detail.as_map().and_then(|detail| detail.get("file")?.as_str());
    match (word, error.code) {
        (Some("absent"), _) => ErrorCode::NoEntry,
        (Some("exists"), _) => ErrorCode::Exist,
        (Some("no_folder"), _) => ErrorCode::NotDirectory,
        (Some("folder"), _) => ErrorCode::IsDirectory,
        (Some("not_empty"), _) => ErrorCode::NotEmpty,
        (Some("read_only"), _) => ErrorCode::ReadOnly,
        (Some("full"), _) => ErrorCode::InsufficientSpace,
        (Some("elsewhere"), _) => ErrorCode::CrossDevice,
        (Some("link"), _) => ErrorCode::Loop,
        (Some("name"), _) => ErrorCode::Invalid,
        (Some("refused" | "no_file"), _) => ErrorCode::NotPermitted,
        (None, Code::Denied) => ErrorCode::Access,
        (None, Code::InvalidInput) => ErrorCode::NotPermitted,
        (None, Code::Limit) => ErrorCode::FileTooLarge,
        _ => ErrorCode::Io,
    }
}

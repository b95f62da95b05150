//! `wasi:filesystem` 0.3: the files of 0.2, with functions that wait and streams.

use std::sync::Arc;

use wasmtime::component::{
    Accessor, ComponentType, FutureReader, Lift, Linker, Lower, Resource, StreamReader,
};

use super::super::files::shape::{
    Advice, DescriptorFlags, DescriptorType as OldType, ErrorCode as OldCode, Hash, OpenFlags,
    PathFlags, Stat as OldStat, code as old_code,
};
use super::super::files::{self as old, Descriptor, Listing, opened};
use super::super::io::{Input, Output};
use super::super::{resource, serve};
use super::clocks::Instant;
use super::stream::{Supply, sink, source};
use super::{Later, wait};
use crate::host::Context;
use crate::instance::Call;
use crate::world::{Answer, FileAction, FileAnswer, FileKind, FileOp, World};

/// `error-code`: the same words, and one more.
macro_rules! codes {
    ($($case:ident = $name:literal),* $(,)?) => {
        #[derive(Clone, Debug, ComponentType, Lift, Lower)]
        #[component(variant)]
        pub(super) enum ErrorCode {
            $(#[component(name = $name)] $case,)*
            #[component(name = "other")]
            Other(Option<String>),
        }

        impl From<OldCode> for ErrorCode {
            fn from(code: OldCode) -> Self {
                match code {
                    $(OldCode::$case => Self::$case,)*
                    OldCode::WouldBlock => Self::Busy,
                }
            }
        }
    };
}
codes! {
    Access = "access", Already = "already", BadDescriptor = "bad-descriptor", Busy = "busy",
    Deadlock = "deadlock", Quota = "quota", Exist = "exist", FileTooLarge = "file-too-large",
    IllegalByteSequence = "illegal-byte-sequence", InProgress = "in-progress",
    Interrupted = "interrupted", Invalid = "invalid", Io = "io", IsDirectory = "is-directory",
    Loop = "loop", TooManyLinks = "too-many-links", MessageSize = "message-size",
    NameTooLong = "name-too-long", NoDevice = "no-device", NoEntry = "no-entry",
    NoLock = "no-lock", InsufficientMemory = "insufficient-memory",
    InsufficientSpace = "insufficient-space", NotDirectory = "not-directory",
    NotEmpty = "not-empty", NotRecoverable = "not-recoverable", Unsupported = "unsupported",
    NoTty = "no-tty", NoSuchDevice = "no-such-device", Overflow = "overflow",
    NotPermitted = "not-permitted", Pipe = "pipe", ReadOnly = "read-only",
    InvalidSeek = "invalid-seek", TextFileBusy = "text-file-busy", CrossDevice = "cross-device",
}

fn say(how: Answer<()>) -> Result<(), ErrorCode> {
    how.map_err(|error| old_code(&error).into())
}

/// `descriptor-type`.
#[derive(Clone, Debug, ComponentType, Lift, Lower)]
#[component(variant)]
pub(super) enum DescriptorType {
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
    #[component(name = "other")]
    Other(Option<String>),
}

impl From<OldType> for DescriptorType {
    fn from(kind: OldType) -> Self {
        match kind {
            OldType::Directory => Self::Directory,
            OldType::RegularFile => Self::RegularFile,
            OldType::SymbolicLink => Self::SymbolicLink,
            _ => Self::Other(None),
        }
    }
}

impl From<FileKind> for DescriptorType {
    fn from(kind: FileKind) -> Self {
        OldType::from(kind).into()
    }
}

/// `descriptor-stat`.
#[derive(ComponentType, Lift, Lower)]
#[component(record)]
struct Stat {
    #[component(name = "type")]
    kind: DescriptorType,
    #[component(name = "link-count")]
    links: u64,
    size: u64,
    #[component(name = "data-access-timestamp")]
    read: Option<Instant>,
    #[component(name = "data-modification-timestamp")]
    written: Option<Instant>,
    #[component(name = "status-change-timestamp")]
    changed: Option<Instant>,
}

impl From<OldStat> for Stat {
    fn from(stat: OldStat) -> Self {
        let at = stat.written.map(|at| Instant::of(at.millis()));
        Self {
            kind: stat.kind.into(),
            links: 1,
            size: stat.size,
            read: None,
            written: at,
            changed: at,
        }
    }
}

/// `new-timestamp`.
#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
enum NewTimestamp {
    #[component(name = "no-change")]
    NoChange,
    #[component(name = "now")]
    Now,
    #[component(name = "timestamp")]
    At(Instant),
}

/// `directory-entry`.
#[derive(ComponentType, Lift, Lower)]
#[component(record)]
pub(super) struct Entry {
    #[component(name = "type")]
    kind: DescriptorType,
    name: String,
}

type Own = Resource<Descriptor>;
type End = FutureReader<Result<(), ErrorCode>>;
type Reply<T> = wasmtime::Result<(Result<T, ErrorCode>,)>;

pub(super) fn link_types(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    resource::<Descriptor>(linker, name, "descriptor")?;
    let served: wasmtime::Result<()> = serve!(linker, name, {
        "[method]descriptor.read-via-stream" => read,
        "[method]descriptor.write-via-stream" => write,
        "[method]descriptor.append-via-stream" => append,
        "[method]descriptor.read-directory" => list,
    });
    served?;
    wait!(linker, name, {
        "[method]descriptor.advise" => advise,
        "[method]descriptor.sync-data" => sync,
        "[method]descriptor.sync" => sync,
        "[method]descriptor.get-flags" => flags_of,
        "[method]descriptor.get-type" => kind_of,
        "[method]descriptor.set-size" => resize,
        "[method]descriptor.set-times" => set_times,
        "[method]descriptor.set-times-at" => set_times_at,
        "[method]descriptor.create-directory-at" => make_folder,
        "[method]descriptor.stat" => stat,
        "[method]descriptor.stat-at" => stat_at,
        "[method]descriptor.link-at" => link_at,
        "[method]descriptor.open-at" => open_at,
        "[method]descriptor.readlink-at" => read_link,
        "[method]descriptor.remove-directory-at" => remove_folder,
        "[method]descriptor.rename-at" => rename,
        "[method]descriptor.symlink-at" => make_link,
        "[method]descriptor.unlink-file-at" => remove_file,
        "[method]descriptor.is-same-object" => old::same,
        "[method]descriptor.metadata-hash" => hash,
        "[method]descriptor.metadata-hash-at" => hash_at,
    })
}

/// Functions that answer as in 0.2, in the words of 0.3.
macro_rules! as_before {
    ($($function:ident($($given:ty),*) -> $answer:ty;)*) => {
        $(async fn $function(store: &mut Later<'_>, given: ($($given,)*)) -> Reply<$answer> {
            let (answer,) = old::$function(store, given).await?;
            Ok((answer.map(<$answer>::from).map_err(ErrorCode::from),))
        })*
    };
}
as_before! {
    advise(Own, u64, u64, Advice) -> ();
    sync(Own) -> ();
    flags_of(Own) -> DescriptorFlags;
    kind_of(Own) -> DescriptorType;
    resize(Own, u64) -> ();
    make_folder(Own, String) -> ();
    stat(Own) -> Stat;
    stat_at(Own, PathFlags, String) -> Stat;
    link_at(Own, PathFlags, String, Own, String) -> ();
    open_at(Own, PathFlags, String, OpenFlags, DescriptorFlags) -> Own;
    read_link(Own, String) -> String;
    remove_folder(Own, String) -> ();
    rename(Own, String, Own, String) -> ();
    make_link(Own, String, String) -> ();
    remove_file(Own, String) -> ();
    hash(Own) -> Hash;
    hash_at(Own, PathFlags, String) -> Hash;
}

async fn set_times(
    _: &mut Later<'_>,
    (_own, _read, _written): (Own, NewTimestamp, NewTimestamp),
) -> Reply<()> {
    Ok((Err(ErrorCode::Unsupported),))
}

async fn set_times_at(
    _: &mut Later<'_>,
    (_own, _links, _path, _read, _written): (Own, PathFlags, String, NewTimestamp, NewTimestamp),
) -> Reply<()> {
    Ok((Err(ErrorCode::Unsupported),))
}

async fn read(
    store: &mut Context<'_>,
    (own, at): (Own, u64),
) -> wasmtime::Result<((StreamReader<u8>, End),)> {
    let path = opened(store, &own, DescriptorFlags::READ)?;
    let input = path.map(|path| Input::File { path, at }).map_err(|code| Err(code.into()));
    Ok((source(store, input, say)?,))
}

/// Takes a stream into a file that was opened for writing.
fn take(
    store: &mut Context<'_>,
    own: &Own,
    data: StreamReader<u8>,
    at: Option<u64>,
) -> wasmtime::Result<(End,)> {
    let path = opened(store, own, DescriptorFlags::WRITE)?;
    let output = path.map(|path| Output::File { path, at }).map_err(|code| Err(code.into()));
    Ok((sink(store, data, output, say)?,))
}

async fn write(
    store: &mut Context<'_>,
    (own, data, at): (Own, StreamReader<u8>, u64),
) -> wasmtime::Result<(End,)> {
    take(store, &own, data, Some(at))
}

async fn append(
    store: &mut Context<'_>,
    (own, data): (Own, StreamReader<u8>),
) -> wasmtime::Result<(End,)> {
    take(store, &own, data, None)
}

async fn list(
    store: &mut Context<'_>,
    (own,): (Own,),
) -> wasmtime::Result<((StreamReader<Entry>, End),)> {
    let listing = old::listing(store, &own)?.map_err(|code| Err(code.into()));
    Ok((source(store, listing, say)?,))
}

impl Supply for Listing {
    type Item = Entry;

    async fn next(
        &mut self,
        world: Option<Arc<dyn World>>,
        most: usize,
    ) -> Answer<Option<Vec<Entry>>> {
        let Some(world) = world else { return Ok(None) };
        while self.page.is_empty() && !self.done {
            let action = FileAction::List { after: self.after.take() };
            let answer = world.file(FileOp { path: self.path.clone(), action }).await?;
            let FileAnswer::Entries { entries, next } = answer else { return Ok(None) };
            (self.page, self.done, self.after) = (entries.into(), next.is_none(), next);
        }
        let count = most.min(self.page.len());
        let entries = self.page.drain(..count);
        let entries: Vec<Entry> =
            entries.map(|entry| Entry { kind: entry.kind.into(), name: entry.name }).collect();
        Ok(Some(entries).filter(|entries| !entries.is_empty()))
    }
}

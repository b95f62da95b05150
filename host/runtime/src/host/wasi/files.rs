//! `wasi:filesystem`: the folders that were granted, and nothing above them.
//!
//! A descriptor is a path, not an open file: each operation asks the gate by that path, which decides it anew, opens
//! it beneath the handle of the granted folder, and journals it. So a link that is planted in between leads nowhere,
//! a grant for reading never writes, and a replay sees what the run saw. Links and times are not made.

mod path;
pub(super) mod shape;

use std::collections::VecDeque;

use sha2::{Digest, Sha256};
use wasmtime::component::{Linker, Resource, ResourceTableError};

use super::io::{Failure, Input, Output, bounded};
use super::{Reach, resource, serve};
use crate::instance::Call;
use crate::meter::carries;
use crate::world::{
    Answer, FileAction, FileAnswer, FileEntry, FileInfo, FileKind, FileOp, Opening, World,
};
use path::{Path, folders};
use shape::{
    Advice, DescriptorFlags, DescriptorType, Entry, ErrorCode, Hash, NewTimestamp, OpenFlags,
    PathFlags, Stat, code,
};

/// An open file or folder.
#[derive(Clone)]
pub(super) struct Descriptor {
    /// As the gate knows it; a folder without `/`.
    path: String,
    folder: bool,
    flags: DescriptorFlags,
    /// A folder that only leads to granted files in it: it has no content of its own.
    bare: bool,
}

/// A folder that is being listed.
pub(super) struct Listing {
    pub(super) path: String,
    pub(super) page: VecDeque<FileEntry>,
    pub(super) after: Option<String>,
    pub(super) done: bool,
}

type Reply<T> = wasmtime::Result<(Result<T, ErrorCode>,)>;
type Own = Resource<Descriptor>;

pub(super) fn link_types(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    resource::<Descriptor>(linker, name, "descriptor")?;
    resource::<Listing>(linker, name, "directory-entry-stream")?;
    serve!(linker, name, {
        "[method]descriptor.read-via-stream" => read_stream,
        "[method]descriptor.write-via-stream" => write_stream,
        "[method]descriptor.append-via-stream" => append_stream,
        "[method]descriptor.advise" => advise,
        "[method]descriptor.sync-data" => sync,
        "[method]descriptor.sync" => sync,
        "[method]descriptor.get-flags" => flags_of,
        "[method]descriptor.get-type" => kind_of,
        "[method]descriptor.set-size" => resize,
        "[method]descriptor.set-times" => set_times,
        "[method]descriptor.set-times-at" => set_times_at,
        "[method]descriptor.read" => read_at,
        "[method]descriptor.write" => write_at,
        "[method]descriptor.read-directory" => list,
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
        "[method]descriptor.is-same-object" => same,
        "[method]descriptor.metadata-hash" => hash,
        "[method]descriptor.metadata-hash-at" => hash_at,
        "[method]directory-entry-stream.read-directory-entry" => next_entry,
        "filesystem-error-code" => why,
    })
}

pub(super) fn link_preopens(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    serve!(linker, name, { "get-directories" => preopened })
}

async fn preopened(store: &mut impl Reach, (): ()) -> wasmtime::Result<(Vec<(Own, String)>,)> {
    let granted = store.call(|call| call.world.as_ref().map(|world| world.files()));
    let granted = granted.unwrap_or_default();
    let opened = folders(&granted).into_iter().map(|(path, how)| {
        let mut flags = DescriptorFlags::READ;
        if how.write {
            flags |= DescriptorFlags::MUTATE_DIRECTORY;
        }
        let name = path.clone();
        let one = Descriptor { path, folder: true, flags, bare: how.bare };
        Ok((store.call(|call| call.table.push(one))?, name))
    });
    Ok((opened.collect::<wasmtime::Result<_>>()?,))
}

/// Asks the gate.
async fn ask(
    store: &mut impl Reach,
    path: String,
    action: FileAction,
) -> wasmtime::Result<Result<FileAnswer, ErrorCode>> {
    store.call(|call| carries(call, path.len()))?;
    let Some(world) = store.call(|call| call.world.clone()) else {
        return Ok(Err(ErrorCode::Access));
    };
    Ok(world.file(FileOp { path, action }).await.map_err(|error| code(&error)))
}

/// The same for what answers nothing.
async fn act(store: &mut impl Reach, path: String, action: FileAction) -> Reply<()> {
    Ok((ask(store, path, action).await?.map(drop),))
}

async fn look(
    store: &mut impl Reach,
    path: String,
    follow: bool,
) -> wasmtime::Result<Result<FileInfo, ErrorCode>> {
    Ok(match ask(store, path, FileAction::Look { follow }).await? {
        Ok(FileAnswer::File(info)) => Ok(info),
        Ok(_) => Err(ErrorCode::Io),
        Err(error) => Err(error),
    })
}

fn descriptor(store: &mut impl Reach, own: &Own) -> wasmtime::Result<Descriptor> {
    Ok(store.call(|call| call.table.get(own).cloned())?)
}

/// A path beneath a descriptor.
fn beneath(
    store: &mut impl Reach,
    own: &Own,
    path: &str,
) -> wasmtime::Result<Result<Path, ErrorCode>> {
    let from = descriptor(store, own)?;
    Ok(if from.folder { Path::beneath(&from.path, path) } else { Err(ErrorCode::NotDirectory) })
}

/// Ends a function with what was refused.
macro_rules! or_refuse {
    ($outcome:expr) => {
        match $outcome {
            Ok(value) => value,
            Err(refused) => return Ok((Err(refused),)),
        }
    };
}

/// The path of a file that was opened in the way that an operation needs.
pub(super) fn opened(
    store: &mut impl Reach,
    own: &Own,
    needed: DescriptorFlags,
) -> wasmtime::Result<Result<String, ErrorCode>> {
    let file = descriptor(store, own)?;
    Ok(match file {
        Descriptor { folder: true, .. } => Err(ErrorCode::IsDirectory),
        _ if !file.flags.contains(needed) => Err(ErrorCode::BadDescriptor),
        _ => Ok(file.path),
    })
}

pub(super) async fn open_at(
    store: &mut impl Reach,
    (own, links, path, open, flags): (Own, PathFlags, String, OpenFlags, DescriptorFlags),
) -> Reply<Own> {
    let path = or_refuse!(beneath(store, &own, &path)?);
    let how = Opening {
        write: flags.contains(DescriptorFlags::WRITE),
        create: open.contains(OpenFlags::CREATE),
        exclusive: open.contains(OpenFlags::EXCLUSIVE),
        truncate: open.contains(OpenFlags::TRUNCATE),
        folder: open.contains(OpenFlags::DIRECTORY) || path.folder,
        follow: links.contains(PathFlags::SYMLINK_FOLLOW),
    };
    let (path, named) = (path.path, path.itself);
    // The folder that was given already is not asked for again: a bare one has nothing to ask for.
    let here = descriptor(store, &own)?;
    let folder = if named && !(how.write || how.create || how.truncate) {
        true
    } else {
        match or_refuse!(ask(store, path.clone(), FileAction::Open(how)).await?) {
            FileAnswer::File(info) => info.kind == FileKind::Folder,
            _ => return Ok((Err(ErrorCode::Io),)),
        }
    };
    let opened = Descriptor { path, folder, flags, bare: named && here.bare };
    Ok((Ok(store.call(|call| call.table.push(opened))?),))
}

/// A range of a file, for a stream.
pub(super) async fn read(
    world: &dyn World,
    path: String,
    offset: u64,
    most: usize,
) -> Answer<Vec<u8>> {
    let length = u32::try_from(most).unwrap_or(u32::MAX);
    match world.file(FileOp { path, action: FileAction::ReadAt { offset, length } }).await? {
        FileAnswer::Bytes(bytes) => Ok(bytes.0),
        _ => Ok(Vec::new()),
    }
}

/// Bytes of a stream into a file, from a place on or at its end.
pub(super) async fn write(
    world: &dyn World,
    path: String,
    at: Option<u64>,
    bytes: Vec<u8>,
) -> Answer<()> {
    let action = match at {
        Some(offset) => FileAction::WriteAt { offset, bytes },
        None => FileAction::Append(bytes),
    };
    world.file(FileOp { path, action }).await.map(drop)
}

async fn read_stream(store: &mut impl Reach, (own, at): (Own, u64)) -> Reply<Resource<Input>> {
    let path = or_refuse!(opened(store, &own, DescriptorFlags::READ)?);
    Ok((Ok(store.call(|call| call.table.push(Input::File { path, at }))?),))
}

async fn write_stream(store: &mut impl Reach, (own, at): (Own, u64)) -> Reply<Resource<Output>> {
    let path = or_refuse!(opened(store, &own, DescriptorFlags::WRITE)?);
    Ok((Ok(store.call(|call| call.table.push(Output::File { path, at: Some(at) }))?),))
}

async fn append_stream(store: &mut impl Reach, (own,): (Own,)) -> Reply<Resource<Output>> {
    let path = or_refuse!(opened(store, &own, DescriptorFlags::WRITE)?);
    Ok((Ok(store.call(|call| call.table.push(Output::File { path, at: None }))?),))
}

async fn read_at(
    store: &mut impl Reach,
    (own, length, offset): (Own, u64, u64),
) -> Reply<(Vec<u8>, bool)> {
    let path = or_refuse!(opened(store, &own, DescriptorFlags::READ)?);
    let length = store.call(|call| bounded(call, length));
    let range = FileAction::ReadAt { offset, length: length as u32 };
    let FileAnswer::Bytes(bytes) = or_refuse!(ask(store, path, range).await?) else {
        return Ok((Err(ErrorCode::Io),));
    };
    store.call(|call| carries(call, bytes.0.len()))?;
    let end = bytes.0.len() < length;
    Ok((Ok((bytes.0, end)),))
}

async fn write_at(store: &mut impl Reach, (own, bytes, offset): (Own, Vec<u8>, u64)) -> Reply<u64> {
    store.call(|call| carries(call, bytes.len()))?;
    let path = or_refuse!(opened(store, &own, DescriptorFlags::WRITE)?);
    let count = bytes.len() as u64;
    let done = ask(store, path, FileAction::WriteAt { offset, bytes }).await?;
    Ok((done.map(|_| count),))
}

pub(super) async fn resize(store: &mut impl Reach, (own, size): (Own, u64)) -> Reply<()> {
    let path = or_refuse!(opened(store, &own, DescriptorFlags::WRITE)?);
    act(store, path, FileAction::Resize(size)).await
}

pub(super) async fn sync(store: &mut impl Reach, (own,): (Own,)) -> Reply<()> {
    match opened(store, &own, DescriptorFlags::WRITE)? {
        Ok(path) => act(store, path, FileAction::Sync).await,
        // What was not written is on the disk.
        Err(_) => Ok((Ok(()),)),
    }
}

pub(super) async fn advise(
    _: &mut impl Reach,
    (_own, _at, _length, _advice): (Own, u64, u64, Advice),
) -> Reply<()> {
    Ok((Ok(()),))
}

pub(super) async fn flags_of(store: &mut impl Reach, (own,): (Own,)) -> Reply<DescriptorFlags> {
    Ok((Ok(descriptor(store, &own)?.flags),))
}

pub(super) async fn kind_of(store: &mut impl Reach, (own,): (Own,)) -> Reply<DescriptorType> {
    let folder = descriptor(store, &own)?.folder;
    Ok((Ok(if folder { DescriptorType::Directory } else { DescriptorType::RegularFile }),))
}

pub(super) async fn stat(store: &mut impl Reach, (own,): (Own,)) -> Reply<Stat> {
    let Descriptor { path, bare, .. } = descriptor(store, &own)?;
    if bare {
        let info = FileInfo { kind: FileKind::Folder, size: 0, modified: None };
        return Ok((Ok(info.into()),));
    }
    Ok((look(store, path, true).await?.map(Stat::from),))
}

pub(super) async fn stat_at(
    store: &mut impl Reach,
    (own, links, path): (Own, PathFlags, String),
) -> Reply<Stat> {
    let path = or_refuse!(beneath(store, &own, &path)?);
    if path.itself {
        return stat(store, (own,)).await;
    }
    let follow = path.folder || links.contains(PathFlags::SYMLINK_FOLLOW);
    let info = or_refuse!(look(store, path.path, follow).await?);
    if path.folder && info.kind != FileKind::Folder {
        return Ok((Err(ErrorCode::NotDirectory),));
    }
    Ok((Ok(info.into()),))
}

/// A listing of a folder that begins.
pub(super) fn listing(
    store: &mut impl Reach,
    own: &Own,
) -> wasmtime::Result<Result<Listing, ErrorCode>> {
    let Descriptor { path, folder, bare, .. } = descriptor(store, own)?;
    if !folder || bare {
        return Ok(Err(if bare { ErrorCode::Access } else { ErrorCode::NotDirectory }));
    }
    Ok(Ok(Listing { path, page: VecDeque::new(), after: None, done: false }))
}

async fn list(store: &mut impl Reach, (own,): (Own,)) -> Reply<Resource<Listing>> {
    let listing = or_refuse!(listing(store, &own)?);
    Ok((Ok(store.call(|call| call.table.push(listing))?),))
}

async fn next_entry(store: &mut impl Reach, (own,): (Resource<Listing>,)) -> Reply<Option<Entry>> {
    let next = |listing: &Listing| {
        let more = listing.page.is_empty() && !listing.done;
        more.then(|| (listing.path.clone(), listing.after.clone()))
    };
    if let Some((path, after)) = store.call(|call| call.table.get(&own).map(next))? {
        let page = or_refuse!(ask(store, path, FileAction::List { after }).await?);
        let FileAnswer::Entries { entries, next } = page else {
            return Ok((Err(ErrorCode::Io),));
        };
        let page = (entries.into(), next.is_none(), next);
        store.call(|call| {
            let listing = call.table.get_mut(&own)?;
            (listing.page, listing.done, listing.after) = page;
            Ok::<(), ResourceTableError>(())
        })?;
    }
    let entry = store.call(|call| call.table.get_mut(&own).map(|it| it.page.pop_front()))?;
    Ok((Ok(entry.map(|entry| Entry { kind: entry.kind.into(), name: entry.name })),))
}

pub(super) async fn make_folder(store: &mut impl Reach, (own, path): (Own, String)) -> Reply<()> {
    let path = or_refuse!(beneath(store, &own, &path)?);
    act(store, path.path, FileAction::MakeFolder).await
}

pub(super) async fn remove_folder(store: &mut impl Reach, (own, path): (Own, String)) -> Reply<()> {
    let path = or_refuse!(beneath(store, &own, &path)?);
    act(store, path.path, FileAction::RemoveFolder).await
}

pub(super) async fn remove_file(store: &mut impl Reach, (own, path): (Own, String)) -> Reply<()> {
    let path = or_refuse!(beneath(store, &own, &path)?);
    if path.folder {
        return Ok((Err(ErrorCode::NotDirectory),));
    }
    act(store, path.path, FileAction::RemoveFile).await
}

pub(super) async fn rename(
    store: &mut impl Reach,
    (own, old, other, new): (Own, String, Own, String),
) -> Reply<()> {
    let old = or_refuse!(beneath(store, &own, &old)?);
    let new = or_refuse!(beneath(store, &other, &new)?);
    if old.folder || new.folder {
        // Only a folder may be named like one.
        let info = or_refuse!(look(store, old.path.clone(), false).await?);
        if info.kind != FileKind::Folder {
            return Ok((Err(ErrorCode::NotDirectory),));
        }
    }
    act(store, old.path, FileAction::Rename { to: new.path }).await
}

/// No link is made, of either kind: it would give a second name to what a grant names.
pub(super) async fn link_at(
    _: &mut impl Reach,
    (_own, _links, _old, _other, _new): (Own, PathFlags, String, Own, String),
) -> Reply<()> {
    Ok((Err(ErrorCode::NotPermitted),))
}

pub(super) async fn make_link(
    _: &mut impl Reach,
    (_own, _old, _new): (Own, String, String),
) -> Reply<()> {
    Ok((Err(ErrorCode::NotPermitted),))
}

pub(super) async fn read_link(_: &mut impl Reach, (_own, _path): (Own, String)) -> Reply<String> {
    Ok((Err(ErrorCode::NotPermitted),))
}

async fn set_times(
    _: &mut impl Reach,
    (_own, _read, _written): (Own, NewTimestamp, NewTimestamp),
) -> Reply<()> {
    Ok((Err(ErrorCode::Unsupported),))
}

async fn set_times_at(
    _: &mut impl Reach,
    (_own, _links, _path, _read, _written): (Own, PathFlags, String, NewTimestamp, NewTimestamp),
) -> Reply<()> {
    Ok((Err(ErrorCode::Unsupported),))
}

pub(super) async fn same(
    store: &mut impl Reach,
    (one, other): (Own, Own),
) -> wasmtime::Result<(bool,)> {
    Ok((descriptor(store, &one)?.path == descriptor(store, &other)?.path,))
}

pub(super) async fn hash(store: &mut impl Reach, (own,): (Own,)) -> Reply<Hash> {
    Ok((Ok(identity(&descriptor(store, &own)?.path)),))
}

pub(super) async fn hash_at(
    store: &mut impl Reach,
    (own, _links, path): (Own, PathFlags, String),
) -> Reply<Hash> {
    let path = or_refuse!(beneath(store, &own, &path)?);
    Ok((Ok(identity(&path.path)),))
}

/// What tells one file from another: its path. What the machine calls it is not the guest's business.
fn identity(path: &str) -> Hash {
    let digest: [u8; 32] = Sha256::digest(path).into();
    let half = |at: usize| {
        let bytes = digest[at..at + 8].try_into().expect("eight bytes of a digest of 32");
        u64::from_le_bytes(bytes)
    };
    Hash { lower: half(0), upper: half(8) }
}

async fn why(
    store: &mut impl Reach,
    (error,): (Resource<Failure>,),
) -> wasmtime::Result<(Option<ErrorCode>,)> {
    Ok((Some(store.call(|call| call.table.get(&error).map(|it| code(&it.0)))?),))
}

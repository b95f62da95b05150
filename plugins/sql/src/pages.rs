//! What SQLite takes for a disk: the files of one database, of which it can only read.
//!
//! A database is read where a query looks, so one that is larger than the memory of the plugin can be asked, and a
//! question that an index answers reads some pages of it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use cleargate::Error;
use rusqlite::ffi::vfs::{
    AccessMode, FileKind, LockLevel, OpenAccess, OpenOptions, OpenRequest, OpenedFile, OsCallback,
    SQLiteIoMethods, SQLiteVfs, SyncOptions, VfsError, VfsErrorCode, VfsFile, VfsResult, VfsStore,
};

use crate::source::{Source, Sources};

/// How SQLite names the disk.
pub(crate) const DISK: &str = "cleargate";
/// How SQLite names the database on it; its companions have endings.
pub(crate) const NAME: &str = "database";

/// Bytes that are asked for at once: a call of the host costs more than what is read in vain.
const BLOCK: u64 = 64 * 1024;
/// Blocks that are kept: 4 MiB, beside what SQLite keeps of its pages.
const KEPT: usize = 64;

/// The files of one database, and what went wrong with them.
pub(crate) struct Disk {
    database: Rc<Blocks>,
    log: Option<Rc<Blocks>>,
    journal: Option<Rc<Blocks>>,
    /// What the host said, which SQLite has no words for.
    failed: RefCell<Option<Error>>,
}

impl Disk {
    pub(crate) fn new(sources: Sources) -> Result<Rc<Self>, Error> {
        let blocks = |source| Blocks::new(source).map(Rc::new);
        Ok(Rc::new(Self {
            database: blocks(sources.database)?,
            log: sources.log.map(blocks).transpose()?,
            journal: sources.journal.map(blocks).transpose()?,
            failed: RefCell::default(),
        }))
    }

    /// The first bytes of the database.
    pub(crate) fn head(&self, length: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; length];
        let count = self.database.read(&mut bytes, 0)?;
        bytes.truncate(count);
        Ok(bytes)
    }

    /// Bytes of the database.
    pub(crate) fn size(&self) -> u64 {
        self.database.size
    }

    /// Why reading failed, when the host said so.
    pub(crate) fn failure(&self) -> Option<Error> {
        self.failed.borrow_mut().take()
    }
}

/// Bytes that are read in blocks, of which the last ones are kept.
struct Blocks {
    source: Source,
    size: u64,
    /// By their number, with the turn in which they were last used.
    kept: RefCell<BTreeMap<u64, (u64, Rc<[u8]>)>>,
    turn: Cell<u64>,
}

impl Blocks {
    fn new(source: Source) -> Result<Self, Error> {
        let size = source.size()?;
        Ok(Self { source, size, kept: RefCell::default(), turn: Cell::default() })
    }

    fn block(&self, number: u64) -> Result<Rc<[u8]>, Error> {
        let turn = self.turn.get() + 1;
        self.turn.set(turn);
        let mut kept = self.kept.borrow_mut();
        if let Some((used, block)) = kept.get_mut(&number) {
            *used = turn;
            return Ok(block.clone());
        }
        let length = self.size.saturating_sub(number * BLOCK).min(BLOCK);
        let block: Rc<[u8]> = self.source.read(number * BLOCK, length as usize)?.into();
        if kept.len() == KEPT
            && let Some(oldest) = kept.iter().min_by_key(|(_, (used, _))| *used).map(|(n, _)| *n)
        {
            kept.remove(&oldest);
        }
        kept.insert(number, (turn, block.clone()));
        Ok(block)
    }

    /// Fills `to` from `offset`; less, where the bytes end.
    fn read(&self, to: &mut [u8], offset: u64) -> Result<usize, Error> {
        let mut count = 0;
        while count < to.len() {
            let at = offset + count as u64;
            if at >= self.size {
                break;
            }
            let block = self.block(at / BLOCK)?;
            let Some(rest) = block.get((at % BLOCK) as usize..).filter(|rest| !rest.is_empty())
            else {
                break;
            };
            let length = rest.len().min(to.len() - count);
            to[count..count + length].copy_from_slice(&rest[..length]);
            count += length;
        }
        Ok(count)
    }
}

/// A file that SQLite opened; one that is not there is empty.
pub(crate) struct File {
    disk: Rc<Disk>,
    blocks: Option<Rc<Blocks>>,
}

fn read_only<T>() -> VfsResult<T> {
    Err(VfsError::new(VfsErrorCode::ReadOnly, "the database can only be read".into()))
}

impl VfsFile for File {
    fn read(&mut self, to: &mut [u8], offset: u64) -> VfsResult<usize> {
        let Some(blocks) = &self.blocks else { return Ok(0) };
        blocks.read(to, offset).map_err(|error| {
            let failed = VfsError::new(VfsErrorCode::IoRead, error.message.clone().into());
            self.disk.failed.replace(Some(error));
            failed
        })
    }

    fn write(&mut self, _from: &[u8], _offset: u64) -> VfsResult<()> {
        read_only()
    }

    fn truncate(&mut self, _size: u64) -> VfsResult<()> {
        read_only()
    }

    fn sync(&mut self, _options: SyncOptions) -> VfsResult<()> {
        Ok(())
    }

    fn size(&self) -> VfsResult<u64> {
        Ok(self.blocks.as_ref().map_or(0, |blocks| blocks.size))
    }

    fn lock(&mut self, _level: LockLevel) -> VfsResult<()> {
        Ok(())
    }

    fn unlock(&mut self, _level: LockLevel) -> VfsResult<()> {
        Ok(())
    }

    fn check_reserved_lock(&self) -> VfsResult<bool> {
        Ok(false)
    }
}

/// Opens the files of a [`Disk`], and no others.
pub(crate) struct Files;

impl VfsStore for Files {
    type File = File;
    type AppData = Rc<Disk>;

    fn open_file(disk: &Rc<Disk>, request: OpenRequest<'_>) -> VfsResult<OpenedFile<File>> {
        let blocks = match request.options.kind() {
            Some(FileKind::MainDb) => Some(disk.database.clone()),
            Some(FileKind::Wal) => disk.log.clone(),
            Some(FileKind::MainJournal) => disk.journal.clone(),
            _ => {
                let why = "there is no room for temporary files";
                return Err(VfsError::new(VfsErrorCode::CantOpen, why.into()));
            }
        };
        let file = File { disk: disk.clone(), blocks };
        Ok(OpenedFile { file, access: OpenAccess::ReadOnly })
    }

    fn close_file(
        _disk: &Rc<Disk>,
        _name: Option<&str>,
        _file: File,
        _options: OpenOptions,
    ) -> VfsResult<()> {
        Ok(())
    }

    fn access(disk: &Rc<Disk>, name: &str, mode: AccessMode) -> VfsResult<bool> {
        let there = match name.strip_prefix(NAME) {
            Some("") => true,
            Some("-wal") => disk.log.is_some(),
            Some("-journal") => disk.journal.is_some(),
            _ => false,
        };
        Ok(there && mode != AccessMode::ReadWrite)
    }

    fn full_pathname(_disk: &Rc<Disk>, name: &str) -> VfsResult<String> {
        Ok(name.into())
    }

    fn delete_file(_disk: &Rc<Disk>, _name: &str, _sync: bool) -> VfsResult<()> {
        read_only()
    }
}

/// Reading and writing as the crate does it, with [`Files`].
pub(crate) struct Io;

impl SQLiteIoMethods for Io {
    type Store = Files;
}

/// A system without clock and chance.
pub(crate) struct System;

impl SQLiteVfs<Io> for System {
    type Os = Self;

    fn os(_disk: &Rc<Disk>) -> &Self {
        &Self
    }
}

impl OsCallback for System {
    fn sleep(&self, _time: Duration) {}

    fn random(&self, _to: &mut [u8]) -> usize {
        0
    }

    fn epoch_timestamp_in_ms(&self) -> VfsResult<i64> {
        Err(VfsError::new(VfsErrorCode::Error, "there is no clock".into()))
    }
}

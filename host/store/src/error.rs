//! Why a store refused or could not do something, in words that tell the reader what to do.

use cleargate_flow::RunId;
use cleargate_flow::limits::Unit::Bytes;

use crate::blob::BlobDigest;

/// What a [`Store`](crate::Store) answers when it does not do what was asked.
///
/// It can be cloned because one failed commit is the answer to everyone who waited for it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The run is not in this store.
    #[error("there is no run `{run}` in this store")]
    NoSuchRun {
        /// Which.
        run: RunId,
    },
    /// A run of this id was created before, with another idempotency key or none.
    #[error("there is a run `{run}` already; ids of runs are used once")]
    RunExists {
        /// Which.
        run: RunId,
    },
    /// Another writer holds the run.
    #[error("run `{run}` is held by `{owner}` until {until} ms; it can be taken over after that")]
    Leased {
        /// Which run.
        run: RunId,
        /// Who holds it.
        owner: String,
        /// Until when, in milliseconds since 1970-01-01T00:00:00Z.
        until: i64,
    },
    /// The lease is not the run's present one: another writer took over, or it was released.
    #[error(
        "run `{run}` has another writer: this one holds token {held}, the last one given out is \
         {latest}; stop writing and read the journal again"
    )]
    Fenced {
        /// Which run.
        run: RunId,
        /// Token of the caller.
        held: u64,
        /// The last token that was given out for the run.
        latest: u64,
    },
    /// The run has ended; nothing follows its last record.
    #[error("run `{run}` is finished; nothing can be added to it")]
    Finished {
        /// Which.
        run: RunId,
    },
    /// Only what has ended can be removed, and somebody may go on with this run.
    #[error("run `{run}` is not finished; a run is removed once it and its sub-flows are")]
    Unfinished {
        /// The run, or the sub-flow of it that is not finished.
        run: RunId,
    },
    /// A sub-flow is a part of the run around it.
    #[error("run `{run}` is a sub-flow of run `{parent}`, and is removed with that one")]
    SubFlow {
        /// Which.
        run: RunId,
        /// The run around it.
        parent: RunId,
    },
    /// Records do not continue the journal.
    #[error("run `{run}` continues with record {expected}, not {found}")]
    Sequence {
        /// Which run.
        run: RunId,
        /// The position that comes next.
        expected: u64,
        /// The position that was offered; one too far when records were missing.
        found: u64,
    },
    /// A record of one run cannot be trusted any more. Other runs are not concerned.
    #[error(
        "record {seq} of run `{run}` is damaged ({reason}); the run is set aside, records before it \
         can be read and a new run can be forked from them"
    )]
    Damaged {
        /// Which run.
        run: RunId,
        /// The first record that cannot be trusted.
        seq: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The row about one run, kept beside its journal, cannot be read.
    #[error(
        "what the store knows about run `{run}` is damaged ({reason}); its journal may be whole"
    )]
    DamagedRun {
        /// Which run.
        run: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A blob does not have its digest any more.
    #[error("blob {digest} is damaged: its bytes have another digest; restore it from a backup")]
    DamagedBlob {
        /// Which.
        digest: BlobDigest,
    },
    /// A value or a flow bundle does not have its checksum any more.
    #[error(
        "{what} is damaged: its bytes have another checksum; write it again or restore a backup"
    )]
    DamagedEntry {
        /// Which.
        what: String,
    },
    /// A run has as many letters as it may, and takes none of them at present.
    #[error(
        "run `{run}` has {limit} letters that it has not taken; it takes no more before it goes on"
    )]
    InboxFull {
        /// Which.
        run: RunId,
        /// Letters that may wait.
        limit: usize,
    },
    /// Something is larger than the store takes.
    #[error("{what} has {bytes} bytes; at most {limit} are taken")]
    TooLarge {
        /// What it is.
        what: &'static str,
        /// How large it is.
        bytes: usize,
        /// How large it may be.
        limit: usize,
    },
    /// A value could be written but not read back: readers of JSON stop at this depth.
    #[error("record {seq} of run `{run}` holds a value of more than {limit} levels; flatten it")]
    TooDeep {
        /// Which run.
        run: RunId,
        /// Which record.
        seq: u64,
        /// Levels that a value may have.
        limit: usize,
    },
    /// Another process writes to the store for longer than the bounded wait.
    #[error("the store is locked by another process; end that one or try again")]
    Locked,
    /// A plugin or a tenant would hold more than its part of the store. Nothing was changed.
    #[error(
        "{what} would take {}, and may take {}; delete some, or raise `{key}` in `[store]` of the \
         operator's file", Bytes.print(*wanted), Bytes.print(*limit)
    )]
    OverQuota {
        /// Whose.
        what: String,
        /// The figure's name in [`Quota`](crate::Quota).
        key: &'static str,
        /// Bytes that it would take.
        wanted: u64,
        /// Bytes that it may take.
        limit: u64,
    },
    /// No space is left on the disk, or within the configured size. Nothing was lost or half written.
    #[error("no space is left for the store: {}, then go on", limit.map_or_else(
        || "its disk is full; nothing is lost: free some there".to_owned(),
        |limit| format!(
            "it has the {} that it may have (`size` in `[store]` of the operator's file), or its disk is full; \
             nothing is lost: `cleargate runs prune --older-than 30d` makes room in it",
            Bytes.print(limit)
        )
    ))]
    Full {
        /// Bytes that the store may have, when it is about that large; absent when the disk alone can be full.
        limit: Option<u64>,
    },
    /// The file as a whole is damaged.
    #[error("the store is damaged ({reason}); export what can be read and restore a backup")]
    Corrupt {
        /// In the words of the database.
        reason: String,
    },
    /// The disk failed. What was acknowledged is kept; this process must not write again.
    #[error("the disk failed ({reason}); writing has stopped, start again once the disk is sound")]
    Io {
        /// In the words of the database.
        reason: String,
    },
    /// The database refused in a way that nothing above covers: a defect.
    #[error("the database failed: {reason}")]
    Database {
        /// In the words of the database.
        reason: String,
    },
    /// The writer has ended.
    #[error("the store is closed")]
    Closed,
}

//! What attempts give to the one writer of their run.
//!
//! An attempt may be dropped at any await point, and a store does not take back an append whose future was
//! dropped. So attempts never append: they post records here, and the run's driver stores them, many at once,
//! and acknowledges. While the store takes nothing, what was posted stays in memory: so there is room for so much and
//! no more, and who has large records to post waits for room first.

use std::sync::{Arc, Mutex, PoisonError};

use cleargate_flow::{Address, Event};
use cleargate_store::Durability;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};

use crate::limits::MAX_MAIL_KIB;

/// A record that is to be stored.
pub(crate) struct Mail {
    pub(crate) event: Event,
    pub(crate) durability: Durability,
    /// Told when the record is stored; dropped when it never will be.
    pub(crate) stored: Option<oneshot::Sender<()>>,
    /// Given back when the record is stored, or dropped.
    pub(crate) room: Option<Room>,
}

/// Room for a record that waits to be stored.
pub(crate) type Room = OwnedSemaphorePermit;

impl Mail {
    /// Stored with whatever is stored next.
    pub(crate) fn batched(event: Event) -> Self {
        Self { event, durability: Durability::Batched, stored: None, room: None }
    }
}

/// A record and the attempt that it belongs to.
pub(crate) struct Posted {
    pub(crate) from: Sender,
    pub(crate) mail: Mail,
}

/// The records of a run's attempts that wait for the driver.
pub(crate) struct Mailbox {
    posted: Mutex<Vec<Posted>>,
    /// In KiB.
    room: Arc<Semaphore>,
    /// Wakes the driver.
    pub(crate) arrived: Notify,
}

impl Default for Mailbox {
    fn default() -> Self {
        let room = Arc::new(Semaphore::new(MAX_MAIL_KIB as usize));
        Self { posted: Mutex::default(), room, arrived: Notify::default() }
    }
}

impl Mailbox {
    /// Takes all that is there.
    pub(crate) fn take(&self) -> Vec<Posted> {
        std::mem::take(&mut *self.posted.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The end that an attempt holds.
#[derive(Clone)]
pub(crate) struct Sender {
    mailbox: Arc<Mailbox>,
    pub(crate) address: Address,
    pub(crate) attempt: u32,
    /// Told of each record, when somebody listens.
    heard: Option<Arc<Notify>>,
}

impl Sender {
    pub(crate) fn new(mailbox: &Arc<Mailbox>, address: Address, attempt: u32) -> Self {
        Self { mailbox: mailbox.clone(), address, attempt, heard: None }
    }

    /// The same end, with somebody who is told of each record.
    pub(crate) fn heard_by(mut self, listener: Option<Arc<Notify>>) -> Self {
        self.heard = listener;
        self
    }

    /// Posts a record without waiting.
    pub(crate) fn send(&self, mail: Mail) {
        self.heard.iter().for_each(|listener| listener.notify_one());
        let posted = Posted { from: self.clone(), mail };
        self.mailbox.posted.lock().unwrap_or_else(PoisonError::into_inner).push(posted);
        self.mailbox.arrived.notify_one();
    }

    /// Waits for room for a record of about `bytes`. One that is larger than all room has it for itself.
    pub(crate) async fn room(&self, bytes: u64) -> Room {
        let kib = u32::try_from(bytes / 1024 + 1).unwrap_or(MAX_MAIL_KIB).min(MAX_MAIL_KIB);
        let room = self.mailbox.room.clone().acquire_many_owned(kib);
        room.await.expect("room is never closed")
    }

    /// Posts a record and waits until it is as durable as can be; false when it never will be.
    pub(crate) async fn store(&self, event: Event) -> bool {
        let (stored, answer) = oneshot::channel();
        let durability = Durability::Sync;
        self.send(Mail { event, durability, stored: Some(stored), room: None });
        answer.await.is_ok()
    }
}

//! What attempts give to the one writer of their run.
//!
//! An attempt may be dropped at any await point, and a store does not take back an append whose future was
//! dropped. So attempts never append: they post records here, and the run's driver stores them, many at once,
//! and acknowledges.

use std::sync::{Arc, Mutex, PoisonError};

use cleargate_flow::{Address, Event};
use cleargate_store::Durability;
use tokio::sync::{Notify, oneshot};

/// A record that is to be stored.
pub(crate) struct Mail {
    pub(crate) event: Event,
    pub(crate) durability: Durability,
    /// Told when the record is stored; dropped when it never will be.
    pub(crate) stored: Option<oneshot::Sender<()>>,
}

impl Mail {
    /// Stored with whatever is stored next.
    pub(crate) fn batched(event: Event) -> Self {
        Self { event, durability: Durability::Batched, stored: None }
    }
}

/// A record and the attempt that it belongs to.
pub(crate) struct Posted {
    pub(crate) from: Sender,
    pub(crate) mail: Mail,
}

/// The records of a run's attempts that wait for the driver.
#[derive(Default)]
pub(crate) struct Mailbox {
    posted: Mutex<Vec<Posted>>,
    /// Wakes the driver.
    pub(crate) arrived: Notify,
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
}

impl Sender {
    pub(crate) fn new(mailbox: &Arc<Mailbox>, address: Address, attempt: u32) -> Self {
        Self { mailbox: mailbox.clone(), address, attempt }
    }

    /// Posts a record without waiting.
    pub(crate) fn send(&self, mail: Mail) {
        let posted = Posted { from: self.clone(), mail };
        self.mailbox.posted.lock().unwrap_or_else(PoisonError::into_inner).push(posted);
        self.mailbox.arrived.notify_one();
    }

    /// Posts a record and waits until it is as durable as can be; false when it never will be.
    pub(crate) async fn store(&self, event: Event) -> bool {
        let (stored, answer) = oneshot::channel();
        self.send(Mail { event, durability: Durability::Sync, stored: Some(stored) });
        answer.await.is_ok()
    }
}

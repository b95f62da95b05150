//! What a caller holds of a run: its end, its events, how far it is, and the way to stop it.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use cleargate_flow::run::{Derived, Progress, Run};
use cleargate_flow::{Address, Graph, Outcome, Record, RunId, Usage, Value};
use cleargate_store::{Lease, MAX_PAGE, Store, StoreError};
use tokio::sync::{Notify, broadcast, oneshot, watch};
use tokio_util::sync::CancellationToken;

/// How a run left this process.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// It is over.
    Finished(Outcome),
    /// The process gave it back unfinished: it can be resumed, here or elsewhere.
    Parked,
    /// It does nothing but wait, and was given back: it costs nothing until something that it waits for comes. Then it has
    /// to be resumed.
    Waiting,
    /// Another process took it over; what this one had under way was dropped.
    Lost,
    /// This process cannot go on with it. What is stored is kept, and it can be resumed once the reason is
    /// gone.
    Broken(String),
}

/// A record of a run and what follows from it.
#[derive(Clone, Debug, PartialEq)]
pub struct RunEvent {
    /// As stored.
    pub record: Record,
    /// What was computed from it.
    pub derived: Vec<Derived>,
}

/// How far a run is, at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunProgress {
    /// Records that are stored.
    pub records: u64,
    /// Counts of each node of the flow, in the order of the graph.
    pub nodes: Vec<Progress>,
    /// Attempts that are performed.
    pub running: Vec<(Address, u32)>,
    /// Attempts that wait for one of the process's places.
    pub queued: usize,
    /// Sum over all attempts that ended in this process; the greatest for memory.
    pub usage: Usage,
}

/// A run of this process, or one that has ended. A clone is the same run. Dropping it does not stop the run.
#[derive(Clone)]
pub struct RunHandle {
    pub(crate) live: Arc<LiveRun>,
    pub(crate) store: Arc<dyn Store>,
}

impl RunHandle {
    /// Which run.
    pub fn id(&self) -> &RunId {
        &self.live.id
    }

    /// Waits until the run has left this process.
    pub async fn outcome(&self) -> End {
        let mut end = self.live.end.subscribe();
        let ended = end.wait_for(Option::is_some).await.expect("the handle holds the sender");
        ended.clone().expect("waited for it")
    }

    /// How the run left this process, when it has.
    pub fn ended(&self) -> Option<End> {
        self.live.end.borrow().clone()
    }

    /// Asks the run to end; `by` is who: `interrupt`, `operator`, `parent`. The request is durable before anything
    /// stops. The first one counts; after the end it does nothing.
    pub fn cancel(&self, by: &str) {
        self.live.control.cancel(by);
    }

    /// Says how far the run is.
    pub async fn progress(&self) -> RunProgress {
        // Of a run that has ended nobody takes questions any more.
        if self.ended().is_none() {
            let (answer, asked) = oneshot::channel();
            self.live.control.ask(answer);
            if self.ended().is_none()
                && let Ok(progress) = asked.await
            {
                return progress;
            }
        }
        self.live.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The run's records from position `from_seq` on, stored ones first, then those to come, without gap or
    /// repetition, in order. A reader that is too slow for the live stream is given the journal instead.
    pub fn events(&self, from_seq: u64) -> RunEvents {
        RunEvents {
            live: self.live.events.subscribe(),
            run: self.live.clone(),
            store: self.store.clone(),
            next: from_seq,
            stored: StoredPart::Due,
        }
    }
}

/// Records of a run in order. Ends after the last one that this process stored.
pub struct RunEvents {
    live: broadcast::Receiver<Arc<RunEvent>>,
    run: Arc<LiveRun>,
    store: Arc<dyn Store>,
    next: u64,
    stored: StoredPart,
}

enum StoredPart {
    /// To be read: at the beginning, and after the live stream ran ahead.
    Due,
    Reading {
        machine: Box<Run>,
        read: u64,
        page: std::vec::IntoIter<Record>,
    },
    Read,
}

impl RunEvents {
    /// Returns the next record; `None` when the run has left this process and all was given.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn next(&mut self) -> Result<Option<Arc<RunEvent>>, StoreError> {
        loop {
            if let Some(event) = self.next_stored().await? {
                return Ok(Some(event));
            }
            match self.live.recv().await {
                Ok(event) if event.record.seq < self.next => {}
                Ok(event) if event.record.seq == self.next => {
                    self.next += 1;
                    return Ok(Some(event));
                }
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {
                    self.stored = StoredPart::Due;
                }
                Err(broadcast::error::RecvError::Closed) => return Ok(None),
            }
        }
    }

    async fn next_stored(&mut self) -> Result<Option<Arc<RunEvent>>, StoreError> {
        loop {
            match &mut self.stored {
                StoredPart::Read => return Ok(None),
                StoredPart::Due => {
                    // Folded from the first record, because what follows from one depends on all before.
                    let machine = Box::new(Run::new(self.run.graph.clone(), &self.run.id));
                    let page = Vec::new().into_iter();
                    self.stored = StoredPart::Reading { machine, read: 0, page };
                }
                StoredPart::Reading { machine, read, page } => {
                    if let Some(record) = page.next() {
                        // A journal that does not fit is shown all the same; the driver reports it.
                        let step = machine.apply(&record.event).unwrap_or_default();
                        *read = record.seq + 1;
                        if record.seq >= self.next {
                            self.next = record.seq + 1;
                            let derived = step.derived;
                            return Ok(Some(Arc::new(RunEvent { record, derived })));
                        }
                        continue;
                    }
                    let records = self.store.journal(&self.run.id, *read, MAX_PAGE).await?;
                    if records.is_empty() {
                        self.stored = StoredPart::Read;
                    } else {
                        *page = records.into_iter();
                    }
                }
            }
        }
    }
}

/// What handles, the driver and the keeper of leases share about one run.
pub(crate) struct LiveRun {
    pub(crate) id: RunId,
    pub(crate) graph: Arc<Graph>,
    /// Sub-flows around this run.
    pub(crate) depth: usize,
    pub(crate) control: Control,
    pub(crate) end: watch::Sender<Option<End>>,
    pub(crate) events: EventSender,
    pub(crate) lease: Mutex<Option<Lease>>,
    pub(crate) last: Mutex<RunProgress>,
    /// What sub-flows begin with, by the attempts that they are, until those have answered.
    kept: Mutex<HashMap<(Address, u32), Value>>,
}

/// Sends until the run ends; then subscribers are told that nothing follows.
pub(crate) struct EventSender(Mutex<Option<broadcast::Sender<Arc<RunEvent>>>>);

impl EventSender {
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Arc<RunEvent>> {
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A channel without sender is closed: the journal is all there is.
        sender.as_ref().map_or_else(|| broadcast::channel(1).1, broadcast::Sender::subscribe)
    }

    /// Whether somebody listens; making an event costs a clone of the record.
    pub(crate) fn listened(&self) -> Option<broadcast::Sender<Arc<RunEvent>>> {
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sender.as_ref().filter(|sender| sender.receiver_count() > 0).cloned()
    }

    fn close(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl LiveRun {
    pub(crate) fn new(id: RunId, graph: Arc<Graph>, depth: usize, buffer: usize) -> Arc<Self> {
        Arc::new(Self {
            id,
            graph,
            depth,
            control: Control::default(),
            end: watch::Sender::new(None),
            events: EventSender(Mutex::new(Some(broadcast::Sender::new(buffer.max(1))))),
            lease: Mutex::new(None),
            last: Mutex::default(),
            kept: Mutex::default(),
        })
    }

    /// Keeps what a sub-flow begins with.
    pub(crate) fn keep(&self, address: Address, attempt: u32, kept: Value) {
        let mut all = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert((address, attempt), kept);
    }

    /// What the sub-flow that an attempt is begins with, when it does not begin from nothing.
    pub(crate) fn kept(&self, address: &Address, attempt: u32) -> Option<Value> {
        let all = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if all.is_empty() {
            return None;
        }
        all.get(&(address.clone(), attempt)).cloned()
    }

    /// An attempt has answered.
    pub(crate) fn forget(&self, address: &Address, attempt: u32) {
        let mut all = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if !all.is_empty() {
            all.remove(&(address.clone(), attempt));
        }
    }

    /// Tells everybody how the run left this process. The first one counts.
    pub(crate) fn finish(&self, end: End) {
        self.end.send_if_modified(|now| now.is_none() && now.replace(end).is_none());
        self.events.close();
        self.control.asked.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(crate) fn lease(&self) -> Option<Lease> {
        self.lease.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_lease(&self, lease: Option<Lease>) {
        *self.lease.lock().unwrap_or_else(PoisonError::into_inner) = lease;
    }
}

/// What others want of the driver.
#[derive(Default)]
pub(crate) struct Control {
    cancel: Mutex<Option<String>>,
    asked: Mutex<Vec<oneshot::Sender<RunProgress>>>,
    pub(crate) wake: Notify,
    /// Stop without finishing: milliseconds that attempts have to end.
    park: Mutex<Option<u64>>,
    /// Letters are in the inbox.
    letters: AtomicBool,
    /// Attempts that are sub-flows which only wait.
    resting: Mutex<HashSet<Address>>,
    /// The lease is another's.
    pub(crate) lost: CancellationToken,
}

impl Control {
    fn cancel(&self, by: &str) {
        let mut cancel = self.cancel.lock().unwrap_or_else(PoisonError::into_inner);
        cancel.get_or_insert_with(|| by.into());
        drop(cancel);
        self.wake.notify_one();
    }

    fn ask(&self, answer: oneshot::Sender<RunProgress>) {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(answer);
        self.wake.notify_one();
    }

    pub(crate) fn park(&self, grace_ms: u64) {
        *self.park.lock().unwrap_or_else(PoisonError::into_inner) = Some(grace_ms);
        self.wake.notify_one();
    }

    /// Says that there are letters.
    pub(crate) fn letters(&self) {
        self.letters.store(true, Ordering::SeqCst);
        self.wake.notify_one();
    }

    pub(crate) fn has_letters(&self) -> bool {
        self.letters.load(Ordering::SeqCst)
    }

    /// Whoever reads the inbox now sees all that were announced.
    pub(crate) fn read_letters(&self) {
        self.letters.store(false, Ordering::SeqCst);
    }

    /// Says whether an attempt is a sub-flow that only waits.
    pub(crate) fn rest(&self, address: &Address, rests: bool) {
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        match rests {
            true => drop(resting.insert(address.clone())),
            false => drop(resting.remove(address)),
        }
        drop(resting);
        self.wake.notify_one();
    }

    pub(crate) fn rests(&self, address: &Address) -> bool {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner).contains(address)
    }

    pub(crate) fn cancelled_by(&self) -> Option<String> {
        self.cancel.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn take_asked(&self) -> Vec<oneshot::Sender<RunProgress>> {
        std::mem::take(&mut *self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn park_grace(&self) -> Option<u64> {
        *self.park.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

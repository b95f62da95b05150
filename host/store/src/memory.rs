//! A store that ends with the process: what the contract means, in plain code.
//!
//! Tests and `run` without a store use it. Other stores are compared with it on random histories, so it has
//! no cleverness: one lock over ordinary maps, held for the length of one change and never across an await.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use cleargate_flow::{FlowHash, FlowId, Record, RunId};

use crate::blob::{BlobDigest, MAX_BLOB_BYTES, MAX_FLOW_BYTES, check_size};
use crate::error::StoreError;
use crate::head::{Batch, Head};
use crate::kv::{KvPage, KvSpace, check_entry, check_key};
use crate::quota::{OWNED_BLOBS, Quota, of_entry};
use crate::run::{Created, Lease, NewRun, Removed, RunFilter, RunRow, RunStatus};
use crate::store::{Durability, MAX_PAGE, Store};
use crate::trouble::Trouble;
use crate::waits::{
    Change, Letter, MAX_INBOX, OpenWait, Posted, WaitFilter, WaitsFor, changes, check_letter,
};

/// Everything in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
    quota: Quota,
}

#[derive(Debug, Default)]
struct State {
    flows: HashMap<FlowHash, Vec<u8>>,
    /// By number, in order of creation.
    runs: BTreeMap<usize, Run>,
    /// Numbers of the runs that are not finished.
    open: BTreeSet<usize>,
    by_id: HashMap<RunId, usize>,
    by_key: HashMap<(FlowId, String), usize>,
    blobs: HashMap<BlobDigest, Vec<u8>>,
    values: BTreeMap<(String, String, String), Vec<u8>>,
    /// Bytes that the entries of a space take, by tenant and store.
    used: HashMap<(String, String), u64>,
}

#[derive(Debug)]
struct Run {
    /// As created; `first` holds the whole journal.
    new: NewRun,
    head: Head,
    /// In the order in which they came; `None` for one that was taken.
    letters: Vec<(String, Option<Letter>)>,
    /// What it waits for, by address; none for its alarm.
    waits: BTreeMap<String, OpenWait>,
    /// Letters that it had when it ended.
    undelivered: Vec<Letter>,
    trouble: Option<Trouble>,
}

impl Run {
    fn new(new: NewRun, head: Head) -> Self {
        let (letters, waits, undelivered) = (Vec::new(), BTreeMap::new(), Vec::new());
        Self { new, head, letters, waits, undelivered, trouble: None }
    }

    fn has_letters(&self) -> bool {
        self.letters.iter().any(|(_, letter)| letter.is_some())
    }

    fn is_aside(&self) -> bool {
        self.trouble.as_ref().is_some_and(|trouble| trouble.set_aside)
    }

    fn is_due(&self, now_ms: i64) -> bool {
        let late = |wait: &OpenWait| wait.until.is_some_and(|until| until <= now_ms);
        self.head.status == RunStatus::Waiting
            && (self.has_letters() || self.waits.values().any(late))
    }

    fn set_alarm(&mut self, due: Option<i64>) {
        self.waits.remove("");
        let (run, flow) = (self.new.id.clone(), self.new.flow.clone());
        let alarm = due.map(|due| OpenWait {
            run,
            flow,
            address: None,
            waits_for: WaitsFor::Alarm,
            until: Some(due),
            since: due,
            seq: 0,
        });
        self.waits.extend(alarm.map(|alarm| (String::new(), alarm)));
    }

    fn change(&mut self, change: Change) {
        let (run, flow) = (self.new.id.clone(), self.new.flow.clone());
        match change {
            Change::Opens { address, waits_for, until, since, seq } => {
                let (key, address) = (address.to_string(), Some(address));
                let wait = OpenWait { run, flow, address, waits_for, until, since, seq };
                self.waits.insert(key, wait);
            }
            Change::Closes(address) => drop(self.waits.remove(&address.to_string())),
            Change::Takes(id) => {
                let taken = self.letters.iter_mut().filter(|(known, _)| *known == id);
                taken.for_each(|(_, letter)| *letter = None);
            }
            Change::ClosesAll => {
                self.waits.clear();
                self.trouble = None;
                let letters = self.letters.iter_mut().filter_map(|(_, letter)| letter.take());
                self.undelivered = letters.collect();
            }
        }
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store with other bounds.
    pub fn bounded(quota: Quota) -> Self {
        Self { state: Mutex::default(), quota }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is made after all its checks: a panic elsewhere leaves whole data behind.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn position(&self, run: &RunId) -> Result<usize, StoreError> {
        self.by_id.get(run).copied().ok_or_else(|| StoreError::NoSuchRun { run: run.clone() })
    }

    fn run(&mut self, run: &RunId) -> Result<&mut Run, StoreError> {
        let at = self.position(run)?;
        Ok(self.at(at))
    }

    fn at(&mut self, at: usize) -> &mut Run {
        self.runs.get_mut(&at).expect("an id leads to a run")
    }

    /// The numbers of a run and of every sub-flow below it, the run first.
    fn family(&self, at: usize) -> Vec<usize> {
        let mut family = vec![at];
        let mut next = 0;
        while let Some(at) = family.get(next) {
            let id = &self.runs[at].new.id;
            let ours = |run: &Run| run.new.parent.as_ref().is_some_and(|(parent, _)| parent == id);
            let children = self.runs.iter().filter(|(_, run)| ours(run)).map(|(at, _)| *at);
            let fresh: Vec<usize> = children.filter(|at| !family.contains(at)).collect();
            family.extend(fresh);
            next += 1;
        }
        family
    }

    /// Notes that entries of a space changed their size.
    fn charge(
        &mut self,
        quota: Quota,
        space: KvSpace<'_>,
        freed: u64,
        added: u64,
    ) -> Result<(), StoreError> {
        let used = self.used.entry((space.tenant.into(), space.store.into())).or_default();
        *used = quota.after(space, *used, freed, added)?;
        Ok(())
    }

    fn set(
        &mut self,
        quota: Quota,
        space: KvSpace<'_>,
        key: &str,
        value: Vec<u8>,
    ) -> Result<(), StoreError> {
        let place = entry(space, key);
        let freed = self.values.get(&place).map_or(0, |old| of_entry(key, old.len() as u64));
        self.charge(quota, space, freed, of_entry(key, value.len() as u64))?;
        self.values.insert(place, value);
        Ok(())
    }

    /// Files a run under the open ones, or no longer, after its status may have changed.
    fn settle(&mut self, at: usize) {
        if self.runs[&at].head.status.is_finished() {
            self.open.remove(&at);
        } else {
            self.open.insert(at);
        }
    }
}

fn entry(space: KvSpace<'_>, key: &str) -> (String, String, String) {
    (space.tenant.into(), space.store.into(), key.into())
}

#[async_trait]
impl Store for MemoryStore {
    async fn put_flow(&self, hash: &FlowHash, bundle: Vec<u8>) -> Result<(), StoreError> {
        check_size("flow bundle", &bundle, MAX_FLOW_BYTES)?;
        self.state().flows.entry(hash.clone()).or_insert(bundle);
        Ok(())
    }

    async fn get_flow(&self, hash: &FlowHash) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.state().flows.get(hash).cloned())
    }

    async fn create_run(&self, run: NewRun) -> Result<Created, StoreError> {
        let batch = Batch::of_new(&run)?;
        let mut state = self.state();
        let key = run.idempotency_key.clone().map(|key| (run.flow.clone(), key));
        if let Some(&at) = key.as_ref().and_then(|key| state.by_key.get(key)) {
            return Ok(Created::Exists(state.runs[&at].new.id.clone()));
        }
        if state.by_id.contains_key(&run.id) {
            return Err(StoreError::RunExists { run: run.id });
        }
        let at = state.runs.last_key_value().map_or(0, |(last, _)| last + 1);
        state.by_id.insert(run.id.clone(), at);
        state.by_key.extend(key.map(|key| (key, at)));
        state.runs.insert(at, Run::new(run, Head::new(&batch)));
        state.settle(at);
        Ok(Created::New)
    }

    async fn run(&self, run: &RunId) -> Result<Option<RunRow>, StoreError> {
        Ok(self.state().run(run).ok().map(|run| run.head.row(&run.new)))
    }

    async fn runs(&self, filter: &RunFilter) -> Result<Vec<RunRow>, StoreError> {
        let state = self.state();
        let end = match &filter.before {
            Some(run) => state.position(run)?,
            None => usize::MAX,
        };
        let wanted = |run: &&Run| {
            filter.flow.as_ref().is_none_or(|flow| *flow == run.new.flow)
                && filter.status.is_none_or(|status| status == run.head.status)
                && !(filter.top_only && run.new.parent.is_some())
                && filter
                    .finished_before
                    .is_none_or(|time| run.head.finished_at.is_some_and(|at| at < time))
        };
        let rows = state.runs.range(..end).rev().map(|(_, run)| run).filter(wanted);
        Ok(rows.take(filter.limit.min(MAX_PAGE)).map(|run| run.head.row(&run.new)).collect())
    }

    async fn run_ids(&self, prefix: &str, limit: usize) -> Result<Vec<RunId>, StoreError> {
        let state = self.state();
        let ids = state.by_id.keys().filter(|id| id.as_str().starts_with(prefix));
        let ids: BTreeSet<&str> = ids.map(RunId::as_str).collect();
        let first = ids.into_iter().take(limit.min(MAX_PAGE));
        Ok(first.map(|id| id.parse().expect("it was an id")).collect())
    }

    async fn outstanding(&self, now_ms: i64) -> Result<Vec<RunId>, StoreError> {
        let state = self.state();
        let open = state.open.iter().map(|at| &state.runs[at]);
        let open = open.filter(|run| run.head.is_outstanding(now_ms) && !run.is_aside());
        Ok(open.map(|run| run.new.id.clone()).collect())
    }

    async fn acquire(
        &self,
        run: &RunId,
        owner: &str,
        now_ms: i64,
        ttl_ms: u64,
    ) -> Result<Lease, StoreError> {
        let mut state = self.state();
        let found = state.run(run)?;
        let lease = found.head.acquire(run, owner, now_ms, ttl_ms)?;
        found.set_alarm(None);
        Ok(lease)
    }

    async fn renew(&self, lease: &Lease, now_ms: i64, ttl_ms: u64) -> Result<Lease, StoreError> {
        self.state().run(&lease.run)?.head.renew(lease, now_ms, ttl_ms)
    }

    async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        self.state().run(&lease.run)?.head.release(lease);
        Ok(())
    }

    async fn park(&self, lease: &Lease, due: Option<i64>) -> Result<bool, StoreError> {
        let mut state = self.state();
        let run = state.run(&lease.run)?;
        if run.has_letters() {
            return Ok(false);
        }
        run.head.park(lease)?;
        run.set_alarm(due);
        Ok(true)
    }

    async fn post(&self, letter: &Letter) -> Result<Posted, StoreError> {
        check_letter(letter)?;
        let mut state = self.state();
        let run = state.run(&letter.run)?;
        if run.head.status.is_finished() {
            return Err(StoreError::Finished { run: letter.run.clone() });
        }
        if run.letters.iter().any(|(id, _)| *id == letter.id) {
            return Ok(Posted::Known);
        }
        if run.letters.iter().filter(|(_, letter)| letter.is_some()).count() >= MAX_INBOX {
            return Err(StoreError::InboxFull { run: letter.run.clone(), limit: MAX_INBOX });
        }
        run.letters.push((letter.id.clone(), Some(letter.clone())));
        Ok(Posted::New)
    }

    async fn inbox(&self, run: &RunId, limit: usize) -> Result<Vec<Letter>, StoreError> {
        let mut state = self.state();
        let letters = state.run(run)?.letters.iter().filter_map(|(_, letter)| letter.clone());
        Ok(letters.take(limit.min(MAX_PAGE)).collect())
    }

    async fn undelivered(&self, run: &RunId, limit: usize) -> Result<Vec<Letter>, StoreError> {
        let mut state = self.state();
        let letters = &state.run(run)?.undelivered;
        Ok(letters.iter().take(limit.min(MAX_PAGE)).cloned().collect())
    }

    async fn waits(&self, filter: &WaitFilter) -> Result<Vec<OpenWait>, StoreError> {
        let state = self.state();
        let (end, seq) = match &filter.after {
            Some((run, seq)) => (state.position(run)?, *seq),
            None => (usize::MAX, u64::MAX),
        };
        let only = filter.run.as_ref().map(|run| state.position(run)).transpose()?;
        let runs = state.runs.range(..=end).rev().filter(|(at, _)| only.is_none_or(|o| o == **at));
        let waits = runs.flat_map(|(at, run)| {
            let mut waits: Vec<&OpenWait> =
                run.waits.values().filter(|wait| *at < end || wait.seq > seq).collect();
            waits.sort_by_key(|wait| wait.seq);
            waits
        });
        let wanted =
            waits.filter(|wait| !filter.tasks || matches!(wait.waits_for, WaitsFor::Task { .. }));
        Ok(wanted.take(filter.limit.min(MAX_PAGE)).cloned().collect())
    }

    async fn due(&self, now_ms: i64, below: Option<&RunId>) -> Result<Vec<RunId>, StoreError> {
        let state = self.state();
        let mut among: Vec<usize> = match below {
            Some(run) => state.by_id.get(run).map(|at| state.family(*at)).unwrap_or_default(),
            None => state.open.iter().copied().collect(),
        };
        among.sort_unstable();
        let due = among.iter().map(|at| &state.runs[at]).filter(|run| run.is_due(now_ms));
        let due = due.filter(|run| below.is_some() || !run.is_aside());
        Ok(due.take(MAX_PAGE).map(|run| run.new.id.clone()).collect())
    }

    async fn next_due(&self, after_ms: i64) -> Result<Option<i64>, StoreError> {
        let state = self.state();
        let open = state.open.iter().map(|at| &state.runs[at]);
        let waiting = open.filter(|run| run.head.status == RunStatus::Waiting);
        let moments = waiting.flat_map(|run| run.waits.values().filter_map(|wait| wait.until));
        Ok(moments.filter(|until| *until > after_ms).min())
    }

    async fn set_trouble(&self, run: &RunId, trouble: Option<Trouble>) -> Result<(), StoreError> {
        let mut state = self.state();
        let found = state.run(run)?;
        if found.head.status.is_finished() {
            return Err(StoreError::Finished { run: run.clone() });
        }
        found.trouble = trouble.map(Trouble::cut);
        Ok(())
    }

    async fn trouble(&self, run: &RunId) -> Result<Option<Trouble>, StoreError> {
        Ok(self.state().run(run)?.trouble.clone())
    }

    async fn set_aside(
        &self,
        before: Option<&RunId>,
        limit: usize,
    ) -> Result<Vec<(RunId, Trouble)>, StoreError> {
        let state = self.state();
        let end = before.map(|run| state.position(run)).transpose()?.unwrap_or(usize::MAX);
        let open = state.open.range(..end).rev().map(|at| &state.runs[at]);
        let aside = open.filter(|run| run.is_aside());
        let named = aside.filter_map(|run| Some((run.new.id.clone(), run.trouble.clone()?)));
        Ok(named.take(limit.min(MAX_PAGE)).collect())
    }

    async fn children(&self, run: &RunId) -> Result<Vec<RunId>, StoreError> {
        let state = self.state();
        let ours = |of: &&Run| of.new.parent.as_ref().is_some_and(|(parent, _)| parent == run);
        let open = state.open.iter().map(|at| &state.runs[at]);
        let children = open.filter(ours).take(MAX_PAGE);
        Ok(children.map(|child| child.new.id.clone()).collect())
    }

    async fn append(
        &self,
        lease: &Lease,
        records: Vec<Record>,
        _durability: Durability,
    ) -> Result<(), StoreError> {
        let batch = Batch::of(&lease.run, &records)?;
        let mut state = self.state();
        let at = state.position(&lease.run)?;
        let run = state.at(at);
        run.head.append(lease, batch.as_ref())?;
        changes(&records).into_iter().for_each(|change| run.change(change));
        if let Some(pin) = batch.and_then(|batch| batch.pin) {
            run.new.hash = pin;
        }
        run.new.first.extend(records);
        state.settle(at);
        Ok(())
    }

    async fn journal(
        &self,
        run: &RunId,
        from_seq: u64,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        let mut state = self.state();
        let records = &state.run(run)?.new.first;
        let from = usize::try_from(from_seq).unwrap_or(usize::MAX);
        Ok(records.iter().skip(from).take(limit.min(MAX_PAGE)).cloned().collect())
    }

    async fn remove_run(&self, run: &RunId) -> Result<Removed, StoreError> {
        let mut state = self.state();
        let at = state.position(run)?;
        if let Some((parent, _)) = &state.runs[&at].new.parent
            && state.by_id.contains_key(parent)
        {
            return Err(StoreError::SubFlow { run: run.clone(), parent: parent.clone() });
        }
        let family = state.family(at);
        if let Some(open) = family.iter().find(|at| state.open.contains(at)) {
            return Err(StoreError::Unfinished { run: state.runs[open].new.id.clone() });
        }
        let mut removed = Removed::default();
        for at in family {
            let run = state.runs.remove(&at).expect("it was found").new;
            state.by_id.remove(&run.id);
            if let Some(key) = run.idempotency_key {
                state.by_key.remove(&(run.flow, key));
            }
            removed.runs += 1;
            removed.records += run.first.len() as u64;
        }
        Ok(removed)
    }

    async fn put_blob(&self, tenant: &str, bytes: Vec<u8>) -> Result<BlobDigest, StoreError> {
        check_size("blob", &bytes, MAX_BLOB_BYTES)?;
        let digest = BlobDigest::of(&bytes);
        let (space, key) = (KvSpace::new(tenant, OWNED_BLOBS), digest.to_string());
        check_key(space, &key)?;
        let mut state = self.state();
        let place = entry(space, &key);
        if !state.values.contains_key(&place) {
            state.charge(self.quota, space, 0, of_entry(&key, bytes.len() as u64))?;
            state.values.insert(place, Vec::new());
        }
        state.blobs.entry(digest).or_insert(bytes);
        Ok(digest)
    }

    async fn get_blob(
        &self,
        tenant: &str,
        digest: &BlobDigest,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let state = self.state();
        let place = entry(KvSpace::new(tenant, OWNED_BLOBS), &digest.to_string());
        let owned = state.values.contains_key(&place);
        Ok(state.blobs.get(digest).filter(|_| owned).cloned())
    }

    async fn kv_get(&self, space: KvSpace<'_>, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        check_key(space, key)?;
        Ok(self.state().values.get(&entry(space, key)).cloned())
    }

    async fn kv_set(
        &self,
        space: KvSpace<'_>,
        key: &str,
        value: Vec<u8>,
    ) -> Result<(), StoreError> {
        check_entry(space, key, &value)?;
        self.state().set(self.quota, space, key, value)
    }

    async fn kv_delete(&self, space: KvSpace<'_>, key: &str) -> Result<bool, StoreError> {
        check_key(space, key)?;
        let mut state = self.state();
        let Some(old) = state.values.remove(&entry(space, key)) else { return Ok(false) };
        state.charge(self.quota, space, of_entry(key, old.len() as u64), 0)?;
        Ok(true)
    }

    async fn kv_swap(
        &self,
        space: KvSpace<'_>,
        key: &str,
        expected: Option<&[u8]>,
        value: Vec<u8>,
    ) -> Result<bool, StoreError> {
        check_entry(space, key, &value)?;
        let mut state = self.state();
        let place = entry(space, key);
        let as_expected = state.values.get(&place).map(Vec::as_slice) == expected;
        if as_expected {
            state.set(self.quota, space, key, value)?;
        }
        Ok(as_expected)
    }

    async fn kv_list(
        &self,
        space: KvSpace<'_>,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<KvPage, StoreError> {
        check_key(space, prefix)?;
        check_key(space, after.unwrap_or_default())?;
        let state = self.state();
        let start = match after.filter(|after| *after >= prefix) {
            Some(after) => Bound::Excluded(entry(space, after)),
            None => Bound::Included(entry(space, prefix)),
        };
        let keys = state.values.range((start, Bound::Unbounded)).map(|(place, _)| place);
        let ours = keys.take_while(|(tenant, store, key)| {
            tenant == space.tenant && store == space.store && key.starts_with(prefix)
        });
        let keys = ours.take(MAX_PAGE + 1).map(|(_, _, key)| key.clone()).collect();
        Ok(KvPage::cut(keys, MAX_PAGE))
    }
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn it_keeps_the_contract() {
        crate::conformance::check(&super::MemoryStore::new()).await;
        let quota = crate::Quota { values: 5_000, blobs: 9_000 };
        crate::conformance::keeps_to_quotas(&super::MemoryStore::bounded(quota), quota).await;
    }
}

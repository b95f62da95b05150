//! Retention over a shelf that counts what is looked at.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use cleargate_flow::{FlowHash, RunId};
use cleargate_store::{Removed, RunFilter, RunRow, RunStatus, StoreError};

use super::{Pruned, Shelf, remove};

/// Runs on a page of this test.
const PAGE: usize = 10;

/// Runs, newest first: those that are young stay. A page looks at each run from where it begins until it is full.
struct Counting {
    runs: Mutex<Vec<(usize, bool)>>,
    looked_at: AtomicUsize,
    /// Runs that cannot be removed, and a run that somebody else removes once it was on a page.
    stay: BTreeSet<usize>,
    snatched: Mutex<Option<usize>>,
}

fn id(number: usize) -> RunId {
    format!("run-{number}").parse().unwrap()
}

fn row(number: usize) -> RunRow {
    RunRow {
        id: id(number),
        flow: "f".parse().unwrap(),
        hash: FlowHash::of(b"f"),
        idempotency_key: None,
        parent: None,
        origin: None,
        status: RunStatus::Succeeded,
        created_at: 0,
        updated_at: 0,
        finished_at: Some(0),
        last_seq: 1,
        fence: 1,
        lease: None,
        error: None,
    }
}

#[async_trait]
impl Shelf for Counting {
    async fn page(&self, filter: &RunFilter) -> Result<Vec<RunRow>, StoreError> {
        let mut runs = self.runs.lock().unwrap();
        let begin = match &filter.before {
            None => 0,
            Some(run) => {
                let at = runs.iter().position(|(number, _)| id(*number) == *run);
                at.ok_or_else(|| StoreError::NoSuchRun { run: run.clone() })? + 1
            }
        };
        let mut page = Vec::new();
        for (number, old) in &runs[begin..] {
            self.looked_at.fetch_add(1, Ordering::SeqCst);
            if *old {
                page.push(row(*number));
            }
            if page.len() == filter.limit {
                break;
            }
        }
        let last = page.last().map(|row| row.id.clone());
        let mut snatched = self.snatched.lock().unwrap();
        if let Some(number) = snatched.filter(|number| last == Some(id(*number))) {
            runs.retain(|(other, _)| *other != number);
            *snatched = None;
        }
        Ok(page)
    }

    async fn remove(&self, run: &RunId) -> Result<Removed, StoreError> {
        let mut runs = self.runs.lock().unwrap();
        let at = runs.iter().position(|(number, _)| id(*number) == *run);
        let at = at.ok_or_else(|| StoreError::NoSuchRun { run: run.clone() })?;
        if self.stay.contains(&runs[at].0) {
            return Err(StoreError::Unfinished { run: run.clone() });
        }
        runs.remove(at);
        Ok(Removed { runs: 1, records: 2 })
    }
}

/// A shelf of young runs before old ones.
fn shelf(young: usize, old: usize, stay: &[usize], snatched: Option<usize>) -> Counting {
    let runs = (0..young + old).map(|number| (number, number >= young)).collect();
    Counting {
        runs: Mutex::new(runs),
        looked_at: AtomicUsize::new(0),
        stay: stay.iter().copied().collect(),
        snatched: Mutex::new(snatched),
    }
}

async fn pruned(shelf: &Counting) -> (Pruned, usize) {
    let filter = RunFilter { limit: PAGE, ..RunFilter::default() };
    let mut told = BTreeSet::new();
    let pruned = remove(shelf, filter, |gone| {
        assert!(gone.len() <= PAGE + 1);
        gone.into_iter().for_each(|row| assert!(told.insert(row.id.to_string()), "told twice"));
    });
    let pruned = pruned.await.unwrap();
    assert_eq!(told.len() as u64, pruned.runs);
    (pruned, shelf.looked_at.load(Ordering::SeqCst))
}

#[tokio::test]
async fn each_run_is_looked_at_once_however_many_pages_are_removed() {
    for old in [0, 1, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE, 100 * PAGE + 3] {
        let shelf = shelf(500, old, &[], None);
        let (pruned, looked_at) = pruned(&shelf).await;
        assert_eq!((pruned.runs, pruned.records), (old as u64, 2 * old as u64));
        assert_eq!(shelf.runs.lock().unwrap().len(), 500, "{old}");
        assert_eq!(looked_at, 500 + old, "{old}");
    }
}

#[tokio::test]
async fn runs_that_stay_and_runs_that_others_remove_end_nothing() {
    // The one that the next page follows is among them.
    let stays = shelf(5, 35, &[7, 14, 24], None);
    assert_eq!(pruned(&stays).await.0.runs, 32);
    let left: Vec<usize> = stays.runs.lock().unwrap().iter().map(|(number, _)| *number).collect();
    assert_eq!(left, [0, 1, 2, 3, 4, 7, 14, 24]);
    let snatched = shelf(5, 35, &[], Some(14));
    assert_eq!(pruned(&snatched).await.0.runs, 34);
    assert_eq!(snatched.runs.lock().unwrap().len(), 5);
}

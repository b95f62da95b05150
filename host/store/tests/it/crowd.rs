//! Thousands of runs that wait: each is a row, and who looks for those that are due reads no other.

use cleargate_flow::{Event, Record, RunId};
use cleargate_store::{Durability, Store, WaitFilter};

#[tokio::test]
async fn of_many_runs_that_wait_those_are_found_that_are_due() {
    let count = crate::soaked(300, 10_000);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = crate::open(&path);
    for n in 0..count {
        let (name, until) = (format!("r{n}"), Some(i64::from(n % 100)));
        store.create_run(crate::new_run(&name, None)).await.unwrap();
        let run: RunId = name.parse().unwrap();
        let lease = store.acquire(&run, "a", 0, 10).await.unwrap();
        let address = "a".parse().unwrap();
        let event = Event::WaitStarted { address, name: None, until };
        let record = Record { seq: 1, at: 1, event };
        store.append(&lease, vec![record], Durability::Batched).await.unwrap();
        assert!(store.park(&lease, None).await.unwrap());
    }
    drop(store);
    // What another process finds.
    let store = crate::open(&path);
    assert_eq!(store.outstanding(99).await, Ok(vec![]));
    assert_eq!(store.due(-1, None).await, Ok(vec![]));
    let due = store.due(2, None).await.unwrap();
    assert_eq!(due.len(), usize::try_from(count / 100 * 3).unwrap());
    let (mut filter, mut seen) = (WaitFilter { limit: 100, ..WaitFilter::default() }, 0);
    loop {
        let page = store.waits(&filter).await.unwrap();
        seen += page.len();
        filter.after = page.last().map(|wait| (wait.run.clone(), wait.seq));
        if page.len() < 100 {
            break;
        }
    }
    assert_eq!(seen, usize::try_from(count).unwrap());
}

//! Two stores on one file, as two processes have them: one writer per run, whoever is late is refused.

use std::sync::Arc;

use cleargate_store::{Durability, Store, StoreError};
use tokio::task::JoinSet;

/// Writers that race for one run, half of them through each store.
const WRITERS: usize = 64;

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_acquires() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let stores = [Arc::new(crate::open(&path)), Arc::new(crate::open(&path))];
    stores[0].create_run(crate::new_run("r", None)).await.unwrap();
    for round in 0..crate::soaked(50, 1_000) {
        let race: JoinSet<_> = (0..WRITERS)
            .map(|n| {
                let store = Arc::clone(&stores[n % 2]);
                async move {
                    store.acquire(&crate::id("r"), &format!("w{n}"), round * 10, 10).await
                }
            })
            .collect();
        let mut won = Vec::new();
        for answer in race.join_all().await {
            match answer {
                Ok(lease) => won.push(lease),
                Err(StoreError::Leased { .. }) => {}
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(won.len(), 1, "round {round}");
        assert_eq!(won[0].fence, round.unsigned_abs() + 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_has_one_writer_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let run = crate::id("r");
    let stores = [Arc::new(crate::open(&path)), Arc::new(crate::open(&path))];
    stores[0].create_run(crate::new_run("r", None)).await.unwrap();
    let writers: JoinSet<_> = (0..4_usize)
        .map(|n| {
            let (store, run) = (Arc::clone(&stores[n % 2]), run.clone());
            async move {
                let mut written = 0;
                for _ in 0..10 {
                    // Leases that run out at once: the writers take over from each other all the time.
                    let lease = store.acquire(&run, "w", 0, 0).await.unwrap();
                    let next = store.run(&run).await.unwrap().unwrap().last_seq + 1;
                    let records = vec![crate::call(next), crate::call(next + 1)];
                    match store.append(&lease, records, Durability::Sync).await {
                        Ok(()) => written += 2,
                        Err(StoreError::Fenced { .. }) => {}
                        Err(other) => panic!("{other}"),
                    }
                }
                written
            }
        })
        .collect();
    let written: usize = writers.join_all().await.into_iter().sum();
    for store in &stores {
        let journal = store.whole_journal(&run).await.unwrap();
        assert_eq!(journal.len(), 1 + written);
        assert_eq!(journal[1..], (1..=written as u64).map(crate::call).collect::<Vec<_>>());
    }
}

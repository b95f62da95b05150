//! What a store promises of runs that do not get on, and of letters that nobody took.

use cleargate_flow::Value;

use super::{finish, put};
use crate::run::MAX_SUMMARY_BYTES;
use crate::{Durability, Letter, Posted, Says, Store, StoreError, Trouble};

/// A run that was set aside is found by who asks for those, and by nobody else, until somebody brings it back.
pub async fn leaves_alone_what_was_set_aside(store: &dyn Store) {
    let (run, other) = (put(store, "aside").await, put(store, "aside2").await);
    let free = async |now| store.outstanding(now).await.expect("runs").contains(&run);
    let tried = Trouble { tries: 1, records: 7, at: 3, why: "it fell".into(), set_aside: false };
    assert_eq!(store.trouble(&run).await, Ok(None));
    assert_eq!(store.set_trouble(&run, Some(tried.clone())).await, Ok(()));
    assert_eq!(store.trouble(&run).await, Ok(Some(tried.clone())));
    assert!(free(0).await, "it is only noted");
    let aside = Trouble { why: "é".repeat(MAX_SUMMARY_BYTES), set_aside: true, ..tried };
    let kept = Trouble { why: "é".repeat(MAX_SUMMARY_BYTES / 2), ..aside.clone() };
    assert_eq!(store.set_trouble(&other, Some(aside.clone())).await, Ok(()));
    assert_eq!(store.set_trouble(&run, Some(aside.clone())).await, Ok(()));
    assert!(!free(0).await);
    let both = [(other.clone(), kept.clone()), (run.clone(), kept.clone())];
    assert_eq!(store.set_aside(None, 9).await.as_deref(), Ok(&both[..]));
    assert_eq!(store.set_aside(None, 1).await.as_deref(), Ok(&both[..1]));
    assert_eq!(store.set_aside(Some(&other), 9).await.as_deref(), Ok(&both[1..]));

    // One that waits is not woken, neither by its time nor by a letter.
    let lease = store.acquire(&run, "a", 0, 10).await.expect("who asks for it has it");
    assert_eq!(store.park(&lease, Some(70)).await, Ok(true));
    let says = Says::Signal { name: "e".into(), payload: Value::Null };
    let letter = Letter { run: run.clone(), id: "1".into(), by: "b".into(), at: 3, says };
    assert_eq!(store.post(&letter).await, Ok(Posted::New));
    assert_eq!(store.due(80, None).await, Ok(vec![]));
    assert_eq!(store.set_trouble(&run, None).await, Ok(()));
    assert_eq!(store.due(80, None).await, Ok(vec![run.clone()]));
    assert_eq!((store.next_due(69).await, store.next_due(70).await), (Ok(Some(70)), Ok(None)));

    // The end ends the trouble, and what was not taken by then never is.
    let lease = store.acquire(&run, "a", 80, 10).await.expect("the run is free");
    assert_eq!(store.next_due(0).await, Ok(None), "somebody drives it");
    assert_eq!(store.set_trouble(&run, Some(aside.clone())).await, Ok(()));
    assert_eq!(store.undelivered(&run, 9).await, Ok(vec![]));
    assert_eq!(store.append(&lease, vec![finish(1)], Durability::Sync).await, Ok(()));
    assert_eq!(store.trouble(&run).await, Ok(None));
    assert_eq!(store.set_aside(None, 9).await.as_deref(), Ok(&both[..1]));
    let over = store.set_trouble(&run, Some(aside)).await;
    assert!(matches!(over, Err(StoreError::Finished { .. })), "{over:?}");
    assert_eq!(store.inbox(&run, 9).await, Ok(vec![]));
    assert_eq!(store.undelivered(&run, 9).await, Ok(vec![letter]));
    assert_eq!(store.remove_run(&run).await.map(|removed| removed.runs), Ok(1));
    let gone = store.undelivered(&run, 9).await;
    assert!(matches!(gone, Err(StoreError::NoSuchRun { .. })), "{gone:?}");
    assert_eq!(store.set_trouble(&other, None).await, Ok(()));
}

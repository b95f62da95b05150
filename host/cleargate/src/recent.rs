//! The things that were used last, so many and no more: a process that lives for long meets ever new ones.

use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use indexmap::IndexMap;

/// Keeps the `most` entries that were used last.
pub(crate) struct Recent<K, V> {
    most: usize,
    /// The one that was used last is the last.
    entries: Mutex<IndexMap<K, V>>,
}

impl<K: Hash + Eq, V: Clone> Recent<K, V> {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, entries: Mutex::default() }
    }

    pub(crate) fn get(&self, key: &K) -> Option<V> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let (key, value) = entries.shift_remove_entry(key)?;
        let found = value.clone();
        entries.insert(key, value);
        Some(found)
    }

    /// Forgets all of them.
    pub(crate) fn clear(&self) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(crate) fn keep(&self, key: K, value: V) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.shift_remove(&key);
        entries.insert(key, value);
        if entries.len() > self.most {
            entries.shift_remove_index(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_longest_ago_goes_first() {
        let recent = Recent::new(3);
        for n in 0..3 {
            recent.keep(n, n * 10);
        }
        assert_eq!(recent.get(&0), Some(0));
        recent.keep(3, 30);
        let found = [0, 1, 2, 3].map(|n| recent.get(&n));
        assert_eq!(found, [Some(0), None, Some(20), Some(30)]);
        recent.keep(0, 1);
        assert_eq!((recent.get(&0), recent.entries.lock().unwrap().len()), (Some(1), 3));
        recent.clear();
        assert_eq!(recent.get(&0), None);
    }
}

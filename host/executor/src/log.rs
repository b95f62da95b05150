//! Log lines of an attempt: bounded by bytes, stored with the attempt's other records.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cleargate_flow::{Event, RunId};

use crate::limits::MAX_LOG_LINE;
use crate::mailbox::{Mail, Sender};

/// Where a node writes log lines. A clone writes to the same bound.
#[derive(Clone)]
pub struct Log {
    inner: Arc<Inner>,
}

struct Inner {
    /// Absent outside a run: lines are counted and go nowhere.
    to: Option<Sender>,
    bound: u64,
    used: AtomicU64,
    dropped: AtomicU64,
}

impl Log {
    /// A log of at most `bound` bytes that nobody reads: for calls outside a run.
    pub fn unread(bound: u64) -> Self {
        Self::make(None, bound)
    }

    pub(crate) fn to(sender: Sender, bound: u64) -> Self {
        Self::make(Some(sender), bound)
    }

    fn make(to: Option<Sender>, bound: u64) -> Self {
        let (used, dropped) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { inner: Arc::new(Inner { to, bound, used, dropped }) }
    }

    /// Writes a line; says whether it was within the bound. `level` is `trace`, `debug`, `info`, `warn` or
    /// `error`. A line longer than [`MAX_LOG_LINE`] is cut. The first line beyond the bound is replaced by
    /// one that says so, the others are counted.
    pub fn line(&self, level: &str, message: &str) -> bool {
        let cut = message.floor_char_boundary(MAX_LOG_LINE);
        let text = &message[..cut];
        let used = self.inner.used.fetch_add(text.len() as u64, Ordering::Relaxed);
        if used.saturating_add(text.len() as u64) <= self.inner.bound {
            let marker = if cut < message.len() { " [cut]" } else { "" };
            self.send(level, format!("{text}{marker}"));
            return true;
        }
        if self.inner.dropped.fetch_add(1, Ordering::Relaxed) == 0 {
            let bound = self.inner.bound;
            self.send(
                "warn",
                format!("the limit `log` of {bound} bytes is reached; lines are dropped"),
            );
        }
        false
    }

    /// Lines that were beyond the bound.
    pub fn dropped(&self) -> u64 {
        self.inner.dropped.load(Ordering::Relaxed)
    }

    /// Tells the journal how the value of an asset was come by.
    pub fn asset(
        &self,
        asset: &str,
        key: Option<&str>,
        why: &[String],
        from: Option<(RunId, i64)>,
    ) {
        if let Some(to) = &self.inner.to {
            to.send(Mail::batched(Event::AssetChecked {
                address: to.address.clone(),
                asset: asset.into(),
                key: key.map(str::to_owned),
                why: why.to_vec(),
                from,
            }));
        }
    }

    fn send(&self, level: &str, message: String) {
        if let Some(to) = &self.inner.to {
            let event = Event::Logged { address: to.address.clone(), level: level.into(), message };
            to.send(Mail::batched(event));
        }
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("bound", &self.inner.bound).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::Mailbox;

    #[test]
    fn lines_beyond_the_bound_are_counted_and_announced_once() {
        let mailbox = Arc::new(Mailbox::default());
        let log = Log::to(Sender::new(&mailbox, "a".parse().unwrap(), 1), 10);
        assert!(log.line("info", "12345"));
        assert!(log.line("info", "12345"));
        assert!(!log.line("info", "x"));
        assert!(!log.line("info", "y"));
        assert_eq!((log.dropped(), mailbox.take().len()), (2, 3));
    }

    #[test]
    fn a_long_line_is_cut_at_a_character() {
        let mailbox = Arc::new(Mailbox::default());
        let log = Log::to(Sender::new(&mailbox, "a".parse().unwrap(), 1), u64::MAX);
        assert!(log.line("info", &"é".repeat(MAX_LOG_LINE)));
        let Event::Logged { message, .. } = mailbox.take().remove(0).mail.event else { panic!() };
        assert_eq!(message.len(), MAX_LOG_LINE + " [cut]".len());
    }
}

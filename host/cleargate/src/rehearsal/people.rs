//! People and other programs in a rehearsal: they answer what they are asked, and tell the run what happened, each at a
//! time.

use std::collections::BTreeSet;
use std::sync::Mutex;

use cleargate_executor::{Clock, Executor, SkippingClock};
use cleargate_flow::limits::Unit;
use cleargate_flow::{Address, RunId, Value};
use cleargate_store::{Letter, Says};
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{FuturesUnordered, StreamExt};

use super::torn::TornStore;

/// An answer to a task.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reply {
    /// Address or path of the node that asks; of one in a sub-flow, behind the alias.
    pub node: String,
    /// Who answers.
    pub by: String,
    /// Milliseconds after the task was opened.
    pub after: u64,
    /// The fields of the form.
    pub answer: Value,
}

/// An event that the run is told of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Signal {
    pub name: String,
    /// Which run is told; the one that is rehearsed, when absent.
    pub to: Option<RunId>,
    /// Milliseconds after the run began.
    pub after: u64,
    pub payload: Value,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct People {
    pub replies: Vec<Reply>,
    pub signals: Vec<Signal>,
    /// Replies that were asked for.
    asked: Mutex<BTreeSet<usize>>,
}

impl People {
    pub(crate) fn new(replies: Vec<Reply>, signals: Vec<Signal>) -> Self {
        Self { replies, signals, asked: Mutex::default() }
    }

    /// Reads `mock.answers`: by node, one `{ answer, by, after }` or a list of them.
    pub(crate) fn replies(node: &str, value: &Value) -> Result<Vec<Reply>, String> {
        let one = |value: &Value| {
            only(value, &["answer", "by", "after"])?;
            let answer = value.get("answer").cloned().ok_or("it needs an `answer`")?;
            let by = value.get("by").and_then(Value::as_str).unwrap_or("somebody").to_owned();
            Ok(Reply { node: node.to_owned(), by, after: after(value)?, answer })
        };
        let many = |values: &[Value]| values.iter().map(one).collect::<Result<_, String>>();
        let replies = value.as_list().map_or_else(|| Ok(vec![one(value)?]), many);
        replies.map_err(|why| format!("`mock.answers.{node}`: {why}"))
    }

    /// Reads an item of `mock.signals`: `{ event, payload, after, to }`.
    pub(crate) fn signal(value: &Value) -> Result<Signal, String> {
        let read = || {
            only(value, &["event", "payload", "after", "to"])?;
            let name = value.get("event").and_then(Value::as_str).ok_or("it needs an `event`")?;
            let payload = value.get("payload").cloned().unwrap_or_default();
            let to = value.get("to").and_then(Value::as_str).map(str::parse).transpose();
            let to = to.map_err(|e: cleargate_flow::address::NameError| e.to_string())?;
            Ok(Signal { name: name.to_owned(), to, after: after(value)?, payload })
        };
        read().map_err(|why: String| format!("`mock.signals`: {why}"))
    }

    /// Answers that nobody was asked for.
    pub(crate) fn unasked(&self) -> Vec<String> {
        let asked = self.asked.lock().expect("no holder of this lock panics");
        let left = self.replies.iter().enumerate().filter(|(n, _)| !asked.contains(n));
        left.map(|(_, reply)| format!("`mock.answers.{}`: nobody was asked", reply.node)).collect()
    }

    /// Does what people do, for as long as a process lives. The next one begins anew: the inbox of a run knows which
    /// letters it had.
    pub(super) async fn act(
        &self,
        executor: &Executor,
        clock: &SkippingClock,
        store: &TornStore,
        (run, began): (&RunId, i64),
    ) {
        let mut under_way: FuturesUnordered<BoxFuture<'_, ()>> = FuturesUnordered::new();
        let tell = |due: i64, id: String, run: RunId, by: String, says: Says| {
            async move {
                let wait = u64::try_from(due.saturating_sub(clock.now())).unwrap_or_default();
                clock.sleep(wait).await;
                // What the store does not take, the run waits for: that shows.
                let _ = executor.post(&Letter { run, id, by, at: clock.now(), says }).await;
            }
            .boxed()
        };
        for (n, Signal { name, to, after, payload }) in self.signals.iter().enumerate() {
            let says = Says::Signal { name: name.clone(), payload: payload.clone() };
            let due = began.saturating_add_unsigned(*after);
            let to = to.as_ref().unwrap_or(run).clone();
            under_way.push(tell(due, format!("signal {n}"), to, "case".into(), says));
        }
        let mut seen = 0;
        loop {
            for (run, address, opened) in store.opened(seen) {
                seen += 1;
                for (n, reply) in self.meant(&address) {
                    let id = format!("reply {n} to {address}");
                    let says =
                        Says::Answer { address: address.clone(), answer: reply.answer.clone() };
                    let due = opened.saturating_add_unsigned(reply.after);
                    under_way.push(tell(due, id, run.clone(), reply.by.clone(), says));
                }
            }
            tokio::select! {
                () = store.asked.notified() => {}
                Some(()) = under_way.next() => {}
            }
        }
    }

    /// The replies to a task, with their numbers.
    fn meant(&self, address: &Address) -> Vec<(usize, &Reply)> {
        let (exact, path) = (address.to_string(), address.static_path());
        let means = |reply: &Reply| {
            let own = reply.node.rsplit('/').next().unwrap_or_default();
            own == exact || own == path
        };
        let meant = self.replies.iter().enumerate().filter(|(_, reply)| means(reply));
        let meant: Vec<_> = meant.collect();
        let mut asked = self.asked.lock().expect("no holder of this lock panics");
        asked.extend(meant.iter().map(|(n, _)| *n));
        meant
    }
}

fn only(value: &Value, known: &[&str]) -> Result<(), String> {
    let map = value.as_map().ok_or_else(|| format!("it is a map of {}", known.join(", ")))?;
    match map.keys().find(|key| !known.contains(&&***key)) {
        Some(key) => Err(format!("`{key}` means nothing; there are {}", known.join(", "))),
        None => Ok(()),
    }
}

fn after(value: &Value) -> Result<u64, String> {
    let after = value.get("after").map(|after| Unit::Millis.parse(&after.to_string()));
    after.transpose().map(Option::unwrap_or_default).map_err(|why| format!("`after`: {why}"))
}

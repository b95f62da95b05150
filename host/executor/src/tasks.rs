//! The only place that spawns. Each task has a kind, and the kind says what happens when it fails and when
//! the process stops.

use std::future::Future;

use tokio::task::JoinHandle;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

/// The tasks of one executor.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tasks {
    runs: TaskTracker,
}

impl Tasks {
    /// Drives a run. On a panic: the run ends as broken in this process and can be resumed. At shutdown: parked, then awaited.
    pub(crate) fn run(&self, work: impl Future<Output = ()> + Send + 'static) {
        drop(spawn(self.runs.track_future(work)));
    }

    /// Performs an attempt beside others of its run. A panic of the node is caught inside. Dropping the
    /// handle, which the run does when it ends or parks, ends the task.
    pub(crate) fn attempt<T: Send + 'static>(
        work: impl Future<Output = T> + Send + 'static,
    ) -> AbortOnDropHandle<T> {
        AbortOnDropHandle::new(spawn(work))
    }

    /// Keeps leases. Its failures are logged; it ends with its executor.
    pub(crate) fn keeper(work: impl Future<Output = ()> + Send + 'static) -> AbortOnDropHandle<()> {
        AbortOnDropHandle::new(spawn(work))
    }

    /// Ends when every run's task has ended. No run may be started after this.
    pub(crate) async fn runs_ended(&self) {
        self.runs.close();
        self.runs.wait().await;
    }
}

fn spawn<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    #[expect(clippy::disallowed_methods, reason = "this is where the others spawn through")]
    tokio::spawn(work)
}

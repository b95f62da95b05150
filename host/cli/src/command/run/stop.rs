//! Ctrl-C, or a service manager that ends the program: a run is to be parked, not to be found dead. One listener for the
//! whole command, because a signal that comes between two would be heard by nobody.

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
#[cfg(windows)]
use tokio::signal::windows::{CtrlC, ctrl_c};

/// Hears requests to stop, also those from before it was asked.
#[derive(Debug)]
pub struct Stop {
    #[cfg(unix)]
    terminated: Signal,
    #[cfg(unix)]
    interrupted: Signal,
    #[cfg(windows)]
    interrupted: CtrlC,
}

impl Stop {
    /// Listens from now on: what the system would do by itself is not done any more.
    #[cfg(unix)]
    pub fn listen() -> Self {
        let on = |kind| signal(kind).expect("the system takes handlers for both");
        Self { terminated: on(SignalKind::terminate()), interrupted: on(SignalKind::interrupt()) }
    }

    /// Listens from now on: what the system would do by itself is not done any more.
    #[cfg(windows)]
    pub fn listen() -> Self {
        Self { interrupted: ctrl_c().expect("the system takes a handler") }
    }

    /// Waits for the next request.
    pub async fn asked(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.terminated.recv() => {}
            _ = self.interrupted.recv() => {}
        }
        #[cfg(windows)]
        let _ = self.interrupted.recv().await;
    }
}

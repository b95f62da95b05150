//! One worker as its parent has it: started and confined, given a plugin, and gone without a trace.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use cleargate_flow::grant::Grants;
use rustix::process::Signal;

use super::frame::{Frames, put, take};
use super::message::{Begin, Hello, Load, Loaded};
use crate::component::Digest;
use crate::fault::Fault;
use crate::place::Portable;
use crate::place::form::Bytes;
use crate::worker::{WorkersConfig, WorkersError};

/// What a worker may take to start, or to make a plugin of machine code. Usual are hundredths of it.
pub(super) const START_TIME: Duration = Duration::from_secs(10);

/// Bytes of what a worker says before its first call: a sentence.
const FIRST_WORDS: usize = 16 * 1024;

/// How long the end of a process is waited for after its connection closed, and how often that is looked at.
const END_TIME: (u32, Duration) = (100, Duration::from_millis(1));

/// What is asked of the thread that keeps the workers.
pub(super) enum Errand {
    /// Start one more.
    Start,
    /// Wait for the end of one that was killed.
    Bury(Child),
}

/// A worker. Dropping it kills the process.
pub(super) struct Worker {
    child: Option<Child>,
    /// Absent while a call uses it.
    pub(super) pair: Option<UnixStream>,
    /// The plugin that it serves, its grants, and what it can do without.
    serves: Option<(Digest, Grants, Grants)>,
    /// Calls that it executed.
    pub(super) calls: u32,
    keeper: Sender<Errand>,
}

impl Worker {
    /// Starts a process and waits until it is confined. Says whether with Landlock, too.
    ///
    /// The system kills it when the thread ends that calls this.
    ///
    /// # Errors
    /// The program cannot be started, is no worker, or cannot be confined.
    pub(super) fn start(
        config: &WorkersConfig,
        keeper: Sender<Errand>,
    ) -> Result<(Self, bool), WorkersError> {
        let (ours, theirs) = UnixStream::pair().map_err(|error| WorkersError(error.to_string()))?;
        let child = spawn(config, theirs).map_err(|error| {
            WorkersError(format!("`{}` cannot be started: {error}", config.program.display()))
        })?;
        let mut worker =
            Self { child: Some(child), pair: Some(ours), serves: None, calls: 0, keeper };
        match worker.greet(config)? {
            Hello::Ready { landlock } => Ok((worker, landlock)),
            Hello::Refused(why) => Err(WorkersError(why)),
        }
    }

    fn greet(&mut self, config: &WorkersConfig) -> Result<Hello, WorkersError> {
        let silent = |error: &dyn std::fmt::Display| {
            WorkersError(format!("`{}` is no worker: {error}", config.program.display()))
        };
        let pair = self.pair.as_ref().expect("no call has it");
        let (memory, landlock) = (config.memory, config.landlock);
        let begin = Begin { parent: std::process::id(), memory, landlock };
        pair.set_read_timeout(Some(START_TIME)).map_err(|error| silent(&error))?;
        put(pair, &begin).map_err(|error| silent(&error))?;
        let hello = take(pair, FIRST_WORDS).map_err(|error| silent(&error))?;
        pair.set_read_timeout(None).map_err(|error| silent(&error))?;
        Ok(hello)
    }

    /// Whether it serves this plugin with these grants.
    pub(super) fn is_for(&self, plugin: &Portable) -> bool {
        let serves = |(digest, grants, optional): &(Digest, Grants, Grants)| {
            *digest == plugin.digest && *grants == plugin.grants && *optional == plugin.optional
        };
        self.serves.as_ref().is_some_and(serves)
    }

    /// Gives it a plugin for the rest of its life.
    ///
    /// # Errors
    /// It ended, or cannot make a plugin of it.
    pub(super) async fn load(&mut self, plugin: &Arc<Portable>) -> Result<(), Fault> {
        let failed = |error: &dyn std::fmt::Display| Fault::crashed(error.to_string());
        let text = |grants| serde_json::to_string(grants).map_err(|error| failed(&error));
        let carried = plugin.clone();
        let code = tokio::task::spawn_blocking(move || carried.code()).await;
        let load = Load {
            surface: plugin.surface.clone(),
            grants: text(&plugin.grants)?,
            optional: text(&plugin.optional)?,
            digest: *plugin.digest.bytes(),
            code: Bytes(code.map_err(|error| failed(&error))??),
        };
        let pair = self.pair.take().expect("no call has it");
        let mut frames = Frames::new(pair, FIRST_WORDS).map_err(|error| failed(&error))?;
        frames.send(&load).map_err(|error| failed(&error))?;
        drop(load);
        let loaded = tokio::time::timeout(START_TIME, frames.next::<Loaded>()).await;
        let loaded = loaded.map_err(|_| Fault::crashed("it did not load the plugin in time"))?;
        match loaded {
            Ok(Ok(())) => {
                let unasked =
                    || Fault::crashed("the worker was ended: it spoke without being asked");
                self.pair = Some(frames.into_inner().ok_or_else(unasked)?);
                self.serves = Some((plugin.digest, plugin.grants.clone(), plugin.optional.clone()));
                Ok(())
            }
            Ok(Err(why)) => Err(failed(&why)),
            Err(broken) => Err(self.ended(&broken, broken.is_gone()).await),
        }
    }

    /// Process id.
    pub(super) fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Whether it is still there.
    pub(super) fn lives(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Why a call has no answer: how the process ended, when it did, or for what it is ended.
    pub(super) async fn ended(
        &mut self,
        why: &(dyn std::error::Error + Sync),
        gone: bool,
    ) -> Fault {
        let (looks, pause) = END_TIME;
        for _ in 0..if gone { looks } else { 0 } {
            match self.child.as_mut().map(Child::try_wait) {
                Some(Ok(None)) => tokio::time::sleep(pause).await,
                Some(Ok(Some(status))) => return died(status),
                _ => break,
            }
        }
        Fault::crashed(format!("the worker was ended: {why}"))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        // One that is gone needs no end.
        let _gone = child.kill();
        if let Err(unsent) = self.keeper.send(Errand::Bury(child))
            && let Errand::Bury(mut child) = unsent.0
        {
            let _gone = child.wait();
        }
    }
}

fn spawn(config: &WorkersConfig, pair: UnixStream) -> io::Result<Child> {
    let mut command = Command::new(&config.program);
    command
        .args(&config.arguments)
        // Ctrl-C is for the parent, which decides what becomes of its runs.
        .process_group(0)
        .env_clear()
        .env("MALLOC_ARENA_MAX", "2")
        .stdin(Stdio::from(OwnedFd::from(pair)))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.spawn()
}

/// How a process that is gone ended.
fn died(status: ExitStatus) -> Fault {
    let Some(signal) = status.signal() else {
        return Fault::crashed(format!("the worker ended by itself, with {status}"));
    };
    let known = [
        (Signal::ILL, "SIGILL"),
        (Signal::ABORT, "SIGABRT"),
        (Signal::BUS, "SIGBUS"),
        (Signal::FPE, "SIGFPE"),
        (Signal::KILL, "SIGKILL"),
        (Signal::SEGV, "SIGSEGV"),
        (Signal::TERM, "SIGTERM"),
        (Signal::XFSZ, "SIGXFSZ"),
        (Signal::SYS, "SIGSYS"),
    ];
    let name = known.into_iter().find(|(known, _)| known.as_raw() == signal);
    let name = name.map_or_else(|| format!("signal {signal}"), |(_, name)| name.to_owned());
    let how = match name.as_str() {
        "SIGSYS" => "the worker made a system call that it may not make, and died of SIGSYS".into(),
        name => format!("the worker died of {name}"),
    };
    Fault::Crashed { how, signal: Some(name) }
}

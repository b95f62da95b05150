//! The side of the worker: confines itself, takes one plugin, and executes calls of it until the parent hangs up.

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use cleargate_flow::event::Usage;
use cleargate_flow::grant::Grants;
use cleargate_flow::limits::Effective;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::confine::{bound, leave};
use super::far::Far;
use super::filter::Phase;
use super::frame::{FrameError, Frames, put, take};
use super::message::{Begin, Hello, Load, Loaded, Order, Report, Word};
use crate::artifact::Artifact;
use crate::component::{Digest, Plugin};
use crate::engine::{Allocation, Engine};
use crate::fault::Fault;
use crate::instance::Called;
use crate::place::form::Failed;
use crate::place::{Ask, Told};
use crate::plugin::Caller;
use crate::worker::WorkError;

/// Bytes of the longest message of the parent: the machine code of the largest component.
const LONGEST: usize = 1 << 30;

impl From<FrameError> for WorkError {
    fn from(error: FrameError) -> Self {
        Self::new(&error)
    }
}

/// Executes calls for the process at the other end of the standard input, and returns when it hangs up. For a process that
/// does nothing else and has one thread: it confines itself for good.
///
/// # Errors
/// The other end is no [`crate::worker::Workers`] of this version, or this machine cannot confine a process.
pub fn work() -> Result<(), WorkError> {
    work_after(|| {})
}

/// The same, with something that is done when the worker is confined and before its first call.
///
/// # Errors
/// The same as [`work`].
#[doc(hidden)]
pub fn work_after(confined: impl FnOnce()) -> Result<(), WorkError> {
    let pair = std::io::stdin().as_fd().try_clone_to_owned();
    let pair = UnixStream::from(pair.map_err(|error| WorkError::new(&error))?);
    let Begin { parent, memory, landlock } = take(&pair, LONGEST)?;
    let (engine, runtime) = match prepare(parent, memory, landlock) {
        Ok((engine, runtime, landlock)) => {
            put(&pair, &Hello::Ready { landlock })?;
            (engine, runtime)
        }
        Err(error) => {
            put(&pair, &Hello::Refused(error.0.clone()))?;
            return Err(error);
        }
    };
    let load: Load = match take(&pair, LONGEST) {
        // A spare that nobody needed.
        Err(FrameError::Closed) => return Ok(()),
        load => load?,
    };
    let plugin = match open(&engine, load) {
        Ok(plugin) => plugin,
        Err(error) => {
            put(&pair, &Loaded::Err(error.0.clone()))?;
            return Err(error);
        }
    };
    leave(Phase::Execute).map_err(|error| WorkError::new(&error))?;
    put(&pair, &Loaded::Ok(()))?;
    confined();
    match runtime.block_on(serve(pair, &plugin)) {
        Err(FrameError::Closed) => Ok(()),
        ended => Ok(ended?),
    }
}

type Prepared = (Engine, tokio::runtime::Runtime, bool);

/// Confines the process. Its threads are made in between: they inherit what is before, and are counted in by what
/// comes after; later there can be no more.
fn prepare(parent: u32, memory: u64, demand: bool) -> Result<Prepared, WorkError> {
    let landlock = bound(parent, memory, demand).map_err(|error| WorkError::new(&error))?;
    let engine = Engine::with_allocation(Allocation::OnDemand);
    let engine = engine.map_err(|error| WorkError::new(&error))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
    let runtime = runtime.map_err(|error| WorkError::new(&error))?;
    leave(Phase::Load).map_err(|error| WorkError::new(&error))?;
    Ok((engine, runtime, landlock))
}

/// Makes the plugin of what the parent sent.
fn open(engine: &Engine, load: Load) -> Result<Plugin, WorkError> {
    let Load { surface, grants, optional, digest, code } = load;
    let read = |text: String| serde_json::from_str(&text).map_err(|error| WorkError::new(&error));
    let (grants, optional): (Grants, Grants) = (read(grants)?, read(optional)?);
    let code = Artifact::of_parent(code.0);
    let plugin = Plugin::carried(engine, &surface, (&grants, &optional), &code, Digest(digest));
    plugin.map_err(|error| WorkError::new(&error))
}

async fn serve(pair: UnixStream, plugin: &Plugin) -> Result<(), FrameError> {
    let mut frames = Frames::new(pair, LONGEST)?;
    loop {
        match frames.next().await? {
            Word::Order(order) => call(&mut frames, plugin, *order).await?,
            // To a request that was taken back.
            Word::Reply(_) => {}
        }
    }
}

/// Executes one call. The parent is listened to and spoken to whenever the guest waits or has computed for a while.
async fn call(frames: &mut Frames, plugin: &Plugin, order: Order) -> Result<(), FrameError> {
    let (reports, mut reported) = unbounded_channel();
    let far = order.setting.clone().map(|setting| Far::new(setting, reports));
    let executing = execute(plugin, order, far.clone());
    tokio::pin!(executing);
    let Called { result, usage } = loop {
        tokio::select! {
            biased;
            Some(report) = reported.recv() => frames.send(&report)?,
            called = &mut executing => break called,
            word = frames.next() => match (word?, &far) {
                (Word::Reply(reply), Some(far)) => far.reply(reply),
                _ => return Err(FrameError::Nonsense),
            },
        }
    };
    drain(frames, &mut reported)?;
    frames.send(&Report::End { result: result.map_err(Failed), usage })?;
    frames.flush().await
}

/// Sends what was reported as the call ended.
fn drain(frames: &mut Frames, reported: &mut UnboundedReceiver<Report>) -> Result<(), FrameError> {
    while let Ok(report) = reported.try_recv() {
        frames.send(&report)?;
    }
    Ok(())
}

async fn execute(plugin: &Plugin, order: Order, far: Option<Far>) -> Called<Told> {
    let limits = Effective::from(&order.limits);
    match (order.ask, far) {
        (Ask::Describe(kind), _) => {
            plugin.say(kind, &limits).await.and_then(|said| Ok(Told::Described(said)))
        }
        (ask, Some(far)) => {
            let caller = Caller { context: order.context, limits, world: Arc::new(far) };
            plugin.execute_here(ask, &caller).await
        }
        (_, None) => {
            let result = Err(Fault::crashed("it was given a call without a world"));
            Called { result, usage: Usage::default() }
        }
    }
}

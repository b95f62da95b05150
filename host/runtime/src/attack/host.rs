//! An attack on this host: each component of the kit is loaded and called, and each promise measured.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use cleargate_flow::limits::{Bound, Layer, Limits};
use cleargate_flow::value::Value;

use super::AttackOptions;
use super::chance::Chance;
use super::kit::{DEEP_JSON, Hostile, crowds, hard_to_compile, strangers};
use super::observe::{Caught, context};
use super::report::{HostReport, Promise};
use super::resident::{self, shown};
use super::world::{Stage, Temper};
use crate::component::{LoadError, Plugin, Runtime};
use crate::engine::{Allocation, LIVE_CALLS};
use crate::fault::Fault;
use crate::instance::Called;
use crate::linker::everything;
use crate::plugin::Caller;

/// Time of a call that would compute or wait for ever.
const TIME: u64 = 50;

/// How late such a call may end, and one that waits in the host.
const STOP: Duration = Duration::from_millis(50);
const STOP_WAITING: Duration = Duration::from_millis(100);

/// Until when what can be decided without compiling is decided.
const AT_ONCE: Duration = Duration::from_millis(100);

/// How long attempts go on until one keeps a promise of time or memory: a defect misses it each time, and what others do
/// to this machine does not for so long.
const PATIENCE: Duration = Duration::from_secs(5);

/// Bytes beside what a call may have: what the process takes to serve it.
const BESIDE: u64 = 8 * MIB;

/// Bytes that a refusal may take: it is decided by a length.
const REFUSAL: u64 = MIB;

/// Damaged components that are tried.
const DAMAGED: u64 = 200;

const MIB: u64 = 1024 * 1024;

/// What was measured, or why the promise is broken.
type Kept = Result<String, String>;

/// Attacks the host that `runtime` is, within the limits of `layers`, with components that were written to break it.
///
/// `compiling` is a runtime over the same engine whose compiler is a process with bounds; without one, nothing is
/// promised about components that are hard to compile. The peak of this process's memory is measured, for which the
/// system's own figure of it is set back.
pub async fn attack_host(
    runtime: &Runtime,
    compiling: Option<&Runtime>,
    layers: &[(Layer, Limits)],
    options: &AttackOptions,
) -> HostReport {
    let mut trial = Trial { runtime, layers, promises: Vec::new() };
    trial.time().await;
    trial.memory().await;
    trial.answers().await;
    trial.calls().await;
    trial.places().await;
    trial.loading(options).await;
    let mut unpromised = Vec::new();
    match compiling {
        Some(compiling) => trial.compiling(compiling).await,
        None => unpromised.push(
            "a component that is hard to compile takes the time and memory of this process: name a process that \
             compiles"
                .to_owned(),
        ),
    }
    let allocation = match runtime.engine().allocation() {
        Allocation::Pool => "pool",
        Allocation::OnDemand => {
            unpromised.push(
                "there are too few addresses for a pool: instances are made one by one, and more slowly".to_owned(),
            );
            "on_demand"
        }
    };
    HostReport {
        seed: options.seed,
        allocation: allocation.into(),
        promises: trial.promises,
        unpromised,
    }
}

struct Trial<'a> {
    runtime: &'a Runtime,
    layers: &'a [(Layer, Limits)],
    promises: Vec<Promise>,
}

/// One call and what it cost.
struct Made {
    called: Called<Value>,
    took: Duration,
    /// Bytes of the process at the worst moment, beside what it had before.
    peak: Option<u64>,
    log_bytes: usize,
}

impl Trial<'_> {
    fn keep(&mut self, promise: &str, kept: Kept) {
        let (kept, measured) = match kept {
            Ok(measured) => (true, measured),
            Err(why) => (false, why),
        };
        self.promises.push(Promise { promise: promise.into(), kept, measured });
    }

    async fn load(&self, bytes: Arc<[u8]>) -> Result<Plugin, LoadError> {
        self.runtime.load(bytes, &everything()).await
    }

    async fn hostile(&self, one: Hostile) -> Result<Plugin, String> {
        self.load(one.bytes()).await.map_err(|error| format!("it was not loaded: {error}"))
    }

    fn caller(&self, limits: Limits, temper: Temper) -> (Caller, Arc<Stage>) {
        let layers: Vec<_> = self.layers.iter().copied().chain([(Layer::Node, limits)]).collect();
        let limits = Limits::combine(&layers);
        let stage = Arc::new(Stage::new(temper, Value::empty(), limits.payload.value, 1));
        (Caller { context: context(), limits, world: stage.clone() }, stage)
    }

    async fn made(&self, plugin: &Plugin, limits: Limits, temper: Temper) -> Result<Made, String> {
        let (caller, stage) = self.caller(limits, temper);
        let given = Value::record([("text", Value::from("some words"))]);
        let before = resident::now();
        resident::forget();
        let started = Instant::now();
        let called = Caught(Box::pin(plugin.call("attack", &caller, &given))).await;
        let called = called.map_err(|panic| format!("the host panicked: {panic}"))?;
        let took = started.elapsed();
        let peak = before.and_then(|before| Some(resident::most()?.saturating_sub(before)));
        Ok(Made { called, took, peak, log_bytes: stage.log().1 })
    }

    /// Calls until an attempt satisfies `fits`, as long as patience lasts.
    async fn until(
        &self,
        one: Hostile,
        limits: Limits,
        temper: Temper,
        fits: impl Fn(&Made) -> Kept,
    ) -> Kept {
        let (plugin, began) = (self.hostile(one).await?, Instant::now());
        loop {
            let made = self.made(&plugin, limits, temper).await?;
            let kept = fits(&made);
            if kept.is_ok() {
                return kept;
            }
            if let Some(limit) = self.sooner(limits, &made) {
                return Ok(format!("limit {limit}, as it is configured"));
            }
            if began.elapsed() > PATIENCE {
                return kept;
            }
        }
    }

    /// The limit of the configuration that ended a call before the attack came to what it attacks.
    fn sooner(&self, limits: Limits, made: &Made) -> Option<&'static str> {
        let reached = match &made.called.result {
            Err(Fault::Limit { limit, .. }) => *limit,
            Err(Fault::Timeout { .. }) => "time",
            _ => return None,
        };
        let (caller, _) = self.caller(limits, Temper::Calm);
        let mut bounds = caller.limits.iter();
        let configured = |(name, bound): &(&str, Bound)| {
            *name == reached && !matches!(bound.layer, Layer::Node | Layer::Default)
        };
        bounds.any(|bound| configured(&bound)).then_some(reached)
    }

    /// A call that ends with its time.
    async fn stops(&self, one: Hostile, temper: Temper, within: Duration) -> Kept {
        self.until(one, waiting(), temper, |made| {
            let late = made.took.saturating_sub(Duration::from_millis(TIME));
            match &made.called.result {
                Err(Fault::Timeout { .. }) if late <= within => {
                    Ok(format!("{} late", millis(late)))
                }
                Err(Fault::Timeout { .. }) => {
                    Err(format!("{} late; promised are {}", millis(late), millis(within)))
                }
                other => Err(ended(other)),
            }
        })
        .await
    }

    /// A call that reaches a limit, and takes no more of the process than `most`.
    async fn limited(&self, one: Hostile, limits: Limits, limit: &str, most: Option<u64>) -> Kept {
        self.until(one, limits, Temper::Calm, |made| match &made.called.result {
            Err(Fault::Limit { limit: reached, .. }) if *reached == limit => {
                match (made.peak, most) {
                    (Some(peak), Some(most)) if peak > most => {
                        Err(format!("{} of the process; {} may be", shown(peak), shown(most)))
                    }
                    (Some(peak), Some(_)) => Ok(format!("{} of the process", shown(peak))),
                    _ => Ok(format!("limit {limit}")),
                }
            }
            other => Err(ended(other)),
        })
        .await
    }

    async fn traps(&self, one: Hostile) -> Kept {
        self.until(one, Limits::default(), Temper::Calm, |made| match &made.called.result {
            Err(Fault::Trap { reason, .. }) => {
                Ok(reason.lines().next().unwrap_or("trap").to_owned())
            }
            other => Err(ended(other)),
        })
        .await
    }

    async fn time(&mut self) {
        for (one, promise) in [
            (Hostile::endless_loop, "a loop without end ends with its time"),
            (Hostile::loop_in_start, "also before the first call, in a start function"),
            (Hostile::loop_after_return, "also behind the answer, where a call cleans up"),
            (Hostile::loop_in_realloc, "also where the host asks for room"),
            (Hostile::loop_in_destructor, "also in a destructor"),
            (Hostile::copies, "also in single instructions over all of memory"),
        ] {
            let kept = self.stops(one, Temper::Calm, STOP).await;
            self.keep(promise, kept);
        }
        let kept = self.stops(Hostile::sleeps, Temper::Silent, STOP_WAITING).await;
        self.keep("a wait in the host ends with the time of its call", kept);
        let kept = self.fuel().await;
        self.keep("fuel ends a call at the same instruction each time", kept);
    }

    async fn fuel(&self) -> Kept {
        let plugin = self.hostile(Hostile::endless_loop).await?;
        let limits = Limits { fuel: Some(1_000_000), ..Limits::default() };
        let mut used = Vec::new();
        for _ in 0..3 {
            let made = self.made(&plugin, limits, Temper::Calm).await?;
            match &made.called.result {
                Err(Fault::Limit { limit: "fuel", .. }) => used.push(made.called.usage.fuel),
                other => return Err(ended(other)),
            }
        }
        match used.windows(2).all(|two| two[0] == two[1]) {
            true => Ok(format!("{} units, three times", used[0])),
            false => Err(format!("{used:?} units")),
        }
    }

    async fn memory(&mut self) {
        let memory = 32 * MIB;
        let limits = Limits { memory: Some(memory), ..Limits::default() };
        for (one, limit, promise) in [
            (Hostile::grows, "memory", "memory grows no further than it may"),
            (Hostile::touches, "memory", "also when each page is really used"),
            (Hostile::many_memories, "memory", "also as the sum of many memories"),
            (Hostile::table, "memory", "tables count as memory"),
            (Hostile::recursion, "stack", "recursion ends with the stack of the call"),
            (Hostile::handles, "handles", "open handles have an end"),
        ] {
            let kept = self.limited(one, limits, limit, Some(memory + BESIDE)).await;
            self.keep(promise, kept);
        }
    }

    async fn answers(&mut self) {
        let limits = Limits {
            output: Some(MIB),
            payload: Some(MIB),
            memory: Some(512 * MIB),
            ..Limits::default()
        };
        for (one, limit, promise) in [
            (
                Hostile::long_text,
                "output",
                "a long answer is refused by its length, before it is copied",
            ),
            (Hostile::long_list, "output", "also one of many parts"),
            (
                Hostile::huge_argument,
                "payload",
                "a huge argument of a host call is refused by its length",
            ),
            (Hostile::many_arguments, "payload", "also one of many parts"),
        ] {
            let kept = self.limited(one, limits, limit, Some(REFUSAL)).await;
            self.keep(promise, kept);
        }
        for (one, promise) in [
            (Hostile::lying_text, "a length that is a lie is a fault of its call"),
            (Hostile::no_text, "so is text that is no UTF-8"),
            (Hostile::half_a_character, "and half a character of UTF-16"),
            (Hostile::no_such_case, "and a case that its type does not have"),
            (Hostile::forged_handle, "and a handle that was never given out"),
            (Hostile::traps, "a trap is an error of its call"),
        ] {
            let kept = self.traps(one).await;
            self.keep(promise, kept);
        }
        let kept = self.deep().await;
        self.keep("JSON of a hundred thousand levels is refused", kept);
        let kept = self.nan().await;
        self.keep("a number that is none carries nothing", kept);
    }

    async fn deep(&self) -> Kept {
        let plugin = self.load(DEEP_JSON.into()).await.map_err(|error| error.to_string())?;
        let (caller, _) = self.caller(Limits::default(), Temper::Calm);
        match plugin.run("deep", &caller, &Value::empty()).await.result {
            Err(Fault::Contract(why)) => Ok(why),
            other => Err(ended(&other)),
        }
    }

    async fn nan(&self) -> Kept {
        const CANONICAL: i64 = 0x7fc0_0000;
        self.until(Hostile::not_a_number, Limits::default(), Temper::Calm, |made| {
            match &made.called.result {
                Ok(Value::Int(CANONICAL)) => Ok("0x7fc00000".into()),
                Ok(other) => Err(format!("its bits are {other}")),
                other => Err(ended(other)),
            }
        })
        .await
    }

    async fn calls(&mut self) {
        let kept = self.until(Hostile::call_flood, Limits::default(), Temper::Calm, |made| {
            match &made.called.result {
                // Whichever the operator set lower.
                Err(Fault::Limit { limit: limit @ ("host_calls" | "fuel"), .. }) => {
                    Ok(format!("limit {limit} after {} calls", made.called.usage.host_calls))
                }
                other => Err(ended(other)),
            }
        });
        let kept = kept.await;
        self.keep("a flood of host calls ends", kept);
        let limits = Limits { log: Some(64 * 1024), ..Limits::default() };
        let kept = self.until(Hostile::log_flood, limits, Temper::Calm, |made| {
            match &made.called.result {
                Ok(_) if made.log_bytes <= 64 * 1024 => {
                    Ok(format!("{} of 2 MiB kept", shown(made.log_bytes as u64)))
                }
                Ok(_) => Err(format!("{} are kept", shown(made.log_bytes as u64))),
                other => Err(ended(other)),
            }
        });
        let kept = kept.await;
        self.keep("a flood of log lines is cut, and fails no call", kept);
        let kept = self.marks().await;
        self.keep("what a call left is seen by no other", kept);
        let kept = self.trap_flood().await;
        self.keep("a flood of traps leaves nothing behind", kept);
    }

    async fn marks(&self) -> Kept {
        let plugin = self.hostile(Hostile::leaves_a_mark).await?;
        let limits = Limits { fuel: Some(500_000), ..Limits::default() };
        let calls = 200;
        for _ in 0..calls {
            match self.made(&plugin, limits, Temper::Calm).await?.called.result {
                Err(Fault::Limit { .. } | Fault::Timeout { .. }) => {}
                Ok(_) => return Err("a call saw the mark of another one".into()),
                other => return Err(ended(&other)),
            }
        }
        Ok(format!("{calls} calls"))
    }

    async fn trap_flood(&self) -> Kept {
        let plugin = self.hostile(Hostile::traps).await?;
        for _ in 0..100 {
            self.made(&plugin, Limits::default(), Temper::Calm).await?;
        }
        let before = resident::now();
        let calls = 1_000;
        for _ in 0..calls {
            self.made(&plugin, Limits::default(), Temper::Calm).await?;
        }
        let (Some(before), Some(now)) = (before, resident::now()) else {
            return Ok(format!("{calls} traps"));
        };
        let left = now.saturating_sub(before);
        match left <= BESIDE {
            true => Ok(format!("{} after {calls} traps", shown(left))),
            false => Err(format!("{} more after {calls} traps", shown(left))),
        }
    }

    async fn places(&mut self) {
        let kept = self.cancelled().await;
        self.keep("a call that is cancelled gives its place back", kept);
        let kept = self.beside().await;
        self.keep("calls that wait in the host hold no thread", kept);
    }

    /// More cancelled calls than there are places, and then one more.
    async fn cancelled(&self) -> Kept {
        let (sleeper, quick) =
            (self.hostile(Hostile::sleeps).await?, self.hostile(Hostile::answers).await?);
        let (caller, _) = self.caller(Limits::default(), Temper::Silent);
        let given = Value::empty();
        for _ in 0..=LIVE_CALLS {
            let mut call = pin!(sleeper.call("attack", &caller, &given));
            for _ in 0..3 {
                let polled = poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx).is_ready())).await;
                if polled {
                    return Err("a call that sleeps for ever has ended".into());
                }
            }
        }
        match self.made(&quick, Limits::default(), Temper::Calm).await?.called.result {
            Ok(_) => Ok(format!("{} of {LIVE_CALLS} places", LIVE_CALLS + 1)),
            other => Err(ended(&other)),
        }
    }

    /// A call beside sixty-four that never end.
    async fn beside(&self) -> Kept {
        let (sleeper, quick) =
            (self.hostile(Hostile::sleeps).await?, self.hostile(Hostile::answers).await?);
        let (caller, _) =
            self.caller(Limits { time: Some(60_000), ..Limits::default() }, Temper::Silent);
        let given = Value::empty();
        let began = Instant::now();
        loop {
            let alone = self.slowest(&quick).await?;
            let mut stuck: Vec<Pin<Box<dyn Future<Output = Called<Value>> + Send + '_>>> =
                Vec::new();
            for _ in 0..64 {
                stuck.push(Box::pin(sleeper.call("attack", &caller, &given)));
            }
            poll_fn(|cx| {
                stuck.iter_mut().for_each(|call| drop(call.as_mut().poll(cx)));
                Poll::Ready(())
            })
            .await;
            let beside = self.slowest(&quick).await?;
            let said = format!("{} beside them, {} alone", millis(beside), millis(alone));
            if beside <= 2 * alone {
                return Ok(said);
            }
            if began.elapsed() > PATIENCE {
                return Err(said);
            }
        }
    }

    async fn slowest(&self, plugin: &Plugin) -> Result<Duration, String> {
        let mut slowest = Duration::ZERO;
        for _ in 0..50 {
            let made = self.made(plugin, Limits::default(), Temper::Calm).await?;
            if let Err(fault) = made.called.result {
                return Err(fault.to_string());
            }
            slowest = slowest.max(made.took);
        }
        Ok(slowest)
    }

    async fn loading(&mut self, options: &AttackOptions) {
        for (what, bytes) in strangers() {
            let kept = match self.load(bytes).await {
                Err(error) => Ok(super::super::fault::cut(error.to_string(), 120)),
                Ok(_) => Err("it was loaded".into()),
            };
            self.keep(&format!("a component that wants {what} is refused"), kept);
        }
        for (what, bytes) in crowds() {
            let kept = self.refused_at_once(what, &bytes).await;
            self.keep(
                &format!("a hundred thousand {what} are refused before anything is compiled"),
                kept,
            );
        }
        let kept = self.damaged(options.seed).await;
        self.keep("damaged components are refused, or their calls end within their limits", kept);
    }

    async fn refused_at_once(&self, what: &str, bytes: &Arc<[u8]>) -> Kept {
        let began = Instant::now();
        loop {
            let started = Instant::now();
            let said = match self.load(bytes.clone()).await {
                Err(LoadError::Inspect(_)) if started.elapsed() <= AT_ONCE => {
                    return Ok(format!("after {}", millis(started.elapsed())));
                }
                Err(LoadError::Inspect(_)) => format!("only after {}", millis(started.elapsed())),
                Err(error) => format!("{what}: {error}"),
                Ok(_) => "it was loaded".into(),
            };
            if began.elapsed() > PATIENCE {
                return Err(said);
            }
        }
    }

    /// Components of the kit with a few bytes changed.
    async fn damaged(&self, seed: u64) -> Kept {
        let mut chance = Chance::of(seed, "damage");
        let limits = Limits {
            fuel: Some(200_000),
            time: Some(TIME),
            memory: Some(4 * MIB),
            host_calls: Some(100),
            ..Limits::default()
        };
        let mut ran = 0;
        for _ in 0..DAMAGED {
            let mut bytes = chance.pick(Hostile::ALL).bytes().to_vec();
            for _ in 0..=chance.below(3) {
                let at = chance.below(bytes.len());
                bytes[at] = chance.next() as u8;
            }
            let Ok(plugin) = self.load(bytes.into()).await else { continue };
            let made = self.made(&plugin, limits, Temper::Calm).await?;
            let late = made.took.saturating_sub(Duration::from_millis(TIME));
            let usage = made.called.usage;
            if usage.fuel > 200_000 || usage.peak_memory > 4 * MIB || late > PATIENCE {
                return Err(format!("{usage:?}, {} late", millis(late)));
            }
            ran += 1;
        }
        Ok(format!("{DAMAGED} components, of which {ran} ran"))
    }

    async fn compiling(&mut self, runtime: &Runtime) {
        let started = Instant::now();
        let loaded = runtime.load(hard_to_compile(), &everything()).await;
        let took = millis(started.elapsed());
        let kept = match loaded {
            Err(LoadError::TooMuch { what, most }) => {
                Ok(format!("stopped at {most} of {what}, after {took}"))
            }
            // A machine that is fast enough.
            Ok(_) => Ok(format!("compiled in {took}")),
            Err(error) => Err(error.to_string()),
        };
        self.keep("a component that is hard to compile ends with a process of its own", kept);
        let kept = match self.hostile(Hostile::answers).await {
            Ok(plugin) => self
                .slowest(&plugin)
                .await
                .map(|slowest| format!("the next call took {}", millis(slowest))),
            Err(why) => Err(why),
        };
        self.keep("and the host goes on", kept);
    }
}

/// Bounds of which time is what ends a call.
fn waiting() -> Limits {
    Limits { time: Some(TIME), fuel: Some(u64::MAX), ..Limits::default() }
}

fn ended(result: &Result<Value, Fault>) -> String {
    match result {
        Ok(value) => {
            format!("it ended with the value {}", super::super::fault::cut(value.to_json(), 80))
        }
        Err(fault) => format!("it ended otherwise: {fault}"),
    }
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1_000.0)
}

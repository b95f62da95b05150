//! Why a call of a plugin failed, told apart by who caused it.
//!
//! A value that the plugin returned, a bound that it hit, a defect that trapped, and a refusal of the host
//! need different answers from a person; they never share a case.

use std::fmt;

use cleargate_flow::error::{ErrorCode, NodeError};
use cleargate_flow::limits::Effective;
use cleargate_flow::value::Value;
use wasmtime::component::ResourceTableError;
use wasmtime::{PoolConcurrencyLimitError, Trap, WasmBacktrace};

use crate::bindings::wire;
use crate::instance::MAX_HANDLES;

/// Bytes of a plugin's message that are kept: a sentence for a person, with room.
pub(crate) const MAX_MESSAGE: usize = 4 * 1024;

/// The `reason` in the detail of an error when the place of a call ended.
pub const SANDBOX_CRASHED: &str = "sandbox_crashed";

/// Bytes of one function name in a backtrace: mangled names can be very long.
const MAX_FRAME: usize = 128;

/// Why a call has no result.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// The plugin answered with an error value.
    Returned(NodeError),
    /// A bound of the call was reached: its name in the schema of limits, or `stack`, `handles`.
    Limit {
        /// Which bound.
        limit: &'static str,
        /// One sentence with the figure.
        message: String,
    },
    /// The call took longer than its time, in the plugin or in the host on its behalf.
    Timeout {
        /// Milliseconds that it had.
        after: u64,
    },
    /// The plugin's code stopped itself: a defect in it.
    Trap {
        /// What the engine says, for example ``wasm `unreachable` instruction executed``.
        reason: String,
        /// Names of functions, innermost first; bounded.
        backtrace: Vec<String>,
    },
    /// The plugin answered with something that the contract does not allow.
    Contract(String),
    /// A host function that cannot answer with an error value failed.
    Host(NodeError),
    /// All places for instances are taken, and none became free within the time of the call.
    Busy,
    /// The place in which the call was executed ended, or did what no plugin can make it do: nothing else failed.
    Crashed {
        /// What happened, as the end of a sentence.
        how: String,
        /// The signal that ended the process, for example `SIGKILL`.
        signal: Option<String>,
    },
}

impl Fault {
    /// A bound of the call that was reached.
    pub(crate) fn limit(limit: &'static str, message: impl Into<String>) -> Self {
        Self::Limit { limit, message: message.into() }
    }

    /// An end of the place in which the call was executed.
    pub(crate) fn crashed(how: impl Into<String>) -> Self {
        Self::Crashed { how: how.into(), signal: None }
    }

    /// More bytes than may cross, in a host call or in the result.
    fn too_long(limits: &Effective, host_call: bool) -> Self {
        let (payload, output) = (limits.payload.value, limits.output.value);
        if host_call {
            return Self::limit(
                "payload",
                format!("a host call carries more than {payload} bytes"),
            );
        }
        Self::limit("output", format!("the result has more than {output} bytes"))
    }

    /// Tells apart what wasmtime reports as one error. `refused` says that a memory or table was not allowed
    /// to grow: what follows is its consequence, whichever form it takes.
    pub(crate) fn of(error: wasmtime::Error, limits: &Effective, refused: bool) -> Self {
        // Host functions and the epoch end a call with a fault of their own.
        if let Some(fault) = error.downcast_ref::<Self>() {
            return fault.clone();
        }
        if error.is::<PoolConcurrencyLimitError>() {
            return Self::Busy;
        }
        match error.downcast_ref::<Trap>() {
            Some(Trap::OutOfFuel) => {
                let message = format!("the call used its {} units of fuel", limits.fuel.value);
                return Self::limit("fuel", message);
            }
            Some(Trap::StackOverflow) => {
                return Self::limit("stack", "the call went deeper than its stack of 512 KiB");
            }
            _ => {}
        }
        if refused {
            let message = format!("the call asked for more than {} bytes", limits.memory.value);
            return Self::limit("memory", message);
        }
        let reason = error.root_cause().to_string();
        // These types are private to wasmtime; their texts are checked by tests.
        if reason.contains("fuel allocated for hostcalls") {
            // Frames of the guest are below a host call, and none is left when its result is read.
            return Self::too_long(limits, error.is::<WasmBacktrace>());
        }
        let full = matches!(error.downcast_ref(), Some(ResourceTableError::Full));
        if full || reason.contains("store handle limit exceeded") {
            return Self::limit("handles", format!("more than {MAX_HANDLES} open handles"));
        }
        let backtrace = error.downcast_ref::<WasmBacktrace>().map(frames).unwrap_or_default();
        let reason = reason.strip_prefix("wasm trap: ").unwrap_or(&reason);
        Self::Trap { reason: cut(reason.into(), MAX_MESSAGE), backtrace }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Returned(error) | Self::Host(error) => error.fmt(f),
            Self::Limit { limit, message } => write!(f, "limit {limit}: {message}"),
            Self::Timeout { after } => write!(f, "the call took longer than {after} ms"),
            Self::Trap { reason, backtrace } => {
                write!(f, "the plugin stopped with a trap: {reason}")?;
                match backtrace.iter().find(|frame| is_own(frame)) {
                    Some(frame) => write!(f, ", in `{frame}`"),
                    None => Ok(()),
                }
            }
            Self::Contract(why) => write!(f, "the plugin broke the contract: {why}"),
            Self::Busy => f.write_str("all places for plugin instances are taken"),
            Self::Crashed { how, .. } => write!(f, "the sandbox of the plugin crashed: {how}"),
        }
    }
}

impl std::error::Error for Fault {}

impl From<Fault> for NodeError {
    fn from(fault: Fault) -> Self {
        let message = fault.to_string();
        match fault {
            Fault::Returned(error) | Fault::Host(error) => error,
            Fault::Limit { limit, message } => {
                let error = NodeError::limit(limit, message);
                match limit {
                    "stack" | "handles" => error,
                    _ => {
                        error.with_help(format!("raise it on the node: `limits: {{ {limit}: … }}`"))
                    }
                }
            }
            Fault::Timeout { .. } => NodeError::new(ErrorCode::Timeout, message)
                .with_detail(Value::record([("limit", "time".into())]))
                .with_help("raise it on the node: `limits: { time: … }`"),
            Fault::Trap { backtrace, .. } => {
                let frames = Value::list(backtrace.into_iter().map(Value::from));
                NodeError::new(ErrorCode::Bug, message)
                    .with_detail(Value::record([("backtrace", frames)]))
            }
            Fault::Contract(_) => NodeError::new(ErrorCode::Bug, message),
            Fault::Busy => NodeError::new(ErrorCode::Transient, message),
            Fault::Crashed { signal, .. } => {
                let signal = signal.map(|signal| ("signal", signal.into()));
                let detail = [("reason", SANDBOX_CRASHED.into())].into_iter().chain(signal);
                NodeError::new(ErrorCode::Transient, message).with_detail(Value::record(detail))
            }
        }
    }
}

/// The plugin's own error value, with bounds on what a stranger wrote.
pub(crate) fn returned(error: wire::Error, limits: &Effective) -> Fault {
    let length = error.message.len() + error.detail.as_ref().map_or(0, String::len);
    if let Err(fault) = output_fits(length, limits) {
        return fault;
    }
    let detail = match error.detail {
        None => Value::Null,
        Some(text) => Value::from_json(&text).unwrap_or_else(|_| cut(text, MAX_MESSAGE).into()),
    };
    let error = NodeError::new(code(error.code), cut(error.message, MAX_MESSAGE));
    Fault::Returned(error.with_detail(detail))
}

/// Refuses a result by its length, before it is read.
pub(crate) fn output_fits(length: usize, limits: &Effective) -> Result<(), Fault> {
    let most = limits.output.value;
    if length as u64 > most {
        let message = format!("the result has {length} bytes; it may have {most}");
        return Err(Fault::limit("output", message));
    }
    Ok(())
}

/// The host's error as the plugin sees it.
pub(crate) fn to_wire(error: &NodeError) -> wire::Error {
    let detail = match (&error.detail, &error.help) {
        (Value::Null, None) => None,
        (detail, None) => Some(detail.to_json()),
        (Value::Null, Some(help)) => {
            Some(Value::record([("help", help.as_str().into())]).to_json())
        }
        (detail, Some(help)) => {
            let both = [("detail", detail.clone()), ("help", help.as_str().into())];
            Some(Value::record(both).to_json())
        }
    };
    wire::Error {
        code: wire_code(error.code),
        message: error.message.clone(),
        retryable: error.code == ErrorCode::Transient,
        detail,
    }
}

macro_rules! codes {
    ($($name:ident),*) => {
        fn code(code: wire::ErrorCode) -> ErrorCode {
            match code { $(wire::ErrorCode::$name => ErrorCode::$name),* }
        }
        fn wire_code(code: ErrorCode) -> wire::ErrorCode {
            match code { $(ErrorCode::$name => wire::ErrorCode::$name),* }
        }
    };
}
codes!(
    Transient,
    Permanent,
    Timeout,
    Cancelled,
    InvalidInput,
    Denied,
    Limit,
    Budget,
    UnknownOutcome,
    Bug
);

/// Whether a frame says where in the plugin it was: not the machinery of a panic, and a name at all.
fn is_own(frame: &str) -> bool {
    let machinery =
        ["core::", "std::", "alloc::", "__rust", "rust_", "abort", "panic", "function "];
    // Methods of these: `<core::option::Option<T>>::unwrap`.
    let frame = frame.trim_start_matches('<');
    !machinery.iter().any(|start| frame.starts_with(start))
}

/// A function's name as the author wrote it, without the hash that Rust puts behind it.
fn readable(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}

fn frames(backtrace: &WasmBacktrace) -> Vec<String> {
    let name = |frame: &wasmtime::FrameInfo| match frame.func_name() {
        Some(name) => cut(readable(name), MAX_FRAME),
        None => format!("function {}", frame.func_index()),
    };
    backtrace.frames().iter().map(name).collect()
}

/// Cuts text at a character boundary and marks the cut.
pub(crate) fn cut(mut text: String, most: usize) -> String {
    const MARKER: &str = " … [cut]";
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most - MARKER.len()));
        text.push_str(MARKER);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trap_names_the_plugins_own_function() {
        // As rustc writes them, old and new: the machinery of the panic, and the function below it.
        let frames = [
            "_RNvCsfLfy6EI15iL_7___rustc12___rust_abort",
            "_RNvNtCsgXGp5Oqx2Ny_4core9panicking18panic_bounds_check",
            "_ZN4boom4boom17he37197577fecfefdE",
            "cleargate:tool/tool@0.1.0#call",
        ];
        let backtrace = frames.map(readable).to_vec();
        let trap = |backtrace| Fault::Trap { reason: "unreachable".into(), backtrace }.to_string();
        assert_eq!(trap(backtrace), "the plugin stopped with a trap: unreachable, in `boom::boom`");
        let nameless = trap(vec!["function 7".into()]);
        assert_eq!(nameless, "the plugin stopped with a trap: unreachable");
    }

    #[test]
    fn a_cut_keeps_characters_whole_and_says_so() {
        assert_eq!(cut("short".into(), 16), "short");
        let text = cut("é".repeat(100), 33);
        assert!(text.len() <= 33 && text.ends_with("[cut]"), "{text}");
    }

    #[test]
    fn each_code_crosses_the_boundary_and_comes_back() {
        for expected in ErrorCode::ALL {
            assert_eq!(code(wire_code(expected)), expected);
        }
    }

    #[test]
    fn a_stranger_cannot_flood_the_journal_with_an_error() {
        let limits = cleargate_flow::limits::Limits::combine(&[]);
        let error = |message: String, detail| wire::Error {
            code: wire::ErrorCode::Permanent,
            message,
            retryable: false,
            detail,
        };
        match returned(error("x".repeat(100_000), Some("{".into())), &limits) {
            Fault::Returned(e) => {
                assert_eq!(e.message.len(), MAX_MESSAGE);
                assert_eq!(e.detail, "{".into());
            }
            other => panic!("{other}"),
        }
        let huge = error(String::new(), Some("x".repeat(5 * 1024 * 1024)));
        assert!(matches!(returned(huge, &limits), Fault::Limit { limit: "output", .. }));
    }
}

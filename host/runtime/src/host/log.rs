//! `cleargate:host/log`: bounded lines for the journal. What is beyond is counted, dropped and admitted.
//!
//! Text is kept as data, control characters and all: whoever prints it escapes it, once, for its medium.

use cleargate_flow::limits::Effective;
use wasmtime::component::Linker;

use super::{Context, ask};
use crate::fault::cut;
use crate::instance::Call;
use crate::world::{Level, World};

/// Bytes of one line; the rest of a longer one is cut.
const MAX_LINE: usize = 4 * 1024;

/// Bytes that a line costs beside its text, so that a flood of empty lines ends too.
const LINE_COST: usize = 16;

pub(crate) fn link(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    type Line = (Level, String, Vec<(String, String)>);
    linker.instance(name)?.func_wrap(
        "write",
        |mut store: Context<'_>, (level, message, fields): Line| {
            let size: usize = fields.iter().map(|(key, value)| key.len() + value.len()).sum();
            let world = ask(&mut store, message.len() + size)?;
            let line = fields.into_iter().fold(message, |mut line, (key, value)| {
                // No longer than what is kept anyway.
                if line.len() < MAX_LINE {
                    line.push_str(&format!(" {key}={value:?}"));
                }
                line
            });
            if let Some(line) = store.data_mut().log.admit(line) {
                world.log(level, line);
            }
            Ok(())
        },
    )
}

/// What one call may still write.
#[derive(Debug)]
pub(crate) struct LogBudget {
    left: usize,
    dropped_lines: u64,
    dropped_bytes: u64,
}

impl LogBudget {
    pub(crate) fn new(limits: &Effective) -> Self {
        let left = usize::try_from(limits.log.value).unwrap_or(usize::MAX);
        Self { left, dropped_lines: 0, dropped_bytes: 0 }
    }

    /// The line as it is stored, or nothing when the budget is used up.
    fn admit(&mut self, line: String) -> Option<String> {
        let whole = line.len();
        let kept = cut(line, MAX_LINE);
        if kept.len() + LINE_COST > self.left {
            // One line that does not fit closes the log: what is there has no gaps.
            self.left = 0;
            self.dropped_lines += 1;
            self.dropped_bytes += whole as u64;
            return None;
        }
        self.left -= kept.len() + LINE_COST;
        self.dropped_bytes += whole.saturating_sub(kept.len()) as u64;
        Some(kept)
    }

    /// Says at the end of a call what is missing.
    pub(crate) fn close(&self, world: Option<&dyn World>) {
        if let (Some(world), 1..) = (world, self.dropped_lines) {
            let (lines, bytes) = (self.dropped_lines, self.dropped_bytes);
            let notice = format!("[log limit reached: {lines} lines and {bytes} bytes dropped]");
            world.log(Level::Warn, notice);
        }
    }
}

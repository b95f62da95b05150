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
pub(super) const MAX_LINE: usize = 4 * 1024;

/// Bytes that a line costs beside its text, so that a flood of empty lines ends too, and so that the notice of
/// a flood has room.
pub(crate) const LINE_COST: usize = 16;

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
        self.admit_cut(line, 0)
    }

    /// The same for a line of which `lost` bytes were not even kept.
    pub(super) fn admit_cut(&mut self, line: String, lost: usize) -> Option<String> {
        let whole = line.len() + lost;
        let kept = cut(line, MAX_LINE);
        let cost = stored(&kept) + LINE_COST;
        if cost > self.left {
            // One line that does not fit closes the log: what is there has no gaps.
            self.left = 0;
            self.dropped_lines += 1;
            self.dropped_bytes += whole as u64;
            return None;
        }
        self.left -= cost;
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

/// Bytes of text in the journal, which keeps it as a string of JSON: escapes take more than what they stand for.
fn stored(text: &str) -> usize {
    let each = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 8 | 12 => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.bytes().map(each).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cleargate_flow::value::Value;

    #[test]
    fn a_line_costs_what_it_takes_as_json() {
        for text in ["plain", "é\u{202e}", "\0\u{1}\u{1f}\u{7f}", "\"\\\n\r\t\u{8}\u{c}/"] {
            // Without the quotes around it.
            assert_eq!(stored(text), Value::from(text).to_json().len() - 2, "{text:?}");
        }
    }

    #[test]
    fn one_line_too_long_closes_the_log_and_is_admitted() {
        let asked = cleargate_flow::limits::Limits { log: Some(100), ..Default::default() };
        let limits = cleargate_flow::limits::Limits::combine(&[(
            cleargate_flow::limits::Layer::Node,
            asked,
        )]);
        let mut log = LogBudget::new(&limits);
        assert_eq!(log.admit("a".repeat(50)), Some("a".repeat(50)));
        assert_eq!(log.admit("b".repeat(50)), None);
        assert_eq!(log.admit("short".into()), None, "what is there has no gaps");
        assert_eq!((log.dropped_lines, log.dropped_bytes), (2, 55));
    }
}

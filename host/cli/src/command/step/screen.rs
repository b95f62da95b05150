//! The terminal of `cleargate step`: the records on the left, the nodes on the right, and below them what the record
//! changed. Everything that it shows is computed by [`Steps`]; here are keys, and lines of the width of the terminal.

use std::io;

use cleargate::{Breakpoint, NodeState, RunId, Status, Steps, Value};
use console::{Alignment, Key, Term, pad_str};

use super::{brief, event as event_line};
use crate::output::escaped_lines;

/// Records that a page key goes.
const PAGE: usize = 20;

/// Lines of one value that are shown; `runs events` has all of it.
const MOST_LINES: usize = 400;

/// Columns and rows below which nothing is drawn but what fits.
const LEAST: (usize, usize) = (20, 8);

const KEYS: &str =
    "←/→ step · PgUp/PgDn 20 · Home/End · n/p next/previous breakpoint · ↑/↓ scroll · q quit";

/// Puts the terminal back as it was, whatever happens.
struct Alternate<'t>(&'t Term);

impl<'t> Alternate<'t> {
    fn enter(term: &'t Term) -> io::Result<Self> {
        term.write_str("\u{1b}[?1049h")?;
        term.hide_cursor()?;
        Ok(Self(term))
    }
}

impl Drop for Alternate<'_> {
    fn drop(&mut self) {
        // Nothing is left to do when the terminal has gone.
        let _ = self.0.show_cursor();
        let _ = self.0.write_str("\u{1b}[?1049l");
        let _ = self.0.flush();
    }
}

/// Shows a run until somebody leaves; the exit code is 0.
pub(super) fn show(
    id: &RunId,
    steps: Steps,
    breakpoints: Vec<Breakpoint>,
    color: bool,
) -> io::Result<u8> {
    let term = Term::buffered_stdout();
    let mut screen = Screen::new(id, steps, breakpoints, color);
    let _alternate = Alternate::enter(&term)?;
    loop {
        let (rows, columns) = term.size();
        let lines = screen.lines(usize::from(columns), usize::from(rows));
        term.move_cursor_to(0, 0)?;
        term.write_str(&lines.join("\r\n"))?;
        term.flush()?;
        if !screen.press(&term.read_key_raw()?) {
            return Ok(0);
        }
    }
}

struct Screen {
    title: String,
    steps: Steps,
    breakpoints: Vec<Breakpoint>,
    /// The breakpoint that stopped the run here.
    stopped: Option<String>,
    /// Lines that the details are scrolled by.
    scroll: usize,
    color: bool,
}

impl Screen {
    fn new(id: &RunId, mut steps: Steps, breakpoints: Vec<Breakpoint>, color: bool) -> Self {
        // The first record says what the run is.
        steps.forward();
        Self { title: format!("run {id}"), steps, breakpoints, stopped: None, scroll: 0, color }
    }

    /// Does what a key says; whether there is more to do.
    fn press(&mut self, key: &Key) -> bool {
        let (at, last) = (self.steps.at(), self.steps.records().len());
        let to = match key {
            Key::Char('q') | Key::Escape | Key::CtrlC => return false,
            Key::ArrowRight | Key::Char(' ' | 'l') => at + 1,
            Key::ArrowLeft | Key::Char('h') => at.saturating_sub(1),
            Key::PageDown => at + PAGE,
            Key::PageUp => at.saturating_sub(PAGE),
            Key::Home => 1,
            Key::End => last,
            Key::ArrowDown => {
                self.scroll += 1;
                return true;
            }
            Key::ArrowUp => {
                self.scroll = self.scroll.saturating_sub(1);
                return true;
            }
            Key::Char('n') => return self.stop(Steps::run),
            Key::Char('p') => return self.stop(Steps::run_back),
            _ => return true,
        };
        self.steps.go(to.clamp(1.min(last), last));
        (self.stopped, self.scroll) = (None, 0);
        true
    }

    /// Runs to a breakpoint.
    fn stop(
        &mut self,
        run: for<'b> fn(&mut Steps, &'b [Breakpoint]) -> Option<&'b Breakpoint>,
    ) -> bool {
        let stopped = run(&mut self.steps, &self.breakpoints);
        self.stopped = stopped.map(|breakpoint| breakpoint.source().to_owned());
        if self.steps.at() == 0 {
            self.steps.forward();
        }
        self.scroll = 0;
        true
    }

    /// The whole screen: as many lines as the terminal has, each as wide as it is.
    fn lines(&self, columns: usize, rows: usize) -> Vec<String> {
        let (columns, rows) = (columns.max(LEAST.0), rows.max(LEAST.1));
        // A title, two lines between the parts, and the keys.
        let upper = (rows - 4) * 55 / 100;
        let lower = rows - 4 - upper;
        let left = columns * 45 / 100;
        let records = self.records(upper, left);
        let nodes = self.nodes(upper, columns - left - 3);
        let mut lines = vec![fit(&self.head(), columns), self.dim(&"─".repeat(columns))];
        let bar = self.dim("│");
        lines.extend(records.into_iter().zip(nodes).map(|(l, r)| format!("{l} {bar} {r}")));
        lines.push(self.dim(&"─".repeat(columns)));
        let details = self.details();
        let scroll = self.scroll.min(details.len().saturating_sub(1));
        let details = details.into_iter().skip(scroll).chain(std::iter::repeat(String::new()));
        lines.extend(details.take(lower).map(|line| fit(&line, columns)));
        lines.push(self.dim(&fit(KEYS, columns)));
        lines
    }

    fn head(&self) -> String {
        let (at, last) = (self.steps.at(), self.steps.records().len());
        let stopped = self.stopped.as_ref();
        let stopped =
            stopped.map(|text| self.paint(&format!(" ● stopped at {}", brief(text)), "33"));
        format!("{} · record {at} of {last}{}", self.title, stopped.unwrap_or_default())
    }

    /// The records around this one: making all of them lines would take longer than a key is held.
    fn records(&self, height: usize, width: usize) -> Vec<String> {
        let at = self.steps.at().saturating_sub(1);
        let last = self.steps.records().len();
        let first = at.saturating_sub(height / 2).min(last.saturating_sub(height));
        let line = |n: usize| {
            if n >= last {
                return fit("", width);
            }
            let view = self.steps.view(n, &self.breakpoints);
            let mark = if view.breaks.is_some() { "●" } else { " " };
            let text = fit(&format!("{mark}{n:>5} {}", event_line(&view)), width);
            if n == at { self.paint(&text, "7") } else { text }
        };
        (first..first + height).map(line).collect()
    }

    /// The nodes around the first one that changed.
    fn nodes(&self, height: usize, width: usize) -> Vec<String> {
        let here = self.steps.here();
        let changed: Vec<_> =
            here.iter().flat_map(|view| &view.changes).map(|change| change.address).collect();
        let nodes = self.steps.nodes();
        let focus = changed.first().and_then(|address| nodes.get_index_of(*address)).unwrap_or(0);
        let first = focus.saturating_sub(height / 2).min(nodes.len().saturating_sub(height));
        let rows = nodes.iter().skip(first).map(|(address, state)| {
            let (glyph, code) = glyph(state.status);
            let name = address.to_string();
            let rest = fit(&format!("{name}  {}", about(state)), width.saturating_sub(2));
            // What is wider than the column is cut inside the name.
            let rest = match (changed.contains(&address), rest.strip_prefix(&name)) {
                (true, Some(rest)) => format!("{}{}", self.paint(&name, "1"), self.dim(rest)),
                (false, Some(rest)) => format!("{name}{}", self.dim(rest)),
                (_, None) => rest,
            };
            format!("{} {rest}", self.paint(glyph, code))
        });
        let mut rows: Vec<String> = rows.take(height).collect();
        rows.resize(height, fit("", width));
        rows
    }

    /// What the record changed, in full.
    fn details(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let Some(view) = self.steps.here() else { return lines };
        for change in &view.changes {
            let node = change.node;
            let before = change.before.unwrap_or("not reached");
            let head = format!("{}: {before} → {}", change.address, node.status.as_str());
            lines.push(self.paint(&head, "1"));
            let error = node.error.as_ref().map(ToString::to_string);
            let input = node.input.as_ref().filter(|_| node.status == Status::Running);
            self.block(&mut lines, "input", input.map(pretty));
            self.block(&mut lines, "value", node.value.as_ref().map(pretty));
            self.block(&mut lines, "error", error);
        }
        if !view.writes.is_empty() {
            self.block(&mut lines, "state", Some(pretty(&self.steps.state())));
        }
        if lines.is_empty() {
            lines.push(self.dim("nothing changed"));
        }
        lines
    }

    fn block(&self, lines: &mut Vec<String>, what: &str, text: Option<String>) {
        let Some(text) = text else { return };
        lines.push(format!("  {}", self.paint(what, "36")));
        let text = escaped_lines(&text);
        lines.extend(text.lines().take(MOST_LINES).map(|line| format!("    {line}")));
    }

    fn paint(&self, text: &str, code: &str) -> String {
        if self.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.into() }
    }

    fn dim(&self, text: &str) -> String {
        self.paint(text, "2")
    }
}

/// A text of exactly so many columns.
fn fit(text: &str, columns: usize) -> String {
    pad_str(text, columns, Alignment::Left, Some("…")).into_owned()
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("a value is JSON")
}

fn glyph(status: Status) -> (&'static str, &'static str) {
    match status {
        Status::Waiting => ("·", "2"),
        Status::Running => ("▶", "36"),
        Status::Pausing | Status::Resting => ("…", "33"),
        Status::Succeeded => ("✓", "32"),
        Status::Failed => ("✗", "31"),
        Status::Cancelled => ("-", "33"),
        Status::Skipped => ("○", "2"),
    }
}

/// A node on a line.
fn about(state: &NodeState) -> String {
    let attempt = if state.attempt > 1 { format!("#{} ", state.attempt) } else { String::new() };
    let what = match (&state.value, &state.error) {
        (Some(value), _) => value.to_json(),
        (None, Some(error)) => error.to_string(),
        (None, None) => state.status.as_str().into(),
    };
    brief(&format!("{attempt}{what}"))
}

#[cfg(test)]
mod tests {
    use cleargate::{Config, Host};

    use super::*;

    const FLOW: &str = "\
cleargate: 1
flow: shown
nodes:
  a: { type: transform, with: { n: 7 } }
  b: { map: \"${[1, 2]}\", max: 2, as: x, do: { c: { type: transform, with: { n: \"${x + a.n}\" } } }, out: \"${c.n}\" }
output: { n: \"${b}\" }
";

    async fn screen(breakpoints: &[&str]) -> Screen {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("flow.yaml"), FLOW).unwrap();
        let config = Config::new(folder.path().join("home"), folder.path()).in_memory();
        let host = Host::open(config).await.unwrap();
        let flow = host.load("flow.yaml", false).await.unwrap();
        let running = host.start(&flow, Vec::new(), Default::default()).await.unwrap();
        running.outcome().await.unwrap();
        let steps = host.steps(running.id()).await.unwrap();
        let breakpoints = breakpoints.iter().map(|text| Breakpoint::parse(text).unwrap());
        Screen::new(running.id(), steps, breakpoints.collect(), false)
    }

    fn drawn(screen: &Screen) -> String {
        let lines = screen.lines(120, 24);
        assert!(lines.len() == 24 && lines.iter().all(|l| console::measure_text_width(l) == 120));
        lines.join("\n")
    }

    #[tokio::test]
    async fn keys_walk_through_the_run_and_stop_where_somebody_said() {
        let mut screen = screen(&["node.id == \"c\" && value.n == 9"]).await;
        let first = drawn(&screen);
        assert!(first.contains("record 1 of 5") && first.contains("run_started"), "{first}");
        assert!(first.contains("▶ a") && first.contains("· b"), "{first}");
        assert!(screen.press(&Key::ArrowRight));
        let second = drawn(&screen);
        assert!(second.contains("a: running → succeeded"), "{second}");
        assert!(second.contains("\"n\": 7"), "{second}");
        assert!(screen.press(&Key::Char('n')));
        let stopped = drawn(&screen);
        assert!(stopped.contains("● stopped at node.id"), "{stopped}");
        assert!(stopped.contains("b: running → succeeded"), "the block has its value: {stopped}");
        assert!(screen.press(&Key::ArrowLeft) && screen.press(&Key::ArrowLeft));
        assert_eq!(drawn(&screen), second, "back is where it was");
        assert!(screen.press(&Key::Home));
        assert_eq!(drawn(&screen), first);
        screen.press(&Key::End);
        assert!(drawn(&screen).contains("record 5 of 5"));
        screen.press(&Key::Char('p'));
        assert_eq!(drawn(&screen), stopped);
        // Keys beyond both ends, and windows of any size, do nothing wrong.
        for key in [Key::PageUp, Key::ArrowLeft, Key::PageDown, Key::ArrowRight, Key::ArrowDown] {
            assert!(screen.press(&key));
        }
        for (columns, rows) in [(0, 0), (1, 1), (10, 3), (300, 100)] {
            assert!(!screen.lines(columns, rows).is_empty());
        }
        assert!(!screen.press(&Key::Char('q')) && !screen.press(&Key::CtrlC));
    }
}

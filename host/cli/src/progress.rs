//! Progress on stderr: live lines on a terminal, a bounded number of lines elsewhere, nothing when asked to be quiet.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use cleargate::{Host, NodeProgress, Running, WaitView};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::command::runs::now;
use crate::command::tasks::waits_text;
use crate::output::Talk;

/// How often a live line is drawn: quick enough to look alive, too slow to cost anything.
const TICK: Duration = Duration::from_millis(80);

/// How often somebody looks whether runs stand still: soon enough for a person who wonders.
const LOOK: Duration = Duration::from_millis(500);

/// Nodes that get a line of their own where lines stay, in a log or a pipe: more than a screen, and no flood.
const MOST_LINES: usize = 100;

/// How long such a log may be silent while a run is at work.
const PULSE: Duration = Duration::from_secs(10);

/// Maps that a sign of life names.
const MOST_MAPS: usize = 3;

/// Shows a run until it has ended, or until `stop` says so.
pub async fn show(running: &Running, talk: &Talk) {
    if talk.quiet {
        return;
    }
    let mut view: Box<dyn View + Send> =
        if talk.live { Box::new(Live::new()) } else { Box::new(Lines::default()) };
    let mut ticks = tokio::time::interval(TICK);
    let start = tokio::time::Instant::now();
    loop {
        // A run that is over is not waited for.
        let ended = tokio::select! {
            biased;
            () = running.ended() => true,
            _ = ticks.tick() => false,
        };
        view.draw(&running.progress().await, start.elapsed(), talk);
        if ended {
            view.end(talk);
            return;
        }
    }
}

/// Says when runs stand still and when they go on, also to those who asked for silence: they would see a command
/// that hangs. Never returns.
pub async fn tell_hold_ups(host: &Host, talk: &Talk) {
    let mut ticks = tokio::time::interval(LOOK);
    let mut told = false;
    loop {
        ticks.tick().await;
        match (host.hold_up(), told) {
            (Some(why), false) => talk.warn(&format!("the run waits: {why}; Ctrl-C parks it")),
            (None, true) => talk.warn("the run goes on"),
            _ => continue,
        }
        told = !told;
    }
}

/// Says what a run waits for and which command answers it, each thing once. Never returns.
pub async fn tell_waits(host: &Host, running: &Running, talk: &Talk) {
    let mut ticks = tokio::time::interval(LOOK);
    let mut told = BTreeSet::new();
    // The first tick comes at once: what is over soon is not spoken of.
    ticks.tick().await;
    loop {
        ticks.tick().await;
        // A store that cannot be read is told of by whoever needs it.
        let waits = host.waits(running.id()).await.unwrap_or_default();
        let fresh: Vec<WaitView> = waits
            .into_iter()
            .filter(|wait| told.insert((wait.run.clone(), wait.address.clone(), wait.since)))
            .collect();
        if !fresh.is_empty() {
            talk.say(&waits_text(&fresh, now()));
        }
    }
}

trait View {
    /// Shows how far each node is, `since` the run began.
    fn draw(&mut self, nodes: &[NodeProgress], since: Duration, talk: &Talk);
    fn end(&mut self, talk: &Talk);
}

/// One live line for each node that is at work; it collapses when the node is settled.
struct Live {
    all: MultiProgress,
    bars: BTreeMap<String, ProgressBar>,
}

impl Live {
    fn new() -> Self {
        Self { all: MultiProgress::new(), bars: BTreeMap::new() }
    }

    fn bar(&mut self, node: &NodeProgress) -> &ProgressBar {
        self.bars.entry(node.path.clone()).or_insert_with(|| {
            let bar = self.all.add(ProgressBar::new(node.total));
            let style = if node.total > 1 {
                "  {spinner:.cyan} {prefix:24} {bar:28.cyan/dim} {pos}/{len} {elapsed:.dim}"
            } else {
                "  {spinner:.cyan} {prefix:24} {elapsed:.dim}"
            };
            bar.set_style(ProgressStyle::with_template(style).expect("the template is constant"));
            bar.set_prefix(node.path.clone());
            bar
        })
    }
}

impl View for Live {
    fn draw(&mut self, nodes: &[NodeProgress], _: Duration, talk: &Talk) {
        for node in nodes.iter().filter(|n| !n.is_body()) {
            if node.is_waiting() || (node.is_settled() && !self.bars.contains_key(&node.path)) {
                continue;
            }
            let settled = node.is_settled();
            let line = settled_line(node, talk);
            let bar = self.bar(node);
            if bar.is_finished() {
                continue;
            }
            bar.set_length(node.total);
            bar.set_position(node.done);
            bar.tick();
            if settled {
                bar.set_style(
                    ProgressStyle::with_template("{msg}").expect("the template is constant"),
                );
                bar.finish_with_message(line);
            }
        }
    }

    fn end(&mut self, _: &Talk) {
        for bar in self.bars.values().filter(|bar| !bar.is_finished()) {
            bar.finish_and_clear();
        }
    }
}

/// A line for each node when it is settled, up to [`MOST_LINES`]; then a word from time to time, and the sum.
#[derive(Default)]
struct Lines {
    /// Nodes that were seen settled.
    seen: BTreeSet<String>,
    /// Those without a line of their own, by state.
    rest: BTreeMap<String, usize>,
    /// When something was said last, from the start.
    last: Duration,
}

impl Lines {
    /// What there is to say `now`, measured from the start.
    fn news(&mut self, nodes: &[NodeProgress], now: Duration, talk: &Talk) -> Vec<String> {
        let mut lines = Vec::new();
        let all = || nodes.iter().filter(|n| !n.is_body());
        for node in all().filter(|n| n.is_settled()) {
            if self.seen.contains(&node.path) {
                continue;
            }
            self.seen.insert(node.path.clone());
            if self.seen.len() <= MOST_LINES {
                lines.push(settled_line(node, talk));
            } else {
                *self.rest.entry(node.state.clone()).or_default() += 1;
            }
        }
        if lines.is_empty() && now.saturating_sub(self.last) >= PULSE {
            let maps = all().filter(|n| n.total > 1 && !n.is_waiting() && !n.is_settled());
            let maps = maps.take(MOST_MAPS).map(|n| format!("; {} {}/{}", n.path, n.done, n.total));
            let maps: String = maps.collect();
            lines.push(format!("  … {} of {} nodes done{maps}", self.seen.len(), all().count()));
        }
        if !lines.is_empty() {
            self.last = now;
        }
        lines
    }

    /// The sum of those without a line.
    fn sum(&self) -> Option<String> {
        let count: usize = self.rest.values().sum();
        let states: Vec<String> =
            self.rest.iter().map(|(state, n)| format!("{n} {state}")).collect();
        (count > 0).then(|| format!("  … and {count} more nodes: {}", states.join(", ")))
    }
}

impl View for Lines {
    fn draw(&mut self, nodes: &[NodeProgress], since: Duration, talk: &Talk) {
        self.news(nodes, since, talk).iter().for_each(|line| talk.say(line));
    }

    fn end(&mut self, talk: &Talk) {
        self.sum().iter().for_each(|line| talk.say(line));
    }
}

fn settled_line(node: &NodeProgress, talk: &Talk) -> String {
    let (glyph, code) = match node.state.as_str() {
        "succeeded" => ("✓", "32"),
        "skipped" => ("-", "2"),
        _ => ("✗", "31"),
    };
    let count =
        if node.total > 1 { format!("  {}/{}", node.done, node.total) } else { String::new() };
    format!("  {} {:24} {}{count}", talk.paint(glyph, code), node.path, node.state)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(path: &str, state: &str, done: u64, total: u64) -> NodeProgress {
        NodeProgress { path: path.into(), state: state.into(), done, total }
    }

    #[test]
    fn thousands_of_nodes_are_a_screen_of_lines_and_a_sum() {
        let talk = Talk::plain();
        let mut lines = Lines::default();
        let mut nodes: Vec<_> =
            (0..5000).map(|i| node(&format!("n{i}"), "succeeded", 1, 1)).collect();
        nodes[4999].state = "failed".into();
        nodes.push(node("n1.inner", "succeeded", 1, 1));
        let first = lines.news(&nodes, Duration::ZERO, &talk);
        assert_eq!(first.len(), MOST_LINES);
        assert_eq!(lines.news(&nodes, TICK, &talk), [""; 0], "nothing is said twice");
        let rest = 5000 - MOST_LINES;
        let sum = format!("  … and {rest} more nodes: 1 failed, {} succeeded", rest - 1);
        assert_eq!(lines.sum(), Some(sum));
    }

    #[test]
    fn a_long_map_gives_a_sign_of_life() {
        let talk = Talk::plain();
        let mut lines = Lines::default();
        let nodes = [
            node("a", "succeeded", 1, 1),
            node("m", "running", 7, 900),
            node("z", "waiting", 0, 1),
        ];
        assert_eq!(lines.news(&nodes, TICK, &talk).len(), 1);
        assert_eq!(lines.news(&nodes, PULSE, &talk), [""; 0]);
        let later = lines.news(&nodes, PULSE + TICK, &talk);
        assert_eq!(later, ["  … 1 of 3 nodes done; m 7/900"]);
        assert_eq!(lines.news(&nodes, PULSE + TICK * 2, &talk), [""; 0]);
        assert_eq!(lines.sum(), None);
    }
}

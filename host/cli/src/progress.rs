//! Progress on stderr: live lines on a terminal, a line for each change elsewhere, nothing when asked to be quiet.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use cleargate::{Host, NodeProgress, Running};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::output::Talk;

/// How often a live line is drawn: quick enough to look alive, too slow to cost anything.
const TICK: Duration = Duration::from_millis(80);

/// How often somebody looks whether runs stand still: soon enough for a person who wonders.
const LOOK: Duration = Duration::from_millis(500);

/// Shows a run until it has ended, or until `stop` says so.
pub async fn show(running: &Running, talk: &Talk) {
    if talk.quiet {
        return;
    }
    let mut view: Box<dyn View + Send> =
        if talk.live { Box::new(Live::new()) } else { Box::new(Lines::default()) };
    let mut ticks = tokio::time::interval(TICK);
    loop {
        ticks.tick().await;
        let snapshot = running.progress().await;
        view.draw(&snapshot, talk);
        if running.has_ended() {
            view.draw(&running.progress().await, talk);
            view.end();
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

trait View {
    fn draw(&mut self, nodes: &[NodeProgress], talk: &Talk);
    fn end(&mut self) {}
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
    fn draw(&mut self, nodes: &[NodeProgress], talk: &Talk) {
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

    fn end(&mut self) {
        for bar in self.bars.values().filter(|bar| !bar.is_finished()) {
            bar.finish_and_clear();
        }
    }
}

/// A line for each node when it is settled.
#[derive(Default)]
struct Lines {
    told: BTreeSet<String>,
}

impl View for Lines {
    fn draw(&mut self, nodes: &[NodeProgress], talk: &Talk) {
        for node in nodes.iter().filter(|n| n.is_settled() && !n.is_body()) {
            if self.told.insert(node.path.clone()) {
                talk.say(&settled_line(node, talk));
            }
        }
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

//! One figure: what was measured, what the machine could do at best, and what is promised.

use std::fmt::Write;
use std::time::{Duration, Instant};

/// Time that the samples of one figure may take together: some twenty figures stay below two minutes.
const MOST: Duration = Duration::from_secs(4);

/// The percentile that counts as the best: the very best is luck.
const BEST: usize = 10;

/// Samples sorted by size.
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    pub(crate) fn new(mut values: Vec<f64>) -> Self {
        assert!(!values.is_empty(), "a figure has at least one sample");
        values.sort_unstable_by(f64::total_cmp);
        Self(values)
    }

    /// A figure that is counted, not sampled.
    pub(crate) fn one(value: f64) -> Self {
        Self(vec![value])
    }

    pub(crate) fn at(&self, percent: usize) -> f64 {
        self.0[(self.0.len() - 1) * percent / 100]
    }

    fn counted(&self) -> bool {
        self.0.len() == 1
    }
}

/// Samples of ours and of the limit, taken in turns, so that both meet the same machine.
#[derive(Default)]
pub(crate) struct Turns {
    ours: Vec<f64>,
    limit: Vec<f64>,
}

impl Turns {
    pub(crate) fn add(&mut self, ours: f64, limit: f64) {
        self.ours.push(ours);
        self.limit.push(limit);
    }

    pub(crate) fn figure(
        self,
        id: &'static str,
        what: String,
        unit: &'static str,
        goal: Goal,
        limit: &'static str,
    ) -> Figure {
        let (samples, limits) = (Samples::new(self.ours), Samples::new(self.limit));
        Figure {
            id,
            what,
            unit,
            samples,
            limit: Some(Limit { samples: limits, what: limit }),
            goal,
        }
    }
}

/// Whether another sample may be taken: at most `count`, and no longer than a figure may take.
pub(crate) struct Budget {
    left: usize,
    until: Instant,
}

impl Budget {
    pub(crate) fn of(count: usize) -> Self {
        Self { left: count, until: Instant::now() + MOST }
    }

    pub(crate) fn more(&mut self) -> bool {
        let more = self.left > 0 && Instant::now() < self.until;
        self.left = self.left.saturating_sub(1);
        more
    }
}

/// Microseconds since `started`.
pub(crate) fn micros(started: Instant) -> f64 {
    started.elapsed().as_nanos() as f64 / 1000.0
}

/// What the machine can do at best.
pub(crate) struct Limit {
    /// In the unit of the figure.
    pub(crate) samples: Samples,
    pub(crate) what: &'static str,
}

/// What is promised.
#[derive(Clone, Copy)]
pub(crate) enum Goal {
    /// At most so much at p50.
    Most(f64),
    /// At least so much at p50.
    Least(f64),
    /// At most so many times the limit at p50.
    Times(f64),
    /// Shown, not promised.
    None,
}

pub(crate) struct Figure {
    pub(crate) id: &'static str,
    pub(crate) what: String,
    pub(crate) unit: &'static str,
    pub(crate) samples: Samples,
    pub(crate) limit: Option<Limit>,
    pub(crate) goal: Goal,
}

impl Figure {
    /// How many times the limit; above 1 the machine could do better.
    fn ratio(&self) -> Option<f64> {
        self.ratio_at(50)
    }

    fn ratio_at(&self, percent: usize) -> Option<f64> {
        let limit = self.limit.as_ref()?;
        Some(match self.goal {
            Goal::Least(_) => limit.samples.at(100 - percent) / self.samples.at(100 - percent),
            _ => self.samples.at(percent) / limit.samples.at(percent),
        })
    }

    /// What the gate compares: the best of both sides, because other work on the machine only ever adds, or
    /// the number itself when it was counted. Nothing for a figure that has no limit beside it.
    fn gauge(&self) -> Option<f64> {
        self.ratio_at(BEST).or_else(|| self.samples.counted().then(|| self.samples.at(50)))
    }

    fn goal(&self) -> Option<String> {
        match self.goal {
            Goal::Most(most) => Some(format!("≤ {most} {}", self.unit)),
            Goal::Least(least) => Some(format!("≥ {least} {}", self.unit)),
            Goal::Times(times) => Some(format!("≤ {times}× the limit")),
            Goal::None => None,
        }
    }

    fn met(&self) -> Option<bool> {
        let p50 = self.samples.at(50);
        match self.goal {
            Goal::Most(most) => Some(p50 <= most),
            Goal::Least(least) => Some(p50 >= least),
            Goal::Times(times) => self.ratio().map(|ratio| ratio <= times),
            Goal::None => None,
        }
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "id": self.id,
            "what": self.what,
            "unit": self.unit,
            "p50": rounded(self.samples.at(50)),
            "p95": rounded(self.samples.at(95)),
            "p99": rounded(self.samples.at(99)),
            "limit": self.limit.as_ref().map(|limit| rounded(limit.samples.at(50))),
            "limit_is": self.limit.as_ref().map(|limit| limit.what),
            "ratio": self.ratio().map(rounded),
            "gauge": self.gauge().map(rounded),
            "goal": self.goal(),
            "met": self.met(),
        })
    }
}

/// Three digits after the point: below them is noise.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// Every figure in two lines: the numbers, then what they are.
pub(crate) fn table(figures: &[Figure]) -> String {
    let mut text = format!(
        "{:<5}{:>12}{:>12}{:>12}  {:<14}{:>12}{:>9}  goal\n",
        "id", "p50", "p95", "p99", "unit", "limit", "ratio"
    );
    for figure in figures {
        let optional = |value: Option<f64>| value.map_or_else(|| "-".into(), |v| format!("{v:.2}"));
        let [p50, p95, p99] = [50, 95, 99].map(|percent| figure.samples.at(percent));
        let mark = match figure.met() {
            Some(true) => " (met)",
            Some(false) => " (MISSED)",
            None => "",
        };
        let limit = optional(figure.limit.as_ref().map(|limit| limit.samples.at(50)));
        let ratio = optional(figure.ratio());
        let goal = figure.goal().unwrap_or_else(|| "-".into());
        // Writing to text cannot fail.
        let _ = writeln!(
            text,
            "{:<5}{p50:>12.2}{p95:>12.2}{p99:>12.2}  {:<14}{limit:>12}{ratio:>9}  {goal}{mark}",
            figure.id, figure.unit
        );
        let _ = writeln!(text, "     {}", figure.what);
        if let Some(limit) = &figure.limit {
            let _ = writeln!(text, "     limit: {}", limit.what);
        }
    }
    text.push_str(
        "\nThe limit is the least that this machine needs for the same work, measured in this run; the ratio\n\
         is p50 against it. Figures of one run are noisy: compare ratios of three.\n",
    );
    text
}

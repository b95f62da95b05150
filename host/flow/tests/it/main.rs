//! The model from outside, against texts that strangers write: what it promises for hostile files, and that no text
//! makes it panic or think for long.

mod crowds;
mod fuzz;
mod hostile;
mod world;

use std::time::{Duration, Instant};

use cleargate_flow::check::{Checked, check};
use cleargate_flow::grant::Grants;
use cleargate_flow::limits::Limits;
use cleargate_flow::signature::{Effect, Signature, Signatures, TextKey};
use cleargate_flow::types::{Kind, Type};

/// `usual`, or `soak` when somebody has asked for the slow proof: `make soak`.
#[expect(clippy::disallowed_methods, reason = "who runs the tests says how long they may take")]
fn soaked<T>(usual: T, soak: T) -> T {
    if std::env::var_os("CLEARGATE_SOAK").is_some() { soak } else { usual }
}

/// How often something is measured: a neighbour on the machine cannot spoil all of them.
const ATTEMPTS: usize = 5;

/// The time that `work` takes when nobody disturbs it, or nothing when one attempt was within `promised`. A build without
/// optimization may take longer: there only work that is not counted at all is found.
fn over(promised: Duration, mut work: impl FnMut()) -> Option<Duration> {
    let promised = if cfg!(debug_assertions) { promised * 20 } else { promised };
    let mut best = Duration::MAX;
    for _ in 0..ATTEMPTS {
        let start = Instant::now();
        work();
        best = best.min(start.elapsed());
        if best <= promised {
            return None;
        }
    }
    Some(best)
}

/// Two node types: one with a port, one that takes anything.
struct Sample;

impl Signatures for Sample {
    fn find(&self, name: &str) -> Result<Option<Signature>, String> {
        let fields = |text: &str| match text.parse::<Type>().expect("a type").kind {
            Kind::Record(fields) => fields,
            _ => panic!("{text} is no record"),
        };
        let (input, open, config) = match name {
            "template" => ("record{}", true, "record{text: opt<string>, file: opt<string>}"),
            "upper" => ("record{text: string}", false, "record{}"),
            _ => return Ok(None),
        };
        Ok(Some(Signature {
            summary: String::new(),
            input: fields(input),
            open,
            output: "record{text: string}".parse().expect("a type"),
            config: fields(config),
            texts: if open {
                vec![TextKey::Inline("text"), TextKey::File("file")]
            } else {
                Vec::new()
            },
            effect: Effect::Pure,
            requests: Grants::default(),
            limits: Limits::default(),
            origin: "built-in".into(),
        }))
    }

    fn names(&self) -> Vec<String> {
        vec!["template".into(), "upper".into()]
    }
}

fn checked(text: &str) -> Checked {
    check(text, "flow.yaml", &Sample)
}

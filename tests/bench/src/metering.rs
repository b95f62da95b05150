//! What counting costs: the same guests in an engine that counts fuel, that looks at the clock, that does both as every
//! call of ours, and that does neither.

use std::time::Instant;

use crate::bare::{Bare, Metering};
use crate::figure::{Budget, Figure, Goal, Turns, micros};
use crate::sandbox::guests;

/// Measured calls of each guest.
const CALLS: usize = 200;

/// Iterations of a loop in one call.
const LOOPS: usize = 200_000;

/// A guest's name, the body of its loop, with `$i` as the counter.
const GUESTS: [(&str, &str); 2] = [
    // Nothing but the jump: the worst that there is.
    ("an empty loop", ""),
    // A round of a hash over a table: some work between two jumps, as in most programs.
    (
        "a loop that hashes a table",
        "(local.set $h (i32.xor (i32.rotl (local.get $h) (i32.const 5))
           (i32.load offset=65536 (i32.and (i32.mul (local.get $i) (i32.const 2654435761)) (i32.const 0xfffc)))))
         (i32.store offset=65536 (i32.and (local.get $h) (i32.const 0xfffc)) (i32.add (local.get $h) (local.get $i)))
         (local.set $h (i32.mul (i32.xor (local.get $h) (i32.shr_u (local.get $h) (i32.const 15))) (i32.const 2246822519)))
         (local.set $h (i32.add (local.get $h) (i32.load offset=65536 (i32.and (local.get $h) (i32.const 0xfffc)))))",
    ),
];

/// The variants, each beside the engine that counts nothing.
const VARIANTS: [(&str, Metering); 3] = [
    ("fuel and epochs", Metering { fuel: true, epochs: true }),
    ("fuel alone", Metering { fuel: true, epochs: false }),
    ("epochs alone", Metering { fuel: false, epochs: true }),
];

pub(crate) async fn figures() -> Vec<Figure> {
    let run = ("cleargate:node/node@0.1.0", "run");
    let mut figures = Vec::new();
    for (guest, body) in GUESTS {
        let bytes = guests::wrap(&module(body));
        let none = Bare::new(&bytes, Metering::default(), run);
        for (variant, metering) in VARIANTS {
            let counted = Bare::new(&bytes, metering, run);
            let (mut turns, mut budget) = (Turns::default(), Budget::of(CALLS));
            while budget.more() {
                let started = Instant::now();
                counted.call("loop", "null").await;
                let ours = micros(started) * 1_000.0 / LOOPS as f64;
                let started = Instant::now();
                none.call("loop", "null").await;
                turns.add(ours, micros(started) * 1_000.0 / LOOPS as f64);
            }
            let what = format!("{guest} with {variant}");
            let limit = "the same without any counting";
            figures.push(turns.figure("M4", what, "ns/iteration", Goal::None, limit));
        }
    }
    figures
}

fn module(body: &str) -> String {
    format!(
        "(module (memory (export \"memory\") 2)
           (func (export \"cleargate:node/node@0.1.0#run\") (param i32) (result i32) (local $i i32) (local $h i32)
             (loop $more
               {body}
               (local.set $i (i32.add (local.get $i) (i32.const 1)))
               (br_if $more (i32.lt_u (local.get $i) (i32.const {LOOPS}))))
             (i32.store (i32.const 65536) (local.get $h))
             i32.const 64)
           {})",
        guests::prelude()
    )
}

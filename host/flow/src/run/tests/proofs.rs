//! Random small flows in random orders: against the reference, through crashes, under nonsense.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;

use super::fixture::{failed, intent, ok, resumed, run_of};
use super::reference::tell;
use super::sketch::{MOMENT, Sketch, hurried, sketches};
use super::world::{World, answered, heard, state};
use crate::error::{ErrorCode, NodeError};
use crate::event::{Event, Outcome};
use crate::signature::Effect as Class;
use crate::value::Value;

/// A hundred times as many when somebody has asked for the slow proof: `make soak`.
pub(super) fn config(usual: u32) -> ProptestConfig {
    cases(usual, 100)
}

/// Ten times as many: for what is tried after each event, and costs as much as a run for each of them.
pub(super) fn config_at_each(usual: u32) -> ProptestConfig {
    cases(usual, 10)
}

fn cases(usual: u32, times: u32) -> ProptestConfig {
    let cases = if is_soak() { times * usual } else { usual };
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// Whether somebody has asked for the slow proof.
#[expect(clippy::disallowed_methods, reason = "who runs the tests says how long they may take")]
pub(super) fn is_soak() -> bool {
    std::env::var_os("CLEARGATE_SOAK").is_some()
}

fn orders() -> impl Strategy<Value = Vec<u16>> {
    vec(any::<u16>(), 0..80)
}

/// Addresses of `once` nodes that were begun and whose answer is not in the journal.
fn lost(sketch: &Sketch, journal: &[Event]) -> BTreeSet<String> {
    let mut begun = BTreeSet::new();
    for event in journal {
        match event {
            Event::AttemptStarted { address, .. } => begun.insert(address.clone()),
            Event::AttemptSucceeded { address, .. } | Event::AttemptFailed { address, .. } => {
                begun.remove(address)
            }
            _ => continue,
        };
    }
    let once = |a: &crate::Address| {
        sketch.script(a).class == Class::Once && sketch.piece(a).verify.is_none()
    };
    begun.into_iter().filter(once).map(|a| a.to_string()).collect()
}

proptest! {
    #![proptest_config(config(600))]

    #[test]
    fn a_run_ends_as_the_reference_says_in_any_order(sketch in sketches(), order in orders()) {
        let told = tell(&sketch, &BTreeSet::new());
        World::start(&sketch).finish(&order).agrees(&told);
    }

    #[test]
    fn the_same_events_give_the_same_effects(sketch in hurried(), order in orders()) {
        let world = World::start(&sketch).finish(&order);
        let (mut one, mut other) = (run_of(&sketch.graph()), run_of(&sketch.graph()));
        for event in &world.journal {
            let gave = one.apply(event).unwrap();
            prop_assert_eq!(format!("{:?}", other.apply(event).unwrap()), format!("{gave:?}"));
        }
        prop_assert_eq!(state(&one), state(&world.run));
    }
}

proptest! {
    #![proptest_config(config_at_each(150))]

    #[test]
    fn a_run_survives_a_crash_after_each_event(
        sketch in sketches(), order in orders(), after in orders(), second in any::<u16>(),
    ) {
        let journal = World::start(&sketch).finish(&order).journal;
        // Without its `RunFinished`: a finished run is not taken over.
        for stored in 1..journal.len() {
            let stored = &journal[..stored];
            let gone = lost(&sketch, stored);
            let told = tell(&sketch, &gone);
            let world = World::resume(&sketch, stored).finish(&after);
            world.agrees(&told);
            // The next process may crash too.
            let more = world.journal.len() - 1;
            let cut = stored.len() + usize::from(second) % (more - stored.len() + 1);
            let stored = &world.journal[..cut];
            let told = tell(&sketch, &gone.union(&lost(&sketch, stored)).cloned().collect());
            World::resume(&sketch, stored).finish(&order).agrees(&told);
        }
    }

    #[test]
    fn a_run_survives_a_crash_also_when_time_runs_out(
        sketch in hurried(), order in orders(), after in orders(),
    ) {
        let journal = World::start(&sketch).finish(&order).journal;
        for stored in 1..journal.len() {
            // The world holds that nothing is done twice, settled twice, or under way at the end.
            World::resume(&sketch, &journal[..stored]).finish(&after);
        }
    }

    #[test]
    fn a_run_can_be_cancelled_after_each_event(sketch in hurried(), order in orders()) {
        let journal = World::start(&sketch).finish(&order).journal;
        for stored in 1..journal.len() {
            let mut world = World::start(&sketch);
            order.iter().chain(std::iter::repeat(&0)).take(stored - 1).for_each(|c| world.step(*c));
            prop_assert_eq!(&world.journal[..], &journal[..stored]);
            let first = world.finish.clone();
            let failing = world.run.frames[0].failure.is_some();
            world.record(Event::CancelRequested { by: "operator".into() });
            let end = world.finish(&order).finish.unwrap();
            match first {
                Some(first) => prop_assert_eq!(end, first),
                None if failing => prop_assert_eq!(end.status(), "failed"),
                None => prop_assert_eq!(end, Outcome::Cancelled),
            }
        }
    }
}

proptest! {
    #![proptest_config(config(150))]

    #[test]
    fn no_event_breaks_a_run(sketch in hurried(), moves in vec(moves(), 0..80)) {
        let mut world = World::start(&sketch);
        for Move { choice, nonsense, which, attempt } in moves {
            if world.finish.is_some() {
                break;
            }
            match nonsense {
                None => world.step(choice),
                Some(kind) => {
                    let address = address(&sketch, &which);
                    world.offer(event(kind, &address, attempt));
                }
            }
        }
        if world.finish.is_none() {
            world.finish(&[]);
        }
    }
}

/// One thing that happens: what is outstanding, or an event out of nowhere.
#[derive(Clone, Debug)]
struct Move {
    choice: u16,
    nonsense: Option<u8>,
    which: [u8; 5],
    attempt: u32,
}

fn moves() -> impl Strategy<Value = Move> {
    let nonsense = prop::option::weighted(0.7, 0_u8..19);
    (any::<u16>(), nonsense, any::<[u8; 5]>(), 0_u32..4)
        .prop_map(|(choice, nonsense, which, attempt)| Move { choice, nonsense, which, attempt })
}

/// An address that is often one of the flow: ids by depth, indices between them.
fn address(sketch: &Sketch, which: &[u8; 5]) -> String {
    let [outer, i, inner, j, last] = which.map(usize::from);
    let letter = |n: usize| char::from(b'a' + u8::try_from(n).expect("a letter"));
    let root = letter(outer % (sketch.nodes.len() + 1));
    let (inner, last) = (letter(inner % 3), letter(last % 2));
    match j % 4 {
        0 | 1 => format!("{root}"),
        2 => format!("{root}[{}].{root}{inner}", i % 4),
        _ => format!("{root}[{}].{root}{inner}[{}].{root}{inner}{last}", i % 4, i / 4 % 4),
    }
}

fn event(kind: u8, address: &str, attempt: u32) -> Event {
    let there = address.parse().expect("an address");
    match kind {
        0 | 1 => ok(address, attempt, 1),
        2 => failed(address, attempt, ErrorCode::Transient),
        3 => failed(address, attempt, ErrorCode::Permanent),
        4 => intent(address, attempt),
        5 => Event::RetryDue { address: there, attempt },
        6 => Event::DeadlinePassed { address: there },
        7 => Event::Logged { address: there, level: "info".into(), message: "x".into() },
        9 => Event::WaitStarted { address: there, name: None, until: Some(MOMENT) },
        10 => Event::TaskOpened { address: there, task: Value::empty(), until: Some(MOMENT) },
        11 => Event::WaitOver { address: there },
        12 => {
            let error = NodeError::new(ErrorCode::Permanent, "there is none");
            Event::WaitFailed { address: there, error }
        }
        13 => Event::WaitEnded { address: there },
        14 => heard(there.node().as_str()),
        15 => answered(&there),
        16 => match attempt {
            0 => Event::Emitted { address: there },
            _ => Event::Drawn { address: there, value: u64::from(attempt - 1) },
        },
        17 => Event::IdlePassed { address: there },
        8 if attempt == 0 => Event::CancelRequested { by: "operator".into() },
        8 => Event::RunFinished { outcome: Outcome::Cancelled },
        _ => resumed(),
    }
}

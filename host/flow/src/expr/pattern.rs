//! Regular expressions of strangers, on texts of strangers: what a match costs is known and counted.
//!
//! An engine that is linear in the text still costs (pattern × text) when a hostile pattern defeats its lazy automaton:
//! a few bytes of pattern and a mebibyte of text take a minute. So the weight of a pattern is known before it is
//! compiled, the automaton may grow to a fixed size and no further, its growth is counted as steps, and the slower
//! engine behind it runs only where the steps for it are there.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use regex_automata::Input;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson::pikevm::PikeVM;
use regex_automata::nfa::thompson::{self, NFA};
use regex_automata::util::syntax;
use regex_syntax::hir::{Class, Hir, HirKind};

use super::eval::{Evaluated, Evaluation, invalid};

/// Bytes of a pattern.
const MAX_SOURCE: usize = 4096;
/// States of a compiled pattern, about: `x{1000}{1000}` would have a million.
const MAX_WEIGHT: usize = 16_384;
/// Bytes of the compiled pattern: the weight is an estimate, this holds.
const MAX_COMPILED: usize = 1024 * 1024;
/// Bytes of the lazy automaton: filling it takes about 10 ms.
const MAX_AUTOMATON: usize = 1024 * 1024;
/// Compiled patterns that are kept: a flow has a handful.
const KEPT: usize = 64;
/// Bytes of text that the automaton reads in the time of one step.
const SEARCHED_PER_STEP: usize = 6;
/// States that are compiled in the time of one step.
const COMPILED_PER_STEP: usize = 1;
/// Bytes by which the automaton grows in the time of one step.
const GROWN_PER_STEP: usize = 4;
/// States that the slower engine visits in the time of one step.
const VISITED_PER_STEP: usize = 8;

/// A compiled pattern.
#[derive(Debug)]
struct Pattern {
    nfa: NFA,
    dfa: DFA,
    /// Grows with the texts that are matched; one evaluation at a time has it.
    cache: Mutex<Option<Cache>>,
}

/// Whether a text is a pattern that may be used, without compiling it.
pub(super) fn parse(pattern: &str) -> Result<Hir, String> {
    if pattern.len() > MAX_SOURCE {
        return Err(format!("a pattern may have {MAX_SOURCE} bytes"));
    }
    let parsed =
        syntax::parse(pattern).map_err(|error| format!("the pattern cannot be used: {error}"))?;
    if weight(&parsed) > MAX_WEIGHT {
        return Err(
            "the pattern cannot be used: it repeats too much; lower the counts in `{…}`".into()
        );
    }
    Ok(parsed)
}

/// About how many states a pattern has when its repetitions are written out.
fn weight(pattern: &Hir) -> usize {
    match pattern.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len(),
        HirKind::Class(Class::Unicode(class)) => class.ranges().len(),
        HirKind::Class(Class::Bytes(class)) => class.ranges().len(),
        HirKind::Repetition(repeat) => {
            let times = repeat.max.unwrap_or(repeat.min.saturating_add(1)).max(1);
            (1 + weight(&repeat.sub)).saturating_mul(times as usize)
        }
        HirKind::Capture(capture) => weight(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().fold(1, |sum: usize, part| sum.saturating_add(weight(part)))
        }
    }
}

/// Whether a pattern matches somewhere in a text.
pub(super) fn matches(e: &mut Evaluation<'_>, text: &str, pattern: &str) -> Evaluated<bool> {
    e.step(1 + text.len() / SEARCHED_PER_STEP)?;
    let pattern = compiled(e, pattern)?;
    let input = Input::new(text).earliest(true);
    let kept = pattern.cache.lock().unwrap_or_else(PoisonError::into_inner).take();
    let mut cache = kept.unwrap_or_else(|| pattern.dfa.create_cache());
    let before = (cache.memory_usage(), cache.clear_count());
    let found = pattern.dfa.try_search_fwd(&mut cache, &input);
    let grown = match cache.clear_count() - before.1 {
        0 => cache.memory_usage().saturating_sub(before.0),
        _ => MAX_AUTOMATON,
    };
    *pattern.cache.lock().unwrap_or_else(PoisonError::into_inner) = Some(cache);
    e.step(grown / GROWN_PER_STEP)?;
    if let Ok(found) = found {
        return Ok(found.is_some());
    }
    // The automaton has become too large, or met a word boundary beside a character that is not ASCII.
    e.step(text.len().saturating_mul(pattern.nfa.states().len()) / VISITED_PER_STEP)?;
    let engine =
        PikeVM::new_from_nfa(pattern.nfa.clone()).map_err(|error| invalid(error.to_string()))?;
    Ok(engine.is_match(&mut engine.create_cache(), input))
}

/// A compiled pattern, from those that are kept when it is there.
fn compiled(e: &mut Evaluation<'_>, pattern: &str) -> Evaluated<Arc<Pattern>> {
    type Kept = Vec<(Arc<str>, Arc<Pattern>)>;
    static PATTERNS: OnceLock<Mutex<Kept>> = OnceLock::new();
    let patterns = PATTERNS.get_or_init(Mutex::default);
    let kept = patterns.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, compiled)) = kept.iter().find(|(kept, _)| **kept == *pattern) {
        return Ok(compiled.clone());
    }
    drop(kept);
    let parsed = parse(pattern).map_err(invalid)?;
    e.step(weight(&parsed) / COMPILED_PER_STEP)?;
    let compiled = Arc::new(compile(&parsed).map_err(invalid)?);
    let mut kept = patterns.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.len() >= KEPT {
        kept.remove(0);
    }
    kept.push((pattern.into(), compiled.clone()));
    Ok(compiled)
}

fn compile(parsed: &Hir) -> Result<Pattern, String> {
    let failed = |error: &dyn std::fmt::Display| format!("the pattern cannot be used: {error}");
    let limits = thompson::Config::new()
        .nfa_size_limit(Some(MAX_COMPILED))
        .which_captures(thompson::WhichCaptures::None);
    let nfa =
        NFA::compiler().configure(limits).build_from_hir(parsed).map_err(|error| failed(&error))?;
    let bounds = DFA::config()
        .cache_capacity(MAX_AUTOMATON)
        .minimum_cache_clear_count(Some(0))
        .unicode_word_boundary(true);
    let dfa = DFA::builder()
        .configure(bounds)
        .build_from_nfa(nfa.clone())
        .map_err(|error| failed(&error))?;
    Ok(Pattern { nfa, dfa, cache: Mutex::new(None) })
}

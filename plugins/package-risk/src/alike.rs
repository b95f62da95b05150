//! Names that a hurried reader takes for a well-known one.
//!
//! A well-known name is never suspected itself. What counts as alike, from the surest to the least sure: the
//! same shapes (`t0kio`, `lоdash` with a Cyrillic letter, `rnoment`), the same letters without separators,
//! the same words in another order, one letter of difference.

use crate::Ecosystem;

const CARGO: &str = include_str!("../names/cargo.txt");
const NPM: &str = include_str!("../names/npm.txt");
const PYPI: &str = include_str!("../names/pypi.txt");

/// Characters of a name in which one letter of difference says something; short names are near by chance.
const MIN_TYPO: usize = 6;

/// Characters by which look-alikes differ in length, at most: separators, and `rn` for `m`.
const MAX_GROWTH: usize = 3;

/// In which way a name is alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    Looks,
    Separators,
    Order,
    Typo,
}

/// A name that is imitated, perhaps.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Alike {
    pub(crate) known: &'static str,
    pub(crate) how: How,
}

fn known(ecosystem: Option<Ecosystem>) -> impl Iterator<Item = &'static str> {
    let lists: &[&str] = match ecosystem {
        Some(Ecosystem::Cargo) => &[CARGO],
        Some(Ecosystem::Npm) => &[NPM],
        Some(Ecosystem::Poetry | Ecosystem::Uv | Ecosystem::Requirements) => &[PYPI],
        // A module's name is its address: it says itself who wrote it.
        Some(Ecosystem::Go) => &[],
        None => &[CARGO, NPM, PYPI],
    };
    let lists = lists.to_vec();
    lists.into_iter().flat_map(str::split_whitespace)
}

/// The well-known name that `name` imitates, perhaps.
pub(crate) fn find(name: &str, ecosystem: Option<Ecosystem>) -> Option<Alike> {
    let lower = name.to_lowercase();
    // A scope belongs to someone: `@acme/react` cannot be taken by a stranger.
    if lower.starts_with('@') || known(ecosystem).any(|known| same(known, &lower, ecosystem)) {
        return None;
    }
    let shape = shape(&lower);
    let letters = without_separators(&lower);
    let words = sorted_words(&lower);
    let length = lower.chars().count();
    let mut best: Option<Alike> = None;
    for known in known(ecosystem).filter(|k| k.len().abs_diff(length) <= MAX_GROWTH) {
        let how = match () {
            () if shape == self::shape(known) => How::Looks,
            () if letters == without_separators(known) => How::Separators,
            () if words.len() > 1 && words == sorted_words(known) => How::Order,
            () if is_typo(&lower, known) => How::Typo,
            () => continue,
        };
        if best.as_ref().is_none_or(|b| (how as u8) < (b.how as u8)) {
            best = Some(Alike { known, how });
        }
    }
    best
}

/// Equal by the rules of the registry: those of Rust and Python take `-` and `_` for the same.
fn same(known: &str, name: &str, ecosystem: Option<Ecosystem>) -> bool {
    known == name
        || (ecosystem != Some(Ecosystem::Npm) && known.replace('_', "-") == name.replace('_', "-"))
}

/// What is seen of a name: look-alike characters become one.
fn shape(name: &str) -> String {
    let one: String = name
        .chars()
        .map(|c| match c {
            '0' | 'о' | 'ο' => 'o',
            '1' | 'і' | 'ı' | 'ӏ' | 'i' | '|' => 'l',
            '3' | 'е' | 'є' => 'e',
            '4' | 'а' | 'α' => 'a',
            '5' | 'ѕ' => 's',
            'р' | 'ρ' => 'p',
            'с' | 'ϲ' => 'c',
            'х' | 'χ' => 'x',
            'у' | 'γ' => 'y',
            'к' | 'κ' => 'k',
            'т' | 'τ' => 't',
            'ѵ' | 'ν' => 'v',
            'ԁ' => 'd',
            'ɡ' => 'g',
            'һ' => 'h',
            'ј' => 'j',
            'ո' => 'n',
            _ => c,
        })
        .collect();
    one.replace("rn", "m").replace("vv", "w").replace('_', "-")
}

fn without_separators(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '-' | '_' | '.')).collect()
}

fn sorted_words(name: &str) -> Vec<&str> {
    let mut words: Vec<&str> = name.split(['-', '_', '.']).collect();
    words.sort_unstable();
    words
}

/// One letter more, less, other or swapped, where neither is the other's family (`rand` and `rand2`).
fn is_typo(name: &str, known: &str) -> bool {
    let (a, b) = (name.chars().count(), known.chars().count());
    if a.min(b) < MIN_TYPO || a.abs_diff(b) > 1 {
        return false;
    }
    let digits = |s: &str| s.chars().filter(char::is_ascii_digit).collect::<String>();
    digits(name) == digits(known) && strsim::osa_distance(name, known) == 1
}

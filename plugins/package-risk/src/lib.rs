//! What is unusual about one package of a lock file, in a measured voice.
//!
//! An alarm that rings for every project is turned off. So each check asks for evidence in the lock file
//! itself, a registry's ordinary package has no finding, and the score says how far from ordinary a package
//! is: it is a reason to look, never a proof.

mod alike;
mod checks;
mod ports;
mod source;

use cleargate::Error;

pub use ports::{AssessInput, Assessment, Ecosystem, Finding, Other, Package, Risk};

/// Scores from which a package is of medium and of high risk.
const MEDIUM: u32 = 25;
const HIGH: u32 = 60;
/// Bytes of a name: registries allow at most 214.
const MAX_NAME: usize = 300;
/// Other packages that are looked at: as many as the largest lock file that is read.
const MAX_OTHERS: usize = 50_000;
/// Usual sources: a company has a few mirrors.
const MAX_USUAL: usize = 100;

/// Says what is unusual about one package of a lock file: a name that looks like a well-known one, several
/// versions, pre-releases, sources that are not usual for the project, missing checksums, install scripts. Use it
/// before a new dependency is accepted.
#[cleargate::tool(read_only, idempotent, title = "Assess a package")]
pub fn assess(input: AssessInput) -> Result<Assessment, Error> {
    let name = &input.package.name;
    if name.is_empty() || name.len() > MAX_NAME {
        return Err(Error::invalid_input(format!("a package name has 1 to {MAX_NAME} bytes")));
    }
    if input.others.len() > MAX_OTHERS {
        return Err(Error::invalid_input(format!("`others` has at most {MAX_OTHERS} packages")));
    }
    if input.usual.as_ref().is_some_and(|usual| usual.len() > MAX_USUAL) {
        return Err(Error::invalid_input(format!("`usual` has at most {MAX_USUAL} sources")));
    }
    let mut found = checks::all(&input);
    found.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    let score = found.iter().map(|(weight, _)| weight).sum::<u32>().min(100);
    let risk = match score {
        0 => Risk::None,
        1..MEDIUM => Risk::Low,
        MEDIUM..HIGH => Risk::Medium,
        _ => Risk::High,
    };
    let Package { name, version, .. } = input.package;
    let findings = found.into_iter().map(|(_, finding)| finding).collect();
    Ok(Assessment { name, version, risk, score, findings })
}

cleargate::export! { tools: [assess] }

#[cfg(test)]
mod tests;

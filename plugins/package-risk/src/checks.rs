//! The checks: each gives at most one finding, with its weight in the score.

use crate::source::{self, Address, Source};
use crate::{AssessInput, Ecosystem, Finding, HIGH, MEDIUM, Risk, alike};

/// What a finding adds to the score.
type Weighed = (u32, Finding);

/// Versions that a message names: more say no more.
const SHOWN_VERSIONS: usize = 4;

/// All findings about a package.
pub(crate) fn all(input: &AssessInput) -> Vec<Weighed> {
    let source = Source::of(input.package.source.as_deref());
    // The project's own code has no registry that could be imitated.
    if source == Source::Local {
        return Vec::new();
    }
    [
        look_alike(input),
        origin(input, &source),
        credentials(&source),
        insecure(&source),
        ip_address(input, &source),
        missing_checksum(input, &source),
        several_versions(input),
        unstable(&input.package.version),
        install_script(input),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn finding(weight: u32, code: &str, message: String) -> Option<Weighed> {
    let severity = match weight {
        0..MEDIUM => Risk::Low,
        MEDIUM..HIGH => Risk::Medium,
        _ => Risk::High,
    };
    Some((weight, Finding { code: code.into(), severity, message }))
}

fn look_alike(input: &AssessInput) -> Option<Weighed> {
    let alike = alike::find(&input.package.name, input.ecosystem)?;
    let (weight, how) = match alike.how {
        alike::How::Looks => (70, "looks like"),
        alike::How::Separators => (45, "differs only by its separators from"),
        alike::How::Order => (40, "has the words in another order than"),
        alike::How::Typo => (40, "differs by one letter from"),
    };
    let known = alike.known;
    finding(weight, "look_alike", format!("the name {how} the well-known package `{known}`"))
}

fn origin(input: &AssessInput, source: &Source<'_>) -> Option<Weighed> {
    match source {
        Source::Git { address, commit: None } => {
            let message = format!(
                "comes from a repository at {} without a pinned commit",
                address.shown_host()
            );
            finding(45, "git_unpinned", message)
        }
        Source::Git { address, commit: Some(_) } => {
            let host = address.shown_host();
            let message = format!("comes from a repository at {host}, not from a registry");
            finding(15, "git_source", message)
        }
        Source::Outside(path) => {
            let message = format!("is outside of the project, at {}", source::shown(path));
            finding(30, "outside_path", message)
        }
        Source::Url(address) if !is_usual(input, address).unwrap_or(false) => {
            let host = address.shown_host();
            finding(35, "url_source", format!("is a file at {host}, not a package of a registry"))
        }
        Source::Registry(Some(address)) if !is_usual(input, address).unwrap_or(true) => {
            let host = address.shown_host();
            let message = match input.usual.as_deref().unwrap_or_default() {
                [] => format!("comes from {host}; no registry is named by most of the packages"),
                [first, rest @ ..] => {
                    let more = if rest.is_empty() { "" } else { ", …" };
                    let usual = Address::of(first).shown_host();
                    format!("comes from {host}, where {usual}{more} is usual")
                }
            };
            finding(20, "other_registry", message)
        }
        // Whoever wants to hide where a package comes from writes what no reader understands.
        Source::Unknown(text) => {
            let message = format!("says {}, which is no source that is known", source::shown(text));
            finding(30, "unknown_source", message)
        }
        _ => None,
    }
}

/// Unknown when nobody said what is usual.
fn is_usual(input: &AssessInput, address: &Address<'_>) -> Option<bool> {
    input.usual.as_ref().map(|usual| address.is_among(usual))
}

/// Whoever reads the lock file has them.
fn credentials(source: &Source<'_>) -> Option<Weighed> {
    let address = source.address().filter(Address::has_credentials)?;
    let message = format!(
        "has credentials in the address of its source, {} (shown without them): revoke them",
        address.shown()
    );
    finding(60, "credentials_in_source", message)
}

fn insecure(source: &Source<'_>) -> Option<Weighed> {
    let address = source.address()?;
    let message = "is fetched without encryption: anyone on the way can replace it";
    address.is_plain_text().then(|| finding(65, "insecure_transport", message.into()))?
}

fn ip_address(input: &AssessInput, source: &Source<'_>) -> Option<Weighed> {
    let address = source.address().filter(Address::is_ip)?;
    let message =
        format!("comes from the bare address {}: no name says whose it is", address.shown_host());
    let accepted = is_usual(input, &address) == Some(true);
    (!accepted).then(|| finding(35, "ip_address", message))?
}

/// Only where the package manager writes checksums: an old `requirements.txt` never has one.
fn missing_checksum(input: &AssessInput, source: &Source<'_>) -> Option<Weighed> {
    let expected = matches!(source, Source::Registry(_) | Source::Url(_))
        && input.ecosystem != Some(Ecosystem::Requirements);
    let missing = expected && input.package.checksum.as_ref().is_none_or(String::is_empty);
    let message = "has no checksum, so a changed package would not be noticed";
    missing.then(|| finding(30, "missing_checksum", message.into()))?
}

fn several_versions(input: &AssessInput) -> Option<Weighed> {
    let package = &input.package;
    let same = input.others.iter().filter(|other| other.name == package.name);
    let mut versions: Vec<&str> = same.map(|other| other.version.as_str()).collect();
    versions.retain(|version| *version != package.version);
    versions.sort_unstable();
    versions.dedup();
    if versions.is_empty() {
        return None;
    }
    let more = if versions.len() > SHOWN_VERSIONS { ", …" } else { "" };
    let shown = versions.iter().take(SHOWN_VERSIONS).map(|version| source::shown(version));
    let shown = shown.collect::<Vec<_>>().join(", ");
    // Whoever gives neighbours alone gets a sentence that is still true.
    finding(5, "several_versions", format!("is also locked as {shown}{more}"))
}

fn unstable(version: &str) -> Option<Weighed> {
    let plain = version.trim_start_matches('v');
    let plain = plain.split_once('+').map_or(plain, |(numbers, _build)| numbers);
    let (numbers, suffix) = plain.split_once('-').unwrap_or((plain, ""));
    // Go writes a commit without a tag as `v0.0.0-<time>-<commit>`; there it is the usual form.
    let pseudo = suffix.len() >= 14 && suffix.bytes().take(14).all(|b| b.is_ascii_digit());
    if pseudo {
        return None;
    }
    if !suffix.is_empty() || python_pre_release(numbers) {
        let message = format!("{} is a pre-release", source::shown(version));
        return finding(10, "pre_release", message);
    }
    numbers.starts_with("0.0.").then(|| {
        let shown = source::shown(version);
        finding(5, "unstable_version", format!("{shown} promises no compatibility at all"))
    })?
}

/// `1.0a1`, `2.0rc1`, `3.dev4`.
fn python_pre_release(numbers: &str) -> bool {
    let letters: String = numbers.chars().filter(char::is_ascii_alphabetic).collect();
    matches!(letters.as_str(), "a" | "b" | "rc" | "dev" | "alpha" | "beta")
        && numbers.starts_with(|c: char| c.is_ascii_digit())
}

fn install_script(input: &AssessInput) -> Option<Weighed> {
    let message = "runs a script of its own when it is installed";
    input.package.install_script.then(|| finding(15, "install_script", message.into()))?
}

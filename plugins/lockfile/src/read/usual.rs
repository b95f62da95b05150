//! The source that most packages of a file come from.
//!
//! No list of famous registries: behind a company's mirror the mirror is what is usual, and a package that
//! comes from elsewhere stands out in either world.

use std::collections::BTreeMap;

use super::UNNAMED;
use crate::Package;

/// One address, or none: more than half of the packages decide, so two that share a file evenly are both not
/// usual. Addresses that nobody should get used to never are.
pub(crate) fn of(packages: &[Package]) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut all = 0;
    for package in packages {
        if let Some(address) = registry(&package.source) {
            all += 1;
            *counts.entry(address).or_default() += 1;
        }
    }
    let most = counts.into_iter().find(|(_, count)| count * 2 > all);
    most.and_then(|(address, _)| acceptable(address)).into_iter().map(str::to_string).collect()
}

/// What a source names as its registry or server; repositories, folders and the project's code have none.
fn registry(source: &str) -> Option<&str> {
    if source == UNNAMED {
        return Some(source);
    }
    let (kind, address) = source.split_once('+')?;
    match kind {
        "registry" | "sparse" => Some(address.trim_end_matches('/')),
        // Each file has an address of its own; what they share is the server.
        "url" => {
            let host = address.find("://").map_or(0, |mark| mark + 3);
            let end = address[host..].find('/').map_or(address.len(), |slash| host + slash);
            Some(&address[..end])
        }
        _ => None,
    }
}

/// The address without its scheme and credentials, when it is encrypted and has a name.
fn acceptable(address: &str) -> Option<&str> {
    let rest = ["https://", "ssh://"].iter().find_map(|scheme| address.strip_prefix(scheme))?;
    let authority = rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len());
    let named = match rest[..authority].rfind('@') {
        Some(at) => &rest[at + 1..],
        None => rest,
    };
    let host = named.split(['/', '\\', '?', '#', ':']).next().unwrap_or_default();
    let last = host.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    // A host whose last part begins with a digit is an address in numbers.
    let is_name = last.starts_with(|c: char| c.is_ascii_alphabetic());
    is_name.then_some(named)
}

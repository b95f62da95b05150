//! `requirements.txt`, as `pip freeze` and `pip-compile` write it.

use super::{Refusal, shown};
use crate::Package;

const PYPI: &str = "registry+https://pypi.org/simple";

pub(crate) fn read(text: &str) -> Result<Vec<Package>, Refusal> {
    let mut packages = Vec::new();
    for (number, line) in joined(text) {
        if !line.starts_with('-') {
            packages.push(package(&line).map_err(|message| Refusal::at(number, message))?);
        }
    }
    Ok(packages)
}

/// Lines without comments, continued ones joined, each with the number of its first line.
fn joined(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    for (i, raw) in text.lines().enumerate() {
        let without = raw.split_once(" #").map_or(raw, |(code, _)| code).trim();
        let without = if without.starts_with('#') { "" } else { without };
        let (part, goes_on) = match without.strip_suffix('\\') {
            Some(part) => (part.trim_end(), true),
            None => (without, false),
        };
        match lines.last_mut().filter(|_| open) {
            Some((_, line)) => {
                line.push(' ');
                line.push_str(part);
            }
            None if part.is_empty() => {}
            None => lines.push((i + 1, part.to_string())),
        }
        open = goes_on && !lines.is_empty();
    }
    lines
}

fn package(line: &str) -> Result<Package, String> {
    let (spec, options) = line.split_once(" --").unwrap_or((line, ""));
    let spec = spec.split_once(';').map_or(spec, |(spec, _)| spec).trim();
    let hash = options.split("hash=").nth(1).and_then(|h| h.split_whitespace().next());
    let (name, version, source) = match (spec.split_once(" @ "), spec.split_once("==")) {
        (Some((name, url)), _) => (name, "", address(url.trim())),
        (None, Some((name, version))) => {
            (name, version.trim_start_matches('=').trim(), PYPI.into())
        }
        (None, None) => {
            return Err(format!("{} is not pinned; write name==version", shown(spec)));
        }
    };
    let name = name.split('[').next().unwrap_or_default().trim();
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || !name.chars().all(fits) {
        return Err(format!("{} is no package name", shown(name)));
    }
    Ok(Package {
        name: name.into(),
        version: version.into(),
        source,
        checksum: hash.map(Into::into),
        dependencies: Vec::new(),
        direct: None,
        install_script: false,
    })
}

fn address(url: &str) -> String {
    match url {
        _ if url.starts_with("git+") => match url.rsplit_once('@') {
            // `git+https://host/repo@commit` → the commit goes where other formats have it.
            Some((repository, commit)) if !commit.contains('/') => format!("{repository}#{commit}"),
            _ => url.into(),
        },
        _ if url.starts_with("file:") => format!("path+{}", url.trim_start_matches("file:")),
        _ => format!("url+{url}"),
    }
}

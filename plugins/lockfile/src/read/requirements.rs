//! `requirements.txt`, as `pip freeze` and `pip-compile` write it.

use super::{Refusal, UNNAMED, shown};
use crate::Package;

pub(crate) fn read(text: &str) -> Result<Vec<Package>, Refusal> {
    let lines = joined(text);
    // An index is the one of the whole file, wherever it stands; the last one counts.
    let is_index = |line: &&String| matches!(option(line).0, "-i" | "--index-url");
    let index = lines.iter().map(|(_, line)| line).rfind(is_index);
    let index = index.map_or(UNNAMED.into(), |line| format!("registry+{}", option(line).1));
    let mut packages = Vec::new();
    for (number, line) in lines {
        let at = |message| Refusal::at(number, message);
        match line.strip_prefix('-').map(|_| option(&line)) {
            None => packages.push(package(&line, &index).map_err(at)?),
            Some(("-e" | "--editable", place)) => packages.push(editable(place).map_err(at)?),
            Some((name @ ("-r" | "--requirement"), file)) => {
                // Skipping it would hide what it asks for.
                let message = format!(
                    "`{name} {}` includes another file; give the compiled one, as `pip freeze` or \
                     `pip-compile` writes it",
                    shown(file).trim_matches('`')
                );
                return Err(at(message));
            }
            // Indexes, constraints, hashes and where else to look: no packages.
            Some(_) => {}
        }
    }
    Ok(packages)
}

/// `--name value`, `--name=value` or `-nvalue`.
fn option(line: &str) -> (&str, &str) {
    let end = match line.starts_with("--") {
        true => line.find([' ', '=']).unwrap_or(line.len()),
        false => line.len().min(2),
    };
    if !line.is_char_boundary(end) {
        return (line, "");
    }
    let (name, value) = line.split_at(end);
    (name, value.trim_start_matches('=').trim())
}

/// A checkout: its name is behind `#egg=`, or it is a folder.
fn editable(place: &str) -> Result<Package, String> {
    let (url, fragment) = place.split_once('#').unwrap_or((place, ""));
    let name = fragment.split('&').find_map(|part| part.strip_prefix("egg="));
    match name {
        Some(name) => package(&format!("{name} @ {url}"), UNNAMED),
        None if url.contains("://") => {
            Err(format!("{} has no name; write it with `#egg=name`", shown(place)))
        }
        None => {
            let name = url.trim_end_matches('/').rsplit(['/', '\\']).next().unwrap_or(url);
            let source = if url.starts_with('.') && !url.contains("..") {
                "workspace".into()
            } else {
                format!("path+{url}")
            };
            Ok(locked(name, "", source, None))
        }
    }
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

fn package(line: &str, index: &str) -> Result<Package, String> {
    let (spec, options) = line.split_once(" --").unwrap_or((line, ""));
    let spec = spec.split_once(';').map_or(spec, |(spec, _)| spec).trim();
    let hash = options.split("hash=").nth(1).and_then(|h| h.split_whitespace().next());
    let (name, version, source) = match (spec.split_once(" @ "), spec.split_once("==")) {
        (Some((name, url)), _) => (name, "", address(url.trim())),
        (None, Some((name, version))) => {
            (name, version.trim_start_matches('=').trim(), index.into())
        }
        (None, None) => {
            return Err(format!("{} is not pinned; write name==version", shown(spec)));
        }
    };
    if version.contains(['*', ',']) {
        return Err(format!("{} is not pinned; write name==version", shown(spec)));
    }
    let name = name.split('[').next().unwrap_or_default().trim();
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || !name.chars().all(fits) {
        return Err(format!("{} is no package name", shown(name)));
    }
    Ok(locked(name, version, source, hash.map(Into::into)))
}

fn locked(name: &str, version: &str, source: String, checksum: Option<String>) -> Package {
    Package {
        name: name.into(),
        version: version.into(),
        source,
        checksum,
        dependencies: Vec::new(),
        direct: None,
        install_script: false,
    }
}

fn address(url: &str) -> String {
    match url {
        _ if url.starts_with("git+") => match url.rsplit_once('@') {
            // `git+https://host/repo@commit` → the commit goes where other formats have it.
            Some((repository, commit)) if !commit.contains('/') => {
                format!("{repository}#{}", commit.split('#').next().unwrap_or_default())
            }
            _ => url.into(),
        },
        _ if url.starts_with("file:") => format!("path+{}", url.trim_start_matches("file:")),
        _ => format!("url+{url}"),
    }
}

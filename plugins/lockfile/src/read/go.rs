//! `go.sum`: a line for each module and one for its `go.mod`.

use super::{Refusal, UNNAMED, shown};
use crate::Package;

pub(crate) fn read(text: &str) -> Result<Vec<Package>, Refusal> {
    let mut packages = Vec::new();
    for (i, line) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [name, version, sum] = words[..] else {
            let message = format!("{} is not `module version h1:hash`", shown(line));
            return Err(Refusal::at(i + 1, message));
        };
        if !version.starts_with('v') || !sum.starts_with("h1:") {
            let message = format!("{} is not `module version h1:hash`", shown(line));
            return Err(Refusal::at(i + 1, message));
        }
        // The line of a `go.mod` says that a version was looked at, not that it is used.
        if version.ends_with("/go.mod") {
            continue;
        }
        packages.push(Package {
            name: name.into(),
            version: version.into(),
            source: UNNAMED.into(),
            checksum: Some(sum.into()),
            dependencies: Vec::new(),
            direct: None,
            install_script: false,
        });
    }
    Ok(packages)
}

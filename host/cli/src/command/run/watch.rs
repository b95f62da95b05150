//! What `--watch` looks at. A file counts as it was when the run began, so that what is saved meanwhile is not missed.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How often files are looked at: quick for a person who saves, nothing for the machine.
const LOOK: Duration = Duration::from_millis(250);

/// Files of a project that are looked at: a source has fewer, and what has more is something else.
const MOST_FILES: usize = 10_000;

/// Folders that hold what tools made or brought, and files that no build reads.
const NO_SOURCE: [&str; 6] =
    ["target", "node_modules", "vendor", "__pycache__", "packages", "bench.json"];

/// Whether a build may read it. What begins with a dot belongs to editors and version control, what ends with `~` too.
fn is_source(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    !name.starts_with('.') && !name.ends_with('~') && !NO_SOURCE.contains(&&*name)
}

/// Size and time of a file; absent when there is none.
type Stamp = Option<(u64, Option<SystemTime>)>;

/// Files, each as it was when it was first looked at since the run began.
#[derive(Debug, Default)]
pub struct Watch(BTreeMap<PathBuf, Stamp>);

impl Watch {
    /// A run begins: every file that was ever of interest counts as it is now.
    pub fn again(&mut self, files: Vec<PathBuf>) {
        let known = std::mem::take(&mut self.0);
        self.add(known.into_keys().chain(files));
    }

    /// More files of the same run.
    pub fn add(&mut self, files: impl IntoIterator<Item = PathBuf>) {
        for file in files {
            self.0.entry(file).or_insert_with_key(|file| stamp(file));
        }
    }

    /// Every file in a project counts as it is now, and so does that there is no other.
    pub fn project(folder: &Path) -> Self {
        let mut files = Vec::new();
        let mut folders = vec![folder.to_path_buf()];
        while let Some(folder) = folders.pop() {
            let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
            for entry in entries.filter(|entry| is_source(&entry.file_name())) {
                // A link could lead anywhere, also back to where it is.
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                    Ok(_) if files.len() < MOST_FILES => files.push(entry.path()),
                    _ => {}
                }
            }
            // A new file changes its folder.
            files.push(folder);
        }
        let mut watch = Self::default();
        watch.add(files);
        watch
    }

    /// Returns when a file is not as it was.
    pub async fn changed(&self) {
        let mut ticks = tokio::time::interval(LOOK);
        loop {
            ticks.tick().await;
            if self.0.iter().any(|(file, before)| stamp(file) != *before) {
                return;
            }
        }
    }
}

fn stamp(file: &Path) -> Stamp {
    std::fs::metadata(file).ok().map(|found| (found.len(), found.modified().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_saved_while_the_run_is_under_way_counts() {
        let folder = tempfile::tempdir().unwrap();
        let files = ["flow.yaml", "inner.md", "gone"].map(|name| folder.path().join(name));
        std::fs::write(&files[0], "a").unwrap();
        let mut watch = Watch::default();
        watch.again(vec![files[0].clone(), files[2].clone()]);
        std::fs::write(&files[1], "b").unwrap();
        watch.add([files[1].clone()]);
        let quiet = tokio::time::timeout(Duration::from_millis(1), watch.changed()).await;
        assert!(quiet.is_err(), "nothing changed yet");
        for (file, text) in files.iter().zip(["aa", "bb", "cc"]) {
            std::fs::write(file, text).unwrap();
            // A file that was read before it changed stays changed, however late it is named again.
            watch.add([file.clone()]);
            watch.changed().await;
            watch.again(Vec::new());
        }
    }
}

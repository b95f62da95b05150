//! What `--watch` looks at. A file counts as it was when the run began, so that what is saved meanwhile is not missed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How often files are looked at: quick for a person who saves, nothing for the machine.
const LOOK: Duration = Duration::from_millis(250);

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

//! The checkout as data: where it is, which files it holds. Shared by the tests in `it/`.

use std::path::{Path, PathBuf};

/// The root of the checkout.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests have a parent folder")
}

/// Files under `folder` (relative to the root) whose name ends in `suffix`, build output left out. Sorted.
pub fn files(folder: &str, suffix: &str) -> Vec<PathBuf> {
    let skipped = ["target", "node_modules", ".git", ".cleargate", "vendor"];
    let mut found: Vec<PathBuf> = walkdir::WalkDir::new(root().join(folder))
        .into_iter()
        .filter_entry(|e| !skipped.iter().any(|s| e.file_name() == *s))
        .filter_map(Result::ok)
        .filter(|e| e.file_type().is_file() && e.file_name().to_string_lossy().ends_with(suffix))
        .map(walkdir::DirEntry::into_path)
        .collect();
    found.sort();
    found
}

/// The path as the repository says it.
pub fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

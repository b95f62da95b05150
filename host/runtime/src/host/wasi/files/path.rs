//! Paths as guests write them, made into paths as the gate knows them: without `.`, `..` and doubled slashes.

use std::collections::{BTreeMap, BTreeSet};

use cleargate_flow::grant::FilePattern;

use super::shape::ErrorCode;

/// Bytes of a path: as many as systems take.
const MAX_PATH: usize = 4096;

/// The flow's folder, when only files in it are granted.
const HERE: &str = ".";

/// A path beneath a folder.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Path {
    /// As the gate knows it.
    pub(super) path: String,
    /// Whether it is written as a folder's.
    pub(super) folder: bool,
    /// Whether it is the folder itself.
    pub(super) itself: bool,
}

impl Path {
    /// `path` beneath the folder `base`. `..` never leads above it, by whatever way.
    pub(super) fn beneath(base: &str, path: &str) -> Result<Self, ErrorCode> {
        match path {
            "" => return Err(ErrorCode::NoEntry),
            _ if path.len() > MAX_PATH => return Err(ErrorCode::NameTooLong),
            _ if path.contains('\0') => return Err(ErrorCode::IllegalByteSequence),
            _ if path.starts_with('/') => return Err(ErrorCode::NotPermitted),
            _ => {}
        }
        let mut parts: Vec<&str> = Vec::new();
        for part in path.split('/') {
            match part {
                "" | "." => {}
                ".." => drop(parts.pop().ok_or(ErrorCode::NotPermitted)?),
                name => parts.push(name),
            }
        }
        let folder = matches!(path.rsplit('/').next(), Some("" | "." | ".."));
        let (itself, below) = (parts.is_empty(), parts.join("/"));
        let path = match base {
            _ if itself => base.to_owned(),
            HERE => below,
            "/" => format!("/{below}"),
            base => format!("{base}/{below}"),
        };
        Ok(Self { path, folder, itself })
    }
}

/// How a folder is given to a guest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Given {
    /// Whether something in it may be changed.
    pub(super) write: bool,
    /// Whether it only leads to granted files.
    pub(super) bare: bool,
}

/// The folders that a guest begins with: those that are granted, and those of single files that are.
pub(super) fn folders(granted: &BTreeSet<FilePattern>) -> BTreeMap<String, Given> {
    let mut all: BTreeMap<String, Given> = BTreeMap::new();
    for pattern in granted {
        let (path, bare) = match pattern.path.strip_suffix('/') {
            Some("") => ("/", false),
            Some(folder) => (folder, false),
            None => match pattern.path.rsplit_once('/') {
                Some(("", _)) => ("/", true),
                Some((folder, _)) => (folder, true),
                None => (HERE, true),
            },
        };
        let given = all.entry(path.to_owned()).or_insert(Given { write: false, bare });
        given.write |= pattern.write;
        given.bare &= bare;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_never_leads_above_its_folder() {
        for (base, path, expected) in [
            ("data", "a", "data/a"),
            ("data", "./a//b/", "data/a/b/"),
            ("data", "a/../b", "data/b"),
            ("data", ".", "data/."),
            ("data", "a/..", "data/."),
            (".", "a", "a"),
            ("/", "etc/a", "/etc/a"),
            ("/srv/x", "a/b/../../c", "/srv/x/c"),
        ] {
            let found = Path::beneath(base, path).unwrap();
            let end = match (found.itself, found.folder) {
                (true, true) => "/.",
                (false, true) => "/",
                _ => "",
            };
            assert_eq!(format!("{}{end}", found.path), expected, "{path}");
        }
        for (path, refused) in [
            ("..", ErrorCode::NotPermitted),
            ("../a", ErrorCode::NotPermitted),
            ("a/../../b", ErrorCode::NotPermitted),
            ("./../data/a", ErrorCode::NotPermitted),
            ("/etc/passwd", ErrorCode::NotPermitted),
            ("//a", ErrorCode::NotPermitted),
            ("", ErrorCode::NoEntry),
            ("a\0b", ErrorCode::IllegalByteSequence),
            (&"a/".repeat(3_000), ErrorCode::NameTooLong),
        ] {
            assert_eq!(Path::beneath("data", path), Err(refused), "{path:.20}");
        }
    }

    #[test]
    fn guests_begin_with_what_is_granted() {
        let granted = ["data/", "out/:rw", "one.txt", "data/two.txt:rw", "/srv/x/", "/etc/hosts"];
        let granted = granted.iter().map(|text| text.parse().unwrap()).collect();
        let given = |write, bare| Given { write, bare };
        let expected = [
            (".", given(false, true)),
            ("/etc", given(false, true)),
            ("/srv/x", given(false, false)),
            ("data", given(true, false)),
            ("out", given(true, false)),
        ];
        let expected = expected.map(|(path, given)| (path.to_owned(), given));
        assert_eq!(folders(&granted).into_iter().collect::<Vec<_>>(), expected);
        assert!(folders(&BTreeSet::new()).is_empty());
    }
}

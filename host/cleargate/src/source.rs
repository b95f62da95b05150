//! Where a flow's text comes from: a file with its folder, or a bundle inside the program.
//!
//! A flow may name files beside it (templates). They are read once, from inside the flow's folder only, and
//! become part of what a run is pinned to.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

use cleargate_flow::limits::Unit;
use serde::{Deserialize, Serialize};

use crate::bundled::Bundle;
use crate::error::{Error, Kind, Result};

/// Bytes that one file of a flow may have: the checker's own bound, and enough for any template.
const MAX_FILE: u64 = 1 << 20;

/// The texts of a flow.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct FlowSource {
    /// As people know it: the path, or `bundled:<id>`.
    pub name: String,
    /// Name of the outermost flow.
    root: String,
    /// Where the outermost flow is, and `cleargate.lock`. Absent for a bundled flow.
    pub folder: Option<PathBuf>,
    /// From there to the folder of this flow, whose files are named relative to it. Empty for the outermost.
    pub base: PathBuf,
    /// The id of the bundle, when it is one.
    pub bundle: Option<String>,
    /// Text of the flow.
    pub text: String,
    /// Texts of the files that it names, by name.
    pub files: BTreeMap<String, String>,
}

impl FlowSource {
    /// Finds a flow by path, or by the id of a bundled flow. A folder means its `flow.yaml`.
    pub(crate) fn find(flow: &str, folder: &Path) -> Result<Self> {
        let path = folder.join(flow);
        let path = if path.is_dir() { path.join("flow.yaml") } else { path };
        if path.is_file() {
            let text = read(&path)?;
            let name = shown(&path, folder);
            return Ok(Self {
                root: name.clone(),
                name,
                folder: path.parent().map(Path::to_path_buf),
                base: PathBuf::new(),
                bundle: None,
                text,
                files: BTreeMap::new(),
            });
        }
        let Some(bundle) = Bundle::find(flow) else { return Err(unknown(flow, &path)) };
        Ok(Self::made(flow, bundle.file("flow.yaml").unwrap_or_default().into()))
    }

    /// A flow that the program brings along or makes itself. Files that it names are those of the bundle of this name.
    pub(crate) fn made(name: &str, text: String) -> Self {
        Self {
            name: format!("bundled:{name}"),
            root: format!("bundled:{name}"),
            folder: None,
            base: PathBuf::new(),
            bundle: Some(name.into()),
            text,
            files: BTreeMap::new(),
        }
    }

    /// The flow in a file that this one names under `use:`.
    pub(crate) fn used(&self, name: &str) -> Result<Self> {
        let path = self.inside(name)?;
        Ok(Self {
            text: self.read(name)?,
            name: match &self.bundle {
                Some(id) => format!("bundled:{id}/{}", path.display()),
                None => Path::new(&self.root).with_file_name("").join(&path).display().to_string(),
            },
            root: self.root.clone(),
            folder: self.folder.clone(),
            base: path.parent().map(Path::to_path_buf).unwrap_or_default(),
            bundle: self.bundle.clone(),
            files: BTreeMap::new(),
        })
    }

    /// Reads a file that the flow names, and keeps it.
    pub(crate) fn file(&mut self, name: &str) -> Result<String> {
        let text = self.text_of(name)?;
        self.files.insert(name.into(), text.clone());
        Ok(text)
    }

    /// The text of a file that the flow names: the one that was kept, when there is one.
    pub(crate) fn text_of(&self, name: &str) -> Result<String> {
        self.files.get(name).cloned().map_or_else(|| self.read(name), Ok)
    }

    fn read(&self, name: &str) -> Result<String> {
        let path = self.inside(name)?;
        let Some(folder) = &self.folder else {
            let bundle = self.bundle.as_deref().and_then(Bundle::find);
            let found = bundle.and_then(|bundle| bundle.file(path.to_str()?));
            return found.map(str::to_owned).ok_or_else(|| {
                Error::new(Kind::Invalid, format!("{} has no file `{name}`", self.name))
            });
        };
        let path = folder.join(path);
        let real = path.canonicalize().map_err(|e| cannot_read(&path, &e))?;
        let root = folder.canonicalize().map_err(|e| cannot_read(folder, &e))?;
        if real.starts_with(root) { read(&real) } else { Err(outside(name)) }
    }

    /// A name in this flow as a path from the outermost flow's folder: never out of it.
    fn inside(&self, name: &str) -> Result<PathBuf> {
        let mut path = PathBuf::new();
        for part in self.base.join(name).components() {
            match part {
                Component::Normal(part) => path.push(part),
                Component::CurDir => {}
                Component::ParentDir if path.pop() => {}
                _ => return Err(outside(name)),
            }
        }
        Ok(path)
    }

    /// A path that this flow names, as the outermost flow would name it.
    pub(crate) fn seen_from_root(&self, path: &str) -> String {
        match self.base.as_os_str().is_empty() || path.starts_with('/') {
            true => path.to_owned(),
            false => format!("./{}/{}", self.base.display(), path.trim_start_matches("./")),
        }
    }

    /// The folder that relative paths in the flow begin at.
    pub(crate) fn own_folder(&self) -> Option<PathBuf> {
        self.folder.as_ref().map(|folder| folder.join(&self.base))
    }

    /// Where the flow's lock file is.
    pub(crate) fn lock_path(&self, home: &Path) -> PathBuf {
        match &self.folder {
            Some(folder) => folder.join(cleargate_registry::lock::FILE_NAME),
            None => home
                .join("locks")
                .join(format!("{}.lock", self.bundle.as_deref().unwrap_or("flow"))),
        }
    }
}

fn outside(name: &str) -> Error {
    let why = format!("file `{name}` is outside the flow's folder");
    Error::new(Kind::Invalid, why).with_help("move it beside the flow")
}

fn read(path: &Path) -> Result<String> {
    let text = String::from_utf8(read_bounded(path, MAX_FILE)?);
    text.map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let why = format!("{} is no UTF-8 text at byte {at}", path.display());
        Error::new(Kind::Invalid, why).with_help("flows and the texts beside them are UTF-8")
    })
}

/// The bytes of a file that somebody named, who may not mean well: a pipe would keep the reader waiting, and a device
/// never ends.
pub(crate) fn read_bounded(path: &Path, most: u64) -> Result<Vec<u8>> {
    let about = std::fs::metadata(path).map_err(|e| cannot_read(path, &e))?;
    if !about.is_file() {
        let what = if about.is_dir() { "a folder" } else { "a pipe or a device" };
        return Err(Error::new(
            Kind::Invalid,
            format!("{} is {what}, and no file", path.display()),
        ));
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|e| cannot_read(path, &e))?;
    file.take(most + 1).read_to_end(&mut bytes).map_err(|e| cannot_read(path, &e))?;
    if bytes.len() as u64 > most {
        let most = Unit::Bytes.print(most);
        return Err(Error::new(Kind::Invalid, format!("{} has more than {most}", path.display())));
    }
    Ok(bytes)
}

fn cannot_read(path: &Path, error: &std::io::Error) -> Error {
    Error::new(Kind::Invalid, format!("{} cannot be read", path.display())).caused_by(error)
}

fn shown(path: &Path, folder: &Path) -> String {
    path.strip_prefix(folder).unwrap_or(path).display().to_string()
}

fn unknown(flow: &str, path: &Path) -> Error {
    let ids: Vec<&str> = crate::bundled::BUNDLES.iter().map(|b| b.id).collect();
    if flow.is_empty() {
        let why = "the name of the flow is empty; give the path of a flow file or the id of a bundled flow";
        return Error::new(Kind::Invalid, why)
            .with_help(format!("bundled flows: {}", ids.join(", ")));
    }
    Error::new(
        Kind::Invalid,
        format!(
            "there is no flow `{flow}`: no file {}, and no bundled flow of that id",
            path.display()
        ),
    )
    .with_help(format!("bundled flows: {}", ids.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_ends_and_what_is_too_large_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let made = std::process::Command::new("mkfifo").arg(path("pipe")).status().unwrap();
        assert!(made.success());
        std::fs::write(path("large"), [b'x'; 11]).unwrap();
        std::fs::write(path("fits"), [b'x'; 10]).unwrap();
        for (path, said) in [
            (path("pipe"), "is a pipe or a device"),
            ("/dev/zero".into(), "is a pipe or a device"),
            (folder.path().into(), "is a folder"),
            (path("large"), "has more than 10"),
            (path("gone"), "cannot be read"),
        ] {
            let refused = read_bounded(&path, 10).unwrap_err().to_string();
            assert!(refused.contains(said), "{refused}");
        }
        assert_eq!(read_bounded(&path("fits"), 10).unwrap(), [b'x'; 10]);
    }

    #[test]
    fn files_stay_inside_the_flows_folder() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("flow");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(outer.path().join("secret"), "s").unwrap();
        std::fs::write(folder.join("flow.yaml"), "").unwrap();
        std::fs::write(folder.join("a.md"), "a").unwrap();
        std::os::unix::fs::symlink(outer.path().join("secret"), folder.join("link")).unwrap();
        let mut source = FlowSource::find("flow", outer.path()).unwrap();
        assert_eq!(source.file("a.md").unwrap(), "a");
        for bad in ["../secret", "/etc/passwd", "link", "x/../../secret", "gone.md"] {
            assert_eq!(source.file(bad).unwrap_err().kind, Kind::Invalid, "{bad} was read");
        }
    }

    #[test]
    fn an_unknown_flow_names_the_bundled_ones() {
        let error = FlowSource::find("nope", Path::new("/")).unwrap_err();
        assert!(error.help[0].contains("dependency_review"));
    }
}

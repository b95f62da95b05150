//! Where cases of flows are: `*.test.yaml` beside a flow, and `*.yaml` in its folder `cases`.

use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Result};

/// Levels of folders that are searched, and files of cases that are run at once.
const MAX_LEVELS: usize = 16;
const MAX_FILES: usize = 10_000;

/// Folders that hold no cases of anybody here.
const SKIPPED: [&str; 2] = ["target", "node_modules"];

/// The files of cases that a place on the command line means: a file of cases, a flow, or a folder with flows below it.
///
/// # Errors
/// There is nothing there, or no cases.
pub(super) fn files(place: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    if place.is_dir() {
        walk(place, 0, &mut found)?;
    } else if !place.is_file() {
        let why = format!("there is nothing to test at {}", place.display());
        return Err(Error::new(Kind::Invalid, why)
            .with_help("name a file of cases, a flow, or a folder with flows below it"));
    } else if is_cases(place) {
        found.push(place.to_path_buf());
    } else {
        let folder = place.parent().unwrap_or(Path::new("."));
        let beside = entries(folder)?.into_iter().filter(|path| is_cases(path));
        let below = folder.join("cases");
        let below = if below.is_dir() { entries(&below)? } else { Vec::new() };
        let all = beside.chain(below.into_iter().filter(|path| is_cases(path)));
        found.extend(all.filter(|path| flow_of(path, None).is_ok_and(|flow| same(&flow, place))));
        // A file may name its flow inside.
        if found.is_empty() {
            let why = format!("{} has no cases", place.display());
            let stem = stem(place);
            return Err(Error::new(Kind::Invalid, why).with_help(format!(
                "write them in {stem}.test.yaml beside it, or in cases/*.yaml"
            )));
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// The flow that a file of cases is about: what it says, or the flow that it stands beside.
///
/// # Errors
/// It says nothing, and there is none.
pub(super) fn flow_of(cases: &Path, said: Option<&str>) -> Result<PathBuf> {
    let folder = cases.parent().unwrap_or(Path::new("."));
    if let Some(said) = said {
        let beside = folder.join(said);
        // What is no file there may be a bundled flow.
        return Ok(if beside.exists() { beside } else { PathBuf::from(said) });
    }
    let stem = cases.file_name().unwrap_or_default().to_string_lossy();
    let stem = stem.split(".test.").next().unwrap_or_default();
    let mut names = vec![
        folder.join(format!("{stem}.yaml")),
        folder.join(format!("{stem}.flow.yaml")),
        folder.join("flow.yaml"),
    ];
    if in_cases(cases) {
        names = vec![folder.with_file_name("flow.yaml")];
    }
    names.into_iter().find(|path| path != cases && path.is_file()).ok_or_else(|| {
        let why = format!("{} does not say which flow it is about", cases.display());
        Error::new(Kind::Invalid, why).with_help("flow: ./the_flow.yaml")
    })
}

fn walk(folder: &Path, level: usize, found: &mut Vec<PathBuf>) -> Result<()> {
    // A plugin's cases are its own: `cleargate plugin test` runs them.
    if level > MAX_LEVELS || folder.join("plugin.toml").is_file() {
        return Ok(());
    }
    for path in entries(folder)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !path.is_symlink() {
            if !name.starts_with('.') && !SKIPPED.contains(&&*name) {
                walk(&path, level + 1, found)?;
            }
        } else if is_cases(&path) && path.is_file() {
            found.push(path);
            if found.len() > MAX_FILES {
                let why =
                    format!("more than {MAX_FILES} files of cases below {}", folder.display());
                return Err(Error::new(Kind::Limit, why).with_help("name the folders one by one"));
            }
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let read = std::fs::read_dir(folder).map_err(|e| {
        Error::new(Kind::Invalid, format!("{} cannot be read", folder.display())).caused_by(&e)
    })?;
    let mut paths: Vec<PathBuf> = read.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    Ok(paths)
}

/// Whether a file is one of cases, by its name and its place.
fn is_cases(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let yaml = name.ends_with(".yaml") || name.ends_with(".yml");
    let beside = name.ends_with(".test.yaml") || name.ends_with(".test.yml");
    beside || (yaml && in_cases(path) && !path.with_file_name("../plugin.toml").is_file())
}

fn in_cases(path: &Path) -> bool {
    let folder = path.parent().and_then(Path::file_name);
    folder.is_some_and(|folder| folder == "cases")
}

fn stem(flow: &Path) -> String {
    let name = flow.file_name().unwrap_or_default().to_string_lossy();
    let name =
        name.strip_suffix(".flow.yaml").or_else(|| name.strip_suffix(".yaml")).unwrap_or(&name);
    name.to_owned()
}

fn same(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_found_beside_flows_and_never_those_of_plugins() {
        let outer = tempfile::tempdir().unwrap();
        let root = outer.path();
        for file in [
            "a.yaml",
            "a.test.yaml",
            "b.flow.yaml",
            "b.test.yaml",
            "f/flow.yaml",
            "f/cases/x.yaml",
            "p/plugin.toml",
            "p/cases/y.yaml",
            "target/z.test.yaml",
            "lonely.test.yaml",
        ] {
            std::fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
            std::fs::write(root.join(file), "").unwrap();
        }
        let names = |place: &str| {
            let found = files(&root.join(place)).unwrap();
            let found =
                found.iter().map(|path| path.strip_prefix(root).unwrap().display().to_string());
            found.collect::<Vec<_>>()
        };
        assert_eq!(names(""), ["a.test.yaml", "b.test.yaml", "f/cases/x.yaml", "lonely.test.yaml"]);
        assert_eq!(names("a.yaml"), ["a.test.yaml"]);
        assert_eq!(names("b.flow.yaml"), ["b.test.yaml"]);
        assert_eq!(names("f/flow.yaml"), ["f/cases/x.yaml"]);
        assert_eq!(names("f/cases/x.yaml"), ["f/cases/x.yaml"]);
        assert_eq!(names("p"), [""; 0]);
        assert!(files(&root.join("nothing")).unwrap_err().to_string().contains("nothing to test"));
        let lonely = flow_of(&root.join("lonely.test.yaml"), None).unwrap_err();
        assert!(lonely.help[0].contains("flow: "), "{lonely:?}");
    }
}

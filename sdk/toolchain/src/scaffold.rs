//! A new plugin project that passes its own cases untouched and needs nothing but its toolchain.
//!
//! The SDK and the contract are in this library and are written into the project's `vendor/`, in the layout
//! of their repository, so that the project builds without it. A Rust project gets `Cargo.lock`, too: the
//! versions are the ones that were tested.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use cleargate_registry::PackageName;
use cleargate_registry::manifest::Language;

mod sources;

use sources::{TEMPLATE_LOCK, VENDORED};

use crate::Kind;

/// Why a project was not made.
#[derive(Debug, thiserror::Error)]
pub enum ScaffoldError {
    /// No template for the language.
    #[error(
        "no template for {0:?}; there are templates for Rust, JavaScript, Python, C, C++ and Go"
    )]
    Language(Language),
    /// The folder has something in it.
    #[error("{} is not empty; choose another folder", .0.display())]
    NotEmpty(PathBuf),
    /// A file cannot be written.
    #[error("cannot write {}: {cause}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

/// Writes a project for `name` into the folder `dir`, which must be empty or absent. Returns the files that
/// the author edits, relative to the folder.
///
/// # Errors
/// A language without a template, a folder that is not empty, or a file that cannot be written.
pub fn scaffold(
    kind: Kind,
    language: Language,
    name: &PackageName,
    dir: &Path,
) -> Result<Vec<PathBuf>, ScaffoldError> {
    let files = sources::files(kind, language).ok_or(ScaffoldError::Language(language))?;
    if fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(ScaffoldError::NotEmpty(dir.into()));
    }
    let words = Words::of(language);
    let fill = |text: &str| {
        text.replace("{{package}}", &name.to_string())
            .replace("{{crate}}", name.name())
            .replace("{{id}}", &name.name().replace('-', "_"))
            .replace("{{type}}", &camel_case(name.name()))
            .replace("{{language}}", words.language)
            .replace("{{also}}", words.also)
            .replace("{{bits}}", words.bits)
            .replace("{{most}}", words.most)
    };
    let mut own = Vec::new();
    for (path, text) in files.into_iter().flatten() {
        write(&dir.join(path), &fill(text))?;
        own.push(PathBuf::from(path));
    }
    for (path, text) in
        VENDORED.iter().filter(|(p, _)| p.starts_with(words.sdk) || p.starts_with("wit"))
    {
        write(&dir.join("vendor").join(path), text)?;
    }
    if language == Language::Rust {
        write(&dir.join("Cargo.lock"), &lock_file(name.name()))?;
    }
    own.sort();
    Ok(own)
}

/// What is written otherwise in a language.
struct Words {
    /// As `plugin.toml` has it.
    language: &'static str,
    /// Where its SDK lies.
    sdk: &'static str,
    /// A line about what else can be done with a project.
    also: &'static str,
    /// Bits of a whole number, and the greatest one.
    bits: &'static str,
    most: &'static str,
}

impl Words {
    fn of(language: Language) -> Self {
        let (language, sdk) = match language {
            Language::Rust => ("rust", "sdk/rust"),
            Language::Python => ("python", "sdk/python"),
            Language::C => ("c", "sdk/c"),
            Language::Cpp => ("cpp", "sdk/c"),
            Language::Go => ("go", "sdk/go"),
            Language::Js | Language::Prebuilt => ("js", "sdk/javascript"),
        };
        let natively = "cargo test               # the logic alone, natively\n";
        let also = if language == "rust" { natively } else { "" };
        let (bits, most) = match language {
            "js" => ("53", "9007199254740991"),
            _ => ("64", "9223372036854775807"),
        };
        Self { language, sdk, also, bits, most }
    }
}

fn write(path: &Path, text: &str) -> Result<(), ScaffoldError> {
    let folder = path.parent().expect("a file of a project has a folder");
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, text))
        .map_err(|cause| ScaffoldError::Write { path: path.into(), cause })
}

/// The tested lock file with the project's own entry, where Cargo wants it: in the order of names.
fn lock_file(name: &str) -> String {
    const ENTRY: &str = "[[package]]\nname = \"";
    let mut parts = TEMPLATE_LOCK.split(ENTRY);
    let head = parts.next().unwrap_or_default();
    let mut entries: Vec<String> = parts
        .map(|p| p.trim_end().replacen("template-plugin\"", &format!("{name}\""), 1))
        .collect();
    entries.sort_by(|a, b| a.split('"').next().cmp(&b.split('"').next()));
    let entries: Vec<String> = entries.iter().map(|e| format!("{ENTRY}{e}\n")).collect();
    head.to_string() + &entries.join("\n")
}

fn camel_case(name: &str) -> String {
    name.split('-')
        .map(|word| {
            let mut letters = word.chars();
            let first = letters.next().map(|c| c.to_ascii_uppercase());
            first.into_iter().chain(letters).collect::<String>()
        })
        .collect()
}

#[cfg(test)]
mod tests;

//! TOML that people write: the operator's settings, grants and approvals. One reader, so that every mistake is told in one
//! form, with file, line, column and what was probably meant, and no file is larger than such a file can be.

use std::io::{ErrorKind, Read};
use std::path::Path;

use cleargate_flow::diagnostic::suggest;
use serde::de::DeserializeOwned;

use crate::error::{Error, Kind, Result};

/// Bytes of one file: thousands of grants, and nothing that takes long to read.
pub(crate) const MAX_BYTES: u64 = 1024 * 1024;

/// Bytes of what the parser says: it quotes keys, and a key may be as long as the file.
const MAX_MESSAGE: usize = 500;

/// The text of the file; empty when there is none.
///
/// # Errors
/// The file cannot be read, is too large, or is no text.
pub(crate) fn text(path: &Path) -> Result<String> {
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(String::new()),
        Err(e) => return Err(unusable(path).caused_by(&e)),
    };
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|e| unusable(path).caused_by(&e))?;
    if bytes.len() as u64 > MAX_BYTES {
        let mut error = unusable(path);
        error.causes.push(format!("it has more than {} KiB", MAX_BYTES / 1024));
        return Err(error);
    }
    String::from_utf8(bytes).map_err(|e| unusable(path).caused_by(&e.utf8_error()))
}

/// What the text of a file says.
///
/// # Errors
/// It is no TOML, or not in the form of `T`.
pub(crate) fn parse<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T> {
    toml::from_str(text).map_err(|e| wrong(path, text, &e))
}

/// What is wrong with a text, and where.
pub(crate) fn wrong(path: &Path, text: &str, error: &toml::de::Error) -> Error {
    let mut out = unusable(path);
    let place = error.span().map(|span| {
        let before = text.get(..span.start).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        format!("line {line}, column {column}: ")
    });
    let message = error.message();
    let message = &message[..message.floor_char_boundary(MAX_MESSAGE)];
    out.causes.push(format!("{}{message}", place.unwrap_or_default()));
    match near(message) {
        Some(hint) => out.with_help(hint),
        None => out,
    }
}

/// The word that was meant, from the parser's list: ``unknown field `a`, expected one of `b`, `c` ``.
fn near(message: &str) -> Option<String> {
    let unknown = message.contains("unknown field") || message.contains("unknown variant");
    let mut quoted = message.split('`').skip(1).step_by(2);
    let wrong = quoted.next().filter(|_| unknown)?;
    suggest(wrong, quoted)
}

fn unusable(path: &Path) -> Error {
    Error::new(Kind::Invalid, format!("{} cannot be used", path.display()))
}

#[cfg(test)]
mod tests {
    use cleargate_flow::grant::Grants;

    use super::*;

    /// FL-02 for what operators write: each a typed error with a place, and none that ends the process.
    #[test]
    fn fl_02_hostile_toml_is_refused_with_its_place() {
        let deep = |open: &str, close: &str| {
            format!("http = {}{}", open.repeat(100_000), close.repeat(100_000))
        };
        let rows = [
            ("http = 1".into(), "line 1, column 8: invalid type"),
            ("\nhttp = [1]".into(), "line 2"),
            ("\n\nhtpp = []".into(), "line 3, column 1: unknown field `htpp`"),
            ("http = []\nhttp = []".into(), "line 2, column 1: duplicate key"),
            ("[http]\n[http]".into(), "line 2"),
            ("http = [".into(), "line 1"),
            ("http = [\"a\"".into(), "line 1"),
            (deep("[", "]"), "line 1"),
            (deep("{ a = ", " }"), "line 1"),
            (format!("[{}]", vec!["a"; 100_000].join(".")), "recursion limit"),
            (format!("{} = 1", vec!["a"; 100_000].join(".")), "recursion limit"),
            (format!("http = {}", "9".repeat(100_000)), "line 1"),
            (format!("{} = 1", "k".repeat(500_000)), "line 1"),
        ];
        for (text, said) in rows {
            let start = &text[..text.len().min(40)];
            let error = parse::<Grants>(Path::new("grants.toml"), &text).unwrap_err();
            assert_eq!(error.kind, Kind::Invalid, "{start}");
            assert_eq!(error.message, "grants.toml cannot be used");
            assert!(error.causes[0].starts_with(said), "{start}: {:.200}", error.causes[0]);
            assert!(error.causes[0].len() < 2 * MAX_MESSAGE, "{start}");
        }
        let error = parse::<Grants>(Path::new("a"), "htpp = []").unwrap_err();
        assert_eq!(error.help, ["did you mean `http`?"]);
    }

    #[test]
    fn a_file_that_is_none_or_too_large_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        assert_eq!(text(&path).unwrap(), "");
        std::fs::write(&path, vec![b'#'; MAX_BYTES as usize]).unwrap();
        assert_eq!(text(&path).unwrap().len() as u64, MAX_BYTES);
        std::fs::write(&path, vec![b'#'; MAX_BYTES as usize + 1]).unwrap();
        assert_eq!(text(&path).unwrap_err().causes, ["it has more than 1024 KiB"]);
        std::fs::write(&path, b"a = \xff").unwrap();
        assert!(text(&path).unwrap_err().causes[0].contains("utf-8"));
        assert_eq!(text(folder.path()).unwrap_err().kind, Kind::Invalid);
    }
}

//! Chains, events and bounds of an index.

use super::*;

fn release(version: &str) -> Release {
    Release {
        v: FORMAT,
        vers: version.parse().unwrap(),
        wasm: Digest::of(version.as_bytes()),
        manifest: Digest::of(b"manifest"),
        size: 1,
        kind: [PluginKind::Node].into(),
        requires: BTreeMap::new(),
        imports: vec!["cleargate:host/http@0.1.0".parse().unwrap()],
        exports: vec!["cleargate:node/node@0.1.0".parse().unwrap()],
        deps: vec![Dependency {
            name: "acme:entities".parse().unwrap(),
            req: "^1".parse().unwrap(),
        }],
        perms: Grants::default(),
        description: String::new(),
        license: None,
        published: Timestamp::UNIX_EPOCH,
        prev: None,
    }
}

fn notice(version: &str) -> Notice {
    Notice {
        vers: Some(version.parse().unwrap()),
        reason: "leaks".into(),
        instead: None,
        id: None,
        at: Timestamp::UNIX_EPOCH,
        by: "acme".into(),
    }
}

fn file() -> Vec<u8> {
    let one = append_release(b"", &release("1.0.0")).unwrap();
    let two = append_release(&one, &release("1.1.0")).unwrap();
    append_event(&two, &Event::Yank(notice("1.0.0"))).unwrap()
}

#[test]
fn lines_are_chained_and_events_apply() {
    let history = History::parse(&file()).unwrap();
    let (old, new) = ("1.0.0".parse().unwrap(), "1.1.0".parse().unwrap());
    assert_eq!(history.yanked(&old), Some("leaks"));
    assert_eq!(history.yanked(&new), None);
    let later = append_event(&file(), &Event::Unyank(notice("1.0.0"))).unwrap();
    let later = append_event(&later, &Event::Revoke(notice("1.1.0"))).unwrap();
    let later = History::parse(&later).unwrap();
    assert_eq!((later.yanked(&old), later.revoked(&new)), (None, Some("leaks")));
}

#[test]
fn a_changed_history_is_refused() {
    let text = String::from_utf8(file()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let joined = |lines: &[&str]| format!("{}\n", lines.join("\n"));
    let cases = [
        (joined(&[lines[1], lines[2]]), IndexError::Chain(1)),
        (joined(&[lines[0], lines[2]]), IndexError::Chain(2)),
        (joined(&[&lines[0].replace("\"size\":1", "\"size\":2"), lines[1]]), IndexError::Chain(2)),
        (text[..text.len() - 1].to_owned(), IndexError::CutOff),
    ];
    for (text, expected) in cases {
        assert_eq!(History::parse(text.as_bytes()), Err(expected));
    }
    assert!(matches!(History::parse(b"{}\n"), Err(IndexError::Line { line: 1, .. })));
    let twice = append_release(&file(), &release("1.1.0"));
    assert!(matches!(twice, Err(IndexError::Twice { line: 4, .. })));
}

#[test]
fn lines_of_the_future_are_counted_and_skipped() {
    let mut bytes = file();
    for unknown in [r#""v":1,"event":"transfer""#, r#""v":2,"vers":"9.0.0""#] {
        let prev = History::parse(&bytes).unwrap().tip().unwrap();
        bytes.extend(format!("{{{unknown},\"prev\":\"{prev}\"}}\n").into_bytes());
    }
    let history = History::parse(&bytes).unwrap();
    assert_eq!((history.skipped, history.releases.len()), (2, 2));
}

#[test]
fn files_and_lines_have_bounds() {
    let long = format!("{{\"v\":1,\"x\":\"{}\"}}\n", "a".repeat(MAX_LINE_LEN));
    assert_eq!(History::parse(long.as_bytes()), Err(IndexError::LineTooLong(1)));
    let huge = vec![b'\n'; MAX_FILE_LEN as usize + 1];
    assert_eq!(History::parse(&huge), Err(IndexError::FileTooLarge(MAX_FILE_LEN + 1)));
}

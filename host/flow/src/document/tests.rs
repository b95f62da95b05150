//! What the reader keeps, and what it refuses.

use super::*;

fn codes(text: &str) -> Vec<&'static str> {
    read(text).1.iter().map(|finding| finding.code).collect()
}

#[test]
fn keys_and_scalars_know_their_place() {
    let text = "a: 1\nb:\n  - é: \"x\"\n";
    let (root, findings) = read(text);
    assert_eq!(findings, []);
    let root = root.unwrap();
    let b = root.get("b").unwrap();
    assert_eq!((b.key_span.line, b.key_span.column), (2, 1));
    let Data::List(items) = &b.value.data else { panic!("no list") };
    let entry = &items[0].entries()[0];
    assert_eq!((entry.key_span.line, entry.key_span.column), (3, 5));
    let x = entry.value.span;
    assert_eq!(&text[x.offset..x.offset + x.len], "\"x\"");
    assert_eq!(root.to_value().to_json(), r#"{"a":1,"b":[{"é":"x"}]}"#);
}

#[test]
fn what_means_two_things_to_two_readers_is_refused() {
    for (text, code) in [
        ("a: &x 1\n", "CG0003"),
        ("a: &x 1\nb: *x\n", "CG0003"),
        ("a: &x k\n*x : 2\n", "CG0003"),
        ("a: &x k\nb: { *x : 1 }\n", "CG0003"),
        ("? &x k\n? *x\n", "CG0003"),
        ("a: !!python/object:os.system 1\n", "CG0003"),
        ("<<: {a: 1}\n", "CG0003"),
        ("a: 1\n---\nb: 2\n", "CG0004"),
        ("? [a]\n: 1\n", "CG0005"),
        ("a: 1\na: 2\n", "CG0006"),
        ("a: 012\n", "CG0007"),
        ("a: 1_000\n", "CG0007"),
        ("a: 0x1f\n", "CG0007"),
        ("a: 1e400\n", "CG0007"),
        ("a: .nan\n", "CG0007"),
        ("a: -.inf\n", "CG0007"),
        ("a: 9223372036854775808\n", "CG0007"),
        ("a: [1\n", "CG0001"),
    ] {
        assert!(codes(text).contains(&code), "{text:?} gave {:?}", codes(text));
    }
}

#[test]
fn text_stays_text() {
    for text in ["yes", "no", "on", "off", "1.0.0", "2026-01-02", "1s..60s", "50M", "__proto__"] {
        let (root, findings) = read(&format!("a: {text}\n"));
        assert_eq!(findings, [], "{text}");
        assert_eq!(root.unwrap().get("a").unwrap().value.as_str(), Some(text));
    }
    assert_eq!(codes(&format!("{}: 1\n", "k".repeat(900))), [""; 0]);
}

#[test]
fn size_depth_and_count_are_bounded() {
    assert_eq!(codes(&"x".repeat(MAX_BYTES + 1)), ["CG0002"]);
    assert!(!codes(&"[".repeat(100_000)).is_empty());
    assert!(!codes(&"- ".repeat(100_000)).is_empty());
    assert_eq!(codes(&format!("[{}]", "1,".repeat(MAX_NODES + 1))), ["CG0002"]);
    let nested = |n: usize| format!("{}1{}", "[".repeat(n), "]".repeat(n));
    assert_eq!(codes(&nested(MAX_DEPTH)), [""; 0]);
    assert_ne!(codes(&nested(MAX_DEPTH + 1)), [""; 0]);
}

#[test]
fn json_is_read() {
    let (root, findings) = read("{\n\t\"a\": [1, 2.5, true, null, \"x\\n\"]\n}\n");
    assert_eq!(findings, []);
    assert_eq!(root.unwrap().to_value().to_json(), r#"{"a":[1,2.5,true,null,"x\n"]}"#);
}

#[test]
fn escapes_of_surrogates_are_a_character_or_a_finding() {
    let (root, findings) = read(r#"{"a": "\ud83d\ude00"}"#);
    assert_eq!(findings, []);
    assert_eq!(root.unwrap().get("a").unwrap().value.as_str(), Some("\u{1f600}"));
    for lone in [r#""\ud83d""#, r#""\ude00""#, r#""\ude00\ud83d""#, r#""\ud83dx""#] {
        assert_eq!(codes(&format!("a: {lone}\n")), ["CG0001"], "{lone}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "[ -~\\n\\té\u{202e}]{0,200}") {
        let _ = read(&text);
    }
}

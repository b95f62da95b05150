//! Which change needs which version.

use cleargate_flow::signature::PluginKind;
use cleargate_flow::types::Field;

use super::*;

/// A node whose input and output are written as a flow writes types.
fn node(id: &str, input: &str, output: &str, effect: Effect) -> Described {
    let fields = |text: &str| -> IndexMap<String, Field> {
        let ty: Type = format!("record{{{text}}}").parse().unwrap();
        let Shape::Record(fields) = ty.kind else { panic!("{text}") };
        fields
    };
    Described {
        kind: PluginKind::Node,
        id: id.into(),
        signature: Signature {
            summary: String::new(),
            input: fields(input),
            open: false,
            output: Shape::Record(fields(output)).into(),
            config: IndexMap::new(),
            effect,
            requests: cleargate_flow::grant::Grants::default(),
            limits: cleargate_flow::limits::Limits::default(),
            texts: Vec::new(),
            typed_by: None,
            program: false,
            model_key: None,
            origin: "test".into(),
        },
    }
}

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

#[test]
fn each_change_of_a_port_is_named_and_weighed() {
    let was = [node("n", "a: string, b: opt<int>", "x: int, y: json", Effect::Read)];
    let same = ("a: string, b: opt<int>", "x: int, y: json");
    for (input, output, breaks, words) in [
        (same.0, same.1, false, ""),
        ("a: string", same.1, true, "input `b` is gone"),
        ("a: string, b: int", same.1, true, "input `b` must be given now"),
        ("a: string, b: opt<int>, c: int", same.1, true, "input `c` is new and must be given"),
        ("a: string, b: opt<int>, c: opt<int>", same.1, false, "input `c` is new"),
        ("a: int, b: opt<int>", same.1, true, "input `a` was `string` and is `int`"),
        ("a: json, b: opt<int>", same.1, false, "input `a` was `string` and is `json`"),
        (same.0, "y: json", true, "output `x` is gone"),
        (same.0, "x: float, y: json", true, "output `x` was `int` and is `float`"),
        (same.0, "x: json, y: json", true, "output `x` was `int` and is `json`"),
        (same.0, "x: int, y: string", false, "output `y` was `json` and is `string`"),
        (same.0, "x: opt<int>, y: json", true, "output `x` was `int`"),
        (same.0, "x: int, y: json, z: bool", false, "output `z` is new"),
    ] {
        let found = changes(&was, &[node("n", input, output, Effect::Read)]);
        let found: Vec<_> = found.iter().map(|c| (matches!(c, Change::Breaks(_)), c)).collect();
        if words.is_empty() {
            assert_eq!(found, []);
            continue;
        }
        assert_eq!(found.len(), 1, "{words}: {found:?}");
        assert_eq!(found[0].0, breaks, "{words}");
        let sentence = found[0].1.sentence();
        assert!(sentence.starts_with("node `n`: ") && sentence.contains(words), "{sentence}");
    }
}

#[test]
fn what_is_lost_and_what_needs_more_care_breaks() {
    let was = [node("n", "", "", Effect::Read), node("m", "", "", Effect::Pure)];
    let is = [node("n", "", "", Effect::Once), node("o", "", "", Effect::Pure)];
    let found: Vec<String> = changes(&was, &is).iter().map(Change::sentence).collect();
    assert_eq!(
        found,
        [
            "node `n`: its effect was `read` and is `once`: a flow that uses it may break",
            "node `m` is gone: a flow that uses it may break",
            "node `o` is new",
        ]
    );
    assert_eq!(changes(&[node("n", "", "", Effect::Once)], &was[..1]), [], "less care is no news");
}

#[test]
fn the_right_version_is_said() {
    let breaks = [Change::Adds("a".into()), Change::Breaks("b".into())];
    let adds = &breaks[..1];
    for (before, version_, changes, wanted) in [
        ("1.2.3", "1.2.4", &breaks[..], Some("2.0.0")),
        ("1.2.3", "1.9.0", &breaks[..], Some("2.0.0")),
        ("1.2.3", "1.2.4", adds, Some("1.3.0")),
        ("1.2.3", "1.3.0", adds, None),
        ("1.2.3", "1.2.4", &[], None),
        ("0.2.3", "0.2.4", &breaks[..], Some("0.3.0")),
        ("0.2.3", "0.2.4", adds, None),
    ] {
        let found = least(&version(before), &version(version_), changes);
        assert_eq!(found.as_deref(), wanted, "{before} → {version_}");
    }
}

//! The language against a table, against the `cel` crate on the common subset, and against nonsense.

mod cel;

use std::collections::BTreeMap;

use super::*;
use crate::error::ErrorCode;

struct Map(BTreeMap<&'static str, Value>);

impl Names for Map {
    fn get(&self, name: &str) -> Option<Value> {
        self.0.get(name).cloned()
    }
}

fn names() -> Map {
    let input = r#"{"n":3,"x":0.5,"s":"Ab c","list":[3,1,2,1],"rec":{"a":1,"none":null},"rows":[{"k":"a","v":1},{"k":"b","v":2}]}"#;
    Map(BTreeMap::from([("input", Value::from_json(input).unwrap())]))
}

fn eval(source: &str) -> Result<Value, NodeError> {
    Expr::parse(source).unwrap_or_else(|e| panic!("{source}: {e}")).eval(&names())
}

#[test]
fn expressions_give_what_the_table_says() {
    for (source, expected) in [
        ("1 + 2 * 3 - 4 / 2", "5"),
        ("(1 + 2) * 3 % 4", "1"),
        ("1 + 0.5", "1.5"),
        ("1 == 1.0 && 2 > 1.5", "true"),
        ("9007199254740993 > 9007199254740992.0", "true"),
        ("-input.n", "-3"),
        ("!true || input.n in [1, 3]", "true"),
        ("'a' in {'a': 1}", "true"),
        ("input.n > 2 ? 'big' : 'small'", "\"big\""),
        ("input.rec['a'] + input.list[0]", "4"),
        (
            "has(input.rec.a) && !has(input.rec.none) && !has(input.rec.gone.more) && !has(skipped)",
            "true",
        ),
        ("input.list.map(x, x * 2)", "[6,2,4,2]"),
        ("input.list.filter(x, x > 1).size()", "2"),
        ("input.rows.map(r, r.k + string(r.v)).join(', ')", "\"a1, b2\""),
        (
            "input.list.all(x, x > 0) && input.list.exists(x, x == 2) && input.list.exists_one(x, x == 3)",
            "true",
        ),
        ("input.list.sort()", "[1,1,2,3]"),
        ("distinct(input.list)", "[3,1,2]"),
        ("[sum(input.list), min(input.list), max(1, 4, 2), max([1.5])]", "[7,1,4,1.5]"),
        ("input.s.lower() + input.s.upper() + ' x '.trim()", "\"ab cAB Cx\""),
        ("input.s.split(' ')[1].replace('c', 'dd')", "\"dd\""),
        ("input.s.startsWith('A') && input.s.endsWith('c') && input.s.contains('b ')", "true"),
        ("input.s.matches('^[A-Z]b')", "true"),
        ("[int('7'), int(2.9), float(1), bool('true'), size('é')]", "[7,2,1.0,true,1]"),
        ("[keys(input.rec), values({'z': 1})]", "[[\"a\",\"none\"],[1]]"),
        ("{'k': [1, 'two', null]}", "{\"k\":[1,\"two\",null]}"),
        (r#"'\u00e9\n' + r'\d' + "q\"""#, r#""é\n\\dq\"""#),
        ("range(3)", "[0,1,2]"),
        ("false && 1 / 0 == 1", "false"),
        ("1 / 0 == 1 || true", "true"),
        ("0x1f", "31"),
    ] {
        assert_eq!(eval(source).map(|v| v.to_json()), Ok(expected.to_owned()), "{source}");
    }
}

#[test]
fn wrong_values_fail_the_node() {
    for source in [
        "1 / 0",
        "1 % 0",
        "9223372036854775807 + 1",
        "1e308 * 10.0",
        "'a' + 1",
        "input.gone",
        "input.list[9]",
        "skipped.x",
        "'a' < 1",
        "int('x')",
        "input.n.all(x, true)",
        "[1, 'a'].sort()",
        "min([])",
        "'a'.split('')",
    ] {
        assert_eq!(eval(source).map_err(|e| e.code), Err(ErrorCode::InvalidInput), "{source}");
    }
}

#[test]
fn budgets_end_what_would_not_end() {
    for source in [
        "range(1000).map(a, range(1000).map(b, range(1000)))",
        "range(200000).map(a, 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' + string(a)).join('')",
        "range(9223372036854775807)",
        "size('a' + 'b') == 2 ? range(9223372036854775807) : []",
        "range(100000).exists(a, range(100000).exists(b, a * b == -1))",
        "range(400000).map(a, range(400000)).size()",
    ] {
        assert_eq!(eval(source).map_err(|e| e.code), Err(ErrorCode::Limit), "{source}");
    }
}

#[test]
fn what_is_no_expression_is_refused_with_its_place() {
    for (source, at) in [
        ("", 0..0),
        ("1 +", 3..3),
        ("a = 1", 2..3),
        ("nope(1)", 0..4),
        ("a b", 2..3),
        ("'x", 0..1),
        ("size()", 0..6),
        ("has(1)", 4..5),
        ("'a'.matches('(')", 12..15),
        ("'a'.matches('x{1000}{1000}{1000}')", 12..33),
        ("99999999999999999999", 0..20),
        ("1u", 0..2),
        (r"'\x+1'", 1..2),
        (r"'\u+123'", 1..2),
        (r"'\U0000 041'", 1..2),
        (r"'\x4'", 1..2),
    ] {
        assert_eq!(Expr::parse(source).map(|_| ()).map_err(|e| e.at), Err(at), "{source}");
    }
    for deep in [
        "(".repeat(10_000),
        "-".repeat(10_000),
        "[".repeat(10_000),
        "a.".repeat(10_000) + "a",
        "1+".repeat(5000) + "1",
    ] {
        assert!(Expr::parse(&deep).is_err());
    }
    assert!(Expr::parse(&"x".repeat(MAX_SOURCE + 1)).is_err());
}

#[test]
fn references_know_whether_they_are_guarded() {
    let found = |source: &str| -> Vec<(String, bool)> {
        Expr::parse(source)
            .unwrap()
            .references()
            .iter()
            .map(|r| (r.name.to_string(), r.guarded))
            .collect()
    };
    let own = |pairs: &[(&str, bool)]| -> Vec<(String, bool)> {
        pairs.iter().map(|(name, guarded)| ((*name).to_owned(), *guarded)).collect()
    };
    assert_eq!(found("a.x + b"), own(&[("a", false), ("b", false)]));
    assert_eq!(found("has(a.x) ? a.x : b"), own(&[("a", true), ("a", true), ("b", false)]));
    assert_eq!(found("has(a) && a.y == 1"), own(&[("a", true), ("a", true)]));
    assert_eq!(found("has(a) || a.y"), own(&[("a", true), ("a", false)]));
    assert_eq!(found("l.map(x, x + y)"), own(&[("l", false), ("y", false)]));
}

#[test]
fn a_template_keeps_a_type_or_interpolates() {
    let eval = |text: &str| Template::parse(text).unwrap().eval(&names()).unwrap().to_json();
    assert_eq!(eval("${input.list}"), "[3,1,2,1]");
    assert_eq!(eval("n=${ input.n } ${input.rec.a}"), "\"n=3 1\"");
    assert_eq!(eval("costs $${x} and $5"), "\"costs ${x} and $5\"");
    assert_eq!(eval("${ {'a': '}'}.a } é"), "\"} é\"");
    assert_eq!(eval("${input.n}% \u{1f600} `#`"), "\"3% \u{1f600} `#`\"");
    assert!(Template::parse("${input.n").is_err());
    assert!(Template::parse("${}").is_err());
}

#[test]
fn prose_leaves_no_gaps_around_tags() {
    let text = "# T\n\n| k | v |\n|---|---|\n{% for r in input.rows %}\n| ${r.k} | ${r.v} |\n{% endfor %}\n\
                {% if input.n > 5 %}\nmany\n{% else %}\nfew: {% for x in input.list %}${x};{% endfor %}\n{% endif %}\nend\n";
    let prose = Prose::parse(text).unwrap();
    let expected = "# T\n\n| k | v |\n|---|---|\n| a | 1 |\n| b | 2 |\nfew: 3;1;2;1;\nend\n";
    assert_eq!(prose.eval(&names()).unwrap(), expected);
    for bad in [
        "{% for %}",
        "{% if true %}",
        "{% endif %}",
        "a {%} b",
        "{%}",
        "{% x %}",
        "{% for a in [1] %}{% endif %}",
        "{%",
        "${1 +}",
    ] {
        assert!(Prose::parse(bad).is_err(), "{bad}");
    }
    let nested = "{% for a in range(1000) %}".repeat(3) + "x" + &"{% endfor %}".repeat(3);
    assert_eq!(
        Prose::parse(&nested).unwrap().eval(&names()).map_err(|e| e.code),
        Err(ErrorCode::Limit)
    );
}

/// Expressions over whole numbers and truth values that mean the same in CEL.
fn common() -> impl proptest::strategy::Strategy<Value = String> {
    use proptest::prelude::*;
    let leaf =
        prop_oneof![(0..20_i64).prop_map(|n| n.to_string()), Just("[1, 2, 3].size()".to_owned())];
    leaf.prop_recursive(4, 32, 3, |inner| {
        prop_oneof![
            (inner.clone(), prop::sample::select(vec!["+", "-", "*", "/", "%"]), inner.clone())
                .prop_map(|(a, op, b)| format!("({a} {op} {b})")),
            (
                inner.clone(),
                prop::sample::select(vec!["<", "<=", "==", "!=", ">"]),
                inner.clone(),
                inner.clone()
            )
                .prop_map(|(a, op, b, c)| format!("({a} {op} {b} ? {c} : {b})")),
            (inner.clone(), inner.clone())
                .prop_map(|(a, b)| format!("[{a}, {b}].map(x, x + 1)[1]")),
            (inner.clone(), inner).prop_map(|(a, b)| format!(
                "([{a}].exists(x, x > {b}) && !({a} in [{b}]) ? {a} : {b})"
            )),
        ]
    })
}

proptest::proptest! {
    #[test]
    fn the_common_subset_agrees_with_the_cel_crate(source in common()) {
        let program = ::cel::Program::compile(&source).unwrap();
        let theirs = match program.execute(&::cel::Context::default()) {
            Ok(::cel::Value::Int(n)) => Some(n),
            _ => None,
        };
        let ours = Expr::parse(&source).unwrap().eval(&names()).ok().and_then(|v| v.as_int());
        proptest::prop_assert_eq!(ours, theirs, "{}", source);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "[a-c0-9.()\\[\\]{}?:,'\"+*/%<>=!&|\\\\$ é\\n-]{0,60}") {
        if let Ok(expr) = Expr::parse(&text) {
            let _ = expr.eval(&names());
            let _ = expr.references();
        }
        let _ = Template::parse(&text);
        let _ = Prose::parse(&format!("{{% if {text} %}}${{{text}}}{{% endif %}}"));
    }
}

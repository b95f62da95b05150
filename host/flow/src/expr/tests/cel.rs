//! Our evaluator against the `cel` crate: random expressions of the common subset, and the differences that are meant.

use proptest::prelude::*;

use super::*;

/// What the `cel` crate gives, as ours; `None` for a failure or a value that we do not have.
fn theirs(source: &str) -> Option<Value> {
    let program = ::cel::Program::compile(source).ok()?;
    let names = names();
    let mut context = ::cel::Context::default();
    let input = names.get("input").expect("there is input");
    context.add_variable("input", input).expect("a value is data");
    read(&program.execute(&context).ok()?)
}

fn read(value: &::cel::Value) -> Option<Value> {
    Some(match value {
        ::cel::Value::Null => Value::Null,
        ::cel::Value::Bool(b) => (*b).into(),
        ::cel::Value::Int(n) => Value::Int(*n),
        ::cel::Value::UInt(n) => Value::Int(i64::try_from(*n).ok()?),
        ::cel::Value::Float(x) if x.is_finite() => Value::Float(*x),
        ::cel::Value::String(text) => text.as_str().into(),
        ::cel::Value::List(items) => items.iter().map(read).collect::<Option<Vec<_>>>()?.into(),
        _ => return None,
    })
}

fn ours(source: &str) -> Option<Value> {
    Expr::parse(source).ok()?.eval(&names()).ok()
}

fn texts() -> BoxedStrategy<String> {
    let leaf =
        prop::sample::select(vec!["'a'", "'Ab c'", "'é'", "''", "input.s", "input.rows[0].k"]);
    leaf.prop_map(str::to_owned)
        .prop_recursive(2, 8, 2, |inner| {
            prop_oneof![
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} + {b})")),
                (truths(inner.clone().boxed()), inner.clone(), inner)
                    .prop_map(|(when, a, b)| format!("({when} ? {a} : {b})")),
            ]
        })
        .boxed()
}

fn truths(texts: BoxedStrategy<String>) -> BoxedStrategy<String> {
    let method = prop::sample::select(vec!["contains", "startsWith", "endsWith"]);
    let compare = prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="]);
    prop_oneof![
        (texts.clone(), method, texts.clone()).prop_map(|(a, f, b)| format!("{a}.{f}({b})")),
        (texts.clone(), compare, texts.clone()).prop_map(|(a, op, b)| format!("({a} {op} {b})")),
        (texts.clone(), texts.clone()).prop_map(|(a, b)| format!("({a} in [{b}, 'x'])")),
        texts.clone().prop_map(|a| format!("({a} in {{'a': 1, 'Ab c': 2}})")),
        texts.clone().prop_map(|a| format!("{a}.matches('^[A-Z]b')")),
        (texts.clone(), texts).prop_map(|(a, b)| format!("(size({a}) > size({b}))")),
    ]
    .boxed()
}

fn lists() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec!["input.list", "[1, 2, 3]", "[5, -1]", "[0]"]);
    let number = prop::sample::select(vec!["0", "1", "2", "-3", "input.n"]);
    leaf.prop_map(str::to_owned).prop_recursive(3, 12, 2, move |inner| {
        prop_oneof![
            (inner.clone(), number.clone()).prop_map(|(l, n)| format!("{l}.map(x, x * 2 - {n})")),
            (inner.clone(), number.clone()).prop_map(|(l, n)| format!("{l}.filter(x, x > {n})")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("({a} + {b})")),
        ]
    })
}

/// Expressions of any type.
fn common() -> impl Strategy<Value = String> {
    let number =
        || prop::sample::select(vec!["0", "1", "2.5", "3.0", "-1.5", "input.n", "input.x"]);
    let compare = prop::sample::select(vec!["<", "<=", ">", ">="]);
    let each = prop::sample::select(vec!["all", "exists", "exists_one"]);
    prop_oneof![
        texts(),
        truths(texts()),
        lists(),
        (lists(), each, -2..4_i64).prop_map(|(l, f, n)| format!("{l}.{f}(x, x > {n})")),
        (lists(), 0..4_i64).prop_map(|(l, n)| format!("{l}[{n}]")),
        (lists(), lists()).prop_map(|(a, b)| format!("{a} == {b}")),
        (number(), compare, number()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
        (texts(), lists()).prop_map(|(t, l)| format!("{{'a': {t}, 'b': {l}}}.b.size()")),
        (truths(texts()), truths(texts())).prop_map(|(a, b)| format!("!{a} && {b} || {a}")),
        texts().prop_map(|t| format!("input.rows.map(r, r.k + {t})")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn texts_lists_and_truths_agree_with_the_cel_crate(source in common()) {
        prop_assert_eq!(ours(&source), theirs(&source), "{}", source);
    }
}

/// Where we differ, on purpose: expression, what the crate gives, what we give. `None` is a failure.
#[test]
fn differences_are_meant() {
    let json = |value: Option<Value>| value.map(|value| value.to_json());
    for (source, crate_gives, we_give, why) in [
        ("1 + 0.5", None, Some("1.5"), "an int meets a float as a float"),
        ("has(input.rec.none)", Some("true"), Some("false"), "`opt<T>` holds a value or nothing"),
        ("has(gone)", None, Some("false"), "a skipped node is asked for by its name"),
        ("1u", Some("1"), None, "data has one kind of whole number"),
        ("upper('a')", None, Some("\"A\""), "functions beyond CEL"),
    ] {
        assert_eq!(json(theirs(source)).as_deref(), crate_gives, "theirs: {source} ({why})");
        assert_eq!(json(ours(source)).as_deref(), we_give, "ours: {source} ({why})");
    }
}

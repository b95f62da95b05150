//! Hostile inputs: made of what an export says that it takes, at the boundaries of its types and beyond them.

use cleargate_flow::types::{Field, Kind, Type};
use cleargate_flow::value::Value;
use indexmap::IndexMap;

use super::chance::Chance;
use super::words::{FLOATS, INTS, NAMES, TEXTS};

/// Stands in texts of inputs. Where it comes back, an input was repeated.
pub(super) const CANARY: &str = "cnry-7f3a91c2";

/// Levels of values that are made: one less than JSON may have for each record that a plugin may put around them.
const MOST_LEVELS: usize = 56;

/// Bytes of a long text, and of one that is longer than most things.
const LONG: usize = 64 * 1024;
const HUGE: usize = 1024 * 1024;

/// Parts of a crowded list or record.
const CROWD: usize = 10_000;

/// Inputs that are worth a call however few there are.
pub(super) const ALWAYS: usize = 5;

/// Levels of types that are filled with sense: a type inside of itself has no end.
const SENSE: usize = 6;

/// A value, and in a few words what is wrong with it.
#[derive(Clone, Debug)]
pub(super) struct Input {
    pub(super) what: String,
    pub(super) value: Value,
}

impl Input {
    pub(super) fn new(what: impl Into<String>, value: Value) -> Self {
        Self { what: what.into(), value }
    }
}

/// Makes inputs of a record of ports.
pub(super) struct Inputs<'a> {
    fields: &'a IndexMap<String, Field>,
    /// Inputs that are known to make sense.
    known: Vec<&'a Value>,
    chance: Chance,
}

impl<'a> Inputs<'a> {
    pub(super) fn new(
        fields: &'a IndexMap<String, Field>,
        known: Vec<&'a Value>,
        chance: Chance,
    ) -> Self {
        Self { fields, known, chance }
    }

    /// One that is known, or one that has the types of the ports.
    pub(super) fn sound(&mut self) -> Value {
        if !self.known.is_empty() && !self.chance.one_in(4) {
            return (*self.chance.pick(&self.known)).clone();
        }
        let fields = self.fields.iter();
        let made = fields.map(|(name, field)| (name.clone(), field_of(field, &mut self.chance)));
        Value::record(made.collect::<Vec<_>>())
    }

    /// Those that are made for each export. The first [`ALWAYS`] whatever the seed, and of the others a part: shapes that are no record, each port absent, `null`, of
    /// each wrong type and at each boundary, names that nobody asked for.
    pub(super) fn fixed(&mut self) -> Vec<Input> {
        let mut all = vec![
            Input::new("as described", self.sound()),
            Input::new("64 KiB in each text", self.each(|| long(LONG).into())),
            Input::new("1 MiB in each text", self.each(|| long(HUGE).into())),
            Input::new(
                "deep lists in each field",
                self.each(|| deep(|inner| Value::list([inner]))),
            ),
            Input::new("no fields", Value::empty()),
        ];
        for (what, value) in shapes() {
            all.push(Input::new(what, value));
        }
        for (name, field) in self.fields {
            let sound = self.sound();
            all.push(Input::new(format!("without `{name}`"), without(&sound, name)));
            for (what, value) in shapes().into_iter().chain(boundaries(field)) {
                all.push(Input::new(format!("`{name}` is {what}"), with(&sound, name, value)));
            }
        }
        let sound = self.sound();
        for name in NAMES {
            let what = format!("an extra field {name:?}");
            all.push(Input::new(what, with(&sound, name, Value::from(CANARY))));
        }
        all.push(Input::new("a name of 64 KiB", with(&sound, &"n".repeat(LONG), Value::Null)));
        let crowd = (0..CROWD).map(|n| (format!("x{n}"), Value::from(n as i64)));
        all.push(Input::new("ten thousand extra fields", merged(&sound, crowd)));
        all
    }

    /// A sound input, but for what can hold text: that is made by `make`.
    fn each(&mut self, make: impl Fn() -> Value) -> Value {
        let holds = |field: &&Field| {
            matches!(inner(&field.ty).kind, Kind::String | Kind::Json | Kind::Any | Kind::Bytes)
        };
        let texts = self.fields.iter().filter(|(_, field)| holds(field));
        let texts: Vec<_> = texts.map(|(name, _)| (name.clone(), make())).collect();
        merged(&self.sound(), texts)
    }

    /// One more, by chance: of the right types with hostile contents, or of no types at all.
    pub(super) fn another(&mut self) -> Input {
        let chance = &mut self.chance;
        if chance.one_in(8) || self.fields.is_empty() {
            return Input::new("anything", anything(chance, 4));
        }
        // What makes sense but for a part of it gets further than what makes none.
        let known = (!self.known.is_empty() && chance.one_in(2)).then(|| *chance.pick(&self.known));
        let mut value = known.cloned().unwrap_or_else(Value::empty);
        for (name, field) in self.fields {
            if chance.one_in(12) || known.is_some() && !chance.one_in(3) {
                continue;
            }
            let made = match chance.below(8) {
                0 => anything(chance, 3),
                1..=5 => hostile(&field.ty, chance, 0),
                _ => field_of(field, chance),
            };
            value = with(&value, name, made);
        }
        if chance.one_in(6) {
            let name = *chance.pick(NAMES);
            value = with(&value, name, anything(chance, 2));
        }
        Input::new("hostile fields", value)
    }
}

/// Contents that a guardrail or a filter may be given: messages, calls of tools, answers of models, and what is neither.
pub(super) fn contents(chance: &mut Chance) -> Input {
    let text = hostile_text(chance);
    let message =
        |role: &str, text: &str| Value::record([("role", role.into()), ("content", text.into())]);
    match chance.below(10) {
        0 => Input::new("a text", text.as_str().into()),
        1 => Input::new("a message", message("user", &text)),
        2 => {
            let roles = ["system", "user", "assistant", "tool", "", "\u{202e}"];
            let turns =
                (0..chance.below(40)).map(|_| message(roles[chance.below(roles.len())], &text));
            Input::new("a conversation", Value::record([("messages", Value::list(turns))]))
        }
        3 => {
            let arguments = anything(chance, 3);
            let call = [("name", Value::from(text.as_str())), ("arguments", arguments)];
            Input::new("a call of a tool", Value::record(call))
        }
        4 => {
            let part = Value::record([("type", "text".into()), ("text", text.as_str().into())]);
            let image = Value::record([("type", "image".into()), ("data", "AAA".into())]);
            let parts = Value::list([part, image, anything(chance, 2)]);
            let one = Value::record([("role", "user".into()), ("content", parts)]);
            Input::new("a message of parts", Value::record([("messages", Value::list([one]))]))
        }
        5 => Input::new("a text in a record", Value::record([("text", Value::from(text))])),
        6 => {
            let shapes = shapes();
            let (what, value) = chance.pick(&shapes).clone();
            Input::new(what, value)
        }
        _ => Input::new("anything", anything(chance, 4)),
    }
}

/// Values that are no record of ports, or are one in name only.
fn shapes() -> Vec<(&'static str, Value)> {
    vec![
        ("null", Value::Null),
        ("true", Value::Bool(true)),
        ("a number", Value::Int(-7)),
        ("a fraction", Value::Float(0.5)),
        ("a text", CANARY.into()),
        ("an empty list", Value::list([])),
        (
            "a list of everything",
            Value::list([Value::Null, Value::Bool(false), "x".into(), Value::empty()]),
        ),
        ("an empty record", Value::empty()),
        ("deep lists", deep(|inner| Value::list([inner]))),
        ("deep records", deep(|inner| Value::record([("a", inner)]))),
    ]
}

fn deep(wrap: impl Fn(Value) -> Value) -> Value {
    (0..MOST_LEVELS).fold(Value::Null, |inner, _| wrap(inner))
}

/// Values of the field's own type at the ends of it, and right behind them.
fn boundaries(field: &Field) -> Vec<(&'static str, Value)> {
    let mut all: Vec<(&'static str, Value)> = match inner(&field.ty).kind {
        Kind::Int => INTS.iter().map(|n| ("a number at an end", Value::Int(*n))).collect(),
        Kind::Float => FLOATS.iter().map(|x| ("a fraction at an end", Value::Float(*x))).collect(),
        Kind::List(ref of) => {
            let part = sound(of, &mut Chance::new(1), 1);
            vec![
                ("ten thousand parts", Value::list(std::iter::repeat_n(part.clone(), CROWD))),
                ("parts and a stranger", Value::list([part, Value::list([])])),
            ]
        }
        Kind::Enum(ref cases) => {
            let near = cases.first().map_or_else(String::new, |case| case.to_uppercase());
            vec![("a case in capitals", near.into()), ("no case", "no-such-case".into())]
        }
        Kind::String | Kind::Bytes | Kind::Datetime | Kind::Duration | Kind::Json | Kind::Any => {
            let texts = TEXTS.iter().map(|text| ("a hostile text", Value::from(*text)));
            let long =
                [("64 KiB of text", long(LONG).into()), ("1 MiB of text", long(HUGE).into())];
            texts.chain(long).collect()
        }
        _ => Vec::new(),
    };
    for (bound, step) in [(field.min, -1.0), (field.max, 1.0)] {
        let Some(bound) = bound else { continue };
        let whole = |x: f64| Value::Int(x as i64);
        match inner(&field.ty).kind {
            Kind::Int => all.extend([
                ("at its bound", whole(bound)),
                ("behind its bound", whole(bound + step)),
            ]),
            Kind::Float => all.push(("behind its bound", Value::Float(bound + step))),
            Kind::String => {
                let length = (bound + step).clamp(0.0, HUGE as f64) as usize;
                all.push(("a text behind its bound", "y".repeat(length).into()));
            }
            _ => {}
        }
    }
    all
}

fn inner(ty: &Type) -> &Type {
    match &ty.kind {
        Kind::Opt(of) | Kind::Stream(of) => inner(of),
        _ => ty,
    }
}

fn field_of(field: &Field, chance: &mut Chance) -> Value {
    let least = field.min.unwrap_or(0.0).max(0.0) as usize;
    match (&inner(&field.ty).kind, field.min, field.max) {
        (Kind::Int, min, max) if min.is_some() || max.is_some() => {
            let low = min.unwrap_or(max.unwrap_or(0.0) - 9.0) as i64;
            let high = max.map_or(low.saturating_add(9), |max| max as i64).max(low);
            Value::Int(
                low.saturating_add(chance.below((high - low).clamp(0, 9) as usize + 1) as i64),
            )
        }
        (Kind::Float, min, max) if min.is_some() || max.is_some() => {
            Value::Float(min.or(max).unwrap_or(0.0))
        }
        (Kind::String, ..) if least > 0 => "some words ".repeat(least / 8 + 1).into(),
        (Kind::List(of), ..) if least > 0 => {
            Value::list((0..least.min(CROWD)).map(|_| sound(of, chance, 1)))
        }
        _ => sound(&field.ty, chance, 0),
    }
}

/// A value of the type.
fn sound(ty: &Type, chance: &mut Chance, level: usize) -> Value {
    const WORDS: &[&str] =
        &["some words", "Hello, world.", "a@b.example", "{\"a\": [1, 2]}", "x = 1 + 2"];
    match &ty.kind {
        Kind::Opt(_) if level > SENSE || chance.one_in(3) => Value::Null,
        Kind::Opt(of) | Kind::Stream(of) => sound(of, chance, level + 1),
        Kind::Bool => Value::Bool(chance.one_in(2)),
        Kind::Int => Value::Int(chance.below(100) as i64),
        Kind::Float => Value::Float(chance.below(1_000) as f64 / 8.0),
        Kind::String => (*chance.pick(WORDS)).into(),
        Kind::Bytes => "c29tZSBieXRlcw==".into(),
        Kind::Datetime => "2026-01-31T12:30:00Z".into(),
        Kind::Duration => "90s".into(),
        Kind::Enum(cases) if !cases.is_empty() => chance.pick(cases).as_str().into(),
        Kind::Enum(_) => "".into(),
        Kind::Ref(_) => format!("sha256:{}", "0".repeat(64)).into(),
        Kind::Message => Value::record([("role", "user".into()), ("content", "some words".into())]),
        Kind::List(_) if level > SENSE => Value::list([]),
        Kind::Map(_) if level > SENSE => Value::empty(),
        Kind::List(of) => Value::list((0..chance.below(4)).map(|_| sound(of, chance, level + 1))),
        Kind::Map(of) => {
            let names =
                (0..chance.below(4)).map(|n| (format!("k{n}"), sound(of, chance, level + 1)));
            Value::record(names.collect::<Vec<_>>())
        }
        Kind::Record(fields) => {
            let made = fields.iter().filter(|(_, field)| level < SENSE || !field.may_be_absent());
            let made =
                made.map(|(name, field)| (name.clone(), sound(&field.ty, chance, level + 1)));
            Value::record(made.collect::<Vec<_>>())
        }
        Kind::Any | Kind::Json => {
            let words = Value::from(*chance.pick(WORDS));
            if chance.one_in(2) { words } else { Value::record([("text", words)]) }
        }
    }
}

/// A value of the type in shape, with contents that nobody wants.
fn hostile(ty: &Type, chance: &mut Chance, level: usize) -> Value {
    match &ty.kind {
        Kind::Opt(of) | Kind::Stream(of) => hostile(of, chance, level),
        Kind::Int => Value::Int(*chance.pick(INTS)),
        Kind::Float => Value::Float(*chance.pick(FLOATS)),
        Kind::String | Kind::Bytes | Kind::Datetime | Kind::Duration | Kind::Ref(_) => {
            hostile_text(chance).into()
        }
        Kind::List(of) if level < SENSE => {
            let parts = if chance.one_in(20) { 1_000 } else { chance.below(6) };
            Value::list((0..parts).map(|_| hostile(of, chance, level + 1)))
        }
        Kind::Map(of) if level < SENSE => {
            let names: Vec<&str> = (0..chance.below(5)).map(|_| *chance.pick(NAMES)).collect();
            let made = names.into_iter().map(|name| (name, hostile(of, chance, level + 1)));
            Value::record(made.collect::<Vec<_>>())
        }
        Kind::Record(fields) if level < SENSE => {
            let made =
                fields.iter().map(|(name, f)| (name.clone(), hostile(&f.ty, chance, level + 1)));
            Value::record(made.collect::<Vec<_>>())
        }
        Kind::Any | Kind::Json => anything(chance, 3),
        Kind::Message => contents(chance).value,
        _ => sound(ty, chance, level),
    }
}

/// JSON of no type.
fn anything(chance: &mut Chance, levels: usize) -> Value {
    match chance.below(if levels == 0 { 6 } else { 9 }) {
        0 => Value::Null,
        1 => Value::Bool(chance.one_in(2)),
        2 => Value::Int(*chance.pick(INTS)),
        3 => Value::Float(*chance.pick(FLOATS)),
        4 | 5 => hostile_text(chance).into(),
        6 => Value::list((0..chance.below(5)).map(|_| anything(chance, levels - 1))),
        _ => {
            let names: Vec<&str> = (0..chance.below(5)).map(|_| *chance.pick(NAMES)).collect();
            let made = names.into_iter().map(|name| (name, anything(chance, levels - 1)));
            Value::record(made.collect::<Vec<_>>())
        }
    }
}

/// A text that means something to somebody, several of them, or one that is long.
pub(super) fn hostile_text(chance: &mut Chance) -> String {
    match chance.below(24) {
        0 => long(LONG),
        1 => String::from_utf8_lossy(&chance.bytes(200)).into_owned(),
        2 => chance.pick(TEXTS).repeat(200),
        3..=6 => {
            let (a, b) = (*chance.pick(TEXTS), *chance.pick(TEXTS));
            format!("{a}{CANARY}{b}")
        }
        _ => (*chance.pick(TEXTS)).to_owned(),
    }
}

/// So many bytes of text with the canary all over it.
fn long(bytes: usize) -> String {
    format!("{CANARY} and some more words. ").repeat(bytes / 36)
}

fn with(record: &Value, name: &str, value: Value) -> Value {
    merged(record, [(name.to_owned(), value)])
}

fn without(record: &Value, name: &str) -> Value {
    let fields = record.as_map().into_iter().flatten().filter(|(own, _)| ***own != *name);
    Value::record(fields.map(|(own, value)| (own.clone(), value.clone())).collect::<Vec<_>>())
}

fn merged(record: &Value, more: impl IntoIterator<Item = (String, Value)>) -> Value {
    let own = record.as_map().into_iter().flatten();
    let own = own.map(|(name, value)| (name.to_string(), value.clone()));
    Value::record(own.chain(more).collect::<IndexMap<String, Value>>())
}

#[cfg(test)]
mod tests {
    use cleargate_flow::types::validate_fields;

    use super::*;

    fn ports() -> IndexMap<String, Field> {
        let ty: Type =
            "record{s: string, n: int, x: float, l: list<record{a: opt<string>}>, m: map<int>,
            e: enum(a, b), d: datetime, t: duration, j: json, o: opt<list<bool>>}"
                .parse()
                .unwrap();
        let Kind::Record(mut fields) = ty.kind else { panic!("a record") };
        fields["n"].min = Some(1.0);
        fields["n"].max = Some(3.0);
        fields["l"].min = Some(2.0);
        fields
    }

    #[test]
    fn sound_inputs_have_the_types_of_the_ports() {
        let ports = ports();
        let mut inputs = Inputs::new(&ports, Vec::new(), Chance::new(3));
        for _ in 0..200 {
            let value = inputs.sound();
            assert!(validate_fields(&value, &ports).is_ok(), "{value}");
        }
    }

    #[test]
    fn hostile_inputs_are_many_and_come_again_and_each_is_json_of_a_host() {
        let ports = ports();
        let all = |seed| {
            let mut inputs = Inputs::new(&ports, Vec::new(), Chance::new(seed));
            let mut all = inputs.fixed();
            all.extend((0..500).map(|_| inputs.another()));
            all
        };
        let (once, again) = (all(5), all(5));
        let wrong = once.iter().filter(|i| validate_fields(&i.value, &ports).is_err()).count();
        assert!(once.len() > 600 && wrong > 200, "{} of {}", wrong, once.len());
        for (a, b) in once.iter().zip(&again) {
            assert_eq!((&a.what, a.value.to_json()), (&b.what, b.value.to_json()));
            assert_eq!(Value::from_json(&a.value.to_json()).as_ref(), Ok(&a.value), "{}", a.what);
        }
        let mut chance = Chance::new(9);
        assert!((0..200).all(|_| contents(&mut chance).value.depth() <= 64));
    }
}

//! The functions of expressions: one table with form, types and meaning. `f(x, a)` and `x.f(a)` are the same.

use std::ops::RangeInclusive;

use super::eval::{Evaluated, Evaluation, compare, float, invalid};
use super::pattern;
use crate::value::Value;

/// One function.
#[derive(Debug)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// Its form, as people read it.
    pub usage: &'static str,
    /// One sentence.
    pub doc: &'static str,
    /// How many arguments it takes, the receiver included.
    pub(super) args: RangeInclusive<usize>,
    /// What the arguments must be; the last one holds for those behind it.
    pub(super) wants: &'static [Want],
    pub(super) gives: Gives,
    pub(super) call: fn(&mut Evaluation<'_>, &[Value]) -> Evaluated,
}

/// What an argument must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Want {
    Anything,
    Text,
    Whole,
    List,
    Record,
    /// Text, list or record.
    Sized,
}

/// What comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gives {
    Bool,
    Int,
    Float,
    Text,
    Texts,
    Ints,
    /// The type of the first argument.
    Same,
    /// The type of its items, or values.
    Item,
    /// A list of its values.
    Values,
}

macro_rules! functions {
    ($($name:literal $usage:literal $args:expr, [$($want:ident),*] => $gives:ident, $doc:literal, $call:expr;)*) => {
        /// Every function, in the order of the documentation.
        pub static FUNCTIONS: &[Function] = &[$(Function {
            name: $name, usage: $usage, doc: $doc, args: $args, wants: &[$(Want::$want),*], gives: Gives::$gives,
            call: $call,
        }),*];
    };
}

functions! {
    "size" "size(x)" 1..=1, [Sized] => Int, "Characters of a text, items of a list, fields of a record.", size;
    "string" "string(x)" 1..=1, [Anything] => Text, "The value as text; what is no text as JSON.", string;
    "int" "int(x)" 1..=1, [Anything] => Int, "A whole number from a number (cut towards zero) or a text.", int;
    "float" "float(x)" 1..=1, [Anything] => Float, "A float from a number or a text.", to_float;
    "double" "double(x)" 1..=1, [Anything] => Float, "CEL's name of `float`.", to_float;
    "bool" "bool(x)" 1..=1, [Anything] => Bool, "A truth value from the text `true` or `false`.", to_bool;
    "contains" "text.contains(part)" 2..=2, [Text] => Bool, "Whether a text has a part.",
        contains;
    "startsWith" "text.startsWith(start)" 2..=2, [Text] => Bool, "Whether a text begins so.",
        |e, a| two(e, a, |text, part| text.starts_with(part).into());
    "endsWith" "text.endsWith(end)" 2..=2, [Text] => Bool, "Whether a text ends so.",
        |e, a| two(e, a, |text, part| text.ends_with(part).into());
    "matches" "text.matches(pattern)" 2..=2, [Text] => Bool,
        "Whether a regular expression (RE2 syntax, linear time) matches somewhere.", matches;
    "lower" "text.lower()" 1..=1, [Text] => Text, "In lower case.", |e, a| one(e, a, str::to_lowercase);
    "upper" "text.upper()" 1..=1, [Text] => Text, "In upper case.", |e, a| one(e, a, str::to_uppercase);
    "trim" "text.trim()" 1..=1, [Text] => Text, "Without white space at both ends.",
        |e, a| one(e, a, |text| text.trim().to_owned());
    "split" "text.split(by)" 2..=2, [Text] => Texts, "The pieces between separators.", split;
    "join" "list.join(by)" 1..=2, [List, Text] => Text, "The items as one text.", join;
    "replace" "text.replace(from, to)" 3..=3, [Text] => Text, "Each `from` replaced.", replace;
    "sort" "list.sort()" 1..=1, [List] => Same, "In ascending order; numbers, texts or truth values.", sort;
    "distinct" "list.distinct()" 1..=1, [List] => Same, "Each value once, the first stays.", distinct;
    "sum" "list.sum()" 1..=1, [List] => Item, "The sum of numbers; 0 of an empty list.", sum;
    "min" "min(list) or min(a, b, …)" 1..=16, [Anything] => Item, "The smallest value.", |e, a| extreme(e, a, true);
    "max" "max(list) or max(a, b, …)" 1..=16, [Anything] => Item, "The greatest value.", |e, a| extreme(e, a, false);
    "keys" "record.keys()" 1..=1, [Record] => Texts, "The names of the fields, in their order.", keys;
    "values" "record.values()" 1..=1, [Record] => Values, "The values of the fields, in their order.", values;
    "range" "range(n)" 1..=1, [Whole] => Ints, "The whole numbers 0 to n-1.", range;
}

/// The function called `name`.
pub(super) fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

fn text<'v>(value: &'v Value, what: &str) -> Evaluated<&'v str> {
    value.as_str().ok_or_else(|| invalid(format!("{what} needs text, found {}", value.shape())))
}

fn items<'v>(value: &'v Value, what: &str) -> Evaluated<&'v [Value]> {
    value.as_list().ok_or_else(|| invalid(format!("{what} needs a list, found {}", value.shape())))
}

fn one(e: &mut Evaluation<'_>, args: &[Value], f: impl Fn(&str) -> String) -> Evaluated {
    let text = text(&args[0], "this function")?;
    // Case changes at most triple the bytes of a character.
    e.make(3 * text.len())?;
    Ok(f(text).into())
}

fn two(e: &mut Evaluation<'_>, args: &[Value], f: impl Fn(&str, &str) -> Value) -> Evaluated {
    let (a, b) = (text(&args[0], "this function")?, text(&args[1], "this function")?);
    e.step((a.len() + b.len()) / 64)?;
    Ok(f(a, b))
}

fn contains(e: &mut Evaluation<'_>, args: &[Value]) -> Evaluated {
    let (subject, part) = (text(&args[0], "`contains`")?, text(&args[1], "`contains`")?);
    // A search looks at some bytes twice.
    e.step((subject.len() + part.len()) / 16)?;
    Ok(subject.contains(part).into())
}

fn size(e: &mut Evaluation<'_>, args: &[Value]) -> Evaluated {
    let size = match &args[0] {
        Value::String(text) => {
            e.step(text.len() / 64)?;
            text.chars().count()
        }
        Value::List(items) => items.len(),
        Value::Map(fields) => fields.len(),
        other => return Err(invalid(format!("`size` is not defined for {}", other.shape()))),
    };
    Ok(Value::Int(size as i64))
}

fn string(e: &mut Evaluation<'_>, args: &[Value]) -> Evaluated {
    if let Value::String(_) = &args[0] {
        return Ok(args[0].clone());
    }
    let text = print(e, &args[0])?;
    Ok(text.into())
}

/// A value as interpolation prints it, with its bytes counted before they are made.
pub(super) fn print(e: &mut Evaluation<'_>, value: &Value) -> Evaluated<String> {
    let bytes = weigh(e, value)?;
    e.make(bytes)?;
    Ok(value.to_string())
}

/// About as many bytes as JSON text of a value has.
fn weigh(e: &mut Evaluation<'_>, value: &Value) -> Evaluated<usize> {
    e.step(1)?;
    let mut bytes = 8;
    match value {
        Value::String(text) => bytes += text.len(),
        Value::List(items) => {
            for item in items.iter() {
                bytes += weigh(e, item)?;
            }
        }
        Value::Map(fields) => {
            for (key, item) in fields.iter() {
                bytes += key.len() + weigh(e, item)?;
            }
        }
        _ => {}
    }
    Ok(bytes)
}

fn int(_: &mut Evaluation<'_>, args: &[Value]) -> Evaluated {
    match &args[0] {
        Value::Int(n) => Ok(Value::Int(*n)),
        Value::Float(x) if x.abs() < 9_223_372_036_854_775_807.0 => Ok(Value::Int(*x as i64)),
        Value::String(text) => text
            .trim()
            .parse()
            .map(Value::Int)
            .map_err(|_| invalid(format!("{text:?} is no whole number"))),
        other => Err(invalid(format!("{other} is no whole number"))),
    }
}

pub(super) fn as_float(value: &Value) -> Evaluated<f64> {
    match value {
        Value::Int(n) => Ok(*n as f64),
        Value::Float(x) => Ok(*x),
        other => Err(invalid(format!("expected a number, found {}", other.shape()))),
    }
}

fn to_float(_: &mut Evaluation<'_>, args: &[Value]) -> Evaluated {
    match &args[0] {
        Value::String(text) => {
            let number = text.trim().parse::<f64>();
            float(number.map_err(|_| invalid(format!("{text:?} is no number")))?)
        }
        value => float(as_float(value)?),
    }
}

fn to_bool(_: &mut Evaluation<'_>, args: &[Value]) -> Evaluated {
    match &args[0] {
        Value::Bool(b) => Ok((*b).into()),
        Value::String(text) if **text == *"true" => Ok(true.into()),
        Value::String(text) if **text == *"false" => Ok(false.into()),
        other => Err(invalid(format!("{other} is neither `true` nor `false`"))),
    }
}

fn matches(e: &mut Evaluation<'_>, args: &[Value]) -> Evaluated {
    let (subject, pattern) = (text(&args[0], "`matches`")?, text(&args[1], "`matches`")?);
    Ok(pattern::matches(e, subject, pattern)?.into())
}

fn split(e: &mut Evaluation<'_>, args: &[Value]) -> Evaluated {
    let (subject, by) = (text(&args[0], "`split`")?, text(&args[1], "`split`")?);
    if by.is_empty() {
        return Err(invalid("`split` needs a separator"));
    }
    let pieces = subject.matches(by).count() + 1;
    e.make(subject.len() + 16 * pieces)?;
    Ok(Value::list(subject.split(by).map(Value::from)))
}

fn join(e: &mut Evaluation<'_>, args: &[Value]) -> Evaluated {
    let by = args.get(1).map_or(Ok(""), |by| text(by, "`join`"))?;
    let mut out = String::new();
    for (i, item) in items(&args[0], "`join`")?.iter().enumerate() {
        if i > 0 {
            e.make(by.len())?;
            out.push_str(by);
        }
        e.step(1)?;
        out.push_str(&print(e, item)?);
    }
    Ok(out.into())
}

fn replace(e: &mut Evaluation<'_>, args: &[Value]) -> Evaluated {
    let part = |i: usize| text(&args[i], "`replace`");
    let (subject, from, to) = (part(0)?, part(1)?, part(2)?);
    if from.is_empty() {
        return Err(invalid("`replace` needs a text to look for"));
    }
    e.step(subject.len() / 64)?;
    let found = subject.matches(from).count();
    // Each place is a search and a copy of its own.
    e.step(4 * found)?;
    e.make(subject.len() + found.saturating_mul(to.len()))?;
    Ok(subject.replace(from, to).into())
}

fn sort(e: &mut Evaluation<'_>, args: &[Value]) -> Evaluated {
    let mut sorted = items(&args[0], "`sort`")?.to_vec();
    // n·log2(n) comparisons, each of which may read a whole text.
    let rounds = usize::BITS - sorted.len().leading_zeros();
    e.make(16 * sorted.len())?;
    let read: usize = sorted.iter().map(|v| 1 + v.as_str().map_or(0, str::len) / 64).sum();
    e.step(read.saturating_mul(rounds as usize))?;
    for pair in sorted.windows(2) {
        compare(&pair[0], &pair[1])?;
    }
    let mut mixed = None;
    sorted.sort_by(|a, b| {
        compare(a, b).unwrap_or_else(|error| {
            mixed = Some(error);
            std::cmp::Ordering::Equal
        })
    });
    match mixed {
        Some(error) => Err(error),
        None => Ok(sorted.into()),
    }
}

fn distinct(e: &mut Evaluation<'_>, args: &[Value]) -> Evaluated {
    let mut kept: Vec<Value> = Vec::new();
    for item in items(&args[0], "`distinct`")? {
        if !held(e, &kept, item)? {
            e.make(16)?;
            kept.push(item.clone());
        }
    }
    Ok(kept.into())
}

fn held(e: &mut Evaluation<'_>, kept: &[Value], item: &Value) -> Evaluated<bool> {
    for other in kept {
        if e.equal(other, item)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn sum(e: &mut Evaluation<'_>, args: &[Value]) -> Evaluated {
    let (mut whole, mut real, mut exact) = (0_i64, 0.0_f64, true);
    for item in items(&args[0], "`sum`")? {
        e.step(1)?;
        real += as_float(item)?;
        match item {
            Value::Int(n) if exact => {
                whole = whole.checked_add(*n).ok_or_else(|| invalid("`sum` overflows 64 bits"))?;
            }
            _ => exact = false,
        }
    }
    if exact { Ok(Value::Int(whole)) } else { float(real) }
}

fn extreme(e: &mut Evaluation<'_>, args: &[Value], least: bool) -> Evaluated {
    let candidates = match args {
        [list] => items(list, "`min` and `max` of one argument")?,
        several => several,
    };
    let (first, rest) =
        candidates.split_first().ok_or_else(|| invalid("an empty list has no extreme"))?;
    let mut best = first;
    for candidate in rest {
        e.step(1)?;
        let order = e.compare(candidate, best)?;
        if !order.is_eq() && order.is_lt() == least {
            best = candidate;
        }
    }
    Ok(best.clone())
}

fn fields<'v>(value: &'v Value, what: &str) -> Evaluated<&'v crate::value::Fields> {
    value.as_map().ok_or_else(|| invalid(format!("{what} needs a record, found {}", value.shape())))
}

fn keys(e: &mut Evaluation<'_>, args: &[Value]) -> Evaluated {
    let fields = fields(&args[0], "`keys`")?;
    e.make(16 * fields.len())?;
    Ok(Value::list(fields.keys().map(|key| Value::String(key.clone()))))
}

fn values(e: &mut Evaluation<'_>, args: &[Value]) -> Evaluated {
    let fields = fields(&args[0], "`values`")?;
    e.make(16 * fields.len())?;
    Ok(Value::list(fields.values().cloned()))
}

fn range(e: &mut Evaluation<'_>, args: &[Value]) -> Evaluated {
    let n = args[0].as_int().ok_or_else(|| invalid("`range` needs a whole number"))?.max(0);
    e.make(usize::try_from(n).unwrap_or(usize::MAX).saturating_mul(16))?;
    Ok(Value::list((0..n).map(Value::Int)))
}

//! Figures of a list, calculated with fractions and rounded once, at the end.

use cleargate::{Error, Value};
use dashu_base::BitTest;
use dashu_int::IBig;
use dashu_ratio::RBig;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Number as Json;

use crate::number::Number;
use crate::shown;

/// Digits of a deviation before it becomes a JSON number, which has 17.
const DIGITS: usize = 25;

/// Bits of a denominator: the smallest JSON number has 1,074 behind the point.
const MAX_DENOMINATOR: usize = 1_200;

/// Figures of a list of numbers, each the JSON number nearest to the exact one.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Described {
    /// How many there are.
    pub count: usize,
    /// All together.
    pub sum: Json,
    /// The least.
    pub min: Json,
    /// The greatest.
    pub max: Json,
    /// The sum by the count.
    pub mean: Json,
    /// The one in the middle, or what lies between the two in the middle.
    pub median: Json,
    /// The variance of a population that these are.
    pub population_variance: Json,
    /// The root of it.
    pub population_stdev: Json,
    /// The variance of a population that these are a sample of; absent for one number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample_variance: Option<Json>,
    /// The root of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample_stdev: Option<Json>,
    /// What was asked for, in its order.
    pub percentiles: Vec<Percentile>,
}

/// A number that so many of a hundred do not exceed.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Percentile {
    /// From 0 to 100.
    pub percent: f64,
    /// On the line between the two nearest, as `PERCENTILE.INC` of spreadsheets.
    pub value: Json,
}

/// The figures of a list.
pub(crate) fn describe(values: &[Value], percentiles: &[f64]) -> Result<Described, Error> {
    let mut numbers = Vec::with_capacity(values.len());
    for (i, value) in values.iter().enumerate() {
        let read = Number::read(value, DIGITS).and_then(|number| match number {
            Number::Exact(exact) if in_json(&exact) => Ok(exact),
            _ => Err("no JSON number is so large, or so small".into()),
        });
        numbers.push(read.map_err(|why| Error::invalid_input(format!("/values/{i}: {why}")))?);
    }
    numbers.sort_unstable();
    let count = numbers.len();
    let size = RBig::from(count);
    let sum: RBig = numbers.iter().fold(RBig::ZERO, |sum, one| sum + one);
    let mean = &sum / &size;
    let squares: RBig = numbers.iter().fold(RBig::ZERO, |sum, one| {
        let away = one - &mean;
        sum + &away * &away
    });
    let sample = (count > 1).then(|| &squares / RBig::from(count - 1));
    let population = squares / size;
    let mut wanted = Vec::with_capacity(percentiles.len());
    for (i, percent) in percentiles.iter().enumerate() {
        let wrong =
            || Error::invalid_input(format!("/percentiles/{i} is {percent}; write 0 to 100"));
        let part =
            RBig::try_from(*percent).ok().filter(|p| *p >= RBig::ZERO && *p <= RBig::from(100));
        let value = at(&numbers, &(part.ok_or_else(wrong)? / RBig::from(100)));
        wanted.push(Percentile { percent: *percent, value: json("percentiles", &value)? });
    }
    Ok(Described {
        count,
        sum: json("sum", &sum)?,
        min: json("min", &numbers[0])?,
        max: json("max", &numbers[count - 1])?,
        mean: json("mean", &mean)?,
        median: json("median", &at(&numbers, &RBig::from_parts(IBig::ONE, 2u8.into())))?,
        population_stdev: root("population_stdev", &population)?,
        population_variance: json("population_variance", &population)?,
        sample_stdev: sample.as_ref().map(|s| root("sample_stdev", s)).transpose()?,
        sample_variance: sample.as_ref().map(|s| json("sample_variance", s)).transpose()?,
        percentiles: wanted,
    })
}

/// Whether the number lies in the range of JSON numbers, so that sums of them stay short.
fn in_json(exact: &RBig) -> bool {
    exact.denominator().bit_len() <= MAX_DENOMINATOR
        && shown::json(&Number::Exact(exact.clone())).is_some()
}

/// The value at a part of the way through a sorted list.
fn at(sorted: &[RBig], part: &RBig) -> RBig {
    let place = part * RBig::from(sorted.len() - 1);
    let before = usize::try_from(place.floor()).expect("a part of a list lies in it");
    let after = (before + 1).min(sorted.len() - 1);
    &sorted[before] + (&sorted[after] - &sorted[before]) * place.fract()
}

fn root(name: &str, square: &RBig) -> Result<Json, Error> {
    let half = Number::Exact(RBig::from_parts(IBig::ONE, 2u8.into()));
    let root = Number::Exact(square.clone()).power(half, DIGITS).map_err(Error::bug)?;
    shown::json(&root).ok_or_else(|| beyond(name))
}

fn json(name: &str, number: &RBig) -> Result<Json, Error> {
    shown::json(&Number::Exact(number.clone())).ok_or_else(|| beyond(name))
}

fn beyond(name: &str) -> Error {
    Error::invalid_input(format!("`{name}` is greater than any JSON number; scale the values"))
}

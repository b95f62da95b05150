//! Tools that calculate, so that no model has to.
//!
//! Numbers are fractions of whole numbers of any length, so `0.1 + 0.2` is `0.3`. Roots, logarithms and the like that are
//! no fraction have as many digits as were asked for, and the result says that it is rounded. What could grow without
//! end is refused before it is calculated.

mod expression;
mod figures;
mod function;
mod number;
mod shown;

use std::collections::BTreeMap;

use cleargate::{Error, Value};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use number::Number;

/// Significant digits of a rounded result without another number: twice as many as a JSON number has.
const USUAL_DIGITS: usize = 30;
/// Digits that may be asked for.
const MAX_DIGITS: usize = 200;
/// Characters of an expression.
const MAX_EXPRESSION: usize = 10_000;
/// Values of statistics.
const MAX_VALUES: usize = 10_000;

/// What is calculated.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Evaluate {
    /// Such as `1.19 * price` or `sqrt(2) ** 3 + 10!`.
    #[schemars(length(min = 1, max = 10_000))]
    pub expression: String,
    /// Names in the expression: numbers, or texts of numbers such as `"0.1"` or `"1/3"`.
    #[serde(default)]
    pub variables: BTreeMap<String, Value>,
    /// Significant digits where a result is rounded; 30 when absent, at most 200.
    #[serde(default)]
    #[schemars(range(min = 1, max = 200))]
    pub digits: Option<usize>,
}

/// A result, in the forms that a reader may want.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Evaluated {
    /// The number in digits.
    pub result: String,
    /// Whether the digits are the number itself, and not rounded.
    pub exact: bool,
    /// The number as a fraction, when it is one and no whole number, and not longer than 200 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fraction: Option<String>,
    /// The nearest JSON number; absent when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<serde_json::Number>,
}

/// Calculates an expression exactly, with numbers of any length: + - * / // % ** ! and functions such as sqrt, ln, sin,
/// round, gcd. Use it for every calculation.
#[cleargate::tool(read_only, idempotent)]
pub fn evaluate(input: Evaluate) -> Result<Evaluated, Error> {
    let digits = input.digits.unwrap_or(USUAL_DIGITS);
    if digits == 0 || digits > MAX_DIGITS {
        let message = format!("/digits is {digits}; write 1 to {MAX_DIGITS}");
        return Err(Error::invalid_input(message));
    }
    let length = input.expression.chars().count();
    if length > MAX_EXPRESSION {
        let message = format!("/expression has {length} characters, at most {MAX_EXPRESSION}");
        return Err(Error::invalid_input(message));
    }
    let variables = input
        .variables
        .iter()
        .map(|(name, value)| {
            let number = Number::read(value, digits);
            let place = |why| Error::invalid_input(format!("/variables/{name}: {why}"));
            number.map(|number| (name.as_str(), number)).map_err(place)
        })
        .collect::<Result<BTreeMap<_, _>, _>>()?;
    let number = expression::evaluate(&input.expression, &variables, digits)?;
    Ok(shown::result(&number, digits))
}

/// What is described.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Describe {
    /// Numbers, or texts of numbers such as `"0.1"`.
    #[schemars(length(min = 1, max = 10_000))]
    pub values: Vec<Value>,
    /// Percentiles that are wanted, from 0 to 100.
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub percentiles: Vec<f64>,
}

/// Describes a list of numbers: count, sum, least, greatest, mean, median, deviation and percentiles, without errors of
/// rounding on the way.
#[cleargate::tool(read_only, idempotent)]
pub fn statistics(input: Describe) -> Result<figures::Described, Error> {
    let count = input.values.len();
    if count == 0 || count > MAX_VALUES {
        let message = format!("/values has {count} numbers; give 1 to {MAX_VALUES}");
        return Err(Error::invalid_input(message));
    }
    figures::describe(&input.values, &input.percentiles)
}

cleargate::export! { tools: [evaluate, statistics] }

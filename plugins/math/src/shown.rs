//! A number as it is shown.

use dashu_base::Approximation;
use dashu_float::{DBig, round::mode::HalfAway};
use dashu_int::IBig;

use crate::Evaluated;
use crate::number::Number;

/// Digits of a whole number that are written out, however few were asked for.
const MAX_WHOLE: usize = 10_000;
/// Characters of a fraction that is shown: a longer one tells nobody anything.
const MAX_FRACTION: usize = 200;
/// Zeros that are written behind a point, or before it, in the place of an exponent.
const MAX_ZEROS: isize = 20;

/// A number in all its forms.
pub(crate) fn result(number: &Number, digits: usize) -> Evaluated {
    let (result, exact) = text(number, digits);
    let fraction = number
        .exact()
        .filter(|exact| !exact.is_int())
        .map(ToString::to_string)
        .filter(|fraction| fraction.len() <= MAX_FRACTION);
    Evaluated { result, exact, fraction, number: json(number) }
}

/// The nearest number of JSON; none when it is infinite there.
pub(crate) fn json(number: &Number) -> Option<serde_json::Number> {
    if let Some(whole) = number.whole().and_then(|whole| i64::try_from(whole).ok()) {
        return Some(whole.into());
    }
    let float = match number {
        Number::Exact(exact) => exact.to_f64().value(),
        Number::Rounded(float) => float.to_f64().value(),
    };
    serde_json::Number::from_f64(float)
}

/// The digits, and whether they are the number itself.
fn text(number: &Number, digits: usize) -> (String, bool) {
    match number {
        Number::Exact(exact) => {
            if exact.is_int() {
                let text = exact.numerator().to_string();
                if text.len() <= MAX_WHOLE {
                    return (text, true);
                }
            }
            match exact.to_float::<HalfAway, 10>(digits) {
                Approximation::Exact(float) => (plain(&float), true),
                Approximation::Inexact(float, _) => (plain(&float), false),
            }
        }
        Number::Rounded(float) => (plain(&float.clone().with_precision(digits).value()), false),
    }
}

/// Digits with a point where one expects it, or with an exponent when there would be many zeros.
fn plain(float: &DBig) -> String {
    let (whole, exponent) = float.clone().into_repr().into_parts();
    let sign = if whole < IBig::ZERO { "-" } else { "" };
    let digits = whole.to_string().trim_start_matches('-').to_owned();
    let length = isize::try_from(digits.len()).expect("digits are bounded");
    let point = length + exponent; // digits before the point
    if (0..=MAX_ZEROS).contains(&exponent) {
        return format!("{sign}{digits}{}", "0".repeat(exponent.unsigned_abs()));
    }
    if exponent < 0 && point > 0 {
        let (before, after) = digits.split_at(point.unsigned_abs());
        return format!("{sign}{before}.{after}");
    }
    if exponent < 0 && point > -MAX_ZEROS {
        return format!("{sign}0.{}{digits}", "0".repeat(point.unsigned_abs()));
    }
    let (first, rest) = digits.split_at(1);
    let dot = if rest.is_empty() { "" } else { "." };
    format!("{sign}{first}{dot}{rest}e{}", point - 1)
}

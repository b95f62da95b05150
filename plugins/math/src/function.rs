//! Functions and constants that an expression may name.

use dashu_base::{Gcd, UnsignedAbs};
use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

use crate::number::{Float, Number, too_long, whole_of};

/// The greatest number whose factorial is calculated: it has 35,660 digits.
const MAX_FACTORIAL: u32 = 10_000;
/// Decimal places that something may be rounded to.
const MAX_PLACES: i32 = 10_000;
/// The greatest argument of `exp`: its power has 434,294 digits before the point.
const MAX_EXPONENT: u32 = 1_000_000;
/// Decimal exponent of the greatest angle: of a greater one, no digit that was written is left in the result.
const MAX_ANGLE: usize = 50;

type Value = Result<Number, String>;

/// A name for a number.
pub(crate) fn constant(name: &str, digits: usize) -> Option<Number> {
    let one = Number::from(IBig::ONE).float(digits);
    match name {
        "pi" | "π" => Some(Number::Rounded(half_turn(&one))),
        "tau" => Some(Number::Rounded(half_turn(&one) * Float::from(2))),
        "e" => Some(Number::Rounded(one.exp())),
        _ => None,
    }
}

fn half_turn(one: &Float) -> Float {
    one.atan() * Float::from(4)
}

/// Calls a function by its name.
pub(crate) fn call(name: &str, given: &[Number], digits: usize) -> Value {
    match (name, given) {
        ("min", [first, rest @ ..]) => Ok(choose(first, rest, |a, b| a.less(b, digits))),
        ("max", [first, rest @ ..]) => Ok(choose(first, rest, |a, b| b.less(a, digits))),
        ("gcd", [_, ..]) => {
            whole_list(given).map(|list| list.reduce(gcd).unwrap_or_default().into())
        }
        ("lcm", [_, ..]) => {
            let mut all: Number = IBig::ONE.into();
            for one in whole_list(given)? {
                let so_far = all.whole().expect("a product of whole numbers");
                let common = gcd(so_far.clone(), one.clone());
                if common == IBig::ZERO {
                    return Ok(IBig::ZERO.into());
                }
                all = Number::from(so_far / common).multiply(one.into(), digits)?.absolute();
            }
            Ok(all)
        }
        (_, [x]) => of_one(name, x, digits),
        (_, [x, y]) => of_two(name, x, y, digits),
        _ => Err(unknown(name, given.len())),
    }
}

fn of_one(name: &str, x: &Number, digits: usize) -> Value {
    let float = || x.float(digits);
    let rounded = |float: Float| Number::Rounded(float).bounded();
    let domain =
        |fits: bool, what: &str| if fits { Ok(()) } else { Err(format!("`{name}` is of {what}")) };
    match name {
        "abs" => Ok(x.clone().absolute()),
        "floor" => x.clone().floor(),
        "ceil" => Ok(x.clone().negate().floor()?.negate()),
        "trunc" => Ok(match x.is_negative() {
            true => x.clone().negate().floor()?.negate(),
            false => x.clone().floor()?,
        }),
        "round" => round(x, 0),
        "sign" => {
            Ok(IBig::from(i8::from(!x.is_zero()) * if x.is_negative() { -1 } else { 1 }).into())
        }
        "fact" | "factorial" => factorial(x),
        "sqrt" => {
            domain(!x.is_negative(), "numbers that are not negative")?;
            x.clone().power(Number::Exact(RBig::from_parts(IBig::ONE, 2u8.into())), digits)
        }
        "exp" => {
            let most = Number::from(IBig::from(MAX_EXPONENT));
            if most.less(&x.clone().absolute(), digits) {
                return Err(too_long());
            }
            rounded(float().exp())
        }
        "ln" | "log10" | "log2" => {
            domain(!x.is_negative() && !x.is_zero(), "numbers greater than 0")?;
            let log = float().ln();
            rounded(match name {
                "log10" => log / Number::from(IBig::from(10)).float(digits).ln(),
                "log2" => log / Number::from(IBig::from(2)).float(digits).ln(),
                _ => log,
            })
        }
        "sin" | "cos" | "tan" => {
            let most = Number::from(IBig::from(10).pow(MAX_ANGLE));
            domain(!most.less(&x.clone().absolute(), digits), "angles up to 10**50, in radians")?;
            rounded(match name {
                "sin" => float().sin(),
                "cos" => float().cos(),
                _ => float().tan(),
            })
        }
        "asin" | "acos" => {
            let most = Number::from(IBig::ONE);
            domain(!most.less(&x.clone().absolute(), digits), "numbers from -1 to 1")?;
            rounded(if name == "asin" { float().asin() } else { float().acos() })
        }
        "atan" => rounded(float().atan()),
        _ => Err(unknown(name, 1)),
    }
}

fn of_two(name: &str, x: &Number, y: &Number, digits: usize) -> Value {
    match name {
        "round" => {
            let places = y.whole().and_then(|places| i32::try_from(places).ok());
            let places = places.filter(|places| places.abs() <= MAX_PLACES);
            round(x, places.ok_or_else(|| format!("places are a whole number up to {MAX_PLACES}"))?)
        }
        "log" => {
            let (log, base) = (of_one("ln", x, digits)?, of_one("ln", y, digits)?);
            log.divide(base, digits).map_err(|_| "there is no logarithm with the base 1".into())
        }
        "comb" => combinations(x, y),
        _ => Err(unknown(name, 2)),
    }
}

fn unknown(name: &str, count: usize) -> String {
    const NAMES: &str = "abs acos asin atan ceil comb cos exp factorial floor gcd lcm ln log log10 log2 max min round sign sin sqrt tan trunc";
    format!("there is no function `{name}` of {count}; there are {NAMES}")
}

fn choose(first: &Number, rest: &[Number], better: impl Fn(&Number, &Number) -> bool) -> Number {
    rest.iter().fold(first, |best, one| if better(one, best) { one } else { best }).clone()
}

fn whole_list(given: &[Number]) -> Result<impl Iterator<Item = IBig>, String> {
    let list: Option<Vec<IBig>> = given.iter().map(Number::whole).collect();
    list.map(Vec::into_iter).ok_or_else(|| "expected whole numbers".into())
}

fn gcd(a: IBig, b: IBig) -> IBig {
    match (a == IBig::ZERO, b == IBig::ZERO) {
        (true, _) => b.unsigned_abs().into(),
        (_, true) => a.unsigned_abs().into(),
        _ => (&a).gcd(&b).into(),
    }
}

/// Rounds to decimal places; what lies in the middle goes away from 0, as in school.
fn round(x: &Number, places: i32) -> Value {
    let exact = match x {
        Number::Exact(exact) => exact.clone(),
        // Its digits, as a fraction: they are all that there is.
        Number::Rounded(float) => {
            let Number::Exact(scaled) = whole_or_parts(float)? else { return Ok(x.clone()) };
            scaled
        }
    };
    let shift = RBig::from(UBig::from(10u8).pow(places.unsigned_abs() as usize));
    let scaled = if places >= 0 { exact * &shift } else { exact / &shift };
    let whole = RBig::from(scaled.round());
    Number::Exact(if places >= 0 { whole / shift } else { whole * shift }).bounded()
}

fn whole_or_parts(float: &Float) -> Value {
    let (digits, exponent) = float.clone().into_repr().into_parts();
    if exponent >= 0 {
        return whole_of(float.clone());
    }
    let shift = Some(exponent.unsigned_abs()).filter(|s| *s <= crate::number::MAX_LENGTH);
    let shift = UBig::from(10u8).pow(shift.ok_or_else(too_long)?);
    Ok(Number::Exact(RBig::from_parts(digits, shift)))
}

/// The product of the whole numbers up to `x`.
pub(crate) fn factorial(x: &Number) -> Value {
    let small = x.whole().and_then(|n| u32::try_from(n).ok()).filter(|n| *n <= MAX_FACTORIAL);
    let n = small
        .ok_or_else(|| format!("a factorial is of whole numbers from 0 to {MAX_FACTORIAL}"))?;
    Ok(IBig::from(product(1, n)).into())
}

/// The product of a range: by halves, so that factors are of the same length.
fn product(first: u32, last: u32) -> UBig {
    match last.checked_sub(first) {
        None => UBig::ONE,
        Some(0) => first.into(),
        Some(more) => product(first, first + more / 2) * product(first + more / 2 + 1, last),
    }
}

/// How many ways there are to choose `k` of `n`.
fn combinations(n: &Number, k: &Number) -> Value {
    let small =
        |x: &Number| x.whole().and_then(|n| u32::try_from(n).ok()).filter(|n| *n <= MAX_FACTORIAL);
    let (Some(n), Some(k)) = (small(n), small(k)) else {
        return Err(format!("`comb` is of whole numbers from 0 to {MAX_FACTORIAL}"));
    };
    if k > n {
        return Ok(IBig::ZERO.into());
    }
    let k = k.min(n - k);
    Ok(IBig::from(product(n - k + 1, n) / product(1, k)).into())
}

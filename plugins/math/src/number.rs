//! A number: a fraction, or what is rounded to the digits that were asked for.

use cleargate::Value;
use dashu_base::{Abs, BitTest, UnsignedAbs};
use dashu_float::{DBig, FBig, round::mode::HalfAway};
use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

/// Bits of a numerator or denominator: some 40,000 digits, which are calculated with in a moment.
pub(crate) const MAX_BITS: usize = 132_877;
/// Decimal digits of the same, for people.
pub(crate) const MAX_LENGTH: usize = 40_000;
/// Digits that a rounded number has beyond those that are shown: a long expression loses a few.
const GUARD: usize = 15;
/// Decimal exponents of a rounded number; beyond, it is no quantity of anything.
const MAX_EXPONENT: isize = 1_000_000;

/// What an expression calculates with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Number {
    /// Exactly this.
    Exact(RBig),
    /// Rounded.
    Rounded(DBig),
}

impl From<IBig> for Number {
    fn from(whole: IBig) -> Self {
        Self::Exact(RBig::from(whole))
    }
}

impl Number {
    /// A number of JSON, or a text of one.
    pub(crate) fn read(value: &Value, digits: usize) -> Result<Self, String> {
        match value {
            // As it is written: 0.1 is a tenth, and not the fraction of twos nearest to it.
            Value::Number(number) => Self::Exact(decimal(&number.to_string())?).bounded(),
            Value::String(text) => {
                let text = text.trim();
                let (top, bottom) = text.split_once('/').unwrap_or((text, "1"));
                let (top, bottom) = (decimal(top.trim())?, decimal(bottom.trim())?);
                Self::Exact(top).divide(Self::Exact(bottom), digits)
            }
            _ => Err("expected a number, or a text of one".into()),
        }
    }

    /// The number rounded, with digits to spare.
    pub(crate) fn float(&self, digits: usize) -> DBig {
        match self {
            Self::Exact(exact) => exact.to_float::<HalfAway, 10>(digits + GUARD).value(),
            Self::Rounded(float) => float.clone().with_precision(digits + GUARD).value(),
        }
    }

    pub(crate) fn exact(&self) -> Option<&RBig> {
        match self {
            Self::Exact(exact) => Some(exact),
            Self::Rounded(_) => None,
        }
    }

    /// The whole number that it is.
    pub(crate) fn whole(&self) -> Option<IBig> {
        self.exact().filter(|exact| exact.is_int()).map(|exact| exact.numerator().clone())
    }

    pub(crate) fn is_zero(&self) -> bool {
        match self {
            Self::Exact(exact) => exact.is_zero(),
            Self::Rounded(float) => *float == DBig::ZERO,
        }
    }

    pub(crate) fn is_negative(&self) -> bool {
        match self {
            Self::Exact(exact) => *exact < RBig::ZERO,
            Self::Rounded(float) => *float < DBig::ZERO,
        }
    }

    /// The number itself, when it is not too long.
    pub(crate) fn bounded(self) -> Result<Self, String> {
        let fits = match &self {
            Self::Exact(exact) => {
                exact.numerator().bit_len().max(exact.denominator().bit_len()) <= MAX_BITS
            }
            Self::Rounded(float) => {
                !float.repr().is_infinite() && float.repr().exponent().abs() <= MAX_EXPONENT
            }
        };
        if fits { Ok(self) } else { Err(too_long()) }
    }

    pub(crate) fn add(self, other: Self, digits: usize) -> Result<Self, String> {
        match (self, other) {
            (Self::Exact(a), Self::Exact(b)) => Self::Exact(a + b),
            (a, b) => Self::Rounded(a.float(digits) + b.float(digits)),
        }
        .bounded()
    }

    pub(crate) fn negate(self) -> Self {
        match self {
            Self::Exact(a) => Self::Exact(-a),
            Self::Rounded(a) => Self::Rounded(-a),
        }
    }

    pub(crate) fn multiply(self, other: Self, digits: usize) -> Result<Self, String> {
        match (self, other) {
            (Self::Exact(a), Self::Exact(b)) => Self::Exact(a * b),
            (a, b) => Self::Rounded(a.float(digits) * b.float(digits)),
        }
        .bounded()
    }

    pub(crate) fn divide(self, other: Self, digits: usize) -> Result<Self, String> {
        if other.is_zero() {
            return Err("nothing can be divided by 0".into());
        }
        match (self, other) {
            (Self::Exact(a), Self::Exact(b)) => Self::Exact(a / b),
            (a, b) => Self::Rounded(a.float(digits) / b.float(digits)),
        }
        .bounded()
    }

    /// The greatest whole number that is not greater than the quotient; it goes with `remainder`.
    pub(crate) fn floor_divide(self, other: Self, digits: usize) -> Result<Self, String> {
        self.divide(other, digits)?.floor()
    }

    /// What is left; it has the sign of the divisor.
    pub(crate) fn remainder(self, other: Self, digits: usize) -> Result<Self, String> {
        let times = self.clone().floor_divide(other.clone(), digits)?;
        self.add(times.multiply(other, digits)?.negate(), digits)
    }

    pub(crate) fn floor(self) -> Result<Self, String> {
        Ok(match self {
            Self::Exact(a) => a.floor().into(),
            Self::Rounded(a) => whole_of(a.floor())?,
        })
    }

    pub(crate) fn absolute(self) -> Self {
        if self.is_negative() { self.negate() } else { self }
    }

    pub(crate) fn less(&self, other: &Self, digits: usize) -> bool {
        match (self, other) {
            (Self::Exact(a), Self::Exact(b)) => a < b,
            (a, b) => a.float(digits) < b.float(digits),
        }
    }

    /// `self` to the power of `other`.
    pub(crate) fn power(self, other: Self, digits: usize) -> Result<Self, String> {
        if self.is_zero() && other.is_negative() {
            return Err("0 has no negative power".into());
        }
        if let (Self::Exact(base), Some(exponent)) = (&self, other.whole()) {
            return whole_power(base, &exponent);
        }
        if let (Self::Exact(base), Self::Exact(exponent)) = (&self, &other)
            && let Some(root) = exact_root(base, exponent.denominator())
        {
            return whole_power(&root, exponent.numerator());
        }
        if self.is_zero() {
            return Ok(IBig::ZERO.into());
        }
        let (size, odd) = match other.whole() {
            Some(exponent) => (self.clone().absolute(), exponent.bit(0)),
            None if self.is_negative() => {
                return Err("a negative number has no such power among the real numbers".into());
            }
            None => (self.clone(), false),
        };
        let (base, exponent) = (size.float(digits), other.float(digits));
        let growth = base.ln().to_f64().value() * exponent.to_f64().value();
        #[allow(clippy::cast_precision_loss, reason = "a bound, not a result")]
        if !growth.is_finite() || growth.abs() > MAX_EXPONENT as f64 {
            return Err(too_long());
        }
        let power = base.powf(&exponent);
        Self::Rounded(if self.is_negative() && odd { -power } else { power }).bounded()
    }
}

/// A whole number of what is rounded, if it is not too long to be written out.
pub(crate) fn whole_of(float: DBig) -> Result<Number, String> {
    let exponent = float.repr().exponent();
    if exponent > MAX_LENGTH as isize {
        return Err(too_long());
    }
    Ok(float.to_int().value().into())
}

fn whole_power(base: &RBig, exponent: &IBig) -> Result<Number, String> {
    if base.is_zero() || base.clone().abs().is_one() {
        let odd = exponent.bit(0);
        let zeroth = base.is_zero() && *exponent == IBig::ZERO;
        return Ok(match zeroth || (!odd && !base.is_zero()) {
            true => IBig::ONE.into(),
            false => Number::Exact(base.clone()),
        });
    }
    let length = base.numerator().bit_len().max(base.denominator().bit_len());
    let times = usize::try_from(exponent.unsigned_abs()).map_err(|_| too_long())?;
    // (n - 1) bits at least for each factor of n bits.
    if (length - 1).saturating_mul(times) > MAX_BITS {
        return Err(too_long());
    }
    let times = isize::try_from(times).map_err(|_| too_long())?;
    Number::Exact(base.pow(if *exponent < IBig::ZERO { -times } else { times })).bounded()
}

/// The root that is a fraction itself.
fn exact_root(base: &RBig, degree: &UBig) -> Option<RBig> {
    let degree = usize::try_from(degree.clone()).ok().filter(|d| *d <= 64)?;
    if *base < RBig::ZERO {
        return None;
    }
    let root = |of: UBig| Some(of.nth_root(degree)).filter(|root| root.pow(degree) == of);
    let top = root(base.numerator().unsigned_abs())?;
    Some(RBig::from_parts(top.into(), root(base.denominator().clone())?))
}

/// A number as it is written in digits.
pub(crate) fn decimal(text: &str) -> Result<RBig, String> {
    let wrong = || format!("`{}` is no number", text.chars().take(40).collect::<String>());
    let plain = text.replace('_', "");
    let (digits, exponent) = match plain.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i64>().map_err(|_| wrong())?),
        None => (plain.as_str(), 0),
    };
    let (before, after) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{before}{after}");
    let unsigned = all.strip_prefix(['-', '+']).unwrap_or(&all);
    if unsigned.is_empty() || !unsigned.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    let exponent = exponent.saturating_sub(i64::try_from(after.len()).map_err(|_| wrong())?);
    if exponent.unsigned_abs() > MAX_LENGTH as u64 || unsigned.len() > MAX_LENGTH {
        return Err(too_long());
    }
    let whole: IBig = all.parse().map_err(|_| wrong())?;
    let shift =
        UBig::from(10u8).pow(usize::try_from(exponent.unsigned_abs()).map_err(|_| wrong())?);
    Ok(match exponent < 0 {
        true => RBig::from_parts(whole, shift),
        false => RBig::from(whole * IBig::from(shift)),
    })
}

pub(crate) fn too_long() -> String {
    format!("the number would have more than {MAX_LENGTH} digits; no longer ones are calculated")
}

/// The type of rounded numbers with all parts spelled out.
pub(crate) type Float = FBig<HalfAway, 10>;

//! Durations: of ISO 8601, and as people write them.

use cleargate::Error;
use jiff::{SpanRound, Unit, Zoned};

use crate::{Parts, Span};

/// Bytes of a duration.
const MAX_TEXT: usize = 200;

/// Reads a duration of either form.
pub(crate) fn read(field: &str, text: &str) -> Result<jiff::Span, Error> {
    if text.is_empty() || text.len() > MAX_TEXT {
        let message = format!("/{field} has {} bytes; write 1 to {MAX_TEXT}", text.len());
        return Err(Error::invalid_input(message));
    }
    text.parse().map_err(|e| {
        Error::invalid_input(format!("/{field}: {e}; write `P1DT2H`, `1 day 2 hours` or `1d 2h`"))
    })
}

/// Whether a part has another length at another time: a day is not always 24 hours.
fn varies(span: &jiff::Span) -> bool {
    span.get_years() != 0 || span.get_months() != 0 || span.get_weeks() != 0 || span.get_days() != 0
}

/// What a duration is; seconds only when they are certain.
pub(crate) fn described(span: &jiff::Span, from: Option<&Zoned>) -> Result<Span, Error> {
    let wrong = |e: jiff::Error| Error::invalid_input(format!("/text: {e}"));
    let seconds = match from {
        Some(from) => {
            let end = from.checked_add(*span).map_err(wrong)?;
            Some(end.duration_since(from).as_secs_f64())
        }
        None if varies(span) => None,
        None => Some(span.total(Unit::Second).map_err(wrong)?),
    };
    let balanced = match from {
        Some(from) => {
            span.round(SpanRound::new().largest(Unit::Year).relative(from)).map_err(wrong)?
        }
        None => *span,
    };
    Ok(Span {
        iso: balanced.to_string(),
        text: format!("{balanced:#}"),
        parts: parts(&balanced),
        seconds,
    })
}

/// The parts of a duration; all have its sign.
pub(crate) fn parts(span: &jiff::Span) -> Parts {
    Parts {
        years: span.get_years().into(),
        months: span.get_months().into(),
        weeks: span.get_weeks().into(),
        days: span.get_days().into(),
        hours: span.get_hours().into(),
        minutes: span.get_minutes(),
        seconds: span.get_seconds(),
        nanoseconds: span.get_milliseconds() * 1_000_000
            + span.get_microseconds() * 1_000
            + span.get_nanoseconds(),
    }
}

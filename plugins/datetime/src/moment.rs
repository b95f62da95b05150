//! Times to texts and records.

use cleargate::Error;
use jiff::Zoned;
use jiff::fmt::{rfc2822, strtime};
use jiff::tz::Dst;

use crate::{Moment, Style, Written, zones};

/// Bytes of a pattern.
const MAX_PATTERN: usize = 200;

/// All about a time.
pub(crate) fn shown(time: &Zoned) -> Result<Moment, Error> {
    let text = |pattern: &str| {
        strtime::format(pattern, time).map_err(|e| Error::bug(format!("{pattern}: {e}")))
    };
    let info = time.time_zone().to_offset_info(time.timestamp());
    Ok(Moment {
        time: time.to_string(),
        instant: time.timestamp().to_string(),
        unix_ms: time.timestamp().as_millisecond(),
        zone: zones::name(time.time_zone(), time.timestamp()),
        offset: zones::offset(time.offset()),
        abbreviation: info.abbreviation().into(),
        daylight_saving: info.dst() == Dst::Yes,
        date: time.date().to_string(),
        clock: time.time().to_string(),
        weekday: text("%A")?,
        week: text("%G-W%V")?,
        day_of_year: time.day_of_year(),
    })
}

/// A time as a style or a pattern says.
pub(crate) fn written(
    time: &Zoned,
    style: Option<Style>,
    pattern: Option<&str>,
) -> Result<Written, Error> {
    let wrong = |e: jiff::Error| Error::invalid_input(format!("/time: {e}"));
    let text = match (style, pattern) {
        (Some(_), Some(_)) => {
            return Err(Error::invalid_input("/style and /pattern exclude each other"));
        }
        (None, Some(pattern)) if pattern.len() > MAX_PATTERN => {
            let message = format!("/pattern has {} bytes, at most {MAX_PATTERN}", pattern.len());
            return Err(Error::invalid_input(message));
        }
        (None, Some(pattern)) => strtime::format(pattern, time)
            .map_err(|e| Error::invalid_input(format!("/pattern: {e}")))?,
        (Some(Style::Rfc9557), None) => time.to_string(),
        (Some(Style::Rfc3339) | None, None) => {
            time.timestamp().display_with_offset(time.offset()).to_string()
        }
        (Some(Style::Utc), None) => time.timestamp().to_string(),
        (Some(Style::Rfc2822), None) => rfc2822::to_string(time).map_err(wrong)?,
        (Some(Style::Http), None) => rfc2822::DateTimePrinter::new()
            .timestamp_to_rfc9110_string(&time.timestamp())
            .map_err(wrong)?,
        (Some(Style::Date), None) => time.date().to_string(),
        (Some(Style::Unix), None) => time.timestamp().as_second().to_string(),
    };
    Ok(Written { text })
}

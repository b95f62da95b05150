//! Texts to times. What leaves open which time it is is refused, and says what is missing.

use cleargate::{Error, clock};
use jiff::fmt::temporal::{Pieces, PiecesOffset};
use jiff::fmt::{rfc2822, strtime};
use jiff::tz::{Disambiguation, TimeZone};
use jiff::{Timestamp, Zoned, civil};

use crate::{Ambiguous, zones};

/// Bytes of a text that is read.
const MAX_TEXT: usize = 200;

/// The present time, as the host says it.
pub(crate) fn present(zone: Option<&str>) -> Result<Zoned, Error> {
    let zone = zone.map_or(Ok(TimeZone::UTC), |zone| zones::find("zone", zone))?;
    let now = i64::try_from(clock::now()).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let now = now.ok_or_else(|| Error::permanent("the host's clock is beyond the year 9999"))?;
    Ok(now.to_zoned(zone))
}

fn bounded(field: &str, text: &str) -> Result<(), Error> {
    match text.len() {
        0 => Err(Error::invalid_input(format!("/{field} is empty"))),
        1..=MAX_TEXT => Ok(()),
        bytes => {
            Err(Error::invalid_input(format!("/{field} has {bytes} bytes, at most {MAX_TEXT}")))
        }
    }
}

/// A refusal, in the words of the library that read the text.
fn wrong(field: &str, why: impl std::fmt::Display) -> Error {
    Error::invalid_input(format!("/{field}: {why}"))
}

/// Reads what RFC 3339, RFC 9557 and ISO 8601 write, and RFC 2822 with the dates of HTTP.
pub(crate) fn read(
    field: &str,
    text: &str,
    zone: Option<&str>,
    ambiguous: Ambiguous,
) -> Result<Zoned, Error> {
    bounded(field, text)?;
    let zone = zone.map(|zone| zones::find("zone", zone)).transpose()?;
    let text = text.trim();
    let pieces = match Pieces::parse(text) {
        Ok(pieces) => pieces,
        // The other form begins with a day of the week or a day.
        Err(error) => match rfc2822::parse(text) {
            Ok(time) => return Ok(zone.map_or(time.clone(), |zone| time.with_time_zone(zone))),
            Err(_) => return Err(wrong(field, error)),
        },
    };
    if pieces.time_zone_annotation().is_some() {
        let named = match pieces.offset() {
            // The zone's name and its offset agree, or the text is refused.
            Some(_) => text.parse::<Zoned>().map_err(|e| wrong(field, e))?,
            None => {
                let own = pieces.to_time_zone().map_err(|e| wrong(field, e))?;
                let own = own.unwrap_or(TimeZone::UTC);
                at(field, local(&pieces), own, ambiguous)?
            }
        };
        return Ok(zone.map_or(named.clone(), |zone| named.with_time_zone(zone)));
    }
    if let Some(offset) = pieces.offset() {
        if pieces.time().is_none() {
            return Err(wrong(field, format!("`{text}` has an offset and no time")));
        }
        let own = match offset {
            PiecesOffset::Zulu => TimeZone::UTC,
            _ => TimeZone::fixed(pieces.to_numeric_offset().unwrap_or(jiff::tz::Offset::UTC)),
        };
        let time: Timestamp = text.parse().map_err(|e| wrong(field, e))?;
        return Ok(time.to_zoned(zone.unwrap_or(own)));
    }
    at(field, local(&pieces), zone.ok_or_else(|| no_zone(field, text))?, ambiguous)
}

fn local(pieces: &Pieces<'_>) -> civil::DateTime {
    pieces.date().to_datetime(pieces.time().unwrap_or(civil::Time::midnight()))
}

fn no_zone(field: &str, text: &str) -> Error {
    wrong(
        field,
        format!(
            "`{text}` has no offset, so it is a time in some zone; name it in `zone`, such as Europe/Berlin or UTC"
        ),
    )
}

/// Reads a text as a pattern of `strptime` says.
pub(crate) fn formatted(
    text: &str,
    format: &str,
    zone: Option<&str>,
    ambiguous: Ambiguous,
) -> Result<Zoned, Error> {
    bounded("text", text)?;
    bounded("format", format)?;
    let zone = zone.map(|zone| zones::find("zone", zone)).transpose()?;
    let parsed = strtime::parse(format, text).map_err(|e| wrong("text", e))?;
    if parsed.iana_time_zone().is_some() {
        let time = parsed.to_zoned().map_err(|e| wrong("text", e))?;
        return Ok(zone.map_or(time.clone(), |zone| time.with_time_zone(zone)));
    }
    if parsed.offset().is_some() || parsed.timestamp().is_some() {
        let time = parsed.to_timestamp().map_err(|e| wrong("text", e))?;
        let own = parsed.offset().map_or(TimeZone::UTC, TimeZone::fixed);
        return Ok(time.to_zoned(zone.unwrap_or(own)));
    }
    let zone = zone.ok_or_else(|| no_zone("text", text))?;
    let date = parsed.to_date().map_err(|e| wrong("text", e))?;
    // A pattern without an hour is one of a day.
    let time = parsed.to_time().unwrap_or(civil::Time::midnight());
    at("text", date.to_datetime(time), zone, ambiguous)
}

/// A local time in a zone, where clocks may show it twice or not at all.
fn at(
    field: &str,
    time: civil::DateTime,
    zone: TimeZone,
    ambiguous: Ambiguous,
) -> Result<Zoned, Error> {
    let way = match ambiguous {
        Ambiguous::Compatible => Disambiguation::Compatible,
        Ambiguous::Earlier => Disambiguation::Earlier,
        Ambiguous::Later => Disambiguation::Later,
        Ambiguous::Reject => Disambiguation::Reject,
    };
    zone.to_ambiguous_zoned(time).disambiguate(way).map_err(|e| wrong(field, e))
}

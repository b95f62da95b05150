//! Time zones by their names in the IANA database, and by offsets.

use cleargate::Error;
use jiff::Timestamp;
use jiff::tz::{self, Dst, TimeZone};

use crate::{Change, ZoneFacts};

/// Names that a refusal suggests.
const SUGGESTED: usize = 5;
/// Bytes of a name.
const MAX_NAME: usize = 100;

/// Finds a zone by its name, in capitals or not, or by an offset such as `+02:00`.
pub(crate) fn find(field: &str, name: &str) -> Result<TimeZone, Error> {
    if name.len() > MAX_NAME {
        let message = format!("/{field} has {} bytes, at most {MAX_NAME}", name.len());
        return Err(Error::invalid_input(message));
    }
    if name.starts_with(['+', '-']) {
        let offset = jiff::fmt::temporal::DateTimeParser::new().parse_time_zone(name);
        return offset.map_err(|e| Error::invalid_input(format!("/{field}: {e}")));
    }
    if name.eq_ignore_ascii_case("utc") || name == "Z" {
        return Ok(TimeZone::UTC);
    }
    tz::db().get(name).map_err(|_| unknown(field, name))
}

fn unknown(field: &str, name: &str) -> Error {
    let wanted = name.to_lowercase().replace(' ', "_");
    let near = tz::db().available().map(|zone| zone.as_str().to_owned());
    let near = near.filter(|zone| !wanted.is_empty() && zone.to_lowercase().contains(&wanted));
    let near: Vec<String> = near.take(SUGGESTED).map(|zone| format!("`{zone}`")).collect();
    let hint = match near.is_empty() {
        true => "write one of the IANA database, such as `Europe/Berlin`, or an offset, such as `+02:00`".into(),
        false => format!("there are {}", near.join(", ")),
    };
    Error::invalid_input(format!("/{field}: there is no time zone `{name}`; {hint}"))
}

/// As people write it: `+02:00`.
pub(crate) fn offset(offset: tz::Offset) -> String {
    let seconds = offset.seconds();
    let sign = if seconds < 0 { '-' } else { '+' };
    let (hours, minutes, rest) =
        (seconds.abs() / 3600, seconds.abs() / 60 % 60, seconds.abs() % 60);
    match rest {
        0 => format!("{sign}{hours:02}:{minutes:02}"),
        _ => format!("{sign}{hours:02}:{minutes:02}:{rest:02}"),
    }
}

/// The zone's own name, or its offset.
pub(crate) fn name(zone: &TimeZone, at: Timestamp) -> String {
    zone.iana_name().map_or_else(|| offset(zone.to_offset(at)), str::to_owned)
}

/// What is known of a zone at a time.
pub(crate) fn facts(zone: &TimeZone, at: Timestamp) -> ZoneFacts {
    let info = zone.to_offset_info(at);
    let change = |found: Option<tz::TimeZoneTransition<'_>>| {
        found.map(|change| Change {
            at: change.timestamp().to_string(),
            offset: offset(change.offset()),
            abbreviation: change.abbreviation().into(),
            daylight_saving: change.dst() == Dst::Yes,
        })
    };
    ZoneFacts {
        zone: name(zone, at),
        at: at.to_string(),
        offset: offset(info.offset()),
        abbreviation: info.abbreviation().into(),
        daylight_saving: info.dst() == Dst::Yes,
        // A change in this very moment is the one before.
        before: change(zone.preceding(at + jiff::SignedDuration::from_nanos(1)).next()),
        after: change(zone.following(at).next()),
    }
}

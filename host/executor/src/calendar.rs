//! Moments as flows say them, on the clock and the calendar of this machine. The run machine knows neither.

use std::str::FromStr;

use cleargate_flow::Value;
use cleargate_flow::graph::{Calendar, Moment};
use croner::Cron;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The moment in milliseconds since 1970-01-01T00:00:00Z. One that has passed is found, too: it is due at once.
///
/// # Errors
/// Why there is no such moment, as a sentence.
pub fn moment(moment: &Moment, now_ms: i64) -> Result<i64, String> {
    match moment {
        Moment::After(millis) => Ok(now_ms.saturating_add_unsigned(*millis)),
        Moment::At(Value::Int(millis)) => Ok(*millis),
        Moment::At(Value::String(text)) => {
            let at = Timestamp::from_str(text);
            let at = at.map_err(|why| {
                format!("`{text}` is no moment: {why}; write 2030-01-31T08:00:00Z")
            })?;
            Ok(at.as_millisecond())
        }
        Moment::At(other) => {
            Err(format!("a moment is text or milliseconds, not a {}", other.shape()))
        }
        Moment::Next(calendar) => next(calendar, now_ms),
    }
}

fn next(Calendar { pattern, tz }: &Calendar, now_ms: i64) -> Result<i64, String> {
    let zone = TimeZone::get(tz)
        .map_err(|_| format!("there is no time zone `{tz}`; write Europe/Berlin"))?;
    let cron = Cron::from_str(pattern)
        .map_err(|why| format!("`{pattern}` is no pattern of cron: {why}; write `0 7 * * 1-5`"))?;
    let now = Timestamp::from_millisecond(now_ms).map_err(|why| why.to_string())?;
    let found = cron.find_next_occurrence(&now.to_zoned(zone), false);
    let found = found.map_err(|why| format!("`{pattern}` never comes: {why}"))?;
    Ok(found.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    #[test]
    fn moments_are_found_also_where_clocks_change() {
        let now = at("2026-03-27T12:00:00Z");
        let next = |pattern: &str, tz: &str| {
            let calendar = Calendar { pattern: pattern.into(), tz: tz.into() };
            moment(&Moment::Next(calendar), now)
        };
        for (asked, wanted) in [
            (moment(&Moment::After(60_000), now), Ok("2026-03-27T12:01:00Z")),
            (
                moment(&Moment::At("2030-01-31T08:00:00+02:00".into()), now),
                Ok("2030-01-31T06:00:00Z"),
            ),
            (moment(&Moment::At(0.into()), now), Ok("1970-01-01T00:00:00Z")),
            // A Friday: the next weekday is a Monday, in summer time.
            (next("0 7 * * 1-5", "Europe/Berlin"), Ok("2026-03-30T05:00:00Z")),
            (next("0 7 * * *", "Europe/Berlin"), Ok("2026-03-28T06:00:00Z")),
            // An hour that this night does not have: at once when the clock has jumped over it.
            (next("30 2 29 3 *", "Europe/Berlin"), Ok("2026-03-29T01:00:00Z")),
            (next("0 7 * * 1-5", "Mars/Olympus"), Err("no time zone")),
            (next("0 7 * *", "UTC"), Err("no pattern of cron")),
            (next("0 0 31 2 *", "UTC"), Err("never comes")),
            (moment(&Moment::At("tomorrow".into()), now), Err("no moment")),
            (moment(&Moment::At(true.into()), now), Err("not a bool")),
        ] {
            match (asked, wanted) {
                (Ok(found), Ok(wanted)) => assert_eq!(found, at(wanted), "{wanted}"),
                (Err(why), Err(part)) => assert!(why.contains(part), "{why}"),
                other => panic!("{other:?}"),
            }
        }
    }
}

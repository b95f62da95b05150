//! Calculating by the calendar of a zone, where days have 23, 24 or 25 hours.

use cleargate::Error;
use jiff::civil::{Date, Time, Weekday};
use jiff::{ToSpan, Unit, Zoned, ZonedDifference};

use crate::{Between, Bounds, Day, Of, Times, moment, spans};

/// Times of a range when nothing is said.
const USUAL_TIMES: usize = 100;
/// Times of a range: what a flow can go through.
const MAX_TIMES: usize = 1_000;
/// Steps of a range, with those that are not taken.
const MAX_STEPS: i64 = 100_000;

fn beyond(field: &str) -> impl Fn(jiff::Error) -> Error + '_ {
    move |e| Error::invalid_input(format!("/{field}: {e}"))
}

/// See the tool.
pub(crate) fn add(time: &Zoned, duration: &str, subtract: bool) -> Result<Zoned, Error> {
    let span = spans::read("duration", duration)?;
    let sum = if subtract { time.checked_sub(span) } else { time.checked_add(span) };
    sum.map_err(beyond("duration"))
}

/// See the tool.
pub(crate) fn difference(from: &Zoned, to: &Zoned, largest: crate::Unit) -> Result<Between, Error> {
    let largest = match largest {
        crate::Unit::Years => Unit::Year,
        crate::Unit::Months => Unit::Month,
        crate::Unit::Weeks => Unit::Week,
        crate::Unit::Days => Unit::Day,
        crate::Unit::Hours => Unit::Hour,
        crate::Unit::Minutes => Unit::Minute,
        crate::Unit::Seconds => Unit::Second,
    };
    // By the calendar of where it begins.
    let to = to.with_time_zone(from.time_zone().clone());
    let span = from.until(ZonedDifference::new(&to).largest(largest)).map_err(beyond("to"))?;
    Ok(Between {
        iso: span.to_string(),
        text: format!("{span:#}"),
        parts: spans::parts(&span),
        seconds: to.duration_since(from).as_secs_f64(),
        calendar_days: i64::from(to.date().since(from.date()).map_err(beyond("to"))?.get_days()),
    })
}

/// See the tool.
pub(crate) fn period(time: &Zoned, of: Of) -> Result<Bounds, Error> {
    let date = time.date();
    let first = |year: i16, month: i8| Date::new(year, month, 1).map_err(beyond("time"));
    let (start, length) = match of {
        Of::Hour => {
            let start = time.datetime().with().minute(0).second(0).subsec_nanosecond(0).build();
            let start = start.map_err(beyond("time"))?.to_zoned(time.time_zone().clone());
            let start = start.map_err(beyond("time"))?;
            // An hour that clocks show twice is the one in which the time is.
            let late = time.duration_since(&start).as_secs() / 3600;
            let start = start.checked_add(late.hours()).map_err(beyond("time"))?;
            let end = start.checked_add(1.hour()).map_err(beyond("time"))?;
            return Ok(Bounds { start: moment::shown(&start)?, end: moment::shown(&end)? });
        }
        Of::Day => (date, 1.day()),
        Of::Week => {
            let back = i64::from(date.weekday().to_monday_zero_offset());
            (date.checked_sub(back.days()).map_err(beyond("time"))?, 1.week())
        }
        Of::Month => (first(date.year(), date.month())?, 1.month()),
        Of::Quarter => (first(date.year(), (date.month() - 1) / 3 * 3 + 1)?, 3.months()),
        Of::Year => (first(date.year(), 1)?, 1.year()),
    };
    let end = start.checked_add(length).map_err(beyond("time"))?;
    let at = |date: Date| {
        let day = date.to_datetime(Time::midnight()).to_zoned(time.time_zone().clone());
        moment::shown(&day.map_err(beyond("time"))?)
    };
    Ok(Bounds { start: at(start)?, end: at(end)? })
}

/// See the tool.
pub(crate) fn range(
    from: &Zoned,
    to: &Zoned,
    every: &str,
    on: &[Day],
    max: Option<usize>,
) -> Result<Times, Error> {
    let max = max.unwrap_or(USUAL_TIMES);
    if max == 0 || max > MAX_TIMES {
        return Err(Error::invalid_input(format!("/max is {max}; write 1 to {MAX_TIMES}")));
    }
    let step = spans::read("every", every)?;
    if from.checked_add(step).map_err(beyond("every"))? <= *from {
        return Err(Error::invalid_input("/every does not lead on; write a duration above zero"));
    }
    let mut found = Times { times: Vec::new(), truncated: false };
    for number in 0..MAX_STEPS {
        // Counted from the start: so the last day of each month stays the last one.
        let next = step.checked_mul(number).and_then(|span| from.checked_add(span));
        let Ok(next) = next else { return Ok(found) };
        if next >= *to {
            return Ok(found);
        }
        if !on.is_empty() && !on.iter().any(|day| weekday(*day) == next.weekday()) {
            continue;
        }
        if found.times.len() == max {
            break;
        }
        found.times.push(next.to_string());
    }
    found.truncated = true;
    Ok(found)
}

fn weekday(day: Day) -> Weekday {
    match day {
        Day::Monday => Weekday::Monday,
        Day::Tuesday => Weekday::Tuesday,
        Day::Wednesday => Weekday::Wednesday,
        Day::Thursday => Weekday::Thursday,
        Day::Friday => Weekday::Friday,
        Day::Saturday => Weekday::Saturday,
        Day::Sunday => Weekday::Sunday,
    }
}

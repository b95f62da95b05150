//! Tools for dates and times.
//!
//! Zones are those of the IANA database, which is a part of the component: the same call gives the same answer on every
//! machine, and no machine's own zone is guessed. The present time comes from the host's clock alone, which the journal
//! keeps, and only the tools that need it ask.

mod arithmetic;
mod moment;
mod reading;
mod shapes;
mod spans;
mod zones;

use cleargate::Error;

pub use shapes::*;

/// Gives the present time in a zone.
#[cleargate::tool(read_only, open_world)]
pub fn now(input: Now) -> Result<Moment, Error> {
    moment::shown(&reading::present(input.zone.as_deref())?)
}

/// Reads a date or time in one of many forms, or in the form that `format` says, and tells all about it.
#[cleargate::tool(read_only, idempotent)]
pub fn parse(input: Parse) -> Result<Moment, Error> {
    let zone = input.zone.as_deref();
    let read = match &input.format {
        Some(format) => reading::formatted(&input.text, format, zone, input.ambiguous)?,
        None => reading::read("text", &input.text, zone, input.ambiguous)?,
    };
    moment::shown(&read)
}

/// Writes a time in a standard form, or as a pattern of `strftime` says.
#[cleargate::tool(read_only, idempotent)]
pub fn format(input: Format) -> Result<Written, Error> {
    let time = reading::read("time", &input.time, input.zone.as_deref(), Ambiguous::default())?;
    moment::written(&time, input.style, input.pattern.as_deref())
}

/// Tells what a time is in another zone.
#[cleargate::tool(read_only, idempotent)]
pub fn convert(input: Convert) -> Result<Moment, Error> {
    let time = reading::read("time", &input.time, input.zone.as_deref(), input.ambiguous)?;
    moment::shown(&time.with_time_zone(zones::find("to", &input.to)?))
}

/// Adds a duration to a time. Days, months and years are those of the calendar in its zone; hours are hours.
#[cleargate::tool(read_only, idempotent)]
pub fn add(input: Add) -> Result<Moment, Error> {
    let time = reading::read("time", &input.time, input.zone.as_deref(), input.ambiguous)?;
    moment::shown(&arithmetic::add(&time, &input.duration, input.subtract)?)
}

/// Tells how long it is from one time to another, by the calendar and in seconds.
#[cleargate::tool(read_only, idempotent)]
pub fn difference(input: Difference) -> Result<Between, Error> {
    let zone = input.zone.as_deref();
    let from = reading::read("from", &input.from, zone, Ambiguous::default())?;
    let to = reading::read("to", &input.to, zone, Ambiguous::default())?;
    arithmetic::difference(&from, &to, input.largest)
}

/// Reads a duration such as `P1DT2H`, `1 day 2 hours` or `1d 2h`, and tells its parts and its seconds.
#[cleargate::tool(read_only, idempotent)]
pub fn duration(input: Duration) -> Result<Span, Error> {
    let from = input.from.as_deref();
    let from =
        from.map(|from| reading::read("from", from, input.zone.as_deref(), Ambiguous::default()));
    spans::described(&spans::read("text", &input.text)?, from.transpose()?.as_ref())
}

/// Gives the hour, day, week, month, quarter or year around a time: its start, and where the next one starts.
#[cleargate::tool(read_only, idempotent)]
pub fn period(input: Period) -> Result<Bounds, Error> {
    let time = reading::read("time", &input.time, input.zone.as_deref(), Ambiguous::default())?;
    arithmetic::period(&time, input.of)
}

/// Lists times from one to another in equal steps by the calendar, such as each month on its last day.
#[cleargate::tool(read_only, idempotent)]
pub fn range(input: Range) -> Result<Times, Error> {
    let zone = input.zone.as_deref();
    let from = reading::read("from", &input.from, zone, Ambiguous::default())?;
    let to = reading::read("to", &input.to, zone, Ambiguous::default())?;
    arithmetic::range(&from, &to, &input.every, &input.on, input.max)
}

/// Tells the offset of a zone at a time, and when its clocks are changed before and after. Now, when no time is given.
#[cleargate::tool(read_only, open_world)]
pub fn zone(input: Zone) -> Result<ZoneFacts, Error> {
    let zone = zones::find("zone", &input.zone)?;
    let at = match &input.at {
        Some(at) => reading::read("at", at, Some(&input.zone), Ambiguous::default())?,
        None => reading::present(None)?,
    };
    Ok(zones::facts(&zone, at.timestamp()))
}

cleargate::export! { tools: [now, parse, format, convert, add, difference, duration, period, range, zone] }

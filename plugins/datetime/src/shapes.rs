//! What the tools take and give.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a local time is that clocks show twice, or skip, when they are changed.
#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Ambiguous {
    /// The first of two; as long after the change as it was before, when it is skipped.
    #[default]
    Compatible,
    /// The first of two; before the change, when it is skipped.
    Earlier,
    /// The second of two; after the change, when it is skipped.
    Later,
    /// No time: it is refused.
    Reject,
}

/// Where it is asked.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Now {
    /// The zone; UTC when absent.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    pub zone: Option<String>,
}

/// What is read.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Parse {
    /// A time, such as `2026-03-29T02:30:00+01:00`, `2026-03-29 02:30` with a zone, or `Sun, 29 Mar 2026 02:30:00 GMT`.
    #[schemars(length(min = 1, max = 200))]
    pub text: String,
    /// A pattern of `strptime`, such as `%d.%m.%Y %H:%M`; without it, RFC 3339, RFC 9557, ISO 8601, RFC 2822 and HTTP.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    pub format: Option<String>,
    /// The zone of a time without an offset, such as `Europe/Berlin`. A time with one is shown in this zone.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    pub zone: Option<String>,
    /// What a local time is that clocks show twice, or skip.
    #[serde(default)]
    pub ambiguous: Ambiguous,
}

/// All about a time.
#[derive(Serialize, JsonSchema)]
pub struct Moment {
    /// With offset and zone: RFC 9557.
    pub time: String,
    /// In UTC: RFC 3339.
    pub instant: String,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub unix_ms: i64,
    /// Name of the zone, or its offset.
    pub zone: String,
    /// Such as `+02:00`.
    pub offset: String,
    /// Such as `CEST`.
    pub abbreviation: String,
    /// Whether clocks are advanced.
    pub daylight_saving: bool,
    /// The local date.
    pub date: String,
    /// The local time.
    pub clock: String,
    /// In English.
    pub weekday: String,
    /// Of ISO 8601, such as `2026-W13`.
    pub week: String,
    /// From 1.
    pub day_of_year: i16,
}

/// A standard form.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Style {
    /// With an offset: `2026-03-29T03:30:00+02:00`.
    Rfc3339,
    /// With offset and zone.
    Rfc9557,
    /// In UTC, with `Z`.
    Utc,
    /// As of electronic mail.
    Rfc2822,
    /// As of HTTP, in GMT.
    Http,
    /// The local date alone.
    Date,
    /// Seconds since 1970.
    Unix,
}

/// What is written, and how.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Format {
    /// A time, such as `2026-03-29T02:30:00+01:00`, `2026-03-29 02:30` with a zone, or `Sun, 29 Mar 2026 02:30:00 GMT`.
    #[schemars(length(min = 1, max = 200))]
    pub time: String,
    /// The zone of a time without an offset, such as `Europe/Berlin`. A time with one is shown in this zone.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    pub zone: Option<String>,
    /// A standard form; `rfc3339` when there is no pattern either.
    #[serde(default)]
    pub style: Option<Style>,
    /// A pattern of `strftime`, such as `%A, %d %B %Y`. Names are English.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    pub pattern: Option<String>,
}

/// A text.
#[derive(Serialize, JsonSchema)]
pub struct Written {
    /// The time.
    pub text: String,
}

/// Which time, and where.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Convert {
    /// A time, such as `2026-03-29T02:30:00+01:00`, `2026-03-29 02:30` with a zone, or `Sun, 29 Mar 2026 02:30:00 GMT`.
    #[schemars(length(min = 1, max = 200))]
    pub time: String,
    /// The zone of a time without an offset.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    pub zone: Option<String>,
    /// The other zone: a name, or an offset.
    #[schemars(length(min = 1, max = 200))]
    pub to: String,
    /// What a local time is that clocks show twice, or skip.
    #[serde(default)]
    pub ambiguous: Ambiguous,
}

/// What is added.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Add {
    /// A time, such as `2026-03-29T02:30:00+01:00`, `2026-03-29 02:30` with a zone, or `Sun, 29 Mar 2026 02:30:00 GMT`.
    #[schemars(length(min = 1, max = 200))]
    pub time: String,
    /// The zone of a time without an offset, such as `Europe/Berlin`. A time with one is shown in this zone.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    pub zone: Option<String>,
    /// Such as `P1M`, `1 month`, `2 days 3 hours`, `-90m`.
    #[schemars(length(min = 1, max = 200))]
    pub duration: String,
    /// Takes it away instead.
    #[serde(default)]
    pub subtract: bool,
    /// What a local time is that clocks show twice, or skip.
    #[serde(default)]
    pub ambiguous: Ambiguous,
}

/// The largest part of a duration.
#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Years and smaller.
    Years,
    /// Months and smaller.
    Months,
    /// Weeks and smaller.
    Weeks,
    /// Days and smaller.
    #[default]
    Days,
    /// Hours and smaller.
    Hours,
    /// Minutes and smaller.
    Minutes,
    /// Seconds and smaller.
    Seconds,
}

/// Two times.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// A time, such as `2026-03-29T02:30:00+01:00`, `2026-03-29 02:30` with a zone, or `Sun, 29 Mar 2026 02:30:00 GMT`.
    #[schemars(length(min = 1, max = 200))]
    pub from: String,
    /// The other time.
    #[schemars(length(min = 1, max = 200))]
    pub to: String,
    /// The zone of a time without an offset, such as `Europe/Berlin`. A time with one is shown in this zone.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    pub zone: Option<String>,
    /// The largest part of the answer; days when absent.
    #[serde(default)]
    pub largest: Unit,
}

/// The parts of a duration; all have its sign.
#[derive(Serialize, JsonSchema)]
pub struct Parts {
    /// Years.
    pub years: i64,
    /// Months.
    pub months: i64,
    /// Weeks.
    pub weeks: i64,
    /// Days of the calendar.
    pub days: i64,
    /// Hours.
    pub hours: i64,
    /// Minutes.
    pub minutes: i64,
    /// Seconds.
    pub seconds: i64,
    /// What is below a second.
    pub nanoseconds: i64,
}

/// How long it is.
#[derive(Serialize, JsonSchema)]
pub struct Between {
    /// As ISO 8601 writes it.
    pub iso: String,
    /// As people read it.
    pub text: String,
    /// By the calendar of the first time's zone.
    pub parts: Parts,
    /// Exactly, whatever clocks did.
    pub seconds: f64,
    /// Midnights between: 1 from late in the evening to the next morning.
    pub calendar_days: i64,
}

/// A duration.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Duration {
    /// Such as `P1DT2H`, `1 day 2 hours`, `1d 2h`.
    #[schemars(length(min = 1, max = 200))]
    pub text: String,
    /// Where it begins: so days and months have a length.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    pub from: Option<String>,
    /// The zone of a time without an offset, such as `Europe/Berlin`. A time with one is shown in this zone.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    pub zone: Option<String>,
}

/// What a duration is.
#[derive(Serialize, JsonSchema)]
pub struct Span {
    /// As ISO 8601 writes it.
    pub iso: String,
    /// As people read it.
    pub text: String,
    /// Its parts.
    pub parts: Parts,
    /// Absent where that depends on when it begins: days and months.
    pub seconds: Option<f64>,
}

/// A part of the calendar.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Of {
    /// The hour.
    Hour,
    /// The day.
    Day,
    /// The week, from Monday.
    Week,
    /// The month.
    Month,
    /// Three months.
    Quarter,
    /// The year.
    Year,
}

/// Which part of the calendar.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Period {
    /// A time, such as `2026-03-29T02:30:00+01:00`, `2026-03-29 02:30` with a zone, or `Sun, 29 Mar 2026 02:30:00 GMT`.
    #[schemars(length(min = 1, max = 200))]
    pub time: String,
    /// The zone of a time without an offset, such as `Europe/Berlin`. A time with one is shown in this zone.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    pub zone: Option<String>,
    /// Which part.
    pub of: Of,
}

/// A part of the calendar.
#[derive(Serialize, JsonSchema)]
pub struct Bounds {
    /// Its first moment.
    pub start: Moment,
    /// The first moment after it.
    pub end: Moment,
}

/// A day of the week.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Day {
    /// Monday.
    Monday,
    /// Tuesday.
    Tuesday,
    /// Wednesday.
    Wednesday,
    /// Thursday.
    Thursday,
    /// Friday.
    Friday,
    /// Saturday.
    Saturday,
    /// Sunday.
    Sunday,
}

/// Which times.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// A time, such as `2026-03-29T02:30:00+01:00`, `2026-03-29 02:30` with a zone, or `Sun, 29 Mar 2026 02:30:00 GMT`.
    #[schemars(length(min = 1, max = 200))]
    pub from: String,
    /// The first time that is not taken any more.
    #[schemars(length(min = 1, max = 200))]
    pub to: String,
    /// The zone of a time without an offset, such as `Europe/Berlin`. A time with one is shown in this zone.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    pub zone: Option<String>,
    /// The step: `1 day`, `P1M`, `90 minutes`.
    #[schemars(length(min = 1, max = 200))]
    pub every: String,
    /// Only these days of the week; all when absent.
    #[serde(default)]
    #[schemars(length(max = 7))]
    pub on: Vec<Day>,
    /// The most that are listed; 100 when absent, at most 1,000.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1_000))]
    pub max: Option<usize>,
}

/// Times in order.
#[derive(Serialize, JsonSchema)]
pub struct Times {
    /// With offset and zone.
    pub times: Vec<String>,
    /// Whether there are more.
    pub truncated: bool,
}

/// Which zone, and when.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Zone {
    /// A name, such as `Europe/Berlin`.
    #[schemars(length(min = 1, max = 200))]
    pub zone: String,
    /// The time; now when absent.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    pub at: Option<String>,
}

/// A change of clocks.
#[derive(Serialize, JsonSchema)]
pub struct Change {
    /// When, in UTC.
    pub at: String,
    /// From then on.
    pub offset: String,
    /// From then on.
    pub abbreviation: String,
    /// Whether clocks are advanced from then on.
    pub daylight_saving: bool,
}

/// What is known of a zone at a time.
#[derive(Serialize, JsonSchema)]
pub struct ZoneFacts {
    /// Its name.
    pub zone: String,
    /// The time, in UTC.
    pub at: String,
    /// Such as `+02:00`.
    pub offset: String,
    /// Such as `CEST`.
    pub abbreviation: String,
    /// Whether clocks are advanced.
    pub daylight_saving: bool,
    /// The last change of clocks until then.
    pub before: Option<Change>,
    /// The next one.
    pub after: Option<Change>,
}

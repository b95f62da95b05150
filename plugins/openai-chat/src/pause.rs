//! For how long a server asks to be left alone: `Retry-After`, in seconds or as a date, and what some say in
//! milliseconds.
//!
//! A component has no clock that it needs for this: a date is held against the `Date` of the same answer. How long is
//! too long is the host's to say.

/// Milliseconds that the headers of an answer ask for.
pub(crate) fn asked(headers: &[(String, String)]) -> Option<u64> {
    let header = |name: &str| {
        let found = headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim())
    };
    if let Some(ms) = header("retry-after-ms").and_then(|ms| ms.parse().ok()) {
        return Some(ms);
    }
    let after = header("retry-after")?;
    let seconds = match after.parse::<u64>() {
        Ok(seconds) => seconds,
        Err(_) => moment(after)?.saturating_sub(moment(header("date")?)?),
    };
    seconds.checked_mul(1000)
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Seconds since 1970 of a date such as `Sun, 06 Nov 1994 08:49:37 GMT`, the one form that is still sent.
fn moment(date: &str) -> Option<u64> {
    let (_, rest) = date.split_once(", ")?;
    let [day, month, year, time, "GMT"] = rest.split(' ').collect::<Vec<_>>()[..] else {
        return None;
    };
    let number = |text: &str| text.parse::<u64>().ok();
    let month = MONTHS.iter().position(|known| *known == month)? as u64;
    let [hour, minute, second] = time.split(':').map(number).collect::<Option<Vec<_>>>()?[..]
    else {
        return None;
    };
    let (day, year) = (number(day)?, number(year).filter(|year| (1970..10_000).contains(year))?);
    // Years that begin in March: the leap day is the last one.
    let (years, months) = if month < 2 { (year - 1, month + 10) } else { (year, month - 2) };
    let days = 365 * years + years / 4 - years / 100 + years / 400 + (153 * months + 2) / 5 + day;
    // The first of January 1970, counted like this.
    let days = days.checked_sub(719_469)?;
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(pairs: &[(&str, &str)]) -> Option<u64> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        asked(&pairs.collect::<Vec<_>>())
    }

    #[test]
    fn du_13_seconds_milliseconds_and_dates_are_understood_and_nonsense_is_not() {
        let date = ("Date", "Sun, 06 Nov 1994 08:49:37 GMT");
        for (after, ms) in [
            ("7", Some(7_000)),
            ("0", Some(0)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", Some(30_000)),
            ("Tue, 08 Nov 1994 08:49:37 GMT", Some(2 * 86_400_000)),
            ("Sun, 06 Nov 1994 08:49:00 GMT", Some(0)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", None),
            ("-1", None),
            ("soon", None),
            ("99999999999999999999", None),
            ("9999999999999999999", None),
        ] {
            assert_eq!(said(&[date, ("retry-after", after)]), ms, "{after}");
        }
        assert_eq!(said(&[("Retry-After", "2"), ("retry-after-ms", "1500")]), Some(1_500));
        assert_eq!(said(&[("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT")]), None);
        assert_eq!(said(&[]), None);
    }

    #[test]
    fn moments_are_those_of_the_calendar() {
        assert_eq!(moment("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(moment("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(moment("Thu, 29 Feb 2024 12:00:00 GMT"), Some(1_709_208_000));
    }
}

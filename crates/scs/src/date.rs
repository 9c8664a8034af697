//! The dates that stand in image properties (scs-0102): UTC, in one of three forms.

use jiff::civil::{Date, DateTime, Time};

/// Reads `2026-01-31T13:00:00Z`, `2026-01-31 13:00:00`, `2026-01-31 13:00` or `2026-01-31`, in UTC.
/// Fractions of seconds are taken in the first form.
pub fn parse(text: &str) -> Option<DateTime> {
    if text.len() == 10 {
        return day(text).map(|date| date.at(0, 0, 0, 0));
    }
    let (date, rest) = text.split_at_checked(10)?;
    let (mark, time) = rest.split_at_checked(1)?;
    let date = day(date)?;
    let time = match mark {
        "T" => clock(time.strip_suffix('Z')?, true)?,
        " " => clock(time, false)?,
        _ => return None,
    };
    Some(date.to_datetime(time))
}

fn day(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 || month.len() != 2 || day.len() != 2 {
        return None;
    }
    let year = i16::try_from(number(year)?).ok()?;
    Date::new(year, i8::try_from(number(month)?).ok()?, i8::try_from(number(day)?).ok()?).ok()
}

fn clock(text: &str, exact: bool) -> Option<Time> {
    let (text, fraction) = match text.split_once('.') {
        Some((text, fraction)) if exact => (text, fraction),
        Some(_) => return None,
        None => (text, "0"),
    };
    if fraction.len() > 9 {
        return None;
    }
    let nanosecond =
        number(fraction)?.checked_mul(10_u32.pow(9 - u32::try_from(fraction.len()).ok()?))?;
    let mut parts = text.split(':');
    let hour = small(parts.next()?)?;
    let minute = small(parts.next()?)?;
    let second = match parts.next() {
        Some(second) => small(second)?,
        None if exact => return None,
        None => 0,
    };
    if parts.next().is_some() {
        return None;
    }
    Time::new(hour, minute, second, i32::try_from(nanosecond).ok()?).ok()
}

fn small(text: &str) -> Option<i8> {
    if text.len() == 2 { i8::try_from(number(text)?).ok() } else { None }
}

fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_forms_mean_the_same_instant() {
        let noon = jiff::civil::date(2026, 1, 31).at(12, 0, 0, 0);
        for text in ["2026-01-31T12:00:00Z", "2026-01-31 12:00:00", "2026-01-31 12:00"] {
            assert_eq!(parse(text), Some(noon), "{text}");
        }
        assert_eq!(parse("2026-01-31T12:00:00.000000Z"), Some(noon));
        assert_eq!(parse("2026-01-31"), Some(noon.date().at(0, 0, 0, 0)));
    }

    #[test]
    fn other_forms_and_days_that_do_not_exist_are_not_dates() {
        for text in [
            "",
            "2026",
            "2026-02-30",
            "2026-1-31",
            "31.01.2026",
            "2026-01-31T12:00:00",
            "2026-01-31T12:00Z",
            "2026-01-31 25:00",
            "2026-01-31 12:00:00:00",
            "20260131",
            "2026-01-31 1ä:00",
            "2026-01-3ä",
            "2026-01-31T12:00:00.Z",
            "none",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}

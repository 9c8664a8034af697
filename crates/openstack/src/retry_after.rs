//! The header `Retry-After`, in both its forms (RFC 9110, 10.2.3).

use std::time::Duration;

use lotse_core::time::Timestamp;

/// How long to wait: a number of seconds, or the time until a date; nothing for anything else.
///
/// A date that has passed means no wait at all.
pub fn parse(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a number can have mean "practically never".
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    let date = Timestamp::try_from(date).ok()?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-21T10:00:00Z".parse().unwrap()
    }

    #[test]
    fn seconds_are_a_duration() {
        assert_eq!(parse(" 120 ", now()), Some(Duration::from_mins(2)));
        assert_eq!(parse("99999999999999999999999", now()), Some(Duration::from_secs(u64::MAX)));
    }

    #[test]
    fn a_date_is_the_time_until_it() {
        let date = "Sat, 21 Nov 2026 10:00:30 GMT";
        assert_eq!(parse(date, now()), Some(Duration::from_secs(30)));
        assert_eq!(parse("Fri, 20 Nov 2026 10:00:30 GMT", now()), Some(Duration::ZERO));
    }

    #[test]
    fn anything_else_is_nothing() {
        for value in ["", "soon", "-5", "1.5", "+5"] {
            assert_eq!(parse(value, now()), None, "{value}");
        }
    }
}

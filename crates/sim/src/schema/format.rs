//! Formats of text that schemas name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use lotse_core::time::Timestamp;

const NAME: &str = "An invalid 'name' value was provided. The name must be: ";

/// Whether a text has the format; with a message of its own where the format has one.
pub(crate) fn check(format: &str, text: &str) -> Result<(), Option<String>> {
    let fits = match format {
        "uuid" => is_uuid(text),
        "ipv4" => text.parse::<Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<Ipv6Addr>().is_ok(),
        "ip" => text.parse::<IpAddr>().is_ok(),
        "base64" => is_base64(text),
        "date-time" => instant(text).is_some(),
        "regex" => !text.is_empty() && regex::Regex::new(text).is_ok(),
        "name" => {
            return named(
                text,
                |_| true,
                "printable characters. Can not start or end with whitespace.",
            );
        }
        "az_name" => {
            let reason = "printable characters except :.Can not start or end with whitespace.";
            return named(text, |c| c != ':', reason);
        }
        "keypair_name_20" => return key_name(text, "_- "),
        "keypair_name_292" => return key_name(text, "@._- "),
        _ => true,
    };
    if fits { Ok(()) } else { Err(None) }
}

fn named(text: &str, allowed: fn(char) -> bool, reason: &str) -> Result<(), Option<String>> {
    let printable =
        |c: char| !c.is_control() && (c == ' ' || !matches!(c, '\u{2028}' | '\u{2029}'));
    let ends = |c: Option<char>| c.is_some_and(char::is_whitespace);
    let good = text.chars().all(|c| printable(c) && allowed(c))
        && !ends(text.chars().next())
        && !ends(text.chars().next_back());
    if good { Ok(()) } else { Err(Some(format!("{NAME}{reason}"))) }
}

fn key_name(text: &str, special: &str) -> Result<(), Option<String>> {
    if text.chars().all(|c| c.is_ascii_alphanumeric() || special.contains(c)) {
        return Ok(());
    }
    let digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    Err(Some(format!("{NAME}Only expected characters: [{special}{digits}]")))
}

/// A UUID with or without dashes, braces or a URN in front, in any case.
pub(crate) fn is_uuid(text: &str) -> bool {
    let plain: String = text
        .to_ascii_lowercase()
        .replace("urn:", "")
        .replace("uuid:", "")
        .trim_matches(['{', '}'])
        .replace('-', "");
    plain.len() == 32 && plain.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether Python's `base64.b64decode` takes a text: it skips whatever is no digit, and wants only
/// that the digits come in groups of four.
pub(crate) fn is_base64(text: &str) -> bool {
    let (mut place, mut padding) = (0, 0);
    for byte in text.bytes() {
        if byte == b'=' {
            padding += 1;
            if place >= 2 && place + padding >= 4 {
                // What follows the end is not looked at.
                return true;
            }
        } else if byte.is_ascii_alphanumeric() || b"+/".contains(&byte) {
            padding = 0;
            place = (place + 1) % 4;
        }
    }
    place == 0
}

/// An instant as ISO 8601 writes it; without a zone it is UTC, without a time it is midnight.
pub(crate) fn instant(text: &str) -> Option<Timestamp> {
    let text = text.trim().replace(' ', "T");
    let with_time = if text.contains('T') { text } else { format!("{text}T00:00:00") };
    let time = with_time.split_once('T').map(|(_, time)| time.to_owned())?;
    let zoned = time.ends_with('Z') || time.contains('+') || time.contains('-');
    let full = if zoned { with_time } else { format!("{with_time}Z") };
    full.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_from_other_text() {
        for (format, good, bad) in [
            ("uuid", "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "6ba7b810"),
            ("ipv4", "192.0.2.1", "192.0.2.256"),
            ("ipv6", "2001:db8::1", "2001:db8"),
            ("base64", "aGVsbG8=", "aGVsbG8"),
            ("date-time", "2026-01-02T03:04:05", "yesterday"),
            ("name", "a name", " a name"),
            ("keypair_name_20", "my key", "my.key"),
        ] {
            assert_eq!(check(format, good), Ok(()), "{format}");
            assert!(check(format, bad).is_err(), "{format}");
        }
    }

    #[test]
    fn an_instant_without_a_zone_is_utc() {
        assert_eq!(instant("2026-01-02"), "2026-01-02T00:00:00Z".parse().ok());
        assert_eq!(instant("2026-01-02 03:04:05"), "2026-01-02T03:04:05Z".parse().ok());
        assert_eq!(instant("2026-01-02T03:04:05+01:00"), "2026-01-02T02:04:05Z".parse().ok());
    }
}

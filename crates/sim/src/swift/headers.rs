//! Metadata and other things that travel in headers.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue};
use lotse_core::time::Timestamp;

use super::refusal::Refused;

/// Limits of metadata, as Swift comes: a name, a value, how many, all together.
const LONGEST_NAME: usize = 128;
const LONGEST_VALUE: usize = 256;
const MOST: usize = 90;
const LONGEST: usize = 4096;

/// The text of a header.
pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| std::str::from_utf8(value.as_bytes()).ok())
}

/// Metadata in headers as `x-KIND-meta-NAME`, by name in lower case; empty values take away.
pub(crate) fn metadata(
    headers: &HeaderMap,
    kind: &str,
) -> Result<BTreeMap<String, String>, Refused> {
    let prefix = format!("x-{kind}-meta-");
    let mut found = BTreeMap::new();
    let mut length = 0;
    for (name, value) in headers {
        let Some(name) = name.as_str().strip_prefix(&prefix) else { continue };
        if name.is_empty() {
            return Err(Refused::bad("Metadata name cannot be empty"));
        }
        let value = std::str::from_utf8(value.as_bytes());
        let value = value.map_err(|_| Refused::bad("Metadata must be valid UTF-8"))?;
        length += name.len() + value.len();
        if name.len() > LONGEST_NAME {
            return Err(Refused::bad(format!("Metadata name too long: {prefix}{}", titled(name))));
        }
        if value.len() > LONGEST_VALUE {
            let name = titled(name);
            let text = format!("Metadata value longer than {LONGEST_VALUE}: {prefix}{name}");
            return Err(Refused::bad(text));
        }
        found.insert(name.to_owned(), value.to_owned());
    }
    if found.len() > MOST {
        return Err(Refused::bad(format!("Too many metadata items; max {MOST}")));
    }
    if length > LONGEST {
        return Err(Refused::bad(format!("Total metadata too large; max {LONGEST}")));
    }
    Ok(found)
}

/// A name as Swift's server shows it: every part of it begins with a capital.
fn titled(name: &str) -> String {
    let parts = name.split('-').map(|part| {
        let mut letters = part.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    });
    parts.collect::<Vec<_>>().join("-")
}

/// Changes metadata as the headers of an account or a container want it.
pub(crate) fn change(
    kept: &mut BTreeMap<String, String>,
    given: BTreeMap<String, String>,
    headers: &HeaderMap,
    kind: &str,
) {
    let remove = format!("x-remove-{kind}-meta-");
    for name in headers.keys().filter_map(|name| name.as_str().strip_prefix(&remove)) {
        kept.remove(name);
    }
    for (name, value) in given {
        if value.is_empty() {
            kept.remove(&name);
        } else {
            kept.insert(name, value);
        }
    }
}

/// Shows metadata in headers.
pub(crate) fn show(headers: &mut HeaderMap, kind: &str, metadata: &BTreeMap<String, String>) {
    for (name, value) in metadata {
        set(headers, &format!("x-{kind}-meta-{name}"), value);
    }
}

/// Sets a header, if name and value can be one.
pub(crate) fn set(headers: &mut HeaderMap, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) =
        (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value.as_bytes()))
    {
        headers.insert(name, value);
    }
}

/// A time as `X-Timestamp` has it: seconds with five places.
pub(crate) fn stamp(at: Timestamp) -> String {
    format!("{}.{:05}", at.as_second(), at.subsec_nanosecond() / 10_000)
}

/// A time as `Last-Modified` has it: the next whole second.
pub(crate) fn http_date(at: Timestamp) -> String {
    let seconds = whole_seconds(at);
    let shown = Timestamp::from_second(seconds).unwrap_or(at);
    shown.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// The seconds of a time, rounded up, as Swift compares them.
pub(crate) fn whole_seconds(at: Timestamp) -> i64 {
    at.as_second() + i64::from(at.subsec_nanosecond() > 0)
}

/// A time as lists have it.
pub(crate) fn listed(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%6f").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rounded_up_where_they_have_whole_seconds() {
        let at = "2026-11-21T16:42:58.541789Z".parse().expect("a time");
        assert_eq!(http_date(at), "Sat, 21 Nov 2026 16:42:59 GMT");
        assert_eq!(stamp(at), "1795279378.54178");
        assert_eq!(listed(at), "2026-11-21T16:42:58.541789");
    }

    #[test]
    fn empty_values_and_removals_take_metadata_away() {
        let mut kept = BTreeMap::from(
            [("a", "1"), ("b", "2"), ("c", "3")].map(|(k, v)| (k.to_owned(), v.to_owned())),
        );
        let mut headers = HeaderMap::new();
        set(&mut headers, "X-Account-Meta-A", "");
        set(&mut headers, "X-Remove-Account-Meta-B", "x");
        set(&mut headers, "X-Account-Meta-D", "4");
        let given = metadata(&headers, "account").expect("metadata");
        change(&mut kept, given, &headers, "account");
        assert_eq!(kept.keys().collect::<Vec<_>>(), ["c", "d"]);
    }
}

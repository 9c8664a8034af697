//! What a scalar means: YAML 1.1 exactly as PyYAML's `SafeLoader` reads it.
//!
//! The definition files in the field were written for PyYAML, so its regular expressions are the
//! specification, oddities included: `1e3` is text (the exponent needs a sign and the mantissa a
//! point), `0755` is octal, `1:30` is ninety, `08` and `0o17` are text. A golden table made by
//! PyYAML itself (`testdata/pyyaml-scalars.json`) holds this module to it.

use std::fmt;

use jiff::civil;

/// A resolved scalar.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// `~`, `null` or nothing at all.
    Null,
    /// `true`, `yes`, `on` and their opposites.
    Bool(bool),
    /// An integer between `i64::MIN` and `u64::MAX`.
    Int(i128),
    /// A floating-point number; may be infinite or not a number.
    Float(f64),
    /// A bare date.
    Date(civil::Date),
    /// A bare date with time.
    DateTime(DateTime),
    /// Everything else, and everything quoted; the text is in [`super::Node::raw`].
    Text,
}

/// A date with time, with or without an offset from UTC.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DateTime {
    /// Local date and time, microseconds at most.
    pub civil: civil::DateTime,
    /// Offset from UTC in seconds; `None` where the file gives none.
    pub offset: Option<i32>,
}

impl DateTime {
    /// As Python's `isoformat(separator)` writes it.
    pub fn iso(&self, separator: char) -> String {
        let (date, time) = (self.civil.date(), self.civil.time());
        let (hour, minute, second) = (time.hour(), time.minute(), time.second());
        let fraction = match time.subsec_nanosecond() / 1000 {
            0 => String::new(),
            micros => format!(".{micros:06}"),
        };
        let offset = self.offset.map_or_else(String::new, |offset| {
            let sign = if offset < 0 { '-' } else { '+' };
            let minutes = offset.abs() / 60;
            format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
        });
        format!("{date}{separator}{hour:02}:{minute:02}:{second:02}{fraction}{offset}")
    }
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iso('T'))
    }
}

impl Scalar {
    /// The type as people call it, with its article.
    pub const fn describe(&self) -> &'static str {
        match self {
            Self::Null => "nothing (null)",
            Self::Bool(true) => "the boolean true",
            Self::Bool(false) => "the boolean false",
            Self::Int(_) => "an integer",
            Self::Float(_) => "a floating-point number",
            Self::Date(_) => "a date",
            Self::DateTime(_) => "a date with time",
            Self::Text => "text",
        }
    }
}

/// Why a scalar that looks like a number or a date is none.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ScalarError {
    /// The day does not exist, or the hour, or the offset.
    #[error("it has the form of a date, but there is no such date")]
    NoSuchDate,
    /// Digits are missing after `0x` or `0b`.
    #[error("it has the form of a number, but has no digits")]
    NoDigits,
    /// More than 64 bits.
    #[error("the number does not fit into 64 bits")]
    TooLarge,
}

/// Resolves a plain (unquoted, untagged) scalar.
///
/// # Errors
/// Where PyYAML fails, too, and where the number is larger than we keep.
pub fn resolve(text: &str) -> Result<Scalar, ScalarError> {
    let Some(first) = text.bytes().next() else { return Ok(Scalar::Null) };
    match text {
        "~" | "null" | "Null" | "NULL" => return Ok(Scalar::Null),
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Ok(Scalar::Bool(true));
        }
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Ok(Scalar::Bool(false));
        }
        _ => {}
    }
    if !matches!(first, b'-' | b'+' | b'.' | b'0'..=b'9') {
        return Ok(Scalar::Text);
    }
    if let Some(float) = float(text) {
        return Ok(Scalar::Float(float));
    }
    if let Some(int) = int(text) {
        return int.map(Scalar::Int);
    }
    timestamp(text).unwrap_or(Ok(Scalar::Text))
}

fn split_sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

fn all(text: &str, allowed: impl Fn(u8) -> bool) -> bool {
    text.bytes().all(allowed)
}

fn digit(byte: u8) -> bool {
    byte.is_ascii_digit()
}

fn digit_or_underscore(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == b'_'
}

/// `[0-9][0-9_]*`
fn decimal(text: &str) -> bool {
    text.bytes().next().is_some_and(digit) && all(text, digit_or_underscore)
}

/// `[0-5]?[0-9]`
fn sixtieth(text: &str) -> bool {
    match text.as_bytes() {
        [one] => digit(*one),
        [ten, one] => (b'0'..=b'5').contains(ten) && digit(*one),
        _ => false,
    }
}

/// `[eE][-+][0-9]+`, or nothing; returns what stands before it.
fn without_exponent(text: &str) -> Option<&str> {
    let Some(at) = text.find(['e', 'E']) else { return Some(text) };
    let (mantissa, exponent) = text.split_at(at);
    let digits = exponent.get(2..)?;
    let signed = matches!(exponent.as_bytes().get(1), Some(b'-' | b'+'));
    (signed && !digits.is_empty() && all(digits, digit)).then_some(mantissa)
}

fn float(text: &str) -> Option<f64> {
    let (negative, rest) = split_sign(text);
    let signed = |value: f64| if negative { -value } else { value };
    match rest {
        ".inf" | ".Inf" | ".INF" => return Some(signed(f64::INFINITY)),
        ".nan" | ".NaN" | ".NAN" if rest.len() == text.len() => return Some(f64::NAN),
        _ => {}
    }
    if rest.contains(':') {
        return sexagesimal_float(rest).map(signed);
    }
    let (whole, fraction) = without_exponent(rest)?.split_once('.')?;
    let well_formed = if whole.is_empty() {
        // `\.[0-9][0-9_]*`: this form takes no sign.
        rest.len() == text.len() && decimal(fraction)
    } else {
        decimal(whole) && all(fraction, digit_or_underscore)
    };
    if !well_formed {
        return None;
    }
    rest.replace('_', "").parse().ok().map(signed)
}

/// `[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*`
fn sexagesimal_float(text: &str) -> Option<f64> {
    let (whole, fraction) = text.split_once('.')?;
    if !all(fraction, digit_or_underscore) {
        return None;
    }
    let mut parts = whole.split(':');
    let first = parts.next().filter(|part| decimal(part))?;
    let mut value: f64 = first.replace('_', "").parse().ok()?;
    let mut last = None;
    for part in parts {
        if !sixtieth(part) {
            return None;
        }
        if let Some(previous) = last.replace(part) {
            value = value * 60.0 + f64::from(previous.parse::<u8>().ok()?);
        }
    }
    let last: f64 = format!("{}.{}", last?, fraction.replace('_', "")).parse().ok()?;
    Some(value * 60.0 + last)
}

fn int(text: &str) -> Option<Result<i128, ScalarError>> {
    let (negative, rest) = split_sign(text);
    let digits = |text: &str, radix| {
        let text = text.replace('_', "");
        if text.is_empty() {
            return Err(ScalarError::NoDigits);
        }
        i128::from_str_radix(&text, radix).map_err(|_| ScalarError::TooLarge)
    };
    let magnitude = if let Some(binary) = rest.strip_prefix("0b") {
        (!binary.is_empty() && all(binary, |b| matches!(b, b'0' | b'1' | b'_')))
            .then(|| digits(binary, 2))?
    } else if let Some(hex) = rest.strip_prefix("0x") {
        (!hex.is_empty() && all(hex, |b| b.is_ascii_hexdigit() || b == b'_'))
            .then(|| digits(hex, 16))?
    } else if let Some(octal) = rest.strip_prefix('0') {
        all(octal, |b| matches!(b, b'0'..=b'7' | b'_')).then(|| digits(rest, 8))?
    } else if rest.contains(':') {
        sexagesimal_int(rest)?
    } else {
        decimal(rest).then(|| digits(rest, 10))?
    };
    Some(magnitude.and_then(|magnitude| {
        let value = if negative { -magnitude } else { magnitude };
        let fits = (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&value);
        if fits { Ok(value) } else { Err(ScalarError::TooLarge) }
    }))
}

/// `[1-9][0-9_]*(?::[0-5]?[0-9])+`
fn sexagesimal_int(text: &str) -> Option<Result<i128, ScalarError>> {
    let mut parts = text.split(':');
    let first = parts.next().filter(|part| decimal(part) && !part.starts_with('0'))?;
    let mut value = first.replace('_', "").parse::<i128>().map_err(|_| ScalarError::TooLarge);
    for part in parts {
        if !sixtieth(part) {
            return None;
        }
        let digit: i128 = part.parse().ok()?;
        value = value.and_then(|value| {
            value
                .checked_mul(60)
                .and_then(|value| value.checked_add(digit))
                .ok_or(ScalarError::TooLarge)
        });
    }
    Some(value)
}

/// A cursor over ASCII text, for the fixed forms of dates.
struct Cursor<'a>(&'a str);

impl<'a> Cursor<'a> {
    /// Between `least` and `most` digits.
    fn digits(&mut self, least: usize, most: usize) -> Option<&'a str> {
        let length = self.0.bytes().take(most).take_while(u8::is_ascii_digit).count();
        if length < least {
            return None;
        }
        let (digits, rest) = self.0.split_at(length);
        self.0 = rest;
        Some(digits)
    }

    fn take(&mut self, wanted: char) -> bool {
        match self.0.strip_prefix(wanted) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    fn blanks(&mut self) -> bool {
        let before = self.0.len();
        self.0 = self.0.trim_start_matches([' ', '\t']);
        self.0.len() < before
    }
}

/// `None` where the text has not the form of a date.
fn timestamp(text: &str) -> Option<Result<Scalar, ScalarError>> {
    let mut at = Cursor(text);
    let year = at.digits(4, 4)?;
    at.take('-').then_some(())?;
    let month = at.digits(1, 2)?;
    at.take('-').then_some(())?;
    let day = at.digits(1, 2)?;
    let date = || {
        let year: i16 = year.parse().ok().filter(|year| *year >= 1)?;
        civil::Date::new(year, month.parse().ok()?, day.parse().ok()?).ok()
    };
    if at.0.is_empty() {
        // A bare date needs both digits of month and day.
        return (month.len() == 2 && day.len() == 2)
            .then(|| date().map(Scalar::Date).ok_or(ScalarError::NoSuchDate));
    }
    if !(at.take('T') || at.take('t') || at.blanks()) {
        return None;
    }
    let hour = at.digits(1, 2)?;
    at.take(':').then_some(())?;
    let minute = at.digits(2, 2)?;
    at.take(':').then_some(())?;
    let second = at.digits(2, 2)?;
    let fraction = if at.take('.') { at.digits(0, usize::MAX)? } else { "" };
    let offset = offset(&mut at)?;
    let time = || {
        let nanos = format!("{:0<6}000", fraction.get(..6).unwrap_or(fraction));
        let parts = (hour.parse().ok()?, minute.parse().ok()?, second.parse().ok()?);
        civil::Time::new(parts.0, parts.1, parts.2, nanos.parse().ok()?).ok()
    };
    Some(offset.and_then(|offset| {
        let (date, time) = date().zip(time()).ok_or(ScalarError::NoSuchDate)?;
        Ok(Scalar::DateTime(DateTime { civil: date.to_datetime(time), offset }))
    }))
}

/// The rest of a date with time: nothing, `Z`, or an offset of less than a day. `None` says that the
/// text has another form.
fn offset(at: &mut Cursor<'_>) -> Option<Result<Option<i32>, ScalarError>> {
    let blanks = at.blanks();
    if at.0.is_empty() {
        return (!blanks).then_some(Ok(None));
    }
    if at.take('Z') {
        return at.0.is_empty().then_some(Ok(Some(0)));
    }
    let negative = at.take('-');
    if !negative && !at.take('+') {
        return None;
    }
    let hours: i32 = at.digits(1, 2)?.parse().ok()?;
    let minutes: i32 = if at.take(':') { at.digits(2, 2)?.parse().ok()? } else { 0 };
    if !at.0.is_empty() {
        return None;
    }
    let seconds = (hours * 60 + minutes) * 60;
    let seconds = if negative { -seconds } else { seconds };
    Some(if seconds.abs() < 86_400 { Ok(Some(seconds)) } else { Err(ScalarError::NoSuchDate) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One row of the golden table: `[text, type, value]`.
    fn shown(text: &str) -> (String, String) {
        match resolve(text) {
            Ok(Scalar::Null) => ("null".into(), String::new()),
            Ok(Scalar::Bool(value)) => ("bool".into(), value.to_string()),
            Ok(Scalar::Int(value)) => ("int".into(), value.to_string()),
            // Bits, so that the comparison is exact; one pattern for "not a number".
            Ok(Scalar::Float(value)) if value.is_nan() => ("float".into(), "nan".into()),
            Ok(Scalar::Float(value)) => ("float".into(), format!("{:016x}", value.to_bits())),
            Ok(Scalar::Date(value)) => ("date".into(), value.to_string()),
            Ok(Scalar::DateTime(value)) => ("datetime".into(), value.iso('T')),
            Ok(Scalar::Text) => ("str".into(), text.into()),
            Err(ScalarError::TooLarge) => ("too-large".into(), String::new()),
            Err(_) => ("error".into(), String::new()),
        }
    }

    #[test]
    fn every_scalar_of_the_golden_table_means_what_pyyaml_says() {
        let table = include_str!("testdata/pyyaml-scalars.json");
        let rows: Vec<[String; 3]> = serde_json::from_str(table).unwrap();
        assert!(rows.len() > 3000, "the table has only {} rows", rows.len());
        let wrong: Vec<_> = rows
            .iter()
            .map(|[text, kind, value]| (text, (kind.clone(), value.clone()), shown(text)))
            .filter(|(_, expected, found)| expected != found)
            .collect();
        assert!(
            wrong.is_empty(),
            "{} rows differ: {:#?}",
            wrong.len(),
            &wrong[..wrong.len().min(20)]
        );
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_resolver_panic(text in "[-+.:_0-9a-fxoTZe ñ]{0,24}|\\PC{0,12}") {
            drop(resolve(&text));
        }
    }
}

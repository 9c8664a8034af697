//! How a value is written: in the way of the one that stood there, as long as it means the same.

use lotse_core::declared::Scalar;
use lotse_core::declared::scalar::resolve;
use saphyr_parser::ScalarStyle;

/// The text of a value in the style of another. Texts that would be something else to a reader of
/// YAML 1.1 without quotes (`20261001`, `1.10`, `no`) get them; dates never do.
pub(super) fn written(value: &str, style: ScalarStyle, flow: bool) -> String {
    let single = || format!("'{}'", value.replace('\'', "''"));
    match style {
        ScalarStyle::DoubleQuoted => {
            format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
        }
        ScalarStyle::Literal | ScalarStyle::Folded => value.to_owned(),
        ScalarStyle::Plain if is_plain(value, flow) => value.to_owned(),
        ScalarStyle::SingleQuoted | ScalarStyle::Plain => single(),
    }
}

fn is_plain(value: &str, flow: bool) -> bool {
    let first = value.starts_with(|c: char| c.is_ascii_alphanumeric());
    let safe = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || b"._~:/%+@?=&;$()!*'-".contains(&byte)
            || (!flow && b",[]{}".contains(&byte))
    };
    let meant = matches!(resolve(value), Ok(Scalar::Text | Scalar::Date(_)));
    first && meant && value.bytes().all(safe) && !value.ends_with(':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_keeps_the_style_of_its_place_where_that_keeps_its_meaning() {
        let plain = |text| written(text, ScalarStyle::Plain, false);
        for text in ["2026-10-01", "https://h/a?b=c,d", "sha512:ab", "1.11.3", "4230.2.4"] {
            assert_eq!(plain(text), text);
        }
        for text in ["20261001", "1.10", "no", "a: b", "a #b", "x:", "", "1:30", "~"] {
            assert_eq!(plain(text), format!("'{text}'"));
        }
        assert_eq!(written("a,b", ScalarStyle::Plain, true), "'a,b'");
        assert_eq!(written("it's", ScalarStyle::SingleQuoted, false), "'it''s'");
        assert_eq!(written("a\"\\", ScalarStyle::DoubleQuoted, false), "\"a\\\"\\\\\"");
    }
}

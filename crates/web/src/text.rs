//! Foreign text on its way: to people it is short, on one line and without control characters; into an
//! address it is encoded.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// At most `longest` characters of the text; what cannot be seen is replaced, what is cut is marked.
pub fn shown(text: &str, longest: usize) -> String {
    let mut shown: String = text.chars().take(longest).map(visible).collect();
    if text.chars().nth(longest).is_some() {
        shown.push('…');
    }
    shown
}

/// The text as a part of an address (a segment of its path, or a value of its query): everything but
/// letters and digits of ASCII is percent-encoded (RFC 3986, section 2.1).
pub fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// The character, or what stands for it. Besides control characters, those that turn the direction
/// of writing would let a name look like another one.
fn visible(character: char) -> char {
    match character {
        '\t' | '\n' | '\r' => ' ',
        '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}'
        | '\u{feff}' => '\u{fffd}',
        other if other.is_control() => '\u{fffd}',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_and_invisible_text_becomes_short_and_visible() {
        assert_eq!(shown("Debian 13", 9), "Debian 13");
        assert_eq!(shown("Debian 13", 6), "Debian…");
        assert_eq!(shown("a\u{0}b\u{202e}c\nd\u{1b}[1m", 99), "a\u{fffd}b\u{fffd}c d\u{fffd}[1m");
        assert_eq!(shown(&"ä".repeat(1 << 20), 3), "äää…");
    }

    #[test]
    fn no_sign_of_a_text_means_something_in_an_address() {
        assert_eq!(encoded("Debian 13"), "Debian%2013");
        assert_eq!(encoded("../a?b#c%&ä\0"), "%2E%2E%2Fa%3Fb%23c%25%26%C3%A4%00");
    }
}

//! Text that fits and cannot play tricks.

use serde_json::Value;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The columns a text takes on a terminal.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// Control characters (line ends, escapes, direction changes) become visible.
pub(crate) fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' => clean.push('⏎'),
            '\t' => clean.push(' '),
            letter if letter.is_control() || changes_direction(letter) => {
                clean.extend(letter.escape_unicode());
            }
            letter => clean.push(letter),
        }
    }
    clean
}

/// Unicode's explicit directional formatting: can make text read as something else.
const fn changes_direction(letter: char) -> bool {
    matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A value as people read it in a change; `None` when it is absent.
pub(super) fn value(value: &Value) -> Option<String> {
    (!value.is_null()).then(|| clean(&value.to_string()))
}

/// The text in at most `most` columns, its middle left out.
pub(super) fn shorten(text: &str, most: usize) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let room = most.saturating_sub(1);
    let tail_room = room / 2;
    let head = prefix(text.chars(), room - tail_room);
    let tail: String = prefix(text.chars().rev(), tail_room).chars().rev().collect();
    format!("{head}…{tail}")
}

/// Two texts in at most `most` columns each, so that their difference still shows.
pub(super) fn shorten_pair(before: &str, after: &str, most: usize) -> (String, String) {
    let short = (shorten(before, most), shorten(after, most));
    if short.0 != short.1 || before == after {
        return short;
    }
    let same = before.chars().zip(after.chars()).take_while(|(one, other)| one == other).count();
    // A little of what is the same says where we are.
    let skipped = same.saturating_sub(4);
    let from_difference = |text: &str| {
        let rest: String = text.chars().skip(skipped).collect();
        if width(&rest) < most {
            format!("…{rest}")
        } else {
            format!("…{}…", prefix(rest.chars(), most.saturating_sub(2)))
        }
    };
    (from_difference(before), from_difference(after))
}

fn prefix(letters: impl Iterator<Item = char>, most: usize) -> String {
    let mut taken = 0;
    letters
        .take_while(|letter| {
            taken += letter.width().unwrap_or(0);
            taken <= most
        })
        .collect()
}

/// The text in lines of at most `most` columns, broken between words where possible.
pub(super) fn wrap(text: &str, most: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && width(&line) + 1 + width(word) > most {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&shorten(word, most));
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// Spaces after the text up to `to` columns.
pub(super) fn pad(text: &str, to: usize) -> String {
    let missing = to.saturating_sub(width(text));
    format!("{text}{:missing$}", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_loses_its_middle_and_wide_letters_count_twice() {
        assert_eq!(shorten("abcdefghij", 10), "abcdefghij");
        assert_eq!(shorten("abcdefghijk", 7), "abc…ijk");
        assert_eq!(width(&shorten("日本語日本語日本語", 8)), 7);
    }

    #[test]
    fn a_difference_in_the_middle_of_long_texts_stays_visible() {
        let before = format!("{}one{}", "x".repeat(50), "y".repeat(50));
        let after = format!("{}two{}", "x".repeat(50), "y".repeat(50));
        let (before, after) = shorten_pair(&before, &after, 20);
        assert!(before.contains("one") && after.contains("two"), "{before} {after}");
        assert!(width(&before) <= 20 && width(&after) <= 20);
    }

    #[test]
    fn nothing_in_a_name_reaches_the_terminal_as_a_command() {
        assert_eq!(clean("a\u{1b}[31mred\nb\u{202e}c"), "a\\u{1b}[31mred⏎b\\u{202e}c");
    }

    #[test]
    fn words_wrap_and_too_long_ones_are_shortened() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("incomprehensibilities", 9), ["inco…ties"]);
        assert_eq!(wrap("", 9), Vec::<String>::new());
    }
}

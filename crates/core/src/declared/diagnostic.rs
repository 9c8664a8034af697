//! Complaints about places, and how they look.
//!
//! ```text
//! images/debian.yml:3:5: unknown key "naem"
//!   3 |     naem: Debian 12
//!     |     ^^^^
//!   help: did you mean "name"?
//! ```
//!
//! The text is plain; colour is the binary's affair. Because the offending line is shown, what stands
//! behind a key that looks secret (`password`, `token`, …) is masked.

use std::fmt;

use super::Span;

/// One complaint about one place.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize)]
pub struct Diagnostic {
    /// The file.
    pub file: String,
    /// The place.
    pub span: Span,
    /// The whole line the place is in, secrets masked.
    pub line_text: String,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
    /// Other places that have to do with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Place>,
}

/// A place that a complaint also refers to.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize)]
pub struct Place {
    /// The file.
    pub file: String,
    /// The place.
    pub span: Span,
    /// The whole line, secrets masked.
    pub line_text: String,
    /// What is there, for example `first given here`.
    pub note: String,
}

impl Diagnostic {
    /// The same with what to write instead.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same with another place.
    #[must_use]
    pub fn with_also(mut self, place: Place) -> Self {
        self.also.push(place);
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        marked(f, &self.file, self.span, &self.line_text, &self.message)?;
        if let Some(help) = &self.help {
            write!(f, "\n  help: {help}")?;
        }
        for place in &self.also {
            writeln!(f)?;
            marked(f, &place.file, place.span, &place.line_text, &place.note)?;
        }
        Ok(())
    }
}

fn marked(
    f: &mut fmt::Formatter<'_>,
    file: &str,
    span: Span,
    line: &str,
    message: &str,
) -> fmt::Result {
    writeln!(f, "{file}:{}:{}: {message}", span.line, span.column)?;
    let number = span.line.to_string();
    writeln!(f, "  {number} | {line}")?;
    // Tabs stay tabs under tabs, so that the caret stands where it should in any terminal.
    let before = (span.column as usize).saturating_sub(1);
    let pad: String = line
        .chars()
        .map(|c| if c == '\t' { '\t' } else { ' ' })
        .chain(std::iter::repeat(' '))
        .take(before.min(MAX_SHOWN))
        .collect();
    let room = line.chars().count().saturating_sub(before).max(1);
    let carets = "^".repeat((span.length as usize).clamp(1, room));
    write!(f, "  {:width$} | {pad}{carets}", "", width = number.len())
}

/// Lines longer than this are cut, in characters.
const MAX_SHOWN: usize = 200;

/// What stands in for a secret.
const MASK: &str = "…";

/// Whether a key of this name holds a secret.
pub fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["password", "passwd", "secret", "token", "passphrase", "passcode", "private_key"]
        .iter()
        .any(|word| key.contains(word))
}

/// The lines of a text as YAML counts them (YAML 1.2.2, section 5.4): a lone carriage return ends one
/// too, unlike with [`str::lines`].
pub(super) fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest.filter(|text| !text.is_empty())?;
        let Some(at) = text.find(['\r', '\n']) else { return rest.take() };
        let (line, tail) = text.split_at(at);
        rest = tail.strip_prefix("\r\n").or_else(|| tail.get(1..));
        Some(line)
    })
}

/// A line as complaints show it: cut, control characters replaced, secrets masked.
pub(super) fn shown_line(text: &str, line: u32) -> String {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines: Vec<&str> = lines(text).take(line as usize).collect();
    let Some((shown, above)) = lines.split_last() else { return String::new() };
    if (line as usize) > lines.len() {
        return String::new();
    }
    // Cut first: what is looked for in a line must not depend on how long it is.
    let (start, cut) = beginning(shown);
    let text = if continues_secret(start, above) { MASK.to_owned() } else { masked(start) };
    let clean = |c: char| if c.is_control() && c != '\t' { '\u{fffd}' } else { c };
    let mut text: String = text.chars().map(clean).collect();
    if cut {
        text.push('…');
    }
    text
}

/// At most [`MAX_SHOWN`] characters, and whether there are more.
fn beginning(line: &str) -> (&str, bool) {
    match line.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => (line.get(..end).unwrap_or_default(), true),
        None => (line, false),
    }
}

/// So many lines above a line are looked through for the key it belongs to.
const MAX_ABOVE: usize = 1000;

/// The line with everything after a secret's key replaced.
fn masked(line: &str) -> String {
    for (at, _) in line.match_indices(':') {
        let (before, after) = line.split_at(at + 1);
        if is_secret(last_word(before)) && !after.trim().is_empty() {
            return format!("{before} {MASK}");
        }
    }
    line.to_owned()
}

fn last_word(before: &str) -> &str {
    let before = before.trim_end_matches([':', '"', '\'', ' ']);
    before.rsplit([' ', '{', ',', '"', '\'', '\t']).next().unwrap_or(before)
}

/// Whether the line belongs to a value that began on a line above, behind the key of a secret.
fn continues_secret(line: &str, above: &[&str]) -> bool {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut limit = indent(line);
    let above = above.iter().rev().take(MAX_ABOVE).map(|line| beginning(line).0);
    for earlier in above.filter(|line| !line.trim().is_empty()) {
        if indent(earlier) >= limit {
            continue;
        }
        limit = indent(earlier);
        if earlier.match_indices(':').any(|(at, _)| is_secret(last_word(&earlier[..=at]))) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::super::SourceFile;
    use super::*;

    fn at(text: &str, line: u32, column: u32, length: u32) -> String {
        SourceFile::new("f.yaml", text).complain(Span { line, column, length }, "wrong").to_string()
    }

    #[test]
    fn the_line_is_shown_with_a_caret_under_the_place() {
        assert_eq!(
            at("a: 1\n\tb: ünï\n", 2, 5, 3),
            "f.yaml:2:5: wrong\n  2 | \tb: ünï\n    | \t   ^^^"
        );
    }

    #[test]
    fn a_lone_carriage_return_ends_a_line_as_in_yaml() {
        let all = |text| lines(text).collect::<Vec<_>>();
        assert_eq!(all("a\rb\r\n\nc"), ["a", "b", "", "c"]);
        assert_eq!(all("a\n"), ["a"]);
        assert_eq!(at("a: 1\rb: 2\rb: 3\r", 3, 1, 1), "f.yaml:3:1: wrong\n  3 | b: 3\n    | ^");
        assert!(!at("user: a\rpassword: hunter2\r", 2, 1, 8).contains("hunter2"));
    }

    #[test]
    fn places_beyond_the_file_do_no_harm() {
        assert_eq!(at("", 9, 4, 7), "f.yaml:9:4: wrong\n  9 | \n    |    ^");
    }

    #[test]
    fn values_of_secret_keys_are_masked_wherever_they_stand() {
        for text in [
            "password: hunter2",
            "  - {user: a, 'admin_password' : hunter2, b: c}",
            "application_credential_secret: \"hunter2\"",
        ] {
            assert!(!at(text, 1, 1, 1).contains("hunter2"), "{text}");
        }
        assert!(!at("auth:\n  password: >\n\n    x\n    hunter2\n", 5, 5, 3).contains("hunter2"));
        assert!(at("password: x\nuser: visible\n", 2, 1, 1).contains("visible"));
    }
}

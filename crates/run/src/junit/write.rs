//! A run as JUnit XML.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

use crate::model::{Case, Run, Verdict};

/// The run as JUnit XML, one `testsuite` for each suite in the order they first appear.
///
/// Characters that XML cannot hold (most control characters) are written as `U+FFFD`.
pub fn write(run: &Run) -> String {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let all: Vec<&Case> = run.cases.iter().collect();
    open(&mut xml, 0, "testsuites", &run.name, &all, run.duration);
    let mut suites: Vec<(&str, Vec<&Case>)> = Vec::new();
    let mut positions = std::collections::HashMap::new();
    for case in &run.cases {
        let position = *positions.entry(case.suite.as_str()).or_insert_with(|| {
            suites.push((&case.suite, Vec::new()));
            suites.len() - 1
        });
        if let Some((_, cases)) = suites.get_mut(position) {
            cases.push(case);
        }
    }
    for (suite, cases) in suites {
        open(&mut xml, 1, "testsuite", suite, &cases, None);
        for case in cases {
            one(&mut xml, case);
        }
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>\n");
    xml
}

/// The start tag of a set of cases with its counts.
fn open(
    xml: &mut String,
    depth: usize,
    tag: &str,
    name: &str,
    cases: &[&Case],
    took: Option<Duration>,
) {
    let count = |element| {
        cases.iter().filter(|case| word(case.verdict).is_some_and(|word| word.0 == element)).count()
    };
    let took = took.unwrap_or_else(|| cases.iter().filter_map(|case| case.duration).sum());
    put(
        xml,
        format_args!(
            "{:indent$}<{tag} name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{:.3}\">\n",
            "",
            escape(name),
            cases.len(),
            count("failure"),
            count("error"),
            count("skipped"),
            took.as_secs_f64(),
            indent = depth * 2,
        ),
    );
}

fn one(xml: &mut String, case: &Case) {
    let time = case
        .duration
        .map_or_else(String::new, |duration| format!(" time=\"{:.6}\"", duration.as_secs_f64()));
    let (name, suite) = (escape(&case.name), escape(&case.suite));
    put(xml, format_args!("    <testcase name=\"{name}\" classname=\"{suite}\"{time}>\n"));
    if let Some((element, kind)) = word(case.verdict) {
        let message = case.message.as_deref().unwrap_or_default();
        let message = escape(message);
        put(xml, format_args!("      <{element} type=\"{kind}\" message=\"{message}\">"));
        xml.push_str(&escape(case.detail.as_deref().unwrap_or_default()));
        put(xml, format_args!("</{element}>\n"));
    } else if let Some(detail) = &case.detail {
        put(xml, format_args!("      <system-out>{}</system-out>\n", escape(detail)));
    }
    xml.push_str("    </testcase>\n");
}

/// The element and the `type` for a verdict; a pass has none.
const fn word(verdict: Verdict) -> Option<(&'static str, &'static str)> {
    match verdict {
        Verdict::Pass => None,
        Verdict::Skip | Verdict::Xfail | Verdict::NotRun => Some(("skipped", verdict.as_str())),
        Verdict::Fail | Verdict::UnexpectedSuccess | Verdict::Timeout => {
            Some(("failure", verdict.as_str()))
        }
        Verdict::Error | Verdict::Crashed => Some(("error", verdict.as_str())),
    }
}

/// Text as XML can hold it.
fn escape(text: &str) -> Cow<'_, str> {
    let plain = |letter: char| {
        !matches!(letter, '<' | '>' | '&' | '"' | '\'' | '\n' | '\r' | '\t') && is_xml(letter)
    };
    if text.chars().all(plain) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        match letter {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            // As references, because attributes would turn them into spaces.
            '\n' => escaped.push_str("&#10;"),
            '\r' => escaped.push_str("&#13;"),
            '\t' => escaped.push_str("&#9;"),
            letter if is_xml(letter) => escaped.push(letter),
            _ => escaped.push('\u{fffd}'),
        }
    }
    Cow::Owned(escaped)
}

/// Whether XML 1.0 allows the character.
const fn is_xml(letter: char) -> bool {
    matches!(letter,
        '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

fn put(xml: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    xml.write_fmt(text).unwrap_or_default();
}

//! A run for people and for programs.

use anstyle::{AnsiColor, Color, Style};
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use crate::model::{Case, Run, Verdict};

/// The run as JSON: its fields, `summary`, `worst` and the latencies by operation.
pub fn json(run: &Run) -> Value {
    let summary = run.summary();
    let latencies: serde_json::Map<String, Value> = run
        .latencies()
        .iter()
        .map(|(operation, latencies)| (operation.clone(), json!(latencies.summary())))
        .collect();
    // Every field of a run has a JSON form, so this cannot fail; `null` would say that it did.
    let mut value = serde_json::to_value(run).unwrap_or(Value::Null);
    if let Value::Object(fields) = &mut value {
        fields.insert("worst".to_owned(), json!(summary.worst()));
        fields.insert("summary".to_owned(), json!(summary));
        fields.insert("latencies".to_owned(), Value::Object(latencies));
    }
    value
}

/// The run as text: bad cases with their reason, what was skipped and why, the counts.
///
/// Passes are only counted. `colour` writes ANSI colours.
pub fn table(run: &Run, colour: bool) -> String {
    let mut text = String::new();
    let mut told: Vec<&Case> =
        run.cases.iter().filter(|case| case.verdict != Verdict::Pass).collect();
    told.sort_by_key(|case| case.verdict);
    let widest = told.iter().map(|case| case.verdict.as_str().width()).max().unwrap_or_default();
    for case in told {
        let word = format!("{:<widest$}", case.verdict);
        let key = clean(&case.key());
        let why = case.message.as_deref().map(clean).unwrap_or_default();
        let colon = if why.is_empty() { "" } else { ": " };
        let word = painted(case.verdict, &word, colour);
        text.extend([word.as_str(), "  ", &key, colon, &why, "\n"]);
    }
    let summary = run.summary();
    let verdict = summary.worst().unwrap_or(Verdict::Pass);
    let sum = format!("{}: {summary}", clean(&run.name));
    text.push_str(&painted(verdict, &sum, colour));
    if let Some(duration) = run.duration {
        text.extend([" in ", &format!("{:.1}", duration.as_secs_f64()), " s"]);
    }
    text.push('\n');
    text
}

fn painted(verdict: Verdict, text: &str, colour: bool) -> String {
    if !colour {
        return text.to_owned();
    }
    let of = match verdict {
        Verdict::Pass | Verdict::Xfail => AnsiColor::Green,
        Verdict::Skip => AnsiColor::Yellow,
        _ => AnsiColor::Red,
    };
    let style = Style::new().fg_color(Some(Color::Ansi(of)));
    format!("{style}{text}{style:#}")
}

/// Longer messages are cut, in characters.
const LONGEST: usize = 400;

/// One line without anything that a terminal would obey.
fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for letter in text.trim().chars().take(LONGEST) {
        if letter == '\n' {
            clean.push(' ');
        } else if letter.is_control() {
            clean.extend(letter.escape_unicode());
        } else {
            clean.push(letter);
        }
    }
    if text.trim().chars().nth(LONGEST).is_some() {
        clean.push('…');
    }
    clean
}

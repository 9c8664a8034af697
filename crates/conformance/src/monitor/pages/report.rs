//! A report: its results, and the lines of its log that may be shown.

use serde_json::Value;

use super::{Place, linked};
use crate::model::Verdict;
use crate::monitor::doc::{Block, Inline};
use crate::monitor::store::Report;
use crate::spec::Spec;

/// Lines of a log on a page.
const MOST_LINES: usize = 2_000;

/// A report; `document` is it as it was sent.
pub(crate) fn report(
    report: &Report,
    document: Option<&Value>,
    spec: Option<&Spec>,
    place: Place,
) -> Vec<Block> {
    let scope = spec.map_or(report.scope.as_str(), |spec| &spec.name);
    let mut blocks = vec![Block::List(vec![
        vec![
            Inline::text("Subject: "),
            Inline::Link(place.detail(&report.subject, &report.scope), report.subject.clone()),
        ],
        vec![Inline::text("Scope: "), Inline::Link(place.scope(&report.scope), scope.to_owned())],
        vec![Inline::text("Checked: "), Inline::Time(report.checked)],
        vec![Inline::text("Received: "), Inline::Time(report.received)],
        vec![Inline::text("Report: "), Inline::Code(report.id.clone())],
    ])];
    let rows = report.results.iter().map(|(id, result)| {
        let declared = spec.and_then(|spec| spec.testcases.get(id));
        let name = linked(declared.map_or("", |declared| &declared.url), id);
        let verdict = Verdict::of_number(i64::from(*result)).unwrap_or(Verdict::Abort);
        let mut note = Vec::new();
        if spec.is_some() && declared.is_none() {
            note.push(Inline::text("not of this scope; it does not count"));
        } else if !report.is_approved(id) {
            note.push(Inline::text("not approved"));
        }
        vec![name, vec![Inline::verdict(verdict)], note]
    });
    let heads = vec!["Testcase", "Result", "Note"];
    blocks.push(Block::Table("Results".to_owned(), heads, rows.collect()));
    let lines = document.map(|document| lines(document, place.full)).unwrap_or_default();
    if !lines.is_empty() {
        let what = if place.full { "Log" } else { "Log: verdicts, warnings and errors" };
        let rows = lines.into_iter().take(MOST_LINES).map(|line| vec![Inline::Code(line)]);
        let list = Block::List(rows.collect());
        blocks.push(Block::Fold(vec![Inline::text(what)], true, vec![list]));
    }
    blocks
}

/// The lines of a report; for the public only those that carry a verdict, a warning or an error.
/// Command lines and what was assigned to variables are never among them: they can carry secrets.
fn lines(document: &Value, full: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let mut add = |list: Option<&Value>| {
        let list = list.and_then(Value::as_array).into_iter().flatten();
        let shown = list.filter_map(Value::as_str).filter(|line| full || is_public(line));
        lines.extend(shown.map(|line| lotse_web::text::shown(line, 400)));
    };
    let invocations = document.pointer("/run/invocations").and_then(Value::as_object);
    for (_, invocation) in invocations.into_iter().flatten() {
        add(invocation.get("stdout"));
        add(invocation.get("stderr"));
    }
    add(document.get("log"));
    lines
}

fn is_public(line: &str) -> bool {
    let verdict = line.rsplit_once(':').is_some_and(|(id, word)| {
        let word = word.trim();
        let known = ["PASS", "FAIL", "ABORT"].iter().any(|known| word.eq_ignore_ascii_case(known));
        known && !id.trim().contains(char::is_whitespace)
    });
    verdict || ["WARNING", "ERROR", "CRITICAL"].iter().any(|level| line.starts_with(level))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_public_sees_verdicts_warnings_and_errors_and_no_command_line() {
        let document = json!({"run": {"argv": ["-a", "password=x"], "invocations": {"a": {
            "cmd": "check --password x",
            "stdout": ["scs-0100-syntax-check: PASS", "token: gAAAA", "user is: FAIL"],
            "stderr": ["ERROR: no such flavor", "DEBUG: password=x"],
        }}}});
        assert_eq!(
            lines(&document, false),
            ["scs-0100-syntax-check: PASS", "ERROR: no such flavor"]
        );
        let all = lines(&document, true);
        assert_eq!(all.len(), 5);
        assert!(all.iter().all(|line| !line.contains("--password")));
    }
}

//! Results for people who have no Lotse: a page that stands alone, and a badge.

use std::fmt::Write as _;

use crate::judge::Outcome;
use crate::model::{Reason, Verdict};

const STYLE: &str = "\
:root{color-scheme:light dark;--pass:#0b6b3a;--fail:#b3261e;--open:#7a5900;--line:#8884}\
@media(prefers-color-scheme:dark){:root{--pass:#6fd39b;--fail:#ff8a80;--open:#f0c04f}}\
body{font:1rem/1.5 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:1rem}\
h1{font-size:1.4rem}table{border-collapse:collapse;width:100%}\
th,td{border-top:1px solid var(--line);padding:.4rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}\
.PASS{color:var(--pass)}.FAIL{color:var(--fail)}.ABORT,.MISSING{color:var(--open)}\
b{white-space:nowrap}ul{margin:.3rem 0 0;padding-left:1.2rem}";

/// The outcome as a page of HTML that needs nothing else: no scripts, no files, no network.
pub fn html(outcome: &Outcome) -> String {
    let title = escaped(&format!("{} on {}", outcome.scope.name, outcome.cloud));
    let mut text = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n\
         <p>Looked at {} UTC, judged for {} in mode {}.</p>\n",
        outcome.observed_at, outcome.reference, outcome.mode
    );
    text.push_str(
        "<h2>Versions</h2>\n<table>\n<tr><th>Version</th><th>Counts as</th><th>Result</th></tr>\n",
    );
    for version in &outcome.versions {
        // Writing to a string cannot fail.
        writeln!(
            text,
            "<tr><td>{}</td><td>{}</td><td>{}</td></tr>",
            escaped(&version.version),
            version.validity.as_str(),
            word(version.verdict)
        )
        .ok();
    }
    text.push_str(
        "</table>\n<h2>Testcases</h2>\n<table>\n<tr><th>Result</th><th>Testcase</th></tr>\n",
    );
    for (id, testcase) in &outcome.testcases {
        let judgement = &testcase.judgement;
        if judgement.reason == Reason::NotSelected {
            continue;
        }
        write!(
            text,
            "<tr><td>{}</td><td>{}<br>Rule: {}<br>{}",
            word(judgement.verdict),
            linked(&testcase.clause, id),
            escaped(&testcase.rule),
            escaped(&judgement.summary)
        )
        .ok();
        if !judgement.findings.is_empty() {
            text.push_str("<ul>");
            for finding in &judgement.findings {
                write!(text, "<li>{}</li>", escaped(&super::forms::line(finding))).ok();
            }
            text.push_str("</ul>");
        }
        text.push_str("</td></tr>\n");
    }
    text.push_str("</table>\n</body>\n</html>\n");
    text
}

fn word(verdict: Verdict) -> String {
    format!("<b class=\"{verdict}\">{verdict}</b>")
}

/// The name, as a link if the address is one of the web.
fn linked(address: &str, name: &str) -> String {
    let name = escaped(name);
    if address.starts_with("https://") || address.starts_with("http://") {
        format!("<a href=\"{}\">{name}</a>", escaped(address))
    } else {
        name
    }
}

pub(crate) fn escaped(plain: &str) -> String {
    let mut text = String::with_capacity(plain.len());
    for mark in plain.chars() {
        match mark {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' => text.push_str("&quot;"),
            '\'' => text.push_str("&#39;"),
            // XML, which the badge is, knows none of these.
            '\t' | '\n' => text.push(' '),
            control if control.is_control() => {}
            other => text.push(other),
        }
    }
    text
}

/// The outcome as a badge: the scope, and the versions that the cloud keeps.
pub fn badge(outcome: &Outcome) -> String {
    let passed: Vec<_> = outcome
        .versions
        .iter()
        .filter(|version| version.verdict == Verdict::Pass)
        .map(|version| version.version.as_str())
        .collect();
    plate(&Plate { name: &outcome.scope.name, passed: &passed, verdict: outcome.verdict })
}

/// What a badge says.
pub(crate) struct Plate<'a, T> {
    /// The scope.
    pub(crate) name: &'a str,
    /// The versions that are kept.
    pub(crate) passed: &'a [T],
    /// What it all comes to.
    pub(crate) verdict: Verdict,
}

/// A badge.
pub(crate) fn plate<T: AsRef<str>>(plate: &Plate<'_, T>) -> String {
    let Plate { name: left, passed, verdict } = *plate;
    let right = match (passed, verdict) {
        ([], Verdict::Fail) => "failed".to_owned(),
        ([], Verdict::Pass) => "passed".to_owned(),
        ([], _) => "not known".to_owned(),
        (passed, _) => passed.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", "),
    };
    let colour = match verdict {
        Verdict::Pass => "#0b6b3a",
        Verdict::Fail => "#b3261e",
        Verdict::Abort | Verdict::Missing => "#6b5000",
    };
    let (a, b) = (width(left), width(&right));
    let (left, right) = (escaped(left), escaped(&right));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{all}\" height=\"20\" role=\"img\" \
         aria-label=\"{left}: {right}\"><title>{left}: {right}</title>\
         <rect width=\"{a}\" height=\"20\" fill=\"#444\"/>\
         <rect x=\"{a}\" width=\"{b}\" height=\"20\" fill=\"{colour}\"/>\
         <g fill=\"#fff\" font-family=\"Verdana,DejaVu Sans,sans-serif\" font-size=\"11\" \
         text-anchor=\"middle\"><text x=\"{left_at}\" y=\"14\">{left}</text>\
         <text x=\"{right_at}\" y=\"14\">{right}</text></g></svg>\n",
        all = a + b,
        left_at = a / 2,
        right_at = a + b / 2,
    )
}

/// About how wide a text is, in pixels.
fn width(text: &str) -> usize {
    text.chars().count() * 7 + 12
}

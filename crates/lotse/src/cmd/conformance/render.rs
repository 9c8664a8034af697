//! What people and programs see of a check.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use lotse_conformance::differences::{Difference, oddity};
use lotse_conformance::judge::TestcaseOutcome;
use lotse_conformance::{Outcome, Reason, Snapshot, Testcase, Verdict};
use serde_json::{Value, json};

/// More objects of one testcase than this are counted, unless everything is asked for.
const SHOWN: usize = 5;

const fn style(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Pass => AnsiColor::Green.on_default(),
        Verdict::Fail => AnsiColor::Red.on_default().bold(),
        Verdict::Abort | Verdict::Missing => AnsiColor::Yellow.on_default(),
    }
}

fn word(verdict: Verdict) -> String {
    let style = style(verdict);
    format!("{style}{verdict:<7}{style:#}")
}

/// The outcome for programs.
pub(super) fn json(outcome: &Outcome, snapshot: &Snapshot) -> Value {
    let mut value = json!(outcome);
    value["requests"] = snapshot.requests.into();
    value
}

/// The outcome for people: versions and targets, then the testcases that did not pass, or all.
pub(super) fn table(outcome: &Outcome, all: bool) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    writeln!(
        text,
        "{} on {}, judged for {} in mode {}",
        outcome.scope.name, outcome.cloud, outcome.reference, outcome.mode
    )
    .ok();
    for version in &outcome.versions {
        for (name, target) in &version.targets {
            let count = |wanted| {
                let verdicts = target.testcases.iter().filter_map(|id| outcome.testcases.get(id));
                verdicts.filter(|testcase| testcase.judgement.verdict == wanted).count()
            };
            writeln!(
                text,
                "{} {} ({}), {name}: {} passed, {} failed, {} aborted, {} missing",
                word(target.verdict),
                version.version,
                version.validity.as_str(),
                count(Verdict::Pass),
                count(Verdict::Fail),
                count(Verdict::Abort),
                count(Verdict::Missing),
            )
            .ok();
        }
    }
    for (id, testcase) in &outcome.testcases {
        let judgement = &testcase.judgement;
        let quiet = judgement.verdict == Verdict::Pass || judgement.reason == Reason::NotSelected;
        if all || !quiet {
            lines(&mut text, id, testcase, if all { usize::MAX } else { SHOWN });
        }
    }
    text
}

fn lines(text: &mut String, id: &str, testcase: &TestcaseOutcome, most: usize) {
    let judgement = &testcase.judgement;
    // Writing to a string cannot fail.
    writeln!(text, "  {} {id}: {}", word(judgement.verdict), judgement.summary).ok();
    for finding in judgement.findings.iter().take(most) {
        let mark = if finding.breaks { "✗" } else { "·" };
        let object = finding.object.as_ref().map(|object| match object.name.as_str() {
            "" => format!("{} {}: ", object.kind, object.id),
            name => format!("{} {name}: ", object.kind),
        });
        writeln!(text, "      {mark} {}{}", object.unwrap_or_default(), finding.evidence).ok();
    }
    let more = judgement.findings.len().saturating_sub(most);
    if more > 0 {
        writeln!(text, "      … and {more} more (-v shows all)").ok();
    }
}

/// Testcases with everything that is known of them.
pub(super) fn explained(testcases: &BTreeMap<String, TestcaseOutcome>) -> String {
    let mut text = String::new();
    for (id, testcase) in testcases {
        lines(&mut text, id, testcase, usize::MAX);
        // Writing to a string cannot fail.
        writeln!(text, "    rule    {}", testcase.rule).ok();
        if !testcase.clause.is_empty() {
            writeln!(text, "    clause  {}", testcase.clause).ok();
        }
        let oddity = Testcase::find(id).map_or("", |known| oddity(&known));
        if !oddity.is_empty() {
            writeln!(text, "    modes   {oddity}").ok();
        }
    }
    text
}

/// Where the two readings differ.
pub(super) fn differing(differences: &[Difference]) -> String {
    let mut text = String::new();
    for difference in differences {
        // Writing to a string cannot fail.
        write!(
            text,
            "{}\n  upstream {} {}\n  standard {} {}\n  {}\n",
            difference.testcase,
            word(difference.upstream),
            difference.upstream_because,
            word(difference.standard),
            difference.standard_because,
            difference.oddity,
        )
        .ok();
    }
    text
}

//! Results in forms that other programs understand: JUnit for CI systems, SARIF for code platforms.

use lotse_core::id::RunId;
use lotse_core::time::Timestamp;
use lotse_run::{Case, Run as TestRun, Verdict as TestVerdict};
use serde_json::{Value, json};

use crate::judge::{Outcome, TestcaseOutcome};
use crate::model::{Finding, Reason, Verdict};

/// The outcome as JUnit XML: a suite for each standard, a case for each testcase.
pub fn junit(outcome: &Outcome, id: RunId) -> String {
    let started = outcome.observed_at.to_zoned(jiff::tz::TimeZone::UTC);
    let started = started.map_or(Timestamp::UNIX_EPOCH, |zoned| zoned.timestamp());
    let mut run = TestRun::new(id, format!("{} on {}", outcome.scope.name, outcome.cloud), started);
    for (id, testcase) in &outcome.testcases {
        let judgement = &testcase.judgement;
        let verdict = match (judgement.verdict, judgement.reason) {
            (Verdict::Pass, _) => TestVerdict::Pass,
            (Verdict::Fail, _) => TestVerdict::Fail,
            (Verdict::Abort, _) => TestVerdict::Error,
            (Verdict::Missing, Reason::NotSelected) => TestVerdict::Skip,
            (Verdict::Missing, _) => TestVerdict::NotRun,
        };
        let case = Case::new(standard(id), id, verdict).because(&judgement.summary);
        run.cases.push(case.detailed(story(testcase)));
    }
    lotse_run::junit::write(&run)
}

/// `scs-0102` of `scs-0102-prop-architecture`.
fn standard(id: &str) -> String {
    id.splitn(3, '-').take(2).collect::<Vec<_>>().join("-")
}

fn story(testcase: &TestcaseOutcome) -> String {
    let mut lines = vec![testcase.rule.clone()];
    lines.extend(testcase.judgement.findings.iter().map(line));
    lines.join("\n")
}

/// What was seen, with the object before it.
pub(super) fn line(finding: &Finding) -> String {
    match &finding.object {
        Some(object) => format!("{} {}: {}", object.kind, object.name, finding.evidence),
        None => finding.evidence.clone(),
    }
}

/// The outcome as SARIF 2.1.0: a rule for each testcase, a result for each that did not pass.
pub fn sarif(outcome: &Outcome) -> Value {
    let rules: Vec<_> = outcome
        .testcases
        .iter()
        .map(|(id, testcase)| {
            let mut rule = json!({
                "id": id,
                "shortDescription": { "text": testcase.rule },
            });
            if !testcase.clause.is_empty() {
                rule["helpUri"] = testcase.clause.clone().into();
            }
            rule
        })
        .collect();
    let results: Vec<_> = outcome
        .testcases
        .iter()
        .enumerate()
        .flat_map(|(index, one)| sarif_results(index, one))
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "Lotse",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "invocations": [{ "executionSuccessful": true }],
            "results": results,
        }],
    })
}

fn sarif_results(index: usize, (id, testcase): (&String, &TestcaseOutcome)) -> Vec<Value> {
    let judgement = &testcase.judgement;
    let (kind, level) = match (judgement.verdict, judgement.reason) {
        (Verdict::Pass, _) | (_, Reason::NotSelected) => return Vec::new(),
        (Verdict::Fail, _) => ("fail", "error"),
        // SARIF allows levels for failures only.
        (Verdict::Abort | Verdict::Missing, _) => ("open", "none"),
    };
    let result = |text: &str, place: Option<String>| {
        let mut result = json!({
            "ruleId": id,
            "ruleIndex": index,
            "kind": kind,
            "level": level,
            "message": { "text": text },
        });
        if let Some(place) = place {
            result["locations"] =
                json!([{ "logicalLocations": [{ "fullyQualifiedName": place }] }]);
        }
        result
    };
    let breaking: Vec<_> = judgement.findings.iter().filter(|finding| finding.breaks).collect();
    if breaking.is_empty() {
        return vec![result(&judgement.summary, None)];
    }
    let of = |finding: &&Finding| {
        let object = finding.object.as_ref();
        let place = object.map(|object| format!("{}/{}", object.kind, object.name));
        result(&line(finding), place)
    };
    breaking.iter().map(of).collect()
}

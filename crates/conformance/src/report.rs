//! Reports: results in the form that compliance monitors take.
//!
//! A report says what a run of a checker gave, testcase by testcase, as numbers: 1 pass, 0 aborted, -1
//! failed; what is missing does not stand there. It is written as YAML or JSON of the same content, in
//! the form of the present monitor ([`Generation::Runs`]) or of the coming one
//! ([`Generation::Tests`]).

pub mod attest;
pub mod forms;
pub mod page;
pub mod sshsig;
pub mod upload;
pub mod yaml;

#[cfg(test)]
mod tests;

use jiff::civil::DateTime;
use serde_json::{Map, Value, json};

use crate::judge::Outcome;
use crate::model::Verdict;

/// The form of a report.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Generation {
    /// With runs and invocations.
    Runs,
    /// With tests and a log.
    Tests,
}

/// Who ran a check, and when.
#[derive(Clone, Debug)]
pub struct Run<'a> {
    /// Unlike any other run; the monitor takes a report once.
    pub uuid: uuid::Uuid,
    /// Whose cloud it is, as the monitor knows it.
    pub subject: &'a str,
    /// When the check ended (UTC).
    pub checked_at: DateTime,
    /// The version that was named, if one was.
    pub forced_version: Option<&'a str>,
    /// The testcases that were chosen, if not all.
    pub forced_tests: Option<&'a str>,
}

/// Who made a report, in its own words.
const CREATOR: &str = concat!("lotse/", env!("CARGO_PKG_VERSION"));

/// The report of an outcome.
pub fn report(outcome: &Outcome, run: &Run<'_>, generation: Generation) -> Value {
    match generation {
        Generation::Runs => runs(outcome, run),
        Generation::Tests => tests(outcome, run),
    }
}

fn results(outcome: &Outcome) -> impl Iterator<Item = (&String, i8, Verdict)> {
    outcome.testcases.iter().filter_map(|(id, testcase)| {
        let verdict = testcase.judgement.verdict;
        Some((id, verdict.number()?, verdict))
    })
}

/// A date and time as monitors read it: UTC, without saying so.
pub(crate) fn naive(at: DateTime) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

fn runs(outcome: &Outcome, run: &Run<'_>) -> Value {
    let numbers: Map<_, _> =
        results(outcome).map(|(id, number, _)| (id.clone(), number.into())).collect();
    let stdout: Vec<_> =
        results(outcome).map(|(id, _, verdict)| format!("{id}: {verdict}")).collect();
    let lines = log(outcome);
    let (mut info, mut error) = (0, 0);
    for (id, ..) in results(outcome) {
        match outcome.testcases[id].judgement.verdict {
            Verdict::Pass => info += 1,
            _ => error += 1,
        }
    }
    let invocation = run.uuid.to_string();
    json!({
        "spec": {
            "uuid": outcome.scope.uuid,
            "name": outcome.scope.name,
            "url": outcome.scope.url,
        },
        "checked_at": naive(run.checked_at),
        "reference_date": outcome.reference.date().to_string(),
        "subject": run.subject,
        "run": {
            "uuid": run.uuid.to_string(),
            // Command lines can carry secrets, and reports are shown to everybody.
            "argv": [CREATOR],
            "assignment": {},
            "sections": Value::Null,
            "forced_version": run.forced_version,
            "forced_tests": run.forced_tests,
            "invocations": { (invocation.clone()): {
                "id": invocation,
                "cmd": CREATOR,
                "results": numbers,
                "rc": 0,
                "stdout": stdout,
                "stderr": lines,
                "info": info,
                "warning": 0,
                "error": error,
                "critical": 0,
            }},
        },
    })
}

fn tests(outcome: &Outcome, run: &Run<'_>) -> Value {
    let numbers: Map<_, _> =
        results(outcome).map(|(id, number, _)| (id.clone(), json!({ "result": number }))).collect();
    json!({
        "uuid": run.uuid.to_string(),
        "creator": CREATOR,
        "scope": outcome.scope.uuid,
        "checked_at": naive(run.checked_at),
        "subject": run.subject,
        "tests": numbers,
        "log": log(outcome),
    })
}

/// What was seen, testcase by testcase.
fn log(outcome: &Outcome) -> Vec<String> {
    let mut lines = Vec::new();
    for (id, testcase) in &outcome.testcases {
        let judgement = &testcase.judgement;
        if judgement.verdict == Verdict::Missing {
            continue;
        }
        lines.push(format!("INFO: *** {id}"));
        let level = if judgement.verdict == Verdict::Pass { "INFO" } else { "ERROR" };
        lines.push(format!("{level}: {}", judgement.summary));
        for finding in &judgement.findings {
            let level = if finding.breaks { "ERROR" } else { "WARNING" };
            let object = finding.object.as_ref();
            let object = object.map(|object| format!("{} {}: ", object.kind, object.name));
            lines.push(format!("{level}: {}{}", object.unwrap_or_default(), finding.evidence));
        }
    }
    lines
}

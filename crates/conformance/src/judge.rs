//! A whole check: every testcase that the chosen versions demand, and what they come to.

use std::collections::BTreeMap;

use jiff::civil::DateTime;
use lotse_scs::Mode;
use regex::Regex;
use serde::Serialize;

use crate::check::{self, Case};
use crate::error::Error;
use crate::executable::Executed;
use crate::model::{Finding, Judgement, Reason, Verdict};
use crate::snapshot::Snapshot;
use crate::spec::{MAIN, Spec, Validity};
use crate::testcase::Testcase;

/// What to check.
#[derive(Clone, Debug)]
pub struct Choice {
    /// Versions, if not those that the timeline names.
    pub versions: Vec<String>,
    /// Testcases whose ids begin with something that matches; all if not given.
    pub tests: Option<Regex>,
    /// When it is judged (UTC).
    pub at: DateTime,
    /// Whose reading of the standards counts.
    pub mode: Mode,
}

impl Choice {
    /// Everything that counts at this instant.
    pub const fn everything(at: DateTime, mode: Mode) -> Self {
        Self { versions: Vec::new(), tests: None, at, mode }
    }

    /// Only testcases whose ids begin with something that this regular expression matches.
    pub fn only(self, pattern: &str) -> Result<Self, Error> {
        let anchored = Regex::new(&format!("^(?:{pattern})"));
        let tests = anchored.map_err(|source| Error::Pattern {
            pattern: pattern.to_owned(),
            source: Box::new(source),
        })?;
        Ok(Self { tests: Some(tests), ..self })
    }

    /// Whether a testcase is asked for.
    pub fn wants(&self, id: &str) -> bool {
        self.tests.as_ref().is_none_or(|tests| tests.is_match(id))
    }
}

/// What a check came to.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// The cloud.
    pub cloud: String,
    /// The scope.
    pub scope: ScopeName,
    /// When the cloud was looked at (UTC).
    pub observed_at: DateTime,
    /// For when it was judged (UTC).
    pub reference: DateTime,
    /// Whose reading of the standards counts.
    pub mode: Mode,
    /// The worst of the versions that count: a pass only if all their deciding testcases passed.
    pub verdict: Verdict,
    /// The versions, in the order of the scope.
    pub versions: Vec<VersionOutcome>,
    /// The testcases, by id.
    pub testcases: BTreeMap<String, TestcaseOutcome>,
}

/// Which scope.
#[derive(Clone, Debug, Serialize)]
pub struct ScopeName {
    /// Identifies it in reports.
    pub uuid: String,
    /// What people call it.
    pub name: String,
    /// Where it is published.
    pub url: String,
}

/// What a version came to.
#[derive(Clone, Debug, Serialize)]
pub struct VersionOutcome {
    /// Its name.
    pub version: String,
    /// Whether it counts.
    pub validity: Validity,
    /// What its deciding target came to.
    pub verdict: Verdict,
    /// Its targets.
    pub targets: BTreeMap<String, TargetOutcome>,
}

/// What a target came to.
#[derive(Clone, Debug, Serialize)]
pub struct TargetOutcome {
    /// The worst of its testcases.
    pub verdict: Verdict,
    /// The ids of its testcases.
    pub testcases: Vec<String>,
}

/// What a testcase came to.
#[derive(Clone, Debug, Serialize)]
pub struct TestcaseOutcome {
    /// The rule, in one sentence.
    pub rule: String,
    /// The clause of the standard.
    pub clause: String,
    /// The verdict and what stands behind it.
    #[serde(flatten)]
    pub judgement: Judgement,
}

/// Judges what the chosen versions demand.
pub fn judge(spec: &Spec, snapshot: &Snapshot, choice: &Choice) -> Result<Outcome, Error> {
    let day = choice.at.date();
    let mut testcases: BTreeMap<String, TestcaseOutcome> = BTreeMap::new();
    let mut versions = Vec::new();
    for version in spec.chosen(&choice.versions, day)? {
        let mut targets = BTreeMap::new();
        for (name, ids) in &version.targets {
            for id in ids {
                if !testcases.contains_key(id) {
                    testcases.insert(id.clone(), testcase(spec, snapshot, choice, id));
                }
            }
            // What was not asked for says nothing about the target, unless all else is well.
            let verdicts = ids
                .iter()
                .filter_map(|id| testcases.get(id))
                .map(|testcase| testcase.judgement.verdict);
            let verdict = Verdict::worst(verdicts);
            targets.insert(name.clone(), TargetOutcome { verdict, testcases: ids.clone() });
        }
        let verdict = targets.get(MAIN).map_or(Verdict::Missing, |target| target.verdict);
        let validity = spec.validity(&version.name, day).unwrap_or(Validity::Deprecated);
        versions.push(VersionOutcome { version: version.name.clone(), validity, verdict, targets });
    }
    Ok(Outcome {
        cloud: snapshot.cloud.clone(),
        scope: ScopeName {
            uuid: spec.uuid.clone(),
            name: spec.name.clone(),
            url: spec.url.clone(),
        },
        observed_at: utc(snapshot.taken_at),
        reference: choice.at,
        mode: choice.mode,
        verdict: overall(&versions),
        versions,
        testcases,
    })
}

/// Judges testcases that are named, whatever the versions demand.
pub fn explain(
    spec: &Spec,
    snapshot: &Snapshot,
    ids: &[String],
    choice: &Choice,
) -> BTreeMap<String, TestcaseOutcome> {
    ids.iter().map(|id| (id.clone(), testcase(spec, snapshot, choice, id))).collect()
}

/// Drafts do not count, unless there is nothing else.
fn overall(versions: &[VersionOutcome]) -> Verdict {
    let counting: Vec<_> = versions
        .iter()
        .filter(|version| matches!(version.validity, Validity::Effective | Validity::Warn))
        .map(|version| version.verdict)
        .collect();
    match counting.len() {
        0 => Verdict::worst(versions.iter().map(|version| version.verdict)),
        // One version that is kept is enough to conform.
        _ if counting.contains(&Verdict::Pass) => Verdict::Pass,
        _ => Verdict::worst(counting),
    }
}

fn testcase(spec: &Spec, snapshot: &Snapshot, choice: &Choice, id: &str) -> TestcaseOutcome {
    let declared = spec.testcases.get(id);
    let known = Testcase::find(id);
    let described = declared.map(|declared| declared.description.clone()).unwrap_or_default();
    let judgement = if !choice.wants(id) {
        Judgement::new(Verdict::Missing, Reason::NotSelected, "it was not asked for")
    } else if let Some(testcase) = known {
        check::judge(testcase, &Case { snapshot, at: choice.at, mode: choice.mode })
    } else if let Some(executed) = snapshot.executed.get(id) {
        by_executable(executed)
    } else if declared.is_some_and(|declared| declared.manual) {
        Judgement::new(Verdict::Missing, Reason::Manual, "a person has to judge this")
    } else {
        Judgement::new(Verdict::Missing, Reason::Unknown, "Lotse has no such testcase")
    };
    TestcaseOutcome {
        rule: known.map_or(described, |testcase| testcase.rule()),
        clause: declared.map(|declared| declared.url.clone()).unwrap_or_default(),
        judgement,
    }
}

/// What the scope's own executable said.
fn by_executable(executed: &Executed) -> Judgement {
    let name = &executed.executable;
    let summary = match executed.verdict {
        Verdict::Missing => format!("{name} said nothing of it"),
        verdict => format!("{name} said {verdict}"),
    };
    let breaks = executed.verdict == Verdict::Fail;
    let findings =
        executed.lines.iter().map(|line| Finding { breaks, object: None, evidence: line.clone() });
    let findings = findings.collect();
    Judgement { findings, ..Judgement::new(executed.verdict, Reason::Executed, summary) }
}

/// An instant as the scopes write it: without zone, in UTC.
pub fn utc(at: lotse_core::time::Timestamp) -> DateTime {
    let at = at.to_zoned(jiff::tz::TimeZone::UTC).datetime();
    // Scopes count days; nobody wants to read nine digits after the second.
    at.with().subsec_nanosecond(0).build().unwrap_or(at)
}

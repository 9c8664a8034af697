//! Tests of Tempest (scs-0128): none of those that the draft names may fail.

use crate::check::{Case, unanswered};
use crate::model::{Finding, Judgement, Reason, Verdict};
use crate::tempest::{Came, Component};

/// Judges one part of the API.
pub(super) fn judge(case: &Case<'_>, component: Component) -> Judgement {
    let answer = &case.snapshot.tempest;
    let Some(results) = answer.given() else {
        return unanswered(answer, "results of Tempest");
    };
    let listed = |name: &String| results.demanded.is_empty() || results.demanded.contains(name);
    let tests: Vec<_> =
        results.tests.iter().filter(|(name, _)| component.has(name) && listed(name)).collect();
    let count = |wanted| tests.iter().filter(|(_, came)| **came == wanted).count();
    let (passed, skipped) = (count(Came::Passed), count(Came::Skipped));
    let failed = tests.iter().filter(|(_, came)| **came == Came::Failed);
    let mut findings: Vec<Finding> =
        failed.map(|(name, _)| finding(true, format!("{name} failed"))).collect();
    let broken = findings.len();
    let mut absent = results.demanded.iter().filter(|name| component.has(name)).peekable();
    if absent.peek().is_some() {
        let absent = absent.filter(|name| !results.tests.contains_key(*name));
        findings.extend(absent.map(|name| finding(false, format!("{name} was not run"))));
    } else if tests.len() < component.demanded() {
        let count = component.demanded();
        let evidence = format!("the draft names {count} tests, and {} were run", tests.len());
        findings.push(finding(false, evidence));
    }
    let missing = findings.iter().any(|one| one.evidence.ends_with("was not run"));
    let summary = format!(
        "of {} tests of {} {passed} passed, {skipped} were skipped, {broken} failed",
        tests.len(),
        component.word()
    );
    let (verdict, reason) = match broken {
        0 if passed == 0 => (Verdict::Fail, Reason::NothingToCheck),
        // Nobody knows what those would have come to.
        0 if missing => (Verdict::Abort, Reason::NotObserved),
        0 => (Verdict::Pass, Reason::Kept),
        _ => (Verdict::Fail, Reason::Broken),
    };
    Judgement { verdict, reason, summary, examined: tests.len(), findings }
}

fn finding(breaks: bool, evidence: String) -> Finding {
    Finding { breaks, object: None, evidence }
}

//! Results of the conformance suite of the CNCF (scs-0201, scs-0219).

use lotse_scs::Mode;
use regex::Regex;

use crate::check::{Case, unanswered};
use crate::kaas::cluster::Results;
use crate::kaas::version::Version;
use crate::model::{Finding, Judgement, Object, Reason, Verdict};
use crate::snapshot::Answer;
use crate::spec::Lifetime;

/// Every version of Kubernetes that is still supported has more conformance tests; a run with fewer
/// was cut short or chosen from.
const FEWEST: usize = 300;

/// The cluster passes the conformance tests.
pub(super) fn conformance(case: &Case<'_>) -> Judgement {
    let suite = Suite {
        answer: &case.snapshot.cluster.conformance,
        what: "results of the conformance suite",
        lifetime: Lifetime::Year,
        fewest: FEWEST,
        count: |results| results.passed_conformance,
    };
    suite.judge(case)
}

/// The tests of network policies pass.
pub(super) fn networking(case: &Case<'_>) -> Judgement {
    let suite = Suite {
        answer: &case.snapshot.cluster.networking,
        what: "results of the tests of network policies",
        lifetime: Lifetime::Month,
        fewest: 1,
        count: |results| results.passed,
    };
    suite.judge(case)
}

struct Suite<'a> {
    answer: &'a Answer<Results>,
    what: &'static str,
    /// For how long the scope lets results count.
    lifetime: Lifetime,
    /// Fewer passed tests show nothing.
    fewest: usize,
    count: fn(&Results) -> usize,
}

impl Suite<'_> {
    fn judge(&self, case: &Case<'_>) -> Judgement {
        let what = self.what;
        if self.answer.is_not_asked() {
            let why = format!("{what} were not given");
            return Judgement::new(Verdict::Missing, Reason::NotObserved, why);
        }
        let Some(results) = self.answer.given() else { return unanswered(self.answer, what) };
        let accepted = accepted(results);
        let findings: Vec<Finding> = results
            .failed
            .iter()
            .map(|name| {
                let matching = accepted.iter().find(|(regex, _)| regex.is_match(name));
                let object = Object { kind: "test".into(), id: String::new(), name: name.clone() };
                match matching {
                    Some((_, reason)) => Finding {
                        breaks: false,
                        object: Some(object),
                        evidence: format!("it failed, which is accepted: {reason}"),
                    },
                    None => Finding {
                        breaks: true,
                        object: Some(object),
                        evidence: "it failed".to_owned(),
                    },
                }
            })
            .collect();
        let broken = findings.iter().filter(|finding| finding.breaks).count();
        let examined = results.passed + results.failed.len();
        let (verdict, reason, summary) = if broken > 0 {
            (Verdict::Fail, Reason::Broken, format!("{broken} of {examined} tests failed"))
        } else if let (Mode::Standard, Some(doubt)) = (case.mode, self.doubt(case, results)) {
            doubt
        } else {
            (
                Verdict::Pass,
                Reason::Kept,
                format!("{examined} tests, and none failed that must not"),
            )
        };
        Judgement { verdict, reason, summary, examined, findings }
    }

    /// Why results without failures show nothing.
    fn doubt(&self, case: &Case<'_>, results: &Results) -> Option<(Verdict, Reason, String)> {
        let counted = (self.count)(results);
        if counted == 0 {
            let why = format!("{} hold no test that passed", self.what);
            return Some((Verdict::Fail, Reason::NothingToCheck, why));
        }
        let unproven = |why| Some((Verdict::Abort, Reason::NotObserved, why));
        if counted < self.fewest {
            return unproven(format!(
                "only {counted} tests of the suite passed; a whole run has more than {}",
                self.fewest
            ));
        }
        let version = case.snapshot.cluster.version.given();
        let version = version.and_then(|version| Version::parse_vendored(version));
        if let (Some(ran), Some((is, _))) = (results.version, version)
            && ran.branch != is.branch
        {
            return unproven(format!("the results are of {ran}, and the cluster is {is}"));
        }
        if let Some(finished) = results.finished {
            let end = self.lifetime.expires(finished.date());
            if end.is_some_and(|end| end <= case.at.date()) {
                return unproven(format!(
                    "the results of {} do not count any more",
                    finished.date()
                ));
            }
        }
        None
    }
}

/// Failures that are accepted; what is no regular expression accepts nothing.
fn accepted(results: &Results) -> Vec<(Regex, &str)> {
    let compiled = results.accepted.iter().map(|one| (Regex::new(&one.regex), &*one.reason));
    compiled.filter_map(|(regex, reason)| Some((regex.ok()?, reason))).collect()
}

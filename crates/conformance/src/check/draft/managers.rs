//! Managers of domains (scs-0302): everything in their own domain, nothing in another one.

use crate::check::{Case, unanswered};
use crate::model::{Finding, Judgement, Reason, Verdict};
use crate::snapshot::{Deed, Sphere};

/// Judges what managers could do to one kind of object.
pub(super) fn judge(case: &Case<'_>, sphere: Sphere) -> Judgement {
    let answer = &case.snapshot.managers;
    let Some(deeds) = answer.given() else {
        return unanswered(answer, "what managers of domains can do");
    };
    let deeds: Vec<&Deed> = deeds.iter().filter(|deed| deed.sphere == sphere).collect();
    let findings: Vec<Finding> = deeds
        .iter()
        .filter(|deed| deed.happened != Some(deed.allowed))
        .map(|deed| Finding {
            breaks: deed.happened.is_some(),
            object: None,
            evidence: described(deed),
        })
        .collect();
    let broken = findings.iter().filter(|finding| finding.breaks).count();
    let (verdict, reason, summary) = match (broken, findings.len()) {
        _ if deeds.is_empty() => {
            (Verdict::Abort, Reason::NotObserved, "nothing of this was tried".to_owned())
        }
        (0, 0) => (
            Verdict::Pass,
            Reason::Kept,
            format!(
                "managers could do what they may and nothing else, in {} attempts",
                deeds.len()
            ),
        ),
        (0, open) => (
            Verdict::Abort,
            Reason::ApiFailed,
            format!("{open} of {} attempts could not be made", deeds.len()),
        ),
        (broken, _) => (
            Verdict::Fail,
            Reason::Broken,
            format!("{broken} of {} attempts ended otherwise than they must", deeds.len()),
        ),
    };
    Judgement { verdict, reason, summary, examined: deeds.len(), findings }
}

fn described(deed: &Deed) -> String {
    let status = deed.status.map_or_else(String::new, |status| format!(" ({status})"));
    let what = &deed.what;
    match (deed.happened, deed.allowed) {
        (Some(true), _) => format!("{what}: happened, and must not"),
        (Some(false), _) => format!("{what}: was refused{status}, and must not"),
        (None, _) => format!("{what}: could not be tried{status}"),
    }
}

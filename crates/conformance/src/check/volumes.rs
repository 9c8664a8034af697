//! Volume types: scs-0114.

use super::{Case, all_keep, breaks, none_there, object, text, unanswered};
use crate::model::{Judgement, Reason, Verdict};
use crate::testcase::Aspect;

const KIND: &str = "volume type";
const KNOWN: [&str; 2] = ["encrypted", "replicated"];

/// The aspects at the beginning of a description, as written; `None` when it says nothing of them.
fn aspects(description: &str) -> Option<Vec<&str>> {
    let list = description.strip_prefix("[scs:")?;
    let (list, _) = list.split_once(']')?;
    Some(list.split(',').map(str::trim).collect())
}

/// The description with its aspects sorted, each once; `None` if it has none, or unknown ones.
pub(crate) fn described_rightly(description: &str) -> Option<String> {
    let mut aspects = aspects(description)?;
    let (_, rest) = description.split_once(']')?;
    if !aspects.iter().all(|aspect| KNOWN.contains(aspect)) {
        return None;
    }
    aspects.sort_unstable();
    aspects.dedup();
    Some(format!("[scs:{}]{rest}", aspects.join(", ")))
}

/// Aspects are known, sorted, and stand there once.
pub(super) fn syntax(case: &Case<'_>) -> Judgement {
    let Some(types) = case.snapshot.volume_types.given() else {
        return unanswered(&case.snapshot.volume_types, "the volume types");
    };
    if types.is_empty() {
        return none_there(case, "volume types");
    }
    let mut findings = Vec::new();
    for volume_type in types {
        let description = text(volume_type, "description").unwrap_or_default();
        let Some(aspects) = aspects(description) else { continue };
        if let Some(odd) = aspects.iter().find(|aspect| !KNOWN.contains(aspect)) {
            let evidence = format!("\"{odd}\" is not an aspect of the standard");
            findings.push(breaks(object(KIND, volume_type), evidence));
        } else if !aspects.is_sorted_by(|one, next| one < next) {
            let evidence = format!("{} are not sorted, or stand there twice", aspects.join(", "));
            findings.push(breaks(object(KIND, volume_type), evidence));
        }
    }
    all_keep(types.len(), findings, "volume types")
}

/// Some volume type says that it has this aspect.
pub(super) fn aspect(case: &Case<'_>, wanted: Aspect) -> Judgement {
    let Some(types) = case.snapshot.volume_types.given() else {
        return unanswered(&case.snapshot.volume_types, "the volume types");
    };
    let word = wanted.word();
    let says = |description: &str| aspects(description).is_some_and(|all| all.contains(&word));
    let found = types.iter().find(|one| says(text(one, "description").unwrap_or_default()));
    let mut judgement = match found {
        Some(found) => {
            let name = text(found, "name").unwrap_or_default();
            let summary = format!("the volume type {name} says that it is {word}");
            Judgement::new(Verdict::Pass, Reason::Kept, summary)
        }
        None => Judgement::new(
            Verdict::Fail,
            Reason::Absent,
            format!("no volume type has a description that begins with [scs:…{word}…]"),
        ),
    };
    judgement.examined = types.len();
    judgement
}

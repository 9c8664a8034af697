//! How much flavors are wanted: `scs:required` of scs-0103 version 1.3.

use lotse_scs::standard_flavors::{Demand, OPTIONAL, REQUIRED, StandardFlavor};
use serde_json::Value;

use crate::check::{Case, all_keep, breaks, matching, object, shown, text, unanswered};
use crate::model::{Judgement, Reason, Verdict};
use crate::snapshot::Item;

const KIND: &str = "flavor";

fn mark(flavor: &Item) -> Option<&Value> {
    flavor.get("extra_specs").and_then(Value::as_object)?.get(REQUIRED)
}

/// A flavor of the standard says how much it is wanted.
pub(super) fn standard(case: &Case<'_>, wanted: &StandardFlavor) -> Judgement {
    let Some(flavors) = case.snapshot.flavors.given() else {
        return unanswered(&case.snapshot.flavors, "the flavors");
    };
    let Some(flavor) = matching(flavors, wanted.name) else {
        let summary = format!("there is no flavor {}", wanted.name);
        return match wanted.demand {
            Demand::Mandatory => Judgement::new(Verdict::Fail, Reason::Absent, summary),
            Demand::Recommended => Judgement::new(Verdict::Pass, Reason::NotApplicable, summary),
        };
    };
    let (found, right) = (mark(flavor), wanted.demand.mark());
    let broken = (found.and_then(Value::as_str) != Some(right)).then(|| {
        let evidence = format!("extra spec {REQUIRED}: {}, must be \"{right}\"", shown(found));
        breaks(object(KIND, flavor), evidence)
    });
    all_keep(1, broken.into_iter().collect(), "flavors")
}

/// Flavors that are not of the standard do not say that they are.
pub(super) fn others(case: &Case<'_>) -> Judgement {
    let Some(flavors) = case.snapshot.flavors.given() else {
        return unanswered(&case.snapshot.flavors, "the flavors");
    };
    let is_standard = |flavor: &Item| {
        let specs = flavor.get("extra_specs").and_then(Value::as_object);
        let named = specs.and_then(|specs| specs.get("scs:name-v2")).and_then(Value::as_str);
        named
            .or_else(|| text(flavor, "name"))
            .is_some_and(|name| StandardFlavor::by_name(name).is_some())
    };
    let marked: Vec<_> = flavors
        .iter()
        .filter(|flavor| !is_standard(flavor))
        .filter_map(|flavor| Some((flavor, mark(flavor)?)))
        .collect();
    if marked.is_empty() {
        let summary = format!("no flavor besides those of the standard has {REQUIRED}");
        return Judgement::new(Verdict::Pass, Reason::NotApplicable, summary);
    }
    let broken = marked.iter().filter(|(_, mark)| mark.as_str() != Some(OPTIONAL));
    let findings = broken.map(|(flavor, mark)| {
        let evidence =
            format!("extra spec {REQUIRED}: {}, must be \"{OPTIONAL}\"", shown(Some(mark)));
        breaks(object(KIND, flavor), evidence)
    });
    all_keep(marked.len(), findings.collect(), "flavors")
}

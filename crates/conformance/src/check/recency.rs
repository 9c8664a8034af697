//! Whether images are as new as they promise (scs-0102, `replace_frequency`).

use std::collections::HashMap;

use jiff::civil::DateTime;
use lotse_scs::{Mode, date, image};
use serde_json::Value;

use super::images::{KIND, offered};
use super::{Case, all_keep, breaks, none_there, object, shown, text, worth_knowing};
use crate::model::{Judgement, Reason, Verdict};
use crate::snapshot::Item;

/// How old an image is by its own words.
enum Age {
    /// As new as it promises, or it promises nothing.
    Fine,
    /// Too old, and not excused.
    Outdated(String),
    /// What it says of its end cannot be read.
    Unreadable(String),
    /// It does not say until when it is provided.
    Silent(String),
}

/// Every image is as new as it promises, or there is a newer one of its name.
pub(super) fn recency(case: &Case<'_>) -> Judgement {
    let images = match offered(case) {
        Ok(images) => images,
        Err(judgement) => return *judgement,
    };
    if images.is_empty() {
        return none_there(case, "public or community images");
    }
    // The last of those with the same name counts upstream; the newest by the standard.
    let mut by_name: HashMap<&str, Vec<&Item>> = HashMap::new();
    for image in &images {
        by_name.entry(text(image, "name").unwrap_or_default()).or_default().push(image);
    }
    let judged: Vec<&Item> = match case.mode {
        Mode::Standard => images,
        Mode::Upstream => by_name.values().filter_map(|same| same.last().copied()).collect(),
    };
    let mut findings = Vec::new();
    for image in &judged {
        let evidence = match age(case, image) {
            Age::Fine => continue,
            Age::Unreadable(evidence) => evidence,
            Age::Silent(_) if case.mode == Mode::Upstream => {
                let why = "an outdated image lacks provided_until, and the upstream tools give up";
                return Judgement {
                    findings: vec![worth_knowing(object(KIND, image), why)],
                    ..Judgement::new(Verdict::Abort, Reason::UpstreamGivesUp, why)
                };
            }
            Age::Outdated(evidence) | Age::Silent(evidence) => {
                if has_successor(case, image, &by_name) {
                    let evidence = format!("{evidence}, and a newer image has taken its name");
                    findings.push(worth_knowing(object(KIND, image), evidence));
                    continue;
                }
                evidence
            }
        };
        findings.push(breaks(object(KIND, image), evidence));
    }
    findings.sort_by(|one, other| name_of(one).cmp(&name_of(other)));
    all_keep(judged.len(), findings, "images")
}

fn name_of(finding: &crate::model::Finding) -> Option<(&str, &str)> {
    finding.object.as_ref().map(|object| (object.name.as_str(), object.id.as_str()))
}

/// Whether there is an image with the name before the last blank (`Debian 12` for `Debian 12 old`),
/// or by the standard another one with the same name, that is not outdated.
fn has_successor(case: &Case<'_>, image: &Item, by_name: &HashMap<&str, Vec<&Item>>) -> bool {
    let Some(name) = text(image, "name") else { return false };
    let fresh = |other: &&Item| matches!(age(case, other), Age::Fine);
    let base = name.rsplit_once(' ').and_then(|(base, _)| by_name.get(base));
    match case.mode {
        Mode::Upstream => base.and_then(|same| same.last()).is_some_and(fresh),
        Mode::Standard => base.into_iter().chain(by_name.get(name)).flatten().any(fresh),
    }
}

fn age(case: &Case<'_>, image: &Item) -> Age {
    let frequency = text(image, "replace_frequency").unwrap_or_default();
    let Some(interval) = image::replacement_interval(frequency) else { return Age::Fine };
    let built = text(image, "image_build_date").and_then(date::parse);
    let base = built.or_else(|| text(image, "created_at").and_then(date::parse));
    let Some(base) = base else {
        return Age::Unreadable("neither image_build_date nor created_at is a date".to_owned());
    };
    if seconds(base, case.at) <= interval.as_secs_f64() * 1.1 {
        return Age::Fine;
    }
    let evidence = format!("is from {base} and should be replaced {frequency}");
    match image.get("provided_until") {
        None => Age::Silent(format!("{evidence}; provided_until is not set")),
        Some(Value::String(until)) if matches!(until.as_str(), "none" | "notice") => Age::Fine,
        Some(Value::String(until)) => match date::parse(until) {
            // Who is past its end is not replaced any more.
            Some(end) if end < case.at => Age::Fine,
            Some(_) => Age::Outdated(format!("{evidence}; it is provided until {until}")),
            None => Age::Unreadable(format!("provided_until is \"{until}\"")),
        },
        other => Age::Unreadable(format!("provided_until is {}", shown(other))),
    }
}

fn seconds(from: DateTime, to: DateTime) -> f64 {
    to.duration_since(from).as_secs_f64()
}

//! The answer of `/status`, in the form of the upstream monitor.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::standing::{Held, Standing, marked};
use super::view::View;
use crate::model::Verdict;
use crate::spec::Spec;

/// The answer for these subjects and scopes, as JSON. What a subject comes to is written when the
/// first one asks, and kept until it changes: after an upload only its subject is written anew.
pub(crate) fn answer(
    view: &View,
    scopes: &[Spec],
    (subject, scope): (Option<&str>, Option<&str>),
) -> String {
    let members = subject.map(|subject| view.members(subject));
    let mut text = String::from("{");
    let mut last = None;
    for ((name, uuid), judged) in &view.judged {
        let wanted = members.as_ref().is_none_or(|members| members.contains(&name.as_str()))
            && scope.is_none_or(|scope| scope == uuid);
        let Some(spec) = scopes.iter().find(|spec| &spec.uuid == uuid).filter(|_| wanted) else {
            continue;
        };
        // The scopes of a subject stand together.
        if last == Some(name) {
            text.push(',');
        } else {
            text.push_str(if last.is_some() { "}," } else { "" });
            text.extend([&*quoted(name), ":{"]);
            last = Some(name);
        }
        let written = judged.status.get_or_init(|| one(spec, &judged.public).to_string());
        text.extend([&*quoted(uuid), ":", written]);
    }
    text.push_str(if last.is_some() { "}}" } else { "}" });
    text
}

fn quoted(name: &str) -> String {
    Value::from(name).to_string()
}

/// A subject for a scope.
fn one(spec: &Spec, standing: &Standing) -> Value {
    let passed = standing.passed();
    let best = passed.first();
    let shown = standing.shown();
    let testcases: Map<_, _> = spec
        .testcases
        .iter()
        .map(|(id, declared)| {
            let described = json!({
                "id": id,
                "description": declared.description,
                "url": declared.url,
                "lifetime": declared.lifetime,
                "attn": declared.attention,
            });
            (id.clone(), described)
        })
        .collect();
    json!({
        "name": spec.name,
        "testcases": testcases,
        "results": standing.results.iter().map(result).collect::<Map<_, _>>(),
        "buckets": buckets(spec, standing),
        "versions": versions(spec, standing),
        "relevant": standing.relevant().map(|version| &version.name).collect::<Vec<_>>(),
        "result": number(standing.verdict),
        "passed": passed.iter().map(|version| &version.name).collect::<Vec<_>>(),
        "passed_str": passed.iter().map(|version| marked(version)).collect::<Vec<_>>().join(", "),
        "best_passed": best.map(|version| &version.name),
        "validity": shown.and_then(|version| version.validity),
    })
}

fn result((id, held): (&String, &Held)) -> (String, Value) {
    let checked = held.checked().to_zoned(jiff::tz::TimeZone::UTC).datetime();
    let value = json!({
        "result": held.0,
        "checked_at": crate::report::naive(checked),
        "report": held.2,
    });
    (id.clone(), value)
}

/// Missing is null.
fn number(verdict: Verdict) -> Value {
    verdict.number().map_or(Value::Null, Value::from)
}

/// The testcases of the version that is looked at first, by result.
fn buckets(spec: &Spec, standing: &Standing) -> Map<String, Value> {
    let mut buckets: BTreeMap<String, Vec<&str>> =
        ["1", "-1", "0", "null"].map(|name| (name.to_owned(), Vec::new())).into();
    let version = standing.shown().and_then(|shown| spec.version(&shown.name).ok());
    for id in version.map(|version| version.testcases()).unwrap_or_default() {
        let verdict = standing.results.get(id).map_or(Verdict::Missing, Held::verdict);
        buckets.entry(number(verdict).to_string()).or_default().push(id);
    }
    buckets.into_iter().map(|(name, ids)| (name, ids.into())).collect()
}

fn versions(spec: &Spec, standing: &Standing) -> Map<String, Value> {
    let versions = spec.versions.iter().zip(&standing.versions).enumerate();
    versions
        .map(|(index, (declared, version))| {
            let target_of = |(target, ids): (&String, &Vec<String>)| {
                ids.iter().map(|id| (id.clone(), json!(target))).collect::<Vec<_>>()
            };
            let targets: Map<_, _> = declared
                .targets
                .iter()
                .map(|(name, ids)| {
                    let verdict = version.targets.get(name).copied().unwrap_or(Verdict::Missing);
                    (name.clone(), json!({ "testcases": ids, "result": number(verdict) }))
                })
                .collect();
            let value = json!({
                "_idx": index,
                "result": number(version.verdict),
                "targets": targets,
                "tc_target": declared.targets.iter().flat_map(target_of).collect::<Map<_, _>>(),
                "validity": version.validity.map_or("deprecated", crate::spec::Validity::as_str),
            });
            (declared.name.clone(), value)
        })
        .collect()
}

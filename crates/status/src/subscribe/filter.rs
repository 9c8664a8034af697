//! Whether an event concerns a subscriber. Data to data.

use lotse_core::event::Event;
use lotse_core::id::ComponentId;
use serde::Deserialize;
use serde_json::Value;

use super::model::Filter;

/// What the filter looks at in the body of an event.
#[derive(Debug, Deserialize)]
struct Touched {
    id: ComponentId,
    #[serde(default)]
    labels: Option<std::collections::BTreeMap<String, String>>,
    #[serde(default)]
    severity: Option<u8>,
}

/// Whether subscribers are told of such an event at all: something begins, is said, moves or ends,
/// and whoever wrote it down did not want to be silent.
pub fn is_news(event: &Event) -> bool {
    let Some((noun, verb)) = parts(&event.topic) else { return false };
    if event.body.get("notify").and_then(Value::as_bool) == Some(false) {
        return false;
    }
    match verb {
        "opened" | "updated" | "ended" => true,
        // What matters of a change is said in an update; other times of planned work are news.
        "changed" => noun == "maintenance" && changes(event, &["began", "ended"]),
        _ => false,
    }
}

/// The noun (`incident`, `maintenance`) and the verb of a topic.
pub(crate) fn parts(topic: &str) -> Option<(&str, &str)> {
    let (noun, verb) = topic.strip_prefix("status.")?.split_once('.')?;
    matches!(noun, "incident" | "maintenance").then_some((noun, verb))
}

fn changes(event: &Event, fields: &[&str]) -> bool {
    let changed = event.body.get("changes").and_then(Value::as_array);
    changed.is_some_and(|all| {
        all.iter().any(|one| one.as_str().is_some_and(|one| fields.contains(&one)))
    })
}

/// Whether somebody with this filter wants to hear of it.
pub fn concerns(filter: &Filter, event: &Event) -> bool {
    let Some((noun, _)) = parts(&event.topic) else { return false };
    if noun == "maintenance" && !filter.maintenance {
        return false;
    }
    let touched = event.body.get("components").cloned().unwrap_or_default();
    let touched: Vec<Touched> = serde_json::from_value(touched).unwrap_or_default();
    if touched.is_empty() {
        // Nobody said what it touches: it is for those who want to hear of everything.
        let everything = filter.components.is_empty() && filter.regions.is_empty();
        return everything && (noun == "maintenance" || filter.least == 0);
    }
    touched.iter().any(|one| {
        let region = one.labels.as_ref().and_then(|labels| labels.get("region"));
        let is_here = filter.regions.is_empty()
            || region.is_some_and(|region| filter.regions.contains(region));
        let is_this = filter.components.is_empty() || filter.components.contains(&one.id);
        // When nobody said how bad it is, it counts as limited.
        let severity = one.severity.unwrap_or(crate::level::LIMITED);
        is_here && is_this && (noun == "maintenance" || severity >= filter.least)
    })
}

#[cfg(test)]
mod tests {
    use lotse_core::id::EventId;
    use lotse_core::time::Timestamp;
    use serde_json::json;

    use super::*;

    fn event(topic: &str, body: Value) -> Event {
        Event {
            id: EventId::generate(),
            topic: topic.to_owned(),
            subject: String::new(),
            at: Timestamp::UNIX_EPOCH,
            body,
        }
    }

    #[test]
    fn component_region_and_severity_have_to_be_met_by_one_impact() {
        let (compute, storage) = (ComponentId::generate(), ComponentId::generate());
        let event = event(
            "status.incident.opened",
            json!({ "components": [
                { "id": compute, "labels": { "region": "west" }, "severity": 20 },
                { "id": storage, "labels": { "region": "east" }, "severity": 90 },
            ] }),
        );
        let all = Filter::default();
        assert!(concerns(&all, &event));
        let only = |id| Filter { components: vec![id], ..Filter::default() };
        assert!(
            concerns(&only(compute), &event) && !concerns(&only(ComponentId::generate()), &event)
        );
        let bad_compute = Filter { least: 67, ..only(compute) };
        assert!(!concerns(&bad_compute, &event), "only storage is as bad");
        let west = |least| Filter { regions: vec!["west".to_owned()], least, ..all.clone() };
        assert!(concerns(&west(0), &event) && !concerns(&west(34), &event));
    }

    #[test]
    fn planned_work_is_told_to_those_who_want_it_however_bad() {
        let body = json!({ "components": [{ "id": ComponentId::generate(), "severity": 0 }] });
        let event = event("status.maintenance.opened", body);
        assert!(concerns(&Filter { least: 67, ..Filter::default() }, &event));
        assert!(!concerns(&Filter { maintenance: false, ..Filter::default() }, &event));
    }

    #[test]
    fn silence_edits_and_other_topics_are_no_news() {
        assert!(is_news(&event("status.incident.opened", json!({}))));
        assert!(!is_news(&event("status.incident.opened", json!({ "notify": false }))));
        assert!(!is_news(&event("status.incident.changed", json!({ "changes": ["began"] }))));
        assert!(is_news(&event("status.maintenance.changed", json!({ "changes": ["began"] }))));
        assert!(!is_news(&event("status.maintenance.changed", json!({ "changes": ["name"] }))));
        assert!(!is_news(&event("status.incident.removed", json!({}))));
        assert!(!is_news(&event("image.converged", json!({}))));
    }
}

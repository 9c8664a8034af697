//! Cachet: what its API answers, version 2 (`/api/v1/…`) and version 3 (`/api/…`, JSON:API).
//!
//! Its times have no zone; they are taken for UTC. It does not say how badly an incident touched its
//! component, so that is 50 for all of them.

use std::collections::BTreeMap;

use lotse_core::id::ComponentId;
use lotse_core::time::Timestamp;
use serde_json::Value;

use super::found::{Found, Told, id};
use crate::archive::Archive;
use crate::error::Error;
use crate::model::Component;

/// How badly incidents touch components.
const SEVERITY: u8 = 50;
/// The status of incidents that are over.
const FIXED: i64 = 4;

/// Reads answers of Cachet (`components`, `components/groups` or `component-groups`, `incidents`,
/// `schedules`), all of one page.
///
/// # Errors
/// One of them is none.
pub fn cachet(documents: &[Vec<u8>]) -> Result<Archive, Error> {
    let mut things = Things::default();
    for text in documents {
        let document: Value = serde_json::from_slice(text)
            .map_err(|error| Error::invalid("document", error.to_string()))?;
        let of = |key: &str| document[key].as_array().cloned().unwrap_or_default();
        if !document["data"].is_array() {
            return Err(Error::invalid("document", "it is no answer of Cachet: no list `data`"));
        }
        for one in of("data").into_iter().chain(of("included")) {
            things.add(one)?;
        }
    }
    things.archive()
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Component,
    Group,
    Incident,
    Schedule,
    Update,
    Other,
}

/// Version 3 says it; of version 2 the fields tell.
fn kind(one: &Value) -> Kind {
    if let Some(word) = one["type"].as_str() {
        return match word {
            "components" => Kind::Component,
            "componentGroups" => Kind::Group,
            "incidents" => Kind::Incident,
            "schedules" => Kind::Schedule,
            "updates" | "incidentUpdates" => Kind::Update,
            _ => Kind::Other,
        };
    }
    let has = |key: &str| one.get(key).is_some();
    match () {
        () if has("enabled_components") || has("collapsed") => Kind::Group,
        () if has("component_id") => Kind::Incident,
        () if has("completed_at") => Kind::Schedule,
        () if has("group_id") => Kind::Component,
        () => Kind::Other,
    }
}

#[derive(Default)]
struct Things {
    components: BTreeMap<String, Value>,
    groups: BTreeMap<String, Value>,
    incidents: BTreeMap<String, Value>,
    schedules: BTreeMap<String, Value>,
    updates: BTreeMap<String, Value>,
}

impl Things {
    fn add(&mut self, one: Value) -> Result<(), Error> {
        let things = match kind(&one) {
            Kind::Component => &mut self.components,
            Kind::Group => &mut self.groups,
            Kind::Incident => &mut self.incidents,
            Kind::Schedule => &mut self.schedules,
            Kind::Update => &mut self.updates,
            Kind::Other => return Ok(()),
        };
        let id = word(&one["id"]).ok_or_else(|| Error::invalid("id", "an entry has none"))?;
        things.insert(id, one);
        Ok(())
    }

    fn archive(&self) -> Result<Archive, Error> {
        let mut archive = Archive::default();
        let mut components = BTreeMap::new();
        for (number, one) in &self.components {
            let component = self.component(number, one);
            components.insert(component.id, component);
        }
        let mut incidents = BTreeMap::new();
        let incident = |(number, one): (&String, &Value)| self.incident(number, one);
        let schedule = |(number, one): (&String, &Value)| self.schedule(number, one);
        let found = self.incidents.iter().map(incident);
        for found in found.chain(self.schedules.iter().map(schedule)) {
            let mut found = found?;
            // Components that were removed there are not known any more.
            found.affects.retain(|(id, _)| components.contains_key(&ComponentId::from_uuid(*id)));
            let archived = found.archived();
            incidents.insert(archived.incident.id, archived);
        }
        archive.components = components.into_values().collect();
        archive.incidents = incidents.into_values().collect();
        Ok(archive)
    }

    fn component(&self, number: &str, one: &Value) -> Component {
        let group = word(&one["group_id"])
            .or_else(|| word(&one["relationships"]["group"]["data"]["id"]))
            .and_then(|group| self.groups.get(&group))
            .and_then(|group| text(group, "name"));
        let labels = group.map(|group| ("group".to_owned(), group)).into_iter().collect();
        let id = ComponentId::from_uuid(component_id(number));
        Component { labels, ..Component::new(id, text(one, "name")) }
    }

    /// What is said of an incident or schedule: within it, or beside it.
    fn told(&self, one: &Value) -> Result<Vec<Told>, Error> {
        let within = one["updates"].as_array().into_iter().flatten();
        let named = one["relationships"]["updates"]["data"].as_array().into_iter().flatten();
        let beside = named.filter_map(|named| self.updates.get(&word(&named["id"])?));
        let told = |update: &Value| {
            let at = time(update, "created")?;
            let at = at.ok_or_else(|| Error::invalid("updates", "one has no time"))?;
            let name = text(update, "human_status")
                .or_else(|| update["attributes"]["status"]["human"].as_str().map(str::to_owned));
            Ok(Told { name, text: text(update, "message"), at })
        };
        within.chain(beside).map(told).collect()
    }

    fn incident(&self, number: &str, one: &Value) -> Result<Found, Error> {
        let planned = time(one, "scheduled")?;
        let created = time(one, "created")?.or(planned);
        let created = created.ok_or_else(|| Error::invalid("incidents", "one has no time"))?;
        let changed = time(one, "updated")?.unwrap_or(created);
        let began = planned.or(time(one, "occurred")?).unwrap_or(created);
        let status = status(one);
        // Old versions kept maintenance among incidents, as status 0 and without an end.
        let is_planned = status == Some(0) && planned.is_some();
        let told = self.told(one)?;
        let last = told.iter().map(|told| told.at).max();
        let ended = match status {
            _ if is_planned => Some(changed.max(began)),
            Some(FIXED) => Some(last.unwrap_or(changed)),
            _ => None,
        };
        let mut affects: Vec<_> = related(one);
        affects.extend(word(field(one, "component_id")).filter(|id| id != "0"));
        let severity = if is_planned { 0 } else { SEVERITY };
        Ok(Found {
            id: id(&format!("cachet/incident/{number}")),
            name: text(one, "name"),
            description: text(one, "message"),
            affects: affects.iter().map(|id| (component_id(id), severity)).collect(),
            began: Some(began),
            ended,
            created,
            changed,
            told,
        })
    }

    fn schedule(&self, number: &str, one: &Value) -> Result<Found, Error> {
        let began = time(one, "scheduled")?;
        let began = began.ok_or_else(|| Error::invalid("schedules", "one has no time"))?;
        let created = time(one, "created")?.unwrap_or(began);
        Ok(Found {
            id: id(&format!("cachet/schedule/{number}")),
            name: text(one, "name"),
            description: text(one, "message"),
            affects: related(one).iter().map(|id| (component_id(id), 0)).collect(),
            began: Some(began),
            ended: Some(time(one, "completed")?.unwrap_or(began)),
            created,
            changed: time(one, "updated")?.unwrap_or(created),
            told: self.told(one)?,
        })
    }
}

fn component_id(number: &str) -> uuid::Uuid {
    id(&format!("cachet/component/{number}"))
}

/// The numbers of the components that it names.
fn related(one: &Value) -> Vec<String> {
    let within = one["components"].as_array().into_iter().flatten();
    let within =
        within.filter_map(|each| word(&each["component_id"]).or_else(|| word(&each["id"])));
    let beside = one["relationships"]["components"]["data"].as_array().into_iter().flatten();
    within.chain(beside.filter_map(|each| word(&each["id"]))).collect()
}

/// A field of version 2, or the attribute of version 3.
fn field<'a>(one: &'a Value, key: &str) -> &'a Value {
    one.get("attributes").unwrap_or(one).get(key).unwrap_or(&Value::Null)
}

fn text(one: &Value, key: &str) -> Option<String> {
    field(one, key).as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Numbers and words that stand for ids.
fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The number of a status.
fn status(one: &Value) -> Option<i64> {
    let status = field(one, "status");
    let number = status.get("value").unwrap_or(status);
    number.as_i64().or_else(|| number.as_str()?.parse().ok())
}

/// `NAME_at` of version 2, or `NAME.string` of version 3.
fn time(one: &Value, name: &str) -> Result<Option<Timestamp>, Error> {
    let old = one.get(format!("{name}_at"));
    let text = old.unwrap_or_else(|| field(one, name).get("string").unwrap_or(&Value::Null));
    text.as_str().map(super::utc).transpose()
}

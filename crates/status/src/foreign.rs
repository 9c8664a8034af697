//! What other status pages know, as an archive: the public JSON of Statuspage, version 2.
//!
//! Ids that are no UUIDs become UUIDs of version 5 (RFC 9562), so that importing the same twice gives
//! the same ids.

use std::collections::BTreeMap;

use lotse_core::id::{ComponentId, IncidentId};
use lotse_core::time::Timestamp;
use serde::Deserialize;
use uuid::Uuid;

use crate::archive::{Archive, Archived};
use crate::error::Error;
use crate::model::{Component, Impact, Incident, Update};

/// The names of ids of Statuspage.
const NAMESPACE: Uuid = Uuid::from_u128(0x6d6f_d2a4_9f0e_4b8e_9a3c_51e6_5b1f_0e77);

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    components: Vec<ForeignComponent>,
    #[serde(default)]
    incidents: Vec<ForeignIncident>,
    #[serde(default)]
    scheduled_maintenances: Vec<ForeignIncident>,
}

#[derive(Deserialize)]
struct ForeignComponent {
    id: String,
    name: String,
    #[serde(default)]
    group: Option<bool>,
    #[serde(default)]
    group_id: Option<String>,
}

#[derive(Deserialize)]
struct ForeignIncident {
    id: String,
    name: String,
    #[serde(default)]
    impact: Option<String>,
    created_at: Timestamp,
    #[serde(default)]
    updated_at: Option<Timestamp>,
    #[serde(default)]
    started_at: Option<Timestamp>,
    #[serde(default)]
    resolved_at: Option<Timestamp>,
    #[serde(default)]
    scheduled_for: Option<Timestamp>,
    #[serde(default)]
    scheduled_until: Option<Timestamp>,
    #[serde(default)]
    components: Vec<ForeignComponent>,
    #[serde(default)]
    incident_updates: Vec<ForeignUpdate>,
}

#[derive(Deserialize)]
struct ForeignUpdate {
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    body: Option<String>,
    created_at: Timestamp,
}

/// Reads documents of Statuspage (`summary.json`, `components.json`, `incidents.json`,
/// `scheduled-maintenances.json`), all of which are of one page. What several of them name counts
/// once.
///
/// # Errors
/// One of them is none.
pub fn statuspage(documents: &[Vec<u8>]) -> Result<Archive, Error> {
    let mut components = BTreeMap::new();
    let mut incidents = BTreeMap::new();
    for text in documents {
        let document: Document = serde_json::from_slice(text)
            .map_err(|error| Error::invalid("document", error.to_string()))?;
        let told = document.incidents.iter().chain(&document.scheduled_maintenances);
        let told = told.flat_map(|incident| &incident.components);
        let all: Vec<_> = document.components.iter().chain(told).collect();
        for one in &all {
            // A group is a component to Statuspage, and a label to us.
            if one.group != Some(true) {
                let group = one.group_id.as_deref();
                let group = group.and_then(|id| all.iter().find(|other| other.id == id));
                let component = component(one, group.map(|group| group.name.as_str()));
                components.entry(component.id).or_insert(component);
            }
        }
        for (one, is_planned) in document
            .incidents
            .iter()
            .map(|one| (one, false))
            .chain(document.scheduled_maintenances.iter().map(|one| (one, true)))
        {
            let archived = incident(one, is_planned);
            incidents.entry(archived.incident.id).or_insert(archived);
        }
    }
    Ok(Archive {
        components: components.into_values().collect(),
        incidents: incidents.into_values().collect(),
        ..Archive::default()
    })
}

fn id(text: &str) -> Uuid {
    Uuid::try_parse(text).unwrap_or_else(|_| Uuid::new_v5(&NAMESPACE, text.as_bytes()))
}

fn component(one: &ForeignComponent, group: Option<&str>) -> Component {
    let component = Component::new(ComponentId::from_uuid(id(&one.id)), Some(one.name.clone()));
    Component {
        labels: group.map(|group| ("group".to_owned(), group.to_owned())).into_iter().collect(),
        ..component
    }
}

fn incident(one: &ForeignIncident, is_planned: bool) -> Archived {
    let severity = match one.impact.as_deref() {
        _ if is_planned => 0,
        Some("critical") => 90,
        Some("major") => 50,
        _ => 20,
    };
    let mut told: Vec<_> = one.incident_updates.iter().collect();
    told.sort_by_key(|update| update.created_at);
    let update = |(order, update): (u32, &&ForeignUpdate)| Update {
        order,
        name: update.status.clone(),
        description: update.body.clone(),
        created: Some(update.created_at),
    };
    let updates: Vec<_> = (0..).zip(&told).map(update).collect();
    let mut touched: Vec<_> =
        one.components.iter().map(|one| ComponentId::from_uuid(id(&one.id))).collect();
    touched.sort_unstable();
    touched.dedup();
    let impact = |component| Impact { component, kind: None, severity: Some(severity) };
    let began = one.scheduled_for.or(one.started_at).unwrap_or(one.created_at);
    let ended = if is_planned { one.scheduled_until.or(Some(began)) } else { one.resolved_at };
    let incident = Incident {
        name: Some(one.name.clone()),
        affects: touched.into_iter().map(impact).collect(),
        began: Some(began),
        // Clocks of others may have gone backwards.
        ended: ended.map(|ended| ended.max(began)),
        next_update: u32::try_from(updates.len()).unwrap_or(u32::MAX),
        changed: one.updated_at.unwrap_or(one.created_at),
        ..Incident::new(IncidentId::from_uuid(id(&one.id)), one.created_at)
    };
    Archived { incident, updates }
}

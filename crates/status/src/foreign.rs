//! What other status pages know, as an archive: Statuspage, Cachet, Uptime Kuma, the SCS status page.
//!
//! Ids that are no UUIDs become UUIDs of version 5 (RFC 9562), so that importing the same twice gives
//! the same ids. What the others do not know is not made up, but where our page needs it.

mod cachet;
mod found;
mod kuma;
mod scs;

use std::collections::BTreeMap;

use jiff::civil::DateTime;
use lotse_core::id::ComponentId;
use lotse_core::time::Timestamp;
use lotse_store::foreign::Foreign;
use lotse_store::sqlx::{self, any::AnyRow};
use serde::Deserialize;

pub use self::cachet::cachet;
use self::found::{Found, Told, id};
pub use self::kuma::{kuma, kuma_backup};
pub use self::scs::scs;
use crate::archive::{Archive, Archived};
use crate::error::Error;
use crate::model::Component;

/// The database of another page could not be read.
fn foreign(source: lotse_store::Error) -> Error {
    Error::Foreign { source }
}

/// A connection to the database of another page.
async fn connect(url: &str) -> Result<Foreign, Error> {
    Foreign::open(url).await.map_err(foreign)
}

async fn rows(connection: &mut Foreign, sql: &'static str) -> Result<Vec<AnyRow>, Error> {
    connection.rows(sqlx::query(sql)).await.map_err(foreign)
}

/// A text that says something.
fn text_of(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// A time with a zone, or one without, which is taken for UTC.
fn utc(text: &str) -> Result<Timestamp, Error> {
    let wrong = || Error::invalid("time", format!("{text:?} is no time"));
    text.parse().or_else(|_| {
        let local: DateTime = text.parse().map_err(|_| wrong())?;
        let zoned = local.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| wrong())?;
        Ok(zoned.timestamp())
    })
}

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
    let told = one.incident_updates.iter().map(|update| Told {
        name: update.status.clone(),
        text: update.body.clone(),
        at: update.created_at,
    });
    let began = one.scheduled_for.or(one.started_at).unwrap_or(one.created_at);
    let found = Found {
        id: id(&one.id),
        name: Some(one.name.clone()),
        description: None,
        affects: one.components.iter().map(|one| (id(&one.id), severity)).collect(),
        began: Some(began),
        ended: if is_planned { one.scheduled_until.or(Some(began)) } else { one.resolved_at },
        created: one.created_at,
        changed: one.updated_at.unwrap_or(one.created_at),
        told: told.collect(),
    };
    found.archived()
}

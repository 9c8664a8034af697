//! The PostgreSQL database of the SCS status page. Ids stay what they are, so links keep working.

use std::collections::BTreeMap;

use lotse_core::id::{ComponentId, ImpactTypeId, IncidentId};
use lotse_core::time::Timestamp;
use lotse_store::foreign::Foreign;
use lotse_store::row::Columns;
use uuid::Uuid;

use super::{foreign, rows, text_of};
use crate::archive::{Archive, Archived};
use crate::error::Error;
use crate::model::{Band, Component, Impact, ImpactType, Incident, PhaseRef, Update};

/// The driver that speaks to both engines knows neither UUIDs nor JSON nor times: they come as text
/// and as microseconds.
const COMPONENTS: &str = "\
SELECT id::text AS id, COALESCE(display_name, '') AS name, COALESCE(labels::text, '{}') AS labels
FROM components ORDER BY id";

const IMPACT_TYPES: &str = "\
SELECT id::text AS id, COALESCE(display_name, '') AS name, COALESCE(description, '') AS description
FROM impact_types ORDER BY id";

const SEVERITIES: &str = "\
SELECT display_name AS name, value::bigint AS value FROM severities
WHERE display_name IS NOT NULL ORDER BY value";

const PHASES: &str = "\
SELECT generation::bigint AS generation, COALESCE(name, '') AS name FROM phases
ORDER BY generation, \"order\"";

const INCIDENTS: &str = "\
SELECT id::text AS id, COALESCE(display_name, '') AS name, COALESCE(description, '') AS description,
  (EXTRACT(EPOCH FROM began_at) * 1000000)::bigint AS began,
  (EXTRACT(EPOCH FROM ended_at) * 1000000)::bigint AS ended,
  phase_generation::bigint AS generation, phase_order::bigint AS place
FROM incidents ORDER BY id";

const IMPACTS: &str = "\
SELECT incident_id::text AS incident, component_id::text AS component,
  impact_type_id::text AS kind, severity::bigint AS severity
FROM impacts ORDER BY incident_id, component_id, impact_type_id";

const UPDATES: &str = "\
SELECT incident_id::text AS incident, \"order\"::bigint AS place,
  COALESCE(display_name, '') AS name, COALESCE(description, '') AS description,
  (EXTRACT(EPOCH FROM created_at) * 1000000)::bigint AS created
FROM incident_updates ORDER BY incident_id, \"order\"";

/// Reads everything from the database at `postgres://…`; nothing there is changed.
///
/// # Errors
/// It cannot be read, or is no database of the SCS status page.
pub async fn scs(url: &str) -> Result<Archive, Error> {
    let mut connection = super::connect(url).await?;
    let archive = read(&mut connection).await?;
    connection.close().await.map_err(foreign)?;
    Ok(archive)
}

async fn read(connection: &mut Foreign) -> Result<Archive, Error> {
    let mut archive = Archive::default();
    for row in rows(connection, COMPONENTS).await?.iter().map(Columns) {
        let labels: BTreeMap<String, String> = row.json("labels")?;
        let id = ComponentId::from_uuid(row.parsed("id")?);
        let name = text_of(row.text("name")?);
        archive.components.push(Component { labels, ..Component::new(id, name) });
    }
    for row in rows(connection, IMPACT_TYPES).await?.iter().map(Columns) {
        let id: Uuid = row.parsed("id")?;
        archive.impact_types.push(ImpactType {
            id: ImpactTypeId::from_uuid(id),
            name: text_of(row.text("name")?).unwrap_or_else(|| id.to_string()),
            description: text_of(row.text("description")?),
        });
    }
    let mut bands = BTreeMap::new();
    for row in rows(connection, SEVERITIES).await?.iter().map(Columns) {
        // It also stored what can mean nothing: names without words, values outside of 1 to 100.
        let (name, value) = (row.text("name")?, row.integer("value")?);
        if let Ok(value @ 1..=100) = u8::try_from(value)
            && !name.is_empty()
        {
            bands.insert(name.clone(), Band { name, value });
        }
    }
    archive.severities = bands.into_values().collect();
    let mut generations: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for row in rows(connection, PHASES).await?.iter().map(Columns) {
        generations.entry(row.integer("generation")?).or_default().push(row.text("name")?);
    }
    let numbers: Vec<_> = generations.keys().copied().collect();
    archive.phases = generations.into_values().collect();
    archive.incidents = incidents(connection, &numbers, &archive.phases).await?;
    Ok(archive)
}

async fn incidents(
    connection: &mut Foreign,
    generations: &[i64],
    phases: &[Vec<String>],
) -> Result<Vec<Archived>, Error> {
    let mut impacts = impacts(connection).await?;
    let mut updates = updates(connection).await?;
    let mut incidents = Vec::new();
    for row in rows(connection, INCIDENTS).await?.iter().map(Columns) {
        let id: Uuid = row.parsed("id")?;
        let (began, ended) = (row.maybe_time("began")?, row.maybe_time("ended")?);
        let updates = updates.remove(&id).unwrap_or_default();
        let told = updates.iter().filter_map(|update| update.created);
        // When it was written down is not kept there: its beginning is the best guess.
        let created =
            began.or(ended).or_else(|| told.clone().min()).unwrap_or(Timestamp::UNIX_EPOCH);
        let (generation, place) = (row.maybe_integer("generation")?, row.maybe_integer("place")?);
        let phase = generation.zip(place).and_then(|(generation, place)| {
            let index = generations.iter().position(|known| *known == generation)?;
            let order = u32::try_from(place).ok()?;
            let known = phases.get(index)?.len() > usize::try_from(order).ok()?;
            let generation = u32::try_from(index + 1).ok()?;
            known.then_some(PhaseRef { generation, order })
        });
        let mut incident = Incident {
            name: text_of(row.text("name")?),
            description: text_of(row.text("description")?),
            affects: impacts.remove(&id).unwrap_or_default(),
            began,
            // It accepted ends before beginnings.
            ended: ended.map(|ended| began.map_or(ended, |began| ended.max(began))),
            phase,
            next_update: updates.last().map_or(0, |last| last.order.saturating_add(1)),
            changed: told.max().map_or(created, |told| told.max(created)),
            ..Incident::new(IncidentId::from_uuid(id), created)
        };
        if incident.is_maintenance() && incident.ended.is_none() {
            incident.ended = incident.began.or(Some(created));
        }
        incidents.push(Archived { incident, updates });
    }
    Ok(incidents)
}

async fn impacts(connection: &mut Foreign) -> Result<BTreeMap<Uuid, Vec<Impact>>, Error> {
    let mut impacts: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for row in rows(connection, IMPACTS).await?.iter().map(Columns) {
        let kind = row.maybe_text("kind")?.map(|text| text.parse().map(ImpactTypeId::from_uuid));
        let severity = row.maybe_integer("severity")?;
        impacts.entry(row.parsed("incident")?).or_default().push(Impact {
            component: ComponentId::from_uuid(row.parsed("component")?),
            kind: kind.transpose().map_err(|_| Error::invalid("impact_type_id", "no UUID"))?,
            severity: severity.map(|value| u8::try_from(value.clamp(0, 100)).unwrap_or(100)),
        });
    }
    Ok(impacts)
}

async fn updates(connection: &mut Foreign) -> Result<BTreeMap<Uuid, Vec<Update>>, Error> {
    let mut updates: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for row in rows(connection, UPDATES).await?.iter().map(Columns) {
        let order = u32::try_from(row.integer("place")?);
        updates.entry(row.parsed("incident")?).or_default().push(Update {
            order: order.map_err(|_| Error::invalid("order", "it is no number of an update"))?,
            name: text_of(row.text("name")?),
            description: text_of(row.text("description")?),
            created: row.maybe_time("created")?,
        });
    }
    Ok(updates)
}

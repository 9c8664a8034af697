//! Uptime Kuma: its database (`kuma.db`, SQLite), or the backup in JSON that version 1 writes.
//!
//! Monitors become components, falls of monitors incidents, planned work of the kind `single`
//! maintenance, and notices of its status pages incidents without components. A backup has
//! monitors only.

use std::collections::BTreeMap;
use std::path::Path;

use lotse_core::id::ComponentId;
use lotse_core::time::Timestamp;
use lotse_store::foreign::Foreign;
use lotse_store::row::Columns;
use lotse_store::sqlx::any::AnyRow;
use serde::Deserialize;

use super::found::{Found, Told, id};
use super::{rows, text_of};
use crate::archive::Archive;
use crate::error::Error;
use crate::model::Component;

/// How badly a component is touched whose monitor fell.
const FELL: u8 = 80;

/// The status of a heartbeat that failed.
const DOWN: i64 = 0;

const MONITORS: &str = "\
SELECT CAST(m.id AS INTEGER) AS id, CAST(COALESCE(m.name, '') AS TEXT) AS name,
  CAST(COALESCE((SELECT g.name FROM monitor_group mg JOIN \"group\" g ON g.id = mg.group_id
    WHERE mg.monitor_id = m.id ORDER BY mg.id LIMIT 1), '') AS TEXT) AS part
FROM monitor m WHERE COALESCE(m.type, '') <> 'group' ORDER BY m.id";

const BEATS: &str = "\
SELECT CAST(monitor_id AS INTEGER) AS monitor, CAST(status AS INTEGER) AS status,
  CAST(time AS TEXT) AS time
FROM heartbeat WHERE important = 1 ORDER BY monitor_id, time, id";

const INCIDENTS: &str = "\
SELECT CAST(id AS INTEGER) AS id, CAST(title AS TEXT) AS title, CAST(content AS TEXT) AS content,
  CAST(COALESCE(style, '') AS TEXT) AS style, CAST(active AS INTEGER) AS active,
  CAST(created_date AS TEXT) AS created,
  CAST(COALESCE(last_updated_date, created_date) AS TEXT) AS changed
FROM incident ORDER BY id";

const MAINTENANCE: &str = "\
SELECT CAST(id AS INTEGER) AS id, CAST(title AS TEXT) AS title,
  CAST(description AS TEXT) AS description, CAST(start_date AS TEXT) AS began,
  CAST(end_date AS TEXT) AS ended
FROM maintenance
WHERE strategy = 'single' AND start_date IS NOT NULL AND end_date IS NOT NULL ORDER BY id";

const TOUCHED: &str = "\
SELECT CAST(maintenance_id AS INTEGER) AS id, CAST(monitor_id AS INTEGER) AS monitor
FROM monitor_maintenance ORDER BY maintenance_id, monitor_id";

/// A backup of version 1.
#[derive(Deserialize)]
struct Backup {
    #[serde(rename = "monitorList")]
    monitors: Vec<Monitor>,
}

#[derive(Deserialize)]
struct Monitor {
    id: i64,
    #[serde(default)]
    name: String,
    #[serde(default, rename = "type")]
    kind: String,
}

/// Reads a backup in JSON.
///
/// # Errors
/// It is none.
pub fn kuma_backup(text: &[u8]) -> Result<Archive, Error> {
    let backup: Backup = serde_json::from_slice(text)
        .map_err(|error| Error::invalid("document", error.to_string()))?;
    let monitors = backup.monitors.into_iter().filter(|one| one.kind != "group");
    let components = monitors.map(|one| component(one.id, one.name, ""));
    let components: BTreeMap<_, _> = components.map(|one| (one.id, one)).collect();
    Ok(Archive { components: components.into_values().collect(), ..Archive::default() })
}

/// Reads the database; the file is not changed.
///
/// # Errors
/// It is no database of Uptime Kuma, or cannot be read.
pub async fn kuma(path: &Path) -> Result<Archive, Error> {
    let mut connection = super::connect(&format!("sqlite:{}?mode=ro", path.display())).await?;
    let monitors = rows(&mut connection, MONITORS).await?;
    let mut components = BTreeMap::new();
    for row in monitors.iter().map(Columns) {
        let one = component(row.integer("id")?, row.text("name")?, &row.text("part")?);
        components.insert(one.id, one);
    }
    let mut found = falls(&rows(&mut connection, BEATS).await?, &components)?;
    for row in &rows(&mut connection, INCIDENTS).await? {
        found.push(notice(Columns(row))?);
    }
    found.extend(maintenance(&mut connection).await?);
    connection.close().await.map_err(super::foreign)?;
    let mut incidents = BTreeMap::new();
    for mut one in found {
        one.affects.retain(|(id, _)| components.contains_key(&ComponentId::from_uuid(*id)));
        let archived = one.archived();
        incidents.insert(archived.incident.id, archived);
    }
    Ok(Archive {
        components: components.into_values().collect(),
        incidents: incidents.into_values().collect(),
        ..Archive::default()
    })
}

fn component_id(monitor: i64) -> uuid::Uuid {
    id(&format!("kuma/monitor/{monitor}"))
}

fn component(monitor: i64, name: String, group: &str) -> Component {
    let group = Some(group).filter(|group| !group.is_empty());
    let labels = group.map(|group| ("group".to_owned(), group.to_owned())).into_iter().collect();
    Component {
        labels,
        ..Component::new(ComponentId::from_uuid(component_id(monitor)), text_of(name))
    }
}

/// Every change to down begins an incident that the next change ends.
fn falls(
    beats: &[AnyRow],
    components: &BTreeMap<ComponentId, Component>,
) -> Result<Vec<Found>, Error> {
    let mut falls: Vec<Found> = Vec::new();
    let mut open: Option<(i64, Found)> = None;
    for row in beats.iter().map(Columns) {
        let (monitor, status) = (row.integer("monitor")?, row.integer("status")?);
        let at = super::utc(&row.text("time")?)?;
        match open.take() {
            Some((known, fall)) if known == monitor && status == DOWN => {
                open = Some((known, fall));
                continue;
            }
            Some((known, mut fall)) => {
                fall.ended = (known == monitor).then_some(at);
                falls.push(fall);
            }
            None => {}
        }
        if status == DOWN {
            open = Some((monitor, fall(monitor, at, components)));
        }
    }
    falls.extend(open.map(|(_, fall)| fall));
    Ok(falls)
}

fn fall(monitor: i64, at: Timestamp, components: &BTreeMap<ComponentId, Component>) -> Found {
    let component = components.get(&ComponentId::from_uuid(component_id(monitor)));
    Found {
        id: id(&format!("kuma/fall/{monitor}/{at}")),
        name: component.map(|one| format!("{} was not available", one.title())),
        description: None,
        affects: vec![(component_id(monitor), FELL)],
        began: Some(at),
        ended: None,
        created: at,
        changed: at,
        told: Vec::new(),
    }
}

fn notice(row: Columns<'_>) -> Result<Found, Error> {
    let created = super::utc(&row.text("created")?)?;
    let changed = super::utc(&row.text("changed")?)?;
    let content = text_of(row.text("content")?);
    Ok(Found {
        id: id(&format!("kuma/incident/{}", row.integer("id")?)),
        name: text_of(row.text("title")?),
        description: content.clone(),
        affects: Vec::new(),
        began: Some(created),
        ended: (row.integer("active")? == 0).then_some(changed),
        created,
        changed,
        told: vec![Told { name: text_of(row.text("style")?), text: content, at: created }],
    })
}

async fn maintenance(connection: &mut Foreign) -> Result<Vec<Found>, Error> {
    let mut touched: BTreeMap<i64, Vec<(uuid::Uuid, u8)>> = BTreeMap::new();
    for row in rows(connection, TOUCHED).await?.iter().map(Columns) {
        let monitor = component_id(row.integer("monitor")?);
        touched.entry(row.integer("id")?).or_default().push((monitor, 0));
    }
    let mut found = Vec::new();
    for row in rows(connection, MAINTENANCE).await?.iter().map(Columns) {
        let number = row.integer("id")?;
        let began = super::utc(&row.text("began")?)?;
        found.push(Found {
            id: id(&format!("kuma/maintenance/{number}")),
            name: text_of(row.text("title")?),
            description: text_of(row.text("description")?),
            affects: touched.remove(&number).unwrap_or_default(),
            began: Some(began),
            ended: Some(super::utc(&row.text("ended")?)?),
            created: began,
            changed: began,
            told: Vec::new(),
        });
    }
    Ok(found)
}

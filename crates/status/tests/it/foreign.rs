//! What other status pages know, taken over: Cachet, Uptime Kuma, the SCS status page.

use std::path::Path;

use lotse_core::id::ComponentId;
use lotse_status::archive::{Archive, Archived};
use lotse_status::command::Command;
use lotse_status::foreign;
use lotse_store::sqlx::any::AnyConnectOptions;
use lotse_store::sqlx::{self, AnyConnection, ConnectOptions as _};
use serde_json::{Value, json};

use crate::stage::Stage;

/// The archive makes a page, and the page makes the same archive.
async fn fits(archive: &Archive) {
    let stage = Stage::new().await;
    let restore = Command::Restore(Box::new(archive.clone()));
    stage.desk.perform("test", &restore).await.unwrap();
    assert_eq!(Archive::of(stage.desk.whole().book()), *archive);
}

fn named<'a>(archive: &'a Archive, name: &str) -> &'a Archived {
    let is_it = |one: &&Archived| one.incident.name.as_deref() == Some(name);
    archive.incidents.iter().find(is_it).unwrap_or_else(|| panic!("{name}: {archive:#?}"))
}

fn component(archive: &Archive, name: &str) -> ComponentId {
    let is_it = |one: &&lotse_status::model::Component| one.name.as_deref() == Some(name);
    archive.components.iter().find(is_it).unwrap().id
}

fn window(one: &Archived) -> (String, String) {
    let text = |at: Option<lotse_core::time::Timestamp>| {
        at.map_or_else(|| "-".to_owned(), |at| at.to_string())
    };
    (text(one.incident.began), text(one.incident.ended))
}

fn bytes(documents: &[Value]) -> Vec<Vec<u8>> {
    documents.iter().map(|one| one.to_string().into_bytes()).collect()
}

#[tokio::test]
async fn a_page_of_cachet_2_is_taken_over() {
    let documents = bytes(&[
        json!({ "meta": { "pagination": {} }, "data": [
            { "id": 1, "name": "API", "status": 1, "order": 0, "group_id": 7, "enabled": true },
            { "id": 2, "name": "Web", "status": 4, "order": 1, "group_id": 0, "enabled": true },
        ] }),
        json!({ "data": [{ "id": 7, "name": "Europe", "collapsed": 0, "enabled_components": [] }] }),
        json!({ "data": [
            { "id": 3, "component_id": 1, "name": "Slow", "status": 4, "message": "Hm.",
              "occurred_at": "2026-11-01 10:00:00", "created_at": "2026-11-01 10:05:00",
              "updated_at": "2026-11-01 12:00:00", "updates": [
                { "id": 1, "incident_id": 3, "status": 4, "message": "Done.",
                  "human_status": "Fixed", "created_at": "2026-11-01 11:00:00" } ] },
            { "id": 4, "component_id": 9, "name": "Open", "status": 1, "message": "",
              "scheduled_at": null, "created_at": "2026-11-02 10:00:00", "updated_at": null },
        ] }),
        json!({ "data": [{ "id": 5, "name": "Work", "message": "New disks", "status": 2,
            "scheduled_at": "2026-12-01 20:00:00", "completed_at": "2026-12-01 22:00:00",
            "components": [{ "id": 1, "component_id": 2, "component_status": 5 }] }] }),
    ]);
    let archive = foreign::cachet(&documents).unwrap();
    assert_eq!(archive, foreign::cachet(&documents).unwrap(), "the same gives the same");
    fits(&archive).await;
    let api = component(&archive, "API");
    let known = archive.components.iter().find(|one| one.id == api).unwrap();
    assert_eq!(known.label("group"), Some("Europe"));
    let slow = named(&archive, "Slow");
    let wanted = ("2026-11-01T10:00:00Z".to_owned(), "2026-11-01T11:00:00Z".to_owned());
    assert_eq!(window(slow), wanted);
    assert_eq!(slow.incident.affects[0].component, api);
    assert_eq!(slow.updates[0].name.as_deref(), Some("Fixed"));
    let open = named(&archive, "Open");
    assert!(open.incident.ended.is_none() && open.incident.affects.is_empty());
    let work = named(&archive, "Work");
    assert!(work.incident.is_maintenance());
    assert_eq!(work.incident.affects[0].component, component(&archive, "Web"));
    assert!(foreign::cachet(&bytes(&[json!({ "incidents": [] })])).is_err());
}

#[tokio::test]
async fn a_page_of_cachet_3_is_taken_over() {
    let at = |text: &str| json!({ "human": "some time ago", "string": text });
    let documents = bytes(&[
        json!({ "data": [{ "id": "1", "type": "components", "attributes": { "id": 1, "name": "API",
            "status": { "human": "Operational", "value": 1 } },
            "relationships": { "group": { "data": { "id": "7", "type": "componentGroups" } } } }],
          "included": [{ "id": "7", "type": "componentGroups", "attributes": { "name": "Europe" } }] }),
        json!({ "data": [{ "id": "3", "type": "incidents", "attributes": { "id": 3, "name": "Slow",
            "message": "Hm.", "component_id": null, "status": { "human": "Fixed", "value": 4 },
            "occurred": at("2026-11-01 10:00:00"), "created": at("2026-11-01 10:05:00"),
            "updated": at("2026-11-01 12:00:00") },
            "relationships": { "components": { "data": [{ "id": "1", "type": "components" }] },
              "updates": { "data": [{ "id": "8", "type": "updates" }] } } }],
          "included": [{ "id": "8", "type": "updates", "attributes": { "message": "Done.",
            "status": { "human": "Fixed", "value": 4 }, "created": at("2026-11-01 11:00:00") } }] }),
        json!({ "data": [{ "id": "5", "type": "schedules", "attributes": { "name": "Work",
            "message": "New disks", "status": { "human": "Upcoming", "value": 0 },
            "scheduled": at("2026-12-01 20:00:00"), "completed": at("2026-12-01 22:00:00") },
            "relationships": { "components": { "data": [{ "id": "1", "type": "components" }] } } }] }),
    ]);
    let archive = foreign::cachet(&documents).unwrap();
    fits(&archive).await;
    let slow = named(&archive, "Slow");
    assert_eq!(window(slow).1, "2026-11-01T11:00:00Z");
    assert_eq!(slow.incident.affects[0].component, component(&archive, "API"));
    assert_eq!(slow.updates[0].description.as_deref(), Some("Done."));
    assert_eq!(archive.components[0].label("group"), Some("Europe"));
    assert_eq!(window(named(&archive, "Work")).1, "2026-12-01T22:00:00Z");
}

/// The tables of Uptime Kuma, as far as they matter.
const KUMA: &str = "\
CREATE TABLE monitor (id INTEGER PRIMARY KEY, name VARCHAR(150), active BOOLEAN, type VARCHAR(20));
CREATE TABLE \"group\" (id INTEGER PRIMARY KEY, name VARCHAR(255) NOT NULL);
CREATE TABLE monitor_group (id INTEGER PRIMARY KEY, monitor_id INTEGER, group_id INTEGER);
CREATE TABLE heartbeat (id INTEGER PRIMARY KEY, important BOOLEAN NOT NULL, monitor_id INTEGER,
  status SMALLINT NOT NULL, msg TEXT, time DATETIME NOT NULL);
CREATE TABLE incident (id INTEGER PRIMARY KEY, title VARCHAR(255), content TEXT, style VARCHAR(30),
  created_date DATETIME, last_updated_date DATETIME, pin BOOLEAN, active BOOLEAN);
CREATE TABLE maintenance (id INTEGER PRIMARY KEY, title VARCHAR(150), description TEXT,
  strategy VARCHAR(50), start_date DATETIME, end_date DATETIME);
CREATE TABLE monitor_maintenance (id INTEGER PRIMARY KEY, monitor_id INTEGER, maintenance_id INTEGER);
INSERT INTO monitor VALUES (1, 'API', 1, 'http'), (2, 'Web', 1, 'ping'), (3, 'Folder', 1, 'group');
INSERT INTO \"group\" VALUES (7, 'Europe');
INSERT INTO monitor_group VALUES (1, 1, 7);
INSERT INTO heartbeat VALUES
  (1, 1, 1, 1, '', '2026-11-01 09:00:00.000'), (2, 1, 1, 0, 'x', '2026-11-01 10:00:00.500'),
  (3, 0, 1, 0, 'x', '2026-11-01 10:01:00.000'), (4, 1, 1, 1, '', '2026-11-01 10:02:00.000'),
  (5, 1, 2, 0, 'x', '2026-11-02 10:00:00.000');
INSERT INTO incident VALUES (4, 'Notice', 'Mind the gap', 'warning', '2026-11-03 08:00:00',
  '2026-11-03 09:00:00', 0, 0);
INSERT INTO maintenance VALUES
  (5, 'Work', 'New disks', 'single', '2026-12-01 20:00:00', '2026-12-01 22:00:00'),
  (6, 'Weekly', '', 'recurring-weekday', '2026-12-01 20:00:00', NULL);
INSERT INTO monitor_maintenance VALUES (1, 2, 5), (2, 99, 5);";

async fn kuma(path: &Path) {
    sqlx::any::install_default_drivers();
    let url = format!("sqlite:{}?mode=rwc", path.display());
    let options: AnyConnectOptions = url.parse().unwrap();
    let mut connection: AnyConnection = options.connect().await.unwrap();
    sqlx::raw_sql(KUMA).execute(&mut connection).await.unwrap();
    sqlx::Connection::close(connection).await.unwrap();
}

#[tokio::test]
async fn a_database_of_uptime_kuma_is_taken_over_and_not_changed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kuma.db");
    kuma(&path).await;
    let before = std::fs::read(&path).unwrap();
    let archive = foreign::kuma(&path).await.unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), before);
    fits(&archive).await;
    assert_eq!(archive.components.len(), 2, "a folder of monitors is no component");
    let api = named(&archive, "API was not available");
    let wanted = ("2026-11-01T10:00:00.5Z".to_owned(), "2026-11-01T10:02:00Z".to_owned());
    assert_eq!(window(api), wanted);
    assert_eq!(api.incident.affects[0].component, component(&archive, "API"));
    assert_eq!(window(named(&archive, "Web was not available")).1, "-");
    let notice = named(&archive, "Notice");
    assert_eq!(window(notice).1, "2026-11-03T09:00:00Z");
    let work = named(&archive, "Work");
    assert!(work.incident.is_maintenance());
    assert_eq!(work.incident.affects.len(), 1, "a monitor that is gone is not touched");
    assert_eq!(archive.incidents.len(), 4);
    assert!(foreign::kuma(&directory.path().join("nothing.db")).await.is_err());
}

#[tokio::test]
async fn a_backup_of_uptime_kuma_has_its_monitors() {
    let backup = json!({ "version": "1.23.11", "notificationList": [], "monitorList": [
        { "id": 1, "name": "API", "type": "http", "url": "https://x", "tags": [] },
        { "id": 2, "name": "Folder", "type": "group" },
    ] });
    let archive = foreign::kuma_backup(backup.to_string().as_bytes()).unwrap();
    fits(&archive).await;
    assert_eq!(archive.components.len(), 1);
    assert!(foreign::kuma_backup(b"{}").is_err());
}

/// The tables of the SCS status page, with what it accepted and ours does not.
const SCS: &str = "\
CREATE TABLE components (id uuid PRIMARY KEY, display_name text, labels jsonb);
CREATE TABLE impact_types (id uuid PRIMARY KEY, display_name text, description text);
CREATE TABLE phases (generation integer, \"order\" integer, name text, PRIMARY KEY (generation, \"order\"));
CREATE TABLE severities (display_name text PRIMARY KEY, value integer UNIQUE);
CREATE TABLE incidents (id uuid PRIMARY KEY, display_name text, description text,
  began_at timestamptz, ended_at timestamptz, phase_generation integer, phase_order integer);
CREATE TABLE impacts (incident_id uuid, component_id uuid, impact_type_id uuid, severity integer,
  PRIMARY KEY (incident_id, component_id, impact_type_id));
CREATE TABLE incident_updates (incident_id uuid, \"order\" integer, display_name text,
  description text, created_at timestamptz, PRIMARY KEY (incident_id, \"order\"));
INSERT INTO components VALUES
  ('00000000-0000-0000-0000-000000000001', 'Compute', '{\"region\": \"west\"}'),
  ('00000000-0000-0000-0000-000000000002', NULL, NULL);
INSERT INTO impact_types VALUES ('00000000-0000-0000-0000-00000000000a', 'Slow', NULL);
INSERT INTO phases VALUES (1, 0, 'Investigating'), (1, 1, 'Done'), (2, 0, 'Open');
INSERT INTO severities VALUES ('operational', 33), ('broken', 100), ('nonsense', 500);
INSERT INTO incidents VALUES
  ('00000000-0000-0000-0000-000000000011', 'Disks', 'They vanish', '2026-11-01 11:00:00+01',
   '2026-11-01 12:30:00+01', 1, 1),
  ('00000000-0000-0000-0000-000000000012', 'Backwards', NULL, '2026-11-02 10:00:00Z',
   '2026-11-02 09:00:00Z', 7, 7),
  ('00000000-0000-0000-0000-000000000013', 'Work', NULL, '2026-12-01 10:00:00Z', NULL, 2, 0),
  ('00000000-0000-0000-0000-000000000014', 'Timeless', NULL, NULL, NULL, NULL, NULL);
INSERT INTO impacts VALUES
  ('00000000-0000-0000-0000-000000000011', '00000000-0000-0000-0000-000000000001',
   '00000000-0000-0000-0000-00000000000a', 500),
  ('00000000-0000-0000-0000-000000000013', '00000000-0000-0000-0000-000000000002',
   '00000000-0000-0000-0000-00000000000a', 0);
INSERT INTO incident_updates VALUES
  ('00000000-0000-0000-0000-000000000011', 0, 'Cause', 'A switch', '2026-11-01 10:30:00Z'),
  ('00000000-0000-0000-0000-000000000011', 2, 'Over', NULL, '2026-11-01 11:30:00.123456Z');";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "real: postgresql"]
#[expect(clippy::disallowed_methods, reason = "where real tests are told their server")]
async fn a_database_of_the_scs_status_page_is_taken_over() {
    let admin = std::env::var("LOTSE_TEST_POSTGRES").expect("LOTSE_TEST_POSTGRES must name a URL");
    sqlx::any::install_default_drivers();
    let connected = async |url: &str| -> AnyConnection {
        url.parse::<AnyConnectOptions>().unwrap().connect().await.unwrap()
    };
    let name = format!("scs_{}", uuid::Uuid::now_v7().simple());
    let server = admin.rsplit_once('/').map_or(admin.as_str(), |(server, _)| server);
    let url = format!("{server}/{name}");
    let mut root = connected(&admin).await;
    let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
    sqlx::raw_sql(create).execute(&mut root).await.unwrap();
    let mut filled = connected(&url).await;
    sqlx::raw_sql(SCS).execute(&mut filled).await.unwrap();
    sqlx::Connection::close(filled).await.unwrap();
    let archive = foreign::scs(&url).await;
    let drop = sqlx::AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"));
    sqlx::raw_sql(drop).execute(&mut root).await.unwrap();
    let archive = archive.unwrap();
    fits(&archive).await;
    assert_eq!(archive.components[0].label("region"), Some("west"));
    assert_eq!(archive.severities.len(), 2, "a severity of 500 means nothing");
    assert_eq!(archive.phases, [vec!["Investigating", "Done"], vec!["Open"]]);
    let disks = named(&archive, "Disks");
    assert_eq!(disks.incident.id.to_string(), "00000000-0000-0000-0000-000000000011");
    let wanted = ("2026-11-01T10:00:00Z".to_owned(), "2026-11-01T11:30:00Z".to_owned());
    assert_eq!(window(disks), wanted);
    assert_eq!(disks.incident.affects[0].severity, Some(100));
    assert_eq!((disks.updates[1].order, disks.incident.next_update), (2, 3));
    assert_eq!(disks.updates[1].created.unwrap().to_string(), "2026-11-01T11:30:00.123456Z");
    let phase = disks.incident.phase.unwrap();
    assert_eq!((phase.generation, phase.order), (1, 1));
    let backwards = named(&archive, "Backwards");
    assert_eq!(window(backwards).1, "2026-11-02T10:00:00Z");
    assert_eq!(backwards.incident.phase, None, "a phase that never was is none");
    assert!(named(&archive, "Work").incident.is_maintenance());
    assert_eq!(window(named(&archive, "Timeless")), ("-".to_owned(), "-".to_owned()));
}

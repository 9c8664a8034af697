//! Cinder's notifications: what it says of a resource when something happens to it.

use lotse_core::time::Timestamp;
use serde_json::{Value, json};

use super::model::{Backup, Snapshot, Volume};
use crate::events::{Cause, Events, Happened};

/// A time as Python's `isoformat` writes it in UTC.
fn iso(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

fn publish(
    events: &Events,
    event_type: String,
    publisher_id: &'static str,
    at: Timestamp,
    (cause, payload): (&Cause, Value),
) {
    events.publish(Happened { at, event_type, publisher_id, cause: cause.clone(), payload });
}

/// `volume.WHAT`, for example `create.end`.
pub(crate) fn volume(events: &Events, of: &Volume, what: &str, at: Timestamp, cause: &Cause) {
    let mut payload = json!({
        "tenant_id": of.project_id,
        "host": of.host,
        "user_id": of.user_id,
        "availability_zone": of.availability_zone,
        "volume_id": of.id,
        "volume_type": of.type_id,
        "display_name": of.name,
        "launched_at": iso(of.launched_at.unwrap_or(at)),
        "created_at": iso(of.created_at),
        "status": of.status.text(),
        "snapshot_id": of.snapshot_id,
        "size": of.size,
        "replication_status": null,
        "replication_extended_status": null,
        "replication_driver_data": null,
        "metadata": pairs(&of.metadata),
        "volume_attachment": of.attachments.iter().map(|one| json!({
            "id": one.id,
            "volume_id": of.id,
            "instance_uuid": one.server,
            "attached_host": one.host,
            "mountpoint": one.device,
            "attach_time": one.attached_at.map(iso),
            "attach_mode": one.mode,
            "attach_status": one.status.text(),
        })).collect::<Vec<_>>(),
    });
    if !of.image.is_empty() {
        payload["glance_metadata"] = pairs(&of.image);
    }
    publish(events, format!("volume.{what}"), "volume.sim@files", at, (cause, payload));
}

/// Metadata as notifications list it.
fn pairs(metadata: &std::collections::BTreeMap<String, String>) -> Value {
    metadata.iter().map(|(key, value)| json!({"key": key, "value": value})).collect()
}

/// `snapshot.WHAT`.
pub(crate) fn snapshot(events: &Events, of: &Snapshot, what: &str, at: Timestamp, cause: &Cause) {
    let payload = json!({
        "tenant_id": of.project_id,
        "user_id": of.user_id,
        "availability_zone": super::model::volume::ZONE,
        "volume_id": of.volume_id,
        "volume_size": of.volume_size,
        "snapshot_id": of.id,
        "display_name": of.name,
        "created_at": iso(of.created_at),
        "status": of.status.text(),
        "deleted": if what == "delete.end" { "True" } else { "" },
        "metadata": json!(of.metadata).to_string(),
    });
    publish(events, format!("snapshot.{what}"), "snapshot.sim@files", at, (cause, payload));
}

/// `backup.WHAT`.
pub(crate) fn backup(events: &Events, of: &Backup, what: &str, at: Timestamp, cause: &Cause) {
    let payload = json!({
        "tenant_id": of.project_id,
        "user_id": of.user_id,
        "availability_zone": of.availability_zone,
        "backup_id": of.id,
        "host": super::model::volume::HOST,
        "display_name": of.name,
        "created_at": iso(of.created_at),
        "status": of.status.text(),
        "volume_id": of.volume_id,
        "size": of.size,
        "service_metadata": of.container,
        "service": super::model::copy::DRIVER,
        "fail_reason": of.fail_reason,
        "parent_id": of.parent_id,
        "num_dependent_backups": 0,
        "snapshot_id": of.snapshot_id,
    });
    publish(events, format!("backup.{what}"), "backup.sim", at, (cause, payload));
}

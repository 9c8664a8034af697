//! How volumes, snapshots, backups and attachments are shown, version by version.

use lotse_core::time::Timestamp;
use serde_json::{Value, json};

use super::asked::Asked;
use super::list::Listed;
use super::model::{Attachment, Backup, Snapshot, Volume, Volumes};
use super::words::{AttachStatus, VolumeStatus};

/// The volume service, for `service_uuid`.
pub(crate) const SERVICE: &str = "5f0c1d3a-6b1f-4c58-9d0a-3b8a8f6f2a11";

/// A time as Cinder writes it: microseconds (always zero, as from the database), without a zone.
pub(crate) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.000000").to_string()
}

impl Listed for Volume {
    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> Timestamp {
        self.created_at
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(match name {
            "id" => json!(self.id),
            "name" | "display_name" => json!(self.name),
            "status" => json!(self.status.text()),
            "size" => json!(self.size),
            "metadata" => json!(self.metadata),
            "bootable" => json!(self.bootable),
            "availability_zone" => json!(self.availability_zone),
            "group_id" => json!(self.group_id),
            "migration_status" => Value::Null,
            "created_at" => json!(self.created_at),
            "updated_at" => json!(self.updated_at),
            "consumes_quota" => json!(true),
            "project_id" => json!(self.project_id),
            "user_id" => json!(self.user_id),
            "host" => json!(self.host),
            "volume_type_id" => json!(self.type_id),
            "snapshot_id" => json!(self.snapshot_id),
            "source_volid" => json!(self.source_volid),
            _ => return None,
        })
    }
}

impl Listed for Snapshot {
    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> Timestamp {
        self.created_at
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(match name {
            "id" => json!(self.id),
            "name" | "display_name" => json!(self.name),
            "status" => json!(self.status.text()),
            "volume_id" => json!(self.volume_id),
            "size" | "volume_size" => json!(self.volume_size),
            "metadata" => json!(self.metadata),
            "created_at" => json!(self.created_at),
            "updated_at" => json!(self.updated_at),
            "availability_zone" => json!(super::model::volume::ZONE),
            "consumes_quota" => json!(true),
            "project_id" => json!(self.project_id),
            _ => return None,
        })
    }
}

impl Listed for Backup {
    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> Timestamp {
        self.created_at
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(match name {
            "id" => json!(self.id),
            "name" | "display_name" => json!(self.name),
            "status" => json!(self.status.text()),
            "volume_id" => json!(self.volume_id),
            "size" => json!(self.size),
            "created_at" => json!(self.created_at),
            "updated_at" => json!(self.updated_at),
            "project_id" => json!(self.project_id),
            _ => return None,
        })
    }
}

/// Id, name and links.
pub(crate) fn summary(asked: &Asked, kind: &str, id: &str, name: Option<&str>) -> Value {
    json!({"id": id, "name": name, "links": asked.links(kind, id)})
}

/// How much of a volume is shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Extent {
    /// What answers to a change show.
    Plain,
    /// With project, host and image as well, as show and detailed lists have them.
    Full,
}

/// A volume.
pub(crate) fn volume(asked: &Asked, volumes: &Volumes, of: &Volume, extent: Extent) -> Value {
    let kind = volumes.types.get(&of.type_id).map(|kind| kind.name.as_str());
    let mut metadata = json!(of.metadata);
    if extent == Extent::Full
        && let Value::Object(metadata) = &mut metadata
    {
        let noted = of.admin_metadata.iter().map(|(key, value)| (key.clone(), json!(value)));
        metadata.extend(noted);
    }
    let scheduled = of.status != VolumeStatus::Creating;
    let mut shown = json!({
        "id": of.id,
        "status": of.status.text(),
        "size": of.size,
        "availability_zone": of.availability_zone,
        "created_at": time(of.created_at),
        "updated_at": of.updated_at.map(time),
        "name": of.name,
        "description": of.description,
        "volume_type": kind,
        "snapshot_id": of.snapshot_id,
        "source_volid": of.source_volid,
        "metadata": metadata,
        "links": asked.links("volumes", &of.id),
        "user_id": of.user_id,
        // The flag of the source is taken over only when the volume is filled.
        "bootable": if scheduled && of.bootable { "true" } else { "false" },
        "encrypted": of.encrypted(),
        "replication_status": null,
        "consistencygroup_id": null,
        "multiattach": of.multiattach,
        "attachments": attached(asked, of),
    });
    if asked.is_admin() {
        shown["migration_status"] = Value::Null;
    }
    newer(asked, of, scheduled, &mut shown);
    if extent == Extent::Full {
        shown["os-vol-tenant-attr:tenant_id"] = json!(of.project_id);
        if asked.is_admin() {
            shown["os-vol-mig-status-attr:migstat"] = Value::Null;
            shown["os-vol-mig-status-attr:name_id"] = Value::Null;
            shown["os-vol-host-attr:host"] = json!(of.host);
        }
        if !of.image.is_empty() {
            shown["volume_image_metadata"] = json!(of.image);
        }
    }
    shown
}

/// What later versions added.
fn newer(asked: &Asked, of: &Volume, scheduled: bool, shown: &mut Value) {
    if asked.at_least(13) {
        shown["group_id"] = json!(of.group_id);
    }
    if asked.at_least(21) && asked.is_admin() {
        shown["provider_id"] = Value::Null;
    }
    if asked.at_least(48) {
        shown["shared_targets"] = json!(!scheduled);
        shown["service_uuid"] = json!(scheduled.then_some(SERVICE));
    }
    if asked.at_least(61) && asked.is_admin() {
        shown["cluster_name"] = Value::Null;
    }
    if asked.at_least(63) {
        shown["volume_type_id"] = json!(of.type_id);
    }
    if asked.at_least(64)
        && let Some(key) = &of.encryption_key_id
    {
        shown["encryption_key_id"] = json!(key);
    }
    if asked.at_least(65) {
        shown["consumes_quota"] = json!(true);
    }
}

fn attached(asked: &Asked, of: &Volume) -> Vec<Value> {
    let attached = of.attachments.iter().filter(|one| one.status == AttachStatus::Attached);
    attached
        .map(|one| {
            json!({
                "id": of.id,
                "attachment_id": one.id,
                "volume_id": of.id,
                "server_id": one.server,
                "host_name": if asked.is_admin() { one.host.as_deref() } else { None },
                "device": one.device,
                "attached_at": one.attached_at.map(time),
            })
        })
        .collect()
}

/// A snapshot; `detail` is what the detailed list and show have.
pub(crate) fn snapshot(asked: &Asked, of: &Snapshot, fields: SnapshotFields) -> Value {
    let mut shown = json!({
        "id": of.id,
        "name": of.name,
        "description": of.description,
        "created_at": time(of.created_at),
        "updated_at": of.updated_at.map(time),
        "status": of.status.text(),
        "size": of.volume_size,
        "volume_id": of.volume_id,
        "metadata": of.metadata,
    });
    if fields == SnapshotFields::Summary {
        return shown;
    }
    if asked.at_least(14) {
        shown["group_snapshot_id"] = Value::Null;
    }
    if asked.at_least(41) {
        shown["user_id"] = json!(of.user_id);
    }
    if asked.at_least(65) {
        shown["consumes_quota"] = json!(true);
    }
    if fields == SnapshotFields::Extended {
        shown["os-extended-snapshot-attributes:progress"] = json!(of.progress);
        shown["os-extended-snapshot-attributes:project_id"] = json!(of.project_id);
    }
    shown
}

/// How much of a snapshot is shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum SnapshotFields {
    /// Plain lists.
    Summary,
    /// Answers to changes.
    Detail,
    /// Show and detailed lists.
    Extended,
}

/// A backup in full.
pub(crate) fn backup(asked: &Asked, volumes: &Volumes, of: &Backup) -> Value {
    let dependent = volumes.backups.values().any(|other| other.parent_id.as_ref() == Some(&of.id));
    let mut shown = json!({
        "id": of.id,
        "status": of.status.text(),
        "size": of.size,
        "object_count": of.object_count,
        "availability_zone": of.availability_zone,
        "container": of.container,
        "created_at": time(of.created_at),
        "updated_at": of.updated_at.map(time),
        "name": of.name,
        "description": of.description,
        "fail_reason": of.fail_reason,
        "volume_id": of.volume_id,
        "links": asked.links("backups", &of.id),
        "is_incremental": of.parent_id.is_some(),
        "has_dependent_backups": dependent,
        "snapshot_id": of.snapshot_id,
        "data_timestamp": of.data_timestamp.map(time),
    });
    if asked.at_least(18) && asked.is_admin() {
        shown["os-backup-project-attr:project_id"] = json!(of.project_id);
    }
    if asked.at_least(43) {
        shown["metadata"] = json!(of.metadata);
    }
    if asked.at_least(56) && asked.is_admin() {
        shown["user_id"] = json!(of.user_id);
    }
    shown
}

/// An attachment, in short.
pub(crate) fn attachment_summary(volume: &str, of: &Attachment) -> Value {
    json!({
        "id": of.id,
        "status": of.status.text(),
        "instance": of.server,
        "volume_id": volume,
    })
}

/// An attachment in full. The driver adds the format of the file when a single one is shown.
pub(crate) fn attachment(volume: &str, of: &Attachment, connected: bool) -> Value {
    let mut shown = attachment_summary(volume, of);
    shown["attached_at"] = json!(of.attached_at.map_or_else(String::new, time));
    shown["detached_at"] = json!("");
    shown["attach_mode"] = json!(of.mode.as_deref().unwrap_or("null"));
    shown["connection_info"] = if connected { json!({"format": "raw"}) } else { json!({}) };
    shown
}

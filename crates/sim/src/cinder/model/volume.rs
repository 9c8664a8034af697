//! Volumes and their attachments.

use std::collections::BTreeMap;

use lotse_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cinder::words::{AttachStatus, VolumeStatus};
use crate::seed::Keyed;

/// Where all volumes are: `host@backend#pool`.
pub(crate) const POOL: &str = "sim@files#files";
/// The host of the services.
pub(crate) const HOST: &str = "sim";
/// The one availability zone.
pub(crate) const ZONE: &str = "nova";

fn zone() -> String {
    ZONE.to_owned()
}

/// A volume. Sizes are GiB.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Volume {
    pub(crate) id: String,
    pub(crate) project_id: String,
    pub(crate) user_id: String,
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) size: u64,
    pub(crate) status: VolumeStatus,
    /// What it was before something that will end (a backup, for example).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) previous_status: Option<VolumeStatus>,
    pub(crate) bootable: bool,
    pub(crate) multiattach: bool,
    /// Id of the key of an encrypted volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encryption_key_id: Option<String>,
    /// Id of its type.
    pub(crate) type_id: String,
    #[serde(default = "zone")]
    pub(crate) availability_zone: String,
    /// `None` until the scheduler has chosen.
    pub(crate) host: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) snapshot_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source_volid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) group_id: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) metadata: BTreeMap<String, String>,
    /// What Cinder itself notes: `readonly`, `attached_mode`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) admin_metadata: BTreeMap<String, String>,
    /// What is remembered of the image it was made from.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) image: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) attachments: Vec<Attachment>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Option<Timestamp>,
    pub(crate) launched_at: Option<Timestamp>,
}

impl Keyed for Volume {
    fn key(&self) -> &str {
        &self.id
    }
}

impl Volume {
    /// Whether it is encrypted.
    pub(crate) const fn encrypted(&self) -> bool {
        self.encryption_key_id.is_some()
    }

    /// Whether an administrator or user made it read-only.
    pub(crate) fn readonly(&self) -> bool {
        self.admin_metadata.get("readonly").is_some_and(|value| value == "True")
    }

    /// Moves on to another state.
    pub(crate) const fn become_(&mut self, status: VolumeStatus, at: Timestamp) {
        self.status = status;
        self.updated_at = Some(at);
    }

    /// The state to go back to after something that kept it busy: what it was before, unless servers
    /// came or went in the meantime.
    pub(crate) fn resting(&self, before: VolumeStatus) -> VolumeStatus {
        match before {
            VolumeStatus::Available | VolumeStatus::InUse => self.status_by_attachments(),
            other => other,
        }
    }

    /// The state that its attachments mean.
    pub(crate) fn status_by_attachments(&self) -> VolumeStatus {
        let has = |status| self.attachments.iter().any(|one| one.status == status);
        if has(AttachStatus::Attached) {
            VolumeStatus::InUse
        } else if has(AttachStatus::Attaching) {
            VolumeStatus::Attaching
        } else if has(AttachStatus::Reserved) {
            VolumeStatus::Reserved
        } else {
            VolumeStatus::Available
        }
    }
}

/// A volume's use by a server (or by nobody yet).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Attachment {
    pub(crate) id: String,
    pub(crate) status: AttachStatus,
    /// Id of the server.
    pub(crate) server: Option<String>,
    /// Name of the compute host.
    pub(crate) host: Option<String>,
    /// For example `/dev/vdb`.
    pub(crate) device: Option<String>,
    /// `rw` or `ro`.
    pub(crate) mode: Option<String>,
    #[serde(skip_serializing_if = "Value::is_null")]
    pub(crate) connector: Value,
    pub(crate) attached_at: Option<Timestamp>,
}

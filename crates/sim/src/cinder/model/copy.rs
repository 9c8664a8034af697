//! Snapshots and backups.

use std::collections::BTreeMap;

use lotse_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::cinder::words::{BackupStatus, SnapshotStatus};
use crate::seed::Keyed;

/// A snapshot of a volume.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Snapshot {
    pub(crate) id: String,
    pub(crate) volume_id: String,
    pub(crate) project_id: String,
    pub(crate) user_id: String,
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) status: SnapshotStatus,
    /// For example `0%` or `100%`.
    pub(crate) progress: String,
    /// Size of the volume when it was taken, in GiB.
    pub(crate) volume_size: u64,
    pub(crate) type_id: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) metadata: BTreeMap<String, String>,
    /// What is remembered of the volume's image.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) image: BTreeMap<String, String>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Option<Timestamp>,
}

impl Keyed for Snapshot {
    fn key(&self) -> &str {
        &self.id
    }
}

/// A backup of a volume.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Backup {
    pub(crate) id: String,
    pub(crate) volume_id: String,
    pub(crate) project_id: String,
    pub(crate) user_id: String,
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) status: BackupStatus,
    /// GiB.
    pub(crate) size: u64,
    /// Where in the backup store it is.
    pub(crate) container: Option<String>,
    pub(crate) object_count: u64,
    /// The backup that an incremental one builds on.
    pub(crate) parent_id: Option<String>,
    pub(crate) snapshot_id: Option<String>,
    pub(crate) fail_reason: Option<String>,
    pub(crate) availability_zone: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) metadata: BTreeMap<String, String>,
    /// What is remembered of the volume's image, for volumes made from it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) image: BTreeMap<String, String>,
    pub(crate) bootable: bool,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Option<Timestamp>,
    /// When the data is from: the snapshot's creation or the backup's.
    pub(crate) data_timestamp: Option<Timestamp>,
}

impl Keyed for Backup {
    fn key(&self) -> &str {
        &self.id
    }
}

/// The driver that writes backups.
pub(crate) const DRIVER: &str = "cinder.backup.drivers.posix.PosixBackupDriver";

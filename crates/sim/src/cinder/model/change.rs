//! What time brings: each change carries the instant it is due and is made by whoever looks next.

use lotse_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::Volumes;
use crate::cinder::notify;
use crate::cinder::words::{AttachStatus, BackupStatus, SnapshotStatus, VolumeStatus};
use crate::events::{Cause, Events};

/// A change that is due at some time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Pending {
    pub(crate) due: Timestamp,
    pub(crate) change: Change,
    /// Whose request brought it about.
    #[serde(default)]
    pub(crate) cause: Cause,
}

/// What changes. All names are ids.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Change {
    /// A volume exists.
    VolumeReady { volume: String },
    /// A volume is gone.
    VolumeGone { volume: String },
    /// A volume has its new size.
    VolumeExtended { volume: String, size: u64, back_to: VolumeStatus },
    /// What kept a volume busy is over.
    VolumeFree { volume: String, back_to: VolumeStatus },
    /// A volume has another type.
    VolumeRetyped { volume: String, volume_type: String, back_to: VolumeStatus },
    /// A server has a volume.
    Attached { volume: String, attachment: String },
    /// A server does not have a volume any more.
    Detached { volume: String, attachment: String },
    /// A snapshot is taken.
    SnapshotReady { snapshot: String },
    /// A snapshot is gone.
    SnapshotGone { snapshot: String },
    /// A volume has the content of its snapshot again.
    Reverted { volume: String, snapshot: String, back_to: VolumeStatus },
    /// A backup is written.
    BackupReady { backup: String, back_to: VolumeStatus },
    /// A backup is gone.
    BackupGone { backup: String },
    /// A volume has the content of a backup.
    BackupRestored { backup: String, volume: String },
    /// A group exists.
    GroupReady { group: String },
    /// A group is gone, with its volumes.
    GroupGone { group: String },
}

impl Change {
    /// Whether it is a change of the volume itself.
    pub(crate) fn is_of(&self, id: &str) -> bool {
        match self {
            Self::VolumeReady { volume }
            | Self::VolumeGone { volume }
            | Self::VolumeExtended { volume, .. }
            | Self::VolumeFree { volume, .. }
            | Self::VolumeRetyped { volume, .. }
            | Self::Attached { volume, .. }
            | Self::Detached { volume, .. }
            | Self::Reverted { volume, .. }
            | Self::BackupRestored { volume, .. } => volume == id,
            _ => false,
        }
    }
}

impl Volumes {
    /// Notes a change for later; what is due at the same time happens in the order of notes.
    pub(crate) fn schedule(&mut self, due: Timestamp, change: Change, cause: Cause) {
        let place = self.pending.partition_point(|known| known.due <= due);
        self.pending.insert(place, Pending { due, change, cause });
    }

    /// Makes the changes that are due.
    pub(crate) fn settle(&mut self, now: Timestamp, events: &Events) {
        let due = self.pending.partition_point(|known| known.due <= now);
        if due == 0 {
            return;
        }
        let rest = self.pending.split_off(due);
        let due = std::mem::replace(&mut self.pending, rest);
        for Pending { due, change, cause } in due {
            // Something may have been deleted by force in between: then there is nothing to change.
            let _: Option<()> = self.make(change, due, &cause, events);
        }
    }

    fn make(&mut self, change: Change, at: Timestamp, cause: &Cause, to: &Events) -> Option<()> {
        match change {
            Change::VolumeReady { .. }
            | Change::VolumeGone { .. }
            | Change::VolumeExtended { .. }
            | Change::VolumeFree { .. }
            | Change::VolumeRetyped { .. } => self.change_volume(change, at, cause, to),
            Change::Attached { volume, attachment } => {
                let volume = self.by_id.get_mut(&volume)?;
                let found = volume.attachments.iter_mut().find(|one| one.id == attachment)?;
                found.status = AttachStatus::Attached;
                found.attached_at = Some(at);
                let mode = found.mode.clone().unwrap_or_else(|| "rw".to_owned());
                volume.admin_metadata.insert("attached_mode".to_owned(), mode);
                volume.become_(VolumeStatus::InUse, at);
                notify::volume(to, volume, "attach.end", at, cause);
                Some(())
            }
            Change::Detached { volume, attachment } => {
                let volume = self.by_id.get_mut(&volume)?;
                volume.attachments.retain(|one| one.id != attachment);
                let status = volume.status_by_attachments();
                if status == VolumeStatus::Available {
                    volume.admin_metadata.remove("attached_mode");
                }
                volume.become_(status, at);
                notify::volume(to, volume, "detach.end", at, cause);
                Some(())
            }
            Change::SnapshotReady { .. }
            | Change::SnapshotGone { .. }
            | Change::Reverted { .. } => self.change_snapshot(change, at, cause, to),
            Change::BackupReady { .. }
            | Change::BackupGone { .. }
            | Change::BackupRestored { .. } => self.change_backup(change, at, cause, to),
            Change::GroupReady { group } => {
                "available".clone_into(&mut self.groups.get_mut(&group)?.status);
                Some(())
            }
            Change::GroupGone { group } => {
                self.groups.remove(&group)?;
                self.by_id.retain(|_, volume| volume.group_id.as_ref() != Some(&group));
                Some(())
            }
        }
    }

    fn change_volume(
        &mut self,
        change: Change,
        at: Timestamp,
        cause: &Cause,
        to: &Events,
    ) -> Option<()> {
        match change {
            Change::VolumeReady { volume } => {
                let volume = self.by_id.get_mut(&volume)?;
                // A server may have reserved it while it was still being filled.
                let status = match volume.status {
                    VolumeStatus::Creating | VolumeStatus::Downloading => VolumeStatus::Available,
                    other => other,
                };
                volume.become_(status, at);
                volume.launched_at = Some(at);
                notify::volume(to, volume, "create.end", at, cause);
            }
            Change::VolumeGone { volume } => {
                let gone = self.by_id.remove(&volume)?;
                self.snapshots.retain(|_, snapshot| snapshot.volume_id != volume);
                self.transfers.retain(|_, transfer| transfer.volume_id != volume);
                notify::volume(to, &gone, "delete.end", at, cause);
            }
            Change::VolumeExtended { volume, size, back_to } => {
                let volume = self.by_id.get_mut(&volume)?;
                volume.size = size;
                let back_to = volume.resting(back_to);
                volume.become_(back_to, at);
                notify::volume(to, volume, "resize.end", at, cause);
            }
            Change::VolumeFree { volume, back_to } => {
                let volume = self.by_id.get_mut(&volume)?;
                let back_to = volume.resting(back_to);
                volume.become_(back_to, at);
            }
            Change::VolumeRetyped { volume, volume_type, back_to } => {
                let multiattach = self.types.get(&volume_type)?.multiattach();
                let volume = self.by_id.get_mut(&volume)?;
                volume.type_id = volume_type;
                volume.multiattach = multiattach;
                volume.become_(back_to, at);
                notify::volume(to, volume, "retype", at, cause);
            }
            _ => return None,
        }
        Some(())
    }

    fn change_snapshot(
        &mut self,
        change: Change,
        at: Timestamp,
        cause: &Cause,
        to: &Events,
    ) -> Option<()> {
        match change {
            Change::SnapshotReady { snapshot } => {
                let snapshot = self.snapshots.get_mut(&snapshot)?;
                snapshot.status = SnapshotStatus::Available;
                "100%".clone_into(&mut snapshot.progress);
                snapshot.updated_at = Some(at);
                notify::snapshot(to, snapshot, "create.end", at, cause);
            }
            Change::SnapshotGone { snapshot } => {
                let gone = self.snapshots.remove(&snapshot)?;
                notify::snapshot(to, &gone, "delete.end", at, cause);
            }
            Change::Reverted { volume, snapshot, back_to } => {
                let snapshot = self.snapshots.get_mut(&snapshot)?;
                snapshot.status = SnapshotStatus::Available;
                snapshot.updated_at = Some(at);
                let volume = self.by_id.get_mut(&volume)?;
                volume.become_(back_to, at);
                notify::volume(to, volume, "revert.end", at, cause);
            }
            _ => return None,
        }
        Some(())
    }

    fn change_backup(
        &mut self,
        change: Change,
        at: Timestamp,
        cause: &Cause,
        to: &Events,
    ) -> Option<()> {
        match change {
            Change::BackupReady { backup, back_to } => {
                let backup = self.backups.get_mut(&backup)?;
                backup.status = BackupStatus::Available;
                backup.updated_at = Some(at);
                let written = backup.clone();
                notify::backup(to, &written, "create.end", at, cause);
                let source = written.snapshot_id.as_ref().and_then(|id| self.snapshots.get_mut(id));
                if let Some(snapshot) = source {
                    snapshot.status = SnapshotStatus::Available;
                } else {
                    let volume = self.by_id.get_mut(&written.volume_id)?;
                    volume.previous_status = None;
                    volume.become_(back_to, at);
                }
            }
            Change::BackupGone { backup } => {
                let gone = self.backups.remove(&backup)?;
                notify::backup(to, &gone, "delete.end", at, cause);
            }
            Change::BackupRestored { backup, volume } => {
                let backup = self.backups.get_mut(&backup)?;
                backup.status = BackupStatus::Available;
                backup.updated_at = Some(at);
                notify::backup(to, backup, "restore.end", at, cause);
                let (bootable, image) = (backup.bootable, backup.image.clone());
                let volume = self.by_id.get_mut(&volume)?;
                volume.bootable = bootable;
                volume.image = image;
                volume.launched_at = volume.launched_at.or(Some(at));
                volume.become_(VolumeStatus::Available, at);
            }
            _ => return None,
        }
        Some(())
    }
}

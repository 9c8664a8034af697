//! How much of what a project may have, and has.

use std::collections::BTreeMap;

use http::StatusCode;

use super::model::Volumes;
use crate::fault_body::Fault;

/// The built-in limits; −1 means none.
const BUILT_IN: &[(&str, i64)] = &[
    ("volumes", 10),
    ("per_volume_gigabytes", -1),
    ("snapshots", 10),
    ("gigabytes", 1000),
    ("backups", 10),
    ("backup_gigabytes", 1000),
    ("groups", 10),
];

/// What every type has a limit of its own for.
const BY_TYPE: &[&str] = &["volumes", "gigabytes", "snapshots"];

impl Volumes {
    /// The limits of projects that have none of their own.
    pub(crate) fn default_limits(&self) -> BTreeMap<String, i64> {
        let mut limits: BTreeMap<String, i64> =
            BUILT_IN.iter().map(|(name, limit)| ((*name).to_owned(), *limit)).collect();
        for known in self.types.values() {
            limits.extend(BY_TYPE.iter().map(|what| (format!("{what}_{}", known.name), -1)));
        }
        for (name, limit) in &self.quotas.defaults {
            limits.insert(name.clone(), *limit);
        }
        limits
    }

    /// The limits of a project.
    pub(crate) fn limits_of(&self, project: &str) -> BTreeMap<String, i64> {
        let mut limits = self.default_limits();
        if let Some(own) = self.quotas.projects.get(project) {
            limits.extend(own.iter().map(|(name, limit)| (name.clone(), *limit)));
        }
        limits
    }

    /// What a project uses.
    pub(crate) fn usage_of(&self, project: &str) -> BTreeMap<String, i64> {
        let mut usage = BTreeMap::new();
        let mut add = |name: String, amount: u64| {
            *usage.entry(name).or_insert(0) += i64::try_from(amount).unwrap_or(i64::MAX);
        };
        let type_name = |id: &str| self.types.get(id).map_or("", |known| known.name.as_str());
        for volume in self.by_id.values().filter(|volume| volume.project_id == project) {
            let name = type_name(&volume.type_id);
            add("volumes".to_owned(), 1);
            add(format!("volumes_{name}"), 1);
            add("gigabytes".to_owned(), volume.size);
            add(format!("gigabytes_{name}"), volume.size);
        }
        for snapshot in self.snapshots.values().filter(|snapshot| snapshot.project_id == project) {
            let name = type_name(&snapshot.type_id);
            add("snapshots".to_owned(), 1);
            add(format!("snapshots_{name}"), 1);
            add("gigabytes".to_owned(), snapshot.volume_size);
            add(format!("gigabytes_{name}"), snapshot.volume_size);
        }
        for backup in self.backups.values().filter(|backup| backup.project_id == project) {
            add("backups".to_owned(), 1);
            add("backup_gigabytes".to_owned(), backup.size);
        }
        for _ in self.groups.values().filter(|group| group.project_id == project) {
            add("groups".to_owned(), 1);
        }
        usage
    }

    /// Refuses what would exceed a limit of the project.
    pub(crate) fn within_limits(
        &self,
        project: &str,
        wanted: &[(String, u64)],
    ) -> Result<(), Fault> {
        let (limits, usage) = (self.limits_of(project), self.usage_of(project));
        for (name, amount) in wanted {
            let limit = limits.get(name).copied().unwrap_or(-1);
            let used = usage.get(name).copied().unwrap_or(0);
            let amount = i64::try_from(*amount).unwrap_or(i64::MAX);
            if limit >= 0 && used.saturating_add(amount) > limit {
                return Err(exceeded(name, amount, limit, used));
            }
        }
        Ok(())
    }
}

/// 413, in the words that fit what is exceeded.
fn exceeded(name: &str, wanted: i64, limit: i64, used: i64) -> Fault {
    let text = if name.starts_with("gigabytes") {
        format!(
            "VolumeSizeExceedsAvailableQuota: Requested volume or snapshot exceeds allowed {name} \
             quota. Requested {wanted}G, quota is {limit}G and {used}G has been consumed."
        )
    } else if name == "backup_gigabytes" {
        format!(
            "VolumeBackupSizeExceedsAvailableQuota: Requested backup exceeds allowed Backup \
             gigabytes quota. Requested {wanted}G, quota is {limit}G and {used}G has been consumed."
        )
    } else if name.starts_with("volumes") {
        format!(
            "VolumeLimitExceeded: Maximum number of volumes allowed ({limit}) exceeded for quota \
             '{name}'."
        )
    } else if name.starts_with("snapshots") {
        format!("SnapshotLimitExceeded: Maximum number of snapshots allowed ({limit}) exceeded")
    } else if name == "backups" {
        format!("BackupLimitExceeded: Maximum number of backups allowed ({limit}) exceeded")
    } else {
        format!("GroupLimitExceeded: Maximum number of groups allowed ({}) exceeded", limit + 1)
    };
    let mut fault = Fault::new(StatusCode::PAYLOAD_TOO_LARGE, text);
    fault.retry_after = Some(0);
    fault
}

/// What a volume of this size and type counts as.
pub(crate) fn of_volume(size: u64, type_name: &str) -> Vec<(String, u64)> {
    vec![
        ("gigabytes".to_owned(), size),
        (format!("gigabytes_{type_name}"), size),
        ("volumes".to_owned(), 1),
        (format!("volumes_{type_name}"), 1),
    ]
}

/// What so many GiB more of a volume of this type count as.
pub(crate) fn of_growth(size: u64, type_name: &str) -> Vec<(String, u64)> {
    vec![("gigabytes".to_owned(), size), (format!("gigabytes_{type_name}"), size)]
}

//! What Cinder knows, as plain data.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`volume`] | volumes and their attachments |
//! | [`copy`] | snapshots and backups |
//! | [`catalog`] | types, `QoS` specs, quotas, groups, messages |
//! | [`change`] | what time brings |

pub(crate) mod catalog;
pub(crate) mod change;
pub(crate) mod copy;
pub(crate) mod volume;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub(crate) use self::catalog::{Group, GroupType, Message, QosSpec, Quotas, Transfer, VolumeType};
pub(crate) use self::change::{Change, Pending};
pub(crate) use self::copy::{Backup, Snapshot};
pub(crate) use self::volume::{Attachment, Volume};
use crate::seed::keyed;

/// Everything the service knows.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Volumes {
    #[serde(rename = "volumes", with = "keyed")]
    pub(crate) by_id: BTreeMap<String, Volume>,
    #[serde(with = "keyed")]
    pub(crate) snapshots: BTreeMap<String, Snapshot>,
    #[serde(with = "keyed")]
    pub(crate) backups: BTreeMap<String, Backup>,
    #[serde(with = "keyed")]
    pub(crate) types: BTreeMap<String, VolumeType>,
    /// Name of the type of volumes that are made without one.
    pub(crate) default_type: String,
    #[serde(with = "keyed")]
    pub(crate) qos_specs: BTreeMap<String, QosSpec>,
    pub(crate) quotas: Quotas,
    #[serde(with = "keyed")]
    pub(crate) group_types: BTreeMap<String, GroupType>,
    #[serde(with = "keyed")]
    pub(crate) groups: BTreeMap<String, Group>,
    #[serde(with = "keyed")]
    pub(crate) transfers: BTreeMap<String, Transfer>,
    #[serde(with = "keyed")]
    pub(crate) messages: BTreeMap<String, Message>,
    /// Services that an administrator switched off, `binary@host` to the reason.
    pub(crate) disabled_services: BTreeMap<String, Option<String>>,
    /// What time will bring, in its order.
    pub(crate) pending: Vec<Pending>,
}

impl Default for Volumes {
    fn default() -> Self {
        Self {
            by_id: BTreeMap::new(),
            snapshots: BTreeMap::new(),
            backups: BTreeMap::new(),
            types: catalog::built_in_types(),
            default_type: "files".to_owned(),
            qos_specs: BTreeMap::new(),
            quotas: Quotas::default(),
            group_types: catalog::built_in_group_types(),
            groups: BTreeMap::new(),
            transfers: BTreeMap::new(),
            messages: BTreeMap::new(),
            disabled_services: BTreeMap::new(),
            pending: Vec::new(),
        }
    }
}

impl Volumes {
    /// The type of this id or name.
    pub(crate) fn type_called(&self, id_or_name: &str) -> Option<&VolumeType> {
        let named = || self.types.values().find(|known| known.name == id_or_name);
        self.types.get(id_or_name).or_else(named)
    }

    /// The type of volumes that are made without one.
    pub(crate) fn default_type(&self) -> Option<&VolumeType> {
        self.type_called(&self.default_type)
    }

    /// The snapshots of a volume.
    pub(crate) fn snapshots_of<'a>(
        &'a self,
        volume: &'a str,
    ) -> impl Iterator<Item = &'a Snapshot> {
        self.snapshots.values().filter(move |snapshot| snapshot.volume_id == volume)
    }

    /// The attachment of this id.
    pub(crate) fn attachment(&self, id: &str) -> Option<(&Volume, &Attachment)> {
        self.by_id.values().find_map(|volume| {
            let found = volume.attachments.iter().find(|attachment| attachment.id == id)?;
            Some((volume, found))
        })
    }
}

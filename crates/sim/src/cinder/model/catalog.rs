//! What administrators keep: types, `QoS` specs, quotas; and groups, transfers and messages.

use std::collections::{BTreeMap, BTreeSet};

use lotse_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::named;
use crate::seed::Keyed;

const fn yes() -> bool {
    true
}

/// A volume type.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct VolumeType {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    #[serde(default = "yes")]
    pub(crate) is_public: bool,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) extra_specs: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) qos_specs_id: Option<String>,
    /// Projects that may use a private type.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) projects: BTreeSet<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encryption: Option<Encryption>,
    /// Order in which types were made; lists show the newest first.
    pub(crate) created_at: Timestamp,
}

/// How volumes of a type are encrypted.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Encryption {
    pub(crate) id: String,
    pub(crate) provider: String,
    pub(crate) cipher: Option<String>,
    pub(crate) key_size: Option<u64>,
    pub(crate) control_location: String,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Option<Timestamp>,
}

/// A set of `QoS` specs.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct QosSpec {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) consumer: String,
    pub(crate) specs: BTreeMap<String, String>,
    pub(crate) created_at: Timestamp,
}

/// Quotas that differ from the built-in ones.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Quotas {
    /// Of all projects without their own (the class `default`).
    pub(crate) defaults: BTreeMap<String, i64>,
    /// By project.
    pub(crate) projects: BTreeMap<String, BTreeMap<String, i64>>,
}

/// A type of groups.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct GroupType {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    #[serde(default = "yes")]
    pub(crate) is_public: bool,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) specs: BTreeMap<String, String>,
}

/// A group of volumes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Group {
    pub(crate) id: String,
    pub(crate) project_id: String,
    pub(crate) user_id: String,
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    /// `creating`, `available`, `deleting`.
    pub(crate) status: String,
    pub(crate) kind: String,
    pub(crate) volume_types: Vec<String>,
    pub(crate) availability_zone: String,
    pub(crate) created_at: Timestamp,
}

/// A volume on its way to another project.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Transfer {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) volume_id: String,
    pub(crate) project_id: String,
    pub(crate) auth_key: crate::keystone::model::Password,
    pub(crate) no_snapshots: bool,
    pub(crate) created_at: Timestamp,
}

/// What Cinder tells a user about something that failed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) project_id: String,
    pub(crate) event_id: String,
    pub(crate) text: String,
    pub(crate) level: String,
    pub(crate) resource_type: String,
    pub(crate) resource_uuid: String,
    pub(crate) request_id: String,
    pub(crate) created_at: Timestamp,
    pub(crate) guaranteed_until: Timestamp,
}

macro_rules! has_id {
    ($($kind:ty),*) => {$(
        impl Keyed for $kind {
            fn key(&self) -> &str {
                &self.id
            }
        }
    )*};
}
has_id!(VolumeType, QosSpec, GroupType, Group, Transfer, Message);

/// A stable id with dashes for something built in.
fn id(kind: &str, name: &str) -> String {
    let hex = named(kind, name);
    uuid::Uuid::parse_str(&hex).map_or(hex, |uuid| uuid.to_string())
}

/// The types of the testbed, and two whose descriptions say what SCS-0114 wants said.
pub(crate) fn built_in_types() -> BTreeMap<String, VolumeType> {
    let backend = || BTreeMap::from([("volume_backend_name".to_owned(), "files".to_owned())]);
    let plain = |name: &str, age: i64, description: Option<&str>| VolumeType {
        id: id("volume-type", name),
        name: name.to_owned(),
        description: description.map(str::to_owned),
        is_public: true,
        created_at: Timestamp::from_second(age).unwrap_or_default(),
        ..VolumeType::default()
    };
    let encryption = Encryption {
        id: id("encryption", "files-encrypted"),
        provider: "luks".to_owned(),
        cipher: Some("aes-xts-plain64".to_owned()),
        key_size: Some(256),
        control_location: "front-end".to_owned(),
        created_at: Timestamp::default(),
        updated_at: None,
    };
    let types = [
        plain("__DEFAULT__", 0, Some("Default Volume Type")),
        VolumeType { extra_specs: backend(), ..plain("files", 1, None) },
        VolumeType {
            extra_specs: backend(),
            encryption: Some(encryption),
            ..plain("files-encrypted", 2, Some("[scs:encrypted] Encrypted in the guest's host"))
        },
        VolumeType {
            extra_specs: backend(),
            ..plain("files-replicated", 3, Some("[scs:replicated] Kept on more than one disk"))
        },
    ];
    types.into_iter().map(|one| (one.id.clone(), one)).collect()
}

/// The one type of groups that Cinder brings.
pub(crate) fn built_in_group_types() -> BTreeMap<String, GroupType> {
    let name = "default_cgsnapshot_type";
    let snapshots = ("consistent_group_snapshot_enabled".to_owned(), "<is> True".to_owned());
    let one = GroupType {
        id: id("group-type", name),
        name: name.to_owned(),
        description: Some("Default group type for migrating cgsnapshot".to_owned()),
        is_public: true,
        specs: BTreeMap::from([snapshots]),
    };
    BTreeMap::from([(one.id.clone(), one)])
}

impl VolumeType {
    /// Whether volumes of the type can be attached more than once.
    pub(crate) fn multiattach(&self) -> bool {
        self.extra_specs.get("multiattach").is_some_and(|value| value == "<is> True")
    }

    /// Whether members of the project see and may use it.
    pub(crate) fn open_to(&self, project: &str) -> bool {
        self.is_public || self.projects.contains(project)
    }
}

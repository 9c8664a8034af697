//! A server and its states.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use lotse_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::fleet::Key;
use super::model::Flavor;
use super::transition::Step;
use crate::events::Cause;

/// What a server is, as Nova's database keeps it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum VmState {
    Building,
    Active,
    Stopped,
    Paused,
    Suspended,
    Rescued,
    Resized,
    Shelved,
    ShelvedOffloaded,
    Error,
    Deleted,
}

impl VmState {
    pub(crate) const ALL: [Self; 11] = [
        Self::Building,
        Self::Active,
        Self::Stopped,
        Self::Paused,
        Self::Suspended,
        Self::Rescued,
        Self::Resized,
        Self::Shelved,
        Self::ShelvedOffloaded,
        Self::Error,
        Self::Deleted,
    ];

    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Building => "building",
            Self::Active => "active",
            Self::Stopped => "stopped",
            Self::Paused => "paused",
            Self::Suspended => "suspended",
            Self::Rescued => "rescued",
            Self::Resized => "resized",
            Self::Shelved => "shelved",
            Self::ShelvedOffloaded => "shelved_offloaded",
            Self::Error => "error",
            Self::Deleted => "deleted",
        }
    }
}

/// What is being done to a server, in the words of Nova's `task_state`.
pub(crate) type Task = &'static str;

/// Tasks that there are, so that a seed can name them.
const TASKS: &[Task] = &[
    "scheduling",
    "networking",
    "block_device_mapping",
    "spawning",
    "deleting",
    "powering-off",
    "powering-on",
    "rebooting",
    "reboot_pending",
    "reboot_started",
    "rebooting_hard",
    "reboot_pending_hard",
    "reboot_started_hard",
    "pausing",
    "unpausing",
    "suspending",
    "resuming",
    "rescuing",
    "unrescuing",
    "resize_prep",
    "resize_migrating",
    "resize_migrated",
    "resize_finish",
    "resize_reverting",
    "migrating",
    "rebuilding",
    "rebuild_block_device_mapping",
    "rebuild_spawning",
    "shelving",
    "shelving_image_uploading",
    "shelving_offloading",
    "unshelving",
    "image_backup",
    "image_snapshot_pending",
    "image_snapshot",
    "image_uploading",
    "updating_password",
];

/// A task of this name.
pub(crate) fn task(name: &str) -> Option<Task> {
    TASKS.iter().copied().find(|known| *known == name)
}

/// Whether the virtual machine runs, in Nova's numbers.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Power {
    Nostate = 0,
    Running = 1,
    Paused = 3,
    Shutdown = 4,
    Suspended = 7,
}

/// A port of a server, as Nova remembers it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(crate) struct Nic {
    pub(crate) port: String,
    #[serde(with = "text")]
    pub(crate) network: Arc<str>,
    #[serde(with = "text")]
    pub(crate) network_name: Arc<str>,
    pub(crate) mac: String,
    /// Fixed addresses with their subnets, each with its floating ones.
    pub(crate) addresses: Vec<Address>,
    #[serde(default)]
    pub(crate) tag: Option<String>,
    /// Whether it was made for the server and goes with it.
    #[serde(default)]
    pub(crate) made: bool,
}

/// An address of a port.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(crate) struct Address {
    pub(crate) ip: String,
    #[serde(with = "text")]
    pub(crate) subnet: Arc<str>,
    #[serde(default)]
    pub(crate) floating: Vec<String>,
}

/// A volume of a server.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(crate) struct Disk {
    pub(crate) volume: String,
    pub(crate) attachment: String,
    /// Id of the mapping.
    pub(crate) mapping: String,
    pub(crate) device: String,
    pub(crate) delete_on_termination: bool,
    #[serde(default)]
    pub(crate) tag: Option<String>,
    /// Whether the server boots from it.
    #[serde(default)]
    pub(crate) root: bool,
    /// GiB.
    #[serde(default)]
    pub(crate) size: u64,
}

/// Why a server is in the state `ERROR`.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(crate) struct Failure {
    pub(crate) code: u16,
    pub(crate) message: String,
    pub(crate) details: Option<String>,
    pub(crate) at: Timestamp,
}

/// Something that was done to a server.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(crate) struct Action {
    pub(crate) name: String,
    pub(crate) request: String,
    pub(crate) project: String,
    pub(crate) user: String,
    pub(crate) start: Timestamp,
    pub(crate) message: Option<String>,
    pub(crate) events: Vec<ActionEvent>,
}

/// A part of it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(crate) struct ActionEvent {
    pub(crate) name: String,
    pub(crate) start: Timestamp,
    pub(crate) finish: Option<Timestamp>,
    pub(crate) result: Option<String>,
    pub(crate) host: Option<String>,
}

/// What a server was before it is resized, so that it can be that again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Before {
    #[serde(with = "boxed")]
    pub(crate) flavor: Arc<Flavor>,
    pub(crate) host: Option<String>,
    pub(crate) stopped: bool,
    pub(crate) migration: u64,
}

/// A server.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(clippy::struct_excessive_bools, reason = "independent facts")]
pub(crate) struct Server {
    pub(crate) id: String,
    /// Its place in the order of creation.
    pub(crate) number: u64,
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    #[serde(with = "text")]
    pub(crate) project_id: Arc<str>,
    #[serde(with = "text")]
    pub(crate) user_id: Arc<str>,
    pub(crate) vm: VmState,
    #[serde(default, with = "task_name", skip_serializing_if = "Option::is_none")]
    pub(crate) task: Option<Task>,
    pub(crate) power: Power,
    #[serde(with = "boxed")]
    pub(crate) flavor: Arc<Flavor>,
    #[serde(default, with = "maybe_text", skip_serializing_if = "Option::is_none")]
    pub(crate) image: Option<Arc<str>>,
    #[serde(default, with = "maybe_text", skip_serializing_if = "Option::is_none")]
    pub(crate) host: Option<Arc<str>>,
    /// The zone that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) wanted_zone: Option<String>,
    pub(crate) hostname: String,
    pub(crate) reservation: String,
    #[serde(default)]
    pub(crate) launch_index: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) user_data: Option<String>,
    #[serde(default)]
    pub(crate) config_drive: bool,
    #[serde(default)]
    pub(crate) manual_disk: bool,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) access_ipv4: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) access_ipv6: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) metadata: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tags: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) trusted_certs: Option<Vec<String>>,
    /// Names of its security groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) security_groups: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) nics: Vec<Nic>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) disks: Vec<Disk>,
    #[serde(default)]
    pub(crate) locked: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) locked_reason: Option<String>,
    /// Whether an administrator locked it.
    #[serde(default)]
    pub(crate) locked_by_admin: bool,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) launched_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) terminated_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) deleted_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<Box<Failure>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<Box<Before>>,
    /// The image it was shelved to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shelved_image: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) actions: Vec<Action>,
    /// What is still to happen, and whose request causes it.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    pub(crate) steps: VecDeque<Step>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cause: Option<Box<Cause>>,
}

impl Server {
    pub(crate) fn key(&self) -> Key {
        (Reverse(self.created_at.as_second()), Reverse(self.number))
    }

    /// Whether its root disk is a volume.
    pub(crate) fn boots_from_volume(&self) -> bool {
        self.disks.iter().any(|disk| disk.root)
    }

    /// The status that clients see.
    pub(crate) fn status(&self) -> &'static str {
        status(self.vm, self.task)
    }

    /// The name that hypervisors know it by.
    pub(crate) fn instance_name(&self) -> String {
        format!("instance-{:08x}", self.number)
    }
}

/// The status of a server in this state with this task.
pub(crate) fn status(vm: VmState, task: Option<Task>) -> &'static str {
    let task = task.unwrap_or_default();
    match (vm, task) {
        (VmState::Active, "rebooting" | "reboot_pending" | "reboot_started") => "REBOOT",
        (VmState::Active, "rebooting_hard" | "reboot_pending_hard" | "reboot_started_hard") => {
            "HARD_REBOOT"
        }
        (VmState::Active, "updating_password") => "PASSWORD",
        (
            VmState::Active | VmState::Stopped | VmState::Error,
            "rebuilding" | "rebuild_block_device_mapping" | "rebuild_spawning",
        ) => "REBUILD",
        (VmState::Active | VmState::Paused, "migrating") => "MIGRATING",
        (
            VmState::Active | VmState::Stopped,
            "resize_prep" | "resize_migrating" | "resize_migrated" | "resize_finish",
        ) => "RESIZE",
        (VmState::Resized, "resize_reverting") => "REVERT_RESIZE",
        (VmState::Building, _) => "BUILD",
        (VmState::Active, _) => "ACTIVE",
        (VmState::Stopped, _) => "SHUTOFF",
        (VmState::Resized, _) => "VERIFY_RESIZE",
        (VmState::Paused, _) => "PAUSED",
        (VmState::Suspended, _) => "SUSPENDED",
        (VmState::Rescued, _) => "RESCUE",
        (VmState::Shelved, _) => "SHELVED",
        (VmState::ShelvedOffloaded, _) => "SHELVED_OFFLOADED",
        (VmState::Error, _) => "ERROR",
        (VmState::Deleted, _) => "DELETED",
    }
}

/// States and tasks with which a server has this status, in any case of letters; no task at all
/// stands for every one.
pub(crate) fn states_of(wanted: &str) -> Vec<(VmState, Option<Task>)> {
    let mut found = Vec::new();
    for vm in VmState::ALL {
        if status(vm, None).eq_ignore_ascii_case(wanted) {
            found.push((vm, None));
        }
        for task in TASKS {
            let shown = status(vm, Some(task));
            if shown != status(vm, None) && shown.eq_ignore_ascii_case(wanted) {
                found.push((vm, Some(*task)));
            }
        }
    }
    found
}

/// Shared flavors, written in full.
pub(crate) mod boxed {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Flavor;

    pub(crate) fn serialize<S: Serializer>(
        flavor: &Arc<Flavor>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        flavor.as_ref().serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Arc<Flavor>, D::Error> {
        Flavor::deserialize(deserializer).map(Arc::new)
    }
}

/// Shared text.
mod text {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        text: &Arc<str>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Arc<str>, D::Error> {
        String::deserialize(deserializer).map(Into::into)
    }
}

/// Shared text that may be missing.
mod maybe_text {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[allow(clippy::ref_option, reason = "serde hands out references to fields")]
    pub(super) fn serialize<S: Serializer>(
        text: &Option<Arc<str>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        text.as_deref().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Arc<str>>, D::Error> {
        Ok(Option::<String>::deserialize(deserializer)?.map(Into::into))
    }
}

/// Tasks by their name.
pub(crate) mod task_name {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    use super::Task;

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
    pub(crate) fn serialize<S: Serializer>(
        task: &Option<Task>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        task.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Task>, D::Error> {
        let Some(name) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
        let unknown = || D::Error::custom(format!("no task_state of Nova is called {name}"));
        super::task(&name).map(Some).ok_or_else(unknown)
    }
}

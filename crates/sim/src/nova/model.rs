//! What Nova knows, as plain data, and the transitions that time brings.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lotse_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::fleet::Servers;
use super::generate::Generate;
use crate::events::Events;
use crate::seed::{Keyed, keyed};
use crate::world::World;

/// A size of servers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Flavor {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) vcpus: u64,
    /// MiB.
    pub(crate) ram: u64,
    /// GiB of the root disk; 0 is the size of the image.
    #[serde(default)]
    pub(crate) disk: u64,
    /// GiB of a second disk.
    #[serde(default)]
    pub(crate) ephemeral: u64,
    /// MiB.
    #[serde(default)]
    pub(crate) swap: u64,
    #[serde(default = "one")]
    pub(crate) rxtx_factor: f64,
    #[serde(default = "yes")]
    pub(crate) is_public: bool,
    #[serde(default)]
    pub(crate) disabled: bool,
    #[serde(default)]
    pub(crate) description: Option<String>,
    #[serde(default)]
    pub(crate) extra_specs: BTreeMap<String, String>,
    /// Ids of the projects that see it, if it is not public.
    #[serde(default)]
    pub(crate) access: BTreeSet<String>,
}

const fn one() -> f64 {
    1.0
}

const fn yes() -> bool {
    true
}

/// A key that servers are made with. It belongs to a user.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Keypair {
    pub(crate) number: u64,
    pub(crate) user_id: String,
    pub(crate) name: String,
    /// `ssh` or `x509`.
    pub(crate) kind: String,
    pub(crate) public_key: String,
    pub(crate) fingerprint: String,
    pub(crate) created_at: Timestamp,
}

/// Servers that are to be together or apart.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Group {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) policy: String,
    #[serde(default)]
    pub(crate) max_server_per_host: Option<u64>,
    pub(crate) project_id: String,
    pub(crate) user_id: String,
    /// Ids of its servers, those included that are gone.
    #[serde(default)]
    pub(crate) members: Vec<String>,
}

/// A compute host with its one hypervisor.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Host {
    /// Number of the hypervisor.
    pub(crate) number: u64,
    /// Id of the hypervisor, and of its provider in Placement.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) vcpus: u64,
    /// MiB.
    pub(crate) ram: u64,
    /// GiB.
    pub(crate) disk: u64,
    #[serde(default = "qemu")]
    pub(crate) hypervisor_type: String,
    #[serde(default = "qemu_version")]
    pub(crate) hypervisor_version: u64,
}

fn qemu() -> String {
    "QEMU".to_owned()
}

const fn qemu_version() -> u64 {
    7_002_000
}

/// A service of Nova.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Daemon {
    pub(crate) number: u64,
    pub(crate) id: String,
    pub(crate) binary: String,
    pub(crate) host: String,
    #[serde(default)]
    pub(crate) disabled: bool,
    #[serde(default)]
    pub(crate) disabled_reason: Option<String>,
    #[serde(default)]
    pub(crate) forced_down: bool,
    /// When it was last changed; otherwise it reported just now.
    #[serde(default)]
    pub(crate) updated_at: Option<Timestamp>,
}

/// Hosts that have something in common.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Aggregate {
    pub(crate) number: u64,
    pub(crate) uuid: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) hosts: Vec<String>,
    /// `availability_zone` among them.
    #[serde(default)]
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) created_at: Timestamp,
    #[serde(default)]
    pub(crate) updated_at: Option<Timestamp>,
}

/// A server on its way from one host or size to another.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Migration {
    pub(crate) number: u64,
    pub(crate) uuid: String,
    pub(crate) server: String,
    /// `resize`, `migration`, `live-migration` or `evacuation`.
    pub(crate) kind: String,
    pub(crate) status: String,
    pub(crate) source: String,
    pub(crate) dest: String,
    pub(crate) user_id: String,
    pub(crate) project_id: String,
    pub(crate) old_flavor: String,
    pub(crate) new_flavor: String,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

/// Everything the service knows.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Compute {
    /// Servers to be made up when the cloud starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) generate: Option<Generate>,
    /// The number that the next thing with a number gets.
    pub(crate) next_number: u64,
    #[serde(with = "shared")]
    pub(crate) flavors: BTreeMap<String, Arc<Flavor>>,
    pub(crate) keypairs: Vec<Keypair>,
    pub(crate) groups: Vec<Group>,
    pub(crate) servers: Servers,
    pub(crate) hosts: Vec<Host>,
    #[serde(with = "keyed")]
    pub(crate) services: BTreeMap<String, Daemon>,
    pub(crate) aggregates: Vec<Aggregate>,
    pub(crate) migrations: Vec<Migration>,
    /// Limits that differ from the default, by project.
    pub(crate) quotas: BTreeMap<String, BTreeMap<String, i64>>,
    /// Default limits that differ from the built-in ones.
    pub(crate) default_quotas: BTreeMap<String, i64>,
    /// What is to be done in other services because time has passed.
    #[serde(skip)]
    pub(crate) chores: Vec<Chore>,
}

/// Something to be done in another service.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Chore {
    /// Volumes that were made for this server are there: attach them.
    AttachVolumes(String),
}

impl Chore {
    /// Does it. Call with no lock held.
    pub(crate) fn run(self, world: &World) {
        match self {
            Self::AttachVolumes(server) => super::disks::attach_made(world, &server),
        }
    }
}

impl Default for Compute {
    fn default() -> Self {
        super::builtin::compute()
    }
}

impl Keyed for Daemon {
    fn key(&self) -> &str {
        &self.id
    }
}

/// Shared values by id, written as a list.
mod shared {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serializer};

    use super::Flavor;

    pub(super) fn serialize<S: Serializer>(
        map: &BTreeMap<String, Arc<Flavor>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map.values().map(AsRef::as_ref))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<String, Arc<Flavor>>, D::Error> {
        let list = Vec::<Flavor>::deserialize(deserializer)?;
        Ok(list.into_iter().map(|one| (one.id.clone(), Arc::new(one))).collect())
    }
}

/// The zone of hosts in no zone (`default_availability_zone`).
pub(crate) const DEFAULT_ZONE: &str = "nova";

impl Compute {
    /// Makes the transitions that are due, and says so. What is to be done in other services is
    /// handed out: it needs their locks.
    pub(crate) fn settle(&mut self, now: Timestamp, events: &Events) -> Vec<Chore> {
        while let Some((due, key)) = self.servers.first_due(now) {
            super::transition::step(self, key, due, events);
        }
        std::mem::take(&mut self.chores)
    }

    /// A number that nothing else has.
    pub(crate) fn number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    /// The flavor of this id, if the project sees it.
    pub(crate) fn flavor(&self, id: &str, project: &str, admin: bool) -> Option<&Arc<Flavor>> {
        let flavor = self.flavors.get(id)?;
        (admin || flavor.is_public || flavor.access.contains(project)).then_some(flavor)
    }

    pub(crate) fn host(&self, name: &str) -> Option<&Host> {
        self.hosts.iter().find(|host| host.name == name)
    }

    /// The zone of a host.
    pub(crate) fn zone(&self, host: &str) -> &str {
        self.aggregates
            .iter()
            .filter(|aggregate| aggregate.hosts.iter().any(|name| name == host))
            .find_map(|aggregate| aggregate.metadata.get("availability_zone"))
            .map_or(DEFAULT_ZONE, String::as_str)
    }

    /// The compute service on a host.
    pub(crate) fn daemon_on(&self, host: &str) -> Option<&Daemon> {
        self.services.values().find(|daemon| daemon.host == host && daemon.binary == "nova-compute")
    }

    /// The group a server is in.
    pub(crate) fn group_of(&self, server: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.members.iter().any(|member| member == server))
    }
}

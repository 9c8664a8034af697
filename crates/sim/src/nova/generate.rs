//! Servers made up when the cloud starts, for rehearsals at scale.
//!
//! `"compute": {"generate": {"servers": 100000}}` in a seed file makes a hundred thousand of them: all
//! built long ago, spread evenly over the hosts and the flavors, with ids that follow from the seed of
//! the cloud. They have an address each as Nova remembers one, but no port in Neutron and no
//! allocation in Placement: what they stand for is the length of lists.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use lotse_core::time::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::model::{Compute, Flavor};
use super::server::{Address, Nic, Power, Server, VmState};
use crate::ids::{IdSource, named};

/// What is to be made up.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Generate {
    /// How many servers.
    pub(crate) servers: u64,
    /// Names of the projects they belong to in turn.
    #[serde(default = "demo")]
    pub(crate) projects: Vec<String>,
}

impl Generate {
    /// So many servers of the project `demo`.
    pub(crate) fn of(servers: u64) -> Self {
        Self { servers, projects: demo() }
    }
}

fn demo() -> Vec<String> {
    vec!["demo".to_owned()]
}

/// Makes up what the seed asks for; afterwards it is there and not asked for any more.
pub(crate) fn expand(compute: &mut Compute, ids: &IdSource, now: Timestamp) {
    let Some(wanted) = compute.generate.take() else { return };
    let flavors: Vec<Arc<Flavor>> = compute.flavors.values().cloned().collect();
    let hosts: Vec<Arc<str>> = compute.hosts.iter().map(|host| host.name.as_str().into()).collect();
    let projects: Vec<Arc<str>> =
        wanted.projects.iter().map(|name| named("project", name).into()).collect();
    let users: Vec<Arc<str>> =
        wanted.projects.iter().map(|name| named("user", name).into()).collect();
    let image: Arc<str> = super::builtin::dashed("image", "generated").into();
    let on = Made {
        network: super::builtin::dashed("network", "generated").into(),
        name: "generated".into(),
        subnet: super::builtin::dashed("subnet", "generated").into(),
    };
    let turn = |length: usize, number: u64| usize::try_from(number).unwrap_or(0) % length.max(1);
    for number in 0..wanted.servers {
        let Some(flavor) = flavors.get(turn(flavors.len(), number)) else { return };
        let Some(project) = projects.get(turn(projects.len(), number)) else { return };
        let user = users.get(turn(users.len(), number)).unwrap_or(project);
        let age = i64::try_from(wanted.servers - number).unwrap_or(i64::MAX);
        let created = now.saturating_sub(SignedDuration::from_secs(age)).unwrap_or(now);
        let place = compute.number();
        compute.servers.insert(Server {
            id: ids.uuid(),
            number: place,
            name: format!("server-{number:06}"),
            description: None,
            project_id: Arc::clone(project),
            user_id: Arc::clone(user),
            vm: VmState::Active,
            task: None,
            power: Power::Running,
            flavor: Arc::clone(flavor),
            image: Some(Arc::clone(&image)),
            host: hosts.get(turn(hosts.len(), number)).cloned(),
            wanted_zone: None,
            hostname: format!("server-{number:06}"),
            reservation: "r-generate".to_owned(),
            launch_index: 0,
            key_name: None,
            user_data: None,
            config_drive: false,
            manual_disk: true,
            access_ipv4: String::new(),
            access_ipv6: String::new(),
            metadata: BTreeMap::new(),
            tags: Vec::new(),
            trusted_certs: None,
            security_groups: vec!["default".to_owned()],
            nics: vec![nic(ids, &on, number)],
            disks: Vec::new(),
            locked: false,
            locked_reason: None,
            locked_by_admin: false,
            created_at: created,
            updated_at: created,
            launched_at: Some(created),
            terminated_at: None,
            deleted_at: None,
            failure: None,
            before: None,
            shelved_image: None,
            actions: Vec::new(),
            steps: VecDeque::new(),
            cause: None,
        });
    }
}

/// The network that they are on.
struct Made {
    network: Arc<str>,
    name: Arc<str>,
    subnet: Arc<str>,
}

/// An address in 10.0.0.0/8 that follows from the number.
fn nic(ids: &IdSource, on: &Made, number: u64) -> Nic {
    let byte = |shift: u32| (number >> shift) & 0xff;
    Nic {
        port: ids.uuid(),
        network: Arc::clone(&on.network),
        network_name: Arc::clone(&on.name),
        mac: format!("fa:16:3e:{:02x}:{:02x}:{:02x}", byte(16), byte(8), byte(0)),
        addresses: vec![Address {
            ip: format!("10.{}.{}.{}", byte(16), byte(8), byte(0)),
            subnet: Arc::clone(&on.subnet),
            floating: Vec::new(),
        }],
        tag: None,
        made: false,
    }
}

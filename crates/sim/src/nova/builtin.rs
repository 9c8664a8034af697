//! The compute part of a cloud that nobody seeded: flavors, three hosts, the services.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lotse_core::time::Timestamp;

use super::fleet::Servers;
use super::model::{Compute, Daemon, Flavor, Host};
use crate::ids::named;
use crate::placement::model::{Inventory, Provider};

/// Name, vcpus, MiB, GiB.
const FLAVORS: &[(&str, u64, u64, u64)] = &[
    ("m1.nano", 1, 128, 1),
    ("m1.micro", 1, 192, 1),
    ("SCS-1L-1", 1, 1024, 0),
    ("SCS-1V-2", 1, 2048, 0),
    ("SCS-1V-4", 1, 4096, 0),
    ("SCS-2V-4", 2, 4096, 0),
    ("SCS-2V-8", 2, 8192, 0),
    ("SCS-2V-4-20s", 2, 4096, 20),
    ("SCS-4V-16", 4, 16_384, 0),
];

/// Hosts that a cloud has when nobody says otherwise.
const HOSTS: u64 = 3;

/// An id with dashes that is the same every time.
pub(crate) fn dashed(kind: &str, name: &str) -> String {
    let plain = named(kind, name);
    let parts = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)];
    let parts: Vec<&str> = parts.iter().filter_map(|(from, to)| plain.get(*from..*to)).collect();
    parts.join("-")
}

/// A host that is the same every time.
pub(crate) fn host(number: u64) -> Host {
    let name = format!("compute-{number}");
    Host {
        number,
        id: dashed("hypervisor", &name),
        name,
        vcpus: 1000,
        ram: 800_000,
        disk: 600_000,
        hypervisor_type: "QEMU".to_owned(),
        hypervisor_version: 7_002_000,
    }
}

/// A service that is the same every time.
pub(crate) fn daemon(number: u64, binary: &str, host: &str) -> Daemon {
    Daemon {
        number,
        id: dashed(binary, host),
        binary: binary.to_owned(),
        host: host.to_owned(),
        disabled: false,
        disabled_reason: None,
        forced_down: false,
        updated_at: None,
    }
}

fn flavor(&(name, vcpus, ram, disk): &(&str, u64, u64, u64)) -> (String, Arc<Flavor>) {
    let id = dashed("flavor", name);
    let flavor = Flavor {
        id: id.clone(),
        name: name.to_owned(),
        vcpus,
        ram,
        disk,
        ephemeral: 0,
        swap: 0,
        rxtx_factor: 1.0,
        is_public: true,
        disabled: false,
        description: None,
        extra_specs: BTreeMap::new(),
        access: BTreeSet::new(),
    };
    (id, Arc::new(flavor))
}

/// The built-in state.
pub(crate) fn compute() -> Compute {
    let hosts: Vec<Host> = (1..=HOSTS).map(host).collect();
    let control = ["nova-conductor", "nova-scheduler"].map(|binary| (binary, "control".to_owned()));
    let computes = hosts.iter().map(|host| ("nova-compute", host.name.clone()));
    let services = (1..).zip(control.into_iter().chain(computes));
    let services = services.map(|(number, (binary, host))| daemon(number, binary, &host));
    Compute {
        generate: None,
        next_number: 100,
        flavors: FLAVORS.iter().map(flavor).collect(),
        keypairs: Vec::new(),
        groups: Vec::new(),
        servers: Servers::default(),
        services: services.map(|daemon| (daemon.id.clone(), daemon)).collect(),
        hosts,
        aggregates: Vec::new(),
        migrations: Vec::new(),
        quotas: BTreeMap::new(),
        default_quotas: BTreeMap::new(),
        chores: Vec::new(),
    }
}

/// What a host reports to Placement.
pub(crate) fn provider(host: &Host, now: Timestamp) -> Provider {
    let inventory = |total: u64, reserved: u64, allocation_ratio: f64| Inventory {
        total,
        reserved,
        min_unit: 1,
        max_unit: total,
        step_size: 1,
        allocation_ratio,
    };
    let mut provider = Provider::new(host.id.clone(), host.name.clone(), now);
    provider.inventories = BTreeMap::from([
        ("VCPU".to_owned(), inventory(host.vcpus, 0, 16.0)),
        ("MEMORY_MB".to_owned(), inventory(host.ram, super::hosts::RESERVED_RAM, 2.0)),
        ("DISK_GB".to_owned(), inventory(host.disk, 0, 1.0)),
    ]);
    provider.traits = TRAITS.iter().map(|name| (*name).to_owned()).collect();
    provider.generation = 2;
    provider
}

/// What all hosts can do.
const TRAITS: &[&str] = &[
    "COMPUTE_ACCELERATORS",
    "COMPUTE_DEVICE_TAGGING",
    "COMPUTE_IMAGE_TYPE_RAW",
    "COMPUTE_NET_ATTACH_INTERFACE",
    "COMPUTE_NET_ATTACH_INTERFACE_WITH_TAG",
    "COMPUTE_NODE",
    "COMPUTE_TRUSTED_CERTS",
    "COMPUTE_VOLUME_ATTACH_WITH_TAG",
    "COMPUTE_VOLUME_EXTEND",
    "COMPUTE_VOLUME_MULTI_ATTACH",
];

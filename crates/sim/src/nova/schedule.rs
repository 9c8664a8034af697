//! Choosing a host: filters as Nova's scheduler has them, room as Placement tells it.

use std::collections::BTreeSet;

use super::model::{Compute, Flavor, Group, Host};
use crate::placement::claim::{self, Claim};
use crate::world::World;

/// What a server needs of its host.
#[derive(Clone, Debug, Default)]
pub(crate) struct Needs {
    pub(crate) zone: Option<String>,
    /// The host that was asked for by name.
    pub(crate) host: Option<String>,
    /// The host it must not be on.
    pub(crate) not: Option<String>,
    /// Servers it must be on the host of, or must not be.
    pub(crate) same: Vec<String>,
    pub(crate) different: Vec<String>,
    /// The group it is in.
    pub(crate) group: Option<String>,
    /// `img_hv_type` of its image.
    pub(crate) hypervisor: Option<String>,
    /// Whether hosts that are switched off will do: whoever forces a host means it.
    pub(crate) forced: bool,
}

/// What a server takes of its host.
#[derive(Clone, Debug)]
pub(crate) struct Taker<'a> {
    /// Id of the server.
    pub(crate) consumer: &'a str,
    pub(crate) project: &'a str,
    pub(crate) user: &'a str,
    pub(crate) flavor: &'a Flavor,
    /// Whether its root disk is a volume.
    pub(crate) from_volume: bool,
}

/// A host with room for the server, which is claimed. Call with no lock held.
pub(crate) fn place(world: &World, needs: &Needs, taker: &Taker<'_>) -> Option<String> {
    let fitting: Vec<(String, String)> = {
        let compute = world.compute();
        let fits = |host: &&Host| fits(&compute, host, needs, taker.flavor);
        compute.hosts.iter().filter(fits).map(|host| (host.name.clone(), host.id.clone())).collect()
    };
    let providers: Vec<&str> = fitting.iter().map(|(_, id)| id.as_str()).collect();
    let chosen = claim::first(world, &claim_of(taker), &providers)?;
    fitting.into_iter().find(|(_, id)| *id == chosen).map(|(name, _)| name)
}

/// What the server claims in Placement.
pub(crate) fn claim_of<'a>(taker: &Taker<'a>) -> Claim<'a> {
    let flavor = taker.flavor;
    let mut resources =
        vec![("VCPU".to_owned(), flavor.vcpus), ("MEMORY_MB".to_owned(), flavor.ram)];
    let swap = flavor.swap.div_ceil(1024);
    let root = if taker.from_volume { 0 } else { flavor.disk };
    let disk = root + flavor.ephemeral + swap;
    if disk > 0 {
        resources.push(("DISK_GB".to_owned(), disk));
    }
    for (name, amount) in &flavor.extra_specs {
        let Some(class) = name.strip_prefix("resources:") else { continue };
        let amount = amount.parse().unwrap_or(0);
        resources.retain(|(known, _)| known != class);
        if amount > 0 {
            resources.push((class.to_owned(), amount));
        }
    }
    let traits = |wanted: &str| {
        let named = flavor.extra_specs.iter().filter(|(_, value)| *value == wanted);
        named.filter_map(|(name, _)| name.strip_prefix("trait:")).map(str::to_owned).collect()
    };
    Claim {
        consumer: taker.consumer,
        project: taker.project,
        user: taker.user,
        resources,
        required: traits("required"),
        forbidden: traits("forbidden"),
    }
}

fn fits(compute: &Compute, host: &Host, needs: &Needs, flavor: &Flavor) -> bool {
    let daemon = compute.daemon_on(&host.name);
    let works =
        daemon.is_some_and(|daemon| !daemon.forced_down && (needs.forced || !daemon.disabled));
    let on = |server: &String| {
        compute.servers.get(server).and_then(|server| server.host.as_deref()) == Some(&host.name)
    };
    works
        && needs.zone.as_deref().is_none_or(|zone| compute.zone(&host.name) == zone)
        && needs.host.as_deref().is_none_or(|name| host.name == name)
        && needs.not.as_deref().is_none_or(|name| host.name != name)
        && needs
            .hypervisor
            .as_deref()
            .is_none_or(|kind| host.hypervisor_type.eq_ignore_ascii_case(kind) || kind == "fake")
        && (needs.same.is_empty() || needs.same.iter().any(on))
        && !needs.different.iter().any(on)
        && in_aggregate(compute, host, flavor)
        && needs.group.as_deref().is_none_or(|group| {
            let group = compute.groups.iter().find(|known| known.id == group);
            group.is_none_or(|group| suits(compute, host, group))
        })
}

/// Extra specs of the aggregate's scope must be met by an aggregate of the host.
fn in_aggregate(compute: &Compute, host: &Host, flavor: &Flavor) -> bool {
    flavor.extra_specs.iter().all(|(name, value)| {
        let Some(key) = name.strip_prefix("aggregate_instance_extra_specs:") else { return true };
        compute
            .aggregates
            .iter()
            .filter(|aggregate| aggregate.hosts.contains(&host.name))
            .any(|aggregate| aggregate.metadata.get(key) == Some(value))
    })
}

/// Whether a further server of a group may be on a host. The soft policies only prefer.
fn suits(compute: &Compute, host: &Host, group: &Group) -> bool {
    let hosts: Vec<&str> = group
        .members
        .iter()
        .filter_map(|member| compute.servers.get(member)?.host.as_deref())
        .collect();
    match group.policy.as_str() {
        "affinity" => {
            let used: BTreeSet<&str> = hosts.into_iter().collect();
            used.is_empty() || used.contains(host.name.as_str())
        }
        "anti-affinity" => {
            let here = hosts.iter().filter(|name| **name == host.name).count() as u64;
            here < group.max_server_per_host.unwrap_or(1)
        }
        _ => true,
    }
}

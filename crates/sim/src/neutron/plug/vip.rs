//! What Octavia wants of Neutron: where a load balancer's address may be, and a port that holds it.
//!
//! These functions take the world and lock the network themselves; call them with no lock held.

use std::net::IpAddr;

use super::new_mac;
use crate::keystone::caller::Caller;
use crate::neutron::address::Cidr;
pub(crate) use crate::neutron::allocate::NoAddress;
use crate::neutron::allocate::{Tenant, Wish};
use crate::neutron::model::{Net, Network, Standard};
use crate::neutron::security_groups::default_group;
use crate::neutron::seed::plain_port;
use crate::world::World;

/// A subnet, as far as Octavia cares.
#[derive(Clone, Debug)]
pub(crate) struct SubnetFacts {
    pub(crate) id: String,
    pub(crate) network: String,
    pub(crate) cidr: Cidr,
}

/// A port, as far as Octavia cares.
#[derive(Clone, Debug)]
pub(crate) struct PortFacts {
    pub(crate) network: String,
    pub(crate) device: String,
    /// Subnets and addresses.
    pub(crate) fixed_ips: Vec<(String, IpAddr)>,
    pub(crate) qos_policy: Option<String>,
}

/// The port of a load balancer's address.
#[derive(Clone, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) project: &'a str,
    pub(crate) network: &'a str,
    pub(crate) subnet: &'a str,
    pub(crate) address: Option<IpAddr>,
    pub(crate) name: String,
    pub(crate) device_owner: &'a str,
    pub(crate) device: String,
}

fn sees(state: &Network, caller: &Caller, net: &Net) -> bool {
    let project = caller.project();
    caller.is_admin()
        || project == Some(net.standard.project_id.as_str())
        || net.external
        || state.is_shared(&net.standard.id, project)
}

/// A subnet that the caller may know of.
pub(crate) fn subnet(world: &World, caller: &Caller, id: &str) -> Option<SubnetFacts> {
    let state = world.network();
    let subnet = state.subnets.get(id)?;
    let net = state.networks.get(&subnet.network_id)?;
    let own = caller.project() == Some(subnet.standard.project_id.as_str());
    (own || sees(&state, caller, net)).then(|| SubnetFacts {
        id: id.to_owned(),
        network: subnet.network_id.clone(),
        cidr: subnet.cidr,
    })
}

/// The subnets of a network that the caller may know of.
pub(crate) fn network(world: &World, caller: &Caller, id: &str) -> Option<Vec<SubnetFacts>> {
    let state = world.network();
    let net = state.networks.get(id)?;
    sees(&state, caller, net).then(|| {
        let subnets = state.subnets_of(id).map(|subnet| SubnetFacts {
            id: subnet.standard.id.clone(),
            network: id.to_owned(),
            cidr: subnet.cidr,
        });
        subnets.collect()
    })
}

/// A port that the caller may know of.
pub(crate) fn port(world: &World, caller: &Caller, id: &str) -> Option<PortFacts> {
    let state = world.network();
    let port = state.ports.get(id)?;
    let own = caller.project() == Some(port.standard.project_id.as_str());
    (own || caller.is_admin()).then(|| PortFacts {
        network: port.network_id.clone(),
        device: port.device_id.clone(),
        fixed_ips: port
            .fixed_ips
            .iter()
            .map(|fixed| (fixed.subnet_id.clone(), fixed.ip_address))
            .collect(),
        qos_policy: port.qos_policy_id.clone(),
    })
}

/// Whether the caller may know of a policy of quality.
pub(crate) fn has_qos_policy(world: &World, caller: &Caller, id: &str) -> bool {
    let state = world.network();
    state.qos_policies.get(id).is_some_and(|policy| {
        caller.is_admin()
            || caller.project() == Some(policy.standard.project_id.as_str())
            || state.is_shared(id, caller.project())
    })
}

/// Whether a port of the subnet's network has this address.
pub(crate) fn is_host(world: &World, subnet: &str, address: IpAddr) -> bool {
    let state = world.network();
    let Some(network) = state.subnets.get(subnet).map(|subnet| subnet.network_id.clone()) else {
        return false;
    };
    state
        .ports_of_network(&network)
        .any(|port| port.fixed_ips.iter().any(|fixed| fixed.ip_address == address))
}

/// Makes the port; its id and address.
pub(crate) fn create(world: &World, wanted: &Wanted<'_>) -> Result<(String, IpAddr), NoAddress> {
    let now = world.now();
    let mut state = world.network();
    let state = &mut *state;
    let mac = new_mac(state, &world.ids, wanted.network);
    let tenant = Tenant { network: wanted.network, mac: &mac, device_owner: wanted.device_owner };
    let wish = Wish { subnet: Some(wanted.subnet.to_owned()), address: wanted.address };
    let fixed_ips = state.allocate(tenant, Some(&[wish]))?;
    let address = fixed_ips.first().map(|fixed| fixed.ip_address).ok_or(NoAddress::Exhausted)?;
    let group = default_group(state, &world.ids, wanted.project, now);
    let id = world.ids.uuid();
    let standard = Standard {
        id: id.clone(),
        project_id: wanted.project.to_owned(),
        name: wanted.name.clone(),
        description: Some(String::new()),
        created_at: now,
        updated_at: now,
        revision: 1,
        ..Standard::default()
    };
    let mut port = plain_port(standard, wanted.network, mac);
    wanted.device_owner.clone_into(&mut port.device_owner);
    port.device_id.clone_from(&wanted.device);
    port.fixed_ips = fixed_ips;
    port.security_groups = vec![group];
    state.put_port(port);
    Ok((id, address))
}

/// Deletes a port, if it is still there.
pub(crate) fn delete(world: &World, port: &str) {
    let now = world.now();
    let mut state = world.network();
    if state.take_port(port).is_some() {
        state.disassociate(port, now);
    }
}

//! What Nova wants of Neutron: ports for its servers.
//!
//! These functions take the world and lock the network themselves; call them with no lock held.

pub(crate) mod vip;

use std::collections::BTreeSet;
use std::net::IpAddr;

use lotse_core::time::Timestamp;
use serde_json::json;

use super::allocate::{NoAddress, Tenant, Wish};
use super::model::{FixedIp, Net, Network, Port, Standard};
use super::security_groups::default_group;
use super::seed::plain_port;
use crate::events::{Cause, Happened};
use crate::ids::IdSource;
use crate::world::World;

/// A network card as a server wants it. Either a port, or a network and perhaps an address in it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Nic {
    pub(crate) network: Option<String>,
    pub(crate) port: Option<String>,
    pub(crate) fixed_ip: Option<IpAddr>,
    pub(crate) tag: Option<String>,
}

/// What a server is to be plugged into.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Wanted {
    /// The one network there is for its project.
    Auto,
    /// Nothing.
    None,
    These(Vec<Nic>),
}

/// A server to be plugged in.
#[derive(Clone, Debug)]
pub(crate) struct PlugRequest {
    pub(crate) server: String,
    pub(crate) project: String,
    pub(crate) user: String,
    /// The host it runs on; empty when that is not known yet.
    pub(crate) host: String,
    pub(crate) availability_zone: String,
    pub(crate) wanted: Wanted,
    /// Names or ids; when empty, the group `default` of the project.
    pub(crate) security_groups: Vec<String>,
    /// When the links come up.
    pub(crate) active_at: Timestamp,
    /// Whether an administrator asks, who may use ports of other projects.
    pub(crate) admin: bool,
}

/// An address of a card.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct PluggedIp {
    pub(crate) address: IpAddr,
    pub(crate) subnet: String,
    /// The floating IPs that lead here.
    pub(crate) floating: Vec<IpAddr>,
}

/// A card as it is plugged in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Plugged {
    pub(crate) port: String,
    pub(crate) network: String,
    pub(crate) network_name: String,
    pub(crate) mac: String,
    pub(crate) fixed_ips: Vec<PluggedIp>,
    /// `ACTIVE` or `DOWN`.
    pub(crate) active: bool,
    /// Whether the port goes with its server.
    pub(crate) made_for_server: bool,
    pub(crate) security_groups: Vec<String>,
    pub(crate) tag: Option<String>,
}

/// Why a server cannot be plugged in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum PlugError {
    /// There is no such network for the project.
    NetworkNotFound(String),
    /// Servers may not be plugged into this external network.
    ExternalNetwork(String),
    PortNotFound(String),
    /// Another device has the port.
    PortInUse(String),
    /// The port has no address.
    PortWithoutAddress(String),
    SecurityGroupNotFound(String),
    /// Several groups of the project have this name.
    SecurityGroupAmbiguous(String),
    /// Several networks would do.
    Ambiguous,
    /// The project has no network.
    NoNetwork,
    /// The network has no subnet.
    NoSubnet(String),
    /// All addresses of the network are taken.
    NoAddresses(String),
    FixedIpInUse(IpAddr),
    FixedIpInvalid {
        address: IpAddr,
        network: String,
    },
    /// The project may not have so many ports.
    TooManyPorts,
}

/// A MAC address that no port of the network has.
pub(crate) fn new_mac(state: &Network, ids: &IdSource, network: &str) -> String {
    loop {
        let text = ids.hex();
        let mut tail = text.as_bytes().chunks(2).take(3).filter_map(|it| str::from_utf8(it).ok());
        let mut next = || tail.next().unwrap_or("00").to_owned();
        let mac = format!("fa:16:3e:{}:{}:{}", next(), next(), next());
        if !state.index.has_mac(network, &mac) {
            return mac;
        }
    }
}

/// Plugs a server in: all of it or nothing.
pub(crate) fn plug(world: &World, request: &PlugRequest) -> Result<Vec<Plugged>, PlugError> {
    let (plugged, made) = plug_in(&mut world.network(), world, request)?;
    for port in made {
        tell(world, "port.create.end", Some(&request.user), &port);
    }
    Ok(plugged)
}

/// What is plugged in, and the ports that were made for it.
fn plug_in(
    state: &mut Network,
    world: &World,
    request: &PlugRequest,
) -> Result<(Vec<Plugged>, Vec<Port>), PlugError> {
    let now = world.now();
    let nics = match &request.wanted {
        Wanted::None => return Ok((Vec::new(), Vec::new())),
        Wanted::These(nics) => nics.clone(),
        Wanted::Auto => {
            vec![Nic { network: Some(only_network(state, request)?), ..Nic::default() }]
        }
    };
    let groups = groups(state, world, request, now)?;
    check(state, request, &nics)?;
    let mut made = Vec::new();
    let mut plugged = Vec::new();
    for nic in &nics {
        let result = match &nic.port {
            Some(port) => Ok(attach(state, request, port, now)),
            None => create(state, world, request, nic, &groups, now),
        };
        match result {
            Ok(port) => {
                plugged.push(Plugged { tag: nic.tag.clone(), ..describe(state, &port) });
                made.push(port);
            }
            Err(error) => {
                for port in made {
                    detach(state, &port.standard.id, now);
                }
                return Err(error);
            }
        }
    }
    made.retain(|port| port.made_for_server);
    Ok((plugged, made))
}

/// Tells of a port that came or went with a server, as Neutron does when Nova asks for it.
fn tell(world: &World, event_type: &str, user: Option<&str>, port: &Port) {
    let project = Some(port.standard.project_id.clone());
    world.events.publish(Happened {
        at: world.now(),
        event_type: event_type.to_owned(),
        publisher_id: "network.sim",
        cause: Cause { project, user: user.map(str::to_owned), request: None },
        payload: json!({"port_id": port.standard.id, "port": port.summary()}),
    });
}

/// Unplugs a server: deletes the ports that were made for it and frees those it was given.
pub(crate) fn unplug(world: &World, server: &str) {
    let now = world.now();
    let gone: Vec<Port> = {
        let mut state = world.network();
        let ports: Vec<String> = state.index.ports_of_device(server).map(str::to_owned).collect();
        ports.iter().filter_map(|port| detach(&mut state, port, now)).collect()
    };
    for port in gone {
        tell(world, "port.delete.end", None, &port);
    }
}

/// Unplugs one card of a server; false when it does not have the port.
pub(crate) fn unplug_port(world: &World, server: &str, port: &str) -> bool {
    let now = world.now();
    let gone = {
        let mut state = world.network();
        if state.ports.get(port).is_none_or(|port| port.device_id != server) {
            return false;
        }
        detach(&mut state, port, now)
    };
    if let Some(port) = gone {
        tell(world, "port.delete.end", None, &port);
    }
    true
}

/// The cards of a server, in the order in which they were made.
pub(crate) fn addresses(world: &World, server: &str) -> Vec<Plugged> {
    let state = world.network();
    let mut ports: Vec<&Port> = state.ports_of_device(server).collect();
    ports.sort_by_key(|port| port.standard.created_at);
    ports.into_iter().map(|port| describe(&state, port)).collect()
}

/// The server was moved to another host.
pub(crate) fn rebind(world: &World, server: &str, host: &str) {
    let now = world.now();
    let mut state = world.network();
    let ports: Vec<Port> = state.ports_of_device(server).cloned().collect();
    for mut port in ports {
        host.clone_into(&mut port.host);
        port.standard.touch(now);
        state.put_port(port);
    }
}

/// Whether the project may plug servers into a network.
fn is_offered(state: &Network, net: &Net, request: &PlugRequest) -> bool {
    request.admin
        || net.standard.project_id == request.project
        || state.is_shared(&net.standard.id, Some(&request.project))
        || net.external
}

fn only_network(state: &Network, request: &PlugRequest) -> Result<String, PlugError> {
    let mut own = state.networks_for(&request.project).filter(|net| {
        (request.admin || !net.external) && net.standard.project_id == request.project
            || state.is_shared(&net.standard.id, Some(&request.project))
    });
    let first = own.next().ok_or(PlugError::NoNetwork)?;
    if own.next().is_some() {
        return Err(PlugError::Ambiguous);
    }
    Ok(first.standard.id.clone())
}

/// The ids of the groups the server's own ports are in.
fn groups(
    state: &mut Network,
    world: &World,
    request: &PlugRequest,
    now: Timestamp,
) -> Result<Vec<String>, PlugError> {
    let default = default_group(state, &world.ids, &request.project, now);
    let mut found = BTreeSet::new();
    for wanted in &request.security_groups {
        let of_project = |id: &String| {
            state.security_groups.get(id).is_some_and(|group| {
                request.admin
                    || group.standard.project_id == request.project
                    || state.is_shared(id, Some(&request.project))
            })
        };
        if of_project(wanted) {
            found.insert(wanted.clone());
            continue;
        }
        let mut named = state.security_groups.values().filter(|group| {
            group.standard.name == *wanted && group.standard.project_id == request.project
        });
        let group = named.next();
        let group = group.ok_or_else(|| PlugError::SecurityGroupNotFound(wanted.clone()))?;
        if named.next().is_some() {
            return Err(PlugError::SecurityGroupAmbiguous(wanted.clone()));
        }
        found.insert(group.standard.id.clone());
    }
    if found.is_empty() {
        found.insert(default);
    }
    Ok(found.into_iter().collect())
}

/// Refuses what can be refused before anything is changed.
fn check(state: &Network, request: &PlugRequest, nics: &[Nic]) -> Result<(), PlugError> {
    for nic in nics {
        if let Some(id) = &nic.port {
            let port = state
                .ports
                .get(id)
                .filter(|port| request.admin || port.standard.project_id == request.project);
            let port = port.ok_or_else(|| PlugError::PortNotFound(id.clone()))?;
            if !port.device_id.is_empty() {
                return Err(PlugError::PortInUse(id.clone()));
            }
            if port.fixed_ips.is_empty() {
                return Err(PlugError::PortWithoutAddress(id.clone()));
            }
            continue;
        }
        let id = nic.network.clone().unwrap_or_default();
        let net = state.networks.get(&id).filter(|net| is_offered(state, net, request));
        let net = net.ok_or_else(|| PlugError::NetworkNotFound(id.clone()))?;
        let shared = state.is_shared(&id, Some(&request.project));
        if net.external && !shared && !request.admin {
            return Err(PlugError::ExternalNetwork(id));
        }
        if state.subnets_of(&id).next().is_none() {
            return Err(PlugError::NoSubnet(id));
        }
    }
    let new = nics.iter().filter(|nic| nic.port.is_none()).count();
    if super::quotas::exceeds(state, "port", &request.project, new) {
        return Err(PlugError::TooManyPorts);
    }
    Ok(())
}

fn owner(request: &PlugRequest) -> String {
    format!("compute:{}", request.availability_zone)
}

/// Gives the server a port that is there already.
fn attach(state: &mut Network, request: &PlugRequest, id: &str, now: Timestamp) -> Port {
    let Some(mut port) = state.take_port(id) else {
        // `check` has found it under the same lock.
        return plain_port(Standard::default(), "", String::new());
    };
    port.device_id.clone_from(&request.server);
    port.device_owner = owner(request);
    port.host.clone_from(&request.host);
    port.active = false;
    port.active_at = Some(request.active_at);
    port.standard.touch(now);
    state.put_port(port.clone());
    port
}

/// Makes a port for the server.
fn create(
    state: &mut Network,
    world: &World,
    request: &PlugRequest,
    nic: &Nic,
    groups: &[String],
    now: Timestamp,
) -> Result<Port, PlugError> {
    let network = nic.network.clone().unwrap_or_default();
    let mac = new_mac(state, &world.ids, &network);
    let device_owner = owner(request);
    let tenant = Tenant { network: &network, mac: &mac, device_owner: &device_owner };
    let wishes = nic.fixed_ip.map(|address| vec![Wish { subnet: None, address: Some(address) }]);
    let fixed_ips = state.allocate(tenant, wishes.as_deref()).map_err(|error| match error {
        NoAddress::Taken { address, .. } => PlugError::FixedIpInUse(address),
        NoAddress::NotInSubnet(address) | NoAddress::NotInNetwork(address) => {
            PlugError::FixedIpInvalid { address, network: network.clone() }
        }
        NoAddress::Exhausted | NoAddress::WrongSubnet(_) | NoAddress::NoSubnet(_) => {
            PlugError::NoAddresses(network.clone())
        }
    })?;
    let standard = Standard {
        id: world.ids.uuid(),
        project_id: request.project.clone(),
        description: Some(String::new()),
        created_at: now,
        updated_at: now,
        revision: 1,
        ..Standard::default()
    };
    let secured = state.networks.get(&network).is_some_and(|net| net.secured);
    let mut port = plain_port(standard, &network, mac);
    port.device_id.clone_from(&request.server);
    port.device_owner = device_owner;
    port.host.clone_from(&request.host);
    port.made_for_server = true;
    port.fixed_ips = fixed_ips;
    port.secured = secured;
    if secured {
        port.security_groups = groups.to_vec();
    }
    port.active_at = Some(request.active_at);
    state.put_port(port.clone());
    Ok(port)
}

/// Takes a port from its server; the port if it went with it.
fn detach(state: &mut Network, id: &str, now: Timestamp) -> Option<Port> {
    let mut port = state.take_port(id)?;
    if port.made_for_server {
        state.disassociate(id, now);
        return Some(port);
    }
    port.device_id.clear();
    port.device_owner.clear();
    port.host.clear();
    port.active = false;
    port.active_at = None;
    port.standard.touch(now);
    state.put_port(port);
    None
}

fn describe(state: &Network, port: &Port) -> Plugged {
    let floating = |fixed: &FixedIp| {
        let leads = state.floating_ips_of(&port.standard.id);
        leads
            .filter(|it| it.fixed_ip_address == Some(fixed.ip_address))
            .map(|it| it.address)
            .collect()
    };
    let name = state.networks.get(&port.network_id).map(|net| net.standard.name.clone());
    Plugged {
        port: port.standard.id.clone(),
        network: port.network_id.clone(),
        network_name: name.unwrap_or_default(),
        mac: port.mac_address.clone(),
        fixed_ips: port
            .fixed_ips
            .iter()
            .map(|fixed| PluggedIp {
                address: fixed.ip_address,
                subnet: fixed.subnet_id.clone(),
                floating: floating(fixed),
            })
            .collect(),
        active: port.active,
        made_for_server: port.made_for_server,
        security_groups: port.security_groups.clone(),
        tag: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::SimOptions;
    use crate::seed::State;

    /// A world with two networks of one project.
    fn world() -> World {
        let seed = serde_json::json!({"network": {
            "generate": {"networks": 2, "project_id": "p"}, "networks": [], "subnets": [],
            "ports": [], "rbac_policies": [],
        }});
        let state: State = serde_json::from_value(seed).expect("a seed");
        World::new("http://127.0.0.1:1".to_owned(), SimOptions::default(), Vec::new(), state)
    }

    fn request(world: &World, wanted: Wanted) -> PlugRequest {
        PlugRequest {
            server: "server".to_owned(),
            project: "p".to_owned(),
            user: "u".to_owned(),
            host: "host".to_owned(),
            availability_zone: "nova".to_owned(),
            wanted,
            security_groups: Vec::new(),
            active_at: world.now(),
            admin: false,
        }
    }

    fn on(network: &str, fixed_ip: Option<&str>) -> Nic {
        Nic {
            network: Some(network.to_owned()),
            fixed_ip: fixed_ip.map(|ip| ip.parse().expect("ip")),
            ..Nic::default()
        }
    }

    fn networks(world: &World) -> Vec<String> {
        world.network().networks.keys().cloned().collect()
    }

    #[test]
    fn a_server_gets_ports_that_go_with_it_and_keeps_those_it_was_given_apart() {
        let world = world();
        let net = networks(&world).remove(0);
        let mut first = request(&world, Wanted::These(vec![on(&net, None), on(&net, None)]));
        let cards = plug(&world, &first).expect("cards");
        assert_eq!(cards[0].fixed_ips[0].address.to_string(), "10.0.0.2");
        assert_eq!(cards[1].fixed_ips[0].address.to_string(), "10.0.0.3");
        assert!(!cards[0].active && addresses(&world, "server")[0].active);
        let given = cards[1].port.clone();
        let taken = Nic { port: Some(given.clone()), ..Nic::default() };
        first.wanted = Wanted::These(vec![taken.clone()]);
        assert_eq!(plug(&world, &first), Err(PlugError::PortInUse(given.clone())));
        {
            let mut state = world.network();
            let mut port = state.take_port(&given).expect("a port");
            port.made_for_server = false;
            state.put_port(port);
        }
        unplug(&world, "server");
        assert!(addresses(&world, "server").is_empty());
        assert_eq!(world.network().ports.len(), 1, "the given port stays");
        plug(&world, &first).expect("the freed port");
        let told: Vec<String> = world.events.since(0).into_iter().map(|it| it.event_type).collect();
        // The port that the server was given neither came nor went.
        assert_eq!(told, ["port.create.end", "port.create.end", "port.delete.end"]);
    }

    #[test]
    fn what_cannot_be_plugged_in_leaves_nothing_behind() {
        let world = world();
        let nets = networks(&world);
        let mut asked = request(&world, Wanted::Auto);
        assert_eq!(plug(&world, &asked), Err(PlugError::Ambiguous));
        let wrong = [
            (on("nowhere", None), PlugError::NetworkNotFound("nowhere".to_owned())),
            (
                on(&nets[0], Some("10.0.0.2")),
                PlugError::FixedIpInUse("10.0.0.2".parse().expect("ip")),
            ),
            (
                on(&nets[0], Some("192.168.0.1")),
                PlugError::FixedIpInvalid {
                    address: "192.168.0.1".parse().expect("ip"),
                    network: nets[0].clone(),
                },
            ),
        ];
        for (nic, error) in wrong {
            asked.wanted = Wanted::These(vec![on(&nets[0], Some("10.0.0.2")), nic]);
            assert_eq!(plug(&world, &asked), Err(error));
            assert!(world.network().ports.is_empty());
        }
        asked.wanted = Wanted::These(vec![on(&nets[1], None)]);
        asked.security_groups = vec!["none such".to_owned()];
        let error = PlugError::SecurityGroupNotFound("none such".to_owned());
        assert_eq!(plug(&world, &asked), Err(error));
        asked.wanted = Wanted::None;
        assert_eq!(plug(&world, &asked), Ok(Vec::new()));
    }
}

//! The address of a load balancer: what bodies say of it, and the port that holds it.
//!
//! All of it asks Neutron, so nothing here may be called with the load balancers locked.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::access::Request;
use super::body::Says;
use super::provider::Provider;
use super::refusal::Refusal;
use crate::neutron::plug::vip::{self, NoAddress, PortFacts, SubnetFacts, Wanted};
use crate::world::World;

/// Where an address is to be.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    pub(crate) network: String,
    pub(crate) subnet: String,
    pub(crate) address: Option<IpAddr>,
    /// A port that is there already.
    pub(crate) port: Option<String>,
    pub(crate) qos_policy: Option<String>,
}

fn text<'a>(says: &'a Says, name: &str) -> Option<&'a str> {
    says.get(name).and_then(Value::as_str)
}

/// Finds the place that a body asks for.
pub(crate) fn find(world: &World, request: &Request, says: &Says) -> Result<Place, Refusal> {
    let caller = &request.caller;
    let mut place = Place {
        address: text(says, "vip_address").and_then(|it| it.parse().ok()),
        qos_policy: text(says, "vip_qos_policy_id").map(str::to_owned),
        ..Place::default()
    };
    let subnet = text(says, "vip_subnet_id");
    let look_up =
        |id: &str| vip::subnet(world, caller, id).ok_or_else(|| Refusal::dangling("Subnet", id));
    if let Some(id) = text(says, "vip_port_id") {
        let port = vip::port(world, caller, id).ok_or_else(|| Refusal::dangling("Port", id))?;
        place.port = Some(id.to_owned());
        if let Some(subnet) = subnet {
            look_up(subnet)?;
        }
        on_port(&mut place, id, &port, subnet)?;
        place.qos_policy = place.qos_policy.or(port.qos_policy);
    } else if let Some(id) = text(says, "vip_network_id") {
        let subnets =
            vip::network(world, caller, id).ok_or_else(|| Refusal::dangling("Network", id))?;
        id.clone_into(&mut place.network);
        place.subnet = in_network(&place, &subnets, subnet)?;
    } else if let Some(id) = subnet {
        let subnet = look_up(id)?;
        place.network = subnet.network;
        place.subnet = subnet.id;
    } else {
        return Err(Refusal::bad(
            "Validation failure: VIP must contain one of: vip_port_id, vip_network_id, \
             vip_subnet_id.",
        ));
    }
    check_qos_policy(world, request, text(says, "vip_qos_policy_id"))?;
    Ok(place)
}

/// Refuses a policy of quality that there is not.
pub(crate) fn check_qos_policy(
    world: &World,
    request: &Request,
    id: Option<&str>,
) -> Result<(), Refusal> {
    match id {
        Some(id) if !vip::has_qos_policy(world, &request.caller, id) => {
            Err(Refusal::dangling("qos_policy", id))
        }
        _ => Ok(()),
    }
}

/// Refuses a subnet that there is not.
pub(crate) fn check_subnet(
    world: &World,
    request: &Request,
    id: Option<&str>,
) -> Result<(), Refusal> {
    match id {
        Some(id) if vip::subnet(world, &request.caller, id).is_none() => {
            Err(Refusal::dangling("Subnet", id))
        }
        _ => Ok(()),
    }
}

/// Whether a member's address is one that the load balancer's own subnet has, so that the subnet need
/// not be named.
pub(crate) fn is_near(world: &World, request: &Request, subnet: &str, address: &str) -> bool {
    let near = || {
        let subnet = vip::subnet(world, &request.caller, subnet)?;
        Some(subnet.cidr.contains(address.parse().ok()?))
    };
    near().unwrap_or(false)
}

/// Whether a machine in the subnet has this address.
pub(crate) fn is_host(world: &World, subnet: &str, address: &str) -> bool {
    address.parse().is_ok_and(|address| vip::is_host(world, subnet, address))
}

fn on_port(
    place: &mut Place,
    id: &str,
    port: &PortFacts,
    subnet: Option<&str>,
) -> Result<(), Refusal> {
    if !port.device.is_empty() {
        let text = format!("Port {id} is already used by device {} ", port.device);
        return Err(Refusal::invalid(text));
    }
    port.network.clone_into(&mut place.network);
    let found = match (subnet, place.address) {
        (Some(subnet), _) => {
            let found = port.fixed_ips.iter().find(|(of, _)| of == subnet);
            if found.is_none() && place.address.is_none() {
                return Err(Refusal::invalid(
                    "No VIP address found on the specified VIP port within the specified subnet.",
                ));
            }
            found.cloned().or_else(|| Some((subnet.to_owned(), place.address?)))
        }
        (None, Some(address)) => {
            let found = port.fixed_ips.iter().find(|(_, it)| *it == address);
            let text = "Specified VIP address not found on the specified VIP port.";
            Some(found.cloned().ok_or_else(|| Refusal::invalid(text))?)
        }
        (None, None) => match &port.fixed_ips[..] {
            [only] => Some(only.clone()),
            _ => None,
        },
    };
    let (subnet, address) = found.ok_or_else(|| {
        Refusal::invalid(
            "VIP port's subnet could not be determined. Please specify either a VIP subnet or \
             address.",
        )
    })?;
    place.subnet = subnet;
    place.address = Some(address);
    Ok(())
}

fn in_network(
    place: &Place,
    subnets: &[SubnetFacts],
    asked: Option<&str>,
) -> Result<String, Refusal> {
    if let Some(asked) = asked {
        let known = subnets.iter().any(|subnet| subnet.id == asked);
        return if known { Ok(asked.to_owned()) } else { Err(Refusal::dangling("Subnet", asked)) };
    }
    let found = match place.address {
        Some(address) => subnets
            .iter()
            .find(|subnet| subnet.cidr.contains(address))
            .ok_or("Supplied network does not contain a subnet for VIP address specified."),
        None => subnets
            .iter()
            .find(|subnet| subnet.cidr.version() == 4)
            .or_else(|| subnets.first())
            .ok_or("Supplied network does not contain a subnet."),
    };
    found.map(|subnet| subnet.id.clone()).map_err(Refusal::invalid)
}

/// Takes the place for a load balancer; what its body is then to say.
pub(crate) fn take(
    world: &World,
    place: &Place,
    (id, project): (&str, &str),
    provider: Provider,
) -> Result<Says, Refusal> {
    let ovn = provider == Provider::Ovn;
    let (port, address) = match (&place.port, place.address) {
        // OVN's provider makes a port of its own in any case.
        (Some(port), Some(address)) if !ovn => (port.clone(), address),
        _ => {
            let wanted = Wanted {
                project,
                network: &place.network,
                subnet: &place.subnet,
                address: place.address,
                name: if ovn { format!("ovn-lb-vip-{id}") } else { format!("octavia-lb-{id}") },
                device_owner: if ovn { "" } else { "Octavia" },
                device: if ovn { String::new() } else { format!("lb-{id}") },
            };
            vip::create(world, &wanted).map_err(|error| {
                let problem = match error {
                    NoAddress::Taken { address, subnet } => {
                        format!("IP address {address} already allocated in subnet {subnet}")
                    }
                    NoAddress::NotInSubnet(address) | NoAddress::NotInNetwork(address) => {
                        format!("IP address {address} is not a valid IP for the specified subnet.")
                    }
                    NoAddress::Exhausted | NoAddress::WrongSubnet(_) | NoAddress::NoSubnet(_) => {
                        format!("No more IP addresses available on network {}.", place.network)
                    }
                };
                let request = format!("req-{}", world.ids.uuid());
                let asked = format!("{problem}\nNeutron server returns request_ids: ['{request}']");
                Refusal::provider(provider.name(), &asked)
            })?
        }
    };
    let owned = place.port.as_ref() != Some(&port);
    Ok(Says::from_iter([
        ("vip_address".to_owned(), json!(address.to_string())),
        ("vip_port_id".to_owned(), json!(port)),
        ("vip_subnet_id".to_owned(), json!(place.subnet)),
        ("vip_network_id".to_owned(), json!(place.network)),
        ("vip_qos_policy_id".to_owned(), json!(place.qos_policy)),
        ("octavia_owned".to_owned(), json!(owned)),
    ]))
}

/// Gives a place back that was taken for nothing.
pub(crate) fn release(world: &World, says: &Says) {
    if says.get("octavia_owned") == Some(&json!(true))
        && let Some(port) = text(says, "vip_port_id")
    {
        vip::delete(world, port);
    }
}

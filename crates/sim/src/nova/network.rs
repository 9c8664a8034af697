//! Servers and their ports: what Nova asks of Neutron, and what it remembers.

use serde_json::Value;

use super::server::{Address, Nic};
use crate::fault_body::Fault;
use crate::neutron::plug::{self, Nic as WantedNic, PlugError, PlugRequest, Plugged, Wanted};
use crate::world::World;

/// What a request wants to be plugged into, and whether it is an error if there is nothing.
pub(crate) fn read(wanted: &Value) -> Result<(Wanted, bool), Fault> {
    match wanted.get("networks") {
        None => Ok((Wanted::Auto, false)),
        Some(Value::String(word)) if word == "none" => Ok((Wanted::None, false)),
        Some(Value::String(_)) => Ok((Wanted::Auto, true)),
        Some(Value::Array(list)) if list.is_empty() => Ok((Wanted::Auto, false)),
        Some(list) => {
            let mut nics: Vec<WantedNic> = Vec::new();
            for one in list.as_array().into_iter().flatten() {
                let nic = read_nic(one)?;
                let twice = nic.port.is_some() && nics.iter().any(|known| known.port == nic.port);
                if let (Some(port), true) = (&nic.port, twice) {
                    let text = format!(
                        "Port ID '{port}' was specified twice: you cannot attach a port multiple \
                         times."
                    );
                    return Err(Fault::bad(text));
                }
                nics.push(nic);
            }
            Ok((Wanted::These(nics), true))
        }
    }
}

fn read_nic(one: &Value) -> Result<WantedNic, Fault> {
    let text = |name: &str| one[name].as_str().map(str::to_owned);
    let address = text("fixed_ip");
    if let Some(port) = text("port") {
        if let Some(address) = address {
            let text = format!(
                "Specified Fixed IP '{address}' cannot be used with port '{port}': the two cannot \
                 be specified together."
            );
            return Err(Fault::bad(text));
        }
        return Ok(WantedNic { port: Some(port), tag: text("tag"), ..WantedNic::default() });
    }
    let network = text("uuid");
    let Some(network) = network else {
        return Err(Fault::bad("Bad network format: missing 'uuid'"));
    };
    if !crate::schema::format::is_uuid(&network) {
        let text = format!("Bad networks format: network uuid is not in proper format ({network})");
        return Err(Fault::bad(text));
    }
    let fixed_ip = address.and_then(|address| address.parse().ok());
    Ok(WantedNic { network: Some(network), port: None, fixed_ip, tag: text("tag") })
}

/// What a server was plugged into, as Nova remembers it.
#[derive(Debug, Default)]
pub(crate) struct Connected {
    pub(crate) nics: Vec<Nic>,
    /// Names of the security groups.
    pub(crate) groups: Vec<String>,
}

/// Plugs a server in. Without a network in the project it has none, unless it must.
pub(crate) fn plug(world: &World, request: &PlugRequest, must: bool) -> Result<Connected, Fault> {
    match plug::plug(world, request) {
        Ok(plugged) => Ok(connected(world, plugged)),
        Err(PlugError::NoNetwork) if !must => Ok(Connected::default()),
        Err(error) => Err(refuse(error, request)),
    }
}

fn connected(world: &World, plugged: Vec<Plugged>) -> Connected {
    let groups = group_names(world, &plugged);
    Connected { nics: plugged.into_iter().map(remember).collect(), groups }
}

/// Names of the groups that the ports are in, each once.
fn group_names(world: &World, plugged: &[Plugged]) -> Vec<String> {
    let network = world.network();
    let ids = plugged.iter().flat_map(|one| &one.security_groups);
    let named = ids.filter_map(|id| network.security_groups.get(id));
    let mut names: Vec<String> = named.map(|group| group.standard.name.clone()).collect();
    names.sort();
    names.dedup();
    names
}

fn remember(plugged: Plugged) -> Nic {
    Nic {
        port: plugged.port,
        network: plugged.network.into(),
        network_name: plugged.network_name.into(),
        mac: plugged.mac,
        addresses: plugged
            .fixed_ips
            .into_iter()
            .map(|ip| Address {
                ip: ip.address.to_string(),
                subnet: ip.subnet.into(),
                floating: ip.floating.iter().map(ToString::to_string).collect(),
            })
            .collect(),
        tag: plugged.tag,
        made: plugged.made_for_server,
    }
}

/// Asks Neutron anew what a server is plugged into, for example after a floating IP was led to it.
pub(crate) fn refresh_from_neutron(world: &World, server: &str) {
    let connected = connected(world, plug::addresses(world, server));
    let mut compute = world.compute();
    compute.servers.change(server, |server| {
        let tags: Vec<(String, String)> = server
            .nics
            .iter()
            .filter_map(|nic| Some((nic.port.clone(), nic.tag.clone()?)))
            .collect();
        server.nics = connected.nics;
        for nic in &mut server.nics {
            let known = tags.iter().find(|(port, _)| *port == nic.port);
            nic.tag = known.map(|(_, tag)| tag.clone()).or_else(|| nic.tag.take());
        }
        server.security_groups = connected.groups;
    });
}

/// Neutron's refusal in Nova's words.
pub(crate) fn refuse(error: PlugError, request: &PlugRequest) -> Fault {
    use http::StatusCode;
    match error {
        PlugError::NetworkNotFound(id) => Fault::bad(format!("Network {id} could not be found.")),
        PlugError::ExternalNetwork(id) => Fault::new(
            StatusCode::FORBIDDEN,
            format!("It is not allowed to create an interface on external network {id}"),
        ),
        PlugError::PortNotFound(id) => Fault::bad(format!("Port id {id} could not be found.")),
        PlugError::PortInUse(id) => Fault::conflict(format!("Port {id} is still in use.")),
        PlugError::PortWithoutAddress(id) => {
            Fault::bad(format!("Port {id} requires a FixedIP in order to be used."))
        }
        PlugError::SecurityGroupNotFound(name) => {
            let project = &request.project;
            Fault::bad(format!("Security group {name} not found for project {project}."))
        }
        PlugError::SecurityGroupAmbiguous(name) => Fault::conflict(format!(
            "Multiple security_group matches found for name '{name}', use an ID to be more \
             specific."
        )),
        PlugError::Ambiguous => Fault::conflict(
            "Multiple possible networks found, use a Network ID to be more specific.",
        ),
        PlugError::NoNetwork => Fault::bad(format!(
            "Unable to automatically allocate a network for project {}",
            request.project
        )),
        PlugError::NoSubnet(id) => {
            Fault::bad(format!("Network {id} requires a subnet in order to boot instances on."))
        }
        PlugError::NoAddresses(id) => {
            Fault::bad(format!("No fixed IP addresses available for network: {id}"))
        }
        PlugError::FixedIpInUse(address) => Fault::bad(format!(
            "Fixed IP address {address} is already in use on instance {}.",
            request.server
        )),
        PlugError::FixedIpInvalid { address, .. } => {
            Fault::bad(format!("Fixed IP not found for address {address}."))
        }
        PlugError::TooManyPorts => {
            Fault::new(StatusCode::FORBIDDEN, "Maximum number of ports exceeded")
        }
    }
}

//! Subnets.

mod checks;

use serde_json::{Map, Value, json};

pub(crate) use self::checks::read_routes;
use self::checks::{
    check_dhcp, check_gateway, check_modes, check_nameservers, check_pools, check_routes, gateway,
    own_gateway, read_nameservers, read_pools,
};
use super::access::Change;
use super::address::Cidr;
use super::allocate::NoAddress;
use super::attribute::Otherwise::{Empty, False, Null, Required, True, Unset};
use super::attribute::{Attribute, Check, Kind, attribute, python};
use super::model::{Net, Network, Standard, Subnet};
use super::ports::no_address;
use super::refusal::Refusal;
use super::resource::{Resource, find, owns, rename, stored, text, text_or_null, truth};
use crate::keystone::caller::Caller;

/// The ways in which IPv6 hosts learn their addresses.
const MODES: &[&str] = &["dhcpv6-stateful", "dhcpv6-stateless", "slaac"];

/// Who owns the port of the metadata service of a network.
const METADATA: &str = "network:distributed";

/// What the owners of devices may begin with.
const DEVICE_OWNERS: &[&str] = &["network:", "compute:", "baremetal:", "neutron:", "trunk:"];

impl Resource for Subnet {
    const KIND: Kind = Kind { one: "subnet", many: "subnets" };
    const PATH: &'static str = "subnets";
    const ATTRIBUTES: &'static [Attribute] = &[
        attribute("name", "PUFS", Empty, Check::Text(255)),
        attribute("ip_version", "PFS", Required, Check::Numbers(&[4, 6])),
        attribute("network_id", "PFS", Required, Check::Uuid),
        attribute("subnetpool_id", "PFS", Unset, Check::UuidOrNull),
        attribute("prefixlen", "P", Unset, Check::Natural),
        attribute("cidr", "PFS", Unset, Check::Any),
        attribute("gateway_ip", "PUFS", Unset, Check::IpOrNull),
        attribute("allocation_pools", "PU", Unset, Check::By(check_pools)),
        attribute("dns_nameservers", "PU", Unset, Check::By(check_nameservers)),
        attribute("host_routes", "PU", Unset, Check::By(check_routes)),
        attribute("enable_dhcp", "PUFS", True, Check::Bool),
        attribute("ipv6_ra_mode", "PFS", Unset, Check::Words(MODES)),
        attribute("ipv6_address_mode", "PFS", Unset, Check::Words(MODES)),
        attribute("shared", "F", Unset, Check::Any),
        attribute("description", "PUF", Empty, Check::Text(255)),
        attribute("use_default_subnetpool", "P", False, Check::Bool),
        attribute("service_types", "PU", Unset, Check::List),
        attribute("segment_id", "PUFS", Null, Check::UuidOrNull),
        attribute("dns_publish_fixed_ip", "PU", False, Check::Bool),
    ];
    const FIELDS: (&'static [&'static str], &'static [&'static str]) = (
        &[
            "id",
            "name",
            "tenant_id",
            "network_id",
            "ip_version",
            "subnetpool_id",
            "enable_dhcp",
            "ipv6_ra_mode",
            "ipv6_address_mode",
            "gateway_ip",
            "cidr",
            "allocation_pools",
            "host_routes",
            "dns_nameservers",
            "description",
            "service_types",
            "tags",
            "created_at",
            "updated_at",
            "revision_number",
            "project_id",
        ],
        &["segment_id"],
    );
    const QUOTA: Option<&'static str> = Some("subnet");

    stored!(subnets);

    fn is_open(&self, state: &Network, caller: &Caller) -> bool {
        state.is_shared(&self.network_id, caller.project()) || self.is_kept_by(state, caller)
    }

    fn is_kept_by(&self, state: &Network, caller: &Caller) -> bool {
        let net = state.networks.get(&self.network_id);
        net.is_some_and(|net| owns(caller, &net.standard.project_id))
    }

    fn show(&self, _state: &Network, _caller: &Caller, name: &str) -> Value {
        match name {
            "network_id" => json!(self.network_id),
            "ip_version" => json!(self.cidr.version()),
            "subnetpool_id" => json!(self.subnetpool_id),
            "enable_dhcp" => json!(self.enable_dhcp),
            "ipv6_ra_mode" => json!(self.ipv6_ra_mode),
            "ipv6_address_mode" => json!(self.ipv6_address_mode),
            "gateway_ip" => json!(self.gateway_ip),
            "cidr" => json!(self.cidr),
            "allocation_pools" => json!(self.allocation_pools),
            "host_routes" => json!(self.host_routes),
            "dns_nameservers" => json!(self.dns_nameservers),
            "service_types" => json!(self.service_types),
            _ => Value::Null,
        }
    }

    fn missing(id: &str) -> Refusal {
        Refusal::missing("SubnetNotFound", format!("Subnet {id} could not be found."))
    }

    fn may_create(state: &Network, caller: &Caller, item: &Map<String, Value>) -> bool {
        let net = state.networks.get(&text(item, "network_id"));
        owns(caller, &text(item, "project_id"))
            || net.is_some_and(|net| owns(caller, &net.standard.project_id))
    }

    fn create(
        state: &mut Network,
        change: &mut Change<'_>,
        item: Map<String, Value>,
    ) -> Result<String, Refusal> {
        let caller = change.caller();
        let network_id = text(&item, "network_id");
        find::<Net>(state, caller, &network_id)?;
        if let Some(segment) = text_or_null(&item, "segment_id") {
            let text = format!("Segment {segment} could not be found.");
            return Err(Refusal::missing("SegmentNotFound", text));
        }
        let (cidr, subnetpool_id) = super::pools::range(state, caller, &item)?;
        let version = item.get("ip_version").and_then(Value::as_u64).unwrap_or(4);
        if u64::from(cidr.version()) != version {
            let text = format!("cidr '{cidr}' does not match the ip_version '{version}'");
            return Err(Refusal::input(&text));
        }
        if state.subnets_of(&network_id).any(|other| other.cidr.overlaps(cidr)) {
            return Err(Refusal::input(&format!(
                "Requested subnet with cidr: {cidr} for network: {network_id} overlaps with \
                 another subnet"
            )));
        }
        let subnet = build(change, network_id, cidr, subnetpool_id, &item)?;
        let id = subnet.standard.id.clone();
        let metadata = subnet.enable_dhcp && subnet.cidr.version() == 4;
        let kept_away = !subnet.service_types.is_empty()
            && !subnet.service_types.iter().any(|it| it == METADATA);
        if metadata && kept_away {
            return Err(no_address(NoAddress::WrongSubnet(id), &subnet.network_id));
        }
        let network_id = subnet.network_id.clone();
        state.put_subnet(subnet);
        if let Some(net) = state.networks.get_mut(&network_id) {
            net.standard.touch(change.now);
        }
        if metadata {
            address_metadata(state, &network_id, &id, change);
        }
        Ok(id)
    }

    fn update(
        state: &mut Network,
        change: &mut Change<'_>,
        id: &str,
        item: Map<String, Value>,
    ) -> Result<(), Refusal> {
        let subnet = state.subnets.get(id).ok_or_else(|| Self::missing(id))?;
        let mut subnet = subnet.clone();
        if item.contains_key("gateway_ip") {
            let mut interfaces =
                state.ports_of_owner(&subnet.network_id, "network:router_interface");
            let used = interfaces.find(|port| {
                port.fixed_ips.iter().any(|it| Some(it.ip_address) == subnet.gateway_ip)
            });
            if let (Some(port), Some(gateway)) = (used, subnet.gateway_ip) {
                return Err(Refusal::conflict(
                    "GatewayIpInUse",
                    format!(
                        "Current gateway ip {gateway} already in use by port {}. Unable to \
                         update.",
                        port.standard.id
                    ),
                ));
            }
            subnet.gateway_ip = gateway(&item, subnet.cidr)?;
        }
        if let Some(pools) = item.get("allocation_pools") {
            subnet.allocation_pools = read_pools(pools, subnet.cidr)?;
            state.index.taken(id).forget_hint();
        }
        check_gateway(&subnet)?;
        apply(&mut subnet, &item)?;
        if item.contains_key("enable_dhcp") {
            subnet.enable_dhcp = truth(&item, "enable_dhcp");
        }
        check_dhcp(subnet.cidr, subnet.enable_dhcp)?;
        subnet.standard.touch(change.now);
        if let Some(net) = state.networks.get_mut(&subnet.network_id) {
            net.standard.touch(change.now);
        }
        state.subnets.insert(id.to_owned(), subnet);
        Ok(())
    }

    fn delete(state: &mut Network, change: &mut Change<'_>, id: &str) -> Result<(), Refusal> {
        let subnet = state.subnets.get(id).ok_or_else(|| Self::missing(id))?;
        let network_id = subnet.network_id.clone();
        let automatic = subnet.is_auto_addressed();
        let holds =
            |port: &super::model::Port| port.fixed_ips.iter().any(|fixed| fixed.subnet_id == id);
        let ports: Vec<super::model::Port> =
            state.ports_of_network(&network_id).filter(|port| holds(port)).cloned().collect();
        let keeps = |port: &&super::model::Port| {
            port.device_owner != METADATA
                && (!automatic || port.device_owner.starts_with("network:router"))
        };
        if ports.iter().any(|port| keeps(&port)) {
            return Err(Refusal::conflict(
                "SubnetInUse",
                format!(
                    "Unable to complete operation on subnet {id}: One or more ports have an IP \
                     allocation from this subnet."
                ),
            ));
        }
        for mut port in ports {
            port.fixed_ips.retain(|fixed| fixed.subnet_id != id);
            port.standard.touch(change.now);
            state.put_port(port);
        }
        state.take_subnet(id);
        if let Some(net) = state.networks.get_mut(&network_id) {
            net.standard.touch(change.now);
        }
        Ok(())
    }
}

/// Gives the metadata service of a network an address in a new subnet.
fn address_metadata(state: &mut Network, network: &str, subnet: &str, change: &Change<'_>) {
    let port = state.ports_of_owner(network, METADATA).next();
    let Some(mut port) = port.cloned() else { return };
    let tenant = super::allocate::Tenant {
        network,
        mac: &port.mac_address,
        device_owner: &port.device_owner,
    };
    let wish = super::allocate::Wish { subnet: Some(subnet.to_owned()), address: None };
    if let Ok(addresses) = state.allocate(tenant, Some(&[wish])) {
        port.fixed_ips.extend(addresses);
        port.standard.touch(change.now);
        state.put_port(port);
    }
}

fn build(
    change: &Change<'_>,
    network_id: String,
    cidr: Cidr,
    subnetpool_id: Option<String>,
    item: &Map<String, Value>,
) -> Result<Subnet, Refusal> {
    let mode = |name| text_or_null(item, name);
    let (ra, address) = (mode("ipv6_ra_mode"), mode("ipv6_address_mode"));
    check_modes(cidr, ra.as_deref(), address.as_deref())?;
    check_dhcp(cidr, truth(item, "enable_dhcp"))?;
    let gateway_ip = if item.contains_key("gateway_ip") {
        gateway(item, cidr)?
    } else {
        Some(own_gateway(cidr)?)
    };
    let allocation_pools = match item.get("allocation_pools") {
        Some(pools) => read_pools(pools, cidr)?,
        None => cidr.default_pools(gateway_ip),
    };
    let mut subnet = Subnet {
        standard: change.standard(&text(item, "project_id")),
        network_id,
        cidr,
        gateway_ip,
        enable_dhcp: truth(item, "enable_dhcp"),
        allocation_pools,
        dns_nameservers: Vec::new(),
        host_routes: Vec::new(),
        ipv6_ra_mode: ra,
        ipv6_address_mode: address,
        service_types: Vec::new(),
        subnetpool_id,
    };
    check_gateway(&subnet)?;
    apply(&mut subnet, item)?;
    Ok(subnet)
}

/// Takes over what may be said at any time.
fn apply(subnet: &mut Subnet, item: &Map<String, Value>) -> Result<(), Refusal> {
    rename(&mut subnet.standard, item);
    if let Some(servers) = item.get("dns_nameservers") {
        subnet.dns_nameservers = read_nameservers(servers)?;
    }
    if let Some(routes) = item.get("host_routes") {
        subnet.host_routes = read_routes("host_routes", routes)?;
    }
    if let Some(types) = item.get("service_types").and_then(Value::as_array) {
        if let Some(wrong) = types.iter().find(|it| !it.is_string()) {
            let text = format!("Subnet service type {} is not a string.", python(wrong));
            return Err(Refusal::wrong("InvalidInputSubnetServiceType", text));
        }
        let types: Vec<String> = types.iter().map(python).collect();
        let known = |it: &String| DEVICE_OWNERS.iter().any(|prefix| it.starts_with(prefix));
        if let Some(unknown) = types.iter().find(|it| !known(it)) {
            let text = format!(
                "Subnet service type {unknown} does not correspond to a valid device owner."
            );
            return Err(Refusal::wrong("InvalidSubnetServiceType", text));
        }
        subnet.service_types = types;
    }
    Ok(())
}

//! Subnets.

use std::net::IpAddr;

use serde_json::{Map, Value, json};

use super::access::Change;
use super::address::{Cidr, Pool};
use super::allocate::NoAddress;
use super::attribute::Otherwise::{Empty, False, Null, Required, True, Unset};
use super::attribute::{Attribute, Check, Kind, attribute, python};
use super::model::{Net, Network, Route, Standard, Subnet};
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

fn check_modes(cidr: Cidr, ra: Option<&str>, address: Option<&str>) -> Result<(), Refusal> {
    if cidr.version() == 4 && (ra.is_some() || address.is_some()) {
        return Err(Refusal::input("ipv6_ra_mode is not valid when ip_version is 4"));
    }
    if let (Some(ra), Some(address)) = (ra, address)
        && ra != address
    {
        return Err(Refusal::input(&format!(
            "ipv6_ra_mode set to '{ra}' with ipv6_address_mode set to '{address}' is not valid. \
             If both attributes are set, they must be the same value"
        )));
    }
    let automatic = matches!(address.or(ra), Some("slaac" | "dhcpv6-stateless"));
    if automatic && cidr.prefix != 64 {
        return Err(Refusal::input(&format!(
            "Invalid CIDR {cidr} for IPv6 address mode. OpenStack uses the EUI-64 address format, \
             which requires the prefix to be /64"
        )));
    }
    Ok(())
}

fn gateway(item: &Map<String, Value>, cidr: Cidr) -> Result<Option<IpAddr>, Refusal> {
    let Some(text) = text_or_null(item, "gateway_ip") else { return Ok(None) };
    let address: IpAddr =
        text.parse().map_err(|_| Refusal::value("gateway_ip", "it is no IP address"))?;
    if address.is_ipv4() != cidr.base.is_ipv4() {
        let version = cidr.version();
        let text = format!("gateway_ip '{address}' does not match the ip_version '{version}'");
        return Err(Refusal::input(&text));
    }
    if !cidr.may_route(address) {
        return Err(Refusal::input("Gateway is not valid on subnet"));
    }
    Ok(Some(address))
}

/// The gateway of a subnet that does not name one.
fn own_gateway(cidr: Cidr) -> Result<IpAddr, Refusal> {
    // The anycast address of the routers of an IPv6 subnet is its lowest (RFC 4291, 2.6.1).
    let address = if cidr.version() == 4 { cidr.nth(1) } else { cidr.base };
    if cidr.may_route(address) {
        return Ok(address);
    }
    let text = format!("Gateway IP {address} cannot be allocated in CIDR {cidr}");
    Err(Refusal::conflict("IpamValueInvalid", text))
}

fn check_gateway(subnet: &Subnet) -> Result<(), Refusal> {
    let Some(gateway) = subnet.gateway_ip else { return Ok(()) };
    let pool = subnet.allocation_pools.iter().find(|pool| pool.contains(gateway));
    pool.map_or(Ok(()), |pool| {
        Err(Refusal::conflict(
            "GatewayConflictWithAllocationPools",
            format!(
                "Gateway ip {gateway} conflicts with allocation pool {}-{}.",
                pool.start, pool.end
            ),
        ))
    })
}

/// Refuses ranges too small for a DHCP server beside a host.
fn check_dhcp(cidr: Cidr, enabled: bool) -> Result<(), Refusal> {
    if !enabled {
        return Ok(());
    }
    if cidr.base.is_unspecified() {
        let text =
            format!("First IP '{}' of network is not supported if enable_dhcp is True.", cidr.base);
        return Err(Refusal::input(&text));
    }
    if cidr.host_bits() < 2 {
        let text = "Subnet has a prefix length that is incompatible with DHCP service enabled";
        return Err(Refusal::input(text));
    }
    Ok(())
}

/// Refuses what is no list of pools, whatever the subnet.
fn check_pools(value: &Value) -> Result<(), Refusal> {
    let wrong = |text: String| Err(Refusal::value("allocation_pools", &text));
    let Some(list) = value.as_array() else {
        return wrong(format!("Invalid data format for IP pool: '{}'", python(value)));
    };
    for item in list {
        let Some(fields) = item.as_object() else {
            return wrong(format!(
                "Invalid input. '{}' must be a dictionary with keys: ['start', 'end']",
                python(item)
            ));
        };
        if fields.len() != 2 || !fields.contains_key("start") || !fields.contains_key("end") {
            let keys: Vec<String> = fields.keys().map(|key| format!("'{key}'")).collect();
            return wrong(format!(
                "Validation of dictionary's keys failed. Expected keys: {{'start', 'end'}} \
                 Provided keys: {{{}}}",
                keys.join(", ")
            ));
        }
        let mut addresses = fields.values().map(python);
        if let Some(bad) = addresses.find(|it| it.parse::<IpAddr>().is_err()) {
            return wrong(format!("'{bad}' is not a valid IP address"));
        }
    }
    Ok(())
}

fn check_nameservers(value: &Value) -> Result<(), Refusal> {
    read_nameservers(value).map(drop)
}

fn check_routes(value: &Value) -> Result<(), Refusal> {
    read_routes("host_routes", value).map(drop)
}

fn read_pools(value: &Value, cidr: Cidr) -> Result<Vec<Pool>, Refusal> {
    let mut pools: Vec<Pool> = Vec::new();
    for item in value.as_array().into_iter().flatten() {
        let invalid = || {
            let text = format!("The allocation pool {} is not valid.", python(item));
            Refusal::wrong("InvalidAllocationPool", text)
        };
        let pool: Pool = serde_json::from_value(item.clone()).map_err(|_| invalid())?;
        let range = format!("{}-{}", pool.start, pool.end);
        if pool.start > pool.end || pool.start.is_ipv4() != cidr.base.is_ipv4() {
            return Err(invalid());
        }
        if !cidr.is_usable(pool.start) || !cidr.is_usable(pool.end) {
            let text = format!("The allocation pool {range} spans beyond the subnet cidr {cidr}.");
            return Err(Refusal::wrong("OutOfBoundsAllocationPool", text));
        }
        if let Some(other) = pools.iter().find(|it| it.overlaps(&pool)) {
            let text = format!(
                "Found overlapping allocation pools: {}-{} {range} for subnet {cidr}.",
                other.start, other.end
            );
            return Err(Refusal::conflict("OverlappingAllocationPools", text));
        }
        pools.push(pool);
    }
    Ok(pools)
}

/// Routes as a body says them.
pub(crate) fn read_routes(name: &str, value: &Value) -> Result<Vec<Route>, Refusal> {
    let list = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Array(list) => list,
        other => {
            let shown = python(other);
            return Err(Refusal::value(
                name,
                &format!("Invalid data format for hostroute: '{shown}'"),
            ));
        }
    };
    let mut routes: Vec<Route> = Vec::new();
    for item in list {
        let shown = python(item);
        let route: Route = serde_json::from_value(item.clone())
            .map_err(|_| Refusal::value(name, &wrong_route(item)))?;
        if routes.contains(&route) {
            return Err(Refusal::value(name, &format!("Duplicate hostroute '{shown}'")));
        }
        routes.push(route);
    }
    Ok(routes)
}

/// What is wrong with a route.
fn wrong_route(item: &Value) -> String {
    let Some(fields) = item.as_object() else {
        return format!("Invalid data format for hostroute: '{}'", python(item));
    };
    if !(fields.contains_key("destination") && fields.contains_key("nexthop")) {
        let keys: Vec<String> = fields.keys().map(|key| format!("'{key}'")).collect();
        return format!(
            "Validation of dictionary's keys failed. Expected keys: {{'destination', 'nexthop'}} \
             Provided keys: {{{}}}",
            keys.join(", ")
        );
    }
    let said = |key: &str| fields.get(key).map(python).unwrap_or_default();
    let destination = said("destination");
    if destination.parse::<Cidr>().is_err() {
        return format!("'{destination}' is not a valid CIDR");
    }
    format!("'{}' is not a valid IP address", said("nexthop"))
}

fn read_nameservers(value: &Value) -> Result<Vec<String>, Refusal> {
    let mut servers: Vec<String> = Vec::new();
    for item in value.as_array().into_iter().flatten() {
        let shown = python(item);
        if shown.parse::<IpAddr>().is_err() {
            let reason =
                format!("'{shown}' is not a valid nameserver. '{shown}' is not a valid IP address");
            return Err(Refusal::value("dns_nameservers", &reason));
        }
        if servers.contains(&shown) {
            return Err(Refusal::value(
                "dns_nameservers",
                &format!("Duplicate nameserver '{shown}'"),
            ));
        }
        servers.push(shown);
    }
    if servers.len() > 5 {
        let text = "Unable to complete operation for new subnet. The number of DNS nameservers \
                    exceeds the limit 5.";
        return Err(Refusal::wrong("DNSNameServersExhausted", text));
    }
    Ok(servers)
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

//! What Neutron accepts in a subnet: modes, gateways, pools, name servers, routes.

use std::net::IpAddr;

use serde_json::{Map, Value};

use crate::neutron::address::{Cidr, Pool};
use crate::neutron::attribute::python;
use crate::neutron::model::{Route, Subnet};
use crate::neutron::refusal::Refusal;
use crate::neutron::resource::text_or_null;

pub(super) fn check_modes(
    cidr: Cidr,
    ra: Option<&str>,
    address: Option<&str>,
) -> Result<(), Refusal> {
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

pub(super) fn gateway(item: &Map<String, Value>, cidr: Cidr) -> Result<Option<IpAddr>, Refusal> {
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
pub(super) fn own_gateway(cidr: Cidr) -> Result<IpAddr, Refusal> {
    // The anycast address of the routers of an IPv6 subnet is its lowest (RFC 4291, 2.6.1).
    let address = if cidr.version() == 4 { cidr.nth(1) } else { cidr.base };
    if cidr.may_route(address) {
        return Ok(address);
    }
    let text = format!("Gateway IP {address} cannot be allocated in CIDR {cidr}");
    Err(Refusal::conflict("IpamValueInvalid", text))
}

pub(super) fn check_gateway(subnet: &Subnet) -> Result<(), Refusal> {
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
pub(super) fn check_dhcp(cidr: Cidr, enabled: bool) -> Result<(), Refusal> {
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
pub(super) fn check_pools(value: &Value) -> Result<(), Refusal> {
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

pub(super) fn check_nameservers(value: &Value) -> Result<(), Refusal> {
    read_nameservers(value).map(drop)
}

pub(super) fn check_routes(value: &Value) -> Result<(), Refusal> {
    read_routes("host_routes", value).map(drop)
}

pub(super) fn read_pools(value: &Value, cidr: Cidr) -> Result<Vec<Pool>, Refusal> {
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

pub(super) fn read_nameservers(value: &Value) -> Result<Vec<String>, Refusal> {
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

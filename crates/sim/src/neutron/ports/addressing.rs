//! The addresses that a port is given, asks for or changes.

use std::net::IpAddr;

use serde_json::Value;

use crate::neutron::allocate::{NoAddress, Tenant, Wish};
use crate::neutron::attribute::python;
use crate::neutron::model::{FixedIp, Network, Port, Subnet};
use crate::neutron::refusal::Refusal;
use crate::neutron::resource::Resource;

/// The refusal for addresses that cannot be had.
pub(crate) fn no_address(error: NoAddress, network: &str) -> Refusal {
    match error {
        NoAddress::Exhausted => Refusal::conflict(
            "IpAddressGenerationFailure",
            format!("No more IP addresses available on network {network}."),
        ),
        NoAddress::Taken { address, subnet } => Refusal::conflict(
            "IpAddressAlreadyAllocated",
            format!("IP address {address} already allocated in subnet {subnet}"),
        ),
        NoAddress::NotInSubnet(address) => Refusal::wrong(
            "InvalidIpForSubnet",
            format!("IP address {address} is not a valid IP for the specified subnet."),
        ),
        NoAddress::NotInNetwork(address) => Refusal::wrong(
            "InvalidIpForNetwork",
            format!(
                "IP address {address} is not a valid IP for any of the subnets on the specified \
                 network."
            ),
        ),
        NoAddress::NoSubnet(subnet) => Subnet::missing(&subnet),
        NoAddress::WrongSubnet(subnet) if subnet.is_empty() => {
            Refusal::input("IP allocation requires subnet_id or ip_address")
        }
        NoAddress::WrongSubnet(subnet) => Refusal::input(&format!(
            "Failed to create port on network {network}, because fixed_ips included invalid \
                 subnet {subnet}"
        )),
    }
}

pub(super) fn check_fixed_ips(value: &Value) -> Result<(), Refusal> {
    if !value.is_array() {
        let text = format!("Invalid data format for fixed IP: '{}'", python(value));
        return Err(Refusal::value("fixed_ips", &text));
    }
    read_wishes(value).map(|_| ())
}

/// The addresses that a body wants.
pub(crate) fn read_wishes(value: &Value) -> Result<Vec<Wish>, Refusal> {
    let mut wishes: Vec<Wish> = Vec::new();
    for item in value.as_array().into_iter().flatten() {
        let Some(fields) = item.as_object() else {
            let text = format!("Invalid data format for fixed IP: '{}'", python(item));
            return Err(Refusal::value("fixed_ips", &text));
        };
        let address = fields.get("ip_address").filter(|it| !it.is_null());
        let address = address
            .map(|it| {
                let shown = python(it);
                shown.parse::<IpAddr>().map_err(|_| {
                    Refusal::value("fixed_ips", &format!("'{shown}' is not a valid IP address"))
                })
            })
            .transpose()?;
        let subnet = fields.get("subnet_id").filter(|it| !it.is_null()).map(python);
        if let Some(subnet) = &subnet
            && (subnet.len() != 36 || uuid::Uuid::parse_str(subnet).is_err())
        {
            return Err(Refusal::value("fixed_ips", &format!("'{subnet}' is not a valid UUID")));
        }
        let wish = Wish { subnet, address };
        if address.is_some() && wishes.iter().any(|it| it.address == address) {
            let shown = address.map(|it| it.to_string()).unwrap_or_default();
            let text = format!("Duplicate IP address '{shown}'");
            return Err(Refusal::value("fixed_ips", &text));
        }
        wishes.push(wish);
    }
    Ok(wishes)
}

/// The addresses of a port after a change; what it keeps is not given back in between.
pub(super) fn readdress(
    state: &mut Network,
    port: &Port,
    wishes: &[Wish],
) -> Result<Vec<FixedIp>, Refusal> {
    let mut kept: Vec<FixedIp> = Vec::new();
    let mut new = Vec::new();
    for wish in wishes {
        let fits = |fixed: &&FixedIp| {
            wish.address.is_none_or(|it| it == fixed.ip_address)
                && wish.subnet.as_ref().is_none_or(|it| *it == fixed.subnet_id)
                && !kept.contains(fixed)
        };
        match port.fixed_ips.iter().find(fits) {
            Some(fixed) => kept.push(fixed.clone()),
            None => new.push(wish.clone()),
        }
    }
    let tenant = Tenant {
        network: &port.network_id,
        mac: &port.mac_address,
        device_owner: &port.device_owner,
    };
    let got =
        state.allocate(tenant, Some(&new)).map_err(|error| no_address(error, &port.network_id))?;
    kept.extend(got);
    Ok(kept)
}

//! Who may talk to a port: its security groups and the pairs of addresses it may use.

use std::net::IpAddr;

use serde_json::{Map, Value};

use crate::keystone::caller::Caller;
use crate::neutron::attribute::python;
use crate::neutron::model::{AddressPair, Network, Port, SecurityGroup};
use crate::neutron::refusal::Refusal;
use crate::neutron::resource::{Resource, sees};

pub(super) fn check_groups(value: &Value) -> Result<(), Refusal> {
    if value.is_null() {
        return Ok(());
    }
    let Value::Array(list) = value else {
        let text = format!("'{}' is not a list", python(value));
        return Err(Refusal::value("security_groups", &text));
    };
    let wrong =
        list.iter().map(python).find(|it| it.len() != 36 || uuid::Uuid::parse_str(it).is_err());
    match wrong {
        Some(id) => Err(Refusal::value("security_groups", &format!("'{id}' is not a valid UUID"))),
        None => Ok(()),
    }
}

/// Security groups and address pairs, which only secured ports have.
pub(super) fn apply_security(
    state: &Network,
    caller: &Caller,
    port: &mut Port,
    item: &Map<String, Value>,
    default_group: Option<String>,
) -> Result<(), Refusal> {
    let groups = item.get("security_groups").filter(|it| !it.is_null());
    let pairs = item.get("allowed_address_pairs").map(|it| read_pairs(it, port)).transpose()?;
    if !port.secured {
        let wanted = groups.and_then(Value::as_array).map(|it| !it.is_empty());
        check_unsecured(port, pairs.as_deref(), wanted, default_group.is_some())?;
    }
    let groups = groups.map(|it| read_groups(state, caller, it)).transpose()?;
    if let Some(pairs) = pairs {
        port.allowed_address_pairs = pairs;
    }
    match (groups, default_group) {
        (Some(groups), _) => port.security_groups = groups,
        (None, Some(default)) if port.secured => port.security_groups = vec![default],
        _ => {}
    }
    Ok(())
}

/// Refuses what a port without port security cannot have.
fn check_unsecured(
    port: &Port,
    pairs: Option<&[AddressPair]>,
    groups: Option<bool>,
    create: bool,
) -> Result<(), Refusal> {
    if pairs.is_some_and(|it| !it.is_empty()) {
        let text =
            "Port Security must be enabled in order to have allowed address pairs on a port.";
        return Err(Refusal::conflict("AddressPairAndPortSecurityRequired", text));
    }
    if !groups.unwrap_or(!port.security_groups.is_empty()) {
        return Ok(());
    }
    if create {
        let text = "Port security must be enabled and port must have an IP address in order to use \
                    security groups.";
        return Err(Refusal::wrong("PortSecurityAndIPRequiredForSecurityGroups", text));
    }
    let text = "Port has security group associated. Cannot disable port security or IP address \
                until security group is removed.";
    Err(Refusal::conflict("PortSecurityPortHasSecurityGroup", text))
}

fn read_groups(state: &Network, caller: &Caller, value: &Value) -> Result<Vec<String>, Refusal> {
    let mut groups: Vec<String> = Vec::new();
    for id in value.as_array().into_iter().flatten().map(python) {
        let known = state.security_groups.get(&id).filter(|it| sees(state, caller, *it));
        if known.is_none() {
            return Err(SecurityGroup::missing(&id));
        }
        if !groups.contains(&id) {
            groups.push(id);
        }
    }
    groups.sort();
    Ok(groups)
}

fn read_pairs(value: &Value, port: &Port) -> Result<Vec<AddressPair>, Refusal> {
    let list = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Array(list) => list,
        _ => {
            let text = "Allowed address pairs must be a list.";
            return Err(Refusal::bad(text));
        }
    };
    let mut pairs: Vec<AddressPair> = Vec::new();
    for item in list {
        let Some(address) = item.get("ip_address").map(python) else {
            let text = "AllowedAddressPair must contain ip_address";
            return Err(Refusal::wrong("AllowedAddressPairsMissingIP", text));
        };
        let plain = address.split('/').next().unwrap_or_default();
        if plain.parse::<IpAddr>().is_err() {
            return Err(Refusal::bad(format!("'{address}' is not a valid IP address")));
        }
        let mac = item.get("mac_address").filter(|it| !it.is_null()).map(python);
        let said = mac.clone().unwrap_or_else(|| "None".to_owned());
        let mac_address = mac.unwrap_or_else(|| port.mac_address.clone());
        let pair = AddressPair { ip_address: address, mac_address };
        if pairs.contains(&pair) {
            return Err(Refusal::wrong(
                "DuplicateAddressPairInRequest",
                format!(
                    "Request contains duplicate address pair: mac_address {said} ip_address {}.",
                    pair.ip_address
                ),
            ));
        }
        pairs.push(pair);
    }
    Ok(pairs)
}

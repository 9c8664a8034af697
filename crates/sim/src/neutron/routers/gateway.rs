//! The gateway of a router: its port on an external network, and when it may go.

use serde_json::Value;

use super::{GATEWAY, bad};
use crate::neutron::access::Change;
use crate::neutron::allocate::{Tenant, Wish};
use crate::neutron::attribute::{boolean, python};
use crate::neutron::model::{Gateway, Net, Network};
use crate::neutron::plug::new_mac;
use crate::neutron::ports::{no_address, read_wishes};
use crate::neutron::refusal::Refusal;
use crate::neutron::resource::{find, text};
use crate::neutron::seed::plain_port;

pub(super) fn gateway_used(state: &Network, router: &str) -> bool {
    state.index.has_floating_ips(router)
}

/// Gives a router another gateway, or none.
pub(super) fn set_gateway(
    state: &mut Network,
    change: &Change<'_>,
    id: &str,
    wanted: &Value,
) -> Result<(), Refusal> {
    let fields = match wanted {
        Value::Object(fields) if !fields.is_empty() => fields,
        _ => return clear_gateway(state, change, id),
    };
    let network = text(fields, "network_id");
    let caller = change.caller();
    let net = find::<Net>(state, caller, &network)?;
    if !net.external {
        return Err(bad(&format!("Network {network} is not an external network")));
    }
    let old = state.routers.get(id).and_then(|router| router.gateway.clone());
    let snat = fields.get("enable_snat").and_then(boolean);
    let addresses = fields.get("external_fixed_ips").map(read_wishes).transpose()?;
    let same = old.as_ref().filter(|it| it.network_id == network && addresses.is_none());
    let port_id = if let Some(gateway) = same {
        gateway.port_id.clone()
    } else {
        if old.is_some() && gateway_used(state, id) {
            return Err(gateway_in_use(state, id));
        }
        let port = gateway_port(state, change, id, &network, addresses.as_deref())?;
        if let Some(old) = &old {
            state.take_port(&old.port_id);
        }
        port
    };
    if let Some(router) = state.routers.get_mut(id) {
        // Neutron writes the row once for the port and once for the rest, and once more to let an
        // old gateway go.
        router.standard.revision += if old.is_some() { 2 } else { 1 };
        let enable_snat = snat.or(old.map(|it| it.enable_snat)).unwrap_or(true);
        router.gateway = Some(Gateway { network_id: network, enable_snat, port_id });
    }
    Ok(())
}

fn gateway_in_use(state: &Network, id: &str) -> Refusal {
    let network = state.routers.get(id).and_then(|it| it.gateway.as_ref());
    Refusal::conflict(
        "RouterExternalGatewayInUseByFloatingIp",
        format!(
            "Gateway cannot be updated for router {id}, since a gateway to external network {} is \
             required by one or more floating IPs.",
            network.map(|it| it.network_id.as_str()).unwrap_or_default()
        ),
    )
}

fn clear_gateway(state: &mut Network, change: &Change<'_>, id: &str) -> Result<(), Refusal> {
    if gateway_used(state, id) {
        return Err(gateway_in_use(state, id));
    }
    let gateway = state.routers.get_mut(id).and_then(|router| router.gateway.take());
    if let Some(gateway) = gateway {
        state.take_port(&gateway.port_id);
        if let Some(router) = state.routers.get_mut(id) {
            router.standard.revision += 1;
            router.standard.touch(change.now);
        }
    }
    Ok(())
}

/// Refuses what describes no gateway.
pub(super) fn check_gateway(value: &Value) -> Result<(), Refusal> {
    let wrong = |text: &str| Err(Refusal::value("external_gateway_info", text));
    let fields = match value {
        Value::Null => return Ok(()),
        Value::Object(fields) if fields.is_empty() => return Ok(()),
        Value::Object(fields) => fields,
        other => return wrong(&format!("'{}' is not a dictionary", python(other))),
    };
    let known = ["network_id", "enable_snat", "external_fixed_ips", "qos_policy_id"];
    if let Some(name) = fields.keys().find(|name| !known.contains(&name.as_str())) {
        return wrong(&format!("Unexpected keys supplied: {name}"));
    }
    let Some(network) = fields.get("network_id").map(python) else {
        let keys: Vec<String> = fields.keys().map(|key| format!("'{key}'")).collect();
        return wrong(&format!(
            "Validation of dictionary's keys failed. Expected keys: {{'network_id'}} Provided \
             keys: {{{}}}",
            keys.join(", ")
        ));
    };
    if network.len() != 36 || uuid::Uuid::parse_str(&network).is_err() {
        return wrong(&format!("'{network}' is not a valid UUID"));
    }
    Ok(())
}

fn gateway_port(
    state: &mut Network,
    change: &Change<'_>,
    router: &str,
    network: &str,
    wishes: Option<&[Wish]>,
) -> Result<String, Refusal> {
    if state.subnets_of(network).next().is_none() {
        let text = format!("No more IP addresses available on network {network}.");
        return Err(Refusal::conflict("IpAddressGenerationFailure", text));
    }
    let mac = new_mac(state, &change.world.ids, network);
    let tenant = Tenant { network, mac: &mac, device_owner: GATEWAY };
    let fixed_ips = state.allocate(tenant, wishes).map_err(|error| no_address(error, network))?;
    // Like all ports of Neutron's own in networks of others it belongs to nobody.
    let mut standard = change.standard("");
    standard.revision = 2;
    let mut port = plain_port(standard, network, mac);
    GATEWAY.clone_into(&mut port.device_owner);
    router.clone_into(&mut port.device_id);
    port.secured = false;
    port.fixed_ips = fixed_ips;
    port.active = true;
    "sim-1".clone_into(&mut port.host);
    let id = port.standard.id.clone();
    state.put_port(port);
    Ok(id)
}

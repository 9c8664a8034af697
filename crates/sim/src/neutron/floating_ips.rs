//! Floating IPs: addresses of an external network that lead to ports.

use std::net::IpAddr;

use lotse_core::time::Timestamp;
use serde_json::{Map, Value, json};

use super::access::Change;
use super::allocate::{Tenant, Wish};
use super::attribute::Otherwise::{Empty, Null, Required, Unset};
use super::attribute::{Attribute, Check, Kind, attribute};
use super::model::{FixedIp, FloatingIp, Net, Network, Port, Standard};
use super::plug::new_mac;
use super::ports::no_address;
use super::refusal::Refusal;
use super::resource::{Resource, find, rename, stored, text, text_or_null};
use super::seed::plain_port;
use crate::keystone::caller::Caller;

/// Who owns the ports that hold the addresses.
const OWNER: &str = "network:floatingip";

impl Resource for FloatingIp {
    const KIND: Kind = Kind { one: "floatingip", many: "floatingips" };
    const PATH: &'static str = "floatingips";
    const ATTRIBUTES: &'static [Attribute] = &[
        attribute("floating_ip_address", "PFSEA", Null, Check::IpOrNull),
        attribute("subnet_id", "P", Null, Check::UuidOrNull),
        attribute("floating_network_id", "PFS", Required, Check::Uuid),
        attribute("router_id", "FS", Unset, Check::Any),
        attribute("port_id", "PUF", Null, Check::UuidOrNull),
        attribute("fixed_ip_address", "PUFS", Null, Check::IpOrNull),
        attribute("status", "FS", Unset, Check::Any),
        attribute("description", "PUF", Empty, Check::Text(255)),
        attribute("dns_name", "P", Empty, Check::Text(255)),
        attribute("dns_domain", "P", Empty, Check::Text(255)),
        attribute("qos_policy_id", "PUE", Null, Check::UuidOrNull),
        attribute("port_details", "", Unset, Check::Any),
        attribute("port_forwardings", "", Unset, Check::Any),
    ];
    const FIELDS: (&'static [&'static str], &'static [&'static str]) = (
        &[
            "id",
            "tenant_id",
            "floating_ip_address",
            "floating_network_id",
            "router_id",
            "port_id",
            "fixed_ip_address",
            "status",
            "description",
            "qos_policy_id",
            "port_details",
            "dns_domain",
            "dns_name",
            "port_forwardings",
            "tags",
            "created_at",
            "updated_at",
            "revision_number",
            "project_id",
        ],
        &[],
    );
    const QUOTA: Option<&'static str> = Some("floatingip");

    stored!(floating_ips);

    fn show(&self, state: &Network, _caller: &Caller, name: &str) -> Value {
        match name {
            "floating_ip_address" => json!(self.address),
            "floating_network_id" => json!(self.floating_network_id),
            "router_id" => json!(self.router_id),
            "port_id" => json!(self.port_id),
            "fixed_ip_address" => json!(self.fixed_ip_address),
            "status" => json!(if self.active { "ACTIVE" } else { "DOWN" }),
            "qos_policy_id" => json!(self.qos_policy_id),
            "port_details" => {
                let port = self.port_id.as_ref().and_then(|id| state.ports.get(id));
                port.map_or(Value::Null, |port| {
                    json!({
                        "name": port.standard.name,
                        "network_id": port.network_id,
                        "mac_address": port.mac_address,
                        "admin_state_up": port.admin_state_up,
                        "status": port.status(),
                        "device_id": port.device_id,
                        "device_owner": port.device_owner,
                    })
                })
            }
            "dns_domain" => json!(self.dns_domain),
            "dns_name" => json!(self.dns_name),
            "port_forwardings" => {
                let all = self.port_forwardings.iter().map(|it| {
                    json!({
                        "protocol": it.protocol,
                        "internal_ip_address": it.internal_ip_address,
                        "internal_port": it.internal_port,
                        "external_port": it.external_port,
                    })
                });
                Value::Array(all.collect())
            }
            _ => Value::Null,
        }
    }

    fn missing(id: &str) -> Refusal {
        Refusal::missing("FloatingIPNotFound", format!("Floating IP {id} could not be found"))
    }

    fn create(
        state: &mut Network,
        change: &mut Change<'_>,
        item: Map<String, Value>,
    ) -> Result<String, Refusal> {
        let network = text(&item, "floating_network_id");
        let net = find::<Net>(state, change.caller(), &network)?;
        if !net.external {
            return Err(bad(&format!("Network {network} is not a valid external network")));
        }
        if !state.subnets_of(&network).any(|it| it.cidr.version() == 4) {
            return Err(bad(&format!("Network {network} does not contain any IPv4 subnet")));
        }
        super::networks::qos_exists(state, &item)?;
        let project = text(&item, "project_id");
        let standard = change.standard(&project);
        let mut floating = Self {
            floating_network_id: network.clone(),
            address: IpAddr::from([0, 0, 0, 0]),
            own_port_id: String::new(),
            port_id: None,
            fixed_ip_address: None,
            router_id: None,
            active: false,
            dns_name: text(&item, "dns_name"),
            dns_domain: text(&item, "dns_domain"),
            qos_policy_id: text_or_null(&item, "qos_policy_id"),
            port_forwardings: Vec::new(),
            standard,
        };
        rename(&mut floating.standard, &item);
        let port = own_port(state, change, &network, &item, &floating.standard.id)?;
        floating.address =
            port.fixed_ips.first().map_or(floating.address, |fixed| fixed.ip_address);
        floating.own_port_id.clone_from(&port.standard.id);
        let id = floating.standard.id.clone();
        state.put_port(port);
        if let Err(refusal) = associate(state, change, &mut floating, &item) {
            state.take_port(&floating.own_port_id);
            return Err(refusal);
        }
        state.put_floating_ip(floating);
        Ok(id)
    }

    fn update(
        state: &mut Network,
        change: &mut Change<'_>,
        id: &str,
        item: Map<String, Value>,
    ) -> Result<(), Refusal> {
        let mut floating = state.floating_ips.get(id).ok_or_else(|| Self::missing(id))?.clone();
        rename(&mut floating.standard, &item);
        if item.contains_key("qos_policy_id") {
            super::networks::qos_exists(state, &item)?;
            floating.qos_policy_id = text_or_null(&item, "qos_policy_id");
        }
        let says = item.contains_key("port_id") || item.contains_key("fixed_ip_address");
        if says || floating.port_id.is_some() {
            if !floating.port_forwardings.is_empty() && text_or_null(&item, "port_id").is_some() {
                return Err(bad(&format!(
                    "Floating IP {id} cannot be associated: it has port forwardings"
                )));
            }
            associate(state, change, &mut floating, &item)?;
        }
        floating.standard.touch(change.now);
        state.put_floating_ip(floating);
        Ok(())
    }

    fn delete(state: &mut Network, _change: &mut Change<'_>, id: &str) -> Result<(), Refusal> {
        let floating = state.take_floating_ip(id).ok_or_else(|| Self::missing(id))?;
        state.take_port(&floating.own_port_id);
        Ok(())
    }
}

fn bad(text: &str) -> Refusal {
    Refusal::wrong("BadRequest", format!("Bad floatingip request: {text}."))
}

/// The port on the external network that holds the address.
fn own_port(
    state: &mut Network,
    change: &Change<'_>,
    network: &str,
    item: &Map<String, Value>,
    device: &str,
) -> Result<Port, Refusal> {
    let mac = new_mac(state, &change.world.ids, network);
    let tenant = Tenant { network, mac: &mac, device_owner: OWNER };
    let address = text_or_null(item, "floating_ip_address").and_then(|it| it.parse().ok());
    let subnet = text_or_null(item, "subnet_id");
    let wish = (address.is_some() || subnet.is_some()).then_some(Wish { subnet, address });
    let wishes = wish.map(|wish| vec![wish]);
    let fixed_ips =
        state.allocate(tenant, wishes.as_deref()).map_err(|error| no_address(error, network))?;
    let mut standard = change.standard("");
    standard.revision = 2;
    let mut port = plain_port(standard, network, mac);
    device.clone_into(&mut port.device_id);
    OWNER.clone_into(&mut port.device_owner);
    port.secured = false;
    port.fixed_ips = fixed_ips;
    Ok(port)
}

/// Lets a floating IP lead where the body says, or nowhere.
fn associate(
    state: &mut Network,
    change: &Change<'_>,
    floating: &mut FloatingIp,
    item: &Map<String, Value>,
) -> Result<(), Refusal> {
    let wanted = text_or_null(item, "fixed_ip_address");
    let port_id = match item.get("port_id") {
        Some(_) => text_or_null(item, "port_id"),
        None => floating.port_id.clone(),
    };
    let Some(port_id) = port_id else {
        if wanted.is_some() {
            return Err(bad("fixed_ip_address cannot be specified without a port_id"));
        }
        floating.port_id = None;
        floating.fixed_ip_address = None;
        floating.router_id = None;
        state.index.turning.insert(floating.standard.id.clone());
        return Ok(());
    };
    let port = find::<Port>(state, change.caller(), &port_id)?;
    let target = target(port, wanted.as_deref())?;
    let router = router_to(state, &target, &floating.floating_network_id, &port_id)?;
    let other = state.floating_ips_of(&port_id).find(|it| {
        it.standard.id != floating.standard.id
            && it.port_id.as_ref() == Some(&port_id)
            && it.fixed_ip_address == Some(target.ip_address)
            && it.floating_network_id == floating.floating_network_id
    });
    if other.is_some() {
        return Err(Refusal::conflict(
            "FloatingIPPortAlreadyAssociated",
            format!(
                "Cannot associate floating IP {} ({}) with port {port_id} using fixed IP {}, as \
                 that fixed IP already has a floating IP on external network {}.",
                floating.address,
                floating.standard.id,
                target.ip_address,
                floating.floating_network_id
            ),
        ));
    }
    floating.port_id = Some(port_id);
    floating.fixed_ip_address = Some(target.ip_address);
    floating.router_id = Some(router);
    state.index.turning.insert(floating.standard.id.clone());
    Ok(())
}

/// The address of a port that a floating IP leads to.
fn target(port: &Port, wanted: Option<&str>) -> Result<FixedIp, Refusal> {
    let id = &port.standard.id;
    let mut candidates = port.fixed_ips.iter().filter(|it| it.ip_address.is_ipv4());
    if let Some(wanted) = wanted {
        let found = port.fixed_ips.iter().find(|it| it.ip_address.to_string() == wanted);
        return found
            .cloned()
            .ok_or_else(|| bad(&format!("Port {id} does not have fixed ip {wanted}")));
    }
    let first = candidates.next().cloned().ok_or_else(|| {
        bad(&format!("Cannot add floating IP to port {id} that has no fixed IPv4 addresses"))
    })?;
    if candidates.next().is_some() {
        return Err(bad(&format!(
            "Port {id} has multiple fixed IPv4 addresses.  Must provide a specific IPv4 address \
             when assigning a floating IP"
        )));
    }
    Ok(first)
}

/// The router between a subnet and an external network.
fn router_to(
    state: &Network,
    target: &FixedIp,
    external: &str,
    port: &str,
) -> Result<String, Refusal> {
    let network = state.subnets.get(&target.subnet_id).map(|it| it.network_id.as_str());
    let interfaces = state.ports_of_owner(network.unwrap_or_default(), "network:router_interface");
    let mut interfaces = interfaces
        .filter(|it| it.fixed_ips.iter().any(|fixed| fixed.subnet_id == target.subnet_id));
    let router = interfaces.find(|it| {
        let router = state.routers.get(&it.device_id);
        let gateway = router.and_then(|router| router.gateway.as_ref());
        gateway.is_some_and(|gateway| gateway.network_id == external)
    });
    router.map(|it| it.device_id.clone()).ok_or_else(|| {
        Refusal::missing(
            "ExternalGatewayForFloatingIPNotFound",
            format!(
                "External network {external} is not reachable from subnet {}.  Therefore, cannot \
                 associate Port {port} with a Floating IP.",
                target.subnet_id
            ),
        )
    })
}

impl Network {
    /// A port is gone: nothing leads to it any more.
    pub(crate) fn disassociate(&mut self, port: &str, now: Timestamp) {
        let leading: Vec<FloatingIp> = self.floating_ips_of(port).cloned().collect();
        for mut floating in leading {
            floating.port_forwardings.retain(|it| it.internal_port_id != port);
            if floating.port_id.as_deref() == Some(port) {
                self.lead_nowhere(floating, now);
            } else {
                self.put_floating_ip(floating);
            }
        }
    }

    /// A port has lost addresses: nothing leads to them any more.
    pub(crate) fn lose_addresses(
        &mut self,
        port: &str,
        before: &[FixedIp],
        after: &[FixedIp],
        now: Timestamp,
    ) {
        let lost: Vec<IpAddr> =
            before.iter().filter(|it| !after.contains(it)).map(|it| it.ip_address).collect();
        let leads = |it: &&FloatingIp| {
            it.port_id.as_deref() == Some(port)
                && it.fixed_ip_address.is_some_and(|it| lost.contains(&it))
        };
        let leading: Vec<FloatingIp> = self.floating_ips_of(port).filter(leads).cloned().collect();
        for floating in leading {
            self.lead_nowhere(floating, now);
        }
    }

    /// A floating IP leads nowhere from now on; its state follows.
    fn lead_nowhere(&mut self, mut floating: FloatingIp, now: Timestamp) {
        floating.port_id = None;
        floating.fixed_ip_address = None;
        floating.router_id = None;
        floating.standard.touch(now);
        self.index.turning.insert(floating.standard.id.clone());
        self.put_floating_ip(floating);
    }
}

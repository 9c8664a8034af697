//! Ports.

mod addressing;
mod security;

use serde_json::{Map, Value, json};

use self::addressing::{check_fixed_ips, readdress};
pub(crate) use self::addressing::{no_address, read_wishes};
use self::security::{apply_security, check_groups};
use super::access::Change;
use super::allocate::Tenant;
use super::attribute::Otherwise::{Empty, Null, Required, Text, True, Unset};
use super::attribute::{Attribute, Check, Kind, attribute, python};
use super::model::{Net, Network, Port, Standard};
use super::plug::new_mac;
use super::refusal::Refusal;
use super::resource::{Resource, find, owns, rename, stored, text, text_or_null, truth};
use super::security_groups::default_group;
use super::seed::plain_port;
use crate::keystone::caller::Caller;

/// The kinds of network cards.
const VNIC_TYPES: &[&str] = &[
    "normal",
    "direct",
    "macvtap",
    "baremetal",
    "direct-physical",
    "virtio-forwarder",
    "smart-nic",
    "vdpa",
    "accelerator-direct",
    "accelerator-direct-physical",
    "remote-managed",
];

/// The domain of the names that hosts get.
const DOMAIN: &str = "testbed.internal.";

impl Resource for Port {
    const KIND: Kind = Kind { one: "port", many: "ports" };
    const PATH: &'static str = "ports";
    const ATTRIBUTES: &'static [Attribute] = &[
        attribute("name", "PUFS", Empty, Check::Text(255)),
        attribute("network_id", "PFS", Required, Check::Uuid),
        attribute("admin_state_up", "PUFS", True, Check::Bool),
        attribute("mac_address", "PUFSEN", Unset, Check::Mac),
        attribute("fixed_ips", "PUFEN", Unset, Check::By(check_fixed_ips)),
        attribute("device_id", "PUFS", Empty, Check::Text(255)),
        attribute("device_owner", "PUFSEN", Empty, Check::Text(255)),
        attribute("status", "FS", Unset, Check::Any),
        attribute("description", "PUF", Empty, Check::Text(255)),
        attribute("allowed_address_pairs", "PUEN", Unset, Check::Any),
        attribute("extra_dhcp_opts", "PU", Null, Check::List),
        attribute("security_groups", "PUF", Unset, Check::By(check_groups)),
        attribute("binding:vif_type", "", Unset, Check::Any),
        attribute("binding:vif_details", "", Unset, Check::Any),
        attribute("binding:vnic_type", "PUE", Text("normal"), Check::Words(VNIC_TYPES)),
        attribute("binding:host_id", "PUFEA", Unset, Check::Any),
        attribute("binding:profile", "PUEA", Unset, Check::Any),
        attribute("port_security_enabled", "PUEN", Unset, Check::Bool),
        attribute("qos_policy_id", "PUE", Null, Check::UuidOrNull),
        attribute("qos_network_policy_id", "", Unset, Check::Any),
        attribute("dns_name", "PU", Empty, Check::Text(255)),
        attribute("dns_domain", "PU", Empty, Check::Text(255)),
        attribute("dns_assignment", "", Unset, Check::Any),
        attribute("ip_allocation", "FS", Unset, Check::Any),
        attribute("resource_request", "", Unset, Check::Any),
    ];
    const FIELDS: (&'static [&'static str], &'static [&'static str]) = (
        &[
            "id",
            "name",
            "network_id",
            "tenant_id",
            "mac_address",
            "admin_state_up",
            "status",
            "device_id",
            "device_owner",
            "fixed_ips",
            "allowed_address_pairs",
            "extra_dhcp_opts",
            "security_groups",
            "description",
            "binding:vnic_type",
            "port_security_enabled",
            "qos_policy_id",
            "qos_network_policy_id",
            "dns_name",
            "dns_assignment",
            "ip_allocation",
            "tags",
            "created_at",
            "updated_at",
            "revision_number",
            "project_id",
        ],
        &[
            "binding:profile",
            "binding:host_id",
            "binding:vif_type",
            "binding:vif_details",
            "resource_request",
        ],
    );
    const QUOTA: Option<&'static str> = Some("port");
    const LATE: &'static [&'static str] = &["binding:vnic_type", "binding:profile"];

    stored!(ports);

    fn is_open(&self, state: &Network, caller: &Caller) -> bool {
        let net = state.networks.get(&self.network_id);
        net.is_some_and(|net| caller.project() == Some(net.standard.project_id.as_str()))
    }

    fn show(&self, state: &Network, _caller: &Caller, name: &str) -> Value {
        let bound = !self.host.is_empty();
        let failed = bound && !self.is_bindable(state);
        match name {
            "network_id" => json!(self.network_id),
            "mac_address" => json!(self.mac_address),
            "admin_state_up" => json!(self.admin_state_up),
            "status" => json!(self.status()),
            "device_id" => json!(self.device_id),
            "device_owner" => json!(self.device_owner),
            "fixed_ips" => json!(self.fixed_ips),
            "allowed_address_pairs" => json!(self.allowed_address_pairs),
            "extra_dhcp_opts" => json!(self.extra_dhcp_opts),
            "security_groups" => json!(self.security_groups),
            "binding:vnic_type" => json!(self.vnic_type),
            "port_security_enabled" => json!(self.secured),
            "qos_policy_id" => json!(self.qos_policy_id),
            "qos_network_policy_id" => {
                json!(state.networks.get(&self.network_id).and_then(|it| it.qos_policy_id.clone()))
            }
            "dns_name" => json!(self.dns_name),
            "dns_assignment" => self.names(),
            "ip_allocation" => json!(if self.addressless { "none" } else { "immediate" }),
            "binding:profile" => json!(self.profile),
            "binding:host_id" => json!(self.host),
            "binding:vif_type" => json!(self.vif_type(state)),
            "binding:vif_details" if bound && !failed => json!({
                "port_filter": true, "connectivity": "l2", "bound_drivers": {"0": "ovn"},
            }),
            "binding:vif_details" => json!({}),
            _ => Value::Null,
        }
    }

    fn missing(id: &str) -> Refusal {
        Refusal::missing("PortNotFound", format!("Port {id} could not be found."))
    }

    fn may_set(
        state: &Network,
        caller: &Caller,
        attribute: &Attribute,
        item: &Map<String, Value>,
        create: bool,
    ) -> bool {
        if caller.is_admin() || !(attribute.is('A') || attribute.is('N')) {
            return true;
        }
        if attribute.is('A') || attribute.name == "mac_address" && !create {
            return false;
        }
        let network = text(item, "network_id");
        let net = state.networks.get(&network);
        let keeps = net.is_none_or(|net| owns(caller, &net.standard.project_id));
        match attribute.name {
            "device_owner" => keeps || !text(item, "device_owner").starts_with("network:"),
            "fixed_ips" => {
                let addresses = item.get("fixed_ips").and_then(Value::as_array);
                let named =
                    addresses.into_iter().flatten().any(|it| it.get("ip_address").is_some());
                keeps || state.is_shared(&network, caller.project()) && !named
            }
            _ => keeps,
        }
    }

    fn matches(&self, _state: &Network, name: &str, value: &str) -> Option<bool> {
        match name {
            "fixed_ips" => {
                let (part, wanted) = value.split_once('=')?;
                Some(self.fixed_ips.iter().any(|fixed| match part {
                    "ip_address" => fixed.ip_address.to_string() == wanted,
                    "subnet_id" => fixed.subnet_id == wanted,
                    "ip_address_substr" => fixed.ip_address.to_string().contains(wanted),
                    _ => false,
                }))
            }
            "security_groups" => Some(self.security_groups.iter().any(|it| it == value)),
            _ => None,
        }
    }

    fn create(
        state: &mut Network,
        change: &mut Change<'_>,
        item: Map<String, Value>,
    ) -> Result<String, Refusal> {
        let caller = change.caller();
        let network = text(&item, "network_id");
        let net = find::<Net>(state, caller, &network)?;
        let net_secured = net.secured;
        super::networks::qos_exists(state, &item)?;
        let project = text(&item, "project_id");
        let mac = match text_or_null(&item, "mac_address") {
            Some(mac) if state.index.has_mac(&network, &mac.to_lowercase()) => {
                return Err(mac_in_use(&network, &mac));
            }
            Some(mac) => mac.to_lowercase(),
            None => new_mac(state, &change.world.ids, &network),
        };
        let mut port = plain_port(change.standard(&project), &network, mac);
        port.standard.revision = 1;
        port.secured = net_secured;
        let is_of_network = text(&item, "device_owner").starts_with("network:");
        if is_of_network {
            port.secured = false;
        }
        let default = default_group(state, &change.world.ids, &project, change.now);
        apply(state, change, &mut port, &item, Some(default))?;
        let wishes = item.get("fixed_ips").map(read_wishes).transpose()?;
        let tenant =
            Tenant { network: &network, mac: &port.mac_address, device_owner: &port.device_owner };
        port.fixed_ips = state
            .allocate(tenant, wishes.as_deref())
            .map_err(|error| no_address(error, &network))?;
        port.addressless = wishes.is_some_and(|wishes| wishes.is_empty());
        let id = port.standard.id.clone();
        state.put_port(port);
        Ok(id)
    }

    fn update(
        state: &mut Network,
        change: &mut Change<'_>,
        id: &str,
        item: Map<String, Value>,
    ) -> Result<(), Refusal> {
        let mut port = state.ports.get(id).ok_or_else(|| Self::missing(id))?.clone();
        super::networks::qos_exists(state, &item)?;
        if let Some(mac) = text_or_null(&item, "mac_address").map(|mac| mac.to_lowercase())
            && mac != port.mac_address
        {
            if state.index.has_mac(&port.network_id, &mac) {
                return Err(mac_in_use(&port.network_id, &mac));
            }
            port.mac_address = mac;
        }
        let before = port.fixed_ips.clone();
        apply(state, change, &mut port, &item, None)?;
        if let Some(wishes) = item.get("fixed_ips") {
            port.fixed_ips = readdress(state, &port, &read_wishes(wishes)?)?;
        }
        port.standard.touch(change.now);
        let after = port.fixed_ips.clone();
        // The index takes the old addresses back and counts the new ones.
        state.put_port(port);
        state.lose_addresses(id, &before, &after, change.now);
        Ok(())
    }

    fn undo(state: &mut Network, _change: &mut Change<'_>, id: &str) {
        // Also one that claims to be of a router, which could not be deleted.
        state.take_port(id);
    }

    fn delete(state: &mut Network, change: &mut Change<'_>, id: &str) -> Result<(), Refusal> {
        let port = state.ports.get(id).ok_or_else(|| Self::missing(id))?;
        if let Some(reason) = kept_by(state, port) {
            return Err(Refusal::conflict(
                "ServicePortInUse",
                format!("Port {id} cannot be deleted directly via the port API: {reason}."),
            ));
        }
        state.take_port(id);
        state.disassociate(id, change.now);
        Ok(())
    }
}

/// Why a port can only go with what it belongs to.
fn kept_by(state: &Network, port: &Port) -> Option<String> {
    let owner = port.device_owner.as_str();
    let router = matches!(owner, "network:router_interface" | "network:router_gateway")
        && state.routers.contains_key(&port.device_id);
    let floating =
        owner == "network:floatingip" && state.floating_ips.contains_key(&port.device_id);
    (router || floating).then(|| format!("has device owner {owner}"))
}

impl Port {
    /// Whether there is a host of this name; Nova's are.
    fn is_bindable(&self, state: &Network) -> bool {
        self.device_owner.starts_with("compute:")
            || state.agents.values().any(|agent| agent.host == self.host)
    }

    fn vif_type(&self, state: &Network) -> &'static str {
        match (self.host.is_empty(), self.is_bindable(state)) {
            (true, _) => "unbound",
            (false, true) => "ovs",
            (false, false) => "binding_failed",
        }
    }

    /// Whether the link is up; ports that stand for an address only have none.
    pub(crate) fn status(&self) -> &'static str {
        match (self.device_owner.as_str(), self.active && self.admin_state_up) {
            ("network:floatingip", _) => "N/A",
            (_, true) => "ACTIVE",
            (_, false) => "DOWN",
        }
    }

    /// What notifications say of a port that nobody asked Neutron for.
    pub(crate) fn summary(&self) -> Value {
        json!({
            "id": self.standard.id,
            "name": self.standard.name,
            "project_id": self.standard.project_id,
            "tenant_id": self.standard.project_id,
            "network_id": self.network_id,
            "mac_address": self.mac_address,
            "admin_state_up": self.admin_state_up,
            "status": self.status(),
            "device_id": self.device_id,
            "device_owner": self.device_owner,
            "fixed_ips": self.fixed_ips,
            "security_groups": self.security_groups,
            "binding:host_id": self.host,
        })
    }

    /// The names under which the port's addresses are known.
    fn names(&self) -> Value {
        let named = self.fixed_ips.iter().map(|fixed| {
            let host = if self.dns_name.is_empty() {
                format!("host-{}", fixed.ip_address.to_string().replace(['.', ':'], "-"))
            } else {
                self.dns_name.clone()
            };
            json!({
                "ip_address": fixed.ip_address,
                "fqdn": format!("{host}.{DOMAIN}"),
                "hostname": host,
            })
        });
        Value::Array(named.collect())
    }
}

fn mac_in_use(network: &str, mac: &str) -> Refusal {
    Refusal::conflict(
        "MacAddressInUse",
        format!(
            "Unable to complete operation for network {network}. The mac address {mac} is in use."
        ),
    )
}

/// Takes over what a body says, addresses and MAC aside.
fn apply(
    state: &mut Network,
    change: &Change<'_>,
    port: &mut Port,
    item: &Map<String, Value>,
    default_group: Option<String>,
) -> Result<(), Refusal> {
    rename(&mut port.standard, item);
    for (name, place) in [
        ("device_id", &mut port.device_id),
        ("device_owner", &mut port.device_owner),
        ("binding:vnic_type", &mut port.vnic_type),
        ("dns_name", &mut port.dns_name),
    ] {
        if item.contains_key(name) {
            *place = text(item, name);
        }
    }
    if item.contains_key("admin_state_up") {
        port.admin_state_up = truth(item, "admin_state_up");
    }
    if item.contains_key("qos_policy_id") {
        port.qos_policy_id = text_or_null(item, "qos_policy_id");
    }
    if item.contains_key("binding:host_id") {
        port.host = text(item, "binding:host_id");
        let bound = !port.host.is_empty() && port.is_bindable(state);
        port.active_at = (bound && !port.active).then_some(change.now);
        port.active &= bound;
    }
    if let Some(profile) = item.get("binding:profile") {
        port.profile = profile.as_object().cloned().unwrap_or_default();
    }
    if let Some(options) = item.get("extra_dhcp_opts").and_then(Value::as_array) {
        port.extra_dhcp_opts = read_options(options)?;
    }
    if item.get("port_security_enabled").is_some_and(|it| !it.is_null()) {
        port.secured = truth(item, "port_security_enabled");
    }
    apply_security(state, change.caller(), port, item, default_group)
}

fn read_options(options: &[Value]) -> Result<Vec<Value>, Refusal> {
    let mut read = Vec::new();
    for option in options {
        let (Some(name), Some(value)) = (option.get("opt_name"), option.get("opt_value")) else {
            let text = format!("No valid key specs matched for: {}", python(option));
            return Err(Refusal::input(&text));
        };
        if value.is_null() {
            continue;
        }
        let version = option.get("ip_version").cloned().unwrap_or_else(|| json!(4));
        read.push(json!({"opt_name": name, "opt_value": value, "ip_version": version}));
    }
    Ok(read)
}

//! Networks.

use serde_json::{Map, Value, json};

use super::access::Change;
use super::attribute::Otherwise::{Empty, EmptyList, False, Null, True, Unset, Zero};
use super::attribute::{Attribute, Check, Kind, attribute};
use super::model::{Net, Network, Provider, RbacPolicy, Standard};
use super::plug::new_mac;
use super::refusal::Refusal;
use super::resource::{Resource, rename, stored, text, text_or_null, truth};
use super::seed::{plain_network, plain_port};
use crate::keystone::caller::Caller;

/// The overhead of Geneve, which a network of its own loses of the physical MTU.
const GENEVE: i64 = 58;
/// The numbers a VLAN may have.
const VLANS: std::ops::RangeInclusive<u32> = 1..=4094;
/// The physical MTU.
const PHYSICAL: i64 = 1500;

impl Resource for Net {
    const KIND: Kind = Kind { one: "network", many: "networks" };
    const PATH: &'static str = "networks";
    const ATTRIBUTES: &'static [Attribute] = &[
        attribute("name", "PUFS", Empty, Check::Text(255)),
        attribute("subnets", "", Unset, Check::Any),
        attribute("admin_state_up", "PUFS", True, Check::Bool),
        attribute("status", "FS", Unset, Check::Any),
        attribute("shared", "PUFEA", False, Check::Bool),
        attribute("router:external", "PUFEA", False, Check::Bool),
        attribute("provider:network_type", "PUFEA", Unset, Check::Text(32)),
        attribute("provider:physical_network", "PUFEA", Unset, Check::Text(64)),
        attribute("provider:segmentation_id", "PUFEA", Unset, Check::Int),
        attribute("description", "PUF", Empty, Check::Text(255)),
        attribute("mtu", "PUFSE", Zero, Check::Natural),
        attribute("port_security_enabled", "PUE", True, Check::Bool),
        attribute("qos_policy_id", "PUE", Null, Check::UuidOrNull),
        attribute("dns_domain", "PU", Empty, Check::Text(255)),
        attribute("is_default", "PUFEA", False, Check::Bool),
        attribute("availability_zone_hints", "PS", EmptyList, Check::List),
        attribute("availability_zones", "", Unset, Check::Any),
        attribute("ipv4_address_scope", "", Unset, Check::Any),
        attribute("ipv6_address_scope", "", Unset, Check::Any),
        attribute("l2_adjacency", "", Unset, Check::Any),
    ];
    const FIELDS: (&'static [&'static str], &'static [&'static str]) = (
        &[
            "id",
            "name",
            "tenant_id",
            "admin_state_up",
            "mtu",
            "status",
            "subnets",
            "shared",
            "availability_zone_hints",
            "availability_zones",
            "ipv4_address_scope",
            "ipv6_address_scope",
            "router:external",
            "description",
            "port_security_enabled",
            "qos_policy_id",
            "dns_domain",
            "l2_adjacency",
            "is_default",
            "tags",
            "created_at",
            "updated_at",
            "revision_number",
            "project_id",
        ],
        &["provider:network_type", "provider:physical_network", "provider:segmentation_id"],
    );
    const QUOTA: Option<&'static str> = Some("network");
    const ON_CREATION: &'static [&'static str] = &["is_default"];

    stored!(networks);

    fn has(&self, name: &str) -> bool {
        name != "is_default" || self.external
    }

    fn is_open(&self, state: &Network, caller: &Caller) -> bool {
        let id = &self.standard.id;
        state.is_shared(id, caller.project())
            || state.grants(id, "access_as_external", caller.project())
    }

    fn show(&self, state: &Network, caller: &Caller, name: &str) -> Value {
        match name {
            "admin_state_up" => json!(self.admin_state_up),
            "mtu" => json!(self.mtu),
            "status" => json!("ACTIVE"),
            "subnets" => {
                let subnets = state.index.subnets_of(&self.standard.id);
                json!(subnets.collect::<Vec<_>>())
            }
            "shared" => json!(state.is_shared(&self.standard.id, caller.project())),
            "availability_zone_hints" => json!(self.availability_zone_hints),
            "availability_zones" => json!([]),
            "ipv4_address_scope" | "ipv6_address_scope" => {
                let version = if name == "ipv4_address_scope" { 4 } else { 6 };
                json!(state.scope_of(&self.standard.id, version))
            }
            "router:external" => json!(self.external),
            "port_security_enabled" => json!(self.secured),
            "qos_policy_id" => json!(self.qos_policy_id),
            "dns_domain" => json!(self.dns_domain),
            "l2_adjacency" => json!(true),
            "is_default" => json!(self.is_default),
            "provider:network_type" => json!(self.provider.network_type),
            "provider:physical_network" => json!(self.provider.physical_network),
            "provider:segmentation_id" => json!(self.provider.segmentation_id),
            _ => Value::Null,
        }
    }

    fn missing(id: &str) -> Refusal {
        Refusal::missing("NetworkNotFound", format!("Network {id} could not be found."))
    }

    fn create(
        state: &mut Network,
        change: &mut Change<'_>,
        item: Map<String, Value>,
    ) -> Result<String, Refusal> {
        let project = text(&item, "project_id");
        let provider = provider(state, &item)?;
        let mut net = plain_network(change.standard(&project), provider);
        net.mtu = mtu(&net.provider, &item)?;
        net.standard.revision = 1;
        net.admin_state_up = truth(&item, "admin_state_up");
        net.availability_zone_hints = zones(&item)?;
        apply(&mut net, &item);
        qos_exists(state, &item)?;
        let id = net.standard.id.clone();
        if truth(&item, "shared") {
            share(state, change, &project, &id, "access_as_shared");
        }
        if net.external {
            share(state, change, &project, &id, "access_as_external");
        }
        let mut metadata = change.standard(&project);
        metadata.revision = 1;
        let mac = new_mac(state, &change.world.ids, &id);
        let mut metadata = plain_port(metadata, &id, mac);
        metadata.device_id = format!("ovnmeta-{id}");
        "network:distributed".clone_into(&mut metadata.device_owner);
        metadata.secured = false;
        state.put_network(net);
        state.put_port(metadata);
        Ok(id)
    }

    fn update(
        state: &mut Network,
        change: &mut Change<'_>,
        id: &str,
        item: Map<String, Value>,
    ) -> Result<(), Refusal> {
        let net = state.networks.get(id).ok_or_else(|| Self::missing(id))?;
        let segment = item.get("provider:segmentation_id").and_then(Value::as_u64);
        if net.provider.network_type == "vlan"
            && segment.is_some_and(|it| !u32::try_from(it).is_ok_and(|it| VLANS.contains(&it)))
        {
            return Err(out_of_range());
        }
        if ["provider:network_type", "provider:physical_network", "provider:segmentation_id"]
            .iter()
            .any(|name| item.get(*name).is_some_and(|it| !it.is_null()))
        {
            return Err(Refusal::input("Plugin does not support updating provider attributes"));
        }
        let project = net.standard.project_id.clone();
        if let Some(size) = item.get("mtu").and_then(Value::as_i64) {
            check_mtu(&net.provider, size)?;
        }
        qos_exists(state, &item)?;
        let external = item.get("router:external").and_then(Value::as_bool);
        if external == Some(false) && net.external && has_floating_ips(state, id) {
            let text = format!(
                "External network {id} cannot be updated to be made non-external, since it has \
                 existing gateway ports"
            );
            return Err(Refusal::conflict("ExternalNetworkInUse", format!("{text}.")));
        }
        for (name, action) in
            [("shared", "access_as_shared"), ("router:external", "access_as_external")]
        {
            match item.get(name).and_then(Value::as_bool) {
                Some(true) if !state.grants(id, action, None) => {
                    share(state, change, &project, id, action);
                }
                Some(false) => unshare(state, id, action)?,
                _ => {}
            }
        }
        if let Some(net) = state.networks.get_mut(id) {
            if item.contains_key("admin_state_up") {
                net.admin_state_up = truth(&item, "admin_state_up");
            }
            if let Some(size) = item.get("mtu").and_then(Value::as_u64) {
                net.mtu = u32::try_from(size).unwrap_or(net.mtu);
            }
            apply(net, &item);
            net.standard.touch(change.now);
        }
        Ok(())
    }

    fn delete(state: &mut Network, _change: &mut Change<'_>, id: &str) -> Result<(), Refusal> {
        let in_use: Vec<&str> = state
            .ports_of_network(id)
            .filter(|port| port.device_owner != "network:distributed")
            .map(|port| port.standard.id.as_str())
            .collect();
        if !in_use.is_empty() {
            return Err(Refusal::conflict(
                "NetworkInUse",
                format!(
                    "Unable to complete operation on network {id}. There are one or more ports \
                     still in use on the network, id for these ports is: {}.",
                    in_use.join(",")
                ),
            ));
        }
        let subnets: Vec<String> = state.index.subnets_of(id).map(str::to_owned).collect();
        for subnet in subnets {
            state.take_subnet(&subnet);
        }
        let ports: Vec<String> = state.index.ports_of_network(id).map(str::to_owned).collect();
        for port in ports {
            state.take_port(&port);
        }
        let policies: Vec<String> = state.index.policies_of(id).map(str::to_owned).collect();
        for policy in policies {
            state.take_policy(&policy);
        }
        state.take_network(id);
        Ok(())
    }
}

/// Takes over what may be said at any time.
fn apply(net: &mut Net, item: &Map<String, Value>) {
    rename(&mut net.standard, item);
    if item.contains_key("port_security_enabled") {
        net.secured = truth(item, "port_security_enabled");
    }
    if item.contains_key("qos_policy_id") {
        net.qos_policy_id = text_or_null(item, "qos_policy_id");
    }
    if item.contains_key("dns_domain") {
        net.dns_domain = text(item, "dns_domain").to_lowercase();
    }
    if item.contains_key("router:external") {
        net.external = truth(item, "router:external");
    }
    if item.contains_key("is_default") {
        net.is_default = truth(item, "is_default");
    }
}

fn has_floating_ips(state: &Network, network: &str) -> bool {
    ["network:router_gateway", "network:floatingip"]
        .iter()
        .any(|owner| state.ports_of_owner(network, owner).next().is_some())
}

/// Refuses a `QoS` policy that is not there.
pub(crate) fn qos_exists(state: &Network, item: &Map<String, Value>) -> Result<(), Refusal> {
    match text_or_null(item, "qos_policy_id") {
        Some(id) if !state.qos_policies.contains_key(&id) => Err(Refusal::missing(
            "QosPolicyNotFound",
            format!("QoS policy {id} could not be found."),
        )),
        _ => Ok(()),
    }
}

/// The zones a resource shall be in; none exist where OVN has no gateways with zones.
pub(crate) fn zones(item: &Map<String, Value>) -> Result<Vec<String>, Refusal> {
    let hints: Vec<String> = item
        .get("availability_zone_hints")
        .and_then(Value::as_array)
        .map(|list| list.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        .unwrap_or_default();
    match hints.first() {
        None => Ok(hints),
        Some(zone) => Err(Refusal::missing(
            "AvailabilityZoneNotFound",
            format!("AvailabilityZone {zone} could not be found."),
        )),
    }
}

fn share(state: &mut Network, change: &Change<'_>, project: &str, id: &str, action: &str) {
    state.put_policy(RbacPolicy {
        standard: change.standard(project),
        object_type: "network".to_owned(),
        object_id: id.to_owned(),
        action: action.to_owned(),
        target: "*".to_owned(),
    });
}

/// Takes back what everybody may do, unless others already use it.
fn unshare(state: &mut Network, id: &str, action: &str) -> Result<(), Refusal> {
    let found = state.index.policies_of(id).find(|policy| {
        state.rbac_policies.get(*policy).is_some_and(|it| it.action == action && it.target == "*")
    });
    let Some(policy) = found.map(str::to_owned) else { return Ok(()) };
    if action == "access_as_shared" {
        super::rbac::unused_by_others(state, id, "*")?;
    }
    state.take_policy(&policy);
    Ok(())
}

/// Where the frames travel: as an administrator says, or in a segment of its own.
fn provider(state: &mut Network, item: &Map<String, Value>) -> Result<Provider, Refusal> {
    let kind = text_or_null(item, "provider:network_type");
    let physical = text_or_null(item, "provider:physical_network");
    let segment = item.get("provider:segmentation_id").and_then(Value::as_u64);
    let segment = segment.and_then(|it| u32::try_from(it).ok());
    let Some(kind) = kind else {
        if physical.is_some() || segment.is_some() {
            return Err(Refusal::input("network_type required"));
        }
        return Ok(own_segment(state));
    };
    let taken = |wanted: &Provider| state.networks.values().any(|it| it.provider == *wanted);
    let provider = Provider {
        network_type: kind.clone(),
        physical_network: physical.clone(),
        segmentation_id: segment,
    };
    match kind.as_str() {
        "geneve" if segment.is_none() => Ok(own_segment(state)),
        "geneve" if taken(&provider) => Err(Refusal::conflict(
            "TunnelIdInUse",
            format!(
                "Unable to create the network. The tunnel ID {} is in use.",
                segment.unwrap_or_default()
            ),
        )),
        "flat" if physical.is_none() => {
            Err(Refusal::input("physical_network required for flat provider network"))
        }
        "flat" if segment.is_some() => {
            Err(Refusal::input("segmentation_id prohibited for flat provider network"))
        }
        "flat" if taken(&provider) => Err(Refusal::conflict(
            "FlatNetworkInUse",
            format!(
                "Unable to create the flat network. Physical network {} is in use.",
                physical.unwrap_or_default()
            ),
        )),
        "vlan" if segment.is_some_and(|it| !VLANS.contains(&it)) => Err(out_of_range()),
        "vlan" if taken(&provider) => Err(Refusal::conflict(
            "VlanIdInUse",
            format!(
                "Unable to create the network. The VLAN {} on physical network {} is in use.",
                segment.unwrap_or_default(),
                physical.unwrap_or_default()
            ),
        )),
        "vlan" if physical.as_deref() != Some("physnet1") => Err(Refusal::input(&format!(
            "physical_network '{}' unknown for VLAN provider network",
            physical.unwrap_or_default()
        ))),
        "geneve" | "flat" | "vlan" | "local" => Ok(provider),
        _ => Err(Refusal::input(&format!("network_type value '{kind}' not supported"))),
    }
}

fn out_of_range() -> Refusal {
    Refusal::input("segmentation_id out of range (1 through 4094)")
}

fn own_segment(state: &mut Network) -> Provider {
    state.segments += 1;
    Provider {
        network_type: "geneve".to_owned(),
        physical_network: None,
        segmentation_id: Some(state.segments),
    }
}

fn largest(provider: &Provider) -> i64 {
    if provider.network_type == "geneve" { PHYSICAL - GENEVE } else { PHYSICAL }
}

fn check_mtu(provider: &Provider, size: i64) -> Result<(), Refusal> {
    let most = largest(provider);
    if size > most {
        return Err(Refusal::input(&format!("Requested MTU is too big, maximum is {most}")));
    }
    Ok(())
}

fn mtu(provider: &Provider, item: &Map<String, Value>) -> Result<u32, Refusal> {
    let wanted = item.get("mtu").and_then(Value::as_i64).unwrap_or(0);
    check_mtu(provider, wanted)?;
    let size = if wanted == 0 { largest(provider) } else { wanted };
    Ok(u32::try_from(size).unwrap_or(0))
}

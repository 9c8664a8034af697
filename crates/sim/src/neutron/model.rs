//! What Neutron knows, as plain data, and the transitions that time brings.
//!
//! Only facts are kept. What follows from them (whether a network is shared, which rules a group has)
//! is worked out where it is shown; what would be slow to work out is in [`Index`], which is derived
//! and never written to a file.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use lotse_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::address::{Cidr, Pool};
use super::index::Index;
use super::seed::{self, Generate};
use crate::seed::{Keyed, keyed};

pub(crate) const fn yes() -> bool {
    true
}

/// What everything in Neutron has.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Standard {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) project_id: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) tags: BTreeSet<String>,
    #[serde(default)]
    pub(crate) created_at: Timestamp,
    #[serde(default)]
    pub(crate) updated_at: Timestamp,
    #[serde(default)]
    pub(crate) revision: u64,
}

impl Standard {
    /// Notes a change.
    pub(crate) fn touch(&mut self, now: Timestamp) {
        self.revision += 1;
        self.updated_at = now;
    }
}

/// Where the frames of a network travel.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq, Eq)]
pub(crate) struct Provider {
    /// `geneve`, `flat`, `vlan`, `local`.
    pub(crate) network_type: String,
    #[serde(default)]
    pub(crate) physical_network: Option<String>,
    #[serde(default)]
    pub(crate) segmentation_id: Option<u32>,
}

/// A network.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Net {
    #[serde(flatten)]
    pub(crate) standard: Standard,
    #[serde(default = "yes")]
    pub(crate) admin_state_up: bool,
    #[serde(default = "default_mtu")]
    pub(crate) mtu: u32,
    #[serde(default)]
    pub(crate) external: bool,
    #[serde(default)]
    pub(crate) is_default: bool,
    #[serde(default = "yes", rename = "port_security_enabled")]
    pub(crate) secured: bool,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) dns_domain: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) availability_zone_hints: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) qos_policy_id: Option<String>,
    pub(crate) provider: Provider,
}

const fn default_mtu() -> u32 {
    1500
}

/// A route of a subnet or a router.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Route {
    pub(crate) destination: Cidr,
    pub(crate) nexthop: IpAddr,
}

/// A subnet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Subnet {
    #[serde(flatten)]
    pub(crate) standard: Standard,
    pub(crate) network_id: String,
    pub(crate) cidr: Cidr,
    #[serde(default)]
    pub(crate) gateway_ip: Option<IpAddr>,
    #[serde(default = "yes")]
    pub(crate) enable_dhcp: bool,
    pub(crate) allocation_pools: Vec<Pool>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) dns_nameservers: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) host_routes: Vec<Route>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ipv6_ra_mode: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ipv6_address_mode: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) service_types: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) subnetpool_id: Option<String>,
}

impl Subnet {
    /// Whether hosts make their addresses themselves.
    pub(crate) fn is_auto_addressed(&self) -> bool {
        matches!(self.ipv6_address_mode.as_deref(), Some("slaac" | "dhcpv6-stateless"))
    }
}

/// An address of a port.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub(crate) struct FixedIp {
    pub(crate) subnet_id: String,
    pub(crate) ip_address: IpAddr,
}

/// A port.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Port {
    #[serde(flatten)]
    pub(crate) standard: Standard,
    pub(crate) network_id: String,
    pub(crate) mac_address: String,
    #[serde(default = "yes")]
    pub(crate) admin_state_up: bool,
    /// Whether the link is up, as `ACTIVE` and `DOWN` say.
    #[serde(default)]
    pub(crate) active: bool,
    /// When the link comes up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) active_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) device_id: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) device_owner: String,
    /// Whether the port was made for its server and goes with it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) made_for_server: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) fixed_ips: Vec<FixedIp>,
    /// Whether it was made to have no address.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) addressless: bool,
    /// Pairs of `ip_address` and `mac_address`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) allowed_address_pairs: Vec<AddressPair>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) extra_dhcp_opts: Vec<Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) security_groups: Vec<String>,
    #[serde(default = "yes", rename = "port_security_enabled")]
    pub(crate) secured: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) qos_policy_id: Option<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) dns_name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) host: String,
    #[serde(default = "normal")]
    pub(crate) vnic_type: String,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub(crate) profile: Map<String, Value>,
}

fn normal() -> String {
    "normal".to_owned()
}

/// An address beside its own that a port may send from.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub(crate) struct AddressPair {
    pub(crate) ip_address: String,
    pub(crate) mac_address: String,
}

/// Where a router leaves the cloud.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub(crate) struct Gateway {
    pub(crate) network_id: String,
    #[serde(default = "yes")]
    pub(crate) enable_snat: bool,
    /// The port that has its addresses.
    pub(crate) port_id: String,
}

/// A router.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Router {
    #[serde(flatten)]
    pub(crate) standard: Standard,
    #[serde(default = "yes")]
    pub(crate) admin_state_up: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) gateway: Option<Gateway>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) routes: Vec<Route>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) availability_zone_hints: Vec<String>,
}

/// A port of a floating IP that leads to a port of a server.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub(crate) struct PortForwarding {
    pub(crate) id: String,
    pub(crate) protocol: String,
    pub(crate) external_port: u16,
    pub(crate) internal_port: u16,
    pub(crate) internal_port_id: String,
    pub(crate) internal_ip_address: IpAddr,
    #[serde(default)]
    pub(crate) description: String,
}

/// A floating IP.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct FloatingIp {
    #[serde(flatten)]
    pub(crate) standard: Standard,
    pub(crate) floating_network_id: String,
    #[serde(rename = "floating_ip_address")]
    pub(crate) address: IpAddr,
    /// The port on the external network that holds the address.
    pub(crate) own_port_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) port_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fixed_ip_address: Option<IpAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) router_id: Option<String>,
    /// Whether traffic flows, as `ACTIVE` and `DOWN` say.
    #[serde(default)]
    pub(crate) active: bool,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) dns_name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) dns_domain: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) qos_policy_id: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) port_forwardings: Vec<PortForwarding>,
}

/// A security group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SecurityGroup {
    #[serde(flatten)]
    pub(crate) standard: Standard,
    #[serde(default = "yes")]
    pub(crate) stateful: bool,
}

/// A rule of a security group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SecurityGroupRule {
    #[serde(flatten)]
    pub(crate) standard: Standard,
    pub(crate) security_group_id: String,
    #[serde(flatten)]
    pub(crate) traffic: Traffic,
}

/// Which traffic a rule is about.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq, Eq)]
pub(crate) struct Traffic {
    /// `ingress` or `egress`.
    pub(crate) direction: String,
    /// `IPv4` or `IPv6`.
    pub(crate) ethertype: String,
    #[serde(default)]
    pub(crate) protocol: Option<String>,
    #[serde(default)]
    pub(crate) port_range_min: Option<i64>,
    #[serde(default)]
    pub(crate) port_range_max: Option<i64>,
    #[serde(default)]
    pub(crate) remote_ip_prefix: Option<String>,
    #[serde(default)]
    pub(crate) remote_group_id: Option<String>,
}

/// A rule that every new security group begins with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct DefaultRule {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) description: Option<String>,
    /// The remote group may be the word `PARENT`: the group the rule becomes part of.
    #[serde(flatten)]
    pub(crate) traffic: Traffic,
    #[serde(default)]
    pub(crate) used_in_default_sg: bool,
    #[serde(default)]
    pub(crate) used_in_non_default_sg: bool,
}

/// What one project allows another.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RbacPolicy {
    #[serde(flatten)]
    pub(crate) standard: Standard,
    /// `network`, `security_group`, `qos_policy`, `address_scope`, `subnetpool`.
    pub(crate) object_type: String,
    pub(crate) object_id: String,
    /// `access_as_shared` or `access_as_external`.
    pub(crate) action: String,
    /// A project, or `*`.
    pub(crate) target: String,
}

/// Prefixes that subnets are cut from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SubnetPool {
    #[serde(flatten)]
    pub(crate) standard: Standard,
    pub(crate) prefixes: Vec<Cidr>,
    pub(crate) default_prefixlen: u8,
    pub(crate) min_prefixlen: u8,
    pub(crate) max_prefixlen: u8,
    #[serde(default)]
    pub(crate) default_quota: Option<u64>,
    #[serde(default)]
    pub(crate) is_default: bool,
    #[serde(default)]
    pub(crate) address_scope_id: Option<String>,
}

/// Pools whose addresses never overlap.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AddressScope {
    #[serde(flatten)]
    pub(crate) standard: Standard,
    pub(crate) ip_version: u8,
}

/// A rule of a `QoS` policy; what it says depends on its type.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct QosRule {
    pub(crate) id: String,
    /// `bandwidth_limit`, `dscp_marking`, `minimum_bandwidth`.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    #[serde(flatten)]
    pub(crate) says: Map<String, Value>,
}

/// How good the service of a network or port is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct QosPolicy {
    #[serde(flatten)]
    pub(crate) standard: Standard,
    #[serde(default)]
    pub(crate) is_default: bool,
    #[serde(default)]
    pub(crate) rules: Vec<QosRule>,
}

/// An agent on a host.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Agent {
    pub(crate) id: String,
    pub(crate) host: String,
    pub(crate) binary: String,
    #[serde(rename = "agent_type")]
    pub(crate) kind: String,
    #[serde(default = "yes")]
    pub(crate) alive: bool,
    #[serde(default = "yes")]
    pub(crate) admin_state_up: bool,
    #[serde(default)]
    pub(crate) description: String,
    #[serde(default)]
    pub(crate) configurations: Map<String, Value>,
}

macro_rules! standard {
    ($($kind:ty),*) => {$(
        impl Keyed for $kind {
            fn key(&self) -> &str {
                &self.standard.id
            }
        }
    )*};
}
standard!(
    Net,
    Subnet,
    Port,
    Router,
    FloatingIp,
    SecurityGroup,
    SecurityGroupRule,
    SubnetPool,
    QosPolicy,
    RbacPolicy,
    AddressScope
);

macro_rules! has_id {
    ($($kind:ty),*) => {$(
        impl Keyed for $kind {
            fn key(&self) -> &str {
                &self.id
            }
        }
    )*};
}
has_id!(DefaultRule, Agent);

/// Everything the service knows.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Network {
    #[serde(with = "keyed")]
    pub(crate) networks: BTreeMap<String, Net>,
    #[serde(with = "keyed")]
    pub(crate) subnets: BTreeMap<String, Subnet>,
    #[serde(with = "keyed")]
    pub(crate) ports: BTreeMap<String, Port>,
    #[serde(with = "keyed")]
    pub(crate) routers: BTreeMap<String, Router>,
    #[serde(with = "keyed")]
    pub(crate) floating_ips: BTreeMap<String, FloatingIp>,
    #[serde(with = "keyed")]
    pub(crate) security_groups: BTreeMap<String, SecurityGroup>,
    #[serde(with = "keyed")]
    pub(crate) security_group_rules: BTreeMap<String, SecurityGroupRule>,
    #[serde(with = "keyed")]
    pub(crate) default_rules: BTreeMap<String, DefaultRule>,
    #[serde(with = "keyed")]
    pub(crate) rbac_policies: BTreeMap<String, RbacPolicy>,
    #[serde(with = "keyed")]
    pub(crate) subnetpools: BTreeMap<String, SubnetPool>,
    #[serde(with = "keyed")]
    pub(crate) address_scopes: BTreeMap<String, AddressScope>,
    #[serde(with = "keyed")]
    pub(crate) qos_policies: BTreeMap<String, QosPolicy>,
    #[serde(with = "keyed")]
    pub(crate) agents: BTreeMap<String, Agent>,
    /// Limits by project and resource, where they are not the default; -1 is none.
    pub(crate) quotas: BTreeMap<String, BTreeMap<String, i64>>,
    /// How many networks of their own segment were made.
    pub(crate) segments: u32,
    /// What is to be made up when the cloud starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) generate: Option<Generate>,
    #[serde(skip)]
    pub(crate) index: Index,
}

impl Default for Network {
    fn default() -> Self {
        seed::network()
    }
}

impl Network {
    /// A Neutron that knows nothing at all.
    pub(crate) fn empty() -> Self {
        Self {
            networks: BTreeMap::new(),
            subnets: BTreeMap::new(),
            ports: BTreeMap::new(),
            routers: BTreeMap::new(),
            floating_ips: BTreeMap::new(),
            security_groups: BTreeMap::new(),
            security_group_rules: BTreeMap::new(),
            default_rules: BTreeMap::new(),
            rbac_policies: BTreeMap::new(),
            subnetpools: BTreeMap::new(),
            address_scopes: BTreeMap::new(),
            qos_policies: BTreeMap::new(),
            agents: BTreeMap::new(),
            quotas: BTreeMap::new(),
            segments: 0,
            generate: None,
            index: Index::default(),
        }
    }

    /// Makes the transitions that are due.
    pub(crate) fn settle(&mut self, now: Timestamp) {
        self.prepare(now);
        while let Some(id) = self.index.next_due(now) {
            if let Some(port) = self.ports.get_mut(&id)
                && let Some(at) = port.active_at.take()
            {
                port.active = true;
                port.standard.touch(at);
            }
        }
        for id in std::mem::take(&mut self.index.turning) {
            if let Some(floating) = self.floating_ips.get_mut(&id)
                && floating.active != floating.port_id.is_some()
            {
                floating.active = floating.port_id.is_some();
                floating.standard.touch(now);
            }
        }
    }

    /// Whether an object is shared with a project in this way.
    pub(crate) fn grants(&self, object: &str, action: &str, project: Option<&str>) -> bool {
        self.index.policies_of(object).any(|id| {
            self.rbac_policies.get(id).is_some_and(|policy| {
                policy.action == action
                    && (policy.target == "*" || Some(policy.target.as_str()) == project)
            })
        })
    }

    /// Whether a network is shared with a project.
    pub(crate) fn is_shared(&self, object: &str, project: Option<&str>) -> bool {
        self.grants(object, "access_as_shared", project)
    }
}

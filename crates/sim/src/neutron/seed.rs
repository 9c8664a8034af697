//! The network a simulation begins with, and large ones made up on request.
//!
//! As on the testbed there is one network `public` (flat, external, `172.24.4.0/24`), owned by the
//! project `admin`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use lotse_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::address::{Cidr, Pool};
use super::model::{
    Agent, DefaultRule, FixedIp, Net, Network, Port, Provider, RbacPolicy, Standard, Subnet,
    Traffic,
};
use crate::ids::named;
use crate::seed::Keyed;

/// Networks and ports to make up when a cloud starts: a section `generate` of the seed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Generate {
    /// How many networks, each with one subnet.
    pub(crate) networks: u32,
    /// How many ports each of them has.
    #[serde(default)]
    pub(crate) ports_per_network: u32,
    /// Id of the project they belong to; the built-in `demo` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) project_id: Option<String>,
}

/// A stable id with dashes.
pub(crate) fn id(kind: &str, name: &str) -> String {
    let plain = named(kind, name);
    Uuid::parse_str(&plain).map_or(plain, |id| id.to_string())
}

fn keyed<T: Keyed>(list: impl IntoIterator<Item = T>) -> BTreeMap<String, T> {
    list.into_iter().map(|one| (one.key().to_owned(), one)).collect()
}

fn standard(kind: &str, name: &str, project: &str) -> Standard {
    Standard {
        id: id(kind, name),
        project_id: project.to_owned(),
        name: name.to_owned(),
        description: Some(String::new()),
        tags: BTreeSet::new(),
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
        revision: 0,
    }
}

fn v4(number: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from(number))
}

/// A network with default values.
pub(crate) const fn plain_network(standard: Standard, provider: Provider) -> Net {
    Net {
        standard,
        admin_state_up: true,
        mtu: 1442,
        external: false,
        is_default: false,
        secured: true,
        dns_domain: String::new(),
        availability_zone_hints: Vec::new(),
        qos_policy_id: None,
        provider,
    }
}

/// An IPv4 subnet with default values.
fn plain_subnet(standard: Standard, network_id: String, cidr: Cidr, pools: Vec<Pool>) -> Subnet {
    Subnet {
        standard,
        network_id,
        cidr,
        gateway_ip: Some(cidr.nth(1)),
        enable_dhcp: true,
        allocation_pools: pools,
        dns_nameservers: Vec::new(),
        host_routes: Vec::new(),
        ipv6_ra_mode: None,
        ipv6_address_mode: None,
        service_types: Vec::new(),
        subnetpool_id: None,
    }
}

/// A port with default values: up, bound to nothing, without addresses.
pub(crate) fn plain_port(standard: Standard, network_id: &str, mac_address: String) -> Port {
    Port {
        standard,
        network_id: network_id.to_owned(),
        mac_address,
        admin_state_up: true,
        active: false,
        active_at: None,
        device_id: String::new(),
        device_owner: String::new(),
        made_for_server: false,
        fixed_ips: Vec::new(),
        addressless: false,
        allowed_address_pairs: Vec::new(),
        extra_dhcp_opts: Vec::new(),
        security_groups: Vec::new(),
        secured: true,
        qos_policy_id: None,
        dns_name: String::new(),
        host: String::new(),
        vnic_type: "normal".to_owned(),
        profile: serde_json::Map::new(),
    }
}

/// The rules that every group begins with: everything out, and between members everything in.
fn default_rules() -> Vec<DefaultRule> {
    let rule = |direction: &str, ethertype: &str| {
        let within = direction == "ingress";
        DefaultRule {
            id: id("default-rule", &format!("{direction} {ethertype}")),
            description: None,
            traffic: Traffic {
                direction: direction.to_owned(),
                ethertype: ethertype.to_owned(),
                remote_group_id: within.then(|| "PARENT".to_owned()),
                ..Traffic::default()
            },
            used_in_default_sg: true,
            used_in_non_default_sg: !within,
        }
    };
    let both = |direction| [rule(direction, "IPv4"), rule(direction, "IPv6")];
    both("egress").into_iter().chain(both("ingress")).collect()
}

fn agents() -> Vec<Agent> {
    let agent = |host: &str, kind: &str| Agent {
        id: host.to_owned(),
        host: host.to_owned(),
        binary: "ovn-controller".to_owned(),
        kind: kind.to_owned(),
        alive: true,
        admin_state_up: true,
        description: String::new(),
        configurations: [("chassis_name", host), ("bridge-mappings", "physnet1:br-ex")]
            .map(|(key, value)| (key.to_owned(), value.into()))
            .into_iter()
            .collect(),
    };
    vec![
        agent("sim-1", "OVN Controller Gateway agent"),
        agent("sim-2", "OVN Controller agent"),
        agent("sim-3", "OVN Controller agent"),
    ]
}

/// The network that is there without a seed.
pub(crate) fn network() -> Network {
    let owner = named("project", "admin");
    let provider = Provider {
        network_type: "flat".to_owned(),
        physical_network: Some("physnet1".to_owned()),
        segmentation_id: None,
    };
    let mut public = plain_network(standard("network", "public", &owner), provider);
    public.external = true;
    public.mtu = 1500;
    public.standard.revision = 2;
    let cidr = Cidr { base: v4(0xac18_0400), prefix: 24 };
    let pools = vec![Pool { start: cidr.nth(10), end: cidr.nth(250) }];
    let network_id = public.standard.id.clone();
    let mut subnet =
        plain_subnet(standard("subnet", "public-v4", &owner), network_id.clone(), cidr, pools);
    subnet.enable_dhcp = false;
    let mut metadata = standard("port", "ovnmeta-public", &owner);
    metadata.name.clear();
    metadata.revision = 1;
    let mut metadata = plain_port(metadata, &network_id, "fa:16:3e:00:00:01".to_owned());
    metadata.device_id = format!("ovnmeta-{network_id}");
    "network:distributed".clone_into(&mut metadata.device_owner);
    metadata.secured = false;
    Network {
        networks: keyed([public]),
        subnets: keyed([subnet]),
        ports: keyed([metadata]),
        default_rules: keyed(default_rules()),
        rbac_policies: keyed([RbacPolicy {
            standard: standard("rbac-policy", "public", &owner),
            object_type: "network".to_owned(),
            object_id: network_id,
            action: "access_as_external".to_owned(),
            target: "*".to_owned(),
        }]),
        agents: keyed(agents()),
        ..Network::empty()
    }
}

/// Makes up networks and ports.
pub(crate) fn generate(state: &mut Network, wanted: &Generate, now: Timestamp) {
    let project = wanted.project_id.clone().unwrap_or_else(|| named("project", "demo"));
    for number in 0..wanted.networks {
        let name = format!("generated-{number:05}");
        let stamped = |kind: &str, name: &str| Standard {
            created_at: now,
            updated_at: now,
            ..standard(kind, name, &project)
        };
        state.segments += 1;
        let provider = Provider {
            network_type: "geneve".to_owned(),
            physical_network: None,
            segmentation_id: Some(state.segments),
        };
        let net = plain_network(stamped("network", &name), provider);
        let network_id = net.standard.id.clone();
        state.put_network(net);
        let Some(cidr) = Cidr::around(v4(0x0a00_0000), 16) else { continue };
        let pools = cidr.default_pools(Some(cidr.nth(1)));
        let subnet = plain_subnet(stamped("subnet", &name), network_id.clone(), cidr, pools);
        let subnet_id = subnet.standard.id.clone();
        state.put_subnet(subnet);
        for port in 0..wanted.ports_per_network {
            let [_, _, a, b] = port.to_be_bytes();
            let mac = format!("fa:16:3e:01:{a:02x}:{b:02x}");
            let standard = stamped("port", &format!("{name}-{port:05}"));
            let mut made = plain_port(standard, &network_id, mac);
            made.fixed_ips = vec![FixedIp {
                subnet_id: subnet_id.clone(),
                ip_address: cidr.nth(u128::from(port) + 2),
            }];
            state.put_port(made);
        }
    }
}

//! What follows from the state of Neutron and would be slow to find each time.
//!
//! The index is derived: it is built when a cloud starts from a file, and kept up to date by the few
//! functions through which things come and go (`put_…`, `take_…`). With it no request costs more for
//! the size of the cloud than looking something up, lists and the deletion of what is full aside.

mod keeping;

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use lotse_core::time::Timestamp;

use super::address::Taken;
use super::model::{
    FloatingIp, Net, Network, Port, RbacPolicy, SecurityGroup, SecurityGroupRule, Subnet,
};
use super::security_groups::DEFAULT;

/// Ids under a key.
type Sets<K = String> = HashMap<K, BTreeSet<String>>;

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    ready: bool,
    /// Addresses taken, by subnet.
    taken: HashMap<String, Taken>,
    /// In the order in which they were made.
    subnets_of_network: HashMap<String, Vec<String>>,
    networks_of_project: Sets,
    ports_of_device: Sets,
    ports_of_network: Sets,
    /// Ports of Neutron's own by network and owner, for example `network:router_interface`.
    ports_of_owner: Sets<(String, String)>,
    ports_of_group: Sets,
    rules_of_group: Sets,
    rules_of_remote_group: Sets,
    policies_of_object: Sets,
    policies_of_target: Sets,
    /// Floating IPs that lead to a port, the whole address or a part of its own ports.
    floating_ips_of_port: Sets,
    floating_ips_of_router: Sets,
    /// The group `default` by project.
    default_groups: HashMap<String, String>,
    /// How many of a resource a project has.
    counts: HashMap<&'static str, HashMap<String, usize>>,
    /// MAC addresses in use by network.
    macs: BTreeSet<(String, String)>,
    /// Ports whose links come up later.
    due: BTreeSet<(Timestamp, String)>,
    /// Floating IPs whose state follows at the next look.
    pub(crate) turning: BTreeSet<String>,
    /// Servers that have other ports, or to which other floating IPs lead, than Nova knows of.
    readdressed: BTreeSet<String>,
}

fn items<'a, C: IntoIterator<Item = &'a String>>(
    found: Option<C>,
) -> impl Iterator<Item = &'a str> + use<'a, C> {
    found.into_iter().flatten().map(String::as_str)
}

fn note<K: Eq + Hash>(map: &mut Sets<K>, key: K, id: &str) {
    map.entry(key).or_default().insert(id.to_owned());
}

fn forget<K: Eq + Hash>(map: &mut Sets<K>, key: &K, id: &str) {
    if let Some(set) = map.get_mut(key) {
        set.remove(id);
        if set.is_empty() {
            map.remove(key);
        }
    }
}

impl Index {
    pub(crate) fn next_due(&mut self, now: Timestamp) -> Option<String> {
        let is_due = self.due.first().is_some_and(|(at, _)| *at <= now);
        is_due.then(|| self.due.pop_first()).flatten().map(|(_, port)| port)
    }

    pub(crate) fn policies_of(&self, object: &str) -> impl Iterator<Item = &str> {
        items(self.policies_of_object.get(object))
    }

    pub(crate) fn subnets_of(&self, network: &str) -> impl Iterator<Item = &str> {
        items(self.subnets_of_network.get(network))
    }

    pub(crate) fn ports_of_device(&self, device: &str) -> impl Iterator<Item = &str> {
        items(self.ports_of_device.get(device))
    }

    pub(crate) fn ports_of_network(&self, network: &str) -> impl Iterator<Item = &str> {
        items(self.ports_of_network.get(network))
    }

    pub(crate) fn has_mac(&self, network: &str, mac: &str) -> bool {
        self.macs.contains(&(network.to_owned(), mac.to_owned()))
    }

    /// Whether a port is in a group.
    pub(crate) fn is_group_used(&self, group: &str) -> bool {
        self.ports_of_group.contains_key(group)
    }

    /// The rules that go with a group: its own and those that name it.
    pub(crate) fn rules_about(&self, group: &str) -> impl Iterator<Item = &str> {
        let named = items(self.rules_of_remote_group.get(group));
        items(self.rules_of_group.get(group)).chain(named)
    }

    pub(crate) fn default_group(&self, project: &str) -> Option<&String> {
        self.default_groups.get(project)
    }

    /// Whether traffic of a floating IP goes through a router.
    pub(crate) fn has_floating_ips(&self, router: &str) -> bool {
        self.floating_ips_of_router.contains_key(router)
    }

    /// How many of a resource, by the name of its quota, a project has.
    pub(crate) fn count(&self, resource: &str, project: &str) -> usize {
        self.counts.get(resource).and_then(|it| it.get(project)).copied().unwrap_or_default()
    }

    fn gain(&mut self, resource: &'static str, project: &str) {
        *self.counts.entry(resource).or_default().entry(project.to_owned()).or_default() += 1;
    }

    fn lose(&mut self, resource: &'static str, project: &str) {
        if let Some(count) = self.counts.get_mut(resource).and_then(|it| it.get_mut(project)) {
            *count = count.saturating_sub(1);
        }
    }

    /// The addresses taken in a subnet.
    pub(crate) fn taken(&mut self, subnet: &str) -> &mut Taken {
        self.taken.entry(subnet.to_owned()).or_default()
    }

    /// How many addresses of a subnet are taken.
    pub(crate) fn taken_count(&self, subnet: &str) -> usize {
        self.taken.get(subnet).map_or(0, Taken::len)
    }

    fn add_port(&mut self, port: &Port) {
        let id = &port.standard.id;
        for fixed in &port.fixed_ips {
            self.taken(&fixed.subnet_id).take(fixed.ip_address);
        }
        note(&mut self.ports_of_network, port.network_id.clone(), id);
        if !port.device_id.is_empty() {
            note(&mut self.ports_of_device, port.device_id.clone(), id);
        }
        if port.device_owner.starts_with("network:") {
            let key = (port.network_id.clone(), port.device_owner.clone());
            note(&mut self.ports_of_owner, key, id);
        }
        for group in &port.security_groups {
            note(&mut self.ports_of_group, group.clone(), id);
        }
        self.gain("port", &port.standard.project_id);
        self.macs.insert((port.network_id.clone(), port.mac_address.clone()));
        if let Some(at) = port.active_at {
            self.due.insert((at, id.clone()));
        }
    }

    fn drop_port(&mut self, port: &Port) {
        let id = &port.standard.id;
        for fixed in &port.fixed_ips {
            self.taken(&fixed.subnet_id).release(fixed.ip_address);
        }
        forget(&mut self.ports_of_network, &port.network_id, id);
        forget(&mut self.ports_of_device, &port.device_id, id);
        let key = (port.network_id.clone(), port.device_owner.clone());
        forget(&mut self.ports_of_owner, &key, id);
        for group in &port.security_groups {
            forget(&mut self.ports_of_group, group, id);
        }
        self.lose("port", &port.standard.project_id);
        self.macs.remove(&(port.network_id.clone(), port.mac_address.clone()));
        if let Some(at) = port.active_at {
            self.due.remove(&(at, id.clone()));
        }
    }

    fn add_subnet(&mut self, subnet: &Subnet) {
        let list = self.subnets_of_network.entry(subnet.network_id.clone()).or_default();
        list.push(subnet.standard.id.clone());
        self.gain("subnet", &subnet.standard.project_id);
    }

    fn add_network(&mut self, net: &Net) {
        let (id, project) = (&net.standard.id, &net.standard.project_id);
        note(&mut self.networks_of_project, project.clone(), id);
        self.gain("network", project);
    }

    fn add_group(&mut self, group: &SecurityGroup) {
        let (id, project) = (&group.standard.id, &group.standard.project_id);
        if group.standard.name == DEFAULT {
            self.default_groups.insert(project.clone(), id.clone());
        }
        self.gain("security_group", project);
    }

    fn add_rule(&mut self, rule: &SecurityGroupRule) {
        let id = &rule.standard.id;
        note(&mut self.rules_of_group, rule.security_group_id.clone(), id);
        if let Some(remote) = &rule.traffic.remote_group_id {
            note(&mut self.rules_of_remote_group, remote.clone(), id);
        }
        self.gain("security_group_rule", &rule.standard.project_id);
    }

    fn add_policy(&mut self, policy: &RbacPolicy) {
        let id = &policy.standard.id;
        note(&mut self.policies_of_object, policy.object_id.clone(), id);
        note(&mut self.policies_of_target, policy.target.clone(), id);
        self.gain("rbac_policy", &policy.standard.project_id);
    }

    fn add_floating_ip(&mut self, floating: &FloatingIp) {
        let id = &floating.standard.id;
        for port in floating.leads_to() {
            note(&mut self.floating_ips_of_port, port.clone(), id);
        }
        if let Some(router) = &floating.router_id {
            note(&mut self.floating_ips_of_router, router.clone(), id);
        }
        self.gain("floatingip", &floating.standard.project_id);
    }

    fn drop_floating_ip(&mut self, floating: &FloatingIp) {
        let id = &floating.standard.id;
        for port in floating.leads_to() {
            forget(&mut self.floating_ips_of_port, port, id);
        }
        if let Some(router) = &floating.router_id {
            forget(&mut self.floating_ips_of_router, router, id);
        }
        self.lose("floatingip", &floating.standard.project_id);
    }

    /// The index of all there is.
    fn of(state: &Network) -> Self {
        let mut index = Self { ready: true, ..Self::default() };
        let mut subnets: Vec<&Subnet> = state.subnets.values().collect();
        subnets.sort_by_key(|subnet| subnet.standard.created_at);
        for subnet in subnets {
            index.add_subnet(subnet);
        }
        state.networks.values().for_each(|it| index.add_network(it));
        state.ports.values().for_each(|it| index.add_port(it));
        state.security_groups.values().for_each(|it| index.add_group(it));
        state.security_group_rules.values().for_each(|it| index.add_rule(it));
        state.rbac_policies.values().for_each(|it| index.add_policy(it));
        state.floating_ips.values().for_each(|it| index.add_floating_ip(it));
        for router in state.routers.values() {
            index.gain("router", &router.standard.project_id);
        }
        for pool in state.subnetpools.values() {
            index.gain("subnetpool", &pool.standard.project_id);
        }
        index
    }
}

impl FloatingIp {
    /// The ports it leads to.
    fn leads_to(&self) -> impl Iterator<Item = &String> {
        self.port_id.iter().chain(self.port_forwardings.iter().map(|it| &it.internal_port_id))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::neutron::model::{FixedIp, PortForwarding, Provider, Standard, Traffic};
    use crate::neutron::seed::{plain_network, plain_port};

    /// The index as text, in an order, without what is only a hint.
    fn shape(index: &Index) -> String {
        fn sets<K: Ord + Clone + std::fmt::Debug>(map: &Sets<K>) -> String {
            format!("{:?}\n", map.clone().into_iter().collect::<BTreeMap<_, _>>())
        }
        let counts: BTreeMap<(&str, &String), &usize> = index
            .counts
            .iter()
            .flat_map(|(kind, all)| all.iter().map(|(project, count)| ((*kind, project), count)))
            .filter(|(_, count)| **count > 0)
            .collect();
        let taken: BTreeMap<&String, usize> =
            index.taken.iter().map(|(id, taken)| (id, taken.len())).filter(|it| it.1 > 0).collect();
        let defaults: BTreeMap<_, _> = index.default_groups.iter().collect();
        [
            sets(&index.networks_of_project),
            sets(&index.ports_of_device),
            sets(&index.ports_of_network),
            sets(&index.ports_of_owner),
            sets(&index.ports_of_group),
            sets(&index.rules_of_group),
            sets(&index.rules_of_remote_group),
            sets(&index.policies_of_object),
            sets(&index.policies_of_target),
            sets(&index.floating_ips_of_port),
            sets(&index.floating_ips_of_router),
            format!("{counts:?}\n{taken:?}\n{defaults:?}\n{:?}\n{:?}\n", index.macs, index.due),
        ]
        .concat()
    }

    fn standard(id: &str, project: u16) -> Standard {
        Standard { id: id.to_owned(), project_id: format!("p{project}"), ..Standard::default() }
    }

    fn port(id: &str, n: u16) -> Port {
        let mut port =
            plain_port(standard(id, n % 3), &format!("n{}", n % 4), format!("fa:16:3e:{n}"));
        port.device_id = if n.is_multiple_of(2) { String::new() } else { format!("d{}", n % 5) };
        port.device_owner = ["", "compute:nova", "network:dhcp"][usize::from(n % 3)].to_owned();
        port.security_groups = (0..n % 3).map(|it| format!("g{it}")).collect();
        let address = std::net::IpAddr::from([10, 0, 0, id.as_bytes()[1]]);
        port.fixed_ips = vec![FixedIp { subnet_id: format!("s{}", n % 2), ip_address: address }];
        port
    }

    fn floating(id: &str, n: u16) -> FloatingIp {
        let address = std::net::IpAddr::from([172, 24, 4, 9]);
        let forwarding = |it: u16| PortForwarding {
            id: format!("f{it}"),
            protocol: "tcp".to_owned(),
            external_port: 1,
            internal_port: 1,
            internal_port_id: format!("x{it}"),
            internal_ip_address: address,
            description: String::new(),
        };
        FloatingIp {
            standard: standard(id, n % 3),
            floating_network_id: String::new(),
            address,
            own_port_id: String::new(),
            port_id: (n.is_multiple_of(2)).then(|| format!("x{}", n % 4)),
            fixed_ip_address: None,
            router_id: (n.is_multiple_of(3)).then(|| format!("r{}", n % 4)),
            active: false,
            dns_name: String::new(),
            dns_domain: String::new(),
            qos_policy_id: None,
            port_forwardings: (0..n % 3).map(forwarding).collect(),
        }
    }

    /// Puts something or takes it away.
    fn step(state: &mut Network, kind: u8, take: bool, n: u16) {
        let id = format!("x{}", n % 6);
        match (kind, take) {
            (0, false) => state.put_port(port(&id, n)),
            (0, true) => drop(state.take_port(&id)),
            (1, false) => state.put_floating_ip(floating(&id, n)),
            (1, true) => drop(state.take_floating_ip(&id)),
            (2, false) => state.put_policy(RbacPolicy {
                standard: standard(&id, n % 3),
                object_type: "network".to_owned(),
                object_id: format!("n{}", n % 4),
                action: "access_as_shared".to_owned(),
                target: if n.is_multiple_of(2) { "*".to_owned() } else { format!("p{}", n % 3) },
            }),
            (2, true) => drop(state.take_policy(&id)),
            (3, false) if !state.security_group_rules.contains_key(&id) => {
                state.put_rule(SecurityGroupRule {
                    standard: standard(&id, n % 3),
                    security_group_id: format!("g{}", n % 2),
                    traffic: Traffic {
                        remote_group_id: (n.is_multiple_of(3)).then(|| format!("g{}", n % 4)),
                        ..Traffic::default()
                    },
                });
            }
            (3, true) => drop(state.take_rule(&id)),
            (4, false) if !state.security_groups.contains_key(&id) => {
                let name = if n < 6 { DEFAULT } else { "other" };
                let standard = Standard { name: name.to_owned(), ..standard(&id, n) };
                state.put_group(SecurityGroup { standard, stateful: true });
            }
            (4, true) => state.take_group(&id),
            (5, false) if !state.networks.contains_key(&id) => {
                let net = plain_network(standard(&id, n % 3), Provider::default());
                state.put_network(net);
            }
            (5, true) => state.take_network(&id),
            _ => {}
        }
    }

    proptest! {
        #[test]
        fn what_is_kept_up_to_date_is_what_would_be_built_anew(
            steps in proptest::collection::vec((0_u8..6, any::<bool>(), any::<u16>()), 1..120),
        ) {
            let mut state = Network::default();
            state.prepare(Timestamp::UNIX_EPOCH);
            for (kind, take, n) in steps {
                step(&mut state, kind, take, n);
                prop_assert_eq!(shape(&state.index), shape(&Index::of(&state)));
            }
        }
    }
}

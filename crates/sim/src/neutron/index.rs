//! What follows from the state of Neutron and would be slow to find each time.
//!
//! The index is derived: it is built when a cloud starts from a file, and kept up to date by the few
//! functions through which ports, subnets, rules and policies come and go.

use std::collections::{BTreeSet, HashMap};

use lotse_core::time::Timestamp;

use super::address::Taken;
use super::model::{Network, Port, RbacPolicy, SecurityGroupRule, Subnet};

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    ready: bool,
    /// Addresses taken, by subnet.
    taken: HashMap<String, Taken>,
    subnets_of_network: HashMap<String, Vec<String>>,
    ports_of_device: HashMap<String, BTreeSet<String>>,
    ports_of_network: HashMap<String, BTreeSet<String>>,
    rules_of_group: HashMap<String, BTreeSet<String>>,
    policies_of_object: HashMap<String, BTreeSet<String>>,
    /// MAC addresses in use by network.
    macs: BTreeSet<(String, String)>,
    /// Ports whose links come up later.
    due: BTreeSet<(Timestamp, String)>,
}

fn items<'a, C: IntoIterator<Item = &'a String>>(
    found: Option<C>,
) -> impl Iterator<Item = &'a str> + use<'a, C> {
    found.into_iter().flatten().map(String::as_str)
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

    pub(crate) fn rules_of(&self, group: &str) -> impl Iterator<Item = &str> {
        items(self.rules_of_group.get(group))
    }

    pub(crate) fn has_mac(&self, network: &str, mac: &str) -> bool {
        self.macs.contains(&(network.to_owned(), mac.to_owned()))
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
        self.ports_of_network.entry(port.network_id.clone()).or_default().insert(id.clone());
        if !port.device_id.is_empty() {
            self.ports_of_device.entry(port.device_id.clone()).or_default().insert(id.clone());
        }
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
        self.macs.remove(&(port.network_id.clone(), port.mac_address.clone()));
        if let Some(at) = port.active_at {
            self.due.remove(&(at, id.clone()));
        }
    }

    fn add_subnet(&mut self, subnet: &Subnet) {
        let list = self.subnets_of_network.entry(subnet.network_id.clone()).or_default();
        list.push(subnet.standard.id.clone());
    }
}

fn forget(map: &mut HashMap<String, BTreeSet<String>>, key: &str, id: &str) {
    if let Some(set) = map.get_mut(key) {
        set.remove(id);
        if set.is_empty() {
            map.remove(key);
        }
    }
}

impl Network {
    /// Builds the index, and makes up what the seed wants made up, once.
    pub(crate) fn prepare(&mut self, now: Timestamp) {
        if self.index.ready {
            return;
        }
        let mut index = Index { ready: true, ..Index::default() };
        let mut subnets: Vec<&Subnet> = self.subnets.values().collect();
        subnets.sort_by_key(|subnet| subnet.standard.created_at);
        for subnet in subnets {
            index.add_subnet(subnet);
        }
        for port in self.ports.values() {
            index.add_port(port);
        }
        for rule in self.security_group_rules.values() {
            let rules = index.rules_of_group.entry(rule.security_group_id.clone()).or_default();
            rules.insert(rule.standard.id.clone());
        }
        for policy in self.rbac_policies.values() {
            let policies = index.policies_of_object.entry(policy.object_id.clone()).or_default();
            policies.insert(policy.id.clone());
        }
        self.index = index;
        if let Some(wanted) = self.generate.take() {
            super::seed::generate(self, &wanted, now);
        }
    }

    /// Adds a port, or puts a changed one in the place of the old one.
    pub(crate) fn put_port(&mut self, port: Port) {
        if let Some(old) = self.ports.remove(&port.standard.id) {
            self.index.drop_port(&old);
        }
        self.index.add_port(&port);
        self.ports.insert(port.standard.id.clone(), port);
    }

    pub(crate) fn take_port(&mut self, id: &str) -> Option<Port> {
        let port = self.ports.remove(id)?;
        self.index.drop_port(&port);
        Some(port)
    }

    pub(crate) fn put_subnet(&mut self, subnet: Subnet) {
        self.index.add_subnet(&subnet);
        self.subnets.insert(subnet.standard.id.clone(), subnet);
    }

    pub(crate) fn take_subnet(&mut self, id: &str) -> Option<Subnet> {
        let subnet = self.subnets.remove(id)?;
        if let Some(list) = self.index.subnets_of_network.get_mut(&subnet.network_id) {
            list.retain(|it| it != id);
        }
        self.index.taken.remove(id);
        Some(subnet)
    }

    pub(crate) fn put_rule(&mut self, rule: SecurityGroupRule) {
        let rules = self.index.rules_of_group.entry(rule.security_group_id.clone()).or_default();
        rules.insert(rule.standard.id.clone());
        self.security_group_rules.insert(rule.standard.id.clone(), rule);
    }

    pub(crate) fn take_rule(&mut self, id: &str) -> Option<SecurityGroupRule> {
        let rule = self.security_group_rules.remove(id)?;
        forget(&mut self.index.rules_of_group, &rule.security_group_id, id);
        Some(rule)
    }

    pub(crate) fn put_policy(&mut self, policy: RbacPolicy) {
        let policies = self.index.policies_of_object.entry(policy.object_id.clone()).or_default();
        policies.insert(policy.id.clone());
        self.rbac_policies.insert(policy.id.clone(), policy);
    }

    pub(crate) fn take_policy(&mut self, id: &str) -> Option<RbacPolicy> {
        let policy = self.rbac_policies.remove(id)?;
        forget(&mut self.index.policies_of_object, &policy.object_id, id);
        Some(policy)
    }

    /// The subnets of a network, oldest first.
    pub(crate) fn subnets_of(&self, network: &str) -> impl Iterator<Item = &Subnet> {
        self.index.subnets_of(network).filter_map(|id| self.subnets.get(id))
    }

    /// The ports of a device: a server, a router, a balancer.
    pub(crate) fn ports_of_device(&self, device: &str) -> impl Iterator<Item = &Port> {
        self.index.ports_of_device(device).filter_map(|id| self.ports.get(id))
    }

    /// The ports of a network.
    pub(crate) fn ports_of_network(&self, network: &str) -> impl Iterator<Item = &Port> {
        self.index.ports_of_network(network).filter_map(|id| self.ports.get(id))
    }

    /// The rules of a group.
    pub(crate) fn rules_of(&self, group: &str) -> impl Iterator<Item = &SecurityGroupRule> {
        self.index.rules_of(group).filter_map(|id| self.security_group_rules.get(id))
    }
}

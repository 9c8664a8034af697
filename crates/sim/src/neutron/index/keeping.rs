//! Puts resources into the network and takes them out, and keeps the index true meanwhile.

use std::collections::BTreeSet;

use lotse_core::time::Timestamp;

use super::{Index, forget, items};
use crate::neutron::model::{
    FloatingIp, Net, Network, Port, RbacPolicy, Router, SecurityGroup, SecurityGroupRule, Subnet,
    SubnetPool,
};

impl Network {
    /// Builds the index, and makes up what the seed wants made up, once.
    pub(crate) fn prepare(&mut self, now: Timestamp) {
        if self.index.ready {
            return;
        }
        self.index = Index::of(self);
        if let Some(wanted) = self.generate.take() {
            crate::neutron::seed::generate(self, &wanted, now);
        }
    }

    pub(crate) fn put_network(&mut self, net: Net) {
        self.index.add_network(&net);
        self.networks.insert(net.standard.id.clone(), net);
    }

    pub(crate) fn take_network(&mut self, id: &str) {
        if let Some(net) = self.networks.remove(id) {
            forget(&mut self.index.networks_of_project, &net.standard.project_id, id);
            self.index.lose("network", &net.standard.project_id);
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
        self.note_server(&port);
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
        self.index.lose("subnet", &subnet.standard.project_id);
        Some(subnet)
    }

    pub(crate) fn put_router(&mut self, router: Router) {
        self.index.gain("router", &router.standard.project_id);
        self.routers.insert(router.standard.id.clone(), router);
    }

    pub(crate) fn take_router(&mut self, id: &str) {
        if let Some(router) = self.routers.remove(id) {
            self.index.lose("router", &router.standard.project_id);
        }
    }

    /// Adds a floating IP, or puts a changed one in the place of the old one.
    pub(crate) fn put_floating_ip(&mut self, floating: FloatingIp) {
        if let Some(old) = self.floating_ips.remove(&floating.standard.id) {
            self.index.drop_floating_ip(&old);
            self.readdress(&old);
        }
        self.index.add_floating_ip(&floating);
        self.readdress(&floating);
        self.floating_ips.insert(floating.standard.id.clone(), floating);
    }

    pub(crate) fn take_floating_ip(&mut self, id: &str) -> Option<FloatingIp> {
        let floating = self.floating_ips.remove(id)?;
        self.index.drop_floating_ip(&floating);
        self.readdress(&floating);
        Some(floating)
    }

    /// Notes the server that a floating IP leads to, if it is one.
    fn readdress(&mut self, floating: &FloatingIp) {
        let port = floating.port_id.as_ref().and_then(|id| self.ports.get(id)).cloned();
        if let Some(port) = port {
            self.note_server(&port);
        }
    }

    /// Notes the server that has a port, if it is one: what leads to it is no longer what it was.
    fn note_server(&mut self, port: &Port) {
        if port.device_owner.starts_with("compute:") {
            self.index.readdressed.insert(port.device_id.clone());
        }
    }

    /// The servers whose ports and floating IPs have changed since somebody asked.
    pub(crate) fn take_readdressed(&mut self) -> BTreeSet<String> {
        std::mem::take(&mut self.index.readdressed)
    }

    pub(crate) fn put_group(&mut self, group: SecurityGroup) {
        self.index.add_group(&group);
        self.security_groups.insert(group.standard.id.clone(), group);
    }

    pub(crate) fn take_group(&mut self, id: &str) {
        let Some(group) = self.security_groups.remove(id) else { return };
        let project = &group.standard.project_id;
        if self.index.default_group(project).is_some_and(|it| it == id) {
            self.index.default_groups.remove(project);
        }
        self.index.lose("security_group", project);
    }

    pub(crate) fn put_rule(&mut self, rule: SecurityGroupRule) {
        self.index.add_rule(&rule);
        self.security_group_rules.insert(rule.standard.id.clone(), rule);
    }

    pub(crate) fn take_rule(&mut self, id: &str) -> Option<SecurityGroupRule> {
        let rule = self.security_group_rules.remove(id)?;
        forget(&mut self.index.rules_of_group, &rule.security_group_id, id);
        if let Some(remote) = &rule.traffic.remote_group_id {
            forget(&mut self.index.rules_of_remote_group, remote, id);
        }
        self.index.lose("security_group_rule", &rule.standard.project_id);
        Some(rule)
    }

    pub(crate) fn put_pool(&mut self, pool: SubnetPool) {
        self.index.gain("subnetpool", &pool.standard.project_id);
        self.subnetpools.insert(pool.standard.id.clone(), pool);
    }

    pub(crate) fn take_pool(&mut self, id: &str) {
        if let Some(pool) = self.subnetpools.remove(id) {
            self.index.lose("subnetpool", &pool.standard.project_id);
        }
    }

    /// Adds a policy, or puts a changed one in the place of the old one.
    pub(crate) fn put_policy(&mut self, policy: RbacPolicy) {
        self.take_policy(&policy.standard.id);
        self.index.add_policy(&policy);
        self.rbac_policies.insert(policy.standard.id.clone(), policy);
    }

    pub(crate) fn take_policy(&mut self, id: &str) -> Option<RbacPolicy> {
        let policy = self.rbac_policies.remove(id)?;
        forget(&mut self.index.policies_of_object, &policy.object_id, id);
        forget(&mut self.index.policies_of_target, &policy.target, id);
        self.index.lose("rbac_policy", &policy.standard.project_id);
        Some(policy)
    }

    /// The networks of a project, and those that others share with it.
    pub(crate) fn networks_for(&self, project: &str) -> impl Iterator<Item = &Net> {
        let own = items(self.index.networks_of_project.get(project)).map(str::to_owned);
        let everybody = items(self.index.policies_of_target.get("*"));
        let policies = everybody.chain(items(self.index.policies_of_target.get(project)));
        let shared = policies
            .filter_map(|id| self.rbac_policies.get(id))
            .filter(|it| it.object_type == "network" && it.action == "access_as_shared")
            .map(|it| it.object_id.clone());
        let all: BTreeSet<String> = own.chain(shared).collect();
        all.into_iter().filter_map(|id| self.networks.get(&id))
    }

    /// What others may do with an object.
    pub(crate) fn policies_of(&self, object: &str) -> impl Iterator<Item = &RbacPolicy> {
        self.index.policies_of(object).filter_map(|id| self.rbac_policies.get(id))
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

    /// Neutron's own ports of a network, for example those of `network:router_interface`.
    pub(crate) fn ports_of_owner(&self, network: &str, owner: &str) -> impl Iterator<Item = &Port> {
        let key = (network.to_owned(), owner.to_owned());
        items(self.index.ports_of_owner.get(&key)).filter_map(|id| self.ports.get(id))
    }

    /// The floating IPs that lead to a port, be it with a part of their own ports.
    pub(crate) fn floating_ips_of(&self, port: &str) -> impl Iterator<Item = &FloatingIp> {
        let ids = items(self.index.floating_ips_of_port.get(port));
        ids.filter_map(|id| self.floating_ips.get(id))
    }

    /// The floating IPs whose traffic goes through a router.
    pub(crate) fn floating_ips_behind(&self, router: &str) -> impl Iterator<Item = &FloatingIp> {
        let ids = items(self.index.floating_ips_of_router.get(router));
        ids.filter_map(|id| self.floating_ips.get(id))
    }

    /// The rules of a group.
    pub(crate) fn rules_of(&self, group: &str) -> impl Iterator<Item = &SecurityGroupRule> {
        let ids = items(self.index.rules_of_group.get(group));
        ids.filter_map(|id| self.security_group_rules.get(id))
    }
}

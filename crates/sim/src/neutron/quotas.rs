//! How much a project may have.

use super::model::Network;

/// The limits a project has unless told otherwise; -1 is none.
pub(crate) const DEFAULTS: &[(&str, i64)] = &[
    ("network", 100),
    ("subnet", 100),
    ("subnetpool", -1),
    ("port", 500),
    ("router", 10),
    ("floatingip", 50),
    ("security_group", 10),
    ("security_group_rule", 100),
    ("rbac_policy", 10),
];

/// The limit of a project; -1 is none.
pub(crate) fn limit(state: &Network, resource: &str, project: &str) -> i64 {
    let own = state.quotas.get(project).and_then(|quotas| quotas.get(resource)).copied();
    let default = DEFAULTS.iter().find(|(name, _)| *name == resource).map(|(_, limit)| *limit);
    own.or(default).unwrap_or(-1)
}

/// How much a project has.
pub(crate) fn used(state: &Network, resource: &str, project: &str) -> usize {
    let mine = |owner: &String| owner == project;
    match resource {
        "network" => state.networks.values().filter(|it| mine(&it.standard.project_id)).count(),
        "subnet" => state.subnets.values().filter(|it| mine(&it.standard.project_id)).count(),
        "subnetpool" => {
            state.subnetpools.values().filter(|it| mine(&it.standard.project_id)).count()
        }
        "port" => state.ports.values().filter(|it| mine(&it.standard.project_id)).count(),
        "router" => state.routers.values().filter(|it| mine(&it.standard.project_id)).count(),
        "floatingip" => {
            state.floating_ips.values().filter(|it| mine(&it.standard.project_id)).count()
        }
        "security_group" => {
            state.security_groups.values().filter(|it| mine(&it.standard.project_id)).count()
        }
        "security_group_rule" => {
            state.security_group_rules.values().filter(|it| mine(&it.standard.project_id)).count()
        }
        "rbac_policy" => state.rbac_policies.values().filter(|it| mine(&it.project_id)).count(),
        _ => 0,
    }
}

/// Whether so many more would be too many.
pub(crate) fn exceeds(state: &Network, resource: &str, project: &str, more: usize) -> bool {
    let limit = limit(state, resource, project);
    let after = used(state, resource, project).saturating_add(more);
    limit >= 0 && more > 0 && i64::try_from(after).unwrap_or(i64::MAX) > limit
}

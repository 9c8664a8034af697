//! Security groups and their rules.

use lotse_core::time::Timestamp;

use super::model::{Network, SecurityGroup, SecurityGroupRule, Standard};
use crate::ids::IdSource;

/// The name of the group that every project has.
const DEFAULT: &str = "default";

/// The id of the group `default` of a project, which is made when it is first needed.
pub(crate) fn default_group(
    state: &mut Network,
    ids: &IdSource,
    project: &str,
    now: Timestamp,
) -> String {
    let known = state
        .security_groups
        .values()
        .find(|group| group.standard.name == DEFAULT && group.standard.project_id == project);
    if let Some(group) = known {
        return group.standard.id.clone();
    }
    let id = ids.uuid();
    let standard = Standard {
        id: id.clone(),
        project_id: project.to_owned(),
        name: DEFAULT.to_owned(),
        description: Some("Default security group".to_owned()),
        created_at: now,
        updated_at: now,
        revision: 1,
        ..Standard::default()
    };
    state.security_groups.insert(id.clone(), SecurityGroup { standard, stateful: true });
    add_default_rules(state, ids, &id, true);
    id
}

/// Gives a new group the rules that every group begins with.
pub(crate) fn add_default_rules(state: &mut Network, ids: &IdSource, group: &str, default: bool) {
    let Some(parent) = state.security_groups.get(group) else { return };
    let (project, at) = (parent.standard.project_id.clone(), parent.standard.created_at);
    let wanted = state
        .default_rules
        .values()
        .filter(|rule| if default { rule.used_in_default_sg } else { rule.used_in_non_default_sg });
    let made: Vec<SecurityGroupRule> = wanted
        .map(|rule| {
            let mut traffic = rule.traffic.clone();
            if traffic.remote_group_id.as_deref() == Some("PARENT") {
                traffic.remote_group_id = Some(group.to_owned());
            }
            SecurityGroupRule {
                standard: Standard {
                    id: ids.uuid(),
                    project_id: project.clone(),
                    description: rule.description.clone(),
                    created_at: at,
                    updated_at: at,
                    ..Standard::default()
                },
                security_group_id: group.to_owned(),
                traffic,
            }
        })
        .collect();
    for rule in made {
        state.put_rule(rule);
    }
}

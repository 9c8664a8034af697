//! Security groups.
//!
//! Every project has one named `default`, made when somebody of the project first looks.

use lotse_core::time::Timestamp;
use serde_json::{Map, Value, json};

use super::access::Change;
use super::attribute::Otherwise::{Empty, True, Unset};
use super::attribute::{Attribute, Check, Kind, attribute, python};
use super::model::{Network, SecurityGroup, SecurityGroupRule, Standard};
use super::refusal::Refusal;
use super::resource::{Resource, rename, render, stored, text, truth};
use crate::ids::IdSource;
use crate::keystone::caller::Caller;
use crate::upstream::fingerprint;

/// The name of the group that every project has.
pub(crate) const DEFAULT: &str = "default";

/// The id of the group `default` of a project, which is made when it is first needed.
pub(crate) fn default_group(
    state: &mut Network,
    ids: &IdSource,
    project: &str,
    now: Timestamp,
) -> String {
    if let Some(group) = state.index.default_group(project) {
        return group.clone();
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
    state.put_group(SecurityGroup { standard, stateful: true });
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

/// No group can be given the name of the one that every project has.
fn check_name(value: &Value) -> Result<(), Refusal> {
    let shown = python(value);
    if !value.is_string() {
        return Err(Refusal::value("name", &format!("'{shown}' is not a valid string")));
    }
    if shown.chars().count() > 255 {
        return Err(Refusal::value("name", &format!("'{shown}' exceeds maximum length of 255")));
    }
    if shown.eq_ignore_ascii_case(DEFAULT) {
        let text = "Default security group already exists.";
        return Err(Refusal::conflict("SecurityGroupDefaultAlreadyExists", text));
    }
    Ok(())
}

impl Resource for SecurityGroup {
    const KIND: Kind = Kind { one: "security_group", many: "security_groups" };
    const PATH: &'static str = "security-groups";
    const ATTRIBUTES: &'static [Attribute] = &[
        attribute("name", "PUFS", Empty, Check::By(check_name)),
        attribute("stateful", "PU", True, Check::Bool),
        attribute("shared", "F", Unset, Check::Any),
        attribute("description", "PUF", Empty, Check::Text(255)),
        attribute("security_group_rules", "", Unset, Check::Any),
    ];
    const FIELDS: (&'static [&'static str], &'static [&'static str]) = (
        &[
            "id",
            "name",
            "stateful",
            "tenant_id",
            "description",
            "shared",
            "security_group_rules",
            "tags",
            "created_at",
            "updated_at",
            "revision_number",
            "project_id",
        ],
        &[],
    );
    const QUOTA: Option<&'static str> = Some("security_group");

    stored!(security_groups, shared);

    fn before(state: &mut Network, change: &Change<'_>) {
        if let Some(project) = change.caller().project() {
            default_group(state, &change.world.ids, project, change.now);
        }
    }

    fn show(&self, state: &Network, caller: &Caller, name: &str) -> Value {
        match name {
            "stateful" => json!(self.stateful),
            "shared" => json!(state.is_shared(&self.standard.id, caller.project())),
            "security_group_rules" => {
                let rules = state.rules_of(&self.standard.id);
                let shown = rules.map(|rule| {
                    let mut shown = render(state, caller, rule, &[]);
                    shown["tags"] = json!(rule.standard.tags);
                    // Neutron's own number of the row, which this answer leaks.
                    shown["standard_attr_id"] = json!(fingerprint(&rule.standard.id) % 1_000_000);
                    shown
                });
                Value::Array(shown.collect())
            }
            _ => Value::Null,
        }
    }

    fn missing(id: &str) -> Refusal {
        let text = format!("Security group {id} does not exist");
        Refusal::missing("SecurityGroupNotFound", text)
    }

    fn create(
        state: &mut Network,
        change: &mut Change<'_>,
        item: Map<String, Value>,
    ) -> Result<String, Refusal> {
        let project = text(&item, "project_id");
        default_group(state, &change.world.ids, &project, change.now);
        let mut group =
            Self { standard: change.standard(&project), stateful: truth(&item, "stateful") };
        rename(&mut group.standard, &item);
        group.standard.revision = 1;
        let id = group.standard.id.clone();
        state.put_group(group);
        add_default_rules(state, &change.world.ids, &id, false);
        Ok(id)
    }

    fn update(
        state: &mut Network,
        change: &mut Change<'_>,
        id: &str,
        item: Map<String, Value>,
    ) -> Result<(), Refusal> {
        let used = state.index.is_group_used(id);
        let group = state.security_groups.get_mut(id).ok_or_else(|| Self::missing(id))?;
        if group.standard.name == DEFAULT && item.contains_key("name") {
            let text = "Updating default security group not allowed.";
            return Err(Refusal::conflict("SecurityGroupCannotUpdateDefault", text));
        }
        if item.contains_key("stateful") {
            let stateful = truth(&item, "stateful");
            if used && stateful != group.stateful {
                let text = format!("Security Group {id} in use.");
                return Err(Refusal::conflict("SecurityGroupInUse", text));
            }
            group.stateful = stateful;
        }
        rename(&mut group.standard, &item);
        group.standard.touch(change.now);
        Ok(())
    }

    fn delete(state: &mut Network, change: &mut Change<'_>, id: &str) -> Result<(), Refusal> {
        let group = state.security_groups.get(id).ok_or_else(|| Self::missing(id))?;
        if state.index.is_group_used(id) {
            let text = format!("Security Group {id} in use.");
            return Err(Refusal::conflict("SecurityGroupInUse", text));
        }
        if group.standard.name == DEFAULT && !change.caller().is_admin() {
            let text = "Insufficient rights for removing default security group.";
            return Err(Refusal::conflict("SecurityGroupCannotRemoveDefault", text));
        }
        let rules: Vec<String> = state.index.rules_about(id).map(str::to_owned).collect();
        for rule in rules {
            // The groups of rules that named this one do not notice.
            state.take_rule(&rule);
        }
        let policies: Vec<String> = state.index.policies_of(id).map(str::to_owned).collect();
        for policy in policies {
            state.take_policy(&policy);
        }
        state.take_group(id);
        Ok(())
    }
}

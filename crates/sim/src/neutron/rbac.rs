//! RBAC policies: what one project allows others.

use serde_json::{Map, Value, json};

use super::access::Change;
use super::attribute::Otherwise::{Null, Required};
use super::attribute::{Attribute, Check, Kind, attribute, python};
use super::model::{Network, RbacPolicy, Standard};
use super::refusal::Refusal;
use super::resource::{Resource, owns, stored, text};
use crate::keystone::caller::Caller;

/// What can be shared, and in which ways.
const TYPES: &[(&str, &[&str])] = &[
    ("address_group", &["access_as_shared"]),
    ("address_scope", &["access_as_shared"]),
    ("network", &["access_as_shared", "access_as_external"]),
    ("qos_policy", &["access_as_shared"]),
    ("security_group", &["access_as_shared"]),
    ("subnetpool", &["access_as_shared"]),
];

impl Resource for RbacPolicy {
    const KIND: Kind = Kind { one: "rbac_policy", many: "rbac_policies" };
    const PATH: &'static str = "rbac-policies";
    const ATTRIBUTES: &'static [Attribute] = &[
        attribute("object_type", "PFE", Null, Check::Any),
        attribute("object_id", "PFE", Required, Check::Uuid),
        attribute("target_tenant", "PUFEA", Required, Check::Text(255)),
        attribute("action", "PFE", Required, Check::Text(255)),
    ];
    const FIELDS: (&'static [&'static str], &'static [&'static str]) = (
        &["id", "project_id", "tenant_id", "action", "object_id", "target_tenant", "object_type"],
        &[],
    );
    const QUOTA: Option<&'static str> = Some("rbac_policy");
    const SORTED: bool = false;

    stored!(rbac_policies);

    fn may_set(
        _state: &Network,
        caller: &Caller,
        attribute: &Attribute,
        item: &Map<String, Value>,
        _create: bool,
    ) -> bool {
        caller.is_admin() || !attribute.is('A') || text(item, "target_tenant") != "*"
    }

    fn show(&self, _state: &Network, _caller: &Caller, name: &str) -> Value {
        match name {
            "action" => json!(self.action),
            "object_id" => json!(self.object_id),
            "target_tenant" => json!(self.target),
            "object_type" => json!(self.object_type),
            _ => Value::Null,
        }
    }

    fn missing(id: &str) -> Refusal {
        let text = format!("RBAC policy of type unknown with ID {id} not found");
        Refusal::missing("RbacPolicyNotFound", text)
    }

    fn undeletable(&self) -> Refusal {
        let (kind, id) = (&self.object_type, &self.standard.id);
        let text = format!("RBAC policy of type {kind} with ID {id} not found");
        Refusal::missing("RbacPolicyNotFound", text)
    }

    fn create(
        state: &mut Network,
        change: &mut Change<'_>,
        item: Map<String, Value>,
    ) -> Result<String, Refusal> {
        let kind = item.get("object_type").cloned().unwrap_or_default();
        let shown = python(&kind);
        let known = TYPES.iter().find(|(name, _)| *name == shown);
        let (object_type, actions) = known.ok_or_else(|| {
            let text = format!("'{shown}' is not a valid RBAC object type");
            Refusal::input(&text)
        })?;
        let action = text(&item, "action");
        if !actions.contains(&action.as_str()) {
            let quoted: Vec<String> = actions.iter().map(|it| format!("'{it}'")).collect();
            return Err(Refusal::wrong(
                "InvalidActionForType",
                format!(
                    "Invalid action '{action}' for object type '{object_type}'. Valid actions: \
                     ({})",
                    quoted.join(", ")
                ),
            ));
        }
        let object = text(&item, "object_id");
        let owner = owner_of(state, object_type, &object);
        if !owner.as_deref().is_some_and(|owner| owns(change.caller(), owner)) {
            let reason = "Only admins can manipulate policies on objects they do not own.";
            return Err(Refusal::input(&format!("Callback neutron failed with \"{reason}\"")));
        }
        let target = text(&item, "target_tenant");
        let mut policies = state.policies_of(&object);
        let twin = policies.any(|it| it.action == action && it.target == target);
        drop(policies);
        if twin {
            return Err(Refusal::conflict(
                "DuplicateRbacPolicy",
                "An RBAC policy already exists with those values.",
            ));
        }
        if action == "access_as_external"
            && let Some(net) = state.networks.get_mut(&object)
        {
            net.external = true;
        }
        let policy = Self {
            standard: change.standard(&text(&item, "project_id")),
            object_type: (*object_type).to_owned(),
            object_id: object,
            action,
            target,
        };
        let id = policy.standard.id.clone();
        state.put_policy(policy);
        Ok(id)
    }

    fn update(
        state: &mut Network,
        _change: &mut Change<'_>,
        id: &str,
        item: Map<String, Value>,
    ) -> Result<(), Refusal> {
        let policy = state.rbac_policies.get(id).ok_or_else(|| Self::missing(id))?;
        let target = text(&item, "target_tenant");
        if item.contains_key("target_tenant") && target != policy.target {
            check_unused(state, policy)?;
            let policy = Self { target, ..policy.clone() };
            state.put_policy(policy);
        }
        Ok(())
    }

    fn delete(state: &mut Network, _change: &mut Change<'_>, id: &str) -> Result<(), Refusal> {
        let policy = state.rbac_policies.get(id).ok_or_else(|| Self::missing(id))?;
        check_unused(state, policy)?;
        let (object, external) = (policy.object_id.clone(), policy.action == "access_as_external");
        state.take_policy(id);
        let still = state.policies_of(&object).any(|it| it.action == "access_as_external");
        if external
            && !still
            && let Some(net) = state.networks.get_mut(&object)
        {
            net.external = false;
        }
        Ok(())
    }
}

fn owner_of(state: &Network, kind: &str, id: &str) -> Option<String> {
    let standard = match kind {
        "network" => state.networks.get(id).map(|it| &it.standard),
        "security_group" => state.security_groups.get(id).map(|it| &it.standard),
        "qos_policy" => state.qos_policies.get(id).map(|it| &it.standard),
        "address_scope" => state.address_scopes.get(id).map(|it| &it.standard),
        "subnetpool" => state.subnetpools.get(id).map(|it| &it.standard),
        _ => None,
    };
    standard.map(|it| it.project_id.clone())
}

/// Refuses to take back what somebody uses.
fn check_unused(state: &Network, policy: &RbacPolicy) -> Result<(), Refusal> {
    if policy.object_type != "network" || policy.action != "access_as_shared" {
        return Ok(());
    }
    unused_by_others(state, &policy.object_id, &policy.target).map_err(|details| {
        Refusal::conflict(
            "RbacPolicyInUse",
            format!(
                "RBAC policy on object {} cannot be removed because other objects depend on \
                 it.\nDetails: Callback neutron failed with \"{}\"",
                policy.object_id, details.message
            ),
        )
    })
}

/// Refuses when projects that a network is shared with have ports in it.
pub(crate) fn unused_by_others(
    state: &Network,
    network: &str,
    target: &str,
) -> Result<(), Refusal> {
    let owner = owner_of(state, "network", network).unwrap_or_default();
    let used = state.ports_of_network(network).any(|port| {
        let project = &port.standard.project_id;
        !project.is_empty() && *project != owner && (target == "*" || project == target)
    });
    if !used {
        return Ok(());
    }
    Err(Refusal::conflict(
        "InvalidSharedSetting",
        format!(
            "Unable to reconfigure sharing settings for network {}. Multiple tenants are using it.",
            state.networks.get(network).map(|it| it.standard.name.as_str()).unwrap_or_default()
        ),
    ))
}

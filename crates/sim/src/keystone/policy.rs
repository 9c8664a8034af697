//! What a role allows in Keystone.
//!
//! The rules are the secure defaults, as Keystone has them from 2024.2 on: `admin` may do everything
//! wherever it is given, `reader` on the system may look at everything, `reader` on a domain at what
//! is in it, `manager` on a domain may change what is in it (the domain manager of SCS-0302),
//! everybody may look at what is their own. Keystone 22, which the contract is compared with, knows
//! no manager and says the same otherwise.

use super::caller::Caller;
use super::model::{Role, Scope};
use super::refusal::Refusal;

/// Somebody who may do something.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Who {
    /// Whoever has a valid token.
    Everybody,
    /// `reader` on the system.
    SystemReader,
    /// `reader` on the domain of the target.
    DomainReader,
    /// `manager` on the domain of the target.
    DomainManager,
    /// `manager` on any domain.
    AnyDomainManager,
    /// The user whose own it is.
    Owner,
}

/// What something is done to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Target<'a> {
    /// The domain it is in.
    pub(crate) domain: Option<&'a str>,
    /// Whether it is the caller's own.
    pub(crate) own: bool,
}

impl<'a> Target<'a> {
    /// Something in a domain.
    pub(crate) const fn within(domain: Option<&'a str>) -> Self {
        Self { domain, own: false }
    }

    /// The same, the caller's own or not.
    pub(crate) const fn owned(mut self, own: bool) -> Self {
        self.own = own;
        self
    }
}

/// Who besides administrators may do it.
fn rule(action: &str) -> &'static [Who] {
    use Who::{AnyDomainManager, DomainManager, DomainReader, Everybody, Owner, SystemReader};
    match action {
        "get_region"
        | "list_regions"
        | "get_registered_limit"
        | "list_registered_limits"
        | "list_limits"
        | "get_limit_model" => &[Everybody],
        "list_roles" => &[SystemReader, AnyDomainManager],
        "create_grant"
        | "revoke_grant"
        | "create_user"
        | "update_user"
        | "delete_user"
        | "create_group"
        | "update_group"
        | "delete_group"
        | "add_user_to_group"
        | "remove_user_from_group"
        | "create_project"
        | "update_project"
        | "delete_project"
        | "create_project_tag"
        | "update_project_tags"
        | "delete_project_tag"
        | "delete_project_tags" => &[DomainManager],
        "get_user"
        | "get_project"
        | "get_domain"
        | "list_projects_of"
        | "list_user_projects"
        | "list_groups_for_user"
        | "list_project_tags"
        | "get_project_tag"
        | "get_limit"
        | "validate_token"
        | "check_token"
        | "list_role_assignments_for_tree" => &[SystemReader, DomainReader, Owner],
        "list_users"
        | "list_groups"
        | "get_group"
        | "list_projects"
        | "list_domains"
        | "list_users_in_group"
        | "check_user_in_group"
        | "list_grants"
        | "check_grant"
        | "list_role_assignments" => &[SystemReader, DomainReader],
        "get_role"
        | "list_application_credentials"
        | "get_application_credential"
        | "list_access_rules"
        | "get_access_rule"
        | "list_credentials"
        | "get_credential"
        | "ec2_get_credential"
        | "ec2_list_credentials"
        | "list_trusts_for_trustor"
        | "list_trusts_for_trustee"
        | "get_trust"
        | "list_roles_for_trust"
        | "get_role_for_trust" => &[SystemReader, Owner],
        "create_application_credential"
        | "create_trust"
        | "create_credential"
        | "update_credential"
        | "delete_credential"
        | "ec2_create_credential"
        | "ec2_delete_credential"
        | "revoke_token"
        | "delete_application_credential"
        | "delete_access_rule"
        | "delete_trust" => &[Owner],
        other
            if other.starts_with("get_")
                || other.starts_with("list_")
                || other.starts_with("check_") =>
        {
            &[SystemReader]
        }
        _ => &[],
    }
}

/// Allows an action or refuses it in Keystone's words.
pub(crate) fn allow(caller: &Caller, action: &str, target: Target<'_>) -> Result<(), Refusal> {
    // Keystone gives nobody but the user itself these two, not even administrators.
    let personal = matches!(action, "create_application_credential" | "create_trust");
    if caller.is_admin() && !personal {
        return Ok(());
    }
    let on_domain = || match (&caller.token.scope, target.domain) {
        (Scope::Domain(own), Some(domain)) => own == domain,
        _ => false,
    };
    let allowed = rule(action).iter().any(|who| match who {
        Who::Everybody => true,
        Who::SystemReader => caller.token.scope == Scope::System && caller.has_role("reader"),
        Who::DomainReader => caller.has_role("reader") && on_domain(),
        Who::DomainManager => caller.has_role("manager") && on_domain(),
        Who::AnyDomainManager => caller.has_role("manager") && caller.domain().is_some(),
        Who::Owner => target.own,
    });
    if allowed { Ok(()) } else { Err(Refusal::forbidden(action)) }
}

/// Whether a manager of a domain may hand out the role.
pub(crate) fn managed(role: &Role) -> bool {
    role.domain_id.is_none() && ["manager", "member", "reader"].contains(&role.name.as_str())
}

//! Who may do what: roles, permissions, and the identity behind a request.
//!
//! A route names one [`Permission`]; a permission names the roles that have it. Roles are few and
//! fixed, permissions come with the capabilities. An API token carries permissions, not roles, so
//! that it can do less than its owner.

use std::sync::Arc;

use lotse_core::time::Timestamp;

use crate::credential::Credential;

/// What a person is in the house.
#[derive(
    Clone,
    Copy,
    Debug,
    Eq,
    PartialEq,
    Ord,
    PartialOrd,
    Hash,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
    utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Sees what runs and what it did.
    Viewer,
    /// Runs things: requests tasks, looks into the audit log.
    Operator,
    /// Tells the users of the cloud how it is.
    Reporter,
    /// Sees and settles what was used.
    Billing,
    /// May do everything.
    Admin,
}

impl Role {
    /// All of them, smallest first.
    pub const ALL: [Self; 5] =
        [Self::Viewer, Self::Operator, Self::Reporter, Self::Billing, Self::Admin];

    /// Its name in configuration, API and pages.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Reporter => "reporter",
            Self::Billing => "billing",
            Self::Admin => "admin",
        }
    }

    /// The role of this name.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }
}

/// Something one may do.
#[derive(Debug, Eq, PartialEq)]
pub struct Permission {
    /// Short and stable, for example `task.request`; tokens carry it.
    pub name: &'static str,
    /// What it allows, for the page on which tokens are made.
    pub about: &'static str,
    /// Who has it; `admin` has every one without being named.
    pub roles: &'static [Role],
}

impl Permission {
    /// Whether somebody with this role has it.
    pub fn allows(&self, role: Role) -> bool {
        role == Role::Admin || self.roles.contains(&role)
    }
}

const EVERYBODY: &[Role] = &[Role::Viewer, Role::Operator, Role::Reporter, Role::Billing];

/// To see clouds, tasks and what they did last.
pub static TASK_READ: Permission =
    Permission { name: "task.read", about: "see clouds and tasks", roles: EVERYBODY };
/// To have a task activated now.
pub static TASK_REQUEST: Permission =
    Permission { name: "task.request", about: "have a task run now", roles: &[Role::Operator] };
/// To read the audit log.
pub static AUDIT_READ: Permission =
    Permission { name: "audit.read", about: "read the audit log", roles: &[Role::Operator] };
/// To see one's own tokens.
pub static TOKEN_READ: Permission =
    Permission { name: "token.read", about: "see your API tokens", roles: EVERYBODY };
/// To make and revoke one's own tokens.
pub static TOKEN_WRITE: Permission =
    Permission { name: "token.write", about: "make and revoke your API tokens", roles: EVERYBODY };
/// To see and revoke everybody's tokens.
pub static TOKEN_ALL: Permission =
    Permission { name: "token.all", about: "see and revoke everybody's API tokens", roles: &[] };

/// The permissions that every daemon knows.
pub static OWN: [&Permission; 6] =
    [&TASK_READ, &TASK_REQUEST, &AUDIT_READ, &TOKEN_READ, &TOKEN_WRITE, &TOKEN_ALL];

/// What a route demands of whoever asks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Access {
    /// Nothing.
    Open,
    /// A proof in the request itself, which the handler demands before anything else: webhooks, that
    /// are signed with a secret. The gate leaves such requests alone, with their bodies unread; the
    /// handler bounds what they cost.
    Proven,
    /// To be signed in, in whatever role.
    SignedIn,
    /// This permission. Where the configuration gives strangers a role, its reading permissions
    /// count for them as well.
    Needs(&'static Permission),
    /// This permission and to be somebody, because the answer is about the one who asks.
    Personal(&'static Permission),
}

/// Who is behind a request.
#[derive(Clone, Debug)]
pub enum Who {
    /// Nobody we know.
    Stranger,
    /// A person with a session.
    Person {
        /// The same at every sign-in.
        subject: String,
        /// For people.
        name: String,
        /// When the session ends at the latest.
        until: Timestamp,
        /// The secret of the session.
        credential: SessionCredential,
    },
    /// A script with a token.
    Token {
        /// The token.
        id: String,
        /// Its name.
        name: String,
        /// Who made it.
        owner: String,
        /// When it ends.
        until: Timestamp,
    },
}

/// The secret of a session; what protects forms is derived from it.
#[derive(Clone, Debug)]
pub struct SessionCredential(pub(crate) Arc<Credential>);

impl SessionCredential {
    /// What a form or a request of this session must carry to change something.
    pub(crate) fn csrf(&self) -> Credential {
        self.0.derive("csrf")
    }
}

/// Who is behind a request, and what they may do.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Who.
    pub who: Who,
    /// The roles of a person or a stranger; none for a token.
    pub roles: Vec<Role>,
    /// The permissions of a token; none for others.
    pub scopes: Vec<String>,
}

impl Identity {
    /// Somebody unknown, with the roles that the configuration gives to such.
    pub(crate) fn stranger(role: Option<Role>) -> Self {
        Self { who: Who::Stranger, roles: role.into_iter().collect(), scopes: Vec::new() }
    }

    /// Whether this is somebody.
    pub fn is_known(&self) -> bool {
        !matches!(self.who, Who::Stranger)
    }

    /// Whether they have this permission.
    pub fn may(&self, permission: &Permission) -> bool {
        self.roles.iter().any(|role| permission.allows(*role))
            || self.scopes.iter().any(|scope| scope == permission.name)
    }

    /// Whether a route that demands this is theirs to read.
    pub fn reaches(&self, access: Access) -> bool {
        match access {
            Access::Open | Access::Proven => true,
            Access::SignedIn => self.is_known(),
            Access::Needs(permission) => self.may(permission),
            Access::Personal(permission) => self.is_known() && self.may(permission),
        }
    }

    /// The word for them in the audit log; also what their tokens and answers are kept under.
    pub fn actor(&self) -> String {
        match &self.who {
            Who::Stranger => "stranger".to_owned(),
            Who::Person { subject, .. } => subject.clone(),
            Who::Token { id, owner, .. } => format!("{owner} token:{id}"),
        }
    }

    /// Whose tokens they see: their own, or those of the owner of the token they use.
    pub fn owner(&self) -> Option<&str> {
        match &self.who {
            Who::Stranger => None,
            Who::Person { subject, .. } => Some(subject),
            Who::Token { owner, .. } => Some(owner),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_and_permission_has_one_name() {
        for role in Role::ALL {
            assert_eq!(Role::of_word(role.word()), Some(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.word());
        }
        assert_eq!(Role::of_word("Admin"), None);
        let mut names: Vec<_> = OWN.iter().map(|permission| permission.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), OWN.len());
    }

    #[test]
    fn admin_has_everything_and_the_small_roles_change_nothing() {
        for permission in OWN {
            assert!(permission.allows(Role::Admin), "{permission:?}");
        }
        for role in [Role::Viewer, Role::Reporter, Role::Billing] {
            assert!(!TASK_REQUEST.allows(role) && !AUDIT_READ.allows(role), "{role:?}");
        }
    }

    #[test]
    fn a_stranger_with_a_role_reads_but_is_nobody() {
        let stranger = Identity::stranger(Some(Role::Viewer));
        assert!(stranger.reaches(Access::Needs(&TASK_READ)));
        assert!(!stranger.reaches(Access::Personal(&TOKEN_READ)));
        assert!(!stranger.reaches(Access::SignedIn));
        assert!(!Identity::stranger(None).reaches(Access::Needs(&TASK_READ)));
    }

    #[test]
    fn a_token_may_what_its_scopes_say_and_no_more() {
        let who = Who::Token {
            id: "1".to_owned(),
            name: "t".to_owned(),
            owner: "ada".to_owned(),
            until: Timestamp::MAX,
        };
        let token = Identity { who, roles: Vec::new(), scopes: vec!["audit.read".to_owned()] };
        assert!(token.may(&AUDIT_READ) && !token.may(&TASK_READ) && !token.may(&TOKEN_ALL));
        assert_eq!(token.owner(), Some("ada"));
    }
}

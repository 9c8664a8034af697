//! What Keystone knows, as plain data.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use lotse_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::seed::{Keyed, keyed};

/// A password or secret. It is part of the state, and shown nowhere else.
#[derive(Clone, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Password(pub(crate) String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

const fn yes() -> bool {
    true
}

fn default_domain() -> String {
    "default".to_owned()
}

/// A collection of entities that are all a name, a few references and free attributes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Domain {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) description: String,
    #[serde(default = "yes")]
    pub(crate) enabled: bool,
}

/// A project.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Project {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default = "default_domain")]
    pub(crate) domain_id: String,
    #[serde(default)]
    pub(crate) description: String,
    #[serde(default = "yes")]
    pub(crate) enabled: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) parent_id: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tags: Vec<String>,
    /// Attributes of the client's own.
    #[serde(flatten)]
    pub(crate) extra: Map<String, Value>,
}

/// A user.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default = "default_domain")]
    pub(crate) domain_id: String,
    #[serde(default)]
    pub(crate) password: Password,
    #[serde(default = "yes")]
    pub(crate) enabled: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) default_project_id: Option<String>,
    /// Attributes of the client's own, `description` and `email` among them.
    #[serde(flatten)]
    pub(crate) extra: Map<String, Value>,
}

/// A role. Some imply others.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Role {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    /// Names of the roles it implies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) implies: Vec<String>,
    /// Whether it came with Keystone and stays.
    #[serde(default)]
    pub(crate) immutable: bool,
}

impl Role {
    /// The `options` that answers show.
    pub(crate) fn options(&self) -> Value {
        if self.immutable { serde_json::json!({"immutable": true}) } else { serde_json::json!({}) }
    }
}

/// A region.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Region {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) description: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) parent_region_id: Option<String>,
}

/// What a role is given on, and what a token is for.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scope {
    /// Nothing: the token only proves who one is.
    Unscoped,
    /// A project, by id.
    Project(String),
    /// A domain, by id.
    Domain(String),
    /// The whole deployment.
    System,
}

/// A role given to a user.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub(crate) struct Assignment {
    /// Id of the user.
    pub(crate) user: String,
    /// Id of the role.
    pub(crate) role: String,
    pub(crate) on: Scope,
}

/// A credential that acts for a user on one project.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AppCredential {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) secret: Password,
    pub(crate) user_id: String,
    pub(crate) project_id: String,
    /// Names of its roles.
    pub(crate) roles: Vec<String>,
    #[serde(default)]
    pub(crate) description: Option<String>,
    #[serde(default)]
    pub(crate) unrestricted: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at: Option<Timestamp>,
}

/// An access token of an identity provider, and whose it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Federated {
    pub(crate) identity_provider: String,
    pub(crate) protocol: String,
    pub(crate) access_token: Password,
    pub(crate) user_id: String,
}

/// The tokens that were handed out, by themselves; secrets, so only their number is ever shown.
#[derive(Clone, Default)]
pub(crate) struct Tokens(HashMap<String, Token>);

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} tokens", self.0.len())
    }
}

impl std::ops::Deref for Tokens {
    type Target = HashMap<String, Token>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl std::ops::DerefMut for Tokens {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

/// A token that was handed out.
#[derive(Clone)]
pub(crate) struct Token {
    pub(crate) id: String,
    pub(crate) methods: Vec<String>,
    pub(crate) user_id: String,
    pub(crate) scope: Scope,
    /// Ids of the roles, implied ones included.
    pub(crate) roles: Vec<String>,
    pub(crate) audit_id: String,
    pub(crate) issued_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    /// The application credential it came from.
    pub(crate) app_credential: Option<String>,
    /// Identity provider and protocol it came from.
    pub(crate) federation: Option<(String, String)>,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token(… of {} for {:?})", self.user_id, self.scope)
    }
}

/// Everything Keystone knows.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Identity {
    #[serde(with = "keyed")]
    pub(crate) domains: BTreeMap<String, Domain>,
    #[serde(with = "keyed")]
    pub(crate) projects: BTreeMap<String, Project>,
    #[serde(with = "keyed")]
    pub(crate) users: BTreeMap<String, User>,
    #[serde(with = "keyed")]
    pub(crate) roles: BTreeMap<String, Role>,
    #[serde(with = "keyed")]
    pub(crate) regions: BTreeMap<String, Region>,
    pub(crate) assignments: BTreeSet<Assignment>,
    #[serde(with = "keyed")]
    pub(crate) application_credentials: BTreeMap<String, AppCredential>,
    pub(crate) federated: Vec<Federated>,
    #[serde(skip)]
    pub(crate) tokens: Tokens,
}

macro_rules! has_id {
    ($($kind:ty),*) => {$(
        impl Keyed for $kind {
            fn key(&self) -> &str {
                &self.id
            }
        }
    )*};
}
has_id!(Domain, Project, User, Role, Region, AppCredential);

impl Identity {
    /// The domain of this name.
    pub(crate) fn domain_named(&self, name: &str) -> Option<&Domain> {
        self.domains.values().find(|domain| domain.name == name)
    }

    /// The project of this name in a domain.
    pub(crate) fn project_named(&self, name: &str, domain: &str) -> Option<&Project> {
        self.projects.values().find(|found| found.name == name && found.domain_id == domain)
    }

    /// The user of this name in a domain.
    pub(crate) fn user_named(&self, name: &str, domain: &str) -> Option<&User> {
        self.users.values().find(|found| found.name == name && found.domain_id == domain)
    }

    /// The role of this name.
    pub(crate) fn role_named(&self, name: &str) -> Option<&Role> {
        self.roles.values().find(|role| role.name == name)
    }

    /// Ids of the roles a user has there, implied ones included.
    pub(crate) fn roles_on(&self, user: &str, scope: &Scope) -> Vec<String> {
        let given = self
            .assignments
            .iter()
            .filter(|given| given.user == user && given.on == *scope)
            .map(|given| given.role.clone());
        self.with_implied(given.collect())
    }

    /// The roles and all that they imply.
    pub(crate) fn with_implied(&self, mut open: Vec<String>) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        while let Some(id) = open.pop() {
            if all.contains(&id) {
                continue;
            }
            if let Some(role) = self.roles.get(&id) {
                let implied = role.implies.iter().filter_map(|name| self.role_named(name));
                open.extend(implied.map(|role| role.id.clone()));
                all.push(id);
            }
        }
        all
    }

    /// Forgets what belongs to or was given on something that is not there any more, and the tokens
    /// of what is switched off.
    pub(crate) fn drop_orphans(&mut self) {
        let (domains, roles) = (&self.domains, &self.roles);
        self.projects.retain(|_, project| domains.contains_key(&project.domain_id));
        self.users.retain(|_, user| domains.contains_key(&user.domain_id));
        let (projects, users) = (&self.projects, &self.users);
        self.application_credentials.retain(|_, credential| {
            users.contains_key(&credential.user_id) && projects.contains_key(&credential.project_id)
        });
        let exists = |scope: &Scope| match scope {
            Scope::Project(id) => projects.contains_key(id),
            Scope::Domain(id) => domains.contains_key(id),
            Scope::System | Scope::Unscoped => true,
        };
        self.federated.retain(|known| users.contains_key(&known.user_id));
        self.assignments.retain(|given| {
            users.contains_key(&given.user) && roles.contains_key(&given.role) && exists(&given.on)
        });
        let open = |scope: &Scope| match scope {
            Scope::Project(id) => projects.get(id).is_some_and(|project| project.enabled),
            Scope::Domain(id) => domains.get(id).is_some_and(|domain| domain.enabled),
            Scope::System | Scope::Unscoped => true,
        };
        self.tokens.retain(|_, token| {
            users.get(&token.user_id).is_some_and(|user| user.enabled) && open(&token.scope)
        });
    }

    /// Forgets tokens that have ended.
    pub(crate) fn forget_ended_tokens(&mut self, now: Timestamp) {
        self.tokens.retain(|_, token| token.expires_at > now);
    }
}

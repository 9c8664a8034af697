//! The things that Keystone keeps, as plain data.

use std::collections::{BTreeMap, BTreeSet};

use lotse_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::Password;
use crate::seed::Keyed;

const fn yes() -> bool {
    true
}

fn default_domain() -> String {
    "default".to_owned()
}

/// A domain.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Domain {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) description: String,
    #[serde(default = "yes")]
    pub(crate) enabled: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tags: Vec<String>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub(crate) options: Map<String, Value>,
    /// Its own configuration: groups of options.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub(crate) config: Map<String, Value>,
    /// Attributes of the client's own.
    #[serde(flatten)]
    pub(crate) extra: Map<String, Value>,
}

/// A project.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Project {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default = "default_domain")]
    pub(crate) domain_id: String,
    #[serde(default)]
    pub(crate) description: String,
    #[serde(default = "yes")]
    pub(crate) enabled: bool,
    /// The project above it; without one it is right below its domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) parent_id: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tags: Vec<String>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub(crate) options: Map<String, Value>,
    /// Attributes of the client's own.
    #[serde(flatten)]
    pub(crate) extra: Map<String, Value>,
}

/// A user.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
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
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub(crate) options: Map<String, Value>,
    /// Attributes of the client's own, `description` and `email` among them.
    #[serde(flatten)]
    pub(crate) extra: Map<String, Value>,
}

/// A group of users.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Group {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default = "default_domain")]
    pub(crate) domain_id: String,
    #[serde(default)]
    pub(crate) description: String,
    /// Ids of its members.
    #[serde(default)]
    pub(crate) users: BTreeSet<String>,
    /// Attributes of the client's own.
    #[serde(flatten)]
    pub(crate) extra: Map<String, Value>,
}

/// A role. Some imply others.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Role {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    /// The domain whose own it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) domain_id: Option<String>,
    /// Ids or names of the roles it implies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) implies: Vec<String>,
    /// Whether it stays as it is, as those do that came with Keystone.
    #[serde(default)]
    pub(crate) immutable: bool,
    /// Attributes of the client's own.
    #[serde(flatten)]
    pub(crate) extra: Map<String, Value>,
}

impl Role {
    /// The `options` that answers show.
    pub(crate) fn options(&self) -> Value {
        if self.immutable { json!({"immutable": true}) } else { json!({}) }
    }
}

/// A region.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Region {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) description: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) parent_region_id: Option<String>,
    /// Attributes of the client's own.
    #[serde(flatten)]
    pub(crate) extra: Map<String, Value>,
}

/// A service of the catalogue.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct CatalogService {
    pub(crate) id: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default = "yes")]
    pub(crate) enabled: bool,
    /// Attributes of the client's own, `description` among them.
    #[serde(flatten)]
    pub(crate) extra: Map<String, Value>,
}

/// Where a service is reached.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Endpoint {
    pub(crate) id: String,
    pub(crate) service_id: String,
    /// `public`, `internal` or `admin`.
    pub(crate) interface: String,
    #[serde(default)]
    pub(crate) region_id: Option<String>,
    /// The address; one that begins with a slash is on this cloud, wherever that listens.
    pub(crate) url: String,
    #[serde(default = "yes")]
    pub(crate) enabled: bool,
    /// Attributes of the client's own, `name` and `description` among them.
    #[serde(flatten)]
    pub(crate) extra: Map<String, Value>,
}

/// Something that is kept as it was given: policies, credentials, consumers, limits, trusts.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Document {
    pub(crate) id: String,
    #[serde(flatten)]
    pub(crate) fields: Map<String, Value>,
}

impl Document {
    /// The text in a field.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.fields.get(name).and_then(Value::as_str)
    }
}

/// Documents by the name of their collection, for example `policies`, and by id.
pub(crate) type Documents = BTreeMap<String, BTreeMap<String, Document>>;

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

/// Whom a role is given to, by id.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Actor {
    /// A user.
    User(String),
    /// All members of a group.
    Group(String),
}

impl Actor {
    /// The id.
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::User(id) | Self::Group(id) => id,
        }
    }
}

/// A role given to a user or a group.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub(crate) struct Assignment {
    #[serde(flatten)]
    pub(crate) actor: Actor,
    /// Id of the role.
    pub(crate) role: String,
    pub(crate) on: Scope,
    /// Whether it counts on all projects below instead of where it is given.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) inherited: bool,
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
    /// Ids of the access rules that limit it; none: no limit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) access_rules: Vec<String>,
}

/// An access token of an identity provider, and whose it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Federated {
    pub(crate) identity_provider: String,
    pub(crate) protocol: String,
    pub(crate) access_token: Password,
    pub(crate) user_id: String,
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
has_id!(
    Domain,
    Project,
    User,
    Group,
    Role,
    Region,
    CatalogService,
    Endpoint,
    Document,
    AppCredential
);

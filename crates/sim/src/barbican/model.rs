//! What Barbican knows, as plain data.
//!
//! Time changes nothing by itself: a secret that has expired is left out where it is looked for.

use std::collections::BTreeMap;

use lotse_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::keystone::model::Password;
use crate::seed::{Keyed, keyed};

/// Everything the service knows.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Secrets {
    #[serde(rename = "secrets", with = "keyed")]
    pub(crate) by_id: BTreeMap<String, Secret>,
    #[serde(with = "keyed")]
    pub(crate) containers: BTreeMap<String, Container>,
}

/// Whose something is, and who else may read it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Owner {
    pub(crate) project_id: String,
    pub(crate) creator_id: String,
    /// Without one, the project may read.
    pub(crate) acl: Option<Acl>,
}

/// Who may read.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Acl {
    /// Whether the project may.
    pub(crate) project_access: bool,
    /// Users who may, of any project.
    #[serde(default)]
    pub(crate) users: Vec<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

/// A secret.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Secret {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    /// `opaque`, `symmetric`, `passphrase`, …
    #[serde(rename = "secret_type")]
    pub(crate) kind: String,
    pub(crate) algorithm: Option<String>,
    pub(crate) bit_length: Option<i64>,
    pub(crate) mode: Option<String>,
    pub(crate) expiration: Option<Timestamp>,
    pub(crate) owner: Owner,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) payload: Option<Payload>,
    /// What users say of it.
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) consumers: Vec<Consumer>,
}

impl Keyed for Secret {
    fn key(&self) -> &str {
        &self.id
    }
}

impl Secret {
    /// Whether its time is over.
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        self.expiration.is_some_and(|expiration| expiration <= now)
    }
}

/// What is in a secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Payload {
    pub(crate) content_type: String,
    /// In Base64.
    pub(crate) content: Password,
}

/// Something that uses a secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Consumer {
    pub(crate) service: String,
    pub(crate) resource_type: String,
    pub(crate) resource_id: String,
    pub(crate) project_id: String,
    pub(crate) created_at: Timestamp,
}

/// Several secrets that belong together.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Container {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    /// `generic`, `rsa` or `certificate`.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) owner: Owner,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) secrets: Vec<Held>,
    pub(crate) consumers: Vec<User>,
}

impl Keyed for Container {
    fn key(&self) -> &str {
        &self.id
    }
}

/// A secret in a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Held {
    pub(crate) name: Option<String>,
    pub(crate) secret_id: String,
}

/// Something that uses a container.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) url: String,
    pub(crate) project_id: String,
    pub(crate) created_at: Timestamp,
}

impl Secrets {
    /// Makes the transitions that are due: there are none.
    #[expect(clippy::unused_self, reason = "all services are settled the same way")]
    pub(crate) const fn settle(&mut self, _now: Timestamp) {}

    /// Deletes a secret, also from the containers that hold it.
    pub(crate) fn delete_secret(&mut self, id: &str) {
        self.by_id.remove(id);
        for container in self.containers.values_mut() {
            container.secrets.retain(|held| held.secret_id != id);
        }
    }
}

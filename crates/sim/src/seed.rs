//! The state to begin with, and the state as a file.
//!
//! A dump and a seed have the same form: [`State`] as JSON. Every part may be left out of a seed; the
//! built-in part is used then, with these people (all in the domain `Default`, password `sim`):
//!
//! | user | role | on |
//! | --- | --- | --- |
//! | `admin` | `admin` | project `admin`, the system |
//! | `demo` | `member` | project `demo` |
//! | `reader` | `reader` | project `demo` |
//! | `alt` | `member` | project `alt` |
//!
//! Members are also `load-balancer_member`, the reader is `load-balancer_observer`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::barbican::model::Secrets;
use crate::cinder::model::Volumes;
use crate::error::SimError;
use crate::glance::model::Images;
use crate::ids::named;
use crate::keystone::model::{
    Actor, AppCredential, Assignment, Domain, Federated, Identity, Password, Project, Region, Role,
    Scope, User,
};
use crate::neutron::model::Network;
use crate::nova::model::Compute;
use crate::octavia::model::Balancers;
use crate::placement::model::Placement;
use crate::swift::model::Objects;
use crate::upstream::{UpstreamFile, fingerprint};

/// The password of all built-in people.
pub(crate) const PASSWORD: &str = "sim";

/// What the built-in identity provider hands to `demo`.
pub(crate) const ACCESS_TOKEN: &str = "sim-access-token";

/// Everything the cloud knows, as a JSON file holds it. Bytes of images, tokens and fault rules are
/// not part of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct State {
    /// Keystone's part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) identity: Option<Identity>,
    /// Glance's part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) image: Option<Images>,
    /// Nova's part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) compute: Option<Compute>,
    /// Placement's part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) placement: Option<Placement>,
    /// Neutron's part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) network: Option<Network>,
    /// Cinderv3's part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) volume: Option<Volumes>,
    /// Octavia's part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) load_balancer: Option<Balancers>,
    /// Barbican's part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_manager: Option<Secrets>,
    /// Swift's part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) object_store: Option<Objects>,
    /// Declared URLs of the simulated internet.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) upstream: BTreeMap<String, UpstreamFile>,
    /// URLs where nothing answers.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) unreachable: BTreeSet<String>,
    /// Depends on the file it was read from; 0 when there was none.
    #[serde(skip)]
    pub(crate) fingerprint: u64,
}

impl State {
    /// Reads a seed file.
    ///
    /// # Errors
    ///
    /// [`SimError::SeedUnreadable`], or [`SimError::SeedInvalid`] with line and column.
    pub fn read(path: &Path) -> Result<Self, SimError> {
        let text = std::fs::read(path)
            .map_err(|source| SimError::SeedUnreadable { path: path.to_owned(), source })?;
        let state: Self = serde_json::from_slice(&text)
            .map_err(|source| SimError::SeedInvalid { path: path.to_owned(), source })?;
        Ok(Self { fingerprint: fingerprint(&text), ..state })
    }

    /// The state as JSON, as [`State::read`] reads it.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// Something that has an id of its own.
pub(crate) trait Keyed {
    fn key(&self) -> &str;
}

/// Maps by id, written as lists.
pub(crate) mod keyed {
    use std::collections::BTreeMap;
    use std::fmt;
    use std::marker::PhantomData;

    use serde::de::value::MapAccessDeserializer;
    use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Keyed;

    pub(crate) fn serialize<S: Serializer, T: Serialize>(
        map: &BTreeMap<String, T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map.values())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, T: Deserialize<'de> + Keyed>(
        deserializer: D,
    ) -> Result<BTreeMap<String, T>, D::Error> {
        deserializer.deserialize_seq(List(PhantomData))
    }

    struct List<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de> + Keyed> Visitor<'de> for List<T> {
        type Value = BTreeMap<String, T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut map = BTreeMap::new();
            while let Some((key, one)) = list.next_element_seed(One(&map))? {
                map.insert(key, one);
            }
            Ok(map)
        }
    }

    /// One of the list, which is refused while it is read when it was there before: so the error gets
    /// its place.
    struct One<'a, T>(&'a BTreeMap<String, T>);

    impl<'de, T: Deserialize<'de> + Keyed> DeserializeSeed<'de> for One<'_, T> {
        type Value = (String, T);

        fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<Self::Value, D::Error> {
            value.deserialize_map(self)
        }
    }

    impl<'de, T: Deserialize<'de> + Keyed> Visitor<'de> for One<'_, T> {
        type Value = (String, T);

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
            let one = T::deserialize(MapAccessDeserializer::new(map))?;
            let key = one.key().to_owned();
            if self.0.contains_key(&key) {
                return Err(A::Error::custom(format!("`{key}` is there twice")));
            }
            Ok((key, one))
        }
    }
}

fn by_id<T: Keyed>(list: impl IntoIterator<Item = T>) -> BTreeMap<String, T> {
    list.into_iter().map(|one| (one.key().to_owned(), one)).collect()
}

/// The id of the built-in application credential.
pub(crate) fn app_credential_id() -> String {
    named("application-credential", "sim-app")
}

/// The built-in people, projects and roles.
pub(crate) fn identity() -> Identity {
    let role = |name: &str, implies: &[&str]| Role {
        id: named("role", name),
        name: name.to_owned(),
        implies: implies.iter().map(|name| (*name).to_owned()).collect(),
        immutable: ["admin", "manager", "member", "reader"].contains(&name),
        ..Role::default()
    };
    let project = |name: &str, description: &str| Project {
        id: named("project", name),
        name: name.to_owned(),
        domain_id: "default".to_owned(),
        description: description.to_owned(),
        enabled: true,
        ..Project::default()
    };
    let user = |name: &str| User {
        id: named("user", name),
        name: name.to_owned(),
        domain_id: "default".to_owned(),
        password: Password(PASSWORD.to_owned()),
        enabled: true,
        ..User::default()
    };
    let given = |name: &str, role: &str, on: Scope| Assignment {
        actor: Actor::User(named("user", name)),
        role: named("role", role),
        on,
        inherited: false,
    };
    let on = |project: &str| Scope::Project(named("project", project));
    Identity {
        domains: by_id([Domain {
            id: "default".to_owned(),
            name: "Default".to_owned(),
            description: "The default domain".to_owned(),
            enabled: true,
            ..Domain::default()
        }]),
        projects: by_id([
            project("admin", "Bootstrap project for initializing the cloud."),
            project("service", ""),
            project("demo", ""),
            project("alt", ""),
        ]),
        users: by_id(["admin", "demo", "reader", "alt"].map(user)),
        roles: by_id([
            role("admin", &["manager"]),
            role("manager", &["member"]),
            role("member", &["reader"]),
            role("reader", &[]),
            role("service", &[]),
            role("creator", &[]),
            role("load-balancer_member", &[]),
            role("load-balancer_observer", &[]),
            role("load-balancer_global_observer", &[]),
            role("load-balancer_quota_admin", &[]),
            role("load-balancer_admin", &[]),
        ]),
        regions: by_id([Region { id: crate::keystone::region().to_owned(), ..Region::default() }]),
        assignments: [
            given("admin", "admin", on("admin")),
            given("admin", "admin", Scope::System),
            given("demo", "member", on("demo")),
            given("reader", "reader", on("demo")),
            given("alt", "member", on("alt")),
            given("demo", "load-balancer_member", on("demo")),
            given("reader", "load-balancer_observer", on("demo")),
            given("alt", "load-balancer_member", on("alt")),
        ]
        .into(),
        application_credentials: by_id([AppCredential {
            id: app_credential_id(),
            name: "sim-app".to_owned(),
            secret: Password(PASSWORD.to_owned()),
            user_id: named("user", "demo"),
            project_id: named("project", "demo"),
            roles: vec!["member".to_owned()],
            description: None,
            unrestricted: None,
            expires_at: None,
            access_rules: Vec::new(),
        }]),
        federated: vec![Federated {
            identity_provider: "sim".to_owned(),
            protocol: "openid".to_owned(),
            access_token: Password(ACCESS_TOKEN.to_owned()),
            user_id: named("user", "demo"),
        }],
        ..Identity::default()
    }
}

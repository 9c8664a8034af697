//! What a cloud showed, without secrets.
//!
//! A snapshot holds answers, not opinions: objects as the APIs wrote them, cut down to the fields that
//! testcases need. So it can be judged again by later rules, and shown to others.

pub mod seal;

use std::collections::BTreeMap;
use std::path::Path;

use lotse_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::Error;
use crate::executable::Executed;
use crate::feed::Feeds;
use crate::kaas::Cluster;
use crate::model::Reason;
use crate::tempest::Tempest;
use crate::tls::Address;

/// The version of the form below.
pub const FORMAT: u32 = 1;

/// An object of an API, cut down to what testcases need.
pub type Item = Map<String, Value>;

/// What a cloud showed.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Snapshot {
    /// The version of this form.
    pub format: u32,
    /// What we call the cloud.
    pub cloud: String,
    /// When it was looked at.
    pub taken_at: Timestamp,
    /// How many requests it took, with the one for the token.
    pub requests: u32,
    /// The names of the roles that the user has.
    pub roles: Vec<String>,
    /// The types of the services in the catalogue, sorted.
    pub services: Vec<String>,
    /// Flavors, with their extra specs.
    #[serde(default)]
    pub flavors: Answer<Vec<Item>>,
    /// Images that listings show.
    #[serde(default)]
    pub images: Answer<Vec<Item>>,
    /// Images that are hidden from listings.
    #[serde(default)]
    pub hidden_images: Answer<Vec<Item>>,
    /// Volume types.
    #[serde(default)]
    pub volume_types: Answer<Vec<Item>>,
    /// The rules that security groups begin with.
    #[serde(default)]
    pub default_rules: Answer<DefaultRules>,
    /// What the object storage says to a request in the manner of S3.
    #[serde(default)]
    pub s3: Answer<S3Probe>,
    /// What became of a secret in the key manager.
    #[serde(default)]
    pub secret: Answer<Proof>,
    /// What became of a backup of a volume.
    #[serde(default)]
    pub backup: Answer<Proof>,
    /// What a new server says of its random numbers.
    #[serde(default)]
    pub randomness: Answer<Randomness>,
    /// What the network service offers to every project.
    #[serde(default)]
    pub networks: Answer<Networks>,
    /// How the public addresses of the cloud are encrypted.
    #[serde(default, skip_serializing_if = "Answer::is_not_asked")]
    pub encryption: Answer<Vec<Address>>,
    /// What managers of two domains could do.
    #[serde(default, skip_serializing_if = "Answer::is_not_asked")]
    pub managers: Answer<Vec<Deed>>,
    /// What Tempest found out.
    #[serde(default, skip_serializing_if = "Answer::is_not_asked")]
    pub tempest: Answer<Tempest>,
    /// What executables of scopes said of testcases that Lotse does not have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub executed: BTreeMap<String, Executed>,
    /// What a Kubernetes cluster showed.
    #[serde(default, skip_serializing_if = "Cluster::is_untouched")]
    pub cluster: Cluster,
    /// What was published about versions when it was looked at.
    #[serde(default, skip_serializing_if = "Feeds::are_untouched")]
    pub feeds: Feeds,
}

/// What came of a question.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer<T> {
    /// It was not asked.
    #[default]
    NotAsked,
    /// There was an answer.
    Given(T),
    /// There was none.
    Failed(Trouble),
}

impl<T> Answer<T> {
    /// Whether it was not asked.
    pub const fn is_not_asked(&self) -> bool {
        matches!(self, Self::NotAsked)
    }

    /// The answer, if there is one.
    pub const fn given(&self) -> Option<&T> {
        if let Self::Given(answer) = self { Some(answer) } else { None }
    }

    /// Why there is none, if it was asked for.
    pub const fn failure(&self) -> Option<&Trouble> {
        if let Self::Failed(trouble) = self { Some(trouble) } else { None }
    }
}

/// Why there was no answer.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Trouble {
    /// What kind of trouble.
    pub reason: Reason,
    /// The trouble in a sentence.
    pub message: String,
    /// The HTTP status, if a service answered.
    pub status: Option<u16>,
    /// The id under which the service logged the request.
    pub request_id: Option<String>,
}

/// The rules that security groups begin with, and how they were found out.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct DefaultRules {
    /// How.
    pub way: RulesWay,
    /// The rules.
    pub rules: Vec<Item>,
}

/// How rules were found out.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RulesWay {
    /// Neutron lists them (from 2023.2 on).
    Listed,
    /// They are those of a new security group.
    NewGroup,
}

/// What the object storage says to a request in the manner of S3 with a key that nobody has.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct S3Probe {
    /// The HTTP status.
    pub status: u16,
    /// The code of the error, if the answer is one of S3.
    pub code: Option<String>,
}

/// What became of something that was tried.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Proof {
    /// The steps that were taken, in order, with what came of the last one.
    pub steps: Vec<String>,
    /// Whether all went well.
    pub worked: bool,
    /// The HTTP status of the step that did not go well.
    pub status: Option<u16>,
}

/// What the network service offers to every project.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Networks {
    /// Networks that are external or shared.
    pub provider: Vec<Item>,
    /// Shared pools of prefixes.
    pub pools: Vec<Item>,
    /// The names of its extensions, sorted.
    pub extensions: Vec<String>,
}

/// Something that a manager of a domain tried.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Deed {
    /// On what.
    pub sphere: Sphere,
    /// What, in words.
    pub what: String,
    /// Whether the standard lets managers do it.
    pub allowed: bool,
    /// Whether it happened; not known if something else was in its way.
    pub happened: Option<bool>,
    /// The HTTP status with which it was refused.
    pub status: Option<u16>,
}

/// What managers of domains work on.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Sphere {
    /// Users, and their roles on domains.
    Users,
    /// Projects, and roles on them.
    Projects,
    /// Groups, and who is in them.
    Groups,
    /// Roles that are above those of a manager.
    Roles,
}

impl Sphere {
    /// One of them, as the identity service calls it.
    pub const fn one(self) -> &'static str {
        match self {
            Self::Users => "user",
            Self::Projects => "project",
            Self::Groups => "group",
            Self::Roles => "role",
        }
    }

    /// Many of them.
    pub const fn many(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Projects => "projects",
            Self::Groups => "groups",
            Self::Roles => "roles",
        }
    }
}

/// What a new server says of its random numbers.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Randomness {
    /// `entropy_avail` of the kernel.
    pub entropy: Option<u32>,
    /// Of 1000 blocks of 20 000 bits, how many fail the tests of FIPS 140-2.
    pub fips_failures: Option<u32>,
}

impl Snapshot {
    /// A snapshot in which nothing was asked yet.
    pub fn empty(cloud: &str, taken_at: Timestamp) -> Self {
        Self {
            format: FORMAT,
            cloud: cloud.to_owned(),
            taken_at,
            requests: 0,
            roles: Vec::new(),
            services: Vec::new(),
            flavors: Answer::NotAsked,
            images: Answer::NotAsked,
            hidden_images: Answer::NotAsked,
            volume_types: Answer::NotAsked,
            default_rules: Answer::NotAsked,
            s3: Answer::NotAsked,
            secret: Answer::NotAsked,
            backup: Answer::NotAsked,
            randomness: Answer::NotAsked,
            networks: Answer::NotAsked,
            encryption: Answer::NotAsked,
            managers: Answer::NotAsked,
            tempest: Answer::NotAsked,
            executed: BTreeMap::new(),
            cluster: Cluster::default(),
            feeds: Feeds::default(),
        }
    }

    /// Reads what [`Snapshot::write`] wrote.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::File { action: "read", path: path.to_owned(), source };
        let bytes = std::fs::read(path).map_err(failed)?;
        serde_json::from_slice(&bytes)
            .map_err(|source| Error::Snapshot { path: path.to_owned(), source })
    }

    /// Writes it to a file, as JSON.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let failed = |source| Error::File { action: "written", path: path.to_owned(), source };
        std::fs::write(path, self.to_text()).map_err(failed)
    }

    /// The snapshot as indented JSON with a newline at the end.
    pub fn to_text(&self) -> String {
        // Maps have text as keys and nothing else can go wrong.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Whether the catalogue has a service of this type.
    pub fn has_service(&self, service_type: &str) -> bool {
        self.services.iter().any(|service| service == service_type)
    }
}

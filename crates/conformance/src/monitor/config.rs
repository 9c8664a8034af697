//! The section `conformance:` of `lotse.yaml`. The doc comments are its reference.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use lotse_core::secret::SecretSource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::testcase::Need;

/// Watches whether clouds conform to standards: takes reports as the compliance monitor of SCS does,
/// shows on public pages what they come to, and checks the clouds named here again before their
/// results expire.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ConformanceConfig")]
pub struct Config {
    /// Where the public pages and the API for reports listen, apart from the console, for example
    /// `127.0.0.1:7652`. Without it there are only the pages of the console.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub listen: Option<SocketAddr>,
    /// The scopes that reports may be about.
    #[serde(default = "own_scopes")]
    #[schemars(length(min = 1))]
    pub scopes: Vec<ScopeSource>,
    /// What the public pages count: `everything`, or only what is `approved`. Passes are approved by
    /// themselves; failed and aborted results wait for somebody who may approve, and until then the
    /// results before them count.
    #[serde(default)]
    pub publish: Publish,
    /// No upload is larger, in KiB.
    #[serde(default = "largest_upload")]
    #[schemars(range(min = 16, max = 4096))]
    pub largest_upload_kib: u32,
    /// Reports are kept for so many days, and older ones are refused.
    #[serde(default = "keep_days")]
    #[schemars(range(min = 30, max = 3660))]
    pub keep_days: u32,
    /// Whose clouds reports are about, and who may send them. People who sign in to the console can
    /// make more.
    #[serde(default)]
    pub accounts: Vec<AccountConfig>,
    /// The clouds that are checked by this daemon.
    #[serde(default)]
    pub clouds: Vec<CloudConfig>,
}

/// Where a scope comes from. Exactly one of the keys is given.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ScopeSource {
    /// One that comes with Lotse, for example `scs-iaas`.
    Profile(String),
    /// A scope file as it is published.
    File(PathBuf),
}

/// What public pages count.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Publish {
    /// Every result, as soon as it is there.
    #[default]
    Everything,
    /// Results that are approved.
    Approved,
}

/// Somebody whose cloud reports are about, or who sends reports.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AccountConfig {
    /// Its name, in reports and at sign-in: letters, digits, `_` and `-`.
    #[schemars(regex(pattern = "^[A-Za-z0-9_-]{1,64}$"))]
    pub subject: String,
    /// The group whose worst member is shown as `group-NAME`.
    #[serde(default)]
    #[schemars(regex(pattern = "^[A-Za-z0-9_-]{1,64}$"))]
    pub group: Option<String>,
    /// Public keys that sign its reports, as `ssh-keygen` writes them into `*.pub`.
    #[serde(default)]
    pub keys: Vec<String>,
    /// Where its password is: at least 16 characters.
    #[serde(default)]
    pub password: Option<SecretSource>,
    /// Accounts with the role `append_any` that may send reports about it.
    #[serde(default)]
    pub delegates: Vec<String>,
    /// What it may do besides sending reports about itself.
    #[serde(default)]
    pub roles: Vec<AccountRole>,
}

/// What an account may do besides sending reports about itself.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountRole {
    /// Read everybody's reports and results.
    ReadAny,
    /// Send reports about those who name it as delegate.
    AppendAny,
    /// All of these.
    Admin,
    /// Approve results.
    Approve,
}

/// A cloud that is checked by this daemon.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ConformanceCloud")]
pub struct CloudConfig {
    /// Its name in `clouds.yaml`.
    pub cloud: String,
    /// The subject that the results are about. Default: the name of the cloud.
    #[serde(default)]
    pub subject: Option<String>,
    /// The scope, by its name, uuid or profile. Default: the first one.
    #[serde(default)]
    pub scope: Option<String>,
    /// Which tests may make and delete objects on the cloud. By default none, and what they would
    /// find out stays open. With any of them, on Neutron before 2023.2, a security group is made and
    /// deleted as well.
    #[serde(default)]
    pub active: Vec<ActiveTest>,
    /// How often it is looked whether something has to be checked again, in minutes.
    #[serde(default = "hour")]
    #[schemars(range(min = 5, max = 1440))]
    pub every_minutes: u32,
}

/// A test that makes and deletes objects of its own.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ActiveTest {
    /// A secret in the key manager.
    Secret,
    /// A volume and its backup.
    Backup,
    /// A server that says how good its random numbers are.
    Randomness,
}

impl ActiveTest {
    /// What it observes.
    pub const fn need(self) -> Need {
        match self {
            Self::Secret => Need::Secret,
            Self::Backup => Need::Backup,
            Self::Randomness => Need::Randomness,
        }
    }
}

fn own_scopes() -> Vec<ScopeSource> {
    vec![ScopeSource::Profile("scs-iaas".to_owned())]
}

const fn largest_upload() -> u32 {
    4096
}

const fn keep_days() -> u32 {
    550
}

const fn hour() -> u32 {
    60
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: None,
            scopes: own_scopes(),
            publish: Publish::default(),
            largest_upload_kib: largest_upload(),
            keep_days: keep_days(),
            accounts: Vec::new(),
            clouds: Vec::new(),
        }
    }
}

impl Config {
    /// Counts relative paths from a directory.
    pub fn rebase(&mut self, base: &Path) {
        for scope in &mut self.scopes {
            if let ScopeSource::File(path) = scope {
                *path = base.join(&*path);
            }
        }
        for account in &mut self.accounts {
            if let Some(SecretSource::File(path)) = &mut account.password {
                *path = base.join(&*path);
            }
        }
    }
}

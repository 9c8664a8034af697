//! Which cloud, with which credentials: `clouds.yaml`, `secure.yaml` and the environment.
//!
//! The rules are those of `openstack` (python-openstackclient on openstacksdk), surprises included,
//! so that whoever can use that command can use Lotse with the same files. They are applied to
//! data: [`Sources`] holds the files and the environment as they were found; [`CloudConfig::resolve`]
//! turns them into a checked description of one cloud. Only [`Sources::read`] touches the machine.
//!
//! The way of the data:
//!
//! ```text
//! clouds.yaml + secure.yaml ─┐
//! defaults, region values   ─┼─> one flat map (merge) ─> credentials, scope, TLS, … (resolve)
//! OS_* and command line     ─┘
//! ```
//!
//! What wins, in short: the command line, then the environment, then what stands beside `auth:`, then
//! what stands under it. The table of cases in `tests/data/config_cases.json`, half of them drawn at
//! random, was recorded from the Python client and is what our reading is held against.
//!
//! On purpose we differ where the Python client only stumbles: of an application credential's section
//! a project is passed over (the identity service would refuse it), a user or project by name without
//! its domain is told so before anything is sent, and vendor profiles and ways of signing in that we
//! do not have are refused with a clear sentence.

mod environment;
mod error;
mod merge;
mod places;
mod read;
#[cfg(test)]
mod recorded;
mod resolve;
mod sources;
mod tree;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use secrecy::SecretString;
use url::Url;

pub use error::ConfigError;
pub use sources::{Overrides, Sources};

/// A checked description of one cloud: where it is, who we are there, and what for.
#[derive(Clone, Debug)]
pub struct CloudConfig {
    /// The name in `clouds.yaml`, or `envvars` when the environment describes it.
    pub name: String,
    /// The identity service, as it was written (with or without `/v3`).
    pub auth_url: Url,
    /// Who we are.
    pub credentials: Credentials,
    /// What the token is for.
    pub scope: Scope,
    /// The region whose endpoints are used; `None` takes the first that fits.
    pub region: Option<String>,
    /// Which of the endpoints of a service is used.
    pub interface: Interface,
    /// How servers prove who they are, and how we do.
    pub tls: Tls,
    /// The proxies of the environment.
    pub proxy: Proxy,
    /// Settings per service (`<service>_endpoint_override`, `<service>_api_version`, …), by key.
    pub service_settings: BTreeMap<String, String>,
}

/// Who we are.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// A user and a password.
    Password {
        /// The user.
        user: User,
        /// The password.
        password: SecretString,
    },
    /// An application credential, which brings its own project.
    ApplicationCredential {
        /// Which one.
        credential: ApplicationCredential,
        /// Its secret.
        secret: SecretString,
    },
    /// A token that somebody obtained.
    Token {
        /// The token.
        token: SecretString,
    },
    /// An access token of an OpenID Connect provider that the identity service trusts.
    OidcAccessToken {
        /// The identity provider, as the identity service names it.
        identity_provider: String,
        /// The federation protocol, as the identity service names it.
        protocol: String,
        /// The access token.
        access_token: SecretString,
    },
}

/// Which user.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum User {
    /// By id.
    Id(String),
    /// By name, within a domain.
    Name {
        /// The name.
        name: String,
        /// Its domain.
        domain: Domain,
    },
}

/// Which application credential.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ApplicationCredential {
    /// By id.
    Id(String),
    /// By name, within a user.
    Name {
        /// The name.
        name: String,
        /// Whose it is.
        user: User,
    },
}

/// Which domain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Domain {
    /// By id.
    Id(String),
    /// By name.
    Name(String),
}

/// What a token is for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Scope {
    /// Nothing is named: the identity service takes the user's default project, or none.
    Unscoped,
    /// A project by id.
    ProjectId(String),
    /// A project by name, within a domain.
    ProjectName {
        /// The name.
        name: String,
        /// Its domain.
        domain: Domain,
    },
    /// A domain.
    Domain(Domain),
    /// A trust, by id.
    Trust(String),
    /// The whole system.
    System,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unscoped => f.write_str("no scope"),
            Self::ProjectId(id) => write!(f, "project {id}"),
            Self::ProjectName { name, domain: Domain::Id(domain) | Domain::Name(domain) } => {
                write!(f, "project \"{name}\" of domain \"{domain}\"")
            }
            Self::Domain(Domain::Id(domain) | Domain::Name(domain)) => {
                write!(f, "domain \"{domain}\"")
            }
            Self::Trust(id) => write!(f, "trust {id}"),
            Self::System => f.write_str("the system"),
        }
    }
}

/// Which of the endpoints of a service is used.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub enum Interface {
    /// For everybody.
    #[default]
    Public,
    /// Within the data centre.
    Internal,
    /// For administrators.
    Admin,
}

impl Interface {
    /// The interface of this name; `publicURL` and the like are understood.
    pub fn parse(text: &str) -> Option<Self> {
        match text.strip_suffix("URL").unwrap_or(text) {
            "public" => Some(Self::Public),
            "internal" => Some(Self::Internal),
            "admin" => Some(Self::Admin),
            _ => None,
        }
    }

    /// The name, as catalogues write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How servers prove who they are, and how we do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tls {
    /// Whether certificates of servers are checked.
    pub verify: bool,
    /// A file of authorities (PEM) trusted instead of those of the machine.
    pub cacert: Option<PathBuf>,
    /// Our certificate (PEM), perhaps with its key in the same file.
    pub cert: Option<PathBuf>,
    /// The key of our certificate (PEM).
    pub key: Option<PathBuf>,
}

impl Default for Tls {
    fn default() -> Self {
        Self { verify: true, cacert: None, cert: None, key: None }
    }
}

/// The proxies of the environment.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Proxy {
    /// For `http://` addresses.
    pub http: Option<String>,
    /// For `https://` addresses.
    pub https: Option<String>,
    /// Hosts that are reached directly, separated by commas.
    pub none: Option<String>,
}

impl CloudConfig {
    /// The description of the cloud that the sources choose.
    pub fn resolve(sources: &Sources) -> Result<Self, ConfigError> {
        resolve::resolve(sources)
    }

    /// The description of a cloud by what people call it: its name, or `NAME@REGION` for one of its
    /// regions, which then is a cloud of its own to us and keeps that name. A cloud that is really
    /// called so comes first.
    ///
    /// # Errors
    /// As [`CloudConfig::resolve`].
    pub fn called(sources: &Sources, name: &str) -> Result<Self, ConfigError> {
        let whole = sources.clone().with_cloud(name);
        let Some((cloud, region)) = name.split_once('@') else { return Self::resolve(&whole) };
        if Self::names(sources)?.iter().any(|known| known == name) {
            return Self::resolve(&whole);
        }
        let mut of_region = sources.clone().with_cloud(cloud);
        of_region.overrides.region_name = Some(region.to_owned());
        let mut config = Self::resolve(&of_region)?;
        name.clone_into(&mut config.name);
        Ok(config)
    }

    /// The names of the clouds of the files, in their order.
    pub fn names(sources: &Sources) -> Result<Vec<String>, ConfigError> {
        Ok(tree::Files::parse(sources)?.cloud_names())
    }

    /// A setting of a service (`<service>_<setting>`), whichever of its names was used.
    pub(crate) fn service_setting(&self, service: &str, setting: &str) -> Option<&str> {
        crate::service::names_of(service).find_map(|name| {
            let key = format!("{}_{setting}", name.replace('-', "_"));
            self.service_settings.get(&key).map(String::as_str)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AUTH: &str =
        "    auth: {auth_url: 'http://127.0.0.1/v3', token: t}\n    auth_type: token\n";

    #[test]
    fn a_region_is_a_cloud_with_a_name_of_its_own() {
        let text = format!("clouds:\n  east:\n    regions: [one, two]\n{AUTH}  odd@name:\n{AUTH}");
        let sources = Sources::from_text("clouds.yaml", &text);
        let called = |name: &str| {
            CloudConfig::called(&sources, name).map(|config| (config.name, config.region))
        };
        let of = |name: &str, region: &str| (name.to_owned(), Some(region.to_owned()));
        assert_eq!(called("east").unwrap(), of("east", "one"));
        assert_eq!(called("east@two").unwrap(), of("east@two", "two"));
        assert_eq!(called("odd@name").unwrap().0, "odd@name");
        let error = called("east@three").unwrap_err().to_string();
        assert!(error.contains("has no region \"three\""), "{error}");
    }
}

//! The section `access` of `lotse.yaml`: who may come in. The doc comments are its reference.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lotse_core::secret::SecretSource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::access::Role;

/// Who may come in.
///
/// Without `oidc` the daemon prints a link that signs in its reader as `admin`, once, when it starts.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AccessConfig {
    /// The address under which browsers reach the daemon, for example `https://lotse.example.org`.
    /// Needed when something stands before the daemon (a proxy with TLS) and for `oidc` when the
    /// daemon does not listen on loopback. With `https` the cookies are sent over TLS only.
    pub public_url: Option<Url>,
    /// The role of whoever has not signed in: they may read what this role reads, and change
    /// nothing. Default: `viewer` as long as the daemon listens on loopback and `oidc` is not
    /// configured, else none.
    pub anonymous: Option<Anonymous>,
    /// A session ends when it was not used for so many minutes.
    #[schemars(range(min = 1, max = 10080))]
    pub idle_minutes: u32,
    /// A session ends after so many hours, used or not.
    #[schemars(range(min = 1, max = 720))]
    pub session_hours: u32,
    /// How many sign-ins one address may attempt in a minute.
    #[schemars(range(min = 1, max = 10000))]
    pub sign_ins_per_minute: u32,
    /// How many requests one person, token or address may send to the JSON API in a minute.
    /// Strangers on loopback are not counted.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub requests_per_minute: u32,
    /// The identity provider that people sign in at (OpenID Connect, for example Keycloak or Dex).
    pub oidc: Option<OidcConfig>,
}

impl Default for AccessConfig {
    fn default() -> Self {
        Self {
            public_url: None,
            anonymous: None,
            idle_minutes: 60,
            session_hours: 12,
            sign_ins_per_minute: 20,
            requests_per_minute: 1200,
            oidc: None,
        }
    }
}

/// What strangers are.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Anonymous {
    /// They see nothing but health, readiness and metrics.
    None,
    /// They read what a `viewer` reads.
    Viewer,
}

impl Anonymous {
    /// The role that strangers have.
    pub const fn role(self) -> Option<Role> {
        match self {
            Self::None => None,
            Self::Viewer => Some(Role::Viewer),
        }
    }
}

/// An identity provider.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OidcConfig {
    /// The issuer, exactly as the provider writes it, for example
    /// `https://id.example.org/realms/operators`. Plain `http` is accepted on loopback only.
    pub issuer: String,
    /// The name under which the provider knows Lotse.
    pub client_id: String,
    /// Where the secret of the client is kept. A public client has none; PKCE protects both.
    #[serde(default)]
    pub client_secret: Option<SecretSource>,
    /// What is asked of the provider, besides `openid`.
    #[serde(default = "scopes")]
    pub scopes: Vec<String>,
    /// The claim with the name of the person for pages, with dots between levels.
    #[serde(default = "name_claim")]
    pub name_claim: String,
    /// The claim with the groups or roles of the person, with dots between levels, for example
    /// `groups` or `realm_access.roles`. It is looked for in the ID token, then in the answer of the
    /// provider's userinfo endpoint.
    #[serde(default = "roles_claim")]
    pub roles_claim: String,
    /// Which roles each value of that claim grants. Who is granted none may not come in.
    pub grants: BTreeMap<String, Vec<Role>>,
    /// A file of PEM certificates: the authorities that the provider's certificate is checked
    /// against, instead of those of the machine.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// How many seconds the clock of the provider may differ from ours.
    #[serde(default = "leeway_seconds")]
    #[schemars(range(min = 0, max = 600))]
    pub leeway_seconds: u32,
    /// How many seconds the provider may take for one answer.
    #[serde(default = "timeout_seconds")]
    #[schemars(range(min = 1, max = 60))]
    pub timeout_seconds: u32,
}

fn scopes() -> Vec<String> {
    ["profile", "email"].map(str::to_owned).to_vec()
}

fn name_claim() -> String {
    "preferred_username".to_owned()
}

fn roles_claim() -> String {
    "groups".to_owned()
}

const fn leeway_seconds() -> u32 {
    60
}

const fn timeout_seconds() -> u32 {
    5
}

impl AccessConfig {
    /// Makes relative paths count from `base`.
    pub fn rebase(&mut self, base: &Path) {
        let Some(oidc) = &mut self.oidc else { return };
        if let Some(path) = &mut oidc.ca_file {
            *path = base.join(&*path);
        }
        if let Some(SecretSource::File(path)) = &mut oidc.client_secret {
            *path = base.join(&*path);
        }
    }

    /// What is wrong with it, beyond its form; each with the key it is about.
    pub fn complaints(&self) -> Vec<(&'static str, String)> {
        let mut complaints = Vec::new();
        if let Some(url) = &self.public_url
            && (!is_protected(url) || url.path() != "/" || url.query().is_some())
        {
            complaints.push((
                "access.public_url",
                format!("{url} must be https (or http on loopback), without path and query"),
            ));
        }
        let Some(oidc) = &self.oidc else { return complaints };
        if !Url::parse(&oidc.issuer).is_ok_and(|issuer| is_protected(&issuer)) {
            let why = format!("{:?} must be an https URL (or http on loopback)", oidc.issuer);
            complaints.push(("access.oidc.issuer", why));
        }
        if oidc.grants.values().all(Vec::is_empty) {
            complaints.push(("access.oidc.grants", "it grants no role to anybody".to_owned()));
        }
        complaints
    }
}

/// Whether nobody on the way can read or change what is sent there.
pub fn is_protected(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    };
    match url.scheme() {
        "https" => url.has_host(),
        "http" => loopback,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use lotse_core::declared::{self, SourceFile};

    use super::*;

    fn read(text: &str) -> AccessConfig {
        declared::load::<AccessConfig>(&SourceFile::new("lotse.yaml", text)).unwrap().value
    }

    #[test]
    fn a_provider_needs_three_words_and_a_grant() {
        let config = read(
            "oidc:\n  issuer: https://id.example.org/realms/ops\n  client_id: lotse\n  \
             grants: {admins: [admin], staff: [viewer, operator]}\n",
        );
        assert_eq!(config.complaints(), []);
        let oidc = config.oidc.unwrap();
        assert_eq!(oidc.grants["staff"], [Role::Viewer, Role::Operator]);
        assert_eq!((oidc.roles_claim.as_str(), oidc.leeway_seconds), ("groups", 60));
    }

    #[test]
    fn what_anybody_could_read_on_the_way_is_complained_about() {
        let config = read(
            "public_url: http://lotse.example.org\noidc:\n  issuer: http://id.example.org/\n  \
             client_id: lotse\n  grants: {}\n",
        );
        let keys: Vec<_> = config.complaints().into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["access.public_url", "access.oidc.issuer", "access.oidc.grants"]);
        for good in ["http://127.0.0.1:7650", "http://localhost:1", "https://lotse.example.org"] {
            let config = read(&format!("public_url: {good}\n"));
            assert_eq!(config.complaints(), [], "{good}");
        }
    }
}

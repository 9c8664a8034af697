//! From one flat map to a checked description.

use std::path::PathBuf;

use secrecy::SecretString;
use serde_json::{Map, Value};
use url::Url;

use super::merge::{Merged, merge, text, truthy};
use super::tree::Files;
use super::{
    ApplicationCredential, CloudConfig, ConfigError, Credentials, Domain, Interface, Proxy, Scope,
    Sources, Tls, User,
};

/// The ways of signing in that Lotse has, as `auth_type` names them.
const AUTH_TYPES: &str =
    "password, v3password, token, v3token, v3applicationcredential, v3oidcaccesstoken";

/// Endings of keys that belong to one service.
const SERVICE_SETTINGS: [&str; 7] = [
    "_endpoint_override",
    "_endpoint",
    "_api_version",
    "_default_microversion",
    "_interface",
    "_region_name",
    "_service_type",
];

pub(super) fn resolve(sources: &Sources) -> Result<CloudConfig, ConfigError> {
    let files = Files::parse(sources)?;
    let merged = merge(&files, sources)?;
    Resolver { files: &files, merged: &merged, sources }.resolve()
}

struct Resolver<'a> {
    files: &'a Files<'a>,
    merged: &'a Merged,
    sources: &'a Sources,
}

impl Resolver<'_> {
    fn resolve(&self) -> Result<CloudConfig, ConfigError> {
        let auth_type = self.auth_type()?;
        let auth_url = self.auth_url()?;
        let credentials = self.credentials(auth_type)?;
        let scope = self.scope()?;
        self.refuse_unknown_keys()?;
        Ok(CloudConfig {
            name: self.merged.name.clone(),
            auth_url,
            credentials,
            scope,
            region: self.top("region_name"),
            interface: self.interface()?,
            tls: self.tls()?,
            proxy: self.proxy(),
            service_settings: self.service_settings(),
        })
    }

    /// A value beside `auth:`; what is empty counts as absent.
    fn top(&self, key: &str) -> Option<String> {
        given(&self.merged.top, key)
    }

    /// A value of the sign-in method: beside `auth:` first, then in it.
    fn auth(&self, key: &str) -> Option<String> {
        given(&self.merged.top, key).or_else(|| given(&self.merged.auth, key))
    }

    fn secret(&self, key: &str) -> Option<SecretString> {
        self.auth(key).map(SecretString::from)
    }

    fn missing(&self, key: &'static str, what: &'static str) -> ConfigError {
        let given = self.merged.auth.keys().map(String::as_str).filter(|given| *given != key);
        ConfigError::Missing {
            cloud: self.merged.name.clone(),
            what,
            key,
            misspelt: nearest(key, given.filter(|given| !KNOWN_KEYS.contains(given))),
        }
    }

    fn unusable(&self, key: &str, reason: String) -> ConfigError {
        ConfigError::Unusable {
            cloud: self.merged.name.clone(),
            key: key.to_owned(),
            diagnostics: self.files.complain(&self.merged.name, key, &reason),
            reason,
        }
    }

    fn auth_type(&self) -> Result<Method, ConfigError> {
        let named = self.top("auth_type").unwrap_or_else(|| "none".to_owned());
        match named.as_str() {
            "password" | "v3password" => Ok(Method::Password),
            "token" | "v3token" => Ok(Method::Token),
            "v3applicationcredential" => Ok(Method::ApplicationCredential),
            "v3oidcaccesstoken" => Ok(Method::OidcAccessToken),
            other => Err(ConfigError::Unsupported {
                cloud: self.merged.name.clone(),
                what: format!("auth_type \"{other}\""),
                instead: format!("the auth types there are: {AUTH_TYPES}"),
                diagnostics: self.files.complain(
                    &self.merged.name,
                    "auth_type",
                    "this auth type is not supported",
                ),
            }),
        }
    }

    /// A misspelt `system_scope` must not quietly become a token for something else.
    fn refuse_unknown_keys(&self) -> Result<(), ConfigError> {
        let Some(key) = self.merged.auth.keys().find(|key| !KNOWN_KEYS.contains(&key.as_str()))
        else {
            return Ok(());
        };
        Err(ConfigError::UnknownKey {
            cloud: self.merged.name.clone(),
            meant: nearest(key, KNOWN_KEYS.into_iter()),
            diagnostics: self.files.complain(
                &self.merged.name,
                key,
                &format!("no way of signing in knows the key \"{key}\""),
            ),
            key: key.clone(),
        })
    }

    fn auth_url(&self) -> Result<Url, ConfigError> {
        let written = self.auth("auth_url").ok_or_else(|| {
            self.missing("auth_url", "address of the identity service (auth_url)")
        })?;
        let url = Url::parse(&written)
            .map_err(|error| self.unusable("auth_url", format!("\"{written}\": {error}")))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            let reason =
                format!("\"{written}\" does not begin with https:// or http:// and a host");
            return Err(self.unusable("auth_url", reason));
        }
        Ok(url)
    }

    fn credentials(&self, method: Method) -> Result<Credentials, ConfigError> {
        Ok(match method {
            Method::Password => Credentials::Password {
                user: self.user()?,
                password: self
                    .secret("password")
                    .ok_or_else(|| self.missing("password", "password"))?,
            },
            Method::Token => Credentials::Token {
                token: self.secret("token").ok_or_else(|| self.missing("token", "token"))?,
            },
            Method::ApplicationCredential => Credentials::ApplicationCredential {
                secret: self.secret("application_credential_secret").ok_or_else(|| {
                    self.missing(
                        "application_credential_secret",
                        "secret of the application credential",
                    )
                })?,
                credential: self.application_credential()?,
            },
            Method::OidcAccessToken => Credentials::OidcAccessToken {
                identity_provider: self
                    .auth("identity_provider")
                    .ok_or_else(|| self.missing("identity_provider", "identity provider"))?,
                protocol: self
                    .auth("protocol")
                    .ok_or_else(|| self.missing("protocol", "federation protocol"))?,
                access_token: self
                    .secret("access_token")
                    .ok_or_else(|| self.missing("access_token", "access token"))?,
            },
        })
    }

    fn application_credential(&self) -> Result<ApplicationCredential, ConfigError> {
        if let Some(id) = self.auth("application_credential_id") {
            return Ok(ApplicationCredential::Id(id));
        }
        let name = self.auth("application_credential_name").ok_or_else(|| {
            self.missing("application_credential_id", "id or name of the application credential")
        })?;
        Ok(ApplicationCredential::Name { name, user: self.user()? })
    }

    fn user(&self) -> Result<User, ConfigError> {
        if let Some(id) = self.auth("user_id") {
            return Ok(User::Id(id));
        }
        // An older spelling beside `auth:` still beats the newer one in it.
        let name = [&self.merged.top, &self.merged.auth]
            .into_iter()
            .find_map(|place| given(place, "username").or_else(|| given(place, "user_name")))
            .ok_or_else(|| self.missing("username", "user name"))?;
        let domain = self.domain_of("user_domain").ok_or_else(|| {
            self.missing(
                "user_domain_name",
                "domain for its user (names of users are unique only within a domain)",
            )
        })?;
        Ok(User::Name { name, domain })
    }

    /// A domain by id or else by name.
    fn domain(&self, prefix: &str) -> Option<Domain> {
        self.auth(&format!("{prefix}_id"))
            .map(Domain::Id)
            .or_else(|| self.auth(&format!("{prefix}_name")).map(Domain::Name))
    }

    /// The domain of a user or project. Sign-in methods that find out the version of the identity
    /// service also take a default, and an id, be it the default's, beats a name.
    fn domain_of(&self, prefix: &str) -> Option<Domain> {
        if !matches!(self.top("auth_type").as_deref(), Some("password" | "token")) {
            return self.domain(prefix);
        }
        let either = |by: &str| {
            self.auth(&format!("{prefix}_{by}"))
                .or_else(|| self.auth(&format!("default_domain_{by}")))
        };
        either("id").map(Domain::Id).or_else(|| either("name").map(Domain::Name))
    }

    fn scope(&self) -> Result<Scope, ConfigError> {
        let domain = self.domain("domain");
        let project_id = self.auth("project_id");
        let project_name = self.auth("project_name");
        let trust = self.auth("trust_id");
        let system = self.auth("system_scope");
        let scopes: Vec<_> = [
            ("domain", domain.is_some()),
            ("project", project_id.is_some() || project_name.is_some()),
            ("trust", trust.is_some()),
            ("system", system.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, given)| given.then_some(name))
        .collect();
        if scopes.len() > 1 {
            return Err(ConfigError::SeveralScopes { cloud: self.merged.name.clone(), scopes });
        }
        if let Some(domain) = domain {
            Ok(Scope::Domain(domain))
        } else if let Some(id) = project_id {
            Ok(Scope::ProjectId(id))
        } else if let Some(name) = project_name {
            let domain = self.domain_of("project_domain").ok_or_else(|| {
                self.missing(
                    "project_domain_name",
                    "domain for its project (names of projects are unique only within a domain)",
                )
            })?;
            Ok(Scope::ProjectName { name, domain })
        } else if let Some(id) = trust {
            Ok(Scope::Trust(id))
        } else if system.as_deref() == Some("all") {
            Ok(Scope::System)
        } else if let Some(other) = system {
            Err(self.unusable("system_scope", format!("\"{other}\" is not \"all\"")))
        } else {
            Ok(Scope::Unscoped)
        }
    }

    fn interface(&self) -> Result<Interface, ConfigError> {
        let Some(written) = self.top("interface") else { return Ok(Interface::Public) };
        Interface::parse(&written).ok_or_else(|| {
            self.unusable(
                "interface",
                format!("\"{written}\" is none of public, internal and admin"),
            )
        })
    }

    fn tls(&self) -> Result<Tls, ConfigError> {
        // Of a text the client takes only "true" for yes.
        let insecure = match self.merged.top.get("insecure") {
            Some(Value::String(written)) => written.eq_ignore_ascii_case("true"),
            value => value.is_some_and(truthy),
        };
        let verify = match self.merged.top.get("verify") {
            None => true,
            Some(Value::String(written)) => self.yes_or_no("verify", written)?,
            Some(value) => truthy(value),
        };
        let path = |key: &str| self.top(key).map(|written| self.expand_home(&written));
        let cert = path("cert");
        Ok(Tls {
            verify: verify && !insecure,
            cacert: path("cacert"),
            key: cert.as_ref().and_then(|_| path("key")),
            cert,
        })
    }

    /// Nothing but a clear no may switch a check off.
    fn yes_or_no(&self, key: &str, written: &str) -> Result<bool, ConfigError> {
        match written.to_ascii_lowercase().as_str() {
            "" | "true" | "yes" | "on" | "1" => Ok(true),
            "false" | "no" | "off" | "0" => Ok(false),
            _ => Err(self.unusable(
                key,
                format!("\"{written}\" is neither true nor false; a file of authorities is cacert"),
            )),
        }
    }

    fn expand_home(&self, written: &str) -> PathBuf {
        match (written.strip_prefix('~'), &self.sources.home) {
            (Some(""), Some(home)) => home.clone(),
            (Some(rest), Some(home)) if rest.starts_with('/') => {
                home.join(rest.trim_start_matches('/'))
            }
            _ => PathBuf::from(written),
        }
    }

    fn proxy(&self) -> Proxy {
        let variable = |lower: &str| {
            self.sources
                .variable(lower)
                .or_else(|| self.sources.variable(&lower.to_uppercase()))
                .map(ToOwned::to_owned)
        };
        let all = variable("all_proxy");
        Proxy {
            http: variable("http_proxy").or_else(|| all.clone()),
            https: variable("https_proxy").or(all),
            none: variable("no_proxy"),
        }
    }

    fn service_settings(&self) -> std::collections::BTreeMap<String, String> {
        self.merged
            .top
            .iter()
            .filter(|(key, _)| SERVICE_SETTINGS.iter().any(|ending| key.ends_with(ending)))
            .filter_map(|(key, value)| Some((key.clone(), text(value)?)))
            .filter(|(_, value)| !value.is_empty())
            .collect()
    }
}

#[derive(Clone, Copy)]
enum Method {
    Password,
    Token,
    ApplicationCredential,
    OidcAccessToken,
}

/// The keys of `auth:` that some way of signing in knows, ours or another of the Python client's.
const KNOWN_KEYS: [&str; 44] = [
    "auth_url",
    "username",
    "user_name",
    "user_id",
    "password",
    "user_domain_id",
    "user_domain_name",
    "project_id",
    "project_name",
    "project_domain_id",
    "project_domain_name",
    "domain_id",
    "domain_name",
    "default_domain_id",
    "default_domain_name",
    "system_scope",
    "trust_id",
    "token",
    "identity_provider",
    "protocol",
    "access_token",
    "application_credential_id",
    "application_credential_name",
    "application_credential_secret",
    "endpoint",
    "url",
    "passcode",
    "code",
    "authorization_code",
    "client_id",
    "client_secret",
    "openid_scope",
    "scope",
    "redirect_uri",
    "access_token_endpoint",
    "access_token_type",
    "discovery_endpoint",
    "identity_provider_url",
    "service_provider_endpoint",
    "service_provider_entity_id",
    "mutual_auth",
    "auth_methods",
    "consumer_key",
    "consumer_secret",
];

fn given(map: &Map<String, Value>, key: &str) -> Option<String> {
    map.get(key).filter(|value| truthy(value)).and_then(text)
}

/// The candidate that is probably meant by a word.
pub(super) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<String> {
    candidates
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(similarity, _)| *similarity > 0.82)
        .max_by(|(left, _), (right, _)| left.total_cmp(right))
        .map(|(_, candidate)| candidate.to_owned())
}

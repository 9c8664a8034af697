//! Signing in: what is sent to the identity service, and what a token says.

mod keeper;
mod sign_in;

use std::fmt;

use lotse_core::time::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::catalog::Catalog;
use crate::config::{ApplicationCredential, CloudConfig, Credentials, Domain, Scope, User};

pub(crate) use keeper::Keeper;
pub(crate) use sign_in::{SignIn, secret_header};

/// A token and what it says.
#[derive(Clone)]
pub struct Token {
    /// What is sent along with requests.
    pub(crate) secret: SecretString,
    /// Counts the tokens of one session, so that a stale one can be told from a fresh one.
    pub(crate) generation: u64,
    /// When it ends; `None` for one that does not say.
    pub expires_at: Option<Timestamp>,
    /// The project it is for.
    pub project: Option<Named>,
    /// The domain it is for.
    pub domain: Option<Named>,
    /// Whether it is for the whole system.
    pub system: bool,
    /// Whose it is.
    pub user: Option<Named>,
    /// The names of the roles it carries.
    pub roles: Vec<String>,
    /// What it can be used with.
    pub catalog: Catalog,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("expires_at", &self.expires_at)
            .field("project", &self.project)
            .field("domain", &self.domain)
            .field("system", &self.system)
            .field("user", &self.user)
            .field("roles", &self.roles)
            .finish_non_exhaustive()
    }
}

impl Token {
    /// What it is for, in words.
    pub fn scope(&self) -> String {
        match (&self.project, &self.domain) {
            (Some(project), _) => format!("project \"{}\"", project.name),
            (None, Some(domain)) => format!("domain \"{}\"", domain.name),
            (None, None) if self.system => "the system".to_owned(),
            (None, None) => "no scope".to_owned(),
        }
    }
}

/// Something of the identity service.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
pub struct Named {
    /// Its id.
    #[serde(default)]
    pub id: String,
    /// Its name.
    #[serde(default)]
    pub name: String,
}

/// The body of an answer that brings a token.
#[derive(Deserialize)]
struct TokenBody {
    token: TokenFields,
}

#[derive(Deserialize)]
struct TokenFields {
    #[serde(default)]
    expires_at: Option<Timestamp>,
    #[serde(default)]
    project: Option<Named>,
    #[serde(default)]
    domain: Option<Named>,
    #[serde(default)]
    system: Option<Value>,
    #[serde(default)]
    user: Option<Named>,
    #[serde(default)]
    roles: Vec<Named>,
    #[serde(default)]
    catalog: Catalog,
}

impl Token {
    /// The token of an answer's header and body.
    pub(crate) fn parse(secret: SecretString, body: &[u8]) -> Result<Self, serde_json::Error> {
        let TokenBody { token } = serde_json::from_slice(body)?;
        Ok(Self {
            secret,
            generation: 0,
            expires_at: token.expires_at,
            project: token.project,
            domain: token.domain,
            system: token.system.is_some(),
            user: token.user,
            roles: token.roles.into_iter().map(|role| role.name).collect(),
            catalog: token.catalog,
        })
    }
}

/// The body of the request for a token, with `scope` left out where nothing is named.
pub(crate) fn token_request(credentials: &Credentials, scope: &Scope) -> Value {
    let mut auth = json!({ "identity": identity(credentials) });
    // An application credential brings its scope along and refuses another.
    if !matches!(credentials, Credentials::ApplicationCredential { .. })
        && let Some(scope) = scope_of(scope)
        && let Some(fields) = auth.as_object_mut()
    {
        fields.insert("scope".to_owned(), scope);
    }
    json!({ "auth": auth })
}

fn identity(credentials: &Credentials) -> Value {
    match credentials {
        Credentials::Password { user, password } => {
            let mut user = user_of(user);
            if let Some(fields) = user.as_object_mut() {
                fields.insert("password".to_owned(), password.expose_secret().into());
            }
            json!({ "methods": ["password"], "password": { "user": user } })
        }
        Credentials::ApplicationCredential { credential, secret } => {
            let secret = secret.expose_secret();
            let fields = match credential {
                ApplicationCredential::Id(id) => json!({ "id": id, "secret": secret }),
                ApplicationCredential::Name { name, user } => {
                    json!({ "name": name, "user": user_of(user), "secret": secret })
                }
            };
            json!({ "methods": ["application_credential"], "application_credential": fields })
        }
        Credentials::Token { token } => token_identity(token),
        // The access token itself goes into a header of an earlier request.
        Credentials::OidcAccessToken { .. } => json!({ "methods": [] }),
    }
}

/// The part of the request that shows a token.
pub(crate) fn token_identity(token: &SecretString) -> Value {
    json!({ "methods": ["token"], "token": { "id": token.expose_secret() } })
}

fn user_of(user: &User) -> Value {
    match user {
        User::Id(id) => json!({ "id": id }),
        User::Name { name, domain } => json!({ "name": name, "domain": domain_of(domain) }),
    }
}

fn domain_of(domain: &Domain) -> Value {
    match domain {
        Domain::Id(id) => json!({ "id": id }),
        Domain::Name(name) => json!({ "name": name }),
    }
}

/// The scope as the identity service writes it, if anything is named.
pub(crate) fn scope_of(scope: &Scope) -> Option<Value> {
    Some(match scope {
        Scope::Unscoped => return None,
        Scope::ProjectId(id) => json!({ "project": { "id": id } }),
        Scope::ProjectName { name, domain } => {
            json!({ "project": { "name": name, "domain": domain_of(domain) } })
        }
        Scope::Domain(domain) => json!({ "domain": domain_of(domain) }),
        Scope::Trust(id) => json!({ "OS-TRUST:trust": { "id": id } }),
        Scope::System => json!({ "system": { "all": true } }),
    })
}

/// Who signs in, for messages.
pub(crate) fn who(config: &CloudConfig) -> String {
    match &config.credentials {
        Credentials::Password { user, .. } => person(user),
        Credentials::ApplicationCredential { credential, .. } => match credential {
            ApplicationCredential::Id(id) => format!("the application credential {id}"),
            ApplicationCredential::Name { name, .. } => {
                format!("the application credential \"{name}\"")
            }
        },
        Credentials::Token { .. } => "the token".to_owned(),
        Credentials::OidcAccessToken { identity_provider, .. } => {
            format!("the access token of \"{identity_provider}\"")
        }
    }
}

fn person(user: &User) -> String {
    match user {
        User::Id(id) => format!("the user {id}"),
        User::Name { name, domain: Domain::Id(domain) | Domain::Name(domain) } => {
            format!("the user \"{name}\" of domain \"{domain}\"")
        }
    }
}

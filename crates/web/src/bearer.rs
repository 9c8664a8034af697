//! Access tokens that people got from the identity provider through a client of its own, for example
//! a web client that signs in by itself and sends `Authorization: Bearer` (RFC 6750).
//!
//! Only tokens that are signed (JWT, RFC 9068) are taken: what is opaque says nothing about whom it
//! was issued to, and a token that people gave to another client must not count here.

use std::error::Error as StdError;

use lotse_core::error::{ErrorKind, Explain};
use lotse_core::time::{SharedClock, Timestamp};

use crate::access::{Permission, Role};
use crate::config::OidcConfig;
use crate::error::Error;
use crate::oidc::{Provider, claims};

/// Knows the people behind the access tokens of one client of the identity provider.
#[derive(Debug)]
pub struct AccessTokens {
    provider: Provider,
    client_id: String,
}

/// Somebody whom the identity provider vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The same at every sign-in; also that of their sessions in the console.
    pub subject: String,
    /// For people.
    pub name: String,
    /// What `access.oidc.grants` gives them.
    pub roles: Vec<Role>,
    /// When the token ends.
    pub until: Timestamp,
}

impl Person {
    /// Whether they may do this.
    pub fn may(&self, permission: &Permission) -> bool {
        self.roles.iter().any(|role| permission.allows(*role))
    }
}

/// Why a token does not count.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BearerError {
    /// It is not genuine, not for this client, or not of this time.
    #[error("the access token does not count here")]
    Refused {
        /// What is wrong with it.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The identity provider cannot be asked.
    #[error("the identity provider cannot be asked")]
    Unavailable {
        /// Why not.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
}

impl Explain for BearerError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Refused { .. } => ErrorKind::Authentication,
            Self::Unavailable { .. } => ErrorKind::Unavailable,
        }
    }
}

impl AccessTokens {
    /// Those that this provider gives to the client it knows by this name. Nothing is asked of the
    /// provider yet.
    ///
    /// # Errors
    /// The provider's certificates cannot be used.
    pub fn new(config: OidcConfig, client_id: String, clock: SharedClock) -> Result<Self, Error> {
        Ok(Self { provider: Provider::new(config, None, clock)?, client_id })
    }

    /// Where people sign in.
    pub fn issuer(&self) -> &str {
        &self.provider.config().issuer
    }

    /// The client's name at the provider.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// Who is behind a token.
    ///
    /// # Errors
    /// The token does not count, or the provider cannot be asked for its keys.
    pub async fn person(&self, token: &str) -> Result<Person, BearerError> {
        let found = self.provider.vouch(token, &self.client_id).await;
        let (vouched, until) = found.map_err(|error| {
            let kind = error.kind();
            let source = Box::new(error);
            match kind {
                ErrorKind::Timeout | ErrorKind::Unavailable => BearerError::Unavailable { source },
                _ => BearerError::Refused { source },
            }
        })?;
        let config = self.provider.config();
        let found = claims::find(&vouched.claims, &config.roles_claim);
        let words = found.map(claims::words).unwrap_or_default();
        Ok(Person {
            subject: format!("user:{}", vouched.subject),
            name: claims::name(&vouched.claims, &config.name_claim, &vouched.subject),
            roles: claims::roles(&words, &config.grants),
            until,
        })
    }
}

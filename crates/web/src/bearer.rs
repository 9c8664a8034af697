//! Access tokens that people got from the identity provider through a client of its own, for example
//! a web client that signs in by itself and sends `Authorization: Bearer` (RFC 6750).
//!
//! ```text
//! token ─┬─ signed (JWT, RFC 9068) ─► signature, claims ───────────────────────────┬─► roles ─► person
//!        └─ opaque ─► the provider is asked (RFC 7662), a few tokens at a time ────┘
//! ```
//!
//! A token that people gave to another client must not count here. What is opaque does not say to
//! whom it was issued; the provider does, when it has an introspection endpoint and we are a client
//! with a secret.

use std::error::Error as StdError;

use lotse_core::error::{ErrorKind, Explain};
use lotse_core::secret::SecretString;
use lotse_core::time::{SharedClock, Timestamp};

use crate::access::{Permission, Role};
use crate::config::OidcConfig;
use crate::error::Error;
use crate::oidc::introspection::Questions;
use crate::oidc::{Provider, claims, jws};

/// Knows the people behind the access tokens of one client of the identity provider.
#[derive(Debug)]
pub struct AccessTokens {
    provider: Provider,
    client_id: String,
    questions: Questions,
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
    /// Those that this provider gives to the client it knows by this name. With the secret of the
    /// client in `config`, opaque ones as well. Nothing is asked of the provider yet.
    ///
    /// # Errors
    /// The provider's certificates cannot be used.
    pub fn new(
        config: OidcConfig,
        secret: Option<SecretString>,
        client_id: String,
        clock: SharedClock,
    ) -> Result<Self, Error> {
        let provider = Provider::new(config, secret, clock)?;
        Ok(Self { provider, client_id, questions: Questions::new() })
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
    /// The token does not count, or the provider cannot be asked for its keys or about the token.
    pub async fn person(&self, token: &str) -> Result<Person, BearerError> {
        let found = if jws::is_jwt(token) {
            self.provider.vouch(token, &self.client_id).await
        } else {
            self.questions.vouch(&self.provider, token, &self.client_id).await
        };
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

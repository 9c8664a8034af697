//! Sign-in at an identity provider: OpenID Connect Core 1.0, code flow with PKCE (RFC 7636).
//!
//! ```text
//! browser ─► /sign-in/start ─► provider ─► /sign-in/callback?code&state ─► session
//!            cookie: flow secret            │ code + verifier ─► token endpoint ─► ID token
//!            state, nonce, verifier         │ keys (cached) ─► signature, claims ─► roles
//!              are derived from it
//! ```
//!
//! State, nonce and verifier are derived from one secret in a cookie of the browser, so that a
//! callback counts only in the browser that began the sign-in, and nothing of it is kept here but a
//! hash that is good once.
//!
//! | module | what it does | I/O |
//! | --- | --- | --- |
//! | [`jws`] | checks the signature of a token | none |
//! | [`id_token`] | checks its claims | none |
//! | [`claims`] | finds name and roles in it | none |
//! | [`connection`] | the client: certificates, time limits, no redirects | none |
//! | [`provider`] | discovery, keys, exchange of the code, userinfo; all bounded in time and size | HTTP |
//! | [`journey`] | the way of a browser to the provider and back | state |
//! | [`introspection`] | opaque access tokens: few questions at a time, answers kept for a moment | HTTP |
//!
//! What is not used: the implicit flow, symmetric signatures (`HS*`), encrypted tokens, redirects.

pub(crate) mod claims;
mod connection;
pub(crate) mod id_token;
pub(crate) mod introspection;
pub(crate) mod journey;
pub(crate) mod jws;
pub(crate) mod provider;

use lotse_core::error::{ErrorKind, Explain};

pub(crate) use provider::{Flow, Provider};

/// Why somebody cannot be signed in. What is said here is shown to them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum OidcError {
    /// The provider cannot be reached.
    #[error("the identity provider cannot be reached for {what}")]
    Unreachable {
        /// Its configuration, its keys, …
        what: &'static str,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// The provider took too long.
    #[error("the identity provider did not answer in time for {what}")]
    Slow {
        /// Its configuration, its keys, …
        what: &'static str,
    },
    /// The provider answered with an error.
    #[error("the identity provider answered {status} for {what}")]
    Status {
        /// Its configuration, its keys, …
        what: &'static str,
        /// The HTTP status.
        status: u16,
    },
    /// The provider's answer cannot be used.
    #[error("the identity provider's {what} cannot be used: {reason}")]
    Answer {
        /// Its configuration, its keys, …
        what: &'static str,
        /// Why.
        reason: String,
    },
    /// The provider refused.
    #[error("the identity provider refused: {reason}")]
    Refused {
        /// Its error code and description.
        reason: String,
    },
    /// The provider cannot be asked about opaque access tokens.
    #[error("opaque access tokens cannot be asked about: {reason}")]
    Unasked {
        /// What to configure.
        reason: String,
    },
    /// The ID token is not one, or not from the provider.
    #[error("the identity provider's token is not genuine: {reason}")]
    Forged {
        /// What is wrong with it.
        reason: String,
    },
    /// The ID token is genuine and not for this sign-in.
    #[error("the identity provider's token is not for this sign-in: {reason}")]
    NotForUs {
        /// What is wrong with it.
        reason: String,
    },
    /// The ID token is from another time.
    #[error("the identity provider's token is not of this time: {reason}")]
    WrongTime {
        /// What is wrong with it.
        reason: String,
    },
}

impl Explain for OidcError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Slow { .. } => ErrorKind::Timeout,
            Self::Unreachable { .. } | Self::Status { .. } | Self::Answer { .. } => {
                ErrorKind::Unavailable
            }
            Self::Refused { .. }
            | Self::Unasked { .. }
            | Self::Forged { .. }
            | Self::NotForUs { .. }
            | Self::WrongTime { .. } => ErrorKind::Forbidden,
        }
    }

    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Slow { .. } | Self::Unreachable { .. } | Self::Status { .. } => {
                "try again in a moment; if it stays so, ask whoever runs the identity provider"
            }
            Self::Answer { .. } | Self::Unasked { .. } => {
                "an administrator compares access.oidc in lotse.yaml with the provider"
            }
            Self::WrongTime { .. } => {
                "compare the clocks of the identity provider and of this machine"
            }
            Self::Refused { .. } | Self::Forged { .. } | Self::NotForUs { .. } => {
                "start the sign-in again"
            }
        };
        vec![hint.to_owned()]
    }
}

//! What errors are made of: the request, the refusal, the reason.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use lotse_core::retry::RetryClass;

/// A request as errors name it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Call {
    /// The cloud.
    pub cloud: String,
    /// The service type.
    pub service: String,
    /// The method.
    pub method: Method,
    /// The address, without user information.
    pub url: String,
    /// The id we sent along as `X-OpenStack-Request-ID`.
    pub global_request_id: String,
}

impl Call {
    /// Scheme, host and port of the address.
    pub(super) fn origin(&self) -> String {
        url::Url::parse(&self.url)
            .map_or_else(|_| self.url.clone(), |url| url.origin().ascii_serialization())
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.url)
    }
}

/// An answer that refuses.
#[derive(Clone, Debug)]
pub struct ApiError {
    /// What was asked.
    pub call: Arc<Call>,
    /// The status.
    pub status: StatusCode,
    /// What the service says, as one line.
    pub message: String,
    /// The id under which the service logged it.
    pub request_id: Option<String>,
    /// How long the service asks us to wait.
    pub retry_after: Option<Duration>,
    /// Whether the caller knows a conflict here to be passing.
    pub conflict_passes: bool,
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = self.status.canonical_reason().unwrap_or("unknown status");
        write!(
            f,
            "the {} service of cloud \"{}\" answered {} {} to {}",
            self.call.service,
            self.call.cloud,
            self.status.as_u16(),
            reason,
            self.call
        )?;
        if self.message.is_empty() { Ok(()) } else { write!(f, ": {}", self.message) }
    }
}

/// Why a server was not reached.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unreachable {
    /// Nothing listens there.
    Refused,
    /// The name of the host is not known.
    UnknownHost,
    /// No connection within the time allowed.
    TimedOut,
    /// There is no way to that network or host.
    NoRoute,
    /// The proxy did not let us through.
    Proxy,
    /// Something else; the source says what.
    Other,
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "nothing listens there (connection refused)",
            Self::UnknownHost => "the name of the host is not known",
            Self::TimedOut => "no connection came about in time",
            Self::NoRoute => "there is no route to it",
            Self::Proxy => "the proxy did not let the request through",
            Self::Other => "the connection failed",
        })
    }
}

/// What is wrong with the certificate of a server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CertificateProblem {
    /// Nobody we trust signed it.
    UnknownIssuer,
    /// It is for other names.
    WrongName {
        /// The names it is for, as far as known.
        names: Vec<String>,
    },
    /// Its time is over.
    Expired,
    /// Its time has not begun.
    NotYetValid,
    /// It was withdrawn.
    Revoked,
    /// It is an authority's own certificate, used as a server's.
    AuthorityAsServer,
    /// Something else; the source says what.
    Other,
}

impl fmt::Display for CertificateProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownIssuer => f.write_str("it is signed by nobody this machine trusts"),
            Self::WrongName { names } if names.is_empty() => {
                f.write_str("it is for another host name")
            }
            Self::WrongName { names } => write!(f, "it is for {}", names.join(", ")),
            Self::Expired => f.write_str("it has expired"),
            Self::NotYetValid => f.write_str("it is not valid yet"),
            Self::Revoked => f.write_str("it was revoked"),
            Self::AuthorityAsServer => {
                f.write_str("it is the certificate of an authority (CA:TRUE), not of a server")
            }
            Self::Other => f.write_str("it is not acceptable"),
        }
    }
}

/// What is the matter with refused credentials.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Refusal {
    /// A wrong user, password or domain; the service does not say which.
    Password,
    /// A wrong, expired or deleted application credential.
    ApplicationCredential,
    /// A wrong, expired or revoked token.
    Token,
    /// An access token that the identity service does not accept.
    AccessToken,
    /// The credentials are fine; the scope is not theirs or does not exist.
    Scope,
    /// The password has expired.
    PasswordExpired,
    /// Further factors are demanded.
    Factors,
}

impl ApiError {
    pub(super) fn retry_class(&self) -> RetryClass {
        super::class_of(self.status, self.retry_after, self.conflict_passes)
    }
}

//! What can go wrong between us and a cloud.
//!
//! Each variant is one sentence for people and one decision for programs: [`Error::retry_class`]
//! says whether trying again can help, [`kind`](lotse_core::error::Explain::kind) what it is. Errors
//! can be cloned, because many requests may wait for one authentication and all of them report its
//! failure.

mod explain;
mod facts;

use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use lotse_core::retry::RetryClass;

use crate::config::{ConfigError, Interface};

pub use facts::{ApiError, Call, CertificateProblem, Refusal, Unreachable};

/// Any cause, shared.
pub type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// What can go wrong between us and a cloud.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(Box<ConfigError>),
    /// A certificate or key file of the configuration is not usable.
    #[error("the {what} of cloud \"{cloud}\" is not usable: {reason}")]
    TlsSetup {
        /// The cloud.
        cloud: String,
        /// `cacert`, `cert` or `key`, with the path.
        what: String,
        /// Why.
        reason: String,
    },
    /// The server was not reached; the request had no effect.
    #[error("cannot reach the {} service of cloud \"{}\" at {}: {reason}", call.service, call.cloud, call.origin())]
    Unreachable {
        /// What was asked.
        call: Arc<Call>,
        /// Why.
        reason: Unreachable,
        /// The cause.
        #[source]
        source: Option<Cause>,
    },
    /// The certificate of the server was not accepted.
    #[error("the certificate of the {} service of cloud \"{}\" at {} was not accepted: {problem}", call.service, call.cloud, call.origin())]
    Certificate {
        /// What was asked.
        call: Arc<Call>,
        /// What is wrong.
        problem: CertificateProblem,
        /// The cause.
        #[source]
        source: Cause,
    },
    /// The server does not speak TLS as we do, or not at all.
    #[error("no secure connection to the {} service of cloud \"{}\" at {}", call.service, call.cloud, call.origin())]
    Handshake {
        /// What was asked.
        call: Arc<Call>,
        /// The cause.
        #[source]
        source: Cause,
    },
    /// The connection ended before the answer was complete.
    #[error("the connection to the {} service of cloud \"{}\" ended during {call}", call.service, call.cloud)]
    Lost {
        /// What was asked.
        call: Arc<Call>,
        /// The cause.
        #[source]
        source: Cause,
    },
    /// Nothing came in time.
    #[error("{what} from the {} service of cloud \"{}\" within {:.0?} ({call})", call.service, call.cloud, after)]
    Timeout {
        /// What was asked.
        call: Arc<Call>,
        /// What did not come.
        what: &'static str,
        /// How long we waited.
        after: Duration,
    },
    /// The identity service refused who we say we are.
    #[error("the identity service of cloud \"{}\" refused {who}: {message}", call.cloud)]
    Credentials {
        /// What was asked.
        call: Arc<Call>,
        /// User or application credential, without secrets.
        who: String,
        /// What is the matter with them, as far as can be told.
        reason: Refusal,
        /// What the service says.
        message: String,
        /// The id under which the service logged it.
        request_id: Option<String>,
    },
    /// What answers at `auth_url` is not an identity service.
    #[error("what answers at {} is not the identity service of cloud \"{}\": {reason}", call.url, call.cloud)]
    NotIdentity {
        /// What was asked.
        call: Arc<Call>,
        /// Why we think so.
        reason: String,
    },
    /// The token is for no project, and a project is needed.
    #[error("the cloud \"{cloud}\" is used with {scope}, but {need} needs a project")]
    NoProject {
        /// The cloud.
        cloud: String,
        /// What the token is for.
        scope: String,
        /// What needs one.
        need: String,
    },
    /// The catalogue has no such service.
    #[error("the cloud \"{cloud}\" has no {service} service for {scope}; it has {}", list(known))]
    NoService {
        /// The cloud.
        cloud: String,
        /// The service type.
        service: String,
        /// What the token is for.
        scope: String,
        /// The service types there are.
        known: Vec<String>,
    },
    /// The service has no endpoint in the region.
    #[error(
        "the {service} service of cloud \"{cloud}\" has no endpoint in region \"{region}\"; it has {}",
        list(known)
    )]
    NoRegion {
        /// The cloud.
        cloud: String,
        /// The service type.
        service: String,
        /// The region of the configuration.
        region: String,
        /// The regions there are.
        known: Vec<String>,
    },
    /// The service has no endpoint for the interface.
    #[error(
        "the {service} service of cloud \"{cloud}\" has no {interface} endpoint; it has {}",
        list(known)
    )]
    NoInterface {
        /// The cloud.
        cloud: String,
        /// The service type.
        service: String,
        /// The interface of the configuration.
        interface: Interface,
        /// The interfaces there are.
        known: Vec<String>,
    },
    /// An address in the catalogue or configuration is not usable.
    #[error(
        "the address \"{url}\" of the {service} service of cloud \"{cloud}\" is not usable: {reason}"
    )]
    BadEndpoint {
        /// The cloud.
        cloud: String,
        /// The service type.
        service: String,
        /// The address.
        url: String,
        /// Why.
        reason: String,
    },
    /// The service refuses.
    #[error("{0}")]
    Api(Box<ApiError>),
    /// The service sends us elsewhere.
    #[error("the {} service of cloud \"{}\" redirects {call} to {to}", call.service, call.cloud)]
    Redirected {
        /// What was asked.
        call: Arc<Call>,
        /// Where to.
        to: String,
    },
    /// The answer is not what it should be.
    #[error("the {} service of cloud \"{}\" gave an answer to {call} that is not understood: {reason}", call.service, call.cloud)]
    Answer {
        /// What was asked.
        call: Arc<Call>,
        /// What is wrong with it.
        reason: String,
        /// The id under which the service logged the request.
        request_id: Option<String>,
    },
    /// The answer is larger than we take.
    #[error("the answer of the {} service of cloud \"{}\" to {call} is larger than {limit} bytes", call.service, call.cloud)]
    TooLarge {
        /// What was asked.
        call: Arc<Call>,
        /// The limit in bytes.
        limit: u64,
    },
    /// The service does not have the microversion.
    #[error("the {service} service of cloud \"{cloud}\" has no microversion {wanted}; {available}")]
    Microversion {
        /// The cloud.
        cloud: String,
        /// The service type.
        service: String,
        /// What was wanted.
        wanted: String,
        /// What there is, as a sentence.
        available: String,
    },
    /// The service does not have the API version.
    #[error(
        "the {service} service of cloud \"{cloud}\" has no API version {wanted}; it has {}",
        list(known)
    )]
    NoVersion {
        /// The cloud.
        cloud: String,
        /// The service type.
        service: String,
        /// What was wanted.
        wanted: String,
        /// The versions there are.
        known: Vec<String>,
    },
    /// The pages of a listing do not end.
    #[error("the pages of {call} do not end: {reason}")]
    Paging {
        /// The first page.
        call: Arc<Call>,
        /// What is wrong.
        reason: String,
    },
    /// The request cannot be made from what the caller gave.
    #[error("the request {method} {path} to the {service} service cannot be made: {reason}")]
    Request {
        /// The service type.
        service: String,
        /// The method.
        method: Method,
        /// The path.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// The data to send could not be read.
    #[error("the data for {call} could not be read")]
    Upload {
        /// What was asked.
        call: Arc<Call>,
        /// The cause.
        #[source]
        source: Cause,
    },
    /// The HTTP client cannot be built.
    #[error("the connection to cloud \"{cloud}\" cannot be set up: {reason}")]
    Setup {
        /// The cloud.
        cloud: String,
        /// Why.
        reason: String,
    },
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        Self::Config(Box::new(error))
    }
}

impl Error {
    /// The status, if the service answered.
    pub fn status(&self) -> Option<StatusCode> {
        if let Self::Api(error) = self { Some(error.status) } else { None }
    }

    /// Whether the service says that the thing does not exist.
    pub fn is_not_found(&self) -> bool {
        self.status() == Some(StatusCode::NOT_FOUND)
    }

    /// Whether trying again can help.
    pub fn retry_class(&self) -> RetryClass {
        match self {
            Self::Unreachable { .. } => RetryClass::NoEffect,
            Self::Lost { .. } | Self::Timeout { .. } => RetryClass::Ambiguous,
            Self::Api(error) => error.retry_class(),
            _ => RetryClass::Never,
        }
    }
}

/// Whether trying again can help after an answer with this status.
pub(crate) fn class_of(
    status: StatusCode,
    retry_after: Option<Duration>,
    conflict_passes: bool,
) -> RetryClass {
    match (status, retry_after) {
        (StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE, Some(pause)) => {
            RetryClass::After(pause)
        }
        (StatusCode::TOO_MANY_REQUESTS, None) => RetryClass::NoEffect,
        (
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT,
            _,
        ) => RetryClass::Ambiguous,
        (StatusCode::CONFLICT, _) if conflict_passes => RetryClass::Busy,
        (StatusCode::UNAUTHORIZED, _) => RetryClass::Reauthenticate,
        _ => RetryClass::Never,
    }
}

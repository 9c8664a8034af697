//! What each failure is, and what to do about it.

use http::StatusCode;
use lotse_core::declared::Diagnostic;
use lotse_core::error::{ErrorKind, Explain};

use super::{ApiError, CertificateProblem, Error, Refusal, Unreachable};

impl Explain for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Config(error) => error.kind(),
            Self::TlsSetup { .. }
            | Self::Certificate { .. }
            | Self::NotIdentity { .. }
            | Self::NoProject { .. }
            | Self::NoService { .. }
            | Self::NoRegion { .. }
            | Self::NoInterface { .. }
            | Self::BadEndpoint { .. }
            | Self::Redirected { .. } => ErrorKind::Configuration,
            Self::Unreachable { reason: Unreachable::TimedOut, .. } | Self::Timeout { .. } => {
                ErrorKind::Timeout
            }
            Self::Unreachable { .. }
            | Self::Handshake { .. }
            | Self::Lost { .. }
            | Self::Answer { .. }
            | Self::TooLarge { .. }
            | Self::Paging { .. } => ErrorKind::Unavailable,
            Self::Credentials { .. } => ErrorKind::Authentication,
            Self::Api(error) => error.kind(),
            Self::Microversion { .. } | Self::NoVersion { .. } => ErrorKind::Unsupported,
            Self::Request { .. } | Self::Setup { .. } => ErrorKind::Internal,
            Self::Upload { .. } => ErrorKind::Storage,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Config(error) => error.hints(),
            Self::Api(error) => error.hints(),
            other => other.hint().into_iter().collect(),
        }
    }

    fn request_id(&self) -> Option<&str> {
        match self {
            Self::Api(error) => error.request_id.as_deref(),
            Self::Credentials { request_id, .. } | Self::Answer { request_id, .. } => {
                request_id.as_deref()
            }
            // The service may have logged the request although its answer never came.
            Self::Timeout { call, .. } | Self::Lost { call, .. } => Some(&call.global_request_id),
            _ => None,
        }
    }

    fn diagnostics(&self) -> &[Diagnostic] {
        if let Self::Config(error) = self { error.diagnostics() } else { &[] }
    }
}

impl Error {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Unreachable { reason, call, .. } => unreachable(*reason, &call.service),
            Self::Certificate { problem, .. } => certificate(problem),
            Self::Credentials { reason, .. } => credentials(*reason),
            Self::Handshake { call, .. } => format!(
                "check whether {} really speaks HTTPS; if it is plain HTTP, write http://",
                call.origin()
            ),
            Self::Timeout { .. } | Self::Lost { .. } => {
                "the service may be overloaded or restarting; look at its log and try again"
                    .to_owned()
            }
            Self::NotIdentity { .. } => {
                "check auth_url (or OS_AUTH_URL); it usually ends in :5000/v3 or /identity/v3, and \
                 is not the address of the dashboard"
                    .to_owned()
            }
            Self::NoProject { .. } => "name a project: auth.project_name with \
                 auth.project_domain_name, or OS_PROJECT_NAME with OS_PROJECT_DOMAIN_NAME"
                .to_owned(),
            Self::NoService { service, .. } => format!(
                "use a cloud that offers it, or write its address as {}_endpoint_override in \
                 clouds.yaml",
                service.replace('-', "_")
            ),
            Self::NoRegion { .. } => {
                "correct region_name in clouds.yaml, OS_REGION_NAME or --os-region-name; names are \
                 case sensitive"
                    .to_owned()
            }
            Self::NoInterface { .. } => {
                "correct interface in clouds.yaml, or OS_INTERFACE".to_owned()
            }
            Self::BadEndpoint { service, .. } => format!(
                "correct the catalogue, or write the address as {}_endpoint_override in clouds.yaml",
                service.replace('-', "_")
            ),
            Self::Redirected { .. } => {
                "use the address it redirects to (often https:// instead of http://) in the \
                 catalogue or in clouds.yaml"
                    .to_owned()
            }
            Self::Microversion { .. } | Self::NoVersion { .. } => {
                "the service is older or newer than this command needs".to_owned()
            }
            Self::Answer { .. } => {
                "something between us and the service may have answered instead of it".to_owned()
            }
            _ => return None,
        };
        Some(hint)
    }
}

fn unreachable(reason: Unreachable, service: &str) -> String {
    let address = if service == "identity" {
        "auth_url (or OS_AUTH_URL)"
    } else {
        "the endpoint in the catalogue, the interface and"
    };
    match reason {
        Unreachable::Refused => {
            format!("check that the service runs, and check {address} with its port")
        }
        Unreachable::UnknownHost => {
            format!("check the name in {address}, and the name servers of this machine")
        }
        Unreachable::TimedOut | Unreachable::NoRoute => {
            format!("check {address} and whether a firewall, VPN or proxy is in the way")
        }
        Unreachable::Proxy => "check http_proxy, https_proxy and no_proxy".to_owned(),
        Unreachable::Other => format!("check {address} and the network"),
    }
}

fn certificate(problem: &CertificateProblem) -> String {
    match problem {
        CertificateProblem::UnknownIssuer => {
            "set cacert in clouds.yaml (or OS_CACERT) to the file of the authority that signed it"
        }
        CertificateProblem::WrongName { .. } => {
            "use a host name that the certificate is for, or have one made for this name"
        }
        CertificateProblem::Expired => {
            "renew the certificate of the server; if it is new, check the clock of this machine"
        }
        CertificateProblem::NotYetValid => "check the clock of this machine and of the server",
        CertificateProblem::Revoked => "replace the certificate of the server",
        CertificateProblem::AuthorityAsServer => {
            "make a certificate for the server that the authority signs (basicConstraints CA:FALSE)"
        }
        CertificateProblem::Other => "look at the certificate with: openssl s_client -connect",
    }
    .to_owned()
}

fn credentials(reason: Refusal) -> String {
    match reason {
        Refusal::Password => {
            "check user name, password and user_domain_name in clouds.yaml, secure.yaml or OS_*; \
             the service does not say which of them is wrong, and locks users after several failures"
        }
        Refusal::ApplicationCredential => {
            "it may be expired, deleted or mistyped: look at `openstack application credential \
             list` and make a new one"
        }
        Refusal::Token => "the token has expired or was revoked: get a new one",
        Refusal::AccessToken => {
            "the access token has expired, or identity_provider or protocol is not the one the \
             identity service knows"
        }
        Refusal::Scope => {
            "check that the project (or domain) exists, is enabled and that the user has a role on \
             it"
        }
        Refusal::PasswordExpired => "set a new password with `openstack user password set`",
        Refusal::Factors => {
            "this user needs several factors, which is not supported: use an application credential"
        }
    }
    .to_owned()
}

impl ApiError {
    fn kind(&self) -> ErrorKind {
        match self.status {
            StatusCode::UNAUTHORIZED => ErrorKind::Authentication,
            StatusCode::FORBIDDEN => ErrorKind::Forbidden,
            StatusCode::NOT_FOUND | StatusCode::GONE => ErrorKind::NotFound,
            StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED => ErrorKind::Conflict,
            StatusCode::TOO_MANY_REQUESTS => ErrorKind::Throttled,
            StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT => ErrorKind::Timeout,
            StatusCode::NOT_IMPLEMENTED => ErrorKind::Unsupported,
            status if status.is_server_error() => ErrorKind::Unavailable,
            _ => ErrorKind::InvalidInput,
        }
    }

    fn hints(&self) -> Vec<String> {
        let hint = match self.status {
            StatusCode::FORBIDDEN => {
                "the token lacks the role for this: use a cloud entry with the right user, project \
                 or system_scope, or ask for the role"
            }
            StatusCode::UNAUTHORIZED => {
                "the service does not accept a fresh token: its own connection to the identity \
                 service may be broken"
            }
            StatusCode::TOO_MANY_REQUESTS => "the service is throttling; try again later",
            StatusCode::PAYLOAD_TOO_LARGE => "a quota or size limit is used up",
            status if status.is_server_error() => "look into the log of the service",
            _ => return Vec::new(),
        };
        match &self.request_id {
            Some(id) if self.status.is_server_error() => {
                vec![format!("{hint} for {id}")]
            }
            _ => vec![hint.to_owned()],
        }
    }
}

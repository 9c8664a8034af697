//! What kinds of failure there are.
//!
//! Every library crate has one error enum of its own, with variants named after what went wrong for
//! the caller and sources chained through `#[source]` (never repeated in `Display`). What all these
//! enums share is [`Explain`]: a [`ErrorKind`], hints on what to do, and the request id when an API
//! was involved. The binary prints any of them with one printer; the HTTP shell renders any of them
//! as problem+json. The meaning of a kind stands in one table, here.

use crate::declared::Diagnostic;

/// What a failure is, for the one who has to react to it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    /// The command line is wrong.
    Usage,
    /// `lotse.yaml`, `clouds.yaml` or the environment is wrong or incomplete.
    Configuration,
    /// A declared file of the estate is wrong.
    Declaration,
    /// The credentials were refused.
    Authentication,
    /// The credentials are fine, the permission is missing.
    Forbidden,
    /// The thing named does not exist.
    NotFound,
    /// The state of the thing forbids the change.
    Conflict,
    /// The API understood the request and refused its content.
    InvalidInput,
    /// Too many requests.
    Throttled,
    /// The service is not reachable or answers with a server error.
    Unavailable,
    /// Nothing came in time.
    Timeout,
    /// A person or a signal stopped the work.
    Cancelled,
    /// Another instance holds what is needed.
    Busy,
    /// Our own state cannot be read or written (disk full, database gone).
    Storage,
    /// Bytes are not what they were declared to be (checksum, signature).
    Integrity,
    /// A safety limit stopped the work (fuse, missing consent).
    Refused,
    /// Deliberately not offered.
    Unsupported,
    /// A defect of Lotse.
    Internal,
}

impl ErrorKind {
    /// The exit code of a command that ends with this failure.
    pub const fn exit_code(self) -> ExitCode {
        match self {
            Self::Usage | Self::Configuration | Self::Declaration | Self::Unsupported => {
                ExitCode::Usage
            }
            _ => ExitCode::Failed,
        }
    }

    /// The HTTP status (RFC 9110) under which our own API reports this failure.
    pub const fn http_status(self) -> u16 {
        match self {
            Self::Usage | Self::InvalidInput => 400,
            Self::Authentication => 401,
            Self::Forbidden | Self::Refused => 403,
            Self::NotFound => 404,
            Self::Conflict | Self::Busy => 409,
            Self::Declaration | Self::Configuration => 422,
            Self::Throttled => 429,
            Self::Cancelled | Self::Unavailable => 503,
            Self::Timeout => 504,
            Self::Unsupported => 501,
            Self::Storage | Self::Integrity | Self::Internal => 500,
        }
    }
}

/// The exit codes of every command; scripts depend on the numbers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum ExitCode {
    /// Done, or no difference.
    Success = 0,
    /// The work failed.
    Failed = 1,
    /// The command line, configuration or estate is wrong; nothing was attempted.
    Usage = 2,
    /// `plan --detailed-exitcode` found differences.
    Differences = 3,
    /// A check ran and its verdicts failed.
    VerdictsFailed = 4,
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}

/// An error that can say what it is and what to do about it.
pub trait Explain: std::error::Error + Send + Sync + 'static {
    /// What the failure is, for the one who has to react.
    fn kind(&self) -> ErrorKind;

    /// What to do about it, one sentence each, most useful first.
    fn hints(&self) -> Vec<String> {
        Vec::new()
    }

    /// The id under which the API logged the failing request.
    fn request_id(&self) -> Option<&str> {
        None
    }

    /// The places in declared files that are wrong.
    fn diagnostics(&self) -> &[Diagnostic] {
        &[]
    }
}

/// The message of an error followed by those of its sources, joined by `: `.
///
/// Messages that a source repeats word for word are left out.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let message = cause.to_string();
        if !text.contains(&message) {
            text.push_str(": ");
            text.push_str(&message);
        }
        source = cause.source();
    }
    text
}

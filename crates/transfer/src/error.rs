//! What can go wrong between a source and those who need its content.

use std::path::PathBuf;
use std::time::Duration;

use lotse_core::error::{ErrorKind, Explain};
use lotse_core::retry::RetryClass;

use crate::checksum::Checksum;
use crate::guard::Refused;
use crate::qcow2::Fault as Qcow2Fault;
use crate::signature::Fault as SignatureFault;
use crate::unpack::Fault as UnpackFault;

/// Why content did not arrive.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An address that is not understood.
    #[error("{text} cannot be a source: {reason}")]
    Source {
        /// The address, without its secrets.
        text: String,
        /// Why not.
        reason: &'static str,
    },
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be made: {reason}")]
    Client {
        /// Why.
        reason: String,
    },
    /// No answer.
    #[error("{url} does not answer")]
    Request {
        /// The source.
        url: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// An answer that is not a success.
    #[error("{url} answers with status {status}{}", redirect(location.as_deref()))]
    Status {
        /// The source.
        url: String,
        /// The status of HTTP.
        status: u16,
        /// Where a redirect that is not followed points.
        location: Option<String>,
        /// How long the server asks to wait.
        after: Option<Duration>,
    },
    /// A publisher on the internet leads to an internal address.
    #[error("{url} redirects to {to}, which is not followed")]
    Inward {
        /// The source.
        url: String,
        /// Where it leads, without secrets.
        to: String,
        /// What is there.
        #[source]
        source: Refused,
    },
    /// Nothing came for too long.
    #[error("{url} sent nothing for {:.1} s", limit.as_secs_f64())]
    Stalled {
        /// The source.
        url: String,
        /// How long nothing may come.
        limit: Duration,
    },
    /// The answer ended before all of it was there.
    #[error("{url} broke off after {got}{} bytes", of(*expected))]
    Truncated {
        /// The source.
        url: String,
        /// Bytes of the file until then.
        got: u64,
        /// Bytes there should have been, if the server has said it.
        expected: Option<u64>,
        /// Why, if there is a reason.
        #[source]
        source: Option<reqwest::Error>,
    },
    /// A range was answered with something else.
    #[error("{url} answers a request for {asked} wrongly: {what}")]
    Range {
        /// The source.
        url: String,
        /// What was asked for.
        asked: String,
        /// What is wrong.
        what: String,
    },
    /// The file changes faster than it can be downloaded.
    #[error("{url} changed while it was downloaded")]
    Changed {
        /// The source.
        url: String,
    },
    /// More bytes than are taken.
    #[error("{what} has more than {limit} bytes")]
    TooLarge {
        /// Of what.
        what: String,
        /// How many are taken.
        limit: u64,
    },
    /// The disk is too small.
    #[error("{} has {available} bytes free, {needed} are needed", path.display())]
    Space {
        /// The directory.
        path: PathBuf,
        /// Bytes needed, those included that must stay free.
        needed: u64,
        /// Bytes there are.
        available: u64,
    },
    /// Not what was declared.
    #[error("{what} has checksum {actual}, {expected} was expected")]
    Checksum {
        /// Of what.
        what: String,
        /// What was declared.
        expected: Checksum,
        /// What it is.
        actual: String,
    },
    /// Another process has the spool.
    #[error("{} is being written by another process", path.display())]
    Busy {
        /// The spool.
        path: PathBuf,
    },
    /// A file of ours, or a local source, cannot be used.
    #[error("{} cannot be {what}", path.display())]
    File {
        /// What was attempted, for example `written`.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// What was packed cannot be unpacked.
    #[error("{what} cannot be unpacked")]
    Unpack {
        /// What.
        what: String,
        /// Why.
        #[source]
        source: UnpackFault,
    },
    /// An image that cannot be read, or must not be used.
    #[error("{what} is no image that can be used")]
    Qcow2 {
        /// What.
        what: String,
        /// Why.
        #[source]
        source: Qcow2Fault,
    },
    /// A signature that is missing, wrong, or by nobody who is trusted.
    #[error("{what} is not signed as it must be")]
    Signature {
        /// What.
        what: String,
        /// Why.
        #[source]
        source: SignatureFault,
    },
    /// A bucket does not do what was asked for.
    #[error("{url} answers with status {status}{}", said(code, message))]
    Store {
        /// The object.
        url: String,
        /// The status of HTTP.
        status: u16,
        /// The code of S3, if it gives one.
        code: String,
        /// Its message, if it gives one.
        message: String,
    },
    /// A variable that gives access to a bucket is missing.
    #[error("the variable {variable} is not set, a bucket needs it")]
    Access {
        /// Which.
        variable: &'static str,
    },
    /// The index of a mirror cannot be used.
    #[error("the index {place} of the mirror is wrong: {reason}")]
    Index {
        /// Where it is.
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// The mirror has no copy of this name.
    #[error("the mirror has no copy of {name}")]
    NoCopy {
        /// The name.
        name: String,
    },
    /// Who takes the content has stopped taking it.
    #[error("the content could not be handed on")]
    Consumer {
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Work of ours ended without a result: it panicked or the program is stopping.
    #[error("the work on {what} was interrupted")]
    Interrupted {
        /// On what.
        what: String,
    },
}

fn redirect(location: Option<&str>) -> String {
    location.map_or_else(String::new, |location| {
        format!(", a redirect to {location} that is not followed")
    })
}

fn of(expected: Option<u64>) -> String {
    expected.map_or_else(String::new, |expected| format!(" of {expected}"))
}

fn said(code: &str, message: &str) -> String {
    let said = [code, message].into_iter().filter(|text| !text.is_empty());
    let said = said.map(|text| format!(": {text}"));
    said.collect::<Vec<_>>().concat()
}

impl Error {
    pub(crate) fn file(
        what: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { what, path, source }
    }

    /// Whether asking again may help. Reading has no effect, so everything ambiguous may be repeated.
    pub fn retry(&self) -> RetryClass {
        match self {
            Self::Status { after: Some(after), status: 429 | 503, .. } => RetryClass::After(*after),
            Self::Status { status: 408 | 425 | 429 | 500 | 502 | 503 | 504, .. }
            | Self::Stalled { .. }
            | Self::Truncated { .. } => RetryClass::Ambiguous,
            Self::Request { source, .. } if source.is_builder() => RetryClass::Never,
            Self::Request { .. } => RetryClass::NoEffect,
            _ => RetryClass::Never,
        }
    }
}

impl Explain for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Source { .. } => ErrorKind::Declaration,
            Self::Client { .. } | Self::Access { .. } => ErrorKind::Configuration,
            Self::Status { status: 401, .. } => ErrorKind::Authentication,
            Self::Status { status: 403, .. } | Self::Store { status: 401 | 403, .. } => {
                ErrorKind::Forbidden
            }
            Self::Status { status: 404 | 410, .. }
            | Self::Store { status: 404, .. }
            | Self::NoCopy { .. } => ErrorKind::NotFound,
            Self::Status { status: 429, .. } => ErrorKind::Throttled,
            Self::Request { source, .. } if source.is_timeout() => ErrorKind::Timeout,
            Self::Stalled { .. } => ErrorKind::Timeout,
            Self::Request { .. }
            | Self::Status { .. }
            | Self::Truncated { .. }
            | Self::Store { .. }
            | Self::Range { .. }
            | Self::Changed { .. } => ErrorKind::Unavailable,
            Self::Inward { .. }
            | Self::TooLarge { .. }
            | Self::Unpack { source: UnpackFault::Memory { .. }, .. } => ErrorKind::Refused,
            Self::Checksum { .. } | Self::Unpack { .. } | Self::Signature { .. } => {
                ErrorKind::Integrity
            }
            Self::Qcow2 { source, .. } => source.kind(),
            Self::Busy { .. } => ErrorKind::Busy,
            Self::File { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                ErrorKind::NotFound
            }
            Self::Space { .. } | Self::File { .. } | Self::Index { .. } => ErrorKind::Storage,
            Self::Interrupted { .. } | Self::Consumer { .. } => ErrorKind::Cancelled,
        }
    }

    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Status { status: 404 | 410, .. } => {
                "the file is gone: publishers remove old builds, look for a newer one"
            }
            Self::Status { location: Some(_), .. } => {
                "redirects from https to http and long chains of them are not followed; write the \
                 final address"
            }
            Self::Inward { .. } => {
                "if the internal address is meant, declare it itself, or set internal_redirects in the \
                 section images of lotse.yaml"
            }
            Self::Truncated { .. } | Self::Stalled { .. } => {
                "what has arrived is kept; run it again to go on, or use a mirror"
            }
            Self::Checksum { .. } => {
                "the publisher has replaced the file, or something on the way has; nothing of it \
                 was used"
            }
            Self::Store { status: 403, .. } => {
                "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the clock of this machine"
            }
            Self::Signature { .. } => {
                "compare the fingerprint with the one the publisher gives; pin the new key if it has \
                 changed there"
            }
            Self::Space { .. } => "give the directory for spool files a larger disk",
            Self::Busy { .. } => "wait for it to end; it can be used right after",
            _ => return Vec::new(),
        };
        vec![hint.to_owned()]
    }
}

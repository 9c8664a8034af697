//! What can go wrong besides a verdict.

use std::path::PathBuf;

use lotse_core::declared::{DeclaredError, Diagnostic};
use lotse_core::error::{ErrorKind, Explain};

/// Why there is no result at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The scope file is wrong.
    #[error(transparent)]
    Scope(#[from] DeclaredError),
    /// There is no such built-in profile.
    #[error("there is no profile \"{name}\"; there are {}", known.join(", "))]
    NoProfile {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<&'static str>,
    },
    /// The scope has no such version.
    #[error("the scope has no version \"{name}\"; it has {}", known.join(", "))]
    NoVersion {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// At this date no version of the scope counts.
    #[error("no version of the scope counts on {date}")]
    NothingCounts {
        /// The date.
        date: jiff::civil::Date,
    },
    /// Testcases are chosen by something that is no regular expression.
    #[error("\"{pattern}\" is no regular expression")]
    Pattern {
        /// What was given.
        pattern: String,
        /// Why not.
        #[source]
        source: Box<regex::Error>,
    },
    /// The cloud lets nobody in, so that nothing was seen.
    #[error("nothing can be said about the cloud \"{cloud}\"")]
    Cloud {
        /// Which.
        cloud: String,
        /// Why.
        #[source]
        source: Box<lotse_openstack::Error>,
    },
    /// A snapshot cannot be read.
    #[error("{} is no snapshot", path.display())]
    Snapshot {
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
    /// The signature of a snapshot does not count.
    #[error("{} is not what it should be", path.display())]
    Seal {
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: crate::snapshot::seal::Broken,
    },
    /// A file of keys that count cannot be used.
    #[error("{} holds no usable keys: {reason}", path.display())]
    PinnedKey {
        /// Which file.
        path: PathBuf,
        /// Why not.
        reason: &'static str,
    },
    /// A `kubeconfig` leads to no cluster.
    #[error("{} leads to no cluster", path.display())]
    Kubeconfig {
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: Box<crate::kaas::access::Refused>,
    },
    /// A file of publications cannot be read.
    #[error("{} holds no publications", path.display())]
    Feeds {
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
    /// The client of a cluster cannot be made.
    #[error("no client can be made for \"{cluster}\": {reason}")]
    Client {
        /// For which cluster, or whose publications.
        cluster: String,
        /// Why not.
        reason: String,
    },
    /// A key that should sign cannot be used.
    #[error("{} cannot sign: {reason}", path.display())]
    Key {
        /// Which file.
        path: PathBuf,
        /// Why not.
        reason: &'static str,
    },
    /// A compliance monitor cannot be used as it is named.
    #[error("the monitor {monitor} cannot be used: {reason}")]
    Monitor {
        /// Its address.
        monitor: String,
        /// Why not.
        reason: &'static str,
    },
    /// A compliance monitor refuses a report.
    #[error("the monitor {monitor} did not take the report ({status}): {reason}")]
    NotTaken {
        /// Its address.
        monitor: String,
        /// The status of its answer.
        status: u16,
        /// What that means.
        reason: &'static str,
    },
    /// A compliance monitor does not answer.
    #[error("the monitor {monitor} does not answer")]
    MonitorSilent {
        /// Its address.
        monitor: String,
        /// Why.
        #[source]
        source: Box<reqwest::Error>,
    },
    /// A file cannot be read or written.
    #[error("{} cannot be {action}", path.display())]
    File {
        /// `read` or `written`.
        action: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl Explain for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Scope(error) => error.kind(),
            Self::NoProfile { .. }
            | Self::NoVersion { .. }
            | Self::NothingCounts { .. }
            | Self::Pattern { .. } => ErrorKind::Usage,
            Self::NotTaken { .. } => ErrorKind::Forbidden,
            Self::MonitorSilent { .. } => ErrorKind::Unavailable,
            Self::Monitor { .. }
            | Self::Key { .. }
            | Self::PinnedKey { .. }
            | Self::Kubeconfig { .. }
            | Self::Client { .. } => ErrorKind::Configuration,
            Self::Cloud { source, .. } => source.kind(),
            Self::Snapshot { .. } | Self::Feeds { .. } | Self::Seal { .. } => {
                ErrorKind::InvalidInput
            }
            Self::File { .. } => ErrorKind::Storage,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Scope(error) => error.hints(),
            Self::Cloud { source, .. } => source.hints(),
            Self::NothingCounts { .. } => vec!["name a version with --version".to_owned()],
            Self::Snapshot { .. } => {
                vec!["make one with `lotse conformance record`".to_owned()]
            }
            Self::Feeds { .. } => {
                vec!["make one with `lotse conformance feeds --output FILE`".to_owned()]
            }
            _ => Vec::new(),
        }
    }

    fn request_id(&self) -> Option<&str> {
        if let Self::Cloud { source, .. } = self { source.request_id() } else { None }
    }

    fn diagnostics(&self) -> &[Diagnostic] {
        if let Self::Scope(error) = self { error.diagnostics() } else { &[] }
    }
}

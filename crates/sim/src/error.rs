//! What can go wrong when a simulation is started.

use std::net::SocketAddr;
use std::path::PathBuf;

use lotse_core::declared::{DeclaredError, Diagnostic};
use lotse_core::error::{ErrorKind, Explain};

/// A simulation could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SimError {
    /// The address is not a loopback address: the simulation has well-known passwords.
    #[error("the simulated cloud may not listen on {address}")]
    NotLoopback {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The address cannot be listened on.
    #[error("the simulated cloud cannot listen on {address}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The seed file cannot be read.
    #[error("the seed file {} cannot be read", path.display())]
    SeedUnreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file of fault rules is none.
    #[error("the fault rules cannot be used")]
    Faults {
        /// Where and why.
        #[source]
        source: DeclaredError,
    },
    /// The seed file is not a state.
    #[error("the seed file {} is not a state of the simulated cloud", path.display())]
    SeedInvalid {
        /// The file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: serde_json::Error,
    },
}

impl Explain for SimError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NotLoopback { .. } => ErrorKind::Refused,
            Self::Listen { .. } => ErrorKind::Unavailable,
            Self::SeedUnreadable { .. } | Self::SeedInvalid { .. } | Self::Faults { .. } => {
                ErrorKind::Configuration
            }
        }
    }

    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::NotLoopback { .. } => "choose 127.0.0.1 or [::1]; the passwords are well known",
            Self::Listen { .. } => "choose another port, or port 0 for any free one",
            Self::Faults { .. } => {
                "for example [{\"service\": \"image\", \"nth\": 1, \"effect\": {\"kind\": \"reset-before\"}}]"
            }
            Self::SeedUnreadable { .. } => "check the path and its permissions",
            Self::SeedInvalid { .. } => "`GET /_sim/state` of a running simulation shows the form",
        };
        vec![hint.to_owned()]
    }

    fn diagnostics(&self) -> &[Diagnostic] {
        if let Self::Faults { source } = self { source.diagnostics() } else { &[] }
    }
}

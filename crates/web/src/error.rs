//! What goes wrong in the shell itself.

use lotse_core::error::{ErrorKind, Explain};

/// An error of the shell.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system gave no random numbers.
    #[error("the operating system gave no random numbers")]
    Randomness,
    /// The state cannot be read or written.
    #[error("the state of the daemon cannot be used")]
    Store(#[source] lotse_store::Error),
    /// The client for the identity provider cannot be made.
    #[error("the identity provider {issuer} cannot be used: {reason}")]
    ProviderSetup {
        /// The provider.
        issuer: String,
        /// Why not.
        reason: String,
    },
    /// Two capabilities want the same place or name.
    #[error("two capabilities bring {what}")]
    Twice {
        /// The route, permission or name.
        what: String,
    },
}

impl From<lotse_store::Error> for Error {
    fn from(error: lotse_store::Error) -> Self {
        Self::Store(error)
    }
}

impl Explain for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Randomness | Self::Twice { .. } => ErrorKind::Internal,
            Self::Store(error) => error.kind(),
            Self::ProviderSetup { .. } => ErrorKind::Configuration,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Store(error) => error.hints(),
            Self::ProviderSetup { .. } => {
                vec!["look at access.oidc in lotse.yaml".to_owned()]
            }
            Self::Randomness | Self::Twice { .. } => Vec::new(),
        }
    }
}

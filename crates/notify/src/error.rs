//! What can go wrong with notifications, beside the sending itself.

use lotse_core::error::{ErrorKind, Explain};

/// Notifications could not be configured, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A channel cannot be used as it is configured.
    #[error("the channel \"{channel}\" cannot be used: {reason}")]
    Channel {
        /// Its name.
        channel: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A rule names a channel that is not there.
    #[error("a rule for {topics} names the channel \"{channel}\", which is not configured")]
    UnknownChannel {
        /// The name.
        channel: String,
        /// The topics of the rule.
        topics: String,
    },
    /// There is no channel of this name.
    #[error("there is no channel \"{channel}\"")]
    NoChannel {
        /// The name.
        channel: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// There is no dead letter with this id.
    #[error("there is no dead letter {id}")]
    NoDeadLetter {
        /// The id.
        id: String,
    },
    /// The state could not be read or written.
    #[error("the notifications cannot be read or written")]
    Store {
        /// Why.
        #[from]
        source: lotse_store::Error,
    },
}

impl Explain for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Channel { .. } | Self::UnknownChannel { .. } => ErrorKind::Configuration,
            Self::NoChannel { .. } | Self::NoDeadLetter { .. } => ErrorKind::NotFound,
            Self::Store { source } => source.kind(),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Channel { .. } => vec!["look at `notify.channels` in lotse.yaml".to_owned()],
            Self::UnknownChannel { .. } => {
                vec!["add it to `notify.channels` in lotse.yaml, or correct the rule".to_owned()]
            }
            Self::NoChannel { known, .. } if known.is_empty() => {
                vec!["declare one under `notify.channels` in lotse.yaml".to_owned()]
            }
            Self::NoChannel { known, .. } => vec![format!("there are {}", known.join(", "))],
            Self::NoDeadLetter { .. } => {
                vec!["`lotse notify list --state dead` shows those that there are".to_owned()]
            }
            Self::Store { source } => source.hints(),
        }
    }
}

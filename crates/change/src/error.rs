//! What can go wrong with a change.

use lotse_core::error::{ErrorKind, Explain};
use lotse_core::id::ChangeId;

use crate::model::State;

/// A change could not be read or decided.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such change.
    #[error("there is no change {id}")]
    NotFound {
        /// The id.
        id: String,
    },
    /// Its state does not allow it.
    #[error("change {id} is {state} and cannot be {wanted}")]
    WrongState {
        /// The change.
        id: ChangeId,
        /// Its state.
        state: State,
        /// What was to be done with it, for example `approved`.
        wanted: &'static str,
    },
    /// The person looked at other steps than it has.
    #[error("change {id} does not have the steps that were looked at")]
    OtherSteps {
        /// The change.
        id: ChangeId,
    },
    /// The person proposed it.
    #[error("{person} proposed change {id} and cannot approve it")]
    OwnProposal {
        /// The change.
        id: ChangeId,
        /// The person.
        person: String,
    },
    /// The person approved it before.
    #[error("{person} has approved change {id} already")]
    ApprovedBefore {
        /// The change.
        id: ChangeId,
        /// The person.
        person: String,
    },
    /// Somebody else changed it at the same moment, again and again.
    #[error("change {id} is being changed by others at this moment")]
    Contended {
        /// The change.
        id: ChangeId,
    },
    /// The state could not be read or written.
    #[error("the changes cannot be read or written")]
    Store {
        /// Why.
        #[from]
        source: lotse_store::Error,
    },
}

impl Explain for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound { .. } => ErrorKind::NotFound,
            Self::WrongState { .. } | Self::OtherSteps { .. } | Self::ApprovedBefore { .. } => {
                ErrorKind::Conflict
            }
            Self::OwnProposal { .. } => ErrorKind::Forbidden,
            Self::Contended { .. } => ErrorKind::Busy,
            Self::Store { source } => source.kind(),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::NotFound { .. } => vec!["it may have been removed because of its age".to_owned()],
            Self::WrongState { .. } | Self::OtherSteps { .. } => {
                vec!["look at the change again: it is not as it was".to_owned()]
            }
            Self::OwnProposal { .. } | Self::ApprovedBefore { .. } => {
                vec!["another person has to approve".to_owned()]
            }
            Self::Contended { .. } => vec!["try again".to_owned()],
            Self::Store { source } => source.hints(),
        }
    }
}

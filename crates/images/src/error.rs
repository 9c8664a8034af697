//! What can go wrong with the image catalogue.

use lotse_core::declared::{DeclaredError, Diagnostic};
use lotse_core::error::{ErrorKind, Explain};
use lotse_plan::{PlanError, StepError};

/// Why the catalogue could not be kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The definition files are wrong; nothing was attempted.
    #[error(transparent)]
    Declared(#[from] DeclaredError),
    /// The cloud could not be asked what is there.
    #[error("the images of the cloud \"{cloud}\" cannot be listed")]
    Observe {
        /// The cloud.
        cloud: String,
        /// Why.
        #[source]
        source: Box<lotse_openstack::Error>,
    },
    /// The plan was not begun.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// What was seen or done could not be remembered.
    #[error(transparent)]
    Store(#[from] lotse_store::Error),
    /// Steps of the plan did not succeed.
    #[error("{failed} of {steps} changes of images on the cloud \"{cloud}\" were not made{}", first(first_failure.as_ref()))]
    Incomplete {
        /// The cloud.
        cloud: String,
        /// Changes in all.
        steps: usize,
        /// Changes that were not made.
        failed: usize,
        /// The first that failed, if one did (others may have been skipped or interrupted).
        first_failure: Option<(String, Box<StepError>)>,
    },
}

fn first(failure: Option<&(String, Box<StepError>)>) -> String {
    failure.map_or_else(String::new, |(name, error)| format!("; first \"{name}\": {error}"))
}

impl Explain for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Declared(error) => error.kind(),
            Self::Observe { source, .. } => source.kind(),
            Self::Plan(error) => error.kind(),
            Self::Store(error) => error.kind(),
            Self::Incomplete { first_failure, .. } => {
                first_failure.as_ref().map_or(ErrorKind::Cancelled, |(_, error)| error.kind)
            }
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Declared(error) => error.hints(),
            Self::Observe { source, .. } => source.hints(),
            Self::Plan(error) => error.hints(),
            Self::Store(error) => error.hints(),
            Self::Incomplete { first_failure, .. } => {
                first_failure.iter().filter_map(|(_, error)| error.hint.clone()).collect()
            }
        }
    }

    fn request_id(&self) -> Option<&str> {
        match self {
            Self::Observe { source, .. } => source.request_id(),
            Self::Plan(error) => error.request_id(),
            Self::Incomplete { first_failure, .. } => {
                first_failure.as_ref().and_then(|(_, error)| error.request_id.as_deref())
            }
            Self::Declared(_) | Self::Store(_) => None,
        }
    }

    fn diagnostics(&self) -> &[Diagnostic] {
        if let Self::Declared(error) = self { error.diagnostics() } else { &[] }
    }
}

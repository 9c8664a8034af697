//! What ends a command.

use lotse_core::error::{ErrorKind, ExitCode, Explain};

/// Any error of any crate, on its way to the one printer.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) Box<dyn Explain>);

impl<E: Explain> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(Box::new(error))
    }
}

/// What every command returns.
pub(crate) type CommandResult = Result<ExitCode, Failure>;

/// What goes wrong in the binary itself.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A change needs the consent of a person, and there is none to ask.
    #[error("this would change the cloud \"{cloud}\" and nobody is there to confirm it")]
    NotConfirmed {
        /// The cloud.
        cloud: String,
    },
    /// A person said no.
    #[error("not applied: nothing was changed on the cloud \"{cloud}\"")]
    Declined {
        /// The cloud.
        cloud: String,
    },
    /// A file or directory of ours cannot be used.
    #[error("cannot {action} {path}")]
    File {
        /// `create`, `read`, `write`.
        action: &'static str,
        /// The path.
        path: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// Standard output is closed or full.
    #[error("cannot write to standard output")]
    Output(#[source] std::io::Error),
    /// The runtime or a signal handler cannot be set up.
    #[error("cannot start: the operating system refused {what}")]
    System {
        /// What was refused.
        what: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A secret that the configuration names is not there.
    #[error("the secret for {what} cannot be read from {place}")]
    Secret {
        /// What it is for.
        what: &'static str,
        /// Where it should be.
        place: String,
        /// Why not, if the operating system said.
        #[source]
        source: Option<std::io::Error>,
    },
    /// The configuration has the right form and cannot be meant.
    #[error("{key} cannot be used: {reason}")]
    Setting {
        /// The key in `lotse.yaml`.
        key: &'static str,
        /// Why not.
        reason: String,
    },
    /// The names to choose from are not described by a regular expression.
    #[error("\"{filter}\" is no regular expression")]
    Filter {
        /// What was given.
        filter: String,
        /// Why not.
        #[source]
        source: Box<regex::Error>,
    },
    /// Nothing is chosen.
    #[error("no definition has a name in which \"{filter}\" is found")]
    FilterFindsNothing {
        /// What was given.
        filter: String,
    },
    /// A date is needed, and this is none.
    #[error("\"{written}\" is no date")]
    Date {
        /// What was given.
        written: String,
        /// Why not.
        #[source]
        source: Box<jiff::Error>,
    },
    /// No cloud is named.
    #[error("no cloud is named")]
    NoCloud,
    /// Another number of managers than two.
    #[error("what managers of domains may do shows with two of them")]
    Managers,
    /// What is given makes no name of a flavor.
    #[error("\"{name}\" is no name of a flavor")]
    FlavorName {
        /// What it would be called.
        name: String,
        /// Why not.
        #[source]
        source: lotse_scs::flavor::ParseError,
    },
    /// `demo --once` ended with a task that failed.
    #[error("the demo did not converge: {reason}")]
    DemoFailed {
        /// Which task, and why.
        reason: String,
    },
}

impl Explain for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NotConfirmed { .. } => ErrorKind::Refused,
            Self::Declined { .. } => ErrorKind::Cancelled,
            Self::Filter { .. }
            | Self::FilterFindsNothing { .. }
            | Self::FlavorName { .. }
            | Self::Date { .. }
            | Self::Managers
            | Self::NoCloud => ErrorKind::Usage,
            Self::Secret { .. } | Self::Setting { .. } => ErrorKind::Configuration,
            Self::File { .. } | Self::Output(_) => ErrorKind::Storage,
            Self::System { .. } | Self::DemoFailed { .. } => ErrorKind::Internal,
        }
    }

    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::NotConfirmed { .. } => "look at `lotse image plan`, then give --yes",
            Self::File { .. } => "check that the path exists and that you may use it",
            Self::Secret { .. } => "put the secret there, or name another place in lotse.yaml",
            _ => return Vec::new(),
        };
        vec![hint.to_owned()]
    }
}

//! What can go wrong around a run.

use std::time::Duration;

use lotse_core::error::{ErrorKind, Explain};

/// Why results could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The text is not XML, or not well-formed.
    #[error("the JUnit report is not well-formed XML near byte {position}")]
    Xml {
        /// Where, in bytes from the beginning.
        position: u64,
        /// The cause.
        #[source]
        source: quick_xml::Error,
    },
    /// The text is XML but says something that JUnit does not.
    #[error("the JUnit report is wrong near byte {position}: {message}")]
    Junit {
        /// Where, in bytes from the beginning.
        position: u64,
        /// What is wrong.
        message: String,
    },
    /// The text is larger than what is read.
    #[error("the JUnit report has {size} bytes, more than the {limit} that are read")]
    TooLarge {
        /// Its size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The program could not be started.
    #[error("cannot start \"{program}\"")]
    Start {
        /// The program.
        program: String,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The program could not be watched.
    #[error("lost sight of \"{program}\" after {after:?}")]
    Watch {
        /// The program.
        program: String,
        /// How long it had run.
        after: Duration,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
}

impl Explain for RunError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Xml { .. } | Self::Junit { .. } | Self::TooLarge { .. } => {
                ErrorKind::InvalidInput
            }
            Self::Start { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                ErrorKind::NotFound
            }
            Self::Start { .. } | Self::Watch { .. } => ErrorKind::Unavailable,
        }
    }

    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Xml { .. } | Self::Junit { .. } => {
                "the program that wrote the report may have been killed while writing; run it again"
            }
            Self::TooLarge { .. } => "let the program keep less output in its report",
            Self::Start { .. } => "check that the program is installed and in the search path",
            Self::Watch { .. } => return Vec::new(),
        };
        vec![hint.to_owned()]
    }
}

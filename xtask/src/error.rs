//! What can go wrong while doing a chore.

use std::io;
use std::path::PathBuf;

/// Why a chore could not be done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Checks ran and at least one failed; the report has already said which.
    #[error("checks failed")]
    ChecksFailed,
    /// The checkout this program belongs to is not where it was built.
    #[error("no workspace at {path}: run this through `cargo xtask` in a checkout")]
    NoWorkspace {
        /// Where it should have been.
        path: PathBuf,
    },
    /// A program could not be started.
    #[error("cannot start `{program}`")]
    Start {
        /// The program as it was named.
        program: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A program ran and said no.
    #[error("`{command}` failed ({status})")]
    Child {
        /// The command line.
        command: String,
        /// How it ended.
        status: String,
    },
    /// A file could not be read or written.
    #[error("cannot {action} {path}")]
    File {
        /// `read`, `write`, `create` …
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A program answered with something this chore does not understand.
    #[error("unexpected answer of {program}: {detail}")]
    Answer {
        /// The program or file.
        program: String,
        /// What was wrong with it.
        detail: String,
    },
    /// Something needed is not there and cannot be had.
    #[error("{what} is missing: {hint}")]
    Missing {
        /// What is missing.
        what: String,
        /// How to get it.
        hint: String,
    },
}

impl Error {
    /// A file error, for `map_err`.
    pub(crate) fn file(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }
}

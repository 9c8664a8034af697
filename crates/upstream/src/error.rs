//! What can go wrong besides a single definition.

use std::path::PathBuf;

use lotse_core::declared::{DeclaredError, Diagnostic};
use lotse_core::error::{ErrorKind, Explain};

/// Why the definition files could not follow.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A definition file, or a file of sources or dates, is wrong; nothing was asked or written.
    #[error(transparent)]
    Declared(#[from] DeclaredError),
    /// The HTTP client cannot be made.
    #[error("requests to upstream cannot be made: {reason}")]
    Client {
        /// Why.
        reason: String,
    },
    /// A file cannot be written.
    #[error("{} cannot be written", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file was changed by somebody else meanwhile.
    #[error("{} was changed by somebody else while upstream was asked; nothing was written", path.display())]
    Changed {
        /// Which.
        path: PathBuf,
    },
    /// Git cannot be run.
    #[error("git cannot be run")]
    NoGit {
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Git refused; files and branches are as they were.
    #[error("git refused: {said}")]
    Git {
        /// What it said.
        said: String,
    },
    /// Files that would be committed hold changes of somebody else.
    #[error("not committed yet: {}; a commit of ours would sweep that in", shown(files))]
    Dirty {
        /// Which.
        files: Vec<PathBuf>,
    },
}

fn shown(files: &[PathBuf]) -> String {
    let names: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
    names.join(", ")
}

impl Explain for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Declared(error) => error.kind(),
            Self::Client { .. } => ErrorKind::Internal,
            Self::Write { .. } => ErrorKind::Storage,
            Self::Changed { .. } | Self::Dirty { .. } | Self::Git { .. } => ErrorKind::Conflict,
            Self::NoGit { .. } => ErrorKind::Configuration,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Declared(error) => error.hints(),
            Self::Changed { .. } => vec!["run the command again".to_owned()],
            Self::Write { .. } => {
                vec!["check that you may write there and that there is room".to_owned()]
            }
            Self::NoGit { .. } => vec!["install git, or leave out --commit".to_owned()],
            Self::Dirty { .. } => vec!["commit or discard these changes first".to_owned()],
            Self::Git { .. } => vec!["nothing was changed; look at what git says".to_owned()],
            Self::Client { .. } => Vec::new(),
        }
    }

    fn diagnostics(&self) -> &[Diagnostic] {
        if let Self::Declared(error) = self { error.diagnostics() } else { &[] }
    }
}

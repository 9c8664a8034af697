//! What can go wrong with the status page.

use std::path::{Path, PathBuf};

use lotse_core::error::{ErrorKind, Explain};

/// The status page could not be read or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such thing.
    #[error("there is no {what} {name}")]
    NotFound {
        /// What kind of thing.
        what: &'static str,
        /// Its id or name.
        name: String,
    },
    /// What was sent is not what can be meant.
    #[error("{field}: {reason}")]
    Invalid {
        /// Where, in the words of the API, for example `endedAt`.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The state of the page forbids the change.
    #[error("{reason}")]
    Conflict {
        /// Why.
        reason: String,
    },
    /// The body has another content type.
    #[error("the body must be sent as application/json")]
    MediaType,
    /// The body is larger than anything that is meant.
    #[error("the body is larger than {limit} bytes")]
    TooLarge {
        /// How large it may be.
        limit: usize,
    },
    /// Who asks is not known.
    #[error("{reason}")]
    Unauthorized {
        /// What is missing.
        reason: &'static str,
    },
    /// Who asks may not do this.
    #[error("{reason}")]
    Forbidden {
        /// Why not.
        reason: &'static str,
    },
    /// Nobody can be recognised for now.
    #[error("the identity provider cannot be asked; try again")]
    SignIn,
    /// The provisioning file cannot be used.
    #[error(transparent)]
    Declared(#[from] lotse_core::declared::DeclaredError),
    /// A file cannot be used.
    #[error("cannot {action} {}", path.display())]
    File {
        /// `read`, `write`, `create`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A file is no signing key.
    #[error("{} holds no Ed25519 key (PKCS #8)", path.display())]
    Key {
        /// The file.
        path: PathBuf,
    },
    /// A bundle cannot be believed.
    #[error("the bundle is refused: {reason}")]
    Untrusted {
        /// Why not.
        reason: String,
    },
    /// The database of another status page could not be read.
    #[error("the other status page cannot be read")]
    Foreign {
        /// Why.
        #[source]
        source: lotse_store::Error,
    },
    /// A bundle could not be fetched.
    #[error("the bundle cannot be fetched")]
    Fetch {
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// A place to publish to, or to read from, cannot be used.
    #[error("the place of the bundles cannot be used")]
    Place {
        /// Why.
        #[from]
        source: lotse_transfer::Error,
    },
    /// A machine that is reached by SFTP cannot be used.
    #[error("cannot {action} {path}: {reason}")]
    Remote {
        /// `connect to`, `read`, `write`.
        action: &'static str,
        /// The machine, or a path on it.
        path: String,
        /// What it, or `ssh`, said.
        reason: String,
    },
    /// The state could not be read or written.
    #[error("the status page cannot be read or written")]
    Store {
        /// Why.
        #[from]
        source: lotse_store::Error,
    },
}

impl Error {
    /// Something in a field is not what can be meant.
    pub fn invalid(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), reason: reason.into() }
    }

    /// A file cannot be used; what was attempted, and on which one.
    pub(crate) fn file(
        action: &'static str,
        path: &Path,
    ) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::File { action, path, source }
    }

    /// There is no such thing.
    pub fn not_found(what: &'static str, name: impl std::fmt::Display) -> Self {
        Self::NotFound { what, name: lotse_web::text::shown(&format!("{name}"), 80) }
    }

    /// Something names a thing that is not there. What it was sent to is there, so it is a conflict
    /// with what the page has, and nothing that could not be found.
    pub fn unknown(what: &'static str, name: impl std::fmt::Display) -> Self {
        let name = lotse_web::text::shown(&format!("{name}"), 80);
        Self::Conflict { reason: format!("there is no {what} {name}") }
    }

    /// The HTTP status of the compatible API.
    pub fn status(&self) -> u16 {
        match self {
            Self::MediaType => 415,
            Self::TooLarge { .. } => 413,
            // The state is gone for now; the page is not.
            Self::Store { .. } | Self::SignIn => 503,
            other => other.kind().http_status(),
        }
    }
}

impl Explain for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound { .. } => ErrorKind::NotFound,
            Self::Invalid { .. } | Self::MediaType | Self::TooLarge { .. } => {
                ErrorKind::InvalidInput
            }
            Self::Conflict { .. } => ErrorKind::Conflict,
            Self::Unauthorized { .. } => ErrorKind::Authentication,
            Self::Forbidden { .. } => ErrorKind::Forbidden,
            Self::Declared(error) => error.kind(),
            Self::File { .. } => ErrorKind::Storage,
            Self::Key { .. } => ErrorKind::Configuration,
            Self::Untrusted { .. } => ErrorKind::Integrity,
            Self::Foreign { .. } => ErrorKind::InvalidInput,
            Self::SignIn | Self::Fetch { .. } | Self::Remote { .. } => ErrorKind::Unavailable,
            Self::Place { source } => source.kind(),
            Self::Store { source } => source.kind(),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Declared(error) => error.hints(),
            Self::Store { source } => source.hints(),
            Self::Remote { action: "connect to", path, .. } => vec![format!(
                "`ssh -o BatchMode=yes {path} true` must work without a question: a known host, a key"
            )],
            _ => Vec::new(),
        }
    }

    fn diagnostics(&self) -> &[lotse_core::declared::Diagnostic] {
        match self {
            Self::Declared(error) => error.diagnostics(),
            _ => &[],
        }
    }
}

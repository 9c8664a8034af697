//! What can go wrong between a repository and the estate.

use std::path::PathBuf;
use std::time::Duration;

use lotse_core::declared::Diagnostic;
use lotse_core::error::{ErrorKind, Explain};

use crate::model::CommitId;
use crate::names::NameFault;
use crate::signature::SignatureFault;
use crate::status::Fault;

/// Why there is no new revision.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Our own directory cannot be read or written.
    #[error("{} cannot be {what}", path.display())]
    State {
        /// What was attempted, for example `written`.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The configuration has the right form and cannot be meant.
    #[error("{key} cannot be used: {reason}")]
    Setting {
        /// The key in `lotse.yaml`.
        key: &'static str,
        /// Why not.
        reason: &'static str,
    },
    /// The client for HTTP cannot be made.
    #[error("the client for {url} cannot be made: {reason}")]
    Client {
        /// The repository.
        url: String,
        /// Why.
        reason: String,
    },
    /// No answer, or none that can be read to its end.
    #[error("{url} does not answer")]
    Request {
        /// The repository.
        url: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// An answer that is not a success.
    #[error("{url} answers with status {status}{}", redirect(location.as_deref()))]
    Status {
        /// The repository.
        url: String,
        /// The status of HTTP.
        status: u16,
        /// Where the answer points, when it is a redirect that is not followed.
        location: Option<String>,
    },
    /// The program that talks to the repository cannot be run.
    #[error("the program {program} cannot be run")]
    Program {
        /// Which.
        program: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The connection broke, or the program that makes it ended.
    #[error("the connection to {url} broke{}", said(said_text))]
    Broke {
        /// The repository.
        url: String,
        /// What the program said on standard error.
        said_text: String,
        /// Why, if the reason is an error.
        #[source]
        source: Option<std::io::Error>,
    },
    /// The server says that it cannot do it.
    #[error("{url} says: {message}")]
    Server {
        /// The repository.
        url: String,
        /// The text of the server.
        message: String,
    },
    /// The answer is not what the protocol says.
    #[error("the answer of {url} is not Git's protocol: {what}")]
    Protocol {
        /// The repository.
        url: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// It took too long.
    #[error("{url} was not done after {} s", limit.as_secs())]
    TooSlow {
        /// The repository.
        url: String,
        /// How long it may take.
        limit: Duration,
    },
    /// The branch or tag is not there.
    #[error("{url} has no {reference}")]
    NoReference {
        /// The repository.
        url: String,
        /// Its full name, for example `refs/heads/main`.
        reference: String,
    },
    /// The work was interrupted.
    #[error("the look at {url} was interrupted")]
    Interrupted {
        /// The repository.
        url: String,
    },
    /// The file of allowed signers is wrong.
    #[error("the file of allowed signers {}:{line} is wrong: {what}", path.display())]
    Signers {
        /// Which.
        path: PathBuf,
        /// Line from 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// More of something than is taken.
    #[error("the revision has more than {limit} {what}")]
    Limit {
        /// Of what, for example `files, directories and links`.
        what: &'static str,
        /// How many are taken.
        limit: u64,
    },
    /// The pack that was sent is damaged or incomplete.
    #[error("the objects of the revision are damaged: {what}")]
    Damaged {
        /// What is wrong with them.
        what: String,
    },
    /// A name that may not be written.
    #[error("the revision has a path that is refused, \"{path}\"")]
    Name {
        /// The path, made fit for display.
        path: String,
        /// Why.
        #[source]
        source: NameFault,
    },
    /// Something in the tree that is not followed.
    #[error("the revision has {what} at \"{path}\"")]
    Entry {
        /// The path, made fit for display.
        path: String,
        /// What is there.
        what: &'static str,
    },
    /// The directory of the estate is not in the revision.
    #[error("the revision has no directory \"{path}\"")]
    NoPath {
        /// As configured.
        path: String,
    },
    /// The commit is not signed by one who may.
    #[error("the commit is not signed by an allowed signer")]
    Signature {
        /// Why.
        #[source]
        source: SignatureFault,
    },
    /// A task's end: the head is broken, and the last good revision stays in use.
    #[error("revision {} is broken: {}", commit.short(), fault.message)]
    Broken {
        /// The head.
        commit: CommitId,
        /// What is wrong with it.
        fault: Fault,
    },
    /// A task's end: nothing could be learnt about the head.
    #[error("the estate cannot be fetched: {}", fault.message)]
    Unreachable {
        /// Why.
        fault: Fault,
    },
    /// A task's end: the folder is not a valid estate.
    #[error("the folder {} is not a valid estate: {}", path.display(), fault.message)]
    Folder {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        fault: Fault,
    },
}

fn redirect(location: Option<&str>) -> String {
    location.map_or_else(String::new, |location| format!(", a redirect to {location}"))
}

fn said(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

impl Error {
    /// Whether the revision is to blame: looking again changes nothing until there is another one.
    pub(crate) const fn is_the_revisions(&self) -> bool {
        matches!(
            self,
            Self::Limit { .. }
                | Self::Name { .. }
                | Self::Entry { .. }
                | Self::NoPath { .. }
                | Self::Signature { .. }
        )
    }

    pub(crate) fn state(
        what: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::State { what, path, source }
    }
}

impl Explain for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::State { .. } => ErrorKind::Storage,
            Self::Setting { .. }
            | Self::Client { .. }
            | Self::Program { .. }
            | Self::Signers { .. } => ErrorKind::Configuration,
            Self::Status { status: 401, .. } => ErrorKind::Authentication,
            Self::Status { status: 403, .. } => ErrorKind::Forbidden,
            Self::Status { status: 404, .. } | Self::NoReference { .. } => ErrorKind::NotFound,
            Self::Status { status: 429, .. } => ErrorKind::Throttled,
            Self::Request { source, .. } if source.is_timeout() => ErrorKind::Timeout,
            Self::TooSlow { .. } => ErrorKind::Timeout,
            Self::Request { .. }
            | Self::Status { .. }
            | Self::Broke { .. }
            | Self::Server { .. }
            | Self::Protocol { .. } => ErrorKind::Unavailable,
            Self::Interrupted { .. } => ErrorKind::Cancelled,
            Self::Damaged { .. } | Self::Signature { .. } => ErrorKind::Integrity,
            Self::Limit { .. } | Self::Name { .. } | Self::Entry { .. } => ErrorKind::Refused,
            Self::NoPath { .. } => ErrorKind::Declaration,
            Self::Broken { fault, .. }
            | Self::Unreachable { fault }
            | Self::Folder { fault, .. } => fault.kind,
        }
    }

    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Status { status: 401 | 403, .. } => {
                "give a token that may read the repository: estate.git.credentials.token"
            }
            Self::Status { status: 404, .. } => {
                "check the address; many servers say this, too, when a token is missing"
            }
            Self::Status { location: Some(_), .. } => {
                "a redirect to another host is not followed; write the new address into lotse.yaml"
            }
            Self::NoReference { .. } => "check estate.git.branch, and that somebody pushed it",
            Self::Protocol { .. } => {
                "the server must speak protocol version 2 (Git 2.18 or newer); an SSH server must \
                 accept the variable GIT_PROTOCOL"
            }
            Self::Program { .. } => "install it, or use https",
            Self::Limit { .. } => "keep big files out of the estate, or name a path within it",
            Self::Entry { .. } => {
                "only files, directories and links to files of the tree are taken"
            }
            Self::NoPath { .. } => "check estate.git.path",
            Self::Signature { source } => source.hint(),
            Self::Broken { fault, .. }
            | Self::Unreachable { fault }
            | Self::Folder { fault, .. } => return fault.hints.clone(),
            _ => return Vec::new(),
        };
        vec![hint.to_owned()]
    }

    fn diagnostics(&self) -> &[Diagnostic] {
        match self {
            Self::Broken { fault, .. }
            | Self::Unreachable { fault }
            | Self::Folder { fault, .. } => &fault.diagnostics,
            _ => &[],
        }
    }
}

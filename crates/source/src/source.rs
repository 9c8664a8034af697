//! A source, and one look at it.

mod examine;
mod follow;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use follow::Followed;
use lotse_core::error::Explain;
use lotse_core::time::{SharedClock, Timestamp};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::config::{Inside, Remote, Target};
use crate::credentials::Credentials;
use crate::decide::Memory;
use crate::error::Error;
use crate::history::{Happening, History};
use crate::layout::{Checkout, Layout};
use crate::limits::Limits;
use crate::metrics::SourceMetrics;
use crate::model::CommitId;
use crate::status::{Fault, Seen, Status};
use crate::transport::Transport;

/// Says whether the estate at this directory is valid.
pub type Validate = dyn Fn(&Path) -> Result<(), Box<dyn Explain>> + Send + Sync;

/// The programs that are run for repositories on this machine and behind SSH.
#[derive(Clone, Debug)]
pub struct Programs {
    /// Git.
    pub git: PathBuf,
    /// The client of SSH.
    pub ssh: PathBuf,
}

impl Default for Programs {
    fn default() -> Self {
        Self { git: "git".into(), ssh: "ssh".into() }
    }
}

/// A folder that somebody else fills.
#[derive(Clone, Debug)]
pub struct Folder {
    /// Where it is.
    pub path: PathBuf,
}

/// A repository that is followed.
#[derive(Clone, Debug)]
pub struct Git {
    /// Its address.
    pub remote: Remote,
    /// What is followed.
    pub target: Target,
    /// The directory within it.
    pub inside: Inside,
    /// How we show who we are.
    pub credentials: Credentials,
    /// PEM file with the authorities that may vouch for the server.
    pub ca_file: Option<PathBuf>,
    /// The file of those who may sign; nobody needs to sign without.
    pub allowed_signers: Option<PathBuf>,
    /// Where revisions are kept; ours alone.
    pub directory: PathBuf,
    /// The programs that are run.
    pub programs: Programs,
    /// What a revision may cost.
    pub limits: Limits,
}

/// What one look came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The head is in use already; or the folder is valid.
    Unchanged,
    /// There is a new revision in use.
    Advanced {
        /// The one before.
        from: Option<CommitId>,
        /// The new one.
        to: CommitId,
    },
    /// The head is broken; what was in use still is.
    Broken {
        /// The head.
        commit: CommitId,
        /// What is wrong with it.
        fault: Fault,
    },
    /// The folder is not a valid estate.
    Invalid {
        /// What is wrong with it.
        fault: Fault,
    },
    /// Nothing could be learnt about the head; what was in use still is.
    Unreachable {
        /// Why.
        fault: Fault,
    },
}

/// Where the estate comes from.
#[derive(Debug)]
pub struct Source {
    kind: Kind,
    clock: SharedClock,
    status: Mutex<Status>,
    history: Mutex<History>,
    metrics: SourceMetrics,
    /// One look at a time.
    turn: tokio::sync::Mutex<Memory>,
    changes: watch::Sender<Option<CommitId>>,
}

#[derive(Debug)]
enum Kind {
    Folder(PathBuf),
    Git(Box<Followed>),
}

impl Source {
    /// A folder.
    pub fn folder(folder: Folder, clock: SharedClock) -> Self {
        let status = Status::new(folder.path.display().to_string(), None, None);
        Self::new(Kind::Folder(folder.path), clock, status, Memory::default(), History::default())
    }

    /// A repository. The last good revision is in use at once, without any network.
    ///
    /// # Errors
    /// [`Error::State`] when the directory cannot be used (also when another process uses it),
    /// [`Error::Client`] when the configuration of HTTP is wrong.
    pub fn git(settings: Git, clock: SharedClock) -> Result<Self, Error> {
        let transport = Transport::new(
            &settings.remote,
            settings.credentials.clone(),
            settings.ca_file.as_ref(),
            &settings.programs,
            settings.limits,
        )?;
        let path = String::from(settings.inside.clone());
        let path = Some(path).filter(|path| !path.is_empty());
        let mut status = Status::new(
            settings.remote.to_string(),
            Some(settings.target.to_string()),
            path.clone(),
        );
        // Who turns on signatures does not want an unsigned revision from before.
        let signed = if settings.allowed_signers.is_some() { "signed" } else { "unsigned" };
        let identity =
            [&status.source, &settings.target.to_string(), &path.unwrap_or_default(), signed]
                .join(" ");
        let layout = Arc::new(Layout::open(&settings.directory, identity)?);
        let mut memory = Memory::default();
        let mut history = layout.history();
        if let Some(record) = layout.good() {
            history.catch_up(&record.revision, record.since);
            memory.good = Some(record.revision.commit.clone());
            status.good = Some(record.revision);
            status.since = Some(record.since);
        }
        let followed = Followed { settings, transport, layout };
        Ok(Self::new(Kind::Git(Box::new(followed)), clock, status, memory, history))
    }

    fn new(
        kind: Kind,
        clock: SharedClock,
        status: Status,
        memory: Memory,
        history: History,
    ) -> Self {
        let changes = watch::Sender::new(memory.good.clone());
        Self {
            kind,
            clock,
            status: Mutex::new(status),
            history: Mutex::new(history),
            metrics: SourceMetrics::default(),
            turn: tokio::sync::Mutex::new(memory),
            changes,
        }
    }

    /// The directory below which the estate is read: the folder, or the link to the revision in use.
    /// Resolve it once before reading more than one file.
    pub fn root(&self) -> PathBuf {
        match &self.kind {
            Kind::Folder(path) => path.clone(),
            Kind::Git(followed) => followed.layout.current_link(),
        }
    }

    /// The files of the revision in use, kept as long as the answer is held; nothing before the
    /// first good one, and nothing for a folder.
    pub fn checkout(&self) -> Option<Checkout> {
        match &self.kind {
            Kind::Folder(_) => None,
            Kind::Git(followed) => followed.layout.checkout(),
        }
    }

    /// Whether there is something to read: a good revision, or the folder.
    pub fn is_in_use(&self) -> bool {
        match &self.kind {
            Kind::Folder(path) => path.is_dir(),
            Kind::Git(followed) => followed.layout.good().is_some(),
        }
    }

    /// What all of this comes to now.
    pub fn status(&self) -> Status {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What happened until now, newest first; the last hundred things. A repository's is kept over
    /// restarts, that of a folder begins with the process.
    pub fn history(&self) -> Vec<Happening> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner).newest_first()
    }

    /// What is counted.
    pub fn metrics(&self) -> &SourceMetrics {
        &self.metrics
    }

    /// The revision in use, for those who want to know when it changes.
    pub fn changes(&self) -> watch::Receiver<Option<CommitId>> {
        self.changes.subscribe()
    }

    /// Looks once: fetches and examines the head if it is new, and switches to it if it is good.
    /// Failures are outcomes; they change the status and nothing else.
    pub async fn refresh(
        &self,
        validate: &Arc<Validate>,
        cancelled: &CancellationToken,
    ) -> Outcome {
        let mut memory = self.turn.lock().await;
        let at = self.clock.now();
        let outcome = match &self.kind {
            Kind::Folder(path) => self.look_into(path, validate, at).await,
            Kind::Git(followed) => {
                let (seen, outcome) = followed.look(&mut memory, validate, at, cancelled).await;
                if let Some(seen) = seen {
                    self.note(seen, at);
                }
                outcome
            }
        };
        if let Outcome::Advanced { to, .. } = &outcome {
            self.changes.send_replace(Some(to.clone()));
        }
        self.metrics.looked(&outcome);
        outcome
    }

    async fn look_into(&self, path: &Path, validate: &Arc<Validate>, at: Timestamp) -> Outcome {
        let (folder, check) = (path.to_owned(), validate.clone());
        let valid =
            blocking(move || check(&folder).map_err(|error| Fault::of(&*error, Some(&folder))));
        match valid.await {
            Ok(()) => {
                self.note(Seen::Same(None), at);
                Outcome::Unchanged
            }
            Err(fault) => {
                self.note(Seen::Invalid(fault.clone()), at);
                Outcome::Invalid { fault }
            }
        }
    }

    fn note(&self, seen: Seen, at: Timestamp) {
        let status = {
            let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
            *status = status.clone().after(seen, at);
            status.clone()
        };
        let news = {
            let mut history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
            history.note(&status).then(|| history.clone())
        };
        let Kind::Git(followed) = &self.kind else { return };
        let layout = &followed.layout;
        let written = news.map_or(Ok(()), |history| layout.write_history(&history));
        if let Err(error) = written.and_then(|()| layout.write_status(&status)) {
            tracing::error!(error = lotse_core::error::chain(&error), "no status file");
        }
    }
}

/// Does what blocks where it blocks nobody. A panic there is one here.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

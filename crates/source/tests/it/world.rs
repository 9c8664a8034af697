//! A repository, a state directory and a source between them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lotse_core::error::{ErrorKind, Explain};
use lotse_core::time::{ManualClock, SharedClock, SignedDuration, Timestamp};
use lotse_source::config::{Remote, Target};
use lotse_source::{Credentials, Git, Limits, Outcome, Programs, Source, Validate};
use tokio_util::sync::CancellationToken;

use crate::repository::Repository;

/// Complains about an estate whose `images/catalog.yml` is missing or says `broken`.
#[derive(Debug, thiserror::Error)]
#[error("{} is wrong", .0.display())]
pub(crate) struct Wrong(PathBuf);

impl Explain for Wrong {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Declaration
    }

    fn hints(&self) -> Vec<String> {
        vec!["write something else".to_owned()]
    }
}

pub(crate) fn validate() -> Arc<Validate> {
    Arc::new(|root: &Path| {
        let path = root.join("images/catalog.yml");
        match std::fs::read_to_string(&path) {
            Ok(text) if !text.contains("broken") => Ok(()),
            _ => Err(Box::new(Wrong(path)) as Box<dyn Explain>),
        }
    })
}

pub(crate) struct World {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) repository: Repository,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) limits: Limits,
    pub(crate) allowed_signers: Option<PathBuf>,
    pub(crate) inside: String,
    pub(crate) target: Target,
    pub(crate) credentials: Credentials,
}

pub(crate) const START: i64 = 1_790_000_000;

impl World {
    /// With a repository that has one good commit.
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let repository = Repository::new(&directory.path().join("repos/estate"));
        repository.write("images/catalog.yml", "one");
        repository.commit("first");
        let clock = Arc::new(ManualClock::starting_at(Timestamp::from_second(START).unwrap()));
        Self {
            directory,
            repository,
            clock,
            limits: Limits { idle: Duration::from_secs(20), ..Limits::default() },
            allowed_signers: None,
            inside: String::new(),
            target: Target::branch("main"),
            credentials: Credentials::default(),
        }
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.directory.path().join("state/estate")
    }

    pub(crate) fn settings(&self, url: &str) -> Git {
        Git {
            remote: Remote::try_from(url.to_owned()).unwrap(),
            target: self.target.clone(),
            inside: self.inside.clone().try_into().unwrap(),
            credentials: self.credentials.clone(),
            ca_file: None,
            allowed_signers: self.allowed_signers.clone(),
            directory: self.state(),
            programs: Programs::default(),
            limits: self.limits,
        }
    }

    /// The repository as a file on this machine.
    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.repository.path.display())
    }

    pub(crate) fn source(&self, url: &str) -> Source {
        Source::git(self.settings(url), self.shared_clock()).unwrap()
    }

    pub(crate) fn shared_clock(&self) -> SharedClock {
        self.clock.clone()
    }

    pub(crate) fn later(&self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
    }

    /// What the status file says.
    pub(crate) fn status_file(&self) -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(self.state().join("status.json")).unwrap()).unwrap()
    }

    /// Names of what is kept.
    pub(crate) fn revisions(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.state().join("revisions")).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

pub(crate) async fn look(source: &Source) -> Outcome {
    source.refresh(&validate(), &CancellationToken::new()).await
}

/// What readers see.
pub(crate) fn catalog(source: &Source) -> String {
    std::fs::read_to_string(source.root().join("images/catalog.yml")).unwrap()
}

pub(crate) fn advanced(outcome: &Outcome) -> &str {
    let Outcome::Advanced { to, .. } = outcome else { panic!("{outcome:?}") };
    to.as_str()
}

/// The message of a head that is broken.
pub(crate) fn broken(outcome: &Outcome) -> String {
    let Outcome::Broken { fault, .. } = outcome else { panic!("{outcome:?}") };
    fault.message.clone()
}

/// The message of a head that is not known.
pub(crate) fn unreachable(outcome: &Outcome) -> String {
    let Outcome::Unreachable { fault } = outcome else { panic!("{outcome:?}") };
    fault.message.clone()
}

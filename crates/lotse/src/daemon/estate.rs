//! The estate of the daemon: where it comes from, how it is examined, who is told of a new one.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lotse_core::error::Explain;
use lotse_core::task::{Requests as Activations, Task};
use lotse_images::Catalog;
use lotse_images::config::Config as ImagesConfig;
use lotse_source::config::{Config as SourceConfig, CredentialSources, Git as GitConfig};
use lotse_source::webhook::{Requests, Secret, Webhook};
use lotse_source::{Credentials, Folder, Git, Limits, Programs, Source, SourceTask, Validate};
use lotse_web::health::Check;

use crate::daemon::clock;
use crate::failure::Failure;
use crate::settings::config::Config;
use crate::settings::{Environment, secret};

/// How often a folder is examined; those who read it read it anyway.
const FOLDER_PERIOD: Duration = Duration::from_mins(1);

/// Where the estate comes from, if `lotse.yaml` says so.
pub(crate) struct Estate(Option<Followed>);

struct Followed {
    source: Arc<Source>,
    requests: Arc<Requests>,
    validate: Arc<Validate>,
    /// The name of the task that looks at the source.
    task: String,
    period: Duration,
    webhook: Option<Arc<Webhook>>,
}

impl Estate {
    /// Opens the source. `shared` when other instances work with the same state: each keeps a
    /// checkout of its own, so the task that fetches it has a name of its own.
    pub(crate) fn open(
        config: &Config,
        environment: &Environment,
        shared: bool,
    ) -> Result<Self, Failure> {
        let Some(section) = &config.estate else { return Ok(Self(None)) };
        let requests = Arc::new(Requests::default());
        let validate = validate(config.images.clone());
        let mut followed = match section {
            SourceConfig::Folder(path) => Followed {
                source: Arc::new(Source::folder(Folder { path: path.clone() }, clock())),
                requests,
                validate,
                task: "estate".to_owned(),
                period: FOLDER_PERIOD,
                webhook: None,
            },
            SourceConfig::Git(git) => {
                let state = config.state_directory.clone();
                let state = state.unwrap_or_else(|| environment.state_directory());
                let source = open(git, &state, environment)?;
                let webhook = webhook(git, environment, &requests, &source)?;
                let (period, task) = (git.poll.get(), "estate".to_owned());
                Followed { source, requests, validate, task, period, webhook }
            }
        };
        if shared {
            let host = rustix::system::uname();
            let root = followed.source.root();
            followed.task =
                format!("estate/{}{}", host.nodename().to_string_lossy(), root.display());
        }
        Ok(Self(Some(followed)))
    }

    /// The source, if there is one.
    pub(crate) fn source(&self) -> Option<&Arc<Source>> {
        self.0.as_ref().map(|followed| &followed.source)
    }

    /// The section `images`, with its paths counted from the estate.
    pub(crate) fn images(&self, config: &ImagesConfig) -> ImagesConfig {
        let mut config = config.clone();
        if let Some(source) = self.source() {
            config.rebase(&source.root());
        }
        config
    }

    /// What keeps it up to date.
    pub(crate) fn task(&self) -> Option<Arc<dyn Task>> {
        let Followed { source, requests, validate, task, period, .. } = self.0.as_ref()?;
        Some(Arc::new(SourceTask::new(
            task.clone(),
            source.clone(),
            validate.clone(),
            *period,
            requests.clone(),
        )))
    }

    /// What receives webhooks, if they are configured.
    pub(crate) fn webhook(&self) -> Option<Arc<Webhook>> {
        self.0.as_ref()?.webhook.clone()
    }

    /// Whether there is anything to work with.
    pub(crate) fn check(&self) -> Option<Box<dyn Check>> {
        Some(Box::new(Ready(self.source()?.clone())))
    }

    /// Passes on what webhooks ask for, and lets every task look when the estate has changed. Ends
    /// with the runtime.
    pub(crate) fn follow(&self, activations: Activations, tasks: Vec<String>) {
        let Some(Followed { source, requests, task, .. }) = &self.0 else { return };
        let (requests, mut changes, task) = (requests.clone(), source.changes(), task.clone());
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = requests.asked() => drop(activations.request(&task)),
                    changed = changes.changed() => {
                        if changed.is_err() {
                            return;
                        }
                        for other in tasks.iter().filter(|name| **name != task) {
                            activations.request(other);
                        }
                    }
                }
            }
        });
    }
}

/// What the section says, for people; nothing is contacted.
pub(crate) fn describe(config: &SourceConfig) -> Result<String, Failure> {
    match config {
        SourceConfig::Folder(path) => Ok(format!("the folder {}", path.display())),
        SourceConfig::Git(git) => {
            let target = git.target()?;
            if let Some(path) = &git.allowed_signers {
                lotse_source::signature::Signers::read(path)?;
            }
            Ok(format!("{target} of {}, examined when it is fetched", git.url))
        }
    }
}

/// What a revision must satisfy: everything that the daemon reads of it.
fn validate(images: Option<ImagesConfig>) -> Arc<Validate> {
    Arc::new(move |root: &Path| -> Result<(), Box<dyn Explain>> {
        if let Some(images) = &images {
            let mut images = images.clone();
            images.rebase(root);
            Catalog::load(&images.path).map_err(|error| Box::new(error) as Box<dyn Explain>)?;
        }
        Ok(())
    })
}

fn open(git: &GitConfig, state: &Path, environment: &Environment) -> Result<Arc<Source>, Failure> {
    let CredentialSources { user, token, ssh_key, known_hosts } = &git.credentials;
    let token = token.as_ref().map(|token| secret::read("the repository", token, environment));
    let settings = Git {
        remote: git.url.clone(),
        target: git.target()?,
        inside: git.path.clone(),
        credentials: Credentials {
            user: user.clone(),
            token: token.transpose()?,
            ssh_key: ssh_key.clone(),
            known_hosts: known_hosts.clone(),
        },
        ca_file: git.ca_file.clone(),
        allowed_signers: git.allowed_signers.clone(),
        directory: directory(state),
        programs: Programs::default(),
        limits: Limits::default(),
    };
    Ok(Arc::new(Source::git(settings, clock())?))
}

/// Where revisions are kept.
fn directory(state: &Path) -> PathBuf {
    state.join("estate")
}

fn webhook(
    git: &GitConfig,
    environment: &Environment,
    requests: &Arc<Requests>,
    source: &Source,
) -> Result<Option<Arc<Webhook>>, Failure> {
    let Some(webhook) = &git.webhook else { return Ok(None) };
    let secret = Secret::new(secret::read("the webhook", &webhook.secret, environment)?)?;
    let (requests, metrics) = (requests.clone(), source.metrics().clone());
    let webhook = Webhook::new(secret, git.target()?, requests, metrics, clock());
    Ok(Some(Arc::new(webhook)))
}

/// Something is in use.
struct Ready(Arc<Source>);

#[async_trait]
impl Check for Ready {
    fn name(&self) -> &'static str {
        "estate"
    }

    async fn check(&self) -> Result<(), String> {
        if self.0.is_in_use() { Ok(()) } else { Err(self.0.status().summary()) }
    }
}

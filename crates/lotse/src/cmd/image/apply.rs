//! Making a plan, showing it, asking, and applying it, on one cloud.

use std::sync::Arc;

use lotse_core::error::ExitCode;
use lotse_images::{Doer, Downloads, Executor, KIND, Operation, Options, Shelf};
use lotse_openstack::Cloud;
use lotse_plan::{ApplyOptions, Engine, Plan};
use lotse_store::Store;
use lotse_transfer::Mirror;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::cmd::changing::{self, Changing};
use crate::failure::{Error, Failure};
use crate::settings::config::Config;
use crate::settings::{Environment, Globals, state};
use crate::{daemon, terminal};

/// What applying needs besides a cloud: the same for all clouds of a run.
pub(super) struct Applying<'a> {
    globals: &'a Globals,
    actor: String,
    store: Arc<Store>,
    engine: Engine,
    downloads: Downloads,
    cancelled: CancellationToken,
    options: ApplyOptions,
    /// Whether consent was given beforehand.
    yes: bool,
    /// Whether several clouds are worked on at once.
    together: bool,
}

/// What came of one cloud.
pub(super) struct Done(changing::Done<Operation>);

impl<'a> Applying<'a> {
    pub(super) async fn open(
        globals: &'a Globals,
        environment: &Environment,
        options: ApplyOptions,
        yes: bool,
    ) -> Result<Self, Failure> {
        let store = Arc::new(daemon::open_state(&state(globals, environment)?).await?);
        let engine = daemon::engine(&store);
        let downloads = downloads(globals, environment)?;
        let cancelled = daemon::cancelled_by_signal()?;
        let actor = environment.get("USER").unwrap_or("unknown").to_owned();
        Ok(Self {
            globals,
            actor,
            store,
            engine,
            downloads,
            cancelled,
            options,
            yes,
            together: false,
        })
    }

    /// The same, with a mirror from which content comes.
    pub(super) fn with_mirror(self, mirror: Option<Arc<Mirror>>) -> Self {
        Self { downloads: self.downloads.with_mirror(mirror), ..self }
    }

    /// The same, for several clouds at once if so.
    pub(super) fn together(self, together: bool) -> Self {
        Self { together, ..self }
    }

    /// Plans within a session, asks, applies and takes down what was done. Images are tried out in the
    /// project of the second session, if there is one.
    pub(super) async fn run<F>(
        &self,
        cloud: &Cloud,
        (options, beside, staging): (&Options, Option<&Cloud>, Option<Cloud>),
        plan: impl FnOnce() -> F,
    ) -> Result<Done, Failure>
    where
        F: Future<Output = Result<Plan<Operation>, Failure>>,
    {
        let executor = Executor::new(cloud.clone(), options.clone(), self.downloads.clone())
            .beside(beside.cloned())
            .staging(staging);
        let together = self.together.then(|| cloud.name());
        let progress = terminal::progress(self.globals, together);
        let changing = Changing {
            globals: self.globals,
            actor: &self.actor,
            store: &self.store,
            engine: &self.engine,
            cancelled: &self.cancelled,
            options: &self.options,
            yes: self.yes,
        };
        let making = changing.run((cloud.name(), &[KIND]), &executor, &*progress, plan);
        let done = Box::pin(making).await?;
        if let Some(report) = &done.report {
            // The console of a daemon on this state tells it, too.
            let person = format!("{} (command line)", self.actor);
            Shelf::new(self.store.clone()).record(Doer::Person(&person), report).await?;
        }
        Ok(Done(done))
    }

    pub(super) async fn close(self) {
        self.store.close().await;
    }
}

impl Done {
    /// How the command ends.
    pub(super) fn code(&self, detailed: bool) -> ExitCode {
        match self.0.code() {
            ExitCode::Success => super::differences(&self.0.plan, detailed),
            failed => failed,
        }
    }

    /// The plan and what came of it, shown, or as JSON to be shown with that of other clouds.
    pub(super) fn show(&self, globals: &Globals) -> Result<Option<Value>, Error> {
        self.0.show(globals)
    }
}

/// Where content that passes through us is downloaded: beside that state.
pub(super) fn downloads(
    globals: &Globals,
    environment: &Environment,
) -> Result<Downloads, Failure> {
    let Some(path) = &globals.config else {
        return daemon::downloads(&environment.state_directory().join("downloads"), false);
    };
    let config = Config::read(path)?.value;
    daemon::downloads(&config.downloads_directory(environment), internal_redirects(globals)?)
}

/// Whether publishers on the internet may lead to internal addresses, as the configuration says.
pub(super) fn internal_redirects(globals: &Globals) -> Result<bool, Failure> {
    let Some(path) = &globals.config else { return Ok(false) };
    let config = Config::read(path)?.value;
    Ok(config.images.as_ref().is_some_and(|images| images.internal_redirects))
}

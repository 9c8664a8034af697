//! Background work: the catalogue of one cloud, looked at and, if wanted, made good.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lotse_core::change::{Desk, Policy, Subject};
use lotse_core::error::Explain;
use lotse_core::id::ChangeId;
use lotse_core::task::{Report, Task};
use lotse_core::time::SharedClock;
use lotse_openstack::Cloud;
use lotse_plan::{
    ApplyOptions, ApplyReport, Engine, Note, Plan, Settled, Showing, StepOutcome, StepReport,
    Summary,
};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::KIND;
use crate::apply::{Downloads, Executor};
use crate::config::Config;
use crate::declare::Catalog;
use crate::error::Error;
use crate::inventory::inventory;
use crate::metrics::Metrics;
use crate::observe::{mirrored, observe_staged};
use crate::operation::Operation;
use crate::options::{Options, day};
use crate::plan::plan;
use crate::store::{Doer, Shelf};

/// Keeps the catalogue on one cloud.
#[derive(Debug)]
pub struct ImagesTask {
    name: String,
    description: String,
    cloud: Cloud,
    engine: Engine,
    path: PathBuf,
    config: Config,
    apply: ApplyOptions,
    policy: Policy,
    period: Duration,
    desk: Arc<dyn Desk>,
    clock: SharedClock,
    shelf: Shelf,
    downloads: Downloads,
    beside: Option<Cloud>,
    metrics: Metrics,
    staging: Option<Cloud>,
}

/// What the task works with.
#[derive(Clone, Debug)]
pub struct Tools {
    /// Journal and leases.
    pub engine: Engine,
    /// Where differences are shown.
    pub desk: Arc<dyn Desk>,
    /// The time of day.
    pub clock: SharedClock,
    /// Limits of an apply.
    pub apply: ApplyOptions,
    /// Where content that passes through us is downloaded.
    pub downloads: Downloads,
    /// Another cloud from which content is copied, if the configuration names one.
    pub beside: Option<Cloud>,
    /// What is measured.
    pub metrics: Metrics,
    /// The session on the project in which images are tried out, if that is not the cloud's own.
    pub staging: Option<Cloud>,
    /// Where the console finds what was seen and done.
    pub shelf: Shelf,
}

/// What one activation saw and did.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// Definitions that are enabled.
    pub definitions: usize,
    /// Images of ours in the cloud.
    pub images: usize,
    /// Changes that were needed.
    pub needed: Summary,
    /// The names of what had to be changed, at most 50.
    pub changes: Vec<String>,
    /// What the planner has to say besides.
    pub notes: Vec<Note>,
    /// The change that waits for people, was rejected by them or was made.
    pub change: Option<ChangeId>,
    /// Whether people said no to it.
    pub rejected: bool,
    /// What was done, step by step; `None` when nothing was.
    pub applied: Option<Vec<StepReport>>,
}

/// The name of the task for this cloud.
pub fn name_of(cloud: &str) -> String {
    format!("images/{cloud}")
}

/// Names of changes that a status lists.
const MOST_CHANGES: usize = 50;

impl ImagesTask {
    /// The task for one cloud. The paths of `config` have been made absolute by the caller.
    pub fn new(config: &Config, cloud: Cloud, tools: Tools) -> Self {
        let description = match config.policy {
            Policy::Observe => "compares the image catalogue with the cloud",
            Policy::Propose => "proposes what the catalogue declares and makes what is approved",
            Policy::Apply => "keeps the images of the cloud as the catalogue declares them",
        };
        Self {
            name: name_of(cloud.name()),
            description: description.to_owned(),
            cloud,
            engine: tools.engine,
            path: config.path.clone(),
            config: config.clone(),
            apply: tools.apply,
            policy: config.policy,
            period: config.period.get(),
            desk: tools.desk,
            clock: tools.clock,
            shelf: tools.shelf,
            downloads: tools.downloads,
            beside: tools.beside,
            metrics: tools.metrics,
            staging: tools.staging,
        }
    }

    /// Does the work once and says in full what came of it.
    ///
    /// # Errors
    /// [`Error`]; with [`Error::Incomplete`], what succeeded stays and the next time goes on.
    pub async fn run(&self, cancelled: &CancellationToken) -> Result<Status, Error> {
        let path = self.path.clone();
        // Files may lie on a slow disk; they are read where that blocks nobody.
        let catalog = tokio::task::spawn_blocking(move || Catalog::load(&settled(path))).await;
        let catalog = match catalog {
            Ok(catalog) => catalog?,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        };
        match self.policy {
            Policy::Observe => {
                let (plan, images) = self.plan(&catalog).await?;
                let settled = self.showing().report(&plan, self.clock.now()).await?;
                Ok(status(&catalog, images, &plan, settled))
            }
            Policy::Propose | Policy::Apply => self.converge(&catalog, cancelled).await,
        }
    }

    /// The options of today.
    fn options(&self) -> Options {
        self.config.options(day(self.clock.now()))
    }

    async fn plan(&self, catalog: &Catalog) -> Result<(Plan<Operation>, usize), Error> {
        let options = self.options();
        let staging = self.staging.as_ref().unwrap_or(&self.cloud);
        let places = (self.beside.as_ref(), staging);
        let observed = observe_staged(&self.cloud, places, catalog, &options).await;
        let mut observed = observed.map_err(|source| Error::Observe {
            cloud: self.cloud.name().to_owned(),
            source: Box::new(source),
        })?;
        if let Some(mirror) = self.downloads.mirror() {
            observed.mirror = Some(mirrored(mirror).await);
        }
        let plan = plan(catalog, &observed, &options)?;
        let entries = inventory(catalog, &observed, &plan);
        let notes: Vec<String> =
            plan.notes().iter().map(|note| format!("{}: {}", note.subject, note.text)).collect();
        self.metrics.saw(self.cloud.name(), &entries, self.clock.now());
        self.shelf.put(self.cloud.name(), &entries, &notes, self.clock.now()).await?;
        Ok((plan, observed.images.len()))
    }

    async fn converge(
        &self,
        catalog: &Catalog,
        cancelled: &CancellationToken,
    ) -> Result<Status, Error> {
        let executor = Executor::new(self.cloud.clone(), self.options(), self.downloads.clone())
            .beside(self.beside.clone())
            .staging(self.staging.clone());
        let session = self.engine.begin(self.cloud.name(), &[KIND], &executor, cancelled).await?;
        let (plan, images) = match self.plan(catalog).await {
            Ok(planned) => planned,
            Err(error) => {
                session.end().await;
                return Err(error);
            }
        };
        let showing = self.showing();
        let settled = session.settle(&plan, &executor, showing, &self.apply, cancelled).await?;
        if let Settled::Applied(change, report) = &settled {
            self.shelf.record(Doer::Change(*change), report).await?;
            // What is shown is what is there now, and not what was there before.
            if let Err(error) = self.plan(catalog).await {
                tracing::warn!(%error, "cannot look at the images after they were changed");
            }
            if !report.succeeded() {
                return Err(incomplete(report));
            }
        }
        Ok(status(catalog, images, &plan, settled))
    }

    fn showing(&self) -> Showing<'_> {
        let subject = Subject { capability: "images", cloud: self.cloud.name(), task: &self.name };
        Showing { desk: &*self.desk, subject, policy: self.policy }
    }
}

/// Where the files are now: an estate from Git is behind a link that moves, perhaps while we read.
fn settled(path: PathBuf) -> PathBuf {
    if path.ancestors().any(Path::is_symlink) { path.canonicalize().unwrap_or(path) } else { path }
}

fn status(catalog: &Catalog, images: usize, plan: &Plan<Operation>, settled: Settled) -> Status {
    let (change, rejected) = match &settled {
        Settled::Waiting(change) | Settled::Applied(change, _) => (Some(*change), false),
        Settled::Rejected(change) => (Some(*change), true),
        Settled::Nothing | Settled::Reported => (None, false),
    };
    let applied = match settled {
        Settled::Applied(_, report) => Some(report.steps),
        _ => None,
    };
    Status {
        definitions: catalog.enabled().count(),
        images,
        needed: plan.summary(),
        changes: plan.steps().iter().take(MOST_CHANGES).map(|step| step.name.clone()).collect(),
        notes: plan.notes().to_vec(),
        change,
        rejected,
        applied,
    }
}

/// The error for an apply that did not come to its end.
pub fn incomplete(report: &ApplyReport) -> Error {
    let first_failure = report.steps.iter().find_map(|step| match &step.outcome {
        StepOutcome::Failed { error } => Some((step.name.clone(), Box::new(error.clone()))),
        _ => None,
    });
    let failed = report.steps.iter().filter(|step| !step.outcome.succeeded()).count();
    Error::Incomplete {
        cloud: report.cloud.clone(),
        steps: report.steps.len(),
        failed,
        first_failure,
    }
}

impl Status {
    /// One line for people.
    pub fn summary(&self) -> String {
        let Self { definitions, needed, .. } = self;
        let definitions = match definitions {
            1 => "1 image definition".to_owned(),
            n => format!("{n} image definitions"),
        };
        let changes = match needed.total() {
            1 => "1 change".to_owned(),
            n => format!("{n} changes"),
        };
        match (&self.applied, needed.total()) {
            (_, 0) => format!("{definitions}, all converged"),
            (Some(_), _) => format!("{definitions}, {changes} made"),
            (None, _) if self.rejected => format!("{definitions}, {changes} rejected"),
            (None, _) if self.change.is_some() => {
                format!("{definitions}, {changes} waiting for approval")
            }
            (None, _) => format!("{definitions}, {changes} needed"),
        }
    }
}

#[async_trait]
impl Task for ImagesTask {
    fn name(&self) -> &str {
        &self.name
    }

    fn description(&self) -> &str {
        &self.description
    }

    fn period(&self) -> Duration {
        self.period
    }

    async fn activate(&self, cancelled: &CancellationToken) -> Result<Report, Box<dyn Explain>> {
        match self.run(cancelled).await {
            Ok(status) => Ok(Report {
                summary: status.summary(),
                detail: serde_json::to_value(&status).unwrap_or_default(),
            }),
            Err(error) => Err(Box::new(error)),
        }
    }
}

//! Making a plan, showing it, asking, and applying it, on one cloud.

use std::io::{BufRead, Write};
use std::sync::Arc;

use lotse_core::error::ExitCode;
use lotse_images::{Downloads, Executor, KIND, Operation, Options};
use lotse_openstack::Cloud;
use lotse_plan::{ApplyOptions, ApplyReport, Engine, Plan, render};
use lotse_store::audit::{Deed, DeedOutcome};
use lotse_store::{Store, StoreUrl};
use lotse_transfer::Mirror;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::failure::{Error, Failure};
use crate::settings::config::Config;
use crate::settings::{Environment, Globals};
use crate::{daemon, output, terminal};

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
pub(super) struct Done {
    plan: Plan<Operation>,
    /// `None`: there was nothing to do.
    report: Option<ApplyReport>,
}

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
        let session = self.engine.begin(cloud.name(), &[KIND], &executor, &self.cancelled).await?;
        let plan = match plan().await {
            Ok(plan) => plan,
            Err(failure) => {
                session.end().await;
                return Err(failure);
            }
        };
        if plan.is_empty() {
            session.end().await;
            return Ok(Done { plan, report: None });
        }
        if !self.yes {
            // The plan goes where the question goes, so that data stays clean.
            output::note(self.globals, &render::table(&plan, &terminal::look_err(self.globals)));
            if let Err(error) = confirmed(self.globals, &plan) {
                session.end().await;
                return Err(error.into());
            }
        }
        let together = self.together.then(|| cloud.name());
        let progress = terminal::progress(self.globals, together);
        let report =
            session.apply(&plan, &executor, &self.options, &*progress, &self.cancelled).await?;
        self.audit(&report).await?;
        Ok(Done { plan, report: Some(report) })
    }

    pub(super) async fn close(self) {
        self.store.close().await;
    }

    /// Writes what was changed, by whom, to the audit log. Steps that did not begin changed nothing.
    async fn audit(&self, report: &ApplyReport) -> Result<(), Failure> {
        for step in report.steps.iter().filter(|step| step.attempts > 0) {
            let succeeded = step.outcome.succeeded();
            self.store
                .record(Deed {
                    at: report.started,
                    actor: format!("user/{}", self.actor),
                    action: format!("{}.{}", step.kind, step.action.as_str()),
                    object: format!("{}/{}/{}", report.cloud, step.kind, step.name),
                    outcome: if succeeded { DeedOutcome::Done } else { DeedOutcome::Failed },
                    request_ids: step.request_id.iter().cloned().collect(),
                    detail: json!({ "run": report.run, "step": step.id, "result": step.outcome }),
                })
                .await?;
        }
        Ok(())
    }
}

impl Done {
    /// How the command ends.
    pub(super) fn code(&self, detailed: bool) -> ExitCode {
        match &self.report {
            Some(report) if !report.succeeded() => report.exit_code(),
            _ => super::differences(&self.plan, detailed),
        }
    }

    /// The plan and what came of it; the plan is not repeated for a person who has seen it. As JSON
    /// it is returned, to be shown with that of other clouds.
    pub(super) fn show(&self, globals: &Globals) -> Result<Option<Value>, Error> {
        let Self { plan, report } = self;
        if globals.json() {
            let mut value = render::json(plan);
            value["report"] = report.as_ref().map_or(Value::Null, render::report_json);
            return Ok(Some(value));
        }
        let look = terminal::look_out(globals);
        match report {
            Some(report) => output::data(globals, &render::report(report, &look))?,
            None => output::data(globals, &render::table(plan, &look))?,
        }
        Ok(None)
    }
}

/// Where journal and leases are: the daemon's state if its configuration is named, so that both
/// exclude each other, else the user's own.
pub(in crate::cmd) fn state(
    globals: &Globals,
    environment: &Environment,
) -> Result<StoreUrl, Failure> {
    match &globals.config {
        Some(path) => Config::read(path)?.value.store_url(environment),
        None => Ok(StoreUrl::in_directory(&environment.state_directory())),
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

/// Asks the person at the terminal.
pub(in crate::cmd) fn confirmed<T>(globals: &Globals, plan: &Plan<T>) -> Result<(), Error> {
    let cloud = plan.cloud().to_owned();
    if !globals.interactive {
        return Err(Error::NotConfirmed { cloud });
    }
    let deleted = match plan.summary().destroy {
        0 => String::new(),
        1 => " and delete 1 object there".to_owned(),
        count => format!(" and delete {count} objects there"),
    };
    let mut stderr = std::io::stderr();
    let asked =
        write!(stderr, "Apply this to the cloud \"{cloud}\"{deleted}? Only \"yes\" applies: ")
            .and_then(|()| stderr.flush());
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    match (asked, read) {
        (Ok(()), Ok(_)) if answer.trim() == "yes" => Ok(()),
        _ => Err(Error::Declined { cloud }),
    }
}

//! Changing one cloud: a session, a plan that is made within it, consent, the changes, the audit log.

use std::io::{BufRead, Write};

use lotse_core::error::ExitCode;
use lotse_plan::{ApplyOptions, ApplyReport, Engine, Executor, Plan, Progress, render};
use lotse_store::Store;
use lotse_store::audit::{Deed, DeedOutcome};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::failure::{Error, Failure};
use crate::settings::Globals;
use crate::{output, terminal};

/// What changing clouds needs, the same for all clouds of a run.
pub(super) struct Changing<'a> {
    pub(super) globals: &'a Globals,
    /// Who changes them, for the audit log.
    pub(super) actor: &'a str,
    pub(super) store: &'a Store,
    pub(super) engine: &'a Engine,
    pub(super) cancelled: &'a CancellationToken,
    pub(super) options: &'a ApplyOptions,
    /// Whether consent was given beforehand.
    pub(super) yes: bool,
}

/// What came of one cloud.
pub(super) struct Done<T> {
    pub(super) plan: Plan<T>,
    /// `None`: there was nothing to do.
    pub(super) report: Option<ApplyReport>,
}

impl Changing<'_> {
    /// Plans within a session on objects of these kinds, asks, applies and takes down what was done.
    pub(super) async fn run<T, F>(
        &self,
        (cloud, kinds): (&str, &[&str]),
        executor: &dyn Executor<T>,
        progress: &dyn Progress,
        plan: impl FnOnce() -> F,
    ) -> Result<Done<T>, Failure>
    where
        T: Send + Sync,
        F: Future<Output = Result<Plan<T>, Failure>>,
    {
        let session = self.engine.begin(cloud, kinds, executor, self.cancelled).await?;
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
        let report = session.apply(&plan, executor, self.options, progress, self.cancelled).await?;
        self.audit(&report).await?;
        Ok(Done { plan, report: Some(report) })
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

impl<T> Done<T> {
    /// How the command ends, if changes that are left are no failure.
    pub(super) fn code(&self) -> ExitCode {
        match &self.report {
            Some(report) if !report.succeeded() => report.exit_code(),
            _ => ExitCode::Success,
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

/// Asks the person at the terminal.
fn confirmed<T>(globals: &Globals, plan: &Plan<T>) -> Result<(), Error> {
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

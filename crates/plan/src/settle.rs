//! From a plan to what the desk of changes says, and to the end of it.
//!
//! A task of the daemon does not apply what it planned: it shows the plan to the
//! [`Desk`] and applies when told so. What needs a person's consent (destroying, more than the
//! [`Fuse`] lets through) is refused to a command without a flag; here it is proposed, and the
//! approval is the consent.

use lotse_core::change::{
    Conclusion, Desk, Document, DocumentStep, FieldChange, Finding, Policy, Subject, Verdict,
};
use lotse_core::error::chain;
use lotse_core::id::ChangeId;
use lotse_core::time::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::apply::ApplyOptions;
use crate::apply::report::{ApplyReport, StepOutcome};
use crate::engine::Session;
use crate::error::PlanError;
use crate::executor::Executor;
use crate::fuse::Fuse;
use crate::model::Plan;
use crate::progress::Silent;
use crate::render;

/// Where a plan is shown, and for whom.
#[derive(Clone, Copy, Debug)]
pub struct Showing<'a> {
    /// The desk.
    pub desk: &'a dyn Desk,
    /// The capability, cloud and task.
    pub subject: Subject<'a>,
    /// What is done about differences.
    pub policy: Policy,
}

/// What became of a difference.
#[derive(Clone, Debug)]
pub enum Settled {
    /// There was none.
    Nothing,
    /// It is reported.
    Reported,
    /// It waits for people.
    Waiting(ChangeId),
    /// It was rejected before.
    Rejected(ChangeId),
    /// It was applied, whether or not all of it succeeded.
    Applied(ChangeId, Box<ApplyReport>),
}

impl<T> Plan<T> {
    /// The plan as people read it and agree to it.
    pub fn document(&self) -> Document {
        let steps = self.steps().iter().map(|step| DocumentStep {
            id: step.id.to_string(),
            action: step.action.as_str().to_owned(),
            kind: step.kind.clone(),
            name: step.name.clone(),
            changes: step
                .changes
                .iter()
                .map(|change| FieldChange {
                    field: change.field.clone(),
                    before: change.before.clone(),
                    after: change.after.clone(),
                })
                .collect(),
            reason: step.reason.clone(),
        });
        let notes = self.notes().iter().map(|note| format!("{}: {}", note.subject, note.text));
        Document { steps: steps.collect(), notes: notes.collect() }
    }
}

impl Showing<'_> {
    /// Shows a plan that will not be applied now, for example under [`Policy::Observe`].
    ///
    /// # Errors
    /// [`PlanError::Desk`].
    pub async fn report<T>(&self, plan: &Plan<T>, at: Timestamp) -> Result<Settled, PlanError> {
        let verdict = self.desk.consider(self.finding(plan, Policy::Observe, None, at)).await?;
        Ok(if verdict == Verdict::Nothing { Settled::Nothing } else { Settled::Reported })
    }

    fn finding<T>(
        &self,
        plan: &Plan<T>,
        policy: Policy,
        needs_consent: Option<String>,
        at: Timestamp,
    ) -> Finding<'_> {
        let document = plan.document();
        Finding { subject: self.subject, policy, document, needs_consent, at }
    }
}

impl Session {
    /// Shows a plan that was made in this session, applies it if told so and says what came of it.
    /// A cancelled or interrupted apply is concluded as failed; the next activation goes on.
    ///
    /// # Errors
    /// [`PlanError::Desk`], and those of [`Session::apply`].
    pub async fn settle<T: Send + Sync>(
        self,
        plan: &Plan<T>,
        executor: &dyn Executor<T>,
        showing: Showing<'_>,
        options: &ApplyOptions,
        cancelled: &CancellationToken,
    ) -> Result<Settled, PlanError> {
        let clock = self.clock();
        let needs_consent = options.admit(plan).err().map(|refused| refused.to_string());
        let finding = showing.finding(plan, showing.policy, needs_consent, clock.now());
        let verdict = match showing.desk.consider(finding).await {
            Ok(verdict) => verdict,
            Err(error) => {
                self.end().await;
                return Err(error.into());
            }
        };
        let (change, with_consent) = match verdict {
            Verdict::Go { change, with_consent } => (change, with_consent),
            waiting => {
                self.end().await;
                return Ok(match waiting {
                    Verdict::Wait(change) => Settled::Waiting(change),
                    Verdict::Rejected(change) => Settled::Rejected(change),
                    Verdict::Nothing => Settled::Nothing,
                    Verdict::Report | Verdict::Go { .. } => Settled::Reported,
                });
            }
        };
        let consented = ApplyOptions { allow_destroy: true, fuse: Fuse::OFF, ..options.clone() };
        let options = if with_consent { &consented } else { options };
        let applied = self.apply(plan, executor, options, &Silent, cancelled).await;
        let conclusion = match &applied {
            Ok(report) => concluded(report, clock.now()),
            Err(refused) => Conclusion {
                succeeded: false,
                summary: chain(refused),
                request_ids: Vec::new(),
                report: serde_json::Value::Null,
                at: clock.now(),
            },
        };
        let kept = showing.desk.conclude(change, conclusion).await;
        let report = applied?;
        kept?;
        Ok(Settled::Applied(change, Box::new(report)))
    }
}

fn concluded(report: &ApplyReport, at: Timestamp) -> Conclusion {
    let done = report.steps.iter().filter(|step| step.outcome.succeeded()).count();
    let all = report.steps.len();
    let failure = report.steps.iter().find_map(|step| match &step.outcome {
        StepOutcome::Failed { error } => Some(format!("; \"{}\": {error}", step.name)),
        _ => None,
    });
    Conclusion {
        succeeded: report.succeeded(),
        summary: match failure {
            None => format!("{done} of {all} steps done"),
            Some(failure) => format!("{done} of {all} steps done{failure}"),
        },
        request_ids: report.steps.iter().filter_map(|step| step.request_id.clone()).collect(),
        report: render::report_json(report),
        at,
    }
}

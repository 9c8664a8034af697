//! What came of an apply.

use std::time::Duration;

use lotse_core::error::ExitCode;
use lotse_core::id::RunId;
use lotse_core::time::Timestamp;

use super::stepping::End;
use crate::executor::StepError;
use crate::model::{Action, Step, StepId};

/// How a step ended.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum StepOutcome {
    /// It was carried out.
    Done {
        /// Id of the object in the cloud, where there is one.
        object: Option<String>,
    },
    /// It was carried out by an attempt whose answer was lost; the object was found by its marker.
    Adopted {
        /// Id of the object in the cloud.
        object: Option<String>,
    },
    /// It failed, and no further attempt can help or is left.
    Failed {
        /// Why.
        error: StepError,
    },
    /// It did not begin because a step it waits for did not succeed.
    Skipped {
        /// That step.
        because: StepId,
    },
    /// The apply ended before its turn.
    NotStarted,
    /// It was running when the grace period ended or the lease was lost; the next run finds out how
    /// far it came.
    Interrupted,
}

impl StepOutcome {
    /// Whether its effect is in place.
    pub const fn succeeded(&self) -> bool {
        matches!(self, Self::Done { .. } | Self::Adopted { .. })
    }

    /// The word used in JSON and tables.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Done { .. } => "done",
            Self::Adopted { .. } => "adopted",
            Self::Failed { .. } => "failed",
            Self::Skipped { .. } => "skipped",
            Self::NotStarted => "not-started",
            Self::Interrupted => "interrupted",
        }
    }
}

/// One step of the report.
#[derive(Clone, Debug, serde::Serialize)]
pub struct StepReport {
    /// The step.
    pub id: StepId,
    /// What it does.
    pub action: Action,
    /// The kind of object.
    pub kind: String,
    /// The name of the object.
    pub name: String,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: StepOutcome,
    /// Attempts made.
    pub attempts: u32,
    /// From intent to conclusion, pauses included; in JSON as `duration_seconds`.
    #[serde(rename = "duration_seconds", serialize_with = "seconds")]
    pub duration: Duration,
    /// Id under which the API logged the last request.
    pub request_id: Option<String>,
    /// Whether its journal entry is left open for the next recovery, because nobody knows the
    /// outcome or it could not be written.
    pub open: bool,
}

impl StepReport {
    pub(super) fn new<T>(step: &Step<T>, end: End) -> Self {
        Self {
            id: step.id.clone(),
            action: step.action,
            kind: step.kind.clone(),
            name: step.name.clone(),
            outcome: end.outcome,
            attempts: end.attempts,
            duration: end.duration,
            request_id: end.request_id,
            open: end.open,
        }
    }
}

/// What ended an apply before its time.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Stop {
    /// A person or a signal.
    Cancelled,
    /// Another instance may be at work.
    LeaseLost,
    /// The journal could not be written.
    Journal {
        /// Why.
        message: String,
    },
}

/// How many steps ended in which way.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, serde::Serialize)]
pub struct Tally {
    /// Carried out.
    pub done: usize,
    /// Carried out by an attempt whose answer was lost.
    pub adopted: usize,
    /// Failed.
    pub failed: usize,
    /// Not begun because another one did not succeed.
    pub skipped: usize,
    /// Not begun because the apply ended.
    pub not_started: usize,
    /// Ended in the middle.
    pub interrupted: usize,
}

/// What came of an apply, step by step in plan order.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ApplyReport {
    /// The apply; journal entries carry it.
    pub run: RunId,
    /// The cloud.
    pub cloud: String,
    /// When it began.
    pub started: Timestamp,
    /// How long it took; in JSON as `duration_seconds`.
    #[serde(rename = "duration_seconds", serialize_with = "seconds")]
    pub duration: Duration,
    /// Every step of the plan.
    pub steps: Vec<StepReport>,
    /// What ended it before its time.
    pub stopped: Option<Stop>,
}

impl ApplyReport {
    /// How many steps ended in which way.
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for step in &self.steps {
            *match step.outcome {
                StepOutcome::Done { .. } => &mut tally.done,
                StepOutcome::Adopted { .. } => &mut tally.adopted,
                StepOutcome::Failed { .. } => &mut tally.failed,
                StepOutcome::Skipped { .. } => &mut tally.skipped,
                StepOutcome::NotStarted => &mut tally.not_started,
                StepOutcome::Interrupted => &mut tally.interrupted,
            } += 1;
        }
        tally
    }

    /// Whether every step's effect is in place and nothing went wrong.
    pub fn succeeded(&self) -> bool {
        self.stopped.is_none() && self.steps.iter().all(|step| step.outcome.succeeded())
    }

    /// The exit code of a command that ends with this report: 0 or 1.
    pub fn exit_code(&self) -> ExitCode {
        if self.succeeded() { ExitCode::Success } else { ExitCode::Failed }
    }

    /// How to go on, one sentence each; empty after a success.
    pub fn advice(&self) -> Vec<String> {
        let mut advice = Vec::new();
        let mut say = |text: &str| advice.push(text.to_owned());
        match &self.stopped {
            Some(Stop::Cancelled) => say("run the same command again to go on"),
            Some(Stop::LeaseLost) => {
                say(
                    "another instance may have taken over; see what it did, then run again to go on",
                );
            }
            Some(Stop::Journal { .. }) => {
                say(
                    "check that the state directory or database is reachable, writable and not full, then run again to go on",
                );
            }
            None if !self.succeeded() => {
                say("what succeeded stays; run the same command again to go on with the rest");
            }
            None => {}
        }
        if self.steps.iter().any(|step| step.open) {
            say(
                "steps whose outcome is not known are looked for at the beginning of the next run, nothing is created twice",
            );
        }
        advice
    }
}

fn seconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

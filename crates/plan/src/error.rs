//! What can be wrong with a plan, or keep it from being applied.

use lotse_core::change::DeskError;
use lotse_core::error::{ErrorKind, Explain};
use lotse_core::journal::JournalError;
use lotse_core::lease::{Lease, LeaseError};

use crate::executor::StepError;
use crate::model::StepId;

/// Why a plan was not made or not begun. Once the first step has begun, what happens is told by
/// [`crate::ApplyReport`] instead.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// Two steps have the same identifier.
    #[error("two steps of the plan are called \"{step}\"")]
    DuplicateStep {
        /// The identifier.
        step: StepId,
    },
    /// A step waits for one that does not exist.
    #[error("the step \"{step}\" waits for \"{dependency}\", which is not in the plan")]
    UnknownDependency {
        /// The waiting step.
        step: StepId,
        /// What it waits for.
        dependency: StepId,
    },
    /// Steps wait for each other.
    #[error("steps of the plan wait for each other: {}", join(steps))]
    Cycle {
        /// The steps; each waits for the next, the last for the first.
        steps: Vec<StepId>,
    },
    /// The plan is for another cloud than the session.
    #[error("the plan is for the cloud \"{plan}\", the session is on \"{session}\"")]
    WrongCloud {
        /// Cloud of the plan.
        plan: String,
        /// Cloud of the session.
        session: String,
    },
    /// The plan touches a kind that the session has neither recovered nor leased.
    #[error("the plan changes objects of kind \"{kind}\", which the session was not begun for")]
    WrongKind {
        /// The kind.
        kind: String,
    },
    /// The plan destroys and consent is missing.
    #[error("the plan would destroy {}, and destroying was not allowed", objects(steps))]
    DestroyNotAllowed {
        /// The steps that destroy or replace.
        steps: Vec<StepId>,
    },
    /// The plan would destroy more objects than the fuse lets through.
    #[error(
        "the plan would destroy {destroyed} {kind} objects, more than the {limit} the fuse allows"
    )]
    FuseObjects {
        /// The kind.
        kind: String,
        /// How many would go.
        destroyed: usize,
        /// How many may.
        limit: usize,
    },
    /// The plan would destroy a larger part of a kind than the fuse lets through.
    #[error(
        "the plan would destroy {destroyed} of {observed} {kind} objects, more than the {limit} % the fuse allows"
    )]
    FusePercent {
        /// The kind.
        kind: String,
        /// How many would go.
        destroyed: usize,
        /// How many there are.
        observed: usize,
        /// Percentage that may go.
        limit: u8,
    },
    /// The fuse limits a percentage, and the planner did not say of how many.
    #[error(
        "the plan would destroy {destroyed} {kind} objects, and how many there are is not known"
    )]
    FuseUnknown {
        /// The kind.
        kind: String,
        /// How many would go.
        destroyed: usize,
    },
    /// Another instance is applying to this cloud and kind.
    #[error(
        "\"{}\" is held by {} until {}",
        lease.name, lease.holder_note, lease.until
    )]
    Busy {
        /// The lease and its holder.
        lease: Box<Lease>,
    },
    /// The leases cannot be read or written.
    #[error("whether somebody else is at work cannot be told")]
    Lease {
        /// The cause.
        #[source]
        source: LeaseError,
    },
    /// The journal cannot be read or written.
    #[error("nothing may be changed without a journal")]
    Journal {
        /// The cause.
        #[source]
        source: JournalError,
    },
    /// What became of a change that an earlier run left open could not be found out.
    #[error("what became of \"{action} {object}\" of an earlier run cannot be found out")]
    Recovery {
        /// `create`, `update`, `replace` or `destroy`.
        action: String,
        /// Kind and name.
        object: String,
        /// The cause.
        #[source]
        source: Box<StepError>,
    },
    /// What is to be done about the difference could not be found out or kept.
    #[error(transparent)]
    Desk(#[from] DeskError),
    /// The leases could not be kept until recovery was done.
    #[error("the lease was lost before anything was changed")]
    LeaseLost,
    /// The work was stopped before the first step.
    #[error("stopped before anything was changed")]
    Cancelled,
}

fn join(steps: &[StepId]) -> String {
    let mut text = String::new();
    for step in steps.iter().chain(steps.first()) {
        if !text.is_empty() {
            text.push_str(" → ");
        }
        text.push_str(step.as_str());
    }
    text
}

/// At most three of them by name.
fn objects(steps: &[StepId]) -> String {
    let shown: Vec<String> = steps.iter().take(3).map(|step| format!("\"{step}\"")).collect();
    match steps.len() - shown.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

impl Explain for PlanError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::DuplicateStep { .. }
            | Self::UnknownDependency { .. }
            | Self::Cycle { .. }
            | Self::WrongCloud { .. }
            | Self::WrongKind { .. } => ErrorKind::Internal,
            Self::DestroyNotAllowed { .. }
            | Self::FuseObjects { .. }
            | Self::FusePercent { .. }
            | Self::FuseUnknown { .. } => ErrorKind::Refused,
            Self::Busy { .. } | Self::LeaseLost => ErrorKind::Busy,
            Self::Lease { .. } | Self::Journal { .. } => ErrorKind::Storage,
            Self::Desk(error) => error.kind(),
            Self::Recovery { source, .. } => source.kind,
            Self::Cancelled => ErrorKind::Cancelled,
        }
    }

    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::DestroyNotAllowed { .. } => {
                "read the plan; if it is what you want, allow destroying and run again"
            }
            Self::FuseObjects { .. } | Self::FusePercent { .. } | Self::FuseUnknown { .. } => {
                "nothing was changed; check that the right estate and cloud are meant, then raise the fuse"
            }
            Self::Busy { .. } => {
                "wait until it is done; if that instance has died, its hold ends by itself at the time given"
            }
            Self::Journal { .. } | Self::Lease { .. } => {
                "check that the state directory or database is reachable, writable and not full"
            }
            Self::Recovery { source, .. } => {
                return source.hint.iter().cloned().chain([
                    "run again when the cloud answers; nothing new is started before that is known".to_owned(),
                ]).collect();
            }
            Self::Desk(error) => return error.hints(),
            Self::Cancelled | Self::LeaseLost => "run again to go on",
            Self::DuplicateStep { .. }
            | Self::UnknownDependency { .. }
            | Self::Cycle { .. }
            | Self::WrongCloud { .. }
            | Self::WrongKind { .. } => "this is a defect of lotse; please report it",
        };
        vec![hint.to_owned()]
    }

    fn request_id(&self) -> Option<&str> {
        match self {
            Self::Recovery { source, .. } => source.request_id.as_deref(),
            _ => None,
        }
    }
}

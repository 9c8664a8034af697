//! Differences that somebody answers for.
//!
//! A task that finds a difference between what is declared and what is there shows it to the
//! [`Desk`]. The desk says whether the difference is to be made good now, and is told what came of
//! it. Whether a person must agree first, who agreed, and what is remembered for how long is the
//! desk's affair; a capability knows its plans and nothing of approvals.
//!
//! ```text
//! task: plan ─ Document ─▶ Desk::consider ─▶ Verdict::Go ─▶ apply ─▶ Desk::conclude
//!                                          └▶ anything else: nothing is changed
//! ```

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{ErrorKind, Explain};
use crate::id::ChangeId;
use crate::time::Timestamp;

/// What is done about differences.
#[derive(
    Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// They are reported.
    #[default]
    Observe,
    /// They are proposed, and made good once enough people have approved.
    Propose,
    /// They are made good at once; only what needs consent (destroying, very many changes) is
    /// proposed.
    Apply,
}

/// One step of a plan, as people agree to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DocumentStep {
    /// Its name within the plan.
    pub id: String,
    /// `create`, `update`, `replace` or `destroy`.
    pub action: String,
    /// The kind of object, for example `image`.
    pub kind: String,
    /// The name of the object.
    pub name: String,
    /// The fields that change: `field`, `before`, `after`. No secrets.
    pub changes: Vec<FieldChange>,
    /// Why, one sentence. May change without the step becoming another one.
    pub reason: String,
}

/// One field, before and after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldChange {
    /// The field; nested ones with dots.
    pub field: String,
    /// The present value.
    pub before: Value,
    /// The value to come.
    pub after: Value,
}

impl DocumentStep {
    /// Whether both do the same to the same object.
    pub fn does_the_same(&self, other: &Self) -> bool {
        (&self.id, &self.action, &self.kind, &self.name, &self.changes)
            == (&other.id, &other.action, &other.kind, &other.name, &other.changes)
    }
}

/// A plan as people read it and agree to it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// What would be done.
    pub steps: Vec<DocumentStep>,
    /// What the planner has to say besides.
    pub notes: Vec<String>,
}

impl Document {
    /// Whether everything in it is also in `approved`: less may be done than was agreed to, never
    /// more.
    pub fn is_within(&self, approved: &Self) -> bool {
        let known = |step| approved.steps.iter().any(|other| other.does_the_same(step));
        self.steps.iter().all(known)
    }
}

/// Who found a difference, and where.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Subject<'a> {
    /// The capability, for example `images`.
    pub capability: &'a str,
    /// The cloud, by its name in `clouds.yaml`.
    pub cloud: &'a str,
    /// The task, for example `images/prod`.
    pub task: &'a str,
}

/// A difference that a task found.
#[derive(Clone, Debug)]
pub struct Finding<'a> {
    /// Who found it, and where.
    pub subject: Subject<'a>,
    /// What is done about differences here.
    pub policy: Policy,
    /// The difference; without steps when there is none.
    pub document: Document,
    /// Why this difference must not be made good without a person's consent, if so.
    pub needs_consent: Option<String>,
    /// When it was found.
    pub at: Timestamp,
}

/// What is to be done about a difference.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// There is none.
    Nothing,
    /// It is only reported.
    Report,
    /// It waits for people's approval.
    Wait(ChangeId),
    /// It was rejected and stays as it is until it changes.
    Rejected(ChangeId),
    /// It is to be made good now, in exactly these steps; [`Desk::conclude`] must follow.
    Go {
        /// The change.
        change: ChangeId,
        /// A person consented to what [`Finding::needs_consent`] names.
        with_consent: bool,
    },
}

/// What came of making a difference good.
#[derive(Clone, Debug)]
pub struct Conclusion {
    /// Whether all of it is in place.
    pub succeeded: bool,
    /// One line: what was done or what failed.
    pub summary: String,
    /// Ids under which the APIs logged the requests.
    pub request_ids: Vec<String>,
    /// The whole report.
    pub report: Value,
    /// When it ended.
    pub at: Timestamp,
}

/// The desk could not read or write what it remembers.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation}")]
pub struct DeskError {
    /// What it could not do, for example `consider a difference`.
    pub operation: &'static str,
    /// Why.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl Explain for DeskError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Storage
    }

    fn hints(&self) -> Vec<String> {
        vec!["look at the database; nothing more is changed on any cloud".to_owned()]
    }
}

/// Where differences are considered.
#[async_trait]
pub trait Desk: Send + Sync + std::fmt::Debug {
    /// Says what is to be done about a difference. Considering the same difference again changes
    /// nothing.
    async fn consider(&self, finding: Finding<'_>) -> Result<Verdict, DeskError>;

    /// Remembers what came of a change that was to [`Verdict::Go`].
    async fn conclude(&self, change: ChangeId, conclusion: Conclusion) -> Result<(), DeskError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(id: &str, after: i64, reason: &str) -> DocumentStep {
        DocumentStep {
            id: id.to_owned(),
            action: "update".to_owned(),
            kind: "image".to_owned(),
            name: id.to_owned(),
            changes: vec![FieldChange {
                field: "min_disk".to_owned(),
                before: Value::from(1),
                after: Value::from(after),
            }],
            reason: reason.to_owned(),
        }
    }

    fn document(steps: &[DocumentStep]) -> Document {
        Document { steps: steps.to_vec(), notes: Vec::new() }
    }

    #[test]
    fn less_than_what_was_agreed_to_is_within_it_and_more_is_not() {
        let agreed = document(&[step("a", 5, "x"), step("b", 5, "x")]);
        assert!(document(&[]).is_within(&agreed));
        assert!(document(&[step("b", 5, "another reason")]).is_within(&agreed));
        assert!(!document(&[step("a", 6, "x")]).is_within(&agreed), "another value");
        assert!(!document(&[step("a", 5, "x"), step("c", 5, "x")]).is_within(&agreed));
    }
}

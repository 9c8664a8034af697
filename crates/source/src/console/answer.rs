//! The operation of the API: its answer, and how it is described.

#![allow(unused_qualifications, reason = "the macros of utoipa write paths in full")]

use std::sync::Arc;

use axum::extract::State;
use axum::response::Json;
use lotse_core::declared::Diagnostic;
use lotse_web::extension::OpenApi;
use serde::Serialize;
use utoipa::ToSchema;

use crate::history::{Happening, What};
use crate::model::{Revision, SignatureState};
use crate::source::Source;
use crate::status::{Fault, Status, Verdict};

/// Where the estate comes from, and how it is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Estate)]
pub(super) struct EstateAnswer {
    /// The folder, or the address of the repository.
    source: String,
    /// What is followed, for example `refs/heads/main`; null for a folder.
    reference: Option<String>,
    /// The directory within the repository; null for all of it.
    path: Option<String>,
    /// All that follows in one word.
    verdict: VerdictAnswer,
    /// What the branch showed at the last look that reached it.
    head: Option<String>,
    /// The revision in use.
    good: Option<RevisionAnswer>,
    /// Since when it is in use.
    #[schema(format = DateTime)]
    since: Option<String>,
    /// What is wrong with the head, when it is not in use.
    broken: Option<BrokenAnswer>,
    /// Why the last look did not reach the head, or what is wrong with the folder.
    trouble: Option<TroubleAnswer>,
    /// The start of the last look.
    #[schema(format = DateTime)]
    last_look: Option<String>,
    /// The start of the last look that reached the head.
    #[schema(format = DateTime)]
    last_reached: Option<String>,
    /// What happened, newest first; the last hundred things.
    history: Vec<HappeningAnswer>,
}

/// All of it in one word.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = EstateVerdict)]
enum VerdictAnswer {
    /// Nothing was looked at yet.
    Starting,
    /// The head is in use, or the folder is valid.
    Good,
    /// The head, or the folder, is broken.
    Broken,
    /// The head is not known.
    Unreachable,
}

/// A commit.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EstateRevision)]
struct RevisionAnswer {
    /// Its name.
    commit: String,
    /// The first line of its message.
    subject: String,
    /// Who made it, as they call themselves.
    author: String,
    /// When it was made, as its maker says.
    #[schema(format = DateTime)]
    committed: Option<String>,
    /// Who signed it, by the file of allowed signers; null when nobody asked.
    signer: Option<String>,
}

/// The head, when it is not good.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EstateBroken)]
struct BrokenAnswer {
    /// The head.
    commit: String,
    /// What is known of it; null when it could not be read at all.
    revision: Option<RevisionAnswer>,
    /// When it was found.
    #[schema(format = DateTime)]
    since: String,
    /// What is wrong with it.
    fault: FaultAnswer,
}

/// Why nothing is known of the head, or what is wrong with the folder.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EstateTrouble)]
struct TroubleAnswer {
    /// Since when.
    #[schema(format = DateTime)]
    since: String,
    /// Why.
    fault: FaultAnswer,
}

/// What is wrong.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EstateFault)]
struct FaultAnswer {
    /// In one line.
    message: String,
    /// What to do about it.
    hints: Vec<String>,
    /// The places in declared files that are wrong, at most 20.
    places: Vec<PlaceAnswer>,
}

/// A place in a declared file that is wrong.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EstatePlace)]
struct PlaceAnswer {
    /// The file, from the top of the estate.
    file: String,
    /// The line, from 1.
    line: u32,
    /// The column in characters, from 1.
    column: u32,
    /// What is wrong there.
    message: String,
    /// What to write instead.
    help: Option<String>,
}

/// One thing that happened.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EstateHappening)]
struct HappeningAnswer {
    /// The start of the look that found it.
    #[schema(format = DateTime)]
    at: String,
    /// What it was.
    what: WhatAnswer,
    /// The commit it happened to.
    commit: Option<String>,
    /// The first line of the commit's message.
    subject: Option<String>,
    /// Who made the commit, as they call themselves.
    author: Option<String>,
    /// What was wrong.
    message: Option<String>,
    /// The first wrong place, for example `images/debian.yml:3:5`.
    place: Option<String>,
}

/// What can happen.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = EstateWhat)]
enum WhatAnswer {
    /// A revision came into use.
    InUse,
    /// A head, or the folder, was found broken.
    Broken,
    /// The head could not be found out.
    Unreachable,
    /// What was broken or unreachable is well again.
    Recovered,
}

impl EstateAnswer {
    fn of(status: Status, history: Vec<Happening>) -> Self {
        let Status { broken, trouble, .. } = status;
        Self {
            source: status.source,
            reference: status.reference,
            path: status.path,
            verdict: match status.verdict {
                Verdict::Starting => VerdictAnswer::Starting,
                Verdict::Good => VerdictAnswer::Good,
                Verdict::Broken => VerdictAnswer::Broken,
                Verdict::Unreachable => VerdictAnswer::Unreachable,
            },
            head: status.head.map(String::from),
            good: status.good.map(RevisionAnswer::from),
            since: status.since.map(|at| at.to_string()),
            broken: broken.map(|broken| BrokenAnswer {
                commit: broken.commit.into(),
                revision: broken.revision.map(RevisionAnswer::from),
                since: broken.since.to_string(),
                fault: broken.fault.into(),
            }),
            trouble: trouble.map(|trouble| TroubleAnswer {
                since: trouble.since.to_string(),
                fault: trouble.fault.into(),
            }),
            last_look: status.last_look.map(|at| at.to_string()),
            last_reached: status.last_reached.map(|at| at.to_string()),
            history: history.into_iter().map(HappeningAnswer::from).collect(),
        }
    }
}

impl From<Revision> for RevisionAnswer {
    fn from(revision: Revision) -> Self {
        Self {
            commit: revision.commit.into(),
            subject: revision.subject,
            author: revision.author,
            committed: revision.committed.map(|at| at.to_string()),
            signer: match revision.signature {
                SignatureState::NotAsked => None,
                SignatureState::Good { signer, .. } => Some(signer),
            },
        }
    }
}

impl From<Fault> for FaultAnswer {
    fn from(fault: Fault) -> Self {
        let places = fault.diagnostics.into_iter().map(PlaceAnswer::from).collect();
        Self { message: fault.message, hints: fault.hints, places }
    }
}

impl From<Diagnostic> for PlaceAnswer {
    fn from(diagnostic: Diagnostic) -> Self {
        let Diagnostic { file, span, message, help, .. } = diagnostic;
        Self { file, line: span.line, column: span.column, message, help }
    }
}

impl From<Happening> for HappeningAnswer {
    fn from(happening: Happening) -> Self {
        let Happening { at, what, commit, subject, author, message, place } = happening;
        let what = match what {
            What::InUse => WhatAnswer::InUse,
            What::Broken => WhatAnswer::Broken,
            What::Unreachable => WhatAnswer::Unreachable,
            What::Recovered => WhatAnswer::Recovered,
        };
        let commit = commit.map(String::from);
        Self { at: at.to_string(), what, commit, subject, author, message, place }
    }
}

/// Shows where the estate comes from, and how it is.
#[utoipa::path(
    get, path = "/api/v1/estate", tag = "estate", operation_id = "show_estate",
    responses((status = 200, body = EstateAnswer, description = "The estate."))
)]
pub(super) async fn show(State(source): State<Arc<Source>>) -> Json<EstateAnswer> {
    Json(EstateAnswer::of(source.status(), source.history()))
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(show))]
struct Document;

/// The description of the operation.
pub(super) fn document() -> OpenApi {
    <Document as utoipa::OpenApi>::openapi()
}

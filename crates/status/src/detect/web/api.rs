//! Proposals in the JSON API.

#![allow(unused_qualifications, reason = "the macros of utoipa write paths in full")]

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State as Shared;
use axum::response::{IntoResponse, Json, Response};
use lotse_web::api::reading::{PathWord, Sent};
use lotse_web::console::Console;
use lotse_web::extension::{OpenApi, Route};
use lotse_web::problem::Problem;
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi as _, ToSchema};

use super::{get, id, post, problem, speak};
use crate::detect::desk::{Change, Detector};
use crate::detect::proposal::Proposal;
use crate::error::Error;

/// So many proposals are listed.
const MOST: u32 = 200;

pub(super) fn routes(detector: &Arc<Detector>) -> Vec<Route> {
    vec![
        get("/api/v1/status/proposals", detector, list),
        get("/api/v1/status/proposals/{id}", detector, show),
        post("/api/v1/status/proposals/{id}/confirmations", detector, confirm),
        post("/api/v1/status/proposals/{id}/dismissals", detector, dismiss),
        post("/api/v1/status/proposals/{id}/edits", detector, edit),
    ]
}

/// The description of these operations.
pub(super) fn document() -> OpenApi {
    Document::openapi()
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(list, show, confirm, dismiss, edit))]
struct Document;

/// A draft of an incident that monitors suggest, with what speaks for it.
#[derive(Debug, ToSchema)]
#[allow(dead_code, reason = "says to readers of the API what a proposal looks like")]
#[schema(as = StatusProposal)]
struct ProposalAnswer {
    /// Its id, and that of the incident that it becomes.
    id: String,
    /// What it is about: `component=ID`, or a label like `region=west`.
    scope: String,
    /// `open`, `confirmed`, `published`, `dismissed`, `withdrawn` or `absorbed`.
    state: String,
    /// Severities by components, as measured.
    measured: BTreeMap<String, u8>,
    /// What the public would read.
    draft: DraftAnswer,
    /// Whether a person wrote the draft.
    is_edited: bool,
    /// When the trouble began.
    #[schema(format = DateTime)]
    began: String,
    /// When it was proposed.
    #[schema(format = DateTime)]
    opened: String,
    /// When it is published unless somebody dismisses it.
    #[schema(format = DateTime)]
    publish_at: Option<String>,
    /// When the trouble was over.
    #[schema(format = DateTime)]
    over: Option<String>,
}

/// What the public would read.
#[derive(Debug, ToSchema)]
#[allow(dead_code, reason = "says to readers of the API what a draft looks like")]
#[schema(as = StatusDraft)]
struct DraftAnswer {
    /// The headline.
    name: String,
    /// The text.
    text: String,
    /// Severities by components.
    affects: BTreeMap<String, u8>,
}

/// Proposals, the newest first.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StatusProposalList)]
struct List {
    #[schema(value_type = Vec<ProposalAnswer>)]
    proposals: Vec<Proposal>,
}

/// Lists the newest proposals, at most 200.
#[utoipa::path(
    get, path = "/api/v1/status/proposals", tag = "status", operation_id = "list_status_proposals",
    responses((status = 200, body = List, description = "The newest proposals."))
)]
async fn list(Shared(detector): Shared<Arc<Detector>>) -> Result<Response, Problem> {
    let proposals = detector.latest(MOST).await.map_err(|error| problem(&error))?;
    Ok(Json(List { proposals }).into_response())
}

/// Shows a proposal with its evidence.
#[utoipa::path(
    get, path = "/api/v1/status/proposals/{id}", tag = "status",
    operation_id = "show_status_proposal",
    params(("id" = String, Path, description = "Its id")),
    responses((status = 200, body = ProposalAnswer, description = "The proposal."))
)]
async fn show(
    Shared(detector): Shared<Arc<Detector>>,
    PathWord(word): PathWord,
) -> Result<Response, Problem> {
    let found = detector.get(id(&word)?).await.map_err(|error| problem(&error))?;
    Ok(Json(found).into_response())
}

/// What is to be remembered with a decision.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = StatusProposalDecision)]
#[serde(deny_unknown_fields)]
struct Said {
    /// A note; may be empty.
    #[serde(default)]
    #[schema(max_length = 1000)]
    note: String,
}

/// Confirms a proposal: it becomes an incident with the id of the proposal.
#[utoipa::path(
    post, path = "/api/v1/status/proposals/{id}/confirmations", tag = "status",
    operation_id = "confirm_status_proposal",
    params(("id" = String, Path, description = "Its id")), request_body = Said,
    responses((status = 200, body = ProposalAnswer, description = "The proposal as it is now."))
)]
async fn confirm(
    Shared(detector): Shared<Arc<Detector>>,
    console: Console,
    PathWord(word): PathWord,
    Sent(said): Sent<Said>,
) -> Result<Response, Problem> {
    let done = speak(&console, &detector, id(&word)?, &Change::Confirm, &said.note).await?;
    Ok(Json(done).into_response())
}

/// Dismisses a proposal. The same trouble is not proposed again until it was over.
#[utoipa::path(
    post, path = "/api/v1/status/proposals/{id}/dismissals", tag = "status",
    operation_id = "dismiss_status_proposal",
    params(("id" = String, Path, description = "Its id")), request_body = Said,
    responses((status = 200, body = ProposalAnswer, description = "The proposal as it is now."))
)]
async fn dismiss(
    Shared(detector): Shared<Arc<Detector>>,
    console: Console,
    PathWord(word): PathWord,
    Sent(said): Sent<Said>,
) -> Result<Response, Problem> {
    let done = speak(&console, &detector, id(&word)?, &Change::Dismiss, &said.note).await?;
    Ok(Json(done).into_response())
}

/// What the public is to read; what is not said stays.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = StatusProposalEdit)]
#[serde(deny_unknown_fields)]
struct Edit {
    /// The headline.
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    /// The text.
    #[schema(max_length = 10000)]
    text: Option<String>,
    /// Severities, 1 to 100, by ids of components.
    affects: Option<BTreeMap<String, u8>>,
}

/// Changes what the public would read of a proposal.
#[utoipa::path(
    post, path = "/api/v1/status/proposals/{id}/edits", tag = "status",
    operation_id = "edit_status_proposal",
    params(("id" = String, Path, description = "Its id")), request_body = Edit,
    responses((status = 200, body = ProposalAnswer, description = "The proposal as it is now."))
)]
async fn edit(
    Shared(detector): Shared<Arc<Detector>>,
    console: Console,
    PathWord(word): PathWord,
    Sent(edit): Sent<Edit>,
) -> Result<Response, Problem> {
    let component = |(component, severity): (String, u8)| {
        let known = component.parse().map_err(|_| Error::not_found("component", &component))?;
        Ok((known, severity))
    };
    let affects = edit.affects.map(|all| all.into_iter().map(component).collect()).transpose();
    let affects = affects.map_err(|error| problem(&error))?;
    let change = Change::Edit { name: edit.name, text: edit.text, affects };
    let done = speak(&console, &detector, id(&word)?, &change, "").await?;
    Ok(Json(done).into_response())
}

//! The changes in the JSON API.

#![allow(unused_qualifications, reason = "the macros of utoipa write paths in full")]

use std::collections::BTreeMap;
use std::str::FromStr;

use axum::extract::State as Shared;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use lotse_core::change::Policy;
use lotse_web::api::reading::{PathWord, Sent, Words};
use lotse_web::api::{once, paging};
use lotse_web::console::Console;
use lotse_web::extension::{OpenApi, Route};
use lotse_web::problem::Problem;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, OpenApi as _, ToSchema};

use super::{Answer, get, post, problem, speak};
use crate::desk::Changes;
use crate::model::{Change, State, Summary};

pub(super) fn routes(changes: &Changes) -> Vec<Route> {
    vec![
        get("/api/v1/changes", changes, list),
        get("/api/v1/changes/{id}", changes, show),
        post("/api/v1/changes/{id}/approvals", changes, approve),
        post("/api/v1/changes/{id}/rejections", changes, reject),
    ]
}

/// The description of these operations.
pub(super) fn document() -> OpenApi {
    Document::openapi()
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(list, show, approve, reject))]
struct Document;

/// A change in short.
#[derive(Debug, ToSchema)]
#[allow(dead_code, reason = "says to readers of the API what a change looks like")]
#[schema(as = ChangeSummary)]
struct SummaryAnswer {
    /// Its id.
    id: String,
    /// The capability, for example `images`.
    capability: String,
    /// The cloud, by its name in `clouds.yaml`.
    cloud: String,
    /// The task that makes it good.
    task: String,
    /// `proposed`, `approved`, `applying`, `failed`, `applied`, `rejected`, `superseded` or
    /// `withdrawn`.
    state: String,
    /// Why a person must consent whatever the policy, if so.
    #[schema(required)]
    consent: Option<String>,
    /// How many steps of which action.
    counts: BTreeMap<String, u32>,
    /// How many people must approve.
    approvals_needed: u32,
    /// How many have.
    approvals: u32,
    /// When it was proposed.
    #[schema(format = DateTime)]
    proposed: String,
    /// Who proposed it.
    proposed_by: String,
    /// When it came to its end, or the last attempt did.
    #[schema(required, format = DateTime)]
    ended: Option<String>,
    /// Who ended it.
    #[schema(required)]
    ended_by: Option<String>,
    /// What became of it, one line.
    #[schema(required)]
    outcome: Option<String>,
}

/// A change with everything that it would do, and what became of it.
#[derive(Debug, ToSchema)]
#[allow(dead_code, reason = "says to readers of the API what a change looks like")]
#[schema(as = Change)]
struct ChangeAnswer {
    /// Its id.
    id: String,
    /// The capability, for example `images`.
    capability: String,
    /// The cloud, by its name in `clouds.yaml`.
    cloud: String,
    /// The task that makes it good.
    task: String,
    /// Where it is on its way.
    state: String,
    /// `observe`, `propose` or `apply`: the policy under which it was found.
    #[schema(value_type = String)]
    policy: Policy,
    /// Why a person must consent whatever the policy, if so.
    #[schema(required)]
    consent: Option<String>,
    /// What is to be done.
    document: DocumentAnswer,
    /// Names exactly these steps; who approves sends it.
    digest: String,
    /// How many people must approve.
    approvals_needed: u32,
    /// Who approved.
    approvals: Vec<ApprovalAnswer>,
    /// When it was proposed.
    #[schema(format = DateTime)]
    proposed: String,
    /// Who proposed it.
    proposed_by: String,
    /// How often it was attempted.
    attempts: u32,
    /// When it came to its end, or the last attempt did.
    #[schema(required, format = DateTime)]
    ended: Option<String>,
    /// Who ended it.
    #[schema(required)]
    ended_by: Option<String>,
    /// What became of it, one line.
    #[schema(required)]
    outcome: Option<String>,
    /// Ids under which the APIs of the cloud logged its requests.
    request_ids: Vec<String>,
    /// The report of the last attempt; each capability has a form of its own.
    #[schema(value_type = Value)]
    report: Value,
}

/// What is to be done.
#[derive(Debug, ToSchema)]
#[allow(dead_code, reason = "says to readers of the API what a change looks like")]
#[schema(as = ChangeDocument)]
struct DocumentAnswer {
    /// In this order.
    steps: Vec<StepAnswer>,
    /// What the planner had to say besides.
    notes: Vec<String>,
}

/// One step.
#[derive(Debug, ToSchema)]
#[allow(dead_code, reason = "says to readers of the API what a change looks like")]
#[schema(as = ChangeStep)]
struct StepAnswer {
    /// Its name within the plan.
    id: String,
    /// `create`, `update`, `replace` or `destroy`.
    action: String,
    /// The kind of object, for example `image`.
    kind: String,
    /// The name of the object.
    name: String,
    /// The fields that change.
    changes: Vec<FieldAnswer>,
    /// Why.
    reason: String,
}

/// One field, before and after.
#[derive(Debug, ToSchema)]
#[allow(dead_code, reason = "says to readers of the API what a change looks like")]
#[schema(as = ChangeField)]
struct FieldAnswer {
    /// The field; nested ones with dots.
    field: String,
    /// The present value.
    #[schema(value_type = Value)]
    before: Value,
    /// The value to come.
    #[schema(value_type = Value)]
    after: Value,
}

/// A person's agreement.
#[derive(Debug, ToSchema)]
#[allow(dead_code, reason = "says to readers of the API what a change looks like")]
#[schema(as = ChangeApproval)]
struct ApprovalAnswer {
    /// Who.
    person: String,
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// What they wrote to it.
    note: String,
}

/// A page of changes.
#[derive(Debug, Serialize, ToSchema)]
struct ChangeList {
    #[schema(value_type = Vec<SummaryAnswer>)]
    changes: Vec<Summary>,
    /// Give it as `after` to see the next page; missing on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Which changes are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// Only those in this state.
    #[param(
        pattern = "^(proposed|approved|applying|failed|applied|rejected|superseded|withdrawn)$"
    )]
    state: Option<String>,
    /// How many entries, 50 unless said otherwise.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// Lists the changes, newest first.
#[utoipa::path(
    get, path = "/api/v1/changes", tag = "changes", operation_id = "list_changes",
    params(ListQuery),
    responses((status = 200, body = ChangeList, description = "A page of changes."))
)]
async fn list(
    Shared(changes): Shared<Changes>,
    Words(query): Words<ListQuery>,
) -> Result<Response, Problem> {
    let limit = paging::limit(query.limit)?;
    let state = query.state.as_deref().map(State::from_str).transpose().map_err(|reason| {
        Problem::new(StatusCode::BAD_REQUEST, "the parameters cannot be read")
            .detail(lotse_web::text::shown(&reason, 200))
    })?;
    let after = match paging::entry(query.after.as_deref())? {
        Some(entry) => Some(super::to_place(&entry).ok_or_else(paging::unknown)?),
        None => None,
    };
    let found = changes.list(state, after, limit + 1).await.map_err(|error| problem(&error))?;
    let (changes, next) = paging::cut(found, limit, super::place);
    Ok(Json(ChangeList { changes, next }).into_response())
}

/// Shows one change.
#[utoipa::path(
    get, path = "/api/v1/changes/{id}", tag = "changes", operation_id = "show_change",
    params(("id" = String, Path, description = "Its id")),
    responses((status = 200, body = ChangeAnswer, description = "The change."))
)]
async fn show(
    Shared(changes): Shared<Changes>,
    PathWord(id): PathWord,
) -> Result<Response, Problem> {
    let change = changes.get(&id).await.map_err(|error| problem(&error))?;
    Ok(Json(change).into_response())
}

/// A person's word on a change.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[schema(as = ChangeDecision)]
#[serde(deny_unknown_fields)]
struct Decision {
    /// The digest of the change that was looked at.
    #[schema(max_length = 64)]
    digest: String,
    /// What is to be remembered with it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schema(max_length = 1000)]
    note: String,
}

/// Approves a change. With the last approval that it needs it is made good at once.
#[utoipa::path(
    post, path = "/api/v1/changes/{id}/approvals", tag = "changes",
    operation_id = "approve_change",
    params(("id" = String, Path, description = "Its id"), once::KeyParameter),
    request_body = Decision,
    responses((status = 201, body = ChangeAnswer, description = "The change as it is now."))
)]
async fn approve(
    Shared(changes): Shared<Changes>,
    console: Console,
    PathWord(id): PathWord,
    headers: HeaderMap,
    Sent(decision): Sent<Decision>,
) -> Result<Response, Problem> {
    decided(&console, &changes, (Answer::Approve, &id), &headers, &decision).await
}

/// Rejects a change. The same steps are not proposed again.
#[utoipa::path(
    post, path = "/api/v1/changes/{id}/rejections", tag = "changes",
    operation_id = "reject_change",
    params(("id" = String, Path, description = "Its id"), once::KeyParameter),
    request_body = Decision,
    responses((status = 201, body = ChangeAnswer, description = "The change as it is now."))
)]
async fn reject(
    Shared(changes): Shared<Changes>,
    console: Console,
    PathWord(id): PathWord,
    headers: HeaderMap,
    Sent(decision): Sent<Decision>,
) -> Result<Response, Problem> {
    decided(&console, &changes, (Answer::Reject, &id), &headers, &decision).await
}

async fn decided(
    console: &Console,
    changes: &Changes,
    (answer, id): (Answer, &str),
    headers: &HeaderMap,
    decision: &Decision,
) -> Result<Response, Problem> {
    let operation = format!("{answer:?} {id}");
    let request = once::Request::read(console.identity(), headers, &operation, decision)?;
    let work = async {
        let words = (&*decision.digest, &*decision.note);
        let change: Change = speak(console, changes, id, answer, words).await?;
        Ok(once::Answer::of(StatusCode::CREATED, &change))
    };
    console.once(request, work).await
}

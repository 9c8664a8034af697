//! The audit log in the API.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use lotse_store::audit::{AuditFilter, DeedOutcome, Entry};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Words, paging};
use crate::problem::Problem;
use crate::shell::Shell;

/// One deed in the log.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub(super) struct EntryAnswer {
    /// Its number, counted from 1 without gaps.
    seq: i64,
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// Who.
    actor: String,
    /// What.
    action: String,
    /// On what.
    object: String,
    /// How it ended.
    outcome: Outcome,
    /// The ids under which the APIs logged the requests that did it.
    request_ids: Vec<String>,
    /// More about it; each action has a form of its own.
    #[schema(value_type = Value)]
    detail: serde_json::Value,
    /// SHA-256 over this entry and the one before it.
    hash: String,
}

/// How a deed ended.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = DeedOutcome)]
enum Outcome {
    Done,
    Failed,
    Denied,
}

impl From<DeedOutcome> for Outcome {
    fn from(outcome: DeedOutcome) -> Self {
        match outcome {
            DeedOutcome::Done => Self::Done,
            DeedOutcome::Failed => Self::Failed,
            DeedOutcome::Denied => Self::Denied,
        }
    }
}

impl From<Outcome> for DeedOutcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::Done,
            Outcome::Failed => Self::Failed,
            Outcome::Denied => Self::Denied,
        }
    }
}

impl From<Entry> for EntryAnswer {
    fn from(Entry { seq, deed, hash }: Entry) -> Self {
        Self {
            seq,
            at: deed.at.to_string(),
            actor: deed.actor,
            action: deed.action,
            object: deed.object,
            outcome: deed.outcome.into(),
            request_ids: deed.request_ids,
            detail: deed.detail,
            hash,
        }
    }
}

/// A page of the log.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AuditList {
    entries: Vec<EntryAnswer>,
    /// Give it as `after` to see the next page; missing on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Which entries are wanted; what is not given filters nothing.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct AuditQuery {
    /// Who, the whole word.
    actor: Option<String>,
    /// What it begins with: `token` finds `token.create`.
    action: Option<String>,
    /// On what, the whole word.
    object: Option<String>,
    /// How it ended.
    #[param(inline)]
    outcome: Option<Outcome>,
    /// How many entries, 50 unless said otherwise.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// Lists the entries of the audit log, newest first.
#[utoipa::path(
    get, path = "/api/v1/audit", tag = "audit", operation_id = "list_audit",
    params(AuditQuery),
    responses((status = 200, body = AuditList, description = "A page of the log."))
)]
pub(super) async fn list(
    State(shell): State<Arc<Shell>>,
    Words(query): Words<AuditQuery>,
) -> Result<Response, Problem> {
    let limit = paging::limit(query.limit)?;
    let before = match paging::entry(query.after.as_deref())? {
        Some(entry) => Some(entry.parse().map_err(|_| paging::unknown())?),
        None => None,
    };
    let filter = AuditFilter {
        actor: query.actor,
        action: query.action,
        object: query.object,
        outcome: query.outcome.map(DeedOutcome::from),
    };
    let found = shell.gate.store.audit_search(&filter, before, limit + 1).await;
    let found = found.map_err(|error| Problem::of_store(&error))?;
    let (entries, next) = paging::cut(found, limit, |entry| entry.seq.to_string());
    let entries = entries.into_iter().map(EntryAnswer::from).collect();
    Ok((StatusCode::OK, Json(AuditList { entries, next })).into_response())
}

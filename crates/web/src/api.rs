//! The JSON API, `/api/v1`: tasks, the audit log, tokens, who one is.
//!
//! Conventions, the same for every capability's part of it: problems as problem+json; lists in pages
//! with an opaque cursor (`limit`, `after` and the answer's `next`); entity tags on everything that is
//! read; `Idempotency-Key` on what makes something; limits told in `RateLimit` fields. Unknown fields
//! and parameters are refused, so that a misspelt one is not silently ignored.

#![allow(unused_qualifications, reason = "the macros of utoipa write paths in full")]

mod audit;
pub(crate) mod document;
mod me;
pub mod once;
pub mod paging;
pub mod reading;
mod tasks;
mod tokens;

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Json, Response};
use utoipa::OpenApi;

pub(crate) use reading::{Fields, PathWord, Sent, Words};

use crate::access::{AUDIT_READ, Access, TASK_READ, TASK_REQUEST, TOKEN_READ, TOKEN_WRITE};
use crate::extension::Route;
use crate::shell::Shell;

pub(crate) fn routes(shell: &Arc<Shell>) -> Vec<Route> {
    let state = || shell.clone();
    let (reads, requests) = (Access::Needs(&TASK_READ), Access::Needs(&TASK_REQUEST));
    let (sees, makes) = (Access::Personal(&TOKEN_READ), Access::Personal(&TOKEN_WRITE));
    vec![
        Route::get("/api/v1", reads, state(), index),
        Route::get("/api/v1/openapi.json", Access::Open, state(), document::show),
        Route::get("/api/v1/sign-in", Access::Open, state(), me::sign_in),
        Route::get("/api/v1/me", Access::SignedIn, state(), me::show),
        Route::get("/api/v1/tasks", reads, state(), tasks::list),
        Route::get("/api/v1/tasks/{*name}", reads, state(), tasks::show),
        Route::post("/api/v1/activations", requests, state(), tasks::activate),
        Route::get("/api/v1/audit", Access::Needs(&AUDIT_READ), state(), audit::list),
        Route::get("/api/v1/tokens", sees, state(), tokens::list),
        Route::post("/api/v1/tokens", makes, state(), tokens::create),
        Route::get("/api/v1/tokens/{id}", sees, state(), tokens::show),
        Route::delete("/api/v1/tokens/{id}", makes, state(), tokens::revoke),
    ]
}

/// The description of these operations.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

#[derive(OpenApi)]
#[openapi(
    paths(
        index,
        document::show,
        me::sign_in,
        me::show,
        tasks::list,
        tasks::show,
        tasks::activate,
        audit::list,
        tokens::list,
        tokens::create,
        tokens::show,
        tokens::revoke,
    ),
    components(schemas(document::ProblemAnswer))
)]
struct Document;

/// What the daemon is and where the rest of the API is.
#[utoipa::path(
    get, path = "/api/v1", tag = "daemon", operation_id = "show_daemon",
    responses((status = 200, body = Index, description = "The daemon."))
)]
async fn index(State(shell): State<Arc<Shell>>) -> Response {
    let about = &shell.about;
    Json(Index {
        about: AboutAnswer {
            product: about.product.to_owned(),
            version: about.version.to_owned(),
            instance: about.instance.clone(),
            started: about.started.to_string(),
            mode: about.mode.to_owned(),
        },
        links: Links {
            tasks: "/api/v1/tasks",
            audit: "/api/v1/audit",
            tokens: "/api/v1/tokens",
            me: "/api/v1/me",
            openapi: "/api/v1/openapi.json",
            metrics: "/metrics",
            health: "/healthz",
            readiness: "/readyz",
        },
    })
    .into_response()
}

/// The daemon.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
struct Index {
    about: AboutAnswer,
    links: Links,
}

/// What the daemon is.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
struct AboutAnswer {
    /// `lotse`.
    product: String,
    /// Version of the program.
    version: String,
    /// Id of the process.
    instance: String,
    /// When it started.
    #[schema(format = DateTime)]
    started: String,
    /// `demo` or `serve`.
    mode: String,
}

/// Where the rest is.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
struct Links {
    tasks: &'static str,
    audit: &'static str,
    tokens: &'static str,
    me: &'static str,
    openapi: &'static str,
    metrics: &'static str,
    health: &'static str,
    readiness: &'static str,
}

//! The console: pages for people, made on the server, complete without scripts.
//!
//! One module per page: it reads, puts what is to be seen into a struct, and a template of the same
//! name writes it. Templates escape everything; what comes from outside also goes through
//! [`crate::text::shown`], so that no name can break a line, hide itself or fill the screen. Forms
//! carry the CSRF token of the session ([`layout::Layout::csrf`]).

mod audit;
pub(crate) mod errors;
pub(crate) mod layout;
mod me;
mod overview;
pub(crate) mod sign_in;
mod task_view;
mod tasks;
mod tokens;

use std::sync::Arc;

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};

use crate::access::{AUDIT_READ, Access, TASK_READ, TASK_REQUEST, TOKEN_READ, TOKEN_WRITE};
use crate::extension::{NavItem, Route};
use crate::shell::Shell;

/// The pages that every daemon has, in the order of the navigation.
pub(crate) fn navigation() -> Vec<NavItem> {
    vec![
        NavItem { href: "/", label: "Overview", access: Access::Needs(&TASK_READ) },
        NavItem { href: "/tasks", label: "Tasks", access: Access::Needs(&TASK_READ) },
        NavItem { href: "/audit", label: "Audit log", access: Access::Needs(&AUDIT_READ) },
        NavItem { href: "/tokens", label: "API tokens", access: Access::Personal(&TOKEN_READ) },
    ]
}

pub(crate) fn routes(shell: &Arc<Shell>) -> Vec<Route> {
    let state = || shell.clone();
    vec![
        Route::get("/", Access::Needs(&TASK_READ), state(), overview::show),
        Route::get("/tasks", Access::Needs(&TASK_READ), state(), tasks::show),
        Route::post("/tasks/request", Access::Needs(&TASK_REQUEST), state(), tasks::request),
        Route::get("/audit", Access::Needs(&AUDIT_READ), state(), audit::show),
        Route::get("/tokens", Access::Personal(&TOKEN_READ), state(), tokens::show),
        Route::post("/tokens", Access::Personal(&TOKEN_WRITE), state(), tokens::create),
        Route::post("/tokens/revoke", Access::Personal(&TOKEN_WRITE), state(), tokens::revoke),
        Route::get("/me", Access::SignedIn, state(), me::show),
    ]
}

/// Writes a page.
pub fn page(template: &impl Template) -> Response {
    page_with(StatusCode::OK, template)
}

/// Writes a page with another status.
pub fn page_with(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page cannot be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

//! Who one is, and how one signs in.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::{Role, Who};
use crate::auth::guard::Caller;
use crate::problem::Problem;
use crate::shell::Shell;

/// Who one is, and what one may do.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Me {
    /// `person` or `token`.
    #[schema(pattern = "^(person|token)$")]
    kind: &'static str,
    /// The name for people.
    name: String,
    /// The word in the audit log.
    actor: String,
    /// The roles of a person.
    roles: Vec<Role>,
    /// What one may do.
    permissions: Vec<&'static str>,
    /// When the session or the token ends at the latest.
    #[schema(format = DateTime)]
    until: String,
    /// What requests of this session that change something send as `X-CSRF-Token`.
    #[serde(skip_serializing_if = "Option::is_none")]
    csrf: Option<String>,
}

/// Shows who one is.
#[utoipa::path(
    get, path = "/api/v1/me", tag = "people", operation_id = "show_me",
    responses((status = 200, body = Me, description = "You."))
)]
pub(super) async fn show(
    State(shell): State<Arc<Shell>>,
    Caller(identity): Caller,
) -> Result<Response, Problem> {
    let permissions = shell.gate.grantable(&identity).iter().map(|one| one.name).collect();
    let (kind, name, until, csrf) = match &identity.who {
        Who::Person { name, until, credential, .. } => {
            let csrf = credential.csrf().masked().map_err(|error| Problem::of(&error))?;
            ("person", name, until, Some(csrf))
        }
        Who::Token { name, until, .. } => ("token", name, until, None),
        Who::Stranger => return Err(Problem::new(StatusCode::UNAUTHORIZED, "not signed in")),
    };
    let me = Me {
        kind,
        name: name.clone(),
        actor: identity.actor(),
        roles: identity.roles.clone(),
        permissions,
        until: until.to_string(),
        csrf,
    };
    Ok(Json(me).into_response())
}

/// Whether one is signed in, and how one can.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SignIn {
    /// Whether this request came from somebody.
    signed_in: bool,
    /// Whether people sign in at an identity provider; else the daemon prints a link.
    provider: bool,
    /// The page on which people sign in.
    page: String,
}

/// Shows whether one is signed in, and how one can.
#[utoipa::path(
    get, path = "/api/v1/sign-in", tag = "people", operation_id = "show_sign_in",
    responses((status = 200, body = SignIn, description = "The ways in."))
)]
pub(super) async fn sign_in(State(shell): State<Arc<Shell>>, Caller(identity): Caller) -> Response {
    Json(SignIn {
        signed_in: identity.is_known(),
        provider: shell.gate.provider.is_some(),
        page: "/sign-in".to_owned(),
    })
    .into_response()
}

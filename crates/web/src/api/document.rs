//! The served description of the API (OpenAPI 3.1), put together from the parts of all capabilities.
//!
//! Operations describe their own parameters and answers. What every operation shares comes from its
//! route, so that it cannot be forgotten: who may call it, and the problems it can answer with.

use std::sync::{Arc, OnceLock};

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use utoipa::openapi::path::{Operation, Parameter};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, ResponseBuilder, SecurityRequirement};

use crate::access::Access;
use crate::extension::Route;
use crate::problem::Problem;
use crate::shell::Shell;

const PROBLEM: &str = "application/problem+json";

/// The document as it is served; made once, when all routes are known.
#[derive(Debug, Default)]
pub(crate) struct Served(OnceLock<String>);

/// A problem (RFC 9457).
#[derive(Debug, utoipa::ToSchema)]
#[allow(dead_code, reason = "read by the description of the API only")]
#[schema(as = Problem)]
pub(crate) struct ProblemAnswer {
    /// The HTTP status.
    status: u16,
    /// What it is, the same for every occurrence.
    title: String,
    /// What is special about this occurrence.
    detail: Option<String>,
    /// What to do about it.
    hints: Option<Vec<String>>,
}

impl Served {
    /// Puts the documents together and completes every operation from its route.
    pub(crate) fn fill(&self, documents: Vec<OpenApi>, routes: &[Route], version: &str) {
        let mut all = OpenApi::default();
        for document in documents {
            all.merge(document);
        }
        "Lotse".clone_into(&mut all.info.title);
        version.clone_into(&mut all.info.version);
        all.info.description =
            Some("The JSON API of the Lotse daemon. Errors are problems (RFC 9457).".to_owned());
        all.info.license = None;
        schemes(&mut all);
        for route in routes.iter().filter(|route| route.is_api()) {
            if let Some(operation) = operation(&mut all, route) {
                complete(operation, route);
            }
        }
        // Serialising what was just built cannot fail; an empty document would fail its test.
        self.0.set(all.to_json().unwrap_or_default()).ok();
    }

    /// The document, when it was filled.
    pub(crate) fn text(&self) -> Option<&str> {
        self.0.get().map(String::as_str)
    }
}

fn schemes(all: &mut OpenApi) {
    let components = all.components.get_or_insert_default();
    let bearer = Http::builder()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An API token: `lotse_` and 43 characters."))
        .build();
    components.add_security_scheme("token", SecurityScheme::Http(bearer));
    let cookie = ApiKeyValue::with_description(
        "lotse-session",
        "The cookie of a session; its name ends in the port, or begins with `__Host-` behind TLS. \
         Requests that change something also send `X-CSRF-Token`, which /api/v1/me tells.",
    );
    components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
}

/// The path as OpenAPI writes it.
fn described_path(path: &str) -> String {
    path.replace("{*", "{")
}

fn operation<'a>(all: &'a mut OpenApi, route: &Route) -> Option<&'a mut Operation> {
    let item = all.paths.paths.get_mut(&described_path(route.path))?;
    match route.method.as_str() {
        "GET" => item.get.as_mut(),
        "POST" => item.post.as_mut(),
        "DELETE" => item.delete.as_mut(),
        _ => None,
    }
}

/// What follows for an operation from what its route demands and is.
fn complete(operation: &mut Operation, route: &Route) {
    let none: [&str; 0] = [];
    let mut problems = vec![(429, "Too many requests; `Retry-After` says when to ask again.")];
    if matches!(route.access, Access::Open | Access::Proven) {
        operation.security = Some(vec![SecurityRequirement::default()]);
    } else {
        operation.security = Some(vec![
            SecurityRequirement::new("token", none),
            SecurityRequirement::new("session", none),
        ]);
        problems.push((401, "Not signed in, or the token is not good."));
        problems.push((403, "The permission is missing, or the CSRF token of the session."));
    }
    if route.path.contains('{') {
        problems.push((404, "There is no such thing, or it is not yours to see."));
    }
    let mut parameters = operation.parameters.iter().flatten();
    let is_after = |one: &RefOr<Parameter>| matches!(one, RefOr::T(one) if one.name == "after");
    if parameters.any(is_after) {
        problems.push((404, "There is no such page: `after` is no cursor of this list."));
    }
    if operation.parameters.as_ref().is_some_and(|all| !all.is_empty()) {
        problems.push((400, "A parameter cannot be read."));
    }
    if operation.request_body.is_some() {
        problems.push((400, "The document is no JSON, or a field of the header is not good."));
        problems.push((404, "The document names something that is not there."));
        problems.push((409, "It does not fit what is there, or this `Idempotency-Key` was used for another request."));
        problems.push((413, "The document is too large."));
        problems.push((415, "The document is not declared as JSON."));
        problems.push((422, "The document says something that cannot be done."));
    }
    problems.push((500, "A defect, or the state of the daemon cannot be used."));
    if let Access::Needs(permission) | Access::Personal(permission) = route.access {
        let needs = format!("Needs the permission `{}`.", permission.name);
        let text =
            operation.description.take().map_or(needs.clone(), |text| format!("{text}\n\n{needs}"));
        operation.description = Some(text);
    }
    for (status, description) in problems {
        operation.responses.responses.entry(status.to_string()).or_insert_with(|| {
            let schema = Ref::from_schema_name("Problem");
            let content = ContentBuilder::new().schema(Some(schema)).build();
            let response = ResponseBuilder::new().description(description);
            RefOr::T(response.content(PROBLEM, content).build())
        });
    }
}

/// Describes this API.
#[utoipa::path(
    get, path = "/api/v1/openapi.json", tag = "daemon", operation_id = "show_openapi",
    responses((status = 200, description = "This document.", content_type = "application/json"))
)]
pub(super) async fn show(State(shell): State<Arc<Shell>>) -> Result<Response, Problem> {
    let missing = || Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the document is missing");
    let text = shell.openapi().ok_or_else(missing)?.to_owned();
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}

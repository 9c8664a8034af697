//! The token API and how a token is shown.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, StatusCode};
use lotse_core::time::Timestamp;
use serde_json::{Value, json};

use super::caller::Authenticated;
use super::login::{federated_login, login};
use super::model::{Identity, Scope, Token};
use super::policy::{self, Target};
use super::refusal::{MAX_BODY, Refusal};
use super::resource;
use crate::http::body;
use crate::http::query::Query;
use crate::ids::named;
use crate::world::{SharedWorld, World};

/// The region all endpoints are in.
pub(crate) const REGION: &str = "RegionOne";

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/v3/auth/tokens", post(issue).get(show).delete(revoke))
        .route(
            "/v3/OS-FEDERATION/identity_providers/{provider}/protocols/{protocol}/auth",
            post(federated).get(federated),
        )
        .route("/v3/auth/catalog", get(catalog_of_token))
        .route("/v3/auth/projects", get(own_projects))
        .route("/v3/users/{user}/projects", get(projects_of_user))
        .route("/v3/auth/domains", get(own_domains))
        .route("/v3/auth/system", get(own_system))
}

/// The JSON body of a request, refused as Keystone refuses what is none.
pub(crate) async fn json_body(headers: &HeaderMap, body: Body) -> Result<Value, Refusal> {
    let bytes = body::read(body, MAX_BODY).await.map_err(|error| match error {
        body::BodyError::TooLarge => Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too large"),
        body::BodyError::Broken => Refusal::malformed("the whole body", "request"),
    })?;
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if media_type.is_some_and(|found| !found.starts_with("application/json")) {
        return Err(Refusal::malformed("application/json", "Content-Type header"));
    }
    if bytes.is_empty() {
        return Ok(json!({}));
    }
    match serde_json::from_slice(&bytes) {
        Ok(value @ Value::Object(_)) => Ok(value),
        _ => Err(Refusal::malformed("valid JSON", "request body")),
    }
}

const SUBJECT: HeaderName = HeaderName::from_static("x-subject-token");

async fn issue(
    State(world): State<SharedWorld>,
    query: Query,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let body = json_body(&headers, body).await?;
    let token = login(&world, &body)?;
    let shown = render(&world, &world.identity(), &token, with_catalog(&query));
    let id = token.id.clone();
    Ok((StatusCode::CREATED, [(SUBJECT, id)], axum::Json(json!({"token": shown}))).into_response())
}

async fn federated(
    State(world): State<SharedWorld>,
    Path((provider, protocol)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let access_token = bearer.and_then(|value| value.strip_prefix("Bearer "));
    let access_token = access_token.ok_or_else(Refusal::unauthorized)?;
    let token = federated_login(&world, &provider, &protocol, access_token)?;
    let shown = render(&world, &world.identity(), &token, true);
    let body = axum::Json(json!({"token": shown}));
    Ok((StatusCode::CREATED, [(SUBJECT, token.id.clone())], body).into_response())
}

/// Whoever asks without the catalogue gets a smaller answer.
fn with_catalog(query: &Query) -> bool {
    query.get("nocatalog").is_none()
}

/// The token that `X-Subject-Token` names, which the caller may see if it is its own or by policy.
fn subject(
    world: &World,
    headers: &HeaderMap,
    Authenticated(caller): &Authenticated,
    action: &str,
) -> Result<Arc<Token>, Refusal> {
    let named = headers.get(&SUBJECT).and_then(|value| value.to_str().ok());
    let named = named.ok_or_else(|| match policy::allow(caller, action, Target::default()) {
        Ok(()) => Refusal::not_found("token", ""),
        Err(forbidden) => forbidden,
    })?;
    let identity = world.identity();
    let token = identity.tokens.get(named).filter(|token| token.expires_at > world.now());
    let token = token.ok_or_else(|| Refusal::no_token(named))?;
    let domain = identity.users.get(&token.user_id).map(|user| user.domain_id.as_str());
    let own = token.user_id == caller.user();
    policy::allow(caller, action, Target::within(domain).owned(own))?;
    Ok(Arc::clone(token))
}

async fn show(
    State(world): State<SharedWorld>,
    caller: Authenticated,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let token = subject(&world, &headers, &caller, "validate_token")?;
    let shown = render(&world, &world.identity(), &token, with_catalog(&query));
    Ok(([(SUBJECT, token.id.clone())], axum::Json(json!({"token": shown}))).into_response())
}

async fn revoke(
    State(world): State<SharedWorld>,
    caller: Authenticated,
    headers: HeaderMap,
) -> Result<StatusCode, Refusal> {
    let token = subject(&world, &headers, &caller, "revoke_token")?;
    world.identity().tokens.remove(&token.id);
    Ok(StatusCode::NO_CONTENT)
}

async fn catalog_of_token(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
) -> Result<Response, Refusal> {
    if caller.token.scope == Scope::Unscoped {
        return Err(Refusal::forbidden("get_auth_catalog"));
    }
    let catalog = catalog(&world, &world.identity(), &caller.token.scope);
    let links = resource::links(&world, "auth/catalog", "");
    Ok(axum::Json(json!({"catalog": catalog, "links": links})).into_response())
}

async fn own_projects(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
) -> Response {
    projects(&world, caller.user(), "auth/projects")
}

async fn projects_of_user(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(user): Path<String>,
) -> Result<Response, Refusal> {
    {
        let identity = world.identity();
        let found = identity.users.get(&user);
        let domain = found.map(|user| user.domain_id.as_str());
        let target = Target::within(domain).owned(user == caller.user());
        policy::allow(&caller, "list_user_projects", target)?;
        found.ok_or_else(|| Refusal::not_found("user", &user))?;
    }
    Ok(projects(&world, &user, &format!("users/{user}/projects")))
}

/// The projects on which a user has any role.
fn projects(world: &World, user: &str, path: &str) -> Response {
    let identity = world.identity();
    let mut found: Vec<Value> = Vec::new();
    for project in identity.projects.values() {
        let scope = Scope::Project(project.id.clone());
        if !identity.roles_on(user, &scope).is_empty() {
            found.push(resource::Resource::render(project, world));
        }
    }
    let links = resource::links(world, path, "");
    axum::Json(json!({"projects": found, "links": links})).into_response()
}

async fn own_domains(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
) -> Response {
    let identity = world.identity();
    let mut found: Vec<Value> = Vec::new();
    for domain in identity.domains.values() {
        let scope = Scope::Domain(domain.id.clone());
        if !identity.roles_on(caller.user(), &scope).is_empty() {
            found.push(resource::Resource::render(domain, &world));
        }
    }
    let links = resource::links(&world, "auth/domains", "");
    axum::Json(json!({"domains": found, "links": links})).into_response()
}

async fn own_system(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
) -> Response {
    let none = world.identity().roles_on(caller.user(), &Scope::System).is_empty();
    let found = if none { json!([]) } else { json!([{"all": true}]) };
    let this = format!("{}auth/system", super::v3(&world));
    axum::Json(json!({"system": found, "links": {"self": this}})).into_response()
}

/// A time as Keystone writes it, always with six digits after the second.
pub(crate) fn stamp(at: Timestamp) -> String {
    format!("{at:.6}")
}

/// A token as `POST` and `GET /v3/auth/tokens` show it.
fn render(world: &World, identity: &Identity, token: &Token, with_catalog: bool) -> Value {
    let user = identity.users.get(&token.user_id);
    let domain = |id: &str| {
        let name = identity.domains.get(id).map(|domain| domain.name.as_str());
        json!({"id": id, "name": name})
    };
    let mut shown = json!({
        "methods": token.methods,
        "user": {
            "domain": user.map(|user| domain(&user.domain_id)),
            "id": token.user_id,
            "name": user.map(|user| &user.name),
            "password_expires_at": null,
        },
        "audit_ids": token.audit_ids,
        "expires_at": stamp(token.expires_at),
        "issued_at": stamp(token.issued_at),
    });
    if let Some((provider, protocol)) = &token.federation {
        shown["user"]["OS-FEDERATION"] = json!({
            "groups": [],
            "identity_provider": {"id": provider},
            "protocol": {"id": protocol},
        });
    }
    match &token.scope {
        Scope::Unscoped => return shown,
        Scope::Project(id) => {
            let project = identity.projects.get(id);
            shown["project"] = json!({
                "domain": project.map(|project| domain(&project.domain_id)),
                "id": id,
                "name": project.map(|project| &project.name),
            });
            shown["is_domain"] = json!(false);
        }
        Scope::Domain(id) => shown["domain"] = domain(id),
        Scope::System => shown["system"] = json!({"all": true}),
    }
    let roles = token.roles.iter().filter_map(|id| identity.roles.get(id));
    shown["roles"] = roles.map(|role| json!({"id": role.id, "name": role.name})).collect();
    if with_catalog {
        shown["catalog"] = catalog(world, identity, &token.scope).into();
    }
    if let Some(trust) = token.trust.as_ref().and_then(|id| identity.document("trusts", id)) {
        let user = |field: &str| json!({"id": trust.text(field)});
        shown["OS-TRUST:trust"] = json!({
            "id": trust.id,
            "trustor_user": user("trustor_user_id"),
            "trustee_user": user("trustee_user_id"),
            "impersonation": trust.fields.get("impersonation"),
        });
    }
    if let Some(id) = &token.app_credential {
        let credential = identity.application_credentials.get(id);
        shown["application_credential"] = json!({
            "id": id,
            "name": credential.map(|credential| &credential.name),
            "restricted": credential.is_none_or(|credential| credential.unrestricted != Some(true)),
        });
    }
    shown
}

/// The catalogue as it is for this scope.
fn catalog(world: &World, identity: &Identity, scope: &Scope) -> Vec<Value> {
    let project = match scope {
        Scope::Project(id) => id.as_str(),
        _ => "",
    };
    let entries = identity.services.values().filter(|service| service.enabled).map(|service| {
        let own = identity.endpoints.values();
        let own = own.filter(|endpoint| endpoint.enabled && endpoint.service_id == service.id);
        let endpoints = own.map(|endpoint| {
            json!({
                "id": endpoint.id,
                "interface": endpoint.interface,
                "region_id": endpoint.region_id,
                "url": endpoint.address(world).replace("%(project_id)s", project),
                "region": endpoint.region_id,
            })
        });
        json!({
            "endpoints": endpoints.collect::<Value>(),
            "id": service.id,
            "type": service.kind,
            "name": service.name,
        })
    });
    entries.collect()
}

/// The id of an endpoint of a simulated service.
pub(crate) fn endpoint_id(kind: &str, interface: &str) -> String {
    named("endpoint", &format!("{kind}/{interface}"))
}

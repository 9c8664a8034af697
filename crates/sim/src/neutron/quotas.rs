//! How much a project may have.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::access::Request;
use super::attribute::python;
use super::model::Network;
use super::refusal::Refusal;
use crate::world::SharedWorld;

/// The limits a project has unless told otherwise; -1 is none.
pub(crate) const DEFAULTS: &[(&str, i64)] = &[
    ("network", 100),
    ("subnet", 100),
    ("subnetpool", -1),
    ("port", 500),
    ("router", 10),
    ("floatingip", 50),
    ("rbac_policy", 10),
    ("security_group", 10),
    ("security_group_rule", 100),
    ("trunk", -1),
];

/// The limit of a project; -1 is none.
pub(crate) fn limit(state: &Network, resource: &str, project: &str) -> i64 {
    let own = state.quotas.get(project).and_then(|quotas| quotas.get(resource)).copied();
    let default = DEFAULTS.iter().find(|(name, _)| *name == resource).map(|(_, limit)| *limit);
    own.or(default).unwrap_or(-1)
}

/// How much a project has.
pub(crate) fn used(state: &Network, resource: &str, project: &str) -> usize {
    state.index.count(resource, project)
}

/// Whether so many more would be too many.
pub(crate) fn exceeds(state: &Network, resource: &str, project: &str, more: usize) -> bool {
    let limit = limit(state, resource, project);
    let after = used(state, resource, project).saturating_add(more);
    limit >= 0 && more > 0 && i64::try_from(after).unwrap_or(i64::MAX) > limit
}

/// The routes.
pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/v2.0/quotas", get(list))
        .route("/v2.0/quotas/{project}", get(show).put(update).delete(reset))
        .route("/v2.0/quotas/{project}/default", get(default))
        .route("/v2.0/quotas/{project}/details.json", get(details))
        .route("/v2.0/quotas/{project}/details", get(details))
}

/// All limits of a project.
fn limits(state: &Network, project: &str) -> Map<String, Value> {
    DEFAULTS
        .iter()
        .map(|(name, _)| ((*name).to_owned(), json!(limit(state, name, project))))
        .collect()
}

fn policy(request: &Request, action: &str) -> Result<(), Refusal> {
    if request.caller.is_admin() {
        return Ok(());
    }
    Err(Refusal::policy(&format!("rule:{action}_quota")))
}

/// Own quotas may be looked at.
fn may_look(request: &Request, project: &str) -> Result<(), Refusal> {
    if request.caller.project() == Some(project) { Ok(()) } else { policy(request, "get") }
}

async fn list(State(world): State<SharedWorld>, request: Request) -> Result<Response, Refusal> {
    policy(&request, "get")?;
    let state = world.network();
    let all = state.quotas.keys().map(|project| {
        let mut limits = limits(&state, project);
        limits.insert("project_id".to_owned(), json!(project));
        limits.insert("tenant_id".to_owned(), json!(project));
        Value::Object(limits)
    });
    Ok(axum::Json(json!({"quotas": all.collect::<Vec<_>>()})).into_response())
}

async fn show(
    State(world): State<SharedWorld>,
    request: Request,
    Path(project): Path<String>,
) -> Result<Response, Refusal> {
    if project == "tenant" || project == "project" {
        let name = format!("{project}_id");
        let own = request.caller.project().unwrap_or_default();
        return Ok(axum::Json(json!({project: {name: own}})).into_response());
    }
    may_look(&request, &project)?;
    let state = world.network();
    Ok(axum::Json(json!({"quota": limits(&state, &project)})).into_response())
}

async fn default(request: Request, Path(project): Path<String>) -> Result<Response, Refusal> {
    may_look(&request, &project)?;
    let limits: Map<String, Value> =
        DEFAULTS.iter().map(|(name, limit)| ((*name).to_owned(), json!(limit))).collect();
    Ok(axum::Json(json!({"quota": limits})).into_response())
}

async fn details(
    State(world): State<SharedWorld>,
    request: Request,
    Path(project): Path<String>,
) -> Result<Response, Refusal> {
    if !request.caller.is_admin() && request.caller.project() != Some(project.as_str()) {
        let text = "User does not have admin privileges: Only admin is authorized to access quotas \
                    for another project.";
        return Err(Refusal::new(StatusCode::FORBIDDEN, "AdminRequired", text));
    }
    let state = world.network();
    let details: Map<String, Value> = DEFAULTS
        .iter()
        .map(|(name, _)| {
            let detail = json!({
                "limit": limit(&state, name, &project),
                "used": used(&state, name, &project),
                "reserved": 0,
            });
            ((*name).to_owned(), detail)
        })
        .collect();
    Ok(axum::Json(json!({"quota": details})).into_response())
}

async fn update(
    State(world): State<SharedWorld>,
    request: Request,
    Path(project): Path<String>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let body: Value =
        serde_json::from_slice(&body).map_err(|_| Refusal::bad("Body contains invalid data"))?;
    let wanted = body.get("quota").and_then(Value::as_object);
    // Neutron itself stumbles here.
    let wanted = wanted.ok_or_else(Refusal::internal)?;
    let known = |name: &str| DEFAULTS.iter().any(|(it, _)| *it == name);
    let extra = ["project_id", "tenant_id", "check_limit", "force"];
    let unknown: Vec<&str> = wanted
        .keys()
        .map(String::as_str)
        .filter(|name| !known(name) && !extra.contains(name))
        .collect();
    if !unknown.is_empty() {
        return Err(Refusal::bad(format!("Unrecognized attribute(s) '{}'", unknown.join(", "))));
    }
    let mut limits_wanted = BTreeMap::new();
    for (name, value) in wanted.iter().filter(|(name, _)| known(name)) {
        limits_wanted.insert(name.clone(), read_limit(name, value)?);
    }
    policy(&request, "update")?;
    let check = wanted.get("check_limit").and_then(Value::as_bool).unwrap_or_default();
    let mut state = world.network();
    if check {
        for (name, limit) in &limits_wanted {
            let used = i64::try_from(used(&state, name, &project)).unwrap_or(i64::MAX);
            if *limit >= 0 && used > *limit {
                return Err(Refusal::wrong(
                    "InvalidQuotaValue",
                    format!(
                        "Change would make usage less than 0 for the following resources: {name}."
                    ),
                ));
            }
        }
    }
    state.quotas.entry(project.clone()).or_default().extend(limits_wanted);
    Ok(axum::Json(json!({"quota": limits(&state, &project)})).into_response())
}

/// A limit: -1 or a number that fits the database.
fn read_limit(name: &str, value: &Value) -> Result<i64, Refusal> {
    let shown = python(value);
    let number: i64 =
        shown.parse().map_err(|_| Refusal::input(&format!("'{shown}' is not an integer")))?;
    let reason = match number {
        ..-1 => format!("'{number}' is too small - must be at least '-1'"),
        2_147_483_648.. => format!("'{number}' is too large - must be no larger than '2147483647'"),
        _ => return Ok(number),
    };
    Err(Refusal::value(name, &reason))
}

async fn reset(
    State(world): State<SharedWorld>,
    request: Request,
    Path(project): Path<String>,
) -> Result<Response, Refusal> {
    policy(&request, "delete")?;
    if world.network().quotas.remove(&project).is_none() {
        let text = format!("Quota for tenant {project} could not be found.");
        return Err(Refusal::missing("TenantQuotaNotFound", text));
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

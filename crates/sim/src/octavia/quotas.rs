//! How much a project may have.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::access::{Deed, Request};
use super::body;
use super::list::{self, Of, Row};
use super::model::Balancers;
use super::refusal::Refusal;
use super::{locked, parts};
use crate::http::query::Query;
use crate::world::SharedWorld;

/// What is limited, as it is kept, and its other name in bodies.
const RESOURCES: [(&str, &str); 7] = [
    ("load_balancer", "loadbalancer"),
    ("listener", "listener"),
    ("member", "member"),
    ("pool", "pool"),
    ("health_monitor", "healthmonitor"),
    ("l7policy", "l7policy"),
    ("l7rule", "l7rule"),
];

/// No limit, which is the default of all of them.
const UNLIMITED: i64 = -1;

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/quotas", get(list_all))
        .route("/quotas/{project}", get(showing).put(update).delete(reset))
        .route("/quotas/{project}/default", get(defaults))
}

/// The limit of a project; -1 is none.
pub(crate) fn limit(state: &Balancers, resource: &str, project: &str) -> i64 {
    let own = state.quotas.get(project).and_then(|quotas| quotas.get(resource));
    own.copied().unwrap_or(UNLIMITED)
}

/// The limits, each under both of its names.
fn limits(of: impl Fn(&str) -> Value) -> Map<String, Value> {
    let named = RESOURCES.iter().flat_map(|(name, other)| {
        [((*name).to_owned(), of(name)), ((*other).to_owned(), of(name))]
    });
    named.collect()
}

/// The limits of a project by the names that a single quota has.
fn shown(state: &Balancers, project: &str) -> Value {
    let all =
        RESOURCES.iter().map(|(name, _)| ((*name).to_owned(), json!(limit(state, name, project))));
    json!({"quota": all.collect::<Map<_, _>>()})
}

async fn list_all(
    State(world): State<SharedWorld>,
    request: Request,
    query: Query,
) -> Result<Response, Refusal> {
    // The project asked for is a filter like others here, of what the caller sees anyway.
    let project = request.scope(Deed::ReadQuota, None)?;
    let state = locked(&world);
    let row = |id: &String, own: &BTreeMap<String, i64>| {
        let mut shown = limits(|name| json!(own.get(name)));
        shown.insert("project_id".to_owned(), json!(id));
        shown.insert("tenant_id".to_owned(), json!(id));
        Row { shown: Value::Object(shown), hidden: Map::new() }
    };
    let quotas = state.quotas.iter();
    let mine = quotas.filter(|(id, _)| project.as_ref().is_none_or(|project| project == *id));
    let rows = mine.map(|(id, own)| row(id, own)).collect();
    let known = |name: &str| {
        name == "project_id" || RESOURCES.iter().any(|(one, other)| name == *one || name == *other)
    };
    let of = Of {
        url: &parts::url(&world, "quotas"),
        names: ("quotas", "quotas_links"),
        columns: &known,
        keys: &["project_id"],
    };
    let body = list::answer(&of, &query, rows, |id| {
        state.quotas.get(id).map(|own| row(&id.to_owned(), own))
    })?;
    Ok(axum::Json(body).into_response())
}

async fn showing(
    State(world): State<SharedWorld>,
    request: Request,
    Path(project): Path<String>,
) -> Result<Response, Refusal> {
    request.allow(Deed::ReadQuota, Some(&project))?;
    Ok(axum::Json(shown(&locked(&world), &project)).into_response())
}

async fn defaults(
    State(_): State<SharedWorld>,
    request: Request,
    Path(project): Path<String>,
) -> Result<Response, Refusal> {
    request.allow(Deed::ReadQuota, Some(&project))?;
    Ok(axum::Json(shown(&Balancers::default(), &project)).into_response())
}

/// The limits that a body sets; `None` sets one back.
fn read(body: &[u8]) -> Result<Vec<(&'static str, Option<i64>)>, Refusal> {
    let whole = body::json(body, "quotas")?;
    let inner = body::unwrap(&whole, "quotas", "quota", "items")?;
    let fields = inner.as_object().cloned().unwrap_or_default();
    let known = |name: &str| {
        RESOURCES.iter().find(|(one, other)| name == *one || name == *other).map(|(one, _)| *one)
    };
    let mut set = Vec::new();
    for (name, value) in &fields {
        let resource = known(name).ok_or_else(|| {
            Refusal::bad(format!("Unknown attribute for argument quotas.quota: {name}"))
        })?;
        let limit = match value {
            Value::Null => None,
            value => Some(number(name, value, &whole)?),
        };
        set.push((resource, limit));
    }
    Ok(set)
}

fn number(name: &str, value: &Value, whole: &Value) -> Result<i64, Refusal> {
    let number = value.as_i64().or_else(|| value.as_str()?.trim().parse().ok());
    let shown = body::display(value);
    match number {
        None => {
            let problem = format!("invalid literal for int() with base 10: '{shown}'");
            Err(Refusal::field("quotas", body::display(whole), &problem))
        }
        Some(..=-2) => {
            let problem = "Value should be greater or equal to -1";
            Err(Refusal::field(name, shown, problem))
        }
        Some(2_000_000_001..) => {
            let problem = "Value should be lower or equal to 2000000000";
            Err(Refusal::field(name, shown, problem))
        }
        Some(number) => Ok(number),
    }
}

async fn update(
    State(world): State<SharedWorld>,
    request: Request,
    Path(project): Path<String>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let set = read(&body)?;
    request.allow(Deed::WriteQuota, Some(&project))?;
    let mut state = locked(&world);
    let own = state.quotas.entry(project.clone()).or_default();
    for (resource, limit) in set {
        match limit {
            Some(limit) => own.insert(resource.to_owned(), limit),
            None => own.remove(resource),
        };
    }
    Ok((StatusCode::ACCEPTED, axum::Json(shown(&state, &project))).into_response())
}

async fn reset(
    State(world): State<SharedWorld>,
    request: Request,
    Path(project): Path<String>,
) -> Result<Response, Refusal> {
    request.allow(Deed::WriteQuota, Some(&project))?;
    let mut state = locked(&world);
    let own = state.quotas.get_mut(&project);
    own.ok_or_else(|| Refusal::missing("Quotas", &project))?.clear();
    Ok(StatusCode::ACCEPTED.into_response())
}

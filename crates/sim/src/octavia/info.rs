//! What Octavia says of itself: versions, providers, amphorae.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use http::StatusCode;
use lotse_core::time::SignedDuration;
use serde_json::{Map, Value, json};

use super::access::{Deed, Request};
use super::balancers;
use super::change::{Context, at_rest, find};
use super::list::{self, Of, Row};
use super::locked;
use super::model::{Amphora, Kind};
use super::provider::{ALL, Provider};
use super::refusal::Refusal;
use super::show::time;
use crate::http::query::Query;
use crate::world::SharedWorld;

/// When each minor version came, from 2.0.
const VERSIONS: &[&str] = &[
    "2016-12-11T00:00:00Z",
    "2018-04-20T00:00:00Z",
    "2018-07-31T00:00:00Z",
    "2018-12-18T00:00:00Z",
    "2018-12-19T00:00:00Z",
    "2019-01-21T00:00:00Z",
    "2019-01-25T00:00:00Z",
    "2018-01-25T12:00:00Z",
    "2019-02-12T00:00:00Z",
    "2019-03-04T00:00:00Z",
    "2019-03-05T00:00:00Z",
    "2019-06-24T00:00:00Z",
    "2019-09-11T00:00:00Z",
    "2019-09-13T00:00:00Z",
    "2019-11-10T00:00:00Z",
    "2020-03-10T00:00:00Z",
    "2020-03-15T00:00:00Z",
    "2020-04-29T00:00:00Z",
    "2020-04-29T01:00:00Z",
    "2020-05-12T00:00:00Z",
    "2020-08-02T00:00:00Z",
    "2020-09-03T00:00:00Z",
    "2020-09-04T00:00:00Z",
    "2020-09-07T00:00:00Z",
    "2020-10-15T00:00:00Z",
    "2021-10-02T00:00:00Z",
    "2022-08-29T00:00:00Z",
];

/// The versions, for everybody.
pub(crate) async fn versions(State(world): State<SharedWorld>) -> Response {
    let href = format!("{}{}/v2", world.base, super::MOUNT);
    let versions = VERSIONS.iter().enumerate().map(|(minor, updated)| {
        let last = minor + 1 == VERSIONS.len();
        json!({
            "id": format!("v2.{minor}"),
            "status": if last { "CURRENT" } else { "SUPPORTED" },
            "updated": updated,
            "links": [{"href": href, "rel": "self"}],
        })
    });
    axum::Json(json!({"versions": versions.collect::<Value>()})).into_response()
}

/// What there is at the root of a version: its name.
pub(crate) async fn root(_request: Request) -> Response {
    axum::Json(json!("v2")).into_response()
}

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/providers", get(providers))
        .route("/providers/{name}/flavor_capabilities", get(flavor_capabilities))
        .route("/providers/{name}/availability_zone_capabilities", get(zone_capabilities))
}

/// The routes below `/octavia`.
pub(crate) fn amphora_routes() -> Router<SharedWorld> {
    Router::new()
        .route("/amphorae", get(amphorae))
        .route("/amphorae/{id}", get(amphora))
        .route("/amphorae/{id}/stats", get(amphora_stats))
        .route("/amphorae/{id}/config", put(configure))
        .route("/amphorae/{id}/failover", put(fail_over))
}

fn described<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>, query: &Query) -> Value {
    let wanted = |key: &str, value: &str| query.get(key).is_none_or(|wanted| wanted == value);
    pairs
        .filter(|(name, description)| wanted("name", name) && wanted("description", description))
        .map(|(name, description)| {
            list::select(json!({"name": name, "description": description}), query)
        })
        .collect()
}

async fn providers(
    State(_): State<SharedWorld>,
    request: Request,
    query: Query,
) -> Result<Response, Refusal> {
    request.allow(Deed::Read, request.caller.project())?;
    let shown: Value = ALL
        .iter()
        .map(|(name, description)| {
            list::select(json!({"name": name, "description": description}), &query)
        })
        .collect();
    Ok(axum::Json(json!({"providers": shown})).into_response())
}

async fn flavor_capabilities(
    State(_): State<SharedWorld>,
    request: Request,
    Path(name): Path<String>,
    query: Query,
) -> Result<Response, Refusal> {
    request.allow(Deed::Administer, request.caller.project())?;
    let provider = Provider::named(&name)?;
    if provider == Provider::Ovn {
        let text = "This provider does not support getting the supported flavor metadata.";
        return Err(Refusal::action(&name, text));
    }
    let shown = described(provider.flavor_capabilities().iter().copied(), &query);
    Ok(axum::Json(json!({"flavor_capabilities": shown})).into_response())
}

async fn zone_capabilities(
    State(_): State<SharedWorld>,
    request: Request,
    Path(name): Path<String>,
    query: Query,
) -> Result<Response, Refusal> {
    request.allow(Deed::Administer, request.caller.project())?;
    let provider = Provider::named(&name)?;
    if provider == Provider::Ovn {
        let text =
            "This provider does not support getting the supported availability zone metadata.";
        return Err(Refusal::action(&name, text));
    }
    let shown = described(provider.zone_capabilities().iter().copied(), &query);
    Ok(axum::Json(json!({"availability_zone_capabilities": shown})).into_response())
}

/// An amphora as the drivers that do nothing describe one.
fn shown(amphora: &Amphora) -> Value {
    let month = SignedDuration::from_hours(30 * 24);
    let expires = amphora.created_at.saturating_add(month).unwrap_or(amphora.created_at);
    json!({
        "id": amphora.id,
        "loadbalancer_id": amphora.balancer,
        "compute_id": amphora.compute_id,
        "lb_network_ip": "192.0.2.1",
        "vrrp_ip": "198.51.100.1",
        "ha_ip": "198.51.100.1",
        "vrrp_port_id": amphora.vrrp_port_id,
        "ha_port_id": amphora.ha_port_id,
        "cert_expiration": time(expires),
        "cert_busy": false,
        "role": "STANDALONE",
        "status": "ALLOCATED",
        "vrrp_interface": null,
        "vrrp_id": 1,
        "vrrp_priority": null,
        "cached_zone": null,
        "created_at": time(amphora.created_at),
        "updated_at": time(amphora.created_at),
        "image_id": null,
        "compute_flavor": null,
    })
}

async fn amphorae(
    State(world): State<SharedWorld>,
    request: Request,
    query: Query,
) -> Result<Response, Refusal> {
    request.allow(Deed::Administer, request.caller.project())?;
    let state = locked(&world);
    let row = |amphora: &Amphora| Row { shown: shown(amphora), hidden: Map::new() };
    let rows: Vec<Row> = state.amphorae.values().map(row).collect();
    let known = [
        "id",
        "loadbalancer_id",
        "load_balancer_id",
        "compute_id",
        "lb_network_ip",
        "role",
        "status",
        "created_at",
        "updated_at",
    ];
    let of = Of {
        url: &format!("{}{}/v2/octavia/amphorae", world.base, super::MOUNT),
        names: ("amphorae", "amphorae_links"),
        columns: &|name| known.contains(&name),
        keys: &["created_at", "id"],
    };
    let body = list::answer(&of, &query, rows, |id| state.amphorae.get(id).map(row))?;
    Ok(axum::Json(body).into_response())
}

async fn amphora(
    State(world): State<SharedWorld>,
    request: Request,
    Path(id): Path<String>,
    query: Query,
) -> Result<Response, Refusal> {
    let state = locked(&world);
    let amphora = state.amphorae.get(&id).ok_or_else(|| Refusal::missing("Amphora", &id))?;
    request.allow(Deed::Administer, request.caller.project())?;
    let shown = list::select(shown(amphora), &query);
    Ok(axum::Json(json!({"amphora": shown})).into_response())
}

async fn amphora_stats(
    State(_): State<SharedWorld>,
    request: Request,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    request.allow(Deed::Administer, request.caller.project())?;
    // None ever reports any.
    Err(Refusal::missing("Amphora stats for", &id))
}

async fn configure(
    State(world): State<SharedWorld>,
    request: Request,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let state = locked(&world);
    if !state.amphorae.contains_key(&id) {
        return Err(Refusal::missing("Amphora", &id));
    }
    request.allow(Deed::Administer, request.caller.project())?;
    Ok(StatusCode::ACCEPTED.into_response())
}

async fn fail_over(
    State(world): State<SharedWorld>,
    request: Request,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let context = Context::new(&world, &request);
    let mut state = locked(&world);
    let amphora = state.amphorae.get(&id).ok_or_else(|| Refusal::missing("Amphora", &id))?;
    let balancer = find(&state, Kind::LoadBalancer, &amphora.balancer)?;
    request.allow(Deed::Administer, Some(&balancer.project_id))?;
    at_rest(&state, &balancer.id)?;
    balancers::fail(&context, &mut state, &balancer)?;
    Ok(StatusCode::ACCEPTED.into_response())
}

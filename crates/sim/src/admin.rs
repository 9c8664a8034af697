//! The admin endpoints under `/_sim`, for programs that run the simulation as a process.
//!
//! They need no token: the listener is on loopback and everything behind it is made up.

mod stream;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use http::StatusCode;
use lotse_core::time::SignedDuration;
use serde_json::json;

use crate::faults::Fault;
use crate::upstream::UpstreamFile;
use crate::world::SharedWorld;

pub(crate) fn routes(world: SharedWorld) -> Router {
    Router::new()
        .route("/_sim/state", get(state))
        .route("/_sim/faults", get(faults).post(add_fault).delete(clear_faults))
        .route("/_sim/faults/{id}", delete(remove_fault))
        .route("/_sim/events", get(stream::events))
        .route("/_sim/clock", get(clock).post(turn_clock))
        .route("/_sim/requests", get(requests).delete(clear_requests))
        .route("/_sim/upstream", post(declare))
        .with_state(world)
}

async fn state(State(world): State<SharedWorld>) -> Response {
    axum::Json(world.state().to_json()).into_response()
}

async fn faults(State(world): State<SharedWorld>) -> Response {
    axum::Json(json!({"faults": world.faults.list()})).into_response()
}

async fn add_fault(
    State(world): State<SharedWorld>,
    axum::Json(fault): axum::Json<Fault>,
) -> Response {
    if let Err(problem) = fault.check() {
        return (StatusCode::UNPROCESSABLE_ENTITY, problem).into_response();
    }
    let id = world.faults.add(fault);
    (StatusCode::CREATED, axum::Json(json!({"id": id}))).into_response()
}

async fn clear_faults(State(world): State<SharedWorld>) -> StatusCode {
    world.faults.clear();
    StatusCode::NO_CONTENT
}

async fn remove_fault(State(world): State<SharedWorld>, Path(id): Path<u64>) -> StatusCode {
    if world.faults.remove(id) { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND }
}

async fn clock(State(world): State<SharedWorld>) -> Response {
    let shown = json!({"now": world.now(), "frozen": world.clock.frozen()});
    axum::Json(shown).into_response()
}

/// What is done to the clock, in this order.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Turn {
    /// Stop it, or let it go on.
    freeze: Option<bool>,
    /// Move it forward; time does not go back.
    advance_seconds: f64,
}

async fn turn_clock(
    State(world): State<SharedWorld>,
    axum::Json(turn): axum::Json<Turn>,
) -> Response {
    let by = SignedDuration::try_from_secs_f64(turn.advance_seconds);
    let Some(by) = by.ok().filter(|by| !by.is_negative()) else {
        let problem = "advance_seconds must be a number of seconds, not less than 0";
        return (StatusCode::UNPROCESSABLE_ENTITY, problem).into_response();
    };
    if let Some(frozen) = turn.freeze {
        world.clock.freeze(frozen);
    }
    world.clock.advance(by);
    world.settle();
    clock(State(world)).await
}

/// Which requests are wanted.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
struct Since {
    /// Number of the first one.
    since: u64,
}

async fn requests(State(world): State<SharedWorld>, Query(asked): Query<Since>) -> Response {
    let mut found = world.requests.all();
    found.retain(|record| record.number >= asked.since);
    let writes = found.iter().filter(|record| record.is_write()).count();
    axum::Json(json!({"count": found.len(), "writes": writes, "requests": found})).into_response()
}

async fn clear_requests(State(world): State<SharedWorld>) -> StatusCode {
    world.requests.clear();
    StatusCode::NO_CONTENT
}

/// A URL of the simulated internet.
#[derive(Debug, serde::Deserialize)]
struct Declaration {
    url: String,
    /// Nothing answers there.
    #[serde(default)]
    unreachable: bool,
    #[serde(flatten)]
    file: serde_json::Map<String, serde_json::Value>,
}

async fn declare(
    State(world): State<SharedWorld>,
    axum::Json(declaration): axum::Json<Declaration>,
) -> Response {
    if declaration.unreachable {
        world.upstream.unreachable(declaration.url);
        return StatusCode::NO_CONTENT.into_response();
    }
    match serde_json::from_value::<UpstreamFile>(declaration.file.into()) {
        Ok(file) => {
            world.upstream.declare(declaration.url, file);
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => (StatusCode::UNPROCESSABLE_ENTITY, error.to_string()).into_response(),
    }
}

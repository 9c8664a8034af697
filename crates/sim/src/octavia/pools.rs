//! Pools: what requests are shared out to, and how.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use serde_json::{Value, json};

use super::access::{Deed, Request};
use super::body::{self, Purpose, Says};
use super::change::{Context, at_rest, check_quota, find};
use super::model::{Balancers, Kind, Part, Provisioning};
use super::provider::{Change, Provider};
use super::refusal::Refusal;
use super::{listeners, locked, parts};
use crate::world::SharedWorld;

pub(crate) fn routes() -> Router<SharedWorld> {
    const KIND: u8 = parts::POOL;
    Router::new()
        .route("/pools", get(parts::list_all::<KIND>).post(create))
        .route("/pools/{id}", get(parts::show_one::<KIND>).put(update).delete(remove))
}

fn text<'a>(says: &'a Says, name: &str) -> Option<&'a str> {
    says.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// Refuses a persistence of sessions that makes no sense.
fn check_persistence(says: &Says, protocol: &str, creating: bool) -> Result<(), Refusal> {
    let Some(Value::Object(persistence)) = says.get("session_persistence") else { return Ok(()) };
    let given = |name: &str| persistence.get(name).is_some_and(|value| !value.is_null());
    let kind = text(persistence, "type");
    let cookie = text(persistence, "cookie_name");
    if matches!(protocol, "UDP" | "SCTP") {
        if kind == Some("SOURCE_IP") && cookie.is_some() {
            return Err(Refusal::invalid(
                "session_persistence SOURCE_IP type for UDP and SCTP protocols only accepts: type, \
                 persistence_timeout, persistence_granularity.",
            ));
        }
        if cookie.is_some() {
            return Err(Refusal::invalid("Cookie names are not supported for UDP/SCTP pools."));
        }
        if let Some(kind @ ("HTTP_COOKIE" | "APP_COOKIE")) = kind {
            return Err(Refusal::invalid(format!(
                "Session persistence of type {kind} is not supported for UDP/SCTP protocol pools."
            )));
        }
    } else if given("persistence_timeout") || given("persistence_granularity") {
        let protocols = if creating { "UDP and SCTP protocol pools" } else { "UDP protocol pools" };
        return Err(Refusal::invalid(format!(
            "persistence_timeout and persistence_granularity is only for {protocols}."
        )));
    }
    if cookie.is_some() && kind != Some("APP_COOKIE") {
        return Err(Refusal::invalid(
            "Field \"cookie_name\" can only be specified with session persistence of type \
             \"APP_COOKIE\".",
        ));
    }
    if kind == Some("APP_COOKIE") && cookie.is_none() {
        return Err(Refusal::invalid(
            "Field \"cookie_name\" must be specified when using the \"APP_COOKIE\" session \
             persistence type.",
        ));
    }
    Ok(())
}

fn check_tls(says: &Says) -> Result<(), Refusal> {
    if text(says, "crl_container_ref").is_some() && text(says, "ca_tls_container_ref").is_none() {
        return Err(Refusal::invalid(
            "A CA certificate reference is required to specify a revocation list.",
        ));
    }
    let named = ["tls_container_ref", "ca_tls_container_ref"];
    match named.iter().find_map(|name| text(says, name)) {
        Some(name) => {
            let refs = body::display(&json!([name]));
            Err(Refusal::bad(format!("Could not retrieve certificate: {refs}")))
        }
        None => Ok(()),
    }
}

/// Adds a pool to a load balancer, if it is as it must be.
pub(crate) fn make(
    context: &Context<'_>,
    state: &mut Balancers,
    balancer: &Part,
    says: Says,
) -> Result<Part, Refusal> {
    check_tls(&says)?;
    let pool = context.part(Kind::Pool, (&balancer.id, &balancer.id), &balancer.project_id, says);
    Provider::of(state, &balancer.id).check(state, &pool)?;
    state.put(pool.clone());
    Ok(pool)
}

/// The load balancer and perhaps the listener that a body wants a pool for.
fn place(state: &Balancers, says: &Says) -> Result<(Part, Option<Part>), Refusal> {
    let listener = text(says, "listener_id");
    let balancer = match (text(says, "loadbalancer_id"), listener) {
        (Some(id), _) => id.to_owned(),
        (None, Some(id)) => {
            let missing = "'NoneType' object has no attribute 'load_balancer_id'";
            let listener = state.get(Kind::Listener, id).ok_or_else(|| Refusal::server(missing))?;
            listener.balancer.clone()
        }
        (None, None) => {
            return Err(Refusal::invalid(
                "Must provide at least one of: loadbalancer_id, listener_id",
            ));
        }
    };
    let listener = listener.and_then(|id| state.get(Kind::Listener, id)).cloned();
    Ok((find(state, Kind::LoadBalancer, &balancer)?, listener))
}

async fn create(
    State(world): State<SharedWorld>,
    request: Request,
    body: Bytes,
) -> Result<Response, Refusal> {
    let mut says = body::read(&body, Kind::Pool, Purpose::Create)?;
    for only_within in ["members", "healthmonitor"] {
        says.remove(only_within);
    }
    let context = Context::new(&world, &request);
    let mut state = locked(&world);
    let (balancer, listener) = place(&state, &says)?;
    request.allow(Deed::Write, Some(&balancer.project_id))?;
    let protocol = text(&says, "protocol").unwrap_or_default();
    if let Some(listener) = &listener {
        let theirs = listener.text("protocol").unwrap_or_default();
        if theirs == "PROMETHEUS" {
            return Err(listeners::no_children());
        }
        listeners::check_protocols(theirs, protocol)?;
    }
    check_persistence(&says, protocol, true)?;
    check_quota(&state, Kind::Pool, &balancer.project_id, 1)?;
    if listener.as_ref().is_some_and(|it| it.text("default_pool_id").is_some()) {
        return Err(Refusal::conflict("This listener already has a default pool"));
    }
    at_rest(&state, &balancer.id)?;
    let pool = make(&context, &mut state, &balancer, says)?;
    if let Some(mut listener) = listener {
        listener.says.insert("default_pool_id".to_owned(), json!(pool.id));
        let id = listener.id.clone();
        state.put(listener);
        context.hold(&mut state, [&id]);
    }
    context.hold(&mut state, [&balancer.id]);
    context.start(&mut state, &pool, Change::Create);
    Ok((StatusCode::CREATED, axum::Json(parts::changed(&state, &pool))).into_response())
}

/// Holds back a pool's load balancer and the listeners that lead to it.
pub(crate) fn hold_around(context: &Context<'_>, state: &mut Balancers, pool: &Part) {
    let listeners = state.listeners_of_pool(&pool.balancer, &pool.id);
    context.hold(state, &listeners);
    context.hold(state, [&pool.balancer]);
}

async fn update(
    State(world): State<SharedWorld>,
    request: Request,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let mut says = body::read(&body, Kind::Pool, Purpose::Update)?;
    let context = Context::new(&world, &request);
    let mut state = locked(&world);
    let mut pool = find(&state, Kind::Pool, &id)?;
    request.allow(Deed::Write, Some(&pool.project_id))?;
    if let (Some(Value::Object(new)), Some(old)) =
        (says.get_mut("session_persistence"), pool.says.get("session_persistence"))
        && new.get("type").is_none_or(Value::is_null)
        && let Some(kind) = old.get("type")
    {
        new.insert("type".to_owned(), kind.clone());
    }
    check_persistence(&says, pool.text("protocol").unwrap_or_default(), false)?;
    check_tls(&says)?;
    at_rest(&state, &pool.balancer)?;
    let switched = context.apply(&mut pool, &says);
    Provider::of(&state, &pool.balancer).check(&state, &pool)?;
    state.put(pool.clone());
    hold_around(&context, &mut state, &pool);
    context.start(&mut state, &pool, Change::Update(switched));
    Ok(axum::Json(parts::changed(&state, &pool)).into_response())
}

async fn remove(
    State(world): State<SharedWorld>,
    request: Request,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let context = Context::new(&world, &request);
    let mut state = locked(&world);
    let pool = find(&state, Kind::Pool, &id)?;
    request.allow(Deed::Write, Some(&pool.project_id))?;
    let mut policies = state.of_kind(Kind::L7Policy);
    if let Some(policy) = policies.find(|it| it.text("redirect_pool_id") == Some(id.as_str())) {
        let text = format!("Pool {id} is in use by L7 policy {}", policy.id);
        return Err(Refusal::conflict(text));
    }
    drop(policies);
    at_rest(&state, &pool.balancer)?;
    hold_around(&context, &mut state, &pool);
    state.mark(&id, Provisioning::PendingDelete, None, context.now);
    context.start(&mut state, &pool, Change::Delete);
    Ok(StatusCode::NO_CONTENT.into_response())
}

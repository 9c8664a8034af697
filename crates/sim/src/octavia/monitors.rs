//! Health monitors: who looks after the members of a pool.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use serde_json::{Value, json};

use super::access::{Deed, Request};
use super::body::{self, Purpose, Says};
use super::change::{Context, check_quota, find, parent_at_rest};
use super::members::hold_pool;
use super::model::{Balancers, Kind, Operating, Part, Provisioning};
use super::provider::{Change, Provider, monitored};
use super::refusal::Refusal;
use super::{locked, parts, vip};
use crate::world::{SharedWorld, World};

pub(crate) fn routes() -> Router<SharedWorld> {
    const KIND: u8 = parts::HEALTH_MONITOR;
    Router::new()
        .route("/healthmonitors", get(parts::list_all::<KIND>).post(create))
        .route("/healthmonitors/{id}", get(parts::show_one::<KIND>).put(update).delete(remove))
}

fn text<'a>(says: &'a Says, name: &str) -> Option<&'a str> {
    says.get(name).and_then(Value::as_str)
}

/// What only monitors that speak HTTP have, and its value unless said.
const OF_HTTP: [(&str, &str); 3] =
    [("http_method", "GET"), ("url_path", "/"), ("expected_codes", "200")];

/// Refuses a type that does not go with the pool's protocol.
fn check_type(kind: &str, protocol: &str, delay: Option<i64>) -> Result<(), Refusal> {
    if matches!(protocol, "UDP" | "SCTP") {
        if !matches!(kind, "UDP-CONNECT" | "SCTP" | "TCP" | "HTTP") {
            return Err(Refusal::invalid(format!(
                "The associated pool protocol is {protocol}, so only a UDP-CONNECT/SCTP/TCP/HTTP \
                 health monitor is supported."
            )));
        }
        if let (true, Some(delay @ ..3)) = (kind == "UDP-CONNECT", delay) {
            return Err(Refusal::invalid(format!(
                "The request delay value {delay} should be larger than 3 for UDP-CONNECT health \
                 monitor type."
            )));
        }
    } else if matches!(kind, "UDP-CONNECT" | "SCTP") {
        return Err(Refusal::invalid(format!(
            "The {kind} type is only supported for pools of type UDP/SCTP."
        )));
    }
    Ok(())
}

/// Refuses fields that do not go with the type, fills in the others.
fn check_http(says: &mut Says, kind: &str) -> Result<(), Refusal> {
    let speaks = matches!(kind, "HTTP" | "HTTPS");
    for (name, default) in OF_HTTP {
        if !speaks && text(says, name).is_some() {
            return Err(Refusal::option(name, &format!("health monitors of type {kind}")));
        }
        if speaks && text(says, name).is_none() {
            says.insert(name.to_owned(), json!(default));
        }
    }
    check_domain(says)
}

fn check_domain(says: &Says) -> Result<(), Refusal> {
    let version = says.get("http_version").and_then(Value::as_f64);
    match (text(says, "domain_name"), version) {
        (Some(_), None) => Err(Refusal::invalid(
            "'http_version' must be specified when 'domain_name' is provided.",
        )),
        (Some(_), Some(version)) if version < 1.05 => Err(Refusal::option(
            format!("http_version {version:.1}"),
            "health monitors HTTP 1.1 domain name health check",
        )),
        _ => Ok(()),
    }
}

/// A monitor as it is to be, if it is as it must be.
pub(crate) fn make(context: &Context<'_>, pool: &Part, mut says: Says) -> Result<Part, Refusal> {
    let kind = text(&says, "type").unwrap_or_default().to_owned();
    let delay = says.get("delay").and_then(Value::as_i64);
    check_type(&kind, pool.text("protocol").unwrap_or_default(), delay)?;
    check_http(&mut says, &kind)?;
    Ok(context.part(Kind::HealthMonitor, (&pool.id, &pool.balancer), &pool.project_id, says))
}

async fn create(
    State(world): State<SharedWorld>,
    request: Request,
    body: Bytes,
) -> Result<Response, Refusal> {
    let says = body::read(&body, Kind::HealthMonitor, Purpose::Create)?;
    let id = text(&says, "pool_id").unwrap_or_default().to_owned();
    let reachable = all_reachable(&world, &id);
    let context = Context::new(&world, &request);
    let mut state = locked(&world);
    let pool = find(&state, Kind::Pool, &id)?;
    request.allow(Deed::Write, Some(&pool.project_id))?;
    let kind = text(&says, "type").unwrap_or_default();
    let delay = says.get("delay").and_then(Value::as_i64);
    check_type(kind, pool.text("protocol").unwrap_or_default(), delay)?;
    check_quota(&state, Kind::HealthMonitor, &pool.project_id, 1)?;
    parent_at_rest(&state, "Pool", &pool)?;
    let monitor = make(&context, &pool, says)?;
    if monitored(&state, &id) {
        return Err(Refusal::conflict("This pool already has a health monitor"));
    }
    let provider = Provider::of(&state, &pool.balancer);
    provider.check(&state, &monitor)?;
    hold_pool(&context, &mut state, &pool);
    state.put(monitor.clone());
    let mut outcomes = provider.outcomes(&state, &monitor, Change::Create);
    if provider == Provider::Ovn && !reachable {
        // OVN watches ports of its own networks only.
        for outcome in outcomes.iter_mut().filter(|outcome| outcome.part == monitor.id) {
            outcome.provisioning = Some(Provisioning::Error);
            outcome.operating = Some(Operating::Error);
        }
    }
    context.work(&mut state, &pool.balancer, outcomes, None);
    Ok((StatusCode::CREATED, axum::Json(parts::changed(&state, &monitor))).into_response())
}

/// Whether all members of a pool are machines that there are.
fn all_reachable(world: &World, pool: &str) -> bool {
    let places: Vec<(String, String)> = {
        let state = locked(world);
        let own = state.parts.get(pool).and_then(|pool| state.parts.get(&pool.balancer));
        let own = own.and_then(|it| it.text("vip_subnet_id")).unwrap_or_default().to_owned();
        let place = |member: &Part| {
            let subnet = member.text("subnet_id").unwrap_or(&own).to_owned();
            (subnet, member.text("address").unwrap_or_default().to_owned())
        };
        state.children(pool, Kind::Member).map(place).collect()
    };
    places.iter().all(|(subnet, address)| vip::is_host(world, subnet, address))
}

/// Checks a change of a monitor.
fn check_update(monitor: &Part, says: &mut Says) -> Result<(), Refusal> {
    let kind = monitor.text("type").unwrap_or_default();
    for (name, default) in OF_HTTP {
        if !matches!(kind, "HTTP" | "HTTPS") && says.contains_key(name) {
            return Err(Refusal::option(name, &format!("health monitors of type {kind}")));
        }
        if let Some(said @ Value::Null) = says.get_mut(name) {
            *said = json!(default);
        }
    }
    for name in ["delay", "max_retries", "timeout"] {
        if says.get(name).is_some_and(Value::is_null) {
            return Err(Refusal::option("None", name));
        }
    }
    if let Some(said @ Value::Null) = says.get_mut("max_retries_down") {
        *said = json!(3);
    }
    let mut both = monitor.says.clone();
    both.extend(says.clone().into_iter().filter(|(_, value)| !value.is_null()));
    check_domain(&both)
}

async fn update(
    State(world): State<SharedWorld>,
    request: Request,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let mut says = body::read(&body, Kind::HealthMonitor, Purpose::Update)?;
    let context = Context::new(&world, &request);
    let mut state = locked(&world);
    let mut monitor = find(&state, Kind::HealthMonitor, &id)?;
    request.allow(Deed::Write, Some(&monitor.project_id))?;
    check_update(&monitor, &mut says)?;
    let pool = pool_of(&state, &monitor)?;
    let delay = says.get("delay").and_then(Value::as_i64);
    if matches!(pool.text("protocol"), Some("UDP" | "SCTP")) {
        let kind = monitor.text("type").unwrap_or_default();
        check_type(kind, pool.text("protocol").unwrap_or_default(), delay)?;
    }
    parent_at_rest(&state, "Pool", &pool)?;
    let switched = context.apply(&mut monitor, &says);
    hold_pool(&context, &mut state, &pool);
    state.put(monitor.clone());
    context.start(&mut state, &monitor, Change::Update(switched));
    Ok(axum::Json(parts::changed(&state, &monitor)).into_response())
}

fn pool_of(state: &Balancers, monitor: &Part) -> Result<Part, Refusal> {
    find(state, Kind::Pool, &monitor.parent)
}

async fn remove(
    State(world): State<SharedWorld>,
    request: Request,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let context = Context::new(&world, &request);
    let mut state = locked(&world);
    let monitor = find(&state, Kind::HealthMonitor, &id)?;
    request.allow(Deed::Write, Some(&monitor.project_id))?;
    let pool = pool_of(&state, &monitor)?;
    parent_at_rest(&state, "Pool", &pool)?;
    hold_pool(&context, &mut state, &pool);
    state.mark(&id, Provisioning::PendingDelete, None, context.now);
    context.start(&mut state, &monitor, Change::Delete);
    Ok(StatusCode::NO_CONTENT.into_response())
}

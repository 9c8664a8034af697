//! Listeners: on which ports a load balancer waits.

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
use super::{balancers, locked, parts};
use crate::world::SharedWorld;

pub(crate) fn routes() -> Router<SharedWorld> {
    const KIND: u8 = parts::LISTENER;
    Router::new()
        .route("/listeners", get(parts::list_all::<KIND>).post(create))
        .route("/listeners/{id}", get(parts::show_one::<KIND>).put(update).delete(remove))
        .route("/listeners/{id}/stats", get(stats))
}

fn text<'a>(says: &'a Says, name: &str) -> Option<&'a str> {
    says.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// 400 of listeners that only report.
pub(crate) fn no_children() -> Refusal {
    Refusal::bad("Protocol PROMETHEUS listeners cannot have child objects.")
}

/// Refuses a pool that a listener cannot lead to because of their protocols.
pub(crate) fn check_protocols(listener: &str, pool: &str) -> Result<(), Refusal> {
    let fits: &[&str] = match listener {
        "TCP" => &["HTTP", "HTTPS", "PROXY", "PROXYV2", "TCP"],
        "HTTP" | "TERMINATED_HTTPS" => &["HTTP", "PROXY", "PROXYV2"],
        "HTTPS" => &["HTTPS", "PROXY", "PROXYV2", "TCP"],
        "UDP" => &["UDP"],
        "SCTP" => &["SCTP"],
        _ => &[],
    };
    if fits.contains(&pool) {
        return Ok(());
    }
    Err(Refusal::invalid(format!(
        "The pool protocol '{pool}' is invalid while the listener protocol is '{listener}'."
    )))
}

/// Refuses a default pool that does not exist on the load balancer or does not fit.
fn check_pool(
    state: &Balancers,
    balancer: &str,
    protocol: &str,
    pool: Option<&str>,
) -> Result<(), Refusal> {
    let Some(id) = pool else { return Ok(()) };
    if protocol == "PROMETHEUS" {
        return Err(no_children());
    }
    let pool = state.get(Kind::Pool, id).filter(|pool| pool.balancer == balancer);
    let pool = pool.ok_or_else(|| Refusal::missing("Pool", id))?;
    check_protocols(protocol, pool.text("protocol").unwrap_or_default())
}

/// The headers that a listener can add to requests, and those only a TLS listener can.
const HEADERS: &[&str] = &["X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto"];
const SSL_HEADERS: &[&str] = &[
    "X-SSL-Client-Verify",
    "X-SSL-Client-Has-Cert",
    "X-SSL-Client-DN",
    "X-SSL-Client-CN",
    "X-SSL-Issuer",
    "X-SSL-Client-SHA1",
    "X-SSL-Client-Not-Before",
    "X-SSL-Client-Not-After",
];

fn check_headers(says: &Says, protocol: &str) -> Result<(), Refusal> {
    let headers = says.get("insert_headers").and_then(Value::as_object);
    let Some(headers) = headers.filter(|headers| !headers.is_empty()) else { return Ok(()) };
    let names: Vec<&str> = headers.keys().map(String::as_str).collect();
    let shown = |names: &[&str]| body::display(&json!(names));
    if !matches!(protocol, "HTTP" | "TERMINATED_HTTPS") {
        return Err(Refusal::option("insert-headers", &format!("a {protocol} protocol listener.")));
    }
    if names.iter().any(|name| !HEADERS.contains(name) && !SSL_HEADERS.contains(name)) {
        return Err(Refusal::option(shown(&names), "insert_headers"));
    }
    let ssl: Vec<&str> = names.into_iter().filter(|name| SSL_HEADERS.contains(name)).collect();
    if protocol != "TERMINATED_HTTPS" && !ssl.is_empty() {
        return Err(Refusal::option(shown(&ssl), &format!("{protocol} protocol listener.")));
    }
    Ok(())
}

/// The certificates that a body names.
fn certificates(says: &Says) -> Vec<&str> {
    let sni = says.get("sni_container_refs").and_then(Value::as_array).into_iter().flatten();
    sni.filter_map(Value::as_str).chain(text(says, "default_tls_container_ref")).collect()
}

fn check_tls(says: &Says, protocol: &str, creating: bool) -> Result<(), Refusal> {
    let certificates = certificates(says);
    let offloads =
        protocol == "TERMINATED_HTTPS" || protocol == "PROMETHEUS" && !certificates.is_empty();
    let named = !certificates.is_empty() || text(says, "client_ca_tls_container_ref").is_some();
    if matches!(protocol, "UDP" | "SCTP") && named {
        let also = if creating { "" } else { " or header insertion" };
        let text = format!("{protocol} protocol listener does not support TLS{also}.");
        return Err(Refusal::invalid(text));
    }
    if !offloads && named {
        return Err(Refusal::invalid(format!(
            "Certificate container references are not allowed on {protocol} protocol listeners."
        )));
    }
    if creating && offloads && certificates.is_empty() {
        return Err(Refusal::invalid(format!(
            "An SNI or default certificate container reference must be provided for {protocol} \
             protocol listeners."
        )));
    }
    let authentication = text(says, "client_authentication").unwrap_or("NONE");
    if authentication != "NONE" && text(says, "client_ca_tls_container_ref").is_none() {
        return Err(Refusal::invalid(format!(
            "Client authentication setting {authentication} requires a client CA container \
             reference."
        )));
    }
    if text(says, "client_crl_container_ref").is_some() {
        return Err(Refusal::invalid(
            "A client authentication CA reference is required to specify a client authentication \
             revocation list.",
        ));
    }
    if certificates.is_empty() {
        return Ok(());
    }
    // There is no store of certificates here, nor is there one on the testbed.
    let refs = body::display(&json!(certificates));
    Err(Refusal::bad(format!("Could not retrieve certificate: {refs}")))
}

fn check_cidrs(state: &Balancers, balancer: &str, says: &Says) -> Result<(), Refusal> {
    let vip = state.parts.get(balancer).and_then(|it| it.text("vip_address")).unwrap_or_default();
    let cidrs = says.get("allowed_cidrs").and_then(Value::as_array).into_iter().flatten();
    for cidr in cidrs.filter_map(Value::as_str) {
        if cidr.contains(':') != vip.contains(':') {
            return Err(Refusal::invalid(format!(
                "CIDR {cidr} IP version incompatible with VIP {vip} IP version."
            )));
        }
    }
    Ok(())
}

const fn is_tcp(protocol: &str) -> bool {
    !matches!(protocol.as_bytes(), b"UDP" | b"SCTP")
}

/// Refuses a port that another listener waits on.
fn check_port(state: &Balancers, balancer: &str, says: &Says) -> Result<(), Refusal> {
    let protocol = text(says, "protocol").unwrap_or_default();
    let port = says.get("protocol_port").and_then(Value::as_i64);
    for other in state.children(balancer, Kind::Listener) {
        let theirs = other.text("protocol").unwrap_or_default();
        let clash = theirs == protocol || is_tcp(theirs) && is_tcp(protocol);
        if clash && other.number("protocol_port") == port {
            return Err(Refusal::conflict(format!(
                "Another Listener on this Load Balancer is already using protocol {theirs} and \
                 protocol_port {}",
                port.unwrap_or_default()
            )));
        }
    }
    Ok(())
}

/// Adds a listener to a load balancer, if it is as it must be.
pub(crate) fn make(
    context: &Context<'_>,
    state: &mut Balancers,
    balancer: &Part,
    mut says: Says,
) -> Result<Part, Refusal> {
    let protocol = text(&says, "protocol").unwrap_or_default().to_owned();
    check_pool(state, &balancer.id, &protocol, text(&says, "default_pool_id"))?;
    check_headers(&says, &protocol)?;
    check_tls(&says, &protocol, true)?;
    check_port(state, &balancer.id, &says)?;
    check_cidrs(state, &balancer.id, &says)?;
    reset(&mut says);
    let listener =
        context.part(Kind::Listener, (&balancer.id, &balancer.id), &balancer.project_id, says);
    Provider::of(state, &balancer.id).check(state, &listener)?;
    state.put(listener.clone());
    Ok(listener)
}

/// Puts defaults in the place of nothing.
fn reset(says: &mut Says) {
    for (name, value) in [
        ("connection_limit", json!(-1)),
        ("timeout_client_data", json!(50_000)),
        ("timeout_member_connect", json!(5_000)),
        ("timeout_member_data", json!(50_000)),
        ("timeout_tcp_inspect", json!(0)),
        ("client_authentication", json!("NONE")),
    ] {
        if let Some(said @ Value::Null) = says.get_mut(name) {
            *said = value;
        }
    }
}

async fn create(
    State(world): State<SharedWorld>,
    request: Request,
    body: Bytes,
) -> Result<Response, Refusal> {
    let mut says = body::read(&body, Kind::Listener, Purpose::Create)?;
    for only_within in ["default_pool", "l7policies"] {
        says.remove(only_within);
    }
    let context = Context::new(&world, &request);
    let mut state = locked(&world);
    let id = text(&says, "loadbalancer_id").unwrap_or_default().to_owned();
    let balancer = find(&state, Kind::LoadBalancer, &id)?;
    request.allow(Deed::Write, Some(&balancer.project_id))?;
    check_quota(&state, Kind::Listener, &balancer.project_id, 1)?;
    let protocol = text(&says, "protocol").unwrap_or_default();
    check_pool(&state, &id, protocol, text(&says, "default_pool_id"))?;
    at_rest(&state, &id)?;
    let listener = make(&context, &mut state, &balancer, says)?;
    context.hold(&mut state, [&id]);
    context.start(&mut state, &listener, Change::Create);
    Ok((StatusCode::CREATED, axum::Json(parts::changed(&state, &listener))).into_response())
}

async fn update(
    State(world): State<SharedWorld>,
    request: Request,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let says = body::read(&body, Kind::Listener, Purpose::Update);
    // Octavia looks at who asks before it misses the listener in the body.
    let nothing = matches!(&says, Err(refusal) if refusal.message.contains("UnsetType"));
    let mut says = if nothing { Says::new() } else { says? };
    let context = Context::new(&world, &request);
    let mut state = locked(&world);
    let mut listener = find(&state, Kind::Listener, &id)?;
    request.allow(Deed::Write, Some(&listener.project_id))?;
    if nothing {
        return Err(Refusal::invalid("No listener object supplied."));
    }
    let protocol = listener.text("protocol").unwrap_or_default().to_owned();
    check_tls(&says, &protocol, false)?;
    check_headers(&says, &protocol)?;
    check_cidrs(&state, &listener.balancer, &says)?;
    reset(&mut says);
    check_pool(&state, &listener.balancer, &protocol, text(&says, "default_pool_id"))?;
    at_rest(&state, &listener.balancer)?;
    let switched = context.apply(&mut listener, &says);
    Provider::of(&state, &listener.balancer).check(&state, &listener)?;
    state.put(listener.clone());
    context.hold(&mut state, [&listener.balancer]);
    context.start(&mut state, &listener, Change::Update(switched));
    Ok(axum::Json(parts::changed(&state, &listener)).into_response())
}

async fn remove(
    State(world): State<SharedWorld>,
    request: Request,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let context = Context::new(&world, &request);
    let mut state = locked(&world);
    let listener = find(&state, Kind::Listener, &id)?;
    request.allow(Deed::Write, Some(&listener.project_id))?;
    at_rest(&state, &listener.balancer)?;
    state.mark(&id, Provisioning::PendingDelete, None, context.now);
    context.hold(&mut state, [&listener.balancer]);
    context.start(&mut state, &listener, Change::Delete);
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn stats(
    State(world): State<SharedWorld>,
    request: Request,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let state = locked(&world);
    let listener = find(&state, Kind::Listener, &id)?;
    request.allow(Deed::Read, Some(&listener.project_id))?;
    Ok(axum::Json(balancers::no_traffic()).into_response())
}

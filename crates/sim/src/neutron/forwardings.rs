//! Port forwardings of floating IPs, in outline.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::access::{Change, Request};
use super::model::{FloatingIp, Network, Port, PortForwarding};
use super::refusal::Refusal;
use super::resource::{Resource, find, owns, text};
use crate::world::SharedWorld;

/// The routes.
pub(crate) fn routes() -> Router<SharedWorld> {
    let all = "/v2.0/floatingips/{id}/port_forwardings";
    Router::new()
        .route(all, get(list).post(create))
        .route(&format!("{all}/{{forwarding}}"), get(show).put(update).delete(remove))
}

fn shown(forwarding: &PortForwarding) -> Value {
    json!({
        "id": forwarding.id,
        "protocol": forwarding.protocol,
        "external_port": forwarding.external_port,
        "external_port_range": format!("{0}:{0}", forwarding.external_port),
        "internal_port": forwarding.internal_port,
        "internal_port_range": format!("{0}:{0}", forwarding.internal_port),
        "internal_port_id": forwarding.internal_port_id,
        "internal_ip_address": forwarding.internal_ip_address,
        "description": forwarding.description,
    })
}

fn missing(id: &str) -> Refusal {
    Refusal::missing("PortForwardingNotFound", format!("Port Forwarding {id} could not be found."))
}

fn owned(state: &Network, request: &Request, id: &str, action: &str) -> Result<(), Refusal> {
    let floating = find::<FloatingIp>(state, &request.caller, id)?;
    if owns(&request.caller, &floating.standard.project_id) {
        return Ok(());
    }
    Err(Refusal::policy(&format!("rule:{action}_floatingip_port_forwarding")))
}

fn said(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    let body: Value =
        serde_json::from_slice(body).map_err(|_| Refusal::bad("Body contains invalid data"))?;
    let inner = body.get("port_forwarding").and_then(Value::as_object).cloned();
    inner.ok_or_else(|| Refusal::bad("Unable to find 'port_forwarding' in request body"))
}

fn number(item: &Map<String, Value>, name: &str) -> Result<u16, Refusal> {
    let value = item.get(name).ok_or_else(|| {
        Refusal::bad(format!("Failed to parse request. Required attribute '{name}' not specified"))
    })?;
    let number = value.as_u64().and_then(|it| u16::try_from(it).ok()).filter(|it| *it > 0);
    number.ok_or_else(|| {
        let shown = super::attribute::python(value);
        Refusal::value(name, &format!("Invalid port: {shown}"))
    })
}

async fn list(
    State(world): State<SharedWorld>,
    request: Request,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let state = world.network();
    let floating = find::<FloatingIp>(&state, &request.caller, &id)?;
    let all: Vec<Value> = floating.port_forwardings.iter().map(shown).collect();
    Ok(axum::Json(json!({"port_forwardings": all})).into_response())
}

async fn show(
    State(world): State<SharedWorld>,
    request: Request,
    Path((id, forwarding)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let state = world.network();
    let floating = find::<FloatingIp>(&state, &request.caller, &id)?;
    let found = floating.port_forwardings.iter().find(|it| it.id == forwarding);
    let found = found.ok_or_else(|| missing(&forwarding))?;
    Ok(axum::Json(json!({"port_forwarding": shown(found)})).into_response())
}

/// What a body makes of a forwarding.
fn read(
    state: &Network,
    request: &Request,
    item: &Map<String, Value>,
    id: String,
) -> Result<PortForwarding, Refusal> {
    for name in ["internal_ip_address", "internal_port_id", "protocol"] {
        if !item.contains_key(name) {
            return Err(Refusal::bad(format!(
                "Failed to parse request. Required attribute '{name}' not specified"
            )));
        }
    }
    let protocol = text(item, "protocol").to_lowercase();
    let port_id = text(item, "internal_port_id");
    let port = find::<Port>(state, &request.caller, &port_id)?;
    let wanted = text(item, "internal_ip_address");
    let mut addresses =
        port.fixed_ips.iter().map(|it| it.ip_address).filter(std::net::IpAddr::is_ipv4);
    let address = addresses.find(|it| wanted.is_empty() || it.to_string() == wanted);
    let internal_ip_address = address.ok_or_else(|| {
        Refusal::wrong(
            "BadRequest",
            format!(
                "Bad port_forwarding request: Requested internal IP address {wanted} is not \
                 correct for internal neutron port {port_id}."
            ),
        )
    })?;
    Ok(PortForwarding {
        id,
        protocol,
        external_port: number(item, "external_port")?,
        internal_port: number(item, "internal_port")?,
        internal_port_id: port_id,
        internal_ip_address,
        description: text(item, "description"),
    })
}

fn check_free(floating: &FloatingIp, wanted: &PortForwarding) -> Result<(), Refusal> {
    let twin = floating.port_forwardings.iter().any(|it| {
        it.id != wanted.id
            && it.external_port == wanted.external_port
            && it.protocol == wanted.protocol
    });
    if !twin {
        return Ok(());
    }
    Err(Refusal::wrong(
        "BadRequest",
        "Bad port_forwarding request: A duplicate port forwarding entry with same attributes \
         already exists.",
    ))
}

async fn create(
    State(world): State<SharedWorld>,
    request: Request,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let item = said(&body)?;
    let mut change = Change::new(&world, &request);
    let answer = {
        let mut state = world.network();
        owned(&state, &request, &id, "create")?;
        let forwarding = read(&state, &request, &item, world.ids.uuid())?;
        let floating = state.floating_ips.get(&id).ok_or_else(|| FloatingIp::missing(&id))?;
        let mut floating = floating.clone();
        if floating.port_id.is_some() {
            return Err(Refusal::conflict(
                "FipInUseByOtherRouter",
                format!("Floating IP {id} in use by port."),
            ));
        }
        check_free(&floating, &forwarding)?;
        let answer = json!({"port_forwarding": shown(&forwarding)});
        floating.port_forwardings.push(forwarding);
        floating.standard.touch(change.now);
        state.put_floating_ip(floating);
        answer
    };
    change.tell("port_forwarding.create.end".to_owned(), answer.clone());
    change.finish();
    Ok((StatusCode::CREATED, axum::Json(answer)).into_response())
}

async fn update(
    State(world): State<SharedWorld>,
    request: Request,
    Path((id, forwarding)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let item = said(&body)?;
    let mut state = world.network();
    owned(&state, &request, &id, "update")?;
    let floating = state.floating_ips.get(&id).ok_or_else(|| FloatingIp::missing(&id))?;
    let old = floating.port_forwardings.iter().find(|it| it.id == forwarding);
    let old = old.ok_or_else(|| missing(&forwarding))?;
    let mut merged = shown(old).as_object().cloned().unwrap_or_default();
    merged.extend(item);
    let new = read(&state, &request, &merged, forwarding.clone())?;
    check_free(floating, &new)?;
    let answer = json!({"port_forwarding": shown(&new)});
    let now = world.now();
    let mut floating = floating.clone();
    floating.port_forwardings.retain(|it| it.id != forwarding);
    floating.port_forwardings.push(new);
    floating.standard.touch(now);
    state.put_floating_ip(floating);
    Ok(axum::Json(answer).into_response())
}

async fn remove(
    State(world): State<SharedWorld>,
    request: Request,
    Path((id, forwarding)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let mut state = world.network();
    owned(&state, &request, &id, "delete")?;
    let floating = state.floating_ips.get(&id).ok_or_else(|| FloatingIp::missing(&id))?;
    let mut floating = floating.clone();
    let before = floating.port_forwardings.len();
    floating.port_forwardings.retain(|it| it.id != forwarding);
    if floating.port_forwardings.len() == before {
        return Err(missing(&forwarding));
    }
    floating.standard.touch(world.now());
    state.put_floating_ip(floating);
    Ok(StatusCode::NO_CONTENT.into_response())
}

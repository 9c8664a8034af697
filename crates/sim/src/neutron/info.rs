//! What Neutron says of itself: versions, extensions, agents, zones, free addresses.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use serde_json::{Value, json};

use super::access::Request;
use super::address::Pool;
use super::model::{Agent, Net, Network};
use super::refusal::Refusal;
use super::{MOUNT, extensions};
use crate::http::query::Query;
use crate::keystone::caller::Caller;
use crate::world::SharedWorld;

/// The routes.
pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/", get(versions))
        .route("/v2.0/", get(resources))
        .route("/v2.0/extensions", get(all_extensions))
        .route("/v2.0/extensions/{alias}", get(extension))
        .route("/v2.0/agents", get(agents))
        .route("/v2.0/agents/{id}", get(agent).put(update_agent).delete(remove_agent))
        .route("/v2.0/availability_zones", get(zones))
        .route("/v2.0/service-providers", get(providers))
        .route("/v2.0/network-ip-availabilities", get(availabilities))
        .route("/v2.0/network-ip-availabilities/{id}", get(availability))
}

async fn versions(State(world): State<SharedWorld>) -> Response {
    let href = format!("{}{MOUNT}/v2.0/", world.base);
    axum::Json(json!({"versions": [{
        "id": "v2.0",
        "status": "CURRENT",
        "links": [{"rel": "self", "href": href}],
    }]}))
    .into_response()
}

async fn resources(State(world): State<SharedWorld>, _request: Request) -> Response {
    let one = |name: &str| {
        let href = format!("{}{MOUNT}/v2.0/{name}s", world.base);
        json!({
            "name": name,
            "collection": format!("{name}s"),
            "links": [{"rel": "self", "href": href}],
        })
    };
    let all = ["network", "subnet", "subnetpool", "port"].map(one);
    axum::Json(json!({"resources": all})).into_response()
}

fn describe(alias: &str, name: &str) -> Value {
    json!({
        "name": name,
        "alias": alias,
        "description": name,
        "updated": "2022-10-05T10:00:00-00:00",
        "links": [],
    })
}

/// The extensions there are, the optional one if it is switched on.
fn offered(world: &SharedWorld) -> impl Iterator<Item = (&'static str, &'static str)> {
    let optional = world.options.default_security_group_rules;
    let optional =
        optional.then_some(("security-groups-default-rules", "Default rules for security groups"));
    extensions::ALL.iter().copied().chain(optional)
}

async fn all_extensions(State(world): State<SharedWorld>, _request: Request) -> Response {
    let all: Vec<Value> = offered(&world).map(|(alias, name)| describe(alias, name)).collect();
    axum::Json(json!({"extensions": all})).into_response()
}

async fn extension(
    State(world): State<SharedWorld>,
    _request: Request,
    headers: http::HeaderMap,
    Path(alias): Path<String>,
) -> Response {
    if let Some((alias, name)) = offered(&world).find(|(it, _)| *it == alias) {
        return axum::Json(json!({"extension": describe(alias, name)})).into_response();
    }
    // Neutron leaves this one answer to WebOb.
    let accept = headers.get(http::header::ACCEPT).and_then(|it| it.to_str().ok());
    if accept.is_some_and(|it| it.contains("json")) {
        let body = json!({
            "message": format!(
                "The resource could not be found.<br /><br />\nExtension with alias {alias} does \
                 not exist\n\n"
            ),
            "code": "404 Not Found",
            "title": "Not Found",
        });
        return (StatusCode::NOT_FOUND, axum::Json(body)).into_response();
    }
    let text = format!(
        "<html>\n <head>\n  <title>404 Not Found</title>\n </head>\n <body>\n  \
         <h1>404 Not Found</h1>\n  The resource could not be found.<br /><br />\n\
         Extension with alias {alias} does not exist\n\n\n </body>\n</html>"
    );
    let html = [(http::header::CONTENT_TYPE, "text/html; charset=UTF-8")];
    (StatusCode::NOT_FOUND, html, text).into_response()
}

fn show_agent(world: &SharedWorld, agent: &Agent) -> Value {
    let now = world.now().strftime("%Y-%m-%d %H:%M:%S%.6f+00:00").to_string();
    json!({
        "id": agent.id,
        "agent_type": agent.kind,
        "binary": agent.binary,
        "host": agent.host,
        "topic": "n/a",
        "availability_zone": "",
        "heartbeat_timestamp": now,
        "alive": agent.alive,
        "admin_state_up": agent.admin_state_up,
        "description": agent.description,
        "configurations": agent.configurations,
    })
}

async fn agents(State(world): State<SharedWorld>, request: Request, query: Query) -> Response {
    let state = world.network();
    let fits = |agent: &Value| {
        let names = ["id", "host", "binary", "agent_type", "alive", "admin_state_up"];
        query.0.iter().filter(|(name, _)| names.contains(&name.as_str())).all(|(name, wanted)| {
            match agent.get(name) {
                Some(Value::String(text)) => text == wanted,
                Some(other) => other.to_string().eq_ignore_ascii_case(wanted),
                None => false,
            }
        })
    };
    let shown = state.agents.values().map(|agent| show_agent(&world, agent)).filter(fits);
    let shown: Vec<Value> = if request.caller.is_admin() { shown.collect() } else { Vec::new() };
    axum::Json(json!({"agents": shown})).into_response()
}

fn no_agent(id: &str) -> Refusal {
    Refusal::missing("AgentNotFound", format!("Agent {id} could not be found."))
}

async fn agent(
    State(world): State<SharedWorld>,
    request: Request,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let state = world.network();
    let found = state.agents.get(&id).ok_or_else(|| no_agent(&id))?;
    if !request.caller.is_admin() {
        return Err(Refusal::nowhere());
    }
    Ok(axum::Json(json!({"agent": show_agent(&world, found)})).into_response())
}

async fn update_agent(
    State(world): State<SharedWorld>,
    request: Request,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let body: Value =
        serde_json::from_slice(&body).map_err(|_| Refusal::bad("Body contains invalid data"))?;
    let inner = body.get("agent").and_then(Value::as_object);
    let inner = inner.ok_or_else(|| Refusal::bad("Unable to find 'agent' in request body"))?;
    let mut state = world.network();
    let found = state.agents.get_mut(&id).ok_or_else(|| no_agent(&id))?;
    if !request.caller.is_admin() {
        return Err(Refusal::nowhere());
    }
    if let Some(up) = inner.get("admin_state_up").and_then(super::attribute::boolean) {
        found.admin_state_up = up;
    }
    if let Some(text) = inner.get("description").and_then(Value::as_str) {
        text.clone_into(&mut found.description);
    }
    Ok(axum::Json(json!({"agent": show_agent(&world, found)})).into_response())
}

async fn remove_agent(
    State(world): State<SharedWorld>,
    request: Request,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let mut state = world.network();
    if !state.agents.contains_key(&id) {
        return Err(no_agent(&id));
    }
    if !request.caller.is_admin() {
        return Err(Refusal::nowhere());
    }
    state.agents.remove(&id);
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn zones(_request: Request) -> Response {
    axum::Json(json!({"availability_zones": []})).into_response()
}

async fn providers(_request: Request) -> Response {
    axum::Json(json!({"service_providers": []})).into_response()
}

/// How many addresses of a network are taken.
fn show_availability(state: &Network, net: &Net) -> Value {
    let mut used = 0;
    let mut total: u128 = 0;
    let subnets: Vec<Value> = state
        .subnets_of(&net.standard.id)
        .map(|subnet| {
            let taken = state.index.taken_count(&subnet.standard.id);
            let size = subnet.allocation_pools.iter().map(Pool::size).sum::<u128>();
            used += taken;
            total = total.saturating_add(size);
            json!({
                "subnet_id": subnet.standard.id,
                "subnet_name": subnet.standard.name,
                "ip_version": subnet.cidr.version(),
                "cidr": subnet.cidr,
                "used_ips": taken,
                "total_ips": whole(size),
            })
        })
        .collect();
    json!({
        "network_id": net.standard.id,
        "network_name": net.standard.name,
        "project_id": net.standard.project_id,
        "tenant_id": net.standard.project_id,
        "subnet_ip_availability": subnets,
        "used_ips": used,
        "total_ips": whole(total),
    })
}

/// A number as JSON, however large it is.
fn whole(number: u128) -> Value {
    u64::try_from(number).map_or_else(|_| json!(f64_of(number)), |number| json!(number))
}

#[expect(clippy::cast_precision_loss, reason = "nobody counts the addresses of an IPv6 subnet")]
const fn f64_of(number: u128) -> f64 {
    number as f64
}

fn sees(caller: &Caller) -> bool {
    caller.is_admin()
}

async fn availabilities(
    State(world): State<SharedWorld>,
    request: Request,
    query: Query,
) -> Response {
    let state = world.network();
    let fits = |net: &&Net| {
        query.0.iter().all(|(name, wanted)| match name.as_str() {
            "network_id" => net.standard.id == *wanted,
            "network_name" => net.standard.name == *wanted,
            "project_id" | "tenant_id" => net.standard.project_id == *wanted,
            _ => true,
        })
    };
    let all = state.networks.values().filter(fits).filter(|_| sees(&request.caller));
    let shown: Vec<Value> = all.map(|net| show_availability(&state, net)).collect();
    axum::Json(json!({"network_ip_availabilities": shown})).into_response()
}

async fn availability(
    State(world): State<SharedWorld>,
    request: Request,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let state = world.network();
    let net = state.networks.get(&id);
    let net = net.ok_or_else(|| <Net as super::resource::Resource>::missing(&id))?;
    if !sees(&request.caller) {
        return Err(Refusal::nowhere());
    }
    let shown = show_availability(&state, net);
    Ok(axum::Json(json!({"network_ip_availability": shown})).into_response())
}

//! The rules that new security groups begin with (`security-group-default-rules`).
//!
//! The extension came with Neutron 23 (2023.2); the testbed's Neutron 21 answers 404.
//! [`crate::SimOptions::default_security_group_rules`] says whether the simulation has it.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::access::Request;
use super::attribute::boolean;
use super::model::DefaultRule;
use super::refusal::Refusal;
use super::resource::text_or_null;
use crate::http::query::Query;
use crate::world::SharedWorld;

/// What a rule may say.
const NAMES: &[&str] = &[
    "direction",
    "ethertype",
    "protocol",
    "port_range_min",
    "port_range_max",
    "remote_ip_prefix",
    "remote_group_id",
    "remote_address_group_id",
    "description",
    "used_in_default_sg",
    "used_in_non_default_sg",
];

/// The routes.
pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/v2.0/default-security-group-rules", get(list).post(create))
        .route("/v2.0/default-security-group-rules/{id}", get(show).delete(remove))
}

fn shown(rule: &DefaultRule) -> Value {
    let traffic = &rule.traffic;
    json!({
        "id": rule.id,
        "description": rule.description.clone().unwrap_or_default(),
        "direction": traffic.direction,
        "ethertype": traffic.ethertype,
        "protocol": traffic.protocol,
        "port_range_min": traffic.port_range_min,
        "port_range_max": traffic.port_range_max,
        "remote_ip_prefix": traffic.remote_ip_prefix,
        "remote_group_id": traffic.remote_group_id,
        "remote_address_group_id": null,
        "used_in_default_sg": rule.used_in_default_sg,
        "used_in_non_default_sg": rule.used_in_non_default_sg,
    })
}

fn offered(world: &SharedWorld) -> Result<(), Refusal> {
    if world.options.default_security_group_rules { Ok(()) } else { Err(Refusal::nowhere()) }
}

fn only_admin(request: &Request, action: &str) -> Result<(), Refusal> {
    if request.caller.is_admin() {
        return Ok(());
    }
    Err(Refusal::policy(&format!("rule:{action}_default_security_group_rule")))
}

fn missing(id: &str) -> Refusal {
    Refusal::missing(
        "DefaultSecurityGroupRuleNotFound",
        format!("Default Security Group rule {id} does not exist."),
    )
}

async fn list(
    State(world): State<SharedWorld>,
    _request: Request,
    query: Query,
) -> Result<Response, Refusal> {
    offered(&world)?;
    let state = world.network();
    let fits = |rule: &Value| {
        query.0.iter().filter(|(name, _)| NAMES.contains(&name.as_str()) || name == "id").all(
            |(name, wanted)| match rule.get(name) {
                Some(Value::String(text)) => text == wanted,
                Some(Value::Bool(truth)) => boolean(&json!(wanted)) == Some(*truth),
                other => other.map(Value::to_string).as_ref() == Some(wanted),
            },
        )
    };
    let rules: Vec<Value> = state.default_rules.values().map(shown).filter(fits).collect();
    Ok(axum::Json(json!({"default_security_group_rules": rules})).into_response())
}

async fn show(
    State(world): State<SharedWorld>,
    _request: Request,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    offered(&world)?;
    let state = world.network();
    let rule = state.default_rules.get(&id).ok_or_else(|| missing(&id))?;
    Ok(axum::Json(json!({"default_security_group_rule": shown(rule)})).into_response())
}

async fn create(
    State(world): State<SharedWorld>,
    request: Request,
    body: Bytes,
) -> Result<Response, Refusal> {
    offered(&world)?;
    let one = "default_security_group_rule";
    let body: Value =
        serde_json::from_slice(&body).map_err(|_| Refusal::bad("Body contains invalid data"))?;
    let item: Map<String, Value> = body
        .get(one)
        .and_then(Value::as_object)
        .cloned()
        .ok_or_else(|| Refusal::bad(format!("Unable to find '{one}' in request body")))?;
    let unknown: Vec<&str> =
        item.keys().map(String::as_str).filter(|name| !NAMES.contains(name)).collect();
    if !unknown.is_empty() {
        return Err(Refusal::bad(format!("Unrecognized attribute(s) '{}'", unknown.join(", "))));
    }
    if !matches!(item.get("direction").and_then(Value::as_str), Some("ingress" | "egress")) {
        return Err(Refusal::bad(
            "Failed to parse request. Required attribute 'direction' not specified",
        ));
    }
    only_admin(&request, "create")?;
    let mut said = item.clone();
    said.entry("ethertype").or_insert_with(|| json!("IPv4"));
    let traffic = super::rules::read(&said)?;
    let truth = |name: &str, otherwise: bool| item.get(name).and_then(boolean).unwrap_or(otherwise);
    let rule = DefaultRule {
        id: world.ids.uuid(),
        description: text_or_null(&item, "description"),
        traffic,
        used_in_default_sg: truth("used_in_default_sg", false),
        used_in_non_default_sg: truth("used_in_non_default_sg", true),
    };
    let mut state = world.network();
    if let Some(other) = state.default_rules.values().find(|it| it.traffic == rule.traffic) {
        return Err(Refusal::conflict(
            "DefaultSecurityGroupRuleExists",
            format!("Default Security group rule already exists. Rule id is {}.", other.id),
        ));
    }
    let answer = json!({one: shown(&rule)});
    state.default_rules.insert(rule.id.clone(), rule);
    Ok((StatusCode::CREATED, axum::Json(answer)).into_response())
}

async fn remove(
    State(world): State<SharedWorld>,
    request: Request,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    offered(&world)?;
    only_admin(&request, "delete")?;
    let gone = world.network().default_rules.remove(&id);
    gone.map(|_| StatusCode::NO_CONTENT.into_response()).ok_or_else(|| missing(&id))
}

//! The services of Nova, and switching compute hosts off and on.

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, put};
use http::StatusCode;
use serde_json::{Value, json};

use super::asked::{Asked, Json};
use super::hosts::{INTERNAL, daemon_id, reported};
use super::model::{Compute, Daemon};
use super::shapes;
use crate::fault_body::Fault;
use crate::http::query::Query;
use crate::schema::format::is_uuid;
use crate::schema::oslo::truth;
use crate::schema::refused::{fits, query_fits};
use crate::world::SharedWorld;

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/v2.1/os-services", get(index))
        .route("/v2.1/os-services/{id}", put(update).delete(delete))
}

fn view(
    compute: &Compute,
    daemon: &Daemon,
    asked: &Asked,
    now: lotse_core::time::Timestamp,
) -> Value {
    let zone = if daemon.binary == "nova-compute" { compute.zone(&daemon.host) } else { INTERNAL };
    let mut shown = json!({
        "binary": daemon.binary,
        "host": daemon.host,
        "id": daemon_id(daemon, asked),
        "zone": zone,
        "status": if daemon.disabled { "disabled" } else { "enabled" },
        "state": if daemon.forced_down { "down" } else { "up" },
        "updated_at": reported(daemon, now),
        "disabled_reason": daemon.disabled_reason,
    });
    if asked.at_least(11) {
        shown["forced_down"] = json!(daemon.forced_down);
    }
    shown
}

async fn index(
    State(world): State<SharedWorld>,
    asked: Asked,
    query: Query,
) -> Result<axum::Json<Value>, Fault> {
    let parameters = [("host", shapes::text()), ("binary", shapes::text())];
    query_fits(&shapes::query(&parameters, !asked.at_least(75)), &query)?;
    asked.admin_only("os-services:list")?;
    let wanted = |name: &str, found: &str| {
        query.get(name).is_none_or(|wanted| wanted.is_empty() || wanted == found)
    };
    let now = world.now();
    let compute = world.compute();
    let mut services: Vec<&Daemon> = compute
        .services
        .values()
        .filter(|daemon| wanted("host", &daemon.host) && wanted("binary", &daemon.binary))
        .collect();
    services.sort_by_key(|daemon| daemon.number);
    let shown = services.into_iter().map(|daemon| view(&compute, daemon, &asked, now));
    Ok(axum::Json(json!({"services": shown.collect::<Value>()})))
}

/// `PUT`: by action, host and binary before 2.53; by id from then on.
async fn update(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    Json(body): Json,
) -> Result<axum::Json<Value>, Fault> {
    if asked.at_least(53) {
        by_id(&world, &asked, &id, &body)
    } else {
        by_action(&world, &asked, &id, &body)
    }
}

fn by_action(
    world: &SharedWorld,
    asked: &Asked,
    action: &str,
    body: &Value,
) -> Result<axum::Json<Value>, Fault> {
    let mut fields = json!({
        "host": shapes::fqdn(),
        "binary": {"type": "string", "minLength": 1, "maxLength": 255},
        "disabled_reason": {"type": "string", "minLength": 1, "maxLength": 255},
    });
    if asked.at_least(11) {
        fields["forced_down"] = shapes::boolean();
    }
    let schema = json!({
        "type": "object",
        "properties": fields,
        "required": ["host", "binary"],
        "additionalProperties": false,
    });
    fits(&schema, body)?;
    asked.admin_only("os-services:update")?;
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let (host, binary) = (text("host"), text("binary"));
    let mut shown = json!({"host": host, "binary": binary});
    let reason = body["disabled_reason"].as_str().map(str::to_owned);
    let disabled = match action {
        "enable" => Some((false, None)),
        "disable" => Some((true, None)),
        "disable-log-reason" => {
            let missing = || Fault::bad("Missing disabled reason field");
            Some((true, Some(reason.ok_or_else(missing)?)))
        }
        "force-down" if asked.at_least(11) => None,
        _ => return Err(Fault::missing("Unknown action")),
    };
    if disabled.is_none() && body.get("forced_down").is_none() {
        return Err(Fault::bad("Missing forced_down field"));
    }
    let now = world.now();
    let mut compute = world.compute();
    if binary != "nova-compute" {
        return Err(only_computes(&binary));
    }
    let on_host = |daemon: &&mut Daemon| daemon.host == host && daemon.binary == binary;
    let daemon = compute
        .services
        .values_mut()
        .find(on_host)
        .ok_or_else(|| Fault::missing(format!("Host '{host}' is not mapped to any cell")))?;
    if let Some((disabled, reason)) = disabled {
        daemon.disabled = disabled;
        shown["status"] = json!(if disabled { "disabled" } else { "enabled" });
        if let Some(reason) = &reason {
            shown["disabled_reason"] = json!(reason);
        }
        daemon.disabled_reason = reason;
    } else {
        daemon.forced_down = truth(&body["forced_down"]);
        shown["forced_down"] = json!(daemon.forced_down);
    }
    daemon.updated_at = Some(now);
    Ok(axum::Json(json!({"service": shown})))
}

fn only_computes(binary: &str) -> Fault {
    Fault::bad(format!(
        "Updating a {binary} service is not supported. Only nova-compute services can be updated."
    ))
}

fn by_id(
    world: &SharedWorld,
    asked: &Asked,
    id: &str,
    body: &Value,
) -> Result<axum::Json<Value>, Fault> {
    let schema = json!({
        "type": "object",
        "properties": {
            "status": {"type": "string", "enum": ["enabled", "disabled"]},
            "disabled_reason": {"type": "string", "minLength": 1, "maxLength": 255},
            "forced_down": shapes::boolean(),
        },
        "additionalProperties": false,
    });
    fits(&schema, body)?;
    if !is_uuid(id) {
        return Err(Fault::bad(format!("Invalid uuid {id}")));
    }
    asked.admin_only("os-services:update")?;
    let now = world.now();
    let mut compute = world.compute();
    let missing = || Fault::missing(format!("Service {id} could not be found."));
    let daemon = compute.services.get_mut(id).ok_or_else(missing)?;
    if daemon.binary != "nova-compute" {
        return Err(only_computes(&daemon.binary.clone()));
    }
    let status = body["status"].as_str();
    let reason = body["disabled_reason"].as_str();
    if status != Some("disabled") && reason.is_some() {
        let text = "Specifying 'disabled_reason' when status is 'enabled' is invalid.";
        return Err(Fault::bad(text));
    }
    if status.is_none() && body.get("forced_down").is_none() {
        let text =
            "No updates were requested. Fields 'status' or 'forced_down' should be specified.";
        return Err(Fault::bad(text));
    }
    if let Some(status) = status {
        daemon.disabled = status == "disabled";
        daemon.disabled_reason = reason.map(str::to_owned);
    }
    if let Some(down) = body.get("forced_down") {
        daemon.forced_down = truth(down);
    }
    daemon.updated_at = Some(now);
    let id = id.to_owned();
    let shown = compute.services.get(&id).map(|daemon| view(&compute, daemon, asked, now));
    Ok(axum::Json(json!({"service": shown})))
}

async fn delete(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<StatusCode, Fault> {
    asked.admin_only("os-services:delete")?;
    if asked.at_least(53) && !is_uuid(&id) {
        return Err(Fault::bad(format!("Invalid uuid {id}")));
    }
    if !asked.at_least(53) && id.parse::<u64>().is_err() {
        return Err(Fault::bad("Invalid input received: id must be an integer"));
    }
    let gone = {
        let mut compute = world.compute();
        let is = |daemon: &&Daemon| {
            if asked.at_least(53) { daemon.id == id } else { daemon.number.to_string() == id }
        };
        let daemon = compute.services.values().find(is).cloned();
        let daemon = daemon.ok_or_else(|| Fault::missing(format!("Service {id} not found.")))?;
        if daemon.binary == "nova-compute" {
            let host = daemon.host.as_str();
            if compute.servers.iter().any(|server| server.host.as_deref() == Some(host)) {
                let text = "Unable to delete compute service that is hosting instances. Migrate or \
                            delete the instances first.";
                return Err(Fault::conflict(text));
            }
            for aggregate in &mut compute.aggregates {
                aggregate.hosts.retain(|name| name != host);
            }
        }
        compute.services.remove(&daemon.id);
        let gone = compute.host(&daemon.host).map(|host| host.id.clone());
        compute.hosts.retain(|host| host.name != daemon.host || daemon.binary != "nova-compute");
        gone.filter(|_| daemon.binary == "nova-compute")
    };
    if let Some(provider) = gone {
        crate::placement::claim::forget_provider(&world, &provider);
    }
    Ok(StatusCode::NO_CONTENT)
}

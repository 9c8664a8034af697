//! Aggregates: hosts that have something in common, availability zones among them.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::StatusCode;
use lotse_core::time::Timestamp;
use serde_json::{Map, Value, json};

use super::asked::{Asked, Json};
use super::model::{Aggregate, Compute};
use super::{actions, shapes};
use crate::fault_body::Fault;
use crate::schema::refused::fits;
use crate::world::SharedWorld;

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/v2.1/os-aggregates", get(index).post(create))
        .route("/v2.1/os-aggregates/{id}", get(show).put(update).delete(delete))
        .route("/v2.1/os-aggregates/{id}/action", post(action))
}

fn microseconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.000000").to_string()
}

fn view(aggregate: &Aggregate, asked: &Asked) -> Value {
    let mut shown = Map::from_iter([("id".to_owned(), json!(aggregate.number))]);
    if asked.at_least(41) {
        shown.insert("uuid".to_owned(), json!(aggregate.uuid));
    }
    let rest = [
        ("name", json!(aggregate.name)),
        ("hosts", json!(aggregate.hosts)),
        ("metadata", json!(aggregate.metadata)),
        ("created_at", json!(microseconds(aggregate.created_at))),
        ("updated_at", json!(aggregate.updated_at.map(microseconds))),
        ("deleted_at", Value::Null),
        ("deleted", json!(false)),
        ("availability_zone", json!(aggregate.metadata.get("availability_zone"))),
    ];
    shown.extend(rest.map(|(name, value)| (name.to_owned(), value)));
    Value::Object(shown)
}

fn whole(aggregate: &Aggregate, asked: &Asked) -> axum::Json<Value> {
    axum::Json(json!({"aggregate": view(aggregate, asked)}))
}

fn place(compute: &Compute, id: &str) -> Result<usize, Fault> {
    let wrong = || Fault::bad("Invalid input received: id must be an integer");
    let number: u64 = id.parse().map_err(|_| wrong())?;
    let place = compute.aggregates.iter().position(|aggregate| aggregate.number == number);
    place.ok_or_else(|| missing(id))
}

fn missing(id: &str) -> Fault {
    Fault::missing(format!("Aggregate {id} could not be found."))
}

async fn index(State(world): State<SharedWorld>, asked: Asked) -> Result<axum::Json<Value>, Fault> {
    asked.admin_only("os-aggregates:index")?;
    let compute = world.compute();
    let all = compute.aggregates.iter().map(|aggregate| view(aggregate, &asked));
    Ok(axum::Json(json!({"aggregates": all.collect::<Value>()})))
}

async fn show(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<axum::Json<Value>, Fault> {
    asked.admin_only("os-aggregates:show")?;
    let compute = world.compute();
    let place = place(&compute, &id)?;
    Ok(whole(&compute.aggregates[place], &asked))
}

fn zone_schema() -> Value {
    json!({"oneOf": [
        {"type": "string", "minLength": 1, "maxLength": 255, "format": "az_name"},
        {"type": "null"},
    ]})
}

async fn create(
    State(world): State<SharedWorld>,
    asked: Asked,
    Json(body): Json,
) -> Result<axum::Json<Value>, Fault> {
    let fields = json!({"name": shapes::name(), "availability_zone": zone_schema()});
    fits(&shapes::wrapped("aggregate", fields, &["name"]), &body)?;
    asked.admin_only("os-aggregates:create")?;
    let wanted = &body["aggregate"];
    let name = wanted["name"].as_str().unwrap_or_default().trim().to_owned();
    let zone = wanted["availability_zone"].as_str().map(str::to_owned);
    let now = world.now();
    let mut compute = world.compute();
    if compute.aggregates.iter().any(|known| known.name == name) {
        return Err(Fault::conflict(format!("Aggregate {name} already exists.")));
    }
    let aggregate = Aggregate {
        number: compute.number(),
        uuid: world.ids.uuid(),
        name,
        hosts: Vec::new(),
        metadata: zone.map(|zone| ("availability_zone".to_owned(), zone)).into_iter().collect(),
        created_at: now,
        updated_at: None,
    };
    let mut shown = view(&aggregate, &asked);
    if let Value::Object(fields) = &mut shown {
        fields.shift_remove("hosts");
        fields.shift_remove("metadata");
    }
    compute.aggregates.push(aggregate);
    Ok(axum::Json(json!({"aggregate": shown})))
}

async fn update(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    Json(body): Json,
) -> Result<axum::Json<Value>, Fault> {
    let fields = json!({"name": shapes::name(), "availability_zone": zone_schema()});
    let mut schema = shapes::wrapped("aggregate", fields, &[]);
    schema["properties"]["aggregate"]["anyOf"] =
        json!([{"required": ["name"]}, {"required": ["availability_zone"]}]);
    fits(&schema, &body)?;
    asked.admin_only("os-aggregates:update")?;
    let wanted = &body["aggregate"];
    let now = world.now();
    let mut compute = world.compute();
    let place = place(&compute, &id)?;
    if let Some(name) = wanted["name"].as_str() {
        let taken = compute.aggregates.iter().enumerate();
        if taken.into_iter().any(|(at, known)| at != place && known.name == name) {
            return Err(Fault::conflict(format!("Aggregate {name} already exists.")));
        }
        name.trim().clone_into(&mut compute.aggregates[place].name);
    }
    if let Some(zone) = wanted.get("availability_zone") {
        let metadata = json!({"availability_zone": zone});
        set_metadata(&mut compute, place, &metadata, "update")?;
    }
    let aggregate = &mut compute.aggregates[place];
    aggregate.updated_at = Some(now);
    Ok(whole(aggregate, &asked))
}

async fn delete(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<StatusCode, Fault> {
    asked.admin_only("os-aggregates:delete")?;
    let mut compute = world.compute();
    let place = place(&compute, &id)?;
    if !compute.aggregates[place].hosts.is_empty() {
        let text =
            format!("Cannot remove host from aggregate {id}. Reason: Host aggregate is not empty.");
        return Err(Fault::bad(text));
    }
    compute.aggregates.remove(place);
    Ok(StatusCode::OK)
}

async fn action(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    Json(body): Json,
) -> Result<Response, Fault> {
    let name = actions::name_of(&body)?;
    let fields = match name {
        "add_host" | "remove_host" => json!({"host": shapes::fqdn()}),
        "set_metadata" => json!({"metadata": shapes::metadata_or_null()}),
        _ => return Err(Fault::bad(format!("There is no such action: {name}"))),
    };
    let required = if name == "set_metadata" { "metadata" } else { "host" };
    fits(&shapes::wrapped(name, fields, &[required]), &body)?;
    asked.admin_only(&format!("os-aggregates:{name}"))?;
    let now = world.now();
    let mut compute = world.compute();
    let host = body[name]["host"].as_str().unwrap_or_default();
    let found = place(&compute, &id);
    match name {
        "add_host" => add_host(&mut compute, &id, found, host)?,
        "remove_host" => {
            let unknown = || Fault::missing(format!("Cannot remove host {host} in aggregate {id}"));
            if found.as_ref().is_err_and(|fault| fault.status == StatusCode::BAD_REQUEST) {
                found?;
                return Err(unknown());
            }
            let place = found.map_err(|_| unknown())?;
            let hosts = &mut compute.aggregates[place].hosts;
            let before = hosts.len();
            hosts.retain(|known| known != host);
            if hosts.len() == before {
                return Err(unknown());
            }
        }
        _ => {
            let place = found?;
            set_metadata(&mut compute, place, &body[name]["metadata"], "metadata")?;
            compute.aggregates[place].updated_at = Some(now);
        }
    }
    let place = place(&compute, &id)?;
    Ok(whole(&compute.aggregates[place], &asked).into_response())
}

fn add_host(
    compute: &mut Compute,
    id: &str,
    found: Result<usize, Fault>,
    host: &str,
) -> Result<(), Fault> {
    if found.as_ref().is_err_and(|fault| fault.status == StatusCode::BAD_REQUEST) {
        found?;
        return Ok(());
    }
    if compute.host(host).is_none() {
        return Err(Fault::missing(format!("Compute host {host} could not be found.")));
    }
    let place = found?;
    if compute.aggregates[place].hosts.iter().any(|known| known == host) {
        return Err(Fault::conflict(format!("Aggregate {id} already has host {host}.")));
    }
    let zone = compute.aggregates[place].metadata.get("availability_zone").cloned();
    let other = other_zone(compute, place, host, zone.as_deref());
    if let (Some(_), Some(other)) = (&zone, other) {
        let text = format!(
            "Cannot add host to aggregate {id}. Reason: Host {host} already belongs to \
             availability zone {other}."
        );
        return Err(Fault::conflict(text));
    }
    compute.aggregates[place].hosts.push(host.to_owned());
    Ok(())
}

/// Another zone that a host is in because of another aggregate.
fn other_zone(compute: &Compute, place: usize, host: &str, zone: Option<&str>) -> Option<String> {
    compute
        .aggregates
        .iter()
        .enumerate()
        .filter(|(at, aggregate)| *at != place && aggregate.hosts.iter().any(|name| name == host))
        .filter_map(|(_, aggregate)| aggregate.metadata.get("availability_zone"))
        .find(|other| Some(other.as_str()) != zone)
        .cloned()
}

/// Adds to the metadata; what is null is removed.
fn set_metadata(
    compute: &mut Compute,
    place: usize,
    metadata: &Value,
    what: &str,
) -> Result<(), Fault> {
    let number = compute.aggregates[place].number;
    let zone = metadata.get("availability_zone").and_then(Value::as_str);
    if let Some(zone) = zone {
        let hosts = &compute.aggregates[place].hosts;
        let other = hosts.iter().find_map(|host| other_zone(compute, place, host, Some(zone)));
        let cannot = if what == "update" { "update" } else { "update metadata of" };
        if other.is_some() {
            let text = format!(
                "Cannot {cannot} aggregate {number}. Reason: One or more hosts already in \
                 different availability zone(s)."
            );
            return Err(Fault::bad(text));
        }
    }
    let fields = metadata.as_object().cloned().unwrap_or_default();
    for (name, value) in fields {
        let known = &mut compute.aggregates[place].metadata;
        match value.as_str() {
            Some(text) => known.insert(name, text.to_owned()),
            None => known.remove(&name),
        };
    }
    Ok(())
}

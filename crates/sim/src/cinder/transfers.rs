//! Volumes that go to another project.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::StatusCode;
use serde_json::{Value, json};

use super::actions::invalid;
use super::asked::{Asked, Given, answer, inner, text};
use super::model::{Transfer, Volumes};
use super::words::VolumeStatus;
use super::{quota, shapes, view};
use crate::fault_body::Fault;
use crate::keystone::model::Password;
use crate::schema::oslo::truth;
use crate::world::SharedWorld;

pub(crate) fn routes() -> Router<SharedWorld> {
    let mut routes = Router::new();
    for base in ["/volume-transfers", "/os-volume-transfer"] {
        routes = routes
            .route(base, get(list).post(create))
            .route(&format!("{base}/detail"), get(detail))
            .route(&format!("{base}/{{id}}"), get(show).delete(remove))
            .route(&format!("{base}/{{id}}/accept"), post(accept));
    }
    routes
}

fn summary(asked: &Asked, transfer: &Transfer) -> Value {
    json!({
        "id": transfer.id,
        "volume_id": transfer.volume_id,
        "name": transfer.name,
        // The links are those of the older API, here too.
        "links": asked.links("os-volume-transfer", &transfer.id),
    })
}

fn full(asked: &Asked, transfer: &Transfer) -> Value {
    let mut shown = summary(asked, transfer);
    shown["created_at"] = json!(view::time(transfer.created_at));
    if asked.at_least(55) {
        shown["no_snapshots"] = json!(transfer.no_snapshots);
    }
    if asked.at_least(57) {
        shown["source_project_id"] = json!(transfer.project_id);
        shown["destination_project_id"] = Value::Null;
        shown["accepted"] = json!(false);
    }
    shown
}

fn missing(id: &str) -> Fault {
    Fault::missing(format!("Transfer {id} could not be found."))
}

fn find(asked: &Asked, volumes: &Volumes, id: &str) -> Result<Transfer, Fault> {
    let found = volumes.transfers.get(id).filter(|found| asked.sees(&found.project_id));
    found.cloned().ok_or_else(|| missing(id))
}

async fn list(State(world): State<SharedWorld>, asked: Asked) -> Response {
    let volumes = world.volume();
    let mine = volumes.transfers.values().filter(|one| one.project_id == asked.project());
    let list: Vec<Value> = mine.map(|one| summary(&asked, one)).collect();
    answer(StatusCode::OK, json!({"transfers": list}))
}

async fn detail(State(world): State<SharedWorld>, asked: Asked) -> Response {
    let volumes = world.volume();
    let mine = volumes.transfers.values().filter(|one| one.project_id == asked.project());
    let list: Vec<Value> = mine.map(|one| full(&asked, one)).collect();
    answer(StatusCode::OK, json!({"transfers": list}))
}

async fn show(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    let found = find(&asked, &world.volume(), &id)?;
    Ok(answer(StatusCode::OK, json!({"transfer": full(&asked, &found)})))
}

async fn create(
    State(world): State<SharedWorld>,
    asked: Asked,
    Given(body): Given,
) -> Result<Response, Fault> {
    let mut properties = json!({"volume_id": shapes::uuid(), "name": shapes::short()});
    if asked.at_least(55) {
        properties["no_snapshots"] = shapes::boolean();
    }
    let given = inner(&body, "transfer", shapes::object(properties, &["volume_id"], false))?;
    let volume_id = text(&given, "volume_id").unwrap_or_default();
    let mut volumes = world.volume();
    let volume = asked.volume(&mut volumes, &volume_id)?;
    asked.member("volume:create_transfer")?;
    if volume.status != VolumeStatus::Available {
        return Err(invalid("status must be available"));
    }
    volume.become_(VolumeStatus::AwaitingTransfer, world.now());
    let key = world.ids.hex();
    let transfer = Transfer {
        id: world.ids.uuid(),
        name: text(&given, "name"),
        volume_id,
        project_id: volume.project_id.clone(),
        auth_key: Password(key.chars().take(16).collect()),
        no_snapshots: given.get("no_snapshots").is_some_and(truth),
        created_at: world.now(),
    };
    let mut shown = full(&asked, &transfer);
    shown["auth_key"] = json!(transfer.auth_key.0);
    volumes.transfers.insert(transfer.id.clone(), transfer);
    Ok(answer(StatusCode::ACCEPTED, json!({"transfer": shown})))
}

async fn accept(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    Given(body): Given,
) -> Result<Response, Fault> {
    let key = json!({"auth_key": {"type": ["string", "integer"]}});
    let given = inner(&body, "accept", shapes::object(key, &["auth_key"], false))?;
    asked.member("volume:accept_transfer")?;
    let mut volumes = world.volume();
    // Whoever has the key may take it.
    let transfer = volumes.transfers.get(&id).cloned().ok_or_else(|| missing(&id))?;
    if text(&given, "auth_key").as_deref() != Some(transfer.auth_key.0.as_str()) {
        let text = format!("Attempt to transfer {id} with invalid auth key.");
        return Err(Fault::bad(format!("Invalid auth key: {text}")));
    }
    let volume = volumes.by_id.get(&transfer.volume_id).cloned().ok_or_else(|| missing(&id))?;
    let kind = volumes.types.get(&volume.type_id).map_or("", |kind| kind.name.as_str());
    volumes.within_limits(asked.project(), &quota::of_volume(volume.size, kind))?;
    if let Some(volume) = volumes.by_id.get_mut(&transfer.volume_id) {
        asked.project().clone_into(&mut volume.project_id);
        asked.user().clone_into(&mut volume.user_id);
        volume.become_(VolumeStatus::Available, world.now());
    }
    for snapshot in volumes.snapshots.values_mut().filter(|it| it.volume_id == volume.id) {
        asked.project().clone_into(&mut snapshot.project_id);
    }
    volumes.transfers.remove(&id);
    Ok(answer(StatusCode::ACCEPTED, json!({"transfer": summary(&asked, &transfer)})))
}

async fn remove(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    let mut volumes = world.volume();
    let transfer = find(&asked, &volumes, &id)?;
    asked.member("volume:delete_transfer")?;
    if let Some(volume) = volumes.by_id.get_mut(&transfer.volume_id) {
        volume.become_(VolumeStatus::Available, world.now());
    }
    volumes.transfers.remove(&id);
    Ok(StatusCode::ACCEPTED.into_response())
}

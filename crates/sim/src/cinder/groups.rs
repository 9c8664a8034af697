//! Groups of volumes, in outline: types, create, show, list, delete.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::StatusCode;
use serde_json::{Value, json};

use super::asked::{Asked, Given, answer, inner, text};
use super::model::volume::ZONE;
use super::model::{Change, Group, Volumes};
use super::{shapes, view};
use crate::fault_body::Fault;
use crate::schema::oslo::truth;
use crate::world::SharedWorld;

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/group_types", get(types))
        .route("/groups", get(list).post(create))
        .route("/groups/detail", get(detail))
        .route("/groups/{id}", get(show))
        .route("/groups/{id}/action", post(action))
        .route("/group_snapshots", get(snapshots))
        .route("/group_snapshots/detail", get(snapshots))
}

async fn types(State(world): State<SharedWorld>, asked: Asked) -> Result<Response, Fault> {
    asked.needs(11)?;
    let volumes = world.volume();
    let list: Vec<Value> = volumes
        .group_types
        .values()
        .map(|kind| {
            let mut shown = json!({
                "id": kind.id,
                "name": kind.name,
                "description": kind.description,
                "is_public": kind.is_public,
            });
            if asked.is_admin() {
                shown["group_specs"] = json!(kind.specs);
            }
            shown
        })
        .collect();
    Ok(answer(StatusCode::OK, json!({"group_types": list})))
}

fn shown(group: &Group) -> Value {
    json!({
        "id": group.id,
        "status": group.status,
        "availability_zone": group.availability_zone,
        "created_at": view::time(group.created_at),
        "name": group.name,
        "description": group.description,
        "group_type": group.kind,
        "volume_types": group.volume_types,
        "group_snapshot_id": null,
        "source_group_id": null,
        "replication_status": "disabled",
    })
}

async fn list(State(world): State<SharedWorld>, asked: Asked) -> Result<Response, Fault> {
    asked.needs(13)?;
    let volumes = world.volume();
    let mine = volumes.groups.values().filter(|group| group.project_id == asked.project());
    let list: Vec<Value> = mine.map(|group| json!({"id": group.id, "name": group.name})).collect();
    Ok(answer(StatusCode::OK, json!({"groups": list})))
}

async fn detail(State(world): State<SharedWorld>, asked: Asked) -> Result<Response, Fault> {
    asked.needs(13)?;
    let volumes = world.volume();
    let mine = volumes.groups.values().filter(|group| group.project_id == asked.project());
    let list: Vec<Value> = mine.map(shown).collect();
    Ok(answer(StatusCode::OK, json!({"groups": list})))
}

fn find<'a>(asked: &Asked, volumes: &'a mut Volumes, id: &str) -> Result<&'a mut Group, Fault> {
    let found = volumes.groups.get_mut(id).filter(|group| asked.sees(&group.project_id));
    found.ok_or_else(|| Fault::missing(format!("Group {id} could not be found.")))
}

async fn show(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    asked.needs(13)?;
    let mut volumes = world.volume();
    Ok(answer(StatusCode::OK, json!({"group": shown(find(&asked, &mut volumes, &id)?)})))
}

async fn create(
    State(world): State<SharedWorld>,
    asked: Asked,
    Given(body): Given,
) -> Result<Response, Fault> {
    asked.needs(13)?;
    let properties = json!({
        "name": shapes::short(),
        "description": shapes::short(),
        "group_type": {"type": "string", "minLength": 1, "maxLength": 255},
        "volume_types": {"type": "array", "minItems": 1, "uniqueItems": true},
        "availability_zone": shapes::short(),
    });
    let needed = ["group_type", "volume_types"];
    let given = inner(&body, "group", shapes::object(properties, &needed, false))?;
    asked.member("group:create")?;
    let now = world.now();
    let mut volumes = world.volume();
    let wanted = text(&given, "group_type").unwrap_or_default();
    let kind = volumes.group_types.values().find(|kind| kind.id == wanted || kind.name == wanted);
    let kind = kind.map(|kind| kind.id.clone());
    let kind =
        kind.ok_or_else(|| Fault::missing(format!("Group type {wanted} could not be found.")))?;
    let mut types = Vec::new();
    for name in given["volume_types"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let found = volumes.type_called(name).ok_or_else(|| super::refusal::no_type(name))?;
        types.push(found.id.clone());
    }
    volumes.within_limits(asked.project(), &[("groups".to_owned(), 1)])?;
    let group = Group {
        id: world.ids.uuid(),
        project_id: asked.project().to_owned(),
        user_id: asked.user().to_owned(),
        name: text(&given, "name"),
        description: text(&given, "description"),
        status: "creating".to_owned(),
        kind,
        volume_types: types,
        availability_zone: ZONE.to_owned(),
        created_at: now,
    };
    let body = json!({"group": {"id": group.id, "name": group.name}});
    let change = Change::GroupReady { group: group.id.clone() };
    volumes.groups.insert(group.id.clone(), group);
    volumes.schedule(super::after(now, super::delay(&world)), change, asked.cause());
    Ok(answer(StatusCode::ACCEPTED, body))
}

async fn action(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    Given(body): Given,
) -> Result<Response, Fault> {
    asked.needs(13)?;
    let flag = json!({"delete-volumes": shapes::boolean()});
    let given = inner(&body, "delete", shapes::object(flag, &[], false))?;
    let now = world.now();
    let mut volumes = world.volume();
    find(&asked, &mut volumes, &id)?;
    asked.member("group:delete")?;
    let used = volumes.by_id.values().any(|volume| volume.group_id.as_ref() == Some(&id));
    if used && !given.get("delete-volumes").is_some_and(truth) {
        return Err(Fault::bad(format!(
            "Invalid group: Group {id} still contains volumes. The delete-volumes flag is required \
             to delete it."
        )));
    }
    "deleting".clone_into(&mut find(&asked, &mut volumes, &id)?.status);
    let change = Change::GroupGone { group: id };
    volumes.schedule(super::after(now, super::delay(&world)), change, asked.cause());
    Ok(StatusCode::ACCEPTED.into_response())
}

async fn snapshots(asked: Asked) -> Result<Response, Fault> {
    asked.needs(14)?;
    Ok(answer(StatusCode::OK, json!({"group_snapshots": []})))
}

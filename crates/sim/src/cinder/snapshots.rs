//! Snapshots.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::asked::{Asked, Given, answer, inner, pairs, text, unspecified};
use super::list::{Detail, Rules, Wanted};
use super::model::{Change, Snapshot};
use super::view::{self, SnapshotFields};
use super::words::{SnapshotStatus, VolumeStatus};
use super::{notify, shapes, words};
use crate::fault_body::Fault;
use crate::http::query::Query;
use crate::schema::oslo::truth;
use crate::world::{SharedWorld, World};

const RULES: Rules = Rules {
    kind: "snapshots",
    one: "Snapshot",
    filters: &["name", "status", "volume_id", "metadata", "availability_zone", "consumes_quota"],
    sorts: &["id", "name", "display_name", "status", "volume_id", "created_at", "updated_at"],
};

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/snapshots", get(list).post(create))
        .route("/snapshots/detail", get(list))
        .route("/snapshots/{id}", get(show).put(update).delete(remove))
        .route("/snapshots/{id}/action", post(action))
}

async fn list(
    State(world): State<SharedWorld>,
    asked: Asked,
    query: Query,
    detail: Detail,
) -> Result<Response, Fault> {
    let wanted = Wanted::parse(&asked, &query, RULES, detail.place())?;
    let volumes = world.volume();
    let mine = volumes
        .snapshots
        .values()
        .filter(|snapshot| wanted.all_projects || snapshot.project_id == asked.project());
    let page = wanted.page(mine)?;
    let fields = if detail.0 { SnapshotFields::Extended } else { SnapshotFields::Summary };
    let items = page.items.iter().map(|one| view::snapshot(&asked, one, fields)).collect();
    Ok(answer(StatusCode::OK, wanted.answer(&page, items)))
}

async fn show(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    let mut volumes = world.volume();
    let snapshot = asked.snapshot(&mut volumes, &id)?;
    let shown = view::snapshot(&asked, snapshot, SnapshotFields::Extended);
    Ok(answer(StatusCode::OK, json!({"snapshot": shown})))
}

/// The field `force`: any yes or no before 3.66, no "no" from then on.
fn forced(asked: &Asked, given: Option<&Value>) -> Result<bool, Fault> {
    let Some(given) = given else { return Ok(false) };
    if asked.at_least(66) && !truth(given) {
        return Err(Fault::bad(
            "Since microversion 3.66 the 'force' flag is invalid for this request.  For backward \
             compatability, however, when the 'force' flag is passed with a value evaluating to \
             True, it is silently ignored.",
        ));
    }
    Ok(truth(given))
}

async fn create(
    State(world): State<SharedWorld>,
    asked: Asked,
    Given(body): Given,
) -> Result<Response, Fault> {
    let properties = json!({
        "name": shapes::short(),
        "description": shapes::short(),
        "volume_id": {"oneOf": [shapes::uuid(), {"type": "null"}]},
        "force": shapes::boolean(),
        "metadata": shapes::metadata(true),
    });
    let given = inner(&body, "snapshot", shapes::object(properties, &["volume_id"], false))?;
    let volume_id = text(&given, "volume_id").ok_or_else(unspecified)?;
    let now = world.now();
    let mut volumes = world.volume();
    let volume = asked.volume(&mut volumes, &volume_id)?.clone();
    let force = forced(&asked, given.get("force"))? || asked.at_least(66);
    asked.member("volume:create_snapshot")?;
    let ready =
        volume.status == VolumeStatus::Available || force && volume.status == VolumeStatus::InUse;
    if !ready {
        let wanted = if force { "available, in-use" } else { "available" };
        return Err(Fault::bad(format!(
            "Invalid volume: Volume {} status must be {wanted}, but current status is: {}.",
            volume.id,
            volume.status.text()
        )));
    }
    let kind = volumes.types.get(&volume.type_id).map_or("", |kind| kind.name.as_str());
    let more = [
        ("gigabytes".to_owned(), volume.size),
        (format!("gigabytes_{kind}"), volume.size),
        ("snapshots".to_owned(), 1),
        (format!("snapshots_{kind}"), 1),
    ];
    volumes.within_limits(asked.project(), &more)?;
    let snapshot = Snapshot {
        id: world.ids.uuid(),
        volume_id: volume.id,
        project_id: asked.project().to_owned(),
        user_id: asked.user().to_owned(),
        name: text(&given, "name"),
        description: text(&given, "description"),
        status: SnapshotStatus::Creating,
        progress: "0%".to_owned(),
        volume_size: volume.size,
        type_id: volume.type_id,
        metadata: pairs(given.get("metadata")),
        image: volume.image,
        created_at: now,
        updated_at: None,
    };
    notify::snapshot(&world.events, &snapshot, "create.start", now, &asked.cause());
    let shown = view::snapshot(&asked, &snapshot, SnapshotFields::Detail);
    let change = Change::SnapshotReady { snapshot: snapshot.id.clone() };
    volumes.snapshots.insert(snapshot.id.clone(), snapshot);
    volumes.schedule(super::after(now, super::delay(&world)), change, asked.cause());
    Ok(answer(StatusCode::ACCEPTED, json!({"snapshot": shown})))
}

async fn update(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    Given(body): Given,
) -> Result<Response, Fault> {
    let keys = ["name", "description", "display_name", "display_description"];
    let properties = json!({
        "name": shapes::short(),
        "description": shapes::short(),
        "display_name": shapes::short(),
        "display_description": shapes::short(),
    });
    let mut schema = shapes::object(properties, &[], false);
    schema["anyOf"] = keys.iter().map(|key| json!({"required": [key]})).collect();
    let given = inner(&body, "snapshot", schema)?;
    let mut volumes = world.volume();
    let snapshot = asked.snapshot(&mut volumes, &id)?;
    asked.member("volume:update_snapshot")?;
    for key in ["display_name", "name"] {
        if given.contains_key(key) {
            snapshot.name = text(&given, key);
        }
    }
    for key in ["display_description", "description"] {
        if given.contains_key(key) {
            snapshot.description = text(&given, key);
        }
    }
    snapshot.updated_at = Some(world.now());
    let shown = view::snapshot(&asked, snapshot, SnapshotFields::Detail);
    Ok(answer(StatusCode::OK, json!({"snapshot": shown})))
}

async fn remove(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    delete(&world, &asked, &id, false)?;
    Ok(StatusCode::ACCEPTED.into_response())
}

fn delete(world: &World, asked: &Asked, id: &str, force: bool) -> Result<(), Fault> {
    let now = world.now();
    let mut volumes = world.volume();
    let snapshot = asked.snapshot(&mut volumes, id)?;
    if force {
        asked.admin_only("volume_extension:snapshot_admin_actions:force_delete")?;
    }
    asked.member("volume:delete_snapshot")?;
    let ready = matches!(snapshot.status, SnapshotStatus::Available | SnapshotStatus::Error);
    if !ready && !force {
        return Err(Fault::bad(
            "Invalid snapshot: Snapshot status must be available or error and must not be part of \
             a group.",
        ));
    }
    snapshot.status = SnapshotStatus::Deleting;
    snapshot.updated_at = Some(now);
    notify::snapshot(&world.events, snapshot, "delete.start", now, &asked.cause());
    let change = Change::SnapshotGone { snapshot: id.to_owned() };
    volumes.schedule(super::after(now, super::delay(world)), change, asked.cause());
    Ok(())
}

/// The states that an administrator may set, in the order in which Cinder names them.
const RESETTABLE: [&str; 10] = [
    "error",
    "available",
    "creating",
    "deleting",
    "deleted",
    "updating",
    "error_deleting",
    "unmanaging",
    "backing-up",
    "restoring",
];

async fn action(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    Given(body): Given,
) -> Result<Response, Fault> {
    let accepted = || (StatusCode::ACCEPTED, [(CONTENT_TYPE, "application/json")]).into_response();
    if body.get("os-force_delete").is_some() {
        return delete(&world, &asked, &id, true).map(|()| accepted());
    }
    let Some(given) = body.get("os-reset_status") else {
        let name = body.as_object().and_then(|body| body.keys().next()).cloned();
        return Err(Fault::bad(format!(
            "There is no such action: {}. Verify the request body and Content-Type header and try \
             again.",
            name.unwrap_or_default()
        )));
    };
    let mut volumes = world.volume();
    let snapshot = asked.snapshot(&mut volumes, &id)?;
    asked.admin_only("volume_extension:snapshot_admin_actions:reset_status")?;
    let word = given["status"].as_str().unwrap_or_default();
    let status: SnapshotStatus = words::parse(word).ok_or_else(|| {
        let known = RESETTABLE.map(|word| format!("'{word}'")).join(", ");
        Fault::bad(format!("Snapshot status: {word} is invalid, valid statuses are: ({known})."))
    })?;
    snapshot.status = status;
    snapshot.updated_at = Some(world.now());
    Ok(accepted())
}

//! Backups: whole ones and incremental ones that build on them.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value, json};

use super::asked::{Asked, Given, answer, inner, pairs, text};
use super::list::{Detail, Rules, Wanted};
use super::make::{self, Order};
use super::model::{Backup, Change, Snapshot, Volume, Volumes};
use super::words::{BackupStatus, SnapshotStatus, VolumeStatus};
use super::{notify, shapes, view, words};
use crate::fault_body::Fault;
use crate::http::query::Query;
use crate::schema::oslo::truth;
use crate::world::{SharedWorld, World};

const RULES: Rules = Rules {
    kind: "backups",
    one: "Backup",
    filters: &["name", "status", "volume_id"],
    sorts: &[
        "id",
        "name",
        "display_name",
        "status",
        "size",
        "volume_id",
        "created_at",
        "updated_at",
    ],
};

const ADMIN: &str = "volume_extension:backup_admin_actions";

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/backups", get(list).post(create))
        .route("/backups/detail", get(list))
        .route("/backups/{id}", get(show).put(update).delete(remove))
        .route("/backups/{id}/restore", post(restore))
        .route("/backups/{id}/action", post(action))
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
        .backups
        .values()
        .filter(|backup| wanted.all_projects || backup.project_id == asked.project());
    let page = wanted.page(mine)?;
    let items = page.items.iter().map(|backup| {
        if detail.0 {
            view::backup(&asked, &volumes, backup)
        } else {
            view::summary(&asked, "backups", &backup.id, backup.name.as_deref())
        }
    });
    let items = items.collect();
    Ok(answer(StatusCode::OK, wanted.answer(&page, items)))
}

async fn show(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    let mut volumes = world.volume();
    let backup = asked.backup(&mut volumes, &id)?.clone();
    Ok(answer(StatusCode::OK, json!({"backup": view::backup(&asked, &volumes, &backup)})))
}

fn invalid(kind: &str, reason: &str) -> Fault {
    Fault::bad(format!("Invalid {kind}: {reason}"))
}

async fn create(
    State(world): State<SharedWorld>,
    asked: Asked,
    Given(body): Given,
) -> Result<Response, Fault> {
    let mut properties = json!({
        "volume_id": shapes::uuid(),
        "container": shapes::short(),
        "description": shapes::short(),
        "incremental": shapes::boolean(),
        "force": shapes::boolean(),
        "name": shapes::short(),
        "snapshot_id": shapes::optional_uuid(),
    });
    if asked.at_least(43) {
        properties["metadata"] = shapes::metadata(false);
    }
    if asked.at_least(51) {
        properties["availability_zone"] = shapes::short();
    }
    let given = inner(&body, "backup", shapes::object(properties, &["volume_id"], false))?;
    let now = world.now();
    let mut volumes = world.volume();
    let volume_id = text(&given, "volume_id").unwrap_or_default();
    let volume = asked.volume(&mut volumes, &volume_id)?.clone();
    asked.member("backup:create")?;
    let snapshot = match text(&given, "snapshot_id") {
        Some(id) => Some(asked.snapshot(&mut volumes, &id)?.clone()),
        None => None,
    };
    source_is_ready(&volume, snapshot.as_ref(), given.get("force").is_some_and(truth))?;
    let size = snapshot.as_ref().map_or(volume.size, |snapshot| snapshot.volume_size);
    let more = [("backup_gigabytes".to_owned(), size), ("backups".to_owned(), 1)];
    volumes.within_limits(asked.project(), &more)?;
    let parent = parent(&volumes, &volume, &given)?;
    let backup = Backup {
        id: world.ids.uuid(),
        volume_id: volume.id.clone(),
        project_id: asked.project().to_owned(),
        user_id: asked.user().to_owned(),
        name: text(&given, "name"),
        description: text(&given, "description"),
        status: BackupStatus::Creating,
        size,
        container: text(&given, "container"),
        // Nothing changes in volumes nobody writes to: an increment has no objects.
        object_count: u64::from(parent.is_none()),
        parent_id: parent,
        snapshot_id: snapshot.as_ref().map(|snapshot| snapshot.id.clone()),
        fail_reason: None,
        availability_zone: text(&given, "availability_zone"),
        metadata: pairs(given.get("metadata")),
        image: volume.image.clone(),
        bootable: volume.bootable,
        created_at: now,
        updated_at: None,
        data_timestamp: Some(snapshot.as_ref().map_or(now, |snapshot| snapshot.created_at)),
    };
    let back_to = volume.status;
    if let Some(snapshot) = &snapshot {
        if let Some(snapshot) = volumes.snapshots.get_mut(&snapshot.id) {
            snapshot.status = SnapshotStatus::BackingUp;
        }
    } else if let Some(volume) = volumes.by_id.get_mut(&volume.id) {
        volume.previous_status = Some(back_to);
        volume.become_(VolumeStatus::BackingUp, now);
    }
    notify::backup(&world.events, &backup, "create.start", now, &asked.cause());
    let shown = view::summary(&asked, "backups", &backup.id, backup.name.as_deref());
    let change = Change::BackupReady { backup: backup.id.clone(), back_to };
    volumes.backups.insert(backup.id.clone(), backup);
    volumes.schedule(super::after(now, super::delay(&world)), change, asked.cause());
    Ok(answer(StatusCode::ACCEPTED, json!({"backup": shown})))
}

/// Refuses what cannot be backed up now.
fn source_is_ready(volume: &Volume, snapshot: Option<&Snapshot>, force: bool) -> Result<(), Fault> {
    if let Some(snapshot) = snapshot {
        if snapshot.volume_id != volume.id {
            return Err(invalid(
                "volume",
                &format!(
                    "Volume {} does not match with snapshot.volume_id {}.",
                    volume.id, snapshot.volume_id
                ),
            ));
        }
        if snapshot.status != SnapshotStatus::Available {
            return Err(invalid(
                "snapshot",
                &format!(
                    "Snapshot to be backed up must be available, but the current status is \"{}\".",
                    snapshot.status.text()
                ),
            ));
        }
        return Ok(());
    }
    match volume.status {
        VolumeStatus::Available => Ok(()),
        VolumeStatus::InUse if force => Ok(()),
        VolumeStatus::InUse => {
            Err(invalid("volume", "Backing up an in-use volume must use the force flag."))
        }
        other => Err(invalid(
            "volume",
            &format!(
                "Volume to be backed up must be available or in-use, but the current status is \
                 \"{}\".",
                other.text()
            ),
        )),
    }
}

/// The backup that an incremental one builds on: the newest of the volume.
fn parent(
    volumes: &Volumes,
    volume: &Volume,
    given: &Map<String, Value>,
) -> Result<Option<String>, Fault> {
    if !given.get("incremental").is_some_and(truth) {
        return Ok(None);
    }
    let of_volume = volumes.backups.values().filter(|backup| backup.volume_id == volume.id);
    let newest = of_volume
        .max_by_key(|backup| backup.created_at)
        .ok_or_else(|| invalid("backup", "No backups available to do an incremental backup."))?;
    if newest.status != BackupStatus::Available {
        let text = "The parent backup must be available for incremental backup.";
        return Err(invalid("backup", text));
    }
    Ok(Some(newest.id.clone()))
}

async fn update(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    Given(body): Given,
) -> Result<Response, Fault> {
    asked.needs(9)?;
    let mut properties = json!({"name": shapes::short(), "description": shapes::short()});
    if asked.at_least(43) {
        properties["metadata"] = shapes::metadata(false);
    }
    let given = inner(&body, "backup", shapes::object(properties, &[], false))?;
    let mut volumes = world.volume();
    let backup = asked.backup(&mut volumes, &id)?;
    asked.member("backup:update")?;
    if given.contains_key("name") {
        backup.name = text(&given, "name");
    }
    if given.contains_key("description") {
        backup.description = text(&given, "description");
    }
    if let Some(metadata) = given.get("metadata") {
        backup.metadata = pairs(Some(metadata));
    }
    backup.updated_at = Some(world.now());
    let shown = view::summary(&asked, "backups", &backup.id, backup.name.as_deref());
    Ok(answer(StatusCode::OK, json!({"backup": shown})))
}

async fn restore(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    Given(body): Given,
) -> Result<Response, Fault> {
    let properties = json!({"name": shapes::short(), "volume_id": shapes::optional_uuid()});
    let given = inner(&body, "restore", shapes::object(properties, &[], false))?;
    let backup = asked.backup(&mut world.volume(), &id)?.clone();
    asked.member("backup:restore")?;
    if backup.status != BackupStatus::Available {
        return Err(invalid("backup", "Backup status must be available"));
    }
    let target = match text(&given, "volume_id") {
        Some(id) => id,
        None => new_target(&world, &asked, &backup, text(&given, "name"))?,
    };
    let now = world.now();
    let mut volumes = world.volume();
    let volume = asked.volume(&mut volumes, &target)?;
    let fresh = text(&given, "volume_id").is_none();
    if volume.status != VolumeStatus::Available && !fresh {
        return Err(invalid("volume", "Volume to be restored to must be available"));
    }
    if backup.size > volume.size {
        return Err(invalid(
            "volume",
            &format!(
                "volume size {} is too small to restore backup of size {}.",
                volume.size, backup.size
            ),
        ));
    }
    volume.become_(VolumeStatus::Restoring, now);
    let name = volume.name.clone();
    let found = asked.backup(&mut volumes, &id)?;
    found.status = BackupStatus::Restoring;
    notify::backup(&world.events, found, "restore.start", now, &asked.cause());
    let change = Change::BackupRestored { backup: id.clone(), volume: target.clone() };
    volumes.schedule(super::after(now, super::delay(&world)), change, asked.cause());
    let shown = json!({"backup_id": id, "volume_id": target, "volume_name": name});
    Ok(answer(StatusCode::ACCEPTED, json!({"restore": shown})))
}

/// A volume to restore to; Cinder waits until it is there before it answers.
fn new_target(
    world: &World,
    asked: &Asked,
    backup: &Backup,
    name: Option<String>,
) -> Result<String, Fault> {
    let order = Order {
        size: Some(backup.size),
        name: Some(name.unwrap_or_else(|| format!("restore_backup_{}", backup.id))),
        description: backup.description.clone(),
        project: asked.project().to_owned(),
        user: asked.user().to_owned(),
        admin: asked.is_admin(),
        ..Order::default()
    };
    make::create(world, order, asked.cause()).map(|volume| volume.id)
}

async fn remove(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    delete(&world, &asked, &id, false)
}

fn accepted() -> Response {
    (StatusCode::ACCEPTED, [(CONTENT_TYPE, "application/json")]).into_response()
}

fn delete(world: &World, asked: &Asked, id: &str, force: bool) -> Result<Response, Fault> {
    let now = world.now();
    let mut volumes = world.volume();
    let status = asked.backup(&mut volumes, id)?.status;
    if force {
        asked.admin_only(&format!("{ADMIN}:force_delete"))?;
    }
    asked.member("backup:delete")?;
    if !force && !matches!(status, BackupStatus::Available | BackupStatus::Error) {
        return Err(invalid("backup", "Backup status must be available or error"));
    }
    if volumes.backups.values().any(|other| other.parent_id.as_deref() == Some(id)) {
        return Err(invalid("backup", "Incremental backups exist for this backup."));
    }
    let backup = asked.backup(&mut volumes, id)?;
    backup.status = BackupStatus::Deleting;
    backup.updated_at = Some(now);
    notify::backup(&world.events, backup, "delete.start", now, &asked.cause());
    let change = Change::BackupGone { backup: id.to_owned() };
    volumes.schedule(super::after(now, super::delay(world)), change, asked.cause());
    Ok(accepted())
}

async fn action(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    Given(body): Given,
) -> Result<Response, Fault> {
    if body.get("os-force_delete").is_some() {
        return delete(&world, &asked, &id, true);
    }
    let mut volumes = world.volume();
    let backup = asked.backup(&mut volumes, &id)?;
    asked.admin_only(&format!("{ADMIN}:reset_status"))?;
    let word = body["os-reset_status"]["status"].as_str().unwrap_or_default();
    let status = words::parse(word)
        .filter(|status| matches!(status, BackupStatus::Available | BackupStatus::Error));
    backup.status = status.ok_or_else(|| {
        Fault::bad(format!(
            "Invalid input for field/attribute status. Value: {word}. '{word}' is not one of \
             ['available', 'error']"
        ))
    })?;
    backup.updated_at = Some(world.now());
    Ok(accepted())
}

//! Volumes: list, show, create, change, delete.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::asked::{Asked, Given, answer, inner, input, names_fit, pairs, text, unspecified};
use super::list::{Detail, Rules, Wanted};
use super::make::{self, Order, Source};
use super::model::{Change, Volume, Volumes};
use super::view::{self, Extent};
use super::words::{AttachStatus, SnapshotStatus, VolumeStatus};
use super::{notify, shapes};
use crate::fault_body::Fault;
use crate::http::query::Query;
use crate::schema::oslo::{count, truth};
use crate::world::{SharedWorld, World};

const RULES: Rules = Rules {
    kind: "volumes",
    one: "Volume",
    filters: &[
        "name",
        "status",
        "metadata",
        "bootable",
        "migration_status",
        "availability_zone",
        "group_id",
        "size",
        "created_at",
        "updated_at",
        "consumes_quota",
    ],
    sorts: &[
        "id",
        "name",
        "display_name",
        "status",
        "size",
        "bootable",
        "availability_zone",
        "created_at",
        "updated_at",
        "project_id",
        "user_id",
        "host",
    ],
};

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/volumes", get(list).post(create))
        .route("/volumes/detail", get(list))
        .route("/volumes/summary", get(summary))
        .route("/volumes/{id}", get(show).put(update).delete(remove))
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
        .by_id
        .values()
        .filter(|volume| wanted.all_projects || volume.project_id == asked.project());
    let page = wanted.page(mine)?;
    let items = page.items.iter().map(|volume| {
        if detail.0 {
            view::volume(&asked, &volumes, volume, Extent::Full)
        } else {
            view::summary(&asked, "volumes", &volume.id, volume.name.as_deref())
        }
    });
    let items = items.collect();
    Ok(answer(StatusCode::OK, wanted.answer(&page, items)))
}

async fn summary(
    State(world): State<SharedWorld>,
    asked: Asked,
    query: Query,
) -> Result<Response, Fault> {
    asked.needs(12)?;
    let all = asked.is_admin() && query.get("all_tenants").is_some_and(|yes| truth(&json!(yes)));
    let volumes = world.volume();
    let mine: Vec<&Volume> = volumes
        .by_id
        .values()
        .filter(|volume| all || volume.project_id == asked.project())
        .collect();
    let mut shown = json!({
        "total_count": mine.len(),
        "total_size": mine.iter().map(|volume| volume.size).sum::<u64>(),
    });
    if asked.at_least(36) {
        let mut distinct =
            std::collections::BTreeMap::<&str, std::collections::BTreeSet<&str>>::new();
        for (key, value) in mine.iter().flat_map(|volume| &volume.metadata) {
            distinct.entry(key).or_default().insert(value);
        }
        shown["metadata"] = json!(distinct);
    }
    Ok(answer(StatusCode::OK, json!({"volume-summary": shown})))
}

async fn show(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    let mut volumes = world.volume();
    let volume = asked.volume(&mut volumes, &id)?.clone();
    let shown = view::volume(&asked, &volumes, &volume, Extent::Full);
    Ok(answer(StatusCode::OK, json!({"volume": shown})))
}

fn create_schema(asked: &Asked) -> Value {
    let mut properties = json!({
        "name": shapes::free(),
        "description": shapes::free(),
        "display_name": shapes::free(),
        "display_description": shapes::free(),
        "volume_type": shapes::short(),
        "metadata": shapes::metadata(true),
        "snapshot_id": shapes::optional_uuid(),
        "source_volid": shapes::optional_uuid(),
        "consistencygroup_id": shapes::optional_uuid(),
        "size": shapes::size(true),
        "availability_zone": shapes::short(),
        "multiattach": shapes::optional_boolean(),
        "image_id": shapes::short(),
        "imageRef": shapes::short(),
    });
    if asked.at_least(13) {
        properties["group_id"] = shapes::short();
    }
    if asked.at_least(47) {
        properties["backup_id"] = shapes::optional_uuid();
    }
    shapes::object(properties, &[], !asked.at_least(53))
}

async fn create(
    State(world): State<SharedWorld>,
    asked: Asked,
    Given(mut body): Given,
) -> Result<Response, Fault> {
    // Hints for the scheduler are taken and change nothing.
    if let Some(body) = body.as_object_mut() {
        body.shift_remove("OS-SCH-HNT:scheduler_hints");
    }
    let given = inner(&body, "volume", create_schema(&asked))?;
    names_fit(&given)?;
    asked.member("volume:create")?;
    if given.get("multiattach").is_some_and(truth) {
        return Err(Fault::bad(
            "multiattach parameter has been removed. The default behavior is to use multiattach \
             enabled volume types. Contact your administrator to create a multiattach enabled \
             volume type and use it to create multiattach volumes.",
        ));
    }
    let order = order(&asked, &given)?;
    if let Some(group) = &order.group_id
        && !world.volume().groups.get(group).is_some_and(|group| asked.sees(&group.project_id))
    {
        return Err(Fault::missing(format!("Group {group} could not be found.")));
    }
    let volume = make::create(&world, order, asked.cause())?;
    let volumes = world.volume();
    // The answer shows it as it was made, even if it is ready at once.
    let shown = view::volume(&asked, &volumes, &volume, Extent::Plain);
    Ok(answer(StatusCode::ACCEPTED, json!({"volume": shown})))
}

fn order(asked: &Asked, given: &Map<String, Value>) -> Result<Order, Fault> {
    let named = |key: &str| text(given, key).filter(|text| !text.is_empty());
    let source = if let Some(id) = named("snapshot_id") {
        Source::Snapshot(id)
    } else if let Some(id) = named("source_volid") {
        Source::Volume(id)
    } else if let Some(id) = named("imageRef").or_else(|| named("image_id")) {
        Source::Image(id)
    } else if let Some(id) = named("backup_id") {
        Source::Backup(id)
    } else {
        Source::Blank
    };
    let size = given.get("size").and_then(count).and_then(|size| u64::try_from(size).ok());
    if size.is_none() && matches!(source, Source::Blank | Source::Image(_)) {
        return Err(unspecified());
    }
    let either = |new: &str, old: &str| text(given, new).or_else(|| text(given, old));
    Ok(Order {
        source,
        size,
        volume_type: named("volume_type"),
        name: either("name", "display_name"),
        description: either("description", "display_description"),
        metadata: pairs(given.get("metadata")),
        availability_zone: named("availability_zone"),
        group_id: named("group_id"),
        project: asked.project().to_owned(),
        user: asked.user().to_owned(),
        admin: asked.is_admin(),
    })
}

async fn update(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    Given(body): Given,
) -> Result<Response, Fault> {
    let properties = json!({
        "name": shapes::free(),
        "description": shapes::free(),
        "display_name": shapes::free(),
        "display_description": shapes::free(),
        "metadata": shapes::metadata(false),
    });
    let mut schema = shapes::object(properties, &[], false);
    if asked.at_least(53) {
        let keys = ["name", "description", "display_name", "display_description", "metadata"];
        schema["anyOf"] = keys.iter().map(|key| json!({"required": [key]})).collect();
    }
    let given = inner(&body, "volume", schema)?;
    names_fit(&given)?;
    let now = world.now();
    let mut volumes = world.volume();
    let volume = asked.volume(&mut volumes, &id)?;
    asked.member("volume:update")?;
    if given.is_empty() {
        return Err(unspecified());
    }
    for key in ["display_name", "name"] {
        if given.contains_key(key) {
            volume.name = text(&given, key);
        }
    }
    for key in ["display_description", "description"] {
        if given.contains_key(key) {
            volume.description = text(&given, key);
        }
    }
    if let Some(metadata) = given.get("metadata") {
        volume.metadata = pairs(Some(metadata));
    }
    volume.updated_at = Some(now);
    notify::volume(&world.events, volume, "update.end", now, &asked.cause());
    let volume = volume.clone();
    let shown = view::volume(&asked, &volumes, &volume, Extent::Plain);
    Ok(answer(StatusCode::OK, json!({"volume": shown})))
}

async fn remove(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    query: Query,
) -> Result<Response, Fault> {
    let flag = |name: &str| query.get(name).is_some_and(|yes| truth(&json!(yes)));
    let (cascade, force) = (flag("cascade"), flag("force") && asked.at_least(23));
    let mut volumes = world.volume();
    asked.volume(&mut volumes, &id)?;
    if force {
        asked.admin_only("volume:force_delete")?;
    }
    asked.member("volume:delete")?;
    delete(&world, &mut volumes, &asked, &id, Deletion { cascade, force })?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// How a volume is deleted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deletion {
    /// With its snapshots.
    pub(crate) cascade: bool,
    /// Whatever its state.
    pub(crate) force: bool,
}

/// Begins to delete a volume that is there.
pub(crate) fn delete(
    world: &World,
    volumes: &mut Volumes,
    asked: &Asked,
    id: &str,
    how: Deletion,
) -> Result<(), Fault> {
    let now = world.now();
    let Some(volume) = volumes.by_id.get(id) else { return Ok(()) };
    let attached = volume.attachments.iter().any(|one| one.status == AttachStatus::Attached);
    let ready = matches!(
        volume.status,
        VolumeStatus::Available
            | VolumeStatus::Error
            | VolumeStatus::ErrorRestoring
            | VolumeStatus::ErrorExtending
    );
    let snapshots: Vec<SnapshotStatus> =
        volumes.snapshots_of(id).map(|snapshot| snapshot.status).collect();
    let grouped = volume.group_id.is_some();
    if attached || grouped || !(ready || how.force) || !(snapshots.is_empty() || how.cascade) {
        let conditions = if how.force {
            "Volume must not be migrating, attached, belong to a group, "
        } else {
            "Volume status must be available or error or error_restoring or error_extending or \
             error_managing and must not be migrating, attached, belong to a group, "
        };
        let snapshots = if how.cascade { "" } else { "have snapshots, " };
        return Err(Fault::bad(format!(
            "Invalid volume: {conditions}{snapshots}awaiting a transfer, or be disassociated from \
             snapshots after volume transfer."
        )));
    }
    let busy = |status: &SnapshotStatus| {
        !matches!(status, SnapshotStatus::Available | SnapshotStatus::Error)
    };
    if how.cascade && snapshots.iter().any(busy) {
        return Err(input("Failed to update snapshot."));
    }
    let cause = asked.cause();
    for snapshot in volumes.snapshots.values_mut().filter(|it| it.volume_id == id) {
        snapshot.status = SnapshotStatus::Deleting;
        notify::snapshot(&world.events, snapshot, "delete.start", now, &cause);
    }
    if let Some(volume) = volumes.by_id.get_mut(id) {
        volume.become_(VolumeStatus::Deleting, now);
        notify::volume(&world.events, volume, "delete.start", now, &cause);
    }
    let due = super::after(now, super::delay(world));
    volumes.schedule(due, Change::VolumeGone { volume: id.to_owned() }, cause);
    Ok(())
}

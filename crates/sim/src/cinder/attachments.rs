//! The attachments API (3.27 and later), which Nova uses and clients may look at.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::StatusCode;
use serde_json::{Value, json};

use super::asked::{Asked, Given, answer, inner};
use super::attach::reserve;
use super::list::{Detail, Listed, Rules, Wanted};
use super::model::{Attachment, Change, Volume, Volumes};
use super::words::{AttachStatus, VolumeStatus};
use super::{notify, shapes, view};
use crate::fault_body::Fault;
use crate::http::query::Query;
use crate::world::SharedWorld;

const RULES: Rules = Rules {
    kind: "attachments",
    one: "VolumeAttachment",
    filters: &["volume_id", "status", "instance_id", "attach_status"],
    sorts: &["id", "volume_id", "attach_status", "created_at", "updated_at"],
};

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/attachments", get(list).post(create))
        .route("/attachments/detail", get(list))
        .route("/attachments/{id}", get(show).put(update).delete(remove))
        .route("/attachments/{id}/action", post(action))
}

/// An attachment together with its volume.
#[derive(Debug)]
struct Entry {
    attachment: Attachment,
    volume: Volume,
}

impl Listed for Entry {
    fn id(&self) -> &str {
        &self.attachment.id
    }

    fn created(&self) -> lotse_core::time::Timestamp {
        self.volume.created_at
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(match name {
            "id" => json!(self.attachment.id),
            "volume_id" => json!(self.volume.id),
            "instance_id" => json!(self.attachment.server),
            "attach_status" => json!(self.attachment.status.text()),
            // A column of this name does not exist: `status` finds nothing.
            _ => return None,
        })
    }
}

async fn list(
    State(world): State<SharedWorld>,
    asked: Asked,
    query: Query,
    detail: Detail,
) -> Result<Response, Fault> {
    asked.needs(27)?;
    let wanted = Wanted::parse(&asked, &query, RULES, "")?;
    let volumes = world.volume();
    let entries: Vec<Entry> = volumes
        .by_id
        .values()
        .filter(|volume| wanted.all_projects || volume.project_id == asked.project())
        .flat_map(|volume| {
            volume
                .attachments
                .iter()
                .map(|one| Entry { attachment: one.clone(), volume: volume.clone() })
        })
        .collect();
    drop(volumes);
    let page = wanted.page(entries.iter())?;
    let items: Vec<Value> = page
        .items
        .iter()
        .map(|entry| {
            if detail.0 {
                view::attachment(&entry.volume.id, &entry.attachment, false)
            } else {
                view::attachment_summary(&entry.volume.id, &entry.attachment)
            }
        })
        .collect();
    Ok(answer(StatusCode::OK, json!({"attachments": items})))
}

fn missing(id: &str) -> Fault {
    Fault::missing(format!(
        "Volume attachment could not be found with filter: attachment_id = {id}."
    ))
}

/// The id of the volume of an attachment.
fn volume_of(volumes: &Volumes, id: &str) -> Result<String, Fault> {
    volumes.attachment(id).map(|(volume, _)| volume.id.clone()).ok_or_else(|| missing(id))
}

async fn show(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    asked.needs(27)?;
    let volumes = world.volume();
    // Whoever knows the id sees it, as in Cinder.
    let (volume, attachment) = volumes.attachment(&id).ok_or_else(|| missing(&id))?;
    let shown = view::attachment(&volume.id, attachment, true);
    Ok(answer(StatusCode::OK, json!({"attachment": shown})))
}

async fn create(
    State(world): State<SharedWorld>,
    asked: Asked,
    Given(body): Given,
) -> Result<Response, Fault> {
    asked.needs(27)?;
    let mut properties = json!({
        "instance_uuid": shapes::uuid(),
        "connector": {"type": ["object", "null"]},
        "volume_uuid": shapes::uuid(),
    });
    if asked.at_least(54) {
        properties["mode"] = json!({"type": "string", "enum": ["rw", "ro"]});
    }
    let given = inner(&body, "attachment", shapes::object(properties, &["volume_uuid"], false))?;
    let field = |name: &str| given.get(name).and_then(Value::as_str).map(str::to_owned);
    let server = field("instance_uuid");
    let now = world.now();
    let mut volumes = world.volume();
    let volume = asked.volume(&mut volumes, &field("volume_uuid").unwrap_or_default())?;
    asked.member("volume:attachment_create")?;
    reserve(volume, server.as_deref()).map_err(Fault::bad)?;
    let mut attachment = Attachment {
        id: world.ids.uuid(),
        status: AttachStatus::Reserved,
        server,
        mode: if volume.readonly() { Some("ro".to_owned()) } else { field("mode") },
        ..Attachment::default()
    };
    let connector = given.get("connector").filter(|connector| connector.is_object());
    if let Some(connector) = connector {
        connect(&mut attachment, connector);
        volume.status = VolumeStatus::Attaching;
    }
    volume.updated_at = Some(now);
    notify::volume(&world.events, volume, "attach.start", now, &asked.cause());
    let shown = view::attachment(&volume.id, &attachment, connector.is_some());
    volume.attachments.push(attachment);
    Ok(answer(StatusCode::OK, json!({"attachment": shown})))
}

/// Takes over what a compute host says of itself.
fn connect(attachment: &mut Attachment, connector: &Value) {
    let text = |name: &str| connector[name].as_str().map(str::to_owned);
    attachment.status = AttachStatus::Attaching;
    attachment.host = text("host");
    attachment.device = text("mountpoint").or_else(|| attachment.device.take());
    attachment.mode = text("mode").or_else(|| attachment.mode.take());
    attachment.connector = connector.clone();
}

async fn update(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    Given(body): Given,
) -> Result<Response, Fault> {
    asked.needs(27)?;
    let connector = json!({"connector": {"type": "object", "minProperties": 1}});
    let given = inner(&body, "attachment", shapes::object(connector, &["connector"], false))?;
    let mut volumes = world.volume();
    let owner = volume_of(&volumes, &id)?;
    let Some(volume) = volumes.by_id.get_mut(&owner) else { return Err(missing(&id)) };
    if !asked.sees(&volume.project_id) {
        return Err(Fault::policy("volume:attachment_update"));
    }
    asked.member("volume:attachment_update")?;
    let others = volume.attachments.iter().any(|one| one.id != id && !one.connector.is_null());
    if others && !volume.multiattach {
        let text = format!("Invalid volume: duplicate connectors detected on volume {}", volume.id);
        return Err(Fault::bad(text));
    }
    let Some(attachment) = volume.attachments.iter_mut().find(|one| one.id == id) else {
        return Err(missing(&id));
    };
    connect(attachment, &given["connector"]);
    let shown = view::attachment(&volume.id, attachment, true);
    volume.become_(VolumeStatus::Attaching, world.now());
    Ok(answer(StatusCode::OK, json!({"attachment": shown})))
}

async fn action(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    Given(body): Given,
) -> Result<Response, Fault> {
    if body.get("os-complete").is_none() {
        let name = body.as_object().and_then(|body| body.keys().next()).cloned();
        return Err(Fault::bad(format!(
            "There is no such action: {}. Verify the request body and Content-Type header and try \
             again.",
            name.unwrap_or_default()
        )));
    }
    asked.needs(44)?;
    let now = world.now();
    let mut volumes = world.volume();
    let owner = volume_of(&volumes, &id)?;
    let Some(volume) = volumes.by_id.get_mut(&owner) else { return Err(missing(&id)) };
    if !asked.sees(&volume.project_id) {
        return Err(Fault::policy("volume:attachment_complete"));
    }
    asked.member("volume:attachment_complete")?;
    let Some(attachment) = volume.attachments.iter_mut().find(|one| one.id == id) else {
        return Err(missing(&id));
    };
    attachment.status = AttachStatus::Attached;
    if !attachment.connector.is_null() {
        attachment.attached_at = Some(now);
        let mode = attachment.mode.clone().unwrap_or_else(|| "rw".to_owned());
        volume.admin_metadata.insert("attached_mode".to_owned(), mode);
    }
    volume.become_(VolumeStatus::InUse, now);
    notify::volume(&world.events, volume, "attach.end", now, &asked.cause());
    Ok((StatusCode::NO_CONTENT, [(http::header::CONTENT_TYPE, "application/json")]).into_response())
}

async fn remove(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    asked.needs(27)?;
    let now = world.now();
    let mut volumes = world.volume();
    let owner = volume_of(&volumes, &id)?;
    let Some(volume) = volumes.by_id.get_mut(&owner) else { return Err(missing(&id)) };
    if !asked.sees(&volume.project_id) {
        return Err(Fault::policy("volume:attachment_delete"));
    }
    asked.member("volume:attachment_delete")?;
    notify::volume(&world.events, volume, "detach.start", now, &asked.cause());
    volume.attachments.retain(|one| one.id != id);
    let status = volume.status_by_attachments();
    if status == VolumeStatus::Available {
        volume.admin_metadata.remove("attached_mode");
    }
    volume.become_(status, now);
    notify::volume(&world.events, volume, "detach.end", now, &asked.cause());
    let left: Vec<Value> =
        volume.attachments.iter().map(|one| view::attachment_summary(&volume.id, one)).collect();
    volumes.pending.retain(|pending| {
        !matches!(&pending.change, Change::Attached { attachment, .. } if *attachment == id)
    });
    Ok(answer(StatusCode::OK, json!({"attachments": left})))
}

//! Volumes at servers: `os-volume_attachments`.

use axum::extract::{Path, State};
use http::StatusCode;
use serde_json::{Value, json};

use crate::cinder::attach::AttachError;
use crate::fault_body::Fault;
use crate::http::query::Query;
use crate::nova::actions::{self};
use crate::nova::asked::{Asked, Json};
use crate::nova::find::{self, Allowed};
use crate::nova::server::{Disk, Server, VmState};
use crate::nova::{disks, notify, shapes};
use crate::schema::oslo::truth;
use crate::schema::refused::{fits, query_fits};
use crate::world::SharedWorld;

fn volume_view(disk: &Disk, server: &Server, asked: &Asked) -> Value {
    let mut shown = json!({
        "id": disk.volume,
        "volumeId": disk.volume,
        "serverId": server.id,
        "device": disk.device,
    });
    if asked.at_least(70) {
        shown["tag"] = json!(disk.tag);
    }
    if asked.at_least(79) {
        shown["delete_on_termination"] = json!(disk.delete_on_termination);
    }
    if asked.at_least(89) {
        shown["attachment_id"] = json!(disk.attachment);
        shown["bdm_uuid"] = json!(disk.mapping);
        if let Value::Object(fields) = &mut shown {
            fields.shift_remove("id");
        }
    }
    shown
}

pub(super) async fn volumes(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    query: Query,
) -> Result<axum::Json<Value>, Fault> {
    let parameters = [("limit", shapes::not_negative()), ("offset", shapes::not_negative())];
    query_fits(&shapes::query(&parameters, !asked.at_least(75)), &query)?;
    let compute = world.compute();
    let server = find::find(&compute, &id, &asked)?;
    asked.reader("os-volumes-attachments:index")?;
    let number = |name: &str| query.get(name).and_then(|text| text.parse::<usize>().ok());
    let limit = number("limit").filter(|limit| *limit > 0).unwrap_or(usize::MAX);
    let disks = server.disks.iter().skip(number("offset").unwrap_or(0)).take(limit);
    let shown = disks.map(|disk| volume_view(disk, server, &asked));
    Ok(axum::Json(json!({"volumeAttachments": shown.collect::<Value>()})))
}

fn not_attached(server: &str, volume: &str) -> Fault {
    Fault::missing(format!("Instance {server} is not attached to volume {volume}"))
}

pub(super) async fn volume(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path((id, volume)): Path<(String, String)>,
) -> Result<axum::Json<Value>, Fault> {
    let compute = world.compute();
    let server = find::find(&compute, &id, &asked)?;
    asked.reader("os-volumes-attachments:show")?;
    let disk = server.disks.iter().find(|disk| disk.volume == volume);
    let disk = disk.ok_or_else(|| not_attached(&id, &volume))?;
    Ok(axum::Json(json!({"volumeAttachment": volume_view(disk, server, &asked)})))
}

/// States in which volumes come and go.
const ATTACHABLE: Allowed = Allowed::in_state(&[
    VmState::Active,
    VmState::Paused,
    VmState::Stopped,
    VmState::Resized,
    VmState::Shelved,
    VmState::ShelvedOffloaded,
]);

fn attachment_schema(asked: &Asked) -> Value {
    let mut fields = json!({
        "volumeId": shapes::uuid(),
        "device": {
            "type": ["string", "null"], "pattern": "(^/dev/x{0,1}[a-z]{0,1}d{0,1})([a-z]+)[0-9]*$",
        },
    });
    if asked.at_least(49) {
        fields["tag"] = shapes::tag();
    }
    if asked.at_least(79) {
        fields["delete_on_termination"] = shapes::boolean();
    }
    shapes::wrapped("volumeAttachment", fields, &["volumeId"])
}

pub(super) async fn attach_volume(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    Json(body): Json,
) -> Result<axum::Json<Value>, Fault> {
    fits(&attachment_schema(&asked), &body)?;
    let wanted = &body["volumeAttachment"];
    let volume = wanted["volumeId"].as_str().unwrap_or_default().to_owned();
    let tag = wanted["tag"].as_str().map(str::to_owned);
    let goes = wanted.get("delete_on_termination").is_some_and(truth);
    let (host, device) = {
        let compute = world.compute();
        let rule = "os-volumes-attachments:create";
        let server = find::find_to_change(&compute, &id, (&asked, rule))?;
        find::unlocked(server, &asked)?;
        find::check(server, "attach_volume", ATTACHABLE)?;
        let taken = |device: &str| server.disks.iter().any(|disk| disk.device == device);
        let free = || (1..26).map(disks::device).find(|device| !taken(device)).unwrap_or_default();
        let device = match wanted["device"].as_str().filter(|device| !device.is_empty()) {
            Some(device) if taken(device) => {
                let text = format!("The supplied device path ({device}) is in use.");
                return Err(Fault::conflict(text));
            }
            Some(device) => device.to_owned(),
            None => free(),
        };
        (server.host.as_deref().unwrap_or_default().to_owned(), device)
    };
    let project = (!asked.is_admin()).then(|| asked.project());
    let cause = asked.cause();
    let attached = disks::connect(&world, (project, &cause), (&id, &host), (&volume, &device));
    let attachment = attached.map_err(|error| match error {
        AttachError::NotFound => Fault::missing(format!("Volume {volume} could not be found.")),
        AttachError::Invalid(text) => Fault::bad(text),
    })?;
    let now = world.now();
    let size =
        crate::cinder::attach::lookup(&world, &volume, None).map_or(0, |known| known.size_gb);
    let mapping = world.ids.uuid();
    let mut compute = world.compute();
    compute.servers.change(&id, |server| {
        server.disks.push(Disk {
            volume: volume.clone(),
            attachment,
            mapping,
            device: device.clone(),
            delete_on_termination: goes,
            tag: tag.clone(),
            root: false,
            size,
        });
        actions::note(server, &asked, ("attach_volume", &["compute_attach_volume"]), now);
        actions::done(server, now);
    });
    if let Some(server) = compute.servers.get(&id) {
        notify::volume(&compute, server, ("volume.attach", &volume), now, &world.events);
    }
    let mut shown = json!({"id": volume, "serverId": id, "volumeId": volume, "device": device});
    if asked.at_least(70) {
        shown["tag"] = json!(tag);
    }
    if asked.at_least(79) {
        shown["delete_on_termination"] = json!(goes);
    }
    Ok(axum::Json(json!({"volumeAttachment": shown})))
}

/// From 2.85 on whether a volume goes with its server can be changed. Exchanging one volume for
/// another is Cinder's own business and is refused.
pub(super) async fn update_volume(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path((id, volume)): Path<(String, String)>,
    Json(body): Json,
) -> Result<StatusCode, Fault> {
    let mut fields = json!({"volumeId": shapes::uuid()});
    if asked.at_least(85) {
        let mut all = attachment_schema(&asked);
        fields = all["properties"]["volumeAttachment"]["properties"].take();
        fields["serverId"] = shapes::uuid();
        fields["id"] = shapes::uuid();
    }
    fits(&shapes::wrapped("volumeAttachment", fields, &["volumeId"]), &body)?;
    let wanted = &body["volumeAttachment"];
    let mut compute = world.compute();
    let server = find::find(&compute, &id, &asked)?;
    if !asked.at_least(85) || wanted["volumeId"] != volume.as_str() {
        asked.admin_only("os-volumes-attachments:swap")?;
        return Err(Fault::bad("Invalid volume: volumes of the simulated cloud are not swapped"));
    }
    asked.member("os-volumes-attachments:update")?;
    let disk = server.disks.iter().find(|disk| disk.volume == volume);
    let disk = disk.ok_or_else(|| {
        Fault::missing(format!("No volume Block Device Mapping with id {volume}."))
    })?;
    let fixed = [
        ("id", disk.volume.clone()),
        ("serverId", id.clone()),
        ("device", disk.device.clone()),
        ("tag", disk.tag.clone().unwrap_or_default()),
    ];
    for (name, known) in fixed {
        if wanted[name].as_str().is_some_and(|asked| asked != known) {
            return Err(Fault::bad(format!("The {name} property is not mutable")));
        }
    }
    if let Some(goes) = wanted.get("delete_on_termination").map(truth) {
        compute.servers.change(&id, |server| {
            let disk = server.disks.iter_mut().find(|disk| disk.volume == volume);
            if let Some(disk) = disk {
                disk.delete_on_termination = goes;
            }
        });
    }
    Ok(StatusCode::ACCEPTED)
}

pub(super) async fn detach_volume(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path((id, volume)): Path<(String, String)>,
) -> Result<StatusCode, Fault> {
    let project = (!asked.is_admin()).then(|| asked.project().to_owned());
    let known = crate::cinder::attach::lookup(&world, &volume, project.as_deref()).is_some();
    let now = world.now();
    {
        let mut compute = world.compute();
        let rule = "os-volumes-attachments:delete";
        let server = find::find_to_change(&compute, &id, (&asked, rule))?;
        if !known {
            return Err(Fault::missing(format!("Volume {volume} could not be found.")));
        }
        let disk = server.disks.iter().find(|disk| disk.volume == volume);
        let disk = disk.ok_or_else(|| not_attached(&id, &volume))?;
        if disk.root {
            let text = "Cannot detach a root device volume";
            return Err(Fault::new(StatusCode::FORBIDDEN, text));
        }
        find::unlocked(server, &asked)?;
        find::check(server, "detach_volume", ATTACHABLE)?;
        compute.servers.change(&id, |server| {
            server.disks.retain(|disk| disk.volume != volume);
            actions::note(server, &asked, ("detach_volume", &["compute_detach_volume"]), now);
            actions::done(server, now);
        });
        if let Some(server) = compute.servers.get(&id) {
            notify::volume(&compute, server, ("volume.detach", &volume), now, &world.events);
        }
    }
    crate::cinder::attach::detach(&world, &volume, &id, asked.cause());
    Ok(StatusCode::ACCEPTED)
}

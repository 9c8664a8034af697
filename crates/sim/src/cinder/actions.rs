//! What can be done with a volume: `POST /volumes/{id}/action`.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::post;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::asked::{Asked, Given, answer, input};
use super::model::{Attachment, Change, Volume, Volumes};
use super::volumes::{Deletion, delete};
use super::words::{AttachStatus, SnapshotStatus, VolumeStatus};
use super::{image, image_metadata, notify, quota, refusal, shapes, words};
use crate::fault_body::Fault;
use crate::schema::oslo::{count, truth};
use crate::schema::refused::fits;
use crate::world::{SharedWorld, World};

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new().route("/volumes/{id}/action", post(action))
}

/// An action on a volume that is there and that the caller may know of.
#[derive(Debug)]
pub(crate) struct Deed<'a> {
    pub(crate) world: &'a World,
    pub(crate) asked: &'a Asked,
    pub(crate) id: &'a str,
    /// The whole body.
    pub(crate) body: &'a Value,
    /// What stands under the name of the action.
    pub(crate) given: Map<String, Value>,
}

const ADMIN: &str = "volume_extension:volume_admin_actions";
const ACTIONS: &str = "volume_extension:volume_actions";

async fn action(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    Given(body): Given,
) -> Result<Response, Fault> {
    let name = body.as_object().and_then(|body| body.keys().next()).cloned();
    let name = name.ok_or_else(|| Fault::bad("Malformed request body"))?;
    let given = body[&name].as_object().cloned().unwrap_or_default();
    let deed = Deed { world: &world, asked: &asked, id: &id, body: &body, given };
    match name.as_str() {
        "os-extend" => deed.extend(),
        "os-reset_status" => deed.reset(),
        "os-set_bootable" => deed.set_bootable(),
        "os-update_readonly_flag" => deed.set_readonly(),
        "os-retype" => deed.retype(),
        "os-reserve" => deed.reserve(),
        "os-unreserve" => deed.unreserve(),
        "os-begin_detaching" => deed.begin_detaching(),
        "os-roll_detaching" => deed.roll_detaching(),
        "os-attach" => deed.attach(),
        "os-detach" => deed.detach("detach"),
        "os-force_detach" => deed.detach("force_detach"),
        "os-force_delete" => deed.force_delete(),
        "os-volume_upload_image" => image::upload(&deed),
        "os-show_image_metadata" => image_metadata::show(&deed),
        "os-set_image_metadata" => image_metadata::set(&deed),
        "os-unset_image_metadata" => image_metadata::unset(&deed),
        "revert" if asked.at_least(40) => deed.revert(),
        other => Err(Fault::bad(format!(
            "There is no such action: {other}. Verify the request body and Content-Type header \
             and try again."
        ))),
    }
}

pub(crate) fn invalid(reason: &str) -> Fault {
    Fault::bad(format!("Invalid volume: {reason}"))
}

fn accepted() -> Response {
    use axum::response::IntoResponse;
    (StatusCode::ACCEPTED, [(http::header::CONTENT_TYPE, "application/json")]).into_response()
}

impl Deed<'_> {
    /// Checks what stands under the name of the action.
    pub(crate) fn fits(&self, name: &str, properties: Value, needed: &[&str]) -> Result<(), Fault> {
        let action = shapes::object(properties, needed, false);
        fits(&shapes::object(json!({name: action}), &[name], false), self.body)
    }

    /// Changes the volume at once.
    fn change(
        &self,
        rule: &str,
        change: impl FnOnce(&mut Volume) -> Result<(), Fault>,
    ) -> Result<Response, Fault> {
        let mut volumes = self.world.volume();
        let volume = self.asked.volume(&mut volumes, self.id)?;
        self.asked.member(rule)?;
        change(volume)?;
        volume.updated_at = Some(self.world.now());
        Ok(accepted())
    }

    pub(crate) fn due(&self) -> lotse_core::time::Timestamp {
        super::after(self.world.now(), super::delay(self.world))
    }

    fn extend(&self) -> Result<Response, Fault> {
        self.fits("os-extend", json!({"new_size": shapes::size(false)}), &["new_size"])?;
        let wanted = self.given.get("new_size").and_then(count).unwrap_or(0);
        let wanted = u64::try_from(wanted).unwrap_or(0);
        let mut volumes = self.world.volume();
        let volume = self.asked.volume(&mut volumes, self.id)?.clone();
        self.asked.member("volume:extend")?;
        let in_use = self.asked.at_least(42) && volume.status == VolumeStatus::InUse;
        if volume.status != VolumeStatus::Available && !in_use {
            return Err(invalid(&format!(
                "Volume {} status must be '{{'status': 'available'}}' to extend, currently {}.",
                volume.id,
                volume.status.text()
            )));
        }
        if wanted <= volume.size {
            return Err(input(&format!(
                "New size for extend must be greater than current size. (current: {}, extended: \
                 {wanted}).",
                volume.size
            )));
        }
        let kind = volumes.types.get(&volume.type_id).map_or("", |kind| kind.name.as_str());
        let more = quota::of_growth(wanted - volume.size, kind);
        volumes.within_limits(&volume.project_id, &more)?;
        let now = self.world.now();
        let back_to = volume.status;
        if let Some(volume) = volumes.by_id.get_mut(self.id) {
            volume.previous_status = Some(back_to);
            volume.become_(VolumeStatus::Extending, now);
            notify::volume(&self.world.events, volume, "resize.start", now, &self.asked.cause());
        }
        let change = Change::VolumeExtended { volume: volume.id, size: wanted, back_to };
        volumes.schedule(self.due(), change, self.asked.cause());
        Ok(accepted())
    }

    fn reset(&self) -> Result<Response, Fault> {
        let mut volumes = self.world.volume();
        self.asked.volume(&mut volumes, self.id)?;
        self.asked.admin_only(&format!("{ADMIN}:reset_status"))?;
        let named = ["status", "attach_status", "migration_status"];
        if !named.iter().any(|key| self.given.contains_key(*key)) {
            return Err(Fault::bad(
                "Must specify 'status', 'attach_status' or 'migration_status' for update.",
            ));
        }
        let volume = self.asked.volume(&mut volumes, self.id)?;
        if let Some(word) = self.given.get("status") {
            let word = word.as_str().unwrap_or_default();
            let status = words::parse(word).filter(|_: &VolumeStatus| RESETTABLE.contains(&word));
            let Some(status) = status else {
                let known = RESETTABLE.map(|word| format!("'{word}'")).join(", ");
                return Err(Fault::bad(format!(
                    "Volume status: {word} is invalid, valid statuses are: ({known})."
                )));
            };
            if status == VolumeStatus::InUse && volume.attachments.is_empty() {
                return Err(Fault::bad(
                    "Cannot reset-state to in-use because volume does not have any attachments.",
                ));
            }
            volume.status = status;
        }
        if self.given.get("attach_status").is_some_and(|word| word == "detached") {
            volume.attachments.clear();
        }
        volume.updated_at = Some(self.world.now());
        let id = self.id;
        volumes.pending.retain(|pending| !pending.change.is_of(id));
        Ok(accepted())
    }

    fn set_bootable(&self) -> Result<Response, Fault> {
        self.fits("os-set_bootable", json!({"bootable": shapes::boolean()}), &["bootable"])?;
        let flag = self.given.get("bootable").is_some_and(truth);
        let rule = format!("{ACTIONS}:set_bootable");
        self.change(&rule, |volume| {
            volume.bootable = flag;
            Ok(())
        })
        .map(|_| {
            use axum::response::IntoResponse;
            (StatusCode::OK, [(http::header::CONTENT_TYPE, "application/json")]).into_response()
        })
    }

    fn set_readonly(&self) -> Result<Response, Fault> {
        self.fits(
            "os-update_readonly_flag",
            json!({"readonly": shapes::boolean()}),
            &["readonly"],
        )?;
        let flag = self.given.get("readonly").is_some_and(truth);
        self.change("volume:update_readonly_flag", |volume| {
            if volume.status != VolumeStatus::Available {
                return Err(invalid(&format!(
                    "Volume {} status must be available to update readonly flag, but current \
                     status is: {}.",
                    volume.id,
                    volume.status.text()
                )));
            }
            let word = if flag { "True" } else { "False" };
            volume.admin_metadata.insert("readonly".to_owned(), word.to_owned());
            Ok(())
        })
    }

    fn retype(&self) -> Result<Response, Fault> {
        let policy = json!({"type": ["string", "null"], "enum": ["on-demand", "never"]});
        let properties = json!({"new_type": {"type": "string"}, "migration_policy": policy});
        self.fits("os-retype", properties, &["new_type"])?;
        let wanted = self.given.get("new_type").and_then(Value::as_str).unwrap_or_default();
        let mut volumes = self.world.volume();
        let volume = self.asked.volume(&mut volumes, self.id)?.clone();
        self.asked.member("volume:retype")?;
        let kind = volumes
            .type_called(wanted)
            .filter(|kind| self.asked.is_admin() || kind.open_to(self.asked.project()));
        let kind = kind.ok_or_else(|| refusal::no_type(wanted))?;
        let (kind, name) = (kind.id.clone(), kind.name.clone());
        let ready = matches!(volume.status, VolumeStatus::Available | VolumeStatus::InUse);
        if !ready || kind == volume.type_id {
            return Err(invalid(
                "Retype needs volume to be in available or in-use state, not be part of an active \
                 migration or a consistency group, requested type has to be different that the one \
                 from the volume, and for in-use volumes front-end qos specs cannot change.",
            ));
        }
        let more = [(format!("volumes_{name}"), 1), (format!("gigabytes_{name}"), volume.size)];
        volumes.within_limits(&volume.project_id, &more)?;
        let back_to = volume.status;
        if let Some(volume) = volumes.by_id.get_mut(self.id) {
            volume.previous_status = Some(back_to);
            volume.become_(VolumeStatus::Retyping, self.world.now());
        }
        let change = Change::VolumeRetyped { volume: volume.id, volume_type: kind, back_to };
        volumes.schedule(self.due(), change, self.asked.cause());
        Ok(accepted())
    }

    fn reserve(&self) -> Result<Response, Fault> {
        self.change(&format!("{ACTIONS}:reserve"), |volume| {
            let multi = volume.multiattach && volume.status == VolumeStatus::InUse;
            if volume.status != VolumeStatus::Available && !multi {
                let status = volume.status.text();
                return Err(invalid(&format!(
                    "Volume status must be available to reserve, but the status is {status}."
                )));
            }
            volume.status = VolumeStatus::Attaching;
            Ok(())
        })
    }

    fn unreserve(&self) -> Result<Response, Fault> {
        self.change(&format!("{ACTIONS}:unreserve"), |volume| {
            if volume.status == VolumeStatus::Attaching {
                volume.status = volume.status_by_attachments();
            }
            Ok(())
        })
    }

    fn begin_detaching(&self) -> Result<Response, Fault> {
        self.change(&format!("{ACTIONS}:begin_detaching"), |volume| {
            if volume.status != VolumeStatus::InUse {
                return Err(invalid(
                    "Unable to detach volume. Volume status must be 'in-use' and attach_status \
                     must be 'attached' to detach.",
                ));
            }
            volume.status = VolumeStatus::Detaching;
            Ok(())
        })
    }

    fn roll_detaching(&self) -> Result<Response, Fault> {
        self.change(&format!("{ACTIONS}:roll_detaching"), |volume| {
            if volume.status == VolumeStatus::Detaching {
                volume.status = VolumeStatus::InUse;
            }
            Ok(())
        })
    }

    /// The way before attachments had an API: Nova reserves, then attaches.
    fn attach(&self) -> Result<Response, Fault> {
        let field = |name: &str| self.given.get(name).and_then(Value::as_str).map(str::to_owned);
        let (server, host) = (field("instance_uuid"), field("host_name"));
        if server.is_none() && host.is_none() {
            return Err(Fault::bad("Invalid request to attach volume to an invalid target"));
        }
        let (now, id) = (self.world.now(), self.world.ids.uuid());
        self.change(&format!("{ACTIONS}:attach"), |volume| {
            if !matches!(volume.status, VolumeStatus::Available | VolumeStatus::Attaching) {
                return Err(invalid("Volume must be available or attaching"));
            }
            volume.attachments.push(Attachment {
                id,
                status: AttachStatus::Attached,
                server,
                host,
                device: field("mountpoint"),
                mode: Some(field("mode").unwrap_or_else(|| "rw".to_owned())),
                connector: Value::Null,
                attached_at: Some(now),
            });
            volume.status = VolumeStatus::InUse;
            notify::volume(&self.world.events, volume, "attach.end", now, &self.asked.cause());
            Ok(())
        })
    }

    fn detach(&self, rule: &str) -> Result<Response, Fault> {
        let wanted = self.given.get("attachment_id").and_then(Value::as_str);
        if rule == "force_detach" {
            self.asked.volume(&mut self.world.volume(), self.id)?;
            self.asked.admin_only(&format!("{ADMIN}:force_detach"))?;
        }
        let now = self.world.now();
        self.change(&format!("{ACTIONS}:{rule}"), |volume| {
            let before = volume.attachments.len();
            volume.attachments.retain(|one| wanted.is_some_and(|wanted| one.id != wanted));
            if volume.attachments.len() == before && before > 0 {
                let text = "Volume attachment could not be found with filter: attachment_id";
                return Err(Fault::missing(format!("{text} = {}.", wanted.unwrap_or_default())));
            }
            volume.status = volume.status_by_attachments();
            notify::volume(&self.world.events, volume, "detach.end", now, &self.asked.cause());
            Ok(())
        })
    }

    fn force_delete(&self) -> Result<Response, Fault> {
        let mut volumes = self.world.volume();
        self.asked.volume(&mut volumes, self.id)?;
        self.asked.admin_only(&format!("{ADMIN}:force_delete"))?;
        let how = Deletion { cascade: false, force: true };
        delete(self.world, &mut volumes, self.asked, self.id, how)?;
        Ok(accepted())
    }

    fn revert(&self) -> Result<Response, Fault> {
        let wanted = self.given.get("snapshot_id").and_then(Value::as_str);
        let mut volumes = self.world.volume();
        let volume = self.asked.volume(&mut volumes, self.id)?.clone();
        let newest = newest_snapshot(&volumes, self.id);
        let Some((latest, size, status)) = newest else {
            let text = format!("Volume {} doesn't have any snapshots.", volume.id);
            return Err(Fault::bad(text));
        };
        if wanted != Some(latest.as_str()) {
            return Err(Fault::bad(format!(
                "Specified snapshot {} is None or not the latest one of volume {}.",
                wanted.unwrap_or("None"),
                volume.id
            )));
        }
        if size != volume.size {
            return Err(Fault::bad(format!(
                "Can't revert volume {} to its latest snapshot {latest}. The volume size must be \
                 equal to the snapshot size.",
                volume.id
            )));
        }
        self.asked.member("volume:revert_to_snapshot")?;
        let back_to = volume.status;
        if !matches!(back_to, VolumeStatus::Available | VolumeStatus::InUse) {
            return Err(Fault::conflict(format!(
                "Invalid volume: Can't revert volume {} to its latest snapshot during \
                 {} state.",
                volume.id,
                back_to.text()
            )));
        }
        if status != SnapshotStatus::Available {
            return Err(Fault::conflict(format!("Invalid snapshot: {latest} is not available")));
        }
        let now = self.world.now();
        if let Some(volume) = volumes.by_id.get_mut(self.id) {
            volume.become_(VolumeStatus::Reverting, now);
        }
        if let Some(snapshot) = volumes.snapshots.get_mut(&latest) {
            snapshot.status = SnapshotStatus::Restoring;
        }
        let change = Change::Reverted { volume: volume.id, snapshot: latest, back_to };
        volumes.schedule(self.due(), change, self.asked.cause());
        Ok(accepted())
    }
}

/// Id, size and state of the newest snapshot of a volume.
fn newest_snapshot(volumes: &Volumes, id: &str) -> Option<(String, u64, SnapshotStatus)> {
    let newest = volumes.snapshots_of(id).max_by_key(|snapshot| snapshot.created_at)?;
    Some((newest.id.clone(), newest.volume_size, newest.status))
}

/// The states that an administrator may set, in the order in which Cinder names them.
const RESETTABLE: [&str; 22] = [
    "creating",
    "available",
    "deleting",
    "error",
    "error_deleting",
    "error_managing",
    "managing",
    "attaching",
    "in-use",
    "detaching",
    "maintenance",
    "restoring-backup",
    "error_restoring",
    "reserved",
    "awaiting-transfer",
    "backing-up",
    "error_backing-up",
    "error_extending",
    "downloading",
    "uploading",
    "retyping",
    "extending",
];

/// An answer in JSON.
pub(crate) fn shown(body: Value) -> Response {
    answer(StatusCode::OK, body)
}

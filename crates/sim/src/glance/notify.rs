//! Glance's notifications: the life of images and of their members.

use lotse_core::time::Timestamp;
use serde_json::{Value, json};

use super::model::{Image, Member, second};
use crate::events::{Cause, Happened};

/// `image.VERB` with what Glance says of an image.
pub(crate) fn image(verb: &str, image: &Image, at: Timestamp, cause: Cause) -> Happened {
    let deleted = (verb == "delete").then(|| second(at));
    let payload = json!({
        "id": image.id,
        "name": image.name,
        "status": if deleted.is_some() { "deleted" } else { image.status.text() },
        "created_at": second(image.created_at),
        "updated_at": second(image.updated_at),
        "min_disk": image.min_disk,
        "min_ram": image.min_ram,
        "protected": image.protected,
        "checksum": image.checksum,
        "owner": image.owner,
        "disk_format": image.disk_format,
        "container_format": image.container_format,
        "size": image.size,
        "virtual_size": image.virtual_size,
        "is_public": image.visibility.text() == "public",
        "visibility": image.visibility.text(),
        "properties": image.properties,
        "tags": image.tags,
        "deleted": deleted.is_some(),
        "deleted_at": deleted,
    });
    happened(format!("image.{verb}"), at, cause, payload)
}

/// `image.send`: bytes of an image left the cloud.
pub(crate) fn send(image: &Image, bytes: usize, at: Timestamp, cause: Cause) -> Happened {
    let payload = json!({
        "bytes_sent": bytes,
        "image_id": image.id,
        "owner_id": image.owner,
        "receiver_tenant_id": cause.project,
        "receiver_user_id": cause.user,
    });
    happened("image.send".to_owned(), at, cause, payload)
}

/// `image.member.VERB`.
pub(crate) fn member(
    verb: &str,
    image: &str,
    member: &Member,
    at: Timestamp,
    cause: Cause,
) -> Happened {
    let payload = json!({
        "image_id": image,
        "member_id": member.project,
        "status": member.status,
        "created_at": second(member.created_at),
        "updated_at": second(member.updated_at),
        "deleted": verb == "delete",
    });
    happened(format!("image.member.{verb}"), at, cause, payload)
}

fn happened(event_type: String, at: Timestamp, cause: Cause, payload: Value) -> Happened {
    Happened { at, event_type, publisher_id: "image.sim", cause, payload }
}

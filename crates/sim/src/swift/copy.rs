//! Copies of objects within the cloud.

use http::StatusCode;

use super::asked::{Answer, Asked};
use super::headers::{self, http_date, set};
use super::model::Object;
use super::object::{At, expiry, kept_headers, store};
use super::place::{Place, encoded};
use super::refusal::Refused;
use crate::world::World;

/// Copies an object; headers of the request come on top of what it says of itself.
pub(crate) fn answer(world: &World, asked: &Asked, from: At<'_>, (within, name): At<'_>) -> Answer {
    let source = Place {
        project: asked.place.project.clone(),
        container: Some(from.0.to_owned()),
        object: Some(from.1.to_owned()),
    };
    let target = Place {
        project: asked.place.project.clone(),
        container: Some(within.to_owned()),
        object: Some(name.to_owned()),
    };
    asked.allowed_at(world, &source, true)?;
    asked.allowed_at(world, &target, false)?;
    let now = world.now();
    let given = headers::metadata(&asked.headers, "object")?;
    let delete_at = expiry(asked, now)?;
    let original = {
        let objects = world.object_store();
        let container = objects.container(&source.project, from.0);
        let found = container.and_then(|container| container.objects.get(from.1));
        found.cloned().ok_or_else(Refused::not_found)?
    };
    let fresh = asked
        .header("x-fresh-metadata")
        .is_some_and(|text| matches!(text.to_ascii_lowercase().as_str(), "true" | "1" | "yes"));
    let mut copy = Object { name: name.to_owned(), changed_at: now, ..original.clone() };
    if fresh {
        copy.metadata.clear();
        copy.headers.clear();
        copy.delete_at = None;
    }
    copy.metadata.extend(given);
    copy.headers.extend(kept_headers(asked));
    copy.delete_at = delete_at.or(copy.delete_at);
    if let Some(kind) = asked.header("content-type").filter(|kind| !kind.is_empty()) {
        kind.clone_into(&mut copy.content_type);
    }
    let metadata = copy.metadata.clone();
    let delete_at = copy.delete_at;
    let mut answer = store(world, &target, within, copy)?;
    debug_assert_eq!(answer.status(), StatusCode::CREATED, "a copy is a new object");
    let headers = answer.headers_mut();
    set(headers, "x-copied-from-account", &source.account());
    set(headers, "x-copied-from", &encoded(&format!("{}/{}", from.0, from.1)));
    set(headers, "x-copied-from-last-modified", &http_date(original.changed_at));
    headers::show(headers, "object", &metadata);
    if let Some(at) = delete_at {
        set(headers, "x-delete-at", &at.to_string());
    }
    Ok(answer)
}

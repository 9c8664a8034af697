//! Creating, showing and deleting images, and their tags.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use http::header::LOCATION;
use http::{HeaderName, StatusCode};
use serde_json::{Map, Value};

use super::access::{self, Authenticated};
use super::model::{Image, Status, Visibility};
use super::refusal::Refusal;
use super::{MOUNT, list, notify, patch, schema};
use crate::http::body;
use crate::keystone::caller::Caller;
use crate::world::{SharedWorld, World};

/// No body of JSON may be longer.
const MAX_JSON: usize = 1 << 20;

/// Properties that only Glance sets; naming one of them is refused before the schema is looked at.
const DISALLOWED: &[&str] = &["direct_url", "self", "file", "schema", "stores"];
/// Properties that only Glance sets.
pub(crate) const READ_ONLY: &[&str] = &[
    "created_at",
    "updated_at",
    "status",
    "checksum",
    "size",
    "virtual_size",
    "direct_url",
    "self",
    "file",
    "schema",
    "id",
    "os_hash_algo",
    "os_hash_value",
];
/// Names that no property may have.
pub(crate) const RESERVED: &[&str] = &["location", "deleted", "deleted_at"];
/// Prefix of the names that Glance keeps for itself.
pub(crate) const NAMESPACE: &str = "os_glance";

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/v2/images", get(list::list).post(create))
        .route("/v2/images/{id}", get(show).patch(patch::update).delete(remove))
        .route("/v2/images/{id}/tags/{tag}", put(add_tag).delete(remove_tag))
}

/// The JSON body of a request; Glance does not look at the content type.
pub(crate) async fn json_body(body: Body) -> Result<Value, Refusal> {
    let bytes = body::read(body, MAX_JSON).await.map_err(|error| match error {
        body::BodyError::TooLarge => {
            Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "The body is too large.")
        }
        body::BodyError::Broken => Refusal::bad("Malformed JSON in request body."),
    })?;
    if bytes.is_empty() {
        return Err(Refusal::bad("Body expected in request."));
    }
    match serde_json::from_slice(&bytes) {
        Ok(body @ (Value::Object(_) | Value::Array(_))) => Ok(body),
        Ok(_) => Err(Refusal::bad("Unexpected body type. Expected list/dict.")),
        Err(_) => Err(Refusal::bad("Malformed JSON in request body.")),
    }
}

/// The same where only an object makes sense; anything else makes Glance stumble.
pub(crate) async fn json_object(body: Body) -> Result<Map<String, Value>, Refusal> {
    match json_body(body).await? {
        Value::Object(given) => Ok(given),
        _ => Err(Refusal::stumbled()),
    }
}

/// Refuses a negative `min_disk` or `min_ram`.
pub(crate) fn natural(name: &str, value: &Value) -> Result<u64, Refusal> {
    value.as_u64().ok_or_else(|| {
        Refusal::bad(format!(
            "Invalid value '{value}' for parameter '{name}': Cannot be a negative value"
        ))
    })
}

async fn create(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    body: Body,
) -> Result<Response, Refusal> {
    let given = json_object(body).await?;
    if let Some(name) = DISALLOWED.iter().find(|name| given.contains_key(**name)) {
        return Err(Refusal::forbidden(format!("Attribute '{name}' is read-only.")));
    }
    schema::check(&given)?;
    for name in given.keys() {
        if name.chars().count() > 255 {
            let text = "Custom property should not be greater than 255 characters.";
            return Err(Refusal::bad(text));
        }
        if RESERVED.contains(&name.as_str()) || name.starts_with(NAMESPACE) {
            return Err(Refusal::denied(format!("Attribute '{name}' is reserved.")));
        }
    }
    let image = build(&world, &caller, given)?;
    let mut images = world.images();
    if images.by_id.contains_key(&image.id) || images.deleted.contains(&image.id) {
        return Err(Refusal::conflict(format!("Image ID {} already exists!", image.id)));
    }
    let location = format!("{}{MOUNT}/v2/images/{}", world.base, image.id);
    let stores = images.stores.join(",");
    let shown = image.render();
    let created = notify::image("create", &image, image.created_at, caller.cause(None));
    images.by_id.insert(image.id.clone(), image);
    drop(images);
    world.events.publish(created);
    let headers = [
        (LOCATION, location),
        (
            HeaderName::from_static("openstack-image-import-methods"),
            world.options.import_methods.join(","),
        ),
        (
            HeaderName::from_static("openstack-image-store-ids"),
            format!("{stores},os_glance_staging_store,os_glance_tasks_store"),
        ),
    ];
    Ok((StatusCode::CREATED, headers, axum::Json(shown)).into_response())
}

/// The new image; everything that is left unnamed becomes a free property.
fn build(world: &World, caller: &Caller, mut given: Map<String, Value>) -> Result<Image, Refusal> {
    let read_only = READ_ONLY.iter().find(|name| **name != "id" && given.contains_key(**name));
    if let Some(name) = read_only {
        return Err(Refusal::forbidden(format!("Attribute '{name}' is read-only.")));
    }
    if given.contains_key("locations") {
        return Err(Refusal::forbidden("Attribute 'locations' is reserved."));
    }
    access::may_write(caller, "add_image")?;
    let mut take = |name: &str| given.shift_remove(name);
    let text = |value: Option<Value>| value.and_then(|value| value.as_str().map(str::to_owned));
    let visibility = text(take("visibility")).and_then(|text| Visibility::parse(&text));
    let visibility = visibility.unwrap_or_default();
    let owner = match take("owner") {
        Some(owner) => owner.as_str().map(str::to_owned),
        None => caller.project().map(str::to_owned),
    };
    if !caller.is_admin() && owner.as_deref() != caller.project() {
        let owner = owner.unwrap_or_else(|| "None".to_owned());
        let text = format!("You are not permitted to create images owned by '{owner}'.");
        return Err(Refusal::forbidden(text));
    }
    access::may_show(caller, visibility)?;
    let number =
        |name: &str, value: Option<Value>| value.map_or(Ok(0), |value| natural(name, &value));
    let flag = |value: Option<Value>| value.is_some_and(|value| value == Value::Bool(true));
    let now = world.now();
    Ok(Image {
        id: text(take("id")).unwrap_or_else(|| world.ids.uuid()),
        name: text(take("name")),
        status: Status::Queued,
        visibility,
        owner,
        disk_format: text(take("disk_format")),
        container_format: text(take("container_format")),
        size: None,
        virtual_size: None,
        checksum: None,
        os_hash_value: None,
        min_ram: number("min_ram", take("min_ram"))?,
        min_disk: number("min_disk", take("min_disk"))?,
        protected: flag(take("protected")),
        os_hidden: flag(take("os_hidden")),
        created_at: now,
        updated_at: now,
        tags: tags(take("tags").as_ref()),
        properties: given,
        stores: Vec::new(),
        members: Vec::new(),
        import: None,
        staged: None,
        bytes: None,
    })
}

/// Tags as Glance keeps them: each once, in order.
pub(crate) fn tags(given: Option<&Value>) -> Vec<String> {
    let list = given.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut tags: Vec<String> = list.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    tags.sort();
    tags.dedup();
    tags
}

async fn show(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let images = world.images();
    let image = access::find(&images, &id, &caller)?;
    Ok(axum::Json(image.render()).into_response())
}

async fn remove(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    let mut images = world.images();
    if access::find(&images, &id, &caller).is_err() {
        return Err(Refusal::not_found(format!("Failed to find image {id} to delete")));
    }
    let image = access::find_to_change(&mut images, &id, &caller, "delete_image")?;
    if image.protected {
        let text = format!("Image {id} is protected and cannot be deleted.");
        return Err(Refusal::forbidden(text));
    }
    let removed = images.by_id.remove(&id);
    images.importing.remove(&id);
    images.deleted.insert(id);
    drop(images);
    if let Some(image) = removed {
        let deleted = notify::image("delete", &image, world.now(), caller.cause(None));
        world.events.publish(deleted);
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn add_tag(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path((id, tag)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    if tag.chars().count() > 255 {
        let given = Map::from_iter([("tags".to_owned(), Value::from(vec![tag]))]);
        return schema::check(&given).map(|()| StatusCode::NO_CONTENT);
    }
    let now = world.now();
    let mut images = world.images();
    let image = access::find_to_change(&mut images, &id, &caller, "modify_image")?;
    if !image.tags.contains(&tag) {
        image.tags.push(tag);
        image.updated_at = now;
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn remove_tag(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path((id, tag)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    let now = world.now();
    let mut images = world.images();
    let image = access::find_to_change(&mut images, &id, &caller, "modify_image")?;
    let before = image.tags.len();
    image.tags.retain(|known| *known != tag);
    if image.tags.len() == before {
        return Err(Refusal::not_found("The resource could not be found."));
    }
    image.updated_at = now;
    Ok(StatusCode::NO_CONTENT)
}

//! What uses a secret or a container: services say so, so that nobody deletes it under them.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::header::LOCATION;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Map, Value, json};

use super::asked::{Asked, fits, page, parsed};
use super::containers;
use super::model::{Consumer, User};
use super::policy::{Act, allow_on};
use super::refusal::Refused;
use super::secrets::{self, iso, iso_fine};
use crate::http::query::Query;
use crate::world::SharedWorld;

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route(
            "/v1/secrets/{id}/consumers",
            get(of_secret).post(add_to_secret).delete(remove_from_secret),
        )
        .route(
            "/v1/containers/{id}/consumers",
            get(of_container).post(add_to_container).delete(remove_from_container),
        )
}

fn unknown() -> Refused {
    Refused::missing("Consumer not found.")
}

fn not_owned() -> Refused {
    let text = "Not Allowed. Sorry, only the creator of a consumer can delete it.";
    Refused::new(StatusCode::FORBIDDEN, text)
}

/// What was used is shown, and where it is.
fn used(asked: &Asked, id: &str, shown: Value) -> Response {
    let mut answer = Json(shown).into_response();
    let href = format!("{}/consumers", asked.href("consumers", id));
    if let Ok(href) = HeaderValue::from_str(&href) {
        answer.headers_mut().insert(LOCATION, href);
    }
    answer
}

fn consumer(headers: &HeaderMap, bytes: &Bytes) -> Result<[String; 3], Refused> {
    let rules = json!({
        "type": "object",
        "properties": {
            "service": {"type": "string", "maxLength": 255, "minLength": 1},
            "resource_type": {"type": "string", "maxLength": 255, "minLength": 1},
            "resource_id": {"type": "string", "minLength": 1},
        },
        "required": ["service", "resource_type", "resource_id"],
    });
    let given = fits("Secret Consumer", &rules, &parsed(headers, bytes)?)?;
    Ok(["service", "resource_type", "resource_id"].map(|key| text(&given, key)))
}

fn user(headers: &HeaderMap, bytes: &Bytes) -> Result<[String; 2], Refused> {
    let rules = json!({
        "type": "object",
        "properties": {
            "URL": {"type": "string", "maxLength": 255, "minLength": 1},
            "name": {"type": "string", "maxLength": 36, "minLength": 1},
        },
        "required": ["name", "URL"],
    });
    let given = fits("Consumer", &rules, &parsed(headers, bytes)?)?;
    Ok(["name", "URL"].map(|key| text(&given, key)))
}

fn text(given: &Map<String, Value>, key: &str) -> String {
    given.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

async fn of_secret(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    query: Query,
) -> Result<Json<Value>, Refused> {
    let mut all = world.key_manager();
    let secret = secrets::find(&mut all, &id, world.now())?;
    allow_on(&asked, Act::Look, &secret.owner, "SecretConsumers(s) retrieval")?;
    let path = format!("secrets/{id}/consumers");
    let shown = page(&asked, &query, ("consumers", &path), &secret.consumers, |one| {
        json!({
            "created": iso(one.created_at),
            "updated": iso(one.created_at),
            "status": "ACTIVE",
            "service": one.service,
            "resource_type": one.resource_type,
            "resource_id": one.resource_id,
        })
    });
    Ok(Json(shown))
}

async fn add_to_secret(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Refused> {
    let mut all = world.key_manager();
    let now = world.now();
    let secret = secrets::find(&mut all, &id, now)?;
    allow_on(&asked, Act::Look, &secret.owner, "SecretConsumer creation")?;
    let [service, resource_type, resource_id] = consumer(&headers, &bytes)?;
    let known = secret.consumers.iter().any(|one| {
        one.service == service
            && one.resource_type == resource_type
            && one.resource_id == resource_id
    });
    if !known {
        let project_id = asked.project().to_owned();
        let one = Consumer { service, resource_type, resource_id, project_id, created_at: now };
        secret.consumers.push(one);
        secret.updated_at = now;
    }
    let mut shown = secrets::view(&asked, secret, true);
    if !known {
        shown["updated"] = json!(iso_fine(now));
    }
    Ok(used(&asked, &id, shown))
}

async fn remove_from_secret(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Json<Value>, Refused> {
    let mut all = world.key_manager();
    let secret = secrets::find(&mut all, &id, world.now())?;
    allow_on(&asked, Act::Look, &secret.owner, "SecretConsumer deletion")?;
    let [service, resource_type, resource_id] = consumer(&headers, &bytes)?;
    let place = secret.consumers.iter().position(|one| {
        one.service == service
            && one.resource_type == resource_type
            && one.resource_id == resource_id
    });
    let place = place.ok_or_else(unknown)?;
    let mine = secret.consumers[place].project_id == asked.project();
    if !mine && secret.owner.project_id != asked.project() {
        return Err(not_owned());
    }
    secret.consumers.remove(place);
    Ok(Json(secrets::view(&asked, secret, true)))
}

async fn of_container(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    query: Query,
) -> Result<Json<Value>, Refused> {
    let mut all = world.key_manager();
    let container = containers::find(&mut all, &id)?;
    allow_on(&asked, Act::Look, &container.owner, "ContainerConsumers(s) retrieval")?;
    let path = format!("containers/{id}/consumers");
    let shown = page(&asked, &query, ("consumers", &path), &container.consumers, |one| {
        json!({
            "created": iso(one.created_at),
            "updated": iso(one.created_at),
            "status": "ACTIVE",
            "name": one.name,
            "URL": one.url,
        })
    });
    Ok(Json(shown))
}

async fn add_to_container(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Refused> {
    let mut all = world.key_manager();
    let container = containers::find(&mut all, &id)?;
    allow_on(&asked, Act::Look, &container.owner, "ContainerConsumer creation")?;
    let [name, url] = user(&headers, &bytes)?;
    let known = container.consumers.iter().any(|one| one.name == name && one.url == url);
    let now = world.now();
    if !known {
        let project_id = asked.project().to_owned();
        container.consumers.push(User { name, url, project_id, created_at: now });
        container.updated_at = now;
    }
    let mut shown = containers::view(&asked, container);
    if !known {
        shown["updated"] = json!(iso_fine(now));
    }
    Ok(used(&asked, &id, shown))
}

async fn remove_from_container(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Json<Value>, Refused> {
    let mut all = world.key_manager();
    let container = containers::find(&mut all, &id)?;
    allow_on(&asked, Act::Look, &container.owner, "ContainerConsumer deletion")?;
    let [name, url] = user(&headers, &bytes)?;
    let place = container.consumers.iter().position(|one| one.name == name && one.url == url);
    let place = place.ok_or_else(unknown)?;
    let mine = container.consumers[place].project_id == asked.project();
    if !mine && container.owner.project_id != asked.project() {
        return Err(not_owned());
    }
    container.consumers.remove(place);
    Ok(Json(containers::view(&asked, container)))
}

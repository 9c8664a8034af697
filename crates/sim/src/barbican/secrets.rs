//! Secrets: stored, shown, given a payload, read, deleted.

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Json, Router};
use http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use lotse_core::time::Timestamp;
use serde_json::{Value, json};

use super::asked::{Asked, media_type as media_type_of, of_type, parsed};
use super::model::{Owner, Secret, Secrets};
use super::payload::{self, check, decoded, opened, sealed};
use super::policy::{Act, allow, allow_on};
use super::refusal::Refused;
use crate::world::{SharedWorld, World};

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/v1/secrets", get(super::list::list).post(create))
        .route("/v1/secrets/{id}", get(show).put(fill).delete(delete))
        .route("/v1/secrets/{id}/payload", any(read))
        .route("/v1/secrets/{id}/{part}", any(no_part))
}

/// A time as Barbican shows it: whole seconds, without a zone.
pub(crate) fn iso(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

/// The same at the moment of a change, when it is not yet cut to whole seconds.
pub(crate) fn iso_fine(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%6f").to_string()
}

/// Whether this is an id of a secret or a container.
pub(crate) fn is_id(id: &str) -> bool {
    uuid::Uuid::parse_str(id).is_ok_and(|uuid| uuid.hyphenated().to_string() == id)
}

/// The secret of this id; who may see it is another question.
pub(crate) fn find<'a>(
    secrets: &'a mut Secrets,
    id: &str,
    now: Timestamp,
) -> Result<&'a mut Secret, Refused> {
    if !is_id(id) {
        return Err(Refused::missing("Not Found. Provided secret id is invalid."));
    }
    let found = secrets.by_id.get_mut(id).filter(|secret| !secret.is_over(now));
    found.ok_or_else(|| Refused::missing("Secret not found."))
}

/// A secret as it is shown, without what is in it.
pub(crate) fn view(asked: &Asked, secret: &Secret, with_consumers: bool) -> Value {
    let mut shown = json!({
        "created": iso(secret.created_at),
        "updated": iso(secret.updated_at),
        "status": "ACTIVE",
        "name": secret.name,
        "secret_type": secret.kind,
        "expiration": secret.expiration.map(iso),
        "algorithm": secret.algorithm,
        "bit_length": secret.bit_length,
        "mode": secret.mode,
        "creator_id": secret.owner.creator_id,
        "secret_ref": asked.href("secrets", &secret.id),
    });
    if with_consumers {
        let consumers = secret.consumers.iter().map(|one| {
            json!({
                "service": one.service,
                "resource_type": one.resource_type,
                "resource_id": one.resource_id,
            })
        });
        shown["consumers"] = consumers.collect();
    }
    shown
}

/// The same, with the media types that the payload can be had as.
pub(crate) fn view_with_types(asked: &Asked, secret: &Secret) -> Value {
    let mut shown = view(asked, secret, asked.version.minor >= 1);
    if let Some(payload) = &secret.payload {
        shown["content_types"] = json!({"default": payload.content_type});
    }
    shown
}

/// A new owner's mark: who asks.
pub(crate) fn owner(asked: &Asked) -> Owner {
    Owner { project_id: asked.project().to_owned(), creator_id: asked.user().to_owned(), acl: None }
}

/// 201 with the reference of what was made.
pub(crate) fn created(key: &str, href: &str) -> Response {
    let mut answer = (StatusCode::CREATED, Json(json!({key: href}))).into_response();
    if let Ok(href) = HeaderValue::from_str(href) {
        answer.headers_mut().insert(LOCATION, href);
    }
    answer
}

async fn create(
    State(world): State<SharedWorld>,
    asked: Asked,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Refused> {
    allow(&asked, Act::Create, "Secret creation")?;
    let body = parsed(&headers, &bytes)?;
    let now = world.now();
    let given = check(&body, now)?;
    let text = |key: &str| given.fields.get(key).and_then(Value::as_str).map(str::to_owned);
    let secret = Secret {
        id: world.ids.uuid(),
        name: text("name"),
        kind: text("secret_type").unwrap_or_else(|| "opaque".to_owned()),
        algorithm: text("algorithm"),
        bit_length: given.fields.get("bit_length").and_then(Value::as_i64),
        mode: text("mode"),
        expiration: given.expiration,
        owner: owner(&asked),
        created_at: now,
        updated_at: now,
        payload: given.payload,
        ..Secret::default()
    };
    let href = asked.href("secrets", &secret.id);
    world.key_manager().by_id.insert(secret.id.clone(), secret);
    Ok(created("secret_ref", &href))
}

/// Whether the request wants the secret described, not its payload.
fn wants_description(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_none_or(|accept| matches!(accept, "application/json" | "*/*"))
}

async fn show(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    const DOING: &str = "Secret retrieval";
    if !wants_description(&headers) {
        return hand_out(&world, &asked, &id, &headers, DOING);
    }
    let mut secrets = world.key_manager();
    let secret = find(&mut secrets, &id, world.now())?;
    allow_on(&asked, Act::Look, &secret.owner, DOING)?;
    Ok(Json(view_with_types(&asked, secret)).into_response())
}

/// A payload can only be read at its place.
async fn read(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    (method, headers): (Method, HeaderMap),
) -> Result<Response, Refused> {
    if !matches!(method, Method::GET | Method::HEAD) {
        find(&mut world.key_manager(), &id, world.now())?;
        return Err(Refused::new(StatusCode::METHOD_NOT_ALLOWED, ""));
    }
    hand_out(&world, &asked, &id, &headers, "Secret payload retrieval")
}

/// Answers with the payload, as the media type that is accepted.
fn hand_out(
    world: &World,
    asked: &Asked,
    id: &str,
    headers: &HeaderMap,
    doing: &str,
) -> Result<Response, Refused> {
    let mut secrets = world.key_manager();
    let secret = find(&mut secrets, id, world.now())?;
    allow_on(asked, Act::Decrypt, &secret.owner, doing)?;
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    let accept = accept.filter(|it| !it.is_empty()).unwrap_or("application/octet-stream");
    let Some(payload) = &secret.payload else {
        return Err(Refused::missing("Not Found. Sorry but your secret has no payload."));
    };
    let unfit = || Refused::issue(StatusCode::NOT_ACCEPTABLE, doing, "Wrong payload content-type");
    let wanted = if accept == "*/*" { payload.content_type.as_str() } else { accept };
    let wanted = payload::media_type(wanted).ok_or_else(unfit)?;
    let bytes = opened(payload);
    if wanted == "text/plain" && std::str::from_utf8(&bytes).is_err() {
        return Err(unfit());
    }
    let mut answer = Response::new(Body::from(bytes));
    // The answer is named after what was accepted, also when that was anything.
    let shown = if accept == "text/plain" { "text/plain; charset=UTF-8" } else { accept };
    if let Ok(shown) = HeaderValue::from_str(shown) {
        answer.headers_mut().insert(CONTENT_TYPE, shown);
    }
    Ok(answer)
}

async fn fill(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<StatusCode, Refused> {
    const DOING: &str = "Secret update";
    let mut secrets = world.key_manager();
    let secret = find(&mut secrets, &id, world.now())?;
    allow_on(&asked, Act::Fill, &secret.owner, DOING)?;
    of_type(&headers, &["application/octet-stream", "text/plain"])?;
    if bytes.is_empty() {
        let reason = "No data supplied to process.";
        return Err(Refused::issue(StatusCode::BAD_REQUEST, DOING, reason));
    }
    if bytes.len() > payload::LONGEST {
        let reason = "Provided information too large to process";
        return Err(Refused::issue(StatusCode::PAYLOAD_TOO_LARGE, DOING, reason));
    }
    if secret.payload.is_some() {
        return Err(Refused::conflict("Secret already has data, cannot modify it."));
    }
    let kind = media_type_of(&headers);
    let encoding = headers.get(CONTENT_ENCODING).and_then(|value| value.to_str().ok());
    let content = match encoding {
        Some(encoding) if kind != "text/plain" => {
            let text = String::from_utf8_lossy(&bytes);
            let text = Some(text).filter(|_| encoding.eq_ignore_ascii_case("base64"));
            let reason = "Text-based binary secret payloads must specify a content-encoding of \
                          'base64'";
            let text =
                text.ok_or_else(|| Refused::issue(StatusCode::BAD_REQUEST, DOING, reason))?;
            decoded(&text).unwrap_or_default()
        }
        _ => bytes.to_vec(),
    };
    secret.payload = Some(sealed(kind, &content));
    secret.updated_at = world.now();
    Ok(StatusCode::NO_CONTENT)
}

async fn delete(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<StatusCode, Refused> {
    let mut secrets = world.key_manager();
    let secret = find(&mut secrets, &id, world.now())?;
    allow_on(&asked, Act::DeleteSecret, &secret.owner, "Secret deletion")?;
    secrets.delete_secret(&id);
    Ok(StatusCode::NO_CONTENT)
}

/// A secret has no such part.
async fn no_part(
    State(world): State<SharedWorld>,
    Path((id, _)): Path<(String, String)>,
) -> Refused {
    match find(&mut world.key_manager(), &id, world.now()) {
        Ok(_) => Refused::missing(""),
        Err(refused) => refused,
    }
}

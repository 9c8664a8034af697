//! What users say of their secrets.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::header::LOCATION;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::asked::{Asked, fits_older, json_of, parsed};
use super::model::{Secret, Secrets};
use super::policy::{Act, allow_on};
use super::refusal::Refused;
use super::secrets::find;
use crate::world::{SharedWorld, World};

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/v1/secrets/{id}/metadata", get(all).put(set_all).post(add))
        .route("/v1/secrets/{id}/metadata/{key}", get(one).put(set).delete(remove))
}

/// The secret, if the caller may do this with its metadata.
fn secret<'a>(
    world: &World,
    secrets: &'a mut Secrets,
    asked: &Asked,
    id: &str,
    (act, doing): (Act, &str),
) -> Result<&'a mut Secret, Refused> {
    let secret = find(secrets, id, world.now())?;
    allow_on(asked, act, &secret.owner, doing)?;
    Ok(secret)
}

/// A key as it is kept; only what can be part of an address is one.
fn key(given: &str) -> Result<String, Refused> {
    let fits = given.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if fits {
        Ok(given.to_lowercase())
    } else {
        Err(Refused::bad("Invalid Key. Key must be URL safe."))
    }
}

async fn all(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refused> {
    let mut secrets = world.key_manager();
    let doing = (Act::Look, "Secret metadata retrieval");
    let secret = secret(&world, &mut secrets, &asked, &id, doing)?;
    Ok(Json(json!({"metadata": secret.metadata})))
}

async fn set_all(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Refused> {
    let mut secrets = world.key_manager();
    let doing = (Act::Change, "Secret metadata creation");
    let secret = secret(&world, &mut secrets, &asked, &id, doing)?;
    let rules = json!({
        "type": "object",
        "properties": {"metadata": {"type": "object"}},
        "required": ["metadata"],
    });
    let given = fits_older("SecretMetadata", &rules, &parsed(&headers, &bytes)?)?;
    let mut metadata = BTreeMap::new();
    for (name, value) in given["metadata"].as_object().into_iter().flatten() {
        let name = key(name)?;
        let value = value
            .as_str()
            .ok_or_else(|| Refused::bad("Invalid Metadata. Keys and Values must be Strings."))?;
        metadata.insert(name, value.to_owned());
    }
    secret.metadata = metadata;
    let href = format!("{}/metadata", asked.href("secrets", &id));
    Ok((StatusCode::CREATED, Json(json!({"metadata_ref": href}))).into_response())
}

/// A pair, as it is given for a single key.
fn pair(body: &Value) -> Result<(String, String), Refused> {
    let rules = json!({
        "type": "object",
        "properties": {
            "key": {"type": "string", "maxLength": 255},
            "value": {"type": "string", "maxLength": 255},
        },
        "required": ["key", "value"],
        "additionalProperties": false,
    });
    let given = fits_older("SecretMetadatum", &rules, body)?;
    let text = |name: &str| given.get(name).and_then(Value::as_str).unwrap_or_default();
    Ok((key(text("key"))?, text("value").to_owned()))
}

async fn add(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Refused> {
    let mut secrets = world.key_manager();
    let doing = (Act::Change, "Secret metadatum creation");
    let secret = secret(&world, &mut secrets, &asked, &id, doing)?;
    let (key, value) = pair(&parsed(&headers, &bytes)?)?;
    if secret.metadata.contains_key(&key) {
        let text = "Conflict. Key in request is already in the secret metadata";
        return Err(Refused::conflict(text));
    }
    let href = format!("{}/metadata/{key}", asked.href("secrets", &id));
    let mut answer =
        (StatusCode::CREATED, Json(json!({"key": key, "value": value}))).into_response();
    if let Ok(href) = HeaderValue::from_str(&href) {
        answer.headers_mut().insert(LOCATION, href);
    }
    secret.metadata.insert(key, value);
    Ok(answer)
}

fn unknown() -> Refused {
    Refused::missing("Secret metadata not found.")
}

async fn one(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path((id, key)): Path<(String, String)>,
) -> Result<Json<Value>, Refused> {
    let mut secrets = world.key_manager();
    let doing = (Act::Look, "Secret metadatum retrieval");
    let secret = secret(&world, &mut secrets, &asked, &id, doing)?;
    let value = secret.metadata.get(&key).ok_or_else(unknown)?;
    Ok(Json(json!({"key": key, "value": value})))
}

async fn set(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path((id, name)): Path<(String, String)>,
    bytes: Bytes,
) -> Result<Json<Value>, Refused> {
    let mut secrets = world.key_manager();
    let doing = (Act::Change, "Secret metadatum update");
    let secret = secret(&world, &mut secrets, &asked, &id, doing)?;
    let (key, value) = pair(&json_of(&bytes)?)?;
    let kept = secret.metadata.get_mut(&name).ok_or_else(unknown)?;
    if key != name {
        return Err(Refused::conflict("Key in request data does not match key in the "));
    }
    kept.clone_from(&value);
    Ok(Json(json!({"key": key, "value": value})))
}

async fn remove(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path((id, key)): Path<(String, String)>,
) -> Result<StatusCode, Refused> {
    let mut secrets = world.key_manager();
    let doing = (Act::Change, "Secret metadatum removal");
    let secret = secret(&world, &mut secrets, &asked, &id, doing)?;
    secret.metadata.remove(&key);
    Ok(StatusCode::NO_CONTENT)
}

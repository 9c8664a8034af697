//! What belongs to a volume type: extra specs and encryption.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value, json};

use super::asked::{Asked, Given, answer, inner, input, pairs, text};
use super::model::catalog::Encryption;
use super::types::find;
use super::{shapes, view};
use crate::fault_body::Fault;
use crate::schema::oslo::count;
use crate::schema::refused::fits;
use crate::world::SharedWorld;

const SPECS: &str = "volume_extension:types_extra_specs";
const ENCRYPTION: &str = "volume_extension:volume_type_encryption";

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/types/{id}/extra_specs", get(specs).post(add_specs))
        .route("/types/{id}/extra_specs/{key}", get(spec).put(set_spec).delete(remove_spec))
        .route("/types/{id}/encryption", get(encryption).post(encrypt))
        .route("/types/{id}/encryption/cipher", get(cipher))
        .route("/types/{id}/encryption/{key}", put(change).delete(decrypt))
}

async fn specs(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    let mut volumes = world.volume();
    let kind = find(&asked, &mut volumes, &id)?;
    let shown = if asked.is_admin() { json!(kind.extra_specs) } else { json!({}) };
    Ok(answer(StatusCode::OK, json!({"extra_specs": shown})))
}

fn specs_shape() -> Value {
    json!({
        "type": "object",
        "patternProperties": {
            "^[a-zA-Z0-9-_:.]{1,255}$": {"type": ["string", "null"], "maxLength": 255},
        },
        "additionalProperties": false,
    })
}

async fn add_specs(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    Given(body): Given,
) -> Result<Response, Fault> {
    let given = inner(&body, "extra_specs", specs_shape())?;
    asked.admin_only(&format!("{SPECS}:create"))?;
    let mut volumes = world.volume();
    find(&asked, &mut volumes, &id)?.extra_specs.extend(pairs(body.get("extra_specs")));
    Ok(answer(StatusCode::OK, json!({"extra_specs": given})))
}

fn no_spec(id: &str, key: &str) -> Fault {
    Fault::missing(format!("Volume Type {id} has no extra specs with key {key}."))
}

async fn spec(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path((id, key)): Path<(String, String)>,
) -> Result<Response, Fault> {
    let mut volumes = world.volume();
    let kind = find(&asked, &mut volumes, &id)?;
    let value = kind.extra_specs.get(&key).filter(|_| asked.is_admin());
    let value = value.ok_or_else(|| no_spec(&id, &key))?;
    Ok(answer(StatusCode::OK, json!({key: value})))
}

async fn set_spec(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path((id, key)): Path<(String, String)>,
    Given(body): Given,
) -> Result<Response, Fault> {
    fits(&specs_shape(), &body)?;
    asked.admin_only(&format!("{SPECS}:update"))?;
    let mut volumes = world.volume();
    let kind = find(&asked, &mut volumes, &id)?;
    if body.get(&key).is_none() {
        return Err(Fault::bad("Request body and URI mismatch"));
    }
    kind.extra_specs.extend(pairs(Some(&body)));
    Ok(answer(StatusCode::OK, body))
}

async fn remove_spec(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path((id, key)): Path<(String, String)>,
) -> Result<Response, Fault> {
    asked.admin_only(&format!("{SPECS}:delete"))?;
    let mut volumes = world.volume();
    let kind = find(&asked, &mut volumes, &id)?;
    kind.extra_specs.remove(&key).ok_or_else(|| no_spec(&id, &key))?;
    Ok((StatusCode::ACCEPTED, [(CONTENT_TYPE, "application/json")]).into_response())
}

async fn encryption(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    asked.admin_only(&format!("{ENCRYPTION}:get"))?;
    let mut volumes = world.volume();
    let kind = find(&asked, &mut volumes, &id)?;
    let shown = kind.encryption.as_ref().map_or_else(
        || json!({}),
        |of| {
            json!({
                "volume_type_id": id,
                "encryption_id": of.id,
                "provider": of.provider,
                "cipher": of.cipher,
                "key_size": of.key_size,
                "control_location": of.control_location,
                "created_at": view::time(of.created_at),
                "updated_at": of.updated_at.map(view::time),
                "deleted": false,
                "deleted_at": null,
            })
        },
    );
    Ok(answer(StatusCode::OK, shown))
}

async fn cipher(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    asked.admin_only(&format!("{ENCRYPTION}:get"))?;
    let mut volumes = world.volume();
    let kind = find(&asked, &mut volumes, &id)?;
    let cipher = kind.encryption.as_ref().and_then(|of| of.cipher.clone());
    Ok(answer(StatusCode::OK, json!({"cipher": cipher})))
}

fn shape(create: bool) -> Value {
    let number = json!({"type": ["string", "integer", "null"]});
    let properties = json!({
        "key_size": number,
        "provider": {"type": "string", "minLength": 0, "maxLength": 255},
        "control_location": {"enum": ["front-end", "back-end"]},
        "cipher": shapes::short(),
    });
    let needed: &[&str] = if create { &["provider", "control_location"] } else { &[] };
    shapes::object(properties, needed, true)
}

/// The size of keys, if one was given.
fn key_size(given: &Map<String, Value>) -> Result<Option<u64>, Fault> {
    let Some(value) = given.get("key_size").filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let number = count(value).ok_or_else(|| input("key_size must be an integer."))?;
    u64::try_from(number).map(Some).map_err(|_| input("key_size must be >= 0"))
}

async fn encrypt(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    Given(body): Given,
) -> Result<Response, Fault> {
    let given = inner(&body, "encryption", shape(true))?;
    asked.admin_only(&format!("{ENCRYPTION}:create"))?;
    let size = key_size(&given)?;
    let now = world.now();
    let mut volumes = world.volume();
    let kind = find(&asked, &mut volumes, &id)?;
    if kind.encryption.is_some() {
        return Err(Fault::bad(format!("Volume type encryption for type {id} already exists.")));
    }
    let made = Encryption {
        id: world.ids.uuid(),
        provider: text(&given, "provider").unwrap_or_default(),
        cipher: text(&given, "cipher"),
        key_size: size,
        control_location: text(&given, "control_location").unwrap_or_default(),
        created_at: now,
        updated_at: None,
    };
    let mut shown = given;
    shown.insert("volume_type_id".to_owned(), json!(id));
    shown.insert("encryption_id".to_owned(), json!(made.id));
    kind.encryption = Some(made);
    Ok(answer(StatusCode::OK, json!({"encryption": shown})))
}

fn no_encryption(id: &str) -> Fault {
    Fault::missing(format!("Volume type encryption for type {id} does not exist."))
}

async fn change(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path((id, key)): Path<(String, String)>,
    Given(body): Given,
) -> Result<Response, Fault> {
    let given = inner(&body, "encryption", shape(false))?;
    asked.admin_only(&format!("{ENCRYPTION}:update"))?;
    let size = key_size(&given)?;
    let now = world.now();
    let mut volumes = world.volume();
    let kind = find(&asked, &mut volumes, &id)?;
    let of = kind.encryption.as_mut().filter(|of| of.id == key);
    let of = of.ok_or_else(|| no_encryption(&id))?;
    of.key_size = size.or(of.key_size);
    of.cipher = text(&given, "cipher").or_else(|| of.cipher.take());
    if let Some(provider) = text(&given, "provider") {
        of.provider = provider;
    }
    if let Some(place) = text(&given, "control_location") {
        of.control_location = place;
    }
    of.updated_at = Some(now);
    Ok(answer(StatusCode::OK, json!({"encryption": given})))
}

async fn decrypt(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path((id, _)): Path<(String, String)>,
) -> Result<Response, Fault> {
    asked.admin_only(&format!("{ENCRYPTION}:delete"))?;
    let mut volumes = world.volume();
    let kind = find(&asked, &mut volumes, &id)?;
    kind.encryption.take().ok_or_else(|| no_encryption(&id))?;
    Ok(StatusCode::ACCEPTED.into_response())
}

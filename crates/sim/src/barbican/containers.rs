//! Containers: secrets that belong together, as a key pair or a certificate with its key.

use std::collections::BTreeSet;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::asked::{Asked, fits, json_of, page, parsed};
use super::model::{Container, Held, Secrets};
use super::policy::{Act, allow, allow_on};
use super::refusal::Refused;
use super::secrets::{created, is_id, iso, owner};
use crate::http::query::Query;
use crate::world::SharedWorld;

const SCHEMA: &str = "Container";

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/v1/containers", get(list).post(create))
        .route("/v1/containers/{id}", get(show).delete(delete))
        .route("/v1/containers/{id}/secrets", post(add).delete(take))
}

/// The container of this id; who may see it is another question.
pub(crate) fn find<'a>(all: &'a mut Secrets, id: &str) -> Result<&'a mut Container, Refused> {
    if !is_id(id) {
        return Err(Refused::missing("Not Found. Provided container id is invalid."));
    }
    let found = all.containers.get_mut(id);
    found.ok_or_else(|| Refused::missing("Secrets container not found."))
}

/// A container as it is shown.
pub(crate) fn view(asked: &Asked, container: &Container) -> Value {
    let secrets = container.secrets.iter().map(
        |held| json!({"name": held.name, "secret_ref": asked.href("secrets", &held.secret_id)}),
    );
    let consumers = container.consumers.iter().map(|one| json!({"name": one.name, "URL": one.url}));
    json!({
        "created": iso(container.created_at),
        "updated": iso(container.updated_at),
        "status": "ACTIVE",
        "name": container.name,
        "type": container.kind,
        "creator_id": container.owner.creator_id,
        "secret_refs": secrets.collect::<Vec<_>>(),
        "consumers": consumers.collect::<Vec<_>>(),
        "container_ref": asked.href("containers", &container.id),
    })
}

async fn list(
    State(world): State<SharedWorld>,
    asked: Asked,
    query: Query,
) -> Result<Json<Value>, Refused> {
    allow(&asked, Act::List, "Containers(s) retrieval")?;
    let all = world.key_manager();
    let given = |name: &str| query.get(name).filter(|value| !value.is_empty());
    let fits = |one: &&Container| {
        one.owner.project_id == asked.project()
            && given("name").is_none_or(|name| one.name.as_deref() == Some(name))
            && given("type").is_none_or(|kind| one.kind == kind)
    };
    let mut found: Vec<&Container> = all.containers.values().filter(fits).collect();
    found.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
    let shown = page(&asked, &query, ("containers", "containers"), &found, |one| view(&asked, one));
    Ok(Json(shown))
}

fn rules() -> Value {
    json!({
        "type": "object",
        "properties": {
            "name": {"type": ["string", "null"], "maxLength": 255},
            "type": {"type": "string", "enum": ["generic", "rsa", "certificate"]},
            "secret_refs": {"type": "array", "items": {
                "type": "object",
                "required": ["secret_ref"],
                "properties": {
                    "name": {"type": ["string", "null"], "maxLength": 255},
                    "secret_ref": {"type": "string", "minLength": 1},
                },
            }},
        },
        "required": ["type"],
    })
}

/// The id at the end of a reference.
fn id_of(reference: &str) -> &str {
    let reference = reference.trim_end_matches('/');
    reference.rsplit('/').next().unwrap_or(reference)
}

/// Checks which secrets a new container is to hold, and under which names.
fn held(asked: &Asked, kind: &str, refs: &[Value]) -> Result<Vec<Held>, Refused> {
    let wrong = |reason: &str| Refused::schema(SCHEMA, reason, "secret_refs");
    let list: Vec<Held> = refs
        .iter()
        .map(|one| Held {
            name: one["name"].as_str().map(str::to_owned),
            secret_id: id_of(one["secret_ref"].as_str().unwrap_or_default()).to_owned(),
        })
        .collect();
    if list.is_empty() {
        return Ok(list);
    }
    let names: BTreeSet<&str> =
        list.iter().map(|held| held.name.as_deref().unwrap_or_default()).collect();
    if names.len() != list.len() {
        return Err(wrong("Duplicate reference names are not allowed"));
    }
    let ids: BTreeSet<&str> = list.iter().map(|held| held.secret_id.as_str()).collect();
    if ids.len() != list.len() {
        return Err(wrong("Duplicate secret ids are not allowed"));
    }
    let root = asked.here.trim_end_matches("/v1");
    if refs.iter().any(|one| !one["secret_ref"].as_str().is_some_and(|it| it.starts_with(root))) {
        return Err(Refused::bad("Provided field value is not supported"));
    }
    let among = |known: &[&str]| names.iter().all(|name| known.contains(name));
    match kind {
        "rsa" if !among(&["public_key", "private_key", "private_key_passphrase"]) => Err(wrong(
            "only 'private_key', 'public_key' and 'private_key_passphrase' reference names are \
             allowed for RSA type",
        )),
        "rsa" if !names.contains("public_key") || !names.contains("private_key") => Err(wrong(
            "The minimum required reference names are 'public_key' and'private_key' for RSA type",
        )),
        "certificate"
            if !among(&[
                "certificate",
                "private_key",
                "private_key_passphrase",
                "intermediates",
            ]) =>
        {
            Err(wrong(
                "only 'private_key', 'certificate' , 'private_key_passphrase',  or \
                 'intermediates' reference names are allowed for Certificate type",
            ))
        }
        "certificate" if !names.contains("certificate") => {
            Err(wrong("The minimum required reference name is 'certificate' for Certificate type"))
        }
        _ => Ok(list),
    }
}

async fn create(
    State(world): State<SharedWorld>,
    asked: Asked,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Refused> {
    allow(&asked, Act::Create, "Container creation")?;
    let given = fits(SCHEMA, &rules(), &parsed(&headers, &bytes)?)?;
    let kind = given["type"].as_str().unwrap_or_default();
    let refs = given.get("secret_refs").and_then(Value::as_array);
    let list = held(&asked, kind, refs.map_or(&[][..], Vec::as_slice))?;
    let mut all = world.key_manager();
    for held in &list {
        let there = all.by_id.get(&held.secret_id);
        if there.is_none_or(|secret| secret.owner.project_id != asked.project()) {
            let name = held.name.as_deref().unwrap_or("None");
            return Err(Refused::missing(format!("Secret provided for '{name}' doesn't exist.")));
        }
    }
    let now = world.now();
    let container = Container {
        id: world.ids.uuid(),
        name: given.get("name").and_then(Value::as_str).map(str::to_owned),
        kind: kind.to_owned(),
        owner: owner(&asked),
        created_at: now,
        updated_at: now,
        secrets: list,
        consumers: Vec::new(),
    };
    let href = asked.href("containers", &container.id);
    all.containers.insert(container.id.clone(), container);
    Ok(created("container_ref", &href))
}

async fn show(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refused> {
    let mut all = world.key_manager();
    let container = find(&mut all, &id)?;
    allow_on(&asked, Act::Look, &container.owner, "Container retrieval")?;
    Ok(Json(view(&asked, container)))
}

async fn delete(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<StatusCode, Refused> {
    let mut all = world.key_manager();
    let container = find(&mut all, &id)?;
    allow_on(&asked, Act::DeleteContainer, &container.owner, "Container deletion")?;
    all.containers.remove(&id);
    Ok(StatusCode::NO_CONTENT)
}

/// Which secret is to be put into a container or taken out.
fn which(body: &Value) -> Result<(Held, String), Refused> {
    let rules = json!({
        "type": "object",
        "properties": {
            "name": {"type": "string", "maxLength": 255},
            "secret_ref": {"type": "string", "minLength": 1},
        },
        "required": ["secret_ref"],
    });
    let given = fits("ContainerSecret", &rules, body)?;
    let text = |key: &str| given.get(key).and_then(Value::as_str).map(str::to_owned);
    let reference = text("secret_ref").unwrap_or_default();
    Ok((Held { name: text("name"), secret_id: id_of(&reference).to_owned() }, reference))
}

async fn add(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Refused> {
    let mut all = world.key_manager();
    let container = find(&mut all, &id)?;
    allow_on(&asked, Act::Change, &container.owner, "Container Secret creation")?;
    super::asked::of_type(&headers, &["application/json"])?;
    if container.kind != "generic" {
        return Err(Refused::bad("Only 'generic' containers can be modified."));
    }
    let (held, _) = which(&json_of(&bytes)?)?;
    let there = all.by_id.get(&held.secret_id);
    if there.is_none_or(|secret| secret.owner.project_id != asked.project()) {
        return Err(Refused::missing("Secret provided doesn't exist."));
    }
    let container = find(&mut all, &id)?;
    if container.secrets.contains(&held) {
        return Err(Refused::conflict(
            "Conflict. A secret with that name and ID is already stored in this container. The \
             same secret can exist in a container as long as the name is unique.",
        ));
    }
    container.secrets.push(held);
    Ok(created("container_ref", &asked.href("containers", &id)))
}

async fn take(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Result<StatusCode, Refused> {
    let mut all = world.key_manager();
    let container = find(&mut all, &id)?;
    allow_on(&asked, Act::Change, &container.owner, "Container Secret deletion")?;
    let (held, reference) = which(&json_of(&bytes)?)?;
    let there = all.by_id.get(&held.secret_id);
    if there.is_none_or(|secret| secret.owner.project_id != asked.project()) {
        let name = held.name.as_deref().unwrap_or("None");
        let text = format!("Secret '{name}' with reference '{reference}' doesn't exist.");
        return Err(Refused::missing(text));
    }
    let container = find(&mut all, &id)?;
    let before = container.secrets.len();
    container.secrets.retain(|one| *one != held);
    if container.secrets.len() == before {
        return Err(Refused::missing("Secret provided is not in the container"));
    }
    Ok(StatusCode::NO_CONTENT)
}

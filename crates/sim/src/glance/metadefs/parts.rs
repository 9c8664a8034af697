//! What a namespace holds: objects, properties, resource types and tags.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::{OnPart, Part, may_change, name_in, part, render_part, stamped, with_namespace};
use crate::glance::access::Authenticated;
use crate::glance::images::json_object;
use crate::glance::refusal::Refusal;
use crate::world::SharedWorld;

/// The name of one of a kind, for messages and schemas.
fn one_of(kind: &str) -> Result<&'static str, Refusal> {
    match kind {
        "objects" => Ok("object"),
        "properties" => Ok("property"),
        "tags" => Ok("tag"),
        "resource_types" => Ok("resource_type_association"),
        _ => Err(Refusal::not_found("The resource could not be found.")),
    }
}

pub(super) async fn list_parts(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path((namespace, kind)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    one_of(&kind)?;
    with_namespace(&world, &caller, &namespace, |it| {
        let parts = it.parts.get(&kind).into_iter().flatten();
        let body = match kind.as_str() {
            "properties" => {
                let all: Map<String, Value> = parts
                    .map(|(name, part)| (name.clone(), render_part(&namespace, &kind, name, part)))
                    .collect();
                json!({"properties": all})
            }
            "tags" => {
                let all: Vec<Value> = parts.map(|(name, _)| json!({"name": name})).collect();
                json!({"tags": all})
            }
            "objects" => {
                let all: Vec<Value> = parts
                    .map(|(name, part)| {
                        let mut shown = render_part(&namespace, &kind, name, part);
                        if shown.get("required").is_none() {
                            shown["required"] = json!([]);
                        }
                        shown
                    })
                    .collect();
                json!({"objects": all, "schema": "v2/schemas/metadefs/objects"})
            }
            _ => {
                let all: Vec<Value> = parts.map(|(name, part)| stamped(name, part)).collect();
                json!({"resource_type_associations": all})
            }
        };
        Ok(axum::Json(body).into_response())
    })
}

pub(super) async fn create_part(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path((namespace, kind)): Path<(String, String)>,
    body: Body,
) -> Result<Response, Refusal> {
    let one = one_of(&kind)?;
    let given = json_object(body).await?;
    may_change(&caller, &format!("add_metadef_{one}"))?;
    let now = world.now();
    with_namespace(&world, &caller, &namespace, |it| {
        let parts = it.parts.entry(kind.clone()).or_default();
        if kind == "tags" {
            let asked = given.get("tags").and_then(Value::as_array).cloned().unwrap_or_default();
            let names = asked.iter().filter_map(|tag| tag["name"].as_str());
            *parts = names.map(|name| (name.to_owned(), part(now, Map::new()))).collect();
            return Ok((StatusCode::CREATED, axum::Json(json!({"tags": asked}))).into_response());
        }
        let name = name_in(&given, "name", one)?;
        if parts.contains_key(&name) {
            return Err(Refusal::conflict(format!(
                "A metadata definition {one} with name={name} already exists in \
                 namespace={namespace}."
            )));
        }
        let made = part(now, given);
        let shown = render_part(&namespace, &kind, &name, &made);
        parts.insert(name, made);
        Ok((StatusCode::CREATED, axum::Json(shown)).into_response())
    })
}

pub(super) async fn clear_parts(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path((namespace, kind)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    one_of(&kind)?;
    may_change(&caller, &format!("delete_metadef_{kind}"))?;
    with_namespace(&world, &caller, &namespace, |it| {
        it.parts.remove(&kind);
        Ok(StatusCode::NO_CONTENT)
    })
}

fn no_part(one: &str, name: &str) -> Refusal {
    Refusal::not_found(format!("Could not find metadata {one} {name}"))
}

pub(super) async fn show_part(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path((namespace, kind, name)): OnPart,
) -> Result<Response, Refusal> {
    let one = one_of(&kind)?;
    with_namespace(&world, &caller, &namespace, |it| {
        let part = it.parts.get(&kind).and_then(|parts| parts.get(&name));
        let part = part.ok_or_else(|| no_part(one, &name))?;
        let mut shown = render_part(&namespace, &kind, &name, part);
        if kind == "objects" && shown.get("required").is_none() {
            shown["required"] = json!([]);
        }
        Ok(axum::Json(shown).into_response())
    })
}

pub(super) async fn update_part(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path((namespace, kind, name)): OnPart,
    body: Body,
) -> Result<Response, Refusal> {
    let one = one_of(&kind)?;
    let given = json_object(body).await?;
    may_change(&caller, &format!("modify_metadef_{one}"))?;
    let renamed = name_in(&given, "name", one)?;
    let now = world.now();
    with_namespace(&world, &caller, &namespace, |it| {
        let parts = it.parts.entry(kind.clone()).or_default();
        let known = parts.remove(&name).ok_or_else(|| no_part(one, &name))?;
        let changed = Part { created_at: known.created_at, ..part(now, given) };
        let shown = render_part(&namespace, &kind, &renamed, &changed);
        parts.insert(renamed, changed);
        Ok(axum::Json(shown).into_response())
    })
}

pub(super) async fn create_tag(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path((namespace, kind, name)): OnPart,
) -> Result<Response, Refusal> {
    if kind != "tags" {
        return Err(Refusal::method("POST"));
    }
    may_change(&caller, "add_metadef_tag")?;
    let now = world.now();
    with_namespace(&world, &caller, &namespace, |it| {
        let parts = it.parts.entry(kind).or_default();
        if parts.contains_key(&name) {
            return Err(Refusal::conflict(format!(
                "A metadata tag with name={name} already exists in namespace={namespace}."
            )));
        }
        let made = part(now, Map::new());
        let shown = stamped(&name, &made);
        parts.insert(name.clone(), made);
        Ok((StatusCode::CREATED, axum::Json(shown)).into_response())
    })
}

pub(super) async fn remove_part(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path((namespace, kind, name)): OnPart,
) -> Result<StatusCode, Refusal> {
    let one = one_of(&kind)?;
    may_change(&caller, &format!("delete_metadef_{one}"))?;
    with_namespace(&world, &caller, &namespace, |it| {
        let parts = it.parts.entry(kind).or_default();
        parts.remove(&name).ok_or_else(|| no_part(one, &name))?;
        Ok(StatusCode::NO_CONTENT)
    })
}

//! Tags of resources.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use serde_json::{Value, json};

use super::access::Request;
use super::attribute::python;
use super::model::Network;
use super::refusal::Refusal;
use super::resource::{Resource, find, owns};
use crate::world::SharedWorld;

/// No tag may be longer.
const LONGEST: usize = 255;

pub(crate) fn routes<R: Resource>() -> Router<SharedWorld> {
    let tags = format!("/v2.0/{}/{{id}}/tags", R::PATH);
    Router::new()
        .route(&tags, get(all::<R>).put(replace::<R>).delete(clear::<R>))
        .route(&format!("{tags}/{{tag}}"), get(has::<R>).put(add::<R>).delete(remove::<R>))
}

fn no_tag(tag: &str) -> Refusal {
    Refusal::missing("TagNotFound", format!("Tag {tag} could not be found."))
}

/// The object, in the words that tags have for one that is missing.
fn found<'a, R: Resource>(
    state: &'a Network,
    request: &Request,
    id: &str,
) -> Result<&'a R, Refusal> {
    find::<R>(state, &request.caller, id).map_err(|_| {
        let kind = R::PATH.replace('-', "_");
        let text = format!("Resource {kind} {id} could not be found.");
        Refusal::missing("TagResourceNotFound", text)
    })
}

/// The object is there and the caller may change it.
fn may_change<R: Resource>(state: &Network, request: &Request, id: &str) -> Result<(), Refusal> {
    let object = found::<R>(state, request, id)?;
    if owns(&request.caller, &object.standard().project_id) {
        return Ok(());
    }
    Err(Refusal::policy(&format!("rule:update_{}_tags", R::PATH.replace('-', "_"))))
}

async fn all<R: Resource>(
    State(world): State<SharedWorld>,
    request: Request,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let state = world.network();
    let object = found::<R>(&state, &request, &id)?;
    Ok(axum::Json(json!({"tags": object.standard().tags})).into_response())
}

async fn replace<R: Resource>(
    State(world): State<SharedWorld>,
    request: Request,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let body: Value =
        serde_json::from_slice(&body).map_err(|_| Refusal::bad("Body contains invalid data"))?;
    let tags = body.get("tags").ok_or_else(|| Refusal::input("Invalid tags body"))?;
    let list = tags.as_array();
    let list = list.ok_or_else(|| Refusal::input(&format!("'{}' is not a list", python(tags))))?;
    let mut texts = Vec::new();
    for tag in list {
        let text = tag.as_str();
        let text = text
            .ok_or_else(|| Refusal::input(&format!("'{}' is not a valid string", python(tag))))?;
        if text.chars().count() > LONGEST {
            let reason = format!("'{text}' exceeds maximum length of {LONGEST}");
            return Err(Refusal::input(&reason));
        }
        texts.push(text);
    }
    let mut state = world.network();
    may_change::<R>(&state, &request, &id)?;
    if let Some(standard) = R::one(&mut state, &id) {
        standard.tags = texts.into_iter().map(str::to_owned).collect();
        standard.touch(world.now());
        return Ok(axum::Json(json!({"tags": standard.tags})).into_response());
    }
    Err(R::missing(&id))
}

async fn clear<R: Resource>(
    State(world): State<SharedWorld>,
    request: Request,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let mut state = world.network();
    may_change::<R>(&state, &request, &id)?;
    if let Some(standard) = R::one(&mut state, &id) {
        standard.tags.clear();
        standard.touch(world.now());
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn has<R: Resource>(
    State(world): State<SharedWorld>,
    request: Request,
    Path((id, tag)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let state = world.network();
    let object = found::<R>(&state, &request, &id)?;
    if object.standard().tags.contains(&tag) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Err(no_tag(&tag))
}

async fn add<R: Resource>(
    State(world): State<SharedWorld>,
    request: Request,
    Path((id, tag)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let mut state = world.network();
    may_change::<R>(&state, &request, &id)?;
    if let Some(standard) = R::one(&mut state, &id)
        && standard.tags.insert(tag)
    {
        standard.touch(world.now());
    }
    Ok((StatusCode::CREATED, axum::Json(Value::Null)).into_response())
}

async fn remove<R: Resource>(
    State(world): State<SharedWorld>,
    request: Request,
    Path((id, tag)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let mut state = world.network();
    may_change::<R>(&state, &request, &id)?;
    let removed = R::one(&mut state, &id).filter(|standard| standard.tags.contains(&tag));
    let standard = removed.ok_or_else(|| no_tag(&tag))?;
    standard.tags.remove(&tag);
    standard.touch(world.now());
    Ok(StatusCode::NO_CONTENT.into_response())
}

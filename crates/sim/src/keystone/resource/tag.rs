//! Tags of projects.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::LOCATION;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use crate::http::query::Query;
use crate::keystone::caller::{Authenticated, Caller};
use crate::keystone::policy::{self, Target};
use crate::keystone::refusal::Refusal;
use crate::keystone::schema::{Kind, tag_problem};
use crate::keystone::token::json_body;
use crate::world::{SharedWorld, World};

pub(super) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/v3/projects/{id}/tags", get(list).put(replace).delete(clear))
        .route("/v3/projects/{id}/tags/{tag}", get(check).put(add).delete(remove))
}

/// Whether tags fit the filters of a list: `tags` (all of them), `tags-any`, `not-tags`,
/// `not-tags-any`.
pub(super) fn wanted(tags: &[String], query: &Query) -> bool {
    let has = |tag: &str| tags.iter().any(|own| own == tag);
    let all = |asked: &str| asked.split(',').all(has);
    let any = |asked: &str| asked.split(',').any(has);
    query.get("tags").is_none_or(all)
        && query.get("tags-any").is_none_or(any)
        && query.get("not-tags").is_none_or(|asked| !all(asked))
        && query.get("not-tags-any").is_none_or(|asked| !any(asked))
}

/// Works on the tags of a project that is there, for whoever may do this with it.
fn with_tags<T>(
    world: &World,
    caller: &Caller,
    id: &str,
    action: &str,
    work: impl FnOnce(&mut Vec<String>) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let mut identity = world.identity();
    let project = identity.projects.get_mut(id);
    let domain = project.as_ref().map(|project| project.domain_id.clone());
    let target = Target::within(domain.as_deref()).owned(caller.project() == Some(id));
    policy::allow(caller, action, target)?;
    let project = project.ok_or_else(|| Refusal::not_found("project", id))?;
    work(&mut project.tags)
}

fn shown(world: &World, id: &str, tags: &[String]) -> Response {
    let this = format!("{}{}/v3/projects/{id}/tags", world.base, crate::keystone::MOUNT);
    axum::Json(json!({"links": {"self": this}, "tags": tags})).into_response()
}

async fn list(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    with_tags(&world, &caller, &id, "list_project_tags", |tags| Ok(shown(&world, &id, tags)))
}

async fn replace(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let body = json_body(&headers, body).await?;
    let asked = body.get("tags").cloned().unwrap_or_else(|| json!({}));
    with_tags(&world, &caller, &id, "update_project_tags", |tags| {
        Kind::Tags.check(&asked).map_err(|(within, problem)| match within.strip_prefix('/') {
            Some(place) => Refusal::bad(format!("Invalid input for field '{place}': {problem}")),
            None => Refusal::bad(problem),
        })?;
        let all = asked.as_array().into_iter().flatten();
        *tags = all.filter_map(Value::as_str).map(str::to_owned).collect();
        Ok(shown(&world, &id, tags))
    })
}

async fn clear(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    with_tags(&world, &caller, &id, "delete_project_tags", |tags| {
        tags.clear();
        Ok(StatusCode::NO_CONTENT)
    })
}

fn missing(tag: &str) -> Refusal {
    Refusal::not_found("project tag", tag)
}

async fn check(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path((id, tag)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    with_tags(&world, &caller, &id, "get_project_tag", |tags| {
        if tags.contains(&tag) { Ok(StatusCode::NO_CONTENT) } else { Err(missing(&tag)) }
    })
}

async fn add(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path((id, tag)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    with_tags(&world, &caller, &id, "create_project_tag", |tags| {
        tag_problem(&Value::from(tag.as_str())).map_err(Refusal::bad)?;
        let place = format!("{}{}/v3/projects/{id}/tags/{tag}", world.base, crate::keystone::MOUNT);
        if !tags.contains(&tag) {
            tags.push(tag);
        }
        Ok((StatusCode::CREATED, [(LOCATION, place)]).into_response())
    })
}

async fn remove(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path((id, tag)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    with_tags(&world, &caller, &id, "delete_project_tag", |tags| {
        let before = tags.len();
        tags.retain(|own| *own != tag);
        if tags.len() == before { Err(missing(&tag)) } else { Ok(StatusCode::NO_CONTENT) }
    })
}

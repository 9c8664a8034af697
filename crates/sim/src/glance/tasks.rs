//! Tasks: what Glance did in the background.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use lotse_core::time::Timestamp;
use serde_json::{Value, json};

use super::access::{self, Authenticated};
use super::list::limit;
use super::model::{Task, second};
use super::refusal::Refusal;
use crate::http::query::Query;
use crate::world::SharedWorld;

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/v2/tasks", get(list))
        .route("/v2/tasks/{id}", get(show).delete(remove))
        .route("/v2/images/{id}/tasks", get(of_image).fallback(super::info::elsewhere))
}

/// Glance has a route for it, and nothing behind the policy.
async fn remove(Authenticated(caller): Authenticated) -> Refusal {
    if caller.is_admin() { Refusal::stumbled() } else { Refusal::policy("tasks_api_access") }
}

/// A task as the list shows it.
fn brief(task: &Task) -> Value {
    let mut shown = json!({
        "id": task.id,
        "type": "api_image_import",
        "status": task.status,
        "owner": task.owner,
        "created_at": second(task.created_at),
        "updated_at": second(task.updated_at),
        "self": format!("/v2/tasks/{}", task.id),
        "schema": "/v2/schemas/task",
    });
    if let Some(end) = task.expires_at() {
        shown["expires_at"] = json!(second(end));
    }
    shown
}

/// A task as it is shown alone.
fn full(task: &Task) -> Value {
    let mut shown = brief(task);
    shown["message"] = json!(task.message);
    shown["input"] = task.input.clone();
    shown["result"] = task.result.clone();
    shown["image_id"] = json!(task.image_id);
    shown["request_id"] = json!(task.request_id);
    shown["user_id"] = json!(task.user_id);
    shown
}

/// A task as the tasks of an image show it, in yet another form.
fn beside_image(task: &Task) -> Value {
    let stamp = |at: Timestamp| format!("{}.000000", second(at).trim_end_matches('Z'));
    json!({
        "id": task.id,
        "type": "api_image_import",
        "status": task.status,
        "owner": task.owner,
        "expires_at": task.expires_at().map(stamp),
        "created_at": stamp(task.created_at),
        "updated_at": stamp(task.updated_at),
        "deleted_at": null,
        "deleted": false,
        "image_id": task.image_id,
        "request_id": task.request_id,
        "user_id": task.user_id,
        "input": task.input,
        "result": task.result,
        "message": task.message,
    })
}

async fn list(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    query: Query,
) -> Result<Response, Refusal> {
    if !caller.is_admin() {
        return Err(Refusal::policy("tasks_api_access"));
    }
    let limit = limit(&query)?;
    let images = world.images();
    let mut found: Vec<&Task> = images.tasks.values().collect();
    found.sort_by(|a, b| b.created_at.cmp(&a.created_at).then_with(|| b.id.cmp(&a.id)));
    let start = query.get("marker").map_or(0, |marker| {
        found.iter().position(|task| task.id == marker).map_or(found.len(), |at| at + 1)
    });
    let page = &found[start..found.len().min(start + limit)];
    let shown: Vec<Value> = page.iter().map(|task| brief(task)).collect();
    let mut body = json!({"tasks": shown, "first": "/v2/tasks", "schema": "/v2/schemas/tasks"});
    if let Some(last) = page.last().filter(|_| page.len() == limit) {
        body["next"] = json!(format!("/v2/tasks?limit={limit}&marker={}", last.id));
    }
    Ok(axum::Json(body).into_response())
}

async fn show(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    if !caller.is_admin() {
        return Err(Refusal::policy("tasks_api_access"));
    }
    let images = world.images();
    let task = images.tasks.get(&id);
    let task = task.ok_or_else(|| Refusal::not_found(format!("Could not find task {id}")))?;
    Ok(axum::Json(full(task)).into_response())
}

async fn of_image(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let images = world.images();
    if access::find(&images, &id, &caller).is_err() {
        return Err(Refusal::not_found("The resource could not be found."));
    }
    let mut found: Vec<&Task> = images.tasks.values().filter(|task| task.image_id == id).collect();
    found.sort_by_key(|task| std::cmp::Reverse(task.created_at));
    let shown: Vec<Value> = found.into_iter().map(beside_image).collect();
    Ok(axum::Json(json!({"tasks": shown})).into_response())
}

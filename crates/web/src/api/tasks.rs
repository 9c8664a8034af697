//! Tasks in the API.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use lotse_core::task::TaskStatus;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{PathWord, Sent, Words, once, paging};
use crate::auth::guard::Caller;
use crate::problem::Problem;
use crate::shell::Shell;
use crate::text::shown;

/// A task and what it did last.
#[derive(Debug, ToSchema)]
#[allow(dead_code, reason = "says to readers of the API what the core's status looks like")]
#[schema(as = Task)]
struct TaskAnswer {
    /// Short and stable, for example `images/sim`.
    name: String,
    /// What it is for.
    description: String,
    /// How often it is activated, in seconds.
    period_seconds: f64,
    /// `idle`, `running` or `elsewhere` (another instance does the work).
    #[schema(pattern = "^(idle|running|elsewhere)$")]
    state: String,
    /// Its last activation that ended.
    #[schema(required)]
    last: Option<ActivationAnswer>,
    /// When it will be activated next, unless requested earlier.
    #[schema(required, format = DateTime)]
    next: Option<String>,
    /// Activations that succeeded since this process started.
    succeeded: u64,
    /// Activations that failed since this process started.
    failed: u64,
}

/// One activation that has ended. Succeeded ones have `report`, failed ones `kind` and `message`.
#[derive(Debug, ToSchema)]
#[allow(dead_code, reason = "says to readers of the API what the core's status looks like")]
#[schema(as = Activation)]
struct ActivationAnswer {
    /// When it started.
    #[schema(format = DateTime)]
    started: String,
    /// How long it took.
    seconds: f64,
    /// `succeeded` or `failed`.
    #[schema(pattern = "^(succeeded|failed)$")]
    outcome: String,
    /// What it did.
    report: Option<ReportAnswer>,
    /// What kind of failure it was.
    kind: Option<String>,
    /// What went wrong.
    message: Option<String>,
    /// What to do about it.
    hints: Option<Vec<String>>,
}

/// What one activation did.
#[derive(Debug, ToSchema)]
#[allow(dead_code, reason = "says to readers of the API what the core's status looks like")]
#[schema(as = Report)]
struct ReportAnswer {
    /// In one line.
    summary: String,
    /// In full; each task has a form of its own.
    #[schema(value_type = Value)]
    detail: serde_json::Value,
}

/// A page of tasks.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TaskList {
    #[schema(value_type = Vec<TaskAnswer>)]
    tasks: Vec<TaskStatus>,
    /// Give it as `after` to see the next page; missing on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Lists the tasks by name.
#[utoipa::path(
    get, path = "/api/v1/tasks", tag = "tasks", operation_id = "list_tasks",
    params(paging::PageQuery),
    responses((status = 200, body = TaskList, description = "A page of tasks."))
)]
pub(super) async fn list(
    State(shell): State<Arc<Shell>>,
    Words(query): Words<paging::PageQuery>,
) -> Result<Response, Problem> {
    let limit = paging::limit(query.limit)?;
    let after = paging::entry(query.after.as_deref())?.unwrap_or_default();
    // The board lists by name.
    let tasks = shell.board.tasks().into_iter().filter(|task| task.name > after);
    let tasks: Vec<_> = tasks.take(limit as usize + 1).collect();
    let (tasks, next) = paging::cut(tasks, limit, |task| task.name.clone());
    Ok(Json(TaskList { tasks, next }).into_response())
}

/// Shows one task.
#[utoipa::path(
    get, path = "/api/v1/tasks/{name}", tag = "tasks", operation_id = "show_task",
    params(("name" = String, Path, description = "Its name; `/` may be written as it is")),
    responses((status = 200, body = TaskAnswer, description = "The task."))
)]
pub(super) async fn show(
    State(shell): State<Arc<Shell>>,
    PathWord(name): PathWord,
) -> Result<Response, Problem> {
    let task = shell.board.task(&name).ok_or_else(|| {
        Problem::new(StatusCode::NOT_FOUND, "no such task")
            .detail(format!("there is no task {:?}; /api/v1/tasks lists them", shown(&name, 120)))
    })?;
    Ok(Json(task).into_response())
}

/// What is to run.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewActivation {
    /// The name of a task.
    task: String,
}

/// Has a task run now. A task that is running already runs once more.
#[utoipa::path(
    post, path = "/api/v1/activations", tag = "tasks", operation_id = "request_task",
    request_body = NewActivation,
    params(once::KeyParameter),
    responses((status = 202, body = NewActivation, description = "It was asked to run."))
)]
pub(super) async fn activate(
    State(shell): State<Arc<Shell>>,
    Caller(identity): Caller,
    headers: HeaderMap,
    Sent(new): Sent<NewActivation>,
) -> Result<Response, Problem> {
    let request = once::Request::read(&identity, &headers, "POST /api/v1/activations", &new)?;
    once::only(&shell, request, async {
        shell.activate(&identity, &new.task).await?;
        Ok(once::Answer::of(StatusCode::ACCEPTED, &new))
    })
    .await
}

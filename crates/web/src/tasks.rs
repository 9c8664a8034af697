//! The tasks in the JSON API.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};

use crate::Shell;
use crate::problem::Problem;

pub(crate) async fn list(State(shell): State<Arc<Shell>>) -> Response {
    Json(serde_json::json!({ "tasks": shell.board.tasks() })).into_response()
}

pub(crate) async fn show(State(shell): State<Arc<Shell>>, Path(name): Path<String>) -> Response {
    match shell.board.task(&name) {
        Some(task) => Json(task).into_response(),
        None => Problem::new(StatusCode::NOT_FOUND, "no such task")
            .detail(format!("there is no task {name:?}; /api/v1/tasks lists them"))
            .into_response(),
    }
}

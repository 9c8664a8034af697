//! The page for people: what runs here and where to look. The console grows from here.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use lotse_core::task::{Outcome, TaskState, TaskStatus};

use crate::Shell;
use crate::shell::About;

#[derive(Template)]
#[template(path = "index.html")]
struct Index<'a> {
    about: &'a About,
    started: String,
    tasks: Vec<Row>,
}

struct Row {
    name: String,
    description: String,
    state: String,
    class: &'static str,
    last: String,
    next: String,
}

impl From<TaskStatus> for Row {
    fn from(task: TaskStatus) -> Self {
        let state = match &task.state {
            TaskState::Running { .. } => "running".to_owned(),
            TaskState::Elsewhere { lease } => format!("runs at {}", lease.holder_note),
            TaskState::Idle => match &task.last {
                None => "not yet run".to_owned(),
                Some(last) if last.outcome.is_success() => "succeeded".to_owned(),
                Some(_) => "failed".to_owned(),
            },
        };
        let class = match &task.last {
            Some(last) if !last.outcome.is_success() => "bad",
            Some(_) => "good",
            None => "open",
        };
        let last = task.last.map_or_else(String::new, |last| match last.outcome {
            Outcome::Succeeded { report } => report.summary,
            Outcome::Failed { message, .. } => message,
        });
        let next = task.next.map_or_else(String::new, |next| format!("{next:.0}"));
        Self { name: task.name, description: task.description, state, class, last, next }
    }
}

pub(crate) async fn index(State(shell): State<Arc<Shell>>) -> Response {
    let tasks = shell.board.tasks().into_iter().map(Row::from).collect();
    let started = format!("{:.0}", shell.about.started);
    match (Index { about: &shell.about, started, tasks }).render() {
        Ok(page) => Html(page).into_response(),
        Err(error) => {
            tracing::error!(%error, "the page cannot be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

pub(crate) async fn stylesheet() -> Response {
    let headers =
        [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "max-age=600")];
    (headers, include_str!("../templates/lotse.css")).into_response()
}

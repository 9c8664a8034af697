//! The tasks: what each did last, and the button to have it run now.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::layout::Layout;
use super::page;
use super::task_view::TaskView;
use crate::access::TASK_REQUEST;
use crate::api::{Fields, Words};
use crate::auth::guard::Caller;
use crate::problem::Problem;
use crate::shell::Shell;
use crate::text::{encoded, shown};

#[derive(Template)]
#[template(path = "tasks.html")]
struct TasksPage {
    layout: Layout,
    rows: Vec<TaskView>,
    may_request: bool,
    requested: Option<String>,
}

/// What the page is told in its address.
#[derive(Debug, Deserialize)]
pub(super) struct TasksQuery {
    requested: Option<String>,
}

pub(super) async fn show(
    State(shell): State<Arc<Shell>>,
    Caller(identity): Caller,
    Words(query): Words<TasksQuery>,
) -> Response {
    // Only the name of a task of ours is said to have been requested.
    let requested = query.requested.filter(|name| shell.board.task(name).is_some());
    page(&TasksPage {
        layout: Layout::of(&shell, &identity, "/tasks", "Tasks").live(),
        rows: shell.board.tasks().iter().map(TaskView::from).collect(),
        may_request: identity.is_known() && identity.may(&TASK_REQUEST),
        requested: requested.map(|name| shown(&name, 120)),
    })
}

/// The form behind the button.
#[derive(Debug, Deserialize)]
pub(super) struct RequestForm {
    task: String,
}

pub(super) async fn request(
    State(shell): State<Arc<Shell>>,
    Caller(identity): Caller,
    Fields(form): Fields<RequestForm>,
) -> Result<Response, Problem> {
    shell.activate(&identity, &form.task).await?;
    Ok(Redirect::to(&format!("/tasks?requested={}", encoded(&form.task))).into_response())
}

impl Shell {
    /// Has a task run now, and writes down who wanted it.
    pub(crate) async fn activate(
        &self,
        identity: &crate::access::Identity,
        task: &str,
    ) -> Result<(), Problem> {
        if !(self.request_task)(task) {
            return Err(Problem::new(StatusCode::NOT_FOUND, "no such task")
                .detail(format!("there is no task {:?}", shown(task, 120))));
        }
        let actor = identity.actor();
        let noted = self.gate.note(
            &actor,
            "task.request",
            task,
            lotse_store::audit::DeedOutcome::Done,
            serde_json::Value::Null,
        );
        noted.await.map_err(|error| Problem::of(&error))
    }
}

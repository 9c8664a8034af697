//! The first page: clouds, tasks, what is left to do.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::layout::{Layout, When};
use super::page;
use super::task_view::{TaskView, pending};
use crate::auth::guard::Caller;
use crate::shell::Shell;
use crate::text::shown;

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    layout: Layout,
    clouds: Vec<CloudView>,
    tasks: Vec<TaskView>,
    failing: usize,
    pending: Vec<Pending>,
    started: When,
    instance: String,
}

struct CloudView {
    name: String,
    tasks: usize,
    failing: usize,
}

struct Pending {
    task: String,
    changes: String,
}

pub(super) async fn show(State(shell): State<Arc<Shell>>, Caller(identity): Caller) -> Response {
    let tasks = shell.board.tasks();
    let failed = |task: &&lotse_core::task::TaskStatus| {
        task.last.as_ref().is_some_and(|last| !last.outcome.is_success())
    };
    let clouds = shell.clouds.iter().map(|cloud| {
        // Tasks are called `capability/cloud`.
        let theirs = || {
            let of_cloud = |name: &str| name.split_once('/').is_some_and(|(_, rest)| rest == cloud);
            tasks.iter().filter(move |task| of_cloud(&task.name))
        };
        CloudView {
            name: shown(cloud, 120),
            tasks: theirs().count(),
            failing: theirs().filter(failed).count(),
        }
    });
    let pending = tasks
        .iter()
        .filter_map(|task| Some(Pending { task: shown(&task.name, 120), changes: pending(task)? }));
    page(&Overview {
        layout: Layout::of(&shell, &identity, "/", "Overview"),
        clouds: clouds.collect(),
        failing: tasks.iter().filter(failed).count(),
        pending: pending.collect(),
        tasks: tasks.iter().map(TaskView::from).collect(),
        started: shell.about.started.into(),
        instance: shell.about.instance.clone(),
    })
}

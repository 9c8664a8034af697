//! The first page: clouds, tasks, what is left to do.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::layout::{Layout, When};
use super::page;
use super::task_view::{TaskView, pending};
use crate::access::Identity;
use crate::auth::guard::Caller;
use crate::extension::Highlight;
use crate::problem::Problem;
use crate::shell::Shell;
use crate::text::shown;

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    layout: Layout,
    highlights: Vec<Highlight>,
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

pub(super) async fn show(
    State(shell): State<Arc<Shell>>,
    Caller(identity): Caller,
) -> Result<Response, Problem> {
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
    Ok(page(&Overview {
        layout: Layout::of(&shell, &identity, "/", "Overview").live(),
        highlights: highlights(&shell, &identity).await?,
        clouds: clouds.collect(),
        failing: tasks.iter().filter(failed).count(),
        pending: pending.collect(),
        tasks: tasks.iter().map(TaskView::from).collect(),
        started: shell.about.started.into(),
        instance: shell.about.instance.clone(),
    }))
}

/// What the capabilities want to be seen first, for those who may see it.
async fn highlights(shell: &Shell, identity: &Identity) -> Result<Vec<Highlight>, Problem> {
    let mut all = Vec::new();
    for source in shell.highlights.iter().filter(|source| identity.reaches(source.access())) {
        for mut highlight in source.now().await? {
            highlight.text = shown(&highlight.text, 400);
            all.push(highlight);
        }
    }
    // What is wrong comes first; within that, capabilities keep their order.
    all.sort_by_key(|highlight| !highlight.is_wrong);
    Ok(all)
}

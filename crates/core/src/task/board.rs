//! What is known of every task: the one place the console, the API and the metrics read.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::Report;
use crate::error::{ErrorKind, Explain, chain};
use crate::lease::Lease;
use crate::time::Timestamp;

/// What a task is doing.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum TaskState {
    /// Waiting for its time or for a request.
    Idle,
    /// Working since this instant.
    Running {
        /// Start of the activation.
        since: Timestamp,
    },
    /// Another instance holds the lease and does the work.
    Elsewhere {
        /// The lease as the other instance holds it.
        lease: Lease,
    },
}

/// How one activation ended.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// It did what it had to.
    Succeeded {
        /// What it did.
        report: Report,
    },
    /// It could not.
    Failed {
        /// What the failure is.
        kind: ErrorKind,
        /// The chain of messages.
        message: String,
        /// What to do about it.
        hints: Vec<String>,
    },
}

impl Outcome {
    /// The outcome that an error stands for.
    pub fn failed(error: &dyn Explain) -> Self {
        Self::Failed { kind: error.kind(), message: chain(error), hints: error.hints() }
    }

    /// Whether the activation did what it had to.
    pub const fn is_success(&self) -> bool {
        matches!(self, Self::Succeeded { .. })
    }
}

/// One activation that has ended.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Activation {
    /// When it started.
    pub started: Timestamp,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// All that is known of one task.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct TaskStatus {
    /// Name of the task.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// How often it is activated, in seconds.
    pub period_seconds: f64,
    /// What it is doing.
    #[serde(flatten)]
    pub state: TaskState,
    /// Its last activation here or, before the first one, before the restart.
    pub last: Option<Activation>,
    /// When it will be activated next, unless requested earlier.
    pub next: Option<Timestamp>,
    /// Activations of this process that ended well.
    pub succeeded: u64,
    /// Activations of this process that failed.
    pub failed: u64,
}

/// The status of all tasks of this process.
#[derive(Debug)]
pub struct Board {
    tasks: Mutex<BTreeMap<String, TaskStatus>>,
    changed: watch::Sender<u64>,
}

impl Default for Board {
    fn default() -> Self {
        Self { tasks: Mutex::default(), changed: watch::Sender::new(0) }
    }
}

impl Board {
    /// The status of every task, by name.
    pub fn tasks(&self) -> Vec<TaskStatus> {
        self.with(|tasks| tasks.values().cloned().collect())
    }

    /// The status of one task.
    pub fn task(&self, name: &str) -> Option<TaskStatus> {
        self.with(|tasks| tasks.get(name).cloned())
    }

    /// Changes whenever the status of a task does.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Resolves when `reached` holds for the statuses of all tasks.
    pub async fn wait_until(&self, mut reached: impl FnMut(&[TaskStatus]) -> bool + Send) {
        let mut changes = self.changed.subscribe();
        while !reached(&self.tasks()) {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    pub(super) fn enter(
        &self,
        name: &str,
        description: &str,
        period: Duration,
        last: Option<Activation>,
    ) {
        let status = TaskStatus {
            name: name.to_owned(),
            description: description.to_owned(),
            period_seconds: period.as_secs_f64(),
            state: TaskState::Idle,
            last,
            next: None,
            succeeded: 0,
            failed: 0,
        };
        self.with(|tasks| tasks.insert(name.to_owned(), status));
        self.notify();
    }

    pub(super) fn update(&self, name: &str, change: impl FnOnce(&mut TaskStatus)) {
        self.with(|tasks| {
            if let Some(status) = tasks.get_mut(name) {
                change(status);
            }
        });
        self.notify();
    }

    fn notify(&self) {
        self.changed.send_modify(|version| *version = version.wrapping_add(1));
    }

    fn with<T>(&self, look: impl FnOnce(&mut BTreeMap<String, TaskStatus>) -> T) -> T {
        look(&mut self.tasks.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

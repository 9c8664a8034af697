//! The last activation of each task, so that a restart of the daemon does not forget it.
//!
//! The others are told when a task begins to fail (`task.failed`) and when it works again
//! (`task.recovered`), in the transaction that records it, and not for every activation between.

use std::time::Duration;

use async_trait::async_trait;
use lotse_core::error::chain;
use lotse_core::event::Event;
use lotse_core::id::EventId;
use lotse_core::task::{Activation, Outcome, Witness};
use lotse_core::time::Timestamp;
use serde_json::json;
use sqlx::any::AnyRow;

use crate::error::Error;
use crate::row::{Columns, micros, plain, to_json};
use crate::store::Store;

/// An activation that is older than the recorded one (two instances, one of them slow) stays
/// unrecorded.
const ENDED: &str = "\
INSERT INTO task_status (task, started_us, duration_us, outcome, succeeded_us)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (task) DO UPDATE SET
  started_us = excluded.started_us,
  duration_us = excluded.duration_us,
  outcome = excluded.outcome,
  succeeded_us = COALESCE(excluded.succeeded_us, task_status.succeeded_us)
WHERE excluded.started_us >= task_status.started_us";

const LAST: &str = "\
SELECT task, started_us, duration_us, outcome, succeeded_us FROM task_status WHERE task = $1";

const ALL: &str = "\
SELECT task, started_us, duration_us, outcome, succeeded_us FROM task_status ORDER BY task";

const FORGET: &str = "DELETE FROM task_status WHERE task = $1";

/// What is kept of one task.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct TaskRecord {
    /// Name of the task.
    pub task: String,
    /// Its last activation that ended, by whichever instance.
    pub last: Activation,
    /// Start of the last activation that succeeded.
    pub last_success: Option<Timestamp>,
}

impl Store {
    /// Records that an activation ended.
    pub async fn task_ended(&self, task: &str, activation: &Activation) -> Result<(), Error> {
        const OPERATION: &str = "record what a task did";
        let started = activation.started.as_microsecond();
        let duration = Duration::try_from_secs_f64(activation.seconds).unwrap_or_default();
        let query = sqlx::query(ENDED)
            .bind(plain(OPERATION, task)?)
            .bind(started)
            .bind(micros(duration))
            .bind(to_json(OPERATION, &activation.outcome)?)
            .bind(activation.outcome.is_success().then_some(started));
        let mut transaction = self.begin(OPERATION).await?;
        let rows = transaction.fetch(sqlx::query(LAST).bind(task.to_owned())).await?;
        let before = rows.first().map(to_record).transpose()?;
        if transaction.execute(query).await?.rows_affected() == 1
            && let Some(event) = turn(task, before.as_ref(), activation)
        {
            transaction.emit(event);
        }
        transaction.commit().await
    }

    /// What is kept of one task.
    pub async fn task_status(&self, task: &str) -> Result<Option<TaskRecord>, Error> {
        let query = sqlx::query(LAST).bind(task.to_owned());
        let rows = self.read("read what a task did", query).await?;
        rows.first().map(to_record).transpose()
    }

    /// What is kept of all tasks, by name, those that no longer exist included.
    pub async fn task_list(&self) -> Result<Vec<TaskRecord>, Error> {
        self.read("read what the tasks did", sqlx::query(ALL))
            .await?
            .iter()
            .map(to_record)
            .collect()
    }

    /// Forgets a task that no longer exists.
    pub async fn task_forget(&self, task: &str) -> Result<(), Error> {
        let query = sqlx::query(FORGET).bind(task.to_owned());
        self.execute("forget a task", query).await.map(drop)
    }
}

/// What the others are told of an activation, if it ended otherwise than the one before.
fn turn(task: &str, before: Option<&TaskRecord>, activation: &Activation) -> Option<Event> {
    let worked = before.is_none_or(|record| record.last.outcome.is_success());
    let (topic, body) = match &activation.outcome {
        Outcome::Failed { kind, message, hints } if worked => {
            ("task.failed", json!({"task": task, "kind": kind, "message": message, "hints": hints}))
        }
        Outcome::Succeeded { .. } if !worked => {
            let last_success = before.and_then(|record| record.last_success);
            ("task.recovered", json!({"task": task, "last_success": last_success}))
        }
        _ => return None,
    };
    Some(Event {
        id: EventId::generate(),
        topic: topic.to_owned(),
        subject: task.to_owned(),
        at: activation.started,
        body,
    })
}

fn to_record(row: &AnyRow) -> Result<TaskRecord, Error> {
    let row = Columns(row);
    Ok(TaskRecord {
        task: row.text("task")?,
        last: Activation {
            started: row.time("started_us")?,
            seconds: row.duration("duration_us")?.as_secs_f64(),
            outcome: row.json::<Outcome>("outcome")?,
        },
        last_success: row.maybe_time("succeeded_us")?,
    })
}

#[async_trait]
impl Witness for Store {
    async fn last(&self, task: &str) -> Option<Activation> {
        match self.task_status(task).await {
            Ok(record) => record.map(|record| record.last),
            Err(error) => {
                tracing::warn!(task, error = chain(&error), "the last activation is not known");
                None
            }
        }
    }

    async fn ended(&self, task: &str, activation: &Activation) {
        if let Err(error) = self.task_ended(task, activation).await {
            tracing::warn!(task, error = chain(&error), "an activation was not recorded");
        }
    }
}

//! Background work: what ended long ago is forgotten.

use std::time::Duration;

use async_trait::async_trait;
use lotse_core::error::Explain;
use lotse_core::task::{Report, Task};
use lotse_core::time::SharedClock;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::desk::Changes;
use crate::error::Error;

/// How long changes are kept after their end; the audit log knows of them for ever.
const KEPT: Duration = Duration::from_hours(365 * 24);

/// How often it is looked for them.
const PERIOD: Duration = Duration::from_hours(24);

/// Forgets changes that ended a year ago.
#[derive(Debug)]
pub struct Forgetting {
    changes: Changes,
    clock: SharedClock,
}

impl Forgetting {
    /// The task.
    pub const fn new(changes: Changes, clock: SharedClock) -> Self {
        Self { changes, clock }
    }

    async fn run(&self) -> Result<u64, Error> {
        let now = self.clock.now();
        let before = now.checked_sub(KEPT).unwrap_or(lotse_core::time::Timestamp::MIN);
        self.changes.prune(before).await
    }
}

#[async_trait]
impl Task for Forgetting {
    fn name(&self) -> &'static str {
        "state/changes"
    }

    fn description(&self) -> &'static str {
        "forgets changes that ended a year ago"
    }

    fn period(&self) -> Duration {
        PERIOD
    }

    async fn activate(&self, _cancelled: &CancellationToken) -> Result<Report, Box<dyn Explain>> {
        let gone = self.run().await.map_err(|error| Box::new(error) as Box<dyn Explain>)?;
        let summary = match gone {
            1 => "1 change forgotten".to_owned(),
            n => format!("{n} changes forgotten"),
        };
        Ok(Report { summary, detail: json!({"forgotten": gone}) })
    }
}

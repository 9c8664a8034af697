//! Background work of the monitor: expired results are told of, old reports are forgotten.

use std::time::Duration;

use async_trait::async_trait;
use lotse_core::error::Explain;
use lotse_core::task::{Report, Task};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::desk::Monitor;
use super::store;

/// How often it is looked. Results expire at midnight; the first look after it tells.
const PERIOD: Duration = Duration::from_mins(10);

/// Tells of what expired, and forgets what is old.
#[derive(Debug)]
pub struct Upkeep {
    monitor: Monitor,
}

impl Upkeep {
    /// The task.
    pub const fn new(monitor: Monitor) -> Self {
        Self { monitor }
    }

    async fn run(&self) -> Result<(usize, u64), lotse_store::Error> {
        let told = self.monitor.tell_expired().await?;
        let gone = store::prune(self.monitor.store(), self.monitor.oldest()).await?;
        let view = self.monitor.view().await?;
        self.monitor.metrics().show(&view, self.monitor.scopes(), view.judged.keys());
        Ok((told, gone))
    }
}

#[async_trait]
impl Task for Upkeep {
    fn name(&self) -> &'static str {
        "conformance/upkeep"
    }

    fn description(&self) -> &'static str {
        "tells of conformance results that expired, and forgets old reports"
    }

    fn period(&self) -> Duration {
        PERIOD
    }

    async fn activate(&self, _cancelled: &CancellationToken) -> Result<Report, Box<dyn Explain>> {
        let (told, gone) = self.run().await.map_err(|error| Box::new(error) as Box<dyn Explain>)?;
        Ok(Report {
            summary: format!("{told} verdicts changed with the day, {gone} old reports forgotten"),
            detail: json!({ "changed": told, "forgotten": gone }),
        })
    }
}

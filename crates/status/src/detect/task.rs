//! The background work of detection.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lotse_core::error::Explain;
use lotse_core::event::health::Health;
use lotse_core::task::{Report, Task};
use lotse_store::outbox::Begin;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::desk::Detector;
use super::sources;
use crate::error::Error;

/// How often it looks: hearts and veto times are as exact as this.
const PERIOD: Duration = Duration::from_secs(10);
/// Events that are taken at once.
const AT_ONCE: u32 = 200;
/// The name of its reader of events.
const READER: &str = "status-detection";

/// Takes health events, and looks at what time has brought.
#[derive(Debug)]
pub struct Watching {
    detector: Arc<Detector>,
}

impl Watching {
    /// The task.
    pub const fn new(detector: Arc<Detector>) -> Self {
        Self { detector }
    }

    /// Takes events until there are no more, then looks; how many signals and changes there were.
    async fn run(&self, cancelled: &CancellationToken) -> Result<(usize, usize), Error> {
        let store = self.detector.desk().store();
        let reader = store.outbox_reader(READER, Begin::Now).await?;
        let mut taken = 0;
        while !cancelled.is_cancelled() {
            let events = reader.read(AT_ONCE).await?;
            let Some(last) = events.last().map(|delivery| delivery.seq) else { break };
            let said = events.iter().filter_map(|delivery| Health::of(&delivery.event));
            let signals: Vec<_> = said.map(|health| sources::health(&health)).collect();
            if !signals.is_empty() {
                taken += self.detector.take(&signals, None).await?.signals;
            }
            reader.acknowledge(last).await?;
        }
        Ok((taken, self.detector.tick().await?))
    }
}

#[async_trait]
impl Task for Watching {
    fn name(&self) -> &'static str {
        "status/detection"
    }

    fn description(&self) -> &'static str {
        "turns what monitors say into proposals for the status page"
    }

    fn period(&self) -> Duration {
        PERIOD
    }

    async fn wanted(&self) {
        let mut changes = self.detector.desk().store().outbox_changes();
        if changes.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    async fn activate(&self, cancelled: &CancellationToken) -> Result<Report, Box<dyn Explain>> {
        let done = self.run(cancelled).await;
        let (signals, changed) = done.map_err(|error| Box::new(error) as Box<dyn Explain>)?;
        let summary = format!("{signals} signals taken, {changed} proposals changed");
        Ok(Report { summary, detail: json!({ "signals": signals, "changed": changed }) })
    }
}

//! Background work: looks at the source by period, and when a webhook asks for it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lotse_core::error::Explain;
use lotse_core::task::{Report, Task};
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::source::{Outcome, Source, Validate};
use crate::webhook::Requests;

/// Keeps the estate up to date.
pub struct SourceTask {
    name: String,
    source: Arc<Source>,
    validate: Arc<Validate>,
    period: Duration,
    requests: Arc<Requests>,
}

impl std::fmt::Debug for SourceTask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SourceTask").field("name", &self.name).finish_non_exhaustive()
    }
}

impl SourceTask {
    /// A task with this name, which is also that of its lease: instances with state directories of
    /// their own need names of their own, because each keeps its own checkout.
    pub fn new(
        name: String,
        source: Arc<Source>,
        validate: Arc<Validate>,
        period: Duration,
        requests: Arc<Requests>,
    ) -> Self {
        Self { name, source, validate, period, requests }
    }
}

#[async_trait]
impl Task for SourceTask {
    fn name(&self) -> &str {
        &self.name
    }

    fn description(&self) -> &'static str {
        "fetches the estate, examines it and puts it to use"
    }

    fn period(&self) -> Duration {
        self.period
    }

    async fn activate(&self, cancelled: &CancellationToken) -> Result<Report, Box<dyn Explain>> {
        // What is asked for from now on may have happened after our look began.
        self.requests.begun();
        let outcome = self.source.refresh(&self.validate, cancelled).await;
        let status = self.source.status();
        match outcome {
            Outcome::Unchanged | Outcome::Advanced { .. } => Ok(Report {
                summary: status.summary(),
                detail: serde_json::to_value(&status).unwrap_or_default(),
            }),
            Outcome::Broken { commit, fault } => Err(Box::new(Error::Broken { commit, fault })),
            Outcome::Invalid { fault } => {
                let path = PathBuf::from(status.source);
                Err(Box::new(Error::Folder { path, fault }))
            }
            Outcome::Unreachable { fault } => Err(Box::new(Error::Unreachable { fault })),
        }
    }
}

//! The task that keeps the state small and looks whether it is sound.

use std::time::Duration;

use async_trait::async_trait;
use lotse_core::error::Explain;
use lotse_core::task::{Report, Task};
use lotse_core::time::{SharedClock, SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::audit::Verdict;
use crate::error::Error;
use crate::store::Store;

/// How long things are kept that nobody needs any more.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Concluded intents and runs (90 days).
    pub history: Duration,
    /// Events that every reader has acknowledged (7 days).
    pub events: Duration,
    /// Tokens that ended or were revoked, so that people see what became of them (90 days).
    pub tokens: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            history: Duration::from_hours(90 * 24),
            events: Duration::from_hours(7 * 24),
            tokens: Duration::from_hours(90 * 24),
        }
    }
}

/// Removes what is older than it is kept, and verifies the audit log, which is kept for ever.
#[derive(Debug)]
pub struct Housekeeping {
    store: Store,
    clock: SharedClock,
    retention: Retention,
}

impl Housekeeping {
    /// Housekeeping in this store.
    pub const fn new(store: Store, clock: SharedClock, retention: Retention) -> Self {
        Self { store, clock, retention }
    }

    async fn keep_house(&self) -> Result<Report, Error> {
        let now = self.clock.now();
        let intents = self.store.journal_prune(before(now, self.retention.history)).await?;
        let runs = self.store.run_prune(before(now, self.retention.history)).await?;
        let events = self.store.outbox_prune(before(now, self.retention.events)).await?;
        let tokens = self.store.token_prune(before(now, self.retention.tokens)).await?;
        let sessions = self.store.session_prune(now).await?;
        self.store.ticket_prune(now).await?;
        self.store.answer_prune(now).await?;
        let end = match self.store.audit_verify(None).await? {
            Verdict::Intact { end } => end,
            Verdict::Broken { seq, damage } => {
                let database = self.store.name().to_owned();
                return Err(Error::AuditBroken { database, seq, damage });
            }
        };
        Ok(Report {
            summary: format!(
                "removed {intents} intents, {runs} runs and {events} events; audit log intact ({} entries)",
                end.seq
            ),
            detail: serde_json::json!({
                "removed": {
                    "intents": intents, "runs": runs, "events": events,
                    "sessions": sessions, "tokens": tokens,
                },
                "audit": end,
            }),
        })
    }
}

/// The instant this long ago; the beginning of time for a duration that is longer than it.
fn before(now: Timestamp, ago: Duration) -> Timestamp {
    SignedDuration::try_from(ago)
        .ok()
        .and_then(|ago| now.checked_sub(ago).ok())
        .unwrap_or(Timestamp::MIN)
}

#[async_trait]
impl Task for Housekeeping {
    fn name(&self) -> &'static str {
        "state/housekeeping"
    }

    fn description(&self) -> &'static str {
        "Removes old history from the state and verifies the audit log"
    }

    fn period(&self) -> Duration {
        Duration::from_hours(12)
    }

    async fn activate(&self, cancelled: &CancellationToken) -> Result<Report, Box<dyn Explain>> {
        // Every step stands for itself, so stopping between any two does no harm.
        match cancelled.run_until_cancelled(self.keep_house()).await {
            Some(Ok(report)) => Ok(report),
            Some(Err(error)) => Err(Box::new(error)),
            None => {
                Ok(Report { summary: "stopped before its end".to_owned(), ..Report::default() })
            }
        }
    }
}

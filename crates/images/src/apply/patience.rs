//! Looking again and again, with growing pauses, until a deadline.

use std::time::Duration;

use lotse_plan::Attempt;
use tokio::time::Instant;

use crate::options::Options;

/// How long is still waited for something that the cloud does by itself.
pub(super) struct Patience {
    deadline: Instant,
    pause: Duration,
    longest: Duration,
}

impl Patience {
    /// For so long, with the pauses of these options.
    pub(super) fn of(limit: Duration, options: &Options) -> Self {
        let (pause, longest) = (options.first_poll, options.longest_poll);
        Self { deadline: Instant::now() + limit, pause, longest }
    }

    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// Waits until the next look is due; false when the work was cancelled.
    pub(super) async fn rest(&mut self, attempt: &Attempt<'_>) -> bool {
        attempt.cancelled.run_until_cancelled(self.rest_anyway()).await.is_some()
    }

    /// The same where what was begun has to be cleaned up first.
    pub(super) async fn rest_anyway(&mut self) {
        tokio::time::sleep(self.pause).await;
        self.pause = self.pause.saturating_mul(2).min(self.longest);
    }
}

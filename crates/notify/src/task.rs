//! Background work: telling, and forgetting what was told long ago.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use lotse_core::error::Explain;
use lotse_core::task::{Report, Task};
use lotse_core::time::{SharedClock, SignedDuration, Timestamp};
use serde_json::json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::courier::{Courier, Tally};
use crate::error::Error;
use crate::model::State;

/// The name of the task that tells.
pub const TELLING: &str = "notify/deliver";

/// How often it is looked for something to tell, beside every time that this process wrote an event
/// and every time that a delivery is due: for what other processes wrote.
const PERIOD: Duration = Duration::from_mins(1);
/// How often it is looked up which delivery is due next: `lotse notify resend`, another process, puts
/// dead letters before those that are known.
const LOOK: Duration = Duration::from_secs(3);
/// The shortest time between two looks at what is due.
const SHORTEST: Duration = Duration::from_secs(1);
/// The same where there is nobody to tell: the reader must not fall behind.
const IDLE_PERIOD: Duration = Duration::from_hours(1);

/// How long sent deliveries are kept.
const SENT_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How long dead letters are kept.
const DEAD_KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);
/// How often it is looked for them.
const FORGETTING_PERIOD: Duration = Duration::from_hours(24);

/// Turns events into deliveries and sends what is due.
#[derive(Debug)]
pub struct Telling {
    courier: Courier,
    clock: SharedClock,
    /// Changes with every event that this process writes; what was seen of it was looked at.
    written: Mutex<watch::Receiver<u64>>,
}

impl Telling {
    /// The task.
    pub fn new(courier: Courier, clock: SharedClock) -> Self {
        let written = Mutex::new(courier.written());
        Self { courier, clock, written }
    }

    async fn run(&self, cancelled: &CancellationToken) -> Result<Report, Error> {
        // What is written from here on is a reason to come back.
        self.saw(self.courier.written());
        let events = self.courier.route().await?;
        let mut tally = Tally { events, ..Tally::default() };
        tally += self.courier.send(cancelled).await?;
        let [waiting, _, dead] = self.courier.counts().await?;
        let summary = format!(
            "{} sent, {} put off, {} given up; {waiting} waiting, {dead} dead letters",
            tally.sent, tally.put_off, tally.dead
        );
        Ok(Report { summary, detail: json!({"done": tally, "waiting": waiting, "dead": dead}) })
    }

    fn saw(&self, written: watch::Receiver<u64>) {
        *self.written.lock().unwrap_or_else(PoisonError::into_inner) = written;
    }

    /// Ends when this process has written an event.
    async fn event_written(&self) {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if written.changed().await.is_err() {
            // The state is closed; nothing will be written any more.
            std::future::pending::<()>().await;
        }
        // When another instance does the work, we are not to be woken by the same event again.
        self.saw(written);
    }

    /// Ends when a delivery is due.
    async fn delivery_due(&self) {
        loop {
            // What cannot be read now may be read later.
            if let Ok(Some(due)) = self.courier.next_due().await {
                let left = due.duration_since(self.clock.now());
                let left = Duration::try_from(left).unwrap_or_default();
                if left <= LOOK {
                    return tokio::time::sleep(left.max(SHORTEST)).await;
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

#[async_trait]
impl Task for Telling {
    fn name(&self) -> &'static str {
        TELLING
    }

    fn description(&self) -> &'static str {
        "tells people and programs what happened"
    }

    fn period(&self) -> Duration {
        if self.courier.channels().is_idle() { IDLE_PERIOD } else { PERIOD }
    }

    async fn wanted(&self) {
        if self.courier.channels().is_idle() {
            return std::future::pending().await;
        }
        tokio::select! {
            () = self.event_written() => {}
            () = self.delivery_due() => {}
        }
    }

    async fn activate(&self, cancelled: &CancellationToken) -> Result<Report, Box<dyn Explain>> {
        self.run(cancelled).await.map_err(|error| Box::new(error) as Box<dyn Explain>)
    }
}

/// Forgets what was told a month ago, and dead letters after three.
#[derive(Debug)]
pub struct Forgetting {
    courier: Courier,
    clock: SharedClock,
}

impl Forgetting {
    /// The task.
    pub const fn new(courier: Courier, clock: SharedClock) -> Self {
        Self { courier, clock }
    }

    async fn run(&self) -> Result<u64, Error> {
        let now = self.clock.now();
        let before = |kept| now.checked_sub(kept).unwrap_or(Timestamp::MIN);
        let sent = self.courier.prune(State::Sent, before(SENT_KEPT)).await?;
        Ok(sent + self.courier.prune(State::Dead, before(DEAD_KEPT)).await?)
    }
}

#[async_trait]
impl Task for Forgetting {
    fn name(&self) -> &'static str {
        "state/notifications"
    }

    fn description(&self) -> &'static str {
        "forgets notifications that were sent a month ago"
    }

    fn period(&self) -> Duration {
        FORGETTING_PERIOD
    }

    async fn activate(&self, _cancelled: &CancellationToken) -> Result<Report, Box<dyn Explain>> {
        let gone = self.run().await.map_err(|error| Box::new(error) as Box<dyn Explain>)?;
        let summary = match gone {
            1 => "1 notification forgotten".to_owned(),
            n => format!("{n} notifications forgotten"),
        };
        Ok(Report { summary, detail: json!({"forgotten": gone}) })
    }
}

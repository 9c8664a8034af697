//! Activates tasks: by period, on request and when they want it, under a lease, one activation of a task at a time.
//!
//! A task whose lease another instance holds is skipped here and tried again when that lease ends
//! (a live holder renews it, a dead one does not), or after its period if that is earlier. A lease is renewed in the background while the task works; when it is lost, the activation is
//! cancelled, because somebody else may have begun the same work. A panic is a failed activation.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::{Activation, Board, Outcome, Report, Task, TaskState};
use crate::error::{ErrorKind, Explain, chain};
use crate::id::InstanceId;
use crate::lease::{Claim, Leases};
use crate::time::{SharedClock, SignedDuration};

/// How long after the end of another's lease it is claimed.
const LATER: Duration = Duration::from_millis(50);

/// Is told of every ended activation, and remembers the last one across restarts.
#[async_trait]
pub trait Witness: Send + Sync {
    /// The last activation of this task that was recorded, by any instance.
    async fn last(&self, task: &str) -> Option<Activation>;

    /// Records an activation. What goes wrong here is the witness's to report: the work is done.
    async fn ended(&self, task: &str, activation: &Activation);
}

/// What the driver works with.
pub struct DriverOptions {
    /// Where leases are kept.
    pub leases: Arc<dyn Leases>,
    /// Who remembers activations.
    pub witness: Arc<dyn Witness>,
    /// Tells the time.
    pub clock: SharedClock,
    /// This process.
    pub instance: InstanceId,
    /// Where this process runs, for people.
    pub instance_note: String,
    /// How long a lease lasts without renewal. Renewed at a third of it.
    pub lease: Duration,
}

impl std::fmt::Debug for DriverOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DriverOptions")
            .field("instance", &self.instance)
            .field("lease", &self.lease)
            .finish_non_exhaustive()
    }
}

/// Requests activations of the tasks of a driver. Clones are cheap.
#[derive(Clone, Debug)]
pub struct Requests(Arc<BTreeMap<String, Arc<Notify>>>);

impl Requests {
    /// Requests an activation soon; says whether there is such a task. Requests that arrive while
    /// the task works lead to one more activation.
    pub fn request(&self, name: &str) -> bool {
        self.0.get(name).map(|request| request.notify_one()).is_some()
    }
}

/// Runs tasks until it is drained.
#[derive(Debug)]
pub struct Driver {
    board: Arc<Board>,
    requests: Requests,
    draining: CancellationToken,
    cancelled: CancellationToken,
    loops: JoinSet<()>,
}

impl Driver {
    /// Starts a loop for every task; each is activated at once for the first time.
    /// What is known of them goes to `board`.
    pub async fn start(
        tasks: Vec<Arc<dyn Task>>,
        board: Arc<Board>,
        options: DriverOptions,
    ) -> Self {
        let notifies = tasks.iter().map(|task| (task.name().to_owned(), Arc::default()));
        let mut driver = Self {
            board,
            requests: Requests(Arc::new(notifies.collect())),
            draining: CancellationToken::new(),
            cancelled: CancellationToken::new(),
            loops: JoinSet::new(),
        };
        let options = Arc::new(options);
        for task in &tasks {
            let last = options.witness.last(task.name()).await;
            driver.board.enter(task.name(), task.description(), task.period(), last);
        }
        for task in tasks {
            let request = driver.requests.0.get(task.name()).cloned().unwrap_or_default();
            let work = Loop {
                task,
                options: options.clone(),
                board: driver.board.clone(),
                request,
                draining: driver.draining.clone(),
                cancelled: driver.cancelled.clone(),
            };
            driver.loops.spawn(work.run());
        }
        driver
    }

    /// What is known of every task.
    pub fn board(&self) -> Arc<Board> {
        self.board.clone()
    }

    /// Requests an activation soon; says whether there is such a task.
    pub fn request(&self, name: &str) -> bool {
        self.requests.request(name)
    }

    /// What requests activations, for those who do not own the driver.
    pub fn requests(&self) -> Requests {
        self.requests.clone()
    }

    /// Lets running activations end within `grace`, then cancels them and waits as long again.
    /// Says whether everything ended by itself.
    pub async fn drain(mut self, grace: Duration) -> bool {
        self.draining.cancel();
        if tokio::time::timeout(grace, self.all_ended()).await.is_ok() {
            return true;
        }
        self.cancelled.cancel();
        if tokio::time::timeout(grace, self.all_ended()).await.is_err() {
            self.loops.abort_all();
        }
        false
    }

    async fn all_ended(&mut self) {
        while self.loops.join_next().await.is_some() {}
    }
}

struct Loop {
    task: Arc<dyn Task>,
    options: Arc<DriverOptions>,
    board: Arc<Board>,
    request: Arc<Notify>,
    draining: CancellationToken,
    cancelled: CancellationToken,
}

impl Loop {
    async fn run(self) {
        while !self.draining.is_cancelled() {
            let pause = self.turn().await;
            let next = SignedDuration::try_from(pause)
                .ok()
                .and_then(|pause| self.options.clock.now().checked_add(pause).ok());
            self.board.update(self.task.name(), |status| status.next = next);
            tokio::select! {
                () = self.draining.cancelled() => return,
                () = self.request.notified() => {}
                () = self.task.wanted() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Activates the task if its lease is to be had; says how long to wait for the next turn.
    async fn turn(&self) -> Duration {
        let period = self.task.period();
        let name = self.lease_name();
        match self.claim(&name).await {
            Ok(Claim::Held(_)) => {
                self.activate(&name).await;
                if let Err(error) = self.options.leases.release(&name, self.options.instance).await
                {
                    tracing::warn!(task = self.task.name(), error = chain(&error), "lease kept");
                }
            }
            Ok(Claim::Taken(lease)) => {
                tracing::debug!(task = self.task.name(), holder = lease.holder_note, "elsewhere");
                let left = lease.until.duration_since(self.options.clock.now());
                self.board.update(self.task.name(), |status| {
                    status.state = TaskState::Elsewhere { lease };
                });
                // A little later, so that the next claim does not come just too early.
                let left = Duration::try_from(left).unwrap_or_default() + LATER;
                return period.min(left);
            }
            Err(error) => {
                let started = self.options.clock.now();
                let outcome = Outcome::Failed {
                    kind: ErrorKind::Storage,
                    message: chain(&error),
                    hints: vec!["look at the database; the task is tried again".to_owned()],
                };
                self.record(Activation { started, seconds: 0.0, outcome }).await;
            }
        }
        period
    }

    async fn activate(&self, lease: &str) {
        let started = self.options.clock.now();
        let clock = Instant::now();
        self.board.update(self.task.name(), |status| {
            status.state = TaskState::Running { since: started };
            status.next = None;
        });
        let cancelled = self.cancelled.child_token();
        let task = self.task.clone();
        let token = cancelled.clone();
        // A task of its own, so that a panic inside ends the activation and nothing else.
        let mut work = tokio::spawn(async move { task.activate(&token).await });
        let joined = loop {
            tokio::select! {
                joined = &mut work => break joined,
                () = tokio::time::sleep(self.options.lease / 3) => {
                    if !matches!(self.claim(lease).await, Ok(Claim::Held(_))) {
                        tracing::warn!(task = self.task.name(), "lease lost, activation cancelled");
                        cancelled.cancel();
                    }
                }
            }
        };
        let seconds = clock.elapsed().as_secs_f64();
        self.record(Activation { started, seconds, outcome: outcome_of(joined) }).await;
    }

    async fn record(&self, activation: Activation) {
        let task = self.task.name();
        match &activation.outcome {
            Outcome::Succeeded { report } => {
                tracing::info!(
                    task,
                    seconds = activation.seconds,
                    summary = report.summary,
                    "task ended"
                );
            }
            Outcome::Failed { message, .. } => {
                tracing::warn!(task, seconds = activation.seconds, error = message, "task failed");
            }
        }
        self.options.witness.ended(task, &activation).await;
        self.board.update(task, |status| {
            status.state = TaskState::Idle;
            if activation.outcome.is_success() {
                status.succeeded += 1;
            } else {
                status.failed += 1;
            }
            status.last = Some(activation);
        });
    }

    async fn claim(&self, name: &str) -> Result<Claim, crate::lease::LeaseError> {
        let DriverOptions { leases, clock, instance, instance_note, lease, .. } = &*self.options;
        leases.claim(name, *instance, instance_note, *lease, clock.now()).await
    }

    fn lease_name(&self) -> String {
        format!("task/{}", self.task.name())
    }
}

fn outcome_of(joined: Result<Result<Report, Box<dyn Explain>>, JoinError>) -> Outcome {
    match joined {
        Ok(Ok(report)) => Outcome::Succeeded { report },
        Ok(Err(error)) => Outcome::failed(&*error),
        Err(error) => Outcome::Failed {
            kind: ErrorKind::Internal,
            message: if error.is_panic() {
                "the task panicked; this is a defect of Lotse".to_owned()
            } else {
                "the task was aborted".to_owned()
            },
            hints: Vec::new(),
        },
    }
}

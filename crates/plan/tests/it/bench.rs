//! What the tests of applying share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lotse_core::error::ErrorKind;
use lotse_core::journal::{Conclusion, Journal};
use lotse_core::retry::RetryClass;
use lotse_core::time::{ManualClock, SharedClock, Timestamp};
use lotse_plan::progress::Silent;
use lotse_plan::random::SeededRandomness;
use lotse_plan::testing::{MemoryJournal, MemoryLeases, Reply, ScriptedExecutor};
use lotse_plan::{
    Action, ApplyOptions, ApplyReport, Engine, Fuse, Plan, PlanError, Session, Step, StepError,
};
use tokio_util::sync::CancellationToken;

/// Everything around an apply.
pub(crate) struct Bench {
    pub(crate) journal: Arc<MemoryJournal>,
    pub(crate) clock: SharedClock,
    pub(crate) options: ApplyOptions,
    pub(crate) cancelled: CancellationToken,
    pub(crate) leases: Option<Arc<MemoryLeases>>,
    /// Every engine draws differently, as separate processes do.
    pub(crate) seed: AtomicU64,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self {
            journal: Arc::default(),
            clock: Arc::new(ManualClock::starting_at(Timestamp::UNIX_EPOCH)),
            options: ApplyOptions {
                allow_destroy: true,
                fuse: Fuse::OFF,
                ..ApplyOptions::default()
            },
            cancelled: CancellationToken::new(),
            leases: None,
            seed: AtomicU64::new(1),
        }
    }

    pub(crate) fn leased() -> Self {
        Self { leases: Some(Arc::default()), ..Self::new() }
    }

    pub(crate) fn engine(&self) -> Engine {
        let journal: Arc<dyn Journal> = Arc::clone(&self.journal) as _;
        let randomness = SeededRandomness::new(self.seed.fetch_add(1, Ordering::Relaxed));
        let engine = Engine::new(journal, Arc::clone(&self.clock), Arc::new(randomness));
        match &self.leases {
            Some(leases) => engine.with_leases(Arc::clone(leases) as _, "host-a, process 7"),
            None => engine,
        }
    }

    pub(crate) async fn begin(&self, executor: &ScriptedExecutor) -> Result<Session, PlanError> {
        self.engine().begin::<()>("sim", &["thing"], executor, &self.cancelled).await
    }

    pub(crate) async fn apply(&self, plan: &Plan<()>, executor: &ScriptedExecutor) -> ApplyReport {
        self.try_apply(plan, executor).await.unwrap()
    }

    pub(crate) async fn try_apply(
        &self,
        plan: &Plan<()>,
        executor: &ScriptedExecutor,
    ) -> Result<ApplyReport, PlanError> {
        let session = self.begin(executor).await?;
        session.apply(plan, executor, &self.options, &Silent, &self.cancelled).await
    }

    /// The only conclusion in the journal.
    pub(crate) fn conclusion(&self) -> Option<Conclusion> {
        let entries = self.journal.entries();
        assert_eq!(entries.len(), 1, "{entries:?}");
        entries.into_iter().next().unwrap().conclusion
    }
}

pub(crate) fn create(id: &str) -> Step<()> {
    Step::new(id, Action::Create, "thing", id, ())
}

pub(crate) fn with(action: Action, id: &str) -> Step<()> {
    Step { action, ..create(id) }
}

pub(crate) fn plan(steps: impl IntoIterator<Item = Step<()>>) -> Plan<()> {
    let mut builder = Plan::builder("sim".to_owned());
    for step in steps {
        builder.step(step);
    }
    builder.build().unwrap()
}

pub(crate) fn words(report: &ApplyReport) -> Vec<(&str, &str)> {
    report.steps.iter().map(|step| (step.id.as_str(), step.outcome.as_str())).collect()
}

pub(crate) fn failing(retry: RetryClass) -> Reply {
    Reply::Fail(StepError::new(ErrorKind::Unavailable, "no answer").retried(retry))
}

impl Bench {
    /// One second after now.
    pub(crate) fn cancel_soon(&self) {
        let cancelled = self.cancelled.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            cancelled.cancel();
        });
    }
}

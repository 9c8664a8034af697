//! Sessions: lease, recovery, then one plan.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use lotse_core::id::InstanceId;
use lotse_core::journal::{Conclusion, Intent, Journal};
use lotse_core::lease::Leases;
use lotse_core::retry::{Backoff, RetryClass};
use lotse_core::time::SharedClock;
use tokio_util::sync::CancellationToken;

use crate::apply::report::ApplyReport;
use crate::apply::{self, ApplyOptions, Outside, Shared, caught};
use crate::error::PlanError;
use crate::executor::{Executor, StepError};
use crate::leasing::{Hold, Holder};
use crate::model::{Action, Plan};
use crate::progress::Progress;
use crate::random::{self, Randomness};

/// Unfinished intents that are looked into at a time.
const RECOVERIES_AT_A_TIME: usize = 8;

/// How long a lease lasts without renewal.
const LEASE: Duration = Duration::from_secs(15);

/// A creating request may still be travelling when recovery begins.
const SETTLING: Duration = Duration::from_secs(2);

/// Recovery gives up rather than wait longer than this because the other side asked for it.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// What sessions need: journal, leases, clock and randomness.
#[derive(Clone)]
pub struct Engine {
    journal: Arc<dyn Journal>,
    clock: SharedClock,
    randomness: Arc<dyn Randomness>,
    holder: Option<Holder>,
    backoff: Backoff,
    settling: Duration,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("holder", &self.holder).finish_non_exhaustive()
    }
}

impl Engine {
    /// An engine without leases: nothing keeps other instances away.
    pub fn new(
        journal: Arc<dyn Journal>,
        clock: SharedClock,
        randomness: Arc<dyn Randomness>,
    ) -> Self {
        let (backoff, settling) = (Backoff::default(), SETTLING);
        Self { journal, clock, randomness, holder: None, backoff, settling }
    }

    /// Sessions on one cloud and kind exclude each other, in all processes that share `leases`.
    ///
    /// `note` says where this process runs (host and process id), for those who find the lease
    /// taken. A lease lasts 15 s and is renewed every 5 s, and [`Engine::begin`] has the patience to
    /// outwait a holder that was killed.
    #[must_use]
    pub fn with_leases(mut self, leases: Arc<dyn Leases>, note: impl Into<String>) -> Self {
        self.holder = Some(Holder {
            leases,
            note: note.into(),
            lasting: LEASE,
            patience: LEASE + Duration::from_secs(1),
            clock: Arc::clone(&self.clock),
        });
        self
    }

    /// How long a lease lasts without renewal: so long a dead holder keeps others away.
    #[must_use]
    pub fn lease_lasting(mut self, lasting: Duration) -> Self {
        if let Some(holder) = &mut self.holder {
            holder.lasting = lasting;
        }
        self
    }

    /// How long [`Engine::begin`] waits for a lease whose holder shows no sign of life; with zero, a
    /// taken lease is refused at once. A holder that renews its lease is not waited for.
    #[must_use]
    pub fn patient(mut self, patience: Duration) -> Self {
        if let Some(holder) = &mut self.holder {
            holder.patience = patience;
        }
        self
    }

    /// How the questions of recovery are repeated when the cloud does not answer.
    #[must_use]
    pub const fn recovering_with(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// How old (2 s by default) a creating intent must be before the absence of its object is
    /// believed: the request of a killed run may still be travelling. A younger one is waited for and
    /// looked for once more.
    #[must_use]
    pub const fn settling(mut self, settling: Duration) -> Self {
        self.settling = settling;
        self
    }

    /// Claims the leases of these kinds, then finds out what became of the changes that earlier
    /// runs left open. Observe and plan after this, inside the session.
    ///
    /// # Errors
    ///
    /// [`PlanError::Busy`], [`PlanError::Lease`], [`PlanError::Journal`], [`PlanError::Recovery`],
    /// [`PlanError::LeaseLost`], [`PlanError::Cancelled`].
    pub async fn begin<T: Send + Sync>(
        &self,
        cloud: &str,
        kinds: &[&str],
        executor: &dyn Executor<T>,
        cancelled: &CancellationToken,
    ) -> Result<Session, PlanError> {
        let kinds: BTreeSet<String> = kinds.iter().map(|&kind| kind.to_owned()).collect();
        let lease_lost = CancellationToken::new();
        let hold = match self.holder.clone() {
            None => None,
            Some(holder) => {
                // In sorted order, so that two sessions never hold what the other waits for.
                let names = kinds.iter().map(|kind| format!("apply/{cloud}/{kind}")).collect();
                let id = random::run_id(&*self.randomness, self.clock.now());
                let id = InstanceId::from_uuid(*id.as_uuid());
                Some(holder.hold(id, names, lease_lost.clone(), cancelled).await?)
            }
        };
        let recovering = self.recover(cloud, &kinds, executor);
        let recovered = tokio::select! {
            biased;
            recovered = recovering => recovered,
            () = cancelled.cancelled() => Err(PlanError::Cancelled),
            () = lease_lost.cancelled() => Err(PlanError::LeaseLost),
        };
        let cloud = cloud.to_owned();
        let engine = self.clone();
        match recovered {
            Ok(recovery) => Ok(Session { engine, cloud, kinds, recovery, hold, lease_lost }),
            Err(error) => {
                if let Some(hold) = hold {
                    hold.release().await;
                }
                Err(error)
            }
        }
    }

    async fn recover<T: Send + Sync>(
        &self,
        cloud: &str,
        kinds: &BTreeSet<String>,
        executor: &dyn Executor<T>,
    ) -> Result<Recovery, PlanError> {
        let mut unfinished = Vec::new();
        for kind in kinds {
            let of_kind = self.journal.unfinished(cloud, kind).await;
            unfinished.extend(of_kind.map_err(|source| PlanError::Journal { source })?);
        }
        let looked_into = unfinished.into_iter().map(|intent| self.look_into(intent, executor));
        let recovered =
            futures::stream::iter(looked_into).buffered(RECOVERIES_AT_A_TIME).try_collect().await?;
        Ok(Recovery { recovered })
    }

    /// Finds out what became of one change and writes it down.
    async fn look_into<T: Send + Sync>(
        &self,
        intent: Intent,
        executor: &dyn Executor<T>,
    ) -> Result<Recovered, PlanError> {
        let update = intent.action == Action::Update.as_str();
        let destroy = intent.action == Action::Destroy.as_str();
        // Whether an update came through shows in the fields, which are observed next anyway.
        let found = if update { None } else { self.ask(&intent, executor).await? };
        let conclusion = match found {
            Some(object) if !destroy => Conclusion::Adopted { object },
            None if destroy => Conclusion::Done { object: None },
            _ => Conclusion::Abandoned,
        };
        self.journal
            .conclude(intent.id, &conclusion, self.clock.now())
            .await
            .map_err(|source| PlanError::Journal { source })?;
        tracing::info!(kind = %intent.kind, name = %intent.name, action = %intent.action, ?conclusion, "change of an earlier run recovered");
        Ok(Recovered { intent, conclusion })
    }

    async fn ask<T: Send + Sync>(
        &self,
        intent: &Intent,
        executor: &dyn Executor<T>,
    ) -> Result<Option<String>, PlanError> {
        let found = self.ask_until_answered(intent, executor).await?;
        let age = self.clock.now().duration_since(intent.at);
        let age = Duration::try_from(age).unwrap_or_default();
        let destroy = intent.action == Action::Destroy.as_str();
        match self.settling.checked_sub(age).filter(|wait| !wait.is_zero()) {
            Some(wait) if found.is_none() && !destroy => {
                tokio::time::sleep(wait).await;
                self.ask_until_answered(intent, executor).await
            }
            _ => Ok(found),
        }
    }

    async fn ask_until_answered<T: Send + Sync>(
        &self,
        intent: &Intent,
        executor: &dyn Executor<T>,
    ) -> Result<Option<String>, PlanError> {
        let mut attempt = 1;
        loop {
            let error = match caught(executor.recover(intent)).await {
                Ok(Ok(found)) => return Ok(found),
                Ok(Err(error)) | Err(error) => error,
            };
            let random = random::fraction(&*self.randomness);
            let pause = self.backoff.pause(attempt, random);
            let hopeless = error.retry == RetryClass::Never || error.asked_pause() > LONGEST_PAUSE;
            match pause.filter(|_| !hopeless) {
                Some(pause) => tokio::time::sleep(pause.max(error.asked_pause())).await,
                None => return Err(unrecoverable(intent, error)),
            }
            attempt += 1;
        }
    }
}

fn unrecoverable(intent: &Intent, error: StepError) -> PlanError {
    PlanError::Recovery {
        action: intent.action.clone(),
        object: format!("{} {}", intent.kind, intent.name),
        source: Box::new(error),
    }
}

/// One change of an earlier run whose outcome nobody had written down.
#[derive(Clone, Debug)]
pub struct Recovered {
    /// What was intended.
    pub intent: Intent,
    /// What became of it. For an update always [`Conclusion::Abandoned`]: the observation that
    /// follows sees the fields themselves.
    pub conclusion: Conclusion,
}

/// What a session found in the journal when it began, oldest first within a kind.
#[derive(Clone, Debug, Default)]
pub struct Recovery {
    /// Each change that was open.
    pub recovered: Vec<Recovered>,
}

/// The right to apply one plan: leases held, nothing of earlier runs open.
///
/// Dropping it gives the leases up when their time ends; [`Session::end`] and [`Session::apply`]
/// give them back at once.
#[derive(Debug)]
#[must_use = "a session holds leases until it is applied or ended"]
pub struct Session {
    engine: Engine,
    cloud: String,
    kinds: BTreeSet<String>,
    recovery: Recovery,
    hold: Option<Hold>,
    lease_lost: CancellationToken,
}

impl Session {
    /// What earlier runs had left open, and what became of it.
    pub const fn recovery(&self) -> &Recovery {
        &self.recovery
    }

    /// The clock of the engine.
    pub(crate) fn clock(&self) -> SharedClock {
        Arc::clone(&self.engine.clock)
    }

    /// Is cancelled when a lease cannot be kept. An apply stops then by itself.
    pub const fn lease_lost(&self) -> &CancellationToken {
        &self.lease_lost
    }

    /// Applies a plan that was made in this session.
    ///
    /// No step begins after `cancelled`; running ones get [`ApplyOptions::grace`]. Dropping the
    /// future is as safe as `kill -9`: the next session recovers.
    ///
    /// # Errors
    ///
    /// Only when nothing was begun: [`PlanError::WrongCloud`], [`PlanError::WrongKind`],
    /// [`PlanError::DestroyNotAllowed`], the `Fuse…` variants, [`PlanError::LeaseLost`],
    /// [`PlanError::Cancelled`]. What goes
    /// wrong later is in the report.
    pub async fn apply<T: Send + Sync>(
        self,
        plan: &Plan<T>,
        executor: &dyn Executor<T>,
        options: &ApplyOptions,
        progress: &dyn Progress,
        cancelled: &CancellationToken,
    ) -> Result<ApplyReport, PlanError> {
        let report = match self.admit(plan, options, cancelled) {
            Err(refused) => Err(refused),
            Ok(()) => Ok(self.run(plan, executor, options, progress, cancelled).await),
        };
        self.end().await;
        report
    }

    async fn run<T: Send + Sync>(
        &self,
        plan: &Plan<T>,
        executor: &dyn Executor<T>,
        options: &ApplyOptions,
        progress: &dyn Progress,
        cancelled: &CancellationToken,
    ) -> ApplyReport {
        let engine = &self.engine;
        let shared = Shared {
            executor,
            journal: &*engine.journal,
            clock: &*engine.clock,
            randomness: &*engine.randomness,
            progress,
            options,
            cloud: &self.cloud,
            run: random::run_id(&*engine.randomness, engine.clock.now()),
            halt: apply::Halt::default(),
        };
        let outside = Outside { cancelled, lease_lost: &self.lease_lost };
        Box::pin(apply::run(plan, shared, outside)).await
    }

    /// Gives the leases back without applying anything.
    pub async fn end(self) {
        if let Some(hold) = self.hold {
            hold.release().await;
        }
    }

    fn admit<T>(
        &self,
        plan: &Plan<T>,
        options: &ApplyOptions,
        cancelled: &CancellationToken,
    ) -> Result<(), PlanError> {
        if plan.cloud() != self.cloud {
            return Err(PlanError::WrongCloud {
                plan: plan.cloud().to_owned(),
                session: self.cloud.clone(),
            });
        }
        if let Some(kind) = plan.kinds().into_iter().find(|&kind| !self.kinds.contains(kind)) {
            return Err(PlanError::WrongKind { kind: kind.to_owned() });
        }
        options.admit(plan)?;
        if self.lease_lost.is_cancelled() {
            return Err(PlanError::LeaseLost);
        }
        if cancelled.is_cancelled() {
            return Err(PlanError::Cancelled);
        }
        Ok(())
    }
}

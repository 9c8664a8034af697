//! Applying a plan: what is allowed, what runs when, and what came of it.
//!
//! The steps run as futures of one task, never detached, so that dropping the apply ends them all.
//! A step that is CPU-bound must move its work to a blocking thread itself.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use lotse_core::id::RunId;
use lotse_core::journal::Journal;
use lotse_core::retry::Backoff;
use lotse_core::time::Clock;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::report::{ApplyReport, StepOutcome, StepReport, Stop};
use self::schedule::Schedule;
pub(crate) use self::stepping::caught;
use self::stepping::{End, carry_out};
use crate::error::PlanError;
use crate::executor::Executor;
use crate::fuse::Fuse;
use crate::model::Plan;
use crate::progress::{Event, Progress};
use crate::random::Randomness;

pub mod report;
mod schedule;
mod stepping;

/// How a plan is applied.
#[derive(Clone, Debug, PartialEq)]
pub struct ApplyOptions {
    /// At most so many steps at a time.
    pub concurrency: usize,
    /// At most so many steps at a time on one service, where [`ApplyOptions::services`] says nothing
    /// else.
    pub per_service: usize,
    /// Limits of single services.
    pub services: BTreeMap<String, usize>,
    /// Consent to `destroy` and `replace`.
    pub allow_destroy: bool,
    /// How much may be destroyed, given consent.
    pub fuse: Fuse,
    /// How failed attempts are repeated.
    pub backoff: Backoff,
    /// A step fails rather than wait longer than this because the other side asked for it.
    pub longest_pause: Duration,
    /// How long running steps may go on after a stop.
    pub grace: Duration,
}

impl Default for ApplyOptions {
    /// 8 steps at a time, 4 per service, no destroying, 30 s of grace, pauses up to 5 minutes.
    fn default() -> Self {
        Self {
            concurrency: 8,
            per_service: 4,
            services: BTreeMap::new(),
            allow_destroy: false,
            fuse: Fuse::default(),
            backoff: Backoff::default(),
            longest_pause: Duration::from_mins(5),
            grace: Duration::from_secs(30),
        }
    }
}

impl ApplyOptions {
    /// Whether the plan may be applied at all.
    ///
    /// # Errors
    ///
    /// [`PlanError::DestroyNotAllowed`] and the `Fuse…` variants.
    pub fn admit<T>(&self, plan: &Plan<T>) -> Result<(), PlanError> {
        let destroying = || plan.steps().iter().filter(|step| step.action.destroys());
        if !self.allow_destroy && destroying().next().is_some() {
            let steps = destroying().map(|step| step.id.clone()).collect();
            return Err(PlanError::DestroyNotAllowed { steps });
        }
        self.fuse.check(plan)
    }
}

/// What all steps of one apply share.
pub(crate) struct Shared<'a, T: Send + Sync> {
    pub(crate) executor: &'a dyn Executor<T>,
    pub(crate) journal: &'a dyn Journal,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) randomness: &'a dyn Randomness,
    pub(crate) progress: &'a dyn Progress,
    pub(crate) options: &'a ApplyOptions,
    pub(crate) cloud: &'a str,
    pub(crate) run: RunId,
    pub(crate) halt: Halt,
}

/// Tells everything in an apply to come to an end, and why.
#[derive(Debug, Default)]
pub(crate) struct Halt {
    token: CancellationToken,
    why: OnceLock<Stop>,
}

impl Halt {
    /// The first reason stays.
    pub(crate) fn stop(&self, why: Stop) {
        self.why.get_or_init(|| why);
        self.token.cancel();
    }

    pub(crate) fn token(&self) -> &CancellationToken {
        &self.token
    }

    pub(crate) fn stopped(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Waits; false when the apply was stopped before the pause was over.
    pub(crate) async fn pause(&self, pause: Duration) -> bool {
        self.token.run_until_cancelled(tokio::time::sleep(pause)).await.is_some()
    }
}

/// Who may end an apply from outside.
pub(crate) struct Outside<'a> {
    /// A person or a signal.
    pub(crate) cancelled: &'a CancellationToken,
    /// The leases.
    pub(crate) lease_lost: &'a CancellationToken,
}

impl Outside<'_> {
    fn heed(&self, halt: &Halt) {
        if self.lease_lost.is_cancelled() {
            halt.stop(Stop::LeaseLost);
        } else if self.cancelled.is_cancelled() {
            halt.stop(Stop::Cancelled);
        }
    }
}

/// Runs all steps of an admitted plan.
pub(crate) async fn run<T: Send + Sync>(
    plan: &Plan<T>,
    shared: Shared<'_, T>,
    outside: Outside<'_>,
) -> ApplyReport {
    let began = Instant::now();
    let started = shared.clock.now();
    shared.progress.on(&Event::Begun { steps: plan.steps().len() });
    let ends = drive(plan, &shared, &outside).await;
    shared.progress.on(&Event::Over);
    let steps = plan.steps().iter().zip(ends).map(|(step, end)| StepReport::new(step, end));
    ApplyReport {
        run: shared.run,
        cloud: plan.cloud().to_owned(),
        started,
        duration: began.elapsed(),
        steps: steps.collect(),
        stopped: shared.halt.why.into_inner(),
    }
}

/// Starts what may start, takes what has ended, until nothing is left or the grace is over.
async fn drive<T: Send + Sync>(
    plan: &Plan<T>,
    shared: &Shared<'_, T>,
    outside: &Outside<'_>,
) -> Vec<End> {
    let mut ends = vec![End::not_started(); plan.steps().len()];
    let mut schedule = Schedule::new(plan, shared.options);
    let mut running = FuturesUnordered::new();
    let mut draining_until = None;
    loop {
        // Asked here, too: steps that are always ready would never let the branches below be heard.
        outside.heed(&shared.halt);
        while !shared.halt.stopped()
            && let Some(position) = schedule.next()
        {
            ends[position] = End::interrupted();
            let step = &plan.steps()[position];
            running.push(async move { (position, carry_out(shared, step).await) });
        }
        if running.is_empty() {
            break;
        }
        if shared.halt.stopped() && draining_until.is_none() {
            let grace = shared.options.grace;
            shared.progress.on(&Event::Draining { running: running.len(), grace });
            draining_until = Some(Instant::now() + grace);
        }
        tokio::select! {
            biased;
            Some((position, end)) = running.next() => {
                settle(plan, shared, &mut schedule, &mut ends, position, end);
            }
            // Even in the grace period: somebody else may be at work now.
            () = outside.lease_lost.cancelled() => {
                shared.halt.stop(Stop::LeaseLost);
                break;
            }
            () = outside.cancelled.cancelled(), if !shared.halt.stopped() => {
                outside.heed(&shared.halt);
            }
            () = until(draining_until) => break,
        }
    }
    // What is still running is dropped here; its journal entries stay open.
    drop(running);
    ends
}

/// Never, without a deadline.
async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Writes down how a step ended and frees, or skips, those that waited for it.
fn settle<T: Send + Sync>(
    plan: &Plan<T>,
    shared: &Shared<'_, T>,
    schedule: &mut Schedule<'_>,
    ends: &mut [End],
    position: usize,
    end: End,
) {
    let step = &plan.steps()[position];
    shared.progress.on(&Event::Ended { step: &step.id, outcome: &end.outcome });
    let succeeded = end.outcome.succeeded();
    let failed = matches!(end.outcome, StepOutcome::Failed { .. });
    ends[position] = end;
    for (skipped, because) in schedule.ended(plan, position, succeeded, failed) {
        let outcome = StepOutcome::Skipped { because: plan.steps()[because].id.clone() };
        shared.progress.on(&Event::Ended { step: &plan.steps()[skipped].id, outcome: &outcome });
        ends[skipped] = End::without_attempt(outcome);
    }
}

//! One step from its intent to its conclusion.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::OnceLock;
use std::time::Duration;

use futures::FutureExt;
use lotse_core::error::{ErrorKind, chain};
use lotse_core::journal::{Conclusion, Intent};
use lotse_core::retry::RetryClass;
use tokio::time::Instant;

use super::Shared;
use super::report::{StepOutcome, Stop};
use crate::executor::{Attempt, Outcome, StepError};
use crate::model::Step;
use crate::progress::Event;
use crate::random;

/// How a step ended, as the report needs it.
#[derive(Clone, Debug)]
pub(crate) struct End {
    pub(crate) outcome: StepOutcome,
    pub(crate) attempts: u32,
    pub(crate) duration: Duration,
    pub(crate) request_id: Option<String>,
    /// The journal entry has no conclusion; the next recovery deals with it.
    pub(crate) open: bool,
}

impl End {
    pub(crate) const fn without_attempt(outcome: StepOutcome) -> Self {
        Self { outcome, attempts: 0, duration: Duration::ZERO, request_id: None, open: false }
    }

    pub(crate) const fn not_started() -> Self {
        Self::without_attempt(StepOutcome::NotStarted)
    }

    /// What stands when a running step is dropped.
    pub(crate) fn interrupted() -> Self {
        Self { open: true, ..Self::without_attempt(StepOutcome::Interrupted) }
    }
}

/// Writes the intent, tries, writes the conclusion.
pub(super) async fn carry_out<T: Send + Sync>(shared: &Shared<'_, T>, step: &Step<T>) -> End {
    let intent = match intent_of(shared, step) {
        Ok(intent) => intent,
        Err(error) => return End::without_attempt(StepOutcome::Failed { error }),
    };
    if let Err(error) = shared.journal.intend(&intent).await {
        shared.halt.stop(Stop::Journal { message: chain(&error) });
        return End::not_started();
    }
    if shared.halt.stopped() {
        // Something ended the apply while the intent was written: nothing has been sent.
        let open = !conclude(shared, &intent, &Conclusion::Abandoned).await;
        return End { open, ..End::not_started() };
    }
    let began = Instant::now();
    shared.progress.on(&Event::Started { step: &step.id, action: step.action });
    let mut tries = Tries::new(shared, step, &intent);
    let result = tries.run().await;
    let mut end = End {
        attempts: tries.number,
        open: tries.is_open() && result.is_err(),
        outcome: StepOutcome::NotStarted,
        duration: Duration::ZERO,
        request_id: None,
    };
    let found = tries.adopted;
    if !end.open {
        end.open = !conclude(shared, &intent, &conclusion(&result, found)).await;
    }
    end.duration = began.elapsed();
    end.request_id = match &result {
        Ok(outcome) => outcome.request_id.clone(),
        Err(error) => error.request_id.clone(),
    };
    end.outcome = match result {
        Ok(outcome) if found => StepOutcome::Adopted { object: outcome.object },
        Ok(outcome) => StepOutcome::Done { object: outcome.object },
        Err(error) => StepOutcome::Failed { error },
    };
    end
}

fn intent_of<T: Send + Sync>(shared: &Shared<'_, T>, step: &Step<T>) -> Result<Intent, StepError> {
    let now = shared.clock.now();
    let detail = AssertUnwindSafe(|| shared.executor.detail(step));
    Ok(Intent {
        id: random::intent_id(shared.randomness, now),
        run: shared.run,
        cloud: shared.cloud.to_owned(),
        kind: step.kind.clone(),
        name: step.name.clone(),
        action: step.action.as_str().to_owned(),
        marker: step.marker.unwrap_or_else(|| random::marker(shared.randomness, now)),
        detail: std::panic::catch_unwind(detail).map_err(|panic| panicked(&*panic))?,
        at: now,
    })
}

fn conclusion(result: &Result<Outcome, StepError>, found: bool) -> Conclusion {
    match result {
        Ok(Outcome { object: Some(object), .. }) if found => {
            Conclusion::Adopted { object: object.clone() }
        }
        Ok(outcome) => Conclusion::Done { object: outcome.object.clone() },
        Err(error) => Conclusion::Failed { message: error.to_string() },
    }
}

/// False when the journal failed; then everything comes to an end.
async fn conclude<T: Send + Sync>(
    shared: &Shared<'_, T>,
    intent: &Intent,
    conclusion: &Conclusion,
) -> bool {
    match shared.journal.conclude(intent.id, conclusion, shared.clock.now()).await {
        Ok(()) => true,
        Err(error) => {
            shared.halt.stop(Stop::Journal { message: chain(&error) });
            false
        }
    }
}

/// The attempts of one step.
struct Tries<'a, T: Send + Sync> {
    shared: &'a Shared<'a, T>,
    step: &'a Step<T>,
    intent: &'a Intent,
    /// Attempts begun.
    number: u32,
    /// An attempt may have had an effect that nobody has looked for since.
    unclear: bool,
    /// The marker has to be looked for before the next attempt.
    look: bool,
    /// The object of an earlier attempt.
    found: Option<String>,
    /// It was found by its marker.
    adopted: bool,
}

impl<'a, T: Send + Sync> Tries<'a, T> {
    const fn new(shared: &'a Shared<'a, T>, step: &'a Step<T>, intent: &'a Intent) -> Self {
        let (unclear, look, adopted) = (false, false, false);
        Self { shared, step, intent, number: 0, unclear, look, found: None, adopted }
    }

    async fn run(&mut self) -> Result<Outcome, StepError> {
        let mut reauthenticated = false;
        loop {
            self.number += 1;
            let error = match self.once().await {
                Ok(outcome) => return Ok(outcome),
                Err(error) => error,
            };
            self.unclear |= error.retry == RetryClass::Ambiguous;
            let Some(pause) = self.pause_after(&error, &mut reauthenticated) else {
                return Err(error);
            };
            let attempt = self.number;
            let event = Event::Retrying { step: &self.step.id, attempt, pause, error: &error };
            self.shared.progress.on(&event);
            if !self.shared.halt.pause(pause).await {
                return Err(error);
            }
        }
    }

    /// Whether the next recovery has to find out what is left of the step.
    const fn is_open(&self) -> bool {
        self.unclear || self.found.is_some()
    }

    /// One attempt. A creating step is never simply repeated: unless its object is known, its marker
    /// is looked for first. Not even a failure that certainly had no effect excuses from that,
    /// because it may be the failure of the second request of the step.
    async fn once(&mut self) -> Result<Outcome, StepError> {
        if self.look {
            let looked = self.shared.executor.recover(self.intent);
            self.found = caught(looked).await.unwrap_or_else(Err)?;
            self.adopted = self.found.is_some();
            self.look = false;
            self.unclear = false;
        }
        let attempt = Attempt {
            number: self.number,
            run: self.shared.run,
            intent: self.intent.id,
            marker: self.intent.marker,
            found: self.found.clone(),
            cancelled: self.shared.halt.token().clone(),
            step: &self.step.id,
            progress: self.shared.progress,
            created: OnceLock::new(),
        };
        let executed = caught(self.shared.executor.execute(self.step, &attempt)).await;
        self.found = self.found.take().or(attempt.created.into_inner());
        let result = executed.unwrap_or_else(|panic| {
            // Nobody knows how far it came.
            self.unclear = true;
            Err(panic)
        });
        self.look = result.is_err() && self.step.action.creates() && self.found.is_none();
        result
    }

    /// How long to wait before the next attempt; `None` when there is none.
    fn pause_after(&self, error: &StepError, reauthenticated: &mut bool) -> Option<Duration> {
        if self.shared.halt.stopped() {
            return None;
        }
        let options = self.shared.options;
        match error.retry {
            RetryClass::Never => None,
            RetryClass::Reauthenticate => {
                (!std::mem::replace(reauthenticated, true)).then_some(Duration::ZERO)
            }
            RetryClass::NoEffect
            | RetryClass::Ambiguous
            | RetryClass::Busy
            | RetryClass::After(_) => {
                let random = random::fraction(self.shared.randomness);
                let pause = options.backoff.pause(self.number, random)?;
                let pause = pause.max(error.asked_pause());
                (pause <= options.longest_pause.max(options.backoff.most)).then_some(pause)
            }
        }
    }
}

/// Runs it; a panic becomes an error.
pub(crate) async fn caught<O>(work: impl Future<Output = O> + Send) -> Result<O, StepError> {
    AssertUnwindSafe(work).catch_unwind().await.map_err(|panic| panicked(&*panic))
}

fn panicked(panic: &(dyn Any + Send)) -> StepError {
    StepError::new(ErrorKind::Internal, format!("the executor panicked: {}", words(panic)))
        .hinting("this is a defect of lotse; please report it")
}

fn words(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

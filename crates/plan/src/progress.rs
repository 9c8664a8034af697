//! What people see while a plan is applied.
//!
//! [`for_standard_error`] chooses: [`Bars`] on a terminal, [`Lines`] elsewhere. [`Silent`] is for
//! those who asked for quiet.

use std::time::Duration;

use crate::apply::report::StepOutcome;
use crate::executor::StepError;
use crate::model::{Action, StepId};
use crate::render::clean;

mod bars;
mod lines;

pub use bars::Bars;
pub use lines::Lines;

/// One thing that happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The apply begins.
    Begun {
        /// How many steps the plan has.
        steps: usize,
    },
    /// A step begins.
    Started {
        /// The step.
        step: &'a StepId,
        /// What it does.
        action: Action,
    },
    /// A step got further.
    Advanced {
        /// The step.
        step: &'a StepId,
        /// How far, in the executor's unit (bytes for transfers).
        done: u64,
        /// Of how much.
        total: Option<u64>,
    },
    /// An attempt failed and there will be another one.
    Retrying {
        /// The step.
        step: &'a StepId,
        /// The attempt that failed, from 1.
        attempt: u32,
        /// Until the next one.
        pause: Duration,
        /// Why it failed.
        error: &'a StepError,
    },
    /// A step has ended, or will not begin.
    Ended {
        /// The step.
        step: &'a StepId,
        /// How.
        outcome: &'a StepOutcome,
    },
    /// No further steps begin; the running ones have so long to end.
    Draining {
        /// Steps still running.
        running: usize,
        /// How long they have.
        grace: Duration,
    },
    /// The apply is over.
    Over,
}

/// Is told everything that happens. Must return quickly: the engine waits for it.
pub trait Progress: Send + Sync + std::fmt::Debug {
    /// Something happened.
    fn on(&self, event: &Event<'_>);
}

/// Says nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn on(&self, _: &Event<'_>) {}
}

/// Bars when standard error is a terminal, otherwise lines.
pub fn for_standard_error(terminal: bool) -> Box<dyn Progress> {
    if terminal {
        Box::new(Bars::on_standard_error())
    } else {
        Box::new(Lines::on_standard_error())
    }
}

fn retry_text(attempt: u32, pause: Duration, error: &StepError) -> String {
    let seconds = pause.as_secs_f64();
    clean(&format!("attempt {attempt} failed, again in {seconds:.1} s: {error}"))
}

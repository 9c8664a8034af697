//! Plain lines, for logs and pipes.

use std::fmt;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use super::{Event, Progress, retry_text};
use crate::apply::report::StepOutcome;
use crate::render::clean;

/// One line for each thing that happened.
pub struct Lines {
    state: Mutex<State>,
}

struct State {
    to: Box<dyn Write + Send>,
    /// What all lines begin with.
    prefix: String,
    ended: usize,
    steps: usize,
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines").finish_non_exhaustive()
    }
}

impl Lines {
    /// Lines on standard error.
    pub fn on_standard_error() -> Self {
        Self::to(Box::new(std::io::stderr()))
    }

    /// Lines anywhere. That they cannot be written stops nothing.
    pub fn to(to: Box<dyn Write + Send>) -> Self {
        Self { state: Mutex::new(State { to, prefix: String::new(), ended: 0, steps: 0 }) }
    }

    /// The same for one of several clouds at once: each line says which.
    #[must_use]
    pub fn about(mut self, cloud: &str) -> Self {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        state.prefix = format!("{cloud}: ");
        self
    }
}

impl Progress for Lines {
    fn on(&self, event: &Event<'_>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let line = match *event {
            Event::Begun { steps } => {
                state.steps = steps;
                return;
            }
            Event::Started { step, .. } => format!("{step}: started"),
            Event::Retrying { step, attempt, pause, error } => {
                format!("{step}: {}", retry_text(attempt, pause, error))
            }
            Event::Ended { step, outcome } => {
                state.ended += 1;
                let told = match outcome {
                    StepOutcome::Failed { error } => format!("failed: {error}"),
                    StepOutcome::Skipped { because } => {
                        format!("skipped, because it waits for {because}")
                    }
                    other => other.as_str().replace('-', " "),
                };
                format!("{step}: {told} ({} of {})", state.ended, state.steps)
            }
            Event::Draining { running, grace } => {
                format!("stopping: {running} steps have {} s to end", grace.as_secs())
            }
            // Too many, and the end is told anyway.
            Event::Advanced { .. } | Event::Over => return,
        };
        let line = clean(&format!("{}{line}", state.prefix));
        writeln!(state.to, "{line}").unwrap_or_default();
    }
}

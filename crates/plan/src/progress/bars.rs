//! Bars on a terminal.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio_util::task::AbortOnDropHandle;

use super::{Event, Progress, retry_text};
use crate::model::StepId;
use crate::render::clean;

/// What ends sooner needs no bars.
const DELAY: Duration = Duration::from_secs(1);

/// One bar for the whole apply and one for each running step.
///
/// They appear one second after the beginning, because what ends sooner would only flicker, and go
/// when the apply is over.
#[derive(Debug)]
pub struct Bars {
    shown: MultiProgress,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    /// Where to draw, until that has begun.
    target: Option<ProgressDrawTarget>,
    overall: ProgressBar,
    steps: HashMap<StepId, ProgressBar>,
    reveal: Option<AbortOnDropHandle<()>>,
}

impl Bars {
    /// Bars on standard error.
    pub fn on_standard_error() -> Self {
        Self::on(ProgressDrawTarget::stderr())
    }

    /// Bars anywhere.
    pub fn on(target: ProgressDrawTarget) -> Self {
        let shown = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
        let overall = shown.add(ProgressBar::no_length());
        overall.set_style(style("{bar:24} {pos}/{len} steps, {elapsed}{msg}"));
        let state = State { target: Some(target), overall, steps: HashMap::new(), reveal: None };
        Self { shown, state: Arc::new(Mutex::new(state)) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn begin(&self, steps: usize) {
        let mut state = self.state();
        state.overall.set_length(u64::try_from(steps).unwrap_or(u64::MAX));
        let Some(target) = state.target.take() else { return };
        // Weakly, so that bars that are dropped before their time never appear.
        let (shown, shared) = (self.shown.clone(), Arc::downgrade(&self.state));
        let reveal = async move {
            tokio::time::sleep(DELAY).await;
            let Some(shared) = shared.upgrade() else { return };
            shown.set_draw_target(target);
            let state = lock(&shared);
            for bar in state.steps.values().chain([&state.overall]) {
                bar.tick();
            }
            state.overall.enable_steady_tick(Duration::from_millis(250));
        };
        state.reveal = Some(AbortOnDropHandle::new(tokio::spawn(reveal)));
    }

    fn start(&self, step: &StepId) {
        let bar = ProgressBar::no_length();
        bar.set_style(style("  {prefix}{wide_msg}"));
        bar.set_prefix(clean(step.as_str()));
        let mut state = self.state();
        let bar = self.shown.insert_before(&state.overall, bar);
        bar.tick();
        state.steps.insert(step.clone(), bar);
    }

    fn advance(&self, step: &StepId, done: u64, total: Option<u64>) {
        let state = self.state();
        let Some(bar) = state.steps.get(step) else { return };
        if let (Some(total), None) = (total, bar.length()) {
            bar.set_length(total);
            bar.set_style(style(
                "  {prefix} {bar:24} {bytes}/{total_bytes}, {bytes_per_sec}{wide_msg}",
            ));
        }
        bar.set_position(done);
    }

    fn end(&self, step: &StepId) {
        let mut state = self.state();
        if let Some(bar) = state.steps.remove(step) {
            bar.finish_and_clear();
            self.shown.remove(&bar);
        }
        state.overall.inc(1);
    }
}

impl Progress for Bars {
    fn on(&self, event: &Event<'_>) {
        match *event {
            Event::Begun { steps } => self.begin(steps),
            Event::Started { step, .. } => self.start(step),
            Event::Advanced { step, done, total } => self.advance(step, done, total),
            Event::Retrying { step, attempt, pause, error } => {
                if let Some(bar) = self.state().steps.get(step) {
                    bar.set_message(format!(": {}", retry_text(attempt, pause, error)));
                }
            }
            Event::Ended { step, .. } => self.end(step),
            Event::Draining { running, grace } => {
                let seconds = grace.as_secs();
                let text = format!(", stopping: {running} steps have {seconds} s to end");
                self.state().overall.set_message(text);
            }
            Event::Over => {
                let mut state = self.state();
                state.reveal = None;
                state.overall.finish_and_clear();
            }
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A template that is wrong would be a defect; the default style is then better than nothing.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

//! What came of an apply, for people.

use std::time::Duration;

use anstyle::{AnsiColor, Style};

use super::Look;
use super::table::{PLAIN, Page, colour};
use super::text::{clean, width};
use crate::apply::report::{ApplyReport, StepOutcome, StepReport, Stop};
use crate::model::Action;

/// Before what to do.
const ARROW: (Style, &str) = (Style::new(), "→ ");

/// The report as text, with a line end at its end: every step, failures with reason and hint, the
/// sum, how to go on.
pub fn report(report: &ApplyReport, look: &Look) -> String {
    let mut page = Page { look: *look, text: String::new() };
    for step in &report.steps {
        one(&mut page, step);
    }
    if !report.steps.is_empty() {
        page.text.push('\n');
    }
    let seconds = short(report.duration);
    page.line(
        0,
        PLAIN,
        &format!("{} in {seconds} on cloud \"{}\".", sum(report), clean(&report.cloud)),
    );
    if let Some(stop) = &report.stopped {
        let why = match stop {
            Stop::Cancelled => "Stopped on request.".to_owned(),
            Stop::LeaseLost => "Stopped because the lease was lost.".to_owned(),
            Stop::Journal { message } => format!("Stopped: {}.", clean(message)),
        };
        page.line(0, PLAIN, &why);
    }
    for advice in report.advice() {
        page.line(0, ARROW, &advice);
    }
    page.text
}

fn one(page: &mut Page, step: &StepReport) {
    let word = step.outcome.as_str().replace('-', " ");
    let style = match &step.outcome {
        StepOutcome::Done { .. } | StepOutcome::Adopted { .. } => colour(Action::Create),
        StepOutcome::Failed { .. } => colour(Action::Destroy),
        _ => Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Yellow))),
    };
    let head = format!("{word:<11} {} ", step.action.symbol());
    let lead = (style, head.as_str());
    let mut text = format!("{} {}", clean(&step.kind), clean(&step.name));
    if step.attempts > 0 {
        text = format!("{text} ({})", short(step.duration));
    }
    if step.attempts > 1 {
        text = format!("{text}, {} attempts", step.attempts);
    }
    match &step.outcome {
        StepOutcome::Failed { error } => {
            page.line(0, lead, &text);
            page.line(width(&head), PLAIN, &clean(&error.to_string()));
            if let Some(hint) = &error.hint {
                page.line(width(&head), ARROW, &clean(hint));
            }
        }
        StepOutcome::Skipped { because } => {
            page.line(0, lead, &format!("{text}: waits for \"{}\"", clean(because.as_str())));
        }
        _ => page.line(0, lead, &text),
    }
}

/// `3 done, 1 failed`; `Nothing to do` for an empty plan.
fn sum(report: &ApplyReport) -> String {
    let tally = report.tally();
    let parts: Vec<String> = [
        (tally.done, "done"),
        (tally.adopted, "adopted"),
        (tally.failed, "failed"),
        (tally.skipped, "skipped"),
        (tally.not_started, "not started"),
        (tally.interrupted, "interrupted"),
    ]
    .iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, what)| format!("{count} {what}"))
    .collect();
    if parts.is_empty() { "Nothing to do".to_owned() } else { parts.join(", ") }
}

/// `0.3 s`, `12 s`, `3 min 20 s`.
fn short(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        _ => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

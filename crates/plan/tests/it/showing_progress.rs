//! What people see while a plan is applied.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use indicatif::{InMemoryTerm, ProgressDrawTarget};
use lotse_core::error::ErrorKind;
use lotse_core::retry::RetryClass;
use lotse_plan::progress::{Bars, Event, Lines, Progress};
use lotse_plan::{Action, StepError, StepId, StepOutcome};

/// Bars that draw without a limit on the rate.
fn bars() -> (InMemoryTerm, Bars) {
    let terminal = InMemoryTerm::new(10, 70);
    let target = ProgressDrawTarget::term_like_with_hz(Box::new(terminal.clone()), 255);
    (terminal, Bars::on(target))
}

fn started(progress: &dyn Progress, step: &StepId) {
    progress.on(&Event::Started { step, action: Action::Create });
}

#[tokio::test(start_paused = true)]
async fn bars_stay_away_from_what_is_over_within_a_second() {
    let (terminal, bars) = bars();
    bars.on(&Event::Begun { steps: 2 });
    started(&bars, &StepId::from("image/Debian 13/import"));
    tokio::time::sleep(Duration::from_millis(900)).await;
    bars.on(&Event::Over);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(terminal.contents(), "");
}

#[tokio::test(start_paused = true)]
async fn bars_show_running_steps_and_leave_nothing_behind() {
    let (terminal, bars) = bars();
    let (one, other) =
        (StepId::from("image/Debian 13/import"), StepId::from("image/\u{1b}[31m/import"));
    bars.on(&Event::Begun { steps: 3 });
    started(&bars, &one);
    started(&bars, &other);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let error = StepError::new(ErrorKind::Unavailable, "no answer").retried(RetryClass::NoEffect);
    let pause = Duration::from_secs(2);
    bars.on(&Event::Retrying { step: &one, attempt: 1, pause, error: &error });
    let seen = terminal.contents();
    assert!(
        seen.contains("image/Debian 13/import: attempt 1 failed, again in 2.0 s: no answer"),
        "{seen}"
    );
    assert!(seen.contains("image/\\u{1b}[31m/import"), "{seen}");
    assert!(seen.contains("0/3 steps"), "{seen}");
    bars.on(&Event::Ended { step: &one, outcome: &StepOutcome::NotStarted });
    bars.on(&Event::Ended { step: &other, outcome: &StepOutcome::NotStarted });
    bars.on(&Event::Over);
    assert_eq!(terminal.contents(), "");
}

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn lines_tell_each_thing_once() {
    let paper = Paper::default();
    let lines = Lines::to(Box::new(paper.clone()));
    let step = StepId::from("image/Debian 13/import");
    let error = StepError::new(ErrorKind::Unavailable, "no\nanswer");
    lines.on(&Event::Begun { steps: 2 });
    started(&lines, &step);
    lines.on(&Event::Advanced { step: &step, done: 1, total: None });
    let outcome = StepOutcome::Failed { error };
    lines.on(&Event::Ended { step: &step, outcome: &outcome });
    lines.on(&Event::Draining { running: 1, grace: Duration::from_secs(30) });
    lines.on(&Event::Over);
    let text = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
    assert_eq!(
        text,
        "image/Debian 13/import: started\n\
         image/Debian 13/import: failed: no⏎answer (1 of 2)\n\
         stopping: 1 steps have 30 s to end\n"
    );
}

//! A task as it is shown, on the overview and on its own page.

use lotse_core::task::{Outcome, TaskState, TaskStatus};

use super::layout::When;
use crate::text::shown;

/// The longest summary or message on a page.
const LONGEST: usize = 400;

/// A task as it is shown.
#[derive(Debug)]
pub(crate) struct TaskView {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) state: String,
    pub(crate) class: &'static str,
    pub(crate) last: String,
    pub(crate) started: Option<When>,
    pub(crate) seconds: String,
    pub(crate) next: Option<When>,
    pub(crate) hints: Vec<String>,
}

impl From<&TaskStatus> for TaskView {
    fn from(task: &TaskStatus) -> Self {
        let outcome = task.last.as_ref().map(|last| &last.outcome);
        let state = match (&task.state, outcome) {
            (TaskState::Running { .. }, _) => "running".to_owned(),
            (TaskState::Elsewhere { lease }, _) => {
                format!("runs at {}", shown(&lease.holder_note, 60))
            }
            (TaskState::Idle, None) => "not yet run".to_owned(),
            (TaskState::Idle, Some(outcome)) if outcome.is_success() => "succeeded".to_owned(),
            (TaskState::Idle, Some(_)) => "failed".to_owned(),
        };
        let class = match outcome {
            Some(outcome) if !outcome.is_success() => "bad",
            Some(_) => "good",
            None => "open",
        };
        let (last, hints) = match outcome {
            Some(Outcome::Succeeded { report }) => (shown(&report.summary, LONGEST), Vec::new()),
            Some(Outcome::Failed { message, hints, .. }) => {
                let hints = hints.iter().map(|hint| shown(hint, LONGEST)).collect();
                (shown(message, LONGEST), hints)
            }
            None => (String::new(), Vec::new()),
        };
        Self {
            name: shown(&task.name, 120),
            description: shown(&task.description, LONGEST),
            state,
            class,
            last,
            started: task.last.as_ref().map(|last| When::from(last.started)),
            seconds: task.last.as_ref().map_or_else(String::new, |last| length(last.seconds)),
            next: task.next.map(When::from),
            hints,
        }
    }
}

fn length(seconds: f64) -> String {
    if seconds < 1.0 { format!("{:.0} ms", seconds * 1000.0) } else { format!("{seconds:.1} s") }
}

/// What the last activation of a task left to do, for example `2 create, 1 update`.
///
/// Tasks that keep something say it in their report as `needed`: a number per kind of change.
pub(crate) fn pending(task: &TaskStatus) -> Option<String> {
    let Some(Outcome::Succeeded { report }) = task.last.as_ref().map(|last| &last.outcome) else {
        return None;
    };
    let needed = report.detail.get("needed")?.as_object()?;
    let kinds: Vec<_> = needed
        .iter()
        .filter_map(|(kind, count)| Some((kind, count.as_u64().filter(|count| *count > 0)?)))
        .map(|(kind, count)| format!("{count} {}", shown(kind, 40)))
        .collect();
    (!kinds.is_empty()).then(|| kinds.join(", "))
}

#[cfg(test)]
mod tests {
    use lotse_core::task::{Activation, Report};
    use lotse_core::time::Timestamp;
    use serde_json::{Value, json};

    use super::*;

    fn reported(detail: Value) -> TaskStatus {
        let report = Report { summary: "s".to_owned(), detail };
        let outcome = Outcome::Succeeded { report };
        TaskStatus {
            name: "images/sim".to_owned(),
            description: String::new(),
            period_seconds: 1.0,
            state: TaskState::Idle,
            last: Some(Activation { started: Timestamp::UNIX_EPOCH, seconds: 0.25, outcome }),
            next: None,
            succeeded: 1,
            failed: 0,
        }
    }

    #[test]
    fn pending_changes_are_those_that_are_needed() {
        let of = |detail: Value| pending(&reported(detail));
        assert_eq!(
            of(json!({"needed": {"create": 2, "update": 0, "replace": 1}})).unwrap(),
            "2 create, 1 replace"
        );
        for nothing in [json!({"needed": {"create": 0}}), json!({"needed": 3}), json!(null)] {
            assert_eq!(of(nothing), None);
        }
    }

    #[test]
    fn a_short_activation_is_told_in_milliseconds() {
        assert_eq!(TaskView::from(&reported(json!(null))).seconds, "250 ms");
    }
}

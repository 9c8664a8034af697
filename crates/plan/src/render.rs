//! A plan and what came of it, for people and for programs.
//!
//! [`table()`] and [`report()`] make text with or without colour, as [`Look`] says; the caller decides
//! by looking at the terminal. Names and values come from files and clouds, so nothing in them can
//! move the cursor or change colours: control characters are shown, not sent.

use serde_json::{Value, json};

use crate::apply::report::ApplyReport;
use crate::model::Plan;

mod report;
mod table;
mod text;

pub use report::report;
pub use table::table;
pub(crate) use text::clean;

/// How text for people is laid out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Look {
    /// Columns of the terminal. Below 40 counts as 40.
    pub width: usize,
    /// Whether to write ANSI colours.
    pub colour: bool,
}

impl Default for Look {
    /// 100 columns without colour: files and pipes.
    fn default() -> Self {
        Self { width: 100, colour: false }
    }
}

impl Look {
    pub(crate) fn columns(self) -> usize {
        self.width.max(40)
    }
}

/// The plan as JSON. Scripts depend on `steps` (`action`, `kind`, `name`, `changes`, `reason`) and
/// `summary`.
pub fn json<T>(plan: &Plan<T>) -> Value {
    let steps: Vec<Value> = plan
        .steps()
        .iter()
        .map(|step| {
            json!({
                "id": step.id,
                "action": step.action,
                "kind": step.kind,
                "name": step.name,
                "changes": step.changes,
                "reason": step.reason,
                "depends_on": step.depends_on,
            })
        })
        .collect();
    json!({
        "cloud": plan.cloud(),
        "steps": steps,
        "summary": plan.summary(),
        "notes": plan.notes(),
    })
}

/// The report as JSON: its fields, `tally`, `succeeded` and `advice`.
pub fn report_json(report: &ApplyReport) -> Value {
    // Every field of a report has a JSON form, so this cannot fail; `null` would say that it did.
    let mut value = serde_json::to_value(report).unwrap_or(Value::Null);
    if let Value::Object(fields) = &mut value {
        fields.insert("tally".to_owned(), json!(report.tally()));
        fields.insert("succeeded".to_owned(), json!(report.succeeded()));
        fields.insert("advice".to_owned(), json!(report.advice()));
    }
    value
}

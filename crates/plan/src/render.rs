//! A plan for people and for programs.

use serde_json::{Value, json};

use crate::model::Plan;

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

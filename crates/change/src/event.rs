//! What the others are told of a change, and what the audit log keeps.

use std::collections::BTreeMap;

use lotse_core::event::Event;
use lotse_core::id::EventId;
use lotse_core::time::Timestamp;
use lotse_store::audit::{Deed, DeedOutcome};
use serde_json::json;

use crate::model::{Change, State};

/// Something that became of a change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn<'a> {
    pub(crate) change: &'a Change,
    /// What it became.
    pub(crate) to: State,
    /// Who did it.
    pub(crate) actor: &'a str,
    /// What they wrote to it, or what came of it.
    pub(crate) note: &'a str,
    pub(crate) at: Timestamp,
}

/// How many steps there are of each action.
fn counts(change: &Change) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for step in &change.document.steps {
        *counts.entry(step.action.clone()).or_default() += 1;
    }
    counts
}

impl Turn<'_> {
    /// The event `change.<state>`, for example `change.proposed`.
    pub(crate) fn event(&self) -> Event {
        let change = self.change;
        Event {
            id: EventId::generate(),
            topic: format!("change.{}", self.to),
            subject: change.subject(),
            at: self.at,
            body: json!({
                "change": change.id,
                "capability": change.capability,
                "cloud": change.cloud,
                "state": self.to,
                "actor": self.actor,
                "note": self.note,
                "consent": change.consent,
                "steps": change.document.steps.len(),
                "counts": counts(change),
                "approvals_needed": change.approvals_needed,
                "names": change.document.steps.iter().take(20).map(|step| {
                    format!("{} {} {}", step.action, step.kind, step.name)
                }).collect::<Vec<_>>(),
            }),
        }
    }

    /// The entry in the audit log.
    pub(crate) fn deed(&self) -> Deed {
        let change = self.change;
        Deed {
            at: self.at,
            actor: self.actor.to_owned(),
            action: format!("change.{}", self.to),
            object: format!("{}/change/{}", change.subject(), change.id),
            outcome: if self.to == State::Failed { DeedOutcome::Failed } else { DeedOutcome::Done },
            request_ids: change.request_ids.clone(),
            detail: json!({
                "digest": change.digest,
                "steps": change.document.steps.len(),
                "note": self.note,
            }),
        }
    }
}

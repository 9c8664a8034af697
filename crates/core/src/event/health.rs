//! How a watched thing is: what a health check tells the others.
//!
//! A watcher writes one of these whenever its opinion changes, and may repeat it. The status page
//! takes it as a measurement of the components whose labels it names; what stands in `evidence` is for
//! operators and never for the public.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Event;
use crate::id::EventId;
use crate::time::Timestamp;

/// The topic of these events.
pub const TOPIC: &str = "health.changed";

/// How a watched thing is, as far as one watcher can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// As it should be.
    Well,
    /// Slower or less reliable than it should be.
    Degraded,
    /// Not usable.
    Down,
}

/// The opinion of one watcher on one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Who watches, for example `scenario/boot-a-server`; with the labels the identity of the opinion.
    pub watcher: String,
    /// What is watched: labels that components of the status page have, for example
    /// `region=west` and `service=compute`.
    pub labels: BTreeMap<String, String>,
    /// How it is.
    pub condition: Condition,
    /// Since when.
    pub since: Timestamp,
    /// What led to the opinion: figures, request ids, names of hosts. Not for the public.
    #[serde(default)]
    pub evidence: serde_json::Value,
}

impl Health {
    /// The event that carries it.
    pub fn event(&self, id: EventId, at: Timestamp) -> Event {
        let labels: Vec<_> =
            self.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        Event {
            id,
            topic: TOPIC.to_owned(),
            subject: format!("health/{}/{}", self.watcher, labels.join(",")),
            at,
            // All keys are texts, so this cannot fail.
            body: serde_json::to_value(self).unwrap_or_default(),
        }
    }

    /// What an event carries; nothing when it is another one, or cannot be read.
    pub fn of(event: &Event) -> Option<Self> {
        if event.topic != TOPIC {
            return None;
        }
        Self::deserialize(&event.body).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_event_carries_is_what_was_said() {
        let at: Timestamp = "2026-11-22T06:00:00Z".parse().unwrap();
        let labels = [("service", "compute"), ("region", "west")];
        let said = Health {
            watcher: "scenario/boot".to_owned(),
            labels: labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            condition: Condition::Down,
            since: at,
            evidence: serde_json::json!({ "host": "cn-17" }),
        };
        let mut event = said.event(EventId::generate(), at);
        assert_eq!(event.subject, "health/scenario/boot/region=west,service=compute");
        assert_eq!(Health::of(&event).unwrap(), said);
        event.topic = "task.failed".to_owned();
        assert_eq!(Health::of(&event), None);
    }
}

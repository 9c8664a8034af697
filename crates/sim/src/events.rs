//! The notifications that real services send over their message bus, as a stream.
//!
//! Metering lives on them: a server that ran for an hour is a `compute.instance.create.end` and a
//! `compute.instance.delete.end`. The envelope is the one of oslo.messaging; event types and payloads
//! are those of the services ("unversioned" notifications, which all of them send).
//!
//! A transition that time brings is made by whoever looks next (see the crate's story), so that its
//! event may be published after it happened; its `timestamp` is when it happened.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use lotse_core::time::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::watch;

/// How many events are remembered; the oldest are forgotten first.
const REMEMBERED: usize = 100_000;

/// Something that happened to a resource.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Event {
    /// Position in the stream, from 1, without gaps.
    pub number: u64,
    /// When it happened.
    pub timestamp: Timestamp,
    /// For example `compute.instance.create.end`.
    pub event_type: String,
    /// Who says so, for example `compute.sim`.
    pub publisher_id: String,
    /// The project that the resource belongs to.
    pub project_id: Option<String>,
    /// The user whose request caused it.
    pub user_id: Option<String>,
    /// The request that caused it.
    pub request_id: Option<String>,
    /// What the service says of the resource.
    pub payload: Value,
}

impl Event {
    /// The notification as it goes over the bus of a real cloud.
    pub fn notification(&self) -> Value {
        json!({
            "message_id": crate::ids::named("event", &self.number.to_string()),
            "publisher_id": self.publisher_id,
            "event_type": self.event_type,
            "priority": "INFO",
            "payload": self.payload,
            "timestamp": self.timestamp.strftime("%Y-%m-%d %H:%M:%S.%6f").to_string(),
            "_context_project_id": self.project_id,
            "_context_user_id": self.user_id,
            "_context_request_id": self.request_id,
        })
    }
}

/// An event before it has its place in the stream.
#[derive(Clone, Debug)]
pub(crate) struct Happened {
    pub(crate) at: Timestamp,
    pub(crate) event_type: String,
    pub(crate) publisher_id: &'static str,
    pub(crate) cause: Cause,
    pub(crate) payload: Value,
}

/// Whose request caused something.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(default)]
pub(crate) struct Cause {
    pub(crate) project: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) request: Option<String>,
}

/// The stream of events.
#[derive(Debug)]
pub struct Events {
    kept: Mutex<VecDeque<Event>>,
    /// Number of the last event.
    last: watch::Sender<u64>,
}

impl Default for Events {
    fn default() -> Self {
        Self { kept: Mutex::default(), last: watch::Sender::new(0) }
    }
}

impl Events {
    /// The events after this number, in their order; from 0 all that are remembered.
    pub fn since(&self, number: u64) -> Vec<Event> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().skip_while(|event| event.number <= number).cloned().collect()
    }

    /// Number of the last event; 0 before the first.
    pub fn last(&self) -> u64 {
        *self.last.borrow()
    }

    /// Waits until there are events after this number.
    pub async fn beyond(&self, number: u64) {
        let mut last = self.last.subscribe();
        // The sender lives as long as `self`: waiting ends only with an event.
        drop(last.wait_for(|last| *last > number).await);
    }

    pub(crate) fn publish(&self, happened: Happened) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let number = *self.last.borrow() + 1;
        if kept.len() >= REMEMBERED {
            kept.pop_front();
        }
        kept.push_back(Event {
            number,
            timestamp: happened.at,
            event_type: happened.event_type,
            publisher_id: happened.publisher_id.to_owned(),
            project_id: happened.cause.project,
            user_id: happened.cause.user,
            request_id: happened.cause.request,
            payload: happened.payload,
        });
        self.last.send_replace(number);
    }
}

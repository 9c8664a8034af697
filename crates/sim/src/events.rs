//! The notifications that real services send over their message bus, as a stream.
//!
//! Metering lives on them: a server that ran for an hour is a `compute.instance.create.end` and a
//! `compute.instance.delete.end`. The envelope is the one of oslo.messaging; event types and payloads
//! are those of the services ("unversioned" notifications, which all of them send).
//!
//! A transition that time brings is made by whoever looks next (see the crate's story), so that its
//! event may be published after it happened; its `timestamp` is when it happened. Where all services
//! are looked at together (`Events::together`), what they publish is put in the order of time first.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

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
    kept: Mutex<Kept>,
    /// Number of the last event.
    last: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Kept {
    events: VecDeque<Stored>,
    /// How many are at work that publish together.
    gathering: usize,
    /// What is to be put in order when the last of them is done.
    gathered: Vec<Happened>,
}

/// An event as it is remembered: its payload as text takes a third of the memory.
#[derive(Debug)]
struct Stored {
    number: u64,
    timestamp: Timestamp,
    event_type: Box<str>,
    publisher_id: &'static str,
    cause: Cause,
    payload: Box<str>,
}

impl Stored {
    fn event(&self) -> Event {
        Event {
            number: self.number,
            timestamp: self.timestamp,
            event_type: self.event_type.to_string(),
            publisher_id: self.publisher_id.to_owned(),
            project_id: self.cause.project.clone(),
            user_id: self.cause.user.clone(),
            request_id: self.cause.request.clone(),
            payload: serde_json::from_str(&self.payload).unwrap_or_default(),
        }
    }
}

impl Kept {
    fn after(&self, number: u64) -> impl Iterator<Item = Event> {
        // Numbers have no gaps: the place of the first one follows from its number.
        let first = self.events.front().map_or(0, |event| event.number);
        let skip = number.saturating_add(1).saturating_sub(first);
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        self.events.iter().skip(skip).map(Stored::event)
    }
}

impl Default for Events {
    fn default() -> Self {
        Self { kept: Mutex::default(), last: watch::Sender::new(0) }
    }
}

impl Events {
    /// The events after this number, in their order; from 0 all that are remembered.
    pub fn since(&self, number: u64) -> Vec<Event> {
        self.page(number, usize::MAX)
    }

    /// The first events after this number, `limit` of them at most.
    pub fn page(&self, number: u64, limit: usize) -> Vec<Event> {
        self.lock().after(number).take(limit).collect()
    }

    /// Number of the oldest event that is remembered; 0 before the first.
    pub fn first(&self) -> u64 {
        self.lock().events.front().map_or(0, |event| event.number)
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

    /// Publishes something that happened.
    pub(crate) fn publish(&self, happened: Happened) {
        let mut kept = self.lock();
        if kept.gathering > 0 {
            kept.gathered.push(happened);
        } else {
            self.append(&mut kept, happened);
        }
    }

    /// Does work in which several services publish; what they publish comes in the order of time.
    pub(crate) fn together<T>(&self, work: impl FnOnce() -> T) -> T {
        self.lock().gathering += 1;
        let result = work();
        let mut kept = self.lock();
        kept.gathering -= 1;
        if kept.gathering == 0 {
            let mut gathered = std::mem::take(&mut kept.gathered);
            gathered.sort_by_key(|happened| happened.at);
            for happened in gathered {
                self.append(&mut kept, happened);
            }
        }
        result
    }

    fn append(&self, kept: &mut Kept, happened: Happened) {
        let number = *self.last.borrow() + 1;
        if kept.events.len() >= REMEMBERED {
            kept.events.pop_front();
        }
        kept.events.push_back(Stored {
            number,
            timestamp: happened.at,
            event_type: happened.event_type.into(),
            publisher_id: happened.publisher_id,
            cause: happened.cause,
            payload: happened.payload.to_string().into(),
        });
        self.last.send_replace(number);
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Happened {
        Happened {
            at: Timestamp::from_second(second).expect("a time"),
            event_type: format!("thing.at.{second}"),
            publisher_id: "test",
            cause: Cause::default(),
            payload: Value::Null,
        }
    }

    #[test]
    fn what_is_published_together_comes_in_the_order_of_time() {
        let events = Events::default();
        events.publish(at(9));
        events.together(|| [5, 3, 4].map(|second| events.publish(at(second))));
        events.publish(at(1));
        let all = events.since(0);
        let seconds: Vec<i64> = all.iter().map(|event| event.timestamp.as_second()).collect();
        assert_eq!(seconds, [9, 3, 4, 5, 1]);
        assert_eq!(all.iter().map(|event| event.number).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn the_oldest_events_are_forgotten_and_the_rest_is_found_by_number() {
        let events = Events::default();
        for _ in 0..REMEMBERED + 10 {
            events.publish(at(0));
        }
        assert_eq!(events.since(0).len(), REMEMBERED);
        assert_eq!((events.first(), events.since(0)[0].number), (11, 11));
        assert_eq!(events.page(20, 2).iter().map(|it| it.number).collect::<Vec<_>>(), [21, 22]);
        let last = events.last();
        assert_eq!(events.since(last - 2).len(), 2);
        assert_eq!(events.since(last), []);
        assert_eq!(events.since(u64::MAX), []);
    }
}

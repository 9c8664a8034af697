//! `GET /_sim/events`: the events as a list, or as they come.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::HeaderMap;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use serde_json::json;

use crate::events::Event;
use crate::world::{SharedWorld, World};

/// How often a stream looks whether time has brought something: nobody else may be looking.
const LOOK: Duration = Duration::from_millis(100);

/// Which events are wanted.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct After {
    /// Number of the last one that is known.
    after: u64,
}

/// The events after a number, as a list or as server-sent events, whichever is accepted.
pub(super) async fn events(
    State(world): State<SharedWorld>,
    Query(asked): Query<After>,
    headers: HeaderMap,
) -> Response {
    world.settle();
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if text(ACCEPT.as_str()).is_some_and(|accepted| accepted.contains("text/event-stream")) {
        // A client that lost its connection says itself what it has seen.
        let seen = text("last-event-id").and_then(|id| id.parse().ok()).unwrap_or(asked.after);
        return stream(world, seen);
    }
    let events = world.events.since(asked.after);
    axum::Json(json!({"events": events, "last": world.events.last()})).into_response()
}

/// Everything after a number, and then whatever happens, until the client goes away.
fn stream(world: SharedWorld, seen: u64) -> Response {
    let pieces = futures::stream::unfold((world, seen), |(world, seen)| async move {
        let events = next(&world, seen).await;
        let last = events.last().map_or(seen, |event| event.number);
        let text: String = events.iter().map(frame).collect();
        Some((Ok::<_, std::convert::Infallible>(Bytes::from(text)), (world, last)))
    });
    let headers = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store")];
    (headers, Body::from_stream(pieces)).into_response()
}

/// Waits for the next events.
async fn next(world: &Arc<World>, seen: u64) -> Vec<Event> {
    loop {
        world.settle();
        let events = world.events.since(seen);
        if !events.is_empty() {
            return events;
        }
        // Whether an event or the time ended the wait: the next look tells.
        drop(tokio::time::timeout(LOOK, world.events.beyond(seen)).await);
    }
}

/// An event as it goes over the stream: the notification of a real cloud under its number.
fn frame(event: &Event) -> String {
    format!("id: {}\nevent: {}\ndata: {}\n\n", event.number, event.event_type, event.notification())
}

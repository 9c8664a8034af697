//! `GET /_sim/events`: the events in pages, or as they come.

use axum::body::Body;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::HeaderMap;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use serde_json::json;

use crate::events::Event;
use crate::world::SharedWorld;

/// How many events a page, and a piece of a stream, has at most.
const PAGE: usize = 1000;

/// Which events are wanted.
#[derive(Debug, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Wanted {
    /// Number of the last one that is known.
    after: u64,
    /// How many at most, in a list.
    limit: usize,
}

impl Default for Wanted {
    fn default() -> Self {
        Self { after: 0, limit: PAGE }
    }
}

/// The events after a number, as a list or as server-sent events, whichever is accepted.
pub(super) async fn events(
    State(world): State<SharedWorld>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Response {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if text(ACCEPT.as_str()).is_some_and(|accepted| accepted.contains("text/event-stream")) {
        // A client that lost its connection says itself what it has seen.
        let seen = text("last-event-id").and_then(|id| id.parse().ok()).unwrap_or(wanted.after);
        // It may have seen it of a cloud that ran here before: then all of this one is news.
        let seen = if seen > world.events.last() { 0 } else { seen };
        return stream(world, seen);
    }
    world.settle();
    let events = world.events.page(wanted.after, wanted.limit.clamp(1, PAGE));
    let (first, last) = (world.events.first(), world.events.last());
    let shown = events.last().map_or(wanted.after, |event| event.number);
    let next = (shown < last)
        .then(|| format!("{}/_sim/events?after={shown}&limit={}", world.base, wanted.limit));
    axum::Json(json!({"events": events, "first": first, "last": last, "next": next}))
        .into_response()
}

/// Everything after a number, and then whatever happens, until the client goes away or the cloud
/// ends.
fn stream(world: SharedWorld, seen: u64) -> Response {
    let pieces = futures::stream::unfold((world, seen), |(world, seen)| async move {
        let events = tokio::select! {
            events = world.next_events(seen, PAGE) => events,
            () = world.stop.cancelled() => return None,
        };
        let last = events.last().map_or(seen, |event| event.number);
        let text: String = events.iter().map(frame).collect();
        Some((Ok::<_, std::convert::Infallible>(Bytes::from(text)), (world, last)))
    });
    let headers = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store")];
    (headers, Body::from_stream(pieces)).into_response()
}

/// An event as it goes over the stream: the notification of a real cloud under its number.
fn frame(event: &Event) -> String {
    format!("id: {}\nevent: {}\ndata: {}\n\n", event.number, event.event_type, event.notification())
}

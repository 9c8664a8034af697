//! Live pages: a stream of server-sent events that says that something has changed, not what.
//!
//! A small script of ours listens and fetches the page anew. Pages are complete without it; they only
//! do not change by themselves. A stream says nothing that its listener could not read on the page,
//! and ends with their session, with the daemon, or after a while (browsers then come back).

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream::{Stream, unfold};
use tokio::sync::{OwnedSemaphorePermit, watch};

use crate::access::{Access, TASK_READ};
use crate::problem::Problem;
use crate::shell::Shell;

/// Streams at a time; who comes later sees pages that stand still.
pub(crate) const MOST: usize = 200;
/// How often the state is looked at: what other instances did is seen there.
const TICK: Duration = Duration::from_secs(1);
/// After so many ticks it is asked again whether the listener is still somebody.
const RECHECK: u32 = 30;
/// After so many ticks a stream ends.
const LONGEST: u32 = 900;

const SCRIPT: &str = include_str!("../templates/live.js");

/// The script that listens.
pub(crate) async fn script() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (header::CACHE_CONTROL, "max-age=600"),
    ];
    (headers, SCRIPT).into_response()
}

/// One listener.
struct Listener {
    shell: Arc<Shell>,
    headers: HeaderMap,
    board: watch::Receiver<u64>,
    /// The newest entry of the audit log that was seen.
    seen: i64,
    ticks: u32,
    _place: OwnedSemaphorePermit,
}

/// The stream of a page.
pub(crate) async fn stream(
    State(shell): State<Arc<Shell>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let place = shell.streams.clone().try_acquire_owned().map_err(|_| {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too many live pages are open")
            .header(header::RETRY_AFTER, "60")
    })?;
    let board = shell.board.watch();
    let seen = newest(&shell).await.unwrap_or(0);
    let listener = Listener { shell, headers, board, seen, ticks: 0, _place: place };
    Ok(Sse::new(events(listener)).into_response())
}

fn events(listener: Listener) -> impl Stream<Item = Result<Event, Infallible>> {
    unfold(listener, |mut listener| async move {
        // The first event tells a page that comes back that it may have missed some.
        let first = listener.ticks == 0;
        let changed = first || listener.wait().await?;
        listener.ticks += u32::from(first);
        let event = if changed {
            // Browsers drop an event without data.
            Event::default().event("changed").data("look again")
        } else {
            Event::default().comment("nothing new")
        };
        Some((Ok(event), listener))
    })
}

impl Listener {
    /// Waits until something has changed (true) or a sign of life is due (false); `None` at the end.
    async fn wait(&mut self) -> Option<bool> {
        for _ in 0..RECHECK {
            let told = tokio::time::timeout(TICK, self.board.changed()).await;
            self.ticks += 1;
            if self.shell.readiness.is_draining() || self.ticks > LONGEST {
                return None;
            }
            if let Ok(told) = told {
                return told.ok().map(|()| true);
            }
            // A state that cannot be read is told by readiness; here nothing has changed.
            let newest = newest(&self.shell).await.unwrap_or(self.seen);
            if newest != self.seen {
                self.seen = newest;
                return Some(true);
            }
        }
        let identity = self.shell.gate.identify(&self.headers).await.ok()?;
        identity.reaches(Access::Needs(&TASK_READ)).then_some(false)
    }
}

/// The newest entry of the audit log: every deed of anybody moves it.
async fn newest(shell: &Shell) -> Option<i64> {
    let found = shell.gate.store.audit_list(None, 1).await.ok()?;
    Some(found.first().map_or(0, |entry| entry.seq))
}

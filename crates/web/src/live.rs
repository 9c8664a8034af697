//! Live pages: a stream of server-sent events that says that something has changed, not what.
//!
//! A small script of ours listens and fetches the page anew. Pages are complete without it; they only
//! do not change by themselves. A stream says nothing that its listener could not read on the page,
//! and ends with their session, with the daemon, or after a while (browsers then come back). However
//! many listen, the state is looked at once ([`pulse`]).

mod pulse;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream::{Stream, unfold};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::Interval;

use crate::access::{Access, TASK_READ};
use crate::problem::Problem;
use crate::shell::Shell;

pub(crate) use pulse::Pulse;
use pulse::{Beat, Look};

/// Streams at a time; who comes later sees pages that stand still.
pub(crate) const MOST: usize = 200;
/// After so long it is asked again whether the listener is still somebody.
const RECHECK: Duration = Duration::from_secs(30);
/// After so many of these a stream ends.
const LONGEST: u32 = 30;

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
    beats: watch::Receiver<Beat>,
    rechecks: Interval,
    /// How many rechecks are left.
    left: u32,
    greeted: bool,
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
    let looker = shell.clone();
    let look = move || {
        let shell = looker.clone();
        async move { look(&shell).await }
    };
    let beats = shell.pulse.listen(shell.board.watch(), look).await;
    let mut rechecks = tokio::time::interval(RECHECK);
    rechecks.reset();
    let listener =
        Listener { shell, headers, beats, rechecks, left: LONGEST, greeted: false, _place: place };
    Ok(Sse::new(events(listener)).into_response())
}

fn events(listener: Listener) -> impl Stream<Item = Result<Event, Infallible>> {
    unfold(listener, |mut listener| async move {
        // The first event tells a page that comes back that it may have missed some.
        let first = !std::mem::replace(&mut listener.greeted, true);
        let changed = first || listener.wait().await?;
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
        tokio::select! {
            // However much changes: whose session has ended hears nothing of it for long.
            biased;
            _ = self.rechecks.tick() => {
                self.left = self.left.checked_sub(1)?;
                let identity = self.shell.gate.identify(&self.headers).await.ok()?;
                identity.reaches(Access::Needs(&TASK_READ)).then_some(false)
            }
            told = self.beats.changed() => {
                told.ok()?;
                (!self.beats.borrow_and_update().over).then_some(true)
            }
        }
    }
}

/// Looks at the newest entry of the audit log: every deed of anybody, at any instance, moves it.
async fn look(shell: &Shell) -> Look {
    if shell.readiness.is_draining() {
        return Look::Over;
    }
    match shell.gate.store.audit_list(None, 1).await {
        Ok(found) => Look::Newest(found.first().map_or(0, |entry| entry.seq)),
        // A state that cannot be read is told by readiness; here nothing has changed.
        Err(_) => Look::Unknown,
    }
}

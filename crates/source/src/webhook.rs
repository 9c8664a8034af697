//! Lets the server say that there is something new.
//!
//! A request to [`PATH`] with the right signature asks for a look; nothing in it is believed but the
//! name of the branch, and that only to ignore other branches. The forms of these servers are
//! understood:
//!
//! | server | header | what it is |
//! | --- | --- | --- |
//! | GitHub, Gitea, Forgejo | `X-Hub-Signature-256: sha256=HEX` | HMAC-SHA256 of the body |
//! | Gitea, Forgejo, Gogs | `X-Gitea-Signature`, `X-Forgejo-Signature`, `X-Gogs-Signature: HEX` | the same |
//! | GitLab | `X-Gitlab-Token` | the secret itself |
//!
//! Answers: 202 when a look is requested (or is already), 204 when there is nothing to do, 400 for a
//! body that is not JSON, 401 for a wrong or missing signature, 413 for a body beyond
//! [`LARGEST_BODY`], 429 with `Retry-After` when too many looks were asked for.

mod answer;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use lotse_core::secret::{ExposeSecret as _, SecretString};
use lotse_core::time::{SharedClock, Timestamp};
use ring::hmac;
use tokio::sync::{Notify, Semaphore};

use crate::config::Target;
use crate::error::Error;
use crate::metrics::SourceMetrics;

pub use answer::Answer;

/// Where webhooks are received.
pub const PATH: &str = "/hooks/estate";

/// The longest body, in bytes. A push of very many commits may have more; the next poll sees it.
pub const LARGEST_BODY: usize = 1 << 20;

/// The shortest secret: what is shorter can be guessed.
pub const SHORTEST_SECRET: usize = 16;

/// Bodies that are read at a time.
const MOST_BODIES: usize = 4;

/// How long a body may take to arrive.
const BODY_TIME: std::time::Duration = std::time::Duration::from_secs(10);

/// Looks that may be asked for at once.
const BURST: i64 = 4;

/// Milliseconds until another one may be.
const REFILL: i64 = 10_000;

/// Passes requests on to who looks; many before a look are one.
#[derive(Debug, Default)]
pub struct Requests {
    pending: AtomicBool,
    notify: Notify,
}

impl Requests {
    /// Asks for a look; says whether that is news.
    fn ask(&self) -> bool {
        let news = !self.pending.swap(true, Ordering::AcqRel);
        if news {
            self.notify.notify_one();
        }
        news
    }

    fn is_pending(&self) -> bool {
        self.pending.load(Ordering::Acquire)
    }

    /// A look begins: what is asked for from now on needs another one.
    pub(crate) fn begun(&self) {
        self.pending.store(false, Ordering::Release);
    }

    /// Waits until a look is asked for.
    pub async fn asked(&self) {
        self.notify.notified().await;
    }
}

/// The secret that the server and we share.
pub struct Secret(SecretString);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    /// Takes a secret that is long enough.
    ///
    /// # Errors
    /// [`Error::Setting`] when it is shorter than [`SHORTEST_SECRET`].
    pub fn new(secret: SecretString) -> Result<Self, Error> {
        if secret.expose_secret().len() < SHORTEST_SECRET {
            return Err(Error::Setting {
                key: "estate.git.webhook.secret",
                reason: "it has less than 16 characters; make one with: openssl rand -hex 32",
            });
        }
        Ok(Self(secret))
    }

    fn key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.0.expose_secret().as_bytes())
    }

    /// Whether these headers prove that the sender of this body knows the secret. Takes as long for
    /// a wrong proof as for a right one.
    pub fn is_proven(&self, headers: &HeaderMap, body: &[u8]) -> bool {
        for (name, prefix) in [
            ("x-hub-signature-256", "sha256="),
            ("x-forgejo-signature", ""),
            ("x-gitea-signature", ""),
            ("x-gogs-signature", ""),
        ] {
            if let Some(value) = headers.get(name) {
                let hex = value.to_str().ok().and_then(|text| text.strip_prefix(prefix));
                let tag = hex.and_then(|hex| hex::decode(hex).ok());
                return tag.is_some_and(|tag| hmac::verify(&self.key(), body, &tag).is_ok());
            }
        }
        let Some(token) = headers.get("x-gitlab-token") else { return false };
        // Compares digests under a key that only we know, so that time says nothing of the secret.
        let key = self.key();
        let tag = hmac::sign(&key, token.as_bytes());
        hmac::verify(&key, self.0.expose_secret().as_bytes(), tag.as_ref()).is_ok()
    }
}

/// What a body says.
#[derive(Debug, serde::Deserialize)]
struct Push {
    #[serde(default, rename = "ref")]
    reference: Option<String>,
}

/// What a proven body asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wish {
    /// A look.
    Look,
    /// Nothing that concerns us: another branch, or a greeting.
    Nothing,
    /// It is not JSON.
    Unreadable,
}

/// What a proven body asks for, when `followed` is followed.
pub fn read(body: &[u8], followed: &Target) -> Wish {
    let Ok(push) = serde_json::from_slice::<Push>(body) else { return Wish::Unreadable };
    match (push.reference, followed) {
        (Some(pushed), Target::Reference(reference)) if pushed == *reference => Wish::Look,
        _ => Wish::Nothing,
    }
}

/// Allows a burst, then one look per period.
#[derive(Debug)]
struct Bucket {
    /// Looks that may be asked for, in milliseconds of refill.
    level: i64,
    at: Timestamp,
}

impl Bucket {
    /// Takes one, or says how many milliseconds to wait.
    fn take(&mut self, now: Timestamp) -> Result<(), i64> {
        let passed = now.as_millisecond().saturating_sub(self.at.as_millisecond()).max(0);
        self.at = now;
        self.level = self.level.saturating_add(passed).min(BURST * REFILL);
        if self.level < REFILL {
            return Err(REFILL - self.level);
        }
        self.level -= REFILL;
        Ok(())
    }
}

/// Receives webhooks.
#[derive(Debug)]
pub struct Webhook {
    secret: Secret,
    followed: Target,
    requests: Arc<Requests>,
    metrics: SourceMetrics,
    clock: SharedClock,
    bucket: Mutex<Bucket>,
    bodies: Semaphore,
}

impl Webhook {
    /// Receives webhooks about `followed` and passes them on to `requests`.
    pub fn new(
        secret: Secret,
        followed: Target,
        requests: Arc<Requests>,
        metrics: SourceMetrics,
        clock: SharedClock,
    ) -> Self {
        let bucket = Mutex::new(Bucket { level: BURST * REFILL, at: clock.now() });
        let bodies = Semaphore::new(MOST_BODIES);
        Self { secret, followed, requests, metrics, clock, bucket, bodies }
    }

    /// The route, at [`PATH`]. It proves its requests itself and needs no sign-in.
    pub fn router(self) -> Router {
        Router::new().route(PATH, post(receive)).with_state(Arc::new(self))
    }

    async fn judge(&self, headers: &HeaderMap, body: Body) -> Answer {
        // Requests that wait here hold no memory but their own headers.
        let Ok(_turn) = self.bodies.acquire().await else { return Answer::Unreadable };
        let body = match tokio::time::timeout(BODY_TIME, to_bytes(body, LARGEST_BODY)).await {
            Ok(Ok(body)) => body,
            Ok(Err(_)) => return Answer::TooLarge,
            Err(_) => return Answer::TooSlow,
        };
        if !self.secret.is_proven(headers, &body) {
            return Answer::NotProven;
        }
        match read(&body, &self.followed) {
            Wish::Unreadable => Answer::Unreadable,
            Wish::Nothing => Answer::Nothing,
            Wish::Look if self.requests.is_pending() => Answer::Requested { news: false },
            Wish::Look => {
                let now = self.clock.now();
                let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
                match bucket.take(now) {
                    Ok(()) => Answer::Requested { news: self.requests.ask() },
                    Err(wait) => Answer::TooMany { seconds: wait.unsigned_abs().div_ceil(1000) },
                }
            }
        }
    }
}

/// The handler, for who mounts it at [`PATH`].
pub async fn receive(State(webhook): State<Arc<Webhook>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let answer = webhook.judge(&parts.headers, body).await;
    webhook.metrics.answered(answer.status().as_u16());
    tracing::debug!(?answer, "webhook answered");
    answer.into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millisecond: i64) -> Timestamp {
        Timestamp::from_millisecond(millisecond).unwrap()
    }

    #[test]
    fn a_burst_is_taken_and_then_one_look_per_period() {
        let mut bucket = Bucket { level: BURST * REFILL, at: at(0) };
        for _ in 0..BURST {
            assert_eq!(bucket.take(at(0)), Ok(()));
        }
        assert_eq!(bucket.take(at(4_000)), Err(6_000));
        assert_eq!(bucket.take(at(10_000)), Ok(()));
        assert_eq!(bucket.take(at(10_000)), Err(10_000));
        // A clock that was set back refills nothing, and takes nothing either.
        assert_eq!(bucket.take(at(0)), Err(10_000));
        assert_eq!(bucket.take(at(1_000_000)), Ok(()));
        assert_eq!(bucket.level, (BURST - 1) * REFILL);
    }

    #[test]
    fn many_requests_before_a_look_are_one() {
        let requests = Requests::default();
        assert!(requests.ask());
        assert!(!requests.ask());
        requests.begun();
        assert!(requests.ask());
    }

    #[test]
    fn only_the_followed_branch_asks_for_a_look() {
        let followed = Target::branch("main");
        assert_eq!(read(br#"{"ref":"refs/heads/main","x":[1]}"#, &followed), Wish::Look);
        assert_eq!(read(br#"{"ref":"refs/heads/main2"}"#, &followed), Wish::Nothing);
        assert_eq!(read(br#"{"zen":"Keep it simple."}"#, &followed), Wish::Nothing);
        assert_eq!(read(b"payload=%7B%7D", &followed), Wish::Unreadable);
        assert_eq!(read(br#"{"ref":7}"#, &followed), Wish::Unreadable);
    }
}

//! What monitors call, beside the page: alerts, signed messages, heartbeats.
//!
//! | path | who | proof |
//! | --- | --- | --- |
//! | `POST /detect/alertmanager` | Alertmanager, version 4 of its webhook | API token with `status.signal` |
//! | `POST /detect/webhook/NAME` | programs | Standard Webhooks signature, not older than 5 minutes |
//! | `GET`, `POST /beat/SECRET` | hearts | the address |

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use lotse_core::time::{SignedDuration, Timestamp};
use serde_json::json;

use super::desk::{Detector, Taken};
use super::sources;
use super::web::SIGNAL;
use crate::error::Error;
use crate::site::LARGEST_BODY;

/// How far the clock of a sender may be from ours.
const WINDOW: SignedDuration = SignedDuration::from_mins(5);

/// What monitors call; to be merged into the router of the page.
pub fn router(detector: &Arc<Detector>) -> Router {
    Router::new()
        .route("/detect/alertmanager", post(alertmanager))
        .route("/detect/webhook/{name}", post(webhook))
        .route("/beat/{secret}", get(beat).post(beat))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(detector.clone())
}

async fn alertmanager(
    State(detector): State<Arc<Detector>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Error> {
    let now = detector.desk().clock().now();
    let unknown = Error::Unauthorized { reason: "an API token with status.signal is needed" };
    let Some(token) = headers.get(header::AUTHORIZATION) else { return Err(unknown) };
    let known = lotse_web::auth::identify_token(detector.desk().store(), now, token).await;
    let identity = known.map_err(|_| unknown)?;
    if !identity.scopes.iter().any(|scope| scope == SIGNAL.name) {
        return Err(Error::Forbidden { reason: "the token does not carry status.signal" });
    }
    let signals = sources::alertmanager(&body, &detector.detection().alertmanager, now)?;
    Ok(said(detector.take(&signals, None).await?))
}

async fn webhook(
    State(detector): State<Arc<Detector>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Error> {
    // Who does not know the secret does not learn which names there are either.
    let refused = || Error::Unauthorized { reason: "the signature is not that of a known sender" };
    let word = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let id = word("webhook-id").filter(|id| (1..=200).contains(&id.len())).ok_or_else(refused)?;
    let second: i64 =
        word("webhook-timestamp").and_then(|text| text.parse().ok()).ok_or_else(refused)?;
    let signature = word("webhook-signature").ok_or_else(refused)?;
    let key = detector.secrets().webhook(&name).ok_or_else(refused)?;
    if !key.verifies(signature, id, second, &body) {
        return Err(refused());
    }
    let now = detector.desk().clock().now();
    let is_fresh = |at: Timestamp| now.duration_since(at).abs() <= WINDOW;
    if !Timestamp::from_second(second).is_ok_and(is_fresh) {
        return Err(Error::Unauthorized { reason: "the message is too old, or from the future" });
    }
    let signals = sources::webhook(&name, &body, now)?;
    let message = format!("{name}\n{id}");
    Ok(said(detector.take(&signals, Some(&message)).await?))
}

fn said(taken: Taken) -> Response {
    let body = json!({ "taken": taken.signals, "unknown": taken.unknown });
    (StatusCode::ACCEPTED, Json(body)).into_response()
}

async fn beat(
    State(detector): State<Arc<Detector>>,
    Path(secret): Path<String>,
) -> Result<Response, Error> {
    if detector.beat(&secret).await? {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Err(Error::NotFound { what: "heartbeat", name: "of this address".to_owned() })
}

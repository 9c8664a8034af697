//! Doing a write once, however often it is asked for (draft-ietf-httpapi-idempotency-key-header).
//!
//! The key belongs to whoever sends it. The same key with the same request is answered as before;
//! with another request, or while the first one is under way, it is refused (409; the draft
//! proposes 422 for the former, which would say that the document cannot be read). Only successes are
//! kept: what was refused may be asked for again.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use lotse_core::time::{SignedDuration, Timestamp};
use lotse_store::answer::AnswerClaim;
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::IntoParams;

use crate::access::Identity;
use crate::problem::Problem;
use crate::shell::Shell;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that an answer is a repetition.
const REPEATED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// The longest key.
const LONGEST: usize = 255;
/// How long an answer is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(24);
/// How long a process that died keeps a key from being used.
const PATIENCE: SignedDuration = SignedDuration::from_mins(1);

/// The header, for the description of the API.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code, reason = "read by the description of the API only")]
pub struct KeyParameter {
    /// A word of your own. A request with the same word is done once, however often it is sent.
    #[param(rename = "Idempotency-Key", max_length = 255, pattern = "^[!-~]+$")]
    idempotency_key: Option<String>,
}

/// A request that is to be done once, if it has a key.
#[derive(Debug)]
pub struct Request {
    actor: String,
    key: Option<String>,
    fingerprint: String,
}

impl Request {
    /// Reads the key; `operation` and the document tell requests apart.
    pub fn read(
        identity: &Arc<Identity>,
        headers: &HeaderMap,
        operation: &str,
        document: &impl Serialize,
    ) -> Result<Self, Problem> {
        let key = match headers.get(KEY).map(HeaderValue::to_str) {
            None => None,
            Some(Ok(key)) if is_key(key) => Some(key.to_owned()),
            Some(_) => {
                return Err(Problem::new(StatusCode::BAD_REQUEST, "the key cannot be used")
                    .detail(format!(
                        "Idempotency-Key must be 1 to {LONGEST} visible ASCII characters"
                    )));
            }
        };
        let mut hasher = Sha256::new_with_prefix(operation);
        hasher.update([0]);
        hasher.update(serde_json::to_vec(document).unwrap_or_default());
        let fingerprint = hex::encode(hasher.finalize());
        Ok(Self { actor: identity.actor(), key, fingerprint })
    }
}

fn is_key(key: &str) -> bool {
    (1..=LONGEST).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
}

/// What a write is answered.
#[derive(Debug)]
pub struct Answer {
    status: StatusCode,
    body: String,
    kept: String,
}

impl Answer {
    /// This document.
    pub fn of(status: StatusCode, document: &impl Serialize) -> Self {
        let body = serde_json::to_string(document).unwrap_or_default();
        Self { status, kept: body.clone(), body }
    }

    /// A repetition is answered with this document instead.
    #[must_use]
    pub fn kept_as(self, document: &impl Serialize) -> Self {
        Self { kept: serde_json::to_string(document).unwrap_or_default(), ..self }
    }
}

/// Does the work, or answers as it was answered.
pub async fn only(
    shell: &Shell,
    request: Request,
    work: impl Future<Output = Result<Answer, Problem>> + Send,
) -> Result<Response, Problem> {
    let Some(key) = &request.key else {
        let answer = work.await?;
        return Ok(json(answer.status, answer.body));
    };
    let (store, clock) = (&shell.gate.store, &shell.gate.clock);
    let name = (request.actor.as_str(), key.as_str());
    let later = |length| clock.now().saturating_add(length).unwrap_or(Timestamp::MAX);
    let claim = store.answer_claim(name, &request.fingerprint, later(PATIENCE), clock.now()).await;
    match claim.map_err(|error| Problem::of_store(&error))? {
        AnswerClaim::Ours => {}
        AnswerClaim::Answered { status, body } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
            let mut response = json(status, body);
            response.headers_mut().insert(REPEATED, HeaderValue::from_static("true"));
            return Ok(response);
        }
        AnswerClaim::UnderWay => {
            return Err(Problem::new(StatusCode::CONFLICT, "this request is under way")
                .detail("ask again with the same key")
                .header(header::RETRY_AFTER, "1"));
        }
        AnswerClaim::Other => {
            return Err(Problem::new(
                StatusCode::CONFLICT,
                "this key was used for another request",
            ));
        }
    }
    let kept = match work.await {
        Ok(answer) => {
            let status = answer.status.as_u16();
            store.answer_keep(name, status, &answer.kept, later(KEPT)).await.map(|()| Ok(answer))
        }
        Err(problem) => store.answer_give_up(name).await.map(|()| Err(problem)),
    };
    let answer = kept.map_err(|error| Problem::of_store(&error))??;
    Ok(json(answer.status, answer.body))
}

fn json(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_visible_and_short() {
        assert!(is_key("a") && is_key(&"~".repeat(LONGEST)));
        for bad in ["", "a b", "ä", "a\t", &"a".repeat(LONGEST + 1)] {
            assert!(!is_key(bad), "{bad:?}");
        }
    }
}

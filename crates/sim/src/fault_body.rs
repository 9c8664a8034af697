//! Error bodies as Nova and Cinder write them: `{"itemNotFound": {"code": 404, "message": "…"}}`.
//!
//! Both services come from one ancestor and kept its names for errors. What the middleware in front of
//! them refuses (no valid token) looks otherwise, the same for Nova, Neutron, Cinder and Placement.

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use serde_json::json;

/// A request that Nova or Cinder refuses.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Fault {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
    /// Seconds after which to try again.
    pub(crate) retry_after: Option<u64>,
}

impl Fault {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), retry_after: None }
    }

    /// 400.
    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// 403 of a policy rule, for example `os_compute_api:os-services:list`.
    pub(crate) fn policy(rule: &str) -> Self {
        let text = format!("Policy doesn't allow {rule} to be performed.");
        Self::new(StatusCode::FORBIDDEN, text)
    }

    /// 404.
    pub(crate) fn missing(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// 409.
    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, message)
    }

    /// The name under which a status is reported.
    const fn name(status: StatusCode) -> &'static str {
        match status {
            StatusCode::BAD_REQUEST => "badRequest",
            StatusCode::UNAUTHORIZED => "unauthorized",
            StatusCode::FORBIDDEN => "forbidden",
            StatusCode::NOT_FOUND => "itemNotFound",
            StatusCode::METHOD_NOT_ALLOWED => "badMethod",
            StatusCode::CONFLICT => "conflictingRequest",
            StatusCode::PAYLOAD_TOO_LARGE | StatusCode::TOO_MANY_REQUESTS => "overLimit",
            StatusCode::UNSUPPORTED_MEDIA_TYPE => "badMediaType",
            StatusCode::NOT_IMPLEMENTED => "notImplemented",
            StatusCode::SERVICE_UNAVAILABLE => "serviceUnavailable",
            _ => "computeFault",
        }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let name = Self::name(self.status);
        let mut body = json!({name: {"code": self.status.as_u16(), "message": self.message}});
        if let Some(seconds) = self.retry_after {
            body[name]["retryAfter"] = json!(seconds.to_string());
        }
        let mut answer = (self.status, axum::Json(body)).into_response();
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=UTF-8"));
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        answer
    }
}

/// 401 of the middleware that checks tokens in front of every service but Keystone and Glance.
pub(crate) fn unauthenticated(base: &str) -> Response {
    let body = json!({"error": {
        "code": 401,
        "title": "Unauthorized",
        "message": "The request you have made requires authentication.",
    }});
    let mut answer = (StatusCode::UNAUTHORIZED, axum::Json(body)).into_response();
    let uri = format!("Keystone uri=\"{base}{}\"", crate::keystone::MOUNT);
    if let Ok(value) = HeaderValue::from_str(&uri) {
        answer.headers_mut().insert(http::header::WWW_AUTHENTICATE, value);
    }
    answer
}

//! Error bodies as Barbican writes them: `{"code": 404, "title": "Not Found", "description": "…"}`.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;

/// A request that Barbican refuses.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Refused {
    status: StatusCode,
    description: String,
}

impl Refused {
    pub(crate) fn new(status: StatusCode, description: impl Into<String>) -> Self {
        Self { status, description: description.into() }
    }

    /// 400.
    pub(crate) fn bad(description: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, description)
    }

    /// 400 of what came up while something was done, for example `Secret update`.
    pub(crate) fn issue(status: StatusCode, doing: &str, reason: &str) -> Self {
        Self::new(status, format!("{doing} issue seen - {reason}."))
    }

    /// 400 of a body that breaks a rule of its schema.
    pub(crate) fn schema(schema: &str, reason: &str, property: &str) -> Self {
        Self::bad(format!(
            "Provided object does not match schema '{schema}': {reason}. Invalid property: \
             '{property}'"
        ))
    }

    /// 403 of a policy.
    pub(crate) fn policy(doing: &str) -> Self {
        let text =
            format!("{doing} attempt not allowed - please review your user/project privileges");
        Self::new(StatusCode::FORBIDDEN, text)
    }

    /// 404.
    pub(crate) fn missing(description: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, description)
    }

    /// 409.
    pub(crate) fn conflict(description: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, description)
    }

    /// 406, about which Barbican says nothing.
    pub(crate) fn not_acceptable() -> Response {
        let body = json!({"code": 406, "title": "Not Acceptable", "description": null});
        (StatusCode::NOT_ACCEPTABLE, Json(body)).into_response()
    }

    /// 413 of a secret that is too long.
    pub(crate) fn too_long() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "Provided information too large to process")
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let title = match self.status {
            StatusCode::PAYLOAD_TOO_LARGE => "Request Entity Too Large",
            status => status.canonical_reason().unwrap_or("Error"),
        };
        let body = json!({
            "code": self.status.as_u16(),
            "title": title,
            "description": self.description,
        });
        (self.status, Json(body)).into_response()
    }
}

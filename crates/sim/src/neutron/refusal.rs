//! Neutron's error bodies: `{"NeutronError": {"type": "…", "message": "…", "detail": ""}}`.
//!
//! The type is the name of Neutron's exception; clients tell errors apart by it.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;

/// A request that Neutron refuses.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) kind: &'static str,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, message: message.into() }
    }

    /// 400 of the checks of a body.
    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "HTTPBadRequest", message)
    }

    /// 400 of this type.
    pub(crate) fn wrong(kind: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, kind, message)
    }

    /// 400 of what the service itself finds wrong.
    pub(crate) fn input(reason: &str) -> Self {
        Self::wrong("InvalidInput", format!("Invalid input for operation: {reason}."))
    }

    /// 400 of a value that its attribute may not have.
    pub(crate) fn value(attribute: &str, reason: &str) -> Self {
        Self::bad(format!("Invalid input for {attribute}. Reason: {reason}."))
    }

    /// 404 of this type.
    pub(crate) fn missing(kind: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, kind, message)
    }

    /// 404 of a path, or of something that the caller may not know of.
    pub(crate) fn nowhere() -> Self {
        Self::missing("HTTPNotFound", "The resource could not be found.")
    }

    /// 409 of this type.
    pub(crate) fn conflict(kind: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, kind, message)
    }

    /// 500 where Neutron itself stumbles.
    pub(crate) fn internal() -> Self {
        let text = "Request Failed: internal server error while processing your request.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "HTTPInternalServerError", text)
    }

    /// 403 of a rule of the policy, for example `rule:create_network`.
    pub(crate) fn policy(rule: &str) -> Self {
        let text = format!("{rule} is disallowed by policy");
        Self::new(StatusCode::FORBIDDEN, "PolicyNotAuthorized", text)
    }

    /// 409 of a quota.
    pub(crate) fn over_quota(resource: &str) -> Self {
        Self::conflict("OverQuota", format!("Quota exceeded for resources: ['{resource}']."))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({"NeutronError": {
            "type": self.kind,
            "message": self.message,
            "detail": "",
        }});
        (self.status, axum::Json(body)).into_response()
    }
}

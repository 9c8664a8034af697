//! Octavia's error bodies: `{"faultcode": "Client", "faultstring": "…", "debuginfo": null}`.
//!
//! What is refused before a handler is reached looks otherwise: see [`early`](super::early).

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Value, json};

use super::early::Early;

/// A request that Octavia refuses.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
    /// Whether the web framework refuses it.
    early: bool,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), early: false }
    }

    /// 400.
    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// 400 of the web framework.
    pub(crate) fn early(message: impl Into<String>) -> Self {
        Self { early: true, ..Self::bad(message) }
    }

    /// 400 of the service's own checks.
    pub(crate) fn invalid(detail: impl std::fmt::Display) -> Self {
        Self::bad(format!("Validation failure: {detail}"))
    }

    /// 400 of a value that an option may not have.
    pub(crate) fn option(value: impl std::fmt::Display, option: &str) -> Self {
        Self::bad(format!("{value} is not a valid option for {option}"))
    }

    /// 400 of a field that the body got wrong.
    pub(crate) fn field(name: &str, value: impl std::fmt::Display, problem: &str) -> Self {
        Self::bad(format!("Invalid input for field/attribute {name}. Value: '{value}'. {problem}"))
    }

    /// 403.
    pub(crate) fn forbidden() -> Self {
        let text = "Policy does not allow this request to be performed.";
        Self::new(StatusCode::FORBIDDEN, text)
    }

    /// 403 of a quota.
    pub(crate) fn quota(resource: &str) -> Self {
        let text = format!("Quota has been met for resources: {resource}");
        Self::new(StatusCode::FORBIDDEN, text)
    }

    /// 404.
    pub(crate) fn missing(resource: &str, id: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("{resource} {id} not found."))
    }

    /// 400 of something the body names that does not exist.
    pub(crate) fn dangling(resource: &str, id: &str) -> Self {
        Self::bad(format!("{resource} {id} not found."))
    }

    /// 409.
    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, message)
    }

    /// 409 of something that is being changed already.
    pub(crate) fn immutable(resource: &str, id: &str) -> Self {
        Self::conflict(format!("{resource} {id} is immutable and cannot be updated."))
    }

    /// 409 of something that others need.
    pub(crate) fn in_use(object: &str, id: &str) -> Self {
        Self::conflict(format!("{object} {id} is in use and cannot be modified."))
    }

    /// 500.
    pub(crate) fn server(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    }

    /// 500 of what went wrong in a provider.
    pub(crate) fn provider(provider: &str, problem: &str) -> Self {
        Self::server(format!("Provider '{provider}' reports error: {problem}"))
    }

    /// 501 of something a provider never does.
    pub(crate) fn action(provider: &str, problem: &str) -> Self {
        let text = format!("Provider '{provider}' does not support a requested action: {problem}");
        Self::new(StatusCode::NOT_IMPLEMENTED, text)
    }

    /// 501 of something a provider does not do so.
    pub(crate) fn unsupported(provider: &str, problem: &str) -> Self {
        let text = format!("Provider '{provider}' does not support a requested option: {problem}");
        Self::new(StatusCode::NOT_IMPLEMENTED, text)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        if self.early {
            return Early::refused(self.status, self.message).into_response();
        }
        let code = if self.status.is_server_error() { "Server" } else { "Client" };
        let body = json!({
            "faultcode": code,
            "faultstring": self.message,
            "debuginfo": Value::Null,
        });
        (self.status, axum::Json(body)).into_response()
    }
}

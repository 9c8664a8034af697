//! Errors as the compatible API says them: `{"message": …}`.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use lotse_core::error::chain;
use serde_json::json;

use crate::error::Error;

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status()).unwrap_or(StatusCode::BAD_REQUEST);
        if status.is_server_error() {
            // What the database says is for the operator, not for the internet.
            tracing::error!(error = chain(&self), "a request could not be answered");
        }
        let mut response = (status, Json(json!({ "message": self.to_string() }))).into_response();
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}

/// What is not there.
pub(crate) async fn not_found() -> Error {
    Error::NotFound { what: "page or operation", name: "here".to_owned() }
}

/// What is there, and not done in this way.
pub(crate) async fn method_not_allowed() -> Response {
    let message = json!({ "message": "this method is not allowed here" });
    (StatusCode::METHOD_NOT_ALLOWED, Json(message)).into_response()
}

//! Errors of the JSON API as problem+json (RFC 9457).

use std::any::Any;

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use lotse_core::error::{Explain, chain};

/// One error answer.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Problem {
    #[serde(skip)]
    code: StatusCode,
    status: u16,
    title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hints: Vec<String>,
}

impl Problem {
    /// A problem with this status; the title is the same for every occurrence.
    pub fn new(code: StatusCode, title: impl Into<String>) -> Self {
        Self { code, status: code.as_u16(), title: title.into(), detail: None, hints: Vec::new() }
    }

    /// Says what is special about this occurrence.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// The problem that an error of any crate stands for.
    pub fn of(error: &dyn Explain) -> Self {
        let code = StatusCode::from_u16(error.kind().http_status())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut problem = Self::new(code, error.to_string()).detail(chain(error));
        problem.hints = error.hints();
        problem
    }
}

impl From<Problem> for Response {
    fn from(problem: Problem) -> Self {
        problem.into_response()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_string(&self).unwrap_or_default();
        let media = HeaderValue::from_static("application/problem+json");
        (self.code, [(header::CONTENT_TYPE, media)], body).into_response()
    }
}

pub(crate) async fn not_found(request: Request) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no such page").detail(format!(
        "there is nothing at {}; /api/v1 lists what there is",
        request.uri().path()
    ))
}

pub(crate) async fn method_not_allowed(request: Request) -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method not allowed").detail(format!(
        "{} cannot be done to {}",
        request.method(),
        request.uri().path()
    ))
}

pub(crate) fn panicked(_panic: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("a handler panicked; this is a defect of Lotse");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal error")
        .detail("this is a defect of Lotse; the log of the daemon has more")
        .into_response()
}

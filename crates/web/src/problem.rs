//! Errors of the JSON API as problem+json (RFC 9457).
//!
//! Handlers of pages answer with the same problems; `crate::pages::errors` turns them into a page
//! for whoever asked as a browser does.

use std::any::Any;

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
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
    #[serde(skip)]
    headers: Vec<(HeaderName, String)>,
}

impl Problem {
    /// A problem with this status; the title is the same for every occurrence.
    pub fn new(code: StatusCode, title: impl Into<String>) -> Self {
        Self {
            code,
            status: code.as_u16(),
            title: title.into(),
            detail: None,
            hints: Vec::new(),
            headers: Vec::new(),
        }
    }

    /// The HTTP status.
    pub const fn status(&self) -> StatusCode {
        self.code
    }

    /// The title, the detail and the hints, for pages.
    pub(crate) fn words(&self) -> (&str, Option<&str>, &[String]) {
        (&self.title, self.detail.as_deref(), &self.hints)
    }

    /// Adds a field to the answer.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// Says what is special about this occurrence.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// The problem that a failing state is. What exactly is wrong with it is for the log.
    pub fn of_store(error: &lotse_store::Error) -> Self {
        tracing::error!(error = chain(error), "a request failed because of the state");
        let code = StatusCode::from_u16(error.kind().http_status())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self::new(code, "the state of the daemon cannot be used")
            .detail("try again in a moment; the log of the daemon has more")
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
        let mut response = (self.code, [(header::CONTENT_TYPE, media)], body).into_response();
        for (name, value) in &self.headers {
            if let Ok(value) = HeaderValue::from_str(value) {
                response.headers_mut().insert(name, value);
            }
        }
        response.extensions_mut().insert(self);
        response
    }
}

pub(crate) async fn not_found(request: Request) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no such page").detail(format!(
        "there is nothing at {}; /api/v1 lists what there is",
        crate::text::shown(request.uri().path(), 200)
    ))
}

pub(crate) async fn method_not_allowed(request: Request) -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method not allowed").detail(format!(
        "{} cannot be done to {}",
        request.method(),
        crate::text::shown(request.uri().path(), 200)
    ))
}

pub(crate) fn panicked(_panic: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("a handler panicked; this is a defect of Lotse");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal error")
        .detail("this is a defect of Lotse; the log of the daemon has more")
        .into_response()
}

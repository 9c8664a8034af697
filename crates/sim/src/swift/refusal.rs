//! Answers with a page: errors, and what has been accepted.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};

/// A request that Swift refuses.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Refused {
    status: StatusCode,
    /// Instead of the page that goes with the status.
    text: Option<(String, &'static str)>,
    /// Methods that there are (405).
    allow: Option<&'static str>,
}

const HTML: &str = "text/html; charset=UTF-8";

impl Refused {
    pub(crate) const fn new(status: StatusCode) -> Self {
        Self { status, text: None, allow: None }
    }

    /// With a text instead of the page, still called a page.
    pub(crate) fn saying(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, text: Some((text.into(), HTML)), allow: None }
    }

    /// 400 in plain text.
    pub(crate) fn bad(text: impl Into<String>) -> Self {
        let text = Some((text.into(), "text/plain"));
        Self { status: StatusCode::BAD_REQUEST, text, allow: None }
    }

    /// 411 of an object whose length is not said before.
    pub(crate) fn without_length() -> Self {
        let text = "Missing Content-Length header.".to_owned();
        Self { status: StatusCode::LENGTH_REQUIRED, text: Some((text, "text/plain")), allow: None }
    }

    pub(crate) const fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND)
    }

    /// 405.
    pub(crate) const fn method(allow: &'static str) -> Self {
        Self { status: StatusCode::METHOD_NOT_ALLOWED, text: None, allow: Some(allow) }
    }
}

/// What pages say below their title.
const fn explanation(status: StatusCode) -> &'static str {
    match status {
        StatusCode::ACCEPTED => "The request is accepted for processing.",
        StatusCode::BAD_REQUEST => {
            "The server could not comply with the request since it is either malformed or \
             otherwise incorrect."
        }
        StatusCode::UNAUTHORIZED => {
            "This server could not verify that you are authorized to access the document you \
             requested."
        }
        StatusCode::FORBIDDEN => "Access was denied to this resource.",
        StatusCode::NOT_FOUND => "The resource could not be found.",
        StatusCode::METHOD_NOT_ALLOWED => "The method is not allowed for this resource.",
        StatusCode::NOT_ACCEPTABLE => {
            "The resource is not available in a format acceptable to your browser."
        }
        StatusCode::CONFLICT => "There was a conflict when trying to complete your request.",
        StatusCode::PRECONDITION_FAILED => "A precondition for this request was not met.",
        StatusCode::PAYLOAD_TOO_LARGE => "The body of your request was too large for this server.",
        StatusCode::RANGE_NOT_SATISFIABLE => "The Range requested is not available.",
        StatusCode::UNPROCESSABLE_ENTITY => "Unable to process the contained instructions",
        StatusCode::INTERNAL_SERVER_ERROR => {
            "The server has either erred or is incapable of performing the requested operation."
        }
        StatusCode::NOT_IMPLEMENTED => "The requested method is not implemented by this server.",
        StatusCode::BAD_GATEWAY => "Bad gateway.",
        StatusCode::GATEWAY_TIMEOUT => "A timeout has occurred speaking to a backend server.",
        _ => "The server is currently unavailable. Please try again at a later time.",
    }
}

/// The page of a status.
fn html(status: StatusCode) -> String {
    let title = match status {
        StatusCode::PAYLOAD_TOO_LARGE => "Request Entity Too Large",
        StatusCode::RANGE_NOT_SATISFIABLE => "Requested Range Not Satisfiable",
        StatusCode::INTERNAL_SERVER_ERROR => "Internal Error",
        status => status.canonical_reason().unwrap_or("Error"),
    };
    format!("<html><h1>{title}</h1><p>{}</p></html>", explanation(status))
}

/// An answer that is a page.
pub(crate) fn page(status: StatusCode) -> Response {
    let mut answer = Response::new(Body::from(html(status)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(HTML));
    answer
}

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Response {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(HTML));
    answer
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut answer = page(self.status);
        if let Some((text, kind)) = self.text {
            *answer.body_mut() = Body::from(text);
            answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        if let Some(allow) = self.allow {
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
        }
        answer
    }
}

/// 401: of the account, and of the middleware that knows Keystone.
pub(crate) fn unauthorized(base: &str, account: &str) -> Response {
    let mut answer = page(StatusCode::UNAUTHORIZED);
    let challenges = [
        format!("Swift realm=\"{account}\""),
        format!("Keystone uri=\"{base}{}\"", crate::keystone::MOUNT),
    ];
    for challenge in challenges {
        if let Ok(challenge) = HeaderValue::from_str(&challenge) {
            answer.headers_mut().append(WWW_AUTHENTICATE, challenge);
        }
    }
    answer
}

//! Keystone's error bodies.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::json;

/// `max_request_body_size` of oslo.middleware.
pub(crate) const MAX_BODY: usize = 114_688;

/// A request that Keystone refuses.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Refusal {
    status: StatusCode,
    message: String,
    /// Whether the error shows an (empty) `identity`, as failures of sign-in plugins do.
    with_identity: bool,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), with_identity: false }
    }

    /// 401, always with the same words, so that nothing can be learnt from them.
    pub(crate) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "The request you have made requires authentication.")
    }

    /// 401 of an application credential that asks for a scope.
    pub(crate) fn scope_of_credential() -> Self {
        let text = "Error authenticating with application credential: Application credentials \
                    cannot request a scope.";
        Self { with_identity: true, ..Self::new(StatusCode::UNAUTHORIZED, text) }
    }

    /// 403 for an action named as in the policy, for example `list_projects`.
    pub(crate) fn forbidden(action: &str) -> Self {
        let text =
            format!("You are not authorized to perform the requested action: identity:{action}.");
        Self::new(StatusCode::FORBIDDEN, text)
    }

    /// 403 without a word on what.
    pub(crate) fn forbidden_plainly() -> Self {
        let text = "You are not authorized to perform the requested action.";
        Self::new(StatusCode::FORBIDDEN, text)
    }

    /// 403 with a sentence in place of the action.
    pub(crate) fn forbidden_because(reason: &str) -> Self {
        let text = format!("You are not authorized to perform the requested action: {reason}.");
        Self::new(StatusCode::FORBIDDEN, text)
    }

    /// 404 of a token that is no valid one.
    pub(crate) fn no_token(token: &str) -> Self {
        let looks_like_one = token.starts_with("gAAAA");
        let text = if looks_like_one {
            "Failed to validate token"
        } else {
            "Could not recognize Fernet token"
        };
        Self::new(StatusCode::NOT_FOUND, text)
    }

    pub(crate) fn not_found(kind: &str, id: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("Could not find {kind}: {id}."))
    }

    pub(crate) fn conflict(kind: &str, detail: &str) -> Self {
        let text = format!("Conflict occurred attempting to store {kind} - {detail}.");
        Self::new(StatusCode::CONFLICT, text)
    }

    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// 400 of the schema check for a property that is missing.
    pub(crate) fn missing(property: &str) -> Self {
        Self::bad(format!("'{property}' is a required property"))
    }

    /// 400 for a body or header that is not what it should be.
    pub(crate) fn malformed(expected: &str, place: &str) -> Self {
        Self::bad(format!(
            "Expecting to find {expected} in {place}. The server could not comply with the request \
             since it is either malformed or otherwise incorrect. The client is assumed to be in \
             error."
        ))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        if self.status == StatusCode::PAYLOAD_TOO_LARGE {
            return too_large();
        }
        let title = self.status.canonical_reason().unwrap_or("Error");
        let mut body = json!({"error": {
            "code": self.status.as_u16(),
            "message": self.message,
            "title": title,
        }});
        if self.with_identity {
            body["error"]["identity"] = json!({});
        }
        (self.status, axum::Json(body)).into_response()
    }
}

/// The page of oslo.middleware, which looks at the size of bodies before Keystone does.
fn too_large() -> Response {
    const TITLE: &str = "413 Request Entity Too Large";
    let page = format!(
        "<html>\n <head>\n  <title>{TITLE}</title>\n </head>\n <body>\n  <h1>{TITLE}</h1>\n  \
         Request is too large. Larger than max_request_body_size ({MAX_BODY}).<br /><br />\n\n\n\n \
         </body>\n</html>"
    );
    let kind = [(CONTENT_TYPE, "text/html; charset=UTF-8")];
    (StatusCode::PAYLOAD_TOO_LARGE, kind, page).into_response()
}

//! Answers to webhooks; refusals are problem+json (RFC 9457), as everywhere in Lotse.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// The answer to a webhook.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Answer {
    /// A look is requested; `news` if it was not yet.
    Requested {
        /// Whether this request was the first since the last look.
        news: bool,
    },
    /// It does not concern us.
    Nothing,
    /// The sender does not know the secret.
    NotProven,
    /// The body is not JSON.
    Unreadable,
    /// The body is too large.
    TooLarge,
    /// The body did not arrive in time.
    TooSlow,
    /// Too many looks were asked for.
    TooMany {
        /// When to try again.
        seconds: u64,
    },
}

impl Answer {
    /// The status of HTTP.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Requested { .. } => StatusCode::ACCEPTED,
            Self::Nothing => StatusCode::NO_CONTENT,
            Self::NotProven => StatusCode::UNAUTHORIZED,
            Self::Unreadable => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    /// Title and detail of a refusal.
    const fn problem(self) -> Option<(&'static str, &'static str)> {
        Some(match self {
            Self::Requested { .. } | Self::Nothing => return None,
            Self::NotProven => (
                "signature wrong or missing",
                "the request is not signed with the secret of estate.git.webhook",
            ),
            Self::Unreadable => (
                "body not understood",
                "the body must be the JSON of a push; choose application/json in the settings of \
                 the webhook",
            ),
            Self::TooLarge => ("body too large", "the next poll sees the push all the same"),
            Self::TooSlow => ("body too slow", "the body did not arrive in time"),
            Self::TooMany { .. } => {
                ("too many requests", "the next poll sees the push all the same")
            }
        })
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let status = self.status();
        let Some((title, detail)) = self.problem() else { return status.into_response() };
        let body = serde_json::json!({
            "status": status.as_u16(),
            "title": title,
            "detail": detail,
        });
        let media = HeaderValue::from_static("application/problem+json");
        let mut response =
            (status, [(header::CONTENT_TYPE, media)], body.to_string()).into_response();
        if let Self::TooMany { seconds } = self {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

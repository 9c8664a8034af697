//! Why a request is not answered as its sender hoped.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use lotse_web::problem::Problem;

/// Why a request is refused. Nothing of it is stored then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Nobody knows who sent this, or they may not send it.
    #[error("{0}")]
    Unauthorized(&'static str),
    /// The sender is known, and may not do this.
    #[error("{0}")]
    Forbidden(&'static str),
    /// There is nothing of this name.
    #[error("there is no {0}")]
    NotFound(&'static str),
    /// The body is of a type that is not taken.
    #[error("the content type {0:?} is not taken here")]
    Media(String),
    /// The body is too large.
    #[error("an upload may have at most {0} bytes")]
    TooLarge(usize),
    /// Too many large uploads are looked at already.
    #[error("too many uploads are being read; try again in a moment")]
    Busy,
    /// The content cannot be read, or says what cannot be.
    #[error("{0}")]
    Content(String),
    /// A report of this uuid is there already.
    #[error("the report {0} is there already")]
    Duplicate(String),
    /// The state of the daemon cannot be used.
    #[error("the state of the monitor cannot be used")]
    Store(#[from] lotse_store::Error),
}

impl Refusal {
    /// The HTTP status.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Media(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Busy | Self::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Content(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Duplicate(_) => StatusCode::CONFLICT,
        }
    }

    /// The word for it in metrics.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Unauthorized(_) => "unauthorized",
            Self::Forbidden(_) => "forbidden",
            Self::NotFound(_) => "not-found",
            Self::Media(_) => "media-type",
            Self::TooLarge(_) => "too-large",
            Self::Busy => "busy",
            Self::Content(_) => "content",
            Self::Duplicate(_) => "duplicate",
            Self::Store(_) => "state",
        }
    }

    /// As an answer; programs of the upstream monitor read `detail`.
    pub fn problem(&self) -> Problem {
        if let Self::Store(error) = self {
            return Problem::of_store(error);
        }
        let status = self.status();
        let title = status.canonical_reason().unwrap_or("refused");
        let problem = Problem::new(status, title).detail(self.to_string());
        match self {
            Self::Unauthorized(_) => {
                problem.header(header::WWW_AUTHENTICATE, "Basic realm=\"reports\"")
            }
            Self::Busy => problem.header(header::RETRY_AFTER, "2"),
            _ => problem,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        self.problem().into_response()
    }
}

//! A page that nobody reads who is not signed in (`status.readers.required`).
//!
//! The doorkeeper stands before every route of both listeners. Without a session passes what a sign-in
//! needs, what looks after itself (links that hold a secret, pages of audiences), and what writes to
//! the API, where the writer is asked for. Programs read with an API token, or with what they write
//! with.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::pages::Language;
use crate::private;
use crate::readers;
use crate::session;
use crate::site::Site;
use crate::writer;

/// What passes whoever asks: style and logo, the sign-in, and what looks after itself.
const OPEN: [&str; 5] = ["/assets/", "/reader/", "/p/", "/a/", "/unsubscribe/"];

/// Where writes ask for their writer.
const API: [&str; 6] = ["components", "incidents", "impacttypes", "severities", "phases", "api"];

/// Which listener somebody stands before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entrance {
    /// That of the page, which leads browsers to the sign-in.
    Page,
    /// That of the API alone.
    Api,
}

/// Lets in whom the page is for.
pub(crate) async fn keep(
    State((site, entrance)): State<(Arc<Site>, Entrance)>,
    request: Request,
    next: Next,
) -> Response {
    if is_open(request.method(), request.uri().path()) {
        return next.run(request).await;
    }
    match is_known(&site, request.headers()).await {
        Ok(true) => private::kept_by_nobody(next.run(request).await),
        Ok(false) if entrance == Entrance::Page => {
            readers::unknown(request.method(), request.uri(), request.headers())
        }
        Ok(false) => private::kept_by_nobody(readers::nobody().into_response()),
        Err(refusal) => refusal,
    }
}

fn is_open(method: &Method, path: &str) -> bool {
    let mut segments = path.split('/').skip(1);
    let (first, second) = (segments.next().unwrap_or_default(), segments.next());
    let reads = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    OPEN.iter().any(|open| path.starts_with(open))
        // What a mail led to holds a secret as well.
        || (second == Some("subscription") && Language::of_code(first).is_some())
        || (!reads && API.contains(&first))
}

async fn is_known(site: &Site, headers: &HeaderMap) -> Result<bool, Response> {
    if let Some(token) = writer::own_token(headers) {
        return Ok(writer::identified(site, token).await.is_ok());
    }
    if readers::reader(site, headers).await?.is_some() {
        return Ok(true);
    }
    let person = session::person(site, headers).await.map_err(IntoResponse::into_response)?;
    Ok(person.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_looks_after_itself_passes() {
        let (get, post) = (&Method::GET, &Method::POST);
        for open in ["/assets/status.css", "/reader/sign-in", "/p/x/en/", "/a/staff/en/"] {
            assert!(is_open(get, open), "{open}");
        }
        assert!(!is_open(get, "/incidents/subscription"));
        assert!(is_open(get, "/en/subscription/x") && is_open(post, "/en/subscription/x/confirm"));
        assert!(is_open(post, "/incidents") && is_open(post, "/api/v1/templates/x"));
        for closed in ["/", "/en/", "/a", "/p", "/incidents", "/api/v2/summary.json", "//assets/"] {
            assert!(!is_open(get, closed), "{closed}");
        }
        assert!(!is_open(post, "/en/subscribe") && !is_open(&Method::OPTIONS, "/incidents"));
    }
}

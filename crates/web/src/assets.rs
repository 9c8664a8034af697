//! The stylesheet, and answers that have not changed since they were last asked for.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};

use crate::extension::is_api;

const STYLESHEET: &str = include_str!("../templates/lotse.css");

/// The stylesheet of all pages.
pub async fn stylesheet() -> Response {
    let headers =
        [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "max-age=600")];
    (headers, STYLESHEET).into_response()
}

/// Gives assets and answers of the API an entity tag, and answers 304 to those who have them.
///
/// Tags are weak (RFC 9110 section 8.8.1): the same content is sent compressed and plain.
pub(crate) async fn revalidate(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let tagged = request.method().is_safe() && (is_api(path) || path.starts_with("/assets/"));
    let wanted = request.headers().get(header::IF_NONE_MATCH).cloned();
    let response = next.run(request).await;
    if !tagged || response.status() != StatusCode::OK {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(body) = body.collect().await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let body = body.to_bytes();
    let sum: String = hex::encode(Sha256::digest(&body)).chars().take(32).collect();
    let Ok(tag) = HeaderValue::from_str(&format!("W/\"{sum}\"")) else {
        return Response::from_parts(parts, Body::from(body));
    };
    let known = wanted.as_ref().is_some_and(|wanted| names(wanted, &sum));
    parts.headers.insert(header::ETAG, tag);
    if is_api_answer(&parts.headers) {
        // May be kept, must be asked for again: what one person sees is not for the next one.
        let private = HeaderValue::from_static("private, no-cache");
        parts.headers.entry(header::CACHE_CONTROL).or_insert(private);
    }
    if known {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_TYPE);
        parts.headers.remove(header::CONTENT_LENGTH);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(body))
}

fn is_api_answer(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json")
}

/// Whether this `If-None-Match` names the tag.
fn names(wanted: &HeaderValue, sum: &str) -> bool {
    let Ok(wanted) = wanted.to_str() else { return false };
    wanted
        .split(',')
        .map(str::trim)
        .any(|tag| tag == "*" || tag.trim_start_matches("W/").trim_matches('"') == sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_in_a_list_weak_or_strong() {
        let names = |wanted: &'static str| names(&HeaderValue::from_static(wanted), "abc");
        assert!(names("\"abc\"") && names("\"x\", W/\"abc\"") && names("*"));
        assert!(!names("\"abcd\"") && !names(""));
    }
}

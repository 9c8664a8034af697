//! Pages of audiences behind a link that holds a secret: `/p/SECRET/…`.
//!
//! The page is the one of everybody with the audience's components on it, feeds, badges and the
//! Statuspage API included, all below the secret. Of the secret only its SHA-256 is kept. Answers are
//! kept by nobody, found by no search engine, and tell no other site where they were.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest, Sha256};
use tower::ServiceExt as _;

use crate::api::extract::Segments;
use crate::api::refusal;
use crate::site::Site;

/// Random bytes in a secret.
const LENGTH: usize = 24;

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new().route("/p/{secret}/{*rest}", get(page)).route("/p/{secret}/", get(front))
}

/// The SHA-256 of a secret, 64 hexadecimal digits.
pub fn sum(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

/// A secret that nobody guesses.
///
/// # Errors
/// The machine has no randomness.
pub fn fresh() -> Result<String, crate::Error> {
    let mut bytes = [0; LENGTH];
    let filled = ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes);
    filled.map_err(|_| crate::Error::invalid("secret", "this machine has no randomness"))?;
    Ok(hex::encode(bytes))
}

async fn page(
    State(site): State<Arc<Site>>,
    Segments(secret, _): Segments,
    request: Request,
) -> Response {
    below(&site, &secret, request).await
}

async fn front(
    State(site): State<Arc<Site>>,
    crate::api::extract::Segment(secret): crate::api::extract::Segment,
    request: Request,
) -> Response {
    below(&site, &secret, request).await
}

async fn below(site: &Arc<Site>, secret: &str, request: Request) -> Response {
    let (whole, sum) = (site.desk().whole(), sum(secret));
    let audiences = &mut whole.book().audiences.values();
    let Some(audience) = audiences.find(|one| one.secret.as_ref() == Some(&sum)) else {
        return refusal::not_found().await.into_response();
    };
    shown(site, &audience.name, &format!("/p/{secret}"), request).await
}

/// The page of an audience below `root`, which the address of the request begins with.
pub(crate) async fn shown(
    site: &Arc<Site>,
    audience: &str,
    root: &str,
    mut request: Request,
) -> Response {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let rest = path.strip_prefix(root).and_then(|rest| rest.parse::<Uri>().ok());
    let Some(rest) = rest else { return refusal::not_found().await.into_response() };
    *request.uri_mut() = rest;
    request.extensions_mut().clear();
    let answered = site.page_of(audience, root).oneshot(request).await;
    kept_by_nobody(answered.unwrap_or_else(|never| match never {}))
}

/// The answer for its reader alone: asked for anew each time, found by no search engine, and no other
/// site is told where it was.
pub(crate) fn kept_by_nobody(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "private, no-cache"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

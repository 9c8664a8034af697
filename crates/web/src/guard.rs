//! What stands before every handler: request ids, security headers, host names.
//!
//! A page on the internet can make a browser send requests to `127.0.0.1` under the page's own host
//! name (DNS rebinding). A connection that arrived on a loopback address is therefore answered only
//! when the `Host` is a loopback name too.

use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use lotse_core::id::RunId;

use crate::listen::Peer;
use crate::problem::Problem;

/// Names our answer in our log.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const POLICY: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; \
                      img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

pub(crate) async fn protect(request: Request, next: Next) -> Response {
    let id = RunId::generate().to_string();
    let refused = foreign_host(&request);
    let mut response = match refused {
        Some(host) => Problem::new(StatusCode::MISDIRECTED_REQUEST, "foreign host name")
            .detail(format!(
                "this listener is on loopback and answers to localhost only, not to {host:?}"
            ))
            .into(),
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, value);
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// The host name that a loopback listener must not answer to, if the request has one.
fn foreign_host(request: &Request) -> Option<String> {
    let ConnectInfo(peer) = request.extensions().get::<ConnectInfo<Peer>>()?;
    if !peer.local.ip().is_loopback() {
        return None;
    }
    let host = request.headers().get(header::HOST)?.to_str().unwrap_or("?");
    let name =
        host.rsplit_once(':').filter(|(_, port)| is_port(port)).map_or(host, |(name, _)| name);
    let own = name.eq_ignore_ascii_case("localhost")
        || name == "[::1]"
        || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    (!own).then(|| host.to_owned())
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

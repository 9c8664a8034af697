//! What stands before every route: identity, origin, limits, permission.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use http_body_util::{BodyExt, Limited};

use super::Gate;
use super::limit::{Allowance, name_of};
use super::token::unauthorized;
use crate::access::{Access, Identity, Who};
use crate::console::Around;
use crate::extension::is_api;
use crate::listen::Peer;
use crate::problem::Problem;
use crate::shell::Shell;
use crate::text::encoded;

/// Where a request of the API carries the CSRF token of its session.
pub(crate) const CSRF_HEADER: &str = "x-csrf-token";
/// No form or JSON document that we take is larger.
const LARGEST_BODY: usize = 64 << 10;

/// Who is behind the request, for handlers. The gate has put it there.
#[derive(Clone, Debug)]
pub struct Caller(pub Arc<Identity>);

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let found = parts.extensions.get::<Self>().cloned();
        found.ok_or_else(|| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "a route without gate"))
    }
}

/// The gate before one route.
#[derive(Clone, Debug)]
pub(crate) struct Before {
    pub(crate) shell: Arc<Shell>,
    pub(crate) access: Access,
}

/// Lets a request in, or says why not.
pub(crate) async fn enter(State(before): State<Before>, request: Request, next: Next) -> Response {
    if before.access == Access::Proven {
        return next.run(request).await;
    }
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let reading = is_reading(request.method());
    let api = is_api(request.uri().path());
    match admit(&before, request).await {
        Ok((request, identity, allowance)) => {
            let mut response = next.run(request).await;
            if let Some(allowance) = allowance {
                allowance.write(response.headers_mut());
            }
            response.extensions_mut().insert(Caller(identity));
            response
        }
        // A browser is shown where to sign in, and comes back to the page it wanted.
        Err(refusal) if refusal.problem.status() == StatusCode::UNAUTHORIZED && !api => {
            let target = if reading { sign_in_path(&path) } else { "/sign-in".to_owned() };
            Redirect::to(&target).into_response()
        }
        Err(refusal) => {
            let mut response = refusal.problem.into_response();
            if let Some(allowance) = refusal.allowance {
                allowance.write(response.headers_mut());
            }
            if let Some(identity) = refusal.identity {
                response.extensions_mut().insert(Caller(identity));
            }
            response
        }
    }
}

/// Where somebody signs in and comes back from to this place.
fn sign_in_path(path: &str) -> String {
    format!("/sign-in?to={}", encoded(path))
}

struct Refusal {
    problem: Problem,
    identity: Option<Arc<Identity>>,
    allowance: Option<Allowance>,
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self { problem, identity: None, allowance: None }
    }
}

async fn admit(
    Before { shell, access }: &Before,
    request: Request,
) -> Result<(Request, Arc<Identity>, Option<Allowance>), Refusal> {
    let gate = &shell.gate;
    let identity = match gate.identify(request.headers()).await {
        Ok(identity) => Arc::new(identity),
        // What is open to everybody is open to those with a bad credential, too.
        Err(_) if *access == Access::Open => Arc::new(Identity::stranger(None)),
        Err(problem) => {
            let allowance = gate.count(&Identity::stranger(None), &request);
            return Err(match allowance {
                Some(allowance) if !allowance.allowed => allowance.problem().into(),
                allowance => Refusal { problem, identity: None, allowance },
            });
        }
    };
    let allowance = gate.count(&identity, &request);
    let refuse =
        |problem: Problem| Refusal { problem, identity: Some(identity.clone()), allowance };
    if let Some(allowance) = allowance.filter(|allowance| !allowance.allowed) {
        return Err(refuse(allowance.problem()));
    }
    let reading = is_reading(request.method());
    // Strangers change nothing, whatever role the configuration gives them.
    let reaches =
        identity.reaches(*access) && (reading || *access == Access::Open || identity.is_known());
    if !reaches {
        return Err(refuse(if identity.is_known() {
            forbidden(*access)
        } else {
            unauthorized("sign in, or send an API token as `Authorization: Bearer`")
        }));
    }
    let mut request = request;
    if !reading {
        request = gate.not_forged(&identity, request).await.map_err(refuse)?;
    }
    request.extensions_mut().insert(Caller(identity.clone()));
    request.extensions_mut().insert(Around(shell.clone()));
    Ok((request, identity, allowance))
}

fn is_reading(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

fn forbidden(access: Access) -> Problem {
    let problem = Problem::new(StatusCode::FORBIDDEN, "not permitted");
    match access {
        Access::Needs(permission) | Access::Personal(permission) => problem.detail(format!(
            "this needs the permission {:?}: to {}",
            permission.name, permission.about
        )),
        Access::Open | Access::Proven | Access::SignedIn => problem,
    }
}

impl Gate {
    /// Counts a request of the API; `None` where nothing is counted.
    fn count(&self, identity: &Identity, request: &Request) -> Option<Allowance> {
        if !is_api(request.uri().path()) {
            return None;
        }
        let name = match &identity.who {
            Who::Person { .. } | Who::Token { .. } => identity.actor(),
            Who::Stranger => {
                let peer = peer(request)?;
                if peer.is_loopback() && !identity.roles.is_empty() {
                    return None;
                }
                name_of(peer)
            }
        };
        Some(self.requests.take(&name, self.clock.now()))
    }

    /// Counts an attempt to sign in.
    pub(crate) fn count_sign_in(&self, request: &Request) -> Result<(), Problem> {
        let name = peer(request).map(name_of).unwrap_or_default();
        let allowance = self.sign_ins.take(&name, self.clock.now());
        if allowance.allowed { Ok(()) } else { Err(allowance.problem()) }
    }

    /// Refuses a change that another site has its visitor's browser ask for.
    ///
    /// Three things are looked at: what the browser says of where the request comes from
    /// (`Sec-Fetch-Site`, `Origin`), and, where a session would lend its power, a token that only
    /// pages of that session carry. A bearer token is never sent by itself and needs none of this.
    async fn not_forged(&self, identity: &Identity, request: Request) -> Result<Request, Problem> {
        let forged = |detail: &str| {
            Problem::new(StatusCode::FORBIDDEN, "not asked for by one of our pages").detail(detail)
        };
        let credential = match &identity.who {
            Who::Token { .. } => return buffered(request).await.map(|(request, _)| request),
            Who::Person { credential, .. } => Some(credential),
            Who::Stranger => None,
        };
        if !self.same_origin(request.headers()) {
            return Err(forged("the request comes from another site"));
        }
        let header = request.headers().get(CSRF_HEADER).and_then(|value| value.to_str().ok());
        let header = header.map(str::to_owned);
        let api = is_api(request.uri().path());
        let (request, body) = buffered(request).await?;
        let Some(credential) = credential else { return Ok(request) };
        // What signs in needs no token: there is nothing yet that could be lent.
        if request.uri().path().starts_with("/sign-in") {
            return Ok(request);
        }
        let token = match header {
            None if !api => url::form_urlencoded::parse(&body)
                .find(|(name, _)| name == "csrf")
                .map(|(_, value)| value.into_owned()),
            header => header,
        };
        let expected = credential.csrf();
        match token {
            Some(token) if expected.matches_masked(&token) => Ok(request),
            Some(_) => Err(forged("its CSRF token is of another session; load the page again")),
            None => Err(forged(
                "it carries no CSRF token; pages have it in their forms, /api/v1/me tells it for \
                 the header X-CSRF-Token",
            )),
        }
    }

    fn same_origin(&self, headers: &HeaderMap) -> bool {
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
        if text("sec-fetch-site").is_some_and(|site| site != "same-origin") {
            return false;
        }
        let Some(origin) = text(header::ORIGIN.as_str()) else { return true };
        if origin == self.public.origin().ascii_serialization() {
            return true;
        }
        let host = text(header::HOST.as_str()).unwrap_or_default();
        // Behind a proxy with TLS the scheme is not ours to know; the configuration says it.
        origin.strip_prefix("http://").is_some_and(|authority| authority == host)
            && self.config.public_url.is_none()
    }
}

fn peer(request: &Request) -> Option<std::net::IpAddr> {
    request.extensions().get::<ConnectInfo<Peer>>().map(|info| info.0.remote.ip())
}

/// The request with its whole body read, and the body.
async fn buffered(request: Request) -> Result<(Request, Bytes), Problem> {
    let (parts, body) = request.into_parts();
    let collected = Limited::new(body, LARGEST_BODY).collect().await.map_err(|_| {
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too large")
            .detail(format!("what is sent may have at most {LARGEST_BODY} bytes"))
    })?;
    let bytes = collected.to_bytes();
    Ok((Request::from_parts(parts, Body::from(bytes.clone())), bytes))
}

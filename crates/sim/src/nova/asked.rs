//! What is common to all requests to Nova: the token, the microversion, the body, the policy.

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, VARY};
use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};

use crate::events::Cause;
use crate::fault_body::{self, Fault};
use crate::http::body::{self, BodyError};
use crate::http::front::RequestId;
use crate::http::query::Query;
use crate::keystone::caller::Caller;
use crate::keystone::model::Scope;
use crate::microversion::{Range, Unusable, Version};
use crate::world::SharedWorld;

/// What Nova 26 offers.
pub(crate) const RANGE: Range = Range {
    service: "compute",
    legacy: Some("x-openstack-nova-api-version"),
    lowest: Version::new(2, 1),
    highest: Version::new(2, 93),
};

/// Longer bodies are refused before anything else is looked at (`max_request_body_size`).
const LONGEST: usize = 114_688;

/// Who asks, and in which version.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) caller: Caller,
    pub(crate) version: Version,
    /// The id of the request.
    pub(crate) request: String,
}

impl Asked {
    /// Whether the request is made in version 2.`minor` or a later one.
    pub(crate) const fn at_least(&self, minor: u16) -> bool {
        self.version.minor >= minor
    }

    pub(crate) fn is_admin(&self) -> bool {
        self.caller.is_admin()
    }

    pub(crate) fn user(&self) -> &str {
        self.caller.user()
    }

    /// The project the token is for; empty when it is for none.
    pub(crate) fn project(&self) -> &str {
        self.caller.project().unwrap_or_default()
    }

    /// Whose request events were caused by.
    pub(crate) fn cause(&self) -> Cause {
        self.caller.cause(Some(&self.request))
    }

    /// Allows administrators only.
    pub(crate) fn admin_only(&self, rule: &str) -> Result<(), Fault> {
        if self.is_admin() { Ok(()) } else { Err(refused(rule)) }
    }

    /// Allows changes to administrators and members of the caller's own project.
    pub(crate) fn member(&self, rule: &str) -> Result<(), Fault> {
        let own = self.caller.project().is_some() && self.caller.has_role("member");
        if self.is_admin() || own { Ok(()) } else { Err(refused(rule)) }
    }

    /// Allows looking to whoever has a role on a project.
    pub(crate) fn reader(&self, rule: &str) -> Result<(), Fault> {
        let own = self.caller.project().is_some() && self.caller.has_role("reader");
        let system = self.caller.token.scope == Scope::System && self.caller.has_role("reader");
        if self.is_admin() || own || system { Ok(()) } else { Err(refused(rule)) }
    }

    /// Refuses as unknown what the version does not have.
    pub(crate) fn needs(&self, minor: u16) -> Result<(), Fault> {
        if self.at_least(minor) {
            return Ok(());
        }
        Err(Fault::missing("The resource could not be found."))
    }

    /// Refuses as unknown what ended before the version.
    pub(crate) fn until(&self, minor: u16) -> Result<(), Fault> {
        if self.version.minor <= minor {
            return Ok(());
        }
        Err(Fault::missing("The resource could not be found."))
    }
}

/// 403 of a rule below `os_compute_api:`.
pub(crate) fn refused(rule: &str) -> Fault {
    Fault::policy(&format!("os_compute_api:{rule}"))
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let nobody = || Fault::new(StatusCode::UNAUTHORIZED, "Unauthorized");
        parts.extensions.get::<Self>().cloned().ok_or_else(nobody)
    }
}

/// A body as JSON; nothing is `null`.
#[derive(Clone, Debug)]
pub(crate) struct Json(pub(crate) Value);

impl<S: Send + Sync> FromRequest<S> for Json {
    type Rejection = Fault;

    async fn from_request(request: Request, _: &S) -> Result<Self, Self::Rejection> {
        let malformed = || Fault::bad("Malformed request body");
        let bytes = body::read(request.into_body(), LONGEST).await.map_err(|_| malformed())?;
        if bytes.is_empty() {
            return Ok(Self(Value::Null));
        }
        serde_json::from_slice(&bytes).map(Self).map_err(|_| malformed())
    }
}

/// An answer that no route made: it does not name a version.
#[derive(Clone, Copy, Debug)]
struct Unrouted;

/// What stands before all routes of the API, and adds the version to their answers.
pub(crate) async fn gate(
    State(world): State<SharedWorld>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let body = match body::read(body, LONGEST).await {
        Ok(bytes) => Body::from(bytes),
        Err(BodyError::TooLarge) => return too_large(),
        Err(BodyError::Broken) => return Fault::bad("Malformed request body").into_response(),
    };
    let Some(caller) = Caller::of(&world, &parts) else {
        return fault_body::unauthenticated(&world.base);
    };
    let version = match RANGE.negotiate(&parts.headers) {
        Ok(version) => version,
        Err(unusable) => {
            let answer = RANGE.refuse(&unusable).into_response();
            return match unusable {
                Unusable::Malformed(_) => answer,
                Unusable::Unsupported(version) => versioned(answer, version),
            };
        }
    };
    let request = parts.extensions.get::<RequestId>().map_or_else(String::new, |id| id.0.clone());
    parts.extensions.insert(Asked { caller, version, request });
    let answer = next.run(Request::from_parts(parts, body)).await;
    if answer.extensions().get::<Unrouted>().is_some() {
        return answer;
    }
    versioned(answer, version)
}

/// The same answer with the headers that name a version.
pub(crate) fn versioned(mut answer: Response, version: Version) -> Response {
    let headers = answer.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&format!("compute {version}")) {
        headers.insert(HeaderName::from_static("openstack-api-version"), value);
    }
    if let Ok(value) = HeaderValue::from_str(&version.to_string()) {
        headers.insert(HeaderName::from_static("x-openstack-nova-api-version"), value);
    }
    headers.append(VARY, HeaderValue::from_static("OpenStack-API-Version"));
    headers.append(VARY, HeaderValue::from_static("X-OpenStack-Nova-API-Version"));
    answer
}

/// A refusal of the layers below the API, in the form that the client accepts.
#[derive(Clone, Debug)]
pub(crate) struct Below {
    status: StatusCode,
    text: String,
}

impl Below {
    /// The answer to a client that accepts this.
    pub(crate) fn answer(&self, accept: Option<&str>) -> Response {
        let title = self.status.canonical_reason().unwrap_or("Error");
        let title = if title == "Payload Too Large" { "Request Entity Too Large" } else { title };
        let whole = format!("{} {title}", self.status.as_u16());
        let text = &self.text;
        if accept.is_some_and(|accept| accept.contains("application/json")) {
            let text = format!("{text}<br /><br />\n\n\n");
            let body = json!({"message": text, "code": whole, "title": title});
            let mut answer = (self.status, axum::Json(body)).into_response();
            answer.extensions_mut().insert(Unrouted);
            return answer;
        }
        let body = format!(
            "<html>\n <head>\n  <title>{whole}</title>\n </head>\n <body>\n  <h1>{whole}</h1>\n  \
             {text}<br /><br />\n\n\n\n </body>\n</html>"
        );
        let kind = [(CONTENT_TYPE, "text/html; charset=UTF-8")];
        (self.status, kind, body).into_response()
    }
}

fn page(status: StatusCode, text: &str) -> Response {
    let mut answer = status.into_response();
    answer.extensions_mut().insert(Unrouted);
    answer.extensions_mut().insert(Below { status, text: text.to_owned() });
    answer
}

fn too_large() -> Response {
    let text = format!("Request is too large. Larger than max_request_body_size ({LONGEST}).");
    page(StatusCode::PAYLOAD_TOO_LARGE, &text)
}

/// What Nova answers on paths, and with methods, that it does not have.
pub(crate) async fn nowhere() -> Response {
    page(StatusCode::NOT_FOUND, "The resource could not be found.")
}

/// The address of something in this version of the API, and the one without a version.
pub(crate) fn links(base: &str, kind: &str, id: &str) -> Value {
    let root = format!("{base}{}", super::MOUNT);
    json!([
        {"rel": "self", "href": format!("{root}/v2.1/{kind}/{id}")},
        {"rel": "bookmark", "href": format!("{root}/{kind}/{id}")},
    ])
}

/// The bookmark alone.
pub(crate) fn bookmark(base: &str, kind: &str, id: &str) -> Value {
    json!([{"rel": "bookmark", "href": format!("{base}{}/{kind}/{id}", super::MOUNT)}])
}

/// The largest page (`max_limit`).
pub(crate) const MOST: usize = 1000;

/// `limit` and `marker` of a list.
#[derive(Clone, Debug)]
pub(crate) struct Paging {
    pub(crate) limit: usize,
    pub(crate) marker: Option<String>,
}

impl Paging {
    pub(crate) fn parse(query: &Query) -> Result<Self, Fault> {
        let limit = match query.get("limit") {
            None => MOST,
            Some(text) => whole(text, "limit")?.min(MOST),
        };
        Ok(Self { limit, marker: query.get("marker").map(str::to_owned) })
    }

    /// The link to the page after this one: there is one whenever the page is full.
    pub(crate) fn next(
        base: &str,
        kind: &str,
        query: &Query,
        (shown, last): (usize, Option<&str>),
    ) -> Option<Value> {
        let asked = query.get("limit").and_then(|text| text.parse().ok()).unwrap_or(MOST).min(MOST);
        let last = last.filter(|_| shown > 0 && asked == shown)?;
        let mut pairs: Vec<(&str, &str)> =
            query.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        pairs.sort_unstable();
        match pairs.iter_mut().find(|(name, _)| *name == "marker") {
            Some(marker) => marker.1 = last,
            None => pairs.push(("marker", last)),
        }
        let query = Query::encode(pairs.into_iter());
        let href = format!("{base}{}/v2.1/{kind}?{query}", super::MOUNT);
        Some(json!([{"rel": "next", "href": href}]))
    }
}

/// A whole number that is not negative.
fn whole(text: &str, name: &str) -> Result<usize, Fault> {
    let number: i64 = text.parse().map_err(|_| Fault::bad(format!("{name} must be an integer")))?;
    usize::try_from(number).map_err(|_| Fault::bad(format!("{name} must be >= 0")))
}

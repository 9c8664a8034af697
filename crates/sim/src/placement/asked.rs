//! What is common to all requests to Placement: the token, the microversion, the form of refusals.

use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, LAST_MODIFIED, VARY};
use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode};
use lotse_core::time::Timestamp;
use serde_json::{Value, json};

use crate::fault_body;
use crate::http::body;
use crate::http::front::RequestId;
use crate::keystone::caller::Caller;
use crate::microversion::{Range, Unusable, Version};
use crate::schema;
use crate::world::SharedWorld;

/// What Placement 8 offers.
pub(crate) const RANGE: Range = Range {
    service: "placement",
    legacy: None,
    lowest: Version::new(1, 0),
    highest: Version::new(1, 39),
};

/// Longer bodies are not read.
const LONGEST: usize = 1 << 20;

/// Who asks, and in which version.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) caller: Caller,
    pub(crate) version: Version,
}

impl Asked {
    /// Whether the request is made in version 1.`minor` or a later one.
    pub(crate) const fn at_least(&self, minor: u16) -> bool {
        self.version.minor >= minor
    }

    /// Allows administrators only.
    pub(crate) fn admin_only(&self, rule: &str) -> Result<(), Refusal> {
        if self.caller.is_admin() {
            return Ok(());
        }
        let text = format!("Policy does not allow placement:{rule} to be performed.");
        Err(Refusal::new(StatusCode::FORBIDDEN, text))
    }

    /// Refuses as unknown what the version does not have.
    pub(crate) fn needs(&self, minor: u16) -> Result<(), Refusal> {
        if self.at_least(minor) { Ok(()) } else { Err(Refusal::unknown("")) }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let nobody = || Refusal::new(StatusCode::UNAUTHORIZED, "");
        parts.extensions.get::<Self>().cloned().ok_or_else(nobody)
    }
}

/// A request that Placement refuses.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    text: String,
    /// Below `placement.`.
    code: &'static str,
    /// Whether the answer says that it depends on the version: of what is forbidden or unknown that
    /// is told only when the request's own handler looked for it.
    varies: bool,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, text: impl Into<String>) -> Self {
        let varies = !matches!(status, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND);
        Self { status, text: text.into(), code: "undefined_code", varies }
    }

    /// 400 with a code of its own.
    pub(crate) fn coded(text: impl Into<String>, code: &'static str) -> Self {
        Self { code, ..Self::new(StatusCode::BAD_REQUEST, text) }
    }

    pub(crate) fn bad(text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, text)
    }

    pub(crate) fn missing(text: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, text)
    }

    /// 404 that the request's own handler found out.
    pub(crate) fn unknown(text: impl Into<String>) -> Self {
        Self { varies: true, ..Self::new(StatusCode::NOT_FOUND, text) }
    }

    pub(crate) fn conflict(text: impl Into<String>, code: &'static str) -> Self {
        Self { code, ..Self::new(StatusCode::CONFLICT, text) }
    }

    /// 409 of a generation that is not the present one.
    pub(crate) fn outdated(text: impl Into<String>) -> Self {
        Self::conflict(text, "concurrent_update")
    }

    fn title(&self) -> &'static str {
        self.status.canonical_reason().unwrap_or("Error")
    }

    /// The text between the reason of the status and what follows it.
    fn detail(&self) -> String {
        let text = &self.text;
        match self.status {
            StatusCode::BAD_REQUEST => format!(
                "The server could not comply with the request since it is either malformed or \
                 otherwise incorrect.\n\n {text}  "
            ),
            StatusCode::FORBIDDEN => format!("Access was denied to this resource.\n\n {text}  "),
            StatusCode::NOT_FOUND => format!("The resource could not be found.\n\n {text}  "),
            StatusCode::CONFLICT => {
                format!("There was a conflict when trying to complete your request.\n\n {text}  ")
            }
            _ => text.clone(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut answer = self.status.into_response();
        answer.extensions_mut().insert(self);
        answer
    }
}

/// A body as JSON.
#[derive(Clone, Debug)]
pub(crate) struct Json(pub(crate) Value);

impl<S: Send + Sync> FromRequest<S> for Json {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Self::Rejection> {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or("None").to_owned();
        if kind.split(';').next().map(str::trim) != Some("application/json") {
            let text = format!(
                "The request media type {kind} is not supported by this server. \n\n The media type \
                 {kind} is not supported, use application/json"
            );
            return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
        }
        let broken = |_| Refusal::bad("Malformed JSON: the body could not be read");
        let bytes = body::read(request.into_body(), LONGEST).await.map_err(broken)?;
        serde_json::from_slice(&bytes)
            .map(Self)
            .map_err(|error| Refusal::bad(format!("Malformed JSON: {error}")))
    }
}

/// Checks a body by a schema.
pub(crate) fn fits(schema: &Value, value: &Value) -> Result<(), Refusal> {
    schema::check(schema, value)
        .map_err(|complaint| Refusal::bad(format!("JSON does not validate: {}", complaint.message)))
}

/// What stands before all routes of the API, and gives their answers their last form.
pub(crate) async fn gate(
    State(world): State<SharedWorld>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = request.extensions().get::<RequestId>().map_or_else(String::new, |id| id.0.clone());
    let (mut parts, body) = request.into_parts();
    let Some(caller) = Caller::of(&world, &parts) else {
        return fault_body::unauthenticated(&world.base);
    };
    let version = match RANGE.negotiate(&parts.headers) {
        Ok(version) => version,
        Err(error) => return unusable(&error, &id),
    };
    parts.extensions.insert(Asked { caller, version });
    request = Request::from_parts(parts, body);
    let mut answer = next.run(request).await;
    let mut varies = true;
    if let Some(refusal) = answer.extensions().get::<Refusal>().cloned() {
        varies = refusal.varies;
        answer = explain(&refusal, version, &id, answer.headers().get(ALLOW).cloned());
    }
    let headers = answer.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&format!("placement {version}")) {
        headers.insert(HeaderName::from_static("openstack-api-version"), value);
    }
    if varies {
        headers.insert(VARY, HeaderValue::from_static("openstack-api-version"));
    }
    answer
}

fn explain(refusal: &Refusal, version: Version, id: &str, allow: Option<HeaderValue>) -> Response {
    let mut error = json!({
        "status": refusal.status.as_u16(),
        "title": refusal.title(),
        "detail": refusal.detail(),
    });
    if version.minor >= 23 {
        error["code"] = json!(format!("placement.{}", refusal.code));
    }
    error["request_id"] = json!(id);
    let mut answer = (refusal.status, axum::Json(json!({"errors": [error]}))).into_response();
    if let Some(allow) = allow {
        answer.headers_mut().insert(ALLOW, allow);
    }
    answer
}

/// No version could be agreed on.
fn unusable(error: &Unusable, id: &str) -> Response {
    let (status, title, detail) = match error {
        Unusable::Malformed(text) => (
            StatusCode::BAD_REQUEST,
            "Bad Request",
            format!(
                "The server could not comply with the request since it is either malformed or \
                 otherwise incorrect.\n\n Invalid microversion: invalid version string: {text}; \
                 invalid literal for int() with base 10: '{text}'  "
            ),
        ),
        Unusable::Unsupported(version) => (
            StatusCode::NOT_ACCEPTABLE,
            "Not Acceptable",
            format!(
                "The resource could not be generated that was acceptable to your browser (content \
                 of type application/json. \n\n Invalid microversion: Unacceptable version header: \
                 {version}"
            ),
        ),
    };
    let mut shown =
        json!({"status": status.as_u16(), "title": title, "detail": detail, "request_id": id});
    if matches!(error, Unusable::Unsupported(_)) {
        shown["max_version"] = json!(RANGE.highest.to_string());
        shown["min_version"] = json!(RANGE.lowest.to_string());
    }
    (status, axum::Json(json!({"errors": [shown]}))).into_response()
}

/// An answer with the time of the last change (1.15).
pub(crate) fn dated(asked: &Asked, at: Timestamp, body: Value) -> Response {
    let mut answer = axum::Json(body).into_response();
    if asked.at_least(15) {
        let headers = answer.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        let text = at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(LAST_MODIFIED, value);
        }
    }
    answer
}

/// What Placement answers on paths that it does not have.
pub(crate) async fn nowhere() -> Refusal {
    Refusal::missing("")
}

/// What Placement answers to methods that a path does not have.
pub(crate) async fn wrong_method(request: Request) -> Response {
    let text = format!(
        "The method {} is not allowed for this resource. \n\n The method specified is not allowed \
         for this resource.",
        request.method()
    );
    let mut answer = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, text).into_response();
    // Every path that is written to can be read as well.
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, POST"));
    answer
}

//! What is common to all requests to Barbican: the token, the microversion, bodies, links.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT, CONTENT_TYPE, VARY};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Map, Value, json};
use tower::ServiceExt;

use super::refusal::Refused;
use super::versions;
use crate::fault_body;
use crate::glance::refusal::Refusal;
use crate::http::body;
use crate::http::query::Query;
use crate::keystone::caller::Caller;
use crate::microversion::{Range, Unusable, Version};
use crate::schema;
use crate::world::{SharedWorld, World};

/// What Barbican 15 offers.
pub(crate) const RANGE: Range = Range {
    service: "key-manager",
    legacy: None,
    lowest: Version::new(1, 0),
    highest: Version::new(1, 1),
};

/// Of a JSON body only so many bytes are read (`max_allowed_request_size_in_bytes`).
const READ: usize = 25_000;

/// Bodies are not even received beyond this.
const LONGEST: usize = 1 << 20;

/// Entries on a page when nobody says how many, and at most.
const PAGE: (usize, usize) = (10, 100);

/// Who asks, and in which version.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    caller: Caller,
    pub(crate) version: Version,
    /// Where references begin: `http://…/key-manager/v1`.
    pub(crate) here: String,
}

impl Asked {
    pub(crate) fn user(&self) -> &str {
        self.caller.user()
    }

    /// The project the token is for; empty when it is for none.
    pub(crate) fn project(&self) -> &str {
        self.caller.project().unwrap_or_default()
    }

    pub(crate) fn has_any(&self, roles: &[&str]) -> bool {
        roles.iter().any(|role| self.caller.has_role(role))
    }

    /// The reference of something.
    pub(crate) fn href(&self, kind: &str, id: &str) -> String {
        format!("{}/{kind}/{id}", self.here)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let nobody = || Refused::new(StatusCode::UNAUTHORIZED, "");
        parts.extensions.get::<Self>().cloned().ok_or_else(nobody)
    }
}

/// Where the service is, for references.
pub(crate) fn root(world: &World) -> String {
    format!("{}{}", world.base, super::MOUNT)
}

/// What stands before all routes: token and version.
pub(crate) async fn gate(world: SharedWorld, api: Router, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path();
    if path != "/v1" && !path.starts_with("/v1/") {
        let answer = match (path, parts.method.as_str()) {
            ("/", "GET" | "HEAD") => None,
            _ => Some(Refusal::not_found("The resource could not be found.").into_response()),
        };
        return match version(&parts.headers) {
            Ok(version) => {
                let answer = answer.unwrap_or_else(|| versions::all(&root(&world), version));
                versioned(answer, version)
            }
            Err(refused) => *refused,
        };
    }
    let Some(caller) = Caller::of(&world, &parts) else {
        return fault_body::unauthenticated(&world.base);
    };
    let version = match version(&parts.headers) {
        Ok(version) => version,
        Err(refused) => return *refused,
    };
    let Ok(bytes) = body::read(body, LONGEST).await else {
        return versioned(Refused::bad("Malformed JSON").into_response(), version);
    };
    let here = format!("{}/v1", root(&world));
    parts.extensions.insert(Asked { caller, version, here });
    let answer = match api.oneshot(Request::from_parts(parts, Body::from(bytes))).await {
        Ok(answer) => answer,
        Err(never) => match never {},
    };
    versioned(answer, version)
}

fn version(headers: &HeaderMap) -> Result<Version, Box<Response>> {
    RANGE.negotiate(headers).map_err(|unusable| {
        let (refusal, why) = match unusable {
            Unusable::Malformed(text) => (
                Refusal::bad(
                    "The server could not comply with the request since it is either malformed or \
                     otherwise incorrect.",
                ),
                format!("invalid version string: {text}; {}", python_complaint(&text)),
            ),
            Unusable::Unsupported(version) => {
                let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
                let explanation = format!(
                    "The resource could not be generated that was acceptable to your browser\n\
                     (content of type {}. ",
                    accept.unwrap_or_default()
                );
                let refusal = Refusal::new(StatusCode::NOT_ACCEPTABLE, explanation);
                (refusal, format!("Unacceptable version header: {version}"))
            }
        };
        Box::new(refusal.with_detail(format!("Invalid microversion: {why}")).into_response())
    })
}

/// Why Python takes no version out of a text.
fn python_complaint(text: &str) -> String {
    let parts: Vec<&str> = text.split('.').collect();
    match parts.iter().find(|part| part.parse::<i64>().is_err()) {
        Some(part) => format!("invalid literal for int() with base 10: '{part}'"),
        None if parts.len() < 2 => {
            "Version.__new__() missing 1 required positional argument: 'minor'".to_owned()
        }
        None => {
            let given = parts.len() + 1;
            format!("Version.__new__() takes 3 positional arguments but {given} were given")
        }
    }
}

/// The same answer with the headers that name a version.
fn versioned(mut answer: Response, version: Version) -> Response {
    let headers = answer.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&format!("key-manager {version}")) {
        headers.insert(HeaderName::from_static("openstack-api-version"), value);
    }
    headers.insert(VARY, HeaderValue::from_static("openstack-api-version"));
    answer
}

/// The media type of a body, without parameters.
pub(crate) fn media_type(headers: &HeaderMap) -> &str {
    let whole = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    whole.split(';').next().unwrap_or_default().trim()
}

/// Refuses bodies of other media types.
pub(crate) fn of_type(headers: &HeaderMap, expected: &[&str]) -> Result<(), Refused> {
    if expected.contains(&media_type(headers)) {
        return Ok(());
    }
    let expected = expected.iter().map(|one| format!("'{one}'")).collect::<Vec<_>>().join(", ");
    Err(Refused::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        format!("Unexpected content type. Expected content types are: [{expected}]"),
    ))
}

/// A body as JSON, without spaces around its texts.
pub(crate) fn parsed(headers: &HeaderMap, bytes: &Bytes) -> Result<Value, Refused> {
    of_type(headers, &["application/json"])?;
    json_of(bytes)
}

/// The same of a body of any media type.
pub(crate) fn json_of(bytes: &Bytes) -> Result<Value, Refused> {
    let read = &bytes[..bytes.len().min(READ)];
    let mut value = serde_json::from_slice(read).map_err(|_| Refused::bad("Malformed JSON"))?;
    strip(&mut value);
    Ok(value)
}

fn strip(value: &mut Value) {
    match value {
        Value::String(text) => *text = text.trim().to_owned(),
        Value::Array(list) => list.iter_mut().for_each(strip),
        Value::Object(fields) => fields.values_mut().for_each(strip),
        _ => {}
    }
}

/// Checks a body by a schema, which goes by a name in Barbican's complaints.
pub(crate) fn fits(name: &str, rules: &Value, body: &Value) -> Result<Map<String, Value>, Refused> {
    if let Err(complaint) = schema::check(rules, body) {
        let property = complaint.path.first().map_or("None", String::as_str);
        return Err(Refused::schema(name, &complaint.message, property));
    }
    Ok(body.as_object().cloned().unwrap_or_default())
}

/// The same of a schema of an older draft, in which complaints name the property that is missing.
pub(crate) fn fits_older(
    name: &str,
    rules: &Value,
    body: &Value,
) -> Result<Map<String, Value>, Refused> {
    if let Err(complaint) = schema::check(rules, body)
        && let Some(missing) = complaint.message.strip_suffix(" is a required property")
    {
        return Err(Refused::schema(name, &complaint.message, missing.trim_matches('\'')));
    }
    fits(name, rules, body)
}

/// A page of a list, with links to its neighbours.
pub(crate) fn page<T>(
    asked: &Asked,
    query: &Query,
    (key, path): (&str, &str),
    list: &[T],
    show: impl Fn(&T) -> Value,
) -> Value {
    let number = |name: &str| query.get(name).and_then(|text| text.trim().parse::<i64>().ok());
    let offset = usize::try_from(number("offset").unwrap_or(0).max(0)).unwrap_or(0);
    let limit = number("limit").filter(|limit| *limit != 0 || query.get("limit") != Some(""));
    let limit = limit.map_or(PAGE.0, |limit| usize::try_from(limit.max(1)).unwrap_or(1));
    let limit = limit.min(PAGE.1);
    let shown: Vec<Value> = list.iter().skip(offset).take(limit).map(show).collect();
    let there = !shown.is_empty();
    let mut body = json!({key: shown, "total": list.len()});
    let link = |offset: usize| format!("{}/{path}?limit={limit}&offset={offset}", asked.here);
    if there && offset > 0 {
        body["previous"] = json!(link(offset.saturating_sub(limit)));
    }
    if there && list.len() > offset + limit {
        body["next"] = json!(link(offset + limit));
    }
    body
}

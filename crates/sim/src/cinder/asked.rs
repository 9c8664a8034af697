//! What is common to all requests to Cinder: the token, the project in the path, the microversion, the
//! body, the policy.
//!
//! The project in the path is optional since 3.67 (and in practice in all versions): what stands
//! before the routes takes it away, so that each route is written once.

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use http::header::{CONTENT_TYPE, VARY};
use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode, Uri};
use serde_json::{Map, Value, json};
use tower::ServiceExt;

use super::model::Volumes;
use super::{refusal, shapes};
use crate::events::Cause;
use crate::fault_body::{self, Fault};
use crate::glance::refusal::Refusal;
use crate::http::body::{self, BodyError};
use crate::http::front::RequestId;
use crate::keystone::caller::Caller;
use crate::microversion::{Range, Unusable, Version};
use crate::schema::refused::fits;
use crate::world::SharedWorld;

/// What Cinder 21 offers.
pub(crate) const RANGE: Range = Range {
    service: "volume",
    legacy: None,
    lowest: Version::new(3, 0),
    highest: Version::new(3, 70),
};

/// Longer bodies are refused (`osapi_max_request_body_size`).
const LONGEST: usize = 114_688;

/// Who asks, and in which version.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) caller: Caller,
    pub(crate) version: Version,
    /// The id of the request.
    pub(crate) request: String,
    /// Where links begin: `http://…/volume/v3/PROJECT`.
    pub(crate) here: String,
    /// Where bookmarks begin.
    pub(crate) bookmark: String,
}

impl Asked {
    /// Whether the request is made in version 3.`minor` or a later one.
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

    /// Whether things of this project are the caller's to see.
    pub(crate) fn sees(&self, project: &str) -> bool {
        self.is_admin() || project == self.project()
    }

    /// Whose request events were caused by.
    pub(crate) fn cause(&self) -> Cause {
        self.caller.cause(Some(&self.request))
    }

    /// Allows administrators only.
    pub(crate) fn admin_only(&self, rule: &str) -> Result<(), Fault> {
        if self.is_admin() { Ok(()) } else { Err(Fault::policy(rule)) }
    }

    /// Allows changes to administrators and members.
    pub(crate) fn member(&self, rule: &str) -> Result<(), Fault> {
        if self.is_admin() || self.caller.has_role("member") {
            Ok(())
        } else {
            Err(Fault::policy(rule))
        }
    }

    /// Refuses as unknown what the version does not have.
    pub(crate) fn needs(&self, minor: u16) -> Result<(), Fault> {
        if self.at_least(minor) {
            return Ok(());
        }
        Err(Fault::missing("The resource could not be found."))
    }

    /// The links of something.
    pub(crate) fn links(&self, kind: &str, id: &str) -> Value {
        json!([
            {"rel": "self", "href": format!("{}/{kind}/{id}", self.here)},
            {"rel": "bookmark", "href": format!("{}/{kind}/{id}", self.bookmark)},
        ])
    }

    /// The volume of this id, if the caller may know of it.
    pub(crate) fn volume<'a>(
        &self,
        volumes: &'a mut Volumes,
        id: &str,
    ) -> Result<&'a mut super::model::Volume, Fault> {
        let found = volumes.by_id.get_mut(id).filter(|found| self.sees(&found.project_id));
        found.ok_or_else(|| refusal::no_volume(id))
    }

    /// The snapshot of this id, if the caller may know of it.
    pub(crate) fn snapshot<'a>(
        &self,
        volumes: &'a mut Volumes,
        id: &str,
    ) -> Result<&'a mut super::model::Snapshot, Fault> {
        let found = volumes.snapshots.get_mut(id).filter(|found| self.sees(&found.project_id));
        found.ok_or_else(|| refusal::no_snapshot(id))
    }

    /// The backup of this id, if the caller may know of it.
    pub(crate) fn backup<'a>(
        &self,
        volumes: &'a mut Volumes,
        id: &str,
    ) -> Result<&'a mut super::model::Backup, Fault> {
        let found = volumes.backups.get_mut(id).filter(|found| self.sees(&found.project_id));
        found.ok_or_else(|| refusal::no_backup(id))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let nobody = || Fault::new(StatusCode::UNAUTHORIZED, "Unauthorized");
        parts.extensions.get::<Self>().cloned().ok_or_else(nobody)
    }
}

/// A body as JSON.
#[derive(Clone, Debug)]
pub(crate) struct Given(pub(crate) Value);

impl<S: Send + Sync> FromRequest<S> for Given {
    type Rejection = Fault;

    async fn from_request(request: Request, _: &S) -> Result<Self, Self::Rejection> {
        let malformed = || Fault::bad("Malformed request body");
        let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or_default().to_owned();
        let bytes = body::read(request.into_body(), LONGEST).await.map_err(|_| malformed())?;
        if bytes.is_empty() {
            // Cinder runs into its own schema check.
            return Err(erred());
        }
        if !kind.is_empty() && !kind.starts_with("application/json") {
            let text = "Unsupported Content-Type";
            return Err(Fault::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
        }
        serde_json::from_slice(&bytes).map(Self).map_err(|_| malformed())
    }
}

/// 500 where Cinder itself runs into an error.
fn erred() -> Fault {
    let text = "The server has either erred or is incapable of performing the requested operation.";
    Fault::new(StatusCode::INTERNAL_SERVER_ERROR, text)
}

/// 400 with nothing more to say.
pub(crate) fn unspecified() -> Fault {
    Fault::bad(
        "The server could not comply with the request since it is either malformed or otherwise \
         incorrect.",
    )
}

/// 400 of a value that breaks a rule of its own.
pub(crate) fn input(reason: &str) -> Fault {
    Fault::bad(format!("Invalid input received: {reason}"))
}

/// What stands before all routes: token, project, version.
pub(crate) async fn gate(world: SharedWorld, api: Router, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path();
    let Some(rest) =
        path.strip_prefix("/v3").filter(|rest| rest.is_empty() || rest.starts_with('/'))
    else {
        return nowhere().await;
    };
    let Some(caller) = Caller::of(&world, &parts) else {
        return fault_body::unauthenticated(&world.base);
    };
    let (project, rest) = split(rest);
    let (project, rest) = (project.map(str::to_owned), rest.to_owned());
    if let Some(project) = &project
        && caller.project() != Some(project)
    {
        return Fault::bad("Malformed request url").into_response();
    }
    let version = match version(&parts) {
        Ok(version) => version,
        Err(refused) => return *refused,
    };
    let body = match body::read(body, LONGEST).await {
        Ok(bytes) => Body::from(bytes),
        Err(BodyError::TooLarge) => {
            let text = "Request is too large.";
            return Fault::new(StatusCode::PAYLOAD_TOO_LARGE, text).into_response();
        }
        Err(BodyError::Broken) => return Fault::bad("Malformed request body").into_response(),
    };
    let request = parts.extensions.get::<RequestId>().map_or_else(String::new, |id| id.0.clone());
    let owner = caller.project().unwrap_or_default();
    let here = format!("{}{}/v3/{owner}", world.base, super::MOUNT);
    let bookmark = format!("{}{}/{owner}", world.base, super::MOUNT);
    let asked = Asked { caller, version, request, here, bookmark };
    parts.extensions.insert(asked);
    let query = parts.uri.query().map_or_else(String::new, |query| format!("?{query}"));
    parts.uri = format!("{rest}{query}").parse().unwrap_or_else(|_| Uri::from_static("/"));
    let answer = match api.oneshot(Request::from_parts(parts, body)).await {
        Ok(answer) => answer,
        Err(never) => match never {},
    };
    if answer.extensions().get::<Refusal>().is_some() {
        return answer;
    }
    versioned(answer, version)
}

/// Takes the project from the front of a path, if there is one.
fn split(path: &str) -> (Option<&str>, &str) {
    let inner = path.strip_prefix('/').unwrap_or(path);
    let (first, _) = inner.split_once('/').unwrap_or((inner, ""));
    let looks_like_one =
        first.len() >= 32 && first.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    if looks_like_one { (Some(first), &inner[first.len()..]) } else { (None, path) }
}

fn version(parts: &Parts) -> Result<Version, Box<Response>> {
    let headers: Vec<&str> = parts
        .headers
        .get_all("openstack-api-version")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    // Cinder splits at the space without looking.
    if headers.iter().any(|item| item.split(' ').count() != 2) {
        return Err(Box::new(erred().into_response()));
    }
    let ours = headers.iter().any(|item| item.starts_with("volume "));
    if !headers.is_empty() && !ours {
        return Err(Box::new(unspecified().into_response()));
    }
    match RANGE.negotiate(&parts.headers) {
        Ok(version) => Ok(version),
        Err(unusable) => {
            let answer = RANGE.refuse(&unusable).into_response();
            Err(Box::new(match unusable {
                Unusable::Unsupported(version) if version.major >= RANGE.lowest.major => {
                    versioned(answer, version)
                }
                _ => answer,
            }))
        }
    }
}

/// The same answer with the headers that name a version.
pub(crate) fn versioned(mut answer: Response, version: Version) -> Response {
    let headers = answer.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&format!("volume {version}")) {
        headers.insert(HeaderName::from_static("openstack-api-version"), value);
    }
    headers.insert(VARY, HeaderValue::from_static("OpenStack-API-Version"));
    answer
}

/// What Cinder answers on paths, and with methods, that it does not have.
pub(crate) async fn nowhere() -> Response {
    Refusal::not_found("The resource could not be found.").into_response()
}

/// Checks an object under one key, and returns it.
pub(crate) fn inner(body: &Value, key: &str, schema: Value) -> Result<Map<String, Value>, Fault> {
    let properties = Map::from_iter([(key.to_owned(), schema)]);
    fits(&shapes::object(properties.into(), &[key], false), body)?;
    Ok(body[key].as_object().cloned().unwrap_or_default())
}

/// A text, without spaces around it.
pub(crate) fn text(given: &Map<String, Value>, key: &str) -> Option<String> {
    given.get(key).and_then(Value::as_str).map(|text| text.trim().to_owned())
}

/// Metadata that was given.
pub(crate) fn pairs(given: Option<&Value>) -> std::collections::BTreeMap<String, String> {
    let given = given.and_then(Value::as_object);
    let pairs = given.into_iter().flatten();
    pairs.map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
}

/// Refuses names and descriptions that are too long, as the formats of Cinder's schemas do.
pub(crate) fn names_fit(given: &Map<String, Value>) -> Result<(), Fault> {
    for (key, shown) in [
        ("name", "name"),
        ("display_name", "name"),
        ("description", "description"),
        ("display_description", "description"),
    ] {
        let length = given.get(key).and_then(Value::as_str).map_or(0, |text| text.chars().count());
        if length > 255 {
            return Err(input(&format!("{shown} has {length} characters, more than 255.")));
        }
    }
    Ok(())
}

/// An answer in JSON with this status.
pub(crate) fn answer(status: StatusCode, body: Value) -> Response {
    (status, Json(body)).into_response()
}

//! Keystone v3: who may do what, and where everything is.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`model`] | domains, projects, users, roles, assignments, application credentials, tokens |
//! | [`caller`] | who makes a request: checks its token |
//! | [`login`] | from an authentication request to a token |
//! | [`token`] | the token API and how a token is shown |
//! | [`resource`] | the uniform collections: list, show, create, update, delete |
//! | [`assign`] | roles given to users and groups, there or on all that is below |
//! | [`credential`], [`secret`] | application credentials and their access rules; other credentials |
//! | [`trust`], [`limit`] | trusts; limits and registered limits |
//! | [`schema`] | what the properties of bodies must be |
//! | [`notify`] | what others are told of |
//! | [`policy`] | what a role allows |
//! | [`refusal`] | Keystone's error bodies |

mod assign;
pub(crate) mod caller;
mod credential;
mod limit;
mod login;
pub(crate) mod model;
mod notify;
mod policy;
mod refusal;
mod resource;
mod scale;
mod schema;
mod secret;
mod token;
mod trust;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{ALLOW, CONTENT_TYPE, LOCATION, VARY, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};

use self::refusal::Refusal;
pub(crate) use self::scale::populate;
use crate::service::{CatalogEntry, Exchange, Service};
use crate::world::SharedWorld;

/// Where the service is mounted.
pub(crate) const MOUNT: &str = "/identity";

/// The identity service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keystone;

impl Service for Keystone {
    fn kind(&self) -> &'static str {
        "identity"
    }

    fn name(&self) -> &'static str {
        "keystone"
    }

    fn mount(&self) -> &'static str {
        MOUNT
    }

    fn endpoint(&self) -> &'static str {
        "/v3/"
    }

    fn ignores_last_slash(&self) -> bool {
        true
    }

    fn routes(&self, world: SharedWorld) -> Router {
        Router::new()
            .route("/", get(versions))
            .route("/v3", get(version))
            .merge(token::routes())
            .merge(resource::routes())
            .merge(assign::routes())
            .merge(credential::routes())
            .merge(secret::routes())
            .merge(trust::routes())
            .merge(limit::routes())
            .with_state(world)
    }

    fn refuse(&self, status: u16, message: &str) -> Response {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Refusal::new(status, message).into_response()
    }

    fn finish(&self, exchange: &Exchange, answer: Response) -> Response {
        let mut answer = unrouted(answer);
        let headers = answer.headers_mut();
        headers.insert(VARY, HeaderValue::from_static("X-Auth-Token"));
        if let Ok(id) = HeaderValue::from_str(&exchange.request_id) {
            headers.insert(HeaderName::from_static("x-openstack-request-id"), id);
        }
        if answer.status() == StatusCode::UNAUTHORIZED {
            let uri = format!("Keystone uri=\"{}{MOUNT}/v3\"", exchange.base);
            if let Ok(value) = HeaderValue::from_str(&uri) {
                answer.headers_mut().insert(WWW_AUTHENTICATE, value);
            }
        }
        answer
    }
}

/// Flask's own bodies where no route or no method matched.
fn unrouted(answer: Response) -> Response {
    if answer.headers().contains_key(CONTENT_TYPE) {
        return answer;
    }
    let (media_type, body) = match answer.status() {
        StatusCode::NOT_FOUND => ("text/html; charset=utf-8", NO_ROUTE.to_owned()),
        StatusCode::METHOD_NOT_ALLOWED => (
            "application/json",
            json!({"message": "The method is not allowed for the requested URL."}).to_string(),
        ),
        _ => return answer,
    };
    let (mut parts, _) = answer.into_parts();
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    if parts.status == StatusCode::METHOD_NOT_ALLOWED {
        // Flask-RESTful names the methods of the whole resource, not of the path.
        let all = HeaderValue::from_static("DELETE, GET, HEAD, OPTIONS, PATCH, POST");
        parts.headers.insert(ALLOW, all);
    }
    parts.headers.remove(http::header::CONTENT_LENGTH);
    Response::from_parts(parts, body.into())
}

const NO_ROUTE: &str = "<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n\
    <h1>Not Found</h1>\n<p>The requested URL was not found on the server. If you entered the URL \
    manually please check your spelling and try again.</p>\n";

/// The one version there is.
fn describe(world: &SharedWorld) -> Value {
    json!({
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": v3(world)}],
        "media-types": [{
            "base": "application/json",
            "type": "application/vnd.openstack.identity-v3+json",
        }],
    })
}

/// The base of all links.
fn v3(world: &SharedWorld) -> String {
    format!("{}{MOUNT}/v3/", world.base)
}

async fn versions(State(world): State<SharedWorld>) -> Response {
    let body = json!({"versions": {"values": [describe(&world)]}});
    (StatusCode::MULTIPLE_CHOICES, [(LOCATION, v3(&world))], axum::Json(body)).into_response()
}

async fn version(State(world): State<SharedWorld>) -> axum::Json<Value> {
    axum::Json(json!({"version": describe(&world)}))
}

/// The region all endpoints are in.
pub(crate) const fn region() -> &'static str {
    token::REGION
}

/// The word with its first letter in upper case, as some messages have it.
fn titled(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Puts the simulated services into a catalogue that has none.
pub(crate) fn fill_catalog(identity: &mut model::Identity, catalog: &[CatalogEntry]) {
    if !identity.services.is_empty() {
        return;
    }
    for entry in catalog {
        let service = model::CatalogService {
            id: crate::ids::named("service", entry.kind),
            kind: entry.kind.to_owned(),
            name: entry.name.to_owned(),
            enabled: true,
            extra: serde_json::Map::new(),
        };
        for interface in ["admin", "internal", "public"] {
            let endpoint = model::Endpoint {
                id: token::endpoint_id(entry.kind, interface),
                service_id: service.id.clone(),
                interface: interface.to_owned(),
                region_id: Some(region().to_owned()),
                url: entry.path.clone(),
                enabled: true,
                extra: serde_json::Map::new(),
            };
            identity.endpoints.insert(endpoint.id.clone(), endpoint);
        }
        identity.services.insert(service.id.clone(), service);
    }
}

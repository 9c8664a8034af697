//! Swift: accounts, containers and objects.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`model`] | everything as plain data, and what expires |
//! | [`place`], [`asked`], [`access`] | where a request points, who asks, who may |
//! | [`headers`], [`refusal`] | metadata and times in headers; pages |
//! | [`listing`] | lists: pages, prefixes, delimiters, three formats |
//! | [`account`], [`container`], [`object`], [`copy`] | the three kinds of things, and copies |
//!
//! # Where it differs from Swift 2.30, and why
//!
//! - The sums of an account are right at once; Swift's container updater tells them later.
//! - Names of headers, so also of metadata, are in lower case; Swift writes them with capitals.
//! - A container's quotas look at what is in it now; Swift looks at numbers up to a minute old.
//! - An object is gone from lists when its time is over; Swift's expirer removes it later.
//! - Bytes beyond [`SimOptions::keep_bytes`](crate::SimOptions) are not kept, only their sum and
//!   length: reading them is answered with 503. The same goes for objects from a seed file.
//! - Of a request for several ranges the whole object is the answer.
//! - Large objects, versions, temporary URLs, bulk requests, symbolic links, the copying between
//!   accounts, account quotas and static web sites are not there.
//! - It publishes no events, as Swift does not without Ceilometer's filter.

mod access;
mod account;
mod asked;
mod container;
mod copy;
mod headers;
mod listing;
pub(crate) mod model;
mod object;
mod place;
mod refusal;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde_json::json;

use self::asked::Asked;
use self::place::Place;
use self::refusal::{Refused, empty};
use crate::http::query::Query;
use crate::keystone::caller::Caller;
use crate::service::{Exchange, Service};
use crate::world::{SharedWorld, World};

/// Where the service is mounted.
pub(crate) const MOUNT: &str = "/object-store";

/// The service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Swift;

impl Service for Swift {
    fn kind(&self) -> &'static str {
        "object-store"
    }

    fn name(&self) -> &'static str {
        "swift"
    }

    fn mount(&self) -> &'static str {
        MOUNT
    }

    fn endpoint(&self) -> &'static str {
        "/v1/AUTH_%(project_id)s"
    }

    fn routes(&self, world: SharedWorld) -> Router {
        Router::new().fallback(move |request: Request| {
            let world = world.clone();
            async move { dispatch(&world, request).await }
        })
    }

    fn refuse(&self, status: u16, message: &str) -> Response {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        // Where Swift stumbles, its page says nothing of why; it has none for those who ask too often.
        if status.is_server_error() {
            Refused::new(status).into_response()
        } else {
            Refused::saying(status, message).into_response()
        }
    }

    fn finish(&self, exchange: &Exchange, mut answer: Response) -> Response {
        // A transaction id as Swift writes it: 21 digits, and ten that are the time.
        let digits: String =
            exchange.request_id.chars().filter(char::is_ascii_hexdigit).cycle().take(31).collect();
        let (id, time) = digits.split_at(21);
        if let Ok(id) = HeaderValue::from_str(&format!("tx{id}-{time}")) {
            let headers = answer.headers_mut();
            headers.insert(HeaderName::from_static("x-trans-id"), id.clone());
            headers.insert(HeaderName::from_static("x-openstack-request-id"), id);
        }
        answer
    }
}

/// What clients ask for to know what there is.
fn info() -> Response {
    let body = json!({"swift": {
        "version": "2.30.1",
        "policies": [{"name": "Policy-0", "aliases": "Policy-0", "default": true}],
        "allow_account_management": false,
        "account_autocreate": true,
        "max_file_size": 5_368_709_122_u64,
        "max_meta_name_length": 128,
        "max_meta_value_length": 256,
        "max_meta_count": 90,
        "max_meta_overall_size": 4096,
        "max_header_size": 8192,
        "max_object_name_length": 1024,
        "max_container_name_length": 256,
        "max_account_name_length": 256,
        "container_listing_limit": 10_000,
        "account_listing_limit": 10_000,
    }, "container_quotas": {}});
    let mut answer = axum::Json(body).into_response();
    let kind = HeaderValue::from_static("application/json; charset=UTF-8");
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    answer
}

async fn dispatch(world: &World, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Some(place) = Place::of(parts.uri.path()) else {
        return match parts.uri.path() {
            "/info" if parts.method == Method::GET => info(),
            "/healthcheck" => (StatusCode::OK, "OK").into_response(),
            "/" => Refused::not_found().into_response(),
            _ => Refused::saying(StatusCode::PRECONDITION_FAILED, "Bad URL").into_response(),
        };
    };
    let asked = Asked {
        caller: Caller::of(world, &parts),
        query: Query::parse(parts.uri.query()),
        method: parts.method,
        place,
        headers: parts.headers,
    };
    let (container, object) = (asked.place.container.as_deref(), asked.place.object.as_deref());
    if asked.method == Method::OPTIONS {
        let methods = if container.is_some() { container::METHODS } else { account::METHODS };
        let mut answer = empty(StatusCode::OK);
        answer.headers_mut().insert(http::header::ALLOW, HeaderValue::from_static(methods));
        return answer;
    }
    let answer = match (container, object) {
        (Some(container), Some(object)) => {
            object::answer(world, &asked, (container, object), body).await
        }
        (Some(container), None) => container::answer(world, &asked, container),
        _ => account::answer(world, &asked),
    };
    answer.unwrap_or_else(|refused| *refused)
}

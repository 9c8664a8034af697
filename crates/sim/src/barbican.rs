//! Barbican: secrets, their metadata and consumers, who may read them, containers.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`model`] | everything as plain data |
//! | [`asked`] | token, microversion, bodies and pages of every request |
//! | [`policy`], [`refusal`] | who may do what; error bodies |
//! | [`payload`] | media types, and the checks of what is to be stored |
//! | [`secrets`], [`list`] | secrets, and the list of them |
//! | [`acl`], [`metadata`], [`consumers`] | what belongs to a secret |
//! | [`containers`] | secrets that belong together |
//! | [`versions`] | Barbican itself, and its limits |
//!
//! # Where it differs from Barbican 15, and why
//!
//! - Payloads are kept as they are, in memory and in dumps of the state: there is nothing to protect.
//! - Nothing is limited: limits of projects are set by a role that nobody has, here as on the testbed.
//! - Orders, transport keys, secret stores and certificate authorities are not there.
//! - Lists without an order are in the order of creation; Barbican leaves it to the database.
//! - It publishes no events, as Barbican does not without its audit filter.

mod acl;
mod asked;
mod consumers;
mod containers;
mod list;
mod metadata;
pub(crate) mod model;
mod payload;
mod policy;
mod refusal;
mod secrets;
mod versions;

use axum::Router;
use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, StatusCode};

use self::refusal::Refused;
use crate::service::{Exchange, Service};
use crate::world::SharedWorld;

/// Where the service is mounted.
pub(crate) const MOUNT: &str = "/key-manager";

/// The service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Barbican;

impl Service for Barbican {
    fn kind(&self) -> &'static str {
        "key-manager"
    }

    fn name(&self) -> &'static str {
        "barbican"
    }

    fn mount(&self) -> &'static str {
        MOUNT
    }

    fn ignores_last_slash(&self) -> bool {
        true
    }

    fn routes(&self, world: SharedWorld) -> Router {
        let api = Router::new()
            .merge(versions::routes())
            .merge(secrets::routes())
            .merge(acl::routes())
            .merge(metadata::routes())
            .merge(consumers::routes())
            .merge(containers::routes())
            .fallback(async || Refused::missing(""))
            .with_state(world.clone());
        Router::new().fallback(move |request| asked::gate(world.clone(), api.clone(), request))
    }

    fn refuse(&self, status: u16, message: &str) -> Response {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Refused::new(status, message).into_response()
    }

    fn finish(&self, exchange: &Exchange, answer: Response) -> Response {
        let mut answer = crate::glance::refusal::render(exchange, answer);
        if answer.status() == StatusCode::METHOD_NOT_ALLOWED
            && !answer.headers().contains_key(CONTENT_TYPE)
        {
            answer = other_methods(exchange, answer);
        }
        // What refuses a token, and the list of versions, stand before what makes the id.
        let known = answer.status() != StatusCode::UNAUTHORIZED && exchange.path.starts_with("/v1");
        if known && let Ok(id) = HeaderValue::from_str(&exchange.request_id) {
            answer.headers_mut().insert(HeaderName::from_static("x-openstack-request-id"), id);
        }
        answer
    }
}

/// 405 with the methods that there are, in Barbican's form. Who accepts nothing but JSON gets 406
/// instead: most of what refuses other methods is not declared to answer in JSON.
fn other_methods(exchange: &Exchange, answer: Response) -> Response {
    let (from, _) = answer.into_parts();
    let declared = exchange
        .path
        .strip_prefix("/v1/containers")
        .is_some_and(|rest| rest.trim_matches('/').split('/').count() == 1);
    let json_only = exchange.accept.as_deref() == Some("application/json");
    let mut refused = if json_only && !declared {
        Refused::not_acceptable()
    } else {
        Refused::new(StatusCode::METHOD_NOT_ALLOWED, "").into_response()
    };
    let headers = refused.headers_mut();
    for (name, value) in &from.headers {
        if *name != ALLOW && *name != CONTENT_LENGTH {
            headers.insert(name, value.clone());
        }
    }
    let allowed = from.headers.get(ALLOW).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut allowed: Vec<&str> =
        allowed.split(',').map(str::trim).filter(|method| *method != "HEAD").collect();
    allowed.sort_unstable();
    if let Ok(value) = HeaderValue::from_str(&allowed.join(", "))
        && refused.status() == StatusCode::METHOD_NOT_ALLOWED
    {
        refused.headers_mut().insert(ALLOW, value);
    }
    refused
}

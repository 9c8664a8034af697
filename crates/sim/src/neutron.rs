//! Neutron: networks, ports, routers and what else Neutron v2.0 keeps.

#[allow(dead_code, reason = "used by the API as it is widened")]
pub(crate) mod address;
mod allocate;
mod floating_ips;
#[allow(dead_code, reason = "used by the API as it is widened")]
mod index;
pub(crate) mod model;
#[allow(dead_code, reason = "used by Nova as it is widened")]
pub(crate) mod plug;
mod quotas;
mod security_groups;
mod seed;

use axum::Router;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode};

use crate::service::{Exchange, Service};
use crate::world::SharedWorld;

/// Where the service is mounted.
pub(crate) const MOUNT: &str = "/network";

/// The service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Neutron;

impl Service for Neutron {
    fn kind(&self) -> &'static str {
        "network"
    }

    fn name(&self) -> &'static str {
        "neutron"
    }

    fn mount(&self) -> &'static str {
        MOUNT
    }

    fn routes(&self, world: SharedWorld) -> Router {
        Router::new().with_state(world)
    }

    fn refuse(&self, status: u16, message: &str) -> Response {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, message.to_owned()).into_response()
    }

    fn finish(&self, exchange: &Exchange, mut answer: Response) -> Response {
        if let Ok(id) = HeaderValue::from_str(&exchange.request_id) {
            answer.headers_mut().insert(HeaderName::from_static("x-openstack-request-id"), id);
        }
        answer
    }
}

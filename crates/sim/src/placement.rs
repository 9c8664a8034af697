//! Placement: providers, inventories, allocations and traits.

pub(crate) mod claim;
pub(crate) mod model;

use axum::Router;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode};

use crate::service::{Exchange, Service};
use crate::world::SharedWorld;

/// Where the service is mounted.
pub(crate) const MOUNT: &str = "/placement";

/// The service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlacementService;

impl Service for PlacementService {
    fn kind(&self) -> &'static str {
        "placement"
    }

    fn name(&self) -> &'static str {
        "placement"
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

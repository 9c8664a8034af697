//! Placement: providers, inventories, allocations and traits.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`model`] | providers, what they have, who holds what of it |
//! | [`asked`] | token, microversion and the form of refusals |
//! | [`providers`], [`inventories`], [`traits`] | what there is |
//! | [`allocations`], [`candidates`] | who holds what; who could give what |
//! | [`claim`] | what Nova wants of it |
//!
//! # Where it differs from Placement 8, and why
//!
//! The scenarios of `tests/it/contract/placement.rs` compare it with the testbed. Known and meant:
//!
//! - Traits are listed in alphabetical order; Placement lists them in none.
//! - A body that is no JSON is refused without saying where Python's parser stopped.
//! - A second inventory of a class is refused in plain words, not in those of a database.
//! - Candidates are single providers; groups of a request are added up. No host here has nested
//!   providers, so that the answers are the same.
//! - Reshaping (`POST /reshaper`) is not there: no provider here ever changes its form.

mod allocations;
mod asked;
mod candidates;
pub(crate) mod claim;
mod inventories;
pub(crate) mod model;
mod providers;
mod traits;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::VARY;
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::json;

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
        let gate = axum::middleware::from_fn_with_state(world.clone(), asked::gate);
        let api = Router::new()
            .merge(providers::routes())
            .merge(allocations::routes())
            .merge(candidates::routes())
            .fallback(asked::nowhere)
            .method_not_allowed_fallback(asked::wrong_method)
            .layer(gate);
        Router::new().route("/", get(versions)).merge(api).with_state(world)
    }

    fn refuse(&self, status: u16, message: &str) -> Response {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let title = status.canonical_reason().unwrap_or("Error");
        let error = json!({"status": status.as_u16(), "title": title, "detail": message});
        (status, axum::Json(json!({"errors": [error]}))).into_response()
    }

    fn finish(&self, exchange: &Exchange, mut answer: Response) -> Response {
        if let Ok(id) = HeaderValue::from_str(&exchange.request_id) {
            answer.headers_mut().insert(HeaderName::from_static("x-openstack-request-id"), id);
        }
        answer
    }
}

/// The version document. It needs no token.
async fn versions(State(_): State<SharedWorld>) -> Response {
    let oldest = format!("placement {}", asked::RANGE.lowest);
    let varies = [
        (VARY, "openstack-api-version".to_owned()),
        (HeaderName::from_static("openstack-api-version"), oldest),
    ];
    let body = axum::Json(json!({"versions": [{
        "id": "v1.0",
        "max_version": asked::RANGE.highest.to_string(),
        "min_version": asked::RANGE.lowest.to_string(),
        "status": "CURRENT",
        "links": [{"rel": "self", "href": ""}],
    }]}));
    (varies, body).into_response()
}

//! Cinder v3: volumes, snapshots, backups and types.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`model`] | everything as plain data, and the changes that time brings |
//! | [`words`] | the states of volumes, snapshots, backups and attachments |
//! | [`attach`] | what Nova wants: volumes to boot from, to attach and to detach |
//! | [`make`] | making a volume |
//! | [`image`] | what Cinder wants of Glance |
//! | [`quota`] | limits and usage |
//! | [`notify`] | notifications |
//! | [`refusal`] | Cinder's words for what is not there |

pub(crate) mod attach;
mod image;
mod make;
pub(crate) mod model;
mod notify;
mod quota;
mod refusal;
mod words;

use std::time::Duration;

use axum::Router;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode};

use lotse_core::time::Timestamp;

use crate::service::{Exchange, Service};
use crate::world::{SharedWorld, World};

/// Where the service is mounted.
pub(crate) const MOUNT: &str = "/volume";

/// How long volumes, snapshots and backups take.
fn delay(world: &World) -> Duration {
    world.options.delays.volume
}

/// So much later.
fn after(now: Timestamp, delay: Duration) -> Timestamp {
    now.checked_add(delay).unwrap_or(Timestamp::MAX)
}

/// The service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cinder;

impl Service for Cinder {
    fn kind(&self) -> &'static str {
        "volumev3"
    }

    fn name(&self) -> &'static str {
        "cinderv3"
    }

    fn mount(&self) -> &'static str {
        MOUNT
    }

    fn endpoint(&self) -> &'static str {
        "/v3/%(project_id)s"
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

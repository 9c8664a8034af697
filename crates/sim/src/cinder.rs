//! Cinder v3: volumes, snapshots, backups and types.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`model`], [`words`] | everything as plain data, the changes that time brings, the states |
//! | [`asked`] | token, project, microversion, body and policy of every request |
//! | [`shapes`], [`list`], [`view`] | parts of schemas; filters, order and pages; how things are shown |
//! | [`volumes`], [`metadata`], [`actions`], [`image_metadata`] | volumes and what is done with them |
//! | [`make`], [`image`] | making a volume, and what Cinder wants of Glance |
//! | [`attach`], [`attachments`] | what Nova wants; attachments as the API has them |
//! | [`snapshots`], [`backups`], [`transfers`], [`groups`] | copies, hand-overs, groups |
//! | [`types`], [`type_parts`], [`qos`] | what administrators offer |
//! | [`quota`], [`quota_sets`] | limits and usage |
//! | [`services`], [`versions`] | Cinder itself |
//! | [`notify`], [`refusal`] | notifications; words for what is not there |
//!
//! # Where it differs from Cinder 21, and why
//!
//! - Readers may not write; Cinder's older rules, which are still in force in 21, let them.
//! - Nothing that a driver may fail at fails: extending a volume in use, for example, succeeds.
//! - `downloading` and `attaching`, which Cinder passes through while a volume is filled or connected,
//!   are not shown by themselves.
//! - An image made from a volume is active at once, with made-up hashes: nobody has the bytes.
//! - Consistency groups (replaced by groups), migration, managing, clusters, replication, the list of
//!   extensions and group snapshots are not there.
//! - Names are filtered by equality only, as the testbed's filters have it.

mod actions;
mod asked;
pub(crate) mod attach;
mod attachments;
mod backups;
mod groups;
mod image;
mod image_metadata;
mod list;
mod make;
mod metadata;
pub(crate) mod model;
mod notify;
mod qos;
mod quota;
mod quota_sets;
mod refusal;
mod services;
mod shapes;
mod snapshots;
mod transfers;
mod type_parts;
mod types;
mod versions;
mod view;
mod volumes;
mod words;

use std::time::Duration;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, StatusCode};

use lotse_core::time::Timestamp;

use crate::fault_body::Fault;
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
        let api = Router::new()
            .route("/", get(versions::current))
            .merge(volumes::routes())
            .merge(metadata::routes())
            .merge(actions::routes())
            .merge(attachments::routes())
            .merge(snapshots::routes())
            .merge(backups::routes())
            .merge(types::routes())
            .merge(type_parts::routes())
            .merge(qos::routes())
            .merge(quota_sets::routes())
            .merge(services::routes())
            .merge(transfers::routes())
            .merge(groups::routes())
            .fallback(asked::nowhere)
            .method_not_allowed_fallback(asked::nowhere)
            .with_state(world.clone());
        let gated = {
            let world = world.clone();
            move |request| asked::gate(world.clone(), api.clone(), request)
        };
        Router::new().route("/", get(versions::all)).fallback(gated).with_state(world)
    }

    fn refuse(&self, status: u16, message: &str) -> Response {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Fault::new(status, message).into_response()
    }

    fn finish(&self, exchange: &Exchange, answer: Response) -> Response {
        let mut answer = crate::glance::refusal::render(exchange, answer);
        let headers = answer.headers_mut();
        if let Ok(id) = HeaderValue::from_str(&exchange.request_id) {
            headers.insert(HeaderName::from_static("x-openstack-request-id"), id.clone());
            headers.insert(HeaderName::from_static("x-compute-request-id"), id);
        }
        headers.remove(ALLOW);
        // Answers without a body have the default type of `WebOb`.
        headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("text/html; charset=UTF-8"));
        answer
    }
}

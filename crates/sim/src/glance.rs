//! Glance v2: images, their data, imports, members, tags and tasks.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`model`] | images and tasks as plain data; transitions that are due |
//! | [`access`] | who makes a request, what they see and may do |
//! | [`refusal`] | error bodies as WebOb writes them: HTML, JSON or text, as the client accepts |
//! | [`schema`] | what the JSON schema of an image allows |
//! | [`images`] | create, show, delete |
//! | [`list`] | list with filters, sorting and paging |
//! | [`patch`] | the JSON patch dialects of Glance |
//! | [`data`] | upload, staging, download, deactivation |
//! | [`import`] | the import methods |
//! | [`payload`] | bytes reduced to what Glance remembers of them |
//! | [`metadefs`] | metadata definitions in outline |
//! | [`notify`] | what others are told of |
//! | [`members`], [`tasks`], [`info`] | sharing, tasks, versions, stores and schemas |

mod access;
mod data;
mod images;
mod import;
mod info;
mod list;
pub(crate) mod lookup;
mod members;
mod metadefs;
pub(crate) mod model;
mod notify;
mod patch;
pub(crate) mod payload;
pub(crate) mod refusal;
mod scale;
mod schema;
mod tasks;

use axum::Router;
use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, StatusCode};

use self::refusal::Refusal;
pub(crate) use self::scale::populate;
pub(crate) use self::schema::python;
use crate::service::{Exchange, Service};
use crate::world::SharedWorld;

/// Where the service is mounted.
pub(crate) const MOUNT: &str = "/image";

/// The image service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Glance;

impl Service for Glance {
    fn kind(&self) -> &'static str {
        "image"
    }

    fn name(&self) -> &'static str {
        "glance"
    }

    fn mount(&self) -> &'static str {
        MOUNT
    }

    fn routes(&self, world: SharedWorld) -> Router {
        Router::new()
            .merge(info::routes())
            .merge(images::routes())
            .merge(data::routes())
            .merge(import::routes())
            .merge(members::routes())
            .merge(tasks::routes())
            .merge(metadefs::routes())
            .fallback(info::elsewhere)
            .method_not_allowed_fallback(info::wrong_method)
            .with_state(world)
    }

    fn refuse(&self, status: u16, message: &str) -> Response {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Refusal::new(status, message).into_response()
    }

    fn finish(&self, exchange: &Exchange, answer: Response) -> Response {
        let status = answer.status();
        let mut answer = refusal::render(exchange, answer);
        let headers = answer.headers_mut();
        // Answers that a serializer of Glance made have no type, others have WebOb's default.
        let serialized = exchange.method == "GET" || exchange.path.contains("/members/");
        let empty = status == StatusCode::NO_CONTENT || status == StatusCode::ACCEPTED;
        if empty && !serialized {
            let html = HeaderValue::from_static("text/html; charset=UTF-8");
            headers.entry(CONTENT_TYPE).or_insert(html);
        }
        if status == StatusCode::UNAUTHORIZED {
            let uri = format!("Keystone uri=\"{}{}\"", exchange.base, crate::keystone::MOUNT);
            if let Ok(value) = HeaderValue::from_str(&uri) {
                headers.insert(WWW_AUTHENTICATE, value);
            }
        }
        if status == StatusCode::NOT_FOUND {
            headers.remove(ALLOW);
        }
        if let Some(allow) = headers.get(ALLOW).and_then(|value| value.to_str().ok()) {
            let methods = allow.split(',').map(str::trim).filter(|method| *method != "HEAD");
            let methods = methods.collect::<Vec<_>>().join(", ");
            if let Ok(value) = HeaderValue::from_str(&methods) {
                headers.insert(ALLOW, value);
            }
        }
        // As in Glance, what is answered before the API proper (versions, 401) carries no id.
        let inside = exchange.path.starts_with("/v2") && status != StatusCode::UNAUTHORIZED;
        if inside && let Ok(id) = HeaderValue::from_str(&exchange.request_id) {
            headers.insert(HeaderName::from_static("x-openstack-request-id"), id);
        }
        answer
    }
}
